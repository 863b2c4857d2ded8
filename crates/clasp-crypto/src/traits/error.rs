//! What can go wrong in a primitive.

use thiserror::Error;

/// A primitive failed. No variant says more than may be told about a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// The provider does not have the algorithm, or the key cannot do the operation.
    #[error("the algorithm is not supported by this provider or key")]
    Unsupported,
    /// A private key was refused, with the reason.
    #[error("the private key was refused: {0}")]
    KeyRejected(&'static str),
    /// A public key or public value of the peer's is not valid, with the reason.
    #[error("the peer's public key was refused: {0}")]
    BadPeerKey(&'static str),
    /// A signature does not verify.
    #[error("the signature does not verify")]
    BadSignature,
    /// A signature could not be made.
    #[error("signing failed")]
    SigningFailed,
    /// Ciphertext does not open.
    #[error("the ciphertext does not open")]
    OpenFailed,
    /// A key, nonce or buffer has the wrong length: a mistake of the caller's.
    #[error("a key, nonce or buffer has the wrong length")]
    BadLength,
    /// The source of randomness failed.
    #[error("the system's source of randomness failed")]
    Random,
}
