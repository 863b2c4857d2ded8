//! Verifying RSA signatures that ring refuses (RFC 8017 8.1, 8.2): by keys below 2048 bits, and over MD5 and SHA-1 together.
//!
//! Which keys are long enough is the policy's matter.

use clasp_wire::SignatureScheme;
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, Pss, PublicKey};
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::rsa::public_key;

/// Keys shorter than this are not for the faster verifier, bits.
const FASTER: u32 = 2048;

/// One RSA scheme, for keys of any size from 512 bits on.
#[derive(Debug)]
pub struct AnySize {
    scheme: SignatureScheme,
    /// For the keys it takes.
    faster: Option<&'static dyn SignatureVerificationAlgorithm>,
}

impl AnySize {
    /// Keys of 2048 bits and more are left to `faster`, which verifies the same scheme; those below are RustCrypto's. `scheme` is
    /// one of PKCS#1 v1.5 or of RSASSA-PSS with a key of rsaEncryption: with another one nothing below 2048 bits verifies.
    pub const fn new(scheme: SignatureScheme, faster: &'static dyn SignatureVerificationAlgorithm) -> Self {
        Self { scheme, faster: Some(faster) }
    }
}

macro_rules! any_size {
    ($($name:ident: $scheme:ident $ring:ident;)*) => {
        $(pub(crate) static $name: AnySize = AnySize::new(SignatureScheme::$scheme, &crate::ring_provider::$ring);)*
    };
}

any_size! {
    VERIFY_ANY_RSA_PKCS1_SHA1: RSA_PKCS1_SHA1 VERIFY_RSA_PKCS1_SHA1;
    VERIFY_ANY_RSA_PKCS1_SHA256: RSA_PKCS1_SHA256 VERIFY_RSA_PKCS1_SHA256;
    VERIFY_ANY_RSA_PKCS1_SHA384: RSA_PKCS1_SHA384 VERIFY_RSA_PKCS1_SHA384;
    VERIFY_ANY_RSA_PKCS1_SHA512: RSA_PKCS1_SHA512 VERIFY_RSA_PKCS1_SHA512;
    VERIFY_ANY_RSA_PSS_SHA256: RSA_PSS_RSAE_SHA256 VERIFY_RSA_PSS_SHA256;
    VERIFY_ANY_RSA_PSS_SHA384: RSA_PSS_RSAE_SHA384 VERIFY_RSA_PSS_SHA384;
    VERIFY_ANY_RSA_PSS_SHA512: RSA_PSS_RSAE_SHA512 VERIFY_RSA_PSS_SHA512;
}

pub(crate) static VERIFY_RSA_PKCS1_MD5_SHA1: AnySize =
    AnySize { scheme: SignatureScheme::RSA_PKCS1_MD5_SHA1, faster: None };

impl SignatureVerificationAlgorithm for AnySize {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        // Preparing a key takes longer than the other takes to verify, so that is only done where it has said no.
        if self.faster.is_some_and(|faster| faster.verify_signature(key, message, signature).is_ok()) {
            return Ok(());
        }
        let parsed = public_key(key).ok_or(InvalidSignature)?;
        if self.faster.is_some() && parsed.n().as_ref().bit_width() >= FASTER {
            return Err(InvalidSignature);
        }
        verify(&parsed, self.scheme, message, signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        // MD5 and SHA-1 together stand in no certificate.
        self.faster.map_or(alg_id::RSA_ENCRYPTION, SignatureVerificationAlgorithm::signature_alg_id)
    }
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
    fn what_short_keys_sign_is_verified_and_what_they_encrypt_to_is_decrypted() {
        let provider = default_provider();
        for (pem, header, schemes) in [
            (include_str!("../../test-data/rsa1024.pem"), 22, 7),
            // There is no room for the longer hashes in 512 bits.
            (include_str!("../../test-data/rsa512.pem"), 20, 3),
        ] {
            let key = (provider.load_key)(&PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
            let spki = key.public_key().to_vec();
            // Behind SPKI's header, algorithm and bit string header.
            let public = &spki[header..];
            assert_eq!(key.schemes().len(), schemes);
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
            let sealed = (provider.rsa_encrypt)(&spki, &[3; 48], provider.random).unwrap();
            let mut out = [0; 48];
            key.rsa_decrypter().unwrap().decrypt_or_keep(&sealed, &[3, 3], &mut out, provider.random).unwrap();
            assert_eq!(out, [3; 48]);
        }
    }
}
