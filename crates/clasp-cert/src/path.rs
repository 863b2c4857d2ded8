//! Certificate paths on rustls-webpki, whose verdict binds (RFC 5280, section 6).

use core::fmt;
use std::sync::Arc;

use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, VerifiedPath};
use x509_parser::extensions::ExtendedKeyUsage;

use crate::common_name;
use crate::error::{CertificateError, CertificateProblem};
use crate::fields::{self, Fields, Spki};
use crate::report::{Check, Outcome, Report};
use crate::revocation::Revocation;
use crate::roots::RootStore;
use crate::rules::{Accepted, CertificateRules};
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

    /// Whether an extKeyUsage extension names the purpose.
    pub(crate) const fn is_purpose(self, purposes: &ExtendedKeyUsage<'_>) -> bool {
        match self {
            Self::Server { .. } => purposes.server_auth,
            Self::Client => purposes.client_auth,
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
    pub(crate) rules: CertificateRules,
    pub(crate) accepted: Accepted,
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

        #[cfg(feature = "legacy")]
        if self.rules.is_legacy()
            && let Some(verdict) = crate::legacy_path::verify(self, question, &report)
        {
            return verdict;
        }

        let second_look = |error| SecondLook::new(self, question, report.clone()).explain(&error);
        let leaf_certificate = EndEntityCert::try_from(leaf).map_err(second_look)?;
        let by_common_name = self.is_named_by_common_name(&leaf_certificate, leaf, question.peer);
        let revocation = self
            .check_path(&leaf_certificate, intermediates, question.now, &question.peer.purpose(), by_common_name)
            .map_err(second_look)?;

        report.set(Check::Validity, Outcome::Passed);
        report.set(Check::TrustedIssuer, Outcome::Passed);
        report.set(Check::IssuerSignature, Outcome::Passed);
        report.set(Check::Revocation, revocation);
        let mut problem = None;
        if let Peer::Server { name } = question.peer {
            let matched = self.check_name(Some(&leaf_certificate), leaf, name);
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
        by_common_name: bool,
    ) -> Result<Outcome, webpki::Error> {
        let build = |revocation| {
            leaf.verify_for_usage(
                &self.accepted.algorithms,
                self.roots.anchors(),
                intermediates,
                now,
                purpose,
                revocation,
                Some(&|path: &VerifiedPath<'_>| {
                    self.check_authorities(path, by_common_name)?;
                    self.check_list_signer(path)
                }),
            )
            .map(|_| ())
        };
        let Some(revocation) = &self.revocation else {
            return build(None).map(|()| Outcome::NotChecked);
        };
        let lists = revocation.lists();
        // The builders see to it that there is a list: without one webpki would not look at all.
        if lists.is_empty() {
            return Err(webpki::Error::UnknownRevocationStatus);
        }
        let options = |allow_unknown| revocation.options(&lists, allow_unknown);
        match build(options(false)) {
            Ok(()) => Ok(Outcome::Passed),
            // Whether a list covered the certificate is only told by a path that insists on it.
            Err(webpki::Error::UnknownRevocationStatus) if revocation.allows_unknown() => {
                build(options(true)).map(|()| Outcome::NotChecked)
            }
            Err(error) => Err(error),
        }
    }

    /// What webpki does not look at in a path it has verified: the sizes of keys, name constraints that constrain nothing,
    /// and, if a name is to be taken from the common name, that nobody on the path is held to certain names.
    fn check_authorities(&self, path: &VerifiedPath<'_>, by_common_name: bool) -> Result<(), webpki::Error> {
        let check = |key: &Spki<'_>, constraints: Option<&[u8]>| {
            if self.accepted.too_short(key).is_some() {
                return Err(webpki::Error::InvalidSignatureForPublicKey);
            }
            match constraints.map(fields::constrains_names) {
                None => Ok(()),
                Some(Ok(true)) if by_common_name => Err(webpki::Error::NameConstraintViolation),
                Some(Ok(true)) => Ok(()),
                Some(Ok(false) | Err(_)) => Err(webpki::Error::MalformedNameConstraint),
            }
        };
        let malformed = |_| webpki::Error::BadDer;
        let anchor = path.anchor();
        let key = Spki::of_content(&anchor.subject_public_key_info).map_err(malformed)?;
        check(&key, anchor.name_constraints.as_deref())?;
        for authority in path.intermediate_certificates() {
            let der = authority.der();
            let fields = Fields::parse(&der).map_err(malformed)?;
            let key = Spki::parse(fields.spki).map_err(malformed)?;
            check(&key, fields.name_constraints().map_err(malformed)?)?;
        }
        Ok(())
    }

    /// Whether the root may sign revocation lists, if one of its own decides (RFC 5280, section 6.3.3 (f)): webpki knows no
    /// keyUsage of roots.
    fn check_list_signer(&self, path: &VerifiedPath<'_>) -> Result<(), webpki::Error> {
        let anchor = path.anchor();
        let Some(revocation) = &self.revocation else {
            return Ok(());
        };
        // The root's lists are for what stands right below it, and that is looked up last.
        let length = path.intermediate_certificates().count() + 1;
        let decides = revocation.depth(length) == length
            && revocation.lists().iter().any(|list| list.issuer() == anchor.subject.as_ref());
        if decides && !self.roots.signs_lists(anchor) { Err(webpki::Error::IssuerNotCrlSigner) } else { Ok(()) }
    }

    /// The path once more with purposes left out of account and at a time of the caller's choice:
    /// what is wrong with it besides those.
    pub(crate) fn check_path_alone(&self, question: &Question<'_>, at: UnixTime) -> Result<Outcome, webpki::Error> {
        struct AnyPurpose;
        impl ExtendedKeyUsageValidator for AnyPurpose {
            fn validate(&self, _purposes: webpki::KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
                Ok(())
            }
        }
        let (der, intermediates) = question.chain.split_first().ok_or(webpki::Error::UnknownIssuer)?;
        let leaf = EndEntityCert::try_from(der)?;
        let by_common_name = self.is_named_by_common_name(&leaf, der, question.peer);
        self.check_path(&leaf, intermediates, at, &AnyPurpose, by_common_name)
    }

    /// Whether the leaf is for `name`; says which names it is for otherwise. `leaf` is there if
    /// webpki can read it.
    pub(crate) fn check_name(
        &self,
        leaf: Option<&EndEntityCert<'_>>,
        der: &[u8],
        name: &ServerName<'_>,
    ) -> Result<(), CertificateProblem> {
        if leaf.is_some_and(|leaf| leaf.verify_is_valid_for_subject_name(name).is_ok()) {
            return Ok(());
        }
        let mut presented = crate::summary::presented_names(der);
        if self.rules.is_legacy()
            && let Ok(fields) = Fields::parse(der)
        {
            if common_name::is_for(&fields, name) {
                return Ok(());
            }
            if presented.is_empty() {
                presented.extend(common_name::of(&fields).map(crate::text::printable));
            }
        }
        Err(CertificateProblem::WrongName { expected: crate::text::printable(&name.to_str()), presented })
    }

    /// Whether only the common name makes the leaf one for the name that is asked for.
    fn is_named_by_common_name(&self, leaf: &EndEntityCert<'_>, der: &[u8], peer: Peer<'_>) -> bool {
        match peer {
            Peer::Server { name } if self.rules.is_legacy() => {
                leaf.verify_is_valid_for_subject_name(name).is_err()
                    && Fields::parse(der).is_ok_and(|fields| common_name::is_for(&fields, name))
            }
            _ => false,
        }
    }
}

impl fmt::Debug for PathVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PathVerifier")
            .field("rules", &self.rules)
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
pub(crate) fn note(
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
