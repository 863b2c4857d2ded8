//! Tests of what a peer must not send, in memory (RFC 5246 7.2, RFC 8446 5.1, 6.2).

use std::sync::Arc;

use clasp_wire::AlertDescription;

use super::Status;
use super::tests::widest;
use crate::testing::{Authority, classic, connections, each, established, give, transfer};
use crate::{CIPHER_SUITES, Connection, Error, Misbehaviour, Policy, TLS13_CIPHER_SUITES};

#[test]
fn tampered_records_are_refused_with_one_alert() {
    let ca = Authority::new("CA");
    let client = ca.client(widest()).build().unwrap();
    for suite in CIPHER_SUITES.iter().chain(TLS13_CIPHER_SUITES) {
        let server = ca.server(widest().with_cipher_suites(&[suite.id])).build().unwrap();
        let (mut client, mut server) = established(&client, &server);
        client.write(b"attack at dawn").unwrap();
        let mut wire = client.output().split();
        *wire.last_mut().unwrap() ^= 1;
        give(&mut server, &wire);
        let error = server.poll_now().unwrap_err();
        assert_eq!(error.alert(), Some(AlertDescription::BAD_RECORD_MAC));
        give(&mut client, &server.output().split());
        let told = client.poll_now().unwrap_err();
        assert!(matches!(told, Error::AlertReceived(alert) if alert.alert == AlertDescription::BAD_RECORD_MAC));
    }
}

#[test]
fn garbage_oversized_and_foreign_input_is_refused() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let server = ca.server(policy.clone()).build().unwrap();
        let cases: [(&[u8], AlertDescription); 4] = [
            (&[0x16, 3, 1, 0x50, 0, 1], AlertDescription::RECORD_OVERFLOW),
            (&[0x17, 3, 3, 0, 1, 0], AlertDescription::UNEXPECTED_MESSAGE),
            (&[0x14, 3, 3, 0, 1, 1], AlertDescription::UNEXPECTED_MESSAGE),
            (&[0x16, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff], AlertDescription::ILLEGAL_PARAMETER),
        ];
        for (bytes, alert) in cases {
            let mut server = Connection::server(Arc::clone(&server));
            give(&mut server, bytes);
            let error = server.poll_now().unwrap_err();
            assert_eq!(error.alert(), Some(alert), "{error}");
            assert!(server.has_output());
            assert_eq!(server.poll_now().unwrap_err().alert(), Some(alert));
        }
        let mut server = Connection::server(server);
        give(&mut server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(server.poll_now().unwrap_err().to_string().contains("HTTP"));
    }
}

#[test]
fn a_message_across_the_key_change_is_refused() {
    let ca = Authority::new("CA");
    let (client, server) =
        (ca.client(classic(Policy::modern())).build().unwrap(), ca.server(classic(Policy::modern())).build().unwrap());
    let (mut client, mut server) = connections(&client, &server);
    client.poll_now().unwrap();
    give(&mut server, &client.output().split());
    server.poll_now().unwrap();
    give(&mut client, &server.output().split());
    client.poll_now().unwrap();
    let wire = client.output().split();
    // The second flight begins with the ClientKeyExchange record; one more byte of handshake follows it.
    let first = 5 + usize::from(u16::from_be_bytes([wire[3], wire[4]]));
    let mut attack = wire[..first].to_vec();
    attack.extend_from_slice(&[0x16, 3, 3, 0, 1, 20]);
    attack.extend_from_slice(&wire[first..]);
    give(&mut server, &attack);
    let error = server.poll_now().unwrap_err();
    assert!(matches!(error, Error::Misbehaved(Misbehaviour::RecordsInterleaved)), "{error}");
}

/// RFC 8446 5.1: what changes the keys is the last in its record.
#[test]
fn a_message_behind_a_tls13_hello_is_refused() {
    let ca = Authority::new("CA");
    let [_, policy] = each(&Policy::modern());
    let (client, server) = (ca.client(policy.clone()).build().unwrap(), ca.server(policy).build().unwrap());
    for to_client in [false, true] {
        let (mut client, mut server) = connections(&client, &server);
        client.poll_now().unwrap();
        let mut flight = client.output().split();
        if to_client {
            give(&mut server, &flight);
            server.poll_now().unwrap();
            flight = server.output().split();
        }
        let length = u16::from_be_bytes([flight[3], flight[4]]);
        let hello = 5 + usize::from(length);
        let mut attack = flight[..hello].to_vec();
        attack[3..5].copy_from_slice(&(length + 1).to_be_bytes());
        attack.push(20);
        let victim = if to_client { &mut client } else { &mut server };
        give(victim, &attack);
        give(victim, &flight[hello..]);
        let error = victim.poll_now().unwrap_err();
        let at_once = if to_client { Misbehaviour::DataAcrossKeyChange } else { Misbehaviour::DataBehindFlight };
        assert!(matches!(error, Error::Misbehaved(what) if what == at_once), "{to_client}: {error}");
    }
}

/// RFC 8446 4.1.2: there is no renegotiation, and nobody to decline it to.
#[test]
fn a_hello_request_ends_a_tls13_connection() {
    let ca = Authority::new("CA");
    let [_, policy] = each(&Policy::compatible());
    let (client, server) = (ca.client(policy.clone()).build().unwrap(), ca.server(policy).build().unwrap());
    for hello in [&[0, 0, 0, 0][..], &[1, 0, 0, 0]] {
        let (mut client, mut server) = established(&client, &server);
        let (from, to) = if hello[0] == 0 { (&mut server, &mut client) } else { (&mut client, &mut server) };
        from.seal(clasp_wire::ContentType::HANDSHAKE, hello).unwrap();
        give(to, &from.output().split());
        let error = to.poll_now().unwrap_err();
        assert!(matches!(error, Error::UnexpectedMessage { .. }), "{error}");
        assert_eq!(error.alert(), Some(AlertDescription::UNEXPECTED_MESSAGE));
    }
}

#[test]
fn renegotiation_is_declined_a_few_times() {
    let ca = Authority::new("CA");
    let (client, server) =
        (ca.client(classic(Policy::modern())).build().unwrap(), ca.server(classic(Policy::modern())).build().unwrap());
    let (mut client, mut server) = established(&client, &server);
    for _ in 0..4 {
        server.seal(clasp_wire::ContentType::HANDSHAKE, &[0, 0, 0, 0]).unwrap();
        give(&mut client, &server.output().split());
        assert_eq!(client.poll_now().unwrap(), Status::NeedInput);
        // The answer is a warning, which a server takes.
        give(&mut server, &client.output().split());
        assert_eq!(server.poll_now().unwrap(), Status::NeedInput);
    }
    transfer(&mut client, &mut server, b"all goes on");
    server.seal(clasp_wire::ContentType::HANDSHAKE, &[0, 0, 0, 0]).unwrap();
    give(&mut client, &server.output().split());
    let error = client.poll_now().unwrap_err();
    assert!(matches!(error, Error::TooManyRenegotiations), "{error}");
    assert_eq!(error.alert(), Some(AlertDescription::NO_RENEGOTIATION));
}

#[test]
fn renegotiation_is_not_declined_behind_close_notify() {
    let ca = Authority::new("CA");
    let (client, server) =
        (ca.client(classic(Policy::modern())).build().unwrap(), ca.server(classic(Policy::modern())).build().unwrap());
    let (mut client, mut server) = established(&client, &server);
    client.close();
    client.output().clear();
    server.seal(clasp_wire::ContentType::HANDSHAKE, &[0, 0, 0, 0]).unwrap();
    give(&mut client, &server.output().split());
    assert_eq!(client.poll_now().unwrap(), Status::NeedInput);
    assert!(!client.has_output());
}
