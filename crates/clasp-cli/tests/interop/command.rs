//! The `clasp` command under test.

use std::path::Path;
use std::process::Command;

use crate::certs::{Files, pki};
use crate::peers::{Ended, Running};

/// The built command, without what the environment of the test run would tell it.
pub(crate) fn clasp() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clasp"));
    command.env_remove("SSLKEYLOGFILE").env("RUST_BACKTRACE", "0");
    command
}

/// A `clasp serve` that runs.
pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) port: u16,
}

impl Server {
    /// Starts one with these identities and options, and waits until it is ready.
    pub(crate) fn start(identities: &[&Files], options: &[&str]) -> Self {
        let mut command = clasp();
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        for files in identities {
            command.arg("--cert").arg(&files.cert).arg("--key").arg(&files.key);
        }
        let running = Running::start(command.args(options));
        let address = running.wait_line("listening on 127.0.0.1:");
        let port = address.parse().expect("a port");
        Self { running, port }
    }

    /// Waits for the line of the connection that says `text`, and gives that line.
    pub(crate) fn wait_line_with(&self, text: &str) -> String {
        self.running.wait_stdout(text, |printed| {
            let printed = String::from_utf8_lossy(printed);
            let whole = printed.rsplit_once('\n')?.0;
            whole.lines().find(|line| line.contains(text)).map(str::to_owned)
        })
    }
}

/// What a JSON trace on standard error says of one field: its last value, whichever step said it.
pub(crate) fn traced(stderr: &str, field: &str) -> Option<String> {
    let mut events = stderr.lines().rev().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    events.find_map(|event| event["fields"][field].as_str().map(str::to_owned))
}

/// A `clasp connect` to a port of this machine, trusting `ca`.
pub(crate) fn connect(port: u16, ca: &Path, options: &[&str]) -> Command {
    let mut command = clasp();
    command.args(["connect", &format!("localhost:{port}"), "--ca"]).arg(ca).args(options);
    command
}

/// `clasp connect` to a server that echoes, and trusts our authority. One that is refused ends by itself.
pub(crate) fn say_hello(port: u16, options: &[&str]) -> Ended {
    let mut client = Running::start(&mut connect(port, &pki().ca.files.cert, options));
    client.say(b"hello\n");
    let _ = client.stdout.wait(|printed| (printed == b"hello\n").then_some(()));
    client.finish()
}
