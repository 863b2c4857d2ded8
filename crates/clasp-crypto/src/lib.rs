//! The primitives TLS needs, behind small traits, and a [`Provider`] table of them.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "timing")]
#[doc(hidden)]
pub mod for_timing;
#[cfg(feature = "hpke")]
mod hpke_receiver;
#[cfg(feature = "hpke")]
mod hpke_sender;
#[cfg(feature = "hpke")]
mod hpke_suite;
#[cfg(feature = "post-quantum")]
mod hybrid;
#[cfg(feature = "post-quantum")]
mod libcrux_provider;
mod load_key;
pub mod parts;
mod provider;
mod ring_provider;
mod rust_crypto;
mod spki;
#[cfg(all(test, feature = "legacy"))]
mod testing;
mod traits;

pub use clasp_wire::{NamedGroup, SignatureScheme};
#[cfg(feature = "hpke")]
pub use hpke_receiver::{HpkePrivateKey, HpkeReceiver};
#[cfg(feature = "hpke")]
pub use hpke_sender::HpkeSender;
#[cfg(feature = "hpke")]
pub use hpke_suite::HpkeSuite;
#[cfg(feature = "post-quantum")]
pub use hybrid::{Hybrid, KemGroup};
pub use provider::{Provider, Verifiers, default_provider};
pub use rust_crypto::{ffdhe, ffdhe_name};
pub use traits::{
    ActiveKeyExchange, Aead, AeadAlgorithm, AeadKey, BlockCipher, BlockCipherAlgorithm, CbcDecrypt, CbcEncrypt,
    CryptoError, Decapsulate, Digest, FiniteField, Hash, HashAlgorithm, HashContext, Hmac, HmacKey, Kem, KeyAlgorithm,
    KeyExchangeGroup, KeyStream, RsaDecrypter, SecureRandom, SharedSecret, SigningKey, StreamCipher,
};
