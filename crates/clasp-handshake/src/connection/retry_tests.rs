//! A server asks for another hello once, and a client answers once (RFC 8446 4.1.2, 4.1.4).

use clasp_wire::{
    AlertDescription, CipherSuite, ClientHello, CompressionMethod, HandshakeMessage as _, HandshakeType, NamedGroup,
    ProtocolVersion, Random, ServerExtension, ServerHello,
};

use crate::error::Role;
use crate::testing::{Authority, classic, connections, established, exchange_with, give, message_at, tls13};
use crate::{Connection, Error, Misbehaviour, Policy};

fn groups(groups: &[NamedGroup]) -> Policy {
    Policy::modern().with_versions(ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_3).with_groups(groups)
}

/// A HelloRetryRequest that answers this hello, as a record.
fn retry(flight: &[u8], group: NamedGroup) -> Vec<u8> {
    let hello = message_at(flight, HandshakeType::CLIENT_HELLO).unwrap();
    let body = bytes::Bytes::copy_from_slice(&flight[hello.start + 4..hello.end]);
    let hello = ClientHello::parse_body(&body).unwrap();
    let message = ServerHello {
        server_version: ProtocolVersion::TLS_1_2,
        random: Random::HELLO_RETRY_REQUEST,
        session_id: hello.session_id,
        cipher_suite: CipherSuite::TLS_AES_128_GCM_SHA256,
        compression_method: CompressionMethod::NULL,
        extensions: Some(vec![
            ServerExtension::SupportedVersions(ProtocolVersion::TLS_1_3),
            ServerExtension::RetryKeyShare(group),
        ]),
    };
    let message = message.encode();
    [&[22, 3, 3], &u16::try_from(message.len()).unwrap().to_be_bytes()[..], &message].concat()
}

#[test]
fn a_client_answers_one_request_for_another_hello() {
    let ca = Authority::new("CA");
    let offered = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];
    let client = ca.client(groups(&offered)).build().unwrap();
    let server = ca.server(groups(&offered)).build().unwrap();
    let begun = || {
        let (mut client, _) = connections(&client, &server);
        client.poll_now().unwrap();
        let flight = client.output().split();
        (client, flight)
    };
    let (mut tls, flight) = begun();
    give(&mut tls, &retry(&flight, NamedGroup::SECP256R1));
    tls.poll_now().unwrap();
    assert!(tls.has_output(), "the second hello");
    give(&mut tls, &retry(&flight, NamedGroup::SECP384R1));
    let error = tls.poll_now().unwrap_err();
    assert_eq!(error.alert(), Some(AlertDescription::UNEXPECTED_MESSAGE), "{error}");
    // For the group that came with the first one, and for one that was not offered.
    for group in [NamedGroup::X25519, NamedGroup::SECP521R1] {
        let (mut tls, flight) = begun();
        give(&mut tls, &retry(&flight, group));
        let error = tls.poll_now().unwrap_err();
        assert_eq!(error.alert(), Some(AlertDescription::ILLEGAL_PARAMETER), "{group}: {error}");
    }
}

#[test]
fn a_server_asks_once() {
    let ca = Authority::new("CA");
    let client = ca.client(groups(&[NamedGroup::X25519, NamedGroup::SECP384R1])).grease(false).build().unwrap();
    let server = ca.server(groups(&[NamedGroup::SECP384R1])).build().unwrap();
    let (mut client, _) = connections(&client, &server);
    client.poll_now().unwrap();
    let flight = client.output().split();
    let mut tls = Connection::server(server);
    give(&mut tls, &flight);
    tls.poll_now().unwrap();
    assert!(tls.has_output(), "the request");
    tls.output().clear();
    // The same hello once more, which has no better share.
    give(&mut tls, &flight);
    let error = tls.poll_now().unwrap_err();
    assert!(
        matches!(error, Error::Misbehaved(Misbehaviour::BadKeyShares | Misbehaviour::ChangedAfterRetry)),
        "{error}"
    );
    assert_eq!(error.alert(), Some(AlertDescription::ILLEGAL_PARAMETER));
}

/// A server takes a share that came, unless its policy has better groups for which it asks.
#[test]
fn groups_that_are_equally_good_are_the_clients_choice() {
    use NamedGroup as G;
    let ca = Authority::new("CA");
    let (p256, p384, x25519) = (G::SECP256R1, G::SECP384R1, G::X25519);
    let chosen = |server: Policy, client: &[NamedGroup], shares: &[NamedGroup]| {
        let client = ca.client(groups(client)).key_shares(shares).build().unwrap();
        let (client, server) = established(&client, &ca.server(server).build().unwrap());
        assert_eq!(client.session().unwrap().group(), server.session().unwrap().group());
        client.session().unwrap().group().unwrap()
    };
    let all = [p384, p256, x25519];
    let plain = groups(&[x25519, p256, p384]);
    assert_eq!(chosen(plain.clone(), &all, &[p384, p256]), p256);
    assert_eq!(chosen(plain, &all, &[]), x25519);
    // The order alone counts.
    let strict = tls13().with_ranked_groups(&[&[x25519], &[p256], &[p384]]);
    assert_eq!(strict.groups(), [x25519, p256, p384]);
    assert_eq!(chosen(strict.clone(), &all, &[p384, p256]), x25519);
    assert_eq!(chosen(strict, &all[..2], &[p384]), p256);
    // In a set a share counts first, and then the client's order.
    let equal = tls13().with_ranked_groups(&[&[x25519, p256], &[p384]]);
    assert_eq!(chosen(equal.clone(), &all, &[p384, p256, x25519]), p256);
    assert_eq!(chosen(equal.clone(), &all, &[x25519]), x25519);
    assert_eq!(chosen(equal.clone(), &all, &[p384]), p256);
    assert_eq!(chosen(equal.clone(), &[p384], &[p384]), p384);
    // Another list has other sets.
    assert_eq!(chosen(equal.with_groups(&[p384, x25519]), &all, &[p384, x25519]), p384);
}

/// There is no share to come before TLS 1.3.
#[test]
fn groups_that_are_equally_good_before_tls13() {
    use NamedGroup as G;
    let ca = Authority::new("CA");
    let chosen = |server: Policy, client: &[NamedGroup]| {
        let client = ca.client(classic(Policy::modern()).with_groups(client)).build().unwrap();
        let (client, _) = established(&client, &ca.server(classic(server)).build().unwrap());
        client.session().unwrap().group().unwrap()
    };
    let theirs = [G::SECP384R1, G::SECP256R1, G::X25519];
    assert_eq!(chosen(Policy::modern().with_groups(&[G::X25519, G::SECP256R1]), &theirs), G::X25519);
    let equal = Policy::modern().with_ranked_groups(&[&[G::X25519, G::SECP256R1], &[G::SECP384R1]]);
    assert_eq!(chosen(equal, &theirs), G::SECP256R1);
}

/// RFC 8446 D.4: for the eyes of whoever is on the way, after the server's first message, whether the client asks for it or not.
#[test]
fn a_server_sends_one_change_cipher_spec() {
    let ca = Authority::new("CA");
    for compatible in [true, false] {
        for retried in [true, false] {
            let groups = groups(&[NamedGroup::X25519, NamedGroup::SECP384R1]);
            let client = ca.client(groups).middlebox_compatibility(compatible).build().unwrap();
            let only = if retried { NamedGroup::SECP384R1 } else { NamedGroup::X25519 };
            let server = ca.server(tls13().with_groups(&[only])).build().unwrap();
            let (mut client, mut server) = connections(&client, &server);
            let mut types = Vec::new();
            let errors = exchange_with(&mut client, &mut server, |from, bytes| {
                let mut left = &bytes[..];
                while let [typ, _, _, high, low, rest @ ..] = left {
                    left = &rest[usize::from(u16::from_be_bytes([*high, *low]))..];
                    if from == Role::Server {
                        types.push(*typ);
                    }
                }
                bytes
            });
            assert!(matches!(errors, (None, None)), "{errors:?}");
            assert_eq!(types[..2], [22, 20], "{types:?}");
            assert!(!types[2..].contains(&20), "{types:?}");
        }
    }
}
