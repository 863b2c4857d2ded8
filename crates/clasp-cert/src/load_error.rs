//! What can be wrong with the files and values a configuration names (RFC 7468, RFC 5280).

use core::fmt;
use std::path::{Path, PathBuf};

use clasp_crypto::CryptoError;

/// Where certificates or a key were read from, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// Memory the caller handed over; the text says what it was for.
    Memory(&'static str),
}

impl Source {
    pub(crate) fn file(path: &Path) -> Self {
        Self::File(path.to_path_buf())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Memory(what) => f.write_str(what),
        }
    }
}

/// Certificates, a key, trusted roots or revocation lists of our own cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {source_name}: {error}")]
    Io {
        /// Which file.
        source_name: Source,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
    /// The file holds PEM that cannot be read (RFC 7468).
    #[error("{source_name} is not readable as PEM: {reason}")]
    Pem {
        /// Which file.
        source_name: Source,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no certificate.
    #[error("no certificate in {source_name}; expected \"-----BEGIN CERTIFICATE-----\" or DER")]
    NoCertificate {
        /// Which file.
        source_name: Source,
    },
    /// There is no private key.
    #[error(
        "no private key in {source_name}; expected \"-----BEGIN PRIVATE KEY-----\", \"RSA PRIVATE \
         KEY\" or \"EC PRIVATE KEY\", or one of these as DER"
    )]
    NoPrivateKey {
        /// Which file.
        source_name: Source,
    },
    /// There is no certificate revocation list.
    #[error("no revocation list in {source_name}; expected \"-----BEGIN X509 CRL-----\" or DER")]
    NoRevocationList {
        /// Which file.
        source_name: Source,
    },
    /// The private key is under a password, and none was given (RFC 5958, section 3).
    #[error(
        "the private key in {source_name} is encrypted; give its password \
         (Identity::from_pem_files_with_password, with the feature encrypted-keys), or decrypt it: \
         openssl pkey -in encrypted.pem -out key.pem"
    )]
    EncryptedKey {
        /// Which file.
        source_name: Source,
    },
    /// The private key is under a password in OpenSSL's older way, `Proc-Type: 4,ENCRYPTED`, in which
    /// one round of MD5 makes a password the key (RFC 1421, section 4.6.1.1). No password opens it here.
    #[error(
        "the private key in {source_name} is encrypted in OpenSSL's old way (Proc-Type: 4,ENCRYPTED), \
         which is not supported; convert it: \
         openssl pkcs8 -topk8 -v2 aes-256-cbc -in old.pem -out key.pem"
    )]
    OldEncryptedKey {
        /// Which file.
        source_name: Source,
    },
    /// The password does not open the private key or the PKCS#12 file.
    #[error("the password given does not open {source_name}; or its encrypted part is damaged")]
    WrongPassword {
        /// Which file.
        source_name: Source,
    },
    /// The private key or the PKCS#12 file is encrypted in a way that is not supported.
    #[error("{source_name} is encrypted in a way that is not supported ({reason}); {advice}")]
    Encryption {
        /// Which file.
        source_name: Source,
        /// What is not supported.
        reason: String,
        /// What to do.
        advice: &'static str,
    },
    /// The file is not a PKCS#12 one (RFC 7292).
    #[error(
        "{source_name} is not readable as PKCS#12: {reason}; one is made by: \
         openssl pkcs12 -export -in chain.pem -inkey key.pem -out identity.p12"
    )]
    Pkcs12 {
        /// Which file.
        source_name: Source,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate is not what RFC 5280 describes.
    #[error("certificate {number} in {source_name} cannot be used: {reason}")]
    Certificate {
        /// Which file.
        source_name: Source,
        /// Its place in the file; the first is 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A revocation list is not what RFC 5280 describes.
    #[error("the revocation list in {source_name} cannot be used: {reason}")]
    RevocationList {
        /// Which file.
        source_name: Source,
        /// What is wrong with it.
        reason: String,
    },
    /// The provider does not take the private key.
    #[error("the private key in {source_name} cannot be used: {error}")]
    Key {
        /// Which file.
        source_name: Source,
        /// The provider's reason.
        #[source]
        error: CryptoError,
    },
    /// The private key is not that of the chain's first certificate.
    #[error("the key does not fit the certificate of {subject}{hint}")]
    KeyMismatch {
        /// Whose certificate it is.
        subject: Box<str>,
        /// What to do, where it is known.
        hint: Box<str>,
    },
    /// A private key does not tell its public half, which a raw public key is (RFC 7250).
    #[error("the private key does not tell its public half: let PrivateKey::public_key give it")]
    NoPublicKey,
    /// Not one trusted root was given or found.
    #[error("no trusted root certificate{detail}; without one no certificate can be verified")]
    NoRoots {
        /// Where they were looked for.
        detail: Box<str>,
    },
    /// A pin is not the SHA-256 of a SubjectPublicKeyInfo.
    #[error("{text:?} is not a pin; expected sha256: and 64 hexadecimal digits, or sha256// and base64")]
    Pin {
        /// What was given.
        text: Box<str>,
    },
    /// No pin was given.
    #[error("no pin given; without one every server is refused")]
    NoPins,
    /// The provider lacks something a verifier needs.
    #[error("the provider has no {missing}")]
    Provider {
        /// What it lacks.
        missing: &'static str,
    },
}
