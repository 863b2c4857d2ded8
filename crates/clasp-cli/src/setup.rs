//! From options to configurations.

use std::path::Path;
use std::sync::Arc;

use clap::ValueEnum as _;
use clasp::cert::{ClientVerifier, DangerousAcceptAnyServer, Pin, PinnedServerVerifier, WebPkiClientVerifier};
use clasp::crypto::HashAlgorithm;
use clasp::handshake::KeyExchange;
use clasp::wire::{CipherSuite, NamedGroup, ProtocolVersion};
use clasp::{
    ClientAuth, ClientConfig, ClientConfigBuilder, ExternalPsk, KeyLog, KeyLogFile, Policy, RawPublicKeyVerifier,
    Renegotiation, RootStore, ServerConfig,
};
use zeroize::Zeroizing;

use crate::args::{ClientAuthMode, ConnectArgs, PolicyName, RenegotiationMode, ServeArgs, Shared};
use crate::failure::Failure;
use crate::identity::{self, Named};
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

/// Whether a hello has what looks like another, encrypted one in it (RFC 9849 6.2).
pub(crate) fn offers_grease_ech(args: &ConnectArgs) -> bool {
    let offers_tls13 = |policy: Policy| {
        policy.versions().collect::<Vec<_>>().contains(&ProtocolVersion::TLS_1_3)
            && policy.suites().iter().any(|suite| suite.key_exchange == KeyExchange::Tls13)
    };
    args.grease_ech && policy(&args.shared).is_ok_and(offers_tls13)
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
    #[cfg(feature = "pkcs12")]
    let pkcs12 = args.pkcs12.as_slice();
    #[cfg(not(feature = "pkcs12"))]
    let pkcs12 = &[];
    let named =
        Named { certs: args.cert.as_slice(), keys: args.key.as_slice(), scts: &[], pkcs12, raw_key: args.raw_key };
    for identity in identity::read(&args.shared, &named)? {
        builder = builder.identity(identity);
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
        .grease_ech(args.grease_ech)
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
    #[cfg(feature = "ech")]
    if let Some(given) = &args.ech {
        builder = crate::ech::configure(builder, given)?;
    }
    builder.alpn(&args.shared.alpn).and_then(ClientConfigBuilder::build).map_err(Failure::usage)
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
    if !args.server_raw_key.is_empty() {
        return Ok(builder.verifier(Arc::new(raw_keys("--server-raw-key", &args.server_raw_key)?)));
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
    #[cfg(feature = "pkcs12")]
    let pkcs12 = args.pkcs12.as_slice();
    #[cfg(not(feature = "pkcs12"))]
    let pkcs12 = &[];
    let named = Named { certs: &args.cert, keys: &args.key, scts: &args.sct, pkcs12, raw_key: args.raw_key };
    let identities = identity::read(&args.shared, &named)?;
    if identities.is_empty() && args.shared.psk.is_none() {
        let pkcs12 = if cfg!(feature = "pkcs12") { " (or --pkcs12)" } else { "" };
        return Err(Failure::usage(format!(
            "a server has to show who it is: give --cert and --key{pkcs12}, or --raw-key and --key; or a key that both sides \
             have, with --psk and --psk-identity. The README of clasp-cli says how to make a certificate to try with"
        )));
    }
    let mut builder = ServerConfig::builder(policy(&args.shared)?).client_auth(client_auth(args)?);
    #[cfg(feature = "ech")]
    {
        builder = builder.ech_keys(crate::ech_key::read(&args.ech_key, &identities)?);
    }
    for identity in identities {
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
    let raw_keys =
        if args.client_raw_key.is_empty() { None } else { Some(raw_keys("--client-raw-key", &args.client_raw_key)?) };
    let verifier: Arc<dyn ClientVerifier> = match (raw_keys, &args.client_ca) {
        (Some(_), _) if matches!(args.client_auth, Some(ClientAuthMode::OnPath(_))) => {
            return Err(Failure::usage(
                "--client-auth on-path needs --client-ca: that a key without a certificate is taken is said in the handshake, \
                 before the path is known; use --client-auth request",
            ));
        }
        (Some(raw_keys), _) => Arc::new(raw_keys),
        (None, Some(path)) => Arc::new(client_verifier(args, path)?),
        (None, None) => {
            return match args.client_auth {
                None | Some(ClientAuthMode::None) => Ok(ClientAuth::None),
                Some(_) => Err(Failure::usage(
                    "--client-auth needs --client-ca, who issues the clients' certificates, or --client-raw-key, which keys \
                     are taken without one",
                )),
            };
        }
    };
    Ok(match args.client_auth {
        Some(ClientAuthMode::None | ClientAuthMode::OnPath(_)) => ClientAuth::None,
        Some(ClientAuthMode::Request) => ClientAuth::Request(verifier),
        Some(ClientAuthMode::Require) | None => ClientAuth::Require(verifier),
    })
}

/// Accepts the keys that these values of an option name.
fn raw_keys(option: &str, given: &[String]) -> Result<RawPublicKeyVerifier, Failure> {
    let pins: Vec<Pin> = given
        .iter()
        .map(|text| {
            if text.starts_with("sha256:") || text.starts_with("sha256//") {
                text.parse().map_err(|error| Failure::usage(format!("{option} {text}: {error}")))
            } else {
                identity::pin_of_public_key(option, Path::new(text))
            }
        })
        .collect::<Result<_, _>>()?;
    RawPublicKeyVerifier::new(pins).map_err(Failure::usage)
}
