//! The cases, and how each is run.

use std::time::{Duration, Instant};

use clasp_benches::alloc::live;
use clasp_benches::certs::{Chain, Key};
use clasp_benches::stack::{ALL, Endpoint, Resume, Stack, Suite, shake};

use crate::report::{Row, Series};

/// What a case measures.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Handshake,
    Resumed(Resume),
    Bulk,
    Idle,
}

/// One case: a kind, a chain and a suite.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    kind: Kind,
    key: Key,
    suite: Suite,
}

/// The largest record, the unit of bulk data.
const CHUNK: usize = 16384;

/// Connections held at once to weigh them.
const IDLE: usize = 64;

impl Case {
    pub(crate) fn all() -> Vec<Self> {
        let case = |name: &str, kind, key, suite| Self { name: name.to_owned(), kind, key, suite };
        vec![
            case("handshake tls1.2 ecdhe rsa2048", Kind::Handshake, Key::Rsa2048, Suite::EcdheAes128Gcm),
            case("handshake tls1.2 ecdhe p256", Kind::Handshake, Key::P256, Suite::EcdheAes128Gcm),
            case("handshake tls1.2 rsa rsa2048", Kind::Handshake, Key::Rsa2048, Suite::RsaAes128Gcm),
            case("resumed tls1.2 id", Kind::Resumed(Resume::Id), Key::P256, Suite::EcdheAes128Gcm),
            case("resumed tls1.2 ticket", Kind::Resumed(Resume::Ticket), Key::P256, Suite::EcdheAes128Gcm),
            case("bulk tls1.2 aes128-gcm", Kind::Bulk, Key::P256, Suite::EcdheAes128Gcm),
            case("bulk tls1.2 aes256-gcm", Kind::Bulk, Key::P256, Suite::EcdheAes256Gcm),
            case("bulk tls1.2 chacha20", Kind::Bulk, Key::P256, Suite::EcdheChaCha20),
            case("bulk tls1.2 aes128-cbc-sha", Kind::Bulk, Key::P256, Suite::EcdheAes128CbcSha),
            case("bulk tls1.2 aes128-cbc-sha no etm", Kind::Bulk, Key::P256, Suite::EcdheAes128CbcShaMacFirst),
            case("bulk tls1.2 3des-cbc-sha", Kind::Bulk, Key::P256, Suite::EcdheTripleDes),
            case("bulk tls1.2 3des-cbc-sha no etm", Kind::Bulk, Key::P256, Suite::EcdheTripleDesMacFirst),
            case("bulk tls1.2 rc4-sha", Kind::Bulk, Key::P256, Suite::EcdheRc4),
            case("handshake tls1.3 x25519 rsa2048", Kind::Handshake, Key::Rsa2048, Suite::Tls13Aes128Gcm),
            case("handshake tls1.3 x25519 p256", Kind::Handshake, Key::P256, Suite::Tls13Aes128Gcm),
            case("handshake tls1.3 x25519mlkem768 p256", Kind::Handshake, Key::P256, Suite::Tls13Hybrid),
            case("handshake tls1.3 x25519mlkem768 rsa2048", Kind::Handshake, Key::Rsa2048, Suite::Tls13Hybrid),
            case("resumed tls1.3 psk", Kind::Resumed(Resume::Ticket), Key::P256, Suite::Tls13Aes128Gcm),
            case("bulk tls1.3 aes128-gcm", Kind::Bulk, Key::P256, Suite::Tls13Aes128Gcm),
            case("bulk tls1.3 aes256-gcm", Kind::Bulk, Key::P256, Suite::Tls13Aes256Gcm),
            case("bulk tls1.3 chacha20", Kind::Bulk, Key::P256, Suite::Tls13ChaCha20),
            case("idle tls1.3 x25519 p256", Kind::Idle, Key::P256, Suite::Tls13Aes128Gcm),
            case("idle tls1.2 ecdhe p256", Kind::Idle, Key::P256, Suite::EcdheAes128Gcm),
        ]
    }

    pub(crate) fn run(&self, rounds: u32, slice: Duration) -> Vec<Row> {
        let chain = Chain::new(self.key);
        let resume = if let Kind::Resumed(resume) = self.kind { resume } else { Resume::Never };
        let stacks: Vec<_> = ALL.iter().filter_map(|(_, make)| make(&chain, self.suite, resume)).collect();
        if stacks.is_empty() {
            return Vec::new();
        }
        match self.kind {
            Kind::Handshake | Kind::Resumed(_) => {
                // The same counterpart for all, so that each does the same work; only its own calls are timed.
                let resumed = resume != Resume::Never;
                let other = if resumed { stacks.first() } else { stacks.last() }.expect("a stack");
                let run = |stack: &dyn Stack, side| handshakes(stack, other.as_ref(), side, slice, resumed);
                let rows =
                    |side, name| Row::new(&self.name, name, "1/s", true, series(&stacks, rounds, |s| run(s, side)));
                vec![rows(Side::Server, "server"), rows(Side::Client, "client")]
            }
            Kind::Bulk => {
                let rows = |side, name| {
                    Row::new(&self.name, name, "MB/s", true, series(&stacks, rounds, |s| bulk(s, side, slice)))
                };
                vec![rows(Direction::Send, "send"), rows(Direction::Receive, "receive")]
            }
            Kind::Idle => {
                // OpenSSL's memory does not pass through our allocator.
                let counted: Vec<_> = stacks.into_iter().filter(|stack| stack.name() != "openssl").collect();
                let rows =
                    |side, name| Row::new(&self.name, name, "bytes", false, series(&counted, 1, |s| idle(s, side)));
                vec![rows(Side::Server, "server"), rows(Side::Client, "client")]
            }
        }
    }
}

/// One figure a round for each stack, the stacks taking turns; the first to go changes from round to round.
fn series(stacks: &[Box<dyn Stack>], rounds: u32, measure: impl Fn(&dyn Stack) -> f64) -> Vec<Series> {
    let mut all: Vec<Series> = stacks.iter().map(|stack| Series::new(stack.name())).collect();
    for round in 0..rounds as usize {
        for turn in 0..stacks.len() {
            let at = (round + turn) % stacks.len();
            all[at].figures.push(measure(stacks[at].as_ref()));
        }
    }
    all
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// Times one end's own calls during handshakes with `other`; handshakes a second.
fn handshakes(stack: &dyn Stack, other: &dyn Stack, side: Side, slice: Duration, resumed: bool) -> f64 {
    if resumed {
        // The session that all that follow resume; not one with another server.
        let (client, server) = if side == Side::Client { (stack, other) } else { (other, stack) };
        client.forget();
        let (mut client, mut server) = (client.client(), server.server());
        shake(client.as_mut(), server.as_mut());
        // The tickets of TLS 1.3 come after the handshake.
        let mut tickets = Vec::new();
        server.give_out(&mut tickets);
        client.take_in(&tickets);
    }
    let mut spent = Duration::ZERO;
    let mut done = 0_u32;
    let mut wire = Vec::with_capacity(32 << 10);
    while spent < slice {
        let start = Instant::now();
        let mut ours = if side == Side::Client { stack.client() } else { stack.server() };
        let mut timed = start.elapsed();
        let mut theirs = if side == Side::Client { other.server() } else { other.client() };
        for _ in 0..8 {
            wire.clear();
            theirs.give_out(&mut wire);
            let start = Instant::now();
            if !wire.is_empty() {
                ours.take_in(&wire);
            }
            wire.clear();
            ours.give_out(&mut wire);
            timed += start.elapsed();
            if !wire.is_empty() {
                theirs.take_in(&wire);
            }
            if !ours.is_handshaking() && !theirs.is_handshaking() {
                break;
            }
        }
        assert!(!ours.is_handshaking() && !theirs.is_handshaking(), "{} did not finish", stack.name());
        assert_eq!(ours.is_resumed(), resumed, "{} {side:?}", stack.name());
        if resumed {
            // A new ticket in place of the one that was used (RFC 8446 4.6.1).
            wire.clear();
            let (from, to) = if side == Side::Client { (&mut theirs, &mut ours) } else { (&mut ours, &mut theirs) };
            let start = Instant::now();
            from.give_out(&mut wire);
            let made = start.elapsed();
            let start = Instant::now();
            to.take_in(&wire);
            timed += if side == Side::Client { start.elapsed() } else { made };
        }
        let start = Instant::now();
        drop(ours);
        spent += timed + start.elapsed();
        done += 1;
    }
    f64::from(done) / spent.as_secs_f64()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Send,
    Receive,
}

/// Times one end's sending, or the other's receiving, of 16 KiB records; megabytes (10^6) a second.
fn bulk(stack: &dyn Stack, direction: Direction, slice: Duration) -> f64 {
    let (mut client, mut server) = (stack.client(), stack.server());
    shake(client.as_mut(), server.as_mut());
    let data = vec![0x5a; CHUNK];
    let mut wire = Vec::with_capacity(CHUNK + 512);
    let (mut spent, mut bytes) = (Duration::ZERO, 0_usize);
    let mut round = |client: &mut dyn Endpoint, server: &mut dyn Endpoint| {
        wire.clear();
        let start = Instant::now();
        client.send(&data);
        client.give_out(&mut wire);
        let sent = start.elapsed();
        let start = Instant::now();
        server.take_in(&wire);
        let n = server.drain();
        let received = start.elapsed();
        assert_eq!(n, CHUNK, "{}", stack.name());
        if direction == Direction::Send { sent } else { received }
    };
    for _ in 0..32 {
        round(client.as_mut(), server.as_mut());
    }
    while spent < slice {
        spent += round(client.as_mut(), server.as_mut());
        bytes += CHUNK;
    }
    bytes as f64 / 1e6 / spent.as_secs_f64()
}

/// Bytes of heap that one end holds after the handshake and an exchange of data.
fn idle(stack: &dyn Stack, side: Side) -> f64 {
    let mut clients = Vec::with_capacity(IDLE);
    let mut servers = Vec::with_capacity(IDLE);
    for _ in 0..IDLE {
        let (mut client, mut server) = (stack.client(), stack.server());
        shake(client.as_mut(), server.as_mut());
        let mut wire = Vec::new();
        client.send(b"ping");
        client.give_out(&mut wire);
        server.take_in(&wire);
        wire.clear();
        server.send(b"pong");
        server.give_out(&mut wire);
        client.take_in(&wire);
        assert_eq!((client.drain(), server.drain()), (4, 4));
        // What an idle event loop does: it finds nothing more to read.
        client.take_in(&[]);
        server.take_in(&[]);
        clients.push(client);
        servers.push(server);
    }
    let ends = if side == Side::Client { &mut clients } else { &mut servers };
    let before = live();
    ends.clear();
    (before - live()) as f64 / IDLE as f64
}
