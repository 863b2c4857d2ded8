//! Tests of the verifiers and identities as a whole (RFC 5280, section 6).

mod client;
#[cfg(any(feature = "encrypted-keys", feature = "pkcs12"))]
mod encrypted;
mod identity;
mod keys;
#[cfg(feature = "legacy")]
mod legacy;
#[cfg(feature = "legacy")]
mod legacy_attacks;
#[cfg(feature = "legacy")]
mod legacy_mutations;
#[cfg(feature = "legacy")]
mod legacy_revocation;
mod must_staple;
mod pins;
mod revocation;
mod server;
