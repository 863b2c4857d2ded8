//! Verifying RSA signatures that ring refuses (RFC 8017 8.1, 8.2): by keys below 2048 bits, and over MD5 and SHA-1 together.
//!
//! Which keys are long enough is the policy's matter.

use clasp_wire::SignatureScheme;
use rsa::pkcs1::RsaPublicKeyRef;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, Pkcs1v15Sign, Pss, PublicKey};
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// Keys shorter than this are not ring's, bits.
const RING: u32 = 2048;

/// The sizes taken, bits. The longest is ring's too.
const SIZES: core::ops::RangeInclusive<usize> = 512..=8192;

/// One scheme, for keys of any size from 512 bits on.
#[derive(Debug)]
pub(crate) struct AnySize {
    scheme: SignatureScheme,
    /// For the keys it takes.
    ring: Option<&'static dyn SignatureVerificationAlgorithm>,
}

macro_rules! any_size {
    ($($name:ident: $scheme:ident $ring:expr;)*) => {
        $(pub(crate) static $name: AnySize = AnySize { scheme: SignatureScheme::$scheme, ring: $ring };)*
    };
}

any_size! {
    VERIFY_ANY_RSA_PKCS1_SHA1: RSA_PKCS1_SHA1 Some(&crate::ring_provider::VERIFY_RSA_PKCS1_SHA1);
    VERIFY_ANY_RSA_PKCS1_SHA256: RSA_PKCS1_SHA256 Some(&crate::ring_provider::VERIFY_RSA_PKCS1_SHA256);
    VERIFY_ANY_RSA_PKCS1_SHA384: RSA_PKCS1_SHA384 Some(&crate::ring_provider::VERIFY_RSA_PKCS1_SHA384);
    VERIFY_ANY_RSA_PKCS1_SHA512: RSA_PKCS1_SHA512 Some(&crate::ring_provider::VERIFY_RSA_PKCS1_SHA512);
    VERIFY_ANY_RSA_PSS_SHA256: RSA_PSS_RSAE_SHA256 Some(&crate::ring_provider::VERIFY_RSA_PSS_SHA256);
    VERIFY_ANY_RSA_PSS_SHA384: RSA_PSS_RSAE_SHA384 Some(&crate::ring_provider::VERIFY_RSA_PSS_SHA384);
    VERIFY_ANY_RSA_PSS_SHA512: RSA_PSS_RSAE_SHA512 Some(&crate::ring_provider::VERIFY_RSA_PSS_SHA512);
    VERIFY_RSA_PKCS1_MD5_SHA1: RSA_PKCS1_MD5_SHA1 None;
}

impl SignatureVerificationAlgorithm for AnySize {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = read(public_key).ok_or(InvalidSignature)?;
        match self.ring {
            Some(ring) if key.n().as_ref().bit_width() >= RING => ring.verify_signature(public_key, message, signature),
            _ => verify(&key, self.scheme, message, signature).ok_or(InvalidSignature),
        }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        // MD5 and SHA-1 together stand in no certificate.
        self.ring.map_or(alg_id::RSA_ENCRYPTION, SignatureVerificationAlgorithm::signature_alg_id)
    }
}

/// Reads an RSAPublicKey (RFC 8017 A.1.1).
fn read(der: &[u8]) -> Option<PublicKey> {
    let key = RsaPublicKeyRef::try_from(der).ok()?;
    let number = |bytes| BoxedUint::from_be_slice_vartime(bytes);
    PublicKey::new_with_size_limits(number(key.modulus.as_bytes()), number(key.public_exponent.as_bytes()), SIZES).ok()
}

fn verify(key: &PublicKey, scheme: SignatureScheme, message: &[u8], signature: &[u8]) -> Option<()> {
    match scheme {
        SignatureScheme::RSA_PKCS1_MD5_SHA1 if message.len() == 36 => {
            key.verify(Pkcs1v15Sign::new_unprefixed(), message, signature)
        }
        SignatureScheme::RSA_PKCS1_SHA1 => key.verify(Pkcs1v15Sign::new::<Sha1>(), &Sha1::digest(message), signature),
        SignatureScheme::RSA_PKCS1_SHA256 => {
            key.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message), signature)
        }
        SignatureScheme::RSA_PKCS1_SHA384 => {
            key.verify(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(message), signature)
        }
        SignatureScheme::RSA_PKCS1_SHA512 => {
            key.verify(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(message), signature)
        }
        SignatureScheme::RSA_PSS_RSAE_SHA256 => key.verify(Pss::<Sha256>::new(), &Sha256::digest(message), signature),
        SignatureScheme::RSA_PSS_RSAE_SHA384 => key.verify(Pss::<Sha384>::new(), &Sha384::digest(message), signature),
        SignatureScheme::RSA_PSS_RSAE_SHA512 => key.verify(Pss::<Sha512>::new(), &Sha512::digest(message), signature),
        _ => return None,
    }
    .ok()
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::PrivateKeyDer;
    use rustls_pki_types::pem::PemObject;

    use super::*;
    use crate::default_provider;

    #[test]
    fn what_a_key_of_1024_bits_signs_is_verified() {
        let pem = include_str!("../../test-data/rsa1024.pem");
        let provider = default_provider();
        let key = (provider.load_key)(&PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
        // Behind SPKI's header, algorithm and bit string header.
        let public = &key.public_key().to_vec()[22..];
        assert!(key.schemes().contains(&SignatureScheme::RSA_PKCS1_MD5_SHA1));
        for scheme in key.schemes() {
            let message = [7; 36];
            let signature = key.sign(*scheme, &message, provider.random).unwrap();
            let [verifier] = provider.verifier_for(*scheme).unwrap() else { panic!("{scheme}") };
            verifier.verify_signature(public, &message, &signature).unwrap();
            let mut other = message;
            other[35] ^= 1;
            assert!(verifier.verify_signature(public, &other, &signature).is_err(), "{scheme}");
        }
    }

    /// A key of 512 bits and its signature over `clasp`, by `openssl genrsa 512` and `openssl dgst -sha1 -sign`.
    #[test]
    fn what_a_key_of_512_bits_signs_is_verified_and_a_shorter_one_is_refused() {
        let bytes = |hex: &str| -> Vec<u8> {
            hex.as_bytes()
                .chunks(2)
                .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
                .collect()
        };
        let public = bytes(concat!(
            "3048024100ab0688c45877e1c14bc36e19fd119270ed95b2cb227edf59857e9a78fd260606d23a90c3f647847a",
            "92baa5975b2e8ff978cc122515b537f90aaeb1d14c5418610203010001",
        ));
        let signature = bytes(concat!(
            "5bd8fbe04b188e68df8f17d8c631668bacd57269d90cb909d4e3ce35605d23643a207e0387a8743ea152d8e0b9",
            "6eb9108c77cef92f6736075b160e86172e356e",
        ));
        VERIFY_ANY_RSA_PKCS1_SHA1.verify_signature(&public, b"clasp", &signature).unwrap();
        assert!(VERIFY_ANY_RSA_PKCS1_SHA1.verify_signature(&public, b"clasq", &signature).is_err());
        assert!(VERIFY_ANY_RSA_PKCS1_SHA256.verify_signature(&public, b"clasp", &signature).is_err());
        assert!(read(&public).is_some());
        // The modulus a bit shorter: its top octet is ab.
        let mut shorter = public;
        shorter[5] = 0x7b;
        assert!(read(&shorter).is_none());
    }
}
