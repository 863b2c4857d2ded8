//! Private keys: RSA, ECDSA and Ed25519 signatures (RFC 8017, FIPS 186-5, RFC 8032).

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use clasp_crypto::{
    CryptoError, KeyAlgorithm, RsaDecrypter, SecureRandom, SignatureScheme, SigningKey, default_provider,
};
use rustls_pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};

/// A key with two signers: AWS-LC's, and the default table's for the schemes AWS-LC lacks and for decryption.
struct Key {
    signer: Signer,
    rest: Arc<dyn SigningKey>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.rest.algorithm()).finish_non_exhaustive()
    }
}

impl SigningKey for Key {
    fn algorithm(&self) -> KeyAlgorithm {
        self.rest.algorithm()
    }

    fn public_key(&self) -> SubjectPublicKeyInfoDer<'_> {
        self.rest.public_key()
    }

    fn schemes(&self) -> &[SignatureScheme] {
        self.rest.schemes()
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8], random: &dyn SecureRandom) -> Result<Vec<u8>, CryptoError> {
        match self.signer.sign(scheme, message) {
            Err(CryptoError::Unsupported) => self.rest.sign(scheme, message, random),
            signed => signed,
        }
    }

    fn rsa_decrypter(&self) -> Option<&dyn RsaDecrypter> {
        self.rest.rsa_decrypter()
    }
}

/// Loads a private key in PKCS#8, PKCS#1 or SEC1 form.
///
/// # Errors
/// As the default table's loader, which judges the key.
pub(crate) fn load_key(key: &PrivateKeyDer<'_>) -> Result<Arc<dyn SigningKey>, CryptoError> {
    let rest = (default_provider().load_key)(key)?;
    let signer = Signer::load(rest.algorithm(), key);
    // Both must have read the same key: the public one stands at the end of its SPKI.
    let signer = signer.filter(|signer| rest.public_key().as_ref().ends_with(signer.public_key()));
    Ok(match signer {
        Some(signer) => Arc::new(Key { signer, rest }),
        None => rest,
    })
}

/// A private key in AWS-LC's hands.
enum Signer {
    Rsa(RsaKeyPair),
    /// With the one scheme it was loaded for.
    Ecdsa(SignatureScheme, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    /// `None` for what AWS-LC does not take, as RSA keys below 2048 bits.
    fn load(algorithm: KeyAlgorithm, key: &PrivateKeyDer<'_>) -> Option<Self> {
        let (kind, scheme) = match algorithm {
            KeyAlgorithm::EcdsaP256 => {
                (&signature::ECDSA_P256_SHA256_ASN1_SIGNING, SignatureScheme::ECDSA_SECP256R1_SHA256)
            }
            KeyAlgorithm::EcdsaP384 => {
                (&signature::ECDSA_P384_SHA384_ASN1_SIGNING, SignatureScheme::ECDSA_SECP384R1_SHA384)
            }
            KeyAlgorithm::EcdsaP521 => {
                (&signature::ECDSA_P521_SHA512_ASN1_SIGNING, SignatureScheme::ECDSA_SECP521R1_SHA512)
            }
            KeyAlgorithm::Rsa => {
                return match key {
                    PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
                    _ => RsaKeyPair::from_pkcs8(key.secret_der()),
                }
                .ok()
                .map(Self::Rsa);
            }
            KeyAlgorithm::Ed25519 => {
                return Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_der()).ok().map(Self::Ed25519);
            }
            _ => return None,
        };
        let pair = match key {
            PrivateKeyDer::Sec1(der) => EcdsaKeyPair::from_private_key_der(kind, der.secret_sec1_der()),
            _ => EcdsaKeyPair::from_pkcs8(kind, key.secret_der()),
        };
        pair.ok().map(|pair| Self::Ecdsa(scheme, pair))
    }

    /// The public key as it stands in the SPKI's bit string.
    fn public_key(&self) -> &[u8] {
        match self {
            Self::Rsa(pair) => pair.public_key().as_ref(),
            Self::Ecdsa(_, pair) => pair.public_key().as_ref(),
            Self::Ed25519(pair) => pair.public_key().as_ref(),
        }
    }

    /// Signs; [`CryptoError::Unsupported`] for a scheme that AWS-LC or the key lacks. Randomness is of AWS-LC's own source.
    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let encoding: &'static dyn signature::RsaEncoding = match scheme {
                    SignatureScheme::RSA_PSS_RSAE_SHA256 => &signature::RSA_PSS_SHA256,
                    SignatureScheme::RSA_PSS_RSAE_SHA384 => &signature::RSA_PSS_SHA384,
                    SignatureScheme::RSA_PSS_RSAE_SHA512 => &signature::RSA_PSS_SHA512,
                    SignatureScheme::RSA_PKCS1_SHA256 => &signature::RSA_PKCS1_SHA256,
                    SignatureScheme::RSA_PKCS1_SHA384 => &signature::RSA_PKCS1_SHA384,
                    SignatureScheme::RSA_PKCS1_SHA512 => &signature::RSA_PKCS1_SHA512,
                    _ => return Err(CryptoError::Unsupported),
                };
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut out).map_err(|_| CryptoError::SigningFailed)?;
                Ok(out)
            }
            Self::Ecdsa(own, pair) if *own == scheme => {
                pair.sign(&random, message).map(|out| out.as_ref().to_vec()).map_err(|_| CryptoError::SigningFailed)
            }
            Self::Ed25519(pair) if scheme == SignatureScheme::ED25519 => {
                pair.try_sign(message).map(|out| out.as_ref().to_vec()).map_err(|_| CryptoError::SigningFailed)
            }
            Self::Ecdsa(..) | Self::Ed25519(_) => Err(CryptoError::Unsupported),
        }
    }
}
