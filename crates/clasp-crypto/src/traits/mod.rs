//! The traits a provider's primitives implement, and the values that name them.

mod aead;
mod cipher;
mod error;
mod hash;
mod kem;
mod key_exchange;
mod random;
mod sign;

pub use aead::{Aead, AeadAlgorithm, AeadKey};
pub use cipher::{BlockCipher, BlockCipherAlgorithm, CbcDecrypt, CbcEncrypt, KeyStream, StreamCipher};
pub use error::CryptoError;
pub use hash::{Digest, Hash, HashAlgorithm, HashContext, Hmac, HmacKey};
pub use kem::{Decapsulate, Kem};
pub use key_exchange::{ActiveKeyExchange, FiniteField, KeyExchangeGroup, SharedSecret};
pub use random::SecureRandom;
pub use sign::{KeyAlgorithm, RsaDecrypter, SigningKey};
