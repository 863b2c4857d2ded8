//! What comes after the handshake in TLS 1.3: tickets, new keys, and the client's certificate asked for later (RFC 8446 4.6).
//!
//! What can be done at once is done at once. What a callback may take its time for is an errand: a short future, which the
//! ordinary polls drive. No record is opened while a callback is pending.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use clasp_keys::Transcript;
use clasp_wire::{
    CertificateRequest13, ContentType, ExtensionPlace, HandshakeMessage as _, HandshakeType, KeyUpdate,
    NewSessionTicket13, RawHandshake,
};

use super::{Connection, Side};
use crate::client::{tickets, tls13 as client};
use crate::config::ClientAuth;
use crate::error::{Error, Misbehaviour, Role};
use crate::peer::{Incoming, MessageLimits, Order, Peer, SharedMailbox, describe};
use crate::server::tls13 as server;
use crate::session::{Done, Established, Session};
use crate::tls13::{Secrets13, epoch};

/// How many records are kept for what is written before new keys come: more than one call of `write` takes.
const RECORDS_KEPT: u64 = 4096;

/// The longest that a ticket may be good for, seconds (RFC 8446 4.6.1).
const LONGEST_LIFETIME: u32 = 7 * 24 * 3600;

type ErrandFuture = Pin<Box<dyn Future<Output = Result<Done, Error>> + Send>>;

/// What is going on after the handshake.
#[derive(Default)]
pub(super) struct After {
    errand: Option<(ErrandFuture, SharedMailbox)>,
    /// The errand is to show our certificate.
    answering: bool,
    /// The client was asked for its certificate, and has not answered.
    asked: Option<Box<Asked>>,
    /// Messages in a row without application data between them.
    in_a_row: u8,
    /// Requests for our certificate that were answered.
    requests: u8,
    /// The peer asked us for new keys, and has not got them.
    update_due: bool,
}

struct Asked {
    context: Bytes,
    client_auth: ClientAuth,
    /// Up to our request.
    transcript: Transcript,
}

impl After {
    /// Whether a request for the client's certificate is not answered yet.
    pub(super) fn is_asking(&self) -> bool {
        self.asked.is_some() || self.errand.is_some()
    }

    /// Application data came.
    pub(super) fn data_came(&mut self) {
        self.in_a_row = 0;
    }
}

impl Connection {
    /// A handshake message of TLS 1.3 when no handshake is going on.
    pub(super) fn after_handshake(&mut self, message: RawHandshake) -> Result<(), Error> {
        use HandshakeType as Type;
        if let Some((_, mailbox)) = &self.after.errand {
            mailbox.deliver(Incoming::Message(message));
            return Ok(());
        }
        if self.after.in_a_row >= self.side.limits().post_handshake_messages {
            return Err(Error::TooMany("messages after the handshake"));
        }
        self.after.in_a_row += 1;
        match (message.typ, self.role()) {
            (Type::KEY_UPDATE, _) => self.keys_of_peer_change(&message),
            (Type::NEW_SESSION_TICKET, Role::Client) => self.keep_ticket(&message),
            (Type::CERTIFICATE_REQUEST, Role::Client) => self.answer_request(&message),
            (Type::CERTIFICATE | Type::COMPRESSED_CERTIFICATE, Role::Server) => self.client_answers(message),
            (other, _) => Err(Error::UnexpectedMessage { expected: "application data", got: describe(other) }),
        }
    }

    /// Drives the errand. Ready: there is none, or it waits for a message.
    pub(super) fn poll_errand(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.ended.write && std::mem::take(&mut self.after.answering) {
            // Behind our close_notify nothing is sent. Tickets are kept, and a client's answer is heard to its end.
            self.after.errand = None;
        }
        let Some((errand, mailbox)) = &mut self.after.errand else { return Poll::Ready(Ok(())) };
        mailbox.begin();
        let polled = errand.as_mut().poll(cx);
        let (orders, awaits_message, certificate_declined) = mailbox.finish();
        self.certificate_declined |= certificate_declined;
        for order in orders {
            self.carry_out(order)?;
        }
        match polled {
            Poll::Ready(done) => {
                self.after.errand = None;
                self.done(done?);
                Poll::Ready(Ok(()))
            }
            Poll::Pending if awaits_message => Poll::Ready(Ok(())),
            Poll::Pending if self.ended.transport && self.input.is_empty() => Poll::Ready(Err(Error::Truncated)),
            Poll::Pending => Poll::Pending,
        }
    }

    fn done(&mut self, done: Done) {
        self.after.answering = false;
        let Some(established) = &mut self.established else { return };
        match done {
            Done::Kept => {}
            Done::Answered(with_certificate) => established.session.client_authenticated |= with_certificate,
            Done::Client(client) => {
                let (chain, report) = *client;
                established.session.client_authenticated = report.is_some();
                established.session.peer_certificates = chain.into();
                established.session.report = report.map(Box::new);
            }
        }
        self.close_if_due();
    }

    /// Begins an errand, with a [`Peer`] of its own.
    fn send_on_errand<F>(&mut self, transcript: Transcript, errand: impl FnOnce(Peer) -> F)
    where
        F: Future<Output = Result<Done, Error>> + Send + 'static,
    {
        let mailbox = SharedMailbox::default();
        let trace = match &self.side {
            Side::Client(config, _) => config.trace.clone(),
            Side::Server(config) => config.trace.clone(),
        };
        let mut peer = Peer::new(mailbox.clone(), self.role(), trace, self.side.limits());
        peer.transcript = transcript;
        self.after.errand = Some((Box::pin(errand(peer)), mailbox));
    }

    fn secrets13(&mut self) -> Option<(&Session, &mut Secrets13)> {
        let Established { session, secrets } = self.established.as_deref_mut()?;
        Some((session, secrets.tls13_mut()?))
    }

    /// The peer writes under new keys, and may want us to (RFC 8446 4.6.3).
    fn keys_of_peer_change(&mut self, message: &RawHandshake) -> Result<(), Error> {
        let update = message.parse::<KeyUpdate>()?;
        let peer = self.peer_role();
        if let Some((session, secrets)) = self.secrets13() {
            let keys = epoch(session.suite, &secrets.update(peer).prepare());
            self.carry_out(Order::ReadKeys(keys))?;
        }
        self.after.update_due |= update.request;
        Ok(())
    }

    fn peer_role(&self) -> Role {
        match self.role() {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        }
    }

    /// Takes new keys where the old ones are used up.
    pub(super) fn update_if_worn(&mut self) -> Result<(), Error> {
        let worn =
            self.writer.records_left() < RECORDS_KEPT || self.writer.bytes_under_key() >= self.side.limits().key_data;
        if worn && self.tls13 && self.established.is_some() { self.take_new_keys() } else { Ok(()) }
    }

    /// Takes the new keys that the peer asked for: before the next application data, and once for however many requests came
    /// until then (RFC 8446 4.6.3). Who has nothing to say answers none, or a peer could have it fill its memory with answers.
    pub(super) fn update_if_asked(&mut self) -> Result<(), Error> {
        if self.after.update_due { self.take_new_keys() } else { Ok(()) }
    }

    fn take_new_keys(&mut self) -> Result<(), Error> {
        if self.after.errand.is_none() && !self.ended.write {
            self.after.update_due = false;
            self.change_write_keys(false)?;
        }
        Ok(())
    }

    fn change_write_keys(&mut self, request: bool) -> Result<(), Error> {
        let role = self.role();
        let keys = match self.secrets13() {
            Some((session, secrets)) => epoch(session.suite, &secrets.update(role).prepare()),
            None => return Ok(()),
        };
        self.seal(ContentType::HANDSHAKE, &KeyUpdate { request }.encode())?;
        self.carry_out(Order::WriteKeys(keys))
    }

    /// Writes under new keys from here on, and asks the peer to do so too if `request_peer` says so (RFC 8446 4.6.3). Happens
    /// by itself before keys are used up.
    ///
    /// # Errors
    /// [`Error::NoRenegotiation`] before TLS 1.3, which has new keys by renegotiation alone;
    /// [`Error::NotWritable`] before the handshake is done, after [`close`](Self::close), and while a request for our
    /// certificate is being answered.
    pub fn update_keys(&mut self, request_peer: bool) -> Result<(), Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.established.is_none() || self.ended.write {
            return Err(Error::NotWritable("new keys before the handshake was done, or after close"));
        }
        if self.secrets13().is_none() {
            return Err(Error::NoRenegotiation("new keys alone are a matter of TLS 1.3"));
        }
        if self.after.errand.is_some() {
            return Err(Error::NotWritable("a request for our certificate is being answered"));
        }
        let result = self.change_write_keys(request_peer);
        if let Err(error) = &result {
            self.fail(error);
        }
        result
    }

    /// A ticket to come back with (RFC 8446 4.6.1).
    fn keep_ticket(&mut self, message: &RawHandshake) -> Result<(), Error> {
        let ticket = message.parse::<NewSessionTicket13>()?;
        MessageLimits::from(self.side.limits()).check(&ticket)?;
        if ticket.lifetime > LONGEST_LIFETIME {
            return Err(Misbehaviour::BadTicketLifetime.into());
        }
        let mut extensions = ticket.extensions.iter();
        if extensions.any(|extension| !extension.ext_type().allowed_in(ExtensionPlace::NewSessionTicket)) {
            return Err(Misbehaviour::MisplacedExtension.into());
        }
        let Side::Client(config, name) = &self.side else { return Ok(()) };
        let (config, name) = (Arc::clone(config), name.clone());
        let Some((session, secrets)) = self.secrets13() else { return Ok(()) };
        let Some(saved) = tickets::saved(&config, session, secrets, &ticket) else { return Ok(()) };
        self.send_on_errand(Transcript::new(), |_| tickets::keep(config, name, saved));
        Ok(())
    }

    /// The server asks for our certificate (RFC 8446 4.6.2).
    fn answer_request(&mut self, message: &RawHandshake) -> Result<(), Error> {
        let Side::Client(config, _) = &self.side else { return Ok(()) };
        let config = Arc::clone(config);
        let forked = self.secrets13().and_then(|(_, secrets)| {
            Some((secrets.transcript.as_ref().map(Transcript::fork)?, secrets.client.clone()))
        });
        let Some((mut transcript, secret)) = forked else {
            // We did not offer it.
            return Err(Error::UnexpectedMessage { expected: "application data", got: describe(message.typ) });
        };
        if self.after.requests >= config.limits.certificate_requests {
            return Err(Error::TooMany("requests for our certificate"));
        }
        self.after.requests += 1;
        let request = message.parse::<CertificateRequest13>()?;
        MessageLimits::from(&config.limits).check(&request)?;
        let request = client::Request::read(request)?;
        transcript.add(&message.raw);
        self.after.answering = true;
        self.send_on_errand(transcript, |peer| client::answer_late_request(peer, config, request, secret));
        Ok(())
    }

    /// As a server, asks for the client's certificate now.
    pub(super) fn ask_client(&mut self, client_auth: ClientAuth) -> Result<(), Error> {
        let Side::Server(config) = &self.side else { return Ok(()) };
        let config = Arc::clone(config);
        if self.ended.read || self.ended.write || self.ended.transport {
            return Err(Error::NoRenegotiation("the connection is closing"));
        }
        let Some(verifier) = client_auth.verifier().cloned().filter(|_| !self.after.is_asking()) else { return Ok(()) };
        let transcript = self.secrets13().and_then(|(_, secrets)| Some(secrets.transcript.as_ref()?.fork()));
        let mut transcript =
            transcript.ok_or(Error::NoRenegotiation("the client does not offer post-handshake authentication"))?;
        let mut context = [0; 32];
        config.provider.random.fill(&mut context)?;
        let context = Bytes::copy_from_slice(&context);
        let request = server::certificate_request(&config, verifier.as_ref(), context.clone()).encode();
        transcript.add(&request);
        self.seal(ContentType::HANDSHAKE, &request)?;
        self.after.asked = Some(Box::new(Asked { context, client_auth, transcript }));
        Ok(())
    }

    /// The client answers our request.
    fn client_answers(&mut self, message: RawHandshake) -> Result<(), Error> {
        let Side::Server(config) = &self.side else { return Ok(()) };
        let config = Arc::clone(config);
        let asked = self.after.asked.take();
        let secret = self.secrets13().map(|(_, secrets)| secrets.client.clone());
        let (Some(asked), Some(secret)) = (asked, secret) else {
            return Err(Error::UnexpectedMessage { expected: "application data", got: describe(message.typ) });
        };
        let Asked { context, client_auth, transcript } = *asked;
        self.send_on_errand(transcript, |peer| {
            server::authenticate_late_client(peer, config, client_auth, context, secret)
        });
        if let Some((_, mailbox)) = &self.after.errand {
            mailbox.deliver(Incoming::Message(message));
        }
        Ok(())
    }
}
