//! Keys that both sides were given from outside (RFC 8446 4.2.11, RFC 9258, RFC 9257; RFC 4279 in TLS 1.2 and before).

use core::fmt;
use std::borrow::Cow;

use bytes::Bytes;
use clasp_cert::{CertificateError, CertificateProblem, MaybeReady, Report, ServerVerification, ServerVerifier};
use clasp_crypto::{CryptoError, HashAlgorithm, Provider};
use clasp_keys::tls13::{Kdf, PskKind, psk_importer};
use subtle::ConstantTimeEq as _;
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
    /// For TLS 1.2 and before alone.
    weak: bool,
}

/// The shortest key that is taken, bytes (RFC 9257 6: 128 bits of entropy).
const SHORTEST: usize = 16;

impl ExternalPsk {
    /// A key under the name by which the client tells the server which it means, for suites with this hash: SHA-256 where
    /// nothing else was agreed (RFC 8446 4.2.11). In TLS 1.2 and before it goes with every suite with a pre-shared key (RFC 4279,
    /// RFC 5489), whatever the hash; a client offers the first such key alone, as it can name one only. Keys are random, never
    /// passwords.
    ///
    /// # Errors
    /// [`ConfigError::BadPsk`] when the name is empty or longer than 65535 bytes, or the key shorter than 16 bytes or longer
    /// than 65535.
    pub fn new(identity: &[u8], key: &[u8], hash: HashAlgorithm) -> Result<Self, ConfigError> {
        let longest = usize::from(u16::MAX);
        if identity.is_empty() || identity.len() > longest || !(SHORTEST..=longest).contains(&key.len()) {
            return Err(ConfigError::BadPsk);
        }
        Ok(Self {
            identity: Bytes::copy_from_slice(identity),
            key: Zeroizing::new(key.to_vec()),
            hash,
            kind: PskKind::External,
            weak: false,
        })
    }

    /// A key of any length from 1 to 65535 bytes, and a name that may be empty, for devices that have such and cannot be given
    /// others: in TLS 1.2 and before alone. Whoever records a handshake without ECDHE, or takes part in one, can try out all short keys there are, and
    /// all passwords (RFC 4279 7.2). Who finds a client's key so fast that the client still waits is the server to it, also where it
    /// would rather have spoken TLS 1.3 or seen a certificate: such a client is to have no other use.
    ///
    /// # Errors
    /// [`ConfigError::BadPsk`] when the key is empty, or name or key are longer than 65535 bytes.
    pub fn weak(identity: &[u8], key: &[u8]) -> Result<Self, ConfigError> {
        let longest = usize::from(u16::MAX);
        if identity.len() > longest || key.is_empty() || key.len() > longest {
            return Err(ConfigError::BadPsk);
        }
        Ok(Self {
            identity: Bytes::copy_from_slice(identity),
            key: Zeroizing::new(key.to_vec()),
            hash: HashAlgorithm::Sha256,
            kind: PskKind::External,
            weak: true,
        })
    }

    /// The same made into a key of TLS 1.3's own, which older versions do not use, for suites with this hash (RFC 9258): so that a key that older versions use
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
        Self::imported_with(provider, HashAlgorithm::Sha256, identity, key, context, hash)
    }

    /// [`Self::imported`] for a key that was agreed to go with `own_hash`: it takes the place of SHA-256, which is meant where
    /// nothing was agreed (RFC 9258 4.1).
    ///
    /// # Errors
    /// As [`Self::imported`].
    pub fn imported_with(
        provider: &Provider,
        own_hash: HashAlgorithm,
        identity: &[u8],
        key: &[u8],
        context: &[u8],
        hash: HashAlgorithm,
    ) -> Result<Self, ConfigError> {
        let (own, hmac) = (provider.hash(own_hash), provider.hmac(own_hash));
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

/// Those of the keys that TLS 1.3 uses.
pub(crate) fn of_tls13(psks: &[ExternalPsk]) -> impl Iterator<Item = &ExternalPsk> {
    psks.iter().filter(|psk| !psk.weak)
}

/// Those of the keys that versions before TLS 1.3 use: an imported one is of the version that it was imported for (RFC 9258 3.1).
pub(crate) fn classic(psks: &[ExternalPsk]) -> impl DoubleEndedIterator<Item = &ExternalPsk> {
    psks.iter().filter(|psk| psk.kind == PskKind::External)
}

/// The key that a client of TLS 1.2 or before names. For a name that none has it is a random one: the handshake then fails as
/// with a wrong key, and names cannot be tried out (RFC 4279 2).
pub(crate) fn find_or_make_up(
    psks: &[ExternalPsk],
    identity: &[u8],
    provider: &Provider,
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    // As long as a real one, as hashing a longer key takes longer.
    let length = classic(psks).next().map_or(SHORTEST, |psk| psk.key.len());
    let mut key = Zeroizing::new(vec![0; length]);
    provider.random.fill(&mut key)?;
    // All are looked at; the first of a name is the last to be taken.
    for psk in classic(psks).rev() {
        if bool::from(psk.identity.ct_eq(identity)) {
            key.clone_from(&psk.key);
        }
    }
    Ok(key)
}

/// What a session belongs to besides `scope`: the key from outside it was made with. `None` where there is no such key any
/// more.
pub(crate) fn scope_with<'a>(
    scope: &'a [u8],
    psks: &[ExternalPsk],
    identity: Option<&[u8]>,
    provider: &Provider,
) -> Option<Cow<'a, [u8]>> {
    let Some(identity) = identity else { return Some(scope.into()) };
    let psk = psks.iter().find(|psk| psk.identity == identity)?;
    let length = u64::try_from(identity.len()).ok()?.to_be_bytes();
    let hash = provider.hash(HashAlgorithm::Sha256)?.hash(&[&length, identity, &psk.key]);
    Some([scope, hash.as_slice()].concat().into())
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
