//! Whether a side shows a certificate or a raw public key (RFC 7250 4; RFC 8446 4.4.2).

use std::sync::Arc;

use bytes::Bytes;
use clasp_cert::{CertificateError, CertificateProblem, Identity, PublicKey, Report};
use clasp_wire::{
    Certificate, CertificateType, ClientExtension, ClientHello, DecodeError, HandshakeMessage as _,
    RawPublicKeyCertificate, ServerExtension,
};
use rustls_pki_types::CertificateDer;

use crate::classic::der_chain;
use crate::config::{ClientAuth, ClientConfig};
use crate::error::Misbehaviour;
use crate::peer::Peer;

/// What was agreed for both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CertificateTypes {
    pub(crate) server: CertificateType,
    pub(crate) client: CertificateType,
    /// What of it a server says: only who names types is told one.
    says: (bool, bool),
}

impl Default for CertificateTypes {
    fn default() -> Self {
        Self { server: CertificateType::X509, client: CertificateType::X509, says: (false, false) }
    }
}

/// The extensions of a client's hello. Where X.509 alone is meant nothing is said (RFC 7250 4.1).
pub(crate) fn offer(config: &ClientConfig) -> impl Iterator<Item = ClientExtension> {
    let said = |types: &[CertificateType]| (types != [CertificateType::X509]).then(|| types.to_vec());
    let client = said(&config.identities.certificate_types()).map(ClientExtension::ClientCertificateTypes);
    let server = said(config.verifier.certificate_types()).map(ClientExtension::ServerCertificateTypes);
    client.into_iter().chain(server)
}

impl CertificateTypes {
    /// Takes up, as a client, an extension of the server's, which must choose from what was offered.
    pub(crate) fn accept(&mut self, offered: &ClientHello, extension: &ServerExtension) -> Result<(), Misbehaviour> {
        let (slot, types, chosen) = match extension {
            ServerExtension::ServerCertificateType(typ) => (&mut self.server, offered.server_certificate_types(), typ),
            ServerExtension::ClientCertificateType(typ) => (&mut self.client, offered.client_certificate_types(), typ),
            _ => return Ok(()),
        };
        if !types.unwrap_or_default().contains(chosen) {
            return Err(Misbehaviour::CertificateTypeNotOffered);
        }
        *slot = *chosen;
        Ok(())
    }

    /// What a server says with this identity. The client's type is only chosen where the client is asked: the first of the
    /// verifier's that the client names. There must be one (RFC 7250 4.2); a client that names none has X.509 alone, but need not
    /// show it where it may decline.
    pub(crate) fn choose(
        hello: &ClientHello,
        identity: &Identity,
        client_auth: &ClientAuth,
    ) -> Result<Self, Misbehaviour> {
        let accepted = client_auth.verifier().map(|verifier| verifier.certificate_types());
        let named = hello.client_certificate_types();
        let theirs = named.unwrap_or(&[CertificateType::X509]);
        let client = match accepted {
            Some(accepted) if named.is_some() || client_auth.is_required() => {
                let common = accepted.iter().copied().find(|typ| theirs.contains(typ));
                common.ok_or(Misbehaviour::NoCertificateTypeInCommon)?
            }
            _ => CertificateType::X509,
        };
        let says = (hello.server_certificate_types().is_some(), accepted.is_some() && named.is_some());
        Ok(Self { server: of_identity(identity), client, says })
    }

    /// What is said where a session is resumed and nothing is shown: what the server would show. RFC 7250 is silent on it, and some
    /// clients look for it there too. The client is not asked for anything, so its type is not said.
    pub(crate) fn choose_again(hello: &ClientHello, identities: &[Arc<Identity>]) -> Self {
        let identity = identities.iter().find(|identity| is_accepted(hello, identity));
        let chosen = identity.and_then(|identity| Self::choose(hello, identity, &ClientAuth::None).ok());
        chosen.unwrap_or_default()
    }

    /// The extensions that say it, X.509 too where the client named types (RFC 7250 4.2).
    pub(crate) fn answer(self) -> impl Iterator<Item = ServerExtension> {
        let (server, client) = self.says;
        let client = client.then_some(ServerExtension::ClientCertificateType(self.client));
        client.into_iter().chain(server.then_some(ServerExtension::ServerCertificateType(self.server)))
    }
}

/// The type of an identity.
pub(crate) fn of_identity(identity: &Identity) -> CertificateType {
    if identity.is_raw_public_key() { CertificateType::RAW_PUBLIC_KEY } else { CertificateType::X509 }
}

/// Whether the client accepts what this identity shows.
pub(crate) fn is_accepted(hello: &ClientHello, identity: &Identity) -> bool {
    hello.server_certificate_types().unwrap_or(&[CertificateType::X509]).contains(&of_identity(identity))
}

/// The key of what a peer showed. A raw public key stands alone (RFC 8446 4.4.2).
pub(crate) fn public_key(
    typ: CertificateType,
    chain: &[CertificateDer<'_>],
) -> Result<Option<PublicKey>, CertificateError> {
    match chain {
        [] => Ok(None),
        [spki] if typ == CertificateType::RAW_PUBLIC_KEY => PublicKey::from_raw_public_key(spki).map(Some),
        _ if typ == CertificateType::RAW_PUBLIC_KEY => {
            let problem = CertificateProblem::TooManyCertificates { count: chain.len(), limit: 1 };
            Err(CertificateError::new(problem, Report::server()))
        }
        [leaf, ..] => PublicKey::from_certificate(leaf).map(Some),
    }
}

/// Sends a Certificate as it was before TLS 1.3: a list, or the key alone (RFC 7250 3).
pub(crate) fn send(peer: &mut Peer, typ: CertificateType, chain: &[CertificateDer<'_>]) {
    if typ == CertificateType::RAW_PUBLIC_KEY {
        let spki = chain.first().map(|spki| Bytes::copy_from_slice(spki)).unwrap_or_default();
        peer.send(&RawPublicKeyCertificate { spki });
    } else {
        peer.send(&Certificate { chain: chain.iter().map(|der| Bytes::copy_from_slice(der)).collect() });
    }
}

/// Reads what [`send`] sends.
pub(crate) fn parse(typ: CertificateType, body: &Bytes) -> Result<Vec<CertificateDer<'static>>, DecodeError> {
    if typ == CertificateType::RAW_PUBLIC_KEY {
        let spki = RawPublicKeyCertificate::parse_body(body)?.spki;
        return Ok(if spki.is_empty() { Vec::new() } else { vec![spki.to_vec().into()] });
    }
    Ok(der_chain(&Certificate::parse_body(body)?.chain))
}
