//! FREAK: a client that did not ask for an export suite takes no key of one. And what the temporary key must be.

use std::sync::Arc;

use clasp_cert::SoftwareKey;
use clasp_crypto::{CryptoError, Provider};
use clasp_handshake::{
    Authentication, ClientConfig, Error, Export, KeyExchange, Misbehaviour, Policy, Role, ServerConfig, Suite,
    TemporaryKey,
};
use clasp_insecure::{EXPORT40, SUITES, insecure};
use clasp_keys::{KeyBlock, KeyLengths, Schedule};
use clasp_record::RecordError;
use clasp_wire::{CipherSuite, ProtocolVersion};
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer};

use crate::pair::{Pair, client, message_at, only, server};
use crate::pki::{pki, rsa_key};

const TLS10: ProtocolVersion = ProtocolVersion::TLS_1_0;
const SOUND: CipherSuite = CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA;
const EXPORT: CipherSuite = CipherSuite::TLS_RSA_EXPORT_WITH_DES40_CBC_SHA;

/// Somebody between a client that offers only a sound suite and a server that has only an export suite, who makes each believe
/// that the other agrees.
fn freak(identity: &clasp_cert::Identity) -> (Option<Error>, Option<Error>) {
    let server = ServerConfig::builder(only(TLS10, EXPORT)).identity(identity.clone()).build().unwrap();
    Pair::new(&client(only(TLS10, SOUND)), &server).run_with(|role, mut bytes| {
        let (message, from, to) = if role == Role::Client { (1, SOUND, EXPORT) } else { (2, EXPORT, SOUND) };
        if let Some(hello) = message_at(&bytes, message) {
            // Behind header, version, random and an empty session ID; the client's list has a length before it.
            let at = hello.start + 4 + 2 + 32 + 1 + if role == Role::Client { 2 } else { 0 };
            assert_eq!(bytes[at..at + 2], from.0.to_be_bytes());
            bytes[at..at + 2].copy_from_slice(&to.0.to_be_bytes());
        }
        bytes
    })
}

#[test]
fn a_temporary_key_with_a_sound_suite_is_refused() {
    let errors = freak(&pki().rsa);
    let Some(Error::UnexpectedMessage { got, .. }) = errors.0 else { panic!("{errors:?}") };
    assert_eq!(got, "ServerKeyExchange");
}

#[test]
fn a_certificate_of_512_bits_with_a_sound_suite_is_refused() {
    let errors = freak(&pki().rsa512);
    assert!(matches!(errors.0, Some(Error::Misbehaved(Misbehaviour::KeyTooSmall))), "{errors:?}");
}

#[test]
fn a_server_uses_a_key_of_512_bits_for_export_suites_alone() {
    let config = ServerConfig::builder(insecure()).identity(pki().rsa512.clone()).build().unwrap();
    let pair = Pair::established(&client(insecure().with_versions(TLS10, TLS10)), &config);
    assert!(pair.server.session().unwrap().suite().export.is_some());

    let sound = insecure().with_cipher_suites(&[SOUND, CipherSuite::TLS_DHE_RSA_WITH_AES_128_CBC_SHA]);
    let errors = Pair::new(&client(sound), &config).run();
    assert!(matches!(errors.1, Some(Error::NoCommonGround(_))), "{errors:?}");
}

#[test]
fn no_policy_below_takes_such_a_key_or_offers_such_a_suite() {
    for policy in [Policy::modern(), Policy::compatible(), Policy::legacy()] {
        assert!(policy.suites().iter().all(|suite| suite.export.is_none()));
        assert!(policy.versions().all(|version| version > ProtocolVersion::SSL_3_0));
        let config = ServerConfig::builder(policy.clone()).identity(pki().rsa512.clone()).build().unwrap();
        let errors = Pair::new(&client(policy), &config).run();
        assert!(matches!(errors.1, Some(Error::NoCommonGround(_))), "{errors:?}");
    }
}

/// The rules of an export suite, but for the length of the temporary key.
#[derive(Debug)]
struct Longer;

impl Export for Longer {
    fn max_rsa_bits(&self) -> usize {
        512
    }

    fn temporary_key(&self, provider: &'static Provider) -> Result<TemporaryKey, CryptoError> {
        let key = rsa_key(768);
        let der = PrivatePkcs1KeyDer::from(key.to_pkcs1_der().unwrap().as_bytes().to_vec());
        Ok(TemporaryKey {
            modulus: key.n().to_be_bytes().to_vec(),
            exponent: key.e().to_be_bytes_trimmed_vartime().to_vec(),
            key: Arc::new(SoftwareKey::new(&PrivateKeyDer::Pkcs1(der), provider)?),
        })
    }

    fn encrypt(
        &self,
        provider: &Provider,
        modulus: &[u8],
        exponent: &[u8],
        secret: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        EXPORT40.encrypt(provider, modulus, exponent, secret)
    }

    fn block_lengths(&self, full: KeyLengths) -> KeyLengths {
        EXPORT40.block_lengths(full)
    }

    fn final_keys(
        &self,
        schedule: &dyn Schedule,
        block: &KeyBlock,
        full: KeyLengths,
        client_random: &[u8; 32],
        server_random: &[u8; 32],
    ) -> KeyBlock {
        EXPORT40.final_keys(schedule, block, full, client_random, server_random)
    }
}

#[test]
fn a_temporary_key_of_another_length_is_refused() {
    let row = SUITES.iter().find(|suite| suite.id == EXPORT).unwrap();
    let longer: &'static Suite = Box::leak(Box::new(Suite {
        id: EXPORT,
        key_exchange: KeyExchange::Rsa,
        authentication: Authentication::Rsa,
        bulk: row.bulk,
        prf: row.prf,
        versions: row.versions,
        strength: row.strength,
        export: Some(&Longer),
    }));
    let policy = Policy::legacy().renamed("test").and_cipher_suites([longer]).with_min_rsa_bits(512);
    let errors = Pair::new(&client(only(TLS10, EXPORT)), &server(policy.with_cipher_suites(&[EXPORT]))).run();
    assert!(matches!(errors.0, Some(Error::Misbehaved(Misbehaviour::BadTemporaryKey))), "{errors:?}");
}

#[test]
fn a_temporary_key_that_was_altered_or_exchanged_is_refused() {
    // The modulus, behind header and length; the signature, at the end.
    for at in [4 + 2 + 10, usize::MAX] {
        let errors =
            Pair::new(&client(only(TLS10, EXPORT)), &server(only(TLS10, EXPORT))).run_with(|role, mut bytes| {
                if role == Role::Server
                    && let Some(exchange) = message_at(&bytes, 12)
                {
                    let at = at.saturating_add(exchange.start).min(exchange.end - 1);
                    bytes[at] ^= 1;
                }
                bytes
            });
        assert!(matches!(errors.0, Some(Error::Misbehaved(Misbehaviour::BadSignature))), "{errors:?}");
    }
}

/// Bleichenbacher: nothing tells before the client's Finished that the pre-master secret was no good, in SSL 3.0, with a
/// certificate's key and with a temporary one.
#[test]
fn a_bad_pre_master_secret_shows_at_finished_only() {
    for (version, suite, identity) in [
        (ProtocolVersion::SSL_3_0, SOUND, &pki().rsa),
        (ProtocolVersion::SSL_3_0, EXPORT, &pki().rsa),
        (ProtocolVersion::SSL_3_0, EXPORT, &pki().rsa512),
        (TLS10, EXPORT, &pki().rsa),
    ] {
        let config = ServerConfig::builder(only(version, suite)).identity(identity.clone()).build().unwrap();
        let trusting = ClientConfig::builder(only(version, suite)).roots(pki().roots()).build().unwrap();
        let mut pair = Pair::new(&trusting, &config);
        let mut spoilt = false;
        let errors = pair.run_with(|role, mut bytes| {
            if role == Role::Client
                && let Some(exchange) = message_at(&bytes, 16)
            {
                bytes[exchange.end - 5] ^= 1;
                spoilt = true;
            }
            bytes
        });
        assert!(spoilt);
        assert!(matches!(errors.1, Some(Error::Record(RecordError::BadRecordMac))), "{version} {suite}: {errors:?}");
    }
}
