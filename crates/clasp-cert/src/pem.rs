//! Certificates, keys and revocation lists out of PEM (RFC 7468) or DER files.

use std::path::Path;

use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::load_error::{LoadError, Source};

/// The header of a SEQUENCE: no PEM file begins so, and everything we read as DER does.
const SEQUENCE: u8 = 0x30;

/// Reads a whole file, which may hold a key.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, LoadError> {
    std::fs::read(path).map(Zeroizing::new).map_err(|error| LoadError::Io { source_name: Source::file(path), error })
}

fn unreadable(source: &Source, error: &PemError) -> LoadError {
    let reason = match error {
        PemError::MissingSectionEnd { end_marker } => {
            format!("the line \"-----END {}-----\" is missing", String::from_utf8_lossy(end_marker))
        }
        PemError::IllegalSectionStart { .. } => "a \"-----BEGIN\" line is not well formed".into(),
        PemError::Base64Decode(_) => "its base64 is damaged".into(),
        other => other.to_string(),
    };
    LoadError::Pem { source_name: source.clone(), reason }
}

/// All objects of one kind in a PEM text, in their order.
fn all<T: PemObject>(text: &[u8], source: &Source) -> Result<Vec<T>, LoadError> {
    T::pem_slice_iter(text).map(|object| object.map_err(|error| unreadable(source, &error))).collect()
}

/// All certificates, at least one.
pub(crate) fn certificates(text: &[u8], source: &Source) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    let found =
        if text.first() == Some(&SEQUENCE) { vec![CertificateDer::from(text.to_vec())] } else { all(text, source)? };
    if found.is_empty() {
        return Err(LoadError::NoCertificate { source_name: source.clone() });
    }
    Ok(found)
}

/// All revocation lists, at least one.
pub(crate) fn revocation_lists(
    text: &[u8],
    source: &Source,
) -> Result<Vec<CertificateRevocationListDer<'static>>, LoadError> {
    let found = if text.first() == Some(&SEQUENCE) {
        vec![CertificateRevocationListDer::from(text.to_vec())]
    } else {
        all(text, source)?
    };
    if found.is_empty() {
        return Err(LoadError::NoRevocationList { source_name: source.clone() });
    }
    Ok(found)
}

/// The first private key: PKCS#8, PKCS#1 or SEC 1.
pub(crate) fn private_key(text: &[u8], source: &Source) -> Result<PrivateKeyDer<'static>, LoadError> {
    let none = || LoadError::NoPrivateKey { source_name: source.clone() };
    if text.first() == Some(&SEQUENCE) {
        return PrivateKeyDer::try_from(text.to_vec()).map_err(|_| none());
    }
    if is_encrypted(text) {
        return Err(LoadError::EncryptedKey { source_name: source.clone() });
    }
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        PemError::NoItemsFound => none(),
        other => unreadable(source, &other),
    })
}

/// Whether the text's key is under a passphrase, in PKCS#8 form or in OpenSSL's older one
/// (RFC 1421, section 4.6.1.1).
fn is_encrypted(text: &[u8]) -> bool {
    let has = |line: &[u8]| text.windows(line.len()).any(|window| window == line);
    has(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || has(b"Proc-Type: 4,ENCRYPTED")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: Source = Source::Memory("test");

    fn message<T>(result: Result<T, LoadError>) -> String {
        result.err().map(|error| error.to_string()).unwrap()
    }

    #[test]
    fn nothing_to_be_found_is_said() {
        assert!(message(certificates(b"", &SOURCE)).starts_with("no certificate in test"));
        assert!(message(private_key(b"", &SOURCE)).starts_with("no private key in test"));
        assert!(message(revocation_lists(b"x", &SOURCE)).starts_with("no revocation list in test"));
    }

    #[test]
    fn damaged_text_is_said() {
        let cut = b"-----BEGIN CERTIFICATE-----\nMIIB\n";
        assert_eq!(
            message(certificates(cut, &SOURCE)),
            "test is not readable as PEM: the line \"-----END CERTIFICATE-----\" is missing"
        );
        let bent = b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
        assert!(message(certificates(bent, &SOURCE)).contains("base64 is damaged"));
        let start = b"-----BEGIN CERTIFICATE--\nMIIB\n";
        assert!(message(certificates(start, &SOURCE)).contains("not well formed"));
    }

    #[test]
    fn encrypted_keys_are_told_from_missing_ones() {
        let pkcs8 = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert!(message(private_key(pkcs8, &SOURCE)).contains("is encrypted"));
        let older = b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMIIB\n-----END RSA PRIVATE KEY-----\n";
        assert!(message(private_key(older, &SOURCE)).contains("is encrypted"));
    }

    #[test]
    fn the_file_is_named() {
        let error = message(read(Path::new("/nonexistent/chain.pem")));
        assert!(error.starts_with("cannot read /nonexistent/chain.pem: "), "{error}");
    }
}
