//! `openssl s_client` and `openssl s_server`.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::certs::{Files, Folder, pki};
use crate::peers::{DEADLINE, Running, position};

/// An openssl command that reads no configuration of the machine's.
pub(crate) fn openssl(args: &[&str]) -> Command {
    let mut command = Command::new("openssl");
    command.env("OPENSSL_CONF", "/dev/null").env_remove("SSLKEYLOGFILE").args(args);
    command
}

/// Switches the extended master secret off: before OpenSSL 3.2 only a configuration file can.
pub(crate) fn without_extended_master_secret(command: &mut Command, folder: &Folder) {
    let text = "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = tls\n[tls]\n\
                Options = -ExtendedMasterSecret\n";
    command.env("OPENSSL_CONF", folder.write("openssl.cnf", text));
}

/// An s_server for one connection.
pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) port: u16,
    messages: Messages,
}

/// The log that `-msgfile` makes: which messages and alerts went which way.
struct Messages(Folder);

impl Messages {
    fn new() -> Self {
        Self(Folder::new("openssl"))
    }

    fn add_to(&self, command: &mut Command) {
        command.arg("-msg").arg("-msgfile").arg(self.0.file("messages"));
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.0.file("messages")).unwrap_or_default()
    }
}

/// Most of these tests look for what TLS 1.2 has, and what the programs report of it: without an option that names a
/// version, TLS 1.3 is switched off. Its tests are in `tls13.rs`.
fn version(options: &[&str]) -> Option<&'static str> {
    let named = options.iter().any(|option| option.starts_with("-tls1"));
    (!named).then_some("-no_tls1_3")
}

/// The command for an s_server, to be added to.
pub(crate) fn server_command(identity: &Files, options: &[&str]) -> Command {
    let mut command = openssl(&["s_server", "-accept", "127.0.0.1:0", "-naccept", "1"]);
    command.arg("-cert").arg(&identity.cert).arg("-key").arg(&identity.key);
    if let Some(rest) = &identity.rest {
        command.arg("-cert_chain").arg(rest);
    }
    command.args(version(options)).args(options);
    command
}

impl Server {
    pub(crate) fn start(identity: &Files, options: &[&str]) -> Self {
        Self::start_command(server_command(identity, options))
    }

    pub(crate) fn start_command(mut command: Command) -> Self {
        let messages = Messages::new();
        messages.add_to(&mut command);
        let running = Running::start(&mut command);
        let port = running.wait_line("ACCEPT 127.0.0.1:").parse().expect("a port");
        Self { running, port, messages }
    }

    /// Waits for the end of its report on the handshake, and tells where on standard output data begins.
    pub(crate) fn data_start(&self) -> usize {
        const LAST: &[u8] = b"Secure Renegotiation IS ";
        self.running.wait_stdout("the report on the handshake", |printed| {
            let start = position(printed, LAST)?;
            Some(start + position(printed.get(start..)?, b"supported\n")? + b"supported\n".len())
        })
    }

    /// Waits until its log holds so many of these messages: what it was told to do by a letter on its standard input it
    /// says nothing of until its end.
    pub(crate) fn wait_messages(&self, what: &str, count: usize) {
        let until = Instant::now() + DEADLINE;
        while self.messages.text().matches(what).count() < count {
            assert!(Instant::now() < until, "no {count} {what} in\n{}", self.messages.text());
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until the connection is closed, which it says after the first `from` bytes of its output, and gives the log
    /// of messages.
    pub(crate) fn closed(&self, from: usize) -> String {
        self.running.wait_for_after(from, "CONNECTION CLOSED\n");
        self.messages.text()
    }

    /// Waits for its end; gives what it complained of, and the log of messages.
    pub(crate) fn failed(self) -> (String, String) {
        let ended = self.running.end();
        (ended.stderr, self.messages.text())
    }
}

/// An s_client.
pub(crate) struct Client {
    pub(crate) running: Running,
    messages: Messages,
}

/// The command for an s_client that verifies the server, to be added to.
pub(crate) fn client_command(port: u16, options: &[&str]) -> Command {
    let mut command = openssl(&["s_client", "-connect", &format!("127.0.0.1:{port}"), "-ign_eof"]);
    command.arg("-CAfile").arg(&pki().ca.files.cert).args(["-verify_return_error", "-servername", "localhost"]);
    command.args(version(options)).args(options);
    command
}

impl Client {
    pub(crate) fn start(port: u16, options: &[&str]) -> Self {
        Self::start_command(client_command(port, options))
    }

    pub(crate) fn start_command(mut command: Command) -> Self {
        let messages = Messages::new();
        messages.add_to(&mut command);
        Self { running: Running::start(&mut command), messages }
    }

    /// Waits for the end of its report on the handshake, gives that, and tells where on standard output data begins.
    pub(crate) fn report(&self) -> (String, usize) {
        const LAST: &[u8] = b"Extended master secret: ";
        self.running.wait_stdout("the report on the handshake", |printed| {
            let start = position(printed, LAST)?;
            // The exporter's part may follow before the closing line.
            let end = start + position(printed.get(start..)?, b"\n---\n")? + 5;
            Some((String::from_utf8_lossy(&printed[..end]).into_owned(), end))
        })
    }

    /// Waits for its end; gives what it printed to standard error, and the log of messages.
    pub(crate) fn ended(self) -> (String, String) {
        let ended = self.running.finish();
        (ended.stderr, self.messages.text())
    }
}

/// Whether the log of messages ends as a clean close does: close_notify in both directions.
#[track_caller]
pub(crate) fn assert_clean_close(messages: &str) {
    for direction in ["<<<", ">>>"] {
        let came = messages.lines().any(|line| {
            line.starts_with(&format!("{direction} TLS 1."))
                && line.contains("Alert [length 0002], warning close_notify")
        });
        assert!(came, "no close_notify {direction} in\n{messages}");
    }
}

/// Whether the program says that it received this alert, as a fatal one.
#[track_caller]
pub(crate) fn assert_received(alert: clasp::wire::AlertDescription, stderr: &str, messages: &str) {
    let number = format!("SSL alert number {}", alert.0);
    assert!(stderr.lines().any(|line| line.trim_end().ends_with(&number)), "no {number} in\n{stderr}\n{messages}");
    // It has no name for some.
    let bytes = format!("    02 {:02x}", alert.0);
    let logged = messages.lines().zip(messages.lines().skip(1));
    let came = logged
        .into_iter()
        .any(|(line, next)| line.starts_with("<<< TLS 1.") && line.contains(", Alert ") && next.trim_end() == bytes);
    assert!(came, "no alert {alert} in\n{messages}");
}

/// A file's name, for options that take one.
pub(crate) fn path(path: &Path) -> &str {
    path.to_str().expect("the target folder's name is UTF-8")
}
