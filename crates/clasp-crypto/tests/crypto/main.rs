//! The primitives from outside, through the table, against what was published and what OpenSSL made.
//!
//! All but `given` runs over the tables of other crates too, which include the files.

mod ciphers;
mod common;
mod digests;
mod exchange;
mod finite_field;
mod given;
#[cfg(feature = "post-quantum")]
mod hybrid;
mod keys;
mod signatures;
mod signatures13;

use clasp_crypto::{CryptoError, Provider, default_provider};
use common::{Broken, Fixed, hex};

fn provider() -> &'static Provider {
    default_provider()
}
