//! Transports that tests of streams need: slow ones, ones that end, ones that hold back.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// Moves one byte at a time, and is not ready every other time it is asked.
#[derive(Debug)]
pub(super) struct Stutter {
    io: DuplexStream,
    read_pauses: bool,
    write_pauses: bool,
}

impl Stutter {
    pub(super) fn new(io: DuplexStream) -> Self {
        Self { io, read_pauses: false, write_pauses: false }
    }
}

/// Whether to pause this time; the task is woken at once.
fn pauses(turn: &mut bool, cx: &Context<'_>) -> bool {
    *turn = !*turn;
    if *turn {
        cx.waker().wake_by_ref();
    }
    *turn
}

impl AsyncRead for Stutter {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if pauses(&mut self.read_pauses, cx) {
            return Poll::Pending;
        }
        let mut byte = [0; 1];
        let mut one = ReadBuf::new(&mut byte[..out.remaining().min(1)]);
        std::task::ready!(Pin::new(&mut self.io).poll_read(cx, &mut one))?;
        out.put_slice(one.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stutter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if pauses(&mut self.write_pauses, cx) {
            return Poll::Pending;
        }
        Pin::new(&mut self.io).poll_write(cx, &data[..data.len().min(1)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Gives some bytes and then ends; takes what is written, and forgets it.
#[derive(Debug)]
pub(super) struct Recorded {
    bytes: Vec<u8>,
    reads_at_the_end: u32,
}

impl Recorded {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, reads_at_the_end: 0 }
    }
}

impl AsyncRead for Recorded {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.bytes.is_empty() {
            self.reads_at_the_end += 1;
            assert!(self.reads_at_the_end < 10, "it reads on and on where there is nothing");
        }
        let n = out.remaining().min(self.bytes.len());
        out.put_slice(&self.bytes.drain(..n).collect::<Vec<_>>());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
