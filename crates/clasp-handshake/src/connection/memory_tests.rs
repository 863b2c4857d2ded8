//! What one connection takes from the heap, whatever its peer sends: never more than 512 KiB, and in all no more than so many
//! times what was sent (RFC 5246 F.5, RFC 8446 C.3).
//!
//! Each stream runs in a process of its own, which is this test again: the allocator counts for the whole process.

use std::alloc::System;
use std::process::Command;
use std::task::{Context, Waker};

use bytes::{Buf as _, BufMut as _, Bytes};
use cap::Cap;
use clasp_wire::{
    AlertDescription, Certificate, Certificate13, CertificateEntry, CertificateExtension, CipherSuite, ClientExtension,
    ClientHello, ContentType, ExtensionType, HandshakeMessage as _, HandshakeType, KeyShareEntry, NamedGroup,
    PskIdentity, ServerNameEntry, UnknownExtension,
};

use super::Status;
use super::limit_tests::{hello_of, records, sent, ticket};
use crate::testing::{Authority, NAME, classic, connections, each, established};
use crate::{Connection, Error, Policy};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// What names the stream to a process.
const STREAM: &str = "CLASP_HOSTILE_STREAM";

/// The most that one connection takes, bytes.
const PEAK: usize = 512 << 10;

/// How many bytes may be allocated in all, over time, for each byte that is received: what is copied again and again with
/// every record shows here, as a count that does not depend on the machine.
const WORK: usize = 64;

/// And besides, for what a handshake makes once, bytes.
const SET_UP: usize = 256 << 10;

/// A stream's name, what makes it, and whether it ends in an error.
type Row = (&'static str, fn() -> Stream, bool);

const STREAMS: [Row; 21] = [
    ("a hello full of extensions", || hello(extensions), true),
    ("a hello full of suites", || hello(suites), true),
    ("a hello full of lists", || hello(lists), true),
    ("a hello full of shares", || hello(shares), true),
    ("a hello full of keys", || hello(keys), true),
    ("a hello full of protocols nobody speaks", || hello(protocols), true),
    ("a hello byte by byte", hello_byte_by_byte, true),
    ("a hello without end", || Stream::to_server(records(&[&[1, 1, 0, 0][..], &[3; 65_535]].concat(), 16_384)), false),
    ("a message too long", || Stream::to_server(records(&[1, 1, 0, 1], 4)), true),
    ("half a record", || Stream::to_server([&[22, 3, 1, 0x40, 0][..], &[1; 16_000]].concat()), false),
    ("a chain of crumbs", chain_of_crumbs, true),
    ("crumbs of data", crumbs_of_data, false),
    ("records without content", records_without_content, true),
    ("new keys with crumbs between", new_keys, false),
    ("tickets with crumbs between", tickets, false),
    ("warnings", warnings, true),
    ("requests for a certificate", requests, true),
    ("crumbs while a renegotiation is awaited", held_data, true),
    ("requests to shake hands, during a handshake", hello_requests, true),
    ("requests to shake hands", renegotiations, true),
    ("crumbs of early data", early_data, false),
];

/// A victim, and what it receives.
struct Stream {
    victim: Connection,
    /// Gives the next bytes: none when there are no more.
    next: Box<dyn FnMut() -> Vec<u8>>,
    poll: fn(&mut Connection) -> Result<Status, Error>,
    /// Whether application data is taken as it comes.
    reads: bool,
    /// Whether what it answers is taken.
    drains: bool,
}

impl Stream {
    fn new(victim: Connection, next: impl FnMut() -> Vec<u8> + 'static) -> Self {
        Self { victim, next: Box::new(next), poll: Connection::poll_now, reads: true, drains: true }
    }

    /// All at once, to a server whose client has not said anything yet.
    fn to_server(bytes: Vec<u8>) -> Self {
        let server = Authority::new("CA").server(Policy::modern()).build().unwrap();
        Self::whole(Connection::server(server), bytes)
    }

    fn whole(victim: Connection, bytes: Vec<u8>) -> Self {
        let mut bytes = Some(bytes);
        Self::new(victim, move || bytes.take().unwrap_or_default())
    }
}

/// What was received, how many bytes were allocated in all by others than the victim, and how it ended.
struct Ran {
    received: usize,
    by_others: usize,
    error: Option<Error>,
}

/// Gives the victim what comes, as a driver does that reads as much as there is room for.
fn run(stream: &mut Stream) -> Ran {
    let mut ran = Ran { received: 0, by_others: 0, error: None };
    loop {
        let before = ALLOCATOR.total_allocated();
        let bytes = (stream.next)();
        ran.by_others += ALLOCATOR.total_allocated() - before;
        if bytes.is_empty() {
            return ran;
        }
        ran.received += bytes.len();
        let mut left = &bytes[..];
        while !left.is_empty() {
            let room = stream.victim.receive_room().min(left.len());
            assert!(room > 0, "the victim takes nothing more");
            // As streams do: room for two whole records, however little there is to read.
            let buffer = stream.victim.receive_buffer();
            let before = ALLOCATOR.total_allocated();
            buffer.reserve(33_000);
            buffer.put_slice(&left[..room]);
            ran.by_others += ALLOCATOR.total_allocated() - before;
            left.advance(room);
            loop {
                match (stream.poll)(&mut stream.victim) {
                    Err(error) => {
                        ran.error = Some(error);
                        return ran;
                    }
                    Ok(Status::Data) if stream.reads => drop(stream.victim.read()),
                    Ok(_) => break,
                }
            }
            if stream.drains {
                stream.victim.output().clear();
            }
        }
    }
}

/// In a process of its own.
fn one(name: &str) {
    let (_, make, fails) = STREAMS.iter().find(|(stream, ..)| *stream == name).unwrap();
    let mut stream = make();
    let (before, most, work) = (ALLOCATOR.allocated(), ALLOCATOR.max_allocated(), ALLOCATOR.total_allocated());
    // Whoever asks for more ends the process.
    ALLOCATOR.set_limit(before + PEAK).unwrap();
    let ran = run(&mut stream);
    let peak = ALLOCATOR.max_allocated();
    ALLOCATOR.set_limit(usize::MAX).unwrap();
    let work = ALLOCATOR.total_allocated() - work - ran.by_others;
    let Ran { received, error, .. } = ran;
    // What was made before may have taken more for a while.
    let peak = if peak > most { format!("{}", peak - before) } else { format!("less than {}", most - before) };
    println!("{name}: {received} bytes received, {peak} at a time, {work} over time");
    assert_eq!(error.is_some(), *fails, "{error:?}");
    assert!(work <= WORK * received + SET_UP, "{work} bytes over time for {received}");
}

#[test]
fn no_stream_takes_more_than_is_stated() {
    if let Ok(name) = std::env::var(STREAM) {
        return one(&name);
    }
    for (name, ..) in STREAMS {
        let test = "connection::memory_tests::no_stream_takes_more_than_is_stated";
        let mut command = Command::new(std::env::current_exe().unwrap());
        let out = command.args([test, "--exact", "--nocapture"]).env(STREAM, name).output().unwrap();
        let (said, wrong) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(out.status.success() && said.contains("1 passed"), "{name}: {said}{wrong}");
        said.lines().filter(|line| line.starts_with(name)).for_each(|line| println!("{line}"));
    }
}

/// A client's hello with other extensions, as long as a message may be.
fn hello(fill: fn(&mut ClientHello) -> Option<Bytes>) -> Stream {
    let ca = Authority::new("CA");
    let [_, policy] = each(&Policy::modern());
    let client = ca.client(policy).build().unwrap();
    let mut hello = hello_of(&mut Connection::client(client, NAME.try_into().unwrap()));
    let raw = fill(&mut hello).unwrap_or_else(|| hello.encode());
    assert!((60_000..=65_540).contains(&raw.len()), "{}", raw.len());
    Stream::to_server(records(&raw, 16_384))
}

/// Of four bytes each.
fn extensions(hello: &mut ClientHello) -> Option<Bytes> {
    let unknown = |typ| ClientExtension::Unknown(UnknownExtension { typ: ExtensionType(typ), data: Bytes::new() });
    hello.extensions = Some((1000..17_000).map(unknown).collect());
    None
}

/// None of which is known.
fn suites(hello: &mut ClientHello) -> Option<Bytes> {
    hello.cipher_suites = (0x5000..0x5000 + 32_000).map(CipherSuite).collect();
    None
}

/// As many elements as are read in each list that has a bound of its own, and no suite in common, so that all of it is told.
fn lists(hello: &mut ClientHello) -> Option<Bytes> {
    let one = || Bytes::from_static(b"a");
    let shares = (0..clasp_wire::MAX_KEY_SHARES)
        .map(|i| KeyShareEntry { group: NamedGroup(0x7000 + u16::try_from(i).unwrap()), key_exchange: one() });
    let other = ServerNameEntry { name_type: 7, name: one() };
    let protocols = (0..clasp_wire::MAX_PROTOCOLS).map(|_| Bytes::from_static(&[0xff; 100])).collect();
    let extensions = hello.extensions.get_or_insert_default();
    extensions.retain(|extension| {
        !matches!(
            extension,
            ClientExtension::ServerName(_)
                | ClientExtension::Alpn(_)
                | ClientExtension::KeyShare(_)
                | ClientExtension::SupportedGroups(_)
        )
    });
    extensions.extend([
        ClientExtension::ServerName(vec![other; clasp_wire::MAX_SERVER_NAMES]),
        ClientExtension::Alpn(protocols),
        ClientExtension::KeyShare(shares.collect()),
        ClientExtension::SupportedGroups((0x7000..0x7000 + 10_000).map(NamedGroup).collect()),
        ClientExtension::CertificateAuthorities(vec![one(); clasp_wire::MAX_AUTHORITIES]),
    ]);
    let more = 100 - extensions.len();
    extensions.extend((0..more).map(|i| {
        let typ = ExtensionType(0x4000 + u16::try_from(i).unwrap());
        ClientExtension::Unknown(UnknownExtension { typ, data: Bytes::new() })
    }));
    hello.cipher_suites = vec![CipherSuite(0x5000); 5_000];
    None
}

/// Shares of five bytes each in as many groups: each is looked for among those before, and among the groups.
fn shares(hello: &mut ClientHello) -> Option<Bytes> {
    let groups: Vec<_> = (0x7000..0x7000 + 9_000).map(NamedGroup).collect();
    let share = |group: &NamedGroup| KeyShareEntry { group: *group, key_exchange: Bytes::from_static(b"a") };
    let shares = groups.iter().map(share).collect();
    let extensions = hello.extensions.get_or_insert_default();
    extensions
        .retain(|extension| !matches!(extension, ClientExtension::KeyShare(_) | ClientExtension::SupportedGroups(_)));
    extensions.extend([ClientExtension::SupportedGroups(groups), ClientExtension::KeyShare(shares)]);
    None
}

/// Identities of seven bytes each.
fn keys(hello: &mut ClientHello) -> Option<Bytes> {
    let identity = PskIdentity { identity: Bytes::from_static(b"a"), obfuscated_ticket_age: 0 };
    let psks = clasp_wire::OfferedPsks { identities: vec![identity; 9_000], binders: Vec::new() };
    hello.extensions.get_or_insert_default().push(ClientExtension::PreSharedKey(psks));
    None
}

/// Names of protocols that take four times their length when they are told, to a server that speaks another one.
fn protocols(hello: &mut ClientHello) -> Option<Bytes> {
    let names = vec![Bytes::from_static(&[0xff; 255]); 240];
    let extensions = hello.extensions.get_or_insert_default();
    extensions.retain(|extension| !matches!(extension, ClientExtension::Alpn(_)));
    extensions.push(ClientExtension::Alpn(names));
    hello.cipher_suites = vec![CipherSuite(0x5000)];
    None
}

/// A record for each.
fn hello_byte_by_byte() -> Stream {
    Stream::to_server(records(&[&[1, 0, 0xff, 0xff][..], &[3; 65_535]].concat(), 1))
}

/// A server's chain of the shortest entries there can be, with extensions.
fn chain_of_crumbs() -> Stream {
    let ca = Authority::new("CA");
    let policy = classic(Policy::modern());
    let (client, server) = (ca.client(policy.clone()).build().unwrap(), ca.server(policy).build().unwrap());
    let (mut client, mut server) = connections(&client, &server);
    client.poll_now().unwrap();
    super::super::testing::give(&mut server, &client.output().split());
    server.poll_now().unwrap();
    let flight = server.output().split();
    let hello = 5 + usize::from(u16::from_be_bytes([flight[3], flight[4]]));
    let chain = Certificate { chain: vec![Bytes::from_static(b"0"); 16_000] }.encode();
    Stream::whole(client, [&flight[..hello], &records(&chain, 16_384)].concat())
}

/// The same in TLS 1.3, where entries have lists of their own.
#[test]
fn lists_within_lists_are_bounded() {
    let ca = Authority::new("CA");
    let [_, policy] = each(&Policy::modern());
    let client = ca.client(policy.clone()).build().unwrap();
    let server = ca.server(policy).build().unwrap();
    let error = sent(&client, &server, |raw| {
        if HandshakeType(raw[0]) != HandshakeType::CERTIFICATE {
            return raw;
        }
        let mut entry = CertificateEntry::new(Bytes::from_static(b"0"));
        let timestamps = vec![Bytes::from_static(b"0"); clasp_wire::MAX_TIMESTAMPS + 1];
        entry.extensions = vec![CertificateExtension::SignedCertificateTimestamp(timestamps)];
        Certificate13 { request_context: Bytes::new(), entries: vec![entry; 500] }.encode()
    });
    assert!(matches!(&error, Some(Error::Decode(error)) if error.is_too_large()), "{error:?}");
}

/// An established pair under the older or the newer versions; the server is hostile.
fn pair(newer: bool) -> (Connection, Connection) {
    let ca = Authority::new("CA");
    let policy = if newer { each(&Policy::compatible())[1].clone() } else { classic(Policy::compatible()) };
    let client = ca.client(policy.clone()).identity(ca.ecdsa("client.example")).post_handshake_auth(newer);
    established(&client.build().unwrap(), &ca.server(policy).tickets(false).build().unwrap())
}

/// So many times what the server says then.
fn repeated(
    client: Connection,
    mut server: Connection,
    times: usize,
    mut say: impl FnMut(&mut Connection) + 'static,
) -> Stream {
    let mut left = times;
    Stream::new(client, move || {
        if left == 0 {
            return Vec::new();
        }
        left -= 1;
        say(&mut server);
        server.output().split().to_vec()
    })
}

fn crumb(server: &mut Connection) {
    server.write(b"0").unwrap();
}

fn crumbs_of_data() -> Stream {
    let (client, server) = pair(true);
    repeated(client, server, 10_000, crumb)
}

fn records_without_content() -> Stream {
    let (client, server) = pair(true);
    repeated(client, server, 100, |server| server.seal(ContentType::APPLICATION_DATA, b"").unwrap())
}

fn new_keys() -> Stream {
    let (client, server) = pair(true);
    let mut stream = repeated(client, server, 2_000, |server| {
        server.update_keys(true).unwrap();
        crumb(server);
    });
    stream.drains = false;
    stream
}

fn tickets() -> Stream {
    let (client, server) = pair(true);
    repeated(client, server, 200, |server| {
        server.seal(ContentType::HANDSHAKE, &ticket(16 << 10, 100)).unwrap();
        crumb(server);
    })
}

fn warnings() -> Stream {
    let (client, server) = pair(false);
    repeated(client, server, 100, |server| {
        server.seal(ContentType::ALERT, &[1, AlertDescription::USER_CANCELED.0]).unwrap();
        crumb(server);
    })
}

/// Nobody takes the answers.
fn requests() -> Stream {
    let (client, server) = pair(true);
    let mut number = 0_u8;
    let mut stream = repeated(client, server, 100, move |server| {
        let extensions = vec![clasp_wire::CertificateRequestExtension::SignatureAlgorithms(vec![
            clasp_wire::SignatureScheme::ECDSA_SECP256R1_SHA256,
        ])];
        number += 1;
        let request = clasp_wire::CertificateRequest13 { request_context: vec![number].into(), extensions };
        server.seal(ContentType::HANDSHAKE, &request.encode()).unwrap();
        crumb(server);
    });
    stream.drains = false;
    stream
}

/// The client waits for a renegotiation; the server sends a byte at a time.
fn held_data() -> Stream {
    let (mut client, server) = pair(false);
    client.renegotiate().unwrap();
    let mut stream = repeated(client, server, 10_000, crumb);
    stream.poll = |client| match client.poll_renegotiation(&mut Context::from_waker(Waker::noop())) {
        std::task::Poll::Ready(result) => result.map(|_| Status::NeedInput),
        std::task::Poll::Pending => Err(Error::CallbackPending),
    };
    stream
}

fn hello_requests() -> Stream {
    let (mut client, server) = pair(false);
    client.renegotiate().unwrap();
    client.poll_now().unwrap();
    repeated(client, server, 100, |server| server.seal(ContentType::HANDSHAKE, &[0, 0, 0, 0]).unwrap())
}

fn renegotiations() -> Stream {
    let ca = Authority::new("CA");
    let policy = classic(Policy::modern());
    let (client, server) = (ca.client(policy.clone()).build().unwrap(), ca.server(policy).build().unwrap());
    let (client, server) = established(&client, &server);
    let mut stream = repeated(client, server, 100, |server| {
        server.seal(ContentType::HANDSHAKE, &[0, 0, 0, 0]).unwrap();
    });
    stream.drains = false;
    stream
}

/// As much as is taken, a byte at a time, and nobody reads it: the client does not finish its handshake.
fn early_data() -> Stream {
    const TAKEN: u32 = 16 << 10;
    let ca = Authority::new("CA");
    let [_, policy] = each(&Policy::modern());
    let client = ca.client(policy.clone()).early_data(true).build().unwrap();
    let server = ca.server(policy).early_data(TAKEN).build().unwrap();
    established(&client, &server);
    let (mut client, server) = connections(&client, &server);
    client.poll_now().unwrap();
    assert_eq!(client.early_data_room(), TAKEN.try_into().unwrap());
    Stream::new(server, move || {
        if client.write_early(b"0").unwrap() == 0 { Vec::new() } else { client.output().split().to_vec() }
    })
}
