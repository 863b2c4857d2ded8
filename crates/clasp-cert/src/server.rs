//! Verification of servers: chain, dates, name, purposes, revocation (RFC 5280, section 6; RFC 6125).

use std::sync::Arc;

use clasp_crypto::{Provider, default_provider};

use crate::error::{CertificateError, CertificateProblem};
use crate::load_error::{LoadError, Source};
use crate::maybe_ready::MaybeReady;
use crate::path::{PathVerifier, Peer, Question, USUAL_CHAIN};
use crate::report::{Check, Outcome, Report};
use crate::revocation::Revocation;
use crate::roots::RootStore;
use crate::rules::CertificateRules;
use crate::staple;
use crate::verify::{ServerVerification, ServerVerifier, StapleCheck, StapleStatus, scope_of_this};

/// Verifies servers against trusted roots, as browsers do.
#[derive(Debug)]
pub struct WebPkiServerVerifier {
    path: PathVerifier,
    staple: Option<Arc<dyn StapleCheck>>,
}

impl WebPkiServerVerifier {
    /// Begins with the trusted roots.
    pub fn builder(roots: impl Into<Arc<RootStore>>) -> WebPkiServerVerifierBuilder {
        WebPkiServerVerifierBuilder { parts: Parts::new(roots.into()), staple: None }
    }

    fn verify(&self, verification: &ServerVerification<'_>) -> Result<Report, CertificateError> {
        let demanded = self.path.rules.is_must_staple() && staple::is_demanded(verification.chain);
        let path = self.path.verify(&Question {
            chain: verification.chain,
            now: verification.now,
            peer: Peer::Server { name: verification.name },
            key_use: verification.key_use,
        });
        let missing = demanded.then(|| staple::missing(verification.ocsp_response)).flatten();
        let mut report = match path {
            Ok(report) => report,
            Err(mut error) => {
                if demanded {
                    error.report.set(Check::Staple, missing.map_or(Outcome::NotReached, Outcome::failed));
                }
                return Err(error);
            }
        };
        if let Some(reason) = missing {
            return Err(CertificateError::new(CertificateProblem::StapleMissing { reason: reason.into() }, report));
        }
        let status = self.staple.as_ref().map(|check| check.check_staple(verification));
        if demanded {
            let outcome = match &status {
                // Nobody reads it; that it came is all that is known.
                None | Some(StapleStatus::Good) => Outcome::Passed,
                Some(StapleStatus::Unknown) => Outcome::failed(staple::NOT_GOOD),
                Some(StapleStatus::Revoked | StapleStatus::Refused(_)) => Outcome::failed(staple::REFUSED),
            };
            report.set(Check::Staple, outcome);
        }
        match status {
            None => {}
            Some(StapleStatus::Good) => report.set(Check::Revocation, Outcome::Passed),
            Some(StapleStatus::Unknown) if demanded => {
                let problem = CertificateProblem::StapleMissing { reason: staple::NOT_GOOD.into() };
                return Err(CertificateError::new(problem, report));
            }
            Some(StapleStatus::Unknown) => {}
            Some(StapleStatus::Revoked) => {
                return Err(CertificateError::new(CertificateProblem::Revoked, report));
            }
            Some(StapleStatus::Refused(reason)) => {
                let problem = CertificateProblem::RevocationUnknown { reason };
                return Err(CertificateError::new(problem, report));
            }
        }
        Ok(report)
    }
}

impl ServerVerifier for WebPkiServerVerifier {
    /// The roots and the rules. What depends on more than these, revocation lists and staples, is this verifier's alone.
    fn resumption_scope(&self) -> Vec<u8> {
        if self.staple.is_some() || self.path.revocation.is_some() {
            return scope_of_this(self);
        }
        let mut scope = format!("{:?} {} ", self.path.rules, self.path.longest_chain).into_bytes();
        for root in self.path.roots.anchors() {
            scope.extend_from_slice(&root.subject);
            scope.extend_from_slice(&root.subject_public_key_info);
            scope.extend_from_slice(root.name_constraints.as_deref().unwrap_or_default());
        }
        scope
    }

    fn verify_server<'a>(
        &'a self,
        verification: ServerVerification<'a>,
    ) -> MaybeReady<'a, Result<Report, CertificateError>> {
        MaybeReady::ready(self.verify(&verification))
    }
}

/// Settings of a [`WebPkiServerVerifier`].
#[derive(Debug)]
#[must_use]
pub struct WebPkiServerVerifierBuilder {
    parts: Parts,
    staple: Option<Arc<dyn StapleCheck>>,
}

impl WebPkiServerVerifierBuilder {
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

    /// Has stapled OCSP responses looked at by `check`. Without one a certificate that asks for a
    /// response (RFC 7633) is content with one that says it is successful: it is not read further.
    pub fn staple_check(mut self, check: Arc<dyn StapleCheck>) -> Self {
        self.staple = Some(check);
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
    pub fn build(self) -> Result<WebPkiServerVerifier, LoadError> {
        Ok(WebPkiServerVerifier { path: self.parts.build()?, staple: self.staple })
    }
}

/// What the builders for both roles collect.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) roots: Arc<RootStore>,
    pub(crate) provider: &'static Provider,
    pub(crate) rules: CertificateRules,
    pub(crate) revocation: Option<Revocation>,
    pub(crate) longest_chain: usize,
}

impl Parts {
    pub(crate) fn new(roots: Arc<RootStore>) -> Self {
        Self {
            roots,
            provider: default_provider(),
            rules: CertificateRules::modern(),
            revocation: None,
            longest_chain: USUAL_CHAIN,
        }
    }

    pub(crate) fn build(self) -> Result<PathVerifier, LoadError> {
        self.roots.require()?;
        if self.revocation.as_ref().is_some_and(Revocation::is_empty) {
            return Err(LoadError::NoRevocationList { source_name: Source::Memory("the revocation settings") });
        }
        Ok(PathVerifier {
            rules: self.rules,
            accepted: self.rules.accepted(self.provider),
            roots: self.roots,
            revocation: self.revocation,
            longest_chain: self.longest_chain,
        })
    }
}
