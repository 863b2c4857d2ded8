//! How many elements are read of the lists whose elements take many times their bytes when parsed (RFC 8446 4.2, 4.4.2).
//!
//! A list of code points takes what it came in, and is bounded by its message. In a list of other things an element of two bytes
//! may take fifty, so 64 KiB would become a megabyte: these bounds lie far above what anybody sends, and keep what a message
//! is parsed to within a few times its length.

/// Extensions in one block.
pub const MAX_EXTENSIONS: usize = 512;

/// Certificates in one chain.
pub const MAX_CERTIFICATES: usize = 128;

/// Signed certificate timestamps of one certificate (RFC 6962 3.3).
pub const MAX_TIMESTAMPS: usize = 32;

/// Names of authorities (RFC 5246 7.4.4, RFC 8446 4.2.4).
pub const MAX_AUTHORITIES: usize = 2048;

/// Names of application protocols (RFC 7301 3.1).
pub const MAX_PROTOCOLS: usize = 256;

/// Names of servers (RFC 6066 3), of which there is one kind.
pub const MAX_SERVER_NAMES: usize = 16;

/// Key shares of a client (RFC 8446 4.2.8).
pub const MAX_KEY_SHARES: usize = 32;

/// Pre-shared keys that a client offers (RFC 8446 4.2.11).
pub const MAX_PSKS: usize = 256;

/// Configurations in an ECHConfigList, and cipher suites in one (RFC 9849 4).
pub const MAX_ECH: usize = 64;
