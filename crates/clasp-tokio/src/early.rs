//! A server's stream before its handshake is done: what a client sends with its hello (RFC 8446 2.3).

use std::future::poll_fn;

use bytes::Bytes;
use clasp_handshake::Connection;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::Error;
use crate::stream::{TlsStream, handshake_on};

/// A server's connection whose handshake is going on: [`Acceptor::accept_early`](crate::Acceptor::accept_early).
///
/// What [`read_early`](Self::read_early) gives, somebody on the way may have recorded and sent again. This server takes it once
/// (`ServerConfigBuilder::anti_replay`), but another one that shares its ticket keys may have taken it too: act on it only
/// where twice is as good as once, as with an HTTP GET (RFC 8470). What is read of the stream after the handshake is the
/// client's own, now.
#[derive(Debug)]
pub struct EarlyStream<IO>(TlsStream<IO>);

impl<IO: AsyncRead + AsyncWrite + Unpin> EarlyStream<IO> {
    pub(crate) fn new(io: IO, tls: Connection) -> Self {
        Self(TlsStream::new(io, tls))
    }

    /// Shakes hands until a piece of early data is there, and gives it. `None`: the handshake is done, and what is left comes with
    /// the reads of the stream that [`handshake`](Self::handshake) gives. It waits as long as the client lets it: put a
    /// timeout around it. A call that is dropped has lost nothing.
    ///
    /// # Errors
    /// [`Error`]; an alert has been sent where one is due.
    pub async fn read_early(&mut self) -> Result<Option<Bytes>, Error> {
        poll_fn(|cx| self.0.poll_read_early(cx)).await
    }

    /// Shakes hands to the end. Early data that was not taken before is what the stream reads first.
    ///
    /// # Errors
    /// [`Error`]; an alert has been sent where one is due.
    pub async fn handshake(self) -> Result<TlsStream<IO>, Error> {
        handshake_on(self.0).await
    }
}
