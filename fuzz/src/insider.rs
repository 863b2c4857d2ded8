//! Someone between the two sides of a TLS 1.3 handshake who holds the keys of both, as their key logs tell them: every
//! message is opened with the keys of who sent it and sealed with the keys of who is to read it, so that what is changed is
//! read, and not merely refused by the record layer. If wished, signatures, binders and Finished are made to fit what was
//! changed (RFC 8446 4.4): then it is a peer that says what it likes.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use clasp_crypto::HashAlgorithm;
use clasp_handshake::{Suite, TLS13_CIPHER_SUITES};
use clasp_record::{Form, IvPolicy, Keys, Open, Seal};
use clasp_wire::{
    AlertDescription, ClientHello, ContentType, HandshakeType, ProtocolVersion, RecordHeader, ServerHello,
};

use crate::alter::{DROP, HOLD, Piece, alter};
use crate::answers::{Flaw, read};
use crate::chance;
use crate::keys::{Secrets, records};
use crate::mutated::Mutation;
use crate::run::Run;
use crate::vantage::{Vantage, expand_label, hash_len, hello_suite, our_binder};

/// The keys that are changed to one after the other. The last one counts KeyUpdates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Epoch {
    Plain,
    Early,
    Handshake,
    Application(u32),
}

/// A secret of one side, as that side has it.
fn secret(secrets: &Secrets, from_client: bool, epoch: Epoch, hash: HashAlgorithm) -> Option<Vec<u8>> {
    let label = match (epoch, from_client) {
        (Epoch::Plain, _) | (Epoch::Early, false) => return None,
        (Epoch::Early, true) => "CLIENT_EARLY_TRAFFIC_SECRET",
        (Epoch::Handshake, true) => "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        (Epoch::Handshake, false) => "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        (Epoch::Application(_), true) => "CLIENT_TRAFFIC_SECRET_0",
        (Epoch::Application(_), false) => "SERVER_TRAFFIC_SECRET_0",
    };
    let mut secret = secrets.traffic(label).filter(|secret| secret.len() == hash_len(hash))?;
    if let Epoch::Application(updates) = epoch {
        for _ in 0..updates {
            secret = expand_label(hash, &secret, "traffic upd", secret.len());
        }
    }
    Some(secret)
}

/// The keys under a secret: to open, and to seal.
fn keys(suite: &'static Suite, secret: &[u8]) -> Option<(Box<dyn Open>, Box<dyn Seal>)> {
    let form = Form::new(ProtocolVersion::TLS_1_2, IvPolicy::Explicit, false);
    let lengths = suite.bulk.lengths(form.iv);
    let key = expand_label(suite.prf, secret, "key", lengths.key);
    let iv = expand_label(suite.prf, secret, "iv", lengths.iv);
    let keys = Keys { mac_key: &[], key: &key, iv: &iv };
    let provider = chance::provider();
    Some((suite.bulk.open(provider, keys, form).ok()?, suite.bulk.seal(provider, keys, form).ok()?))
}

/// One direction.
struct Way {
    /// What the sender writes under, and how many records it wrote so.
    reading: Option<(Epoch, Box<dyn Open>, u64)>,
    /// What the reader reads under.
    sealing: Option<(Epoch, Box<dyn Seal>, u64)>,
    updates_read: u32,
    updates_sealed: u32,
    /// The beginning of a message that lies in several records, and how long its fragments are.
    partial: Vec<u8>,
    fragment: usize,
    /// The beginning of a message that came to the reader in pieces.
    unheard: Vec<u8>,
    seen: usize,
    /// Held back, and whether each is of the handshake.
    held: Vec<(Epoch, bool, Piece)>,
}

impl Default for Way {
    fn default() -> Self {
        Self {
            reading: None,
            sealing: None,
            updates_read: 0,
            updates_sealed: 0,
            partial: Vec::new(),
            fragment: usize::MAX,
            unheard: Vec::new(),
            seen: 0,
            held: Vec::new(),
        }
    }
}

/// The ServerHellos that are to be sent, each with what follows in its record.
fn waiting_hellos(sent: &[u8]) -> impl Iterator<Item = &[u8]> {
    let plain = records(sent).into_iter().filter(|(header, _)| header.content_type == ContentType::HANDSHAKE);
    let messages = plain.filter_map(|(_, record)| record.get(RecordHeader::LEN..));
    messages.filter(|message| message.first() == Some(&HandshakeType::SERVER_HELLO.0))
}

/// Between the two sides, with the keys of both.
#[derive(Default)]
pub(crate) struct Insider<'a> {
    mutations: Vec<Mutation<'a>>,
    /// Whether what depends on what was changed is made to fit.
    pub(crate) fits: bool,
    /// Whether anything was done to a message.
    pub(crate) touched: bool,
    ways: [Way; 2],
    vantages: [Vantage; 2],
    /// The handshake messages up to the Finished that each side said, and those that came to the other.
    pub(crate) said: [Vec<u8>; 2],
    pub(crate) heard: [Vec<u8>; 2],
    /// How many of the bytes each side said are its hellos; and whether it has finished.
    pub(crate) hellos: [usize; 2],
    pub(crate) finished: [bool; 2],
    /// Early data, and other data, that came to the other side.
    pub(crate) early: Vec<u8>,
    pub(crate) data: [Vec<u8>; 2],
}

impl<'a> Insider<'a> {
    /// Does these things, and no other.
    pub(crate) fn new(mutations: Vec<Mutation<'a>>, fits: bool) -> Self {
        Self { mutations, fits, ..Self::default() }
    }

    /// Carries what one side sent to the other, message by message.
    pub(crate) fn carry(&mut self, from_client: bool, bytes: &[u8], sender: &Arc<Secrets>, reader: &mut Run) {
        let side = usize::from(!from_client);
        for (header, record) in records(bytes) {
            let body = &record[RecordHeader::LEN..];
            let opened = if header.content_type == ContentType::APPLICATION_DATA {
                self.open(from_client, sender, header, body)
            } else {
                Some((Epoch::Plain, header.content_type, body.to_vec()))
            };
            let Some((epoch, content_type, payload)) = opened else {
                reader.receive(record);
                continue;
            };
            let way = &mut self.ways[side];
            if content_type == ContentType::HANDSHAKE && epoch != Epoch::Plain {
                let mut rest = std::mem::take(&mut way.partial);
                rest.extend_from_slice(&payload);
                let mut messages = Vec::new();
                while let Some(length) = whole(&rest).filter(|length| *length <= rest.len()) {
                    let behind = rest.split_off(length);
                    messages.push(std::mem::replace(&mut rest, behind));
                }
                if !rest.is_empty() {
                    // Its sender has filled the record.
                    way.fragment = way.fragment.min(payload.len());
                }
                way.partial = rest;
                let alone = messages.len() == 1;
                for message in messages {
                    let piece = Piece::new(content_type, message);
                    self.message(from_client, epoch, piece, alone.then_some(record), reader);
                }
                continue;
            }
            self.message(from_client, epoch, Piece::new(content_type, payload), Some(record), reader);
        }
    }

    /// Opens a record with the keys its sender has, those it had last or later ones.
    fn open(
        &mut self,
        from_client: bool,
        sender: &Secrets,
        header: RecordHeader,
        body: &[u8],
    ) -> Option<(Epoch, ContentType, Vec<u8>)> {
        let way = &mut self.ways[usize::from(!from_client)];
        let attempt = |open: &mut Box<dyn Open>, sequence| {
            let mut body = body.to_vec();
            let opened = open.open(sequence, &header, &mut body).ok()?;
            Some((opened.content_type, body[opened.range].to_vec()))
        };
        if let Some((epoch, open, sequence)) = &mut way.reading
            && let Some((content_type, payload)) = attempt(open, *sequence)
        {
            *sequence += 1;
            return Some((*epoch, content_type, payload));
        }
        for epoch in [Epoch::Early, Epoch::Handshake, Epoch::Application(way.updates_read)] {
            for suite in TLS13_CIPHER_SUITES {
                let Some(secret) = secret(sender, from_client, epoch, suite.prf) else { continue };
                let Some((mut open, _)) = keys(suite, &secret) else { continue };
                if let Some((content_type, payload)) = attempt(&mut open, 0) {
                    way.reading = Some((epoch, open, 1));
                    return Some((epoch, content_type, payload));
                }
            }
        }
        None
    }

    fn message(&mut self, from_client: bool, epoch: Epoch, piece: Piece, raw: Option<&[u8]>, reader: &mut Run) {
        let side = usize::from(!from_client);
        let typ = piece.handshake_type();
        let before_finished = !self.finished[side];
        if typ.is_some() {
            if typ == Some(HandshakeType::SERVER_HELLO) && !from_client {
                let flaw = self.vantages[side].flaw_in_answer(&piece.payload);
                assert_eq!(flaw, None, "a server's answer does not go with the hello");
            }
            self.vantages[side].add(from_client, &piece.payload);
            if before_finished {
                self.said[side].extend_from_slice(&piece.payload);
                self.finished[side] = typ == Some(HandshakeType::FINISHED);
                if epoch == Epoch::Plain {
                    self.hellos[side] = self.said[side].len();
                }
            }
            if typ == Some(HandshakeType::KEY_UPDATE) {
                self.ways[side].updates_read += 1;
            }
        }
        let number = self.ways[side].seen;
        self.ways[side].seen += 1;
        let held = std::mem::take(&mut self.ways[side].held);
        let mut now = vec![piece];
        for mutation in &self.mutations {
            if mutation.from_client != from_client || mutation.record != number {
                continue;
            }
            if mutation.kind == HOLD {
                self.touched = true;
                let way = &mut self.ways[side];
                way.held.extend(now.drain(..).map(|piece| (epoch, before_finished, Piece { touched: true, ..piece })));
            } else if let Some(last) = now.pop() {
                self.touched |= mutation.kind == DROP;
                now.extend(alter(&last, mutation));
            }
        }
        let whole = if let [piece] = &now[..]
            && !piece.touched
            && piece.padding == 0
        {
            raw
        } else {
            None
        };
        let now = now.into_iter().map(|piece| (epoch, before_finished, piece, whole));
        let held = held.into_iter().map(|(epoch, before, piece)| (epoch, before, piece, None));
        for (epoch, before_finished, piece, raw) in now.chain(held) {
            self.touched |= piece.touched || piece.bare;
            self.deliver(from_client, epoch, piece, raw, before_finished, reader);
        }
    }

    fn deliver(
        &mut self,
        from_client: bool,
        epoch: Epoch,
        mut piece: Piece,
        raw: Option<&[u8]>,
        before_finished: bool,
        reader: &mut Run,
    ) {
        let (side, other) = (usize::from(!from_client), usize::from(from_client));
        // What a server has chosen may still wait to be carried.
        let suite = self.vantages[other].suite.or_else(|| waiting_hellos(&reader.sent).next().and_then(hello_suite));
        let epoch = match epoch {
            _ if piece.bare => Epoch::Plain,
            Epoch::Application(_) => Epoch::Application(self.ways[side].updates_sealed),
            epoch => epoch,
        };
        let is_hello = piece.handshake_type() == Some(HandshakeType::CLIENT_HELLO);
        if self.fits && self.touched && (!piece.touched || is_hello) {
            self.fit(from_client, epoch, &mut piece, &reader.secrets);
        }
        let bytes = if epoch == Epoch::Plain {
            let length = u16::try_from(piece.payload.len()).unwrap_or(u16::MAX);
            let version = ProtocolVersion::TLS_1_2;
            let header = RecordHeader { content_type: piece.content_type, version, length }.encode();
            let made = [&header[..], &piece.payload].concat();
            raw.filter(|raw| raw[RecordHeader::LEN..] == piece.payload).map_or(made, <[u8]>::to_vec)
        } else if let Some(bytes) = self.seal(from_client, epoch, suite, &piece, &reader.secrets) {
            if piece.content_type == ContentType::APPLICATION_DATA {
                let data = if epoch == Epoch::Early { &mut self.early } else { &mut self.data[side] };
                data.extend_from_slice(&piece.payload);
            }
            bytes
        } else {
            // Early data that is not taken, which no key of the reader's opens. Nothing can be put beside it.
            reader.receive(raw.unwrap_or_default());
            return;
        };
        if piece.content_type == ContentType::HANDSHAKE && before_finished {
            self.heard[side].extend_from_slice(&piece.payload);
        }
        let is_bound = !is_hello || self.vantages[other].is_bound(&piece.payload);
        let flaws = self.hear(from_client, epoch, &piece, &reader.secrets);
        let before = waiting_hellos(&reader.sent).count();
        reader.receive(&bytes);
        self.vantages[other].has_answered(waiting_hellos(&reader.sent).count() - before);
        assert!(flaws.is_empty() || reader.is_over(), "{}, and its reader goes on", flaws[0]);
        let goes_on = !is_bound && !reader.is_over();
        let answer = waiting_hellos(&reader.sent).next().filter(|_| goes_on).and_then(read::<ServerHello>);
        let taken = answer.is_some_and(|hello| hello.pre_shared_key().is_some());
        assert!(!taken, "a key is taken of a client that has not shown that it has it");
    }

    /// Seals for the reader, in as many records as the sender made of it; `None` when the reader has no such keys.
    fn seal(
        &mut self,
        from_client: bool,
        epoch: Epoch,
        suite: Option<&'static Suite>,
        piece: &Piece,
        reader: &Secrets,
    ) -> Option<Vec<u8>> {
        let way = &mut self.ways[usize::from(!from_client)];
        let suite = suite?;
        if way.sealing.as_ref().is_none_or(|(sealing, ..)| *sealing != epoch) {
            let secret = secret(reader, from_client, epoch, suite.prf)?;
            way.sealing = Some((epoch, keys(suite, &secret)?.1, 0));
        }
        let (_, seal, sequence) = way.sealing.as_mut()?;
        let mut out = BytesMut::new();
        let fragments: Vec<&[u8]> = if piece.payload.is_empty() {
            vec![&[]]
        } else {
            piece.payload.chunks(way.fragment.clamp(1, 1 << 14)).collect()
        };
        for fragment in fragments {
            let random = chance::provider().random;
            let padding = piece.padding.min((1 << 14) - fragment.len());
            seal.seal_padded(*sequence, piece.content_type, fragment, padding, random, &mut out).ok()?;
            *sequence += 1;
        }
        Some(out.to_vec())
    }

    /// Makes a message fit what its reader has said and heard. A binder that was itself changed stays wrong.
    fn fit(&self, from_client: bool, epoch: Epoch, piece: &mut Piece, reader: &Secrets) {
        let vantage = &self.vantages[usize::from(from_client)];
        let Some(typ) = piece.handshake_type() else { return };
        if typ == HandshakeType::CLIENT_HELLO {
            let hello = read::<ClientHello>(&piece.payload);
            let said = |binder: &Bytes| self.said[0].windows(binder.len().max(1)).any(|bytes| bytes == binder);
            if hello.as_ref().and_then(our_binder).is_some_and(said) {
                vantage.bind(&mut piece.payload);
            }
            return;
        }
        let secret = vantage.suite.and_then(|suite| secret(reader, from_client, epoch, suite.prf));
        piece.payload = vantage.proof(from_client, typ, secret.as_deref()).unwrap_or_else(|| piece.payload.clone());
    }

    /// Takes in what comes to the reader, and says what is wrong with it: what it must not go on from.
    fn hear(&mut self, from_client: bool, epoch: Epoch, piece: &Piece, reader: &Secrets) -> Vec<Flaw> {
        let (side, other) = (usize::from(!from_client), usize::from(from_client));
        let mut flaws = Vec::new();
        // It is refused, or skipped by a server that takes no early data.
        if matches!(epoch, Epoch::Application(_)) && !self.vantages[other].has_heard_finished(from_client) {
            return flaws;
        }
        if epoch != Epoch::Plain {
            flaws.extend(of_record(epoch, piece));
        }
        if piece.content_type != ContentType::HANDSHAKE {
            return flaws;
        }
        let way = &mut self.ways[side];
        way.unheard.extend_from_slice(&piece.payload);
        while let Some((message, rest)) = whole(&way.unheard).and_then(|length| way.unheard.split_at_checked(length)) {
            let vantage = &mut self.vantages[other];
            let secret = vantage.suite.and_then(|suite| secret(reader, from_client, epoch, suite.prf));
            flaws.extend(vantage.flaw(from_client, message, secret.as_deref()));
            if vantage.ends_record(message) && !rest.is_empty() {
                flaws.push("bytes behind a message that changes the keys, or ends a flight");
            }
            vantage.add(from_client, message);
            if matches!(message, [24, 0, 0, 1, 0 | 1]) && matches!(epoch, Epoch::Application(_)) {
                way.updates_sealed += 1;
            }
            way.unheard = rest.to_vec();
        }
        flaws
    }
}

/// What is wrong with the content of a record that is sealed (RFC 8446 5, 6).
fn of_record(epoch: Epoch, piece: &Piece) -> Option<Flaw> {
    match (piece.content_type, &piece.payload[..]) {
        (ContentType::APPLICATION_DATA, _) => (epoch == Epoch::Handshake).then_some("data before the Finished"),
        (_, []) => Some("a record of nothing"),
        (ContentType::HANDSHAKE, _) => None,
        (ContentType::ALERT, [_, description]) => {
            let harmless = *description == AlertDescription::USER_CANCELED.0;
            (!harmless).then_some("an alert that ends the connection")
        }
        _ => Some("a record that may not be sealed"),
    }
}

const HEADER: usize = 4;

/// The length of the message that these bytes begin with.
fn whole(bytes: &[u8]) -> Option<usize> {
    let [_, a, b, c] = *bytes.first_chunk()?;
    Some(HEADER + (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)))
}
