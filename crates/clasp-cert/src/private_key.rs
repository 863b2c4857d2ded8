//! Our own private key, on this machine or somewhere else (RFC 5246, sections 4.7 and 7.4.7.1).

use core::fmt;
use std::sync::Arc;

use clasp_crypto::{CryptoError, KeyAlgorithm, Provider, SecureRandom, SigningKey};
use clasp_wire::SignatureScheme;
use rustls_pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use zeroize::Zeroizing;

use crate::maybe_ready::MaybeReady;

/// A pre-master secret of the RSA key exchange: 48 octets, wiped when dropped.
pub type PreMaster48 = Zeroizing<[u8; 48]>;

/// A private key, wherever it lies.
///
/// [`SoftwareKey`] holds one in memory. An HSM or a key service implements the trait itself, and
/// may answer later.
pub trait PrivateKey: fmt::Debug + Send + Sync {
    /// What kind of key it is.
    fn algorithm(&self) -> KeyAlgorithm;

    /// The signature schemes it can sign with, the preferred one first.
    fn schemes(&self) -> &[SignatureScheme];

    /// The public half as SubjectPublicKeyInfo, if it is at hand: an identity is then refused
    /// where its certificate is for another key.
    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        None
    }

    /// Signs `message`, which is not hashed yet.
    fn sign<'a>(&'a self, scheme: SignatureScheme, message: &'a [u8]) -> MaybeReady<'a, Result<Vec<u8>, CryptoError>>;

    /// Whether [`decrypt_or_keep`](Self::decrypt_or_keep) may be asked for: only RSA keys decrypt,
    /// and not all of them are allowed to.
    fn can_decrypt(&self) -> bool {
        false
    }

    /// Decrypts an RSA-encrypted pre-master secret, PKCS#1 v1.5 (RFC 5246, section 7.4.7.1).
    ///
    /// The answer is the plaintext if its padding is right, it has 48 octets and begins with
    /// `prefix`; and `fallback`, which is random, in every other case. Which of the two it is must
    /// not show, neither in the answer nor in the time it takes.
    ///
    /// # Errors
    /// The key cannot decrypt, or something failed that does not depend on the ciphertext's value.
    fn decrypt_or_keep<'a>(
        &'a self,
        ciphertext: &'a [u8],
        prefix: [u8; 2],
        fallback: PreMaster48,
    ) -> MaybeReady<'a, Result<PreMaster48, CryptoError>> {
        let _ = (ciphertext, prefix, fallback);
        MaybeReady::ready(Err(CryptoError::Unsupported))
    }
}

/// A private key in this process's memory, worked by a provider.
#[derive(Clone)]
pub struct SoftwareKey {
    key: Arc<dyn SigningKey>,
    random: &'static dyn SecureRandom,
}

impl SoftwareKey {
    /// Loads a key.
    ///
    /// # Errors
    /// The provider does not take it, and says why.
    pub fn new(key: &PrivateKeyDer<'_>, provider: &'static Provider) -> Result<Self, CryptoError> {
        Ok(Self { key: (provider.load_key)(key)?, random: provider.random })
    }
}

impl PrivateKey for SoftwareKey {
    fn algorithm(&self) -> KeyAlgorithm {
        self.key.algorithm()
    }

    fn schemes(&self) -> &[SignatureScheme] {
        self.key.schemes()
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(self.key.public_key())
    }

    fn sign<'a>(&'a self, scheme: SignatureScheme, message: &'a [u8]) -> MaybeReady<'a, Result<Vec<u8>, CryptoError>> {
        MaybeReady::ready(self.key.sign(scheme, message, self.random))
    }

    fn can_decrypt(&self) -> bool {
        self.key.rsa_decrypter().is_some()
    }

    fn decrypt_or_keep<'a>(
        &'a self,
        ciphertext: &'a [u8],
        prefix: [u8; 2],
        fallback: PreMaster48,
    ) -> MaybeReady<'a, Result<PreMaster48, CryptoError>> {
        let Some(decrypter) = self.key.rsa_decrypter() else {
            return MaybeReady::ready(Err(CryptoError::Unsupported));
        };
        let mut secret = fallback;
        let done = decrypter.decrypt_or_keep(ciphertext, &prefix, &mut secret[..], self.random);
        MaybeReady::ready(done.map(|()| secret))
    }
}

impl fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoftwareKey").field("algorithm", &self.key.algorithm()).finish_non_exhaustive()
    }
}
