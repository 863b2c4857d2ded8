//! Tests of shaking hands again, in memory (RFC 5746, RFC 5246 7.4.1.1).

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use clasp_wire::{ContentType, HandshakeType};

use super::{RenegotiationStatus, Status};
use crate::testing::{Authority, classic, connections, each, established, exchange, give, pieces, transfer};
use crate::{ClientAuth, Connection, Error, Limits, Misbehaviour, Policy, Renegotiation};

pub(super) fn pair(ca: &Authority, policy: &Policy) -> (Connection, Connection) {
    let client = ca.client(policy.clone()).identity(ca.ecdsa("client.example")).build().unwrap();
    let server = ca.server(policy.clone()).build().unwrap();
    established(&client, &server)
}

/// Both sides' wishes and answers go to and fro until nothing moves.
fn settle(client: &mut Connection, server: &mut Connection) {
    let errors = exchange(client, server);
    assert!(errors.0.is_none() && errors.1.is_none(), "{errors:?}");
    assert!(!client.is_renegotiating() && !server.is_renegotiating());
}

fn count(client: &Connection, server: &Connection) -> (u32, u32) {
    (client.session().unwrap().renegotiations(), server.session().unwrap().renegotiations())
}

#[test]
fn either_side_renegotiates_and_data_flows_on() {
    let ca = Authority::new("CA");
    for suite in [None, Some(clasp_wire::CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA)] {
        let policy = classic(Policy::compatible());
        let policy = suite.map_or(policy.clone(), |suite| policy.with_cipher_suites(&[suite]));
        let (mut client, mut server) = pair(&ca, &policy);
        let unique = client.tls_unique().unwrap().to_vec();
        client.renegotiate().unwrap();
        settle(&mut client, &mut server);
        assert_eq!(count(&client, &server), (1, 1));
        assert_ne!(client.tls_unique().unwrap(), unique);
        transfer(&mut client, &mut server, &[1; 20_000]);
        server.renegotiate().unwrap();
        settle(&mut client, &mut server);
        assert_eq!(count(&client, &server), (2, 2));
        transfer(&mut server, &mut client, &[2; 20_000]);
        // Both at once: the server's wish crosses the client's hello.
        client.renegotiate().unwrap();
        server.renegotiate().unwrap();
        settle(&mut client, &mut server);
        assert_eq!(count(&client, &server), (3, 3));
        transfer(&mut client, &mut server, &[3; 20_000]);
    }
}

#[test]
fn the_client_certificate_is_asked_for_only_then() {
    let ca = Authority::new("CA");
    let (mut client, mut server) = pair(&ca, &classic(Policy::compatible()));
    assert!(!server.session().unwrap().client_authenticated());
    server.request_client_certificate(ca.require_client()).unwrap();
    settle(&mut client, &mut server);
    assert!(server.session().unwrap().client_authenticated());
    assert_eq!(server.session().unwrap().peer_certificates().len(), 1);
    assert!(client.session().unwrap().client_authenticated());
    assert!(client.request_client_certificate(ClientAuth::None).is_err());
}

#[test]
fn data_in_flight_is_delivered_in_order_whoever_waits() {
    let ca = Authority::new("CA");
    for hold in [false, true] {
        let (mut client, mut server) = pair(&ca, &classic(Policy::compatible()));
        // The server had written much before the client's hello comes.
        for piece in 0..4_u8 {
            server.write(&[piece; 10_000]).unwrap();
        }
        client.renegotiate().unwrap();
        client.poll_now().unwrap();
        assert_eq!(client.write(b"waits").unwrap(), 0);
        assert!(!client.may_write());
        let mut got = Vec::new();
        let mut done = false;
        for _ in 0..20 {
            give(&mut server, &client.output().split());
            while server.poll_now().unwrap() == Status::Data {
                server.read();
            }
            give(&mut client, &server.output().split());
            if hold && !done {
                let cx = &mut Context::from_waker(Waker::noop());
                let Poll::Ready(status) = client.poll_renegotiation(cx) else { panic!("pending") };
                done = status.unwrap() == RenegotiationStatus::Done;
            } else {
                while client.poll_now().unwrap() == Status::Data {
                    got.extend_from_slice(&client.read().unwrap());
                }
            }
        }
        let expected: Vec<u8> = (0..4_u8).flat_map(|piece| [piece; 10_000]).collect();
        assert!(got == expected, "{hold}");
        assert_eq!(count(&client, &server), (1, 1));
        transfer(&mut client, &mut server, b"goes on");
    }
}

#[test]
fn too_much_data_while_waiting_fails_cleanly() {
    let ca = Authority::new("CA");
    let mut limits = Limits::default();
    limits.renegotiation_data = 30_000;
    let client = ca.client(classic(Policy::compatible())).limits(limits).build().unwrap();
    let server = ca.server(classic(Policy::compatible())).build().unwrap();
    let (mut client, mut server) = established(&client, &server);
    server.write(&[7; 40_000]).unwrap();
    client.renegotiate().unwrap();
    give(&mut client, &server.output().split());
    let Poll::Ready(result) = client.poll_renegotiation(&mut Context::from_waker(Waker::noop())) else { panic!() };
    assert!(matches!(result, Err(Error::RenegotiationData(30_000))), "{result:?}");
    assert!(client.has_output());
}

#[test]
fn the_policy_decides() {
    let ca = Authority::new("CA");
    // TLS 1.3 has none, whatever the policy.
    for policy in each(&Policy::modern()).into_iter().chain([Policy::compatible()]) {
        let (mut client, mut server) = pair(&ca, &policy);
        assert!(matches!(client.renegotiate(), Err(Error::NoRenegotiation(_))));
        assert!(matches!(server.renegotiate(), Err(Error::NoRenegotiation(_))));
        transfer(&mut server, &mut client, b"all goes on");
    }

    // A peer whose policy has none declines, and all goes on.
    let client = ca.client(classic(Policy::compatible()).with_renegotiation(Renegotiation::Never)).build().unwrap();
    let server = ca.server(classic(Policy::compatible())).build().unwrap();
    let (mut client, mut server) = established(&client, &server);
    server.renegotiate().unwrap();
    assert!(server.is_renegotiating());
    exchange(&mut client, &mut server);
    let Poll::Ready(result) = server.poll_renegotiation(&mut Context::from_waker(Waker::noop())) else { panic!() };
    assert!(matches!(result, Err(Error::NoRenegotiation(_))), "{result:?}");
    transfer(&mut server, &mut client, b"all goes on");

    // A peer that did not show in the first handshake that it knows RFC 5746.
    let (mut client, mut server) = pair(&ca, &classic(Policy::compatible()));
    for tls in [&mut client, &mut server] {
        tls.established.as_mut().unwrap().session.secure_renegotiation = false;
        assert!(matches!(tls.renegotiate(), Err(Error::NoRenegotiation(_))));
    }
    server.seal(ContentType::HANDSHAKE, &[0, 0, 0, 0]).unwrap();
    give(&mut client, &server.output().split());
    client.poll_now().unwrap();
    assert!(!client.is_renegotiating() && client.has_output(), "declined");

    let unsafe_policy = classic(Policy::compatible()).with_renegotiation(Renegotiation::UnsafeLegacy);
    assert!(ca.client(unsafe_policy).build().is_err());
}

#[test]
fn a_flood_is_bounded() {
    let ca = Authority::new("CA");
    let (mut client, mut server) = pair(&ca, &classic(Policy::compatible()));
    client.renegotiate().unwrap();
    settle(&mut client, &mut server);
    // The second comes too soon.
    client.renegotiate().unwrap();
    exchange(&mut client, &mut server);
    let Poll::Ready(result) = client.poll_renegotiation(&mut Context::from_waker(Waker::noop())) else { panic!() };
    assert!(matches!(result, Err(Error::NoRenegotiation(_))), "{result:?}");
    assert_eq!(count(&client, &server), (1, 1));

    let mut limits = Limits::default();
    limits.renegotiations = 2;
    limits.renegotiation_distance = 0;
    let client = ca.client(classic(Policy::compatible())).build().unwrap();
    let server = ca.server(classic(Policy::compatible())).limits(limits).build().unwrap();
    let (mut client, mut server) = established(&client, &server);
    for _ in 0..2 {
        client.renegotiate().unwrap();
        settle(&mut client, &mut server);
    }
    client.renegotiate().unwrap();
    let (_, error) = exchange(&mut client, &mut server);
    assert!(matches!(error, Some(Error::TooManyRenegotiations)), "{error:?}");
}

/// It is agreed once: an application does not change its protocol where a handshake goes on below it.
#[test]
fn the_application_protocol_stays() {
    let ca = Authority::new("CA");
    let policy = classic(Policy::compatible());
    let client = ca.client(policy.clone()).alpn(["one", "two"]).unwrap().build().unwrap();
    let other = ca.client(policy.clone()).alpn(["two"]).unwrap().build().unwrap();
    let server = ca.server(policy).alpn(["one", "two"]).unwrap().build().unwrap();
    let (mut client, mut server) = established(&client, &server);
    let config = match &server.side {
        super::Side::Server(config) => Arc::clone(config),
        super::Side::Client(..) => unreachable!(),
    };
    reconfigure(&mut client, &other, &config);
    client.renegotiate().unwrap();
    settle(&mut client, &mut server);
    for tls in [&client, &server] {
        assert_eq!(tls.session().unwrap().alpn(), Some(&b"one"[..]));
        assert_eq!(tls.session().unwrap().renegotiations(), 1);
    }
}

/// A client that shows another certificate than before is refused by the server, unless that is allowed.
#[test]
fn another_client_is_refused_unless_allowed() {
    let ca = Authority::new("CA");
    for allowed in [false, true] {
        let config = |name| ca.client(classic(Policy::compatible())).identity(ca.ecdsa(name)).build().unwrap();
        let server = ca.server(classic(Policy::compatible())).client_auth(ca.require_client());
        let settings = server.identity_may_change(allowed).build().unwrap();
        let (mut client, mut server) = established(&config("client.example"), &settings);
        reconfigure(&mut client, &config("another.example"), &settings);
        let before = server.session().unwrap().peer_certificates()[0].clone();
        client.renegotiate().unwrap();
        let (_, error) = exchange(&mut client, &mut server);
        if allowed {
            assert!(error.is_none(), "{error:?}");
            assert_ne!(server.session().unwrap().peer_certificates()[0], before);
        } else {
            assert!(matches!(error, Some(Error::Misbehaved(Misbehaviour::IdentityChanged))), "{error:?}");
        }
    }
}

#[test]
fn another_identity_is_refused_unless_allowed() {
    let ca = Authority::new("CA");
    for allowed in [false, true] {
        // A resolver that shows another certificate the second time.
        let identities = [Arc::new(ca.ecdsa(crate::testing::NAME)), Arc::new(ca.ecdsa(crate::testing::NAME))];
        let resolver = Arc::new(crate::testing::OneAfterAnother::new(identities));
        let client = ca.client(classic(Policy::compatible())).identity_may_change(allowed).build().unwrap();
        let server =
            crate::ServerConfig::builder(classic(Policy::compatible())).identity_resolver(resolver).build().unwrap();
        let (mut client, mut server) = established(&client, &server);
        let before = client.session().unwrap().peer_certificates()[0].clone();
        client.renegotiate().unwrap();
        let (error, _) = exchange(&mut client, &mut server);
        if allowed {
            assert!(error.is_none(), "{error:?}");
            assert_ne!(client.session().unwrap().peer_certificates()[0], before);
        } else {
            assert!(matches!(error, Some(Error::Misbehaved(Misbehaviour::IdentityChanged))), "{error:?}");
        }
    }
}

#[test]
fn a_hello_request_in_a_first_handshake_is_refused() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::compatible()) {
        let (client, server) = (ca.client(policy.clone()), ca.server(policy));
        let (mut client, _) = connections(&client.build().unwrap(), &server.build().unwrap());
        client.poll_now().unwrap();
        give(&mut client, &[22, 3, 3, 0, 4, HandshakeType::HELLO_REQUEST.0, 0, 0, 0]);
        assert!(matches!(client.poll_now(), Err(Error::UnexpectedMessage { .. })));
    }
}

/// SWEET32: the keys are changed at half the bound, and without a peer that renegotiates the connection ends at the bound.
#[cfg(feature = "legacy")]
#[test]
fn short_blocks_change_keys_or_end() {
    let ca = Authority::new("CA");
    let policy = Policy::legacy().with_cipher_suites(&[clasp_wire::CipherSuite::TLS_RSA_WITH_3DES_EDE_CBC_SHA]);
    let mut limits = Limits::default();
    limits.short_block_data = 100_000;
    for allowed in [Renegotiation::Secure, Renegotiation::Never] {
        let client = ca.client(policy.clone()).limits(limits.clone()).build().unwrap();
        let server = ca.server(policy.clone().with_renegotiation(allowed)).build().unwrap();
        let (mut client, mut server) = established(&client, &server);
        let mut sent = 0;
        let ended = loop {
            match client.write(&[1; 5_000]) {
                Ok(n) => sent += n,
                Err(error) => break Some(error),
            }
            let errors = exchange(&mut client, &mut server);
            assert!(errors.0.is_none() && errors.1.is_none(), "{errors:?}");
            while server.read().is_some() {
                server.poll_now().unwrap();
            }
            if sent > 300_000 {
                break None;
            }
        };
        if allowed == Renegotiation::Secure {
            assert!(ended.is_none(), "{ended:?}");
            assert!(client.session().unwrap().renegotiations() >= 3);
        } else {
            assert!(matches!(ended, Some(Error::Record(clasp_record::RecordError::Exhausted))), "{ended:?}");
            assert!(sent <= 100_000, "{sent}");
        }
    }
}

/// Who authenticated itself on demand stays authenticated in handshakes that follow.
#[test]
fn a_client_that_was_asked_keeps_its_identity() {
    let ca = Authority::new("CA");
    let mut limits = Limits::default();
    limits.renegotiation_distance = 0;
    let client = ca.client(classic(Policy::compatible())).identity(ca.ecdsa("client.example")).build().unwrap();
    let server = ca.server(classic(Policy::compatible())).limits(limits).build().unwrap();
    let (mut client, mut server) = established(&client, &server);
    server.request_client_certificate(ca.require_client()).unwrap();
    settle(&mut client, &mut server);
    for from_client in [true, false] {
        if from_client { client.renegotiate() } else { server.renegotiate() }.unwrap();
        settle(&mut client, &mut server);
        assert!(server.session().unwrap().client_authenticated());
    }
}

/// Nothing follows a close_notify: a handshake that is under way is finished first, and the other direction stays open.
#[test]
fn closing_in_the_middle_waits_for_the_end() {
    let ca = Authority::new("CA");
    let (mut client, mut server) = pair(&ca, &classic(Policy::compatible()));
    client.renegotiate().unwrap();
    client.poll_now().unwrap();
    client.close();
    assert!(client.is_closing());
    assert!(matches!(client.write(b"x"), Err(Error::NotWritable(_))));
    settle(&mut client, &mut server);
    assert!(!client.is_closing() && server.peer_has_closed());
    assert_eq!(count(&client, &server), (1, 1));
    transfer(&mut server, &mut client, b"still here");
}

/// RFC 5246 7.3: between the peer's ChangeCipherSpec and its Finished nothing else comes, application data included.
#[test]
fn data_before_the_finished_is_refused() {
    let ca = Authority::new("CA");
    let (mut client, mut server) = pair(&ca, &classic(Policy::compatible()));
    client.renegotiate().unwrap();
    client.poll_now().unwrap();
    give(&mut server, &client.output().split());
    server.poll_now().unwrap();
    give(&mut client, &server.output().split());
    client.poll_now().unwrap();
    let wire = client.output().split();
    // The last record is the Finished; application data under the new keys takes its place.
    let mut ends = Vec::new();
    let mut at = 0;
    while at < wire.len() {
        at += 5 + usize::from(u16::from_be_bytes([wire[at + 3], wire[at + 4]]));
        ends.push(at);
    }
    give(&mut server, &wire[..ends[ends.len() - 2]]);
    client.seal(ContentType::APPLICATION_DATA, b"early").unwrap();
    server.poll_now().unwrap();
    let mut record = client.output().split();
    give(&mut server, &record.split());
    let error = server.poll_now().unwrap_err();
    assert!(error.alert().is_some(), "{error}");
}

/// Many small pieces are bounded by what they take, not by what is in them.
#[test]
fn small_pieces_are_bounded_too() {
    let ca = Authority::new("CA");
    let (mut client, mut server) = pair(&ca, &classic(Policy::compatible()));
    server.renegotiate().unwrap();
    let cx = &mut Context::from_waker(Waker::noop());
    let error = (0..10_000).find_map(|_| {
        client.write(b"x").unwrap();
        give(&mut server, &client.output().split());
        match server.poll_renegotiation(cx) {
            Poll::Ready(Err(error)) => Some(error),
            _ => None,
        }
    });
    assert!(matches!(error, Some(Error::RenegotiationData(_))), "{error:?}");
}

/// Gives `tls` other settings for its next handshake, as a resolver or a changed peer would.
fn reconfigure(tls: &mut Connection, client: &Arc<crate::ClientConfig>, server: &Arc<crate::ServerConfig>) {
    match &mut tls.side {
        super::Side::Client(config, _) => *config = Arc::clone(client),
        super::Side::Server(config) => *config = Arc::clone(server),
    }
}

/// The lengths of the pieces that `to` gets of `length` bytes.
fn pieces_of(from: &mut Connection, to: &mut Connection, length: usize) -> Vec<usize> {
    from.seal(ContentType::APPLICATION_DATA, &vec![1; length]).unwrap();
    pieces(from, to)
}

/// Records are subject to the limits of the handshake that made their keys (RFC 8449 4): what a renegotiation agrees, more,
/// less or nothing, begins with each direction's new keys.
#[test]
fn record_limits_begin_and_end_with_their_keys() {
    let ca = Authority::new("CA");
    let identity = ca.ecdsa(crate::testing::NAME);
    let settings = |limits: Option<(u16, u16)>| {
        let mut client = ca.client(classic(Policy::compatible()));
        let mut server = crate::ServerConfig::builder(classic(Policy::compatible())).identity(identity.clone());
        if let Some((clients, servers)) = limits {
            (client, server) = (client.record_size_limit(clients), server.record_size_limit(servers));
        }
        (client.build().unwrap(), server.build().unwrap())
    };
    // What the client takes, and what the server takes.
    for (before, after) in [
        (None, Some((200, 100))),
        (Some((200, 100)), Some((2000, 1000))),
        (Some((2000, 1000)), Some((200, 100))),
        (Some((200, 100)), None),
    ] {
        let most = |limits: Option<(u16, u16)>| limits.map_or((16384, 16384), |(a, b)| (a.into(), b.into()));
        let (to_client, to_server): (usize, usize) = most(before);
        let (to_client_after, to_server_after): (usize, usize) = most(after);
        let case = format!("{before:?} {after:?}");

        let (client, server) = settings(before);
        let (mut client, mut server) = established(&client, &server);
        let next = settings(after);
        reconfigure(&mut client, &next.0, &next.1);
        reconfigure(&mut server, &next.0, &next.1);
        client.renegotiate().unwrap();
        client.poll_now().unwrap();
        let hello = client.output().split();
        // Behind the hello, under the keys before: the server has agreed to the new limits when it comes.
        client.writer.set_max_plaintext(to_server);
        give(&mut server, &hello);
        server.poll_now().unwrap();
        let flight = server.output().split();
        assert_eq!(pieces_of(&mut client, &mut server, to_server), [to_server], "{case}");
        // The client has read the server's hello, when more under the keys before comes.
        let first = 5 + usize::from(u16::from_be_bytes([flight[3], flight[4]]));
        give(&mut client, &flight[..first]);
        client.poll_now().unwrap();
        server.writer.set_max_plaintext(to_client);
        give(&mut client, &flight[first..flight.len()]);
        assert_eq!(pieces_of(&mut server, &mut client, to_client), [to_client], "{case}");

        settle(&mut client, &mut server);
        assert_eq!(count(&client, &server), (1, 1));
        let longest = |lengths: Vec<usize>| lengths.into_iter().max().unwrap();
        assert_eq!(longest(pieces_of(&mut client, &mut server, 20_000)), to_server_after, "{case}");
        assert_eq!(longest(pieces_of(&mut server, &mut client, 20_000)), to_client_after, "{case}");
        // More than that is refused.
        client.writer.set_max_plaintext(16384);
        if to_server_after < 16384 {
            client.seal(ContentType::APPLICATION_DATA, &vec![1; to_server_after + 1]).unwrap();
            give(&mut server, &client.output().split());
            let error = server.poll_now().unwrap_err();
            assert_eq!(error.alert(), Some(clasp_wire::AlertDescription::RECORD_OVERFLOW), "{case}");
        }
    }
}

/// RFC 7627 6.4, the triple handshake: what the first handshake had, a later one has too, whoever gives it up.
#[test]
fn a_renegotiation_keeps_the_extended_master_secret() {
    let ca = Authority::new("CA");
    let identity = ca.ecdsa(crate::testing::NAME);
    let settings = |on| {
        let policy = classic(Policy::compatible()).with_extended_master_secret(on);
        let server = crate::ServerConfig::builder(policy.clone()).identity(identity.clone()).build().unwrap();
        (ca.client(policy).without_resumption().build().unwrap(), server)
    };
    let (with, without) = (settings(true), settings(false));
    for by_client in [true, false] {
        let (mut client, mut server) = established(&with.0, &with.1);
        if by_client {
            reconfigure(&mut client, &without.0, &without.1);
        } else {
            // One that would not notice itself.
            reconfigure(&mut server, &without.0, &without.1);
            server.established.as_mut().unwrap().session.extended_master_secret = false;
        }
        client.renegotiate().unwrap();
        let errors = exchange(&mut client, &mut server);
        let seen = if by_client { errors.1 } else { errors.0 };
        assert!(matches!(seen, Some(Error::Misbehaved(Misbehaviour::ExtendedMasterSecretChanged))), "{seen:?}");
    }
}
