//! The tests of `clasp-crypto`'s table, over this one: published vectors, and what must be refused.

#[path = "../../../clasp-crypto/tests/crypto/ciphers.rs"]
mod ciphers;
#[path = "../../../clasp-crypto/tests/crypto/common.rs"]
mod common;
#[path = "../../../clasp-crypto/tests/crypto/digests.rs"]
mod digests;
#[path = "../../../clasp-crypto/tests/crypto/exchange.rs"]
mod exchange;
#[path = "../../../clasp-crypto/tests/crypto/finite_field.rs"]
mod finite_field;
#[cfg(feature = "post-quantum")]
#[path = "../../../clasp-crypto/tests/crypto/hybrid.rs"]
mod hybrid;
#[path = "../../../clasp-crypto/tests/crypto/keys.rs"]
mod keys;
#[path = "../../../clasp-crypto/tests/crypto/signatures.rs"]
mod signatures;
#[path = "../../../clasp-crypto/tests/crypto/signatures13.rs"]
mod signatures13;
mod table;

use clasp_crypto::{CryptoError, Provider};
use common::{Broken, Fixed, hex};

fn provider() -> &'static Provider {
    clasp_aws_lc::provider()
}
