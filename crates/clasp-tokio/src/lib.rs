//! Clasp TLS streams for tokio.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod early;
mod endpoint;
mod error;
mod senders;
mod stream;
#[cfg(test)]
mod tests;

pub use clasp_handshake as handshake;
pub use early::EarlyStream;
pub use endpoint::{Acceptor, Connector};
pub use error::Error;
pub use stream::TlsStream;
