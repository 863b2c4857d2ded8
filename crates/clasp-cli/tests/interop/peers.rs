//! Other programs as peers: found or skipped, started, watched with a deadline, ended when dropped.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up on it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Whether every one of these programs is there. If not, says so on a line of its own, where `cargo xtask test` counts
/// it; the calling test then ends.
pub(crate) fn have(programs: &[&str]) -> bool {
    for program in programs {
        if let Err(why) = look(program) {
            skip(program, &why);
            return false;
        }
    }
    true
}

/// Says that a test is skipped for want of a peer.
pub(crate) fn skip(peer: &str, why: &str) {
    let test = thread::current().name().unwrap_or("a test").to_owned();
    // Straight to standard output: what `println!` prints is kept back when a test passes. The line before it may be
    // unfinished, as `--quiet` prints a dot a test.
    let _ = writeln!(std::io::stdout().lock(), "\nskipped: {peer}: {why} ({test})");
}

/// Looks whether a program runs, and is what the tests were written for.
fn look(program: &str) -> Result<(), String> {
    let args: &[&str] = if program == "openssl" { &["version"] } else { &["--version"] };
    let found = Command::new(program).args(args).output();
    let Ok(found) = found else { return Err("not installed; `cargo xtask peers` gets it".to_owned()) };
    let text = String::from_utf8_lossy(&found.stdout).into_owned();
    if program == "openssl" && !text.starts_with("OpenSSL 3.") {
        return Err(format!("this is {}, and 3.0 or newer is needed", text.trim()));
    }
    Ok(())
}

/// What a program has printed so far.
#[derive(Clone, Default)]
pub(crate) struct Printed(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    ended: bool,
}

impl Printed {
    /// Collects a stream until it ends.
    fn collect(mut from: impl Read + Send + 'static) -> Self {
        let printed = Self::default();
        let into = printed.clone();
        thread::spawn(move || {
            let mut buffer = [0; 16 << 10];
            loop {
                let read = from.read(&mut buffer).unwrap_or(0);
                let mut state = into.lock();
                state.bytes.extend_from_slice(&buffer[..read]);
                state.ended = read == 0;
                into.0.changed.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        printed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `found` finds something in what was printed. `Err`: it ended, or the deadline came, before that.
    pub(crate) fn wait<T>(&self, mut found: impl FnMut(&[u8]) -> Option<T>) -> Result<T, &'static str> {
        let until = Instant::now() + DEADLINE;
        let mut state = self.lock();
        loop {
            if let Some(found) = found(&state.bytes) {
                return Ok(found);
            }
            if state.ended {
                return Err("it ended");
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err("the deadline came");
            }
            state = self.0.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for the stream's end.
    fn wait_for_end(&self) {
        let _ = self.wait(|_| None::<()>);
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    fn len(&self) -> usize {
        self.lock().bytes.len()
    }
}

/// Whether and where `part` stands in `whole`.
pub(crate) fn position(whole: &[u8], part: &[u8]) -> Option<usize> {
    whole.windows(part.len()).position(|window| window == part)
}

/// A program that runs. It is ended when dropped.
pub(crate) struct Running {
    child: Child,
    name: String,
    stdin: Option<ChildStdin>,
    pub(crate) stdout: Printed,
    pub(crate) stderr: Printed,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

impl Running {
    /// Starts it with all three streams in our hands.
    pub(crate) fn start(command: &mut Command) -> Self {
        let name = format!("{command:?}");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let stdin = child.stdin.take();
        let stdout = Printed::collect(child.stdout.take().expect("piped"));
        let stderr = Printed::collect(child.stderr.take().expect("piped"));
        Self { child, name, stdin, stdout, stderr }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Gives it something on its standard input. It may have ended already; whoever waits for its answer will see.
    pub(crate) fn say(&mut self, data: &[u8]) {
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write_all(data).and_then(|()| stdin.flush());
        }
    }

    /// Ends its standard input.
    pub(crate) fn say_no_more(&mut self) {
        self.stdin = None;
    }

    fn fail(&self, what: &str) -> ! {
        panic!("{}: {what}\nstdout:\n{}\nstderr:\n{}", self.name, shortened(&self.stdout), shortened(&self.stderr));
    }

    /// Waits until `found` finds something on its standard output.
    pub(crate) fn wait_stdout<T>(&self, what: &str, found: impl FnMut(&[u8]) -> Option<T>) -> T {
        self.stdout.wait(found).unwrap_or_else(|why| self.fail(&format!("{why} while we waited for {what} on stdout")))
    }

    /// Waits until `found` finds something on its standard error.
    pub(crate) fn wait_stderr<T>(&self, what: &str, found: impl FnMut(&[u8]) -> Option<T>) -> T {
        self.stderr.wait(found).unwrap_or_else(|why| self.fail(&format!("{why} while we waited for {what} on stderr")))
    }

    /// Waits until its standard output holds `text`.
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_stdout(text, |printed| position(printed, text.as_bytes()));
    }

    /// Waits for `text` on its standard output, after the first `from` bytes of it.
    pub(crate) fn wait_for_after(&self, from: usize, text: &str) {
        self.wait_stdout(text, |printed| position(printed.get(from..).unwrap_or_default(), text.as_bytes()));
    }

    /// The line of its standard output that begins with `start`, without that.
    pub(crate) fn wait_line(&self, start: &str) -> String {
        self.wait_stdout(start, |printed| line_in(printed, start))
    }

    /// Waits until it has printed exactly this much data, and gives it.
    pub(crate) fn wait_bytes(&self, from: usize, count: usize) -> Vec<u8> {
        self.wait_stdout("data", |printed| printed.get(from..from + count).map(<[u8]>::to_vec))
    }

    pub(crate) fn printed(&self) -> usize {
        self.stdout.len()
    }

    /// Waits for its own end.
    pub(crate) fn end(mut self) -> Ended {
        self.stdout.wait_for_end();
        self.stderr.wait_for_end();
        let until = Instant::now() + DEADLINE;
        loop {
            match self.child.try_wait().expect("it is our child") {
                Some(status) => {
                    return Ended { status, stdout: self.stdout.bytes(), stderr: self.stderr.text() };
                }
                None if Instant::now() > until => self.fail("does not end"),
                None => thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    /// Ends its standard input, and waits for its own end.
    pub(crate) fn finish(mut self) -> Ended {
        self.say_no_more();
        self.end()
    }

    /// Sends it a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -s {name} failed");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The rest of the first whole line that begins with `start`.
pub(crate) fn line_in(printed: &[u8], start: &str) -> Option<String> {
    let text = String::from_utf8_lossy(printed);
    let whole = text.rsplit_once('\n')?.0;
    whole.lines().find_map(|line| line.strip_prefix(start).map(|rest| rest.trim_end().to_owned()))
}

fn shortened(printed: &Printed) -> String {
    let text = printed.text();
    let escaped: String = text.chars().map(|c| if c.is_control() && c != '\n' { '.' } else { c }).take(6000).collect();
    if escaped.len() < text.len() { format!("{escaped}\n[...]") } else { escaped }
}

/// A port nobody listens on now, below those the system gives to outgoing connections. Only for peers that cannot take
/// port 0 and say which one they got.
pub(crate) fn free_port() -> u16 {
    const FIRST: u16 = 17_000;
    const COUNT: u16 = 15_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap_or(0);
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + start.wrapping_mul(37).wrapping_add(step) % COUNT;
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}
