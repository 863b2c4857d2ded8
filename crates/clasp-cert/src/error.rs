//! Why a peer's certificate was refused, and the alert that tells it so (RFC 5246, section 7.2.2).

use core::fmt;

use clasp_wire::AlertDescription;
use rustls_pki_types::UnixTime;

use crate::report::{Check, Report};
use crate::text;
use crate::verify::KeyUse;

/// A peer's certificate was refused.
///
/// `problem` is the one that decided; `report` tells of every check, so that a certificate which
/// is both out of date and for another host is known to be both at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct CertificateError {
    /// What decided.
    pub problem: CertificateProblem,
    /// Every check and how it ended. Boxed, because errors are rare and reports are large.
    pub report: Box<Report>,
    /// The alert, where it is not the problem's own.
    alert: Option<AlertDescription>,
}

impl CertificateError {
    /// An error with this problem in this report. A check of the problem's own that has not
    /// failed in the report is marked as failed.
    pub fn new(problem: CertificateProblem, mut report: Report) -> Self {
        if let Some(check) = problem.check()
            && !report.get(check).is_failed()
        {
            report.set(check, crate::Outcome::failed(problem.finding()));
        }
        Self { problem, report: Box::new(report), alert: None }
    }

    /// Sends this alert instead of the problem's own: for a verifier that refuses by rules of its own.
    #[must_use]
    pub fn with_alert(mut self, alert: AlertDescription) -> Self {
        self.alert = Some(alert);
        self
    }

    /// The alert to send (RFC 5246, section 7.2.2).
    pub fn alert(&self) -> AlertDescription {
        self.alert.unwrap_or_else(|| self.problem.alert())
    }
}

/// What is wrong with a peer's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// The peer sent no certificate at all.
    NoCertificate,
    /// The peer sent more certificates than the verifier looks at.
    TooManyCertificates {
        /// How many certificates came.
        count: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A certificate is not what RFC 5280 describes.
    Malformed {
        /// What is wrong with it.
        reason: Box<str>,
    },
    /// A certificate is of a version before 3, and so has no extensions to say what it is for
    /// (RFC 5280, section 4.1.2.1).
    OldVersion {
        /// Whose certificate.
        subject: Box<str>,
        /// The version, as people count.
        version: u8,
    },
    /// A date has passed (RFC 5280, section 4.1.2.5).
    Expired {
        /// Whose certificate.
        subject: Box<str>,
        /// Its last second.
        not_after: UnixTime,
        /// The time it was verified for.
        now: UnixTime,
    },
    /// A date has not come yet (RFC 5280, section 4.1.2.5).
    NotYetValid {
        /// Whose certificate.
        subject: Box<str>,
        /// Its first second.
        not_before: UnixTime,
        /// The time it was verified for.
        now: UnixTime,
    },
    /// No trusted certification authority issued it, or the certificates in between are missing.
    UnknownIssuer {
        /// The name at which the path broke off.
        issuer: Box<str>,
    },
    /// The peer signed its certificate itself, and nobody else did.
    SelfSigned {
        /// Whose certificate.
        subject: Box<str>,
    },
    /// A certificate on the path may not issue the one below it (RFC 5280, sections 4.2.1.9 and
    /// 4.2.1.10).
    UnfitIssuer {
        /// What stands against it.
        reason: Box<str>,
    },
    /// An issuer's signature does not verify.
    BadSignature,
    /// An issuer signed with an algorithm the provider does not verify, or with too small a key.
    UnsupportedSignature {
        /// Which one.
        reason: Box<str>,
    },
    /// The certificate is for another name (RFC 6125).
    WrongName {
        /// The name that was asked for.
        expected: Box<str>,
        /// The names in the certificate.
        presented: Vec<Box<str>>,
    },
    /// The keyUsage extension does not allow what the handshake does (RFC 5280, section 4.2.1.3).
    WrongKeyUsage {
        /// The use that was needed.
        required: KeyUse,
    },
    /// The extKeyUsage extension does not allow this role (RFC 5280, section 4.2.1.12).
    WrongExtendedKeyUsage {
        /// The purpose that was needed, by its name in RFC 5280.
        required: &'static str,
    },
    /// A certification authority's own certificate was presented as a peer's.
    AuthorityAsPeer,
    /// A certificate was revoked (RFC 5280, section 5).
    Revoked,
    /// It could not be told whether a certificate was revoked.
    RevocationUnknown {
        /// Why not.
        reason: Box<str>,
    },
    /// The certificate asks for a stapled OCSP response (RFC 7633), and there is none that is good.
    StapleMissing {
        /// What is amiss.
        reason: Box<str>,
    },
    /// The key is not one of the pinned ones.
    PinMismatch {
        /// The hash of the key that came, in hexadecimal.
        found: Box<str>,
    },
    /// The peer showed a certificate where only raw public keys are accepted (RFC 7250).
    NotRawPublicKey,
    /// A verifier of the caller's own refused.
    Refused {
        /// Its reason.
        reason: Box<str>,
    },
}

impl CertificateProblem {
    /// What was found, without what to do about it. [`Display`](fmt::Display) says both.
    pub fn finding(&self) -> String {
        match self {
            Self::NoCertificate => "the peer sent no certificate".into(),
            Self::TooManyCertificates { count, limit } => {
                format!("the peer sent {count} certificates, and at most {limit} are looked at")
            }
            Self::Malformed { reason } => format!("the certificate is malformed ({reason})"),
            Self::OldVersion { subject, version: 1 } => {
                format!("the certificate of {subject} is of X.509 version 1, which only a legacy verifier accepts")
            }
            Self::OldVersion { subject, version } => {
                format!("the certificate of {subject} is of X.509 version {version}")
            }
            Self::Expired { subject, not_after, now } => format!(
                "the certificate of {subject} expired on {}, {} before {}",
                text::date(*not_after),
                text::distance(*not_after, *now),
                text::date(*now)
            ),
            Self::NotYetValid { subject, not_before, now } => format!(
                "the certificate of {subject} is valid only from {} on, {} after {}",
                text::date(*not_before),
                text::distance(*not_before, *now),
                text::date(*now)
            ),
            Self::UnknownIssuer { issuer } => format!(
                "no trusted CA issued the certificate: the path ends at {issuer}, which is not among the trusted roots"
            ),
            Self::SelfSigned { subject } => {
                format!("the certificate of {subject} is signed by itself and by no trusted CA")
            }
            Self::UnfitIssuer { reason } => format!("a certificate on the path may not issue this one: {reason}"),
            Self::BadSignature => "the signature on a certificate does not verify with its issuer's key".into(),
            Self::UnsupportedSignature { reason } => {
                format!("a certificate on the path is signed in a way that is not accepted: {reason}")
            }
            Self::WrongName { expected, presented } if presented.is_empty() => format!(
                "the certificate is not for {expected} but for no name at all (the subject's common name does not \
                 count, but for a legacy verifier)"
            ),
            Self::WrongName { expected, presented } => {
                format!("the certificate is not for {expected} but for {}", text::list(presented))
            }
            Self::WrongKeyUsage { required } => {
                format!("the certificate's keyUsage does not allow {required}, which the key exchange needs")
            }
            Self::WrongExtendedKeyUsage { required } => {
                format!("the extKeyUsage of a certificate does not allow {required}")
            }
            Self::AuthorityAsPeer => "the certificate is a CA's own and may not be presented by a peer".into(),
            Self::Revoked => "a certificate has been revoked by its issuer".into(),
            Self::RevocationUnknown { reason } => {
                format!("it cannot be told whether a certificate was revoked: {reason}")
            }
            Self::StapleMissing { reason } => {
                format!("the certificate asks for a stapled OCSP response (must-staple), {reason}")
            }
            Self::PinMismatch { found } => format!("the server's key is none of the pinned ones; its pin is {found}"),
            Self::NotRawPublicKey => {
                "the peer showed a certificate, and only raw public keys (RFC 7250) are accepted".into()
            }
            Self::Refused { reason } => reason.to_string(),
        }
    }

    /// What can be done about it, where something can.
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoCertificate => "configure one there",
            Self::TooManyCertificates { .. } => {
                "let it send only its own and the intermediate ones, or raise the verifier's limit"
            }
            Self::Malformed { .. } => "it has to be issued anew",
            Self::OldVersion { .. } => "it has to be issued anew as version 3, or its key be pinned",
            Self::Expired { .. } => "it has to be renewed, unless this machine's clock is wrong",
            Self::NotYetValid { .. } => "this machine's clock may be slow",
            Self::UnknownIssuer { .. } => {
                "add that CA to them if you trust it, or, if that is an intermediate one, let the peer send its \
                 certificate too"
            }
            Self::SelfSigned { .. } => "to trust exactly this one, pin its key",
            Self::AuthorityAsPeer => {
                "to trust exactly this one, pin its key; a legacy verifier accepts it if it is itself a trusted root"
            }
            Self::UnfitIssuer { .. } => "the peer needs another certificate, or has to send other intermediate ones",
            Self::BadSignature => {
                "it was altered, or issued by somebody else of the same name: look which CA of that name is trusted"
            }
            Self::UnsupportedSignature { .. } => "it has to be issued anew with a current one",
            Self::WrongName { .. } => "connect by a name the certificate is for, or let it be issued for this one",
            Self::WrongKeyUsage { .. } => "take another key exchange, or let it be issued with that usage",
            Self::WrongExtendedKeyUsage { .. } => "it has to be issued with that purpose",
            Self::Revoked => "it has to be replaced",
            Self::RevocationUnknown { .. } => "supply a current revocation list, or allow what is unknown",
            Self::StapleMissing { .. } => {
                "let the server fetch and staple one (its OCSP stapling is off, or could not reach the CA), or verify by \
                 CertificateRules::without_must_staple"
            }
            Self::PinMismatch { .. } => "if the key was changed on purpose, pin the new one",
            Self::NotRawPublicKey => "configure the peer's key there as a raw one, or verify certificates here",
            Self::Refused { .. } => return None,
        })
    }

    /// The alert to send (RFC 5246, section 7.2.2).
    pub fn alert(&self) -> AlertDescription {
        match self {
            Self::NoCertificate => AlertDescription::HANDSHAKE_FAILURE,
            Self::TooManyCertificates { .. } | Self::Malformed { .. } | Self::BadSignature | Self::WrongName { .. } => {
                AlertDescription::BAD_CERTIFICATE
            }
            Self::Expired { .. } | Self::NotYetValid { .. } => AlertDescription::CERTIFICATE_EXPIRED,
            Self::UnknownIssuer { .. } | Self::SelfSigned { .. } | Self::UnfitIssuer { .. } => {
                AlertDescription::UNKNOWN_CA
            }
            Self::OldVersion { .. }
            | Self::UnsupportedSignature { .. }
            | Self::WrongKeyUsage { .. }
            | Self::WrongExtendedKeyUsage { .. }
            | Self::NotRawPublicKey
            | Self::AuthorityAsPeer => AlertDescription::UNSUPPORTED_CERTIFICATE,
            Self::StapleMissing { .. } => AlertDescription::BAD_CERTIFICATE_STATUS_RESPONSE,
            Self::Revoked => AlertDescription::CERTIFICATE_REVOKED,
            Self::RevocationUnknown { .. } | Self::PinMismatch { .. } | Self::Refused { .. } => {
                AlertDescription::CERTIFICATE_UNKNOWN
            }
        }
    }

    /// The check this problem is a failure of; `None` if it lies before or beside all of them.
    pub fn check(&self) -> Option<Check> {
        Some(match self {
            Self::NoCertificate
            | Self::TooManyCertificates { .. }
            | Self::Malformed { .. }
            | Self::PinMismatch { .. }
            | Self::NotRawPublicKey
            | Self::Refused { .. } => return None,
            Self::Expired { .. } | Self::NotYetValid { .. } => Check::Validity,
            Self::OldVersion { .. }
            | Self::UnknownIssuer { .. }
            | Self::SelfSigned { .. }
            | Self::UnfitIssuer { .. } => Check::TrustedIssuer,
            Self::BadSignature | Self::UnsupportedSignature { .. } => Check::IssuerSignature,
            Self::WrongName { .. } => Check::HostName,
            Self::WrongKeyUsage { .. } | Self::WrongExtendedKeyUsage { .. } | Self::AuthorityAsPeer => Check::KeyUsage,
            Self::Revoked | Self::RevocationUnknown { .. } => Check::Revocation,
            Self::StapleMissing { .. } => Check::Staple,
        })
    }
}

impl From<crate::fields::Malformed> for CertificateProblem {
    fn from(malformed: crate::fields::Malformed) -> Self {
        Self::Malformed { reason: malformed.0.into() }
    }
}

impl fmt::Display for CertificateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.finding())?;
        match self.advice() {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for CertificateProblem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_may_choose_the_alert() {
        let error = CertificateError::new(CertificateProblem::Revoked, Report::client());
        assert_eq!(error.alert(), AlertDescription::CERTIFICATE_REVOKED);
        assert_eq!(error.with_alert(AlertDescription::ACCESS_DENIED).alert(), AlertDescription::ACCESS_DENIED);
    }
}
