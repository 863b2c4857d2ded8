//! Raw public keys in the place of certificates: known by their hash, and by nothing else (RFC 7250).

use std::path::Path;
use std::sync::Arc;

use clasp_crypto::{Hash, Provider, default_provider};
use clasp_wire::CertificateType;
use rustls_pki_types::CertificateDer;

use crate::error::{CertificateError, CertificateProblem};
use crate::fields::Spki;
use crate::identity::Identity;
use crate::load_error::{LoadError, Source};
use crate::maybe_ready::MaybeReady;
use crate::pem;
use crate::pins::{Pin, sha256};
use crate::private_key::SoftwareKey;
use crate::report::{Check, Outcome, Report};
use crate::verify::{ClientVerification, ClientVerifier, ServerVerification, ServerVerifier};

/// The SubjectPublicKeyInfo where a chain is none, but a raw public key (RFC 7250, section 3). No certificate is one:
/// what a certificate begins with is no AlgorithmIdentifier.
pub fn raw_public_key<'a>(chain: &'a [CertificateDer<'_>]) -> Option<&'a [u8]> {
    match chain {
        [only] if is_spki(only) => Some(only),
        _ => None,
    }
}

fn is_spki(der: &[u8]) -> bool {
    // An AlgorithmIdentifier begins with an object identifier (RFC 5280, section 4.1.1.2).
    Spki::parse(der).is_ok_and(|spki| spki.algorithm.first() == Some(&6))
}

/// Accepts peers, in both roles, that show a raw public key of a list instead of a certificate (RFC 7250).
///
/// A key has no name, no dates and no issuer: who is on the list is who is meant. A key is taken off the list by making
/// another verifier. Peers that show a certificate are refused, even one with a key of the list.
#[derive(Debug)]
pub struct RawPublicKeyVerifier {
    pins: Vec<Pin>,
    hash: &'static dyn Hash,
}

impl RawPublicKeyVerifier {
    /// Accepts the keys with these SHA-256 hashes of their SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// There is no pin among them.
    pub fn new(pins: impl IntoIterator<Item = Pin>) -> Result<Self, LoadError> {
        Self::with_provider(pins, default_provider())
    }

    /// [`Self::new`], hashing by `provider`.
    ///
    /// # Errors
    /// There is no pin among them, or the provider has no SHA-256.
    pub fn with_provider(pins: impl IntoIterator<Item = Pin>, provider: &'static Provider) -> Result<Self, LoadError> {
        let pins: Vec<Pin> = pins.into_iter().collect();
        if pins.is_empty() {
            return Err(LoadError::NoPins);
        }
        Ok(Self { pins, hash: sha256(provider).ok_or(LoadError::Provider { missing: "SHA-256" })? })
    }

    fn verify(&self, chain: &[CertificateDer<'_>], mut report: Report) -> Result<Report, CertificateError> {
        report.set_unreached(&Outcome::NotChecked);
        report.set(Check::Possession, Outcome::NotReached);
        let problem = if chain.is_empty() {
            CertificateProblem::NoCertificate
        } else {
            match raw_public_key(chain) {
                None => CertificateProblem::NotRawPublicKey,
                Some(spki) => match Pin::of_spki(self.hash, spki) {
                    Some(found) if self.pins.contains(&found) => return Ok(report),
                    found => {
                        let found = found.map_or_else(String::new, |found| found.to_string());
                        CertificateProblem::PinMismatch { found: found.into() }
                    }
                },
            }
        };
        Err(CertificateError::new(problem, report))
    }
}

impl ServerVerifier for RawPublicKeyVerifier {
    fn resumption_scope(&self) -> Vec<u8> {
        let mut scope = b"raw public keys".to_vec();
        self.pins.iter().for_each(|pin| scope.extend_from_slice(pin.as_bytes()));
        scope
    }

    fn verify_server<'a>(
        &'a self,
        verification: ServerVerification<'a>,
    ) -> MaybeReady<'a, Result<Report, CertificateError>> {
        MaybeReady::ready(self.verify(verification.chain, Report::server()))
    }

    fn certificate_types(&self) -> &[CertificateType] {
        &[CertificateType::RAW_PUBLIC_KEY]
    }
}

impl ClientVerifier for RawPublicKeyVerifier {
    fn verify_client<'a>(
        &'a self,
        verification: ClientVerification<'a>,
    ) -> MaybeReady<'a, Result<Report, CertificateError>> {
        MaybeReady::ready(self.verify(verification.chain, Report::client()))
    }

    fn authorities(&self) -> &[Vec<u8>] {
        &[]
    }

    fn certificate_types(&self) -> &[CertificateType] {
        &[CertificateType::RAW_PUBLIC_KEY]
    }
}

impl Identity {
    /// A key to be shown as it is, without a certificate (RFC 7250), to peers that accept such. Its
    /// [`chain`](Self::chain) is the SubjectPublicKeyInfo alone, and it goes with every name.
    ///
    /// # Errors
    /// [`LoadError::NoPublicKey`] where the key does not tell its public half.
    pub fn raw_public_key(key: Arc<dyn crate::PrivateKey>) -> Result<Self, LoadError> {
        Self::of_raw_key(key)
    }

    /// [`Self::raw_public_key`] from PEM or DER, worked by the default provider.
    ///
    /// # Errors
    /// There is no key, or one that cannot be used.
    pub fn raw_public_key_from_pem(key: &[u8]) -> Result<Self, LoadError> {
        read(key, &Source::Memory("the key given"), None)
    }

    /// [`Self::raw_public_key`] from a PEM or DER file, worked by the default provider.
    ///
    /// # Errors
    /// There is no key, or one that cannot be used.
    pub fn raw_public_key_from_pem_file(key: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = key.as_ref();
        read(&pem::read(path)?, &Source::file(path), None)
    }

    /// [`Self::raw_public_key_from_pem_file`], where the key may be under a password, as in
    /// [`Self::from_pem_files_with_password`].
    ///
    /// # Errors
    /// There is no key, one that cannot be used, or the password does not open it.
    #[cfg(feature = "encrypted-keys")]
    pub fn raw_public_key_from_pem_file_with_password(
        key: impl AsRef<Path>,
        password: &[u8],
    ) -> Result<Self, LoadError> {
        let path = key.as_ref();
        read(&pem::read(path)?, &Source::file(path), Some(password))
    }
}

fn read(text: &[u8], source: &Source, password: Option<&[u8]>) -> Result<Identity, LoadError> {
    let der = pem::private_key(text, source, password)?;
    let key = SoftwareKey::new(&der, default_provider())
        .map_err(|error| LoadError::Key { source_name: source.clone(), error })?;
    Identity::of_raw_key(Arc::new(key))
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::UnixTime;

    use super::*;
    use crate::testing::{NOW, name, pem_chain, test_data};
    use crate::{KeyUse, PublicKey};

    fn ask(verifier: &RawPublicKeyVerifier, chain: &[CertificateDer<'static>]) -> Result<Report, CertificateError> {
        let (name, now): (_, UnixTime) = (name("host.example"), NOW);
        let client = verifier.verify_client(ClientVerification::new(chain, now)).try_take().unwrap();
        let question = ServerVerification::new(chain, &name, now, KeyUse::DigitalSignature);
        let server = verifier.verify_server(question).try_take().unwrap();
        assert_eq!(client.is_ok(), server.is_ok());
        server
    }

    #[test]
    fn a_listed_key_is_accepted_and_no_other_and_no_certificate() {
        let identity = Identity::raw_public_key_from_pem(test_data!("p256.key.pem")).unwrap();
        assert!(identity.is_raw_public_key() && identity.matches_name(&name("any.example")));
        let certificate = pem_chain(test_data!("p256.pem"));
        let pin = Pin::of_certificate(&certificate[0]).unwrap();
        let verifier = RawPublicKeyVerifier::new([pin]).unwrap();
        let report = ask(&verifier, identity.chain()).unwrap();
        assert_eq!(report.get(Check::Possession), &Outcome::NotReached);
        assert_eq!(report.get(Check::HostName), &Outcome::NotChecked);

        let other = Identity::raw_public_key_from_pem(test_data!("p384.key.pem")).unwrap();
        let error = ask(&verifier, other.chain()).unwrap_err();
        assert!(matches!(error.problem, CertificateProblem::PinMismatch { .. }), "{error}");
        let error = ask(&verifier, &certificate).unwrap_err();
        assert_eq!(error.problem, CertificateProblem::NotRawPublicKey);
        let error = ask(&verifier, &[]).unwrap_err();
        assert_eq!(error.problem, CertificateProblem::NoCertificate);
        let two = [identity.chain()[0].clone(), identity.chain()[0].clone()];
        assert_eq!(ask(&verifier, &two).unwrap_err().problem, CertificateProblem::NotRawPublicKey);
        RawPublicKeyVerifier::new([]).unwrap_err();
    }

    #[test]
    fn certificates_and_keys_are_told_apart() {
        for (chain, key) in [
            (&test_data!("rsa.pem")[..], &test_data!("rsa.key.pem")[..]),
            (test_data!("p521.pem"), test_data!("p521.key.pem")),
            (test_data!("ed25519.pem"), test_data!("ed25519.key.pem")),
        ] {
            let (certificate, raw) = (pem_chain(chain), Identity::raw_public_key_from_pem(key).unwrap());
            assert_eq!(raw_public_key(&certificate), None);
            assert_eq!(raw_public_key(raw.chain()), Some(raw.public_key().spki()));
            let of_certificate = PublicKey::from_certificate(&certificate[0]).unwrap();
            assert_eq!(of_certificate.spki(), raw.public_key().spki());
            assert_eq!(of_certificate.bits(), raw.public_key().bits());
            assert!(PublicKey::from_raw_public_key(&certificate[0]).is_err());
            assert!(PublicKey::from_certificate(&raw.chain()[0]).is_err());
        }
        assert!(PublicKey::from_raw_public_key(&[]).is_err());
    }
}
