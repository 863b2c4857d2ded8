//! The bodies of the fuzz targets: what must hold for any bytes. Each is run by cargo-fuzz, and, where that is not to
//! be had, by a property test over the same corpora.

mod connections;
mod messages;
mod records;

pub use connections::{client_connection, established_server, server_connection};
pub use messages::{alert, client_hello, extensions_roundtrip, handshake_messages, reassembler, server_hello};
pub use records::{deframer, record_open_aead, record_open_cbc};

/// A target's name and body.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("client_hello", client_hello),
    ("server_hello", server_hello),
    ("handshake_messages", handshake_messages),
    ("extensions_roundtrip", extensions_roundtrip),
    ("alert", alert),
    ("reassembler", reassembler),
    ("deframer", deframer),
    ("record_open_aead", record_open_aead),
    ("record_open_cbc", record_open_cbc),
    ("server_connection", server_connection),
    ("client_connection", client_connection),
    ("established_server", established_server),
];
