//! The server's configuration.

use std::sync::Arc;

use bytes::Bytes;
use clasp_cert::{ClientVerifier, Identity};
use clasp_crypto::{Provider, default_provider};

use super::{Clock, FixedIdentities, IdentityResolver, Limits, SystemClock, alpn_names, fit, record_size};
use crate::error::ConfigError;
use crate::key_log::KeyLog;
use crate::policy::Policy;
use crate::resumption::{MemorySessions, ServerResumption, SessionStore, TicketKeys};
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
            session_ids: true,
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
    ticket_keys: Option<Arc<TicketKeys>>,
    tickets: bool,
    session_ids: bool,
}

impl ServerConfigBuilder {
    /// Uses these primitives instead of the default ones.
    pub fn provider(mut self, provider: &'static Provider) -> Self {
        self.provider = provider;
        self
    }

    /// Adds a certificate chain with its key. May be called again (RSA and ECDSA, several names): the one is used
    /// that carries the name asked for and that the client can verify, earlier ones first.
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

    /// Whether the client's order of suites decides. Off by default: the policy's does.
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
    pub fn ticket_keys(mut self, keys: Arc<TicketKeys>) -> Self {
        self.ticket_keys = Some(keys);
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

    /// Whether the client may show another certificate when renegotiating than before. Off by default: what came before would
    /// be taken for the new identity's.
    pub fn identity_may_change(mut self, on: bool) -> Self {
        self.identity_may_change = on;
        self
    }

    /// The finished configuration; an error says what is missing.
    pub fn build(self) -> Result<Arc<ServerConfig>, ConfigError> {
        let identities: Arc<dyn IdentityResolver> = match self.resolver {
            Some(resolver) => resolver,
            None if self.identities.is_empty() => return Err(ConfigError::NoIdentity),
            None => Arc::new(FixedIdentities(self.identities)),
        };
        let tickets = match self.ticket_keys {
            _ if !self.tickets => None,
            Some(keys) => Some(keys),
            None => TicketKeys::generate(self.provider).ok().map(Arc::new),
        };
        Ok(Arc::new(ServerConfig {
            resumption: ServerResumption { ids: self.session_ids.then_some(self.sessions), tickets },
            policy: fit(self.policy, self.provider)?,
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
