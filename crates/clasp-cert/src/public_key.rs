//! The key in a peer's certificate, read once and used for its proof (RFC 5280, section 4.1.2.7).

use clasp_crypto::{CryptoError, KeyAlgorithm, Provider, Verifiers};
use clasp_wire::SignatureScheme;
use rustls_pki_types::{AlgorithmIdentifier, CertificateDer, alg_id};
use x509_parser::extensions::KeyUsage;

use crate::error::{CertificateError, CertificateProblem};
use crate::fields::{Fields, ID_RSASSA_PSS, Malformed, Spki};
use crate::report::Report;
use crate::verify::KeyUse;

/// A certificate's public key together with what the certificate allows it to be used for.
///
/// It owns its bytes, so it may outlive the handshake message the certificate came in.
#[derive(Clone)]
pub struct PublicKey {
    spki: Box<[u8]>,
    algorithm: Option<KeyAlgorithm>,
    bits: usize,
    usage: Option<KeyUsage>,
}

impl PublicKey {
    /// Reads the key of a certificate. The certificate itself is not verified.
    ///
    /// # Errors
    /// The certificate cannot be read; the error's report has nothing reached.
    pub fn from_certificate(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        Self::read(certificate)
            .map_err(|malformed| CertificateError::new(CertificateProblem::from(malformed), Report::server()))
    }

    /// Reads a raw public key, a SubjectPublicKeyInfo (RFC 7250, section 3).
    ///
    /// # Errors
    /// It cannot be read; the error's report has nothing reached.
    pub fn from_raw_public_key(spki: &[u8]) -> Result<Self, CertificateError> {
        let malformed = |malformed| CertificateError::new(CertificateProblem::from(malformed), Report::server());
        if crate::raw_public_key(&[CertificateDer::from(spki)]).is_none() {
            return Err(malformed(Malformed("subjectPublicKeyInfo")));
        }
        let parts = Spki::parse(spki).map_err(malformed)?;
        let algorithm = algorithm(&parts);
        Ok(Self { spki: spki.into(), algorithm, bits: bits(algorithm, &parts), usage: None })
    }

    fn read(der: &[u8]) -> Result<Self, Malformed> {
        let fields = Fields::parse(der)?;
        let usage = fields.key_usage()?;
        let parts = Spki::parse(fields.spki)?;
        let algorithm = algorithm(&parts);
        Ok(Self { spki: fields.spki.into(), algorithm, bits: bits(algorithm, &parts), usage })
    }

    /// The kind of key; `None` if this crate has no name for it.
    pub const fn algorithm(&self) -> Option<KeyAlgorithm> {
        self.algorithm
    }

    /// The key's size in bits: of the modulus for RSA, of the field for curves. 0 if unknown.
    pub const fn bits(&self) -> usize {
        self.bits
    }

    /// The whole SubjectPublicKeyInfo, DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The two parts. Cutting them again costs less than keeping track of where they lie.
    fn parts(&self) -> Spki<'_> {
        // It was cut the same way when this value was made.
        Spki::parse(&self.spki).unwrap_or(Spki { algorithm: &[], key: &[] })
    }

    /// Verifies the peer's signature over `message`, made with `scheme` (RFC 5246, section 4.7).
    ///
    /// # Errors
    /// [`CryptoError::BadSignature`] if the signature does not verify;
    /// [`CryptoError::Unsupported`] if the provider has no verifier for this scheme and key.
    pub fn verify(
        &self,
        provider: &Provider,
        scheme: SignatureScheme,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        self.verify_by(provider.verifier_for(scheme), message, signature)
    }

    /// Verifies the peer's signature of TLS 1.3, where a scheme names the curve too (RFC 8446,
    /// section 4.2.3).
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_13(
        &self,
        provider: &Provider,
        scheme: SignatureScheme,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        self.verify_by(provider.verifier_for_13(scheme), message, signature)
    }

    fn verify_by(&self, verifiers: Option<Verifiers>, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let parts = self.parts();
        let algorithm = verifiers
            .unwrap_or_default()
            .iter()
            .find(|algorithm| algorithm.public_key_alg_id().as_ref() == parts.algorithm)
            .ok_or(CryptoError::Unsupported)?;
        algorithm.verify_signature(parts.key, message, signature).map_err(|_| CryptoError::BadSignature)
    }

    /// Encrypts `plaintext` with an RSA key, PKCS#1 v1.5 (RFC 5246, section 7.4.7.1).
    ///
    /// # Errors
    /// The key is no RSA key or one the provider does not take; the plaintext is too long for it.
    pub fn encrypt_rsa(&self, provider: &Provider, plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
        (provider.rsa_encrypt)(&self.spki, plaintext, provider.random)
    }

    /// Whether the certificate's keyUsage allows this. Without that extension everything is
    /// allowed (RFC 5280, section 4.2.1.3).
    pub fn allows(&self, key_use: KeyUse) -> bool {
        allows(self.usage, key_use)
    }
}

pub(crate) fn allows(usage: Option<KeyUsage>, key_use: KeyUse) -> bool {
    usage.is_none_or(|usage| match key_use {
        KeyUse::DigitalSignature => usage.digital_signature(),
        KeyUse::KeyEncipherment => usage.key_encipherment(),
        KeyUse::KeyAgreement => usage.key_agreement(),
    })
}

fn algorithm(parts: &Spki<'_>) -> Option<KeyAlgorithm> {
    const KNOWN: [(AlgorithmIdentifier, KeyAlgorithm); 5] = [
        (alg_id::RSA_ENCRYPTION, KeyAlgorithm::Rsa),
        (alg_id::ECDSA_P256, KeyAlgorithm::EcdsaP256),
        (alg_id::ECDSA_P384, KeyAlgorithm::EcdsaP384),
        (alg_id::ECDSA_P521, KeyAlgorithm::EcdsaP521),
        (alg_id::ED25519, KeyAlgorithm::Ed25519),
    ];
    let known = KNOWN.iter().find(|(identifier, _)| identifier.as_ref() == parts.algorithm);
    // With parameters or without (RFC 4055, section 3.1).
    let pss = || parts.algorithm.starts_with(&ID_RSASSA_PSS).then_some(KeyAlgorithm::RsaPss);
    known.map(|(_, algorithm)| *algorithm).or_else(pss)
}

fn bits(algorithm: Option<KeyAlgorithm>, parts: &Spki<'_>) -> usize {
    match algorithm {
        Some(KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss) => parts.rsa_bits().unwrap_or(0),
        Some(KeyAlgorithm::EcdsaP256 | KeyAlgorithm::Ed25519) => 256,
        Some(KeyAlgorithm::EcdsaP384) => 384,
        Some(KeyAlgorithm::EcdsaP521) => 521,
        _ => 0,
    }
}

impl core::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PublicKey")
            .field("algorithm", &self.algorithm())
            .field("bits", &self.bits())
            .finish_non_exhaustive()
    }
}
