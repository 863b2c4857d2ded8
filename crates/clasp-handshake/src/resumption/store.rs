//! Where sessions are kept.

use core::fmt::{self, Debug};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use clasp_cert::MaybeReady;
use zeroize::Zeroizing;

/// Keeps sessions: a client's by the name of the server, a server's by identifier. May take its time, and be shared between
/// processes. What it holds is secret: whoever reads it reads the sessions that are resumed with it.
pub trait SessionStore: Debug + Send + Sync {
    /// The session under this key, if there is one. It may be asked for again.
    fn get<'a>(&'a self, key: &'a [u8]) -> MaybeReady<'a, Option<Zeroizing<Vec<u8>>>>;

    /// Keeps a session, in place of one that has the same key. It is good for a day at most.
    fn put<'a>(&'a self, key: &'a [u8], session: Zeroizing<Vec<u8>>) -> MaybeReady<'a, ()>;

    /// Forgets a session.
    fn remove<'a>(&'a self, key: &'a [u8]) -> MaybeReady<'a, ()>;

    /// The session under this key, if there is one, which nobody is given again. TLS 1.3 uses a ticket once (RFC 8446 C.4,
    /// 8.1); a store that is shared should do this in one go.
    fn take<'a>(&'a self, key: &'a [u8]) -> MaybeReady<'a, Option<Zeroizing<Vec<u8>>>> {
        match self.get(key).try_take() {
            Ok(None) => MaybeReady::ready(None),
            Ok(Some(session)) => match self.remove(key).try_take() {
                Ok(()) => MaybeReady::ready(Some(session)),
                Err(removing) => MaybeReady::future(async move {
                    removing.await;
                    Some(session)
                }),
            },
            Err(getting) => MaybeReady::future(async move {
                let session = getting.await;
                if session.is_some() {
                    self.remove(key).await;
                }
                session
            }),
        }
    }
}

/// A store in memory. When it holds more than its bound, what was used the longest ago goes.
pub struct MemorySessions {
    bound: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    sessions: HashMap<Box<[u8]>, Entry>,
    /// Keys by when they were last used.
    order: BTreeMap<u64, Box<[u8]>>,
    clock: u64,
    bytes: usize,
}

struct Entry {
    session: Zeroizing<Vec<u8>>,
    used: u64,
}

/// What an entry takes besides key and session, about.
const OVERHEAD: usize = 200;

impl MemorySessions {
    /// Holds at most `bytes` bytes of sessions (some hundred bytes each, and the peer's certificates).
    pub fn new(bytes: usize) -> Self {
        Self { bound: bytes, inner: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.lock().sessions.len()
    }

    /// Forgets all.
    pub fn clear(&self) {
        *self.lock() = Inner::default();
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for MemorySessions {
    /// Holds at most 1 MiB.
    fn default() -> Self {
        Self::new(1 << 20)
    }
}

impl Debug for MemorySessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySessions")
            .field("bound", &self.bound)
            .field("sessions", &self.len())
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// The session under this key, which now is the one used last.
    fn touch(&mut self, key: &[u8]) -> Option<&Zeroizing<Vec<u8>>> {
        let entry = self.sessions.get_mut(key)?;
        if entry.used != self.clock
            && let Some(key) = self.order.remove(&entry.used)
        {
            self.clock += 1;
            entry.used = self.clock;
            self.order.insert(self.clock, key);
        }
        Some(&entry.session)
    }

    fn remove(&mut self, key: &[u8]) {
        if let Some(entry) = self.sessions.remove(key) {
            self.order.remove(&entry.used);
            self.bytes -= size(key, &entry.session);
        }
    }
}

fn size(key: &[u8], session: &[u8]) -> usize {
    2 * key.len() + session.len() + OVERHEAD
}

impl SessionStore for MemorySessions {
    fn get<'a>(&'a self, key: &'a [u8]) -> MaybeReady<'a, Option<Zeroizing<Vec<u8>>>> {
        MaybeReady::ready(self.lock().touch(key).cloned())
    }

    fn put<'a>(&'a self, key: &'a [u8], session: Zeroizing<Vec<u8>>) -> MaybeReady<'a, ()> {
        let mut inner = self.lock();
        inner.remove(key);
        let size = size(key, &session);
        if size > self.bound {
            return MaybeReady::ready(());
        }
        while inner.bytes + size > self.bound {
            let Some((_, oldest)) = inner.order.first_key_value() else { break };
            let oldest = oldest.clone();
            inner.remove(&oldest);
        }
        inner.clock += 1;
        let used = inner.clock;
        inner.order.insert(used, key.into());
        inner.sessions.insert(key.into(), Entry { session, used });
        inner.bytes += size;
        MaybeReady::ready(())
    }

    fn remove<'a>(&'a self, key: &'a [u8]) -> MaybeReady<'a, ()> {
        self.lock().remove(key);
        MaybeReady::ready(())
    }

    fn take<'a>(&'a self, key: &'a [u8]) -> MaybeReady<'a, Option<Zeroizing<Vec<u8>>>> {
        let mut inner = self.lock();
        let session = inner.sessions.get(key).map(|entry| entry.session.clone());
        inner.remove(key);
        MaybeReady::ready(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_used_go_when_the_bound_is_reached() {
        let store = MemorySessions::new(4 * (OVERHEAD + 2 + 100));
        let put = |key: u8| store.put(&[key], Zeroizing::new(vec![key; 100])).try_take().unwrap();
        let get = |key: u8| store.get(&[key]).try_take().unwrap();
        (0..4).for_each(put);
        assert_eq!(store.len(), 4);
        assert!(get(0).is_some());
        put(4);
        assert!(get(1).is_none() && get(0).is_some() && get(4).is_some());
        put(0);
        assert_eq!(store.len(), 4);
        store.remove(&[0]).try_take().unwrap();
        assert!(get(0).is_none());
        // What is larger than the whole store is not kept, and displaces nothing.
        store.put(b"large", Zeroizing::new(vec![0; 10_000])).try_take().unwrap();
        assert_eq!(store.len(), 3);
        (10..200).for_each(put);
        let inner = store.lock();
        assert_eq!(inner.order.len(), inner.sessions.len());
        assert!(inner.bytes <= store.bound);
    }
}
