//! The loop that moves a connection on: records opened, messages delivered, orders carried out (RFC 5246 6, 7).

use std::task::{Context, Poll, ready};

use bytes::{BufMut, Bytes, BytesMut};
use clasp_record::{Keys, Record};
use clasp_wire::{
    Alert, AlertDescription, AlertLevel, ContentType, HandshakeType, ProtocolVersion, RawHandshake, Sslv2ClientHello,
};

use super::{Connection, Side, Status};
use crate::client::session_keys;
use crate::error::{AlertReceived, Error, Misbehaviour, Role, may_miss_certificate};
use crate::hello::our_offer;
use crate::peer::{EpochKeys, Incoming, Order, describe};
use crate::trace::TracedMessage;

impl Connection {
    /// With `hold`, application data is kept until a renegotiation is over.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>, hold: bool) -> Poll<Result<Status, Error>> {
        loop {
            if self.flight.is_some() {
                ready!(self.poll_flight(cx))?;
            }
            ready!(self.poll_errand(cx))?;
            self.update_if_worn()?;
            let held = hold && self.is_renegotiating();
            if !self.plaintext.is_empty() && !held {
                return Poll::Ready(Ok(Status::Data));
            }
            if self.ended.read {
                return Poll::Ready(Ok(Status::Closed));
            }
            if let Some(message) = self.reassembler.next()? {
                self.deliver(message)?;
                continue;
            }
            if let Some(hello) = self.reader.next_sslv2_hello(&mut self.input) {
                self.deliver_sslv2_hello(hello)?;
                continue;
            }
            match self.reader.next(&mut self.input)? {
                Some(record) => self.dispatch(record)?,
                None if self.ended.transport => return Poll::Ready(Err(self.cut_off())),
                None => {
                    self.release();
                    return Poll::Ready(Ok(Status::NeedInput));
                }
            }
        }
    }

    /// Polls the flight and carries out what it orders. Ready: it waits for a message, or is done. Pending: it waits for
    /// a callback.
    fn poll_flight(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some((flight, mailbox)) = &mut self.flight else { return Poll::Ready(Ok(())) };
        mailbox.begin();
        let polled = flight.as_mut().poll(cx);
        let (orders, awaits_message, certificate_declined) = mailbox.finish();
        self.certificate_declined = certificate_declined;
        let mut orders = orders.into_iter();
        while let Some(order) = orders.next() {
            match order {
                Order::Send(raw) => {
                    self.check_end_of_flight()?;
                    self.send_together(raw, &mut orders)?;
                }
                other => self.carry_out(other)?,
            }
        }
        match polled {
            Poll::Ready(result) => {
                self.flight = None;
                let established = result?;
                self.check_end_of_flight()?;
                self.established(established);
                Poll::Ready(Ok(()))
            }
            Poll::Pending if awaits_message => Poll::Ready(Ok(())),
            // Nobody is left to wait for.
            Poll::Pending if self.ended.transport && self.input.is_empty() => Poll::Ready(Err(self.cut_off())),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Sends a message, and under keys of TLS 1.3 those that are to follow it in the same record. In plaintext each has one of
    /// its own, as old peers are used to.
    fn send_together(&mut self, first: BytesMut, orders: &mut std::vec::IntoIter<Order>) -> Result<(), Error> {
        self.tell_sent(ContentType::HANDSHAKE, &first);
        let mut together = first;
        if self.tls13 && self.writer.is_encrypted() {
            while let Some(Order::Send(_)) = orders.as_slice().first()
                && let Some(Order::Send(raw)) = orders.next()
            {
                self.tell_sent(ContentType::HANDSHAKE, &raw);
                // They were written next to each other: nothing is copied.
                together.unsplit(raw);
            }
        }
        self.protect(ContentType::HANDSHAKE, &together)
    }

    /// Who answers a flight has read it to its end, and so has who is done: what is left, if only the beginning of a message,
    /// belongs to another, and was sent without waiting. On an established connection a server may ask for another handshake at
    /// any time (RFC 5246 7.4.1.1).
    fn check_end_of_flight(&self) -> Result<(), Misbehaviour> {
        let ended = self.reassembler.is_empty() || self.established.is_some();
        if ended { Ok(()) } else { Err(Misbehaviour::DataBehindFlight) }
    }

    pub(super) fn carry_out(&mut self, order: Order) -> Result<(), Error> {
        match order {
            Order::Send(raw) => self.seal(ContentType::HANDSHAKE, &raw)?,
            Order::SendSslv2Hello(message) => {
                self.tell_message(true, TracedMessage::Sslv2ClientHello);
                self.output.put_slice(&Sslv2ClientHello::record_header(message.len()));
                self.output.put_slice(&message);
            }
            #[cfg(feature = "ech")]
            Order::Tell(message) => self.tell_message(self.side.role() == Role::Client, message),
            Order::Warn(description) => self.send_alert(AlertLevel::WARNING, description)?,
            Order::ChangeWriteKeys(EpochKeys { suite, keys, form }) => {
                self.seal(ContentType::CHANGE_CIPHER_SPEC, &[1])?;
                let keys = Keys { mac_key: keys.mac_key(), key: keys.key(), iv: keys.iv() };
                self.writer.install(suite.bulk.seal(self.provider(), keys, form)?);
                self.writer.set_max_plaintext(self.write_limit());
            }
            Order::ChangeReadKeys(EpochKeys { suite, keys, form })
            | Order::ReadKeys(EpochKeys { suite, keys, form }) => {
                if !self.reassembler.is_empty() {
                    return Err(Misbehaviour::DataAcrossKeyChange.into());
                }
                let keys = Keys { mac_key: keys.mac_key(), key: keys.key(), iv: keys.iv() };
                self.reader.install(suite.bulk.open(self.provider(), keys, form)?);
                self.reader.set_max_plaintext(self.record_limits.read);
                if let Some(early) = &mut self.early {
                    early.may_read = None;
                }
            }
            Order::WriteKeys(EpochKeys { suite, keys, form }) => {
                let keys = Keys { mac_key: keys.mac_key(), key: keys.key(), iv: keys.iv() };
                self.writer.install(suite.bulk.seal(self.provider(), keys, form)?);
                self.writer.set_max_plaintext(self.write_limit());
            }
            Order::DropWriteKeys => self.writer.remove(),
            Order::CompatibilityChangeCipherSpec => {
                self.tell_message(true, TracedMessage::ChangeCipherSpec);
                self.writer.write_change_cipher_spec(&mut self.output)?;
            }
            Order::Tls13 => self.speak_tls13(),
            Order::WriteEarlyData(bytes) => {
                let bytes = bytes.map_or(0, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
                self.early.get_or_insert_default().may_write = bytes;
            }
            Order::ReadEarlyData(bytes) => {
                self.early.get_or_insert_default().may_read = Some(usize::try_from(bytes).unwrap_or(usize::MAX));
            }
            Order::AnswerEarlyData => self.early.get_or_insert_default().may_answer = true,
            Order::FalseStart => self.early.get_or_insert_default().may_false_start = true,
            Order::SkipEarlyData(bytes) => self.reader.skip_early_data(bytes.into()),
            Order::RecordVersion(version) => self.writer.set_version(version),
            Order::Dialect(dialect) => {
                self.writer.set_version(dialect.version());
                self.reader.set_version(dialect.version());
                self.dialect = Some(dialect);
            }
            Order::WriteLimit(bytes) => {
                self.record_limits.write = bytes;
                // Less than the keys in force allow is right at once, and RFC 6066 4 wants it.
                self.writer.set_max_plaintext(bytes.min(self.writer.max_plaintext()));
            }
            Order::ReadLimit(bytes) => self.record_limits.read = bytes,
        }
        Ok(())
    }

    /// TLS 1.3 is agreed. Until the handshake is done others may put in ChangeCipherSpecs that say nothing (RFC 8446 5, D.4),
    /// and a client that cannot go on may not have keys yet to say so with.
    fn speak_tls13(&mut self) {
        self.tls13 = true;
        // The type of the content counts too (RFC 8449 4).
        let most = clasp_wire::MAX_PLAINTEXT + 1;
        self.record_limits = super::RecordLimits { read: most, write: most };
        self.writer.set_version(ProtocolVersion::TLS_1_2);
        self.writer.set_padding(match &self.side {
            Side::Client(config, _) => config.record_padding,
            Side::Server(config) => config.record_padding,
        });
        self.reader.set_drop_change_cipher_spec(true);
        self.reader.set_plaintext_alerts(self.side.role() == Role::Server);
    }

    /// The most plaintext to put into a record under keys that come now: what was agreed, or what the configuration says.
    fn write_limit(&self) -> usize {
        let ours = self.side.write_record_size().map(|bytes| bytes + usize::from(self.tls13));
        self.record_limits.write.min(ours.unwrap_or(usize::MAX))
    }

    fn provider(&self) -> &'static clasp_crypto::Provider {
        match &self.side {
            Side::Client(config, _) => config.provider,
            Side::Server(config) => config.provider,
        }
    }

    /// Tells of a message.
    fn tell_message(&self, sent: bool, message: TracedMessage) {
        let trace = match &self.side {
            Side::Client(config, _) => &config.trace,
            Side::Server(config) => &config.trace,
        };
        if let Some(trace) = trace {
            trace.message(sent, message);
        }
    }

    fn tell_sent(&self, content_type: ContentType, data: &[u8]) {
        match (content_type, data) {
            (ContentType::HANDSHAKE, [typ, ..]) => {
                self.tell_message(true, TracedMessage::Handshake(HandshakeType(*typ)));
            }
            (ContentType::CHANGE_CIPHER_SPEC, _) => self.tell_message(true, TracedMessage::ChangeCipherSpec),
            (ContentType::ALERT, alert) => {
                Alert::parse(alert).into_iter().for_each(|alert| self.tell_message(true, TracedMessage::Alert(alert)));
            }
            _ => {}
        }
    }

    pub(super) fn seal(&mut self, content_type: ContentType, data: &[u8]) -> Result<(), Error> {
        self.tell_sent(content_type, data);
        self.protect(content_type, data)
    }

    fn protect(&mut self, content_type: ContentType, data: &[u8]) -> Result<(), Error> {
        if self.flight.is_some() && self.output.capacity() == 0 {
            // Room for most flights at once.
            self.output.reserve(4096);
        }
        Ok(self.writer.write(content_type, data, self.side.random(), &mut self.output)?)
    }

    fn dispatch(&mut self, record: Record) -> Result<(), Error> {
        let Record { content_type, payload } = record;
        // Alerts may come at any time; nothing else may come in the middle of a message.
        if !matches!(content_type, ContentType::HANDSHAKE | ContentType::ALERT) && !self.reassembler.is_empty() {
            return Err(Misbehaviour::RecordsInterleaved.into());
        }
        match content_type {
            ContentType::HANDSHAKE => Ok(self.reassembler.push(payload)?),
            // Between the peer's ChangeCipherSpec and its Finished nothing else may come (RFC 5246 7.3).
            ContentType::APPLICATION_DATA if self.established.is_some() && !self.awaits_finished() => {
                if !payload.is_empty() {
                    self.after.data_came();
                    self.hold(payload);
                }
                self.watch_held_data()?;
                self.watch_short_blocks()
            }
            ContentType::APPLICATION_DATA if self.reads_early_data() => self.early_data_came(&payload),
            ContentType::ALERT => self.alert(&payload),
            ContentType::CHANGE_CIPHER_SPEC => self.change_cipher_spec(&payload),
            other => Err(self.unexpected(format!("a record of type {other}"))),
        }
    }

    fn deliver(&mut self, message: RawHandshake) -> Result<(), Error> {
        self.tell_message(false, TracedMessage::Handshake(message.typ));
        let asks_again = match self.side.role() {
            Role::Client => message.typ == HandshakeType::HELLO_REQUEST && message.body().is_empty(),
            Role::Server => message.typ == HandshakeType::CLIENT_HELLO,
        };
        match &self.flight {
            // Already on it: the wish is ignored, and in no transcript (RFC 5246 7.4.1.1).
            Some(_)
                if asks_again
                    && self.established.is_some()
                    && self.role() == Role::Client
                    && !self.awaits_finished() =>
            {
                self.pass_over()
            }
            Some((_, mailbox)) => {
                mailbox.deliver(Incoming::Message(message));
                Ok(())
            }
            None if self.tls13 => self.after_handshake(message),
            // Between handshakes the peer may only ask for another one.
            None if asks_again => self.peer_asks_again(message),
            None => Err(self.unexpected(describe(message.typ))),
        }
    }

    /// Only a server's reader takes one, and only at the very start.
    fn deliver_sslv2_hello(&mut self, hello: Bytes) -> Result<(), Error> {
        self.tell_message(false, TracedMessage::Sslv2ClientHello);
        match &self.flight {
            Some((_, mailbox)) => {
                mailbox.deliver(Incoming::Sslv2Hello(hello));
                Ok(())
            }
            None => Err(self.unexpected("a hello in SSL 2.0's format".to_owned())),
        }
    }

    fn change_cipher_spec(&mut self, payload: &[u8]) -> Result<(), Error> {
        if payload != [1] {
            return Err(Misbehaviour::BadChangeCipherSpec.into());
        }
        self.tell_message(false, TracedMessage::ChangeCipherSpec);
        match &self.flight {
            Some((_, mailbox)) => {
                mailbox.deliver(Incoming::ChangeCipherSpec);
                Ok(())
            }
            None => Err(self.unexpected("ChangeCipherSpec".to_owned())),
        }
    }

    fn unexpected(&self, got: String) -> Error {
        let awaited = self.flight.as_ref().and_then(|(_, mailbox)| mailbox.awaited());
        Error::UnexpectedMessage { expected: awaited.unwrap_or("application data"), got }
    }

    fn alert(&mut self, payload: &[u8]) -> Result<(), Error> {
        let Ok(Alert { level, description }) = Alert::parse(payload) else {
            return Err(Misbehaviour::BadAlert.into());
        };
        self.tell_message(false, TracedMessage::Alert(Alert { level, description }));
        if ![AlertLevel::WARNING, AlertLevel::FATAL].contains(&level) {
            return Err(Misbehaviour::BadAlertLevel.into());
        }
        if description == AlertDescription::CLOSE_NOTIFY {
            if self.established.is_none() {
                return Err(self.closed_in_handshake());
            }
            self.ended.read = true;
            return Ok(());
        }
        if description == AlertDescription::NO_CERTIFICATE
            && let Some((_, mailbox)) = self.flight.as_ref().filter(|(_, mailbox)| mailbox.may_decline())
        {
            mailbox.deliver(Incoming::NoCertificate);
            return Ok(());
        }
        // The level says nothing in TLS 1.3, where two alerts alone are no errors (RFC 8446 6).
        let harmless =
            if self.tls13 { description == AlertDescription::USER_CANCELED } else { level == AlertLevel::WARNING };
        if level == AlertLevel::WARNING && description == AlertDescription::NO_RENEGOTIATION && self.declined() {
            return Ok(());
        }
        if harmless {
            if self.warnings >= self.side.limits().warnings {
                return Err(Error::TooMany("warning alerts"));
            }
            self.warnings += 1;
            return Ok(());
        }
        let unanswered = self.flight.as_ref().is_some_and(|(_, mailbox)| mailbox.awaited() == Some("ServerHello"));
        let offered = match &self.side {
            Side::Client(config, _) if unanswered && self.established.is_none() => {
                Some(our_offer(&config.policy, &config.alpn))
            }
            _ => None,
        };
        Err(Error::AlertReceived(Box::new(AlertReceived {
            alert: description,
            offered,
            certificate_declined: self.certificate_declined
                && may_miss_certificate(description, self.established.is_some() && self.flight.is_none()),
            renegotiation_declined: self.refused_renegotiations > 0,
        })))
    }

    /// Why nothing more will come.
    fn cut_off(&self) -> Error {
        if self.established.is_some() { Error::Truncated } else { self.closed_in_handshake() }
    }

    fn closed_in_handshake(&self) -> Error {
        let awaited = self.flight.as_ref().and_then(|(_, mailbox)| mailbox.awaited());
        Error::ClosedInHandshake { awaited: awaited.unwrap_or("a callback of ours") }
    }

    pub(super) fn send_alert(&mut self, level: AlertLevel, description: AlertDescription) -> Result<(), Error> {
        let description = self.dialect.map_or(description, |dialect| dialect.alert(description));
        self.seal(ContentType::ALERT, &Alert { level, description }.encode())
    }

    /// Tells the peer, once, and lets go of all that is no longer needed.
    pub(super) fn fail(&mut self, error: &Error) {
        self.flight = None;
        self.after = super::after::After::default();
        self.early = None;
        if let Side::Client(config, name) = &self.side
            && let Some(resumption) = &config.resumption
            // The end of the transport says nothing of the session (RFC 5246 7.2.1).
            && !matches!(error, Error::Truncated)
            // That was a handshake with another server.
            && !matches!(error, Error::EchRejected { .. })
        {
            // A session that came to a bad end is not resumed, nor are its tickets (RFC 5246 7.2.2, RFC 8446 6.2). What is
            // in a store that takes its time stays.
            for key in session_keys(config, name) {
                drop(resumption.store.remove(&key).try_take());
            }
        }
        if let Some(description) = error.alert().filter(|_| !self.ended.write) {
            // An alert that cannot be sealed cannot be sent; the error itself is what counts.
            let _ = self.send_alert(AlertLevel::FATAL, description);
        }
        self.ended.write = true;
        self.input = BytesMut::new();
        self.plaintext.clear();
        self.held = 0;
        self.failed = Some(error.clone());
    }

    /// An idle connection holds no buffer.
    pub(super) fn release(&mut self) {
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        if self.output.is_empty() {
            self.output = BytesMut::new();
        }
    }
}
