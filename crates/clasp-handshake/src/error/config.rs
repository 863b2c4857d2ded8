//! Configurations that cannot work.

use thiserror::Error;

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
    #[error("at least one ECH key must be one that clients are told to use, at most 64, and 16384 bytes")]
    BadEchRetryConfigs,
    /// A resolver hands over to a configuration that has keys for Encrypted ClientHello, from one that has none: clients would be
    /// told that there are none, and go on in the clear (RFC 9849 6.1.6).
    #[error(
        "the configuration that a resolver hands over to has ECH keys, and the one before it has none: give them to that"
    )]
    EchKeysTooLate,
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
