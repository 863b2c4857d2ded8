//! Thousands of clients that begin a handshake and stop: others are served meanwhile, and in the end the server's heap
//! is back to where it was.
//!
//! This program is three, by its first argument: `serve` is `clasp serve` with an allocator that counts, and tells how
//! many bytes are in use for every line on its standard input; `attack` opens the connections; all else is the test.

mod attack;
mod counted;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use clasp::blocking::Stream;
use clasp::{ClientConfig, Policy, RootStore};
use libtest_mimic::{Arguments, Failed, Trial};

/// How many connections are left half open.
const COUNT: usize = 5000;

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// What the heap may keep of all that, bytes: the capacity of the server's own collections.
const SLACK: usize = 16 << 10;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some("serve") => counted::serve(&args[2..]),
        Some("attack") => attack::run(&args[2..]),
        _ => libtest_mimic::run(&Arguments::from_args(), trials()).exit_code(),
    }
}

fn trials() -> Vec<Trial> {
    vec![
        Trial::test("half_open_connections_that_go_away_leave_nothing_on_the_heap", || with_enough_files(go_away)),
        Trial::test("half_open_connections_that_stay_are_let_go_of_in_time", || with_enough_files(stay)),
    ]
}

/// Runs a test if this machine lets a process have that many connections.
fn with_enough_files(test: fn() -> Result<(), Failed>) -> Result<(), Failed> {
    let asked = Command::new("sh").args(["-c", "ulimit -Hn"]).output()?;
    let limit = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
    if limit.parse().is_ok_and(|limit: usize| limit < COUNT + 200) {
        println!("\nskipped: 5000 connections: a process may open only {limit} files here (ulimit -Hn)");
        return Ok(());
    }
    test()
}

/// All stay open until the attacker goes away.
fn go_away() -> Result<(), Failed> {
    let mut server = Server::start("60")?;
    let at_rest = server.rest()?;
    let attacker = Attacker::start(server.port, COUNT)?;
    server.wait_for_files(COUNT)?;
    let attacked = server.live()?;
    let served = server.get()?;
    drop(attacker);
    let afterwards = server.back_to(at_rest)?;
    println!(
        "{at_rest} bytes at rest, {attacked} with {COUNT} half-open connections ({} each), {afterwards} afterwards; \
         a good client was served in {served:?}",
        attacked.saturating_sub(at_rest) / COUNT
    );
    server.stop()
}

/// The attacker keeps its ends, and the server does not wait for ever.
fn stay() -> Result<(), Failed> {
    let mut server = Server::start("4")?;
    let at_rest = server.rest()?;
    let _attacker = Attacker::start(server.port, COUNT)?;
    let attacked = server.live()?;
    let served = server.get()?;
    if attacked < at_rest + 1000 * SLACK {
        return Err(format!("{at_rest} bytes at rest, {attacked} under attack: that was no attack").into());
    }
    let afterwards = server.back_to(at_rest)?;
    println!("{at_rest} bytes at rest, {attacked} under attack, {afterwards} afterwards; served in {served:?}");
    server.get()?;
    server.stop()
}

/// This program again, in another part, with as many files as it may have.
fn again(part: &str, args: &[&str]) -> Result<Child, Failed> {
    let child = Command::new("sh")
        .args(["-c", "ulimit -n $(ulimit -Hn) && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe()?)
        .arg(part)
        .args(args)
        .env_remove("SSLKEYLOGFILE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    Ok(child)
}

/// The lines of a stream, as they come.
fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            // The stream is read on when nobody listens: a full pipe would hold its writer up.
            let _ = sender.send(line);
        }
    });
    receiver
}

struct Attacker(Child);

impl Attacker {
    /// Starts it, and waits until all its connections are open.
    fn start(port: u16, count: usize) -> Result<Self, Failed> {
        let mut attacker = Self(again("attack", &[&port.to_string(), &count.to_string()])?);
        let said = lines(attacker.0.stdout.take().expect("piped"));
        let complaint = lines(attacker.0.stderr.take().expect("piped"));
        match said.recv_timeout(2 * DEADLINE) {
            Ok(line) if line == "open" => Ok(attacker),
            other => Err(format!("the attack failed: {other:?} {:?}", complaint.iter().collect::<Vec<_>>()).into()),
        }
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A `clasp serve` that counts.
struct Server {
    child: Child,
    port: u16,
    lines: Receiver<String>,
    counts: Receiver<String>,
    config: Arc<ClientConfig>,
    _folder: Folder,
}

impl Server {
    fn start(handshake_timeout: &str) -> Result<Self, Failed> {
        let folder = Folder::new()?;
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let (cert, key) = (folder.0.join("cert.pem"), folder.0.join("key.pem"));
        fs::write(&cert, made.cert.pem())?;
        fs::write(&key, made.signing_key.serialize_pem())?;
        let mut roots = RootStore::default();
        roots.add_der(made.cert.der())?;
        let config = ClientConfig::builder(Policy::modern()).roots(roots).build()?;

        let (cert, key) = (cert.to_str().expect("UTF-8"), key.to_str().expect("UTF-8"));
        let options =
            ["--listen", "127.0.0.1:0", "--cert", cert, "--key", key, "--handshake-timeout", handshake_timeout];
        let mut child = again("serve", &options)?;
        let lines = lines(child.stdout.take().expect("piped"));
        let counts = self::lines(child.stderr.take().expect("piped"));
        let mut server = Self { child, port: 0, lines, counts, config, _folder: folder };
        let first = server.lines.recv_timeout(DEADLINE)?;
        server.port = first.rsplit_once(':').ok_or("it says where it listens")?.1.parse()?;
        Ok(server)
    }

    /// Bytes in use.
    fn live(&mut self) -> Result<usize, Failed> {
        // Its lines are not kept: as many as there are connections.
        self.lines.try_iter().for_each(drop);
        self.child.stdin.as_mut().expect("piped").write_all(b"\n")?;
        Ok(self.counts.recv_timeout(DEADLINE)?.parse()?)
    }

    /// What is in use once all that is made by the first connections is there, and they are gone.
    fn rest(&mut self) -> Result<usize, Failed> {
        for _ in 0..3 {
            self.get()?;
            drop(Attacker::start(self.port, 60)?);
        }
        let until = Instant::now() + DEADLINE;
        let mut last = self.live()?;
        loop {
            thread::sleep(Duration::from_millis(200));
            let now = self.live()?;
            if now == last || Instant::now() > until {
                return Ok(now);
            }
            last = now;
        }
    }

    /// Waits until no more is in use than at rest.
    fn back_to(&mut self, at_rest: usize) -> Result<usize, Failed> {
        let until = Instant::now() + DEADLINE;
        loop {
            let now = self.live()?;
            if now <= at_rest + SLACK {
                return Ok(now);
            }
            if Instant::now() > until {
                return Err(format!("{at_rest} bytes at rest, {now} long after the attack").into());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the server has accepted this many, where the system tells.
    fn wait_for_files(&self, count: usize) -> Result<(), Failed> {
        let folder = format!("/proc/{}/fd", self.child.id());
        let until = Instant::now() + DEADLINE;
        while Path::new(&folder).exists() && fs::read_dir(&folder)?.count() < count {
            if Instant::now() > until {
                return Err(format!("{} files are open", fs::read_dir(&folder)?.count()).into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Is served as a good client, and says how long that took.
    fn get(&self) -> Result<Duration, Failed> {
        let begun = Instant::now();
        let tcp = TcpStream::connect(("127.0.0.1", self.port))?;
        tcp.set_read_timeout(Some(DEADLINE))?;
        let mut tls = Stream::client(Arc::clone(&self.config), "localhost", tcp)?;
        tls.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut page = String::new();
        tls.read_to_string(&mut page)?;
        if !page.starts_with("HTTP/1.1 200 OK\r\n") {
            return Err(page.into());
        }
        Ok(begun.elapsed())
    }

    fn stop(mut self) -> Result<(), Failed> {
        if !Command::new("kill").arg(self.child.id().to_string()).status()?.success() {
            return Err("kill failed".into());
        }
        // Its standard output ends when it does.
        while self.lines.recv_timeout(DEADLINE).is_ok() {}
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}").into()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder of this run's own.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Failed> {
        let thread = format!("{:?}", thread::current().id());
        let number: String = thread.chars().filter(char::is_ascii_digit).collect();
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("halfopen-{}-{number}", process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
