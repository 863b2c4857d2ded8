//! Paths webpki does not walk: from a leaf of X.509 version 1, and from one that is itself trusted (RFC 5280, section 6.1).
//!
//! Only [legacy rules](crate::CertificateRules) come here, and only with such leaves: all others
//! are webpki's, whatever it says of them. What a certificate of version 1 may do it cannot say,
//! so it is trusted with as little as possible: it issues nothing, unless the caller made it a root.

use rustls_pki_types::TrustAnchor;

use crate::error::{CertificateError, CertificateProblem};
use crate::fields::{self, Fields, Malformed, Signed, Spki, X509};
use crate::path::{PathVerifier, Peer, Question, check_key_usage, note};
use crate::report::{Check, Outcome, Report};
use crate::revocation::Issuer;
use crate::second_look::{NOT_VERSION_3, SecondLook, TOO_LONG};

/// Intermediate certificates on a path, as webpki has it.
const MOST_AUTHORITIES: usize = 6;
/// Signatures tried for one leaf, however many certificates share a name. Each step upwards costs
/// one, so it bounds the steps too.
const MOST_SIGNATURES: usize = 24;

/// Verifies a chain whose leaf is of the kinds named above; `None` if it is not.
pub(crate) fn verify(
    verifier: &PathVerifier,
    question: &Question<'_>,
    report: &Report,
) -> Option<Result<Report, CertificateError>> {
    let (leaf_der, others) = question.chain.split_first()?;
    let leaf = Fields::parse(leaf_der).ok()?;
    // Of version 3 only what webpki can read is looked at: it reads the names.
    let certificate = webpki::EndEntityCert::try_from(leaf_der).ok();
    if certificate.is_none() && leaf.x509 != X509::V1 {
        return None;
    }
    let mut report = report.clone();
    let mut problem = None;
    if verifier.roots.contains(leaf_der) {
        // Nobody has to vouch for what the caller has named.
        let understood = understood(&leaf).map_err(CertificateProblem::from);
        note(&mut report, &mut problem, Check::TrustedIssuer, understood);
        report.set(Check::IssuerSignature, Outcome::NotChecked);
        report.set(Check::Revocation, Outcome::NotChecked);
    } else if leaf.x509 == X509::V1 {
        // What cannot be read can be on no path.
        let others = others.iter().filter_map(|der| Fields::parse(der).ok()).collect();
        let mut climb = Climb { verifier, question, others, path: vec![leaf], signatures: 0, refusal: None };
        let revocation = match climb.verify() {
            Ok(revocation) => revocation,
            Err(problem) => return Some(Err(SecondLook::new(verifier, question, report).explain_problem(problem))),
        };
        report.set(Check::TrustedIssuer, Outcome::Passed);
        report.set(Check::IssuerSignature, Outcome::Passed);
        match revocation {
            Ok(outcome) => report.set(Check::Revocation, outcome),
            Err(revoked) => note(&mut report, &mut problem, Check::Revocation, Err(revoked)),
        }
    } else {
        return None;
    }

    note(&mut report, &mut problem, Check::Validity, check_dates(&leaf, question));
    if let Peer::Server { name } = question.peer {
        let named = verifier.check_name(certificate.as_ref(), leaf_der, name);
        note(&mut report, &mut problem, Check::HostName, named);
    }
    let usable = check_purpose(&leaf, question).and_then(|()| check_key_usage(leaf_der, question.key_use));
    note(&mut report, &mut problem, Check::KeyUsage, usable);
    Some(match problem {
        None => Ok(report),
        Some(problem) => Err(CertificateError::new(problem, report)),
    })
}

/// The search for a path upwards.
struct Climb<'a> {
    verifier: &'a PathVerifier,
    question: &'a Question<'a>,
    /// What the peer sent along.
    others: Vec<Fields<'a>>,
    /// From the leaf upwards, every signature but the last one's verified.
    path: Vec<Fields<'a>>,
    signatures: usize,
    /// The first thing that stood in the way.
    refusal: Option<CertificateProblem>,
}

impl<'a> Climb<'a> {
    /// Looks for a path, and then whether somebody on it was revoked.
    /// Without a path it says what stood in the way, if it was more than that nobody is known.
    fn verify(&mut self) -> Result<Result<Outcome, CertificateProblem>, Option<CertificateProblem>> {
        let leaf = self.path.first().ok_or(None)?;
        // Extensions came with version 3: what is not understood must not look as if it were.
        if leaf.extensions().next().is_some() {
            return Err(Some(Malformed("extensions").into()));
        }
        same_algorithm(leaf).map_err(|malformed| Some(malformed.into()))?;
        match self.up() {
            Some(root) => Ok(self.revocation(root)),
            None => Err(self.refusal.take()),
        }
    }

    /// Goes on from the end of the path to a root, by every way there is.
    fn up(&mut self) -> Option<&'a TrustAnchor<'static>> {
        let child = *self.path.last()?;
        let verifier = self.verifier;
        for root in verifier.roots.anchors() {
            if fields::sequence(&root.subject) != child.issuer {
                continue;
            }
            if root.name_constraints.is_some() {
                self.refuse(constrained());
            } else if self.is_signed(&child, Spki::of_content(&root.subject_public_key_info)) {
                return Some(root);
            }
        }
        for number in 0..self.others.len() {
            let issuer = *self.others.get(number)?;
            let is_below = |seen: &Fields<'_>| seen.subject == issuer.subject && seen.spki == issuer.spki;
            if issuer.subject != child.issuer || self.path.iter().any(is_below) {
                continue;
            }
            if let Err(problem) = self.may_issue(&issuer) {
                self.refuse(problem);
            } else if self.is_signed(&child, Spki::parse(issuer.spki)) {
                self.path.push(issuer);
                if let Some(root) = self.up() {
                    return Some(root);
                }
                self.path.pop();
            }
        }
        None
    }

    fn refuse(&mut self, problem: CertificateProblem) {
        self.refusal.get_or_insert(problem);
    }

    /// Whether the child's signature verifies with this key.
    fn is_signed(&mut self, child: &Fields<'_>, key: Result<Spki<'_>, Malformed>) -> bool {
        if self.signatures == MOST_SIGNATURES {
            self.refuse(unfit("the certificates allow more paths than are worth trying"));
            return false;
        }
        self.signatures += 1;
        let accepted = &self.verifier.accepted;
        let refused = |reason| CertificateProblem::UnsupportedSignature { reason };
        let problem = match key.map(|key| child.signed.verify(&key, accepted)) {
            Ok(Signed::Good) => return true,
            Ok(Signed::Bad) => CertificateProblem::BadSignature,
            Ok(Signed::ShortKey(bits)) => refused(accepted.refused_size(bits)),
            Ok(Signed::Unsupported) => refused(accepted.refused_algorithm(child.signed.algorithm)),
            Err(malformed) => malformed.into(),
        };
        self.refuse(problem);
        false
    }

    /// Whether a certificate the peer sent may issue the one at the end of the path.
    fn may_issue(&self, issuer: &Fields<'_>) -> Result<(), CertificateProblem> {
        if issuer.x509 != X509::V3 {
            return Err(unfit(NOT_VERSION_3));
        }
        if self.path.len() > MOST_AUTHORITIES {
            return Err(unfit("there are more than six intermediate certificates"));
        }
        same_algorithm(issuer)?;
        check_dates(issuer, self.question)?;
        // All below are authorities, but for the leaf.
        let below = self.path.len() - 1;
        match issuer.basic_constraints()? {
            Some(constraints) if constraints.ca => {
                let allowed = constraints.path_len_constraint.map(|len| usize::try_from(len).unwrap_or(usize::MAX));
                if allowed.is_some_and(|allowed| below > allowed) {
                    return Err(unfit(TOO_LONG));
                }
            }
            _ => return Err(unfit("it is not a CA's (basicConstraints)")),
        }
        if issuer.key_usage()?.is_some_and(|usage| !usage.key_cert_sign()) {
            return Err(unfit("its key may not sign certificates (keyUsage)"));
        }
        check_purpose(issuer, self.question)?;
        if issuer.name_constraints()?.is_some() {
            return Err(constrained());
        }
        Ok(understood(issuer)?)
    }

    /// Whether somebody on the path was revoked, the root excepted.
    fn revocation(&self, root: &TrustAnchor<'_>) -> Result<Outcome, CertificateProblem> {
        let Some(revocation) = &self.verifier.revocation else {
            return Ok(Outcome::NotChecked);
        };
        let mut outcome = Outcome::Passed;
        for (number, certificate) in self.path.iter().enumerate().take(revocation.depth(self.path.len())) {
            let issuer = match self.path.get(number + 1) {
                Some(issuer) => Issuer {
                    key: Spki::parse(issuer.spki)?,
                    signs_lists: issuer.key_usage()?.is_none_or(|usage| usage.crl_sign()),
                },
                None => Issuer {
                    key: Spki::of_content(&root.subject_public_key_info)?,
                    signs_lists: self.verifier.roots.signs_lists(root),
                },
            };
            let covered = revocation.look_up(certificate, &issuer, &self.verifier.accepted, self.question.now)?;
            if !covered && !revocation.allows_unknown() {
                let reason = "no revocation list is for its issuer".into();
                return Err(CertificateProblem::RevocationUnknown { reason });
            }
            if !covered {
                outcome = Outcome::NotChecked;
            }
        }
        Ok(outcome)
    }
}

fn unfit(reason: &str) -> CertificateProblem {
    CertificateProblem::UnfitIssuer { reason: reason.into() }
}

/// A name without a kind cannot be held against constraints by kind.
fn constrained() -> CertificateProblem {
    unfit("its name constraints cannot be held against a common name")
}

/// What is signed and what stands outside have to name the same algorithm (RFC 5280, section 4.1.1.2).
fn same_algorithm(certificate: &Fields<'_>) -> Result<(), Malformed> {
    if certificate.inner_algorithm == certificate.signed.algorithm { Ok(()) } else { Err(Malformed("signature")) }
}

/// Whether every critical extension is one that is looked at here (RFC 5280, section 4.2).
fn understood(certificate: &Fields<'_>) -> Result<(), Malformed> {
    const READ: [&[u8]; 4] =
        [fields::KEY_USAGE, fields::SUBJECT_ALT_NAME, fields::BASIC_CONSTRAINTS, fields::EXTENDED_KEY_USAGE];
    for extension in certificate.extensions() {
        let extension = extension?;
        if extension.critical && !READ.contains(&extension.id) {
            return Err(Malformed("critical extension, which is not understood"));
        }
    }
    Ok(())
}

fn check_dates(certificate: &Fields<'_>, question: &Question<'_>) -> Result<(), CertificateProblem> {
    let (not_before, not_after) = certificate.validity()?;
    let (now, subject) = (question.now, certificate.subject_text());
    if now > not_after {
        Err(CertificateProblem::Expired { subject, not_after, now })
    } else if now < not_before {
        Err(CertificateProblem::NotYetValid { subject, not_before, now })
    } else {
        Ok(())
    }
}

fn check_purpose(certificate: &Fields<'_>, question: &Question<'_>) -> Result<(), CertificateProblem> {
    let fits = certificate.extended_key_usage()?.is_none_or(|purposes| question.peer.is_purpose(&purposes));
    let required = question.peer.purpose_name();
    if fits { Ok(()) } else { Err(CertificateProblem::WrongExtendedKeyUsage { required }) }
}
