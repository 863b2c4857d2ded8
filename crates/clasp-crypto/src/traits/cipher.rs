//! Block ciphers in CBC mode (NIST SP 800-38A).

use core::fmt::Debug;

use super::CryptoError;

/// A block cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BlockCipherAlgorithm {
    /// AES with a key of 16 bytes.
    Aes128,
    /// AES with a key of 32 bytes.
    Aes256,
    /// DES three times over, encrypting, decrypting and encrypting, with three keys: 24 bytes.
    TripleDes,
    /// DES with a key of 8 bytes, of which 56 bits count.
    Des,
    /// RC2 (RFC 2268) with a key of 16 bytes and 128 effective bits.
    Rc2,
}

impl BlockCipherAlgorithm {
    /// The length of a key, bytes.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Des => 8,
            Self::Aes128 | Self::Rc2 => 16,
            Self::TripleDes => 24,
            Self::Aes256 => 32,
        }
    }

    /// The length of a block, bytes.
    pub const fn block_len(self) -> usize {
        match self {
            Self::TripleDes | Self::Des | Self::Rc2 => 8,
            Self::Aes128 | Self::Aes256 => 16,
        }
    }
}

/// A block cipher in CBC mode.
pub trait BlockCipher: Debug + Send + Sync {
    /// Which cipher.
    fn algorithm(&self) -> BlockCipherAlgorithm;

    /// Prepares a key for encryption.
    ///
    /// # Errors
    /// [`CryptoError::BadLength`].
    fn encryptor(&self, key: &[u8]) -> Result<Box<dyn CbcEncrypt>, CryptoError>;

    /// Prepares a key for decryption.
    ///
    /// # Errors
    /// [`CryptoError::BadLength`].
    fn decryptor(&self, key: &[u8]) -> Result<Box<dyn CbcDecrypt>, CryptoError>;
}

/// A key prepared for encryption.
pub trait CbcEncrypt: Send + Sync {
    /// Encrypts whole blocks in place.
    ///
    /// # Errors
    /// [`CryptoError::BadLength`] when `iv` is not one block or `data` is not whole blocks.
    fn encrypt(&self, iv: &[u8], data: &mut [u8]) -> Result<(), CryptoError>;
}

/// A key prepared for decryption.
pub trait CbcDecrypt: Send + Sync {
    /// Decrypts whole blocks in place.
    ///
    /// # Errors
    /// [`CryptoError::BadLength`] when `iv` is not one block or `data` is not whole blocks.
    fn decrypt(&self, iv: &[u8], data: &mut [u8]) -> Result<(), CryptoError>;
}

/// A stream cipher.
pub trait StreamCipher: Debug + Send + Sync {
    /// The length of a key, bytes.
    fn key_len(&self) -> usize;

    /// Prepares a key. The state goes on from record to record.
    ///
    /// # Errors
    /// [`CryptoError::BadLength`].
    fn start(&self, key: &[u8]) -> Result<Box<dyn KeyStream>, CryptoError>;
}

/// A stream cipher at work.
pub trait KeyStream: Send + Sync {
    /// Encrypts or decrypts in place, and goes on from there the next time.
    fn apply(&mut self, data: &mut [u8]);
}
