//! Every wrong message at every step of every flight is refused: state-machine attacks of the SMACK kind, in one test.
//!
//! Client and server flights run against each other message by message, without records. At each step of the side under
//! test the genuine message is replaced by one of every other kind, or by a damaged one of its own kind.

mod alerts;
mod tls13;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{BufMut, Bytes, BytesMut};
use clasp_crypto::HashAlgorithm;
use clasp_wire::{CipherSuite, HandshakeType, RawHandshake};

use crate::error::{Error, Role};
use crate::peer::{Incoming, Order, Peer, SharedMailbox};
use crate::session::Established;
use crate::testing::{Authority, FirstSession, NAME};
use crate::{ClientConfig, ExternalPsk, Policy, ServerConfig};

/// What is delivered in place of the genuine message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fake {
    Nothing,
    Other(HandshakeType),
    ChangeCipherSpec,
    /// A hello in SSL 2.0's format.
    Sslv2Hello,
    /// The genuine message with one more byte.
    Longer,
    /// The genuine message less its last byte.
    Shorter,
}

const KINDS: [HandshakeType; 18] = [
    HandshakeType::HELLO_REQUEST,
    HandshakeType::CLIENT_HELLO,
    HandshakeType::SERVER_HELLO,
    HandshakeType::NEW_SESSION_TICKET,
    HandshakeType::CERTIFICATE,
    HandshakeType::SERVER_KEY_EXCHANGE,
    HandshakeType::CERTIFICATE_REQUEST,
    HandshakeType::SERVER_HELLO_DONE,
    HandshakeType::CERTIFICATE_VERIFY,
    HandshakeType::CLIENT_KEY_EXCHANGE,
    HandshakeType::FINISHED,
    HandshakeType::CERTIFICATE_STATUS,
    // Those of TLS 1.3 alone.
    HandshakeType::END_OF_EARLY_DATA,
    HandshakeType::HELLO_RETRY_REQUEST,
    HandshakeType::ENCRYPTED_EXTENSIONS,
    HandshakeType::KEY_UPDATE,
    HandshakeType::COMPRESSED_CERTIFICATE,
    HandshakeType::MESSAGE_HASH,
];

type Flight = Pin<Box<dyn Future<Output = Result<Established, Error>>>>;

struct Side {
    mailbox: SharedMailbox,
    flight: Option<Flight>,
    inbox: VecDeque<Incoming>,
    /// The kinds received so far; `None` is a ChangeCipherSpec.
    seen: Vec<Option<HandshakeType>>,
    result: Option<Result<Established, Error>>,
}

impl Side {
    fn new(flight: impl FnOnce(Peer) -> Flight, role: Role) -> Self {
        let mailbox = SharedMailbox::default();
        let flight = Some(flight(Peer::new(mailbox.clone(), role, None, &crate::Limits::default())));
        Self { mailbox, flight, inbox: VecDeque::new(), seen: Vec::new(), result: None }
    }

    /// Polls the flight, and passes what it sends to the other side.
    fn run(&mut self, other: &mut Self) {
        let Some(flight) = &mut self.flight else { return };
        if let Poll::Ready(result) = flight.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            self.result = Some(result);
            self.flight = None;
        }
        for order in self.mailbox.finish().0 {
            match order {
                Order::Send(raw) => other.inbox.push_back(message(raw.freeze())),
                Order::ChangeWriteKeys(_) => other.inbox.push_back(Incoming::ChangeCipherSpec),
                _ => {}
            }
        }
    }

    fn deliver(&mut self, incoming: Incoming) {
        self.seen.push(kind(&incoming));
        self.mailbox.deliver(incoming);
    }
}

fn message(raw: Bytes) -> Incoming {
    Incoming::Message(RawHandshake { typ: HandshakeType(raw[0]), raw })
}

fn kind(incoming: &Incoming) -> Option<HandshakeType> {
    match incoming {
        Incoming::Message(raw) => Some(raw.typ),
        Incoming::Sslv2Hello(_) | Incoming::ChangeCipherSpec | Incoming::NoCertificate => None,
    }
}

fn fake(genuine: Incoming, fake: Fake) -> Incoming {
    let resized = |genuine: Incoming, by: isize| {
        let Incoming::Message(RawHandshake { typ, raw }) = genuine else { return genuine };
        let len = raw.len().saturating_add_signed(by).max(4);
        let mut changed = BytesMut::from(&raw[..]);
        changed.resize(len, 0);
        changed[1..4].copy_from_slice(&u32::try_from(len - 4).unwrap().to_be_bytes()[1..]);
        Incoming::Message(RawHandshake { typ, raw: changed.freeze() })
    };
    match fake {
        Fake::Nothing => genuine,
        Fake::ChangeCipherSpec => Incoming::ChangeCipherSpec,
        Fake::Sslv2Hello => Incoming::Sslv2Hello(Bytes::from_static(&[1, 3, 3])),
        Fake::Longer => resized(genuine, 1),
        Fake::Shorter => resized(genuine, -1),
        Fake::Other(typ) => {
            let mut raw = BytesMut::new();
            raw.put_u8(typ.0);
            raw.put_bytes(0, 3);
            message(raw.freeze())
        }
    }
}

/// Runs a handshake in which the `at`-th message to `under_test` is replaced, and says what that side made of it, and
/// which kinds it had received.
fn run(setup: &Setup, under_test: Role, at: usize, with: Fake) -> (Option<Error>, Vec<Option<HandshakeType>>) {
    let change = |step, genuine| fake(genuine, if step == at { with } else { Fake::Nothing });
    let (result, seen) = run_with(&setup.client, &setup.server, under_test, change);
    let error = match result {
        Some(Ok(_)) => None,
        Some(Err(error)) => Some(error),
        None => panic!("{under_test:?} still waits after {with:?} at {at}"),
    };
    (error, seen)
}

/// Runs a handshake in which `change` is given each message to `under_test`, and its number, and says what to deliver. Without a
/// result that side still waits.
fn run_with(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    under_test: Role,
    mut change: impl FnMut(usize, Incoming) -> Incoming,
) -> (Option<Result<Established, Error>>, Vec<Option<HandshakeType>>) {
    let name = NAME.try_into().unwrap();
    let mut client =
        Side::new(|peer| Box::pin(crate::client::handshake(peer, Arc::clone(client), name, None)), Role::Client);
    let mut server = Side::new(|peer| Box::pin(crate::server::handshake(peer, Arc::clone(server), None)), Role::Server);
    loop {
        client.run(&mut server);
        server.run(&mut client);
        let mut moved = false;
        for (side, role) in [(&mut client, Role::Client), (&mut server, Role::Server)] {
            if side.flight.is_none() {
                continue;
            }
            if let Some(genuine) = side.inbox.pop_front() {
                let step = side.seen.len();
                side.deliver(if role == under_test { change(step, genuine) } else { genuine });
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    let side = if under_test == Role::Client { client } else { server };
    (side.result, side.seen)
}

struct Setup {
    name: &'static str,
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    client_auth: bool,
    staple: bool,
    /// Whether the server announces a ticket.
    ticket: bool,
    /// Whether the handshake resumes an earlier one.
    resumed: bool,
}

fn setups() -> Vec<Setup> {
    let ca = Authority::new("CA");
    let mut all = Vec::new();
    for (name, suite) in [
        ("RSA", CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256),
        ("ECDHE", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
        ("DHE", CipherSuite::TLS_DHE_RSA_WITH_AES_128_GCM_SHA256),
        ("PSK", CipherSuite::TLS_PSK_WITH_AES_128_GCM_SHA256),
        ("ECDHE_PSK", CipherSuite::TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256),
    ] {
        for (client_auth, staple, ticket, resumed) in [
            (false, false, false, false),
            (true, false, true, false),
            (false, true, true, false),
            (true, true, false, false),
            // By ticket: an identifier is forgotten with the first bad end.
            (false, false, true, true),
            (true, false, true, true),
        ] {
            let pre_shared = name.ends_with("PSK");
            if pre_shared && (client_auth || staple) {
                continue;
            }
            let policy = Policy::compatible().with_cipher_suites(&[suite]);
            let stapled = |identity: clasp_cert::Identity| {
                if staple { identity.with_ocsp_response(b"not looked into".to_vec()) } else { identity }
            };
            let mut server =
                ServerConfig::builder(policy.clone()).identity(stapled(ca.rsa(NAME))).identity(stapled(ca.ecdsa(NAME)));
            if client_auth {
                server = server.client_auth(ca.require_client());
            }
            if !ticket {
                server = server.tickets(false);
            }
            let store = Arc::new(FirstSession::default());
            let mut client = ca.client(policy).identity(ca.ecdsa("client.example")).session_store(store.clone());
            if pre_shared {
                // No certificate is asked for, though one would be welcome.
                let psk = ExternalPsk::new(b"one", &[1; 16], HashAlgorithm::Sha256).unwrap();
                client = client.psk(psk.clone());
                server = server.psk(psk).client_auth(ca.request_client());
            }
            let (client, server) = (client.build().unwrap(), server.build().unwrap());
            let setup = Setup { name, client, server, client_auth, staple, ticket, resumed };
            if resumed {
                run(&setup, Role::Client, usize::MAX, Fake::Nothing);
                store.thaw();
            }
            all.push(setup);
        }
    }
    all
}

/// Kinds that are legal in place of the genuine one, because something optional stands or may stand there.
fn is_legal_too(setup: &Setup, under_test: Role, genuine: Option<HandshakeType>, other: HandshakeType) -> bool {
    let rsa = setup.name == "RSA";
    under_test == Role::Client
        && match genuine {
            // The stapled response may be left out (RFC 6066 8).
            Some(HandshakeType::CERTIFICATE_STATUS) if rsa => {
                matches!(other, HandshakeType::CERTIFICATE_REQUEST | HandshakeType::SERVER_HELLO_DONE)
            }
            Some(HandshakeType::CERTIFICATE_STATUS) => other == HandshakeType::SERVER_KEY_EXCHANGE,
            // A server may ask for a certificate or not.
            // With a key that both had there is none to ask for; a hint may come (RFC 4279 2).
            Some(HandshakeType::SERVER_HELLO_DONE) if setup.name == "PSK" => {
                other == HandshakeType::SERVER_KEY_EXCHANGE
            }
            Some(HandshakeType::SERVER_HELLO_DONE) if setup.name == "ECDHE_PSK" => false,
            Some(HandshakeType::SERVER_HELLO_DONE) => other == HandshakeType::CERTIFICATE_REQUEST && !setup.client_auth,
            Some(HandshakeType::CERTIFICATE_REQUEST) => other == HandshakeType::SERVER_HELLO_DONE,
            _ => false,
        }
}

#[test]
fn every_wrong_message_at_every_step_is_refused() {
    let mut refused = 0;
    for setup in setups() {
        for role in [Role::Client, Role::Server] {
            let (error, genuine) = run(&setup, role, usize::MAX, Fake::Nothing);
            assert!(error.is_none(), "{}: {error:?}", setup.name);
            let expected = match role {
                // Hello, ChangeCipherSpec, Finished.
                Role::Client | Role::Server if setup.resumed => 3,
                Role::Client => match setup.name {
                    "PSK" => 4,
                    "RSA" | "ECDHE_PSK" => 5,
                    _ => 6,
                },
                Role::Server => 4,
            };
            let optional = match role {
                Role::Client | Role::Server if setup.resumed => 0,
                Role::Client => usize::from(setup.client_auth) + usize::from(setup.staple) + usize::from(setup.ticket),
                Role::Server => 2 * usize::from(setup.client_auth),
            };
            assert_eq!(genuine.len(), expected + optional, "{genuine:?}");

            for (at, kind) in genuine.iter().enumerate() {
                let told = |with| format!("{} {role:?} step {at} ({kind:?}) got {with:?}", setup.name);
                for other in KINDS {
                    if *kind == Some(other) || is_legal_too(&setup, role, *kind, other) {
                        continue;
                    }
                    let with = Fake::Other(other);
                    let (error, seen) = run(&setup, role, at, with);
                    assert!(matches!(error, Some(Error::UnexpectedMessage { .. })), "{}: {error:?}", told(with));
                    assert_eq!(seen.len(), at + 1, "{}: not at once", told(with));
                    refused += 1;
                }
                for with in [Fake::ChangeCipherSpec, Fake::Sslv2Hello] {
                    // Only a first hello may be in that format, and then it must be whole.
                    let hello = with == Fake::Sslv2Hello && *kind == Some(HandshakeType::CLIENT_HELLO);
                    if hello || (with == Fake::ChangeCipherSpec && kind.is_none()) {
                        continue;
                    }
                    let (error, seen) = run(&setup, role, at, with);
                    assert!(matches!(error, Some(Error::UnexpectedMessage { .. })), "{}: {error:?}", told(with));
                    assert_eq!(seen.len(), at + 1, "{}: not at once", told(with));
                    refused += 1;
                }
                if kind.is_some() {
                    for with in [Fake::Longer, Fake::Shorter] {
                        // Nothing to take from an empty message.
                        if with == Fake::Shorter && *kind == Some(HandshakeType::SERVER_HELLO_DONE) {
                            continue;
                        }
                        let (error, _) = run(&setup, role, at, with);
                        assert!(error.is_some(), "{}", told(with));
                        refused += 1;
                    }
                }
            }
        }
    }
    assert!(refused > 1000, "only {refused} cases");
}

#[test]
fn a_flight_waits_for_nothing_but_the_peer() {
    let setup = &setups()[0];
    let mailbox = SharedMailbox::default();
    let peer = Peer::new(mailbox.clone(), Role::Server, None, &crate::Limits::default());
    let mut flight = pin!(crate::server::handshake(peer, Arc::clone(&setup.server), None));
    assert!(flight.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(mailbox.awaited(), Some("ClientHello"));
}
