//! Verification of clients: chain, dates, purposes, revocation (RFC 5246, section 7.4.6; RFC 5280).

use std::sync::Arc;

use clasp_crypto::Provider;

use crate::error::CertificateError;
use crate::load_error::LoadError;
use crate::maybe_ready::MaybeReady;
use crate::path::{PathVerifier, Peer, Question};
use crate::report::Report;
use crate::revocation::Revocation;
use crate::roots::RootStore;
use crate::rules::CertificateRules;
use crate::server::Parts;
use crate::verify::{ClientVerification, ClientVerifier, KeyUse};

/// Verifies clients against trusted roots.
///
/// The names in a client's certificate are not looked at: who may do what is the application's
/// own matter, and [`CertificateSummary`](crate::CertificateSummary) tells it the names.
#[derive(Debug)]
pub struct WebPkiClientVerifier {
    path: PathVerifier,
    authorities: Vec<Vec<u8>>,
}

impl WebPkiClientVerifier {
    /// Begins with the roots that are trusted to name clients. Those for servers are hardly ever
    /// the right ones.
    pub fn builder(roots: impl Into<Arc<RootStore>>) -> WebPkiClientVerifierBuilder {
        WebPkiClientVerifierBuilder { parts: Parts::new(roots.into()), authorities: None }
    }
}

impl ClientVerifier for WebPkiClientVerifier {
    fn verify_client<'a>(
        &'a self,
        verification: ClientVerification<'a>,
    ) -> MaybeReady<'a, Result<Report, CertificateError>> {
        MaybeReady::ready(self.path.verify(&Question {
            chain: verification.chain,
            now: verification.now,
            peer: Peer::Client,
            key_use: KeyUse::DigitalSignature,
        }))
    }

    fn authorities(&self) -> &[Vec<u8>] {
        &self.authorities
    }
}

/// Settings of a [`WebPkiClientVerifier`].
#[derive(Debug)]
#[must_use]
pub struct WebPkiClientVerifierBuilder {
    parts: Parts,
    authorities: Option<Vec<Vec<u8>>>,
}

impl WebPkiClientVerifierBuilder {
    /// Verifies signatures with this provider instead of the default one.
    pub const fn provider(mut self, provider: &'static Provider) -> Self {
        self.parts.provider = provider;
        self
    }

    /// Accepts the certificates of these rules instead of the [modern](CertificateRules::modern) ones.
    pub const fn rules(mut self, rules: CertificateRules) -> Self {
        self.parts.rules = rules;
        self
    }

    /// Looks into revocation lists.
    pub fn revocation(mut self, revocation: Revocation) -> Self {
        self.parts.revocation = Some(revocation);
        self
    }

    /// Names these authorities (DER names) to clients instead of the roots' own. An empty list
    /// keeps from strangers who is trusted, and leaves clients to guess which certificate to send.
    pub fn authorities(mut self, names: Vec<Vec<u8>>) -> Self {
        self.authorities = Some(names);
        self
    }

    /// Refuses chains of more certificates than this; 16 if not set. Every further certificate
    /// gives a malicious peer more paths to let this side try.
    pub const fn longest_chain(mut self, certificates: usize) -> Self {
        self.parts.longest_chain = certificates;
        self
    }

    /// Makes the verifier.
    ///
    /// # Errors
    /// No root is trusted, or revocation was asked for without a list.
    pub fn build(self) -> Result<WebPkiClientVerifier, LoadError> {
        let path = self.parts.build()?;
        let authorities = self.authorities.unwrap_or_else(|| path.roots.authorities());
        Ok(WebPkiClientVerifier { path, authorities })
    }
}
