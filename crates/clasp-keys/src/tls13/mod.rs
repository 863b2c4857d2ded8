//! The key schedule of TLS 1.3 (RFC 8446 7): a chain of secrets, each moved into the next, so that none outlives its use.
//!
//! Early secret, handshake secret, main secret (the RFC's master secret): what hangs on each is derived from it, by
//! reference, and the step to the next one consumes it.

mod chain;
mod ech;
mod exporter;
mod kdf;
mod known;
mod psk;
mod traffic;

pub use chain::{EarlySecret, HandshakeSecret, MainSecret};
pub use ech::{ech_accept_confirmation, ech_hello_retry_confirmation};
pub use exporter::ExporterSecret;
pub use kdf::Kdf;
pub use psk::{ImportedPsk, Psk, PskKind, ResumptionSecret, psk_importer};
pub use traffic::{TrafficKey, TrafficSecret};

#[cfg(test)]
mod tests;
