//! The bodies of the fuzz targets: what must hold for any bytes. Each is run by cargo-fuzz, and, where that is not to
//! be had, by a property test over the same corpora.

#![forbid(unsafe_code)]

mod alter;
mod answers;
mod certificates;
pub mod chance;
pub mod connections;
mod ech;
mod insider;
mod keyed_peer;
pub mod keys;
mod messages;
mod mutated;
mod mutated13;
mod records;
pub mod run;
mod saved;
pub mod setup;
mod vantage;

pub use certificates::{certificate_chain, credentials};
pub use connections::{client_connection, server_connection};
pub use ech::{ech_inner, within_itself};
pub use keyed_peer::keyed_peer;
pub use messages::{
    alert, client_hello, extensions_roundtrip, handshake_messages, key_log_line, reassembler, server_hello,
    sslv2_client_hello,
};
pub use mutated::mutated_handshake;
pub use mutated13::mutated_tls13;
pub use records::{deframer, record_open_aead, record_open_cbc};
pub use saved::{genuine_session, saved_session};

/// A target's name and body.
pub type Target = (&'static str, fn(&[u8]));

macro_rules! targets {
    ($($name:ident)*) => {
        /// Every target.
        pub const TARGETS: &[Target] = &[$((stringify!($name), $name)),*];
    };
}

targets! {
    client_hello server_hello sslv2_client_hello handshake_messages extensions_roundtrip alert reassembler
    deframer record_open_aead record_open_cbc
    certificate_chain credentials key_log_line ech_inner
    server_connection client_connection keyed_peer mutated_handshake mutated_tls13 saved_session
}
