//! Certificates of before about 2015, made by OpenSSL: who accepts them, and what the others say (RFC 5280, RFC 2818).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use clasp_crypto::{HashAlgorithm, default_provider};
use rsa::pkcs1::RsaPublicKeyRef;
use rsa::{BoxedUint, Pkcs1v15Sign, PublicKey as RsaKey};
use rustls_pki_types::{AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, alg_id};

use super::server::ask;
use crate::testing::{NOW, name, pem_chain, tampered, test_data};
use crate::{
    CertificateError, CertificateProblem, CertificateRules, Check, ClientVerification, ClientVerifier, Identity,
    KeyUse, Outcome, Pin, PinnedServerVerifier, PublicKey, Report, RootStore, WebPkiClientVerifier,
    WebPkiServerVerifier,
};

/// md5WithRSAEncryption (RFC 3279, section 2.2.1), as a crate above this one brings it.
#[derive(Debug)]
struct Md5;

impl SignatureVerificationAlgorithm for Md5 {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = RsaPublicKeyRef::try_from(public_key).map_err(|_| InvalidSignature)?;
        let number = |bytes| BoxedUint::from_be_slice_vartime(bytes);
        let (n, e) = (number(key.modulus.as_bytes()), number(key.public_exponent.as_bytes()));
        let key = RsaKey::new_with_size_limits(n, e, 512..=8192).map_err(|_| InvalidSignature)?;
        // DigestInfo (RFC 8017, section 9.2, note 1).
        let mut info = [0x30, 0x20, 0x30, 0x0c, 6, 8, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 5, 5, 0, 4, 16].to_vec();
        info.extend_from_slice(default_provider().hash(HashAlgorithm::Md5).unwrap().hash(&[message]).as_ref());
        key.verify(Pkcs1v15Sign::new_unprefixed(), &info, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        const ID: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04, 0x05, 0x00];
        AlgorithmIdentifier::from_slice(ID)
    }
}

const MODERN: CertificateRules = CertificateRules::modern();
const LEGACY: CertificateRules = CertificateRules::legacy();
const INSECURE: CertificateRules = CertificateRules::legacy().with_min_rsa_bits(512).with_algorithms(&[&Md5]);

/// A certificate of the folder `legacy`.
macro_rules! legacy {
    ($name:literal) => {
        &test_data!(concat!("legacy/", $name, ".pem"))[..]
    };
}

fn roots(pem: &[u8]) -> RootStore {
    let mut roots = RootStore::new();
    roots.add_pem(pem).unwrap();
    roots
}

fn chain(pems: &[&[u8]]) -> Vec<CertificateDer<'static>> {
    pems.iter().flat_map(|pem| pem_chain(pem)).collect()
}

fn verify(rules: CertificateRules, root: &[u8], pems: &[&[u8]]) -> Result<Report, CertificateError> {
    verify_name(rules, root, pems, "host.example")
}

fn verify_name(
    rules: CertificateRules,
    root: &[u8],
    pems: &[&[u8]],
    host: &'static str,
) -> Result<Report, CertificateError> {
    let verifier = WebPkiServerVerifier::builder(roots(root)).rules(rules).build().unwrap();
    ask(&verifier, &chain(pems), &name(host), KeyUse::DigitalSignature)
}

fn failed(error: &CertificateError) -> Vec<Check> {
    error.report.failures().map(|(check, _)| check).collect()
}

/// Who accepts a chain, and what the others have against it.
struct Case {
    what: &'static str,
    root: &'static [u8],
    leaf: &'static [u8],
    /// Modern, legacy, insecure.
    accepted: [bool; 3],
    /// The checks modern rules see fail.
    failed: &'static [Check],
    /// Part of what modern rules say.
    says: &'static str,
}

const SIGNATURE: &[Check] = &[Check::IssuerSignature];

fn cases() -> Vec<Case> {
    let case = |what, root, leaf, accepted, failed, says| Case { what, root, leaf, accepted, failed, says };
    let root = legacy!("root");
    vec![
        case(
            "SHA-1",
            root,
            legacy!("sha1"),
            [false, true, true],
            SIGNATURE,
            "SHA-1 (sha1WithRSAEncryption), which only a legacy verifier accepts",
        ),
        case(
            "MD5",
            root,
            legacy!("md5"),
            [false, false, true],
            SIGNATURE,
            "MD5 (md5WithRSAEncryption), which only an insecure verifier accepts",
        ),
        case(
            "ECDSA over SHA-1",
            legacy!("root-ec"),
            legacy!("ecdsa-sha1"),
            [false, true, true],
            SIGNATURE,
            "SHA-1 (ecdsa-with-SHA1), which only a legacy verifier accepts",
        ),
        case(
            "1024 bits",
            legacy!("root-1024"),
            legacy!("by-1024"),
            [false, true, true],
            SIGNATURE,
            "an RSA key of 1024 bits, fewer than 2048, which only a legacy verifier accepts",
        ),
        case(
            "512 bits",
            legacy!("root-512"),
            legacy!("by-512"),
            [false, false, true],
            SIGNATURE,
            "SHA-1 (sha1WithRSAEncryption), which only a legacy verifier accepts",
        ),
        case(
            "root of version 1",
            legacy!("root-v1"),
            legacy!("v3-by-v1"),
            [false, true, true],
            SIGNATURE,
            "SHA-1 (sha1WithRSAEncryption), which only a legacy verifier accepts",
        ),
        case(
            "version 1",
            root,
            legacy!("v1"),
            [false, true, true],
            &[Check::TrustedIssuer, Check::IssuerSignature, Check::HostName],
            "the certificate of CN=host.example is of X.509 version 1, which only a legacy verifier accepts",
        ),
        case(
            "version 1 over MD5",
            root,
            legacy!("v1-md5"),
            [false, false, true],
            &[Check::TrustedIssuer, Check::IssuerSignature, Check::HostName],
            "version 1, which only a legacy verifier accepts",
        ),
        case(
            "version 1 by version 1",
            legacy!("root-v1"),
            legacy!("v1-by-v1"),
            [false, true, true],
            &[Check::TrustedIssuer, Check::IssuerSignature, Check::HostName],
            "version 1, which only a legacy verifier accepts",
        ),
        case(
            "common name",
            root,
            legacy!("common-name"),
            [false, true, true],
            &[Check::HostName],
            "the subject's common name does not count, but for a legacy verifier",
        ),
        case(
            "common name beside a mail address",
            root,
            legacy!("mail-name"),
            [false, true, true],
            &[Check::HostName],
            "the subject's common name does not count, but for a legacy verifier",
        ),
        case(
            "common name beside another",
            root,
            legacy!("other-name"),
            [false; 3],
            &[Check::HostName],
            "but for other.example",
        ),
    ]
}

#[test]
fn each_kind_is_accepted_by_those_rules_that_name_it() {
    for case in cases() {
        for (rules, accepted) in [MODERN, LEGACY, INSECURE].into_iter().zip(case.accepted) {
            let verdict = verify(rules, case.root, &[case.leaf]);
            assert_eq!(verdict.is_ok(), accepted, "{} under {rules:?}: {verdict:?}", case.what);
            let Ok(report) = verdict else { continue };
            for (check, outcome) in report.iter() {
                let expected = match check {
                    Check::Revocation => Outcome::NotChecked,
                    Check::Possession => Outcome::NotReached,
                    _ => Outcome::Passed,
                };
                assert_eq!(outcome, &expected, "{} under {rules:?}: {check}", case.what);
            }
        }
    }
}

#[test]
fn modern_rules_say_what_would_accept_it() {
    for case in cases() {
        let error = verify(MODERN, case.root, &[case.leaf]).unwrap_err();
        assert_eq!(failed(&error), case.failed, "{}: {error:?}", case.what);
        assert!(error.to_string().contains(case.says), "{}: {error}", case.what);
    }
}

#[test]
fn legacy_rules_say_what_would_accept_the_rest() {
    let error = verify(LEGACY, legacy!("root"), &[legacy!("md5")]).unwrap_err();
    assert!(error.to_string().contains("MD5 (md5WithRSAEncryption), which only an insecure verifier"), "{error}");
    let error = verify(LEGACY, legacy!("root"), &[legacy!("v1-md5")]).unwrap_err();
    assert_eq!(failed(&error), SIGNATURE);
    assert!(error.to_string().contains("MD5 (md5WithRSAEncryption), which only an insecure verifier"), "{error}");
    let error = verify(LEGACY, legacy!("root-512"), &[legacy!("by-512")]).unwrap_err();
    assert_eq!(failed(&error), SIGNATURE);
    assert!(error.to_string().contains("512 bits, fewer than 1024, which only an insecure verifier"), "{error}");
    let strict = LEGACY.with_min_rsa_bits(2048);
    let error = verify(strict, legacy!("root-v1"), &[legacy!("v1-by-v1")]).unwrap_err();
    assert!(error.to_string().contains("1024 bits, fewer than 2048"), "{error}");
}

#[test]
fn a_longer_key_than_usual_can_be_asked_for() {
    let root = test_data!("ca.pem");
    verify(MODERN, root, &[test_data!("rsa.pem")]).unwrap();
    let error = verify(MODERN.with_min_rsa_bits(3072), root, &[test_data!("rsa.pem")]).unwrap_err();
    assert_eq!(failed(&error), SIGNATURE);
    assert!(error.to_string().contains("an RSA key of 2048 bits, fewer than 3072"), "{error}");
}

#[test]
fn an_intermediate_authority_may_issue_version_1_but_not_be_it() {
    let root = legacy!("root");
    verify(LEGACY, root, &[legacy!("v1-by-middle"), legacy!("middle")]).unwrap();
    verify(LEGACY, root, &[legacy!("v1-by-middle"), legacy!("other-name"), legacy!("middle")]).unwrap();
    let error = verify(LEGACY, root, &[legacy!("v1-by-middle")]).unwrap_err();
    assert_eq!(error.problem, CertificateProblem::UnknownIssuer { issuer: "CN=Clasp Middle".into() });
    for leaf in [legacy!("v1-by-middle-v1"), legacy!("v3-by-middle-v1")] {
        let error = verify(INSECURE, root, &[leaf, legacy!("middle-v1")]).unwrap_err();
        assert!(matches!(error.problem, CertificateProblem::UnfitIssuer { .. }), "{error:?}");
        assert!(error.to_string().contains("only a trusted root may do without"), "{error}");
        assert_eq!(failed(&error), [Check::TrustedIssuer]);
        // Whoever trusts it says so.
        verify(LEGACY, legacy!("middle-v1"), &[leaf]).unwrap();
    }
}

#[test]
fn a_leaf_issues_nothing() {
    let error = verify_name(INSECURE, legacy!("root"), &[legacy!("v1-by-leaf"), legacy!("sha1")], "deeper.example");
    let error = error.unwrap_err();
    assert!(error.to_string().contains("it is not a CA's"), "{error}");
    assert_eq!(failed(&error), [Check::TrustedIssuer]);
}

#[test]
fn what_is_wrong_with_version_1_is_told_at_once() {
    let root = legacy!("root");
    let error = verify_name(LEGACY, root, &[legacy!("v1-expired")], "other.example").unwrap_err();
    assert!(matches!(error.problem, CertificateProblem::Expired { .. }), "{error:?}");
    assert_eq!(failed(&error), [Check::Validity, Check::HostName]);
    assert!(error.report.get(Check::IssuerSignature).is_passed());

    let verifier = WebPkiServerVerifier::builder(roots(root)).rules(LEGACY).build().unwrap();
    let forged = [tampered(&pem_chain(legacy!("v1"))[0])];
    let error = ask(&verifier, &forged, &name("host.example"), KeyUse::DigitalSignature).unwrap_err();
    assert_eq!(error.problem, CertificateProblem::BadSignature);
    assert_eq!(failed(&error), SIGNATURE);

    let error = verify(LEGACY, legacy!("root-v1"), &[legacy!("v1")]).unwrap_err();
    assert_eq!(failed(&error), [Check::TrustedIssuer]);
}

#[test]
fn names_of_version_1_are_common_names() {
    let root = legacy!("root");
    verify_name(LEGACY, root, &[legacy!("v1")], "HOST.example").unwrap();
    for wrong in ["other.example", "a.host.example", "example"] {
        let error = verify_name(LEGACY, root, &[legacy!("v1")], wrong).unwrap_err();
        assert_eq!(
            error.problem,
            CertificateProblem::WrongName { expected: wrong.into(), presented: vec!["host.example".into()] }
        );
        assert_eq!(failed(&error), [Check::HostName]);
    }
    verify_name(LEGACY, root, &[legacy!("v1-wildcard")], "a.wild.example").unwrap();
    verify_name(LEGACY, root, &[legacy!("v1-wildcard")], "a.b.wild.example").unwrap_err();
    verify_name(LEGACY, root, &[legacy!("v1-wildcard")], "wild.example").unwrap_err();

    let verifier = WebPkiServerVerifier::builder(roots(root)).rules(LEGACY).build().unwrap();
    let at = |address| ask(&verifier, &chain(&[legacy!("v1-address")]), &address, KeyUse::DigitalSignature);
    at(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)).into()).unwrap();
    at(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 70)).into()).unwrap_err();
    at(IpAddr::V6(Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped()).into()).unwrap_err();
    at(IpAddr::V6(Ipv6Addr::LOCALHOST).into()).unwrap_err();
}

#[test]
fn a_device_that_signed_for_itself_is_accepted_where_it_is_trusted_itself() {
    for device in [legacy!("device"), legacy!("device-v1")] {
        let report = verify_name(LEGACY, device, &[device], "device.example").unwrap();
        assert!(report.get(Check::TrustedIssuer).is_passed());
        // Not even MD5 matters where nobody has to vouch.
        assert_eq!(report.get(Check::IssuerSignature), &Outcome::NotChecked);
        let error = verify_name(LEGACY, device, &[device], "host.example").unwrap_err();
        assert_eq!(failed(&error), [Check::HostName]);

        let error = verify_name(LEGACY, legacy!("root"), &[device], "device.example").unwrap_err();
        assert!(failed(&error).contains(&Check::TrustedIssuer), "{error:?}");
        let error = verify_name(MODERN, device, &[device], "device.example").unwrap_err();
        assert!(error.to_string().contains("a legacy verifier accepts it") || error.to_string().contains("version 1"));
    }
    let error = verify_name(MODERN, legacy!("device"), &[legacy!("device")], "device.example").unwrap_err();
    assert_eq!(error.problem, CertificateProblem::AuthorityAsPeer);
    assert!(failed(&error).contains(&Check::KeyUsage));

    let error = verify_name(LEGACY, legacy!("root"), &[legacy!("device-v1")], "device.example").unwrap_err();
    assert_eq!(error.problem, CertificateProblem::SelfSigned { subject: "CN=device.example".into() });

    // The same key and name in another certificate is not the one that is trusted.
    let error = verify_name(LEGACY, legacy!("device-v1"), &[legacy!("device")], "device.example").unwrap_err();
    assert_eq!(error.problem, CertificateProblem::AuthorityAsPeer, "{error:?}");
    let verifier = WebPkiServerVerifier::builder(roots(legacy!("device"))).rules(LEGACY).build().unwrap();
    let forged = [tampered(&pem_chain(legacy!("device"))[0])];
    ask(&verifier, &forged, &name("device.example"), KeyUse::DigitalSignature).unwrap_err();
}

#[test]
fn clients_are_verified_by_the_same_rules() {
    let ask = |rules, root, pems: &[&[u8]]| {
        let verifier = WebPkiClientVerifier::builder(roots(root)).rules(rules).build().unwrap();
        verifier.verify_client(ClientVerification::new(&chain(pems), NOW)).try_take().unwrap()
    };
    for (root, leaf) in [
        (legacy!("root"), legacy!("sha1")),
        (legacy!("root"), legacy!("v1")),
        (legacy!("root-v1"), legacy!("v1-by-v1")),
        (legacy!("device"), legacy!("device")),
        (legacy!("device-v1"), legacy!("device-v1")),
    ] {
        ask(LEGACY, root, &[leaf]).unwrap();
        ask(MODERN, root, &[leaf]).unwrap_err();
    }
    ask(LEGACY, legacy!("root"), &[legacy!("v1-md5")]).unwrap_err();
    ask(INSECURE, legacy!("root"), &[legacy!("v1-md5")]).unwrap();
    let error = ask(LEGACY, legacy!("root"), &[legacy!("v1-expired")]).unwrap_err();
    assert_eq!(failed(&error), [Check::Validity]);
    let error = ask(LEGACY, legacy!("root"), &[legacy!("v1-by-middle-v1"), legacy!("middle-v1")]).unwrap_err();
    assert_eq!(failed(&error), [Check::TrustedIssuer]);
}

#[test]
fn a_pin_accepts_every_kind_and_looks_at_nothing_but_the_key() {
    let kinds = [
        legacy!("v1"),
        legacy!("v1-expired"),
        legacy!("md5"),
        legacy!("device"),
        legacy!("device-v1"),
        legacy!("root-512"),
        legacy!("common-name"),
    ];
    for pem in kinds {
        let chain = pem_chain(pem);
        let pin = Pin::of_certificate(&chain[0]).unwrap();
        let verifier = PinnedServerVerifier::new([pin]).unwrap();
        let report = ask(&verifier, &chain, &name("whoever.example"), KeyUse::DigitalSignature);
        if pem == legacy!("root-512") {
            // But for what the key may be used for: this one signs certificates only.
            assert_eq!(failed(&report.unwrap_err()), [Check::KeyUsage]);
        } else {
            assert_eq!(report.unwrap().get(Check::TrustedIssuer), &Outcome::NotChecked);
        }
        let other = PinnedServerVerifier::new([Pin::new([0; 32])]).unwrap();
        ask(&other, &chain, &name("whoever.example"), KeyUse::DigitalSignature).unwrap_err();
        assert!(PublicKey::from_certificate(&chain[0]).unwrap().bits() >= 512);
    }
    // On top of a chain the chain's rules hold.
    let pin = Pin::of_certificate(&pem_chain(legacy!("v1"))[0]).unwrap();
    for (rules, accepted) in [(MODERN, false), (LEGACY, true)] {
        let inner = Arc::new(WebPkiServerVerifier::builder(roots(legacy!("root"))).rules(rules).build().unwrap());
        let both = PinnedServerVerifier::new([pin]).unwrap().on_top_of(inner);
        let verdict = ask(&both, &pem_chain(legacy!("v1")), &name("host.example"), KeyUse::DigitalSignature);
        assert_eq!(verdict.is_ok(), accepted);
    }
}

#[test]
fn an_old_certificate_may_be_our_own() {
    for (certificate, key) in [(legacy!("v1"), legacy!("host.key")), (legacy!("device"), legacy!("device.key"))] {
        let identity = Identity::from_pem(certificate, key).unwrap();
        assert!(identity.allows(KeyUse::KeyEncipherment) && identity.allows(KeyUse::DigitalSignature));
        let own = if certificate == legacy!("v1") { "host.example" } else { "device.example" };
        assert!(identity.matches_name(&name(own)) && !identity.matches_name(&name("other.example")));
    }
}

/// Every octet of what a peer sends that decides anything: the chain is refused whatever is changed.
#[test]
fn no_flipped_octet_of_a_chain_is_accepted_or_panics() {
    type Chain<'a> = (CertificateRules, &'a [u8], &'a [&'a [u8]]);
    let chains: [Chain<'_>; 5] = [
        (LEGACY, legacy!("root"), &[legacy!("v1-by-middle"), legacy!("middle")]),
        (INSECURE, legacy!("root"), &[legacy!("v1-md5")]),
        (INSECURE, legacy!("root-512"), &[legacy!("by-512")]),
        (LEGACY, legacy!("device"), &[legacy!("device")]),
        (LEGACY, legacy!("device-v1"), &[legacy!("device-v1")]),
    ];
    for (rules, root, pems) in chains {
        let verifier = WebPkiServerVerifier::builder(roots(root)).rules(rules).build().unwrap();
        let chain = chain(pems);
        let host = name(if chain == pem_chain(root) { "device.example" } else { "host.example" });
        ask(&verifier, &chain, &host, KeyUse::DigitalSignature).unwrap();
        for number in 0..chain.len() {
            for place in 0..chain[number].len() {
                for flip in [0x01, 0x20, 0x80, 0xff] {
                    let mut bent = chain.clone();
                    let mut octets = bent[number].to_vec();
                    octets[place] ^= flip;
                    bent[number] = octets.into();
                    let error = ask(&verifier, &bent, &host, KeyUse::DigitalSignature);
                    let error = error.expect_err(&format!("octet {place} of {number} with {flip:#x}"));
                    assert!(error.report.failures().next().is_some() || error.problem.check().is_none(), "{error:?}");
                }
            }
        }
    }
}
