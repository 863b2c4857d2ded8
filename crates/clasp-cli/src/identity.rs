//! Who we are, by the files that the options name; and the keys of others (RFC 7250).

use std::path::{Path, PathBuf};

use clasp::Identity;
use clasp::cert::pki_types::SubjectPublicKeyInfoDer;
use clasp::cert::pki_types::pem::PemObject as _;
use clasp::cert::{LoadError, Pin, PublicKey, SctList};
use zeroize::Zeroizing;

use crate::args::Shared;
use crate::failure::Failure;

/// What the options name.
pub(crate) struct Named<'a> {
    pub(crate) certs: &'a [PathBuf],
    /// In the order of `certs`.
    pub(crate) keys: &'a [PathBuf],
    /// In the order of `certs`, and perhaps fewer.
    pub(crate) scts: &'a [PathBuf],
    /// None without the feature.
    pub(crate) pkcs12: &'a [PathBuf],
    /// Whether keys are shown without their certificates too.
    pub(crate) raw_key: bool,
}

/// Reads all that is named, each key once with its certificate and once without, as far as that is asked for.
pub(crate) fn read(shared: &Shared, named: &Named<'_>) -> Result<Vec<Identity>, Failure> {
    let Named { certs, keys, scts, pkcs12, raw_key } = *named;
    if raw_key && keys.is_empty() && pkcs12.is_empty() {
        return Err(Failure::usage(if cfg!(feature = "pkcs12") {
            "--raw-key needs a key to show: add --key or --pkcs12"
        } else {
            "--raw-key needs a key to show: add --key"
        }));
    }
    let alone = raw_key && certs.is_empty();
    if !alone && certs.len() != keys.len() {
        return Err(Failure::usage(if certs.is_empty() {
            "--key needs its certificate: add --cert, or --raw-key to show the key without one"
        } else {
            "every --cert needs a --key, in the same order"
        }));
    }
    let password = password(shared)?;
    if password.is_some() && keys.is_empty() && pkcs12.is_empty() {
        return Err(Failure::usage("there is a password, and nothing that it could open: add --key or --pkcs12"));
    }
    let password = password.as_ref().map(|password| password.as_slice());
    let mut identities = Vec::new();
    if scts.len() > certs.len() {
        return Err(Failure::usage("every --sct needs a --cert, in the same order"));
    }
    let mut scts = scts.iter();
    for (cert, key) in certs.iter().zip(keys) {
        let identity = pem(cert, key, password)?;
        let timestamps = scts.next().map(|path| sct_list(path)).transpose()?.flatten();
        identities.push(match timestamps {
            Some(list) => identity.with_sct_list(list),
            None => identity,
        });
    }
    #[cfg(feature = "pkcs12")]
    for path in pkcs12 {
        identities.push(out_of_pkcs12(path, password)?);
    }
    if raw_key {
        // Whoever takes a key without a certificate has a list of keys, and mostly no authorities.
        let raw: Result<Vec<_>, _> =
            identities.iter().map(|identity| Identity::raw_public_key(identity.shared_key())).collect();
        let mut all = raw.map_err(Failure::usage)?;
        for key in if alone { keys } else { &[] } {
            all.push(key_alone(key, password)?);
        }
        all.append(&mut identities);
        return Ok(all);
    }
    Ok(identities)
}

/// The password of all the keys, if the options name one. It is never on the command line itself, which others can see.
#[cfg(feature = "encrypted-keys")]
fn password(shared: &Shared) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    if let Some(path) = &shared.key_password_file {
        let text = std::fs::read(path)
            .map(Zeroizing::new)
            .map_err(|error| Failure::usage(format!("the password in {} cannot be read: {error}", path.display())))?;
        let line = text.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        return Ok(Some(Zeroizing::new(line.to_vec())));
    }
    let Some(name) = &shared.key_password_env else { return Ok(None) };
    match std::env::var_os(name) {
        Some(value) => Ok(Some(Zeroizing::new(value.into_encoded_bytes()))),
        None => Err(Failure::usage(format!("--key-password-env {name}: there is no such environment variable"))),
    }
}

#[cfg(not(feature = "encrypted-keys"))]
#[allow(clippy::unnecessary_wraps, reason = "with the feature it can fail")]
fn password(_: &Shared) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    Ok(None)
}

fn pem(cert: &Path, key: &Path, password: Option<&[u8]>) -> Result<Identity, Failure> {
    match password {
        #[cfg(feature = "encrypted-keys")]
        Some(password) => Identity::from_pem_files_with_password(cert, key, password),
        _ => Identity::from_pem_files(cert, key),
    }
    .map_err(unusable)
}

/// The timestamps in a file; none in an empty one.
fn sct_list(path: &Path) -> Result<Option<SctList>, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure::usage(format!("the timestamps in {}: {why}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| wrong(&error))?;
    let list = (!bytes.is_empty()).then(|| SctList::from_bytes(&bytes));
    list.transpose().map_err(|error| wrong(&error))
}

fn key_alone(key: &Path, password: Option<&[u8]>) -> Result<Identity, Failure> {
    match password {
        #[cfg(feature = "encrypted-keys")]
        Some(password) => Identity::raw_public_key_from_pem_file_with_password(key, password),
        _ => Identity::raw_public_key_from_pem_file(key),
    }
    .map_err(unusable)
}

#[cfg(feature = "pkcs12")]
fn out_of_pkcs12(path: &Path, password: Option<&[u8]>) -> Result<Identity, Failure> {
    // One that is under none is under the empty one.
    let text = std::str::from_utf8(password.unwrap_or_default())
        .map_err(|_| Failure::usage("the password is not in UTF-8, as that of a PKCS#12 file has to be"))?;
    Identity::from_pkcs12_file(path, text).map_err(|error| match error {
        LoadError::WrongPassword { source_name } if password.is_none() => Failure::usage(format!(
            "{source_name} is under a password; put it into a file and add --key-password-file, or into an environment \
             variable and add --key-password-env"
        )),
        other => unusable(other),
    })
}

fn unusable(error: LoadError) -> Failure {
    match error {
        #[cfg(feature = "encrypted-keys")]
        LoadError::EncryptedKey { source_name } => Failure::usage(format!(
            "the private key in {source_name} is encrypted; put its password into a file and add --key-password-file, or into \
             an environment variable and add --key-password-env"
        )),
        other => Failure::usage(other),
    }
}

/// The hash of a public key in a file, PEM or DER.
pub(crate) fn pin_of_public_key(option: &str, path: &Path) -> Result<Pin, Failure> {
    let file = path.display();
    let text = std::fs::read(path).map_err(|error| {
        Failure::usage(format!("{option} {file}: it is no sha256:HEX, and no file to read: {error}"))
    })?;
    let der = match SubjectPublicKeyInfoDer::from_pem_slice(&text) {
        Ok(der) => der,
        Err(_) => SubjectPublicKeyInfoDer::from(text),
    };
    let key = PublicKey::from_raw_public_key(&der).map_err(|_| {
        Failure::usage(format!(
            "{option} {file}: there is no public key in it, PEM (\"-----BEGIN PUBLIC KEY-----\") or DER; get it from a private \
             key by: openssl pkey -in key.pem -pubout -out public.pem, or from a certificate by: openssl x509 -in cert.pem \
             -noout -pubkey -out public.pem"
        ))
    })?;
    Pin::of_public_key(&key).map_err(Failure::usage)
}
