//! What `SECURITY.md` promises against old attacks, seen from what passes between the two sides.

use std::collections::BTreeSet;

use crate::testing::{Authority, classic, connections, exchange_with, message_at};
use crate::{Error, Misbehaviour, Policy, Role};
use bytes::Bytes;
use clasp_record::RecordError;
use clasp_wire::{
    CipherSuite, ClientHello, ExtensionType, HandshakeMessage, HandshakeType, ProtocolVersion, ServerExtension,
    ServerHello,
};

const AEAD: CipherSuite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
const RSA: CipherSuite = CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA;

/// The body of a handshake message that stands in `flight`.
fn body(flight: &[u8], typ: HandshakeType) -> Option<Bytes> {
    message_at(flight, typ).map(|message| Bytes::copy_from_slice(&flight[message.start + 4..message.end]))
}

/// The same flight with another message at its beginning.
fn with_first(flight: &[u8], message: &[u8]) -> Vec<u8> {
    let first = 5 + usize::from(u16::from_be_bytes([flight[3], flight[4]]));
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    [&flight[..3], &length, message, &flight[first..]].concat()
}

/// Encrypt-then-MAC is for CBC alone: a server never answers it for another suite, in a full handshake or a resumed one, and a
/// client refuses a server that does (RFC 7366 3).
#[test]
fn encrypt_then_mac_is_not_answered_for_aead() {
    let ca = Authority::new("CA");
    let client = ca.client(Policy::compatible()).build().unwrap();
    let server = ca.server(Policy::compatible().with_cipher_suites(&[AEAD])).build().unwrap();
    for resumed in [false, true] {
        let (mut tls, mut other) = connections(&client, &server);
        let mut answered = None;
        let errors = exchange_with(&mut tls, &mut other, |role, bytes| {
            if role == Role::Client
                && let Some(hello) = body(&bytes, HandshakeType::CLIENT_HELLO)
            {
                assert!(ClientHello::parse_body(&hello).unwrap().has_encrypt_then_mac());
            }
            if role == Role::Server
                && let Some(hello) = body(&bytes, HandshakeType::SERVER_HELLO)
            {
                let hello = ServerHello::parse_body(&hello).unwrap();
                let mut extensions = hello.extensions.iter().flatten();
                answered = Some(extensions.any(|answer| answer.ext_type() == ExtensionType::ENCRYPT_THEN_MAC));
            }
            bytes
        });
        assert!(matches!(errors, (None, None)), "{errors:?}");
        assert_eq!(answered, Some(false));
        let session = tls.session().unwrap();
        assert_eq!((session.resumed(), session.encrypt_then_mac()), (resumed, false));
    }
    // Somebody answers it all the same: first in a resumed handshake, whose failure forgets the session, then in a full one.
    for resumed in [true, false] {
        let (mut tls, mut other) = connections(&client, &server);
        let mut seen = None;
        let errors = exchange_with(&mut tls, &mut other, |role, bytes| {
            let Some(hello) = body(&bytes, HandshakeType::SERVER_HELLO).filter(|_| role == Role::Server) else {
                return bytes;
            };
            seen = Some(body(&bytes, HandshakeType::CERTIFICATE).is_none());
            let mut hello = ServerHello::parse_body(&hello).unwrap();
            hello.extensions.get_or_insert_default().push(ServerExtension::EncryptThenMac);
            with_first(&bytes, &hello.encode())
        });
        assert_eq!(seen, Some(resumed));
        let Some(Error::Misbehaved(what)) = errors.0 else { panic!("{errors:?}") };
        assert_eq!(what, Misbehaviour::EncryptThenMacWithoutCbc);
    }
}

/// Raccoon, and forward secrecy: neither side uses a key for two handshakes.
#[test]
fn every_handshake_has_fresh_keys() {
    let ca = Authority::new("CA");
    for suite in [AEAD, CipherSuite::TLS_DHE_RSA_WITH_AES_128_GCM_SHA256] {
        let policy = Policy::compatible().with_cipher_suites(&[suite]);
        let client = ca.client(policy.clone()).without_resumption().build().unwrap();
        let server = ca.server(policy).build().unwrap();
        let mut values = BTreeSet::new();
        for _ in 0..3 {
            let (mut tls, mut other) = connections(&client, &server);
            let errors = exchange_with(&mut tls, &mut other, |_, bytes| {
                values.extend(body(&bytes, HandshakeType::CLIENT_KEY_EXCHANGE));
                // Up to the signature, which differs anyway, stand p, g and the value, or the curve and the value.
                if let Some(exchange) = body(&bytes, HandshakeType::SERVER_KEY_EXCHANGE) {
                    let vector = |at: usize| at + 2 + usize::from(u16::from_be_bytes([exchange[at], exchange[at + 1]]));
                    let end = if suite == AEAD { 4 + usize::from(exchange[3]) } else { vector(vector(vector(0))) };
                    values.insert(exchange.slice(..end));
                }
                bytes
            });
            assert!(matches!(errors, (None, None)), "{errors:?}");
        }
        assert_eq!(values.len(), 6, "{suite}");
    }
}

/// An RSA key exchange of this version, with somebody who changes the ciphertext. What the server says, and the error of its
/// own.
fn spoilt(version: ProtocolVersion, spoil: fn(&mut [u8])) -> (Vec<u8>, Error) {
    let ca = Authority::new("CA");
    let policy = widest().with_versions(version, version).with_cipher_suites(&[RSA]);
    let client = ca.client(policy.clone()).build().unwrap();
    let server = ca.server(policy).build().unwrap();
    let (mut tls, mut other) = connections(&client, &server);
    let mut said = Vec::new();
    let errors = exchange_with(&mut tls, &mut other, |role, mut bytes| {
        if role == Role::Client
            && let Some(exchange) = message_at(&bytes, HandshakeType::CLIENT_KEY_EXCHANGE)
        {
            spoil(&mut bytes[exchange.start + 6..exchange.end]);
        } else if role == Role::Server && message_at(&bytes, HandshakeType::SERVER_HELLO).is_none() {
            said.extend_from_slice(&bytes);
        }
        bytes
    });
    (said, errors.1.expect("an error"))
}

fn widest() -> Policy {
    #[cfg(feature = "legacy")]
    return Policy::legacy();
    #[cfg(not(feature = "legacy"))]
    Policy::compatible()
}

/// Bleichenbacher: whatever is wrong with the encrypted pre-master secret shows when the Finished comes, and in one way.
#[test]
fn a_bad_pre_master_secret_shows_at_finished_only() {
    let versions: Vec<_> = classic(widest()).versions().collect();
    for version in versions {
        let spoils: [fn(&mut [u8]); 5] = [
            |ciphertext| *ciphertext.last_mut().unwrap() ^= 1,
            |ciphertext| ciphertext[100] ^= 0x40,
            |ciphertext| ciphertext.fill(0),
            // No less than the modulus.
            |ciphertext| ciphertext.fill(0xff),
            |ciphertext| {
                ciphertext.fill(0);
                *ciphertext.last_mut().unwrap() = 1;
            },
        ];
        for (nth, spoil) in spoils.into_iter().enumerate() {
            let (said, error) = spoilt(version, spoil);
            assert!(matches!(error, Error::Record(RecordError::BadRecordMac)), "{version} {nth}: {error}");
            let [major, minor] = version.0.to_be_bytes();
            assert_eq!(said, [21, major, minor, 0, 2, 2, 20], "{version} {nth}");
        }
    }
}

/// And what takes its place is random: whoever could guess it would finish the handshake, and know.
#[test]
fn what_replaces_a_bad_pre_master_secret_is_not_known() {
    use clasp_keys::{Schedule as _, Tls12};

    let ca = Authority::new("CA");
    let policy = Policy::compatible().with_cipher_suites(&[RSA]).with_extended_master_secret(false);
    let log = std::sync::Arc::new(crate::testing::Secrets::default());
    let client = ca.client(policy.clone()).build().unwrap();
    let server = ca.server(policy).key_log(log.clone()).build().unwrap();
    let (mut tls, mut other) = connections(&client, &server);
    let (mut version, mut server_random) = ([0; 2], [0; 32]);
    let errors = exchange_with(&mut tls, &mut other, |_, mut bytes| {
        if let Some(hello) = body(&bytes, HandshakeType::SERVER_HELLO) {
            version.copy_from_slice(&hello[..2]);
            server_random.copy_from_slice(&hello[2..34]);
        }
        if let Some(exchange) = message_at(&bytes, HandshakeType::CLIENT_KEY_EXCHANGE) {
            bytes[exchange.end - 1] ^= 1;
        }
        bytes
    });
    assert!(errors.1.is_some());
    let secrets = log.0.lock().unwrap();
    let [(_, client_random, master)] = &secrets[..] else { panic!("{}", secrets.len()) };
    let schedule = Tls12::new(clasp_crypto::default_provider(), clasp_crypto::HashAlgorithm::Sha256).unwrap();
    for byte in 0..=u8::MAX {
        let mut guess = [byte; 48];
        for begins in [[byte; 2], version] {
            guess[..2].copy_from_slice(&begins);
            assert_ne!(schedule.master_secret(&guess, client_random, &server_random).as_bytes()[..], master[..]);
        }
    }
}

/// The pre-master secret begins with the version of the hello, so that a server sees when somebody lowered it
/// (RFC 5246 7.4.7.1).
#[cfg(feature = "legacy")]
#[test]
fn the_pre_master_secret_names_the_version_of_the_hello() {
    let ca = Authority::new("CA");
    let identity = ca.rsa(crate::testing::NAME);
    let policy = Policy::legacy().with_cipher_suites(&[RSA]);
    let oldest = policy.clone().with_versions(ProtocolVersion::TLS_1_0, ProtocolVersion::TLS_1_0);
    let newest = ProtocolVersion::TLS_1_2;
    let client = ca.client(policy.with_versions(ProtocolVersion::TLS_1_0, newest)).build().unwrap();
    let server = crate::ServerConfig::builder(oldest).identity(identity.clone()).build().unwrap();
    let (mut tls, mut other) = connections(&client, &server);
    let mut ciphertext = None;
    let errors = exchange_with(&mut tls, &mut other, |_, bytes| {
        ciphertext = ciphertext.take().or_else(|| body(&bytes, HandshakeType::CLIENT_KEY_EXCHANGE));
        bytes
    });
    assert!(matches!(errors, (None, None)), "{errors:?}");
    assert_eq!(tls.session().unwrap().version(), ProtocolVersion::TLS_1_0);
    let ciphertext = ciphertext.unwrap().slice(2..);
    let begins_with = |version: ProtocolVersion| {
        let fallback = zeroize::Zeroizing::new([0; 48]);
        let kept = identity.key().decrypt_or_keep(&ciphertext, version.0.to_be_bytes(), fallback).try_take();
        *kept.unwrap().unwrap() != [0; 48]
    };
    assert!(begins_with(newest) && !begins_with(ProtocolVersion::TLS_1_0));
}
