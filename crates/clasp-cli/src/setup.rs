//! From options to configurations.

use std::path::Path;
use std::sync::Arc;

use clap::ValueEnum as _;
#[cfg(feature = "encrypted-keys")]
use clasp::cert::LoadError;
use clasp::cert::{DangerousAcceptAnyServer, Pin, PinnedServerVerifier, SctList, WebPkiClientVerifier};
use clasp::crypto::HashAlgorithm;
use clasp::wire::{CipherSuite, NamedGroup, ProtocolVersion};
use clasp::{
    ClientAuth, ClientConfig, ClientConfigBuilder, ExternalPsk, Identity, KeyLog, KeyLogFile, Policy, Renegotiation,
    RootStore, ServerConfig,
};
use zeroize::Zeroizing;

use crate::args::{ClientAuthMode, ConnectArgs, PolicyName, RenegotiationMode, ServeArgs, Shared};
use crate::failure::Failure;
use crate::sessions::{self, FileSessions};
use crate::trace;

/// The policy that the options describe.
pub(crate) fn policy(shared: &Shared) -> Result<Policy, Failure> {
    let mut policy = named(shared.policy);
    if shared.min_version.is_some() || shared.max_version.is_some() {
        let oldest = shared.min_version.unwrap_or(ProtocolVersion::SSL_3_0);
        let newest = shared.max_version.unwrap_or(ProtocolVersion::TLS_1_3);
        policy = policy.with_versions(oldest, newest);
        if policy.versions().next().is_none() {
            let hint = match first_policy(|policy| policy.versions().any(|v| (oldest..=newest).contains(&v))) {
                Some(name) => format!("policy {name} does: add --policy {name}"),
                None => "nor does any other policy of this build".to_owned(),
            };
            return Err(Failure::usage(format!(
                "policy {} speaks no version from {oldest} to {newest}; {hint}",
                policy.name()
            )));
        }
    }
    if !shared.cipher.is_empty() {
        let missing: Vec<&CipherSuite> =
            shared.cipher.iter().filter(|id| !policy.suites().iter().any(|suite| suite.id == **id)).collect();
        if let Some(id) = missing.first() {
            let hint = match first_policy(|policy| policy.suites().iter().any(|suite| suite.id == **id)) {
                Some(name) => format!("policy {name} does: add --policy {name}"),
                None => "this build does not carry it".to_owned(),
            };
            return Err(Failure::usage(format!("policy {} does not offer {id}; {hint}", policy.name())));
        }
        policy = policy.with_cipher_suites(&shared.cipher);
    }
    if !shared.groups.is_empty() {
        let provider = clasp::crypto::default_provider();
        let missing: Vec<&NamedGroup> =
            shared.groups.iter().filter(|group| provider.group(**group).is_none()).collect();
        if let Some(group) = missing.first() {
            return Err(Failure::usage(format!("this build does not carry the group {group}")));
        }
        policy = policy.with_groups(&shared.groups);
    }
    if let Some(mode) = shared.renegotiation {
        policy = policy.with_renegotiation(match mode {
            RenegotiationMode::Never => Renegotiation::Never,
            RenegotiationMode::Secure => Renegotiation::Secure,
            RenegotiationMode::UnsafeLegacy => Renegotiation::UnsafeLegacy,
        });
    }
    Ok(policy.with_extended_master_secret(!shared.no_ems).with_encrypt_then_mac(!shared.no_etm))
}

/// A named policy.
pub(crate) fn named(name: PolicyName) -> Policy {
    match name {
        PolicyName::Modern => Policy::modern(),
        PolicyName::Compatible => Policy::compatible(),
        #[cfg(feature = "legacy")]
        PolicyName::Legacy => Policy::legacy(),
        #[cfg(feature = "insecure")]
        PolicyName::Insecure => clasp::insecure(),
    }
}

/// The policy of this build that accepts the most.
pub(crate) fn widest() -> Policy {
    named(PolicyName::value_variants().last().copied().unwrap_or(PolicyName::Compatible))
}

/// The name of the narrowest policy of this build with which something is so.
pub(crate) fn first_policy(is_so: impl Fn(&Policy) -> bool) -> Option<&'static str> {
    PolicyName::value_variants().iter().map(|name| named(*name)).find(is_so).map(|policy| policy.name())
}

fn key_log(shared: &Shared) -> Result<Option<Arc<dyn KeyLog>>, Failure> {
    let file = match &shared.keylog {
        Some(path) => Some(
            KeyLogFile::open(path)
                .map_err(|error| Failure::usage(format!("the key log {} cannot be opened: {error}", path.display())))?,
        ),
        None => KeyLogFile::from_environment()
            .map_err(|error| Failure::usage(format!("the key log of SSLKEYLOGFILE cannot be opened: {error}")))?,
    };
    Ok(file.map(|file| Arc::new(file) as Arc<dyn KeyLog>))
}

/// The key that both sides have, in a file and not on the command line, which others can see.
fn psk(shared: &Shared) -> Result<Option<ExternalPsk>, Failure> {
    let (Some(identity), Some(path)) = (&shared.psk_identity, &shared.psk) else { return Ok(None) };
    let wrong = |why: String| Failure::usage(format!("the key in {}: {why}", path.display()));
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?);
    let key = sessions::bytes(text.trim()).map(Zeroizing::new);
    let key = key.ok_or_else(|| wrong("it is not in hexadecimal".to_owned()))?;
    ExternalPsk::new(identity.as_bytes(), &key, HashAlgorithm::Sha256)
        .map(Some)
        .map_err(|error| wrong(error.to_string()))
}

/// What the options of `connect` ask for.
pub(crate) fn client(args: &ConnectArgs) -> Result<Arc<ClientConfig>, Failure> {
    let mut builder = trust(ClientConfig::builder(policy(&args.shared)?), args)?;
    if let (Some(cert), Some(key)) = (&args.cert, &args.key) {
        builder = builder.identity(identity(&args.shared, cert, key)?);
    }
    if let Some(format) = args.shared.trace {
        builder = builder.trace(trace::to_stderr(format));
    }
    if let Some(log) = key_log(&args.shared)? {
        builder = builder.key_log(log);
    }
    builder = builder.tickets(!args.shared.no_tickets).session_ids(!args.shared.no_session_ids);
    builder = builder.early_data(args.early_data.is_some()).post_handshake_auth(args.post_handshake_auth);
    builder = builder
        .certificate_timestamps(true)
        .grease(!args.no_grease)
        .certificate_compressions(&args.shared.compress_certificates);
    if let Some(psk) = psk(&args.shared)? {
        builder = builder.psk(psk);
    }
    if let Some(path) = &args.session {
        let store = FileSessions::open(path.clone());
        let store = store
            .map_err(|error| Failure::usage(format!("the sessions in {} cannot be read: {error}", path.display())))?;
        builder = builder.session_store(Arc::new(store));
    }
    builder.alpn(&args.shared.alpn).and_then(ClientConfigBuilder::build).map_err(Failure::usage)
}

/// A chain and its key, which may be under a password.
fn identity(shared: &Shared, cert: &Path, key: &Path) -> Result<Identity, Failure> {
    #[cfg(feature = "encrypted-keys")]
    if let Some(path) = &shared.key_password_file {
        let text = std::fs::read(path)
            .map(Zeroizing::new)
            .map_err(|error| Failure::usage(format!("the password in {} cannot be read: {error}", path.display())))?;
        let password = text.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        return Identity::from_pem_files_with_password(cert, key, password).map_err(Failure::usage);
    }
    let _ = shared;
    Identity::from_pem_files(cert, key).map_err(|error| match error {
        #[cfg(feature = "encrypted-keys")]
        LoadError::EncryptedKey { source_name } => Failure::usage(format!(
            "the private key in {source_name} is encrypted; put its password into a file and add --key-password-file"
        )),
        other => Failure::usage(other),
    })
}

/// The timestamps in a file; none in an empty one.
fn sct_list(path: &Path) -> Result<Option<SctList>, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure::usage(format!("the timestamps in {}: {why}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| wrong(&error))?;
    let list = (!bytes.is_empty()).then(|| SctList::from_bytes(&bytes));
    list.transpose().map_err(|error| wrong(&error))
}

fn trust(builder: ClientConfigBuilder, args: &ConnectArgs) -> Result<ClientConfigBuilder, Failure> {
    if args.dangerous_accept_any {
        return Ok(builder.verifier(Arc::new(DangerousAcceptAnyServer)));
    }
    if !args.pin.is_empty() {
        let pins: Vec<Pin> = args
            .pin
            .iter()
            .map(|text| text.parse().map_err(|error| Failure::usage(format!("--pin {text}: {error}"))))
            .collect::<Result<_, _>>()?;
        return Ok(builder.verifier(Arc::new(PinnedServerVerifier::new(pins).map_err(Failure::usage)?)));
    }
    match &args.ca {
        // Whoever has the key is who we want.
        None if args.shared.psk.is_some() => Ok(builder),
        Some(path) => {
            let mut roots = RootStore::default();
            roots.add_pem_file(path).map_err(Failure::usage)?;
            Ok(builder.roots(roots))
        }
        None => builder.system_roots().map_err(|error| {
            Failure::usage(format!("{error}; name the authorities with --ca, or the server's key with --pin"))
        }),
    }
}

/// What the options of `serve` ask for.
pub(crate) fn server(args: &ServeArgs) -> Result<Arc<ServerConfig>, Failure> {
    if args.cert.len() != args.key.len() {
        return Err(Failure::usage("every --cert needs a --key, in the same order"));
    }
    if args.sct.len() > args.cert.len() {
        return Err(Failure::usage("every --sct needs a --cert, in the same order"));
    }
    let mut builder = ServerConfig::builder(policy(&args.shared)?).client_auth(client_auth(args)?);
    let timestamps = args.sct.iter().map(Some).chain(std::iter::repeat(None));
    for ((cert, key), timestamps) in args.cert.iter().zip(&args.key).zip(timestamps) {
        let mut identity = identity(&args.shared, cert, key)?;
        if let Some(list) = timestamps.map(|path| sct_list(path)).transpose()?.flatten() {
            identity = identity.with_sct_list(list);
        }
        builder = builder.identity(identity);
    }
    if let Some(format) = args.shared.trace {
        builder = builder.trace(trace::to_stderr(format));
    }
    if let Some(log) = key_log(&args.shared)? {
        builder = builder.key_log(log);
    }
    builder = builder.early_data(args.early_data).certificate_compressions(&args.shared.compress_certificates);
    if let Some(psk) = psk(&args.shared)? {
        builder = builder.psk(psk);
    }
    if args.shared.no_tickets {
        builder = builder.tickets(false);
    }
    if args.shared.no_session_ids {
        builder = builder.session_ids(false);
    }
    builder.alpn(&args.shared.alpn).and_then(clasp::ServerConfigBuilder::build).map_err(Failure::usage)
}

/// For `on-path`: the prefix, and how the client is asked then.
pub(crate) fn on_path(args: &ServeArgs) -> Result<Option<(String, ClientAuth)>, Failure> {
    let (Some(ClientAuthMode::OnPath(prefix)), Some(path)) = (&args.client_auth, &args.client_ca) else {
        return Ok(None);
    };
    Ok(Some((prefix.clone(), ClientAuth::Require(Arc::new(client_verifier(args, path)?)))))
}

fn client_verifier(args: &ServeArgs, path: &Path) -> Result<WebPkiClientVerifier, Failure> {
    let rules = policy(&args.shared)?.certificate_rules();
    let mut roots = RootStore::default();
    roots.add_pem_file(path).map_err(Failure::usage)?;
    WebPkiClientVerifier::builder(roots).rules(rules).build().map_err(Failure::usage)
}

fn client_auth(args: &ServeArgs) -> Result<ClientAuth, Failure> {
    let Some(path) = &args.client_ca else {
        return match args.client_auth {
            None | Some(ClientAuthMode::None) => Ok(ClientAuth::None),
            Some(_) => Err(Failure::usage("--client-auth needs --client-ca: who issues the clients' certificates?")),
        };
    };
    let verifier = || client_verifier(args, path).map(Arc::new);
    Ok(match args.client_auth {
        Some(ClientAuthMode::None | ClientAuthMode::OnPath(_)) => ClientAuth::None,
        Some(ClientAuthMode::Request) => ClientAuth::Request(verifier()?),
        Some(ClientAuthMode::Require) | None => ClientAuth::Require(verifier()?),
    })
}
