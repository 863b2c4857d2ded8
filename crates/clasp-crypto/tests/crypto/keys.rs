//! Private keys in every form: what is loaded signs and says whose it is; what cannot be trusted is refused.

use std::sync::Arc;

use super::*;
use clasp_crypto::{HashAlgorithm, KeyAlgorithm, SignatureScheme, SigningKey};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

const KEYS: &str = include_str!("../../test-data/keys.txt");

/// The keys of `keys.txt` that are good, or bad: name, hash of the public key, PEM.
pub(super) fn keys(kind: &str) -> Vec<(&'static str, &'static str, &'static str)> {
    let entries = KEYS.split("\n\n").skip(1);
    let found: Vec<_> = entries
        .filter_map(|entry| entry.strip_prefix(kind)?.strip_prefix(' '))
        .map(|entry| {
            let (line, pem) = entry.split_once('\n').unwrap();
            let (name, hash) = line.split_once(' ').unwrap_or((line, ""));
            (name, hash, pem)
        })
        .collect();
    assert!(found.len() > 5, "{kind}");
    found
}

fn try_load(pem: &str) -> Result<Arc<dyn SigningKey>, CryptoError> {
    (provider().load_key)(&PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap())
}

pub(super) fn load(name: &str) -> Arc<dyn SigningKey> {
    let (.., pem) = keys("good").into_iter().find(|(known, ..)| *known == name).unwrap();
    try_load(pem).unwrap()
}

/// Whether one of the scheme's verifiers that suit the key takes the signature.
pub(super) fn verifies(key: &dyn SigningKey, scheme: SignatureScheme, message: &[u8], signature: &[u8]) -> bool {
    let spki = key.public_key();
    // The bit string stands at the end of an SPKI, after the algorithm: both by their lengths.
    let (algorithm, public) = parts(&spki);
    let suits =
        provider().verifier_for(scheme).unwrap().iter().filter(|one| one.public_key_alg_id().as_ref() == algorithm);
    suits.into_iter().any(|verifier| verifier.verify_signature(public, message, signature).is_ok())
}

/// The algorithm's content and the key of a DER SPKI.
pub(super) fn parts(spki: &[u8]) -> (&[u8], &[u8]) {
    fn value(der: &[u8]) -> (&[u8], &[u8]) {
        let (length, start) = match der[1] {
            short @ 0..=0x7f => (usize::from(short), 2),
            0x81 => (usize::from(der[2]), 3),
            0x82 => (usize::from(u16::from_be_bytes([der[2], der[3]])), 4),
            _ => panic!("a longer length"),
        };
        (&der[start..start + length], &der[start + length..])
    }
    let (algorithm, rest) = value(value(spki).0);
    let (bits, rest) = value(rest);
    assert!(rest.is_empty() && bits[0] == 0);
    (algorithm, &bits[1..])
}

fn algorithm_of(name: &str) -> KeyAlgorithm {
    match name.split('-').next().unwrap() {
        "p256" => KeyAlgorithm::EcdsaP256,
        "p384" => KeyAlgorithm::EcdsaP384,
        "p521" => KeyAlgorithm::EcdsaP521,
        "ed25519" => KeyAlgorithm::Ed25519,
        _ => KeyAlgorithm::Rsa,
    }
}

/// The schemes that hash a message themselves: all but that of the versions before TLS 1.2, which takes both hashes.
pub(crate) fn message_schemes(key: &dyn SigningKey) -> Vec<SignatureScheme> {
    key.schemes().iter().copied().filter(|scheme| *scheme != SignatureScheme::RSA_PKCS1_MD5_SHA1).collect()
}

/// ring verifies no RSA below 2048 bits, and no policy of today's would ask it to.
fn is_verifiable(name: &str) -> bool {
    !name.starts_with("rsa1024")
}

#[test]
fn every_form_is_loaded_and_signs_with_all_it_says() {
    for (name, hash, pem) in keys("good") {
        let key = try_load(pem).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(key.algorithm(), algorithm_of(name), "{name}");
        let spki = provider().hash(HashAlgorithm::Sha256).unwrap().hash(&[key.public_key().as_ref()]);
        assert_eq!(spki.as_slice(), hex(hash), "{name}: the public key is not OpenSSL's");
        assert_eq!(key.rsa_decrypter().is_some(), key.algorithm() == KeyAlgorithm::Rsa, "{name}");
        assert_eq!(key.algorithm().curve().is_some(), name.starts_with('p'), "{name}");

        let schemes = message_schemes(key.as_ref());
        assert!(!schemes.is_empty());
        for (at, scheme) in schemes.iter().enumerate() {
            assert!(!schemes[..at].contains(scheme), "{name}: {scheme} twice");
            let signature =
                key.sign(*scheme, b"message", provider().random).unwrap_or_else(|e| panic!("{name} {scheme}: {e}"));
            if is_verifiable(name) {
                assert!(verifies(key.as_ref(), *scheme, b"message", &signature), "{name} {scheme}");
                assert!(!verifies(key.as_ref(), *scheme, b"massage", &signature), "{name} {scheme}");
                for other in schemes.iter().filter(|other| *other != scheme) {
                    assert!(
                        !verifies(key.as_ref(), *other, b"message", &signature),
                        "{name} {scheme} taken for {other}"
                    );
                }
            }
            let mut changed = signature.clone();
            *changed.last_mut().unwrap() ^= 1;
            assert!(!verifies(key.as_ref(), *scheme, b"message", &changed), "{name} {scheme}");
        }
        for scheme in SignatureScheme::ALL.iter().filter(|scheme| !schemes.contains(scheme)) {
            let refused = key.sign(*scheme, b"message", provider().random);
            assert_eq!(refused, Err(CryptoError::Unsupported), "{name} {scheme}");
        }
        // Nothing of it is shown.
        let shown = format!("{key:?}");
        assert!(shown.len() < 60 && shown.contains("algorithm"), "{shown}");
    }
}

/// What a key prefers, and what it can do with the second signer's help.
#[test]
fn schemes_of_each_kind_of_key() {
    use SignatureScheme as S;
    let schemes = |name: &str| load(name).schemes().to_vec();
    assert_eq!(schemes("ed25519"), [S::ED25519]);
    assert_eq!(schemes("p256")[0], S::ECDSA_SECP256R1_SHA256);
    assert_eq!(schemes("p384")[0], S::ECDSA_SECP384R1_SHA384);
    assert_eq!(schemes("p521")[0], S::ECDSA_SECP521R1_SHA512);
    for name in ["p256", "p256-no-public", "p256-sec1", "p384", "p521", "p521-sec1"] {
        assert_eq!(schemes(name).len(), 4, "{name}: every hash of TLS 1.2 with every curve");
    }
    let schemes = |name: &str| message_schemes(load(name).as_ref());
    for name in ["rsa2048", "rsa2048-pkcs1", "rsa3072", "rsa4096", "rsa8192"] {
        assert_eq!(schemes(name).len(), 7, "{name}");
        assert!(schemes(name).contains(&S::RSA_PKCS1_SHA1) && schemes(name).contains(&S::RSA_PSS_RSAE_SHA512));
    }
    // 1024 bits have no room for PSS with SHA-512 (RFC 8017 9.1.1).
    assert!(!schemes("rsa1024").contains(&S::RSA_PSS_RSAE_SHA512));
    assert_eq!(schemes("rsa1024").len(), 6);
}

#[test]
fn what_is_no_good_key_is_refused() {
    // Under this crate's `legacy`, which brings MD5, its size is the policy's matter.
    let legacy = clasp_crypto::default_provider().hash(HashAlgorithm::Md5).is_some();
    let is_bad = |name: &str| !(legacy && name == "rsa512");
    for (name, _, pem) in keys("bad").into_iter().filter(|(name, ..)| is_bad(name)) {
        let refused = try_load(pem).map(|key| key.algorithm());
        assert!(matches!(refused, Err(CryptoError::KeyRejected(_))), "{name}: {refused:?}");
    }
}

/// Cut or changed, a key is refused or is still whole: it never panics, and never signs what its public key does not verify.
#[test]
fn broken_keys_are_refused() {
    for name in ["p256", "p256-sec1", "p384-sec1", "p521", "ed25519", "ed25519-v2", "rsa1024", "rsa1024-pkcs1"] {
        let (.., pem) = keys("good").into_iter().find(|(known, ..)| *known == name).unwrap();
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
        let again = |der: Vec<u8>| -> PrivateKeyDer<'static> {
            match &key {
                PrivateKeyDer::Pkcs8(_) => PrivateKeyDer::Pkcs8(der.into()),
                PrivateKeyDer::Pkcs1(_) => PrivateKeyDer::Pkcs1(der.into()),
                _ => PrivateKeyDer::Sec1(der.into()),
            }
        };
        let der = key.secret_der();
        let step = (der.len() / 60).max(1);
        for len in (0..der.len()).step_by(step) {
            assert!((provider().load_key)(&again(der[..len].to_vec())).is_err(), "{name}: cut at {len}");
        }
        for at in (0..der.len()).step_by(step) {
            let mut changed = der.to_vec();
            changed[at] ^= 0x11;
            let Ok(key) = (provider().load_key)(&again(changed)) else { continue };
            let scheme = key.schemes()[0];
            if let Ok(signature) = key.sign(scheme, b"m", provider().random)
                && is_verifiable(name)
            {
                assert!(verifies(key.as_ref(), scheme, b"m", &signature), "{name}: byte {at}");
            }
        }
    }
}
