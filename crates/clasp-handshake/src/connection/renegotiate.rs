//! Shaking hands again on an established connection (step 11; RFC 5246 7.4.1.1, RFC 5746).
//!
//! A renegotiation is a request that the ordinary reads and writes carry on with: the old keys stay in force, what the peer
//! sends under them is delivered in order, and only what we send waits, as peers take no application data in the middle of
//! a handshake.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use clasp_wire::{AlertDescription, AlertLevel, ContentType, RawHandshake};

use super::{Connection, Side, Status};
use crate::config::ClientAuth;
use crate::error::{Error, Role};
use crate::peer::Incoming;
use crate::policy::{Policy, Renegotiation};
use crate::server::Again;
use crate::session::{Established, Previous};
use crate::trace::{Step, TraceEvent};

/// What a piece of data that is held takes besides its bytes, about.
pub(super) const PIECE: usize = 64;

/// How far the wish for another handshake has come.
#[derive(Debug, Default)]
pub(super) enum State {
    /// There is none, or the handshake itself is under way.
    #[default]
    Idle,
    /// A HelloRequest was sent, and the client has not answered. What it is to be asked then, instead of what the
    /// configuration says.
    Asked(Option<ClientAuth>),
    /// A HelloRequest came, and the application is to say when it is answered.
    Wanted,
    /// The peer declined; nobody was told yet.
    Declined,
}

/// What [`Connection::poll_renegotiation`] has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenegotiationStatus {
    /// More bytes from the peer are needed.
    NeedInput,
    /// It is done; [`Connection::session`] tells what was agreed, and who the peer is now.
    Done,
}

impl Connection {
    /// Begins to shake hands again: the client with a new hello, the server by asking for one. The connection's ordinary
    /// polls, reads and writes carry on with it; [`poll_renegotiation`](Self::poll_renegotiation) waits for its end.
    /// Nothing happens when one is under way already.
    ///
    /// # Errors
    /// [`Error::NoRenegotiation`] when the policy does not allow it with this peer or the connection is closing;
    /// [`Error::NotWritable`] before the first handshake is done. The connection goes on.
    pub fn renegotiate(&mut self) -> Result<(), Error> {
        self.begin_again(None)
    }

    /// As a server, asks for the client's certificate now, as `client_auth` says, whatever the configuration says: by shaking
    /// hands again, or in TLS 1.3 by itself (RFC 8446 4.6.2), of a client that offers that.
    /// [`poll_renegotiation`](Self::poll_renegotiation) waits for the answer.
    ///
    /// # Errors
    /// As [`renegotiate`](Self::renegotiate); also for a client.
    pub fn request_client_certificate(&mut self, client_auth: ClientAuth) -> Result<(), Error> {
        if self.role() == Role::Client {
            return Err(Error::NoRenegotiation("only a server asks for a client's certificate"));
        }
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.tls13 && self.established.is_some() {
            return self.ask_client(client_auth);
        }
        self.begin_again(Some(client_auth))
    }

    /// Whether the server asked for another handshake that [`renegotiate`](Self::renegotiate) is to begin, as
    /// [`renegotiate_when_told`](crate::ClientConfigBuilder::renegotiate_when_told) has it. No
    /// longer when either side has closed meanwhile.
    pub fn is_asked_to_renegotiate(&self) -> bool {
        matches!(self.again, State::Wanted) && self.failed.is_none() && self.may_renegotiate().is_ok()
    }

    /// Whether a handshake after the first one was asked for or is under way.
    pub fn is_renegotiating(&self) -> bool {
        self.established.is_some()
            && (self.flight.is_some() || self.after.is_asking() || matches!(self.again, State::Asked(_)))
    }

    /// Drives a renegotiation to its end. Application data that comes meanwhile is held back, up to
    /// `Limits::renegotiation_data`, and is there to be read afterwards.
    ///
    /// # Errors
    /// [`Error::NoRenegotiation`] when the peer declined: the connection goes on. Any other has ended it.
    pub fn poll_renegotiation(&mut self, cx: &mut Context<'_>) -> Poll<Result<RenegotiationStatus, Error>> {
        if let Some(error) = &self.failed {
            return Poll::Ready(Err(error.clone()));
        }
        let result = if self.is_renegotiating() { Some(ready!(self.drive(cx, true))) } else { None };
        if let Some(Err(error)) = result {
            self.fail(&error);
            return Poll::Ready(Err(error));
        }
        if matches!(self.again, State::Declined) {
            self.again = State::Idle;
            return Poll::Ready(Err(Error::NoRenegotiation("the peer declined")));
        }
        Poll::Ready(match result {
            Some(Ok(Status::Closed)) if self.is_renegotiating() => {
                Err(Error::NoRenegotiation("the peer closed the connection"))
            }
            _ if self.is_renegotiating() => Ok(RenegotiationStatus::NeedInput),
            _ => Ok(RenegotiationStatus::Done),
        })
    }

    fn policy(&self) -> &Policy {
        match &self.side {
            Side::Client(config, _) => &config.policy,
            Side::Server(config) => &config.policy,
        }
    }

    /// Whether the policy allows another handshake with this peer.
    fn may_renegotiate(&self) -> Result<(), Error> {
        let Some(established) = &self.established else {
            return Err(Error::NotWritable("renegotiation before the first handshake was done"));
        };
        if self.ended.read || self.ended.write || self.ended.transport {
            return Err(Error::NoRenegotiation("the connection is closing"));
        }
        if self.tls13 {
            return Err(Error::NoRenegotiation("TLS 1.3 has none; it has new keys by update_keys"));
        }
        // A session resumed without the extended master secret may have the same Finished as another one, with somebody
        // else (RFC 7627 5.4).
        let secure = established.session.secure_renegotiation && !self.resumed_without_ems;
        let needed = if secure { Renegotiation::Secure } else { Renegotiation::UnsafeLegacy };
        match self.policy().renegotiation {
            Renegotiation::Never => Err(Error::NoRenegotiation("the policy does not allow it")),
            allowed if allowed < needed => {
                Err(Error::NoRenegotiation("the peer does not know RFC 5746, and the policy asks for it"))
            }
            _ => Ok(()),
        }
    }

    fn begin_again(&mut self, client_auth: Option<ClientAuth>) -> Result<(), Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.may_renegotiate()?;
        if self.is_renegotiating() {
            return Ok(());
        }
        match self.role() {
            Role::Client => self.start_flight(None),
            Role::Server => {
                // The message is in no transcript (RFC 5246 7.4.1.1).
                self.seal(ContentType::HANDSHAKE, &[0, 0, 0, 0])?;
                self.tell("sent HelloRequest");
                self.again = State::Asked(client_auth);
            }
        }
        Ok(())
    }

    fn start_flight(&mut self, client_auth: Option<ClientAuth>) {
        // Once a client was asked for its certificate it is asked in every later handshake: it may not lose its identity.
        if client_auth.is_some() {
            self.client_auth = client_auth;
        }
        let client_auth = self.client_auth.clone();
        if let Some(established) = &self.established {
            let again = Again { previous: Previous::of(established), client_auth };
            self.flight = Some(self.side.flight(Some(again)));
            // Agreed anew, or not at all (RFC 8449 4).
            self.record_limits = super::RecordLimits::default();
            self.again = State::Idle;
            self.passed_over = 0;
        }
    }

    /// The peer wants another handshake, or answers our wish for one.
    pub(super) fn peer_asks_again(&mut self, message: RawHandshake) -> Result<(), Error> {
        if matches!(self.again, State::Wanted) {
            return self.pass_over();
        }
        let asked = matches!(self.again, State::Asked(_));
        if self.may_renegotiate().is_err() || !(asked || self.is_far_enough()) {
            if self.refused_renegotiations >= self.side.limits().refused_renegotiations {
                return Err(Error::TooManyRenegotiations);
            }
            self.refused_renegotiations += 1;
            // Behind our close_notify nothing is sent (RFC 5246 7.2.1).
            if self.ended.write {
                return Ok(());
            }
            return self.send_alert(AlertLevel::WARNING, AlertDescription::NO_RENEGOTIATION);
        }
        if !asked {
            if self.peer_renegotiations >= self.side.limits().renegotiations {
                return Err(Error::TooManyRenegotiations);
            }
            self.peer_renegotiations += 1;
        }
        match self.role() {
            Role::Client => {
                self.tell("received HelloRequest");
                if matches!(&self.side, Side::Client(config, _) if config.renegotiates_when_told) {
                    self.again = State::Wanted;
                    self.passed_over = 0;
                } else {
                    self.start_flight(None);
                }
            }
            Role::Server => {
                self.tell("received a ClientHello on an established connection");
                let client_auth = match std::mem::take(&mut self.again) {
                    State::Asked(client_auth) => client_auth,
                    _ => None,
                };
                self.start_flight(client_auth);
                if let Some((_, mailbox)) = &self.flight {
                    mailbox.deliver(Incoming::Message(message));
                }
            }
        }
        Ok(())
    }

    /// Passes over a HelloRequest where the wish is known (RFC 5246 7.4.1.1).
    pub(super) fn pass_over(&mut self) -> Result<(), Error> {
        if self.passed_over >= self.side.limits().refused_renegotiations {
            return Err(Error::TooManyRenegotiations);
        }
        self.passed_over += 1;
        Ok(())
    }

    /// A handshake costs us far more than it costs the peer, so there is a distance between those it starts.
    fn is_far_enough(&self) -> bool {
        let passed = self.reader.bytes_under_key().saturating_add(self.writer.bytes_under_key());
        self.peer_renegotiations == 0 || passed >= self.side.limits().renegotiation_distance
    }

    /// The peer sent `no_renegotiation`; whether it answers a wish of ours.
    pub(super) fn declined(&mut self) -> bool {
        let unanswered = self.flight.as_ref().is_some_and(|(_, mailbox)| mailbox.awaited() == Some("ServerHello"));
        let hello = self.established.is_some() && unanswered;
        if !hello && !matches!(self.again, State::Asked(_)) {
            return false;
        }
        self.flight = None;
        self.again = State::Declined;
        self.close_if_due();
        true
    }

    /// A handshake is done.
    pub(super) fn established(&mut self, mut established: Established) {
        if let Some(before) = &mut self.established {
            established.session.renegotiations = before.session.renegotiations + 1;
            // What the application speaks stays what it was.
            established.session.alpn = before.session.alpn.take();
        }
        self.resumed_without_ems |= established.session.resumed && !established.session.extended_master_secret;
        self.established = Some(Box::new(established));
        if self.tls13 {
            self.reader.set_drop_change_cipher_spec(false);
            self.reader.set_plaintext_alerts(false);
        }
        self.early_data_over();
        self.close_if_due();
    }

    /// Closes now what was to be closed in the middle of a handshake.
    pub(super) fn close_if_due(&mut self) {
        if std::mem::take(&mut self.close_due) {
            self.close();
        }
    }

    /// Keeps application data for the caller.
    pub(super) fn hold(&mut self, payload: Bytes) {
        self.held += payload.len() + PIECE;
        // What waits behind other data is copied: one byte would keep the whole buffer that it came in.
        let waits = !self.plaintext.is_empty();
        self.plaintext.push_back(if waits { Bytes::copy_from_slice(&payload) } else { payload });
    }

    /// How much application data waits to be read, in bytes, what each piece of it takes besides included.
    pub fn held_data(&self) -> usize {
        self.held
    }

    /// Bounds what is held back.
    pub(super) fn watch_held_data(&self) -> Result<(), Error> {
        let bound = self.side.limits().renegotiation_data;
        if self.plaintext.len() > 1 && self.held > bound { Err(Error::RenegotiationData(bound)) } else { Ok(()) }
    }

    /// Whether the peer has changed its keys, and owes the Finished under them.
    pub(super) fn awaits_finished(&self) -> bool {
        self.flight.as_ref().is_some_and(|(_, mailbox)| mailbox.awaited() == Some("Finished"))
    }

    /// Under a cipher with short blocks two alike are to be expected after some 2^32 of them, and tell of plaintext
    /// (SWEET32, Bhargavan and Leurent, 2016). So the keys are changed in time, or else the connection ends.
    pub(super) fn watch_short_blocks(&mut self) -> Result<(), Error> {
        let Some(established) = &self.established else { return Ok(()) };
        if established.session.suite.bulk.short_block().is_none() {
            return Ok(());
        }
        let bound = self.side.limits().short_block_data;
        let most = self.reader.bytes_under_key().max(self.writer.bytes_under_key());
        if most >= bound {
            let error = Error::from(clasp_record::RecordError::Exhausted);
            self.fail(&error);
            return Err(error);
        }
        if most >= bound / 2 && !self.is_renegotiating() && matches!(self.again, State::Idle | State::Wanted) {
            // A peer that must not or will not: the bound itself ends the connection.
            let _ = self.begin_again(None);
        }
        Ok(())
    }

    fn tell(&self, what: &'static str) {
        let trace = match &self.side {
            Side::Client(config, _) => &config.trace,
            Side::Server(config) => &config.trace,
        };
        if let Some(trace) = trace {
            trace.event(&TraceEvent { step: Step::Renegotiation, role: self.role(), what, fields: Vec::new() });
        }
    }
}
