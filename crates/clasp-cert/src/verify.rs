//! The questions a handshake asks, and the traits of those who answer (RFC 5246, sections 7.4.2 and 7.4.8).

use core::fmt;

use clasp_wire::CertificateType;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::error::CertificateError;
use crate::maybe_ready::MaybeReady;
use crate::report::Report;
use crate::sct::SctList;

/// What a handshake does with a certificate's key (RFC 5280, section 4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyUse {
    /// It signs: (EC)DHE parameters, or CertificateVerify.
    DigitalSignature,
    /// The pre-master secret is encrypted with it: RSA key exchange.
    KeyEncipherment,
    /// It is itself one half of a Diffie-Hellman exchange.
    KeyAgreement,
}

impl fmt::Display for KeyUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DigitalSignature => "digitalSignature",
            Self::KeyEncipherment => "keyEncipherment",
            Self::KeyAgreement => "keyAgreement",
        })
    }
}

/// A server's certificate to be verified.
#[derive(Clone, Copy, Debug)]
pub struct ServerVerification<'a> {
    /// What the server sent, its own certificate first.
    pub chain: &'a [CertificateDer<'static>],
    /// The name the caller wants to talk to.
    pub name: &'a ServerName<'static>,
    /// The time to verify for.
    pub now: UnixTime,
    /// The stapled OCSP response (RFC 6066, section 8), as it came; empty if there was none.
    pub ocsp_response: &'a [u8],
    /// The signed certificate timestamps that came beside the certificate (RFC 6962, section 3.3), not verified. Others may be
    /// within the certificate or the OCSP response.
    pub sct_list: Option<&'a SctList>,
    /// What the key exchange does with the server's key.
    pub key_use: KeyUse,
}

impl<'a> ServerVerification<'a> {
    /// A question without a stapled OCSP response and timestamps.
    pub const fn new(
        chain: &'a [CertificateDer<'static>],
        name: &'a ServerName<'static>,
        now: UnixTime,
        key_use: KeyUse,
    ) -> Self {
        Self { chain, name, now, ocsp_response: &[], sct_list: None, key_use }
    }

    /// Adds the stapled OCSP response.
    #[must_use]
    pub const fn with_ocsp_response(mut self, ocsp_response: &'a [u8]) -> Self {
        self.ocsp_response = ocsp_response;
        self
    }

    /// Adds the signed certificate timestamps.
    #[must_use]
    pub const fn with_sct_list(mut self, list: Option<&'a SctList>) -> Self {
        self.sct_list = list;
        self
    }
}

/// A client's certificate to be verified. Its key will sign CertificateVerify.
#[derive(Clone, Copy, Debug)]
pub struct ClientVerification<'a> {
    /// What the client sent, its own certificate first.
    pub chain: &'a [CertificateDer<'static>],
    /// The time to verify for.
    pub now: UnixTime,
}

impl<'a> ClientVerification<'a> {
    /// The question.
    pub const fn new(chain: &'a [CertificateDer<'static>], now: UnixTime) -> Self {
        Self { chain, now }
    }
}

/// A scope that is no other living value's: its address, and this process.
pub fn scope_of_this<T: ?Sized>(value: &T) -> Vec<u8> {
    let address = core::ptr::from_ref(value).addr().to_be_bytes();
    [&address[..], &std::process::id().to_be_bytes()].concat()
}

/// Decides whether a server is who the client wants to talk to.
///
/// It does not see the server's proof that it holds the key: that is the handshake's own check.
pub trait ServerVerifier: fmt::Debug + Send + Sync {
    /// Verifies a server's certificate.
    fn verify_server<'a>(
        &'a self,
        verification: ServerVerification<'a>,
    ) -> MaybeReady<'a, Result<Report, CertificateError>>;

    /// Tells this way of verifying from others: a session is only resumed where this is the same, as a server that resumes
    /// shows no certificate. By default it is this very value's, as long as it lives.
    /// A configuration asks once, when it is built.
    fn resumption_scope(&self) -> Vec<u8> {
        scope_of_this(self)
    }

    /// The types of certificate it accepts, the preferred one first (RFC 7250, section 4). X.509 by default. For a raw public
    /// key the chain is its SubjectPublicKeyInfo alone: [`raw_public_key`](crate::raw_public_key) tells it from certificates.
    fn certificate_types(&self) -> &[CertificateType] {
        &[CertificateType::X509]
    }
}

/// Decides whether a client is one the server wants to serve.
pub trait ClientVerifier: fmt::Debug + Send + Sync {
    /// Verifies a client's certificate.
    fn verify_client<'a>(
        &'a self,
        verification: ClientVerification<'a>,
    ) -> MaybeReady<'a, Result<Report, CertificateError>>;

    /// The DER names of the authorities to be listed in CertificateRequest (RFC 5246, section
    /// 7.4.4). An empty list tells clients nothing and leaves them free.
    fn authorities(&self) -> &[Vec<u8>];

    /// The types of certificate it accepts, the preferred one first (RFC 7250, section 4). X.509 by default. For a raw public
    /// key the chain is its SubjectPublicKeyInfo alone: [`raw_public_key`](crate::raw_public_key) tells it from certificates.
    fn certificate_types(&self) -> &[CertificateType] {
        &[CertificateType::X509]
    }
}

/// Looks at the stapled OCSP response of a chain that is good in all other ways.
///
/// This crate does not read OCSP: whoever wants it read plugs it in here (RFC 6960).
pub trait StapleCheck: fmt::Debug + Send + Sync {
    /// Gives an opinion on `verification.ocsp_response`, which is empty if the server sent none.
    fn check_staple(&self, verification: &ServerVerification<'_>) -> StapleStatus;
}

/// What a [`StapleCheck`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StapleStatus {
    /// The response is current and rightly signed, and the certificate is good.
    Good,
    /// The certificate is revoked: the server is refused.
    Revoked,
    /// The server is refused for this reason, for instance a staple that had to be there.
    Refused(Box<str>),
    /// Nothing can be told, and nothing follows from that.
    Unknown,
}
