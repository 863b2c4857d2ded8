//! The other side, as a handshake flight sees it: typed messages in, orders out (RFC 5246 7.4).
//!
//! A flight is an async function that holds a [`Peer`]. Behind it is a mailbox of depth one, which the connection fills
//! with the next message and empties of orders. `receive::<T>` names the only message that is legal at that place, so a
//! flight cannot pass a state in which another one came.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use clasp_keys::{DirectionKeys, Transcript};
use clasp_record::Form;
use clasp_wire::{
    AlertDescription, ClientHello, DecodeError, HandshakeMessage, HandshakeType, ProtocolVersion, RawHandshake,
    SignatureScheme, Sslv2ClientHello,
};

use crate::config::Limits;
use crate::dialect::Dialect;
use crate::error::{ConfigError, Error, Misbehaviour, Role};
use crate::suites::Suite;
#[cfg(feature = "ech")]
use crate::trace::TracedMessage;
use crate::trace::{Step, Trace, TraceEvent};

/// What the connection hands to a flight.
#[derive(Debug)]
pub(crate) enum Incoming {
    Message(RawHandshake),
    /// A first hello in SSL 2.0's format, without its record header.
    Sslv2Hello(Bytes),
    ChangeCipherSpec,
    /// The client's alert that it has no certificate to show.
    NoCertificate,
}

/// What a flight asks of the connection. Orders are carried out in the order given, also when the flight then fails.
#[derive(Debug)]
pub(crate) enum Order {
    /// Send one handshake message, header included.
    Send(BytesMut),
    /// Send this hello in SSL 2.0's format, which has a record header of its own.
    SendSslv2Hello(Bytes),
    /// Tell of a message that is sent within the next one, or came within the last.
    #[cfg(feature = "ech")]
    Tell(TracedMessage),
    /// Send a warning.
    Warn(AlertDescription),
    /// Send a ChangeCipherSpec, then protect what is written with these keys.
    ChangeWriteKeys(EpochKeys),
    /// Protect what is written with these keys, which nothing announces (RFC 8446 7.3).
    WriteKeys(EpochKeys),
    /// Open what is read with these keys, which nothing announces.
    ReadKeys(EpochKeys),
    /// Write without protection again: a second hello follows early data (RFC 8446 4.2.10).
    DropWriteKeys,
    /// Send a ChangeCipherSpec that says nothing, for those on the way who expect one (RFC 8446 D.4).
    CompatibilityChangeCipherSpec,
    /// TLS 1.3 is agreed: its records, its alerts, and the ChangeCipherSpecs of others dropped.
    Tls13,
    /// Early data may be written, or no more (RFC 8446 4.2.10).
    WriteEarlyData(Option<u32>),
    /// What is read until the next keys is early data, at most so many bytes of it.
    ReadEarlyData(u32),
    /// The server may answer early data.
    AnswerEarlyData,
    /// The client may write before the server's Finished has come (RFC 7918).
    FalseStart,
    /// Early data that was sent in vain is passed over, at most so many bytes of it.
    SkipEarlyData(u32),
    /// Open what is read from now on with these keys.
    ChangeReadKeys(EpochKeys),
    /// The version that plaintext records carry until one is agreed.
    RecordVersion(ProtocolVersion),
    /// The agreed version: its records, its alerts.
    Dialect(&'static dyn Dialect),
    /// The largest plaintext in a record that we send, in bytes (RFC 8449, RFC 6066 4). Both limits are for the keys of this
    /// handshake, and ordered before them.
    WriteLimit(usize),
    /// The largest plaintext in a record that the peer may send, in bytes.
    ReadLimit(usize),
}

/// Key material of one direction: never a ready cipher, so that other drivers than a record layer can take it.
pub(crate) struct EpochKeys {
    pub(crate) suite: &'static Suite,
    pub(crate) keys: DirectionKeys,
    pub(crate) form: Form,
}

impl core::fmt::Debug for EpochKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("EpochKeys").field("suite", &self.suite.id).finish_non_exhaustive()
    }
}

/// The place where connection and flight meet. Only one of them runs at a time, so the lock is never contended.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    inbox: Option<Incoming>,
    orders: Vec<Order>,
    awaited: Option<&'static str>,
    /// Whether an alert `no_certificate` is an answer to what the flight waits for.
    may_decline: bool,
    certificate_declined: bool,
}

/// A mailbox both ends hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedMailbox(Arc<Mutex<Mailbox>>);

impl SharedMailbox {
    fn lock(&self) -> MutexGuard<'_, Mailbox> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts in the next message. The flight must have asked for one.
    pub(crate) fn deliver(&self, incoming: Incoming) {
        let mut mailbox = self.lock();
        debug_assert!(mailbox.inbox.is_none(), "the mailbox has depth one");
        mailbox.inbox = Some(incoming);
    }

    /// To be called before the flight is polled: it has not asked for anything yet.
    pub(crate) fn begin(&self) {
        let mut mailbox = self.lock();
        mailbox.awaited = None;
        mailbox.may_decline = false;
    }

    /// Whether an alert `no_certificate` is an answer to what the flight waits for.
    pub(crate) fn may_decline(&self) -> bool {
        self.lock().may_decline
    }

    /// To be called after the flight was polled: takes what it orders, and tells whether it waits for the peer, and whether we
    /// were asked for a certificate and sent none.
    pub(crate) fn finish(&self) -> (Vec<Order>, bool, bool) {
        let mut mailbox = self.lock();
        (std::mem::take(&mut mailbox.orders), mailbox.awaited.is_some(), mailbox.certificate_declined)
    }

    /// What the flight is waiting for from the peer, or `None` when it waits for a callback.
    pub(crate) fn awaited(&self) -> Option<&'static str> {
        self.lock().awaited
    }
}

/// Somebody before a server who has a say in its hellos, for tests.
#[cfg(test)]
pub(crate) trait Front: Send + Sync {
    /// Gives what the server is to read in place of a client's hello.
    fn receives(&mut self, hello: RawHandshake) -> Result<RawHandshake, Error>;

    /// Gives what is sent in place of a message, which is not in the transcript yet.
    fn sends(&mut self, transcript: &Transcript, raw: Bytes) -> Bytes;
}

/// What a message of the peer's may hold: see [`Limits`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageLimits {
    /// Bytes.
    pub(crate) message: usize,
    extensions: usize,
    certificates: usize,
}

impl From<&Limits> for MessageLimits {
    fn from(limits: &Limits) -> Self {
        let Limits { handshake_message, extensions, certificates, .. } = *limits;
        Self { message: handshake_message, extensions, certificates }
    }
}

impl MessageLimits {
    /// Whether a message has few enough extensions.
    pub(crate) fn check<M: HandshakeMessage>(self, message: &M) -> Result<(), Misbehaviour> {
        if message.extension_count() > self.extensions { Err(Misbehaviour::TooManyExtensions) } else { Ok(()) }
    }
}

/// The other side of the handshake.
pub(crate) struct Peer {
    #[cfg(test)]
    pub(crate) front: Option<Box<dyn Front>>,
    mailbox: SharedMailbox,
    role: Role,
    trace: Option<Arc<dyn Trace>>,
    pub(crate) limits: MessageLimits,
    /// Every handshake message so far, both ways. HelloRequest is never in it.
    pub(crate) transcript: Transcript,
    /// Where messages are written, one behind the other.
    outgoing: BytesMut,
}

/// Room for most flights, bytes.
const FLIGHT: usize = 4096;

impl Peer {
    /// `role` is ours.
    pub(crate) fn new(
        mailbox: SharedMailbox,
        role: Role,
        trace: Option<Arc<dyn Trace>>,
        limits: impl Into<MessageLimits>,
    ) -> Self {
        Self {
            #[cfg(test)]
            front: None,
            mailbox,
            role,
            trace,
            limits: limits.into(),
            transcript: Transcript::new(),
            outgoing: BytesMut::new(),
        }
    }

    /// Waits for the client's hello, which may be in SSL 2.0's format where the connection takes that. With it comes what
    /// the transcript gets later, if that is the hello that counts: header included.
    pub(crate) async fn receive_client_hello(&mut self) -> Result<(ClientHello, Bytes), Error> {
        match self.next(ClientHello::NAME, false).await {
            Incoming::Message(raw) if raw.typ == ClientHello::TYPE => {
                #[cfg(test)]
                let raw = self.through_front(raw)?;
                Ok((self.parse::<ClientHello>(&raw)?, raw.raw))
            }
            Incoming::Sslv2Hello(message) => Ok((Sslv2ClientHello::parse(&message)?.to_client_hello(), message)),
            other => Err(unexpected(ClientHello::NAME, &other)),
        }
    }

    /// [`Self::receive`] for a message that the transcript gets later, if at all; its bytes, header included, come with it.
    pub(crate) async fn receive_unhashed<M: HandshakeMessage>(&mut self) -> Result<(M, Bytes), Error> {
        match self.next(M::NAME, false).await {
            Incoming::Message(raw) if raw.typ == M::TYPE => {
                #[cfg(test)]
                let raw = self.through_front(raw)?;
                Ok((self.parse::<M>(&raw)?, raw.raw))
            }
            other => Err(unexpected(M::NAME, &other)),
        }
    }

    /// Waits for the one message that is legal here. Any other is `unexpected_message`.
    pub(crate) async fn receive<M: HandshakeMessage>(&mut self) -> Result<M, Error> {
        let message = self.receive_as(M::TYPE, M::NAME, M::parse_body).await?;
        self.check_extensions(&message)?;
        Ok(message)
    }

    fn parse<M: HandshakeMessage>(&self, raw: &RawHandshake) -> Result<M, Error> {
        let message = raw.parse::<M>()?;
        self.check_extensions(&message)?;
        Ok(message)
    }

    /// Whether a message has few enough extensions.
    pub(crate) fn check_extensions<M: HandshakeMessage>(&self, message: &M) -> Result<(), Misbehaviour> {
        self.limits.check(message)
    }

    /// Whether the peer's chain has few enough certificates.
    pub(crate) fn check_chain(&self, certificates: usize) -> Result<(), Misbehaviour> {
        if certificates > self.limits.certificates { Err(Misbehaviour::TooManyCertificates) } else { Ok(()) }
    }

    /// [`Self::receive`] for a message whose form the dialect knows.
    pub(crate) async fn receive_as<T>(
        &mut self,
        typ: HandshakeType,
        name: &'static str,
        parse: impl FnOnce(&Bytes) -> Result<T, DecodeError>,
    ) -> Result<T, Error> {
        match self.next(name, false).await {
            Incoming::Message(raw) if raw.typ == typ => {
                let message = parse(&raw.body())?;
                self.transcript.add(&raw.raw);
                Ok(message)
            }
            other => Err(unexpected(name, &other)),
        }
    }

    /// [`Self::receive`], where the peer may decline by an alert.
    pub(crate) async fn receive_unless_declined<M: HandshakeMessage>(&mut self) -> Result<Option<M>, Error> {
        match self.next(M::NAME, true).await {
            Incoming::NoCertificate => Ok(None),
            Incoming::Message(raw) if raw.typ == M::TYPE => {
                let message = self.parse::<M>(&raw)?;
                self.transcript.add(&raw.raw);
                Ok(Some(message))
            }
            other => Err(unexpected(M::NAME, &other)),
        }
    }

    /// Waits for the next message, and takes it only if it is an `M`. For messages that what was agreed, or the RFC,
    /// makes optional.
    pub(crate) async fn receive_optional<M: HandshakeMessage>(&mut self) -> Result<Option<M>, Error> {
        if self.next_is(M::TYPE, M::NAME).await { self.receive().await.map(Some) } else { Ok(None) }
    }

    /// Waits for the next message, leaves it where it is, and says whether it is of this type.
    pub(crate) async fn next_is(&mut self, typ: HandshakeType, name: &'static str) -> bool {
        poll_fn(|_| {
            let mut mailbox = self.mailbox.lock();
            match &mailbox.inbox {
                Some(Incoming::Message(raw)) => Poll::Ready(raw.typ == typ),
                Some(_) => Poll::Ready(false),
                None => {
                    mailbox.awaited = Some(name);
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Waits for the peer's ChangeCipherSpec, and opens what follows with `keys`.
    pub(crate) async fn receive_change_cipher_spec(&mut self, keys: EpochKeys) -> Result<(), Error> {
        match self.next("ChangeCipherSpec", false).await {
            Incoming::ChangeCipherSpec => {
                self.order(Order::ChangeReadKeys(keys));
                Ok(())
            }
            other => Err(unexpected("ChangeCipherSpec", &other)),
        }
    }

    /// Sends a handshake message.
    pub(crate) fn send<M: HandshakeMessage>(&mut self, message: &M) {
        if self.outgoing.capacity() == 0 {
            self.outgoing.reserve(FLIGHT);
        }
        message.write(&mut self.outgoing);
        let raw = self.outgoing.split();
        self.send_encoded(raw);
    }

    /// Sends a handshake message whose form the dialect knows, header included.
    pub(crate) fn send_encoded(&mut self, raw: impl Into<BytesMut>) {
        let raw = raw.into();
        #[cfg(all(test, feature = "legacy"))]
        let raw = BytesMut::from(crate::rfc8448::sent(raw.freeze()));
        #[cfg(test)]
        let raw = match &mut self.front {
            Some(front) => front.sends(&self.transcript, raw.freeze()).into(),
            None => raw,
        };
        self.transcript.add(&raw);
        self.order(Order::Send(raw));
    }

    /// Sends a hello in SSL 2.0's format.
    pub(crate) fn send_sslv2_hello(&mut self, hello: &ClientHello) -> Result<(), Error> {
        let message = Sslv2ClientHello::of(hello).encode().ok_or(ConfigError::NothingToOffer("few enough suites"))?;
        self.transcript.add(&message);
        self.order(Order::SendSslv2Hello(message));
        Ok(())
    }

    /// Sends our ChangeCipherSpec; what follows is under `keys`.
    pub(crate) fn change_cipher_spec(&self, keys: EpochKeys) {
        self.order(Order::ChangeWriteKeys(keys));
    }

    /// Notes that we were asked for a certificate and sent none: if the peer then refuses, that is likely why.
    pub(crate) fn decline_certificate(&self) {
        self.mailbox.lock().certificate_declined = true;
    }

    pub(crate) fn order(&self, order: Order) {
        let orders = &mut self.mailbox.lock().orders;
        if orders.is_empty() {
            // A server of TLS 1.3 has ten at once.
            orders.reserve(12);
        }
        orders.push(order);
    }

    /// Reports an event; `fields` is only called when somebody listens.
    pub(crate) fn trace(&self, step: Step, what: &'static str, fields: impl FnOnce() -> Vec<(&'static str, String)>) {
        /// Out of the way of a flight's code, most of which would be this.
        #[cold]
        #[inline(never)]
        fn tell(
            trace: &dyn Trace,
            (step, role, what): (Step, Role, &'static str),
            fields: impl FnOnce() -> Vec<(&'static str, String)>,
        ) {
            trace.event(&TraceEvent { step, role, what, fields: fields() });
        }
        if let Some(trace) = &self.trace {
            tell(trace.as_ref(), (step, self.role, what), fields);
        }
    }

    /// Tells with which scheme the peer's handshake signature was made, once it is verified.
    pub(crate) fn trace_signature(&self, scheme: SignatureScheme) {
        let step = match self.role {
            Role::Client => Step::ServerAuthentication,
            Role::Server => Step::MasterSecret,
        };
        self.trace(step, "verified the peer's signature", || vec![("scheme", scheme.to_string())]);
    }

    #[cfg(test)]
    fn through_front(&mut self, raw: RawHandshake) -> Result<RawHandshake, Error> {
        match &mut self.front {
            Some(front) => front.receives(raw),
            None => Ok(raw),
        }
    }

    async fn next(&self, awaited: &'static str, may_decline: bool) -> Incoming {
        poll_fn(|_| {
            let mut mailbox = self.mailbox.lock();
            if let Some(incoming) = mailbox.inbox.take() {
                Poll::Ready(incoming)
            } else {
                mailbox.awaited = Some(awaited);
                mailbox.may_decline = may_decline;
                Poll::Pending
            }
        })
        .await
    }
}

fn unexpected(expected: &'static str, got: &Incoming) -> Error {
    let got = match got {
        Incoming::Message(raw) => describe(raw.typ),
        Incoming::Sslv2Hello(_) => "a hello in SSL 2.0's format".to_owned(),
        Incoming::ChangeCipherSpec => "ChangeCipherSpec".to_owned(),
        Incoming::NoCertificate => "an alert no_certificate".to_owned(),
    };
    Error::UnexpectedMessage { expected, got }
}

/// The name of a handshake message type, for messages to people.
pub(crate) fn describe(typ: HandshakeType) -> String {
    format!("{typ}")
}
