//! Why a record cannot be taken in or made, and the alert that says so (RFC 5246 6, 7.2.2).

use clasp_crypto::CryptoError;
use clasp_wire::{AlertDescription, ContentType, ProtocolVersion};
use thiserror::Error;

/// A record cannot be taken in or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// A protected record does not open. Why is not said, to anyone: padding, MAC and length look alike (RFC 5246 6.2.3.2).
    #[error("a record was tampered with on its way, or the two sides hold different keys")]
    BadRecordMac,
    /// A record is longer than allowed (RFC 5246 6.2.1, 6.2.3; RFC 8449).
    #[error("the peer sent a record of {length} bytes, where {max} are allowed")]
    Overflow {
        /// Its length, bytes.
        length: usize,
        /// The most allowed, bytes.
        max: usize,
    },
    /// What came is not TLS.
    #[error("the peer is not speaking TLS: {0}")]
    NotTls(Foreign),
    /// A record of a version that does not exist here, or is not the one that was agreed.
    #[error("the peer sent a record of version {0}")]
    Version(ProtocolVersion),
    /// A record of a type that TLS does not have (RFC 5246 6).
    #[error("the peer sent a record of unknown type {0}")]
    UnknownType(ContentType),
    /// An empty record of a type that may not be empty (RFC 5246 6.2.1).
    #[error("the peer sent an empty record of type {0}")]
    Empty(ContentType),
    /// Too many empty records in a row.
    #[error("the peer sent too many empty records in a row")]
    TooManyEmpty,
    /// A protected record that holds nothing but padding, not even a type (RFC 8446 5.4).
    #[error("the peer sent a record without a type in it")]
    NoContentType,
    /// A record of a type that may not come at this place, or not protected in this way (RFC 8446 5).
    #[error("the peer sent a record of type {0}, which may not come here")]
    Unexpected(ContentType),
    /// A ChangeCipherSpec of TLS 1.3 that is more than the one byte it may be, or one too many of them (RFC 8446 5).
    #[error("the peer sent a ChangeCipherSpec that TLS 1.3 does not know, or too many of them")]
    ChangeCipherSpec,
    /// The keys are used up: the sequence number or the cipher's limit is reached (RFC 5246 6.1, RFC 8446 5.5).
    #[error("too many records under one key: the connection must be made anew")]
    Exhausted,
    /// A primitive is not there, or failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// What a connection that is not TLS looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Foreign {
    /// A request or an answer of HTTP.
    #[error("it speaks plain HTTP on this port")]
    Http,
    /// A greeting of a mail, file or remote shell protocol.
    #[error("it sent a line of text, as protocols do that begin TLS with STARTTLS or not at all")]
    Text,
    /// A hello in SSL 2.0's format.
    #[error("it opened with a hello in SSL 2.0's format, which this configuration does not take")]
    Sslv2Hello,
    /// Something else.
    #[error("the first bytes are no record header")]
    Garbage,
}

impl RecordError {
    /// The alert that tells the peer.
    pub fn alert(&self) -> AlertDescription {
        match self {
            Self::BadRecordMac => AlertDescription::BAD_RECORD_MAC,
            Self::Overflow { .. } => AlertDescription::RECORD_OVERFLOW,
            Self::NotTls(_) | Self::Version(_) => AlertDescription::PROTOCOL_VERSION,
            Self::UnknownType(_)
            | Self::Empty(_)
            | Self::TooManyEmpty
            | Self::NoContentType
            | Self::Unexpected(_)
            | Self::ChangeCipherSpec => AlertDescription::UNEXPECTED_MESSAGE,
            Self::Exhausted | Self::Crypto(_) => AlertDescription::INTERNAL_ERROR,
        }
    }
}
