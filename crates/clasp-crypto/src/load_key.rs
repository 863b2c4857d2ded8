//! Loading private keys: ring where it takes them, RustCrypto for what it refuses (RFC 5958, RFC 8017 A.1.2, RFC 5915).

use std::fmt;
use std::sync::Arc;

use clasp_wire::SignatureScheme;
use rustls_pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};

use crate::ring_provider::RingSigner;
use crate::rust_crypto::{self, RsaKey};
use crate::spki;
use crate::traits::{CryptoError, KeyAlgorithm, RsaDecrypter, SecureRandom, SigningKey};

/// A key with two signers: ring's, and RustCrypto's for what ring lacks (hashes, curves, sizes).
struct LoadedKey {
    algorithm: KeyAlgorithm,
    spki: SubjectPublicKeyInfoDer<'static>,
    schemes: Vec<SignatureScheme>,
    ring: Option<RingSigner>,
    second: Second,
}

/// RustCrypto's side of a key.
enum Second {
    None,
    Rsa(Box<RsaKey>),
    Ecdsa(Box<dyn rust_crypto::EcdsaSigner>),
}

impl fmt::Debug for LoadedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl SigningKey for LoadedKey {
    fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    fn public_key(&self) -> SubjectPublicKeyInfoDer<'_> {
        self.spki.clone()
    }

    fn schemes(&self) -> &[SignatureScheme] {
        &self.schemes
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8], random: &dyn SecureRandom) -> Result<Vec<u8>, CryptoError> {
        if !self.schemes.contains(&scheme) {
            return Err(CryptoError::Unsupported);
        }
        match &self.ring {
            Some(ring) if ring.schemes().contains(&scheme) => ring.sign(scheme, message),
            _ => match &self.second {
                Second::Rsa(key) => key.sign(scheme, message, random),
                Second::Ecdsa(key) => key.sign(scheme, message, random),
                Second::None => Err(CryptoError::Unsupported),
            },
        }
    }

    fn rsa_decrypter(&self) -> Option<&dyn RsaDecrypter> {
        match &self.second {
            Second::Rsa(key) => Some(key.as_ref()),
            Second::Ecdsa(_) | Second::None => None,
        }
    }
}

/// Loads a private key in PKCS#8, PKCS#1 or SEC1 form.
///
/// # Errors
/// [`CryptoError::KeyRejected`] when it is none of these, or of a kind or size that neither library takes.
pub(crate) fn load_key(key: &PrivateKeyDer<'_>) -> Result<Arc<dyn SigningKey>, CryptoError> {
    let (ring, second) = match key {
        PrivateKeyDer::Pkcs8(der) => {
            let der = der.secret_pkcs8_der();
            (RingSigner::from_pkcs8(der), second_of_pkcs8(der))
        }
        PrivateKeyDer::Pkcs1(der) => {
            let der = der.secret_pkcs1_der();
            (RingSigner::from_pkcs1(der), rsa(RsaKey::from_pkcs1(der)))
        }
        // ring reads no SEC1, so it is given the same key as PKCS#8.
        PrivateKeyDer::Sec1(der) => match rust_crypto::ecdsa_from_sec1(der.secret_sec1_der()) {
            Some((signer, pkcs8)) => (RingSigner::from_pkcs8(&pkcs8), Second::Ecdsa(signer)),
            None => (None, Second::None),
        },
        _ => return Err(CryptoError::KeyRejected("it is in none of the forms PKCS#8, PKCS#1 and SEC1")),
    };
    let (algorithm, spki) = match (&ring, &second) {
        (Some(ring), _) => (ring.algorithm(), spki::encode(ring.algorithm(), ring.public_key())),
        (None, Second::Rsa(key)) => (KeyAlgorithm::Rsa, spki::encode(KeyAlgorithm::Rsa, &key.public_key())),
        (None, Second::Ecdsa(key)) => (key.algorithm(), spki::encode(key.algorithm(), &key.public_key())),
        (None, Second::None) => {
            return Err(CryptoError::KeyRejected(
                "it is neither RSA of a usable length (up to 8192 bits), ECDSA (P-256, P-384, P-521) nor Ed25519",
            ));
        }
    };
    let mut schemes = ring.as_ref().map(RingSigner::schemes).unwrap_or_default().to_vec();
    let more = match &second {
        Second::Rsa(key) => key.schemes(),
        Second::Ecdsa(key) => key.schemes(),
        Second::None => &[],
    };
    for scheme in more {
        if !schemes.contains(scheme) {
            schemes.push(*scheme);
        }
    }
    Ok(Arc::new(LoadedKey { algorithm, spki: spki.into(), schemes, ring, second }))
}

fn second_of_pkcs8(der: &[u8]) -> Second {
    match RsaKey::from_pkcs8(der) {
        Some(key) => Second::Rsa(Box::new(key)),
        None => rust_crypto::ecdsa_from_pkcs8(der).map_or(Second::None, Second::Ecdsa),
    }
}

fn rsa(key: Option<RsaKey>) -> Second {
    key.map_or(Second::None, |key| Second::Rsa(Box::new(key)))
}
