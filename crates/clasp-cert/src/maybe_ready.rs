//! Results that are usually at hand and may take time: how verifiers and private keys answer.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

/// An answer that is there already, or a future that will bring it.
///
/// Verifying on this machine's processor gives the first form, which needs neither a runtime nor
/// a heap allocation. A key in a network HSM, or a verifier that asks a service, gives the second.
pub enum MaybeReady<'a, T> {
    /// The answer. `None` once it has been taken by a poll.
    Ready(Option<T>),
    /// The answer will come from this future.
    Pending(Pin<Box<dyn Future<Output = T> + Send + 'a>>),
}

impl<'a, T> MaybeReady<'a, T> {
    /// An answer at hand.
    pub fn ready(answer: T) -> Self {
        Self::Ready(Some(answer))
    }

    /// An answer to come.
    pub fn future(future: impl Future<Output = T> + Send + 'a) -> Self {
        Self::Pending(Box::pin(future))
    }

    /// The answer if it is at hand, or else `self` again, to be awaited.
    pub fn try_take(self) -> Result<T, Self> {
        match self {
            Self::Ready(Some(answer)) => Ok(answer),
            other => Err(other),
        }
    }
}

// The answer is never pinned in place: it only ever moves out.
impl<T> Unpin for MaybeReady<'_, T> {}

impl<T> Future for MaybeReady<'_, T> {
    type Output = T;

    /// Gives the answer once; polled again after that it stays pending.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match &mut *self {
            Self::Ready(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
            Self::Pending(future) => {
                let answer = core::task::ready!(future.as_mut().poll(cx));
                *self = Self::Ready(None);
                Poll::Ready(answer)
            }
        }
    }
}

impl<T> fmt::Debug for MaybeReady<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready(_) => "MaybeReady::Ready(..)",
            Self::Pending(_) => "MaybeReady::Pending(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    use core::task::Waker;

    use super::*;

    #[test]
    fn an_answer_at_hand_is_given_once() {
        let mut cx = Context::from_waker(Waker::noop());
        let mut answer = MaybeReady::ready(7);
        assert_eq!(Pin::new(&mut answer).poll(&mut cx), Poll::Ready(7));
        assert_eq!(Pin::new(&mut answer).poll(&mut cx), Poll::Pending);
        assert_eq!(MaybeReady::ready(7).try_take().ok(), Some(7));
    }

    #[test]
    fn an_answer_to_come_is_awaited() {
        let mut cx = Context::from_waker(Waker::noop());
        let mut polls = 0;
        let mut answer = MaybeReady::future(core::future::poll_fn(move |_| {
            polls += 1;
            if polls < 2 { Poll::Pending } else { Poll::Ready(polls) }
        }));
        assert_eq!(Pin::new(&mut answer).poll(&mut cx), Poll::Pending);
        assert_eq!(Pin::new(&mut answer).poll(&mut cx), Poll::Ready(2));
        assert_eq!(Pin::new(&mut answer).poll(&mut cx), Poll::Pending);
        let pending = MaybeReady::future(core::future::ready(1));
        assert!(pending.try_take().is_err());
    }
}
