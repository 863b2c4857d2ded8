//! A TLS stream over anything that reads and writes, without a runtime.
//!
//! Callbacks that are not ready at once (an asynchronous verifier, key or resolver) need `clasp::tokio` instead; here they
//! are [`Error::CallbackPending`].

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use clasp_handshake::{
    ClientAuth, ClientConfig, Connection, Error, RenegotiationStatus, ServerConfig, Session, Status,
};
use rustls_pki_types::ServerName;

/// A TLS connection over `IO`.
///
/// The handshake is done by the constructors, over a transport that blocks. [`Stream::close`] sends close_notify; dropping
/// the stream does not, and the peer will take that for a cut. A read or write that ends with a timeout of the transport's
/// may be tried again: nothing is lost or sent twice.
pub struct Stream<IO> {
    io: IO,
    tls: Connection,
    unread: Bytes,
    /// What was sent without the caller's doing is to be flushed by us: a transport may hold it back.
    flush_due: bool,
}

impl<IO> fmt::Debug for Stream<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("tls", &self.tls).finish_non_exhaustive()
    }
}

/// A transport's timeout, after which it can be used again.
fn timed_out(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

impl<IO: Read + Write> Stream<IO> {
    /// Shakes hands as a client with the server called `host`, a DNS name or an IP address.
    ///
    /// # Errors
    /// The transport's, or an [`io::Error`] around [`Error`].
    pub fn client(config: Arc<ClientConfig>, host: &str, io: IO) -> io::Result<Self> {
        let name = ServerName::try_from(host)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, format!("{host:?} is no DNS name or IP address")))?
            .to_owned();
        Self::handshake(Connection::client(config, name), io)
    }

    /// Shakes hands as a server.
    ///
    /// # Errors
    /// The transport's, or an [`io::Error`] around [`Error`].
    pub fn server(config: Arc<ServerConfig>, io: IO) -> io::Result<Self> {
        Self::handshake(Connection::server(config), io)
    }

    fn handshake(tls: Connection, io: IO) -> io::Result<Self> {
        let mut stream = Self { io, tls, unread: Bytes::new(), flush_due: false };
        loop {
            let status = stream.drive()?;
            if !stream.tls.is_handshaking() {
                return Ok(stream);
            }
            if status == Status::NeedInput {
                stream.fill()?;
            }
        }
    }

    /// What was agreed, and who the peer is.
    pub fn session(&self) -> Option<&Session> {
        self.tls.session()
    }

    /// The connection beneath.
    pub fn connection(&self) -> &Connection {
        &self.tls
    }

    /// The transport.
    pub fn get_ref(&self) -> &IO {
        &self.io
    }

    /// Sends close_notify. Reading may go on until the peer closes too.
    ///
    /// # Errors
    /// The transport's.
    pub fn close(&mut self) -> io::Result<()> {
        self.tls.close();
        if self.tls.is_closing() {
            self.finish_renegotiation()?;
        }
        self.send()?;
        self.io.flush()
    }

    /// Shakes hands again (RFC 5746), and says what was agreed then. What the peer sends meanwhile is there to be read
    /// afterwards.
    ///
    /// # Errors
    /// The transport's, or an [`io::Error`] around [`Error`]; after [`Error::NoRenegotiation`] the stream goes on as before.
    pub fn renegotiate(&mut self) -> io::Result<Option<&Session>> {
        self.tls.renegotiate()?;
        self.finish_renegotiation()?;
        Ok(self.session())
    }

    /// As a server, asks for the client's certificate now, by shaking hands again, and says who the client is then.
    ///
    /// # Errors
    /// As [`Self::renegotiate`]; a certificate that is refused ends the stream.
    pub fn request_client_certificate(&mut self, client_auth: ClientAuth) -> io::Result<Option<&Session>> {
        self.tls.request_client_certificate(client_auth)?;
        self.finish_renegotiation()?;
        Ok(self.session())
    }

    fn finish_renegotiation(&mut self) -> io::Result<()> {
        loop {
            let polled = self.tls.poll_renegotiation(&mut Context::from_waker(Waker::noop()));
            let sent = self.answer();
            match polled {
                Poll::Pending => return Err(Error::CallbackPending.into()),
                Poll::Ready(status) => match status? {
                    RenegotiationStatus::Done => return sent,
                    RenegotiationStatus::NeedInput => {
                        sent?;
                        self.fill()?;
                    }
                },
            }
        }
    }

    fn drive(&mut self) -> io::Result<Status> {
        let polled = self.tls.poll_now();
        // An error's alert goes out too; that the transport is gone then does not matter.
        let sent = self.answer();
        let status = polled?;
        sent?;
        Ok(status)
    }

    /// Sends what the handshake, or an answer to what was read, has put out, so that the peer sees it.
    fn answer(&mut self) -> io::Result<()> {
        self.flush_due |= self.tls.has_output();
        self.send()?;
        if self.flush_due {
            self.io.flush()?;
            self.flush_due = false;
        }
        Ok(())
    }

    fn send(&mut self) -> io::Result<()> {
        while self.tls.has_output() {
            let output = self.tls.output();
            match self.io.write(output) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => output.advance(n),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn fill(&mut self) -> io::Result<()> {
        let room = self.tls.receive_room().min(16 << 10);
        let buffer = self.tls.receive_buffer();
        let start = buffer.len();
        buffer.resize(start + room, 0);
        let read = loop {
            match self.io.read(buffer.get_mut(start..).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        buffer.truncate(start + read.as_ref().copied().unwrap_or(0));
        if read? == 0 {
            self.tls.receive_eof();
        }
        Ok(())
    }
}

impl<IO: Read + Write> Read for Stream<IO> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        while self.unread.is_empty() {
            match self.drive()? {
                Status::Data => self.unread = self.tls.read().unwrap_or_default(),
                Status::Closed => return Ok(0),
                Status::NeedInput => self.fill()?,
            }
        }
        let n = self.unread.len().min(out.len());
        self.unread.copy_to_slice(out.get_mut(..n).unwrap_or_default());
        Ok(n)
    }
}

impl<IO: Read + Write> Write for Stream<IO> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        loop {
            let taken = self.tls.write(data)?;
            match self.send() {
                // What was taken is sealed and will go out: a caller told to try again would send it twice.
                Err(error) if taken > 0 && timed_out(&error) => {}
                sent => sent?,
            }
            if taken > 0 || data.is_empty() {
                return Ok(taken);
            }
            if self.tls.is_renegotiating() && !self.tls.may_write() {
                self.finish_renegotiation()?;
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()?;
        self.io.flush()
    }
}

#[cfg(test)]
mod tests;
