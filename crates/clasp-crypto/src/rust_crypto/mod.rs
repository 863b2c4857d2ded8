//! What RustCrypto gives: all that ring has not.
//!
//! CBC and CCM mode, HMAC with a constant-time form, SHA-1, P-521, finite-field Diffie-Hellman, RSA decryption and encryption, and
//! signatures with hashes, curves and sizes that ring refuses.

mod cbc;
mod ccm;
mod ecdsa;
mod ffdhe;
mod finite_field;
mod hash;
mod hmac;
#[cfg(feature = "legacy")]
mod md5;
mod p521;
mod pkcs1;
mod rng;
mod rsa;
#[cfg(feature = "legacy")]
mod rsa_verify;
#[cfg(feature = "legacy")]
mod triple_des;

pub(crate) use cbc::{AES_128_CBC, AES_256_CBC};
pub(crate) use ccm::AES_128_CCM;
pub(crate) use ecdsa::{
    EcdsaSigner, VERIFY_ECDSA_P256_SHA1, VERIFY_ECDSA_P256_SHA512, VERIFY_ECDSA_P384_SHA1, VERIFY_ECDSA_P384_SHA512,
    VERIFY_ECDSA_P521_SHA1, VERIFY_ECDSA_P521_SHA256, VERIFY_ECDSA_P521_SHA384, VERIFY_ECDSA_P521_SHA512,
    ecdsa_from_pkcs8, ecdsa_from_sec1,
};
pub use ffdhe::{ffdhe, ffdhe_name};
pub(crate) use finite_field::{FFDHE2048, FFDHE3072, FFDHE4096, FINITE_FIELD};
pub(crate) use hash::SHA1;
#[cfg(feature = "legacy")]
pub(crate) use hmac::HMAC_MD5;
pub(crate) use hmac::{HMAC_SHA1, HMAC_SHA256, HMAC_SHA384};
#[cfg(feature = "legacy")]
pub(crate) use md5::{MD5, MD5_SHA1};
pub(crate) use p521::SECP521R1;
#[cfg(feature = "timing")]
pub(crate) use pkcs1::unpad_or_keep;
pub(crate) use rsa::{RsaKey, rsa_encrypt};
#[cfg(feature = "legacy")]
pub use rsa_verify::AnySize;
#[cfg(feature = "legacy")]
pub(crate) use rsa_verify::{
    VERIFY_ANY_RSA_PKCS1_SHA1, VERIFY_ANY_RSA_PKCS1_SHA256, VERIFY_ANY_RSA_PKCS1_SHA384, VERIFY_ANY_RSA_PKCS1_SHA512,
    VERIFY_ANY_RSA_PSS_SHA256, VERIFY_ANY_RSA_PSS_SHA384, VERIFY_ANY_RSA_PSS_SHA512, VERIFY_RSA_PKCS1_MD5_SHA1,
};
#[cfg(feature = "legacy")]
pub(crate) use triple_des::TRIPLE_DES_CBC;
