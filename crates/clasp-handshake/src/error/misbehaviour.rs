//! How a peer's messages fail to fit together: what is said of it, and the alert, in one table.

use clasp_wire::AlertDescription;
use thiserror::Error;

macro_rules! misbehaviour {
    ($($(#[doc = $doc:literal])* $name:ident => $alert:ident, $text:literal;)*) => {
        /// How the peer's messages failed to fit together.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
        #[non_exhaustive]
        pub enum Misbehaviour {
            $($(#[doc = $doc])* #[error($text)] $name,)*
        }

        impl Misbehaviour {
            pub(super) fn alert(self) -> AlertDescription {
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
