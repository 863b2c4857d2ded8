//! Who waits for the transport to take more: after a split, reading and writing may be two tasks, and both send.
//!
//! A transport wakes only the task that asked it last. Reading sends too: answers to what was read, and with them what a
//! writer had left there. So whoever is kept waiting has both tasks woken, and whoever is not wakes the other.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Which of the two asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Half {
    Read,
    Write,
}

/// The tasks that wait.
#[derive(Debug, Default)]
pub(crate) struct Senders {
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Senders {
    /// Lets one half wait for the other, which is woken.
    pub(crate) fn park(&mut self, half: Half, cx: &Context<'_>) {
        let (ours, other) = match half {
            Half::Read => (&mut self.reader, &mut self.writer),
            Half::Write => (&mut self.writer, &mut self.reader),
        };
        *ours = Some(cx.waker().clone());
        other.take().into_iter().for_each(Waker::wake);
    }

    /// Lets one half use the transport.
    pub(crate) fn run<T>(
        &mut self,
        half: Half,
        cx: &Context<'_>,
        send: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let (ours, other) = match half {
            Half::Read => (&mut self.reader, &mut self.writer),
            Half::Write => (&mut self.writer, &mut self.reader),
        };
        let both;
        let waker = match other {
            Some(other) if !other.will_wake(cx.waker()) => {
                both = Waker::from(Arc::new(Both(cx.waker().clone(), other.clone())));
                &both
            }
            _ => cx.waker(),
        };
        let sent = send(&mut Context::from_waker(waker));
        if sent.is_pending() {
            *ours = Some(cx.waker().clone());
        } else {
            *ours = None;
            other.take().into_iter().for_each(Waker::wake);
        }
        sent
    }
}

/// Two tasks, woken together.
struct Both(Waker, Waker);

impl Wake for Both {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.wake_by_ref();
        self.1.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicU32);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Counter {
        fn take(&self) -> u32 {
            self.0.swap(0, Ordering::Relaxed)
        }
    }

    #[test]
    fn no_half_is_forgotten() {
        let (reader, writer) = (Arc::<Counter>::default(), Arc::<Counter>::default());
        let wakers = (Waker::from(Arc::clone(&reader)), Waker::from(Arc::clone(&writer)));
        let (read, write) = (Context::from_waker(&wakers.0), Context::from_waker(&wakers.1));
        let mut senders = Senders::default();
        let mut transport = None;
        let mut wait = |cx: &mut Context<'_>| {
            transport = Some(cx.waker().clone());
            Poll::<()>::Pending
        };
        let _ = senders.run(Half::Write, &write, &mut wait);
        let _ = senders.run(Half::Read, &read, &mut wait);
        transport.take().unwrap().wake();
        assert_eq!((reader.take(), writer.take()), (1, 1));
        // Both still wait; the reader's sending is all done, and the writer learns of it, once.
        assert!(senders.run(Half::Read, &read, |_| Poll::Ready(())).is_ready());
        assert!(senders.run(Half::Read, &read, |_| Poll::Ready(())).is_ready());
        assert_eq!((reader.take(), writer.take()), (0, 1));
    }
}
