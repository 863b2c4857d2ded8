//! The other programs: started, talked to over loopback, and ended.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;

/// How long a peer may take to start, or to say something.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A folder that goes when this does.
pub(crate) struct Temporary(PathBuf);

impl Temporary {
    pub(crate) fn new() -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("clasp-seeds-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs a program to its end.
pub(crate) fn run(program: &str, folder: &Path, args: &[&str]) -> Result<(), Failure> {
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program} cannot be started ({error}); `cargo xtask peers` gets it"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program} {} failed:\n{}", args.join(" "), String::from_utf8_lossy(&output.stderr)))
}

/// A program that is running. It is ended when this is dropped.
pub(crate) struct Peer(Child);

impl Peer {
    /// Starts it; what it prints goes nowhere.
    pub(crate) fn start(program: &str, args: &[String]) -> Result<Self, Failure> {
        Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(Self)
            .map_err(|error| format!("{program} cannot be started ({error}); `cargo xtask peers` gets it"))
    }

    /// Writes lines to its standard input, with time for it to act on each: some are commands only once it is connected.
    pub(crate) fn say(&mut self, lines: &[&str]) {
        for line in lines {
            std::thread::sleep(Duration::from_millis(300));
            if let Some(stdin) = &mut self.0.stdin {
                // One that has ended hears nothing, which the recording shows.
                let _ = stdin.write_all(format!("{line}\n").as_bytes());
            }
        }
    }

    /// Tells it that nothing more is typed.
    pub(crate) fn close_stdin(&mut self) {
        self.0.stdin = None;
    }

    /// Waits for it to end by itself, for what it does on its way out.
    pub(crate) fn wait(&mut self) {
        let start = Instant::now();
        while start.elapsed() < PATIENCE && matches!(self.0.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> Result<u16, Failure> {
    let listener = listen()?;
    Ok(port_of(&listener))
}

/// Listens on a port of the system's choice.
pub(crate) fn listen() -> Result<TcpListener, Failure> {
    TcpListener::bind("127.0.0.1:0").map_err(|error| format!("no port to listen on: {error}"))
}

pub(crate) fn port_of(listener: &TcpListener) -> u16 {
    listener.local_addr().map_or(0, |address| address.port())
}

/// Connects, as soon as the server listens.
pub(crate) fn connect(port: u16) -> Result<TcpStream, Failure> {
    let start = Instant::now();
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => return patient(stream),
            Err(error) if start.elapsed() > PATIENCE => return Err(format!("nobody listens on port {port}: {error}")),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Takes one connection.
pub(crate) fn accept(listener: &TcpListener) -> Result<TcpStream, Failure> {
    listener.set_nonblocking(true).map_err(|error| error.to_string())?;
    let start = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).map_err(|error| error.to_string())?;
                return patient(stream);
            }
            Err(error) if start.elapsed() > PATIENCE => return Err(format!("nobody connects: {error}")),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn patient(stream: TcpStream) -> Result<TcpStream, Failure> {
    stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
    Ok(stream)
}
