//! Randomness.

use core::fmt::Debug;

use super::CryptoError;

/// A cryptographically secure source of random bytes.
pub trait SecureRandom: Debug + Send + Sync {
    /// Fills `out` with random bytes.
    ///
    /// # Errors
    /// [`CryptoError::Random`] when the system has none to give.
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError>;
}
