//! What tries to pass under legacy rules and must not: unfit authorities, loops, floods, smuggled names (RFC 5280, section 6.1).

use core::sync::atomic::{AtomicUsize, Ordering};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints, SanType, date_time_ymd, string::BmpString,
};
use rustls_pki_types::{AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, alg_id};

use super::server::ask;
use crate::fields::Fields;
use crate::testing::{Authority, leaf_params, name, signed_anew, version_1, version_1_bent};
use crate::{
    CertificateError, CertificateProblem, CertificateRules, Check, KeyUse, Outcome, Report, RootStore,
    WebPkiServerVerifier,
};

const RULES: CertificateRules = CertificateRules::legacy();

fn verify(roots: RootStore, chain: &[CertificateDer<'static>]) -> Result<Report, CertificateError> {
    verify_name(roots, chain, "host.example")
}

fn verify_name(
    roots: RootStore,
    chain: &[CertificateDer<'static>],
    host: &'static str,
) -> Result<Report, CertificateError> {
    let verifier = WebPkiServerVerifier::builder(roots).rules(RULES).build().unwrap();
    ask(&verifier, chain, &name(host), KeyUse::DigitalSignature)
}

fn failed(error: &CertificateError) -> Vec<Check> {
    error.report.failures().map(|(check, _)| check).collect()
}

/// A leaf of version 1 for `host.example`.
fn old_leaf(issuer: &Authority) -> CertificateDer<'static> {
    version_1(&issuer.leaf(|_| {}).der, issuer)
}

/// A leaf of version 3 whose only name is the common name `host.example`.
fn nameless_leaf(issuer: &Authority) -> CertificateDer<'static> {
    issuer.leaf(|params| params.subject_alt_names.clear()).der
}

/// The chain of a leaf of version 1 under a middle authority bent so, and the root's.
fn under(bend: impl FnOnce(&mut CertificateParams)) -> (RootStore, Vec<CertificateDer<'static>>) {
    let root = Authority::new("Root");
    let mut params = Authority::params("Middle");
    bend(&mut params);
    let middle = root.intermediate_from(params);
    (root.roots(), vec![old_leaf(&middle), middle.der().clone()])
}

fn refused(bend: impl FnOnce(&mut CertificateParams), check: Check, says: &str) {
    let (roots, chain) = under(bend);
    let error = verify(roots, &chain).expect_err(says);
    assert_eq!(failed(&error), [check], "{error:?}");
    assert!(error.to_string().contains(says), "{error}");
}

fn extension(id: &[u64], content: &[u8], critical: bool) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(id, content.to_vec());
    extension.set_criticality(critical);
    extension
}

fn inside() -> NameConstraints {
    NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("inside.example".into())],
        excluded_subtrees: vec![],
    }
}

#[test]
fn a_fit_authority_issues_version_1() {
    let (roots, chain) = under(|_| {});
    verify(roots, &chain).unwrap();
    // What is not critical need not be understood.
    let (roots, chain) = under(|params| params.custom_extensions.push(extension(&[1, 2, 3, 4], &[5, 0], false)));
    verify(roots, &chain).unwrap();
    let (roots, chain) = under(|params| params.key_usages.clear());
    verify(roots, &chain).unwrap();
    let (roots, chain) = under(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    verify(roots, &chain).unwrap();
}

#[test]
fn an_unfit_authority_does_not() {
    refused(|params| params.is_ca = IsCa::NoCa, Check::TrustedIssuer, "it is not a CA's");
    refused(|params| params.is_ca = IsCa::ExplicitNoCa, Check::TrustedIssuer, "it is not a CA's");
    refused(
        |params| params.key_usages = vec![KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature],
        Check::TrustedIssuer,
        "may not sign certificates",
    );
    refused(|params| params.not_after = date_time_ymd(2026, 5, 1), Check::Validity, "CN=Middle expired");
    refused(|params| params.not_before = date_time_ymd(2026, 7, 1), Check::Validity, "CN=Middle is valid only from");
    refused(
        |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
        Check::KeyUsage,
        "does not allow serverAuth",
    );
    refused(
        |params| params.custom_extensions.push(extension(&[1, 2, 3, 4], &[5, 0], true)),
        Check::TrustedIssuer,
        "critical extension",
    );
    refused(|params| params.name_constraints = Some(inside()), Check::TrustedIssuer, "name constraints");
}

#[test]
fn path_lengths_are_kept() {
    let root = Authority::new("Root");
    for (allowed, accepted) in [(0, false), (1, true), (2, true)] {
        let mut params = Authority::params("Upper");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(allowed));
        let upper = root.intermediate_from(params);
        verify(root.roots(), &[old_leaf(&upper), upper.der().clone()]).unwrap();
        let lower = upper.intermediate("Lower");
        let verdict = verify(root.roots(), &[old_leaf(&lower), lower.der().clone(), upper.der().clone()]);
        assert_eq!(verdict.is_ok(), accepted, "{allowed}");
        if let Err(error) = verdict {
            assert!(error.to_string().contains("path length"), "{error}");
        }
    }
}

#[test]
fn long_paths_are_refused() {
    let root = Authority::new("Root");
    let mut authorities = vec![root.intermediate("1")];
    for number in 2..=7 {
        let next = authorities.last().unwrap().intermediate(&number.to_string());
        authorities.push(next);
    }
    for (count, accepted) in [(6, true), (7, false)] {
        let mut chain = vec![old_leaf(&authorities[count - 1])];
        chain.extend(authorities[..count].iter().rev().map(|authority| authority.der().clone()));
        let verdict = verify(root.roots(), &chain);
        assert_eq!(verdict.is_ok(), accepted, "{verdict:?}");
        // The order in which they come does not matter.
        chain[1..].reverse();
        assert_eq!(verify(root.roots(), &chain).is_ok(), accepted);
    }
}

/// An authority that is held to certain names could otherwise issue any name as a common name.
#[test]
fn common_names_do_not_escape_name_constraints() {
    let root = Authority::new("Root");
    let mut params = Authority::params("Middle");
    params.name_constraints = Some(inside());
    let key = KeyPair::generate().unwrap();
    let again = KeyPair::try_from(key.serialize_der()).unwrap();
    let middle = Authority { issuer: rcgen::CertifiedIssuer::signed_by(params, key, &root.issuer).unwrap() };
    for leaf in [nameless_leaf(&middle), old_leaf(&middle)] {
        let error = verify(root.roots(), &[leaf, middle.der().clone()]).unwrap_err();
        assert_eq!(failed(&error), [Check::TrustedIssuer]);
        assert!(error.to_string().contains("name constraints"), "{error}");
    }
    // Neither does a constraint that forgot to be critical, and neither does the root's own.
    let careless = extension(&[2, 5, 29, 30], &CONSTRAINTS, false);
    let mut params = Authority::params("Careless");
    params.custom_extensions.push(careless);
    let careless = root.intermediate_from(params);
    let mut params = Authority::params("Narrow Root");
    params.name_constraints = Some(inside());
    let narrow = Authority::from_params(params);
    for leaf in [nameless_leaf, old_leaf] {
        verify(root.roots(), &[leaf(&careless), careless.der().clone()]).unwrap_err();
        verify(narrow.roots(), &[leaf(&narrow)]).unwrap_err();
    }

    // Names in subjectAltName are held against them, and found good.
    let inner = |params: &mut CertificateParams| {
        params.subject_alt_names = vec![SanType::DnsName("www.inside.example".try_into().unwrap())];
    };
    verify_name(root.roots(), &[middle.leaf(inner).der, middle.der().clone()], "www.inside.example").unwrap();
    // And another path for the same key, without constraints, is found.
    let free = rcgen::CertifiedIssuer::signed_by(Authority::params("Middle"), again, &root.issuer).unwrap();
    let free = free.der().clone();
    for leaf in [nameless_leaf(&middle), old_leaf(&middle)] {
        verify(root.roots(), &[leaf.clone(), middle.der().clone(), free.clone()]).unwrap();
        verify(root.roots(), &[leaf, free.clone(), middle.der().clone()]).unwrap();
    }
}

/// permittedSubtrees: the DNS name `inside.example`.
const CONSTRAINTS: [u8; 22] = *b"\x30\x14\xa0\x12\x30\x10\x82\x0einside.example";

#[test]
fn common_names_of_other_kinds_do_not_count() {
    let root = Authority::new("Root");
    let with = |names: &[DnValue]| {
        let leaf = root.leaf(|params| {
            params.subject_alt_names.clear();
            params.distinguished_name = DistinguishedName::new();
            // rcgen holds one value of a type; a further one goes in by its object identifier.
            for (number, value) in names.iter().enumerate() {
                let kind = if number == 0 { DnType::CommonName } else { DnType::CustomDnType(vec![2, 5, 4, 3]) };
                params.distinguished_name.push(kind, value.clone());
            }
        });
        [leaf.der]
    };
    let text = |text: &str| DnValue::Utf8String(text.into());
    verify(root.roots(), &with(&[text("host.example")])).unwrap();
    // The most specific one counts, which is the last.
    verify(root.roots(), &with(&[text("other.example"), text("host.example")])).unwrap();
    let wrong = [
        with(&[text("host.example"), text("other.example")]),
        with(&[text("host.example\0.evil.example")]),
        with(&[text("host.example\0")]),
        with(&[text("evil.example/host.example")]),
        with(&[text("*")]),
        with(&[text("*.example")]),
        with(&[text("")]),
        with(&[]),
        with(&[DnValue::BmpString(BmpString::try_from("host.example").unwrap())]),
    ];
    for chain in &wrong {
        let error = verify(root.roots(), chain).unwrap_err();
        assert_eq!(failed(&error), [Check::HostName], "{error}");
        let old = version_1(&chain[0], &root);
        let error = verify(root.roots(), &[old]).unwrap_err();
        assert_eq!(failed(&error), [Check::HostName], "{error}");
    }
    // Two octets a character are not shown either.
    let error = verify(root.roots(), &wrong[8]).unwrap_err();
    let expected = CertificateProblem::WrongName { expected: "host.example".into(), presented: Vec::new() };
    assert_eq!(error.problem, expected);
}

#[test]
fn an_alternative_name_of_the_kind_asked_for_silences_the_common_name() {
    let root = Authority::new("Root");
    let address = |last| SanType::IpAddress(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)));
    let with = |common_name: &str, names: Vec<SanType>| {
        let leaf = root.leaf(|params| {
            params.distinguished_name = DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, common_name);
            params.subject_alt_names = names;
        });
        [leaf.der]
    };
    verify(root.roots(), &with("host.example", vec![address(7)])).unwrap();
    let other = || SanType::DnsName("other.example".try_into().unwrap());
    verify(root.roots(), &with("host.example", vec![other()])).unwrap_err();
    verify(root.roots(), &with("host.example", vec![address(7), other()])).unwrap_err();

    let verifier = WebPkiServerVerifier::builder(root.roots()).rules(RULES).build().unwrap();
    let at = |chain: &[CertificateDer<'static>]| {
        let target = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)).into();
        ask(&verifier, chain, &target, KeyUse::DigitalSignature)
    };
    at(&with("192.0.2.7", vec![])).unwrap();
    at(&with("192.0.2.7", vec![address(8)])).unwrap_err();
    at(&with("192.0.2.7", vec![other()])).unwrap_err();
    at(&with("192.0.2.07", vec![])).unwrap_err();
    at(&with("*.0.2.7", vec![])).unwrap_err();

    // An extension nobody can read might have said anything.
    let unreadable = root.leaf(|params| {
        params.subject_alt_names.clear();
        params.custom_extensions.push(extension(&[2, 5, 29, 17], &[0x30, 5, 0x82], false));
    });
    verify(root.roots(), &[unreadable.der]).unwrap_err();
}

#[test]
fn version_1_smuggles_nothing_in() {
    let root = Authority::new("Root");
    let leaf = root.leaf(|_| {}).der;
    let bent = |bend: fn(&mut Vec<u8>)| verify(root.roots(), &[version_1_bent(&leaf, &root, bend)]);
    bent(|_| {}).unwrap();
    // Extensions, without the version that has them: an empty list, and one of an unknown kind.
    bent(|tbs| tbs.extend([0xa3, 9, 0x30, 7, 0x30, 5, 6, 1, 0x2a, 4, 0])).unwrap_err();
    // Version 2, and version 1 spelt out, which some write.
    bent(|tbs| drop(tbs.splice(0..0, [0xa0, 3, 2, 1, 1]))).unwrap_err();
    bent(|tbs| drop(tbs.splice(0..0, [0xa0, 3, 2, 1, 0]))).unwrap();
}

/// What the issuer signed is to name the algorithm that stands outside (RFC 5280, section 4.1.1.2).
#[test]
fn algorithms_inside_and_outside_are_the_same() {
    let as_sha384 = |content: &mut Vec<u8>| {
        let place = content.windows(8).position(|id| id == [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]).unwrap();
        content[place + 7] = 3;
    };
    let root = Authority::new("Root");
    let middle = root.intermediate("Middle");
    let leaf = middle.leaf(|_| {}).der;
    for chain in [
        [version_1_bent(&leaf, &middle, as_sha384), middle.der().clone()],
        [old_leaf(&middle), signed_anew(middle.der(), &root, as_sha384)],
    ] {
        let error = verify(root.roots(), &chain).unwrap_err();
        assert!(matches!(error.problem, CertificateProblem::Malformed { .. }), "{error:?}");
    }
    verify(root.roots(), &[old_leaf(&middle), signed_anew(middle.der(), &root, |_| {})]).unwrap();
}

#[test]
fn a_trusted_leaf_still_has_to_be_fit() {
    let key = KeyPair::generate().unwrap();
    let device = |bend: fn(&mut CertificateParams)| {
        let mut params = leaf_params();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        bend(&mut params);
        let der = params.self_signed(&key).unwrap().der().clone();
        let mut roots = RootStore::new();
        roots.add_der(&der).unwrap();
        verify(roots, &[der])
    };
    device(|_| {}).unwrap();
    for (bend, check) in [
        ((|params| params.not_after = date_time_ymd(2026, 5, 1)) as fn(&mut CertificateParams), Check::Validity),
        (|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth], Check::KeyUsage),
        (|params| params.key_usages = vec![KeyUsagePurpose::KeyCertSign], Check::KeyUsage),
        (|params| params.subject_alt_names = vec![SanType::DnsName("o.example".try_into().unwrap())], Check::HostName),
    ] {
        assert_eq!(failed(&device(bend).unwrap_err()), [check]);
    }
    let error = device(|params| params.custom_extensions.push(extension(&[1, 2, 3], &[5, 0], true))).unwrap_err();
    assert!(error.to_string().contains("critical extension"), "{error}");
}

#[test]
fn a_trusted_leaf_that_an_authority_issued_needs_no_authority() {
    let leaf = Authority::new("Root").leaf(|_| {}).der;
    let mut roots = RootStore::new();
    roots.add_der(&leaf).unwrap();
    let report = verify(roots.clone(), core::slice::from_ref(&leaf)).unwrap();
    assert_eq!(report.get(Check::IssuerSignature), &Outcome::NotChecked);
    // Modern rules go by paths alone.
    let modern = WebPkiServerVerifier::builder(roots).build().unwrap();
    ask(&modern, &[leaf], &name("host.example"), KeyUse::DigitalSignature).unwrap_err();
}

/// Counts the P-256 signatures it is asked for, and finds them all good.
#[derive(Debug)]
struct Counting(AtomicUsize);

impl SignatureVerificationAlgorithm for Counting {
    fn verify_signature(&self, _: &[u8], _: &[u8], _: &[u8]) -> Result<(), InvalidSignature> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P256
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA256
    }
}

/// Four authorities that all vouch for each other, and none of them trusted: every way upwards is open, and leads
/// nowhere.
#[test]
fn a_maze_is_left_after_so_many_signatures() {
    static COUNTING: Counting = Counting(AtomicUsize::new(0));
    static FIRST: [&dyn SignatureVerificationAlgorithm; 1] = [&COUNTING];
    let authorities: Vec<Authority> = ["A", "B", "C", "D"].map(Authority::new).into();
    let mut chain = vec![old_leaf(&authorities[0])];
    for below in &authorities {
        for above in authorities.iter().filter(|above| above.der() != below.der()) {
            let params = Authority::params(match Fields::parse(below.der()).unwrap().subject_text().as_bytes() {
                [.., letter] => core::str::from_utf8(core::slice::from_ref(letter)).unwrap(),
                [] => "",
            });
            chain.push(params.signed_by(below.issuer.key(), &above.issuer).unwrap().der().clone());
        }
    }
    assert_eq!(chain.len(), 13);
    let root = Authority::new("Root");
    let verifier = WebPkiServerVerifier::builder(root.roots()).rules(RULES.with_algorithms(&FIRST)).build().unwrap();
    let error = ask(&verifier, &chain, &name("host.example"), KeyUse::DigitalSignature).unwrap_err();
    assert!(failed(&error).contains(&Check::TrustedIssuer), "{error:?}");
    // As many again for the second look.
    let count = COUNTING.0.load(Ordering::Relaxed);
    assert!((24..=48).contains(&count), "{count}");
    // With one of them trusted the way out is found.
    verify(authorities[3].roots(), &chain).unwrap();
}

#[test]
fn two_that_vouch_for_each_other_lead_nowhere() {
    let (one, two) = (Authority::new("One"), Authority::new("Two"));
    let one_by_two = Authority::params("One").signed_by(one.issuer.key(), &two.issuer).unwrap().der().clone();
    let two_by_one = Authority::params("Two").signed_by(two.issuer.key(), &one.issuer).unwrap().der().clone();
    let chain = [old_leaf(&one), one_by_two, two_by_one, one.der().clone(), two.der().clone()];
    let root = Authority::new("Root");
    let error = verify(root.roots(), &chain).unwrap_err();
    assert_eq!(failed(&error), [Check::TrustedIssuer]);
    verify(two.roots(), &chain).unwrap();
}

#[test]
fn a_thousand_authorities_of_one_name_cost_nothing() {
    static COUNTING: Counting = Counting(AtomicUsize::new(0));
    static FIRST: [&dyn SignatureVerificationAlgorithm; 1] = [&COUNTING];
    let same = Authority::new("Same");
    let mut chain = vec![old_leaf(&same)];
    for serial in 0..1000_u64 {
        let mut params = Authority::params("Same");
        params.serial_number = Some(serial.into());
        chain.push(params.signed_by(same.issuer.key(), &same.issuer).unwrap().der().clone());
    }
    let root = Authority::new("Root");
    let verifier = WebPkiServerVerifier::builder(root.roots())
        .rules(RULES.with_algorithms(&FIRST))
        .longest_chain(2000)
        .build()
        .unwrap();
    let start = Instant::now();
    let error = ask(&verifier, &chain, &name("host.example"), KeyUse::DigitalSignature).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(error.to_string().contains("too many certificates of one name"), "{error}");
    assert_eq!(COUNTING.0.load(Ordering::Relaxed), 0);
    verify(root.roots(), &chain).unwrap_err();
}
