//! Private keys: signing, and RSA decryption.

use core::fmt::Debug;

use clasp_wire::{NamedGroup, SignatureScheme};
use rustls_pki_types::SubjectPublicKeyInfoDer;

use super::{CryptoError, SecureRandom};

/// The kind of a public or private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// RSA.
    Rsa,
    /// ECDSA on P-256.
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
    /// ECDSA on P-521.
    EcdsaP521,
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// RSA for PSS alone (RFC 4055 1.2), which peers may have. No such private key is loaded.
    RsaPss,
}

impl KeyAlgorithm {
    /// Whether it is an RSA key, for whatever padding.
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa | Self::RsaPss)
    }

    /// The curve of an ECDSA key.
    pub const fn curve(self) -> Option<NamedGroup> {
        match self {
            Self::EcdsaP256 => Some(NamedGroup::SECP256R1),
            Self::EcdsaP384 => Some(NamedGroup::SECP384R1),
            Self::EcdsaP521 => Some(NamedGroup::SECP521R1),
            Self::Rsa | Self::RsaPss | Self::Ed25519 => None,
        }
    }

    /// The schemes that such a key signs with in TLS 1.3, where an ECDSA scheme names the curve and PKCS#1 v1.5 and SHA-1
    /// are gone (RFC 8446 4.2.3).
    pub const fn schemes_13(self) -> &'static [SignatureScheme] {
        match self {
            Self::Rsa => &[
                SignatureScheme::RSA_PSS_RSAE_SHA256,
                SignatureScheme::RSA_PSS_RSAE_SHA384,
                SignatureScheme::RSA_PSS_RSAE_SHA512,
            ],
            Self::RsaPss => &[
                SignatureScheme::RSA_PSS_PSS_SHA256,
                SignatureScheme::RSA_PSS_PSS_SHA384,
                SignatureScheme::RSA_PSS_PSS_SHA512,
            ],
            Self::EcdsaP256 => &[SignatureScheme::ECDSA_SECP256R1_SHA256],
            Self::EcdsaP384 => &[SignatureScheme::ECDSA_SECP384R1_SHA384],
            Self::EcdsaP521 => &[SignatureScheme::ECDSA_SECP521R1_SHA512],
            Self::Ed25519 => &[SignatureScheme::ED25519],
        }
    }
}

/// A private key at hand.
pub trait SigningKey: Debug + Send + Sync {
    /// Its kind.
    fn algorithm(&self) -> KeyAlgorithm;

    /// The public key, as DER SubjectPublicKeyInfo.
    fn public_key(&self) -> SubjectPublicKeyInfoDer<'_>;

    /// What it can sign, best first.
    fn schemes(&self) -> &[SignatureScheme];

    /// What of that it can sign in TLS 1.3, best first (RFC 8446 4.2.3).
    fn schemes_13(&self) -> Vec<SignatureScheme> {
        let usable = self.algorithm().schemes_13();
        self.schemes().iter().copied().filter(|scheme| usable.contains(scheme)).collect()
    }

    /// Signs `message`, which is hashed as the scheme says. For [`SignatureScheme::RSA_PKCS1_MD5_SHA1`] it comes as the
    /// hashes already, MD5's and SHA-1's, as SSL 3.0 mixes more than the message into them.
    ///
    /// # Errors
    /// [`CryptoError::Unsupported`] for a scheme that is not among [`Self::schemes`].
    fn sign(&self, scheme: SignatureScheme, message: &[u8], random: &dyn SecureRandom) -> Result<Vec<u8>, CryptoError>;

    /// The decrypting side of an RSA key.
    fn rsa_decrypter(&self) -> Option<&dyn RsaDecrypter> {
        None
    }
}

/// RSA decryption for TLS key exchange.
pub trait RsaDecrypter: Send + Sync {
    /// PKCS#1 v1.5 decryption with implicit rejection (RFC 5246 7.4.7.1).
    ///
    /// `out` comes in holding random bytes. Afterwards it holds the plaintext if the padding is right, the plaintext is
    /// exactly `out.len()` bytes long and begins with `prefix`; otherwise it is unchanged. Nothing tells the cases apart,
    /// neither the result nor the time (Bleichenbacher 1998, ROBOT 2017, Marvin 2023). A ciphertext of the wrong length or
    /// not below the modulus is treated alike.
    ///
    /// # Errors
    /// Only for a fault of our own, such as missing randomness for blinding.
    fn decrypt_or_keep(
        &self,
        ciphertext: &[u8],
        prefix: &[u8],
        out: &mut [u8],
        random: &dyn SecureRandom,
    ) -> Result<(), CryptoError>;
}
