//! TLS that shakes hands with everything, in memory-safe code, and shows every step of how it did so.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod blocking;
pub mod steps;

#[cfg(feature = "aws-lc")]
pub use clasp_aws_lc as aws_lc;
pub use clasp_cert as cert;
pub use clasp_crypto as crypto;
pub use clasp_handshake as handshake;
#[cfg(feature = "insecure")]
pub use clasp_insecure::{self as insecure, insecure};
pub use clasp_keys as keys;
pub use clasp_record as record;
#[cfg(feature = "tokio")]
pub use clasp_tokio as tokio;
pub use clasp_wire as wire;

pub use clasp_cert::{Identity, RawPublicKeyVerifier, RootStore};
#[cfg(feature = "brotli")]
pub use clasp_handshake::BROTLI;
#[cfg(feature = "zlib")]
pub use clasp_handshake::ZLIB;
#[cfg(feature = "zstd")]
pub use clasp_handshake::ZSTD;
pub use clasp_handshake::{
    AlertReceived, AntiReplay, CIPHER_SUITES, CertificateCompression, ClientAnswer, ClientAuth, ClientConfig,
    ClientConfigBuilder, ClientHelloInfo, ClientIdentityResolver, Clock, ConfigError, Connection, EarlyData, Error,
    ExternalPsk, FixedIdentities, IdentityResolver, KeyLog, KeyLogFile, Limits, MemorySessions, Misbehaviour,
    NoCommonGround, Offer, OpenedTicket, PSK_CIPHER_SUITES, Policy, RecordPadding, ReloadableConfig,
    ReloadableIdentities, Renegotiation, RenegotiationStatus, ReplayMemory, Resolved, Role, ServerConfig,
    ServerConfigBuilder, Session, SessionStore, Status, Step, Suite, TLS13_CIPHER_SUITES, TicketKeys, TicketSealer,
    Trace, TraceEvent, TracedMessage,
};
#[cfg(feature = "ech")]
pub use clasp_handshake::{EchKey, EchKeyError, ReloadableEchKeys};
#[cfg(feature = "tokio")]
pub use clasp_tokio::{Acceptor, Connector, EarlyStream, TlsStream};
pub use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
