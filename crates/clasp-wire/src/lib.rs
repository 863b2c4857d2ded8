//! TLS on the wire: records, handshake messages, extensions, alerts, and the code points with their names.
//!
#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "codec")]
extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(feature = "codec")]
mod alert;
#[cfg(feature = "codec")]
mod bounds;
mod codepoint;
#[cfg(feature = "codec")]
mod error;
#[cfg(feature = "codec")]
mod message;
#[cfg(feature = "codec")]
mod parse;
#[cfg(feature = "codec")]
mod reassembly;
mod record;
#[cfg(feature = "codec")]
mod sslv2;
#[cfg(feature = "codec")]
mod write;

#[cfg(feature = "codec")]
pub use alert::Alert;
#[cfg(feature = "codec")]
pub use bounds::{
    MAX_AUTHORITIES, MAX_CERTIFICATES, MAX_ECH, MAX_EXTENSIONS, MAX_KEY_SHARES, MAX_PROTOCOLS, MAX_PSKS,
    MAX_SERVER_NAMES, MAX_TIMESTAMPS,
};
pub use codepoint::{
    AlertDescription, AlertLevel, CertificateCompressionAlgorithm, CertificateStatusType, CertificateType, CipherSuite,
    ClientCertificateType, CompressionMethod, ContentType, EcCurveType, EcPointFormat, ExtensionPlace, ExtensionType,
    HandshakeType, HpkeAead, HpkeKdf, HpkeKem, MaxFragmentLength, NamedGroup, ProtocolVersion, PskKeyExchangeMode,
    SignatureScheme, Strength, is_grease_alpn,
};
#[cfg(feature = "codec")]
pub use error::{DecodeError, DecodeErrorKind};
#[cfg(feature = "codec")]
pub use message::{
    Certificate, Certificate13, CertificateEntry, CertificateExtension, CertificateRequest, CertificateRequest10,
    CertificateRequest13, CertificateRequestExtension, CertificateStatus, CertificateStatusRequest, CertificateVerify,
    ClientDhPublic, ClientEcdhPublic, ClientExtension, ClientHello, CompressedCertificate, DhServerKeyExchange,
    DigitallySigned, DigitallySigned10, EcdhPskClientKeyExchange, EcdhPskServerKeyExchange, EcdhServerKeyExchange,
    EchClientHello, EchConfig, EchConfigContents, EchConfigExtension, EchOuter, EncryptedExtensions,
    EncryptedPreMasterSecret, EncryptedPreMasterSecret30, EndOfEarlyData, Finished, HandshakeMessage, HelloRequest,
    HpkeSymmetricCipherSuite, KeyShareEntry, KeyUpdate, NewSessionTicket, NewSessionTicket13, OfferedPsks,
    PskClientKeyExchange, PskIdentity, PskServerKeyExchange, Random, RawPublicKeyCertificate, RsaServerKeyExchange,
    ServerExtension, ServerHello, ServerHelloDone, ServerNameEntry, SessionId, TicketExtension, TicketRequest,
    UnknownExtension,
};
#[cfg(feature = "codec")]
pub use reassembly::{RawHandshake, Reassembler};
pub use record::{MAX_CIPHERTEXT, MAX_PLAINTEXT, RecordHeader};
#[cfg(feature = "codec")]
pub use sslv2::Sslv2ClientHello;
