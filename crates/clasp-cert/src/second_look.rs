//! A refused chain looked at once more: webpki stops at one error, people want to know all of them (RFC 5280, section 6).

use rustls_pki_types::UnixTime;
use webpki::{EndEntityCert, Error};

use crate::error::{CertificateError, CertificateProblem};
use crate::fields::{self, Fields, Signed, Spki, X509};
use crate::path::{PathVerifier, Peer, Question, check_key_usage};
use crate::report::{Check, Outcome, Report};
use crate::text;

/// Certificates followed upwards, one more than webpki does.
const LONGEST_PATH: usize = 8;
/// Signatures tried in one second look, however many certificates share a name.
const MOST_SIGNATURES: usize = 24;

/// Why an intermediate certificate of version 1 issues nothing.
pub(crate) const NOT_VERSION_3: &str = "it is not of X.509 version 3, and only a trusted root may do without";

/// Why a path with too many authorities is none (RFC 5280, section 4.2.1.9).
pub(crate) const TOO_LONG: &str = "its path length constraint allows fewer CAs below it";

/// How a path upwards from the leaf ends.
enum End {
    /// At the name of a trusted root.
    Trusted,
    /// At a certificate that issued itself.
    SelfSigned,
    /// At an issuer that is not at hand.
    Missing,
}

/// The path as far as names lead.
struct Walk<'a> {
    path: Vec<Fields<'a>>,
    end: End,
    /// The first signature that is not good, and whose.
    bad: Option<(Signed, Fields<'a>)>,
    /// Signatures looked at.
    signatures: usize,
}

/// A refused chain and everything that was asked about it.
pub(crate) struct SecondLook<'a> {
    verifier: &'a PathVerifier,
    question: &'a Question<'a>,
    report: Report,
}

impl<'a> SecondLook<'a> {
    pub(crate) fn new(verifier: &'a PathVerifier, question: &'a Question<'a>, report: Report) -> Self {
        Self { verifier, question, report }
    }

    /// Makes the error: webpki's `error` is the problem, the report tells all that can be told.
    pub(crate) fn explain(self, error: &Error) -> CertificateError {
        self.tell(|look, walk| look.problem(error, walk), !is_exhaustion(error))
    }

    /// Makes the error for a chain that webpki does not look at. Without a problem nobody known
    /// issued it.
    #[cfg(feature = "legacy")]
    pub(crate) fn explain_problem(self, problem: Option<CertificateProblem>) -> CertificateError {
        self.tell(|_, walk| problem.unwrap_or_else(|| unknown_issuer(walk)), false)
    }

    /// Makes the error; `beside` lets webpki say what else is wrong.
    fn tell(mut self, problem: impl FnOnce(&Self, &Walk<'_>) -> CertificateProblem, beside: bool) -> CertificateError {
        let question = self.question;
        let Some(leaf_der) = question.chain.first() else {
            return CertificateError::new(CertificateProblem::NoCertificate, self.report);
        };
        let leaf = match Fields::parse(leaf_der) {
            Ok(leaf) => leaf,
            Err(malformed) => return CertificateError::new(malformed.into(), self.report),
        };
        let walk = self.walk(leaf);
        let problem = problem(&self, &walk);

        let dates = self.look_at_dates(&walk);
        self.look_at_issuer(&walk);
        self.look_at_use(leaf_der, &walk);
        if let Peer::Server { name } = question.peer {
            let certificate = EndEntityCert::try_from(leaf_der).ok();
            // Of what webpki cannot read, version 1 is known to have no names of its own.
            if certificate.is_some() || leaf.x509 == X509::V1 {
                let outcome = outcome(self.verifier.check_name(certificate.as_ref(), leaf_der, name));
                self.report.set(Check::HostName, outcome);
            }
        }
        if beside && let Some(at) = dates {
            let alone = self.verifier.check_path_alone(question, at);
            self.look_beside(alone, &walk);
        }

        // webpki's verdict binds: the report has to fail where it failed, whatever was seen since.
        if problem.check().is_none() && self.report.failures().next().is_none() {
            let outcome = Outcome::failed(problem.finding());
            self.report.set(Check::TrustedIssuer, outcome);
        }
        CertificateError::new(problem, self.report)
    }

    /// Follows issuers' names upwards, preferring those whose key made the signature.
    fn walk(&self, leaf: Fields<'a>) -> Walk<'a> {
        let others: Vec<Fields<'a>> =
            self.question.chain.iter().skip(1).filter_map(|der| Fields::parse(der).ok()).collect();
        let mut walk = Walk { path: vec![leaf], end: End::Missing, bad: None, signatures: 0 };
        let mut child = leaf;
        while walk.path.len() < LONGEST_PATH {
            let roots =
                self.verifier.roots.anchors().iter().filter(|root| fields::sequence(&root.subject) == child.issuer);
            let root_keys: Vec<Vec<u8>> = roots.map(|root| fields::sequence(&root.subject_public_key_info)).collect();
            if let Some(signed) = self.best(&mut walk, &child, root_keys.iter().map(|key| &**key)) {
                walk.note(signed, &child);
                walk.end = End::Trusted;
                return walk;
            }
            // Issued by its own name is not yet signed by its own key (RFC 5280, section 3.2).
            let by_itself = if child.issuer == child.subject {
                self.best(&mut walk, &child, core::iter::once(child.spki))
            } else {
                None
            };
            if by_itself == Some(Signed::Good) {
                walk.end = End::SelfSigned;
                return walk;
            }
            let issuers: Vec<Fields<'a>> = others
                .iter()
                .filter(|other| {
                    other.subject == child.issuer && !walk.path.iter().any(|seen| seen.signed.tbs == other.signed.tbs)
                })
                .copied()
                .collect();
            let mut chosen = issuers.first().copied().map(|issuer| (issuer, None));
            for issuer in issuers {
                let signed = self.best(&mut walk, &child, core::iter::once(issuer.spki));
                if signed == Some(Signed::Good) {
                    chosen = Some((issuer, signed));
                    break;
                }
                if let Some((_, first @ None)) = &mut chosen {
                    *first = signed;
                }
            }
            let Some((issuer, signed)) = chosen else {
                if let Some(signed) = by_itself {
                    walk.note(signed, &child);
                    walk.end = End::SelfSigned;
                }
                return walk;
            };
            walk.note(signed.unwrap_or(Signed::Unsupported), &child);
            walk.path.push(issuer);
            child = issuer;
        }
        walk
    }

    /// How the child's signature fares with the best of these keys; `None` if there are none.
    fn best<'k>(
        &self,
        walk: &mut Walk<'a>,
        child: &Fields<'a>,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> Option<Signed> {
        let mut best = None;
        for key in keys {
            let signed = if walk.signatures < MOST_SIGNATURES {
                walk.signatures += 1;
                Spki::parse(key).map_or(Signed::Unsupported, |key| child.signed.verify(&key, &self.verifier.accepted))
            } else {
                Signed::Unsupported
            };
            match (signed, best) {
                (Signed::Good, _) => return Some(Signed::Good),
                (Signed::Unsupported, Some(_)) => {}
                _ => best = Some(signed),
            }
        }
        best
    }

    /// Dates of the leaf and of whatever stands above it. Gives a time at which all of them are
    /// valid, if there is one.
    fn look_at_dates(&mut self, walk: &Walk<'_>) -> Option<UnixTime> {
        let now = self.question.now;
        let (mut from, mut until) = (UnixTime::since_unix_epoch(core::time::Duration::ZERO), None);
        let mut outcome = Outcome::Passed;
        for certificate in &walk.path {
            let (not_before, not_after) = match certificate.validity() {
                Ok(dates) => dates,
                Err(malformed) => {
                    let problem = CertificateProblem::from(malformed);
                    self.report.set(Check::Validity, Outcome::failed(problem.finding()));
                    return None;
                }
            };
            from = from.max(not_before);
            until = Some(until.map_or(not_after, |until: UnixTime| until.min(not_after)));
            let problem = if now > not_after {
                CertificateProblem::Expired { subject: certificate.subject_text(), not_after, now }
            } else if now < not_before {
                CertificateProblem::NotYetValid { subject: certificate.subject_text(), not_before, now }
            } else {
                continue;
            };
            if outcome == Outcome::Passed {
                outcome = Outcome::failed(problem.finding());
            }
        }
        let at = if outcome == Outcome::Passed { now } else { from };
        self.report.set(Check::Validity, outcome);
        until.is_some_and(|until| at <= until).then_some(at)
    }

    fn look_at_issuer(&mut self, walk: &Walk<'_>) {
        let trusted = match walk.end {
            End::Trusted => Outcome::Passed,
            End::SelfSigned | End::Missing => Outcome::failed(unknown_issuer(walk).finding()),
        };
        let signature = match &walk.bad {
            Some((signed, child)) => {
                let (whose, accepted) = (child.subject_text(), &self.verifier.accepted);
                Outcome::failed(match signed {
                    Signed::Unsupported => format!(
                        "the signature on the certificate of {whose} is of an algorithm that is not accepted, or does \
                         not suit the issuer's key: {}",
                        accepted.refused_algorithm(child.signed.algorithm)
                    ),
                    Signed::ShortKey(bits) => {
                        format!("the signature on the certificate of {whose} is by {}", accepted.refused_size(*bits))
                    }
                    Signed::Good | Signed::Bad => {
                        format!("the signature on the certificate of {whose} does not verify with its issuer's key")
                    }
                })
            }
            None if walk.signatures == 0 => Outcome::NotReached,
            None => Outcome::Passed,
        };
        self.report.set(Check::TrustedIssuer, trusted);
        self.report.set(Check::IssuerSignature, signature);
    }

    /// keyUsage, extKeyUsage on the whole path, and whether the leaf is an authority.
    fn look_at_use(&mut self, leaf_der: &[u8], walk: &Walk<'_>) {
        let leaf_is_authority = walk.path.first().is_some_and(|leaf| leaf.is_ca() == Ok(true));
        let purpose = self.question.peer.purpose_name();
        let unfit = walk.path.iter().any(|certificate| {
            certificate
                .extended_key_usage()
                .is_ok_and(|purposes| purposes.is_some_and(|purposes| !self.question.peer.is_purpose(&purposes)))
        });
        let result = if leaf_is_authority {
            Err(CertificateProblem::AuthorityAsPeer)
        } else if unfit {
            Err(CertificateProblem::WrongExtendedKeyUsage { required: purpose })
        } else {
            check_key_usage(leaf_der, self.question.key_use)
        };
        self.report.set(Check::KeyUsage, outcome(result));
    }

    /// What webpki says of the path when dates and purposes do not stand in its way.
    fn look_beside(&mut self, alone: Result<Outcome, Error>, walk: &Walk<'_>) {
        match alone {
            Ok(revocation) => self.report.set(Check::Revocation, revocation),
            Err(error) => {
                let problem = self.problem(&error, walk);
                match problem.check() {
                    // These were seen already, and may only look as they do at another time.
                    None | Some(Check::Validity | Check::KeyUsage) => {}
                    Some(check) => {
                        if !self.report.get(check).is_failed() {
                            self.report.set(check, Outcome::failed(problem.finding()));
                        }
                    }
                }
            }
        }
    }

    /// webpki's error in our words.
    fn problem(&self, error: &Error, walk: &Walk<'_>) -> CertificateProblem {
        let now = self.question.now;
        let unfit = |reason: &str| CertificateProblem::UnfitIssuer { reason: reason.into() };
        let unknown = |reason: &str| CertificateProblem::RevocationUnknown { reason: reason.into() };
        let malformed = |reason: &str| CertificateProblem::Malformed { reason: reason.into() };
        match error {
            Error::CertExpired { not_after, .. } => CertificateProblem::Expired {
                subject: self.whose(|dates| dates.1 == *not_after),
                not_after: *not_after,
                now,
            },
            Error::CertNotValidYet { not_before, .. } => CertificateProblem::NotYetValid {
                subject: self.whose(|dates| dates.0 == *not_before),
                not_before: *not_before,
                now,
            },
            Error::UnknownIssuer => unknown_issuer(walk),
            Error::InvalidSignatureForPublicKey => match walk.bad {
                Some((Signed::ShortKey(bits), _)) => {
                    CertificateProblem::UnsupportedSignature { reason: self.verifier.accepted.refused_size(bits) }
                }
                // webpki tried some other CA of a name, and reports that.
                None if matches!(walk.end, End::Trusted) => unfit(if walk.is_too_long() {
                    TOO_LONG
                } else {
                    "several CAs have its name, and none of them will do"
                }),
                _ => CertificateProblem::BadSignature,
            },
            Error::SignatureAlgorithmMismatch => CertificateProblem::BadSignature,
            Error::UnsupportedSignatureAlgorithmContext(context) => CertificateProblem::UnsupportedSignature {
                reason: self.verifier.accepted.refused_algorithm(&context.signature_algorithm_id),
            },
            Error::UnsupportedSignatureAlgorithmForPublicKeyContext(context) => {
                CertificateProblem::UnsupportedSignature {
                    reason: format!(
                        "{} made with a key of {}",
                        crate::summary::algorithm_text(&context.signature_algorithm_id),
                        crate::summary::algorithm_text(&context.public_key_algorithm_id)
                    )
                    .into(),
                }
            }
            Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
                CertificateProblem::WrongExtendedKeyUsage { required: self.question.peer.purpose_name() }
            }
            Error::CaUsedAsEndEntity => match walk.end {
                End::SelfSigned if walk.path.len() == 1 => unknown_issuer(walk),
                _ => CertificateProblem::AuthorityAsPeer,
            },
            Error::EndEntityUsedAsCa => unfit("it is not a CA's (basicConstraints)"),
            Error::PathLenConstraintViolated => unfit(TOO_LONG),
            Error::NameConstraintViolation => unfit("its name constraints exclude the name"),
            Error::MalformedNameConstraint => unfit("its name constraints are empty, or cannot be read"),
            Error::CertDistrusted => unfit("its key is known to be misused"),
            Error::MaximumPathDepthExceeded => unfit("there are more than six intermediate certificates"),
            error if is_exhaustion(error) => unfit("the certificates allow more paths than are worth trying"),
            Error::CertRevoked => CertificateProblem::Revoked,
            Error::UnknownRevocationStatus => unknown("no revocation list is for its issuer"),
            Error::CrlExpired { next_update, .. } => {
                unknown(&format!("the revocation list should have been renewed on {}", text::date(*next_update)))
            }
            Error::InvalidCrlSignatureForPublicKey => {
                unknown("the revocation list's signature does not verify with the issuer's key")
            }
            Error::IssuerNotCrlSigner => unknown("the issuer may not sign revocation lists (keyUsage)"),
            Error::UnsupportedCrlSignatureAlgorithmContext(_)
            | Error::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_) => {
                unknown("the revocation list is signed with an algorithm that is not accepted")
            }
            Error::UnsupportedCertVersion => self.old_version(),
            Error::UnsupportedCriticalExtension => malformed("it has a critical extension that is not understood"),
            Error::InvalidCertValidity => malformed("it ends before it begins"),
            other => malformed(&format!("{other:?}")),
        }
    }

    /// The first certificate of the chain that is not of version 3.
    fn old_version(&self) -> CertificateProblem {
        let certificates = self.question.chain.iter().filter_map(|der| Fields::parse(der).ok());
        for old in certificates {
            let (subject, version) = match old.x509 {
                X509::V3 => continue,
                // Legacy rules bring it here only as an intermediate certificate.
                X509::V1 if self.verifier.rules.is_legacy() => {
                    return CertificateProblem::UnfitIssuer { reason: NOT_VERSION_3.into() };
                }
                X509::V1 => (old.subject_text(), 1),
                X509::Other(version) => (old.subject_text(), version),
            };
            return CertificateProblem::OldVersion { subject, version };
        }
        CertificateProblem::Malformed { reason: "it is not of X.509 version 3".into() }
    }

    /// The subject of the first certificate in the chain with such dates, or the leaf's.
    fn whose(&self, wanted: impl Fn((UnixTime, UnixTime)) -> bool) -> Box<str> {
        let mut leaf = None;
        for der in self.question.chain {
            let Ok(certificate) = Fields::parse(der) else {
                continue;
            };
            if certificate.validity().is_ok_and(&wanted) {
                return certificate.subject_text();
            }
            leaf.get_or_insert(certificate);
        }
        leaf.map_or_else(|| "the peer".into(), |leaf| leaf.subject_text())
    }
}

impl<'a> Walk<'a> {
    /// Whether an authority has more of them below it than its path length constraint allows.
    fn is_too_long(&self) -> bool {
        (0_u32..).zip(self.path.iter().skip(1)).any(|(below, issuer)| {
            let constraints = issuer.basic_constraints().ok().flatten();
            constraints.and_then(|constraints| constraints.path_len_constraint).is_some_and(|allowed| below > allowed)
        })
    }

    fn note(&mut self, signed: Signed, child: &Fields<'a>) {
        if signed != Signed::Good && self.bad.is_none() {
            self.bad = Some((signed, *child));
        }
    }
}

fn outcome(result: Result<(), CertificateProblem>) -> Outcome {
    match result {
        Ok(()) => Outcome::Passed,
        Err(problem) => Outcome::failed(problem.finding()),
    }
}

fn unknown_issuer(walk: &Walk<'_>) -> CertificateProblem {
    match (walk.path.as_slice(), &walk.end) {
        ([leaf], End::SelfSigned) => CertificateProblem::SelfSigned { subject: leaf.subject_text() },
        (path, _) => CertificateProblem::UnknownIssuer {
            issuer: path.last().map_or_else(|| "nobody".into(), Fields::issuer_text),
        },
    }
}

/// Whether webpki gave up for the work it would have been.
fn is_exhaustion(error: &Error) -> bool {
    matches!(
        error,
        Error::MaximumNameConstraintComparisonsExceeded
            | Error::MaximumPathBuildCallsExceeded
            | Error::MaximumSignatureChecksExceeded
    )
}
