//! Errors, sorted by who must act, and the alert each one sends (RFC 5246 7.2.2).

mod config;
mod misbehaviour;
mod refusal;

use bytes::Bytes;
use clasp_cert::CertificateError;
use clasp_crypto::CryptoError;
use clasp_keys::ScheduleError;
use clasp_record::RecordError;
use clasp_wire::{AlertDescription, DecodeError};
use thiserror::Error;

pub use config::ConfigError;
pub use misbehaviour::Misbehaviour;
pub(crate) use refusal::may_miss_certificate;
pub use refusal::{AlertReceived, NoCommonGround, Offer};

/// Why a connection failed. Each variant says who must act; [`Error::alert`] is what the peer was told.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer sent bytes that are not what the protocol says they should be (RFC 5246 4, 7.4).
    #[error("the peer sent a malformed message: {0}")]
    Decode(#[from] DecodeError),

    /// A record could not be taken in or made (RFC 5246 6).
    #[error(transparent)]
    Record(#[from] RecordError),

    /// The peer sent a message out of turn (RFC 5246 7.4).
    #[error("the peer broke the protocol: expected {expected}, but got {got}")]
    UnexpectedMessage {
        /// What alone was allowed.
        expected: &'static str,
        /// What came.
        got: String,
    },

    /// The peer's messages do not fit together.
    #[error("the peer broke the protocol: {0}")]
    Misbehaved(Misbehaviour),

    /// The peer ended the connection and said why (RFC 5246 7.2.2).
    #[error("{0}")]
    AlertReceived(Box<AlertReceived>),

    /// The two sides have nothing in common. Both offers are shown.
    #[error("{0}")]
    NoCommonGround(Box<NoCommonGround>),

    /// The peer's certificate was refused. The error holds a report of every check.
    #[error("{} did not authenticate itself: {}", .whose.peer(), .error)]
    Certificate {
        /// Our role.
        whose: Role,
        /// Which named check failed, and why.
        error: Box<CertificateError>,
    },

    /// We demand a client certificate and the client sent none (RFC 5246 7.4.6).
    #[error(
        "the client sent no certificate, and this server requires one; give the client a certificate issued by one of the authorities this server names, or only request it"
    )]
    ClientCertificateMissing,

    /// The same in TLS 1.3, which has an alert for it (RFC 8446 4.4.2.4).
    #[error(
        "the client sent no certificate, and this server requires one; give the client a certificate issued by one of the authorities this server names, or only request it"
    )]
    ClientCertificateRequired,

    /// A primitive failed at our own side.
    #[error("a cryptographic operation failed: {0}")]
    Crypto(#[from] CryptoError),

    /// The key schedule could not go on: a mistake of our own.
    #[error("the key schedule cannot go on: {0}")]
    Schedule(#[from] ScheduleError),

    /// The configuration cannot serve this connection.
    #[error("the configuration cannot serve this connection: {0}")]
    Config(#[from] ConfigError),

    /// The caller's resolver refused the client (RFC 6066 3), or would show a server no certificate; or the caller ended the
    /// connection by [`Connection::abort`](crate::Connection::abort).
    #[error("the application refused the peer ({0})")]
    Refused(AlertDescription),

    /// The server could not read the encrypted ClientHello. It has shown that it is the one with the public name, and no
    /// more: nothing was sent to it (RFC 9849 6.1.6).
    #[error("the server could not read the encrypted ClientHello; {}", next_try(.retry_configs.is_some()))]
    EchRejected {
        /// What to give [`ech_configs`](crate::ClientConfigBuilder::ech_configs) for one more try, on a new connection: an
        /// ECHConfigList, for no more than that. `None`: the server has switched Encrypted ClientHello off, and the next try
        /// is without.
        retry_configs: Option<Bytes>,
    },

    /// The transport ended without a close_notify: data may be missing (RFC 5246 7.2.1).
    #[error("the connection was cut: the transport ended without close_notify, so data may be missing")]
    Truncated,

    /// The transport ended, or the peer closed, before the handshake was done.
    #[error(
        "the peer closed the connection while we waited for {awaited}; it may not speak TLS on this port, or it refused without saying why"
    )]
    ClosedInHandshake {
        /// What we were waiting for.
        awaited: &'static str,
    },

    /// A message that we may not ignore came too often (RFC 5246 7.2.1, 7.4.1.1).
    #[error("the peer sent too many {0}")]
    TooMany(&'static str),

    /// The peer asked for more handshakes than [`Limits`](crate::Limits) allows, or again and again for one that it does not get
    /// (RFC 5246 7.2.2).
    #[error("the peer asked for renegotiation too often")]
    TooManyRenegotiations,

    /// The peer declined to renegotiate, or will not be asked (RFC 5246 7.2.2, RFC 5746 4). The connection goes on as it is.
    #[error("no renegotiation: {0}")]
    NoRenegotiation(&'static str),

    /// More application data came during a renegotiation than is held back for its end.
    #[error(
        "the peer sent more than {0} bytes while a renegotiation was awaited; read while renegotiating, or raise Limits::renegotiation_data"
    )]
    RenegotiationData(usize),

    /// The caller drove the connection with `poll_now` while a callback was pending.
    #[error("a verifier, key or resolver is asynchronous and not ready: drive the connection with poll and a waker")]
    CallbackPending,

    /// Data was written before the handshake was done or after `close`.
    #[error("{0}")]
    NotWritable(&'static str),
}

impl Error {
    /// The alert that tells the peer, or `None` when it is gone or told us first (RFC 5246 7.2.2). The only table.
    pub fn alert(&self) -> Option<AlertDescription> {
        Some(match self {
            Self::Decode(error) => decode_alert(error),
            Self::Record(error) => error.alert(),
            Self::UnexpectedMessage { .. } => AlertDescription::UNEXPECTED_MESSAGE,
            Self::Misbehaved(what) => what.alert(),
            Self::AlertReceived(_) | Self::Truncated | Self::CallbackPending | Self::NotWritable(_) => return None,
            Self::ClosedInHandshake { .. } => return None,
            Self::NoCommonGround(what) => what.alert,
            Self::Certificate { error, .. } => error.alert(),
            Self::ClientCertificateMissing => AlertDescription::HANDSHAKE_FAILURE,
            Self::ClientCertificateRequired => AlertDescription::CERTIFICATE_REQUIRED,
            Self::Crypto(CryptoError::BadPeerKey(_)) => AlertDescription::ILLEGAL_PARAMETER,
            Self::Crypto(_) | Self::Schedule(_) | Self::Config(_) => AlertDescription::INTERNAL_ERROR,
            Self::Refused(alert) => *alert,
            Self::EchRejected { .. } => AlertDescription::ECH_REQUIRED,
            Self::TooMany(_) => AlertDescription::UNEXPECTED_MESSAGE,
            Self::TooManyRenegotiations => AlertDescription::NO_RENEGOTIATION,
            Self::NoRenegotiation(_) => return None,
            Self::RenegotiationData(_) => AlertDescription::INTERNAL_ERROR,
        })
    }
}

/// As an I/O error, for streams: a cut is `UnexpectedEof`, writing behind the end `BrokenPipe`, all else `InvalidData`. The typed
/// error is within ([`std::io::Error::get_ref`]).
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::Truncated | Error::ClosedInHandshake { .. } => std::io::ErrorKind::UnexpectedEof,
            Error::NotWritable(_) => std::io::ErrorKind::BrokenPipe,
            _ => std::io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

fn next_try(has_configs: bool) -> &'static str {
    if has_configs {
        "connect again with the retry configurations that it gave"
    } else {
        "it gave no other configuration: connect again without one"
    }
}

fn decode_alert(error: &DecodeError) -> AlertDescription {
    if error.is_illegal_parameter() || error.is_too_large() {
        AlertDescription::ILLEGAL_PARAMETER
    } else {
        AlertDescription::DECODE_ERROR
    }
}

pub(crate) use clasp_keys::Role;

trait Opposite {
    fn peer(&self) -> &'static str;
}

impl Opposite for Role {
    fn peer(&self) -> &'static str {
        match self {
            Role::Client => "the server",
            Role::Server => "the client",
        }
    }
}

impl From<Misbehaviour> for Error {
    fn from(what: Misbehaviour) -> Self {
        Self::Misbehaved(what)
    }
}

impl From<NoCommonGround> for Error {
    fn from(what: NoCommonGround) -> Self {
        Self::NoCommonGround(Box::new(what))
    }
}
