//! `gnutls-cli` and `gnutls-serv`.

use std::path::Path;
use std::process::Command;

use clasp::handshake::Suite;
use clasp::wire::AlertDescription;

use crate::certs::{Files, Folder, pki};
use crate::peers::{Running, free_port, position};

/// All that Clasp has too, as a priority string.
pub(crate) const ALL: &str = "NONE:+VERS-TLS1.2:+COMP-NULL:+CTYPE-X509:+SIGN-ALL:+GROUP-ALL:+AES-128-GCM:+AES-256-GCM:\
    +CHACHA20-POLY1305:+AES-128-CBC:+AES-256-CBC:+AEAD:+SHA1:+SHA256:+SHA384:+RSA:+DHE-RSA:+ECDHE-RSA:+ECDHE-ECDSA";

/// Makes gnutls-serv tell of alerts on its standard error. What it prints to its standard output may come late.
pub(crate) const TELL_ALERTS: &str = "--debug=5";

/// The priority string for one suite.
pub(crate) fn priority(suite: &Suite) -> String {
    let name = suite.id.name().expect("registered");
    let (exchange, protection) = name["TLS_".len()..].split_once("_WITH_").expect("a suite of the classic family");
    let exchange = exchange.replace('_', "-");
    let (cipher, mac) = protection.rsplit_once('_').expect("it ends with a hash");
    let (cipher, mac) = match cipher.replace('_', "-") {
        cipher if cipher.ends_with("-CBC") => (cipher, if mac == "SHA" { "SHA1" } else { mac }),
        cipher => (cipher, "AEAD"),
    };
    format!("NONE:+VERS-TLS1.2:+COMP-NULL:+CTYPE-X509:+SIGN-ALL:+GROUP-ALL:+{cipher}:+{mac}:+{exchange}")
}

/// A gnutls-serv that echoes lines.
pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) port: u16,
}

impl Server {
    /// Starts one with these identities.
    pub(crate) fn start(identities: &[&Files], priority: &str, options: &[&str]) -> Self {
        Self::with_sessions(identities, priority, &[&["--nodb"], options].concat())
    }

    /// Starts one that keeps sessions by identifier.
    pub(crate) fn with_sessions(identities: &[&Files], priority: &str, options: &[&str]) -> Self {
        // Somebody else may take the port before gnutls-serv does.
        for _ in 0..5 {
            let port = free_port();
            let mut command = Command::new("gnutls-serv");
            command.args(["--echo", "--port", &port.to_string(), "--priority", priority]);
            for files in identities {
                command.arg("--x509certfile").arg(&files.cert).arg("--x509keyfile").arg(&files.key);
            }
            let running = Running::start(command.args(options));
            let ready = format!("listening on IPv4 0.0.0.0 port {port}...done");
            if running.stderr.wait(|printed| position(printed, ready.as_bytes())).is_ok() {
                return Self { running, port };
            }
        }
        panic!("gnutls-serv does not start");
    }
}

/// The command for a gnutls-cli, which keeps its log in `folder`.
pub(crate) fn client_command(ca: &Path, port: u16, priority: &str, options: &[&str], folder: &Folder) -> Command {
    let mut command = Command::new("gnutls-cli");
    command.env_remove("SSLKEYLOGFILE");
    command.arg("--logfile").arg(folder.file("log")).arg("--x509cafile").arg(ca);
    command.args(["--port", &port.to_string(), "--priority", priority]).args(options).arg("localhost");
    command
}

impl Server {
    /// Waits until it says that it received this alert, for which it was started to [`TELL_ALERTS`].
    pub(crate) fn wait_alert(&self, alert: AlertDescription) {
        let line = format!("Alert[2|{}]", alert.0);
        self.running.wait_stderr(&line, |printed| position(printed, line.as_bytes()));
    }
}

/// A gnutls-cli.
pub(crate) struct Client {
    pub(crate) running: Running,
    folder: Folder,
}

impl Client {
    /// Starts one that verifies the server as `localhost`, and whose standard output is the peer's data alone.
    pub(crate) fn start(port: u16, priority: &str, options: &[&str]) -> Self {
        Self::start_trusting(&pki().ca.files.cert, port, priority, options)
    }

    pub(crate) fn start_trusting(ca: &Path, port: u16, priority: &str, options: &[&str]) -> Self {
        let folder = Folder::new("gnutls");
        let mut command = client_command(ca, port, priority, options, &folder);
        Self { running: Running::start(&mut command), folder }
    }

    /// Waits for its own end; gives its log, with its complaints.
    pub(crate) fn ended(self) -> String {
        let Self { running, folder } = self;
        let ended = running.end();
        std::fs::read_to_string(folder.file("log")).unwrap_or_default() + &ended.stderr
    }
}

/// Whether gnutls-cli says that it received this alert.
#[track_caller]
pub(crate) fn assert_received(alert: AlertDescription, log: &str) {
    assert!(log.contains(&format!("*** Received alert [{}]", alert.0)), "no alert {alert} in\n{log}");
}
