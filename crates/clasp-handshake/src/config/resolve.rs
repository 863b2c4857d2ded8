//! Choosing an identity: the server's by what the client's hello says, the client's by what the server asks for.

use core::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use clasp_cert::{Identity, MaybeReady};
use clasp_wire::{AlertDescription, CertificateType, ClientCertificateType, ClientHello, SignatureScheme};
use rustls_pki_types::ServerName;

use super::ServerConfig;
use crate::certificate_type::of_identity;
use crate::error::Error;
use crate::negotiate;

/// What a server's resolver sees: the whole hello, before anything is answered.
#[derive(Debug)]
pub struct ClientHelloInfo<'a> {
    /// The hello as parsed.
    pub hello: &'a ClientHello,
    /// The name asked for (RFC 6066 3), when it is a valid DNS name.
    pub server_name: Option<&'a str>,
}

/// What a server's resolver answers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Resolved {
    /// Serve the client with one of these; the first that suits what the client can verify is used.
    Identities(Vec<Arc<Identity>>),
    /// Serve the client with another configuration altogether.
    Config(Arc<ServerConfig>),
    /// Refuse, with this alert (`unrecognized_name`, say).
    Refuse(AlertDescription),
}

/// Chooses a server's identity, or its whole configuration. May take its time: the handshake waits for the future.
pub trait IdentityResolver: Debug + Send + Sync {
    /// Answers one hello.
    fn resolve<'a>(&'a self, hello: &'a ClientHelloInfo<'a>) -> MaybeReady<'a, Resolved>;

    /// Whether the server name that a client asks for is acknowledged even where the certificate shown is not for it: right for a
    /// resolver that chooses by it in any way (RFC 6066 3). On by default. Nothing is acknowledged where no certificate is shown.
    /// Where [`Resolved`] is another configuration, its resolver is asked.
    fn acknowledges_any_name(&self) -> bool {
        true
    }
}

/// The usual resolver: those of a fixed list that carry the asked-for name, or the whole list when none does.
#[derive(Clone, Debug, Default)]
pub struct FixedIdentities(pub(crate) Vec<Arc<Identity>>);

impl FixedIdentities {
    /// Identities in order of preference.
    pub fn new(identities: Vec<Arc<Identity>>) -> Self {
        Self(identities)
    }

    /// Those for this hello.
    pub(super) fn choose(&self, hello: &ClientHelloInfo<'_>) -> Resolved {
        let mut found = Vec::new();
        if let Some(Ok(name)) = hello.server_name.filter(|_| self.0.len() > 1).map(ServerName::try_from) {
            found.extend(self.0.iter().filter(|identity| identity.matches_name(&name)).cloned());
        }
        if found.is_empty() {
            found.clone_from(&self.0);
        }
        Resolved::Identities(found)
    }
}

impl IdentityResolver for FixedIdentities {
    fn resolve<'a>(&'a self, hello: &'a ClientHelloInfo<'a>) -> MaybeReady<'a, Resolved> {
        MaybeReady::ready(self.choose(hello))
    }

    fn acknowledges_any_name(&self) -> bool {
        false
    }
}

/// A server's CertificateRequest (RFC 5246 7.4.4).
#[derive(Debug)]
pub struct CertificateAsk<'a> {
    /// Names of acceptable issuers, DER. Empty: any.
    pub authorities: &'a [Bytes],
    /// Signature schemes that the server and our policy both have, in the server's order.
    pub schemes: &'a [SignatureScheme],
    /// Kinds of certificate.
    pub types: &'a [ClientCertificateType],
    /// Whether a raw public key is asked for, and not a certificate (RFC 7250).
    pub raw_public_key: bool,
    /// Whether a scheme says the curve too, and RSA signs with PSS alone (RFC 8446 4.2.3), or by a name of its own (RFC 9963).
    pub(crate) schemes_of_tls13: bool,
}

impl CertificateAsk<'_> {
    /// Whether the server can take this identity: it is of the form and kind asked for, and signs with one of the schemes. Who
    /// issued it is another question ([`Identity::issued_by`]).
    pub fn suits(&self, identity: &Identity) -> bool {
        // The kind for ECDSA is that for EdDSA too (RFC 8422 5.5).
        let typ = if identity.key_algorithm().is_rsa() {
            ClientCertificateType::RSA_SIGN
        } else {
            ClientCertificateType::ECDSA_SIGN
        };
        // TLS 1.3 asks for no kinds.
        identity.is_raw_public_key() == self.raw_public_key
            && (self.types.is_empty() || self.types.contains(&typ))
            && identity.key().schemes().iter().any(|scheme| {
                if !self.schemes_of_tls13 || negotiate::signs_in_tls13(*scheme, identity.key_algorithm()) {
                    return self.schemes.contains(scheme);
                }
                negotiate::client_name_of_pkcs1(*scheme).is_some_and(|scheme| self.schemes.contains(&scheme))
            })
    }
}

/// What a client's resolver answers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ClientAnswer {
    /// Show this identity.
    Show(Arc<Identity>),
    /// Show none: the server decides whether it goes on (RFC 5246 7.4.6, RFC 8446 4.4.2.4).
    Decline,
    /// End the handshake with this alert ([`Error::Refused`](crate::Error::Refused)), rather than be somebody without a
    /// certificate.
    Refuse(AlertDescription),
}

impl From<Option<Arc<Identity>>> for ClientAnswer {
    fn from(identity: Option<Arc<Identity>>) -> Self {
        identity.map_or(Self::Decline, Self::Show)
    }
}

impl ClientAnswer {
    /// The identity to show, if it is of the agreed type.
    pub(crate) fn of_type(self, typ: CertificateType) -> Result<Option<Arc<Identity>>, Error> {
        match self {
            Self::Show(identity) => Ok(Some(identity).filter(|identity| of_identity(identity) == typ)),
            Self::Decline => Ok(None),
            Self::Refuse(alert) => Err(Error::Refused(alert)),
        }
    }
}

/// Chooses a client's identity when a server asks for one. May take its time.
pub trait ClientIdentityResolver: Debug + Send + Sync {
    /// Answers one request.
    fn resolve<'a>(&'a self, ask: &'a CertificateAsk<'a>) -> MaybeReady<'a, ClientAnswer>;

    /// Tells the identities that may be shown from others: a session in which one was shown is only resumed where this is
    /// the same. By default it is this very value's, as long as it lives.
    /// A configuration asks once, when it is built.
    fn resumption_scope(&self) -> Vec<u8> {
        clasp_cert::scope_of_this(self)
    }

    /// The types of certificate it can show, the preferred one first, which the hello says (RFC 7250 4.1). X.509 by default.
    fn certificate_types(&self) -> Vec<CertificateType> {
        vec![CertificateType::X509]
    }
}

impl ClientIdentityResolver for FixedIdentities {
    fn resumption_scope(&self) -> Vec<u8> {
        self.0.iter().flat_map(|identity| identity.public_key().spki().to_vec()).collect()
    }

    fn certificate_types(&self) -> Vec<CertificateType> {
        let mut types = Vec::new();
        for identity in &self.0 {
            let typ = of_identity(identity);
            if !types.contains(&typ) {
                types.push(typ);
            }
        }
        if types.is_empty() { vec![CertificateType::X509] } else { types }
    }

    /// The first that the server can take, those first that one of its authorities issued. One issued
    /// by somebody else is still shown: servers often name no intermediate authority, and they decide in the end.
    fn resolve<'a>(&'a self, ask: &'a CertificateAsk<'a>) -> MaybeReady<'a, ClientAnswer> {
        let able = || self.0.iter().filter(|identity| ask.suits(identity));
        let chosen = able().find(|identity| identity.issued_by(ask.authorities)).or_else(|| able().next());
        MaybeReady::ready(chosen.cloned().into())
    }
}
