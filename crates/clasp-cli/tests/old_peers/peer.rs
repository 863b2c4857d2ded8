//! Peers, which do what their drivers say (`ends.py`): found or skipped, given tasks, waited for within a deadline.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

use clasp::wire::CipherSuite;

use crate::machine;

/// How long anything may take before a test gives up on it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A library that is the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    OpenSsl098,
    OpenSsl102,
    GnuTls,
    TlsLite,
    Jsse,
}

impl Kind {
    /// What its version begins with.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OpenSsl098 => "OpenSSL 0.9.8e",
            Self::OpenSsl102 => "OpenSSL 1.0.2n",
            Self::GnuTls => "GnuTLS",
            Self::TlsLite => "tlslite-ng",
            Self::Jsse => "Java",
        }
    }

    /// What it calls a suite.
    pub(crate) fn suite(self, suite: CipherSuite) -> &'static str {
        match self {
            Self::OpenSsl098 | Self::OpenSsl102 => suite.openssl_name(),
            _ => suite.name(),
        }
        .expect("a suite with a name")
    }

    /// Its driver.
    pub(crate) fn command(self) -> Command {
        let driver = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/old_peers").join(name);
        let python = |name: &str| {
            let mut command = Command::new("python3");
            // No compiled file beside the source.
            command.arg("-B").arg(driver(name));
            command
        };
        match self {
            Self::OpenSsl098 => openssl(python("openssl_old.py"), &folder("openssl-0.9.8e")),
            Self::OpenSsl102 => openssl(python("openssl_old.py"), &folder("openssl-1.0.2n")),
            Self::GnuTls => python("gnutls.py"),
            Self::TlsLite => {
                let mut command = python("tlslite_ng.py");
                command.env("PYTHONPATH", folder("tlslite-ng"));
                command
            }
            Self::Jsse => {
                let mut command = Command::new("java");
                // Compiled no further than a short run is worth.
                command.arg("-XX:TieredStopAtLevel=1").arg(driver("Jsse.java"));
                command
            }
        }
    }

    /// Whether one machine does several tasks at a time.
    pub(crate) fn does_many_tasks(self) -> bool {
        self == Self::Jsse
    }

    /// Whether it is there, with what drives it. If not, says so on a line of its own, where `cargo xtask test` counts
    /// it; the calling test then ends.
    pub(crate) fn is_there(self) -> bool {
        machine::with(self, |machine| match machine {
            Ok(machine) => {
                println!("{}", machine.version);
                true
            }
            Err(why) => {
                // Straight to standard output: what `println!` prints is kept back when a test passes.
                let test = thread::current().name().unwrap_or("a test").to_owned();
                let _ = writeln!(std::io::stdout().lock(), "\nskipped: {}: {why} ({test})", self.name());
                false
            }
        })
    }

    /// Tells a cell of the matrix that has been seen to work.
    pub(crate) fn seen(self, cell: &str) {
        if std::env::var_os("CLASP_MATRIX").is_some() {
            // A line of its own, whatever was printed before.
            let _ = writeln!(std::io::stdout().lock(), "\nmatrix: {}, {cell}", self.name());
        }
    }

    /// Accepts connections, and sends back what comes.
    pub(crate) fn accept(self, arguments: &[&str]) -> (Peer, u16) {
        let peer = self.start(&[&["accept"], arguments].concat());
        let port = peer.line();
        let port = port.strip_prefix("port ").and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| peer.fail("it did not say its port"));
        (peer, port)
    }

    /// Connects, and compares what comes back with what it sent.
    pub(crate) fn connect(self, port: u16, arguments: &[&str]) -> Peer {
        self.start(&[&["connect", &port.to_string()], arguments].concat())
    }

    fn start(self, arguments: &[&str]) -> Peer {
        let lines = machine::with(self, |machine| machine.expect("it was there before").give(arguments));
        Peer { lines, told: format!("{} {}", self.name(), arguments.join(" ")) }
    }
}

/// Where `cargo xtask peers` puts things.
fn folder(name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap_or(Path::new("."));
    target.join("peers").join(name)
}

fn openssl(mut command: Command, libraries: &Path) -> Command {
    command.arg(libraries).env("LD_LIBRARY_PATH", libraries);
    command
}

/// A library at work.
pub(crate) struct Peer {
    lines: Receiver<String>,
    /// What it is and does.
    told: String,
}

impl Peer {
    /// The next line it prints.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        match self.lines.recv_timeout(DEADLINE) {
            Ok(line) if !line.starts_with("failed ") => line,
            Ok(line) => self.fail(&line),
            Err(_) => self.fail("it did not go on"),
        }
    }

    /// Waits for its own end, which must be a good one.
    #[track_caller]
    pub(crate) fn end(self) {
        assert_eq!(self.line(), "end", "{}", self.told);
    }

    /// Why it fails, when its end comes.
    #[track_caller]
    pub(crate) fn end_badly(self) -> String {
        let line = self.lines.recv_timeout(DEADLINE).unwrap_or_default();
        line.strip_prefix("failed ").unwrap_or_else(|| self.fail(&format!("it did not fail: {line}"))).to_owned()
    }

    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        panic!("{}: {what}", self.told);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if thread::panicking() {
            // It may be about to say why.
            thread::sleep(Duration::from_millis(200));
            let text: Vec<_> = self.lines.try_iter().collect();
            eprintln!("{} says: {}", self.told, text.join("\n"));
        }
    }
}
