//! ECH keys in files: a private key and what is published of it, as PEM (RFC 9934).

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clasp_crypto::HpkePrivateKey;
use clasp_wire::{EchConfig, EchConfigContents, HpkeKem};
use rustls_pki_types::pem::{Error as PemError, PemObject as _};
use rustls_pki_types::{EchConfigListBytes, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::ech::{EchKey, EchKeyError, bad_config};

/// What stands before the 32 bytes of an X25519 private key: a PKCS #8 PrivateKeyInfo of version 0 (RFC 8410 7), behind its
/// tag and length.
const PKCS8: [u8; 14] = [2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20];

/// The length of an X25519 private key, bytes.
const KEY: usize = 32;

/// How long lines are (RFC 7468 2), characters.
const LINE: usize = 64;

impl EchKey {
    /// Reads a private key and the ECHConfigList that stands behind it (RFC 9934). The list may have several configurations:
    /// there is one key for each that the private key belongs to, in their order. The others, and what else is in the text, are
    /// passed over.
    ///
    /// # Errors
    /// [`EchKeyError::BadPem`], [`EchKeyError::BadConfig`], [`EchKeyError::BadPrivateKey`]; [`EchKeyError::Mismatch`] where the
    /// private key belongs to none; [`EchKeyError::UnsupportedConfig`] for the first that it belongs to and that cannot be served. One
    /// with an extension that clients must know, and we do not, is passed over too, if it is not the only one.
    pub fn from_pem(pem: &[u8]) -> Result<Vec<Self>, EchKeyError> {
        let missing = |what: &str, error: PemError| {
            EchKeyError::BadPem(match error {
                PemError::NoItemsFound => format!("it has no {what}"),
                other => other.to_string(),
            })
        };
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|error| missing("PRIVATE KEY", error))?;
        let key = private_key(Zeroizing::new(key).secret_pkcs8_der())?;
        let list = EchConfigListBytes::from_pem_slice(pem).map_err(|error| missing("ECHCONFIG", error))?;
        let configs = EchConfig::parse_list(&Bytes::copy_from_slice(&list)).map_err(|error| bad_config(&error))?;
        let public_key = key.public_key();
        let has =
            |config: &EchConfig, what: &dyn Fn(&EchConfigContents) -> bool| config.contents.as_ref().is_some_and(what);
        let is_ours = |config: &EchConfig| {
            has(config, &|contents| contents.kem == key.kem() && contents.public_key == public_key)
        };
        let mut ours: Vec<_> = configs.into_iter().filter(is_ours).collect();
        let asks_too_much = |config: &EchConfig| has(config, &EchConfigContents::has_mandatory_extension);
        if !ours.iter().all(asks_too_much) {
            ours.retain(|config| !asks_too_much(config));
        }
        let keys = ours.into_iter().map(|config| Self::of(config, key.clone())).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(EchKeyError::Mismatch) } else { Ok(keys) }
    }

    /// [`Self::from_pem`] of a file.
    ///
    /// # Errors
    /// As there, and [`EchKeyError::File`].
    pub fn from_pem_file(path: impl AsRef<Path>) -> Result<Vec<Self>, EchKeyError> {
        let path = path.as_ref();
        let pem = std::fs::read(path)
            .map(Zeroizing::new)
            .map_err(|error| EchKeyError::File { path: path.display().to_string(), reason: error.to_string() })?;
        Self::from_pem(&pem)
    }

    /// What [`Self::from_pem`] reads: the private key, and an ECHConfigList of its configuration alone.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let mut der = Zeroizing::new(Vec::with_capacity(2 + PKCS8.len() + KEY));
        der.extend_from_slice(&[0x30, 0x2e]);
        der.extend_from_slice(&PKCS8);
        der.extend_from_slice(self.private_key.as_bytes());
        let list = EchConfig::encode_list(std::slice::from_ref(&self.config));
        // Room for all of it: what grows leaves copies behind.
        let mut out = Zeroizing::new(String::with_capacity(256 + 2 * list.len()));
        section(&mut out, "PRIVATE KEY", &der);
        section(&mut out, "ECHCONFIG", &list);
        out
    }
}

/// The key in a PKCS #8 structure (RFC 5208 5, RFC 8410 7). What may stand behind it is passed over.
fn private_key(der: &[u8]) -> Result<HpkePrivateKey, EchKeyError> {
    let refused = EchKeyError::BadPrivateKey("it is no PKCS #8 structure of an X25519 key");
    let [0x30, length @ 0..0x80, body @ ..] = der else { return Err(refused) };
    let of_version_1 = [&[2, 1, 1], &PKCS8[3..]].concat();
    let key = body.strip_prefix(&PKCS8[..]).or_else(|| body.strip_prefix(&of_version_1[..]));
    match key.and_then(|key| key.get(..KEY)) {
        Some(key) if body.len() == usize::from(*length) => {
            Ok(HpkePrivateKey::from_bytes(HpkeKem::DHKEM_X25519_HKDF_SHA256, key)?)
        }
        _ => Err(refused),
    }
}

/// A section of PEM (RFC 7468).
fn section(out: &mut String, label: &str, der: &[u8]) {
    out.extend(["-----BEGIN ", label, "-----\n"]);
    // Four characters for three bytes.
    for line in der.chunks(LINE / 4 * 3) {
        STANDARD.encode_string(line, out);
        out.push('\n');
    }
    out.extend(["-----END ", label, "-----\n"]);
}
