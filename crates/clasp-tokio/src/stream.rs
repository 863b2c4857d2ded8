//! A TLS connection over a tokio stream.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, Bytes};
use clasp_handshake::{ClientAuth, Connection, EarlyData, ExportError, RenegotiationStatus, Session, Status};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::error::Error;
use crate::senders::{Half, Senders};

/// What is read from the transport at a time: small while shaking hands, then two full records.
const READ_HANDSHAKING: usize = 4096;
const READ_ESTABLISHED: usize = 33_000;

/// How much data a writer that waits for a renegotiation leaves to the reader, bytes.
const WRITER_HOLDS: usize = 33_000;

/// An established TLS connection.
///
/// Reading and writing are independent, also through [`tokio::io::split`]. A read may be dropped and tried again without
/// loss. What is written is sealed at once and sent as the transport takes it: flush to be sure that all is on its way.
/// `shutdown` sends close_notify and ends our direction; the peer's stays open until it closes it, which reads as the end
/// of the stream, or cuts it, which is [`io::ErrorKind::UnexpectedEof`]. An idle stream holds no buffer.
///
/// In TLS 1.3 the server still has things to say when a client's handshake is done, and they come with reads: that it refuses
/// the client's certificate (RFC 8446 4.4.2.4: the read fails, with its alert), the tickets to come back with (4.6.1), a
/// wish for new keys or for a certificate (4.6.2, 4.6.3). A client that only writes learns of none of it, and resumes
/// nothing: read until the end, even where no data is to come. Over TCP, what was received and not read makes the end of a
/// connection a reset, which can cost the server what it has not read either.
#[derive(Debug)]
pub struct TlsStream<IO> {
    io: IO,
    tls: Connection,
    /// The rest of a record that a reader has taken a part of.
    unread: Bytes,
    /// The transport has given all it had.
    ended: bool,
    /// What was sent without the caller's doing is to be flushed by us: a transport may hold it back.
    flush_due: bool,
    senders: Senders,
    fillers: Senders,
    /// Who waits for a callback.
    pollers: Senders,
    /// The transport takes no more; what it had sent before may still tell why.
    write_error: Option<io::Error>,
}

/// Drives a first handshake to its end, and sends `data` with the hello as far as that may be. Says how much of it the server
/// has taken.
pub(crate) async fn handshake<IO>(io: IO, tls: Connection, data: &[u8]) -> Result<(TlsStream<IO>, usize), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = TlsStream::new(io, tls);
    let mut rest = data;
    while !poll_fn(|cx| stream.poll_round(cx, &mut rest)).await? {}
    let taken = match stream.session().early_data() {
        EarlyData::Accepted => data.len() - rest.len(),
        EarlyData::Rejected | EarlyData::NotOffered => 0,
    };
    Ok((stream, taken))
}

/// Drives a handshake that has begun to its end.
pub(crate) async fn handshake_on<IO>(mut stream: TlsStream<IO>) -> Result<TlsStream<IO>, Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    while !poll_fn(|cx| stream.poll_round(cx, &mut &[][..])).await? {}
    Ok(stream)
}

impl<IO> TlsStream<IO> {
    /// Around a connection whose handshake has not begun.
    pub(crate) fn new(io: IO, tls: Connection) -> Self {
        Self {
            io,
            tls,
            unread: Bytes::new(),
            ended: false,
            flush_due: false,
            senders: Senders::default(),
            fillers: Senders::default(),
            pollers: Senders::default(),
            write_error: None,
        }
    }
}

impl<IO> TlsStream<IO> {
    /// What was agreed, and who the peer is.
    ///
    /// # Panics
    /// Never: a stream only exists once the handshake is done.
    #[allow(clippy::missing_panics_doc, reason = "it says so")]
    pub fn session(&self) -> &Session {
        self.tls.session().expect("a stream exists only after its handshake")
    }

    /// Fills `out` with keying material for another protocol (RFC 5705).
    ///
    /// # Errors
    /// [`ExportError`].
    pub fn export_keying_material(
        &self,
        label: &[u8],
        context: Option<&[u8]>,
        out: &mut [u8],
    ) -> Result<(), ExportError> {
        self.tls.export_keying_material(label, context, out).unwrap_or(Ok(()))
    }

    /// The connection beneath.
    pub fn connection(&self) -> &Connection {
        &self.tls
    }

    /// The transport. What is written to it does not go through TLS.
    pub fn get_ref(&self) -> &IO {
        &self.io
    }

    /// The transport, for changing its options.
    pub fn get_mut(&mut self) -> &mut IO {
        &mut self.io
    }

    /// The transport back. What was received and not read is lost.
    pub fn into_inner(self) -> IO {
        self.io
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> TlsStream<IO> {
    /// A round of the first handshake: takes in what is at hand, sends what is due, and reads once. Says whether that was the
    /// last. `early` is what may be sent with the hello, and is less what was.
    pub(crate) fn poll_round(&mut self, cx: &mut Context<'_>, early: &mut &[u8]) -> Poll<Result<bool, Error>> {
        let polled = self.tls.poll(cx);
        let sent = self.poll_early_data(cx, early)?;
        match polled {
            // The alert goes first; a transport that takes nothing any more does not hold it up.
            Poll::Ready(Err(_)) if sent.is_pending() => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.explain(error))),
            // A server's tickets go out with what follows: the client may not read before it has written.
            Poll::Ready(Ok(_)) if !self.tls.is_handshaking() && sent.is_pending() && self.tls.output_can_wait() => {
                Poll::Ready(Ok(true))
            }
            Poll::Ready(Ok(_)) if !self.tls.is_handshaking() => sent.map_ok(|()| true).map_err(Error::Io),
            Poll::Ready(Ok(_)) => {
                if let Poll::Ready(Err(error)) = sent {
                    // The peer may have said why before it closed.
                    self.write_error = Some(error);
                }
                match ready!(self.poll_fill(cx, Half::Read)) {
                    Ok(()) => Poll::Ready(Ok(false)),
                    Err(error) => Poll::Ready(Err(self.write_error.take().unwrap_or(error).into())),
                }
            }
            // A callback of the caller's is at work; the end of the input is noticed meanwhile.
            Poll::Pending if self.ended || self.tls.receive_room() == 0 => Poll::Pending,
            Poll::Pending => {
                ready!(self.poll_fill(cx, Half::Read))?;
                Poll::Ready(Ok(false))
            }
        }
    }

    /// Sends what the handshake has put out, and early data behind it as long as some may be sent.
    fn poll_early_data(&mut self, cx: &mut Context<'_>, early: &mut &[u8]) -> Result<Poll<io::Result<()>>, Error> {
        loop {
            let taken = if self.tls.is_handshaking() { self.tls.write_early(early)? } else { 0 };
            *early = early.get(taken..).unwrap_or_default();
            let sent = self.poll_answer(cx, Half::Read);
            if taken == 0 || !matches!(sent, Poll::Ready(Ok(()))) {
                return Ok(sent);
            }
        }
    }

    /// The next piece of early data; `None` when the handshake is done.
    pub(crate) fn poll_read_early(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        loop {
            // An error comes again in the round.
            let _ = self.tls.poll(cx);
            if let Some(piece) = self.tls.read_early() {
                // The client waits for our hello, whatever the caller does with this.
                let _ = self.poll_answer(cx, Half::Read);
                return Poll::Ready(Ok(Some(piece)));
            }
            if ready!(self.poll_round(cx, &mut &[][..]))? {
                return Poll::Ready(Ok(None));
            }
        }
    }

    /// The transport's own error where it is what ended the connection.
    fn explain(&mut self, error: clasp_handshake::Error) -> Error {
        match (&error, self.write_error.take()) {
            (clasp_handshake::Error::ClosedInHandshake { .. }, Some(cause)) => cause.into(),
            _ => error.into(),
        }
    }

    /// Sends all output.
    fn poll_send(&mut self, cx: &mut Context<'_>, half: Half) -> Poll<io::Result<()>> {
        if !self.tls.has_output() {
            return Poll::Ready(Ok(()));
        }
        let Self { io, tls, senders, .. } = self;
        senders.run(half, cx, |cx| {
            while tls.has_output() {
                let output = tls.output();
                let sent = match ready!(Pin::new(&mut *io).poll_write(cx, output)) {
                    Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                    sent => sent,
                };
                match sent {
                    Ok(n) => output.advance(n),
                    Err(error) => {
                        output.clear();
                        return Poll::Ready(Err(error));
                    }
                }
            }
            Poll::Ready(Ok(()))
        })
    }

    fn poll_transport_flush(&mut self, cx: &mut Context<'_>, half: Half) -> Poll<io::Result<()>> {
        let Self { io, senders, .. } = self;
        senders.run(half, cx, |cx| Pin::new(&mut *io).poll_flush(cx))
    }

    /// Sends what the handshake, or an answer to what was read, has put out, so that the peer sees it.
    fn poll_answer(&mut self, cx: &mut Context<'_>, half: Half) -> Poll<io::Result<()>> {
        self.flush_due |= self.tls.has_output();
        ready!(self.poll_send(cx, half))?;
        if self.flush_due {
            ready!(self.poll_transport_flush(cx, half))?;
            self.flush_due = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once from the transport into the connection.
    fn poll_fill(&mut self, cx: &mut Context<'_>, half: Half) -> Poll<io::Result<()>> {
        let wanted = if self.tls.is_handshaking() { READ_HANDSHAKING } else { READ_ESTABLISHED };
        let wanted = wanted.min(self.tls.receive_room());
        let Self { io, tls, fillers, .. } = self;
        let buffer = tls.receive_buffer();
        buffer.reserve(wanted);
        let mut limited = buffer.limit(wanted);
        let read = fillers.run(half, cx, |cx| pin!(io.read_buf(&mut limited)).poll(cx));
        if read.is_pending() {
            self.tls.release_buffers();
        }
        if ready!(read)? == 0 {
            self.ended = true;
            self.tls.receive_eof();
        }
        Poll::Ready(Ok(()))
    }

    /// Shakes hands again (RFC 5746), and says what was agreed then. What the peer sends meanwhile is there to be read
    /// afterwards. TLS 1.3 has [`Self::update_keys`] and [`Self::request_client_certificate`] in its place.
    ///
    /// # Errors
    /// With [`clasp_handshake::Error::NoRenegotiation`] in it the policy forbids it, the peer declined, or the version is TLS 1.3,
    /// and the stream goes on as before. Any other error has ended it.
    pub async fn renegotiate(&mut self) -> Result<&Session, Error> {
        self.tls.renegotiate()?;
        poll_fn(|cx| self.poll_renegotiated(cx, Half::Read)).await?;
        Ok(self.session())
    }

    /// As a server, asks for the client's certificate now, and says who the client is then: by shaking hands again, or in
    /// TLS 1.3 by itself (RFC 8446 4.6.2), of a client that offers that, as few do.
    ///
    /// # Errors
    /// As [`Self::renegotiate`], also of a client of TLS 1.3 that does not offer it; a certificate that is refused ends the
    /// stream.
    pub async fn request_client_certificate(&mut self, client_auth: ClientAuth) -> Result<&Session, Error> {
        self.tls.request_client_certificate(client_auth)?;
        poll_fn(|cx| self.poll_renegotiated(cx, Half::Read)).await?;
        Ok(self.session())
    }

    /// Writes under new keys from here on, in TLS 1.3, and asks the peer to do so too if `request_peer` says so (RFC 8446 4.6.3);
    /// the peer's come with what it sends next. It happens by itself before keys are used up. A peer may take many updates
    /// in a row for a flood, as we do ([`clasp_handshake::Limits::post_handshake_messages`]): data between them.
    ///
    /// # Errors
    /// [`clasp_handshake::Error::NoRenegotiation`] before TLS 1.3, and [`clasp_handshake::Error::NotWritable`] after `shutdown`
    /// and while our certificate is being shown: the stream goes on. Any other error has ended it.
    pub async fn update_keys(&mut self, request_peer: bool) -> Result<(), Error> {
        self.tls.update_keys(request_peer)?;
        Ok(poll_fn(|cx| self.poll_answer(cx, Half::Write)).await?)
    }

    /// Begins to shake hands again, and leaves it to the following reads and writes to carry on with it: for streams in
    /// which much is under way. Writes wait until it is done.
    ///
    /// # Errors
    /// [`clasp_handshake::Error::NoRenegotiation`] when the policy forbids it.
    pub fn start_renegotiation(&mut self) -> Result<(), Error> {
        Ok(self.tls.renegotiate()?)
    }

    fn poll_renegotiated(&mut self, cx: &mut Context<'_>, half: Half) -> Poll<Result<(), Error>> {
        loop {
            if matches!(half, Half::Write) && self.tls.held_data() > WRITER_HOLDS {
                // Data waits to be read: it is the reader's turn.
                self.fillers.park(half, cx);
                return Poll::Pending;
            }
            let Self { tls, pollers, .. } = &mut *self;
            let polled = pollers.run(half, cx, |cx| tls.poll_renegotiation(cx));
            let sent = self.poll_answer(cx, half);
            match polled {
                Poll::Ready(Ok(RenegotiationStatus::Done)) => return sent.map_err(Error::Io),
                Poll::Ready(Ok(RenegotiationStatus::NeedInput)) => ready!(self.poll_fill(cx, half))?,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Gets the next piece of data into `unread`; it stays empty at the end of the stream.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            let Self { tls, pollers, .. } = &mut *self;
            match pollers.run(Half::Read, cx, |cx| tls.poll(cx)) {
                Poll::Ready(Ok(Status::Data)) => self.unread = self.tls.read().unwrap_or_default(),
                Poll::Ready(Ok(Status::Closed)) => break,
                Poll::Ready(Ok(Status::NeedInput)) => {
                    // Answers to what was read (a declined renegotiation) go out with the reading.
                    let _ = self.poll_answer(cx, Half::Read);
                    ready!(self.poll_fill(cx, Half::Read))?;
                }
                Poll::Ready(Err(error)) => {
                    let _ = self.poll_answer(cx, Half::Read);
                    return Poll::Ready(Err(error.into()));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if out.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        ready!(this.poll_data(cx))?;
        let piece = this.unread.split_to(this.unread.len().min(out.remaining()));
        if this.unread.is_empty() {
            // An empty view would still hold on to the buffer.
            this.unread = Bytes::new();
        }
        out.put_slice(&piece);
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            let taken = this.tls.write(data)?;
            let sent = this.poll_send(cx, Half::Write)?;
            if taken > 0 {
                return Poll::Ready(Ok(taken));
            }
            if this.tls.is_renegotiating() && !this.tls.may_write() {
                // Nobody may be reading, so the writer carries on with it.
                ready!(this.poll_renegotiated(cx, Half::Write))?;
                continue;
            }
            ready!(sent);
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx, Half::Write))?;
        this.tls.release_buffers();
        this.poll_transport_flush(cx, Half::Write)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.tls.close();
        if this.tls.is_closing() {
            // A handshake is under way, and nothing may follow a close_notify. One that fails has closed too.
            let _ = ready!(this.poll_renegotiated(cx, Half::Write));
        }
        ready!(this.poll_send(cx, Half::Write))?;
        Pin::new(&mut this.io).poll_shutdown(cx)
    }
}
