//! ECDSA with curves and hashes that ring refuses (FIPS 186-5 6, RFC 6979): P-521, and SHA-1 and SHA-512 on any curve.

use clasp_wire::SignatureScheme;
use p256::ecdsa::signature::hazmat::{PrehashSigner as _, PrehashVerifier as _};
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use crate::traits::{CryptoError, KeyAlgorithm, SecureRandom};

/// An ECDSA private key.
pub(crate) trait EcdsaSigner: Send + Sync {
    fn algorithm(&self) -> KeyAlgorithm;
    /// The uncompressed point.
    fn public_key(&self) -> Vec<u8>;
    fn schemes(&self) -> &'static [SignatureScheme];
    /// Signs with a nonce made of key and message (RFC 6979).
    fn sign(&self, scheme: SignatureScheme, message: &[u8], random: &dyn SecureRandom) -> Result<Vec<u8>, CryptoError>;
}

/// The hash a scheme names, padded on the left to at least `least` bytes: the number that is signed stays the same, and the
/// library takes no shorter input than half the curve's width. Nor more than that is added: P-521's width is no whole
/// number of bytes, and for a nonce (RFC 6979 2.3.2) the last bits of an input that fills all its bytes are cut off, so that
/// two messages could come to share one.
fn prehash(scheme: SignatureScheme, message: &[u8], least: usize) -> Option<Vec<u8>> {
    Some(padded(
        &match scheme {
            SignatureScheme::ECDSA_SHA1 => Sha1::digest(message).to_vec(),
            SignatureScheme::ECDSA_SECP256R1_SHA256 => Sha256::digest(message).to_vec(),
            SignatureScheme::ECDSA_SECP384R1_SHA384 => Sha384::digest(message).to_vec(),
            SignatureScheme::ECDSA_SECP521R1_SHA512 => Sha512::digest(message).to_vec(),
            _ => return None,
        },
        least,
    ))
}

fn padded(hash: &[u8], least: usize) -> Vec<u8> {
    let mut out = vec![0; least.saturating_sub(hash.len())];
    out.extend_from_slice(hash);
    out
}

/// Half the curve's width, bytes.
const P256_LEAST: usize = 16;
const P384_LEAST: usize = 24;
const P521_LEAST: usize = 33;

macro_rules! signer {
    ($name:ident: $curve:ident $algorithm:ident $least:ident [$($scheme:ident)*]) => {
        struct $name($curve::ecdsa::SigningKey);

        impl EcdsaSigner for $name {
            fn algorithm(&self) -> KeyAlgorithm {
                KeyAlgorithm::$algorithm
            }

            fn public_key(&self) -> Vec<u8> {
                self.0.verifying_key().to_sec1_point(false).as_bytes().to_vec()
            }

            fn schemes(&self) -> &'static [SignatureScheme] {
                &[$(SignatureScheme::$scheme),*]
            }

            fn sign(
                &self,
                scheme: SignatureScheme,
                message: &[u8],
                _random: &dyn SecureRandom,
            ) -> Result<Vec<u8>, CryptoError> {
                let hash = prehash(scheme, message, $least).ok_or(CryptoError::Unsupported)?;
                let signature: $curve::ecdsa::Signature =
                    self.0.sign_prehash(&hash).map_err(|_| CryptoError::SigningFailed)?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
        }
    };
}

signer!(P256Signer: p256 EcdsaP256 P256_LEAST [ECDSA_SECP256R1_SHA256 ECDSA_SECP384R1_SHA384 ECDSA_SECP521R1_SHA512 ECDSA_SHA1]);
signer!(P384Signer: p384 EcdsaP384 P384_LEAST [ECDSA_SECP384R1_SHA384 ECDSA_SECP521R1_SHA512 ECDSA_SECP256R1_SHA256 ECDSA_SHA1]);
signer!(P521Signer: p521 EcdsaP521 P521_LEAST [ECDSA_SECP521R1_SHA512 ECDSA_SECP384R1_SHA384 ECDSA_SECP256R1_SHA256 ECDSA_SHA1]);

/// Loads a PKCS#8 key on one of the three curves.
pub(crate) fn ecdsa_from_pkcs8(der: &[u8]) -> Option<Box<dyn EcdsaSigner>> {
    if let Ok(key) = p256::SecretKey::from_pkcs8_der(der) {
        return Some(Box::new(P256Signer(key.into())));
    }
    if let Ok(key) = p384::SecretKey::from_pkcs8_der(der) {
        return Some(Box::new(P384Signer(key.into())));
    }
    p521::SecretKey::from_pkcs8_der(der).ok().map(|key| Box::new(P521Signer(key.into())) as Box<dyn EcdsaSigner>)
}

/// A key, and the same as DER PKCS#8.
type SignerAndPkcs8 = (Box<dyn EcdsaSigner>, Zeroizing<Vec<u8>>);

/// Loads a SEC1 key, and gives it as PKCS#8 too.
pub(crate) fn ecdsa_from_sec1(der: &[u8]) -> Option<SignerAndPkcs8> {
    macro_rules! try_curve {
        ($curve:ident $signer:ident) => {
            if let Ok(key) = $curve::SecretKey::from_sec1_der(der) {
                let pkcs8 = Zeroizing::new(key.to_pkcs8_der().ok()?.as_bytes().to_vec());
                return Some((Box::new($signer(key.into())), pkcs8));
            }
        };
    }
    try_curve!(p256 P256Signer);
    try_curve!(p384 P384Signer);
    try_curve!(p521 P521Signer);
    None
}

/// Takes a point, a message and a signature; `None` when it does not verify.
type Verify = fn(&[u8], &[u8], &[u8]) -> Option<()>;

/// Verifies with one curve and one hash.
#[derive(Debug)]
pub(crate) struct EcdsaVerifier {
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    verify: Verify,
}

impl SignatureVerificationAlgorithm for EcdsaVerifier {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        (self.verify)(public_key, message, signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

/// ecdsa-with-SHA1 (RFC 3279 2.2.3), as an AlgorithmIdentifier's content.
const ECDSA_SHA1: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01]);

macro_rules! verifier {
    ($name:ident: $curve:ident $key:ident $hash:ident $signature:expr, $least:ident) => {
        pub(crate) static $name: EcdsaVerifier = EcdsaVerifier {
            key: alg_id::$key,
            signature: $signature,
            verify: |key, message, signature| {
                let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
                let signature = $curve::ecdsa::Signature::from_der(signature).ok()?;
                key.verify_prehash(&padded(&$hash::digest(message), $least), &signature).ok()
            },
        };
    };
}

verifier!(VERIFY_ECDSA_P256_SHA512: p256 ECDSA_P256 Sha512 alg_id::ECDSA_SHA512, P256_LEAST);
verifier!(VERIFY_ECDSA_P384_SHA512: p384 ECDSA_P384 Sha512 alg_id::ECDSA_SHA512, P384_LEAST);
verifier!(VERIFY_ECDSA_P521_SHA256: p521 ECDSA_P521 Sha256 alg_id::ECDSA_SHA256, P521_LEAST);
verifier!(VERIFY_ECDSA_P521_SHA384: p521 ECDSA_P521 Sha384 alg_id::ECDSA_SHA384, P521_LEAST);
verifier!(VERIFY_ECDSA_P521_SHA512: p521 ECDSA_P521 Sha512 alg_id::ECDSA_SHA512, P521_LEAST);
verifier!(VERIFY_ECDSA_P256_SHA1: p256 ECDSA_P256 Sha1 ECDSA_SHA1, P256_LEAST);
verifier!(VERIFY_ECDSA_P384_SHA1: p384 ECDSA_P384 Sha1 ECDSA_SHA1, P384_LEAST);
verifier!(VERIFY_ECDSA_P521_SHA1: p521 ECDSA_P521 Sha1 ECDSA_SHA1, P521_LEAST);
