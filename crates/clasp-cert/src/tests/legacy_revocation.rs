//! Revocation lists for certificates of X.509 version 1 (RFC 5280, section 6.3).

use rcgen::{
    CertificateRevocationListParams, CrlIssuingDistributionPoint, CrlScope, KeyIdMethod, KeyUsagePurpose,
    RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};

use super::server::ask;
use crate::testing::{Authority, name, version_1};
use crate::{
    CertificateError, CertificateProblem, CertificateRules, Check, KeyUse, Outcome, Report, Revocation,
    WebPkiServerVerifier,
};

fn list(issuer: &Authority, serials: &[u64], year: i32) -> CertificateRevocationListDer<'static> {
    list_for(issuer, serials, year, None)
}

fn list_for(
    issuer: &Authority,
    serials: &[u64],
    year: i32,
    issuing_distribution_point: Option<CrlIssuingDistributionPoint>,
) -> CertificateRevocationListDer<'static> {
    let revoked = |serial: &u64| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date_time_ymd(2026, 2, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 1, 1),
        next_update: date_time_ymd(year, 5, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point,
        revoked_certs: serials.iter().map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(&issuer.issuer).unwrap().der().clone()
}

fn leaf(issuer: &Authority, serial: u64) -> CertificateDer<'static> {
    version_1(&issuer.leaf(|params| params.serial_number = Some(SerialNumber::from(serial))).der, issuer)
}

fn verify(
    root: &Authority,
    chain: &[CertificateDer<'static>],
    lists: &[CertificateRevocationListDer<'static>],
    relax: impl FnOnce(&mut Revocation),
) -> Result<Report, CertificateError> {
    let mut revocation = Revocation::new();
    for list in lists {
        revocation.add_der(list).unwrap();
    }
    relax(&mut revocation);
    let verifier = WebPkiServerVerifier::builder(root.roots())
        .rules(CertificateRules::legacy())
        .revocation(revocation)
        .build()
        .unwrap();
    ask(&verifier, chain, &name("host.example"), KeyUse::DigitalSignature)
}

fn outcome(verdict: Result<Report, CertificateError>) -> Outcome {
    verdict.unwrap().get(Check::Revocation).clone()
}

#[track_caller]
fn unknown(verdict: Result<Report, CertificateError>, says: &str) {
    let error = verdict.unwrap_err();
    assert!(matches!(error.problem, CertificateProblem::RevocationUnknown { .. }), "{error:?}");
    assert!(error.to_string().contains(says), "{error}");
    let failed: Vec<_> = error.report.failures().map(|(check, _)| check).collect();
    assert_eq!(failed, [Check::Revocation]);
    assert!(error.report.get(Check::HostName).is_passed());
}

#[test]
fn a_revoked_one_is_refused_and_others_are_not() {
    let root = Authority::new("Root");
    let lists = [list(&root, &[7], 2027)];
    let error = verify(&root, &[leaf(&root, 7)], &lists, |_| {}).unwrap_err();
    assert_eq!(error.problem, CertificateProblem::Revoked);
    assert_eq!(outcome(verify(&root, &[leaf(&root, 8)], &lists, |_| {})), Outcome::Passed);
}

#[test]
fn an_unknown_status_is_refused_unless_allowed() {
    let (root, other) = (Authority::new("Root"), Authority::new("Other"));
    let elsewhere = [list(&other, &[7], 2027)];
    unknown(verify(&root, &[leaf(&root, 7)], &elsewhere, |_| {}), "no revocation list is for its issuer");
    let allow = |revocation: &mut Revocation| {
        revocation.allow_unknown();
    };
    assert_eq!(outcome(verify(&root, &[leaf(&root, 7)], &elsewhere, allow)), Outcome::NotChecked);
    let error = verify(&root, &[leaf(&root, 7)], &[list(&root, &[7], 2027)], allow).unwrap_err();
    assert_eq!(error.problem, CertificateProblem::Revoked);
    // A list for some certificates only may not be for this one.
    let point = CrlIssuingDistributionPoint {
        distribution_point: rcgen::CrlDistributionPoint { uris: vec!["http://host.example/".into()] },
        scope: Some(CrlScope::CaCertsOnly),
    };
    let partial = [list_for(&root, &[], 2027, Some(point))];
    unknown(verify(&root, &[leaf(&root, 7)], &partial, |_| {}), "no revocation list is for its issuer");
}

#[test]
fn a_list_that_is_overdue_or_forged_is_refused() {
    let root = Authority::new("Root");
    let overdue = [list(&root, &[], 2026)];
    unknown(verify(&root, &[leaf(&root, 7)], &overdue, |_| {}), "renewed on 2026-05-01");
    let allow = |revocation: &mut Revocation| {
        revocation.allow_overdue();
    };
    assert_eq!(outcome(verify(&root, &[leaf(&root, 7)], &overdue, allow)), Outcome::Passed);
    let impostor = Authority::new("Root");
    unknown(verify(&root, &[leaf(&root, 7)], &[list(&impostor, &[], 2027)], |_| {}), "signature does not verify");
}

#[test]
fn authorities_are_looked_up_too_unless_told_otherwise() {
    let root = Authority::new("Root");
    let mut params = Authority::params("Middle");
    params.serial_number = Some(SerialNumber::from(99_u64));
    let middle = root.intermediate_from(params);
    let chain = [leaf(&middle, 7), middle.der().clone()];
    let lists = [list(&root, &[99], 2027), list(&middle, &[], 2027)];
    let error = verify(&root, &chain, &lists, |_| {}).unwrap_err();
    assert_eq!(error.problem, CertificateProblem::Revoked);
    let leaf_only = |revocation: &mut Revocation| {
        revocation.leaf_only();
    };
    assert_eq!(outcome(verify(&root, &chain, &lists, leaf_only)), Outcome::Passed);
    unknown(verify(&root, &chain, &lists[1..], |_| {}), "no revocation list is for its issuer");
}

#[test]
fn an_authority_has_to_be_allowed_to_sign_lists() {
    let root = Authority::new("Root");
    let mut params = Authority::params("Middle");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let middle = root.intermediate_from(params);
    // rcgen will not sign a list with that authority, so its key does so under other rules.
    let key = rcgen::KeyPair::try_from(middle.issuer.key().serialize_der()).unwrap();
    let signer = Authority { issuer: rcgen::CertifiedIssuer::self_signed(Authority::params("Middle"), key).unwrap() };
    let chain = [leaf(&middle, 7), middle.der().clone()];
    let leaf_only = |revocation: &mut Revocation| {
        revocation.leaf_only();
    };
    unknown(verify(&root, &chain, &[list(&signer, &[], 2027)], leaf_only), "may not sign revocation lists");
}

#[test]
fn a_root_has_to_be_allowed_to_sign_lists() {
    let signer = Authority::new("Root");
    let mut params = Authority::params("Root");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = rcgen::KeyPair::try_from(signer.issuer.key().serialize_der()).unwrap();
    let root = Authority { issuer: rcgen::CertifiedIssuer::self_signed(params, key).unwrap() };
    unknown(verify(&root, &[leaf(&signer, 7)], &[list(&signer, &[], 2027)], |_| {}), "may not sign revocation lists");
    // Nor is it asked where it decides nothing.
    let middle = signer.intermediate("Middle");
    let lists = [list(&signer, &[], 2027), list(&middle, &[], 2027)];
    let chain = [leaf(&middle, 7), middle.der().clone()];
    verify(&root, &chain, &lists, |revocation| {
        revocation.leaf_only();
    })
    .unwrap();
}
