//! Certificates signed over MD5 (RFC 3279 2.2.1), and chains of short keys.
//!
//! Collisions of MD5 were made into a forged authority in 2008 (Sotirov and others, "MD5 considered harmful today"): such a
//! signature says nothing about who made the certificate. Pin the key instead, where that can be done.

use clasp_cert::CertificateRules;
use clasp_crypto::{HashAlgorithm, Verifiers, default_provider};
use rsa::pkcs1::RsaPublicKeyRef;
use rsa::{BoxedUint, Pkcs1v15Sign, PublicKey};
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};

/// md5WithRSAEncryption, with keys from 512 bits on.
#[derive(Debug)]
pub struct Md5Rsa;

/// The start of a DigestInfo for MD5 (RFC 8017 9.2, note 1).
const DIGEST_INFO: [u8; 18] = [0x30, 0x20, 0x30, 0x0c, 6, 8, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 5, 5, 0, 4, 16];

impl SignatureVerificationAlgorithm for Md5Rsa {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = RsaPublicKeyRef::try_from(public_key).map_err(|_| InvalidSignature)?;
        let number = |bytes| BoxedUint::from_be_slice_vartime(bytes);
        let (n, e) = (number(key.modulus.as_bytes()), number(key.public_exponent.as_bytes()));
        let key = PublicKey::new_with_size_limits(n, e, 512..=8192).map_err(|_| InvalidSignature)?;
        let hash = default_provider().hash(HashAlgorithm::Md5).ok_or(InvalidSignature)?.hash(&[message]);
        let info = [&DIGEST_INFO, hash.as_slice()].concat();
        key.verify(Pkcs1v15Sign::new_unprefixed(), &info, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        // md5WithRSAEncryption, with NULL parameters.
        AlgorithmIdentifier::from_slice(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04, 0x05, 0x00])
    }
}

/// In chains also MD5 and RSA keys from 512 bits on.
const ALGORITHMS: Verifiers = &[&Md5Rsa];

/// What the policy `insecure` accepts in chains.
pub(crate) fn rules() -> CertificateRules {
    CertificateRules::legacy().with_min_rsa_bits(512).with_algorithms(ALGORITHMS)
}

#[cfg(test)]
mod tests {
    use clasp_cert::{
        KeyUse, RootStore, ServerVerification, ServerVerifier, WebPkiServerVerifier, pki_types::CertificateDer,
    };
    use rustls_pki_types::pem::PemObject as _;
    use rustls_pki_types::{ServerName, UnixTime};

    use super::*;

    /// Signed by OpenSSL; see the script beside them.
    const ROOT: &[u8] = include_bytes!("../../clasp-cert/test-data/legacy/root.pem");
    const MD5: &[u8] = include_bytes!("../../clasp-cert/test-data/legacy/md5.pem");

    fn accepts(rules: CertificateRules, leaf: &CertificateDer<'static>) -> bool {
        let mut roots = RootStore::new();
        roots.add_pem(ROOT).unwrap();
        let verifier = WebPkiServerVerifier::builder(roots).rules(rules).build().unwrap();
        let name = ServerName::try_from("host.example").unwrap();
        let chain = [leaf.clone()];
        let question = ServerVerification::new(&chain, &name, UnixTime::now(), KeyUse::DigitalSignature);
        verifier.verify_server(question).try_take().unwrap().is_ok()
    }

    #[test]
    fn md5_is_accepted_here_and_nowhere_else() {
        let leaf = CertificateDer::from_pem_slice(MD5).unwrap().into_owned();
        assert!(accepts(rules(), &leaf));
        assert!(!accepts(CertificateRules::legacy(), &leaf));
        assert!(!accepts(CertificateRules::modern(), &leaf));
        let mut forged = leaf.to_vec();
        *forged.last_mut().unwrap() ^= 1;
        assert!(!accepts(rules(), &forged.into()));
    }
}
