//! A certificate that asks for a stapled OCSP response gets one, or is refused (RFC 7633).

use std::sync::Arc;

use clasp_wire::AlertDescription;
use rcgen::CustomExtension;

use crate::testing::{Authority, NOW, name};
use crate::{
    CertificateError, CertificateProblem, CertificateRules, Check, KeyUse, Outcome, Report, ServerVerification,
    ServerVerifier, StapleCheck, StapleStatus, WebPkiServerVerifier,
};

/// An OCSPResponse that says successful, and no more: this crate reads no further.
const RESPONSE: &[u8] = &[0x30, 3, 0x0a, 1, 0];
/// tryLater.
const TRY_LATER: &[u8] = &[0x30, 3, 0x0a, 1, 3];

#[derive(Debug)]
struct Says(StapleStatus);

impl StapleCheck for Says {
    fn check_staple(&self, _: &ServerVerification<'_>) -> StapleStatus {
        self.0.clone()
    }
}

struct Case<'a> {
    /// The value of the TLS feature extension.
    feature: &'a [u8],
    staple: &'a [u8],
    check: Option<StapleStatus>,
    rules: CertificateRules,
    host: &'static str,
}

/// A SEQUENCE of the INTEGER 5, status_request.
const STATUS_REQUEST: &[u8] = &[0x30, 3, 2, 1, 5];

impl Default for Case<'_> {
    fn default() -> Self {
        Self {
            feature: STATUS_REQUEST,
            staple: &[],
            check: None,
            rules: CertificateRules::modern(),
            host: "host.example",
        }
    }
}

impl Case<'_> {
    fn verify(self) -> Result<Report, CertificateError> {
        let root = Authority::new("Root");
        let leaf = root.leaf(|params| {
            if !self.feature.is_empty() {
                let id = [1, 3, 6, 1, 5, 5, 7, 1, 24];
                params.custom_extensions.push(CustomExtension::from_oid_content(&id, self.feature.to_vec()));
            }
        });
        let mut builder = WebPkiServerVerifier::builder(root.roots()).rules(self.rules);
        if let Some(status) = self.check {
            builder = builder.staple_check(Arc::new(Says(status)));
        }
        let (chain, name) = ([leaf.der], name(self.host));
        let question = ServerVerification::new(&chain, &name, NOW, KeyUse::DigitalSignature);
        builder.build().unwrap().verify_server(question.with_ocsp_response(self.staple)).try_take().unwrap()
    }
}

fn refusal(case: Case<'_>) -> CertificateError {
    let error = case.verify().unwrap_err();
    assert!(matches!(error.problem, CertificateProblem::StapleMissing { .. }), "{error}");
    assert!(error.report.get(Check::Staple).is_failed());
    assert_eq!(error.alert(), AlertDescription::BAD_CERTIFICATE_STATUS_RESPONSE);
    error
}

#[test]
fn without_a_staple_it_is_refused() {
    let error = refusal(Case::default());
    assert!(error.to_string().contains("(must-staple), and the server sent none; let the server"), "{error}");
    assert!(error.report.get(Check::HostName).is_passed());
    // Other features may stand beside it.
    refusal(Case { feature: &[0x30, 6, 2, 1, 17, 2, 1, 5], ..Case::default() });
    // What cannot be read may well ask.
    refusal(Case { feature: &[0x30, 9], ..Case::default() });
}

#[test]
fn what_is_no_good_response_is_none() {
    assert!(refusal(Case { staple: TRY_LATER, ..Case::default() }).to_string().contains("OCSP responder"));
    refusal(Case { staple: b"rubbish", ..Case::default() });
    // Whoever is asked to read it and can tell nothing has found no valid one.
    refusal(Case { staple: RESPONSE, check: Some(StapleStatus::Unknown), ..Case::default() });
}

#[test]
fn with_a_staple_it_is_accepted() {
    let report = Case { staple: RESPONSE, ..Case::default() }.verify().unwrap();
    assert!(report.get(Check::Staple).is_passed());
    assert_eq!(report.get(Check::Revocation), &Outcome::NotChecked);
    assert!(report.to_string().contains("7 did the OCSP response come along that the certificate asks for? passed"));
    let report = Case { staple: RESPONSE, check: Some(StapleStatus::Good), ..Case::default() }.verify().unwrap();
    assert!(report.get(Check::Staple).is_passed() && report.get(Check::Revocation).is_passed());
}

#[test]
fn what_the_staple_says_decides_first() {
    let error = Case { staple: RESPONSE, check: Some(StapleStatus::Revoked), ..Case::default() }.verify().unwrap_err();
    assert_eq!(error.problem, CertificateProblem::Revoked);
    assert!(error.report.get(Check::Staple).is_failed());
}

#[test]
fn who_does_not_ask_needs_none() {
    // Another feature, status_request_v2, was never asked for by us, and so does not bind.
    for feature in [&[][..], &[0x30, 3, 2, 1, 17], &[0x30, 0]] {
        let report = Case { feature, ..Case::default() }.verify().unwrap();
        assert!(!report.checks().contains(&Check::Staple), "{feature:?}");
        Case { feature, check: Some(StapleStatus::Unknown), ..Case::default() }.verify().unwrap();
    }
}

#[test]
fn it_can_be_left_alone() {
    let report = Case { rules: CertificateRules::modern().without_must_staple(), ..Case::default() }.verify().unwrap();
    assert_eq!(report.get(Check::Staple), &Outcome::NotChecked);
}

#[test]
fn a_certificate_that_is_refused_anyhow_is_told_of_it_too() {
    let error = Case { host: "other.example", ..Case::default() }.verify().unwrap_err();
    assert!(matches!(error.problem, CertificateProblem::WrongName { .. }), "{error}");
    assert!(error.report.get(Check::Staple).is_failed());
}

#[cfg(feature = "legacy")]
#[test]
fn legacy_rules_ask_too() {
    refusal(Case { rules: CertificateRules::legacy(), ..Case::default() });
}
