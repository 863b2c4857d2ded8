//! Private keys under a password: EncryptedPrivateKeyInfo (RFC 5958, section 3) with PBES2 (RFC 8018, section 6.2).

use rustls_pki_types::PrivateKeyDer;
use zeroize::Zeroizing;

use crate::load_error::{LoadError, Source};

#[cfg(feature = "encrypted-keys")]
mod reading {
    use pkcs8::EncryptedPrivateKeyInfoRef;
    use pkcs8::pkcs5::pbes2::Kdf;
    use pkcs8::pkcs5::{EncryptionScheme, Error};
    use rustls_pki_types::PrivatePkcs8KeyDer;

    use super::{LoadError, PrivateKeyDer, Source, Zeroizing};

    /// Rounds of PBKDF2 that are still worked: seconds. A file may ask for years.
    const MOST_ROUNDS: u32 = 20_000_000;
    /// Memory that scrypt may ask for, bytes: 128 times cost and block size (RFC 7914, section 2).
    const MOST_MEMORY: u64 = 512 << 20;
    /// How often scrypt may go over that memory.
    const MOST_PASSES: u16 = 16;

    pub(crate) fn is_encrypted(der: &[u8]) -> bool {
        EncryptedPrivateKeyInfoRef::try_from(der).is_ok()
    }

    pub(crate) fn open(
        der: &[u8],
        source: &Source,
        password: &[u8],
    ) -> Result<Zeroizing<PrivateKeyDer<'static>>, LoadError> {
        let unsupported = |reason: String| LoadError::Encryption {
            source_name: source.clone(),
            reason,
            advice: "encrypt it anew: openssl pkcs8 -topk8 -v2 aes-256-cbc -in old.pem -out key.pem",
        };
        let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|error| unsupported(error.to_string()))?;
        let EncryptionScheme::Pbes2(parameters) = &info.encryption_algorithm else {
            return Err(unsupported("PBES1, of before 1999".into()));
        };
        if !is_bounded(&parameters.kdf) {
            return Err(unsupported("it asks for more work or memory than any tool does by itself".into()));
        }
        match info.decrypt(password) {
            Ok(key) => Ok(Zeroizing::new(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec())))),
            Err(pkcs8::Error::EncryptedPrivateKey(
                error @ (Error::UnsupportedAlgorithm { .. } | Error::AlgorithmParametersInvalid { .. }),
            )) => Err(unsupported(error.to_string())),
            // A wrong password shows by the padding, or by what comes out being no key.
            Err(_) => Err(LoadError::WrongPassword { source_name: source.clone() }),
        }
    }

    fn is_bounded(kdf: &Kdf) -> bool {
        match kdf {
            Kdf::Pbkdf2(parameters) => parameters.iteration_count <= MOST_ROUNDS,
            Kdf::Scrypt(parameters) => {
                let memory = parameters.cost_parameter.checked_mul(128 * u64::from(parameters.block_size));
                memory.is_some_and(|bytes| bytes <= MOST_MEMORY) && parameters.parallelization <= MOST_PASSES
            }
            _ => false,
        }
    }
}

#[cfg(feature = "encrypted-keys")]
pub(crate) use reading::{is_encrypted, open};

/// Without the feature a DER file of this kind is no key at all.
#[cfg(not(feature = "encrypted-keys"))]
pub(crate) fn is_encrypted(_: &[u8]) -> bool {
    false
}

/// Without the feature no password helps.
#[cfg(not(feature = "encrypted-keys"))]
pub(crate) fn open(_: &[u8], source: &Source, _: &[u8]) -> Result<Zeroizing<PrivateKeyDer<'static>>, LoadError> {
    Err(LoadError::EncryptedKey { source_name: source.clone() })
}
