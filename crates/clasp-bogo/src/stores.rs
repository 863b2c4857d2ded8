//! Where sessions are kept, and a clock that can be moved.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clasp::cert::MaybeReady;
use clasp::handshake::SystemClock;
use clasp::{Clock, SessionStore, UnixTime};
use zeroize::Zeroizing;

use crate::callbacks::later;

/// Keeps the sessions of the last connection that made some: the newest ticket is the one to be offered, as the runner
/// expects of a client.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    inner: Mutex<Inner>,
    asynchronous: bool,
    /// Keeps all, as a server does.
    keeps_all: bool,
}

#[derive(Debug, Default, Clone)]
struct Inner {
    sessions: HashMap<Vec<u8>, Zeroizing<Vec<u8>>>,
    /// How many came in this connection.
    new: usize,
}

impl Sessions {
    pub(crate) fn client(asynchronous: bool) -> Self {
        Self { asynchronous, ..Self::default() }
    }

    pub(crate) fn server(asynchronous: bool) -> Self {
        Self { asynchronous, keeps_all: true, ..Self::default() }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// A new connection begins.
    pub(crate) fn begin(&self) {
        self.with(|inner| inner.new = 0);
    }

    /// How many sessions came since then.
    pub(crate) fn new_sessions(&self) -> usize {
        self.with(|inner| inner.new)
    }

    /// The same sessions, in another store.
    pub(crate) fn copy(&self) -> Self {
        let inner = self.with(|inner| inner.clone());
        Self { inner: Mutex::new(inner), asynchronous: false, keeps_all: self.keeps_all }
    }

    fn answer<'a, T: Send + 'a>(&self, answer: T) -> MaybeReady<'a, T> {
        if self.asynchronous { later(answer) } else { MaybeReady::ready(answer) }
    }
}

impl SessionStore for Sessions {
    fn get<'a>(&'a self, key: &'a [u8]) -> MaybeReady<'a, Option<Zeroizing<Vec<u8>>>> {
        self.answer(self.with(|inner| inner.sessions.get(key).cloned()))
    }

    fn put<'a>(&'a self, key: &'a [u8], session: Zeroizing<Vec<u8>>) -> MaybeReady<'a, ()> {
        self.with(|inner| {
            if !self.keeps_all {
                inner.sessions.clear();
            }
            inner.new += 1;
            inner.sessions.insert(key.to_vec(), session);
        });
        self.answer(())
    }

    fn remove<'a>(&'a self, key: &'a [u8]) -> MaybeReady<'a, ()> {
        self.with(|inner| inner.sessions.remove(key));
        self.answer(())
    }
}

/// A clock that stands still, but for `-resumption-delay`.
#[derive(Debug)]
pub(crate) struct MovedClock(AtomicU64);

impl Default for MovedClock {
    fn default() -> Self {
        Self(AtomicU64::new(SystemClock.milliseconds()))
    }
}

impl MovedClock {
    /// A connection is over. Clasp counts a ticket's age from the millisecond behind that in which it came.
    pub(crate) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1000 + 1, Ordering::Relaxed);
    }
}

impl Clock for MovedClock {
    fn now(&self) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_millis(self.milliseconds()))
    }

    fn milliseconds(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
