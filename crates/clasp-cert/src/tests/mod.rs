//! Tests of the verifiers and identities as a whole (RFC 5280, section 6).

mod client;
mod identity;
mod keys;
#[cfg(feature = "legacy")]
mod legacy;
mod pins;
mod revocation;
mod server;
