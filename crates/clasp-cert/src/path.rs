//! Certificate paths on rustls-webpki, whose verdict binds (RFC 5280, section 6).

use core::fmt;
use std::sync::Arc;

use clasp_crypto::Provider;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator};

use crate::error::{CertificateError, CertificateProblem};
use crate::fields::Fields;
use crate::report::{Check, Outcome, Report};
use crate::revocation::Revocation;
use crate::roots::RootStore;
use crate::second_look::SecondLook;
use crate::verify::KeyUse;

/// Certificates looked at when the caller does not say otherwise. webpki builds paths with at
/// most six intermediate ones, and chains with a few too many exist.
pub(crate) const USUAL_CHAIN: usize = 16;

/// Chains of so few certificates cannot hold many paths, whatever their names.
const SHORT_CHAIN: usize = 5;
/// Intermediate certificates of one name in a longer chain. webpki tries them in every order: some
/// ten of one name cost it a tenth of a second, and the peer nothing.
const MOST_OF_ONE_NAME: usize = 3;

/// Whose certificate it is.
#[derive(Clone, Copy)]
pub(crate) enum Peer<'a> {
    Server { name: &'a ServerName<'static> },
    Client,
}

impl Peer<'_> {
    fn report(self) -> Report {
        match self {
            Self::Server { .. } => Report::server(),
            Self::Client => Report::client(),
        }
    }

    fn purpose(self) -> webpki::KeyUsage {
        match self {
            Self::Server { .. } => webpki::KeyUsage::server_auth(),
            Self::Client => webpki::KeyUsage::client_auth(),
        }
    }

    /// The purpose by its name in RFC 5280, section 4.2.1.12.
    pub(crate) const fn purpose_name(self) -> &'static str {
        match self {
            Self::Server { .. } => "serverAuth",
            Self::Client => "clientAuth",
        }
    }
}

/// A chain to be verified, and what for.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) chain: &'a [CertificateDer<'static>],
    pub(crate) now: UnixTime,
    pub(crate) peer: Peer<'a>,
    pub(crate) key_use: KeyUse,
}

/// What both web PKI verifiers are made of.
pub(crate) struct PathVerifier {
    pub(crate) provider: &'static Provider,
    pub(crate) roots: Arc<RootStore>,
    pub(crate) revocation: Option<Revocation>,
    pub(crate) longest_chain: usize,
}

impl PathVerifier {
    /// Verifies a chain. On success nothing is allocated, unless there are revocation lists.
    pub(crate) fn verify(&self, question: &Question<'_>) -> Result<Report, CertificateError> {
        let mut report = question.peer.report();
        if self.revocation.is_none() {
            report.set(Check::Revocation, Outcome::NotChecked);
        }
        let Some((leaf, intermediates)) = question.chain.split_first() else {
            return Err(CertificateError::new(CertificateProblem::NoCertificate, report));
        };
        if question.chain.len() > self.longest_chain {
            let problem =
                CertificateProblem::TooManyCertificates { count: question.chain.len(), limit: self.longest_chain };
            return Err(CertificateError::new(problem, report));
        }

        if question.chain.len() > SHORT_CHAIN && is_tangled(intermediates) {
            let reason = "too many certificates of one name were sent along".into();
            return Err(CertificateError::new(CertificateProblem::UnfitIssuer { reason }, report));
        }

        let second_look = |error| SecondLook::new(self, question, report.clone()).explain(&error);
        let leaf_certificate = EndEntityCert::try_from(leaf).map_err(second_look)?;
        let revocation = self
            .check_path(&leaf_certificate, intermediates, question.now, &question.peer.purpose())
            .map_err(second_look)?;

        report.set(Check::Validity, Outcome::Passed);
        report.set(Check::TrustedIssuer, Outcome::Passed);
        report.set(Check::IssuerSignature, Outcome::Passed);
        report.set(Check::Revocation, revocation);
        let mut problem = None;
        if let Peer::Server { name } = question.peer {
            let matched = check_name(&leaf_certificate, leaf, name);
            note(&mut report, &mut problem, Check::HostName, matched);
        }
        let fit = check_key_usage(leaf, question.key_use);
        note(&mut report, &mut problem, Check::KeyUsage, fit);
        match problem {
            None => Ok(report),
            Some(problem) => Err(CertificateError::new(problem, report)),
        }
    }

    /// Builds and verifies a path to a root, and tells how the revocation check ended.
    fn check_path(
        &self,
        leaf: &EndEntityCert<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        purpose: &impl ExtendedKeyUsageValidator,
    ) -> Result<Outcome, webpki::Error> {
        let Some(revocation) = &self.revocation else {
            self.build_path(leaf, intermediates, now, purpose, None)?;
            return Ok(Outcome::NotChecked);
        };
        let lists = revocation.lists();
        // The builders see to it that there is a list: without one webpki would not look at all.
        if lists.is_empty() {
            return Err(webpki::Error::UnknownRevocationStatus);
        }
        let options = |allow_unknown| revocation.options(&lists, allow_unknown);
        match self.build_path(leaf, intermediates, now, purpose, options(false)) {
            Ok(()) => Ok(Outcome::Passed),
            // Whether a list covered the certificate is only told by a path that insists on it.
            Err(webpki::Error::UnknownRevocationStatus) if revocation.allows_unknown() => {
                self.build_path(leaf, intermediates, now, purpose, options(true)).map(|()| Outcome::NotChecked)
            }
            Err(error) => Err(error),
        }
    }

    fn build_path(
        &self,
        leaf: &EndEntityCert<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        purpose: &impl ExtendedKeyUsageValidator,
        revocation: Option<webpki::RevocationOptions<'_>>,
    ) -> Result<(), webpki::Error> {
        leaf.verify_for_usage(
            self.provider.certificate_algorithms,
            self.roots.anchors(),
            intermediates,
            now,
            purpose,
            revocation,
            None,
        )
        .map(|_| ())
    }

    /// The path once more with purposes left out of account and at a time of the caller's choice:
    /// what is wrong with it besides those.
    pub(crate) fn check_path_alone(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        at: UnixTime,
    ) -> Result<Outcome, webpki::Error> {
        struct AnyPurpose;
        impl ExtendedKeyUsageValidator for AnyPurpose {
            fn validate(&self, _purposes: webpki::KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
                Ok(())
            }
        }
        let leaf = EndEntityCert::try_from(leaf)?;
        self.check_path(&leaf, intermediates, at, &AnyPurpose)
    }
}

impl fmt::Debug for PathVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PathVerifier")
            .field("roots", &self.roots.len())
            .field("revocation", &self.revocation)
            .field("longest_chain", &self.longest_chain)
            .finish_non_exhaustive()
    }
}

fn is_tangled(intermediates: &[CertificateDer<'_>]) -> bool {
    let mut names: Vec<&[u8]> =
        intermediates.iter().filter_map(|der| Fields::parse(der).ok()).map(|fields| fields.subject).collect();
    names.sort_unstable();
    names.chunk_by(|one, next| one == next).any(|same| same.len() > MOST_OF_ONE_NAME)
}

/// Writes down how a check ended; the first problem stays the one that decides.
fn note(
    report: &mut Report,
    first: &mut Option<CertificateProblem>,
    check: Check,
    result: Result<(), CertificateProblem>,
) {
    match result {
        Ok(()) => report.set(check, Outcome::Passed),
        Err(problem) => {
            report.set(check, Outcome::failed(problem.finding()));
            first.get_or_insert(problem);
        }
    }
}

/// Whether the leaf is for `name`; says which names it is for otherwise.
pub(crate) fn check_name(
    leaf: &EndEntityCert<'_>,
    der: &[u8],
    name: &ServerName<'_>,
) -> Result<(), CertificateProblem> {
    leaf.verify_is_valid_for_subject_name(name).map_err(|_| CertificateProblem::WrongName {
        expected: crate::text::printable(&name.to_str()),
        presented: crate::summary::presented_names(der),
    })
}

/// Whether the leaf's keyUsage allows `key_use`. A certificate without that extension may be used
/// for everything (RFC 5280, section 4.2.1.3).
pub(crate) fn check_key_usage(der: &[u8], key_use: KeyUse) -> Result<(), CertificateProblem> {
    let usage = Fields::parse(der)?.key_usage()?;
    if crate::public_key::allows(usage, key_use) {
        Ok(())
    } else {
        Err(CertificateProblem::WrongKeyUsage { required: key_use })
    }
}
