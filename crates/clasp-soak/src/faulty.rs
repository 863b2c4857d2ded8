//! A transport that can be told to fail its connection: to cut it in the middle of a record, or to flip a bit of one
//! (RFC 5246 6.2).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What becomes of that which is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is sent.
    None,
    /// So many bytes are sent, and all that follow are not.
    CutAfter(usize),
    /// So many bytes are sent, the next with a bit flipped, and all that follow are sent.
    FlipAfter(usize),
}

/// The transport.
#[derive(Debug)]
pub(crate) struct Faulty<IO> {
    pub(crate) io: IO,
    pub(crate) fault: Fault,
    _open: Option<Open>,
}

impl<IO> Faulty<IO> {
    /// One that is sound at first; `open` is held as long as it exists.
    pub(crate) fn new(io: IO, open: Option<Open>) -> Self {
        Self { io, fault: Fault::None, _open: open }
    }
}

/// How many connections are open, and how many were at most.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    now: AtomicUsize,
    peak: AtomicUsize,
}

impl Gauge {
    /// One more.
    pub(crate) fn open(self: &Arc<Self>) -> Open {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak.fetch_max(now, Ordering::Relaxed);
        Open(Arc::clone(self))
    }

    /// How many there are.
    pub(crate) fn now(&self) -> usize {
        self.now.load(Ordering::Relaxed)
    }

    /// How many there were at most.
    pub(crate) fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }
}

/// An open connection, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Open(Arc<Gauge>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Faulty<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, out)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Faulty<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let (left, piece) = match this.fault {
            Fault::None => return Pin::new(&mut this.io).poll_write(cx, data),
            Fault::CutAfter(0) => return Poll::Ready(Ok(data.len())),
            Fault::FlipAfter(0) => {
                let Some(first) = data.first() else { return Poll::Ready(Ok(0)) };
                let sent = ready!(Pin::new(&mut this.io).poll_write(cx, &[first ^ 1]))?;
                if sent > 0 {
                    this.fault = Fault::None;
                }
                return Poll::Ready(Ok(sent));
            }
            Fault::CutAfter(left) | Fault::FlipAfter(left) => (left, &data[..data.len().min(left)]),
        };
        let sent = ready!(Pin::new(&mut this.io).poll_write(cx, piece))?;
        this.fault = match this.fault {
            Fault::CutAfter(_) => Fault::CutAfter(left - sent),
            _ => Fault::FlipAfter(left - sent),
        };
        Poll::Ready(Ok(sent))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    fn sent(fault: Fault) -> Vec<u8> {
        let mut faulty = Faulty::new(Vec::new(), None);
        faulty.fault = fault;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(faulty.write_all(b"abcdef")).unwrap();
        faulty.io
    }

    #[test]
    fn faults_come_where_they_are_asked_for() {
        assert_eq!(sent(Fault::None), b"abcdef");
        assert_eq!(sent(Fault::CutAfter(2)), b"ab");
        assert_eq!(sent(Fault::FlipAfter(2)), b"abbdef");
    }

    #[test]
    fn the_gauge_goes_up_and_down() {
        let gauge = Arc::<Gauge>::default();
        let (one, two) = (gauge.open(), gauge.open());
        drop(one);
        assert_eq!((gauge.now(), gauge.peak()), (1, 2));
        drop(two);
        assert_eq!(gauge.now(), 0);
    }
}
