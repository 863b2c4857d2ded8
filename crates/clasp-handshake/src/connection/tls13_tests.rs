//! Tests of what only TLS 1.3 has, in memory (RFC 8446).

use std::sync::Arc;
use std::task::{Context, Waker};

use clasp_crypto::HashAlgorithm;
use clasp_wire::{AlertDescription, NamedGroup, ProtocolVersion};

use crate::testing::{Authority, connections, established, exchange, give, tls13, transfer};
use crate::{
    ClientAuth, Connection, Error, ExternalPsk, Misbehaviour, Policy, RenegotiationStatus, Status, TLS13_CIPHER_SUITES,
};

pub(super) fn data(len: usize) -> Vec<u8> {
    (0..=250).cycle().step_by(31).take(len).collect()
}

fn export(tls: &Connection) -> [u8; 32] {
    let mut out = [0; 32];
    tls.export_keying_material(b"EXPORTER-x", None, &mut out).unwrap().unwrap();
    out
}

#[test]
fn every_suite_and_group_with_and_without_another_hello() {
    let ca = Authority::new("CA");
    let groups = tls13().groups().to_vec();
    for suite in TLS13_CIPHER_SUITES {
        for group in clasp_crypto::default_provider().groups.iter().map(|group| group.name()) {
            for retry in [false, true] {
                let other = groups.iter().copied().find(|other| *other != group).unwrap();
                let ours = if retry { vec![other, group] } else { vec![group] };
                let policy = tls13().with_cipher_suites(&[suite.id]);
                let client = ca.client(policy.clone().with_groups(&ours)).build().unwrap();
                let server = ca.server(policy.with_groups(&[group])).build().unwrap();
                let (mut client, mut server) = established(&client, &server);
                let session = client.session().unwrap();
                assert_eq!(session.version(), ProtocolVersion::TLS_1_3);
                assert_eq!((session.cipher_suite(), session.group()), (suite.id, Some(group)));
                assert_eq!(export(&client), export(&server));
                transfer(&mut client, &mut server, &data(40_000));
                transfer(&mut server, &mut client, &data(40_000));
            }
        }
    }
}

#[test]
fn sessions_are_resumed_by_tickets_that_are_used_once() {
    let ca = Authority::new("CA");
    for tickets in [true, false] {
        let client = ca.client(tls13()).build().unwrap();
        let server = ca.server(tls13());
        let server = if tickets { server.session_ids(false) } else { server.tickets(false) };
        let server = server.build().unwrap();
        let (first, _) = established(&client, &server);
        assert!(!first.session().unwrap().resumed());
        // Two tickets came, and each resumption brings one.
        for _ in 0..5 {
            let (mut ours, mut theirs) = established(&client, &server);
            assert!(ours.session().unwrap().resumed() && theirs.session().unwrap().resumed());
            assert_eq!(ours.session().unwrap().peer_certificates().len(), 1);
            assert_eq!(export(&ours), export(&theirs));
            transfer(&mut ours, &mut theirs, &data(20_000));
        }
        // Three at a time: two have a ticket.
        let mut pairs: Vec<_> = (0..3).map(|_| connections(&client, &server)).collect();
        for (ours, theirs) in &mut pairs {
            ours.poll_now().unwrap();
            theirs.receive(&ours.output().split());
        }
        let resumed = pairs.iter_mut().map(|(ours, theirs)| {
            assert!(matches!(exchange(ours, theirs), (None, None)));
            ours.session().unwrap().resumed()
        });
        assert_eq!(resumed.collect::<Vec<_>>(), [true, true, false]);
    }
}

#[test]
fn a_resumed_session_keeps_the_clients_identity() {
    let ca = Authority::new("CA");
    let client = ca.client(tls13()).identity(ca.ecdsa("client.example")).build().unwrap();
    let server = ca.server(tls13()).client_auth(ca.require_client()).build().unwrap();
    for resumed in [false, true] {
        let (ours, theirs) = established(&client, &server);
        assert_eq!(theirs.session().unwrap().resumed(), resumed);
        assert!(ours.session().unwrap().client_authenticated() && theirs.session().unwrap().client_authenticated());
        assert_eq!(theirs.session().unwrap().peer_certificates().len(), 1);
        assert!(theirs.session().unwrap().report().is_some());
    }
}

/// The client has finished before the server refuses it.
#[test]
fn a_missing_client_certificate_has_an_alert_of_its_own() {
    let ca = Authority::new("CA");
    let client = ca.client(tls13()).build().unwrap();
    let server = ca.server(tls13()).client_auth(ca.require_client()).build().unwrap();
    let (mut client, mut server) = connections(&client, &server);
    let (ours, theirs) = exchange(&mut client, &mut server);
    assert!(matches!(theirs, Some(Error::ClientCertificateRequired)));
    let Some(Error::AlertReceived(alert)) = ours else { panic!("{ours:?}") };
    assert_eq!(alert.alert, AlertDescription::CERTIFICATE_REQUIRED);
    assert!(alert.certificate_declined);
}

/// Whoever was asked for a certificate, and had none, is not told to get one when it is a record that did not open.
#[test]
fn an_alert_over_a_record_is_not_put_down_to_a_certificate() {
    let ca = Authority::new("CA");
    let client = ca.client(tls13()).build().unwrap();
    let server = ca.server(tls13()).client_auth(ca.request_client()).build().unwrap();
    let (mut client, mut server) = established(&client, &server);
    client.write(b"data").unwrap();
    if let Some(last) = client.output().last_mut() {
        *last ^= 1;
    }
    let (ours, theirs) = exchange(&mut client, &mut server);
    assert_eq!(theirs.and_then(|error| error.alert()), Some(AlertDescription::BAD_RECORD_MAC));
    let Some(Error::AlertReceived(alert)) = ours else { panic!("{ours:?}") };
    assert_eq!(alert.alert, AlertDescription::BAD_RECORD_MAC);
    assert!(!alert.certificate_declined && !alert.to_string().contains("certificate"), "{alert}");
}

#[test]
fn keys_are_changed_by_either_side_any_number_of_times() {
    let ca = Authority::new("CA");
    let (client, server) = (ca.client(tls13()).build().unwrap(), ca.server(tls13()).build().unwrap());
    let (mut client, mut server) = established(&client, &server);
    for i in 0..300 {
        let (one, other) = if i % 2 == 0 { (&mut client, &mut server) } else { (&mut server, &mut client) };
        one.update_keys(i % 3 == 0).unwrap();
        transfer(one, other, &data(100));
        transfer(other, one, &data(3000));
    }
    assert_eq!(export(&client), export(&server));
}

#[test]
fn keys_that_wear_out_are_changed_by_themselves() {
    let ca = Authority::new("CA");
    let mut limits = crate::Limits::default();
    limits.key_data = 10_000;
    let client = ca.client(tls13()).limits(limits).build().unwrap();
    let server = ca.server(tls13()).build().unwrap();
    let (mut client, mut server) = established(&client, &server);
    let secret = |tls: &Connection| tls.established.as_ref().unwrap().secrets.tls13().unwrap().client.clone();
    let before = secret(&client);
    transfer(&mut client, &mut server, &data(9_000));
    assert_eq!(secret(&client).as_bytes(), before.as_bytes());
    transfer(&mut client, &mut server, &data(9_000));
    transfer(&mut client, &mut server, &data(9_000));
    assert_eq!(secret(&client).as_bytes(), before.next().as_bytes());
    assert_eq!(secret(&server).as_bytes(), before.next().as_bytes());
}

#[test]
fn a_flood_of_key_updates_ends_the_connection_and_is_answered_once() {
    let ca = Authority::new("CA");
    let (client, server) = (ca.client(tls13()).build().unwrap(), ca.server(tls13()).build().unwrap());
    let (mut client, mut server) = established(&client, &server);
    for _ in 0..32 {
        client.update_keys(true).unwrap();
    }
    give(&mut server, &client.output().split());
    server.poll_now().unwrap();
    // Nothing is to be said; then one answer to all of them comes before it (RFC 8446 4.6.3).
    assert!(!server.has_output());
    server.write(b"x").unwrap();
    let (answer, word) = (5 + 5 + 1 + 16, 5 + 1 + 1 + 16);
    assert_eq!(server.output().split().len(), answer + word);
    server.write(b"x").unwrap();
    assert_eq!(server.output().split().len(), word);
    client.update_keys(true).unwrap();
    give(&mut server, &client.output().split());
    assert!(matches!(server.poll_now(), Err(Error::TooMany(_))));
}

#[test]
fn the_client_is_asked_for_its_certificate_later() {
    let ca = Authority::new("CA");
    for has_one in [true, false] {
        let client = ca.client(tls13()).post_handshake_auth(true);
        let client = if has_one { client.identity(ca.rsa("client.example")) } else { client };
        let client = client.build().unwrap();
        let server = ca.server(tls13()).build().unwrap();
        let (mut client, mut server) = established(&client, &server);
        assert!(!server.session().unwrap().client_authenticated());
        client.update_keys(false).unwrap();
        transfer(&mut client, &mut server, &data(100));
        server.request_client_certificate(ca.request_client()).unwrap();
        // Data flows on meanwhile.
        client.write(&data(50)).unwrap();
        server.write(&data(60)).unwrap();
        give(&mut server, &client.output().split());
        give(&mut client, &server.output().split());
        assert_eq!(client.poll_now().unwrap(), Status::Data);
        assert_eq!(client.read().unwrap(), data(60));
        client.poll_now().unwrap();
        give(&mut server, &client.output().split());
        let mut cx = Context::from_waker(Waker::noop());
        let done = server.poll_renegotiation(&mut cx);
        assert!(matches!(done, std::task::Poll::Ready(Ok(RenegotiationStatus::Done))), "{done:?}");
        assert_eq!(server.read().unwrap(), data(50));
        assert_eq!(server.session().unwrap().client_authenticated(), has_one);
        assert_eq!(client.session().unwrap().client_authenticated(), has_one);
        transfer(&mut client, &mut server, &data(2000));
        transfer(&mut server, &mut client, &data(2000));
    }
    // Not of a client that does not offer it.
    let client = ca.client(tls13()).identity(ca.rsa("client.example")).build().unwrap();
    let server = ca.server(tls13()).build().unwrap();
    let (_, mut server) = established(&client, &server);
    assert!(matches!(server.request_client_certificate(ca.request_client()), Err(Error::NoRenegotiation(_))));
    assert!(matches!(server.request_client_certificate(ClientAuth::None), Ok(())));
}

/// A client and a server that take early data, after a handshake that left tickets.
#[test]
fn keys_from_outside() {
    let ca = Authority::new("CA");
    let psk = |name: &str, key: u8| ExternalPsk::new(name.as_bytes(), &[key; 32], HashAlgorithm::Sha256).unwrap();
    let server = ca.server(tls13()).psk(psk("one", 1)).psk(psk("two", 2)).build().unwrap();
    let client = ca.client(tls13()).psk(psk("none", 3)).psk(psk("two", 2)).build().unwrap();
    let (mut ours, mut theirs) = established(&client, &server);
    for tls in [&ours, &theirs] {
        let session = tls.session().unwrap();
        assert!(session.pre_shared_key() && !session.resumed() && session.peer_certificates().is_empty());
        assert_eq!(session.psk_identity(), Some(&b"two"[..]));
    }
    transfer(&mut ours, &mut theirs, &data(100));
    // With HelloRetryRequest, whose binders cover more.
    let narrow = ca.server(tls13().with_groups(&[NamedGroup::SECP256R1])).psk(psk("two", 2)).build().unwrap();
    assert!(established(&client, &narrow).0.session().unwrap().pre_shared_key());
    // The right name and another key.
    let client = ca.client(tls13()).psk(psk("two", 7)).build().unwrap();
    let (mut ours, mut theirs) = connections(&client, &server);
    let (_, error) = exchange(&mut ours, &mut theirs);
    assert!(matches!(error, Some(Error::Misbehaved(Misbehaviour::BadBinder))), "{error:?}");
    // A key that the server does not have: certificates.
    let client = ca.client(tls13()).psk(psk("three", 7)).build().unwrap();
    assert!(!established(&client, &server).0.session().unwrap().pre_shared_key());
    // Imported, with a context that must be the same.
    let imported = |context: &[u8], hash| {
        ExternalPsk::imported(clasp_crypto::default_provider(), b"one", &[1; 32], context, hash).unwrap()
    };
    let server = ca.server(tls13()).psk(imported(b"here", HashAlgorithm::Sha384)).build().unwrap();
    for (context, taken) in [(&b"here"[..], true), (b"there", false)] {
        let client = ca.client(tls13()).psk(imported(context, HashAlgorithm::Sha384)).build().unwrap();
        let (_, theirs) = established(&client, &server);
        assert_eq!(theirs.session().unwrap().psk_identity().is_some(), taken);
    }
    // Neither side needs certificates where all have keys.
    let client = crate::ClientConfig::builder(tls13()).psk(psk("one", 1)).build().unwrap();
    let server = crate::ServerConfig::builder(tls13()).psk(psk("one", 1)).build().unwrap();
    established(&client, &server);
}

/// RFC 8446 4.1.3: the mark in the random value of a server that speaks TLS 1.3 and agrees to less.
#[test]
fn a_downgrade_to_tls12_is_noticed() {
    let ca = Authority::new("CA");
    let client = ca.client(Policy::modern()).grease(false).build().unwrap();
    let server = ca.server(Policy::modern()).build().unwrap();
    let (mut client, mut server) = connections(&client, &server);
    client.poll_now().unwrap();
    let mut hello = client.output().split().to_vec();
    // Somebody on the way takes TLS 1.3 off the list of versions.
    let at = hello.windows(9).position(|window| window == [0, 43, 0, 5, 4, 3, 4, 3, 3]).unwrap();
    hello[at + 6] = 3;
    give(&mut server, &hello);
    server.poll_now().unwrap();
    give(&mut client, &server.output().split());
    let error = client.poll_now().unwrap_err();
    assert!(matches!(error, Error::Misbehaved(Misbehaviour::Downgrade)), "{error}");
    assert_eq!(error.alert(), Some(AlertDescription::ILLEGAL_PARAMETER));
}

#[test]
fn padding_hides_the_length() {
    let ca = Authority::new("CA");
    let padding = crate::RecordPadding::ToMultiple(512.try_into().unwrap());
    let client = ca.client(tls13()).record_padding(padding).build().unwrap();
    let server = ca.server(tls13()).build().unwrap();
    let (mut client, mut server) = established(&client, &server);
    let mut lengths = Vec::new();
    for len in [1, 100, 511] {
        client.write(&data(len)).unwrap();
        let wire = client.output().split();
        lengths.push(wire.len());
        give(&mut server, &wire);
        assert_eq!(server.poll_now().unwrap(), Status::Data);
        assert_eq!(server.read().unwrap(), data(len));
    }
    assert_eq!(lengths, [512 + 5 + 16; 3]);
}

#[test]
fn others_put_in_change_cipher_specs_and_nothing_else() {
    let ca = Authority::new("CA");
    let (client, server) = (ca.client(tls13()).build().unwrap(), ca.server(tls13()).build().unwrap());
    for (bytes, good) in
        [(&[20, 3, 3, 0, 1, 1][..], true), (&[20, 3, 3, 0, 1, 2], false), (&[20, 3, 3, 0, 2, 1, 1], false)]
    {
        let (mut client, mut server) = connections(&client, &server);
        client.poll_now().unwrap();
        give(&mut server, &client.output().split());
        server.poll_now().unwrap();
        give(&mut server, bytes);
        let error = server.poll_now().err();
        assert_eq!(error.is_none(), good, "{error:?}");
        assert!(error.is_none_or(|error| error.alert() == Some(AlertDescription::UNEXPECTED_MESSAGE)));
    }
    // Before the hello, and after the handshake.
    let mut tls = Connection::server(Arc::clone(&server));
    give(&mut tls, &[20, 3, 3, 0, 1, 1]);
    assert_eq!(tls.poll_now().unwrap_err().alert(), Some(AlertDescription::UNEXPECTED_MESSAGE));
    let (_, mut tls) = established(&client, &server);
    give(&mut tls, &[20, 3, 3, 0, 1, 1]);
    assert_eq!(tls.poll_now().unwrap_err().alert(), Some(AlertDescription::UNEXPECTED_MESSAGE));
}

/// A client that has nothing to say still gets its tickets: they are behind the handshake, before the server's close_notify.
#[test]
fn tickets_come_to_who_closes_at_once() {
    let ca = Authority::new("CA");
    let client = ca.client(tls13()).build().unwrap();
    let server = ca.server(tls13()).build().unwrap();
    for resumed in [false, true, true, true, true] {
        let (mut ours, mut theirs) = connections(&client, &server);
        ours.poll_now().unwrap();
        give(&mut theirs, &ours.output().split());
        theirs.poll_now().unwrap();
        give(&mut ours, &theirs.output().split());
        ours.poll_now().unwrap();
        assert_eq!(ours.session().unwrap().resumed(), resumed);
        ours.close();
        give(&mut theirs, &ours.output().split());
        assert_eq!(theirs.poll_now().unwrap(), Status::Closed);
        theirs.close();
        give(&mut ours, &theirs.output().split());
        assert_eq!(ours.poll_now().unwrap(), Status::Closed);
    }
}
