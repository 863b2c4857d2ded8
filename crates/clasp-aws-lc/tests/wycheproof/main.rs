//! Wycheproof's vectors (C2SP/wycheproof) through this crate's table, by the tests of `clasp-crypto`.
//!
//! Each set closes with a line of figures, which has to stand in README.md beside this file as it is.

#[path = "../../../clasp-crypto/tests/wycheproof/ciphers.rs"]
mod ciphers;
#[path = "../../../clasp-crypto/tests/wycheproof/exchange.rs"]
mod exchange;
#[path = "../../../clasp-crypto/tests/wycheproof/harness.rs"]
mod harness;
#[cfg(feature = "post-quantum")]
#[path = "../../../clasp-crypto/tests/wycheproof/kem.rs"]
mod kem;
#[path = "../../../clasp-crypto/tests/wycheproof/macs.rs"]
mod macs;
#[path = "../../../clasp-crypto/tests/wycheproof/rsa_decryption.rs"]
mod rsa_decryption;
#[path = "../../../clasp-crypto/tests/wycheproof/signatures.rs"]
mod signatures;

use clasp_crypto::Provider;

/// The page with the figures.
const PAGE: &str = include_str!("README.md");

/// AWS-LC draws from its own source.
const DRAWS_FROM_WHAT_IS_GIVEN: bool = false;

fn provider() -> &'static Provider {
    clasp_aws_lc::provider()
}
