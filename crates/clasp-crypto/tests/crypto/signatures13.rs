//! Signature schemes as TLS 1.3 has them (RFC 8446 4.2.3): bound to a curve, and nothing that is worn out.

use super::*;
use clasp_crypto::{KeyAlgorithm, SignatureScheme};

const PSS_KEYS: &str = include_str!("../../test-data/rsa-pss-keys.txt");

fn entry(name: &str) -> Option<Vec<u8>> {
    let found = PSS_KEYS.split("\n\n").find_map(|entry| entry.strip_prefix(name)?.strip_prefix('\n'));
    found.map(hex)
}

#[test]
fn keys_sign_with_what_they_may_and_it_verifies() {
    use SignatureScheme as S;
    let rsa: &[S] = &[S::RSA_PSS_RSAE_SHA256, S::RSA_PSS_RSAE_SHA384, S::RSA_PSS_RSAE_SHA512];
    for (name, schemes) in [
        ("p256", &[S::ECDSA_SECP256R1_SHA256][..]),
        ("p384", &[S::ECDSA_SECP384R1_SHA384]),
        ("p521", &[S::ECDSA_SECP521R1_SHA512]),
        ("ed25519", &[S::ED25519]),
        ("rsa2048", rsa),
        ("rsa4096", rsa),
    ] {
        let key = keys::load(name);
        assert_eq!(key.schemes_13(), schemes, "{name}");
        for scheme in SignatureScheme::ALL {
            let verifiers = provider().verifier_for_13(*scheme).unwrap_or_default();
            let mut suits =
                verifiers.iter().filter(|one| one.public_key_alg_id().as_ref() == keys::parts(&key.public_key()).0);
            assert_eq!(suits.next().is_some(), schemes.contains(scheme), "{name} {scheme}");
        }
        for scheme in schemes {
            let signature = key.sign(*scheme, b"message", provider().random).unwrap();
            let spki = key.public_key();
            let public = keys::parts(&spki).1;
            let [verifier] = provider().verifier_for_13(*scheme).unwrap() else { panic!("{scheme}") };
            verifier.verify_signature(public, b"message", &signature).unwrap();
            assert!(verifier.verify_signature(public, b"massage", &signature).is_err());
        }
    }
    // 1024 bits have no room for PSS with SHA-512 (RFC 8017 9.1.1).
    assert_eq!(keys::load("rsa1024").schemes_13(), rsa[..2]);
}

#[test]
fn every_scheme_of_a_kind_of_key_has_verifiers_and_no_other_has() {
    let kinds = [
        KeyAlgorithm::Rsa,
        KeyAlgorithm::RsaPss,
        KeyAlgorithm::EcdsaP256,
        KeyAlgorithm::EcdsaP384,
        KeyAlgorithm::EcdsaP521,
        KeyAlgorithm::Ed25519,
    ];
    let all: Vec<SignatureScheme> = kinds.iter().flat_map(|kind| kind.schemes_13()).copied().collect();
    for scheme in SignatureScheme::ALL {
        assert_eq!(provider().verifier_for_13(*scheme).is_some(), all.contains(scheme), "{scheme}");
        let name = scheme.name().unwrap();
        assert!(!all.contains(scheme) || !(name.contains("pkcs1") || name.contains("sha1")), "{scheme}");
    }
}

/// The curve is bound: a hash of one curve's scheme on another curve verifies before TLS 1.3 only.
#[test]
fn a_scheme_of_another_curve_does_not_verify() {
    let key = keys::load("p384");
    let scheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
    let signature = key.sign(scheme, b"message", provider().random).unwrap();
    let spki = key.public_key();
    let (algorithm, public) = keys::parts(&spki);
    assert!(keys::verifies(key.as_ref(), scheme, b"message", &signature));
    for verifier in provider().verifier_for_13(scheme).unwrap() {
        assert_ne!(verifier.public_key_alg_id().as_ref(), algorithm);
        assert!(verifier.verify_signature(public, b"message", &signature).is_err());
    }
}

/// rsa_pss_pss_*: keys for PSS alone, with any hash function and with one.
#[test]
fn keys_for_pss_alone() {
    let schemes = KeyAlgorithm::RsaPss.schemes_13();
    let mut verified = Vec::new();
    for name in ["any", "sha256"] {
        let spki = entry(&format!("{name} spki")).unwrap();
        let (algorithm, public) = keys::parts(&spki);
        for (scheme, hash) in schemes.iter().zip(["sha256", "sha384", "sha512"]) {
            let verifiers = provider().verifier_for_13(*scheme).unwrap();
            let mut suits = verifiers.iter().filter(|one| one.public_key_alg_id().as_ref() == algorithm);
            let suits = suits.next();
            let signature = entry(&format!("{name} {hash}"));
            assert_eq!(suits.is_some(), signature.is_some(), "{name} {scheme}");
            let (Some(verifier), Some(signature)) = (suits, signature) else { continue };
            verifier.verify_signature(public, b"sample", &signature).unwrap();
            assert!(verifier.verify_signature(public, b"simple", &signature).is_err());
            verified.push(*scheme);
            // Not with the schemes for keys of rsaEncryption, nor those for their keys.
            for other in KeyAlgorithm::Rsa.schemes_13() {
                let verifiers = provider().verifier_for_13(*other).unwrap();
                assert!(verifiers.iter().all(|one| one.public_key_alg_id().as_ref() != algorithm));
            }
        }
    }
    assert_eq!(verified, [schemes, &schemes[..1]].concat());
}
