//! Revocation lists: revoked, unknown, overdue, forged (RFC 5280, section 6.3).

use clasp_wire::AlertDescription;
use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, KeyUsagePurpose, RevocationReason, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};

use super::server::ask;
use crate::testing::{Authority, name};
use crate::{
    CertificateError, CertificateProblem, Check, KeyUse, LoadError, Outcome, Report, Revocation, WebPkiServerVerifier,
};

/// A list of `issuer` with these serial numbers, to be renewed in `year`.
fn list(issuer: &Authority, serials: &[u64], year: i32) -> CertificateRevocationListDer<'static> {
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 1, 1),
        next_update: date_time_ymd(year, 5, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: serials
            .iter()
            .map(|serial| RevokedCertParams {
                serial_number: SerialNumber::from(*serial),
                revocation_time: date_time_ymd(2026, 2, 1),
                reason_code: Some(RevocationReason::KeyCompromise),
                invalidity_date: None,
            })
            .collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(&issuer.issuer).unwrap().der().clone()
}

fn leaf(issuer: &Authority, serial: u64) -> CertificateDer<'static> {
    issuer.leaf(|params| params.serial_number = Some(SerialNumber::from(serial))).der
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
    let verifier = WebPkiServerVerifier::builder(root.roots()).revocation(revocation).build().unwrap();
    ask(&verifier, chain, &name("host.example"), KeyUse::DigitalSignature)
}

fn outcome(verdict: Result<Report, CertificateError>) -> Outcome {
    verdict.unwrap().get(Check::Revocation).clone()
}

#[test]
fn a_revoked_certificate_is_refused_and_others_are_not() {
    let root = Authority::new("Root");
    let lists = [list(&root, &[7], 2027)];
    let error = verify(&root, &[leaf(&root, 7)], &lists, |_| {}).unwrap_err();
    assert_eq!(error.problem, CertificateProblem::Revoked);
    assert_eq!(error.alert(), AlertDescription::CERTIFICATE_REVOKED);
    assert_eq!(error.report.failures().map(|(check, _)| check).collect::<Vec<_>>(), [Check::Revocation]);
    assert!(error.report.get(Check::IssuerSignature).is_passed());

    assert_eq!(outcome(verify(&root, &[leaf(&root, 8)], &lists, |_| {})), Outcome::Passed);
}

#[test]
fn expired_and_revoked_are_both_told() {
    let root = Authority::new("Root");
    let leaf = root.leaf(|params| {
        params.serial_number = Some(SerialNumber::from(7_u64));
        params.not_after = date_time_ymd(2026, 2, 1);
    });
    let error = verify(&root, &[leaf.der], &[list(&root, &[7], 2027)], |_| {}).unwrap_err();
    assert!(matches!(error.problem, CertificateProblem::Expired { .. }));
    let failed: Vec<_> = error.report.failures().map(|(check, _)| check).collect();
    assert_eq!(failed, [Check::Validity, Check::Revocation]);
}

#[test]
fn an_unknown_status_is_refused_unless_allowed() {
    let (root, other) = (Authority::new("Root"), Authority::new("Other"));
    let lists = [list(&other, &[], 2027)];
    let chain = [leaf(&root, 7)];
    let error = verify(&root, &chain, &lists, |_| {}).unwrap_err();
    assert!(matches!(error.problem, CertificateProblem::RevocationUnknown { .. }));
    let allowed = verify(&root, &chain, &lists, |revocation| {
        revocation.allow_unknown();
    });
    assert_eq!(outcome(allowed), Outcome::NotChecked);
    // Allowing what is unknown does not allow what is known.
    verify(&root, &chain, &[list(&root, &[7], 2027)], |revocation| {
        revocation.allow_unknown();
    })
    .unwrap_err();
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
    let leaf_only = verify(&root, &chain, &lists, |revocation| {
        revocation.leaf_only();
    });
    assert_eq!(outcome(leaf_only), Outcome::Passed);
}

#[test]
fn an_overdue_list_is_refused_unless_allowed() {
    let root = Authority::new("Root");
    let (chain, lists) = ([leaf(&root, 7)], [list(&root, &[], 2026)]);
    let error = verify(&root, &chain, &lists, |_| {}).unwrap_err();
    assert!(error.to_string().contains("renewed on 2026-05-01"), "{error}");
    let allowed = verify(&root, &chain, &lists, |revocation| {
        revocation.allow_overdue();
    });
    assert_eq!(outcome(allowed), Outcome::Passed);
}

#[test]
fn a_list_by_somebody_else_of_that_name_is_refused() {
    let (root, impostor) = (Authority::new("Root"), Authority::new("Root"));
    let error = verify(&root, &[leaf(&root, 7)], &[list(&impostor, &[], 2027)], |_| {}).unwrap_err();
    assert!(error.to_string().contains("signature does not verify"), "{error}");
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
    let error = verify(&root, &[leaf(&middle, 7), middle.der().clone()], &[list(&signer, &[], 2027)], |revocation| {
        revocation.leaf_only();
    })
    .unwrap_err();
    assert!(error.to_string().contains("may not sign revocation lists"), "{error}");
}

#[test]
fn a_root_has_to_be_allowed_to_sign_lists_that_decide() {
    let signer = Authority::new("Root");
    let mut params = Authority::params("Root");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = rcgen::KeyPair::try_from(signer.issuer.key().serialize_der()).unwrap();
    let root = Authority { issuer: rcgen::CertifiedIssuer::self_signed(params, key).unwrap() };
    let middle = signer.intermediate("Middle");
    let chain = [leaf(&middle, 7), middle.der().clone()];
    let lists = [list(&signer, &[], 2027), list(&middle, &[], 2027)];
    let error = verify(&root, &chain, &lists, |_| {}).unwrap_err();
    assert!(error.to_string().contains("may not sign revocation lists"), "{error}");
    let leaf_only = verify(&root, &chain, &lists, |revocation| {
        revocation.leaf_only();
    });
    assert_eq!(outcome(leaf_only), Outcome::Passed);
    let no_list_of_the_root = verify(&root, &chain, &lists[1..], |revocation| {
        revocation.allow_unknown();
    });
    assert_eq!(outcome(no_list_of_the_root), Outcome::NotChecked);
    // Under another root of that name and key, which may, the same lists do.
    let mut roots = root.roots();
    roots.add_der(signer.der()).unwrap();
    let mut revocation = Revocation::new();
    lists.iter().for_each(|list| revocation.add_der(list).unwrap());
    let verifier = WebPkiServerVerifier::builder(roots).revocation(revocation).build().unwrap();
    assert_eq!(outcome(ask(&verifier, &chain, &name("host.example"), KeyUse::DigitalSignature)), Outcome::Passed);
}

#[test]
fn rubbish_and_emptiness_are_refused_at_once() {
    let mut revocation = Revocation::new();
    let error = revocation.add_der(&b"rubbish".to_vec().into()).unwrap_err();
    assert!(matches!(error, LoadError::RevocationList { .. }), "{error}");
    let root = Authority::new("Root");
    let error = WebPkiServerVerifier::builder(root.roots()).revocation(revocation).build().unwrap_err();
    assert!(matches!(error, LoadError::NoRevocationList { .. }), "{error}");
}
