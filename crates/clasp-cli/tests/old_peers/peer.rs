//! OpenSSL 0.9.8e as a process, driven by `openssl098.py`: found or skipped, started, ended within a deadline.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up on it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Where `cargo xtask peers` puts the library.
fn folder() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap_or(Path::new("."));
    target.join("peers/openssl-0.9.8e")
}

fn command(arguments: &[&str]) -> Command {
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/old_peers/openssl098.py");
    let mut command = Command::new("python3");
    command.env("LD_LIBRARY_PATH", folder()).arg(driver).arg(folder()).args(arguments);
    command
}

/// Whether the library and Python are there. If not, says so on a line of its own, where `cargo xtask test` counts it; the
/// calling test then ends.
pub(crate) fn have() -> bool {
    let why = match command(&["suites"]).output() {
        Ok(output) if output.stdout.starts_with(b"OpenSSL 0.9.8e") => return true,
        Ok(_) if folder().exists() => "it cannot be loaded on this machine",
        Ok(_) => "not there; `cargo xtask peers` gets it",
        Err(_) => "there is no python3 to drive it",
    };
    // Straight to standard output: what `println!` prints is kept back when a test passes.
    let _ = writeln!(std::io::stdout().lock(), "\nskipped: OpenSSL 0.9.8e: {why} ({})", name_of_test());
    false
}

fn name_of_test() -> String {
    thread::current().name().unwrap_or("a test").to_owned()
}

/// Tells a cell of the matrix that has been seen to work.
pub(crate) fn seen(cell: &str) {
    if std::env::var_os("CLASP_MATRIX").is_some() {
        // A line of its own, whatever was printed before.
        let _ = writeln!(std::io::stdout().lock(), "\nmatrix: OpenSSL 0.9.8e, {cell}");
    }
}

/// The library at work. It is ended when dropped.
pub(crate) struct Peer {
    child: Child,
    lines: Receiver<String>,
    arguments: String,
}

impl Peer {
    /// Accepts connections, and sends back what comes.
    pub(crate) fn accept(arguments: &[&str]) -> (Self, u16) {
        let peer = Self::start(&[&["accept"], arguments].concat());
        let port = peer.line();
        let port = port.strip_prefix("port ").and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| peer.fail("it did not say its port"));
        (peer, port)
    }

    /// Connects, and compares what comes back with what it sent.
    pub(crate) fn connect(port: u16, arguments: &[&str]) -> Self {
        Self::start(&[&["connect", &port.to_string()], arguments].concat())
    }

    fn start(arguments: &[&str]) -> Self {
        let mut command = command(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("python3 was there before");
        let lines = lines(child.stdout.take().expect("piped"));
        Self { child, lines, arguments: arguments.join(" ") }
    }

    /// The next line it prints.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(DEADLINE).unwrap_or_else(|_| self.fail("it did not go on"))
    }

    /// Waits for its own end, which must be a good one.
    #[track_caller]
    pub(crate) fn end(mut self) {
        let until = Instant::now() + DEADLINE;
        loop {
            match self.child.try_wait().expect("it is our child") {
                Some(status) if status.success() => return,
                Some(_) => self.fail("it failed"),
                None if Instant::now() > until => self.fail("it does not end"),
                None => thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    /// What it says on standard error when its end comes.
    #[track_caller]
    pub(crate) fn end_badly(mut self) -> String {
        let mut text = String::new();
        let _ = self.child.stderr.take().expect("piped").read_to_string(&mut text);
        let status = self.child.wait().expect("it is our child");
        assert!(!status.success(), "{}: it did not fail", self.arguments);
        text
    }

    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        // The rest is told by its own standard error, once it is ended by the drop.
        panic!("OpenSSL 0.9.8e {}: {what}", self.arguments);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let mut text = String::new();
        if thread::panicking()
            && let Some(mut stderr) = self.child.stderr.take()
            && stderr.read_to_string(&mut text).is_ok()
        {
            eprintln!("OpenSSL 0.9.8e says: {text}");
        }
    }
}

fn lines(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
