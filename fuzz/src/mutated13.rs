//! Genuine handshakes of TLS 1.3 between a client and a server in memory, in every form they have, with a few mutations that
//! the input chooses on the way (RFC 8446 E.1, what the handshake protects against).
//!
//! Who does it is one of three. Someone on the way without keys (`mutated.rs`) must not bring it about that the two sides
//! hold different views, or read what nobody wrote, or read early data twice. The same holds for someone who can open and
//! seal every record, but not compute the Finished (`insider.rs`): the handshake must be bound to all that was said. And a
//! peer that says what it likes, and has it fit, must not bring the other side to fall.

use std::num::NonZeroU16;
use std::sync::Arc;

use clasp_crypto::HashAlgorithm;
use clasp_handshake::{
    CIPHER_SUITES, CertificateCompression, ClientConfig, Connection, EarlyData, ExternalPsk, MemorySessions, Policy,
    RecordPadding, ReplayMemory, ServerConfig, TLS13_CIPHER_SUITES,
};
use clasp_wire::{
    CertificateCompressionAlgorithm, CipherSuite, ContentType, NamedGroup, ProtocolVersion, RecordHeader,
};

use crate::alter;
use crate::answers;
use crate::chance;
use crate::insider::Insider;
use crate::keys::{Secrets, records};
use crate::mutated::{FROM_CLIENT, FROM_SERVER, KINDS, MOST_ROUNDS, Middle, Mutation};
use crate::run::{Extras, Run, View};
use crate::setup::{Ask, Keyed, PROTOCOLS, PSK, PSK_IDENTITY, cast, client, name, server};

const EARLY: &[u8] = b"early, from the client";

/// How much early data a server takes, bytes.
const EARLY_ROOM: u32 = 1024;

/// How the two sides come to know each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Full,
    Ticket,
    /// A ticket that is kept by the server under a short name.
    StoredTicket,
    /// A key that both were given.
    External,
}

/// What a client does with early data, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Early {
    None,
    Taken,
    /// The server takes no more.
    Refused,
    /// The server cannot know whether it came before.
    Unsure,
}

/// Who is on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Stranger,
    /// Someone with the keys of the records.
    Insider,
    /// The peer.
    Peer,
}

/// The first three bytes of an input.
#[derive(Clone, Copy, Debug)]
struct Scene {
    suite: CipherSuite,
    client_offers_all: bool,
    server_takes_all: bool,
    way: Way,
    early: Early,
    ask: Ask,
    client_has_identity: bool,
    retries: bool,
    /// Application protocols, and a client that takes short records only.
    extensions: bool,
    compresses: bool,
    client_knows_tls12: bool,
    server_knows_tls12: bool,
    who: Who,
    asks_later: bool,
    client_updates: bool,
    server_updates: bool,
    reads_early: bool,
    pads: bool,
    looks_like_tls13: bool,
}

impl Scene {
    fn parse([first, second, third]: [u8; 3]) -> Self {
        let bit = |byte: u8, n: u8| byte >> n & 1 == 1;
        Self {
            suite: TLS13_CIPHER_SUITES[usize::from(first & 3) % TLS13_CIPHER_SUITES.len()].id,
            client_offers_all: bit(first, 2),
            server_takes_all: bit(first, 3),
            way: [Way::Full, Way::Ticket, Way::StoredTicket, Way::External][usize::from(first >> 4 & 3)],
            early: [Early::None, Early::Taken, Early::Refused, Early::Unsure][usize::from(first >> 6)],
            ask: Ask::from_byte(second),
            client_has_identity: bit(second, 2),
            retries: bit(second, 3),
            extensions: bit(second, 4),
            compresses: bit(second, 5),
            client_knows_tls12: bit(second, 6),
            server_knows_tls12: bit(second, 7),
            who: [Who::Stranger, Who::Insider, Who::Peer, Who::Peer][usize::from(third & 3)],
            asks_later: bit(third, 2),
            client_updates: bit(third, 3),
            server_updates: bit(third, 4),
            reads_early: bit(third, 5),
            pads: bit(third, 6),
            looks_like_tls13: bit(third, 7),
        }
    }

    fn resumes(&self) -> bool {
        matches!(self.way, Way::Ticket | Way::StoredTicket)
    }

    fn policy(&self, all: bool, tls12: bool, groups: &[NamedGroup]) -> Policy {
        let oldest = if tls12 { ProtocolVersion::TLS_1_2 } else { ProtocolVersion::TLS_1_3 };
        let rows = TLS13_CIPHER_SUITES.iter().filter(|row| all || row.id == self.suite);
        let classic = CIPHER_SUITES.iter().filter(|_| tls12);
        let suites: Vec<_> = rows.chain(classic).map(|row| row.id).collect();
        Policy::compatible()
            .with_versions(oldest, ProtocolVersion::TLS_1_3)
            .with_cipher_suites(&suites)
            .with_groups(groups)
    }

    fn client(&self, secrets: Arc<Secrets>) -> Keyed<ClientConfig> {
        // A share is sent in the first group.
        let groups = [NamedGroup::SECP521R1, NamedGroup::SECP256R1];
        let groups = if self.retries { &groups[..] } else { &groups[1..] };
        let mut client = client(self.policy(self.client_offers_all, self.client_knows_tls12, groups))
            .session_store(Arc::new(MemorySessions::default()))
            .early_data(self.early != Early::None)
            .middlebox_compatibility(!self.looks_like_tls13)
            .post_handshake_auth(self.asks_later);
        if self.client_has_identity {
            client = client.identity(cast().client_ecdsa.clone());
        }
        if self.extensions {
            client = client.alpn(PROTOCOLS).expect("names of protocols").record_size_limit(512);
        }
        if self.compresses {
            client = client.certificate_compressions(&[&Dictionary]);
        }
        if self.pads {
            client = client.record_padding(PADDING);
        }
        if self.way == Way::External {
            client = client.psk(external());
        }
        Keyed::client_into(client, secrets)
    }

    /// A server; all of one input's have the same store.
    fn server(&self, early: Early, secrets: Arc<Secrets>, store: &Arc<MemorySessions>) -> Keyed<ServerConfig> {
        let groups = [NamedGroup::SECP256R1];
        let memory = if early == Early::Unsure { ReplayMemory::new(0) } else { ReplayMemory::default() };
        let mut server = server(self.policy(self.server_takes_all, self.server_knows_tls12, &groups))
            .session_store(store.clone())
            .client_auth(self.ask.client_auth())
            .early_data(if matches!(early, Early::None | Early::Refused) { 0 } else { EARLY_ROOM })
            .anti_replay(Arc::new(memory))
            .tickets(self.way != Way::StoredTicket)
            .alpn(PROTOCOLS)
            .expect("names of protocols");
        if self.compresses {
            server = server.certificate_compressions(&[&Dictionary]);
        }
        if self.pads {
            server = server.record_padding(PADDING);
        }
        if self.way == Way::External {
            server = server.psk(external());
        }
        Keyed::server_into(server, secrets)
    }

    fn extras_of_client(&self) -> Extras {
        let early = if self.early == Early::None { &[][..] } else { EARLY };
        Extras { early, update_keys: self.client_updates.then_some(true), ..Extras::default() }
    }

    fn extras_of_server(&self) -> Extras {
        Extras {
            reads_early: self.reads_early,
            update_keys: self.server_updates.then_some(true),
            ask: self.asks_later.then(|| Ask::Request.client_auth()),
            ..Extras::default()
        }
    }
}

const PADDING: RecordPadding = RecordPadding::ToMultiple(NonZeroU16::new(64).expect("not zero"));

fn external() -> ExternalPsk {
    ExternalPsk::new(PSK_IDENTITY, PSK, HashAlgorithm::Sha256).expect("a name and a key")
}

/// Certificates that both sides know are told by their number (RFC 8879's form, with an algorithm of our own): pieces, each
/// a byte and what belongs to it, 0 a length of two bytes and that many bytes, any other one of the certificates.
#[derive(Debug)]
struct Dictionary;

fn known_certificates() -> impl Iterator<Item = &'static [u8]> {
    let cast = cast();
    [&cast.server_ecdsa, &cast.client_ecdsa]
        .into_iter()
        .filter_map(|identity| identity.chain().first())
        .map(|der| &der[..])
}

impl CertificateCompression for Dictionary {
    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        CertificateCompressionAlgorithm(0xff01)
    }

    fn compress(&self, message: &[u8]) -> Option<Vec<u8>> {
        let literal = |bytes: &[u8]| Some([&[0], &u16::try_from(bytes.len()).ok()?.to_be_bytes()[..], bytes].concat());
        for (number, der) in (1..).zip(known_certificates()) {
            if let Some(at) = message.windows(der.len()).position(|window| window == der) {
                return Some([literal(&message[..at])?, vec![number], literal(&message[at + der.len()..])?].concat());
            }
        }
        None
    }

    fn decompress(&self, mut compressed: &[u8], length: usize) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        while let Some((number, rest)) = compressed.split_first() {
            let piece;
            (piece, compressed) = if *number == 0 {
                let (length, rest) = rest.split_first_chunk()?;
                rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?
            } else {
                (known_certificates().nth(usize::from(*number) - 1)?, rest)
            };
            if out.len() + piece.len() > length {
                return None;
            }
            out.extend_from_slice(piece);
        }
        Some(out)
    }
}

/// Whoever stands between the two.
enum Between<'a> {
    Stranger(Middle<'a>),
    Insider(Box<Insider<'a>>),
}

impl Between<'_> {
    fn carry(&mut self, from_client: bool, bytes: &[u8], sender: &Arc<Secrets>, reader: &mut Run) {
        match self {
            Self::Stranger(middle) => reader.receive(&middle.carry(bytes, from_client)),
            Self::Insider(insider) => insider.carry(from_client, bytes, sender, reader),
        }
    }

    fn touched(&self) -> bool {
        match self {
            Self::Stranger(middle) => middle.touched,
            Self::Insider(insider) => insider.touched,
        }
    }
}

/// Runs a handshake, its data and its goodbyes.
fn meet(mut client: Run, mut server: Run, between: &mut Between<'_>) -> (Run, Run) {
    let (of_client, of_server) = (Arc::clone(&client.secrets), Arc::clone(&server.secrets));
    for round in 0.. {
        let (from_client, from_server) = (std::mem::take(&mut client.sent), std::mem::take(&mut server.sent));
        if from_client.is_empty() && from_server.is_empty() {
            break;
        }
        between.carry(true, &from_client, &of_client, &mut server);
        between.carry(false, &from_server, &of_server, &mut client);
        assert!(round < MOST_ROUNDS, "the two sides never come to rest");
    }
    client.receive_eof();
    server.receive_eof();
    (client, server)
}

/// The first three bytes choose how the handshake goes and who is on the way ([`Scene`]); then come up to four mutations of
/// five bytes: side and record or message, kind, place (two bytes), value.
pub fn mutated_tls13(input: &[u8]) {
    let Some((choices, rest)) = input.split_first_chunk() else { return };
    let scene = Scene::parse(*choices);
    chance::begin();
    let (of_client, of_server) = (Arc::new(Secrets::default()), Arc::new(Secrets::default()));
    let store = Arc::new(MemorySessions::default());
    let client = scene.client(of_client.clone());
    let begin = |server: &Keyed<ServerConfig>, early: bool| {
        let extras = if early { scene.extras_of_client() } else { Extras::default() };
        let connection = Connection::client(Arc::clone(&client.config), name());
        let client = Run::with(connection, of_client.clone(), FROM_CLIENT, extras);
        let extras = if early { scene.extras_of_server() } else { Extras::default() };
        let connection = Connection::server(Arc::clone(&server.config));
        (client, Run::with(connection, of_server.clone(), FROM_SERVER, extras))
    };
    let mut resumable = false;
    if scene.resumes() {
        let first = if scene.early == Early::None { Early::None } else { Early::Taken };
        let (client, server) = begin(&scene.server(first, of_server.clone(), &store), false);
        let (client, server) = meet(client, server, &mut Between::Stranger(Middle::default()));
        resumable = client.closed && server.closed && client.view().is_some();
        of_client.forget_traffic();
        of_server.forget_traffic();
    }
    let server = scene.server(scene.early, of_server.clone(), &store);
    let mut between = match scene.who {
        Who::Stranger => Between::Stranger(Middle::new(Mutation::list(rest, KINDS))),
        who => Between::Insider(Box::new(Insider::new(Mutation::list(rest, alter::KINDS), who == Who::Peer))),
    };
    let (run_of_client, run_of_server) = begin(&server, true);
    let (run_of_client, run_of_server) = meet(run_of_client, run_of_server, &mut between);
    assert!(resumable || !(run_of_client.resumed() || run_of_server.resumed()), "a session that never was is resumed");
    check(&scene, &run_of_client, &run_of_server, &between);
    if !between.touched() {
        nothing_was_done(&scene, &run_of_client, &run_of_server, resumable);
    }
    if let Between::Stranger(middle) = &between {
        let connection = Connection::server(Arc::clone(&server.config));
        let extras = Extras { reads_early: true, ..Extras::default() };
        let mut again = Run::with(connection, of_server, FROM_SERVER, extras);
        again.receive(&middle.heard[0]);
        assert!(again.read.is_empty(), "data that came before is read again");
        assert!(again.early_read.is_empty() || !came_early(&run_of_server), "early data is read twice");
    }
}

/// Whether a server read, or was about to read, early data.
fn came_early(server: &Run) -> bool {
    !server.early_read.is_empty()
        || server.tls.session().is_some_and(|session| session.early_data() == EarlyData::Accepted)
}

/// The views, but for whether the client has shown a certificate: it believes that before the server has seen it.
pub(crate) fn without_client(view: &View) -> View {
    let agreed = view.agreed.replace("client true", "client ?").replace("client false", "client ?");
    View { agreed, ..view.clone() }
}

fn check(scene: &Scene, client: &Run, server: &Run, between: &Between<'_>) {
    let (of_client, of_server) = (client.view(), server.view());
    assert!(of_client.is_some() || client.read.is_empty(), "data before the handshake was done");
    assert!(of_server.is_some() || server.read.is_empty(), "data before the handshake was done");
    let read_by_server = [&server.early_read[..], &server.read].concat();
    match between {
        Between::Stranger(middle) => {
            let heard = |from_client: bool| {
                let side = usize::from(!from_client);
                plain_handshake(&middle.heard[side]).starts_with(&plain_handshake(&middle.said[side]))
            };
            if of_client.is_some() || of_server.is_some() {
                assert!(heard(true) && heard(false), "the hellos came otherwise than they were said");
            }
            answers::check(middle, ProtocolVersion::TLS_1_3);
            same_views(client, server);
            if client.closed && server.closed {
                assert_eq!(of_client, of_server, "not agreed on who the client is");
            }
            assert!(EARLY.starts_with(&server.early_read), "early data that was not sent");
            let early = if came_early(server) { EARLY } else { &[] };
            assert!([early, FROM_CLIENT].concat().starts_with(&read_by_server), "data was read that nobody wrote");
            assert!(FROM_SERVER.starts_with(&client.read), "data was read that nobody wrote");
            assert!(!client.closed || client.read == FROM_SERVER, "an end was believed that was none");
            assert!(!server.closed || server.read.ends_with(FROM_CLIENT), "an end was believed that was none");
        }
        Between::Insider(insider) => {
            assert!(
                [&insider.early[..], &insider.data[0]].concat().starts_with(&read_by_server),
                "data was read that did not come"
            );
            assert!(insider.data[1].starts_with(&client.read), "data was read that did not come");
            if insider.fits && insider.touched {
                return;
            }
            let heard = |side: usize, all: bool| {
                let length = if all { insider.said[side].len() } else { insider.hellos[side] };
                insider.heard[side].starts_with(&insider.said[side][..length])
            };
            if of_client.is_some() {
                assert!(insider.finished[1], "a client is established before the server has finished");
                assert!(heard(1, true), "the client heard another handshake than was said");
                assert!(heard(0, of_server.is_some()), "the server heard another handshake than was said");
            }
            if of_server.is_some() {
                assert!(insider.finished[0], "a server is established before the client has finished");
                assert!(heard(0, true) && heard(1, true), "another handshake was heard than was said");
            }
            same_views(client, server);
        }
    }
    // Both know TLS 1.3, so nothing on the way has them speak an older version (RFC 8446 4.1.3).
    for run in [client, server] {
        let version = run.tls.session().map(clasp_handshake::Session::version);
        assert!(version.is_none_or(|version| version == ProtocolVersion::TLS_1_3), "an older version: {version:?}");
    }
    if of_client.is_some() && scene.way != Way::External {
        assert_eq!(client.peer_certificates(), cast().server_ecdsa.chain(), "a server that is not ours");
    }
    if of_server.is_some() {
        let chain = server.peer_certificates();
        assert!([&[][..], cast().client_ecdsa.chain()].contains(&chain), "a client that is not ours");
        assert!(scene.ask != Ask::Require || !chain.is_empty(), "a client that shows nothing");
    }
}

fn same_views(client: &Run, server: &Run) {
    let (Some(of_client), Some(of_server)) = (client.view(), server.view()) else {
        assert!(client.view().is_some() || server.view().is_none(), "a server is established with nobody");
        return;
    };
    assert_eq!(without_client(&of_client), without_client(&of_server), "established on different views");
    let early = |run: &Run| run.tls.session().map(clasp_handshake::Session::early_data);
    assert_eq!(early(client), early(server), "not agreed on what became of early data");
}

/// What happens when nobody does anything.
fn nothing_was_done(scene: &Scene, client: &Run, server: &Run, resumable: bool) {
    // A server that requires a certificate does not get one from a client that has none.
    if scene.ask == Ask::Require && !scene.client_has_identity {
        assert!(server.view().is_none() && server.read.is_empty());
        return;
    }
    for run in [client, server] {
        assert_eq!(run.verdict(), "closed");
        assert_eq!(run.resumed(), scene.resumes());
    }
    assert!(resumable || !scene.resumes(), "the first handshake went wrong");
    assert_eq!(client.read, FROM_SERVER);
    let takes_early = scene.resumes() && scene.early == Early::Taken && !scene.retries;
    let early = if takes_early { EARLY } else { &[] };
    assert_eq!([&server.early_read[..], &server.read].concat(), [early, FROM_CLIENT].concat());
    let became = match scene.early {
        _ if !scene.resumes() => EarlyData::NotOffered,
        Early::None => EarlyData::NotOffered,
        _ if takes_early => EarlyData::Accepted,
        _ => EarlyData::Rejected,
    };
    assert_eq!(server.tls.session().map(clasp_handshake::Session::early_data), Some(became));
}

/// The handshake messages that are not encrypted, whatever the records they lie in.
fn plain_handshake(bytes: &[u8]) -> Vec<u8> {
    let records = records(bytes).into_iter();
    let messages = records.filter(|(header, _)| header.content_type == ContentType::HANDSHAKE);
    messages.flat_map(|(_, record)| &record[RecordHeader::LEN..]).copied().collect()
}
