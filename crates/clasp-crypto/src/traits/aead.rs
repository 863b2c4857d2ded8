//! Authenticated encryption with associated data (RFC 5116).

use core::fmt::Debug;

use super::CryptoError;

/// An AEAD algorithm. All have nonces of 12 bytes and tags of 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AeadAlgorithm {
    /// AES-128 in Galois/Counter mode (NIST SP 800-38D).
    Aes128Gcm,
    /// AES-256 in Galois/Counter mode.
    Aes256Gcm,
    /// ChaCha20 and Poly1305 (RFC 8439).
    ChaCha20Poly1305,
    /// AES-128 in counter mode with CBC-MAC (NIST SP 800-38C).
    Aes128Ccm,
}

impl AeadAlgorithm {
    /// The length of a key, bytes.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Ccm => 16,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 => 32,
        }
    }

    /// The length of a tag, bytes.
    pub const fn tag_len(self) -> usize {
        16
    }

    /// How many records may be sealed under one key before its confidentiality wears off (RFC 8446 5.5; RFC
    /// 9147 4.5.3 for CCM).
    pub const fn confidentiality_limit(self) -> u64 {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm => 1 << 24,
            Self::Aes128Ccm => 1 << 23,
            Self::ChaCha20Poly1305 => u64::MAX,
        }
    }
}

/// An AEAD algorithm.
pub trait Aead: Debug + Send + Sync {
    /// Which one.
    fn algorithm(&self) -> AeadAlgorithm;

    /// Prepares a key.
    ///
    /// # Errors
    /// [`CryptoError::BadLength`].
    fn with_key(&self, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError>;
}

/// A prepared AEAD key.
pub trait AeadKey: Send + Sync {
    /// Encrypts `data` in place and gives the tag.
    ///
    /// # Errors
    /// [`CryptoError::BadLength`] when `data` is too long for the algorithm.
    fn seal_in_place(&self, nonce: &[u8; 12], aad: &[u8], data: &mut [u8]) -> Result<[u8; 16], CryptoError>;

    /// Decrypts in place; the tag stands at the end. Gives the length of the plaintext, at the front.
    ///
    /// # Errors
    /// [`CryptoError::OpenFailed`]; `data` then holds nothing of use.
    fn open_in_place(&self, nonce: &[u8; 12], aad: &[u8], data: &mut [u8]) -> Result<usize, CryptoError>;
}
