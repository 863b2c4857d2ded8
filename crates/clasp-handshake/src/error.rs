//! Errors, sorted by who must act, and the alert each one sends (RFC 5246 7.2.2).

use core::fmt;

use bytes::Bytes;
use clasp_cert::CertificateError;
use clasp_crypto::CryptoError;
use clasp_keys::ScheduleError;
use clasp_record::RecordError;
use clasp_wire::{AlertDescription, CipherSuite, DecodeError, NamedGroup, ProtocolVersion, SignatureScheme};
use thiserror::Error;

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

macro_rules! misbehaviour {
    ($($(#[doc = $doc:literal])* $name:ident => $alert:ident, $text:literal;)*) => {
        /// How the peer's messages failed to fit together.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
        #[non_exhaustive]
        pub enum Misbehaviour {
            $($(#[doc = $doc])* #[error($text)] $name,)*
        }

        impl Misbehaviour {
            fn alert(self) -> AlertDescription {
                match self {
                    $(Self::$name => AlertDescription::$alert,)*
                }
            }
        }
    };
}

misbehaviour! {
    /// RFC 5246 7.4.1.3.
    SuiteNotOffered => ILLEGAL_PARAMETER, "the server chose a cipher suite that was not offered";
    /// RFC 5246 7.4.1.3.
    CompressionNotOffered => ILLEGAL_PARAMETER, "the server chose a compression method that was not offered";
    /// RFC 5246 7.4.1.2.
    NoNullCompression => ILLEGAL_PARAMETER, "the client does not offer the null compression method, which every client must";
    /// RFC 5246 7.4.1.4.
    UnsolicitedExtension => UNSUPPORTED_EXTENSION, "the server answered an extension that was not offered";
    /// RFC 7366 3.
    EncryptThenMacWithoutCbc => ILLEGAL_PARAMETER, "the server agreed to encrypt-then-MAC for a suite that is not CBC";
    /// RFC 8422 5.1.2.
    NoUncompressedPoints => ILLEGAL_PARAMETER, "the peer's point formats leave out the uncompressed one, which everyone must support";
    /// RFC 7301 3.1.
    AlpnNotOffered => ILLEGAL_PARAMETER, "the server chose an application protocol that was not offered";
    /// RFC 7250 4.2.
    CertificateTypeNotOffered => ILLEGAL_PARAMETER, "the server chose a type of certificate that was not offered";
    /// RFC 7250 4.2.
    NoCertificateTypeInCommon => UNSUPPORTED_CERTIFICATE, "the client has no type of certificate, X.509 or raw public key, that this server takes from clients";
    /// RFC 8422 5.4.
    GroupNotOffered => ILLEGAL_PARAMETER, "the server used a key exchange group that was not offered";
    /// RFC 7919 4, RFC 5246 7.4.3.
    DhTooSmall => INSUFFICIENT_SECURITY, "the server's Diffie-Hellman group is too small for this policy (Logjam); let the server use one of 2048 bits or more, or offer it no DHE suites";
    /// RFC 5246 7.4.3: the group's prime is even, too large to work with, or the values lie out of range.
    BadKeyShare => ILLEGAL_PARAMETER, "the peer's key exchange value is not valid in its group";
    /// RFC 8422 5.3.
    CurveNotOffered => ILLEGAL_PARAMETER, "the server's certificate holds a key on a curve that was not offered";
    /// RFC 5246 7.4.2.
    WrongKeyType => ILLEGAL_PARAMETER, "the server's certificate holds another kind of key than the agreed suite needs";
    /// RFC 5246 7.4.2.
    KeyTooSmall => BAD_CERTIFICATE, "the peer's RSA key is shorter than this policy accepts with this cipher suite";
    /// RFC 2246 7.4.3.
    BadTemporaryKey => ILLEGAL_PARAMETER, "the server's temporary RSA key is not as long as its export suite wants";
    /// RFC 5246 7.4.2.
    EmptyCertificate => DECODE_ERROR, "the server sent an empty certificate list";
    /// RFC 5246 7.4.3, 7.4.8.
    SchemeNotOffered => ILLEGAL_PARAMETER, "the peer signed with a scheme that was not offered";
    /// RFC 5246 7.4.3, 7.4.8.
    BadSignature => DECRYPT_ERROR, "the peer's handshake signature does not verify: it does not hold the key of its certificate";
    /// RFC 5246 7.4.9, RFC 8446 4.4.4.
    FinishedLength => DECODE_ERROR, "the peer's Finished is not as long as those of this version and suite are";
    /// RFC 5246 7.4.9.
    BadFinished => DECRYPT_ERROR, "the peer's Finished does not match: the handshake was tampered with, or the two sides hold different keys";
    /// RFC 5746 3.4, 3.6.
    BadRenegotiationInfo => HANDSHAKE_FAILURE, "the peer's renegotiation_info does not belong to this connection";
    /// RFC 5746 5, RFC 7627 6.4.
    IdentityChanged => HANDSHAKE_FAILURE, "the peer showed another certificate when renegotiating than before, which this configuration does not allow";
    /// RFC 5246 7.4.1.3, RFC 7627 5.3.
    ResumedDifferently => ILLEGAL_PARAMETER, "the server resumes the session with another version, suite or master secret than it had";
    /// RFC 5246 7.4.1.3.
    VersionChanged => ILLEGAL_PARAMETER, "the peer changed the protocol version when renegotiating";
    /// RFC 7627 5, 6.4.
    ExtendedMasterSecretChanged => HANDSHAKE_FAILURE, "the peer gave up the extended master secret that the earlier handshake had, or has it only now";
    /// RFC 5746 4.1.
    NoRenegotiationInfo => HANDSHAKE_FAILURE, "the peer does not know renegotiation_info (RFC 5746), which this policy requires; Policy::compatible does not";
    /// RFC 7627 5.2, 5.3.
    NoExtendedMasterSecret => HANDSHAKE_FAILURE, "the peer does not use the extended master secret, which this configuration requires";
    /// RFC 8446 4.1.3.
    Downgrade => ILLEGAL_PARAMETER, "both sides speak a newer version than was agreed: somebody on the way changed the hello";
    /// RFC 7507 3.
    InappropriateFallback => INAPPROPRIATE_FALLBACK, "the client fell back to an older version than both sides have";
    /// RFC 5246 7.1.
    BadChangeCipherSpec => DECODE_ERROR, "a ChangeCipherSpec is one byte of value 1";
    /// RFC 5246 7.4: handshake bytes may not lie across a change of keys.
    DataAcrossKeyChange => UNEXPECTED_MESSAGE, "handshake data was left over at a change of keys";
    /// RFC 5246 7.3: a flight ends where the other side's begins.
    DataBehindFlight => UNEXPECTED_MESSAGE, "handshake data came behind the end of a flight, before it was answered";
    /// RFC 5246 6.2.1.
    RecordsInterleaved => UNEXPECTED_MESSAGE, "another record came in the middle of a handshake message";
    /// RFC 5246 7.2.
    BadAlert => DECODE_ERROR, "an alert is two bytes";
    /// RFC 5246 7.2, RFC 8446 6.
    BadAlertLevel => ILLEGAL_PARAMETER, "an alert is a warning or fatal";
    /// RFC 5246 7.4.4.
    NothingToSignWith => HANDSHAKE_FAILURE, "the certificate request names no signature scheme this side has";
    /// RFC 8446 4.2.1.
    VersionNotOffered => ILLEGAL_PARAMETER, "the server chose a version that was not offered, or that is not chosen in this way";
    /// RFC 8446 4.1.3.
    WrongLegacyVersion => ILLEGAL_PARAMETER, "a hello of TLS 1.3 says TLS 1.2 where older versions say theirs";
    /// RFC 8446 4.1.3.
    WrongSessionId => ILLEGAL_PARAMETER, "the server does not repeat the session identifier";
    /// RFC 8446 4.2.
    MisplacedExtension => ILLEGAL_PARAMETER, "an extension stands in a message that it does not belong to";
    /// RFC 8446 4.2: more than `Limits::extensions`.
    TooManyExtensions => ILLEGAL_PARAMETER, "a message has more extensions than Limits::extensions allows";
    /// RFC 8446 4.4.2: more than `Limits::certificates`.
    TooManyCertificates => BAD_CERTIFICATE, "the peer's chain has more certificates than Limits::certificates allows";
    /// RFC 8446 4.2.2: longer than `Limits::cookie`.
    CookieTooLong => ILLEGAL_PARAMETER, "the server's cookie is longer than Limits::cookie allows";
    /// RFC 8446 9.2.
    MissingExtension => MISSING_EXTENSION, "a message lacks an extension that it must have";
    /// RFC 8446 4.1.4.
    NeedlessRetry => ILLEGAL_PARAMETER, "the server asks for another hello that would be the same";
    /// RFC 8446 4.1.2, 4.1.4.
    ChangedAfterRetry => ILLEGAL_PARAMETER, "the peer changed after a HelloRetryRequest what must stay the same";
    /// RFC 8446 4.2.8.
    BadKeyShares => ILLEGAL_PARAMETER, "the client's key shares and groups do not go together";
    /// RFC 8446 4.2.11.
    PskNotOffered => ILLEGAL_PARAMETER, "the server chose a pre-shared key that was not offered";
    /// RFC 8446 4.2.11.
    PskOfAnotherHash => ILLEGAL_PARAMETER, "the server chose a pre-shared key that does not go with its cipher suite";
    /// RFC 8446 4.2.11.
    BadBinder => DECRYPT_ERROR, "the client does not hold the pre-shared key that it offers: its binder does not verify";
    /// RFC 8446 4.1.2.
    EarlyDataAfterRetry => ILLEGAL_PARAMETER, "the client offers early data again after a HelloRetryRequest";
    /// RFC 8446 4.2.10.
    EarlyDataNotOffered => UNSUPPORTED_EXTENSION, "the server takes early data that was not offered";
    /// RFC 8446 4.2.10.
    EarlyDataOfAnother => ILLEGAL_PARAMETER, "the server takes early data under another cipher suite or application protocol than it was sent under";
    /// RFC 8446 D.3.
    EarlyDataInOlderVersion => PROTOCOL_VERSION, "the server speaks an older version than the session whose early data was sent; the next connection will be a full handshake";
    /// RFC 8446 4.2.10.
    TooMuchEarlyData => UNEXPECTED_MESSAGE, "the client sent more early data than it was told it may";
    /// RFC 8446 4.3.2, 4.4.2.
    WrongRequestContext => ILLEGAL_PARAMETER, "the certificate, or the request for it, does not say what it belongs to";
    /// RFC 8879 4.
    BadCompression => BAD_CERTIFICATE, "the compressed certificate does not unpack to what it says";
    /// RFC 8446 4.6.1.
    BadTicketLifetime => ILLEGAL_PARAMETER, "a ticket is to be good for more than a week";
    /// RFC 9849 6.1.4, 6.1.6, 6.2.
    BadEncryptedClientHello => DECODE_ERROR, "the server's answer to Encrypted ClientHello is malformed";
    /// RFC 9849 7.
    InnerClientHelloInTheOpen => ILLEGAL_PARAMETER, "the client's hello says that it was encrypted, and it was not";
    /// RFC 9849 7.1.
    BadInnerClientHello => ILLEGAL_PARAMETER, "the hello that was encrypted does not say so, or offers versions before TLS 1.3, or is too long";
    /// RFC 9849 7.1.1.
    UnreadableClientHello => DECRYPT_ERROR, "the client's second hello is not encrypted as its first one was";
    /// RFC 9849 6.1.5.
    EncryptedClientHelloDropped => ILLEGAL_PARAMETER, "the server took the first encrypted hello, and not the second";
    /// RFC 8449 4, RFC 6066 4.
    BadRecordSizeLimit => ILLEGAL_PARAMETER, "the peer's record size limit is out of range";
}

impl From<Misbehaviour> for Error {
    fn from(what: Misbehaviour) -> Self {
        Self::Misbehaved(what)
    }
}

/// The peer's alert, with what we had offered when it came before the server's hello: the peer does not say which part
/// of the offer it missed, so both are shown.
#[derive(Clone, Debug)]
pub struct AlertReceived {
    /// What the peer said.
    pub alert: AlertDescription,
    /// What we had offered, when the peer refused the hello itself.
    pub offered: Option<Offer>,
    /// Whether the peer had asked for our certificate and been sent none (RFC 5246 7.4.6), and this may be why: no alert over
    /// records and messages that cannot be read.
    pub certificate_declined: bool,
    /// Whether the peer had asked to renegotiate and been declined, which some take for the end (RFC 5246 7.2.2).
    pub renegotiation_declined: bool,
}

/// Whether an alert can mean that a certificate is missing. `established`: it came after the handshake, where old peers no longer
/// say `unexpected_message` for that.
pub(crate) fn may_miss_certificate(alert: AlertDescription, established: bool) -> bool {
    match alert {
        AlertDescription::BAD_RECORD_MAC
        | AlertDescription::DECRYPTION_FAILED
        | AlertDescription::RECORD_OVERFLOW
        | AlertDescription::DECOMPRESSION_FAILURE
        | AlertDescription::DECRYPT_ERROR => false,
        // GnuTLS takes an empty list of certificates for one that it cannot read.
        AlertDescription::UNEXPECTED_MESSAGE | AlertDescription::DECODE_ERROR => !established,
        _ => true,
    }
}

impl fmt::Display for AlertReceived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In answer to a hello it is about what the peer itself would show (RFC 7250 4.2).
        let of_types = self.alert == AlertDescription::UNSUPPORTED_CERTIFICATE && self.offered.is_some();
        let advice = if of_types {
            "; it has nothing of the type that we take, certificate or raw public key (RFC 7250)"
        } else {
            advice(self.alert)
        };
        write!(f, "the peer refused: alert {} ({}){advice}", self.alert, self.alert.0)?;
        if self.certificate_declined {
            f.write_str(
                ". It had asked for a client certificate and was sent none: give this client an identity that one of \
                 the server's authorities issued",
            )?;
        }
        if self.renegotiation_declined {
            f.write_str(". It had asked to renegotiate, which this version declines")?;
        }
        if let Some(offered) = self.offered.as_ref().filter(|_| !of_types) {
            write!(f, ". The peer does not say why. We offered {offered}")?;
        }
        Ok(())
    }
}

fn advice(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::UNKNOWN_CA => "; it does not know the issuer of our certificate",
        AlertDescription::BAD_CERTIFICATE
        | AlertDescription::CERTIFICATE_UNKNOWN
        | AlertDescription::UNSUPPORTED_CERTIFICATE => "; it does not accept our certificate",
        AlertDescription::CERTIFICATE_EXPIRED => "; it takes our certificate to be expired: check both clocks",
        AlertDescription::CERTIFICATE_REVOKED => "; it takes our certificate to be revoked",
        AlertDescription::CERTIFICATE_REQUIRED => "; it wants a client certificate",
        AlertDescription::DECRYPT_ERROR => "; a signature or Finished of ours did not verify there",
        AlertDescription::NO_APPLICATION_PROTOCOL => "; it speaks none of the offered application protocols",
        AlertDescription::ECH_REQUIRED => "; we could not read its encrypted ClientHello, and it sends nothing without",
        AlertDescription::UNRECOGNIZED_NAME => "; it does not serve the requested server name",
        _ => "",
    }
}

/// What one side of a handshake offers.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// Protocol versions.
    pub versions: Vec<ProtocolVersion>,
    /// Cipher suites, signalling values left out.
    pub suites: Vec<CipherSuite>,
    /// Key exchange groups.
    pub groups: Vec<NamedGroup>,
    /// Signature schemes.
    pub schemes: Vec<SignatureScheme>,
    /// Application protocols.
    pub alpn: Vec<String>,
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        list(f, &mut separator, "versions", &self.versions)?;
        list(f, &mut separator, "cipher suites", &self.suites)?;
        list(f, &mut separator, "groups", &self.groups)?;
        list(f, &mut separator, "signature schemes", &self.schemes)?;
        list(f, &mut separator, "application protocols", &self.alpn)
    }
}

fn list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    separator: &mut &'static str,
    what: &str,
    items: &[T],
) -> fmt::Result {
    let Some((first, rest)) = items.split_first() else { return Ok(()) };
    write!(f, "{separator}{what} {first}")?;
    for item in rest {
        write!(f, ", {item}")?;
    }
    *separator = "; ";
    Ok(())
}

/// The two sides have nothing in common.
#[derive(Clone, Debug)]
pub struct NoCommonGround {
    /// In what: `protocol version`, `cipher suite`, `application protocol`.
    pub what: &'static str,
    /// Our offer.
    pub ours: Offer,
    /// The peer's, as far as it has told.
    pub theirs: Offer,
    /// What is missing where suites are in common, and none can be used.
    pub missing: Option<&'static str>,
    /// The named policy that would have met the peer's offer.
    pub policy: Option<&'static str>,
    /// What the peer is told.
    pub alert: AlertDescription,
}

impl fmt::Display for NoCommonGround {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no common {}: we have {}; the peer offers {}", self.what, self.ours, self.theirs)?;
        if let Some(missing) = self.missing {
            write!(f, ". Suites are in common, but not {missing}")?;
        }
        match self.policy {
            Some(policy) => write!(f, ". Policy {policy} would accept what the peer offers"),
            None => Ok(()),
        }
    }
}

impl From<NoCommonGround> for Error {
    fn from(what: NoCommonGround) -> Self {
        Self::NoCommonGround(Box::new(what))
    }
}

/// A configuration that cannot work.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A client with neither roots nor a verifier.
    #[error("no way to verify the server: give roots (system_roots, roots) or a verifier")]
    NoVerifier,
    /// A server with neither an identity nor a resolver.
    #[error("a server needs an identity (certificate chain and private key) or an identity resolver")]
    NoIdentity,
    /// Nothing is left of the policy.
    #[error("the policy leaves no {0} that the provider supports")]
    NothingToOffer(&'static str),
    /// An application protocol name is empty or longer than 255 bytes (RFC 7301 3.1).
    #[error("an application protocol name must be 1 to 255 bytes long")]
    BadAlpn,
    /// Unsafe renegotiation under a policy that does not have it.
    #[error("unsafe legacy renegotiation needs an insecure policy")]
    UnsafeRenegotiation,
    /// A pre-shared key without a name, or not of 16 to 65535 bytes.
    #[error("a pre-shared key has a name of 1 to 65535 bytes, and at least 16 bytes, at most 65535")]
    BadPsk,
    /// Only suites with a pre-shared key are left of the policy, and there is none that goes with them.
    #[error("the policy leaves only cipher suites with a pre-shared key, and none was given that is for TLS 1.2")]
    NoPsk,
    /// A record size limit outside 64..=16384 (RFC 8449 4).
    #[error("a record size limit must lie between 64 and 16384 bytes")]
    BadRecordSizeLimit,
    /// An ECHConfigList that is malformed (RFC 9849 4).
    #[error("the list of ECH configurations is malformed: {0}")]
    BadEchConfigs(String),
    /// No configuration that this build has the algorithms for, and all that it must know.
    #[error(
        "none of the ECH configurations can be used: their key, algorithms, extensions or public name are not ones that we have"
    )]
    NoUsableEchConfig,
    /// A server's keys for Encrypted ClientHello, none of which is to be told to clients that have another one, or more than
    /// fit into a list (RFC 9849 7.1).
    #[error("at least one ECH key must be one that clients are told to use, at most 64, and 65535 bytes")]
    BadEchRetryConfigs,
    /// Encrypted ClientHello under a policy without TLS 1.3.
    #[error("Encrypted ClientHello needs a policy that offers TLS 1.3")]
    EchWithoutTls13,
    /// The host given to connect to is not a DNS name or an IP address.
    #[error("{0:?} is neither a DNS name nor an IP address")]
    BadServerName(String),
    /// The system's trusted roots could not be read.
    #[error("the system's trusted roots cannot be read: {0}")]
    SystemRoots(String),
    /// The verifier could not be made of the given roots.
    #[error("the roots make no verifier: {0}")]
    Roots(String),
}
