//! The server's configuration.

use std::sync::Arc;

use bytes::Bytes;
use clasp_cert::{ClientVerifier, Identity};
use clasp_crypto::{Provider, default_provider};
use clasp_record::RecordPadding;

use super::{Clock, FixedIdentities, IdentityResolver, Limits, SystemClock, alpn_names, fit, record_size};
#[cfg(feature = "ech")]
use super::{ech::EchKey, reload::ReloadableEchKeys};
use crate::compression::{CertificateCompression, Compressions};
use crate::error::ConfigError;
use crate::key_log::KeyLog;
use crate::policy::Policy;
use crate::psk::ExternalPsk;
use crate::resumption::{
    AntiReplay, MemorySessions, ReplayMemory, ServerResumption, SessionStore, TicketKeys, TicketSealer,
};
use crate::trace::Trace;

/// Whether a server asks for the client's certificate (RFC 5246 7.4.4).
#[derive(Clone, Debug, Default)]
pub enum ClientAuth {
    /// It does not ask.
    #[default]
    None,
    /// It asks; a client may decline. A certificate that is sent must verify.
    Request(Arc<dyn ClientVerifier>),
    /// It asks, and refuses a client that declines.
    Require(Arc<dyn ClientVerifier>),
}

impl ClientAuth {
    pub(crate) fn verifier(&self) -> Option<&Arc<dyn ClientVerifier>> {
        match self {
            Self::None => None,
            Self::Request(verifier) | Self::Require(verifier) => Some(verifier),
        }
    }

    pub(crate) fn is_required(&self) -> bool {
        matches!(self, Self::Require(_))
    }
}

/// A server's configuration. Make it once, share it among connections.
#[derive(Debug)]
pub struct ServerConfig {
    pub(crate) policy: Policy,
    pub(crate) provider: &'static Provider,
    pub(crate) identities: Arc<dyn IdentityResolver>,
    pub(crate) client_auth: ClientAuth,
    pub(crate) alpn: Vec<Bytes>,
    pub(crate) prefer_client_order: bool,
    pub(crate) record_size_limit: Option<u16>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) trace: Option<Arc<dyn Trace>>,
    pub(crate) key_log: Option<Arc<dyn KeyLog>>,
    pub(crate) limits: Limits,
    pub(crate) identity_may_change: bool,
    pub(crate) resumption: ServerResumption,
    pub(crate) early_data: u32,
    pub(crate) anti_replay: Arc<dyn AntiReplay>,
    pub(crate) tickets_per_connection: u8,
    pub(crate) psks: Vec<ExternalPsk>,
    pub(crate) psk_hint: Bytes,
    pub(crate) certificate_compressions: Compressions,
    pub(crate) record_padding: RecordPadding,
    pub(crate) write_record_size: Option<u16>,
    pub(crate) grease: bool,
    /// `None` where hellos are not decrypted.
    #[cfg(feature = "ech")]
    pub(crate) ech: Option<Arc<ReloadableEchKeys>>,
}

impl ServerConfig {
    /// Starts a configuration from a policy.
    pub fn builder(policy: Policy) -> ServerConfigBuilder {
        ServerConfigBuilder {
            policy,
            provider: default_provider(),
            identities: Vec::new(),
            resolver: None,
            client_auth: ClientAuth::None,
            alpn: Vec::new(),
            prefer_client_order: false,
            record_size_limit: None,
            clock: Arc::new(SystemClock),
            trace: None,
            key_log: None,
            limits: Limits::default(),
            identity_may_change: false,
            sessions: Arc::new(MemorySessions::default()),
            ticket_keys: None,
            tickets: true,
            early_data: 0,
            anti_replay: None,
            tickets_per_connection: 2,
            psks: Vec::new(),
            psk_hint: Bytes::new(),
            certificate_compressions: Vec::new(),
            record_padding: RecordPadding::None,
            write_record_size: None,
            grease: true,
            session_ids: true,
            #[cfg(feature = "ech")]
            ech_keys: Vec::new(),
            #[cfg(feature = "ech")]
            reloadable_ech_keys: None,
        }
    }

    /// The policy, less what the provider cannot do.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

/// Collects a [`ServerConfig`].
#[derive(Debug)]
#[must_use]
pub struct ServerConfigBuilder {
    policy: Policy,
    provider: &'static Provider,
    identities: Vec<Arc<Identity>>,
    resolver: Option<Arc<dyn IdentityResolver>>,
    client_auth: ClientAuth,
    alpn: Vec<Bytes>,
    prefer_client_order: bool,
    record_size_limit: Option<u16>,
    clock: Arc<dyn Clock>,
    trace: Option<Arc<dyn Trace>>,
    key_log: Option<Arc<dyn KeyLog>>,
    limits: Limits,
    identity_may_change: bool,
    sessions: Arc<dyn SessionStore>,
    ticket_keys: Option<Arc<dyn TicketSealer>>,
    tickets: bool,
    early_data: u32,
    anti_replay: Option<Arc<dyn AntiReplay>>,
    tickets_per_connection: u8,
    psks: Vec<ExternalPsk>,
    psk_hint: Bytes,
    certificate_compressions: Vec<&'static dyn CertificateCompression>,
    record_padding: RecordPadding,
    write_record_size: Option<u16>,
    grease: bool,
    session_ids: bool,
    #[cfg(feature = "ech")]
    ech_keys: Vec<EchKey>,
    #[cfg(feature = "ech")]
    reloadable_ech_keys: Option<Arc<ReloadableEchKeys>>,
}

impl ServerConfigBuilder {
    /// Uses these primitives instead of the default ones.
    pub fn provider(mut self, provider: &'static Provider) -> Self {
        self.provider = provider;
        self
    }

    /// Adds a certificate chain with its key. May be called again (RSA and ECDSA, several names): the one is used
    /// that carries the name asked for and that the client can verify, earlier ones first. Before TLS 1.3 the better suite counts
    /// for more than their order.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identities.push(Arc::new(identity));
        self
    }

    /// Chooses identity or configuration by the client's hello, instead of by [`Self::identity`].
    pub fn identity_resolver(mut self, resolver: Arc<dyn IdentityResolver>) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// Whether clients are asked for a certificate.
    pub fn client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.client_auth = client_auth;
        self
    }

    /// Speaks application protocols, in order of preference (RFC 7301). A client that offers only others is refused.
    pub fn alpn<T: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = T>) -> Result<Self, ConfigError> {
        self.alpn = alpn_names(protocols)?;
        Ok(self)
    }

    /// Whether the client's order of suites decides. Off by default: the policy's does. Sessions are resumed only under the
    /// suite that the order gives now.
    pub fn prefer_client_order(mut self, on: bool) -> Self {
        self.prefer_client_order = on;
        self
    }

    /// Asks clients that know RFC 8449 for records of at most this many bytes of plaintext, 64 to 16384.
    pub fn record_size_limit(mut self, limit: u16) -> Self {
        self.record_size_limit = Some(limit);
        self
    }

    /// The clock client certificates are checked against.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Tells every step of each handshake.
    pub fn trace(mut self, trace: Arc<dyn Trace>) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Logs session secrets. Whoever reads them reads the connections.
    pub fn key_log(mut self, key_log: Arc<dyn KeyLog>) -> Self {
        self.key_log = Some(key_log);
        self
    }

    /// Bounds on what a peer may make us spend.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits.usable();
        self
    }

    /// Keeps sessions that are resumed by identifier here (RFC 5246 7.3), instead of in a store of 1 MiB in memory.
    pub fn session_store(mut self, store: Arc<dyn SessionStore>) -> Self {
        self.sessions = store;
        self
    }

    /// Takes up no session again, and keeps none: every handshake is a full one.
    pub fn without_resumption(self) -> Self {
        self.tickets(false).session_ids(false)
    }

    /// Seals tickets with these keys (RFC 5077), instead of with keys of this configuration's own.
    pub fn ticket_keys(self, keys: Arc<TicketKeys>) -> Self {
        self.ticket_sealer(keys)
    }

    /// Has tickets sealed and opened in another way than by [`TicketKeys`].
    pub fn ticket_sealer(mut self, sealer: Arc<dyn TicketSealer>) -> Self {
        self.ticket_keys = Some(sealer);
        self
    }

    /// Whether tickets (RFC 5077) are issued and taken. On by default.
    pub fn tickets(mut self, on: bool) -> Self {
        self.tickets = on;
        self
    }

    /// Whether sessions are resumed by identifiers (RFC 5246 7.3). On by default.
    pub fn session_ids(mut self, on: bool) -> Self {
        self.session_ids = on;
        self
    }

    /// Takes up to so many bytes of early data (RFC 8446 2.3). 0, none, by default: somebody on the way can send a client's
    /// early data again, and not every request is harmless twice. Each ticket's is taken once, and only where its age is about
    /// what the client says ([`AntiReplay::age_tolerance`]).
    pub fn early_data(mut self, bytes: u32) -> Self {
        self.early_data = bytes;
        self
    }

    /// Remembers here which tickets brought early data, instead of in a memory of 4,096 tickets. Configurations that share
    /// ticket keys must share this. It also says how far a ticket's age may be off.
    pub fn anti_replay(mut self, anti_replay: Arc<dyn AntiReplay>) -> Self {
        self.anti_replay = Some(anti_replay);
        self
    }

    /// How many tickets a client of TLS 1.3 is given at first, each good for one connection (RFC 8446 4.6.1). 2 by default.
    pub fn tickets_per_connection(mut self, tickets: u8) -> Self {
        self.tickets_per_connection = tickets;
        self
    }

    /// Takes a key that a client has too (RFC 8446 4.2.11; RFC 4279 in TLS 1.2 and before). May be called again. Not where
    /// clients must show a certificate ([`ClientAuth::Require`]).
    pub fn psk(mut self, psk: ExternalPsk) -> Self {
        self.psks.push(psk);
        self
    }

    /// Tells clients of TLS 1.2 and before which of their keys this server has, at most 65535 bytes, where they have agreed on what
    /// that says (RFC 4279 5.2): some devices have several. Empty, nothing said, by default. Clasp's own clients pass it over.
    pub fn psk_hint(mut self, hint: &[u8]) -> Self {
        self.psk_hint = Bytes::copy_from_slice(hint);
        self
    }

    /// Sends certificate chains compressed in the first of these ways that the client has, and takes the client's so
    /// (RFC 8879).
    pub fn certificate_compressions(mut self, ways: &[&'static dyn CertificateCompression]) -> Self {
        self.certificate_compressions = ways.to_vec();
        self
    }

    /// Hides the length of what is sent in TLS 1.3 (RFC 8446 5.4). Off by default.
    pub fn record_padding(mut self, padding: RecordPadding) -> Self {
        self.record_padding = padding;
        self
    }

    /// Puts at most this many bytes of plaintext into a record, 64 to 16384, where the client takes more: it reads the first
    /// bytes of what is written sooner, and each record costs some 20 to 40 bytes and a MAC.
    pub fn write_record_size(mut self, bytes: u16) -> Self {
        self.write_record_size = Some(bytes);
        self
    }

    /// Whether tickets of TLS 1.3 have an extension that no client knows, so that clients learn to pass over what they do not know
    /// (RFC 8701 4). On by default.
    pub fn grease(mut self, on: bool) -> Self {
        self.grease = on;
        self
    }

    /// Opens hellos that clients of TLS 1.3 encrypted to one of these keys (RFC 9849): all that follows is led by the hello that
    /// was encrypted, the resolver too. Clients that have another key are served by what everybody sees of their hello, under the
    /// public name of theirs, and told the keys that are to be told ([`EchKey::as_retry_config`]), in this order.
    ///
    /// The keys count of the configuration that a connection begins with. Those of one that a resolver hands over to
    /// ([`Resolved::Config`](super::Resolved::Config)) do not, and where the first has none the connection fails by
    /// [`ConfigError::EchKeysTooLate`]. A server without keys answers a hello that another one before it has decrypted
    /// (RFC 9849 3.1).
    ///
    /// The names that hellos hide may still show in lengths, as that of the certificate: see [`Self::record_padding`].
    #[cfg(feature = "ech")]
    pub fn ech_keys(mut self, keys: Vec<EchKey>) -> Self {
        self.ech_keys = keys;
        self
    }

    /// [`Self::ech_keys`] that are exchanged while the server runs; those are left out then.
    #[cfg(feature = "ech")]
    pub fn reloadable_ech_keys(mut self, keys: Arc<ReloadableEchKeys>) -> Self {
        self.reloadable_ech_keys = Some(keys);
        self
    }

    /// Whether the client may show another certificate when renegotiating than before. Off by default: what came before would
    /// be taken for the new identity's.
    pub fn identity_may_change(mut self, on: bool) -> Self {
        self.identity_may_change = on;
        self
    }

    /// The finished configuration; an error says what is missing.
    pub fn build(self) -> Result<Arc<ServerConfig>, ConfigError> {
        let certificates = self.resolver.is_some() || !self.identities.is_empty();
        let identities: Arc<dyn IdentityResolver> = match self.resolver {
            Some(resolver) => resolver,
            None if self.identities.is_empty() && self.psks.is_empty() => return Err(ConfigError::NoIdentity),
            None => Arc::new(FixedIdentities(self.identities)),
        };
        let shares_tickets = self.ticket_keys.is_some();
        let tickets = match self.ticket_keys {
            _ if !self.tickets => None,
            Some(keys) => Some(keys),
            None => TicketKeys::generate(self.provider).ok().map(|keys| Arc::new(keys) as _),
        };
        let anti_replay = self.anti_replay.unwrap_or_else(|| {
            let memory = ReplayMemory::default();
            let now = self.clock.now().as_secs();
            Arc::new(if shares_tickets { memory.silent_at_first(now) } else { memory })
        });
        if self.psk_hint.len() > usize::from(u16::MAX) {
            return Err(ConfigError::BadPsk);
        }
        let policy = fit(self.policy, self.provider, &self.psks, certificates)?;
        let scope = policy.resumption_scope().into();
        #[cfg(feature = "ech")]
        let ech = match self.reloadable_ech_keys {
            None if self.ech_keys.is_empty() => None,
            None => Some(Arc::new(ReloadableEchKeys::new(self.ech_keys)?)),
            reloadable => reloadable,
        };
        #[cfg(feature = "ech")]
        if ech.is_some() && !policy.tls13 {
            return Err(ConfigError::EchWithoutTls13);
        }
        Ok(Arc::new(ServerConfig {
            #[cfg(feature = "ech")]
            ech,
            policy,
            early_data: self.early_data,
            anti_replay,
            tickets_per_connection: self.tickets_per_connection,
            psks: self.psks,
            psk_hint: self.psk_hint,
            certificate_compressions: Compressions::new(self.certificate_compressions),
            record_padding: self.record_padding,
            write_record_size: record_size(self.write_record_size)?,
            grease: self.grease,
            resumption: ServerResumption { scope, ids: self.session_ids.then_some(self.sessions), tickets },
            provider: self.provider,
            identities,
            client_auth: self.client_auth,
            alpn: self.alpn,
            prefer_client_order: self.prefer_client_order,
            record_size_limit: record_size(self.record_size_limit)?,
            clock: self.clock,
            trace: self.trace,
            key_log: self.key_log,
            limits: self.limits,
            identity_may_change: self.identity_may_change,
        }))
    }
}
