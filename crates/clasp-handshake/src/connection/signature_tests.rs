//! Signatures that somebody on the way altered, or what they cover (RFC 5246 7.4.3, 7.4.8).
//!
//! Finished covers the same messages, so each test wants the error that only the signature gives, before any Finished.

use std::ops::Range;
use std::sync::Arc;

use clasp_cert::Identity;
use clasp_wire::{AlertDescription, CipherSuite, HandshakeType, ProtocolVersion, SignatureScheme};

use crate::testing::{Authority, NAME, connections, established, exchange_with, message_at};
use crate::{ClientConfig, Error, Misbehaviour, Policy, Role, ServerConfig};

const TLS12: ProtocolVersion = ProtocolVersion::TLS_1_2;
const ECDHE_RSA: CipherSuite = CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
const ECDHE_ECDSA: CipherSuite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
const DHE_RSA: CipherSuite = CipherSuite::TLS_DHE_RSA_WITH_AES_128_GCM_SHA256;
const RSA: CipherSuite = CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256;

/// The widest policy of this crate, for one version and one suite.
fn only(version: ProtocolVersion, suite: CipherSuite) -> Policy {
    #[cfg(feature = "legacy")]
    let policy = Policy::legacy();
    #[cfg(not(feature = "legacy"))]
    let policy = Policy::compatible();
    policy.with_versions(version, version).with_cipher_suites(&[suite])
}

/// A signed message taken apart: places in it, its header included.
struct Places {
    /// What of the message is signed, each field by itself.
    fields: Vec<Range<usize>>,
    /// The scheme's code point, where the version has it.
    scheme: Option<usize>,
    signature: Range<usize>,
}

impl Places {
    /// `signed_at`: where the digitally-signed struct begins.
    fn new(message: &[u8], fields: Vec<Range<usize>>, signed_at: usize, version: ProtocolVersion) -> Self {
        let scheme = (version == TLS12).then_some(signed_at);
        let signature = signed_at + scheme.map_or(2, |_| 4)..message.len();
        assert_eq!(vector(message, signature.start - 2), signature);
        Self { fields, scheme, signature }
    }

    fn of_key_exchange(message: &[u8], suite: CipherSuite, version: ProtocolVersion) -> Self {
        let fields: Vec<_> = if suite.to_string().contains("ECDHE") {
            let public = 8..8 + usize::from(message[7]);
            // The group's name, then the public value.
            vec![5..7, public]
        } else {
            let p = vector(message, 4);
            let g = vector(message, p.end);
            let public = vector(message, g.end);
            vec![p, g, public]
        };
        let end = fields.last().unwrap().end;
        Self::new(message, fields, end, version)
    }

    fn of_certificate_verify(message: &[u8], version: ProtocolVersion) -> Self {
        Self::new(message, Vec::new(), 4, version)
    }

    /// Bits to flip, as place and mask: of the signature, its first, some in the middle, its last; of each field, the lowest
    /// bit of its last byte and one in its middle.
    fn bits(&self) -> Vec<(usize, u8)> {
        let Range { start, end } = self.signature;
        let middle = |range: &Range<usize>| range.start + range.len() / 2;
        let mut bits = vec![(start, 0x80), (start + 5, 1), (middle(&self.signature), 0x10), (end - 1, 1)];
        bits.extend(self.fields.iter().flat_map(|field| [(field.end - 1, 1), (middle(field), 4)]));
        bits
    }
}

/// The content of a vector with a length of two bytes.
fn vector(message: &[u8], at: usize) -> Range<usize> {
    at + 2..at + 2 + usize::from(u16::from_be_bytes([message[at], message[at + 1]]))
}

/// A handshake with somebody between, who changes the one message of this type that `role` sends.
fn altered(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    role: Role,
    typ: HandshakeType,
    alter: &mut dyn FnMut(&mut [u8]),
) -> (Option<Error>, Option<Error>) {
    let (mut client, mut server) = connections(client, server);
    let mut seen = 0;
    let errors = exchange_with(&mut client, &mut server, |from, mut bytes| {
        if from == role
            && let Some(message) = message_at(&bytes, typ)
        {
            alter(&mut bytes[message]);
            seen += 1;
        }
        bytes
    });
    assert_eq!(seen, 1, "{typ} of {role:?}");
    errors
}

/// `first` is the side that sees it, and says so by `alert`; the other one is told.
fn refused(first: Option<&Error>, other: Option<&Error>, what: Misbehaviour, alert: AlertDescription, case: &str) {
    assert!(matches!(first, Some(Error::Misbehaved(found)) if *found == what), "{case}: {first:?}");
    assert_eq!(first.and_then(Error::alert), Some(alert));
    assert!(matches!(other, Some(Error::AlertReceived(told)) if told.alert == alert), "{case}: {other:?}");
}

fn bad_signature(first: Option<&Error>, other: Option<&Error>, case: &str) {
    refused(first, other, Misbehaviour::BadSignature, AlertDescription::DECRYPT_ERROR, case);
}

/// Every kind of signed key exchange of a version, with an identity for it.
fn exchanges(ca: &Authority, version: ProtocolVersion) -> Vec<(CipherSuite, Identity)> {
    if version == TLS12 {
        return vec![
            (ECDHE_RSA, ca.rsa(NAME)),
            (DHE_RSA, ca.rsa(NAME)),
            (ECDHE_ECDSA, ca.ecdsa(NAME)),
            (ECDHE_ECDSA, ca.ed25519(NAME)),
        ];
    }
    vec![
        (CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, ca.rsa(NAME)),
        (CipherSuite::TLS_DHE_RSA_WITH_AES_128_CBC_SHA, ca.rsa(NAME)),
        (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, ca.ecdsa(NAME)),
    ]
}

fn versions() -> Vec<ProtocolVersion> {
    let mut versions = vec![TLS12];
    if cfg!(feature = "legacy") {
        versions.extend([ProtocolVersion::TLS_1_1, ProtocolVersion::TLS_1_0]);
    }
    versions
}

#[test]
fn an_altered_server_key_exchange_is_refused() {
    let ca = Authority::new("CA");
    for version in versions() {
        for (suite, identity) in exchanges(&ca, version) {
            let client = ca.client(only(version, suite)).without_resumption().build().unwrap();
            let server = ServerConfig::builder(only(version, suite)).identity(identity).build().unwrap();
            established(&client, &server);
            let mut count = usize::MAX;
            let mut next = 0;
            while next < count {
                let errors =
                    altered(&client, &server, Role::Server, HandshakeType::SERVER_KEY_EXCHANGE, &mut |message| {
                        let bits = Places::of_key_exchange(message, suite, version).bits();
                        count = bits.len();
                        message[bits[next].0] ^= bits[next].1;
                    });
                bad_signature(errors.0.as_ref(), errors.1.as_ref(), &format!("{version} {suite} {next}"));
                next += 1;
            }
            assert!(count >= 8, "{count}");

            // The randoms are signed too.
            let errors = altered(&client, &server, Role::Server, HandshakeType::SERVER_HELLO, &mut |hello| {
                hello[4 + 2 + 16] ^= 1;
            });
            bad_signature(errors.0.as_ref(), errors.1.as_ref(), &format!("{version} {suite} server random"));
            let errors = altered(&client, &server, Role::Client, HandshakeType::CLIENT_HELLO, &mut |hello| {
                hello[4 + 2 + 16] ^= 1;
            });
            bad_signature(errors.0.as_ref(), errors.1.as_ref(), &format!("{version} {suite} client random"));
        }
    }
}

/// Schemes that a signature by a key of this suite's kind could also name, of the policy and not of it.
fn other_schemes(scheme: SignatureScheme) -> [(SignatureScheme, Misbehaviour, AlertDescription); 4] {
    let bad = (Misbehaviour::BadSignature, AlertDescription::DECRYPT_ERROR);
    let unasked = (Misbehaviour::SchemeNotOffered, AlertDescription::ILLEGAL_PARAMETER);
    let [same_key, other_key] = match scheme {
        SignatureScheme::RSA_PSS_RSAE_SHA256 => {
            [SignatureScheme::RSA_PKCS1_SHA256, SignatureScheme::ECDSA_SECP256R1_SHA256]
        }
        SignatureScheme::ECDSA_SECP256R1_SHA256 => {
            [SignatureScheme::ECDSA_SECP384R1_SHA384, SignatureScheme::RSA_PKCS1_SHA256]
        }
        SignatureScheme::ED25519 => [SignatureScheme::ECDSA_SECP256R1_SHA256, SignatureScheme::RSA_PSS_RSAE_SHA256],
        other => panic!("{other}"),
    };
    // Ed448, and MD5 with RSA (SLOTH).
    let (ed448, md5) = (SignatureScheme(0x0808), SignatureScheme(0x0101));
    [(same_key, bad.0, bad.1), (other_key, bad.0, bad.1), (ed448, unasked.0, unasked.1), (md5, unasked.0, unasked.1)]
}

fn scheme_of(message: &[u8], at: usize) -> SignatureScheme {
    SignatureScheme(u16::from_be_bytes([message[at], message[at + 1]]))
}

#[test]
fn a_server_key_exchange_under_another_scheme_is_refused() {
    let ca = Authority::new("CA");
    for (suite, identity) in exchanges(&ca, TLS12) {
        let client = ca.client(only(TLS12, suite)).build().unwrap();
        let server = ServerConfig::builder(only(TLS12, suite)).identity(identity).build().unwrap();
        for nth in 0..4 {
            let mut expected = None;
            let errors = altered(&client, &server, Role::Server, HandshakeType::SERVER_KEY_EXCHANGE, &mut |message| {
                let at = Places::of_key_exchange(message, suite, TLS12).scheme.unwrap();
                let other = other_schemes(scheme_of(message, at))[nth];
                message[at..at + 2].copy_from_slice(&other.0.0.to_be_bytes());
                expected = Some(other);
            });
            let (scheme, what, alert) = expected.unwrap();
            refused(errors.0.as_ref(), errors.1.as_ref(), what, alert, &format!("{suite} {scheme}"));
        }
    }
}

/// A client with each kind of identity and a server that wants it, over RSA key exchange, which signs nothing itself.
fn authenticating(ca: &Authority, version: ProtocolVersion) -> Vec<(Arc<ClientConfig>, Arc<ServerConfig>)> {
    let suite = if version == TLS12 { RSA } else { CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA };
    let policy = || only(version, suite);
    let mut identities = vec![ca.rsa("client.example"), ca.ecdsa("client.example")];
    if version == TLS12 {
        identities.push(ca.ed25519("client.example"));
    }
    let client = |identity| ca.client(policy()).identity(identity).without_resumption().build().unwrap();
    let server = || ca.server(policy()).client_auth(ca.require_client()).build().unwrap();
    identities.into_iter().map(|identity| (client(identity), server())).collect()
}

#[test]
fn an_altered_certificate_verify_is_refused() {
    let ca = Authority::new("CA");
    for version in versions() {
        for (kind, (client, server)) in authenticating(&ca, version).into_iter().enumerate() {
            established(&client, &server);
            let mut count = usize::MAX;
            let mut next = 0;
            while next < count {
                let errors =
                    altered(&client, &server, Role::Client, HandshakeType::CERTIFICATE_VERIFY, &mut |message| {
                        let bits = Places::of_certificate_verify(message, version).bits();
                        count = bits.len();
                        message[bits[next].0] ^= bits[next].1;
                    });
                bad_signature(errors.1.as_ref(), errors.0.as_ref(), &format!("{version} {kind} {next}"));
                next += 1;
            }
            assert_eq!(count, 4);

            // All messages before are signed: here the hello, and the encrypted pre-master secret.
            let errors = altered(&client, &server, Role::Client, HandshakeType::CLIENT_HELLO, &mut |hello| {
                hello[4 + 2 + 16] ^= 1;
            });
            bad_signature(errors.1.as_ref(), errors.0.as_ref(), &format!("{version} {kind} client random"));
            let errors = altered(&client, &server, Role::Client, HandshakeType::CLIENT_KEY_EXCHANGE, &mut |message| {
                *message.last_mut().unwrap() ^= 1;
            });
            bad_signature(errors.1.as_ref(), errors.0.as_ref(), &format!("{version} {kind} ClientKeyExchange"));
        }
    }
}

#[test]
fn a_certificate_verify_under_another_scheme_is_refused() {
    let ca = Authority::new("CA");
    for (client, server) in authenticating(&ca, TLS12) {
        for nth in 0..4 {
            let mut expected = None;
            let errors = altered(&client, &server, Role::Client, HandshakeType::CERTIFICATE_VERIFY, &mut |message| {
                let at = Places::of_certificate_verify(message, TLS12).scheme.unwrap();
                let other = other_schemes(scheme_of(message, at))[nth];
                message[at..at + 2].copy_from_slice(&other.0.0.to_be_bytes());
                expected = Some(other);
            });
            let (scheme, what, alert) = expected.unwrap();
            refused(errors.1.as_ref(), errors.0.as_ref(), what, alert, &format!("{scheme}"));
        }
    }
}
