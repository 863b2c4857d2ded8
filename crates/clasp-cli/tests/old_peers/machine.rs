//! A driver's process, which does one task after the other, or many at a time: starting it costs more than most tasks.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use crate::peer::Kind;

type Tasks = Arc<Mutex<HashMap<u64, Sender<String>>>>;

/// It is ended when dropped, and ends by itself when its standard input does, which is when this program ends.
pub(crate) struct Machine {
    pub(crate) version: String,
    child: Child,
    next: Mutex<(u64, ChildStdin)>,
    tasks: Tasks,
}

impl Machine {
    fn start(kind: Kind) -> Result<Self, String> {
        let mut command: Command = kind.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child =
            command.spawn().map_err(|_| format!("there is no {program} to drive it; `cargo xtask peers` gets that"))?;
        let stdin = child.stdin.take().expect("piped");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut version = String::new();
        if stdout.read_line(&mut version).is_err() || !version.starts_with(kind.name()) {
            drop(stdin);
            let said = child.wait_with_output().map(|output| output.stderr).unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            let last = said.lines().last().unwrap_or_default();
            return Err(format!("it does not start ({last}); `cargo xtask peers` gets it"));
        }
        let tasks = Tasks::default();
        let senders = Arc::clone(&tasks);
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let Some((number, rest)) = line.split_once(' ') else { continue };
                let Ok(number) = number.parse() else { continue };
                let mut senders = senders.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(sender) = senders.get(&number) {
                    let _ = sender.send(rest.to_owned());
                }
                if rest == "end" || rest.starts_with("failed ") {
                    senders.remove(&number);
                }
            }
            // Whoever still waits need not wait on.
            senders.lock().unwrap_or_else(PoisonError::into_inner).clear();
        });
        Ok(Self { version: version.trim().to_owned(), child, next: Mutex::new((0, stdin)), tasks })
    }

    /// Gives it a task; what it prints comes line by line, and nothing after its last.
    pub(crate) fn give(&self, arguments: &[&str]) -> Receiver<String> {
        let (sender, receiver) = channel();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let number = next.0;
        next.0 += 1;
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).insert(number, sender);
        writeln!(next.1, "{number}\t{}", arguments.join("\t")).expect("it runs");
        receiver
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Gives the machine to `then`, or why there is none. A machine that does many tasks at a time is there once; of the
/// others each test has its own.
pub(crate) fn with<T>(kind: Kind, then: impl FnOnce(Result<&Machine, &str>) -> T) -> T {
    static SHARED: OnceLock<Result<Machine, String>> = OnceLock::new();
    thread_local! {
        static OWN: RefCell<HashMap<Kind, Rc<Result<Machine, String>>>> = RefCell::default();
    }
    if kind.does_many_tasks() {
        return then(SHARED.get_or_init(|| Machine::start(kind)).as_ref().map_err(String::as_str));
    }
    let machine =
        OWN.with_borrow_mut(|own| Rc::clone(own.entry(kind).or_insert_with(|| Rc::new(Machine::start(kind)))));
    then((*machine).as_ref().map_err(String::as_str))
}
