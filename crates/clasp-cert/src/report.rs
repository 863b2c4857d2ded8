//! The named checks of server and client authentication, each with its outcome (RFC 5280, section 6).

use core::fmt;

/// One question asked about the peer's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Check {
    /// Do the dates of every certificate on the path include today (RFC 5280, section 4.1.2.5)?
    Validity,
    /// Does the path lead to a certification authority the caller trusts, through certificates
    /// that are allowed to issue this one (RFC 5280, section 6.1)?
    TrustedIssuer,
    /// Is each signature on the path the work of the key above it (RFC 5280, section 6.1.3)?
    IssuerSignature,
    /// Is the certificate for the host that was asked for (RFC 6125)? Servers only.
    HostName,
    /// May the key be used for what the handshake does with it (RFC 5280, sections 4.2.1.3 and
    /// 4.2.1.12)?
    KeyUsage,
    /// Has no certificate been revoked (RFC 5280, section 6.3)?
    Revocation,
    /// Did the OCSP response come along that the certificate asks for (RFC 7633)? Only in the report of
    /// a server whose certificate does.
    Staple,
    /// Does the peer hold the private key? Answered by the handshake, not by a verifier: by the
    /// signature over the key exchange or in `CertificateVerify`, or, where RSA encrypts the
    /// pre-master secret, by the server's `Finished`.
    Possession,
}

impl Check {
    const COUNT: usize = 8;

    /// A short name, for tables and traces. [`Display`](fmt::Display) asks the whole question.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validity => "validity dates",
            Self::TrustedIssuer => "trusted issuer",
            Self::IssuerSignature => "issuer's signature",
            Self::HostName => "domain name",
            Self::KeyUsage => "key usage",
            Self::Revocation => "revocation",
            Self::Staple => "stapled OCSP response",
            Self::Possession => "possession of the key",
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Validity => 0,
            Self::TrustedIssuer => 1,
            Self::IssuerSignature => 2,
            Self::HostName => 3,
            Self::KeyUsage => 4,
            Self::Revocation => 5,
            Self::Possession => 6,
            Self::Staple => 7,
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Validity => "is today's date within the validity period?",
            Self::TrustedIssuer => "is the issuing CA a trusted CA?",
            Self::IssuerSignature => "does the issuer's public key validate the issuer's signature?",
            Self::HostName => "does the domain name match?",
            Self::KeyUsage => "may the key be used for this?",
            Self::Revocation => "is the certificate free of revocation?",
            Self::Staple => "did the OCSP response come along that the certificate asks for?",
            Self::Possession => "does the peer's public key validate the peer's own proof?",
        })
    }
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not hold, for this reason.
    Failed(Box<str>),
    /// It could not be told, because something before it failed or has not happened yet.
    #[default]
    NotReached,
    /// The verifier was not asked to look.
    NotChecked,
}

impl Outcome {
    /// A failure with its reason.
    pub fn failed(reason: impl Into<Box<str>>) -> Self {
        Self::Failed(reason.into())
    }

    /// Whether the check passed.
    pub const fn is_passed(&self) -> bool {
        matches!(self, Self::Passed)
    }

    /// Whether the check failed.
    pub const fn is_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Failed(reason) => write!(f, "failed: {reason}"),
            Self::NotReached => f.write_str("not reached"),
            Self::NotChecked => f.write_str("not checked"),
        }
    }
}

/// Whose certificate a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Server,
    Client,
}

/// The checks of one authentication and how each ended.
///
/// Its order is the order in which the process is told: for a server the dates, the issuer, the
/// issuer's signature and the name; for a client possession of the key, the dates, the issuer and
/// the issuer's signature. A report without failures owns no heap memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    subject: Subject,
    outcomes: [Outcome; Check::COUNT],
}

impl Report {
    const SERVER: &'static [Check] = &[
        Check::Validity,
        Check::TrustedIssuer,
        Check::IssuerSignature,
        Check::HostName,
        Check::KeyUsage,
        Check::Revocation,
        Check::Possession,
    ];
    const SERVER_THAT_STAPLES: &'static [Check] = &[
        Check::Validity,
        Check::TrustedIssuer,
        Check::IssuerSignature,
        Check::HostName,
        Check::KeyUsage,
        Check::Revocation,
        Check::Staple,
        Check::Possession,
    ];
    const CLIENT: &'static [Check] = &[
        Check::Possession,
        Check::Validity,
        Check::TrustedIssuer,
        Check::IssuerSignature,
        Check::KeyUsage,
        Check::Revocation,
    ];

    /// A report about a server, nothing reached yet.
    pub fn server() -> Self {
        let mut report = Self { subject: Subject::Server, outcomes: Default::default() };
        report.set(Check::Staple, Outcome::NotChecked);
        report
    }

    /// A report about a client, nothing reached yet. The name is not among its checks.
    pub fn client() -> Self {
        let mut report = Self { subject: Subject::Client, outcomes: Default::default() };
        report.set(Check::HostName, Outcome::NotChecked);
        report.set(Check::Staple, Outcome::NotChecked);
        report
    }

    /// The checks of this report, in their order.
    pub const fn checks(&self) -> &'static [Check] {
        match self.subject {
            Subject::Server if !matches!(self.outcomes[Check::Staple.index()], Outcome::NotChecked) => {
                Self::SERVER_THAT_STAPLES
            }
            Subject::Server => Self::SERVER,
            Subject::Client => Self::CLIENT,
        }
    }

    /// How `check` ended.
    pub fn get(&self, check: Check) -> &Outcome {
        self.outcomes.get(check.index()).unwrap_or(&Outcome::NotReached)
    }

    /// Writes down how `check` ended.
    pub fn set(&mut self, check: Check, outcome: Outcome) {
        if let Some(slot) = self.outcomes.get_mut(check.index()) {
            *slot = outcome;
        }
    }

    /// Every check with its outcome, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Check, &Outcome)> {
        self.checks().iter().map(|&check| (check, self.get(check)))
    }

    /// The checks that failed, in order.
    pub fn failures(&self) -> impl Iterator<Item = (Check, &str)> {
        self.iter().filter_map(|(check, outcome)| match outcome {
            Outcome::Failed(reason) => Some((check, &**reason)),
            _ => None,
        })
    }

    /// Fills in every check that nothing is known about yet.
    pub(crate) fn set_unreached(&mut self, outcome: &Outcome) {
        for slot in &mut self.outcomes {
            if *slot == Outcome::NotReached {
                *slot = outcome.clone();
            }
        }
    }
}

/// One check a line: number, question, outcome.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (check, outcome)) in self.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{} {check} {outcome}", number + 1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_report_is_told_in_order() {
        let mut report = Report::server();
        report.set(Check::Validity, Outcome::Passed);
        report.set(Check::TrustedIssuer, Outcome::failed("nobody knows it"));
        report.set(Check::Revocation, Outcome::NotChecked);
        assert_eq!(
            report.to_string(),
            "1 is today's date within the validity period? passed\n\
             2 is the issuing CA a trusted CA? failed: nobody knows it\n\
             3 does the issuer's public key validate the issuer's signature? not reached\n\
             4 does the domain name match? not reached\n\
             5 may the key be used for this? not reached\n\
             6 is the certificate free of revocation? not checked\n\
             7 does the peer's public key validate the peer's own proof? not reached"
        );
        assert_eq!(report.failures().collect::<Vec<_>>(), [(Check::TrustedIssuer, "nobody knows it")]);
    }

    #[test]
    fn a_client_report_begins_with_possession_and_has_no_name() {
        let report = Report::client();
        assert_eq!(report.checks().first(), Some(&Check::Possession));
        assert!(!report.checks().contains(&Check::HostName));
        assert_eq!(report.get(Check::HostName), &Outcome::NotChecked);
    }

    #[test]
    fn every_check_has_its_own_place() {
        for &check in Report::SERVER_THAT_STAPLES {
            let mut report = Report::server();
            report.set(check, Outcome::Passed);
            let passed: Vec<_> = report.iter().filter(|(_, o)| o.is_passed()).collect();
            assert_eq!(passed, [(check, &Outcome::Passed)]);
        }
    }
}
