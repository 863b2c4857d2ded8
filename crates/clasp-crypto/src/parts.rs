//! Single primitives of the default table, for whoever puts together a table of their own.
//!
//! They are RustCrypto's: what other libraries seldom have. What is not here is in [`default_provider`]'s fields, which a
//! `static` of another crate may take over whole.
//!
//! [`default_provider`]: crate::default_provider

use rustls_pki_types::SignatureVerificationAlgorithm;

use crate::rust_crypto;
use crate::traits::{Aead, KeyExchangeGroup};
#[cfg(feature = "legacy")]
use crate::traits::{Hash, Hmac};

#[cfg(feature = "legacy")]
pub use crate::rust_crypto::AnySize;

/// AES-128 in counter mode with CBC-MAC.
pub const AES_128_CCM: &dyn Aead = &rust_crypto::AES_128_CCM;

/// ffdhe2048 (RFC 7919).
pub const FFDHE2048: &dyn KeyExchangeGroup = &rust_crypto::FFDHE2048;
/// ffdhe3072.
pub const FFDHE3072: &dyn KeyExchangeGroup = &rust_crypto::FFDHE3072;
/// ffdhe4096.
pub const FFDHE4096: &dyn KeyExchangeGroup = &rust_crypto::FFDHE4096;

/// MD5.
#[cfg(feature = "legacy")]
pub const MD5: &dyn Hash = &rust_crypto::MD5;
/// MD5 and SHA-1 side by side.
#[cfg(feature = "legacy")]
pub const MD5_SHA1: &dyn Hash = &rust_crypto::MD5_SHA1;
/// HMAC with MD5.
#[cfg(feature = "legacy")]
pub const HMAC_MD5: &dyn Hmac = &rust_crypto::HMAC_MD5;

/// ECDSA on P-256 over SHA-1.
pub const VERIFY_ECDSA_P256_SHA1: &dyn SignatureVerificationAlgorithm = &rust_crypto::VERIFY_ECDSA_P256_SHA1;
/// ECDSA on P-384 over SHA-1.
pub const VERIFY_ECDSA_P384_SHA1: &dyn SignatureVerificationAlgorithm = &rust_crypto::VERIFY_ECDSA_P384_SHA1;
/// ECDSA on P-521 over SHA-1.
pub const VERIFY_ECDSA_P521_SHA1: &dyn SignatureVerificationAlgorithm = &rust_crypto::VERIFY_ECDSA_P521_SHA1;
/// RSA with PKCS#1 v1.5 padding over MD5 and SHA-1 together, by keys of any size.
#[cfg(feature = "legacy")]
pub const VERIFY_RSA_PKCS1_MD5_SHA1: &dyn SignatureVerificationAlgorithm = &rust_crypto::VERIFY_RSA_PKCS1_MD5_SHA1;
