//! Genuine handshakes of TLS 1.2 and older between a client and a server in memory, with a few mutations that the input chooses on the way
//! (RFC 5246 F.1, what the handshake protects against).
//!
//! Whoever is in the middle holds no keys. So whatever it does, a client that is established talks to a server that is
//! established, both hold the same view, and have said and heard the same handshake to the byte, so that nothing was struck
//! out of an offer; and what is read is the beginning of what was written.

use std::collections::VecDeque;
use std::sync::Arc;

use clasp_handshake::{ClientConfig, KeyExchange, MemorySessions, Policy, ServerConfig, Suite};
use clasp_wire::{CipherSuite, ContentType, HandshakeType, ProtocolVersion, RecordHeader};

use crate::alter::{EXTENSIONS, Piece, alter_extensions};
use crate::answers;
use crate::chance;
use crate::keys::records;
use crate::run::Run;
use crate::setup::{Ask, GROUPS, Keyed, PROTOCOLS, cast, client, policy, server};

pub(crate) const FROM_CLIENT: &[u8] = b"from the client";
pub(crate) const FROM_SERVER: &[u8] = b"from the server";

/// More rounds than any handshake has, with the goodbyes.
pub(crate) const MOST_ROUNDS: usize = 40;

/// One thing done to one record on its way.
pub(crate) struct Mutation<'a> {
    /// Whether it is done to a record of the client's.
    pub(crate) from_client: bool,
    /// Which record of that side, from 0.
    pub(crate) record: usize,
    pub(crate) kind: u8,
    pub(crate) place: usize,
    pub(crate) value: u8,
    /// What follows in the input, for those that need more bytes.
    pub(crate) more: &'a [u8],
}

/// Bytes that say one mutation.
pub(crate) const MUTATION: usize = 5;
/// More would rather make two mutations undo each other than lead anywhere.
const MOST_MUTATIONS: usize = 4;

impl<'a> Mutation<'a> {
    fn parse(input: &'a [u8], kinds: u8) -> Option<Self> {
        let ([record, kind, high, low, value], more) = input.split_first_chunk::<MUTATION>()?;
        Some(Self {
            from_client: record & 0x80 == 0,
            record: usize::from(record & 15),
            kind: kind % kinds,
            place: usize::from(u16::from_be_bytes([*high, *low])),
            value: *value,
            more,
        })
    }

    /// Those of an input, of that many kinds.
    pub(crate) fn list(input: &'a [u8], kinds: u8) -> Vec<Self> {
        (0..MOST_MUTATIONS).map_while(|n| Self::parse(input.get(n * MUTATION..)?, kinds)).collect()
    }
}

/// Between the two sides.
#[derive(Default)]
pub(crate) struct Middle<'a> {
    mutations: Vec<Mutation<'a>>,
    /// Records seen of the client and of the server.
    seen: [usize; 2],
    /// Records held back, to be sent after the next one of their side.
    held: [Vec<u8>; 2],
    /// Whether anything was done.
    pub(crate) touched: bool,
    /// All that the client and the server said, and what was made of it.
    pub(crate) said: [Vec<u8>; 2],
    pub(crate) heard: [Vec<u8>; 2],
}

impl<'a> Middle<'a> {
    /// Does these things, and no other.
    pub(crate) fn new(mutations: Vec<Mutation<'a>>) -> Self {
        Self { mutations, ..Self::default() }
    }

    pub(crate) fn carry(&mut self, bytes: &[u8], from_client: bool) -> Vec<u8> {
        let side = usize::from(!from_client);
        let mut out = VecDeque::new();
        for record in units(bytes) {
            let number = self.seen[side];
            self.seen[side] += 1;
            let mut now = vec![record.to_vec()];
            let held = std::mem::take(&mut self.held[side]);
            for mutation in self.mutations.iter().filter(|m| m.from_client == from_client && m.record == number) {
                let after = mutate(now.concat(), mutation);
                let before = now.concat();
                if mutation.kind == HOLD {
                    self.held[side].extend_from_slice(&before);
                    now = Vec::new();
                    self.touched = true;
                } else {
                    self.touched |= after != before;
                    now = vec![after];
                }
            }
            out.extend(now);
            out.push_back(held);
        }
        let out: Vec<u8> = out.into_iter().flatten().collect();
        self.said[side].extend_from_slice(bytes);
        self.heard[side].extend_from_slice(&out);
        out
    }

    /// Whether the client's, or the server's, handshake messages were heard as they were said: all of them, or those of its
    /// first flight.
    fn is_faithful(&self, from_client: bool, all: bool) -> bool {
        let side = usize::from(!from_client);
        let (said, heard) = (plain_handshake(&self.said[side]), plain_handshake(&self.heard[side]));
        if all { heard == said } else { heard.starts_with(first_flight(&said)) }
    }
}

/// Up to and with the ServerHelloDone, if there is one: a ticket comes later.
fn first_flight(messages: &[u8]) -> &[u8] {
    let mut end = 0;
    while let Some([typ, a, b, c]) = messages.get(end..).and_then(<[u8]>::first_chunk) {
        end += 4 + (usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c));
        if *typ == HandshakeType::SERVER_HELLO_DONE.0 {
            break;
        }
    }
    messages.get(..end).unwrap_or(messages)
}

/// The whole records, and before them a hello in SSL 2.0's format, which lies in none (RFC 5246 E.2).
fn units(bytes: &[u8]) -> Vec<&[u8]> {
    let hello = sslv2_length(bytes).and_then(|length| bytes.split_at_checked(length));
    let (hello, rest) = hello.map_or((None, bytes), |(hello, rest)| (Some(hello), rest));
    hello.into_iter().chain(records(rest).into_iter().map(|(_, record)| record)).collect()
}

/// The length of the hello in SSL 2.0's format that the bytes begin with, header and all.
fn sslv2_length(bytes: &[u8]) -> Option<usize> {
    let [high, low] = *bytes.first_chunk()?;
    (high & 0x80 != 0).then(|| SSLV2_HEADER + (usize::from(high & 0x7f) << 8 | usize::from(low)))
}

/// The hello in SSL 2.0's format that the bytes begin with, without its header, and what follows it.
pub(crate) fn sslv2_hello(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (hello, rest) = bytes.split_at_checked(sslv2_length(bytes)?)?;
    Some((&hello[SSLV2_HEADER..], rest))
}

const SSLV2_HEADER: usize = 2;

/// The handshake messages up to the ChangeCipherSpec, whatever the records they lie in.
pub(crate) fn plain_handshake(bytes: &[u8]) -> Vec<u8> {
    if let Some((hello, rest)) = sslv2_hello(bytes) {
        return [hello, &plain_handshake(rest)].concat();
    }
    let records = records(bytes).into_iter();
    let plain = records.take_while(|(header, _)| header.content_type != ContentType::CHANGE_CIPHER_SPEC);
    let messages = plain.filter(|(header, _)| header.content_type == ContentType::HANDSHAKE);
    messages.flat_map(|(_, record)| &record[RecordHeader::LEN..]).copied().collect()
}

const HOLD: u8 = 5;
/// How many kinds of mutations of records there are.
pub(crate) const KINDS: u8 = 18;

/// Does it to a record, or to what became of it.
fn mutate(mut record: Vec<u8>, mutation: &Mutation<'_>) -> Vec<u8> {
    let value = mutation.value;
    let Some(body) = record.len().checked_sub(RecordHeader::LEN).filter(|body| *body > 0) else { return record };
    let inside = RecordHeader::LEN + mutation.place % body;
    if sslv2_length(&record).is_some() {
        return mutate_sslv2(record, mutation);
    }
    match mutation.kind {
        // Anywhere, the header too.
        0 => {
            let at = mutation.place % record.len();
            record[at] ^= value;
        }
        1 => {
            record.insert(inside, value);
            fit_lengths(&mut record, false);
        }
        2 => {
            record.remove(inside);
            fit_lengths(&mut record, false);
        }
        3 => record.extend_from_within(..),
        4 => record.clear(),
        // Held back, which the caller does.
        HOLD => {}
        // A fragment boundary moved, which is nobody's business before encryption.
        6 => {
            let mut second = record[..3].to_vec();
            let tail = record.split_off(inside);
            second.extend_from_slice(&u16::try_from(tail.len()).unwrap_or(0).to_be_bytes());
            second.extend_from_slice(&tail);
            fit_lengths(&mut record, false);
            record.extend_from_slice(&second);
        }
        // A record of its own before it.
        7 => {
            let content = &mutation.more[..mutation.more.len().min(mutation.place % 64)];
            let mut first = vec![20 + value % 4, 3, 3, 0, 0];
            first.extend_from_slice(content);
            fit_lengths(&mut first, false);
            first.extend_from_slice(&record);
            return first;
        }
        // A warning, or worse, before it.
        8 => {
            let alert = [ContentType::ALERT.0, 3, 3, 0, 2, 1 + u8::from(mutation.place % 2 == 1), value];
            return [&alert[..], &record].concat();
        }
        // Within the message: its length, and the record's, are made to fit.
        9 => {
            record.insert(inside, value);
            fit_lengths(&mut record, true);
        }
        10 => {
            record.remove(inside);
            fit_lengths(&mut record, true);
        }
        // An extension of a hello left out, doubled, moved, renamed, put in, or given another content.
        12.. => {
            let message = record.split_off(RecordHeader::LEN);
            let mut piece = Piece::new(ContentType(record[0]), message);
            alter_extensions(&mut piece, mutation, mutation.kind - 12 + EXTENSIONS);
            record.extend_from_slice(&piece.payload);
            fit_lengths(&mut record, false);
        }
        // The end cut off.
        _ => {
            record.truncate(inside);
            fit_lengths(&mut record, value & 1 != 0);
        }
    }
    record
}

/// As [`mutate`], with a hello in SSL 2.0's format.
fn mutate_sslv2(mut hello: Vec<u8>, mutation: &Mutation<'_>) -> Vec<u8> {
    let inside = SSLV2_HEADER + mutation.place % (hello.len() - SSLV2_HEADER);
    match mutation.kind {
        1 | 9 => hello.insert(inside, mutation.value),
        2 | 10 => {
            hello.remove(inside);
        }
        3 => hello.extend_from_within(..),
        4 => hello.clear(),
        11 => hello.truncate(inside),
        HOLD => {}
        _ => hello[inside] ^= mutation.value,
    }
    if !matches!(mutation.kind, 3 | 4) {
        let length = u16::try_from(hello.len() - SSLV2_HEADER).unwrap_or(0).to_be_bytes();
        hello[..SSLV2_HEADER].copy_from_slice(&[length[0] | 0x80, length[1]]);
    }
    hello
}

/// Writes the record's length into its header, and the message's into the handshake header, when it is one.
fn fit_lengths(record: &mut [u8], message: bool) {
    let length = record.len().saturating_sub(RecordHeader::LEN);
    if let Some(field) = record.get_mut(3..5) {
        field.copy_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
    }
    if message && record.first() == Some(&ContentType::HANDSHAKE.0) {
        let length = u32::try_from(length.saturating_sub(4)).unwrap_or(0).to_be_bytes();
        if let Some(field) = record.get_mut(6..9) {
            field.copy_from_slice(&length[1..]);
        }
    }
}

/// The suites that handshakes are mutated under: each kind of key exchange, key and record protection.
const SUITES: [CipherSuite; 8] = [
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_DHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_RSA_WITH_AES_256_CBC_SHA256,
    CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA,
];

/// Both sides' configurations.
type Sides = (Keyed<ClientConfig>, Keyed<ServerConfig>);

/// The policies of both sides.
struct Policies {
    client: Policy,
    server: Policy,
    /// The suite where only that one is offered or accepted.
    suite: CipherSuite,
    habits: Habits,
}

/// What older hellos and versions have not.
#[derive(Clone, Copy)]
struct Habits {
    newest_of_server: ProtocolVersion,
    /// SSL 3.0 has no extensions.
    says_name: bool,
    /// A hello in SSL 2.0's format takes up no session, and SSL 3.0 has no tickets.
    resumes: bool,
    /// SSL 3.0 knows no ECDSA certificates.
    shows_ecdsa: bool,
}

impl Policies {
    /// TLS 1.2 under one of [`SUITES`].
    fn of_today(choice: u8) -> Self {
        let habits =
            Habits { newest_of_server: ProtocolVersion::TLS_1_2, says_name: true, resumes: true, shows_ecdsa: true };
        Self { client: policy(), server: policy(), suite: SUITES[usize::from(choice & 7)], habits }
    }

    /// What is older, with all that is broken: the low two bits give the version, or say that the client offers all of them
    /// and the next two bits the server's newest; then whether the client's hello is in SSL 2.0's format; the rest, with the
    /// low bits of the choice, gives the suite.
    fn of_old(choice: u8, age: u8) -> Self {
        const NEWEST: [ProtocolVersion; 4] =
            [ProtocolVersion::TLS_1_1, ProtocolVersion::TLS_1_0, ProtocolVersion::SSL_3_0, ProtocolVersion::TLS_1_2];
        let offers_all = age & 3 == 3;
        let newest = NEWEST[usize::from(if offers_all { age >> 2 & 3 } else { age & 3 })];
        let all = clasp_insecure::insecure().with_groups(&GROUPS);
        let keyless = |row: &Suite| !matches!(row.key_exchange, KeyExchange::Psk | KeyExchange::EcdhePsk);
        let of_newest = |row: &Suite| row.versions.0 <= newest && newest <= row.versions.1;
        // No side here has a pre-shared key.
        let rows: Vec<_> = all.suites().iter().filter(|row| of_newest(row) && keyless(row)).collect();
        let suite = rows[usize::from((age >> 5) << 3 | choice & 7) % rows.len()].id;
        let server = all.clone().with_versions(ProtocolVersion::SSL_3_0, newest);
        let client = if offers_all {
            all.with_versions(ProtocolVersion::SSL_3_0, ProtocolVersion::TLS_1_2)
        } else {
            all.with_versions(newest, newest)
        };
        let sslv2 = age & 16 != 0;
        let habits = Habits {
            newest_of_server: newest,
            says_name: !sslv2 && newest != ProtocolVersion::SSL_3_0,
            resumes: !sslv2 && (newest != ProtocolVersion::SSL_3_0 || choice & 64 != 0),
            shows_ecdsa: newest != ProtocolVersion::SSL_3_0,
        };
        Self { client: client.sending_sslv2_hello(sslv2), server, suite, habits }
    }
}

/// Whether the client shows a certificate whose key it has not.
fn steals(options: u8) -> bool {
    options >> 6 == 1
}

fn configs(choice: u8, options: u8, policies: Policies) -> Sides {
    // The client offers all, or only what will be chosen: then no mutation can lead to another suite.
    let only = [policies.suite];
    let narrow = |policy: Policy, all: bool| if all { policy } else { policy.with_cipher_suites(&only) };
    let offered = narrow(policies.client, choice & 8 != 0);
    let offered = offered.with_extended_master_secret(options & 1 == 0).with_encrypt_then_mac(options & 2 == 0);
    let mut client = client(offered).session_store(Arc::new(MemorySessions::default()));
    if options & 4 == 0 {
        let cast = cast();
        let genuine = if options & 8 == 0 { &cast.client_ecdsa } else { &cast.client_rsa };
        let shown = if steals(options) { &cast.thieves[usize::from(options >> 3 & 1)] } else { genuine };
        client = client.identity(shown.clone());
    }
    if options & 16 != 0 {
        client = client.alpn(PROTOCOLS).expect("names of protocols").record_size_limit(512);
    }
    let accepted = narrow(policies.server, choice & 16 != 0);
    let ask = if steals(options) { Ask::Request } else { Ask::from_byte(options >> 6) };
    let server = server(accepted).client_auth(ask.client_auth()).alpn(PROTOCOLS);
    let server = server.expect("names of protocols").prefer_client_order(options & 32 != 0);
    // By ticket or by identifier.
    let (client, server) = if choice & 64 == 0 {
        (client, server)
    } else {
        (client.tickets(false), server.session_store(Arc::new(MemorySessions::default())))
    };
    (Keyed::client(client), Keyed::server(server))
}

/// Runs a handshake, its data and its goodbyes.
fn meet((client, server): &Sides, middle: &mut Middle<'_>) -> (Run, Run) {
    let (mut client, mut server) = (Run::client(client, FROM_CLIENT), Run::server(server, FROM_SERVER));
    let mut rounds = 0;
    loop {
        let from_client = middle.carry(&std::mem::take(&mut client.sent), true);
        let from_server = middle.carry(&std::mem::take(&mut server.sent), false);
        if from_client.is_empty() && from_server.is_empty() {
            break;
        }
        server.receive(&from_client);
        client.receive(&from_server);
        rounds += 1;
        assert!(rounds < MOST_ROUNDS, "the two sides never come to rest");
    }
    client.receive_eof();
    server.receive_eof();
    (client, server)
}

/// The first two bytes choose suite, extensions, client authentication, and whether there is an earlier session to resume;
/// with the first one's top bit a third chooses an older version ([`Policies::of_old`]). Then come up to four mutations of five bytes: side and record, kind, place (two bytes), value.
pub fn mutated_handshake(input: &[u8]) {
    let Some(([choice, options], rest)) = input.split_first_chunk() else { return };
    let (policies, rest) = match rest.split_first() {
        Some((age, rest)) if choice & 0x80 != 0 => (Policies::of_old(*choice, *age), rest),
        _ => (Policies::of_today(*choice), rest),
    };
    chance::begin();
    let habits = policies.habits;
    let sides = configs(*choice, *options, policies);
    let mut resumable = false;
    if choice & 32 != 0 {
        let (client, server) = meet(&sides, &mut Middle::default());
        resumable = client.view().is_some() && client.closed && server.closed;
    }
    let mut middle = Middle::new(Mutation::list(rest, KINDS));
    let (client, server) = meet(&sides, &mut middle);
    assert!(resumable || !(client.resumed() || server.resumed()), "a session was resumed that never was");
    check(&client, &server, &middle, *options, habits);
    answers::check(&middle, habits.newest_of_server);
    if resumable && habits.resumes && !middle.touched {
        assert!(client.resumed() && server.resumed(), "nothing stands in the way, and yet nothing is resumed");
    }
}

fn check(client: &Run, server: &Run, middle: &Middle<'_>, options: u8, habits: Habits) {
    let cast = cast();
    let (mut of_client, of_server) = (client.view(), server.view());
    if let Some(view) = of_client.as_mut().filter(|_| !habits.says_name) {
        view.server_name = None;
    }
    if of_client.is_some() && of_server.is_some() {
        assert_eq!(of_client, of_server, "the two sides are established on different views");
    }
    // In a full handshake the client is the last to see the other's Finished, in a resumed one the server is. The Finished
    // messages hold the whole handshake so far (RFC 5246 7.3, 7.4.9).
    if of_client.is_some() {
        assert!(client.resumed() || of_server.is_some(), "a client is established with nobody");
        assert!(middle.is_faithful(false, true), "the client heard another handshake than was said");
        assert!(middle.is_faithful(true, of_server.is_some()), "the server heard another handshake than was said");
        let chains = [cast.server_rsa.chain(), cast.server_ecdsa.chain()];
        assert!(chains.contains(&client.peer_certificates()), "a server that is not ours");
    } else {
        assert!(client.read.is_empty(), "data before the handshake was done");
    }
    if of_server.is_some() {
        assert!(!server.resumed() || of_client.is_some(), "a server is established with nobody");
        assert!(middle.is_faithful(true, true), "the server heard another handshake than was said");
        assert!(middle.is_faithful(false, of_client.is_some()), "the client heard another handshake than was said");
        let expected = if options & 8 == 0 { &cast.client_ecdsa } else { &cast.client_rsa }.chain();
        assert!([&[][..], expected].contains(&server.peer_certificates()), "a client that is not ours");
        assert!(!steals(options) || server.peer_certificates().is_empty(), "a thief is taken for who it robbed");
    } else {
        assert!(server.read.is_empty(), "data before the handshake was done");
    }
    for (reader, written) in [(client, FROM_SERVER), (server, FROM_CLIENT)] {
        assert!(written.starts_with(&reader.read), "data was read that nobody wrote");
        assert!(!reader.closed || reader.read == written, "an end was believed that the other side did not say");
    }
    // A server that requires a certificate does not get one from a client that has none.
    let has_one = options & 4 == 0 && (options & 8 != 0 || habits.shows_ecdsa);
    let refused = options >> 6 == 3 && !has_one || steals(options) && has_one;
    if !middle.touched && !refused {
        for (run, written) in [(client, FROM_SERVER), (server, FROM_CLIENT)] {
            assert_eq!(run.verdict(), "closed");
            assert_eq!(run.read, written);
        }
    }
}
