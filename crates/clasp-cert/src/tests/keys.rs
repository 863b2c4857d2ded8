//! Keys at work: a signature made by an identity verifies with its certificate's key (RFC 5246, section 4.7).

use clasp_crypto::{CryptoError, KeyAlgorithm, default_provider};
use clasp_wire::SignatureScheme;
use rustls_pki_types::UnixTime;
use zeroize::Zeroizing;

use crate::testing::{pem_chain, test_data};
use crate::{CertificateSummary, Identity, KeyUse, PublicKey};

fn identities() -> [(Identity, usize); 5] {
    let load = |chain: &[u8], key: &[u8]| Identity::from_pem(chain, key).unwrap();
    [
        (load(test_data!("rsa.pem"), test_data!("rsa.key.pem")), 2048),
        (load(test_data!("p256.pem"), test_data!("p256.key.pem")), 256),
        (load(test_data!("p384.pem"), test_data!("p384.key.pem")), 384),
        (load(test_data!("p521.pem"), test_data!("p521.key.pem")), 521),
        (load(test_data!("ed25519.pem"), test_data!("ed25519.key.pem")), 256),
    ]
}

#[test]
fn what_the_key_signs_the_certificate_verifies() {
    let provider = default_provider();
    for (identity, bits) in identities() {
        let public = PublicKey::from_certificate(&identity.chain()[0]).unwrap();
        assert_eq!(public.bits(), bits);
        assert!(!identity.key().schemes().is_empty());
        // As long as MD5 and SHA-1 together, which is all that one of the schemes signs.
        let (message, another) = ([1; 36], [2; 36]);
        for &scheme in identity.key().schemes() {
            let signature = identity.key().sign(scheme, &message).try_take().unwrap().unwrap();
            public.verify(provider, scheme, &message, &signature).unwrap_or_else(|e| panic!("{scheme:?}: {e}"));
            assert!(matches!(public.verify(provider, scheme, &another, &signature), Err(CryptoError::BadSignature)));
            let mut bent = signature.clone();
            *bent.last_mut().unwrap() ^= 1;
            assert!(public.verify(provider, scheme, &message, &bent).is_err());
        }
    }
}

#[test]
fn a_scheme_for_other_keys_is_not_tried() {
    let [(rsa, _), (p256, _), ..] = identities();
    let provider = default_provider();
    let verify = |identity: &Identity, scheme| identity.public_key().verify(provider, scheme, b"", b"");
    for (identity, scheme) in [
        (&rsa, SignatureScheme::ECDSA_SECP256R1_SHA256),
        (&p256, SignatureScheme::RSA_PKCS1_SHA256),
        (&p256, SignatureScheme(0x1234)),
    ] {
        assert!(matches!(verify(identity, scheme), Err(CryptoError::Unsupported)), "{scheme:?}");
    }
}

#[test]
fn rsa_decrypts_what_its_certificate_encrypted_and_keeps_the_rest() {
    let [(rsa, _), (p256, _), ..] = identities();
    let provider = default_provider();
    let mut secret = [7; 48];
    secret[..2].copy_from_slice(&[3, 3]);
    let ciphertext = rsa.public_key().encrypt_rsa(provider, &secret).unwrap();
    let decrypt = |ciphertext: &[u8], prefix| {
        let fallback = Zeroizing::new([9; 48]);
        *rsa.key().decrypt_or_keep(ciphertext, prefix, fallback).try_take().unwrap().unwrap()
    };
    assert_eq!(decrypt(&ciphertext, [3, 3]), secret);
    assert_eq!(decrypt(&ciphertext, [3, 1]), [9; 48]);
    let mut bent = ciphertext.clone();
    bent[100] ^= 1;
    assert_eq!(decrypt(&bent, [3, 3]), [9; 48]);
    p256.public_key().encrypt_rsa(provider, &secret).unwrap_err();
}

#[test]
fn key_usage_is_read_with_the_key() {
    let rsa = PublicKey::from_certificate(&pem_chain(test_data!("rsa.pem"))[0]).unwrap();
    assert!(rsa.allows(KeyUse::KeyEncipherment) && !rsa.allows(KeyUse::KeyAgreement));
    let p256 = PublicKey::from_certificate(&pem_chain(test_data!("p256.pem"))[0]).unwrap();
    assert!(p256.allows(KeyUse::DigitalSignature) && !p256.allows(KeyUse::KeyEncipherment));
    assert!(PublicKey::from_certificate(&vec![0x30, 0].into()).is_err());
    assert_eq!(format!("{rsa:?}"), "PublicKey { algorithm: Some(Rsa), bits: 2048, .. }");
}

#[test]
fn a_summary_tells_what_the_certificate_says() {
    let summary = CertificateSummary::from_der(&pem_chain(test_data!("rsa.pem"))[0]).unwrap();
    assert_eq!(&*summary.subject, "CN=host.example");
    assert_eq!(&*summary.issuer, "CN=Clasp RSA Test CA");
    assert_eq!(
        summary.names.iter().map(|name| &**name).collect::<Vec<_>>(),
        ["host.example", "*.wild.example", "192.0.2.7", "2001:db8::7"]
    );
    let seconds = core::time::Duration::from_secs;
    assert_eq!(summary.not_before, UnixTime::since_unix_epoch(seconds(1_577_836_800)));
    assert_eq!(summary.not_after, UnixTime::since_unix_epoch(seconds(4_701_974_400)));
    assert_eq!((summary.key_algorithm, summary.key_bits), (Some(KeyAlgorithm::Rsa), 2048));
    assert_eq!(&*summary.signature_algorithm, "sha256WithRSAEncryption");
    assert!(!summary.is_ca);
    assert!(summary.to_string().contains("valid     2020-01-01 00:00:00 UTC to 2119-01-01 00:00:00 UTC"));

    let authority = CertificateSummary::from_der(&pem_chain(test_data!("ca.pem"))[0]).unwrap();
    assert!(authority.is_ca && authority.names.is_empty());
    assert!(CertificateSummary::from_der(&vec![1, 2, 3].into()).is_err());
}
