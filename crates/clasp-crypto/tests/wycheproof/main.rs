//! Wycheproof's vectors (C2SP/wycheproof) through the provider's table: what our wrappers take, refuse and compute.
//!
//! Each set closes with a line of figures, which has to stand in README.md beside this file as it is: how many cases there
//! are, how many agree, and how many cannot be asked. A case that differs fails. All but `seeded` runs over the tables of
//! other crates too, which include the files.

mod ciphers;
mod exchange;
mod harness;
#[cfg(feature = "post-quantum")]
mod kem;
mod macs;
mod rsa_decryption;
#[cfg(feature = "post-quantum")]
mod seeded;
mod signatures;

use clasp_crypto::{Provider, default_provider};

/// The page with the figures.
const PAGE: &str = include_str!("README.md");

/// Whether P-521 and ML-KEM make their keys and secrets of the randomness they are given.
const DRAWS_FROM_WHAT_IS_GIVEN: bool = true;

fn provider() -> &'static Provider {
    default_provider()
}
