//! Certificates, keys and revocation lists out of PEM (RFC 7468) or DER files.

use std::path::Path;

use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use crate::encrypted;
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

/// The first private key: PKCS#8, PKCS#1 or SEC 1. The password is for one that is encrypted.
pub(crate) fn private_key(
    text: &[u8],
    source: &Source,
    password: Option<&[u8]>,
) -> Result<Zeroizing<PrivateKeyDer<'static>>, LoadError> {
    let none = || LoadError::NoPrivateKey { source_name: source.clone() };
    if text.first() == Some(&SEQUENCE) {
        return match PrivateKeyDer::try_from(text.to_vec()) {
            Ok(key) => Ok(Zeroizing::new(key)),
            Err(_) if encrypted::is_encrypted(text) => open(text, source, password),
            Err(_) => Err(none()),
        };
    }
    if find(text, OLD_ENCRYPTION).is_some() {
        return Err(LoadError::OldEncryptedKey { source_name: source.clone() });
    }
    if let Some(section) = encrypted_section(text) {
        // pki-types knows no encrypted keys. Whatever is within, what it wants to see is the label only.
        let relabelled = [BEGIN_PLAIN, section, END_PLAIN].concat();
        let der = PrivatePkcs8KeyDer::from_pem_slice(&relabelled).map_err(|error| unreadable(source, &error))?;
        return open(der.secret_pkcs8_der(), source, password);
    }
    PrivateKeyDer::from_pem_slice(text).map(Zeroizing::new).map_err(|error| match error {
        PemError::NoItemsFound => none(),
        other => unreadable(source, &other),
    })
}

fn open(der: &[u8], source: &Source, password: Option<&[u8]>) -> Result<Zeroizing<PrivateKeyDer<'static>>, LoadError> {
    match password {
        Some(password) => encrypted::open(der, source, password),
        None => Err(LoadError::EncryptedKey { source_name: source.clone() }),
    }
}

/// The header of a key under a password in OpenSSL's older form (RFC 1421, section 4.6.1.1).
const OLD_ENCRYPTION: &[u8] = b"Proc-Type: 4,ENCRYPTED";
const BEGIN_ENCRYPTED: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";
const END_ENCRYPTED: &[u8] = b"-----END ENCRYPTED PRIVATE KEY-----";
const BEGIN_PLAIN: &[u8] = b"-----BEGIN PRIVATE KEY-----";
const END_PLAIN: &[u8] = b"-----END PRIVATE KEY-----\n";

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// What lies between the lines of the first encrypted key; to the end of the text if its last line is missing.
fn encrypted_section(text: &[u8]) -> Option<&[u8]> {
    let (_, section) = text.split_at_checked(find(text, BEGIN_ENCRYPTED)? + BEGIN_ENCRYPTED.len())?;
    Some(find(section, END_ENCRYPTED).and_then(|end| section.get(..end)).unwrap_or(section))
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
        assert!(message(private_key(b"", &SOURCE, None)).starts_with("no private key in test"));
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
        assert!(message(private_key(pkcs8, &SOURCE, None)).contains("is encrypted; give its password"));
        let older = b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMIIB\n-----END RSA PRIVATE KEY-----\n";
        for password in [None, Some(&b"clasp"[..])] {
            let said = message(private_key(older, &SOURCE, password));
            assert!(said.contains("convert it: openssl pkcs8 -topk8"), "{said}");
        }
    }

    #[test]
    fn the_file_is_named() {
        let error = message(read(Path::new("/nonexistent/chain.pem")));
        assert!(error.starts_with("cannot read /nonexistent/chain.pem: "), "{error}");
    }
}
