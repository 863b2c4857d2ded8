//! Alerts for what comes in records, and after the handshake, in TLS 1.3 (RFC 8446 4.6, 5, 6). Those for the messages of the
//! handshake are in `misorder/alerts.rs`.

use std::sync::Arc;

use clasp_wire::{AlertDescription as Alert, ContentType, HandshakeType, ProtocolVersion};

use super::Connection;
use crate::error::{Error, Role};
use crate::testing::{Authority, connections, established, give};
use crate::{ClientConfig, Policy, ServerConfig};

fn configs(post_handshake_auth: bool) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let ca = Authority::new("CA");
    let policy = Policy::modern().with_versions(ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_3);
    let client = ca.client(policy.clone()).post_handshake_auth(post_handshake_auth).build().unwrap();
    (client, ca.server(policy).build().unwrap())
}

fn message(typ: HandshakeType, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[typ.0], &length[1..], body].concat()
}

/// A ticket of `lifetime` seconds, with these extensions.
fn ticket(lifetime: u32, extensions: &[u8]) -> Vec<u8> {
    let length = u16::try_from(extensions.len()).unwrap().to_be_bytes();
    let body = [&lifetime.to_be_bytes()[..], &[0, 0, 0, 1, 1, 0, 0, 1, 7], &length, extensions].concat();
    message(HandshakeType::NEW_SESSION_TICKET, &body)
}

/// What `to` says to these records that the other side seals, and then to `plain`.
fn told(to: Role, post_handshake_auth: bool, sealed: &[(ContentType, &[u8])], plain: &[u8]) -> (Option<Alert>, Error) {
    let (client, server) = configs(post_handshake_auth);
    let (client, server) = established(&client, &server);
    let (mut from, mut to) = if to == Role::Client { (server, client) } else { (client, server) };
    for (typ, data) in sealed {
        from.seal(*typ, data).unwrap();
    }
    give(&mut to, &from.output().split());
    give(&mut to, plain);
    let error = loop {
        match to.poll_now() {
            Err(error) => break error,
            Ok(crate::Status::Data) => drop(to.read()),
            Ok(other) => panic!("{sealed:?} {plain:?} is taken: {other:?}"),
        }
    };
    assert!(error.alert().is_none() || to.has_output(), "the peer is told");
    (error.alert(), error)
}

/// What comes, to whom, whether the client takes requests for its certificate, the message, the alert.
type AfterCase = (&'static str, &'static [Role], bool, Vec<u8>, Alert);

/// What comes, what is sealed of it, what is not, the alert.
type RecordCase<'a> = (&'a str, &'a [(ContentType, &'a [u8])], &'a [u8], Alert);

#[test]
fn messages_after_the_handshake() {
    const BOTH: [Role; 2] = [Role::Client, Role::Server];
    let week = 7 * 24 * 3600;
    let empty = |typ| message(typ, &[]);
    let cases: Vec<AfterCase> = vec![
        (
            "4.6.1: a ticket for more than a week",
            &[Role::Client],
            false,
            ticket(week + 1, &[]),
            Alert::ILLEGAL_PARAMETER,
        ),
        ("4.6.1: a ticket without an end", &[Role::Client], false, ticket(u32::MAX, &[]), Alert::ILLEGAL_PARAMETER),
        ("4.6.1: a ticket's early data", &[Role::Client], false, ticket(9, &[0, 42, 0, 1, 0]), Alert::DECODE_ERROR),
        (
            "4.2: a ticket with a key share",
            &[Role::Client],
            false,
            ticket(9, &[0, 51, 0, 2, 0, 23]),
            Alert::ILLEGAL_PARAMETER,
        ),
        (
            "4.2: a ticket with one extension twice",
            &[Role::Client],
            false,
            ticket(9, &[0, 42, 0, 4, 0, 0, 0, 1, 0, 42, 0, 4, 0, 0, 0, 1]),
            Alert::ILLEGAL_PARAMETER,
        ),
        (
            "4.6.1: half a ticket",
            &[Role::Client],
            false,
            message(HandshakeType::NEW_SESSION_TICKET, &[0; 7]),
            Alert::DECODE_ERROR,
        ),
        ("4.6.1: a client's ticket", &[Role::Server], false, ticket(9, &[]), Alert::UNEXPECTED_MESSAGE),
        (
            "4.6.2: a request, and we did not offer it",
            &[Role::Client],
            false,
            message(HandshakeType::CERTIFICATE_REQUEST, &[1, 7, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3]),
            Alert::UNEXPECTED_MESSAGE,
        ),
        (
            "4.3.2: a request without schemes",
            &[Role::Client],
            true,
            message(HandshakeType::CERTIFICATE_REQUEST, &[1, 7, 0, 0]),
            Alert::MISSING_EXTENSION,
        ),
        (
            "4.6.2: a certificate that nobody asked for",
            &[Role::Server],
            true,
            message(HandshakeType::CERTIFICATE, &[0; 4]),
            Alert::UNEXPECTED_MESSAGE,
        ),
        (
            "4.6.3: a KeyUpdate that asks for what is not there",
            &BOTH,
            false,
            message(HandshakeType::KEY_UPDATE, &[2]),
            Alert::ILLEGAL_PARAMETER,
        ),
        ("4.6.3: a long KeyUpdate", &BOTH, false, message(HandshakeType::KEY_UPDATE, &[0, 0]), Alert::DECODE_ERROR),
        ("4.6.3: an empty KeyUpdate", &BOTH, false, empty(HandshakeType::KEY_UPDATE), Alert::DECODE_ERROR),
        (
            "5.1: something behind a KeyUpdate",
            &BOTH,
            false,
            [message(HandshakeType::KEY_UPDATE, &[0]), vec![24]].concat(),
            Alert::UNEXPECTED_MESSAGE,
        ),
        (
            "4.1.2: another hello",
            &[Role::Server],
            false,
            message(HandshakeType::CLIENT_HELLO, &[3; 60]),
            Alert::UNEXPECTED_MESSAGE,
        ),
        ("4: a message of no known type", &BOTH, false, empty(HandshakeType(99)), Alert::UNEXPECTED_MESSAGE),
    ];
    for (what, roles, post_handshake_auth, bytes, alert) in cases {
        for role in roles {
            let (told, error) = told(*role, post_handshake_auth, &[(ContentType::HANDSHAKE, &bytes)], &[]);
            assert_eq!(told, Some(alert), "{what}, {role:?}: {error:?}");
        }
    }
    for typ in [0, 2, 5, 6, 8, 12, 14, 15, 16, 20, 22, 25, 254].map(HandshakeType) {
        for role in BOTH {
            let (told, error) = told(role, false, &[(ContentType::HANDSHAKE, &empty(typ))], &[]);
            assert_eq!(told, Some(Alert::UNEXPECTED_MESSAGE), "{typ}, {role:?}: {error:?}");
        }
    }
}

#[test]
fn records_after_the_handshake() {
    use ContentType as Type;
    let update = message(HandshakeType::KEY_UPDATE, &[0]);
    let long = [&[23, 3, 3, 0x41, 1][..], &[0; 0x4101]].concat();
    let cases: &[RecordCase<'_>] = &[
        ("5: a ChangeCipherSpec", &[], &[20, 3, 3, 0, 1, 1], Alert::UNEXPECTED_MESSAGE),
        ("5: a protected ChangeCipherSpec", &[(Type::CHANGE_CIPHER_SPEC, &[1])], &[], Alert::UNEXPECTED_MESSAGE),
        ("5: a record of no known type", &[(Type(99), &[1])], &[], Alert::UNEXPECTED_MESSAGE),
        ("5: an unprotected message", &[], &[22, 3, 3, 0, 5, 24, 0, 0, 1, 0], Alert::UNEXPECTED_MESSAGE),
        (
            "5.1: data in the middle of a message",
            &[(Type::HANDSHAKE, &update[..2]), (Type::APPLICATION_DATA, b"x")],
            &[],
            Alert::UNEXPECTED_MESSAGE,
        ),
        ("5.2: a record that does not open", &[], &[&[23, 3, 3, 0, 32][..], &[7; 32]].concat(), Alert::BAD_RECORD_MAC),
        ("5.2: a record that is too long", &[], &long, Alert::RECORD_OVERFLOW),
        ("6: half an alert", &[(Type::ALERT, &[2])], &[], Alert::DECODE_ERROR),
        ("6: an alert and more", &[(Type::ALERT, &[2, 40, 0])], &[], Alert::DECODE_ERROR),
        ("6: two alerts in one record", &[(Type::ALERT, &[1, 90, 1, 0])], &[], Alert::DECODE_ERROR),
    ];
    for (what, sealed, plain, alert) in cases {
        for role in [Role::Client, Role::Server] {
            let (told, error) = told(role, false, sealed, plain);
            assert_eq!(told, Some(*alert), "{what}, {role:?}: {error:?}");
        }
    }
    // 6.2: an alert that is not known, or was a warning in older versions, is an error now. It is not answered.
    for description in [10, 40, 100, 110, 255] {
        let (told, error) = told(Role::Client, false, &[(Type::ALERT, &[1, description])], &[]);
        assert!(told.is_none() && matches!(error, Error::AlertReceived(_)), "{description}: {error:?}");
    }
}

/// Gives `to` what the other side has said so far, altered.
fn refused(to: &mut Connection, bytes: &[u8]) -> Alert {
    give(to, bytes);
    match to.poll_now() {
        Err(error) => error.alert().unwrap(),
        Ok(status) => panic!("{bytes:?} is taken: {status:?}"),
    }
}

#[test]
fn records_in_the_handshake() {
    let (client, server) = configs(false);
    let fresh = || {
        let (mut client, server) = connections(&client, &server);
        client.poll_now().unwrap();
        let hello = client.output().split().to_vec();
        (client, server, hello)
    };
    // What comes before the client's hello (RFC 8446 5).
    for record in [&[20, 3, 1, 0, 1, 1][..], &[23, 3, 1, 0, 1, 1], &[22, 3, 1, 0, 4, 20, 0, 0, 0]] {
        let (_, mut server, _) = fresh();
        assert_eq!(refused(&mut server, record), Alert::UNEXPECTED_MESSAGE, "{record:?}");
    }
    // An empty fragment of a message (RFC 8446 5.1).
    let (_, mut server, _) = fresh();
    assert_eq!(refused(&mut server, &[22, 3, 1, 0, 0]), Alert::UNEXPECTED_MESSAGE);

    let answered = || {
        let (client, mut server, hello) = fresh();
        give(&mut server, &hello);
        server.poll_now().unwrap();
        let flight = server.output().split().to_vec();
        let first = 5 + usize::from(u16::from_be_bytes([flight[3], flight[4]]));
        (client, server, flight, first)
    };
    // A ChangeCipherSpec other than the one that says nothing, and one too many bytes of it (RFC 8446 5).
    for record in [&[20, 3, 3, 0, 1, 2][..], &[20, 3, 3, 0, 2, 1, 1], &[20, 3, 3, 0, 0]] {
        let (mut client, mut server, flight, first) = answered();
        assert_eq!(refused(&mut client, &[&flight[..first], record].concat()), Alert::UNEXPECTED_MESSAGE, "{record:?}");
        assert_eq!(refused(&mut server, record), Alert::UNEXPECTED_MESSAGE, "{record:?}");
    }
    // Something behind the hello in its record, where the keys change (RFC 8446 5.1).
    let (mut client, _, flight, first) = answered();
    let mut hello = [&flight[..first], &[8, 0]].concat();
    hello[4] += 2;
    assert_eq!(refused(&mut client, &hello), Alert::UNEXPECTED_MESSAGE);
    // EncryptedExtensions in the clear, and a record of data (RFC 8446 5).
    for record in [&[22, 3, 3, 0, 6, 8, 0, 0, 2, 0, 0][..], &[21, 3, 3, 0, 2, 1, 90]] {
        let (mut client, _, flight, first) = answered();
        assert_eq!(refused(&mut client, &[&flight[..first], record].concat()), Alert::UNEXPECTED_MESSAGE, "{record:?}");
    }
}
