//! Configurations as the flags want them.

use std::sync::Arc;
use std::time::Duration;

use clasp::cert::pki_types::ServerName;
use clasp::cert::{Identity, MaybeReady, SctList};
use clasp::crypto::HashAlgorithm;
use clasp::handshake::{AntiReplay, ReplayMemory};
use clasp::wire::{CertificateType, NamedGroup, SignatureScheme};
use clasp::{
    ClientAuth, ClientConfig, ConfigError, Connection, EchKey, EchKeyError, ExternalPsk, Limits, OpenedTicket, Policy,
    ServerConfig, TicketKeys, TicketSealer,
};

use crate::Failure;
use crate::callbacks::{
    Accepted, Candidate, ClientResolver, Key, ServerResolver, Used, Verifier, certificate_types, later,
};
use crate::compression;
use crate::flags::{Credential, CredentialKind, Flags};
use crate::lists::{hex_list, protocol_list};
use crate::policy::{PKCS1_OF_CLIENTS, known, policy};
use crate::seen::Seen;
use crate::stores::{MovedClock, Sessions};

/// What the connections of a test have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) clock: Arc<MovedClock>,
    tickets: Arc<Tickets>,
    anti_replay: Arc<Memory>,
    accepted: Arc<Accepted>,
}

impl Shared {
    pub(crate) fn new(flags: &Flags) -> Result<Self, Failure> {
        let tickets = TicketKeys::generate(clasp::crypto::default_provider())
            .map_err(|error| Failure::failed(format!("ticket keys: {error}")))?;
        let kind = if flags.server { Sessions::server } else { Sessions::client };
        Ok(Self {
            sessions: Arc::new(kind(flags.asynchronous)),
            clock: Arc::default(),
            tickets: Arc::new(Tickets { keys: tickets, flags: flags.clone() }),
            anti_replay: Arc::new(Memory {
                inner: ReplayMemory::default().with_age_tolerance(AGE_TOLERANCE),
                asynchronous: flags.asynchronous,
            }),
            accepted: Arc::default(),
        })
    }
}

/// Seals tickets as the flags of a callback want it.
#[derive(Debug)]
struct Tickets {
    keys: TicketKeys,
    flags: Flags,
}

impl TicketSealer for Tickets {
    fn seal<'a>(&'a self, session: &'a [u8], now: u64) -> MaybeReady<'a, Option<Vec<u8>>> {
        if self.flags.skip_ticket { MaybeReady::ready(None) } else { self.keys.seal(session, now) }
    }

    fn open<'a>(&'a self, ticket: &'a [u8], now: u64) -> MaybeReady<'a, Option<OpenedTicket>> {
        let renews = self.flags.renew_ticket;
        match self.keys.open(ticket, now).try_take() {
            Ok(opened) => {
                let opened = opened.map(|opened| OpenedTicket { renew: opened.renew || renews, ..opened });
                if self.flags.asynchronous { later(opened) } else { MaybeReady::ready(opened) }
            }
            Err(pending) => pending,
        }
    }

    fn lifetime(&self) -> u32 {
        self.keys.lifetime()
    }
}

#[derive(Debug)]
struct Memory {
    inner: ReplayMemory,
    asynchronous: bool,
}

impl AntiReplay for Memory {
    fn is_first_use<'a>(&'a self, ticket: &'a [u8], now: u64) -> MaybeReady<'a, bool> {
        match self.inner.is_first_use(ticket, now).try_take() {
            Ok(first) if self.asynchronous => later(first),
            Ok(first) => MaybeReady::ready(first),
            Err(pending) => pending,
        }
    }

    fn age_tolerance(&self) -> Duration {
        self.inner.age_tolerance()
    }
}

/// BoringSSL's, which counts whole seconds.
const AGE_TOLERANCE: Duration = Duration::from_millis(60_500);

/// The name by which a client that is told none keeps its sessions.
const NOBODY: &str = "nobody.test";

/// A connection, and what its callbacks have seen.
pub(crate) struct Made {
    pub(crate) connection: Connection,
    pub(crate) seen: Arc<Seen>,
    pub(crate) used: Arc<Used>,
}

/// Makes a connection.
pub(crate) fn connection(flags: &Arc<Flags>, shared: &Shared) -> Result<Made, Failure> {
    let (seen, used) = (Arc::new(Seen::default()), Arc::new(Used::default()));
    let identities = identities(flags, &used)?;
    let connection = if flags.server {
        Connection::server(server_config(flags, shared, &seen, identities)?)
    } else {
        let config = client_config(flags, shared, &seen, identities, Arc::clone(&shared.sessions))?;
        Connection::client(config, server_name(flags)?)
    };
    Ok(Made { connection, seen, used })
}

/// Whether the newest session in the store allows early data: what a client would be told that came back with it.
pub(crate) fn may_send_early_data(flags: &Flags, shared: &Shared) -> Result<bool, Failure> {
    let flags = Arc::new(Flags { asynchronous: false, enable_early_data: true, ..flags.clone() });
    let copy = Arc::new(shared.sessions.copy());
    let config = client_config(&flags, shared, &Arc::default(), Vec::new(), copy)?;
    let mut next = Connection::client(config, server_name(&flags)?);
    next.poll_now()?;
    Ok(next.early_data_room() > 0)
}

impl Flags {
    /// Whether there is a key that both have.
    pub(crate) fn has_psk(&self) -> bool {
        self.credentials.iter().any(|credential| credential.kind == CredentialKind::PreSharedKey)
    }

    /// The name of the server.
    pub(crate) fn server_name(&self) -> &str {
        self.host_name.as_deref().unwrap_or(NOBODY)
    }
}

fn server_name(flags: &Flags) -> Result<ServerName<'static>, Failure> {
    ServerName::try_from(flags.server_name().to_owned())
        .map_err(|_| Failure::Unimplemented("a server name that is none".to_owned()))
}

fn client_config(
    flags: &Arc<Flags>,
    shared: &Shared,
    seen: &Arc<Seen>,
    identities: Vec<Candidate>,
    sessions: Arc<Sessions>,
) -> Result<Arc<ClientConfig>, Failure> {
    let verifier = Verifier {
        flags: Arc::clone(flags),
        seen: Arc::clone(seen),
        authorities: Vec::new(),
        accepted: Arc::default(),
        types: accepted_types(flags),
    };
    let resolver = ClientResolver { flags: Arc::clone(flags), seen: Arc::clone(seen), identities };
    let (trace, key_log): (Arc<Seen>, Arc<Seen>) = (Arc::clone(seen), Arc::clone(seen));
    let protocols = flags.advertise_alpn.as_deref().map(protocol_list).transpose()?.unwrap_or_default();
    let policy = policy(flags)?;
    let shares = key_shares(flags, &policy);
    let mut builder = ClientConfig::builder(policy);
    for NumberedPsk { key, .. } in weak_psk(flags)?.into_iter().chain(psks(flags)?) {
        builder = builder.psk(key);
    }
    if let Some(bytes) = flags.max_send_fragment {
        builder = builder.write_record_size(record_size(bytes));
    }
    if let Some(list) = &flags.ech_config_list {
        // BoringSSL goes on without where it can use none.
        let tried = ClientConfig::builder(Policy::modern()).ech_configs(list);
        if !matches!(tried, Err(ConfigError::NoUsableEchConfig)) {
            builder = builder.ech_configs(list)?;
        }
    }
    Ok(builder
        .verifier(Arc::new(verifier))
        .identity_resolver(Arc::new(resolver))
        .session_store(sessions)
        .tickets(!flags.no_ticket)
        .clock(shared.clock.clone())
        .send_server_name(flags.host_name.is_some())
        .alpn(protocols)?
        .grease(flags.enable_grease)
        .permute_extensions(flags.permute_extensions)
        .renegotiate_when_told(flags.renegotiate_explicit)
        .grease_ech(flags.enable_ech_grease)
        .is_fallback(flags.fallback_scsv)
        .early_data(flags.enable_early_data)
        .verify_resumed(flags.reverify_on_resume)
        .certificate_compressions(&compressions(flags))
        .certificate_timestamps(flags.enable_signed_cert_timestamps)
        .limits(limits(flags))
        .trace(trace)
        .key_log(key_log)
        .key_shares(&shares)
        .build()?)
}

fn server_config(
    flags: &Arc<Flags>,
    shared: &Shared,
    seen: &Arc<Seen>,
    identities: Vec<Candidate>,
) -> Result<Arc<ServerConfig>, Failure> {
    let authorities = match flags.use_client_ca_list.as_deref() {
        None | Some("<NULL>" | "<EMPTY>") => Vec::new(),
        Some(list) => hex_list(list).ok_or_else(|| Failure::failed("-use-client-ca-list"))?,
    };
    let verifier = Arc::new(Verifier {
        flags: Arc::clone(flags),
        seen: Arc::clone(seen),
        authorities,
        accepted: Arc::clone(&shared.accepted),
        types: accepted_types(flags),
    });
    let client_auth = match (flags.require_any_client_certificate, flags.verify_peer) {
        (true, _) => ClientAuth::Require(verifier),
        (false, true) => ClientAuth::Request(verifier),
        (false, false) => ClientAuth::None,
    };
    let resolver = ServerResolver { flags: Arc::clone(flags), seen: Arc::clone(seen), identities };
    let protocols: Vec<Vec<u8>> = match flags.select_alpn.as_ref().filter(|name| !name.is_empty()) {
        Some(protocol) => vec![protocol.clone().into_bytes()],
        // A protocol nobody offers: all that are offered are refused.
        None if flags.reject_alpn => vec![b"none of these".to_vec()],
        None => Vec::new(),
    };
    let (trace, key_log): (Arc<Seen>, Arc<Seen>) = (Arc::clone(seen), Arc::clone(seen));
    let mut builder = ServerConfig::builder(policy(flags)?);
    if let Some(bytes) = flags.max_send_fragment {
        builder = builder.write_record_size(record_size(bytes));
    }
    if let Some(hint) = &flags.psk_identity {
        builder = builder.psk_hint(hint.as_bytes());
    }
    for NumberedPsk { key, .. } in weak_psk(flags)?.into_iter().chain(psks(flags)?) {
        builder = builder.psk(key);
    }
    Ok(builder
        .identity_resolver(Arc::new(resolver))
        .client_auth(client_auth)
        .session_store(shared.sessions.clone())
        .ticket_sealer(shared.tickets.clone())
        .tickets(!flags.no_ticket)
        .tickets_per_connection(if flags.no_ticket { 0 } else { 2 })
        .clock(shared.clock.clone())
        .alpn(protocols)?
        .prefer_client_order(flags.cipher.is_none() && !flags.server_preference && !flags.cnsa_202407)
        // What BoringSSL says of its own tickets.
        .early_data(if flags.enable_early_data { 14336 } else { 0 })
        .anti_replay(shared.anti_replay.clone())
        .ech_keys(ech_keys(flags)?)
        .certificate_compressions(&compressions(flags))
        .limits(limits(flags))
        .trace(trace)
        .key_log(key_log)
        .build()?)
}

/// The keys that hellos may be encrypted to.
fn ech_keys(flags: &Flags) -> Result<Vec<EchKey>, EchKeyError> {
    let pairs = flags.ech_server_configs.iter().zip(&flags.ech_server_keys).zip(&flags.ech_is_retry_config);
    pairs.map(|((config, key), is_retry)| Ok(EchKey::new(config, key)?.as_retry_config(*is_retry != 0))).collect()
}

fn accepted_types(flags: &Flags) -> Vec<CertificateType> {
    if flags.accepted_peer_cert_types.is_empty() {
        vec![CertificateType::X509]
    } else {
        certificate_types(&flags.accepted_peer_cert_types)
    }
}

fn record_size(bytes: i64) -> u16 {
    u16::try_from(bytes).unwrap_or(u16::MAX)
}

/// The groups to send shares in: the first of ours that the server is said to have; those that the flags name; or what BoringSSL
/// takes, the first post-quantum group and the first of the others.
fn key_shares(flags: &Flags, policy: &Policy) -> Vec<NamedGroup> {
    let groups = policy.groups();
    let hinted = |group: &&NamedGroup| flags.server_supported_groups_hint.contains(&group.0);
    match groups.iter().find(hinted) {
        Some(group) => vec![*group],
        None if flags.no_key_shares => Vec::new(),
        None if flags.key_shares.is_empty() => {
            let firsts = [true, false].map(|kind| groups.iter().find(|group| is_post_quantum(**group) == kind));
            groups.iter().copied().filter(|group| firsts.contains(&Some(group))).collect()
        }
        None => flags.key_shares.iter().map(|group| NamedGroup(*group)).collect(),
    }
}

fn is_post_quantum(group: NamedGroup) -> bool {
    matches!(group, NamedGroup::X25519MLKEM768 | NamedGroup::MLKEM1024)
}

/// The key of TLS 1.2 and before that both have, of no credential.
fn weak_psk(flags: &Flags) -> Result<Option<NumberedPsk>, Failure> {
    let identity = flags.psk_identity.as_deref().unwrap_or_default();
    let key = flags.psk.as_ref().map(|key| ExternalPsk::weak(identity.as_bytes(), key.as_bytes())).transpose()?;
    Ok(key.map(|key| NumberedPsk { key, number: -1 }))
}

/// A key that both have, and the number of the credential it is of.
pub(crate) struct NumberedPsk {
    pub(crate) key: ExternalPsk,
    pub(crate) number: i64,
}

/// The keys that both have, imported for each hash of TLS 1.3's suites.
pub(crate) fn psks(flags: &Flags) -> Result<Vec<NumberedPsk>, Failure> {
    let provider = clasp::crypto::default_provider();
    let mut keys = Vec::new();
    for (credential, number) in flags.credentials.iter().zip(0..) {
        if credential.kind != CredentialKind::PreSharedKey {
            continue;
        }
        let Credential { psk_key, psk_identity, psk_context, .. } = credential;
        let own = if credential.psk_sha384 { HashAlgorithm::Sha384 } else { HashAlgorithm::Sha256 };
        for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
            let key = ExternalPsk::imported_with(provider, own, psk_identity, psk_key, psk_context, hash)?;
            keys.push(NumberedPsk { key, number });
        }
    }
    Ok(keys)
}

fn compressions(flags: &Flags) -> Vec<&'static dyn clasp::handshake::CertificateCompression> {
    match (flags.install_cert_compression_algs, flags.install_one_cert_compression_alg) {
        (true, _) => compression::chosen(None),
        (false, Some(one)) => compression::chosen(Some(one)),
        (false, None) => Vec::new(),
    }
}

fn limits(flags: &Flags) -> Limits {
    let mut limits = Limits::default();
    if let Some(bytes) = flags.max_cert_list {
        limits.handshake_message = usize::try_from(bytes).unwrap_or(usize::MAX);
    }
    // The runner's refusals are the end of the connection.
    limits.refused_renegotiations = if flags.renegotiate_ignore { u8::MAX } else { 0 };
    limits.renegotiations = if flags.renegotiate_once { 1 } else { u32::MAX };
    limits.renegotiation_distance = 0;
    // BoringSSL's own bounds.
    limits.warnings = 4;
    limits.skipped_early_data = 16384;
    limits
}

fn identities(flags: &Flags, used: &Arc<Used>) -> Result<Vec<Candidate>, Failure> {
    let mut identities = Vec::new();
    // The runner's credentials come before the one outside of them, as in BoringSSL.
    for (credential, number) in flags.credentials.iter().zip(0..).chain([(&flags.default_credential, -1)]) {
        identities.extend(identity(credential, number, flags, used)?);
    }
    Ok(identities)
}

fn identity(
    credential: &Credential,
    number: i64,
    flags: &Flags,
    used: &Arc<Used>,
) -> Result<Option<Candidate>, Failure> {
    let plain = match (credential.kind, &credential.cert_file, &credential.key_file) {
        (CredentialKind::X509, Some(chain), Some(key)) => Identity::from_pem_files(chain, key)?,
        (CredentialKind::RawPublicKey, _, Some(key)) => Identity::raw_public_key_from_pem_file(key)?,
        _ => return Ok(None),
    };
    let schemes: Vec<_> = credential.signing_prefs.iter().map(|scheme| SignatureScheme(*scheme)).collect();
    known(&schemes)?;
    let of_key = |scheme| if scheme == PKCS1_OF_CLIENTS { SignatureScheme::RSA_PKCS1_SHA256 } else { scheme };
    let schemes = schemes.into_iter().map(of_key).collect();
    let key =
        Key { inner: plain.shared_key(), schemes, asynchronous: flags.asynchronous, number, used: Arc::clone(used) };
    let mut identity = if plain.is_raw_public_key() {
        Identity::raw_public_key(Arc::new(key))?
    } else {
        Identity::with_key(plain.chain().to_vec(), Arc::new(key))?
    };
    if let Some(response) = credential.ocsp_response.as_ref().filter(|_| !flags.decline_ocsp_callback) {
        identity = identity.with_ocsp_response(response.clone());
    }
    if let Some(bytes) = &credential.sct_list {
        let list = SctList::from_bytes(bytes).map_err(|error| Failure::failed(format!("{error:?}")))?;
        identity = identity.with_sct_list(list);
    }
    Ok(Some(Candidate { identity: Arc::new(identity), must_match_issuer: credential.must_match_issuer }))
}
