//! TLS's primitives from aws-lc-rs, as a [`Provider`] table.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod aead;
mod exchange;
mod hash;
#[cfg(feature = "post-quantum")]
mod kem;
mod sign;
mod table;
mod verify;

pub use clasp_crypto::Provider;
pub use table::provider;
