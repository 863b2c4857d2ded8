//! A connection without sockets: bytes in, bytes out, and the handshake in between.
//!
//! `Connection` owns the record layer and drives the flight: the next message is put into the mailbox, the flight is
//! polled, its orders are carried out in order, and only when the message is consumed is the next record opened. So
//! handshake code never sees a record, and the record layer never sees a message.

mod after;
#[cfg(test)]
mod alert_tests;
#[cfg(test)]
mod authentication_tests;
#[cfg(test)]
mod choice_tests;
#[cfg(test)]
mod conformance_tests;
#[cfg(test)]
mod countermeasure_tests;
mod drive;
mod early;
#[cfg(test)]
mod early_tests;
#[cfg(all(test, feature = "ech"))]
mod ech_hostile_tests;
#[cfg(all(test, feature = "ech"))]
mod ech_key_tests;
#[cfg(all(test, feature = "ech"))]
mod ech_rejection_tests;
#[cfg(all(test, feature = "ech"))]
mod ech_server;
#[cfg(all(test, feature = "ech"))]
mod ech_server_tests;
#[cfg(all(test, feature = "ech"))]
mod ech_tests;
#[cfg(test)]
mod grease_tests;
#[cfg(test)]
mod hello_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod limit_tests;
#[cfg(test)]
mod memory_tests;
#[cfg(test)]
mod negotiation_tests;
#[cfg(all(test, feature = "legacy"))]
mod old_certificates;
#[cfg(test)]
mod psk_tests;
mod renegotiate;
#[cfg(test)]
mod renegotiation_info_tests;
#[cfg(test)]
mod renegotiation_tests;
#[cfg(test)]
mod resumption_tests;
#[cfg(test)]
mod retry_tests;
#[cfg(test)]
mod sealer_tests;
#[cfg(test)]
mod signature_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls13_tests;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use clasp_keys::ExportError;
use clasp_record::{Reader, Writer};
use clasp_wire::{AlertDescription, ContentType, Reassembler};
use rustls_pki_types::ServerName;

use crate::config::{ClientAuth, ClientConfig, Limits, ServerConfig};
use crate::dialect::Dialect;
use crate::error::{Error, Role};
use crate::peer::{Peer, SharedMailbox};
use crate::server::Again;
use crate::session::{Established, Secrets, Session};
use crate::{client, server};

pub use renegotiate::RenegotiationStatus;

/// What [`Connection::poll`] has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// More bytes from the peer are needed.
    NeedInput,
    /// [`Connection::read`] has application data; poll again after taking it.
    Data,
    /// The peer sent close_notify: no more data will come. Writing may go on.
    Closed,
}

type Flight = Pin<Box<dyn Future<Output = Result<Established, Error>> + Send>>;

/// Makes a flight where it is to stay: it has kilobytes, nearly all of them for later, and would be copied whole.
fn begin<F: Future<Output = Result<Established, Error>> + Send + 'static>(flight: impl FnOnce() -> F) -> Flight {
    let place = Box::<F>::new_uninit();
    let flight: Box<F> = Box::write(place, flight());
    Box::into_pin(flight)
}

const fn assert_send<T: Send>() {}
const _: () = assert_send::<Connection>();

/// One TLS connection, client or server, over whatever carries bytes.
///
/// The loop around it: [`poll`](Self::poll); send [`output`](Self::output); take [`read`](Self::read); on
/// [`Status::NeedInput`] give it what the peer sent by [`receive`](Self::receive), or
/// [`receive_eof`](Self::receive_eof) when the transport has ended.
pub struct Connection {
    side: Side,
    reader: Reader,
    writer: Writer,
    input: BytesMut,
    output: BytesMut,
    /// Application data for the caller, in order.
    plaintext: VecDeque<Bytes>,
    reassembler: Reassembler,
    flight: Option<(Flight, SharedMailbox)>,
    established: Option<Box<Established>>,
    failed: Option<Error>,
    ended: Ended,
    /// The agreed version.
    dialect: Option<&'static dyn Dialect>,
    warnings: u8,
    refused_renegotiations: u8,
    /// HelloRequests passed over in the handshake under way.
    passed_over: u8,
    /// Renegotiations that the peer started.
    peer_renegotiations: u32,
    again: renegotiate::State,
    /// What the handshake under way, or the last one, agreed.
    record_limits: RecordLimits,
    /// What `plaintext` takes, bytes.
    held: usize,
    /// How the client was asked for its certificate, in place of what the configuration says.
    client_auth: Option<ClientAuth>,
    /// `close` was called in the middle of a renegotiation.
    close_due: bool,
    /// Whether TLS 1.3 was agreed.
    tls13: bool,
    /// Whether a session was resumed here without the extended master secret (RFC 7627 5.4).
    resumed_without_ems: bool,
    /// Whether we were asked for a certificate and sent none. In TLS 1.3 the peer may refuse that after our handshake is done.
    certificate_declined: bool,
    after: after::After,
    early: Option<Box<early::Early>>,
}

/// The most plaintext in a record that keys of a handshake protect, bytes. They begin with those keys: records under the ones
/// before are subject to what was agreed with them (RFC 8449 4).
#[derive(Clone, Copy)]
struct RecordLimits {
    read: usize,
    write: usize,
}

impl Default for RecordLimits {
    fn default() -> Self {
        Self { read: clasp_wire::MAX_PLAINTEXT, write: clasp_wire::MAX_PLAINTEXT }
    }
}

/// Which ways the connection has ended.
#[derive(Default)]
struct Ended {
    /// We sent close_notify.
    write: bool,
    /// The peer sent close_notify.
    read: bool,
    /// The transport delivers no more.
    transport: bool,
}

/// Our role, with its configuration.
enum Side {
    Client(Arc<ClientConfig>, ServerName<'static>),
    Server(Arc<ServerConfig>),
}

impl Side {
    fn role(&self) -> Role {
        match self {
            Self::Client(..) => Role::Client,
            Self::Server(_) => Role::Server,
        }
    }

    fn limits(&self) -> &Limits {
        match self {
            Self::Client(config, _) => &config.limits,
            Self::Server(config) => &config.limits,
        }
    }

    fn write_record_size(&self) -> Option<usize> {
        match self {
            Self::Client(config, _) => config.write_record_size,
            Self::Server(config) => config.write_record_size,
        }
        .map(usize::from)
    }

    fn random(&self) -> &'static dyn clasp_crypto::SecureRandom {
        match self {
            Self::Client(config, _) => config.provider.random,
            Self::Server(config) => config.provider.random,
        }
    }
}

impl Side {
    /// A handshake, not yet begun.
    fn flight(&self, again: Option<Again>) -> (Flight, SharedMailbox) {
        let mailbox = SharedMailbox::default();
        let flight: Flight = match self {
            Self::Client(config, name) => {
                let peer = Peer::new(mailbox.clone(), Role::Client, config.trace.clone(), &config.limits);
                let previous = again.map(|again| again.previous);
                begin(|| client::handshake(peer, Arc::clone(config), name.clone(), previous))
            }
            Self::Server(config) => {
                let peer = Peer::new(mailbox.clone(), Role::Server, config.trace.clone(), &config.limits);
                begin(|| server::handshake(peer, Arc::clone(config), again))
            }
        };
        (flight, mailbox)
    }
}

impl core::fmt::Debug for Connection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Connection")
            .field("role", &self.side.role())
            .field("handshaking", &self.is_handshaking())
            .field("session", &self.session())
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// A client's connection to the server called `name`. The hello is made by the first poll.
    pub fn client(config: Arc<ClientConfig>, name: ServerName<'static>) -> Self {
        Self::new(Side::Client(config, name))
    }

    /// A server's connection to one client.
    pub fn server(config: Arc<ServerConfig>) -> Self {
        let takes_sslv2_hello = config.policy.takes_sslv2_hello;
        let mut this = Self::new(Side::Server(config));
        if takes_sslv2_hello {
            this.reader.take_sslv2_hello();
        }
        this
    }

    /// A server behind somebody.
    #[cfg(test)]
    fn server_behind(config: Arc<ServerConfig>, front: Box<dyn crate::peer::Front>) -> Self {
        let mailbox = SharedMailbox::default();
        let mut peer = Peer::new(mailbox.clone(), Role::Server, config.trace.clone(), &config.limits);
        peer.front = Some(front);
        let mut this = Self::server(Arc::clone(&config));
        this.flight = Some((Box::pin(server::handshake(peer, config, None)), mailbox));
        this
    }

    fn new(side: Side) -> Self {
        let flight = side.flight(None);
        let reassembler = Reassembler::new(side.limits().handshake_message);
        let mut reader = Reader::new();
        reader.set_max_empty(side.limits().empty_records);
        reader.set_max_change_cipher_specs(side.limits().change_cipher_specs);
        let mut writer = Writer::new();
        side.write_record_size().into_iter().for_each(|bytes| writer.set_max_plaintext(bytes));
        Self {
            side,
            reader,
            writer,
            input: BytesMut::new(),
            output: BytesMut::new(),
            plaintext: VecDeque::new(),
            reassembler,
            flight: Some(flight),
            established: None,
            failed: None,
            ended: Ended::default(),
            dialect: None,
            warnings: 0,
            refused_renegotiations: 0,
            passed_over: 0,
            peer_renegotiations: 0,
            again: renegotiate::State::Idle,
            record_limits: RecordLimits::default(),
            held: 0,
            client_auth: None,
            close_due: false,
            tls13: false,
            resumed_without_ems: false,
            certificate_declined: false,
            after: after::After::default(),
            early: None,
        }
    }

    /// Takes in bytes from the peer, as many as the bound on waiting input allows, and says how many. 0: poll, and
    /// take what [`read`](Self::read) has, before giving more.
    pub fn receive(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.get(..self.receive_room()).unwrap_or(bytes);
        self.input.extend_from_slice(taken);
        taken.len()
    }

    /// How many more bytes may wait to be processed.
    pub fn receive_room(&self) -> usize {
        self.side.limits().input.saturating_sub(self.input.len())
    }

    /// The buffer of waiting input: append what the peer sent, at most [`receive_room`](Self::receive_room) bytes.
    /// Saves the copy of [`receive`](Self::receive).
    pub fn receive_buffer(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Gives back the memory of buffers that hold nothing. [`poll`](Self::poll) does so too when it needs input; a driver
    /// that then made room to read into, and read nothing, calls this.
    pub fn release_buffers(&mut self) {
        self.release();
    }

    /// Tells that the transport delivers no more. Without a close_notify before it, that is a truncation.
    pub fn receive_eof(&mut self) {
        self.ended.transport = true;
    }

    /// Drives the connection as far as the bytes at hand allow.
    ///
    /// `Pending` means that a verifier, key or resolver of the caller's is at work, and the waker of `cx` is registered
    /// with it; no record is opened meanwhile. After an error [`output`](Self::output) may hold an alert that should
    /// still be sent, and every later poll gives the same error.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Status, Error>> {
        if let Some(error) = &self.failed {
            return Poll::Ready(Err(error.clone()));
        }
        let result = std::task::ready!(self.drive(cx, false));
        if let Err(error) = &result {
            self.fail(error);
        }
        Poll::Ready(result)
    }

    /// [`poll`](Self::poll) for callers whose verifiers, keys and resolvers are always ready, as this library's own are.
    /// One that is not is [`Error::CallbackPending`].
    pub fn poll_now(&mut self) -> Result<Status, Error> {
        match self.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(Error::CallbackPending),
        }
    }

    /// Sealed bytes to send. Take them from the front.
    pub fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// Whether there is anything to send.
    pub fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// The next piece of application data, without a copy: a view of the record it came in.
    pub fn read(&mut self) -> Option<Bytes> {
        let piece = self.plaintext.pop_front();
        self.held -= piece.as_ref().map_or(0, |piece| piece.len() + renegotiate::PIECE);
        if self.plaintext.is_empty() {
            self.plaintext = VecDeque::new();
        }
        piece
    }

    /// Seals application data into [`output`](Self::output), and says how much of it: as much as the bound on waiting
    /// output allows, 0 when the output must be sent first, or a renegotiation is under way and must end first.
    ///
    /// # Errors
    /// [`Error::NotWritable`] before the handshake is done and after [`close`](Self::close); the connection's own error
    /// when it has failed, as it does here when the keys are used up.
    pub fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.ended.write || self.close_due {
            return Err(Error::NotWritable("data was written after close"));
        }
        if self.established.is_none() {
            return Err(Error::NotWritable("data was written before the handshake was done"));
        }
        if self.flight.is_some() && (self.ended.read || self.ended.transport) {
            return Err(Error::NotWritable("the peer closed in the middle of a renegotiation"));
        }
        if self.flight.is_some() {
            // Peers take no application data in the middle of a handshake.
            return Ok(0);
        }
        let room = self.side.limits().output.saturating_sub(self.output.len());
        let taken = data.get(..room).unwrap_or(data);
        if let Err(error) = self.write_some(taken) {
            self.fail(&error);
            return Err(error);
        }
        self.watch_short_blocks()?;
        Ok(taken.len())
    }

    fn write_some(&mut self, data: &[u8]) -> Result<(), Error> {
        self.update_if_worn()?;
        if data.is_empty() {
            return Ok(());
        }
        self.update_if_asked()?;
        self.seal(ContentType::APPLICATION_DATA, data)
    }

    /// Ends our direction with a close_notify (RFC 5246 7.2.1), in the middle of a renegotiation at its end. The peer may go
    /// on sending.
    pub fn close(&mut self) {
        if self.established.is_some() && self.flight.is_some() && !self.ended.read {
            // Nothing may follow a close_notify, so the handshake is finished first.
            self.close_due = true;
            return;
        }
        if !self.ended.write && self.failed.is_none() {
            self.ended.write = true;
            // A connection that can seal no more is as good as closed.
            let _ = self.send_alert(clasp_wire::AlertLevel::WARNING, AlertDescription::CLOSE_NOTIFY);
        }
    }

    /// Ends the connection with a fatal alert of the application's own (RFC 5246 7.2.2, RFC 8446 6.2), at any time: `access_denied`,
    /// say, when the application has seen who the peer is. What was not read is dropped, nothing more is sent or received, and every later poll is
    /// [`Error::Refused`]. [`output`](Self::output) has the alert. Not `close_notify`: the peer would take what it has for all there is.
    pub fn abort(&mut self, alert: AlertDescription) {
        if self.failed.is_none() {
            self.fail(&Error::Refused(alert));
        }
    }

    /// Whether the first handshake is still going on.
    pub fn is_handshaking(&self) -> bool {
        self.established.is_none() && self.failed.is_none()
    }

    /// Whether [`write`](Self::write) is allowed, and takes data now.
    pub fn may_write(&self) -> bool {
        self.established.is_some() && self.flight.is_none() && !self.ended.write && self.failed.is_none()
    }

    /// Whether [`close`](Self::close) waits for the end of a renegotiation.
    pub fn is_closing(&self) -> bool {
        self.close_due && self.failed.is_none()
    }

    /// Whether the peer has sent close_notify.
    pub fn peer_has_closed(&self) -> bool {
        self.ended.read
    }

    /// What was agreed, once the handshake is done.
    pub fn session(&self) -> Option<&Session> {
        self.established.as_ref().map(|established| &established.session)
    }

    /// Whether the peer can go on without the [`Self::output`] that the end of the handshake left: there is nothing in it but
    /// the tickets a TLS 1.3 server sends when the client has finished (RFC 8446 4.6.1). Who waited until a slow transport
    /// has taken them would wait for a client that writes before it reads.
    pub fn output_can_wait(&self) -> bool {
        self.role() == Role::Server && self.session().is_some_and(|session| session.suite.is_of_tls13())
    }

    /// Our role.
    pub fn role(&self) -> Role {
        self.side.role()
    }

    /// Fills `out` with keying material for another protocol, bound to this connection (RFC 5705, RFC 8446 7.5), which takes
    /// the extended master secret before TLS 1.3 (RFC 7627 5.4). `None`: not yet established.
    pub fn export_keying_material(
        &self,
        label: &[u8],
        context: Option<&[u8]>,
        out: &mut [u8],
    ) -> Option<Result<(), ExportError>> {
        let established = self.established.as_ref()?;
        if !established.session.extended_master_secret {
            // Another connection might export the same (RFC 7627 5.4).
            return Some(Err(ExportError::NotBound));
        }
        let secrets = match &established.secrets {
            Secrets::Classic(secrets) => secrets,
            // No context and an empty one are the same there (RFC 8446 7.5).
            Secrets::Tls13(secrets) => {
                return Some(secrets.exporter.export(label, context.unwrap_or_default(), out));
            }
        };
        let (client, server) = (&secrets.randoms.client, &secrets.randoms.server);
        Some(secrets.schedule.export(&secrets.master, client, server, label, context, out))
    }

    /// The `tls-unique` channel binding (RFC 5929 3): the first Finished's verify_data, 12 bytes, in SSL 3.0 36. `None` before the
    /// handshake is done; on a connection that resumed a session without the extended master secret, as somebody between the
    /// two can have made both Finished the same (RFC 7627 5.4); and in TLS 1.3, which has the exporter
    /// `EXPORTER-Channel-Binding` for it (RFC 9266).
    pub fn tls_unique(&self) -> Option<&[u8]> {
        let established = self.established.as_ref().filter(|_| !self.resumed_without_ems)?;
        match &established.secrets {
            Secrets::Classic(secrets) => Some(secrets.first_finished(established.session.resumed()).as_slice()),
            Secrets::Tls13(_) => None,
        }
    }
}
