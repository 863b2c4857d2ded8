//! Tests of what an application may have otherwise in its hello: key shares, equal suites, order, length (RFC 8446 4.1.2,
//! 4.2.8, RFC 7685).

use std::sync::Arc;

use bytes::Bytes;
use clasp_keys::Transcript;
use clasp_wire::{
    AlertDescription, CipherSuite, ClientExtension, ClientHello, EncryptedExtensions, HandshakeMessage as _,
    HandshakeType, NamedGroup, RawHandshake, ServerExtension, ServerHello, UnknownExtension,
};

use crate::peer::Front;
use crate::testing::{Authority, NAME, classic, connections, each, established, exchange, is_tls13, message_at, tls13};
use crate::{ClientConfig, Connection, Error, Misbehaviour, Policy, ServerConfig};

/// The groups of the shares in the client's first hello.
fn shares(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Vec<NamedGroup> {
    let (mut tls, _) = connections(client, server);
    tls.poll_now().unwrap();
    let flight = tls.output().split().freeze();
    let hello = message_at(&flight, HandshakeType::CLIENT_HELLO).unwrap();
    let hello = ClientHello::parse_body(&flight.slice(hello.start + 4..hello.end)).unwrap();
    hello.key_shares().unwrap().iter().map(|share| share.group).collect()
}

#[test]
fn key_shares_are_sent_in_the_groups_that_are_named() {
    const GROUPS: [NamedGroup; 3] = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];
    let ca = Authority::new("CA");
    let server = ca.server(tls13().with_groups(&[NamedGroup::X25519])).build().unwrap();
    let client = |shares: &[NamedGroup]| {
        ca.client(tls13().with_groups(&GROUPS)).grease(false).key_shares(shares).build().unwrap()
    };
    let (x25519, p256, p384) = (GROUPS[0], GROUPS[1], GROUPS[2]);
    // In the policy's order, and in none that it has not.
    for (named, sent) in [
        (&[x25519][..], &[x25519][..]),
        (&[p384, x25519], &[x25519, p384]),
        (&[p256, NamedGroup::SECP521R1], &[p256]),
        (&[], &[]),
    ] {
        let client = client(named);
        assert_eq!(shares(&client, &server), sent);
        // By another hello, where there is none in the server's group (RFC 8446 4.1.4).
        let (client, _) = established(&client, &server);
        assert_eq!(client.session().unwrap().group(), Some(x25519));
    }
    // Unless told, in the first.
    let usual = ca.client(tls13().with_groups(&GROUPS)).grease(false).build().unwrap();
    assert_eq!(shares(&usual, &server), [x25519]);
}

#[cfg(feature = "post-quantum")]
#[test]
fn a_hybrids_half_is_sent_once() {
    let ca = Authority::new("CA");
    let server = ca.server(tls13()).build().unwrap();
    let (hybrid, x25519, p256) = (NamedGroup::X25519MLKEM768, NamedGroup::X25519, NamedGroup::SECP256R1);
    for groups in [[hybrid, x25519, p256], [x25519, hybrid, p256], [hybrid, p256, x25519]] {
        let client = |shares: &[NamedGroup]| {
            ca.client(tls13().with_groups(&groups)).grease(false).key_shares(shares).build().unwrap()
        };
        let all = client(&groups);
        assert_eq!(shares(&all, &server), groups, "in their order, each once");
        for group in groups {
            let server = ca.server(tls13().with_groups(&[group])).build().unwrap();
            assert_eq!(established(&all, &server).0.session().unwrap().group(), Some(group));
        }
        assert_eq!(shares(&client(&[hybrid]), &server), [hybrid], "its half was not named");
    }
}

/// A hello has room for 32,767 suites, and each that is looked at may cost a look at each group and identity.
#[test]
fn a_suite_that_is_named_often_is_looked_at_once() {
    use CipherSuite as S;
    let suites = [S::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, S::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384];
    let offered = [suites[1], suites[0]].repeat(16_000);
    for policy in [Policy::modern(), Policy::modern().with_equal_cipher_suites(&[&suites])] {
        for client_order in [false, true] {
            let common: Vec<_> = policy.common_suites(&offered, client_order).map(|suite| suite.id).collect();
            assert_eq!(common.len(), 2, "{client_order}");
        }
    }
}

#[test]
fn among_equal_suites_the_client_chooses() {
    use CipherSuite as S;
    let ca = Authority::new("CA");
    let (best, gcm, chacha) = (
        S::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        S::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        S::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    );
    let equal = classic(Policy::modern()).with_equal_cipher_suites(&[&[best], &[gcm, chacha]]);
    assert_eq!(equal.suites().iter().map(|suite| suite.id).collect::<Vec<_>>(), [best, gcm, chacha]);
    let (aes256, chacha13) = (S::TLS_AES_256_GCM_SHA384, S::TLS_CHACHA20_POLY1305_SHA256);
    let equal13 = tls13().with_equal_cipher_suites(&[&[S::TLS_AES_128_GCM_SHA256], &[aes256, chacha13]]);
    for (policy, equal, [best, gcm, chacha]) in [
        (classic(Policy::modern()), equal, [best, gcm, chacha]),
        (tls13(), equal13, [S::TLS_AES_128_GCM_SHA256, aes256, chacha13]),
    ] {
        let server = ca.server(equal.clone()).build().unwrap();
        let chosen = |offered: &[S], server| {
            let client = ca.client(policy.clone().with_cipher_suites(offered)).build().unwrap();
            established(&client, server).0.session().unwrap().cipher_suite()
        };
        assert_eq!(chosen(&[chacha, gcm], &server), chacha);
        assert_eq!(chosen(&[gcm, chacha], &server), gcm);
        assert_eq!(chosen(&[chacha, gcm, best], &server), best);
        assert_eq!(chosen(&[chacha], &server), chacha);
        let strict = ca.server(equal.clone().with_cipher_suites(&[best, gcm, chacha])).build().unwrap();
        assert_eq!(chosen(&[chacha, gcm], &strict), gcm);
        let lenient = ca.server(equal).prefer_client_order(true).build().unwrap();
        assert_eq!(chosen(&[chacha, gcm, best], &lenient), chacha);
    }
}

/// The first hello of a client.
fn first_hello(client: &Arc<ClientConfig>, name: &str) -> (usize, ClientHello) {
    let mut tls = Connection::client(Arc::clone(client), name.to_owned().try_into().unwrap());
    tls.poll_now().unwrap();
    let flight = tls.output().split().freeze();
    let hello = message_at(&flight, HandshakeType::CLIENT_HELLO).unwrap();
    (hello.len(), ClientHello::parse_body(&flight.slice(hello.start + 4..hello.end)).unwrap())
}

/// RFC 7685 4.
#[test]
fn no_hello_has_256_to_511_bytes() {
    let ca = Authority::new("CA");
    let groups = [NamedGroup::X25519, NamedGroup::SECP256R1];
    let (mut padded, mut plain) = (0, 0);
    for policy in each(&Policy::modern().with_groups(&groups)) {
        let client = ca.client(policy).grease(false).build().unwrap();
        // Names of many lengths, so that hellos of many lengths come about.
        for length in (1..240).step_by(7) {
            let label = "a".repeat(50);
            let name: String = [&label[..]].repeat(4).concat().chars().take(length).collect();
            let name: Vec<_> = name.as_bytes().chunks(50).map(|part| std::str::from_utf8(part).unwrap()).collect();
            let (bytes, hello) = first_hello(&client, &(name.join(".") + ".example"));
            assert!(!(256..512).contains(&bytes), "{bytes}");
            let is_padding = |extension: &ClientExtension| matches!(extension, ClientExtension::Padding(_));
            if hello.extensions.unwrap().iter().any(is_padding) {
                // One that would be empty takes a byte more.
                assert!((512..=516).contains(&bytes), "{bytes}");
                padded += 1;
            } else {
                plain += 1;
            }
        }
    }
    assert!(padded > 20 && plain > 0, "{padded} {plain}");
}

#[test]
fn extensions_may_stand_in_another_order_each_time() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let server = ca.server(policy.clone()).build().unwrap();
        for on in [false, true] {
            let client = ca.client(policy.clone()).grease(false).permute_extensions(on).build().unwrap();
            let order = || {
                let extensions = first_hello(&client, "server.example").1.extensions.unwrap();
                extensions.iter().map(ClientExtension::ext_type).collect::<Vec<_>>()
            };
            let orders: std::collections::BTreeSet<_> = (0..8).map(|_| format!("{:?}", order())).collect();
            assert_eq!(orders.len() > 4, on, "{orders:?}");
            let (mut first, mut second) = (order(), order());
            first.sort_by_key(|typ| typ.0);
            second.sort_by_key(|typ| typ.0);
            assert_eq!(first, second, "the same ones");
            // Also with a key, which comes last, and where another hello is asked for.
            for resumed in [false, true, true] {
                let (client, _) = established(&client, &server);
                assert_eq!(client.session().unwrap().resumed(), resumed);
            }
            if is_tls13(&policy) {
                let narrow = ca.server(policy.clone().with_groups(&[NamedGroup::SECP384R1])).build().unwrap();
                established(&client, &narrow);
            }
        }
    }
}

/// A server that answers, in one of its messages, the first extension of a hello that means nothing.
struct AnswersGrease {
    place: HandshakeType,
    retries: bool,
    asked: Option<UnknownExtension>,
}

impl Front for AnswersGrease {
    fn receives(&mut self, raw: RawHandshake) -> Result<RawHandshake, Error> {
        let hello = raw.parse::<ClientHello>()?;
        self.asked = hello.extensions.into_iter().flatten().find_map(|extension| match extension {
            ClientExtension::Unknown(unknown) if unknown.typ.is_grease() => Some(unknown),
            _ => None,
        });
        Ok(raw)
    }

    fn sends(&mut self, _: &Transcript, raw: Bytes) -> Bytes {
        let typ = HandshakeType(raw[0]);
        if typ != self.place {
            return raw;
        }
        let answer = self.asked.clone().map(ServerExtension::Unknown);
        if typ == HandshakeType::ENCRYPTED_EXTENSIONS {
            let mut message = EncryptedExtensions::parse_body(&raw.slice(4..)).unwrap();
            message.extensions.extend(answer);
            return message.encode();
        }
        let mut hello = ServerHello::parse_body(&raw.slice(4..)).unwrap();
        if hello.is_hello_retry_request() == self.retries {
            hello.extensions.get_or_insert_default().extend(answer);
        }
        hello.encode()
    }
}

/// RFC 8701 3.1: what is sent so that servers pass over it is nothing that they may answer.
#[test]
fn grease_is_not_answered() {
    let ca = Authority::new("CA");
    let (hello, encrypted) = (HandshakeType::SERVER_HELLO, HandshakeType::ENCRYPTED_EXTENSIONS);
    let later = || tls13().with_groups(&[NamedGroup::SECP384R1]);
    for (policy, place, retries) in [
        (classic(Policy::modern()), hello, false),
        (tls13(), hello, false),
        (tls13(), encrypted, false),
        (later(), hello, true),
        (later(), encrypted, false),
    ] {
        let client = ca.client(Policy::modern()).build().unwrap();
        let front = AnswersGrease { place, retries, asked: None };
        let mut theirs = Connection::server_behind(ca.server(policy).build().unwrap(), Box::new(front));
        let mut ours = Connection::client(client, NAME.try_into().unwrap());
        let (error, _) = exchange(&mut ours, &mut theirs);
        let Some(error @ Error::Misbehaved(Misbehaviour::UnsolicitedExtension)) = error else {
            panic!("{place}, {retries}: {error:?}")
        };
        assert_eq!(error.alert(), Some(AlertDescription::UNSUPPORTED_EXTENSION));
    }
}
