//! Configurations as the flags want them.

use std::sync::Arc;

use clasp::cert::pki_types::ServerName;
use clasp::cert::{Identity, MaybeReady, SctList};
use clasp::crypto::HashAlgorithm;
use clasp::handshake::{AntiReplay, Dialect, ReplayMemory, TLS10, TLS11, TLS12, TLS13_CIPHER_SUITES};
use clasp::wire::{CertificateType, CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
use clasp::{
    ClientAuth, ClientConfig, ConfigError, Connection, EchKey, EchKeyError, ExternalPsk, Limits, OpenedTicket, Policy,
    Renegotiation, ServerConfig, TicketKeys, TicketSealer,
};

use crate::Failure;
use crate::callbacks::{
    Accepted, Candidate, ClientResolver, Key, Seen, ServerResolver, Used, Verifier, certificate_types, later,
};
use crate::compliance;
use crate::compression;
use crate::flags::{Credential, CredentialKind, Flags};
use crate::lists::{cipher_list, hex_list, protocol_list};
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
            anti_replay: Arc::new(Memory { inner: ReplayMemory::default(), asynchronous: flags.asynchronous }),
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
}

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
    if let Some(groups) = shares {
        builder = builder.key_shares(&groups);
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

/// The groups to send shares in: the first of ours that the server is said to have, or else those that the flags name.
fn key_shares(flags: &Flags, policy: &Policy) -> Option<Vec<NamedGroup>> {
    let hinted = |group: &&NamedGroup| flags.server_supported_groups_hint.contains(&group.0);
    match policy.groups().iter().find(hinted) {
        Some(group) => Some(vec![*group]),
        None if flags.no_key_shares => Some(Vec::new()),
        None if flags.key_shares.is_empty() => None,
        None => Some(flags.key_shares.iter().map(|group| NamedGroup(*group)).collect()),
    }
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

/// What BoringSSL speaks unless told otherwise is about what the policy `legacy` does.
fn policy(flags: &Flags) -> Result<Policy, Failure> {
    let mut policy = versions(flags, Policy::legacy())?;
    policy = policy.with_renegotiation(
        if flags.renegotiate_freely || flags.renegotiate_once || flags.renegotiate_explicit {
            Renegotiation::Secure
        } else {
            Renegotiation::Never
        },
    );
    policy = policy.taking_sslv2_hello(flags.server);
    let others = policy.suites().iter().map(|suite| suite.id).filter(|suite| !is_of_tls13(*suite));
    let suites: Vec<_> = USUAL_SUITES.into_iter().chain(others).collect();
    if !flags.cnsa_202407 {
        policy = policy.with_cipher_suites(&suites);
    }
    if flags.curves.is_empty() {
        policy = policy.with_groups(&USUAL_GROUPS);
    } else {
        let groups: Vec<_> = flags.curves.iter().map(|group| NamedGroup(*group)).collect();
        let provider = clasp::crypto::default_provider();
        if let Some(group) = groups.iter().find(|group| provider.group(**group).is_none()) {
            return Err(Failure::Unimplemented(format!("the group {group}")));
        }
        policy = policy.with_groups(&groups);
    }
    let signing = policy.signing_schemes().to_vec();
    let schemes: Vec<_> = if flags.verify_prefs.is_empty() {
        signing.iter().copied().filter(|scheme| !UNUSUAL.contains(scheme)).collect()
    } else {
        flags.verify_prefs.iter().map(|scheme| SignatureScheme(*scheme)).collect()
    };
    known(&schemes)?;
    policy = policy.with_signature_schemes(&schemes).with_signing_schemes(&signing);
    let prefs = || flags.credentials.iter().chain([&flags.default_credential]).flat_map(|one| &one.signing_prefs);
    if prefs().any(|scheme| *scheme == PKCS1_OF_CLIENTS.0) {
        let signing: Vec<_> = policy.signing_schemes().iter().copied().chain([PKCS1_OF_CLIENTS]).collect();
        policy = policy.with_signing_schemes(&signing);
    }
    if let Some(list) = &flags.cipher {
        // That list says nothing of TLS 1.3's suites.
        let mut suites: Vec<_> = policy
            .suites()
            .iter()
            .map(|suite| suite.id)
            .filter(|suite| is_of_tls13(*suite))
            .map(|id| vec![id])
            .collect();
        suites.extend(cipher_list(list)?);
        let suites: Vec<_> = suites.iter().map(|equal| &equal[..]).collect();
        policy = policy.with_equal_cipher_suites(&suites);
    }
    compliance::narrow(policy, flags)
}

/// Whether the suite is one of TLS 1.3.
pub(crate) fn is_of_tls13(suite: CipherSuite) -> bool {
    TLS13_CIPHER_SUITES.iter().any(|row| row.id == suite)
}

fn versions(flags: &Flags, policy: Policy) -> Result<Policy, Failure> {
    let within = |version: ProtocolVersion| {
        let code = i64::from(version.0);
        flags.min_version.is_none_or(|least| least <= code) && flags.max_version.is_none_or(|most| code <= most)
    };
    let classic: [(bool, &'static dyn Dialect); 3] =
        [(flags.no_tls12, &TLS12), (flags.no_tls11, &TLS11), (flags.no_tls1, &TLS10)];
    let classic = classic.into_iter().filter(|(refused, dialect)| !refused && within(dialect.version()));
    let mut classic = classic.map(|(_, dialect)| dialect);
    let narrowed = if !flags.no_tls13 && within(ProtocolVersion::TLS_1_3) {
        policy.with_versions(ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_3)
    } else {
        let newest = classic.next().ok_or_else(|| Failure::failed("no version is left"))?.version();
        policy.with_versions(newest, newest)
    };
    Ok(classic.fold(narrowed, Policy::and_dialect))
}

/// PKCS#1 v1.5 in TLS 1.3, which a client's key does not know by this name.
const PKCS1_OF_CLIENTS: SignatureScheme = SignatureScheme::RSA_PKCS1_SHA256_LEGACY;

/// What BoringSSL does not verify unless told to, but signs with.
const UNUSUAL: [SignatureScheme; 2] = [SignatureScheme::ECDSA_SECP521R1_SHA512, SignatureScheme::ED25519];

/// TLS 1.3's suites in the order of BoringSSL's.
const USUAL_SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
    CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
];

/// The groups that BoringSSL has unless told others.
const USUAL_GROUPS: [NamedGroup; 3] = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];

/// Clasp has these schemes.
fn known(schemes: &[SignatureScheme]) -> Result<(), Failure> {
    let policy = Policy::legacy();
    let known = |scheme| policy.signature_schemes().contains(scheme) || *scheme == PKCS1_OF_CLIENTS;
    match schemes.iter().find(|scheme| !known(scheme)) {
        Some(scheme) => Err(Failure::Unimplemented(format!("the signature scheme {scheme}"))),
        None => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(flags: &Flags) -> Vec<u16> {
        policy(flags).unwrap().versions().map(|version| version.0).collect()
    }

    #[test]
    fn versions_may_have_gaps() {
        assert_eq!(spoken(&Flags::default()), [0x304, 0x303, 0x302, 0x301]);
        assert_eq!(spoken(&Flags { no_tls12: true, ..Flags::default() }), [0x304, 0x302, 0x301]);
        assert_eq!(spoken(&Flags { no_tls13: true, no_tls11: true, ..Flags::default() }), [0x303, 0x301]);
        assert_eq!(spoken(&Flags { max_version: Some(0x302), min_version: Some(0x302), ..Flags::default() }), [0x302]);
        assert!(policy(&Flags { min_version: Some(0x305), ..Flags::default() }).is_err());
    }
}
