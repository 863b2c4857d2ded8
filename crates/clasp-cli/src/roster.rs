//! Who is in the middle of a handshake, oldest first: when descriptors run out, the oldest has to go.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Connections whose handshake is not done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roster(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    waiting: BTreeMap<u64, oneshot::Sender<()>>,
}

/// A place in the roster, given up when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    roster: Roster,
    number: u64,
}

impl Roster {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a connection. The receiver is told when it has to go.
    pub(crate) fn enter(&self) -> (Place, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        let mut inner = self.lock();
        let number = inner.next;
        inner.next += 1;
        inner.waiting.insert(number, sender);
        drop(inner);
        (Place { roster: self.clone(), number }, receiver)
    }

    /// Tells the oldest to go; `false` when nobody waits.
    pub(crate) fn evict_oldest(&self) -> bool {
        match self.lock().waiting.pop_first() {
            // A connection that has just finished does not listen any more.
            Some((_, sender)) => {
                let _ = sender.send(());
                true
            }
            None => false,
        }
    }

    /// How many handshakes go on.
    pub(crate) fn len(&self) -> usize {
        self.lock().waiting.len()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.roster.lock().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first() {
        let roster = Roster::default();
        let (first, mut told_first) = roster.enter();
        let (_second, mut told_second) = roster.enter();
        assert_eq!(roster.len(), 2);
        assert!(roster.evict_oldest());
        assert!(told_first.try_recv().is_ok() && told_second.try_recv().is_err());
        drop(first);
        assert_eq!(roster.len(), 1);
        assert!(roster.evict_oldest() && !roster.evict_oldest());
    }
}
