//! An identity out of a PKCS#12 file: chain and key in one, under one password (RFC 7292).

use std::path::Path;

use clasp_crypto::default_provider;
use p12_keystore::Pkcs12Archive;
use p12_keystore::error::Error;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::fields::Fields;
use crate::identity::Identity;
use crate::load_error::{LoadError, Source};
use crate::pem;
use crate::private_key::{PrivateKey as _, SoftwareKey};

impl Identity {
    /// Reads a PKCS#12 file, `.p12` or `.pfx`: the first private key in it, its certificate, and the
    /// certificates of those that issued it as far as they are there, but not a root's own. The key is
    /// worked by the default provider.
    ///
    /// What is read: PBES2, and for files of `openssl pkcs12 -export -legacy` and of old Windows
    /// 3DES and RC2 with SHA-1. The file's MAC is verified by the password; a file without one is taken.
    ///
    /// # Errors
    /// [`LoadError::WrongPassword`], [`LoadError::Pkcs12`] when it is none, [`LoadError::Encryption`],
    /// and what else [`Identity::from_pem`] says.
    pub fn from_pkcs12(file: &[u8], password: &str) -> Result<Self, LoadError> {
        read(file, password, &Source::Memory("the PKCS#12 file given"))
    }

    /// [`Self::from_pkcs12`], from the file of that path.
    ///
    /// # Errors
    /// Those, and [`LoadError::Io`].
    pub fn from_pkcs12_file(path: impl AsRef<Path>, password: &str) -> Result<Self, LoadError> {
        let path = path.as_ref();
        read(&pem::read(path)?, password, &Source::file(path))
    }
}

fn read(file: &[u8], password: &str, source: &Source) -> Result<Identity, LoadError> {
    let archive = Pkcs12Archive::from_pkcs12(file, password).map_err(|error| explain(&error, source))?;
    let Some(bag) = archive.keys.first() else {
        return Err(LoadError::NoPrivateKey { source_name: source.clone() });
    };
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(bag.key.as_der()));
    let key = SoftwareKey::new(&der, default_provider())
        .map_err(|error| LoadError::Key { source_name: source.clone(), error })?;
    let certificates: Vec<&[u8]> = archive.certs.iter().map(|bag| bag.cert.as_der()).collect();
    Identity::assemble(chain_of(&key, &certificates), source, std::sync::Arc::new(key))
}

/// The key's certificate, then those above it by their names. Without one for the key the first of all, so that
/// whoever reads the error sees whose it is.
fn chain_of(key: &SoftwareKey, certificates: &[&[u8]]) -> Vec<CertificateDer<'static>> {
    let own_key = key.public_key();
    let parsed: Vec<(&[u8], Fields<'_>)> =
        certificates.iter().filter_map(|der| Some((*der, Fields::parse(der).ok()?))).collect();
    let is_own = |(_, fields): &&(&[u8], Fields<'_>)| own_key.as_ref().is_some_and(|key| key.as_ref() == fields.spki);
    let Some((leaf, fields)) = parsed.iter().find(is_own).or_else(|| parsed.first()) else {
        return Vec::new();
    };
    let mut chain = vec![CertificateDer::from(leaf.to_vec())];
    let mut last = fields;
    while last.issuer != last.subject {
        let above = parsed.iter().find(|(der, above)| {
            above.subject == last.issuer && above.subject != above.issuer && !chain.iter().any(|seen| **seen == **der)
        });
        let Some((der, fields)) = above else { break };
        chain.push(CertificateDer::from(der.to_vec()));
        last = fields;
    }
    chain
}

fn explain(error: &Error, source: &Source) -> LoadError {
    match error {
        // By the MAC, or, in a file without one, by the padding or by what comes out.
        Error::MacError(_) | Error::UnpadError | Error::Pkcs5Error(_) | Error::InvalidPrivateKey => {
            LoadError::WrongPassword { source_name: source.clone() }
        }
        Error::UnsupportedEncryptionScheme | Error::UnsupportedMacAlgorithm | Error::InvalidParameters => {
            LoadError::Encryption {
                source_name: source.clone(),
                reason: error.to_string().to_lowercase(),
                advice: "take it apart and make it anew: openssl pkcs12 -in old.p12 -nodes -out all.pem, then \
                         openssl pkcs12 -export -in all.pem -out new.p12",
            }
        }
        other => LoadError::Pkcs12 { source_name: source.clone(), reason: other.to_string() },
    }
}
