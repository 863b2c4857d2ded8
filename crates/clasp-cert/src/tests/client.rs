//! Clients verified and refused (RFC 5246, section 7.4.6).

use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose, date_time_ymd};
use rustls_pki_types::CertificateDer;

use crate::testing::{Authority, Leaf, NOW, tampered};
use crate::{
    CertificateError, CertificateProblem, Check, ClientVerification, ClientVerifier, Outcome, Report,
    WebPkiClientVerifier,
};

fn client(authority: &Authority) -> Leaf {
    authority.leaf(|params| {
        params.subject_alt_names.clear();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    })
}

fn verify(root: &Authority, chain: &[CertificateDer<'static>]) -> Result<Report, CertificateError> {
    let verifier = WebPkiClientVerifier::builder(root.roots()).build().unwrap();
    verifier.verify_client(ClientVerification::new(chain, NOW)).try_take().expect("answers at once")
}

fn failed(error: &CertificateError) -> Vec<Check> {
    error.report.failures().map(|(check, _)| check).collect()
}

#[test]
fn a_good_client_passes_all_but_possession() {
    let root = Authority::new("Root");
    let middle = root.intermediate("Middle");
    let report = verify(&root, &[client(&middle).der, middle.der().clone()]).unwrap();
    for check in [Check::Validity, Check::TrustedIssuer, Check::IssuerSignature, Check::KeyUsage] {
        assert!(report.get(check).is_passed(), "{check}");
    }
    assert_eq!(report.get(Check::Possession), &Outcome::NotReached);
    assert_eq!(report.checks().first(), Some(&Check::Possession));
}

#[test]
fn everything_wrong_with_a_client_is_told() {
    let (root, stranger) = (Authority::new("Root"), Authority::new("Stranger"));
    let leaf = stranger.leaf(|params| {
        params.not_after = date_time_ymd(2026, 2, 1);
        params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages.clear();
    });
    let error = verify(&root, &[tampered(&leaf.der), stranger.der().clone()]).unwrap_err();
    assert_eq!(failed(&error), [Check::Validity, Check::TrustedIssuer, Check::IssuerSignature, Check::KeyUsage]);
}

#[test]
fn a_server_certificate_is_no_client_certificate() {
    let root = Authority::new("Root");
    let error = verify(&root, &[root.leaf(|_| {}).der]).unwrap_err();
    assert_eq!(error.problem, CertificateProblem::WrongExtendedKeyUsage { required: "clientAuth" });
    assert_eq!(failed(&error), [Check::KeyUsage]);
}

#[test]
fn a_client_key_has_to_sign() {
    let root = Authority::new("Root");
    let leaf = root.leaf(|params| {
        params.extended_key_usages.clear();
        params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    });
    let error = verify(&root, &[leaf.der]).unwrap_err();
    assert!(matches!(error.problem, CertificateProblem::WrongKeyUsage { .. }));
}

#[test]
fn no_certificate_and_rubbish_are_refused() {
    let root = Authority::new("Root");
    assert_eq!(verify(&root, &[]).unwrap_err().problem, CertificateProblem::NoCertificate);
    let error = verify(&root, &[vec![0x30, 0x03, 1, 2, 3].into()]).unwrap_err();
    assert!(matches!(error.problem, CertificateProblem::Malformed { .. }));
}

#[test]
fn authorities_are_the_roots_unless_told_otherwise() {
    let root = Authority::new("Root");
    let verifier = WebPkiClientVerifier::builder(root.roots()).build().unwrap();
    assert_eq!(verifier.authorities(), root.roots().authorities());
    let verifier = WebPkiClientVerifier::builder(root.roots()).authorities(Vec::new()).build().unwrap();
    assert!(verifier.authorities().is_empty());
}
