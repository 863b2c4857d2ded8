//! Keys that both sides were given from outside (RFC 8446 4.2.11, RFC 9258, RFC 9257).

use core::fmt;

use bytes::Bytes;
use clasp_cert::{CertificateError, CertificateProblem, MaybeReady, Report, ServerVerification, ServerVerifier};
use clasp_crypto::{HashAlgorithm, Provider};
use clasp_keys::tls13::{Kdf, PskKind, psk_importer};
use zeroize::Zeroizing;

use crate::error::ConfigError;
use crate::negotiate;

/// A key that client and server share already, under a name. It takes the place of certificates: whoever has it is who it is
/// known by, so every pair of parties needs one of its own (RFC 9257 4).
#[derive(Clone)]
pub struct ExternalPsk {
    identity: Bytes,
    key: Zeroizing<Vec<u8>>,
    hash: HashAlgorithm,
    kind: PskKind,
}

/// The shortest key that is taken, bytes (RFC 9257 6: 128 bits of entropy).
const SHORTEST: usize = 16;

impl ExternalPsk {
    /// A key under the name by which the client tells the server which it means, for suites with this hash: SHA-256 where
    /// nothing else was agreed (RFC 8446 4.2.11). Keys are random, never passwords.
    ///
    /// # Errors
    /// [`ConfigError::BadPsk`] when the name is empty or longer than 65535 bytes, or the key shorter than 16 bytes.
    pub fn new(identity: &[u8], key: &[u8], hash: HashAlgorithm) -> Result<Self, ConfigError> {
        if identity.is_empty() || identity.len() > usize::from(u16::MAX) || key.len() < SHORTEST {
            return Err(ConfigError::BadPsk);
        }
        Ok(Self {
            identity: Bytes::copy_from_slice(identity),
            key: Zeroizing::new(key.to_vec()),
            hash,
            kind: PskKind::External,
        })
    }

    /// The same made into a key of TLS 1.3's own for suites with this hash (RFC 9258): so that a key that older versions use
    /// too, or that goes with SHA-256 and SHA-384 both, never gives one what is secret in the other. Both sides must import
    /// it, with the same context.
    ///
    /// # Errors
    /// As [`Self::new`]; also for another hash than SHA-256 and SHA-384, or without SHA-256 in the provider.
    pub fn imported(
        provider: &Provider,
        identity: &[u8],
        key: &[u8],
        context: &[u8],
        hash: HashAlgorithm,
    ) -> Result<Self, ConfigError> {
        let (own, hmac) = (provider.hash(HashAlgorithm::Sha256), provider.hmac(HashAlgorithm::Sha256));
        let kdf = own.zip(hmac).map(|(hash, hmac)| Kdf::new(hash, hmac)).ok_or(ConfigError::BadPsk)?;
        let imported = psk_importer(kdf, key, identity, context, negotiate::TLS13.0, hash)
            .filter(|_| key.len() >= SHORTEST)
            .ok_or(ConfigError::BadPsk)?;
        Ok(Self { kind: PskKind::Imported, ..Self::new(&imported.identity, imported.psk.as_bytes(), hash)? })
    }

    /// Its name.
    pub fn identity(&self) -> &Bytes {
        &self.identity
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The hash of the suites that it goes with.
    pub fn hash(&self) -> HashAlgorithm {
        self.hash
    }

    pub(crate) fn kind(&self) -> PskKind {
        self.kind
    }
}

/// The verifier of a client that has keys and no roots: a server with a certificate is nobody it knows.
#[derive(Debug)]
pub(crate) struct NoCertificates;

impl ServerVerifier for NoCertificates {
    fn verify_server<'a>(&'a self, _: ServerVerification<'a>) -> MaybeReady<'a, Result<Report, CertificateError>> {
        let issuer = "any: this client has pre-shared keys, and no roots".into();
        MaybeReady::ready(Err(CertificateError::new(CertificateProblem::UnknownIssuer { issuer }, Report::server())))
    }
}

impl fmt::Debug for ExternalPsk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalPsk")
            .field("identity", &self.identity)
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}
