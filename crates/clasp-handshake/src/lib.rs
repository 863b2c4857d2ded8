//! TLS handshakes as straight-line code, and the sans-I/O [`Connection`] that drives them.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod certificate_type;
#[cfg(test)]
mod certificate_type_tests;
mod classic;
mod client;
mod compression;
mod config;
mod connection;
mod dialect;
mod error;
mod export;
mod hello;
mod key_exchange;
mod key_log;
#[cfg(test)]
mod misorder;
mod negotiate;
mod negotiate13;
mod peer;
mod policy;
mod psk;
mod resumption;
#[cfg(feature = "legacy")]
#[cfg(test)]
mod rfc8448;
mod server;
mod session;
mod suites;
#[cfg(test)]
mod testing;
mod timestamps;
mod tls13;
mod trace;
mod widen;

pub use clasp_cert as cert;
pub use clasp_keys::{ExportError, Role};
pub use clasp_record::RecordPadding;
pub use clasp_wire as wire;
#[cfg(feature = "brotli")]
pub use compression::BROTLI;
pub use compression::CertificateCompression;
#[cfg(feature = "zlib")]
pub use compression::ZLIB;
#[cfg(feature = "zstd")]
pub use compression::ZSTD;
pub use config::{
    CertificateAsk, ClientAnswer, ClientAuth, ClientConfig, ClientConfigBuilder, ClientHelloInfo,
    ClientIdentityResolver, Clock, FixedIdentities, IdentityResolver, Limits, ReloadableConfig, ReloadableIdentities,
    Resolved, ServerConfig, ServerConfigBuilder, SystemClock,
};
#[cfg(feature = "ech")]
pub use config::{EchKey, EchKeyError, ReloadableEchKeys};
pub use connection::{Connection, RenegotiationStatus, Status};
pub use dialect::{Dialect, DowngradeMark, TLS12, Tls12Dialect};
#[cfg(feature = "legacy")]
pub use dialect::{TLS10, TLS11, Tls10Dialect, Tls11Dialect, hashes_to_sign, scheme_of_key};
pub use error::{AlertReceived, ConfigError, Error, Misbehaviour, NoCommonGround, Offer};
pub use export::{Export, TemporaryKey};
pub use key_log::{KeyLog, KeyLogFile};
pub use policy::{Policy, Renegotiation};
pub use psk::ExternalPsk;
pub use resumption::{AntiReplay, MemorySessions, OpenedTicket, ReplayMemory, SessionStore, TicketKeys, TicketSealer};
pub use session::{EarlyData, Session};
pub use suites::{
    Authentication, CLASSIC as CIPHER_SUITES, KeyExchange, PSK as PSK_CIPHER_SUITES, Suite,
    TLS13 as TLS13_CIPHER_SUITES,
};
pub use trace::{Step, Trace, TraceEvent, TracedMessage};
