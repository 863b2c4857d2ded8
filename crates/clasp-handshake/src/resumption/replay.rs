//! Early data that comes twice (RFC 8446 8): whoever records a hello can send it again, and the server would take the data
//! for the client's a second time.

use core::fmt::{self, Debug};
use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use clasp_cert::MaybeReady;

/// How long a ticket is remembered, seconds. A hello is refused early data that is more than 10 s off its own account of its
/// age, so a copy that comes later is refused for that (RFC 8446 8.2).
const WINDOW: u64 = 30;

/// Tells whether early data under a ticket is seen for the first time. Processes that share ticket keys must share this too,
/// or a hello can be sent to each of them.
pub trait AntiReplay: Debug + Send + Sync {
    /// Whether no early data came under this ticket yet. Asked once, and remembered. `now` is in seconds since the Unix epoch.
    /// Where that cannot be known the answer is no: then the client sends its data again, after the handshake.
    fn is_first_use<'a>(&'a self, ticket: &'a [u8], now: u64) -> MaybeReady<'a, bool>;
}

/// Remembers tickets in memory, up to a bound. When it is full there is no early data for a while.
pub struct ReplayMemory {
    bound: usize,
    /// Tickets that are older than this memory may have been used before; no early data until they are no longer fresh.
    silent_until: u64,
    inner: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    tickets: HashSet<Box<[u8]>>,
    /// When each was first used, the earliest first.
    order: VecDeque<(u64, Box<[u8]>)>,
}

impl ReplayMemory {
    /// Remembers at most `tickets` tickets, of some hundred bytes each.
    pub fn new(tickets: usize) -> Self {
        Self { bound: tickets, silent_until: 0, inner: Mutex::default() }
    }

    /// Takes no early data for the first seconds from `now` on, seconds since the Unix epoch: for tickets that were made
    /// before this process began, by keys that it shares.
    #[must_use]
    pub fn silent_at_first(mut self, now: u64) -> Self {
        self.silent_until = now.saturating_add(WINDOW);
        self
    }
}

impl Default for ReplayMemory {
    /// Remembers 4,096 tickets.
    fn default() -> Self {
        Self::new(4096)
    }
}

impl Debug for ReplayMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayMemory").field("bound", &self.bound).finish_non_exhaustive()
    }
}

impl AntiReplay for ReplayMemory {
    fn is_first_use<'a>(&'a self, ticket: &'a [u8], now: u64) -> MaybeReady<'a, bool> {
        let mut seen = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((when, _)) = seen.order.front()
            && when.saturating_add(WINDOW) < now
        {
            if let Some((_, ticket)) = seen.order.pop_front() {
                seen.tickets.remove(&ticket);
            }
        }
        if now < self.silent_until || seen.tickets.len() >= self.bound || seen.tickets.contains(ticket) {
            return MaybeReady::ready(false);
        }
        seen.tickets.insert(ticket.into());
        seen.order.push_back((now, ticket.into()));
        MaybeReady::ready(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_used_once_and_memory_is_bounded() {
        let memory = ReplayMemory::new(2);
        let first = |ticket: &[u8], now| memory.is_first_use(ticket, now).try_take().unwrap();
        assert!(first(b"a", 100));
        assert!(!first(b"a", 100) && !first(b"a", 100 + WINDOW));
        assert!(first(b"b", 110));
        assert!(!first(b"c", 110), "full");
        assert!(first(b"c", 101 + WINDOW), "the first is forgotten");
        assert!(!first(b"b", 101 + WINDOW) && !first(b"d", 101 + WINDOW));
        let seen = memory.inner.lock().unwrap();
        assert_eq!((seen.tickets.len(), seen.order.len()), (2, 2));
    }

    #[test]
    fn a_memory_that_begins_late_is_silent_at_first() {
        let memory = ReplayMemory::default().silent_at_first(1000);
        let first = |now| memory.is_first_use(b"a", now).try_take().unwrap();
        assert!(!first(1000) && !first(1000 + WINDOW - 1));
        assert!(first(1000 + WINDOW));
    }
}
