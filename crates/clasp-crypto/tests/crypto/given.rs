//! What the default table makes of the randomness it is given, and other libraries of their own: P-521 and ML-KEM.

use super::exchange::{CURVES, group};
#[cfg(feature = "post-quantum")]
use super::hybrid::HYBRIDS;
use super::signatures::{ECDSA, P521};
use super::*;
use clasp_crypto::{NamedGroup, SignatureScheme};
use rustls_pki_types::PrivateKeyDer;

/// P-521 takes its private key from the source it is given, so the RFC's own can be used.
#[test]
fn p521_with_the_rfcs_private_key() {
    let curve = &CURVES[2];
    let ours = group(curve.name).start(&Fixed(hex(curve.i))).unwrap();
    assert_eq!(ours.public_key(), hex(curve.gi));
    assert_eq!(ours.complete(&hex(curve.gr)).unwrap().as_bytes(), hex(curve.shared));
}

/// RFC 6979 A.2.7: nonces are made of key and message.
#[test]
fn p521_signs_as_the_rfc_has_it() {
    let key = (provider().load_key)(&PrivateKeyDer::Sec1(hex(P521).into())).unwrap();
    let signature = key.sign(SignatureScheme::ECDSA_SECP521R1_SHA512, b"sample", provider().random).unwrap();
    assert_eq!(signature, hex(ECDSA[2].1[3]));
}

#[test]
fn without_randomness_there_is_nothing() {
    assert_eq!(group(NamedGroup::SECP521R1).start(&Broken).err(), Some(CryptoError::Random));
    #[cfg(feature = "post-quantum")]
    for (name, ..) in HYBRIDS {
        assert_eq!(group(name).start(&Broken).err(), Some(CryptoError::Random));
        let client = group(name).start(provider().random).unwrap();
        assert_eq!(group(name).respond(client.public_key(), &Broken).err(), Some(CryptoError::Random));
    }
}
