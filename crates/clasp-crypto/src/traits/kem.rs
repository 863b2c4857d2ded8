//! Key encapsulation (FIPS 203), the half of a hybrid key exchange that is not a curve's.

use core::fmt::Debug;

use super::{CryptoError, SecureRandom, SharedSecret};

/// A key encapsulation mechanism.
pub trait Kem: Debug + Send + Sync {
    /// The length of an encapsulation key, bytes.
    fn encapsulation_key_len(&self) -> usize;

    /// The length of a ciphertext, bytes.
    fn ciphertext_len(&self) -> usize;

    /// A fresh decapsulation key, and the encapsulation key that goes with it.
    ///
    /// # Errors
    /// [`CryptoError::Random`].
    fn generate(&self, random: &dyn SecureRandom) -> Result<(Box<dyn Decapsulate>, Vec<u8>), CryptoError>;

    /// A ciphertext for the owner of an encapsulation key, and the fresh secret in it.
    ///
    /// # Errors
    /// [`CryptoError::BadPeerKey`] when the key has another length or is not a reduced one (FIPS 203 7.2);
    /// [`CryptoError::Random`].
    fn encapsulate(&self, key: &[u8], random: &dyn SecureRandom) -> Result<(Vec<u8>, SharedSecret), CryptoError>;
}

/// A decapsulation key. It wipes itself when dropped.
pub trait Decapsulate: Send {
    /// The secret in a ciphertext. One that was altered gives another secret, not an error (FIPS 203 6.3).
    ///
    /// # Errors
    /// [`CryptoError::BadPeerKey`] when the ciphertext has another length.
    fn decapsulate(&self, ciphertext: &[u8]) -> Result<SharedSecret, CryptoError>;
}
