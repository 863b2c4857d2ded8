//! `clasp ech-key`, and `--ech-key` of `clasp serve`: keys that clients encrypt their hello to (RFC 9849, RFC 9934).

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clasp::crypto::default_provider;
use clasp::{EchKey, Identity, ServerName};

use crate::args::EchKeyArgs;
use crate::failure::Failure;
use crate::output::{error_line, say};

/// Makes a key, and says what is published of it.
pub(crate) fn run(args: &EchKeyArgs) -> Result<(), Failure> {
    let config_id = match args.config_id {
        Some(config_id) => config_id,
        None => random_id()?,
    };
    let key = EchKey::generate(config_id, &args.public_name, args.maximum_name_length, EchKey::SUITES)
        .map_err(|error| Failure::usage(format!("--public-name {}: {error}", args.public_name)))?;
    let list = EchKey::config_list([&key]).map_err(Failure::usage)?;
    write_new(&args.out, key.to_pem().as_bytes())?;
    say!("ech={}", STANDARD.encode(list))
}

/// Any number will do: keys in use should have different ones (RFC 9849 4.1).
fn random_id() -> Result<u8, Failure> {
    let mut id = [0];
    default_provider().random.fill(&mut id).map_err(Failure::connection)?;
    let [id] = id;
    Ok(id)
}

/// Writes a file that is for us alone, and was not there before.
fn write_new(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let written = options.open(path).and_then(|mut file| file.write_all(content));
    written.map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                "it is there already, and a key that is published must not be lost: name another file".to_owned()
            }
            _ => error.to_string(),
        };
        Failure::usage(format!("--out {}: {why}", path.display()))
    })
}

/// The keys in these files. Clients that have another key are told the first file's.
pub(crate) fn read(files: &[PathBuf], identities: &[Identity]) -> Result<Vec<EchKey>, Failure> {
    let mut keys = Vec::new();
    for (at, path) in files.iter().enumerate() {
        let read = EchKey::from_pem_file(path).map_err(|error| {
            Failure::usage(format!(
                "--ech-key {}: {error}; clasp ech-key makes such a file: a PRIVATE KEY and an ECHCONFIG, PEM (RFC 9934)",
                path.display()
            ))
        })?;
        keys.extend(read.into_iter().map(|key| key.as_retry_config(at == 0)));
    }
    let mut ids: Vec<_> = keys.iter().map(EchKey::config_id).collect();
    ids.sort_unstable();
    if let Some([id, ..]) = ids.chunk_by(|id, next| id == next).find(|same| same.len() > 1) {
        error_line(format_args!(
            "clasp: two of --ech-key have the config id {id}: each hello that names it is tried with both"
        ));
    }
    if let Some(name) = keys.first().map(EchKey::public_name)
        && ServerName::try_from(name).is_ok_and(|name| !identities.iter().any(|identity| identity.matches_name(&name)))
    {
        error_line(format_args!(
            "clasp: no --cert is for {name}, the public name of the first --ech-key: clients with an older key cannot be told \
             of it"
        ));
    }
    Ok(keys)
}
