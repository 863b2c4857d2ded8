//! Servers verified, and refused for everything that can be wrong with them (RFC 5280, section 6).

use std::net::{IpAddr, Ipv4Addr};

use clasp_wire::AlertDescription;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair,
    KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use rustls_pki_types::{CertificateDer, ServerName};

use crate::testing::{Authority, NOW, leaf_params, name, pem_chain, tampered, test_data};
use crate::{
    CertificateError, CertificateProblem, Check, KeyUse, Outcome, Report, RootStore, ServerVerification,
    ServerVerifier, StapleCheck, StapleStatus, WebPkiServerVerifier,
};

pub(super) fn ask(
    verifier: &dyn ServerVerifier,
    chain: &[CertificateDer<'static>],
    name: &ServerName<'static>,
    key_use: KeyUse,
) -> Result<Report, CertificateError> {
    verifier.verify_server(ServerVerification::new(chain, name, NOW, key_use)).try_take().expect("answers at once")
}

fn verify(roots: RootStore, chain: &[CertificateDer<'static>]) -> Result<Report, CertificateError> {
    verify_name(roots, chain, "host.example")
}

fn verify_name(
    roots: RootStore,
    chain: &[CertificateDer<'static>],
    host: &'static str,
) -> Result<Report, CertificateError> {
    let verifier = WebPkiServerVerifier::builder(roots).build().unwrap();
    ask(&verifier, chain, &name(host), KeyUse::DigitalSignature)
}

fn failed(report: &Report) -> Vec<Check> {
    report.failures().map(|(check, _)| check).collect()
}

#[test]
fn a_good_chain_passes_every_check() {
    let root = Authority::new("Root");
    let middle = root.intermediate("Middle");
    let leaf = middle.leaf(|_| {});
    let report = verify(root.roots(), &[leaf.der, middle.der().clone()]).unwrap();
    for check in [Check::Validity, Check::TrustedIssuer, Check::IssuerSignature, Check::HostName, Check::KeyUsage] {
        assert_eq!(report.get(check), &Outcome::Passed, "{check}");
    }
    assert_eq!(report.get(Check::Revocation), &Outcome::NotChecked);
    assert_eq!(report.get(Check::Possession), &Outcome::NotReached);
}

#[test]
fn rsa_chains_are_verified() {
    for leaf in [&test_data!("rsa.pem")[..], test_data!("pss.pem"), test_data!("p384.pem"), test_data!("p521.pem")] {
        let mut roots = RootStore::new();
        roots.add_pem(test_data!("ca.pem")).unwrap();
        verify(roots, &pem_chain(leaf)).unwrap();
    }
}

#[test]
fn wildcards_match_one_label() {
    let root = Authority::new("Root");
    let chain = [root.leaf(|_| {}).der];
    verify_name(root.roots(), &chain, "a.wild.example").unwrap();
    for wrong in ["wild.example", "a.b.wild.example", "other.example"] {
        let error = verify_name(root.roots(), &chain, wrong).unwrap_err();
        assert_eq!(failed(&error.report), [Check::HostName], "{wrong}");
    }
}

#[test]
fn addresses_match_addresses_only() {
    let root = Authority::new("Root");
    let chain = [root.leaf(|_| {}).der];
    let verifier = WebPkiServerVerifier::builder(root.roots()).build().unwrap();
    let at = |address| ServerName::from(IpAddr::V4(address));
    ask(&verifier, &chain, &at(Ipv4Addr::new(192, 0, 2, 7)), KeyUse::DigitalSignature).unwrap();
    let error = ask(&verifier, &chain, &at(Ipv4Addr::new(192, 0, 2, 8)), KeyUse::DigitalSignature).unwrap_err();
    assert!(matches!(error.problem, CertificateProblem::WrongName { .. }));
}

#[test]
fn a_wrong_name_is_told_with_the_right_ones() {
    let root = Authority::new("Root");
    let error = verify_name(root.roots(), &[root.leaf(|_| {}).der], "mail.example").unwrap_err();
    assert_eq!(
        error.problem,
        CertificateProblem::WrongName {
            expected: "mail.example".into(),
            presented: vec!["host.example".into(), "*.wild.example".into(), "192.0.2.7".into()],
        }
    );
    assert_eq!(error.alert(), AlertDescription::BAD_CERTIFICATE);
    assert!(error.report.get(Check::IssuerSignature).is_passed());
    assert!(error.to_string().contains("host.example, *.wild.example, 192.0.2.7"), "{error}");
}

#[test]
fn a_common_name_is_no_name() {
    let root = Authority::new("Root");
    let leaf = root.leaf(|params| params.subject_alt_names.clear());
    let error = verify(root.roots(), &[leaf.der]).unwrap_err();
    assert_eq!(failed(&error.report), [Check::HostName]);
    assert!(error.to_string().contains("common name does not count"), "{error}");
}

#[test]
fn out_of_date_and_for_another_name_are_both_told() {
    let root = Authority::new("Root");
    let leaf = root.leaf(|params| {
        params.not_before = date_time_ymd(2024, 1, 1);
        params.not_after = date_time_ymd(2025, 1, 1);
    });
    let error = verify_name(root.roots(), &[leaf.der], "mail.example").unwrap_err();
    assert!(matches!(error.problem, CertificateProblem::Expired { .. }), "{error:?}");
    assert_eq!(failed(&error.report), [Check::Validity, Check::HostName]);
    assert!(error.report.get(Check::TrustedIssuer).is_passed());
    assert!(error.report.get(Check::IssuerSignature).is_passed());
    assert!(error.report.get(Check::KeyUsage).is_passed());
    assert_eq!(error.alert(), AlertDescription::CERTIFICATE_EXPIRED);
    assert!(
        error.to_string().starts_with(
            "the certificate of CN=host.example expired on 2025-01-01 00:00:00 UTC, 516 days before 2026-06-01"
        ),
        "{error}"
    );
}

#[test]
fn not_yet_valid_is_told_apart_from_expired() {
    let root = Authority::new("Root");
    let leaf = root.leaf(|params| params.not_before = date_time_ymd(2026, 6, 3));
    let error = verify(root.roots(), &[leaf.der]).unwrap_err();
    assert!(matches!(error.problem, CertificateProblem::NotYetValid { .. }));
    assert_eq!(failed(&error.report), [Check::Validity]);
    assert!(error.to_string().contains("2 days after"), "{error}");
}

#[test]
fn an_expired_authority_is_named() {
    let root = Authority::new("Root");
    let mut params = Authority::params("Middle");
    params.not_after = date_time_ymd(2026, 5, 1);
    let middle = root.intermediate_from(params);
    let leaf = middle.leaf(|_| {});
    let error = verify(root.roots(), &[leaf.der, middle.der().clone()]).unwrap_err();
    assert_eq!(failed(&error.report), [Check::Validity]);
    assert!(error.to_string().contains("CN=Middle expired"), "{error}");
}

#[test]
fn everything_at_once_is_told_at_once() {
    let (root, stranger) = (Authority::new("Root"), Authority::new("Stranger"));
    let leaf = stranger.leaf(|params| {
        params.not_before = date_time_ymd(2024, 1, 1);
        params.not_after = date_time_ymd(2025, 1, 1);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let chain = [tampered(&leaf.der), stranger.der().clone()];
    let error = verify_name(root.roots(), &chain, "mail.example").unwrap_err();
    assert_eq!(
        failed(&error.report),
        [Check::Validity, Check::TrustedIssuer, Check::IssuerSignature, Check::HostName, Check::KeyUsage]
    );
}

#[test]
fn an_unknown_issuer_is_named_and_its_signature_not_reached() {
    let (root, stranger) = (Authority::new("Root"), Authority::new("Stranger"));
    let error = verify(root.roots(), &[stranger.leaf(|_| {}).der]).unwrap_err();
    assert_eq!(error.problem, CertificateProblem::UnknownIssuer { issuer: "CN=Stranger".into() });
    assert_eq!(failed(&error.report), [Check::TrustedIssuer]);
    assert_eq!(error.report.get(Check::IssuerSignature), &Outcome::NotReached);
    assert_eq!(error.alert(), AlertDescription::UNKNOWN_CA);
}

#[test]
fn an_untrusted_root_that_was_sent_lets_the_signature_be_checked() {
    let (root, stranger) = (Authority::new("Root"), Authority::new("Stranger"));
    let leaf = stranger.leaf(|_| {});
    let error = verify(root.roots(), &[leaf.der, stranger.der().clone()]).unwrap_err();
    assert_eq!(failed(&error.report), [Check::TrustedIssuer]);
    assert!(error.report.get(Check::IssuerSignature).is_passed());
    assert_eq!(error.problem, CertificateProblem::UnknownIssuer { issuer: "CN=Stranger".into() });
}

#[test]
fn a_missing_intermediate_is_named() {
    let root = Authority::new("Root");
    let middle = root.intermediate("Middle");
    let error = verify(root.roots(), &[middle.leaf(|_| {}).der]).unwrap_err();
    assert_eq!(error.problem, CertificateProblem::UnknownIssuer { issuer: "CN=Middle".into() });
    assert!(error.to_string().contains("let the peer send its certificate too"), "{error}");
}

#[test]
fn another_authority_of_the_same_name_fails_at_the_signature_only() {
    let (root, impostor) = (Authority::new("Root"), Authority::new("Root"));
    let error = verify(root.roots(), &[impostor.leaf(|_| {}).der]).unwrap_err();
    assert_eq!(error.problem, CertificateProblem::BadSignature);
    assert_eq!(failed(&error.report), [Check::IssuerSignature]);
    assert!(error.report.get(Check::TrustedIssuer).is_passed());
    assert_eq!(error.alert(), AlertDescription::BAD_CERTIFICATE);
}

#[test]
fn a_tampered_certificate_fails_at_the_signature() {
    let root = Authority::new("Root");
    let error = verify(root.roots(), &[tampered(&root.leaf(|_| {}).der)]).unwrap_err();
    assert_eq!(failed(&error.report), [Check::IssuerSignature]);
}

#[test]
fn a_self_signed_server_is_told_as_such() {
    let root = Authority::new("Root");
    let key = KeyPair::generate().unwrap();
    let der = leaf_params().self_signed(&key).unwrap().der().clone();
    let error = verify(root.roots(), &[der]).unwrap_err();
    assert!(matches!(error.problem, CertificateProblem::SelfSigned { .. }), "{error:?}");
    assert!(error.report.get(Check::IssuerSignature).is_passed());
    assert!(error.to_string().contains("pin its key"), "{error}");
}

#[test]
fn an_authority_may_not_be_the_server() {
    let root = Authority::new("Root");
    let leaf = root.leaf(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let error = verify(root.roots(), &[leaf.der]).unwrap_err();
    assert_eq!(error.problem, CertificateProblem::AuthorityAsPeer);
    assert_eq!(failed(&error.report), [Check::KeyUsage]);
}

#[test]
fn a_leaf_may_not_be_an_authority() {
    let root = Authority::new("Root");
    let mut params = Authority::params("Middle");
    params.is_ca = IsCa::ExplicitNoCa;
    let middle = root.intermediate_from(params);
    let leaf = middle.leaf(|_| {});
    let error = verify(root.roots(), &[leaf.der, middle.der().clone()]).unwrap_err();
    assert!(matches!(error.problem, CertificateProblem::UnfitIssuer { .. }), "{error:?}");
    assert_eq!(failed(&error.report), [Check::TrustedIssuer]);
}

#[test]
fn a_path_length_is_kept() {
    let root = Authority::new("Root");
    let mut params = Authority::params("Upper");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let upper = root.intermediate_from(params);
    let lower = upper.intermediate("Lower");
    let leaf = lower.leaf(|_| {});
    let error = verify(root.roots(), &[leaf.der, lower.der().clone(), upper.der().clone()]).unwrap_err();
    assert!(error.to_string().contains("path length"), "{error}");
}

#[test]
fn name_constraints_are_kept() {
    let root = Authority::new("Root");
    let mut params = Authority::params("Middle");
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("inside.example".into())],
        excluded_subtrees: vec![],
    });
    let middle = root.intermediate_from(params);
    let mut chain = [middle.leaf(|_| {}).der, middle.der().clone()];
    let error = verify(root.roots(), &chain).unwrap_err();
    assert!(error.to_string().contains("name constraints"), "{error}");
    assert_eq!(failed(&error.report), [Check::TrustedIssuer]);

    chain[0] = middle
        .leaf(|params| {
            let keep = params.clone();
            *params = CertificateParams::new(["www.inside.example".to_owned()]).unwrap();
            params.not_before = keep.not_before;
            params.not_after = keep.not_after;
        })
        .der;
    verify_name(root.roots(), &chain, "www.inside.example").unwrap();
}

#[test]
fn an_expired_server_outside_the_constraints_is_told_both() {
    let root = Authority::new("Root");
    let mut params = Authority::params("Middle");
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("inside.example".into())],
        excluded_subtrees: vec![],
    });
    let middle = root.intermediate_from(params);
    let leaf = middle.leaf(|params| {
        params.not_before = date_time_ymd(2024, 1, 1);
        params.not_after = date_time_ymd(2025, 1, 1);
    });
    let error = verify(root.roots(), &[leaf.der, middle.der().clone()]).unwrap_err();
    assert_eq!(failed(&error.report), [Check::Validity, Check::TrustedIssuer]);
}

#[test]
fn purposes_are_kept() {
    let root = Authority::new("Root");
    let leaf = root.leaf(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    let error = verify(root.roots(), &[leaf.der]).unwrap_err();
    assert_eq!(error.problem, CertificateProblem::WrongExtendedKeyUsage { required: "serverAuth" });
    assert_eq!(failed(&error.report), [Check::KeyUsage]);
    assert_eq!(error.alert(), AlertDescription::UNSUPPORTED_CERTIFICATE);

    let leaf = root.leaf(|params| params.extended_key_usages.clear());
    verify(root.roots(), &[leaf.der]).unwrap();
}

#[test]
fn key_usage_is_checked_against_the_key_exchange() {
    let root = Authority::new("Root");
    let verifier = WebPkiServerVerifier::builder(root.roots()).build().unwrap();
    let usages = [
        (KeyUsagePurpose::DigitalSignature, KeyUse::DigitalSignature),
        (KeyUsagePurpose::KeyEncipherment, KeyUse::KeyEncipherment),
        (KeyUsagePurpose::KeyAgreement, KeyUse::KeyAgreement),
    ];
    for (given, _) in &usages {
        let chain = [root.leaf(|params| params.key_usages = vec![*given]).der];
        for (needed, key_use) in &usages {
            let verdict = ask(&verifier, &chain, &name("host.example"), *key_use);
            if given == needed {
                verdict.unwrap();
            } else {
                let error = verdict.unwrap_err();
                assert_eq!(error.problem, CertificateProblem::WrongKeyUsage { required: *key_use });
                assert_eq!(failed(&error.report), [Check::KeyUsage]);
            }
        }
    }
    let chain = [root.leaf(|params| params.key_usages.clear()).der];
    ask(&verifier, &chain, &name("host.example"), KeyUse::KeyEncipherment).unwrap();
}

#[test]
fn wrong_name_and_wrong_key_usage_are_both_told() {
    let root = Authority::new("Root");
    let verifier = WebPkiServerVerifier::builder(root.roots()).build().unwrap();
    let error = ask(&verifier, &[root.leaf(|_| {}).der], &name("mail.example"), KeyUse::KeyEncipherment).unwrap_err();
    assert_eq!(failed(&error.report), [Check::HostName, Check::KeyUsage]);
    assert!(matches!(error.problem, CertificateProblem::WrongName { .. }));
}

#[test]
fn no_certificate_and_rubbish_are_refused() {
    let root = Authority::new("Root");
    let error = verify(root.roots(), &[]).unwrap_err();
    assert_eq!(error.problem, CertificateProblem::NoCertificate);
    assert_eq!(error.alert(), AlertDescription::HANDSHAKE_FAILURE);

    for rubbish in [&b""[..], b"rubbish", &[0x30, 0x80], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0; 300]] {
        let error = verify(root.roots(), &[rubbish.to_vec().into()]).unwrap_err();
        assert!(matches!(error.problem, CertificateProblem::Malformed { .. }), "{error:?}");
        assert!(error.report.iter().all(|(_, outcome)| !outcome.is_passed()));
    }
}

#[test]
fn rubbish_beside_a_good_path_does_not_matter() {
    let root = Authority::new("Root");
    let leaf = root.leaf(|_| {});
    verify(root.roots(), &[leaf.der, b"rubbish".to_vec().into(), root.der().clone()]).unwrap();
}

#[test]
fn a_critical_extension_nobody_knows_is_refused() {
    let root = Authority::new("Root");
    let leaf = root.leaf(|params| {
        let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 99], vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions.push(extension);
    });
    let error = verify(root.roots(), &[leaf.der]).unwrap_err();
    assert!(error.to_string().contains("critical extension"), "{error}");
    // A refusal always shows in the report.
    assert_eq!(failed(&error.report), [Check::TrustedIssuer]);
}

#[test]
fn long_paths_and_long_chains_are_refused() {
    let root = Authority::new("Root");
    let mut authorities = vec![root.intermediate("1")];
    for number in 2..=7 {
        let next = authorities.last().unwrap().intermediate(&number.to_string());
        authorities.push(next);
    }
    let ders = |count: usize| {
        let below = &authorities[count - 1];
        let mut chain = vec![below.leaf(|_| {}).der];
        chain.extend(authorities[..count].iter().rev().map(|authority| authority.der().clone()));
        chain
    };
    verify(root.roots(), &ders(6)).unwrap();
    let error = verify(root.roots(), &ders(7)).unwrap_err();
    assert_eq!(failed(&error.report), [Check::TrustedIssuer]);

    let mut many = vec![root.leaf(|_| {}).der];
    many.resize(17, b"rubbish".to_vec().into());
    let error = verify(root.roots(), &many).unwrap_err();
    assert_eq!(error.problem, CertificateProblem::TooManyCertificates { count: 17, limit: 16 });
    let verifier = WebPkiServerVerifier::builder(root.roots()).longest_chain(17).build().unwrap();
    ask(&verifier, &many, &name("host.example"), KeyUse::DigitalSignature).unwrap();
}

#[test]
fn many_authorities_of_one_name_are_not_tried_in_every_order() {
    let (root, stranger) = (Authority::new("Root"), Authority::new("Same"));
    let mut chain = vec![stranger.leaf(|_| {}).der];
    chain.extend((0..15).map(|_| stranger.intermediate("Same").der().clone()));
    let error = verify(root.roots(), &chain).unwrap_err();
    assert!(error.to_string().contains("too many certificates of one name"), "{error}");
    assert_eq!(failed(&error.report), [Check::TrustedIssuer]);
    // Three of them may be old and new ones of an authority that changed its key.
    chain.truncate(4);
    let error = verify(root.roots(), &chain).unwrap_err();
    assert!(matches!(error.problem, CertificateProblem::UnknownIssuer { .. }), "{error}");
}

#[test]
fn a_leaf_sent_twice_does_not_matter() {
    let root = Authority::new("Root");
    let middle = root.intermediate("Middle");
    let leaf = middle.leaf(|_| {}).der;
    verify(root.roots(), &[leaf.clone(), leaf, middle.der().clone(), middle.der().clone()]).unwrap();
}

#[test]
fn no_flipped_octet_is_accepted_or_panics() {
    let root = Authority::new("Root");
    let der = root.leaf(|_| {}).der;
    let verifier = WebPkiServerVerifier::builder(root.roots()).build().unwrap();
    for place in 0..der.len() {
        let mut bent = der.to_vec();
        bent[place] ^= 0x01;
        let error = ask(&verifier, &[bent.into()], &name("host.example"), KeyUse::DigitalSignature).unwrap_err();
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn without_roots_there_is_no_verifier() {
    let error = WebPkiServerVerifier::builder(RootStore::new()).build().unwrap_err();
    assert!(error.to_string().starts_with("no trusted root certificate given"), "{error}");
}

#[test]
fn a_staple_has_its_say() {
    #[derive(Debug)]
    struct Says(StapleStatus);
    impl StapleCheck for Says {
        fn check_staple(&self, verification: &ServerVerification<'_>) -> StapleStatus {
            assert_eq!(verification.ocsp_response, b"staple");
            self.0.clone()
        }
    }
    let root = Authority::new("Root");
    let chain = [root.leaf(|_| {}).der];
    let host = name("host.example");
    let verdict = |status| {
        let check = std::sync::Arc::new(Says(status));
        let verifier = WebPkiServerVerifier::builder(root.roots()).staple_check(check).build().unwrap();
        let verification =
            ServerVerification::new(&chain, &host, NOW, KeyUse::DigitalSignature).with_ocsp_response(b"staple");
        verifier.verify_server(verification).try_take().unwrap()
    };
    assert!(verdict(StapleStatus::Good).unwrap().get(Check::Revocation).is_passed());
    assert_eq!(verdict(StapleStatus::Unknown).unwrap().get(Check::Revocation), &Outcome::NotChecked);
    assert_eq!(verdict(StapleStatus::Revoked).unwrap_err().problem, CertificateProblem::Revoked);
    let error = verdict(StapleStatus::Refused("no staple".into())).unwrap_err();
    assert_eq!(failed(&error.report), [Check::Revocation]);
}
