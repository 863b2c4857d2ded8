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
    ClientAuth, ClientConfig, Connection, EarlyData, Error, RenegotiationStatus, ServerConfig, Session, Status,
};
use rustls_pki_types::ServerName;

/// A TLS connection over `IO`.
///
/// The handshake is done by the constructors, over a transport that blocks. [`Stream::close`] sends close_notify; dropping
/// the stream does not, and the peer will take that for a cut. A read or write that ends with a timeout of the transport's
/// may be tried again: nothing is lost or sent twice.
///
/// In TLS 1.3 the server still has things to say when a client's handshake is done, and they come with reads: that it refuses
/// the client's certificate (the read fails, with its alert), the tickets to come back with, a wish for new keys or for a
/// certificate (RFC 8446 4.6). A client that only writes learns of none of it, and resumes nothing: read until the end. Over
/// TCP, what was received and not read makes the end of a connection a reset, which can cost the server what it has not read
/// either.
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

fn name(host: &str) -> io::Result<ServerName<'static>> {
    let wrong = |_| io::Error::new(io::ErrorKind::InvalidInput, format!("{host:?} is no DNS name or IP address"));
    Ok(ServerName::try_from(host).map_err(wrong)?.to_owned())
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
        Self::handshake(Connection::client(config, name(host)?), io)
    }

    /// [`Self::client`], and sends `data` with the hello, before the server has said a word, if an earlier session's server takes
    /// so much (RFC 8446 2.3; `ClientConfigBuilder::early_data`). Says how many bytes of `data` the server has taken, from its
    /// beginning: write the rest to the stream. The session's `early_data` says why, where that is 0.
    ///
    /// Somebody on the way may send the data to the server again, and who gets at the key of the server's tickets reads it: give
    /// only what is harmless twice, such as an HTTP GET.
    ///
    /// # Errors
    /// The transport's, or an [`io::Error`] around [`Error`]; around
    /// [`EarlyDataInOlderVersion`](clasp_handshake::Misbehaviour::EarlyDataInOlderVersion) where the server has gone back to
    /// TLS 1.2: connect again, without early data (RFC 8446 D.3).
    pub fn client_with_early_data(
        config: Arc<ClientConfig>,
        host: &str,
        io: IO,
        data: &[u8],
    ) -> io::Result<(Self, usize)> {
        let mut stream = Self::new(Connection::client(config, name(host)?), io);
        let mut rest = data;
        while !stream.round(&mut rest)? {}
        let taken = match stream.session().map(Session::early_data) {
            Some(EarlyData::Accepted) => data.len() - rest.len(),
            _ => 0,
        };
        Ok((stream, taken))
    }

    /// Shakes hands as a server. Early data, where the configuration takes some, is what the stream reads first.
    ///
    /// # Errors
    /// The transport's, or an [`io::Error`] around [`Error`].
    pub fn server(config: Arc<ServerConfig>, io: IO) -> io::Result<Self> {
        Self::handshake(Connection::server(config), io)
    }

    /// [`Self::server`], in two steps: early data can be read before the handshake is done (`ServerConfigBuilder::early_data`).
    pub fn server_early(config: Arc<ServerConfig>, io: IO) -> EarlyStream<IO> {
        EarlyStream(Self::new(Connection::server(config), io))
    }

    fn new(tls: Connection, io: IO) -> Self {
        Self { io, tls, unread: Bytes::new(), flush_due: false }
    }

    fn handshake(tls: Connection, io: IO) -> io::Result<Self> {
        let mut stream = Self::new(tls, io);
        while !stream.round(&mut &[][..])? {}
        Ok(stream)
    }

    /// A round of the first handshake. Says whether that was the last. `early` is what may be sent with the hello, and is less
    /// what was.
    fn round(&mut self, early: &mut &[u8]) -> io::Result<bool> {
        let status = self.drive()?;
        while self.tls.is_handshaking() && !early.is_empty() {
            let taken = self.tls.write_early(early)?;
            if taken == 0 {
                break;
            }
            *early = early.get(taken..).unwrap_or_default();
            self.answer()?;
        }
        if !self.tls.is_handshaking() {
            return Ok(true);
        }
        if status == Status::NeedInput {
            self.fill()?;
        }
        Ok(false)
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
    /// afterwards. TLS 1.3 has [`Self::update_keys`] and [`Self::request_client_certificate`] in its place.
    ///
    /// # Errors
    /// The transport's, or an [`io::Error`] around [`Error`]; after [`Error::NoRenegotiation`] the stream goes on as before.
    pub fn renegotiate(&mut self) -> io::Result<Option<&Session>> {
        self.tls.renegotiate()?;
        self.finish_renegotiation()?;
        Ok(self.session())
    }

    /// Writes under new keys from here on, in TLS 1.3, and asks the peer to do so too if `request_peer` says so (RFC 8446 4.6.3).
    /// It happens by itself before keys are used up. A peer may take many updates in a row for a flood, as we do.
    ///
    /// # Errors
    /// The transport's, or an [`io::Error`] around [`Error`]; after [`Error::NoRenegotiation`], before TLS 1.3, and
    /// [`Error::NotWritable`] the stream goes on as before.
    pub fn update_keys(&mut self, request_peer: bool) -> io::Result<()> {
        self.tls.update_keys(request_peer)?;
        self.answer()
    }

    /// As a server, asks for the client's certificate now, and says who the client is then: by shaking hands again, or in
    /// TLS 1.3 by itself (RFC 8446 4.6.2), of a client that offers that, as few do.
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

/// A server's connection whose handshake is going on: [`Stream::server_early`].
///
/// What [`read_early`](Self::read_early) gives, somebody on the way may have recorded and sent again. This server takes it once
/// (`ServerConfigBuilder::anti_replay`), but another one that shares its ticket keys may have taken it too: act on it only
/// where twice is as good as once, as with an HTTP GET (RFC 8470). What is read of the stream after the handshake is the
/// client's own, now.
#[derive(Debug)]
pub struct EarlyStream<IO>(Stream<IO>);

impl<IO: Read + Write> EarlyStream<IO> {
    /// Shakes hands until a piece of early data is there, and gives it. `None`: the handshake is done, and what is left comes with
    /// the reads of the stream that [`handshake`](Self::handshake) gives.
    ///
    /// # Errors
    /// The transport's, or an [`io::Error`] around [`Error`].
    pub fn read_early(&mut self) -> io::Result<Option<Bytes>> {
        let Self(stream) = self;
        loop {
            stream.drive()?;
            if let Some(piece) = stream.tls.read_early() {
                return Ok(Some(piece));
            }
            if !stream.tls.is_handshaking() {
                return Ok(None);
            }
            stream.fill()?;
        }
    }

    /// Shakes hands to the end. Early data that was not taken before is what the stream reads first.
    ///
    /// # Errors
    /// The transport's, or an [`io::Error`] around [`Error`].
    pub fn handshake(mut self) -> io::Result<Stream<IO>> {
        while !self.0.round(&mut &[][..])? {}
        Ok(self.0)
    }
}

#[cfg(test)]
mod early_tests;
#[cfg(test)]
mod tests;
