//! Early data that comes twice (RFC 8446 8): whoever records a hello can send it again, and the server would take the data
//! for the client's a second time.

use core::fmt::{self, Debug};
use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clasp_cert::MaybeReady;

/// How far a client's account of a ticket's age may be off, unless somebody says otherwise: what clients need on the Internet
/// (RFC 8446 8.3).
const AGE_TOLERANCE: Duration = Duration::from_secs(10);

/// Tells whether early data under a ticket is seen for the first time. Processes that share ticket keys must share this too,
/// or a hello can be sent to each of them.
pub trait AntiReplay: Debug + Send + Sync {
    /// Whether no early data came under this ticket yet. Asked once, and remembered. `now` is in seconds since the Unix epoch.
    /// Where that cannot be known the answer is no: then the client sends its data again, after the handshake.
    fn is_first_use<'a>(&'a self, ticket: &'a [u8], now: u64) -> MaybeReady<'a, bool>;

    /// How far the client's account of a ticket's age may be off, either way, for its early data to be taken: 10 seconds unless
    /// this says otherwise (RFC 8446 8.3). A copy of a hello that comes later than twice that is refused for its age alone, so
    /// a ticket must be remembered for that long, and a few seconds more: `now` has no fractions, and a store that is
    /// elsewhere takes its time (RFC 8446 8.2).
    fn age_tolerance(&self) -> Duration {
        AGE_TOLERANCE
    }
}

/// Remembers tickets in memory, up to a bound. When it is full there is no early data for a while.
pub struct ReplayMemory {
    bound: usize,
    age_tolerance: Duration,
    /// Tickets that are older than this memory may have been used before; no early data until they are no longer fresh.
    began: Option<u64>,
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
        Self { bound: tickets, age_tolerance: AGE_TOLERANCE, began: None, inner: Mutex::default() }
    }

    /// Takes early data where the client's account of its ticket's age is off by this and no more, instead of 10 seconds: for
    /// clients whose hellos take long to come, or whose clocks are bad. Each ticket is remembered for twice that and 2 seconds.
    #[must_use]
    pub fn with_age_tolerance(mut self, tolerance: Duration) -> Self {
        self.age_tolerance = tolerance;
        self
    }

    /// Takes no early data for as long as a ticket is remembered (22 seconds, if nothing else is said) from `now` on, seconds since
    /// the Unix epoch: for tickets that were made before this process began, by keys that it shares.
    #[must_use]
    pub fn silent_at_first(mut self, now: u64) -> Self {
        self.began = Some(now);
        self
    }

    /// How long a ticket is remembered, seconds. Twice the tolerance, and what clocks of whole seconds lose at both ends.
    fn window(&self) -> u64 {
        self.age_tolerance.saturating_mul(2).as_secs().saturating_add(2)
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
            && when.saturating_add(self.window()) < now
        {
            if let Some((_, ticket)) = seen.order.pop_front() {
                seen.tickets.remove(&ticket);
            }
        }
        let is_young = self.began.is_some_and(|began| now < began.saturating_add(self.window()));
        if is_young || seen.tickets.len() >= self.bound || seen.tickets.contains(ticket) {
            return MaybeReady::ready(false);
        }
        seen.tickets.insert(ticket.into());
        seen.order.push_back((now, ticket.into()));
        MaybeReady::ready(true)
    }

    fn age_tolerance(&self) -> Duration {
        self.age_tolerance
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
        assert!(!first(b"a", 100) && !first(b"a", 122));
        assert!(first(b"b", 110));
        assert!(!first(b"c", 110), "full");
        assert!(first(b"c", 123), "the first is forgotten");
        assert!(!first(b"b", 123) && !first(b"d", 123));
        let seen = memory.inner.lock().unwrap();
        assert_eq!((seen.tickets.len(), seen.order.len()), (2, 2));
    }

    #[test]
    fn a_memory_that_begins_late_is_silent_at_first() {
        let memory = ReplayMemory::default().silent_at_first(1000);
        let first = |now| memory.is_first_use(b"a", now).try_take().unwrap();
        assert!(!first(1000) && !first(1021));
        assert!(first(1022));
    }

    /// A hello that is 60 s early at first may come again until it is 60 s late.
    #[test]
    fn whoever_tolerates_more_remembers_longer() {
        let memory = ReplayMemory::new(1).with_age_tolerance(Duration::from_secs(60));
        let first = |now| memory.is_first_use(b"a", now).try_take().unwrap();
        assert_eq!(memory.age_tolerance().as_secs(), 60);
        assert_eq!(ReplayMemory::default().age_tolerance().as_secs(), 10);
        assert!(first(1000) && !first(1122) && first(1123));
        let late = ReplayMemory::new(1).silent_at_first(1000).with_age_tolerance(Duration::from_secs(60));
        let first = |now| late.is_first_use(b"a", now).try_take().unwrap();
        assert!(!first(1121) && first(1122));
    }
}
