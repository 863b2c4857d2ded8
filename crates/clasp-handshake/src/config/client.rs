//! The client's configuration.

use std::sync::Arc;

use bytes::Bytes;
use clasp_cert::{Identity, RootStore, ServerVerifier, WebPkiServerVerifier};
use clasp_crypto::{Provider, default_provider};
use clasp_record::RecordPadding;
use clasp_wire::NamedGroup;

use super::{ClientIdentityResolver, Clock, FixedIdentities, Limits, SystemClock, alpn_names, fit, record_size};
#[cfg(feature = "ech")]
use crate::client::ech::{Ech, EchTarget};
use crate::compression::{CertificateCompression, Compressions};
use crate::error::ConfigError;
use crate::key_log::KeyLog;
use crate::policy::Policy;
use crate::psk::{ExternalPsk, NoCertificates};
use crate::resumption::{self, ClientResumption, MemorySessions, SessionStore};
use crate::trace::Trace;

/// A client's configuration. Make it once, share it among connections.
#[derive(Debug)]
pub struct ClientConfig {
    pub(crate) policy: Policy,
    pub(crate) provider: &'static Provider,
    pub(crate) verifier: Arc<dyn ServerVerifier>,
    pub(crate) identities: Arc<dyn ClientIdentityResolver>,
    pub(crate) alpn: Vec<Bytes>,
    pub(crate) send_server_name: bool,
    pub(crate) record_size_limit: Option<u16>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) trace: Option<Arc<dyn Trace>>,
    pub(crate) key_log: Option<Arc<dyn KeyLog>>,
    pub(crate) limits: Limits,
    pub(crate) identity_may_change: bool,
    /// Whether a HelloRequest waits for the application.
    pub(crate) renegotiates_when_told: bool,
    pub(crate) resumption: Option<ClientResumption>,
    pub(crate) grease: bool,
    pub(crate) permute_extensions: bool,
    /// Whether the hello looks as if it had another one in it.
    pub(crate) grease_ech: bool,
    pub(crate) middlebox_compatibility: bool,
    pub(crate) post_handshake_auth: bool,
    pub(crate) early_data: bool,
    /// The groups to send shares in, where they are not for the policy to say.
    pub(crate) key_shares: Option<Vec<NamedGroup>>,
    pub(crate) write_record_size: Option<u16>,
    pub(crate) verify_resumed: bool,
    pub(crate) fallback: bool,
    pub(crate) psks: Vec<ExternalPsk>,
    pub(crate) certificate_compressions: Compressions,
    /// Whether timestamps are asked for.
    pub(crate) certificate_timestamps: bool,
    pub(crate) record_padding: RecordPadding,
    #[cfg(feature = "ech")]
    pub(crate) ech: Option<Arc<Ech>>,
}

impl ClientConfig {
    /// The same for the hello around an encrypted one, whose server is another, and to learn nothing (RFC 9849 6.1, 6.1.7).
    #[cfg(feature = "ech")]
    pub(crate) fn for_outer_hello(&self) -> Self {
        let mut policy = self.policy.clone();
        // The keys are for the other server.
        policy.suites.retain(|suite| !suite.is_pre_shared());
        Self {
            policy,
            provider: self.provider,
            verifier: Arc::clone(&self.verifier),
            identities: Arc::new(FixedIdentities(Vec::new())),
            alpn: Vec::new(),
            send_server_name: true,
            record_size_limit: self.record_size_limit,
            clock: Arc::clone(&self.clock),
            trace: self.trace.clone(),
            key_log: self.key_log.clone(),
            limits: self.limits.clone(),
            identity_may_change: false,
            renegotiates_when_told: false,
            resumption: None,
            grease: self.grease,
            permute_extensions: false,
            grease_ech: false,
            middlebox_compatibility: self.middlebox_compatibility,
            post_handshake_auth: false,
            early_data: false,
            key_shares: self.key_shares.clone(),
            write_record_size: self.write_record_size,
            verify_resumed: false,
            fallback: self.fallback,
            psks: Vec::new(),
            certificate_compressions: self.certificate_compressions.same_ways(),
            certificate_timestamps: self.certificate_timestamps,
            record_padding: self.record_padding,
            ech: None,
        }
    }

    /// Starts a configuration from a policy.
    pub fn builder(policy: Policy) -> ClientConfigBuilder {
        ClientConfigBuilder {
            policy,
            provider: default_provider(),
            roots: RootStore::default(),
            verifier: None,
            identities: Vec::new(),
            resolver: None,
            alpn: Vec::new(),
            send_server_name: true,
            record_size_limit: None,
            clock: Arc::new(SystemClock),
            trace: None,
            key_log: None,
            limits: Limits::default(),
            identity_may_change: false,
            renegotiates_when_told: false,
            sessions: Arc::new(MemorySessions::default()),
            tickets: true,
            session_ids: true,
            grease: true,
            permute_extensions: false,
            grease_ech: false,
            middlebox_compatibility: true,
            post_handshake_auth: false,
            early_data: false,
            key_shares: None,
            write_record_size: None,
            verify_resumed: false,
            fallback: false,
            psks: Vec::new(),
            certificate_compressions: Vec::new(),
            certificate_timestamps: false,
            record_padding: RecordPadding::None,
            #[cfg(feature = "ech")]
            ech: None,
        }
    }

    /// The policy, less what the provider cannot do.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

/// Collects a [`ClientConfig`].
#[derive(Debug)]
#[must_use]
pub struct ClientConfigBuilder {
    policy: Policy,
    provider: &'static Provider,
    roots: RootStore,
    verifier: Option<Arc<dyn ServerVerifier>>,
    identities: Vec<Arc<Identity>>,
    resolver: Option<Arc<dyn ClientIdentityResolver>>,
    alpn: Vec<Bytes>,
    send_server_name: bool,
    record_size_limit: Option<u16>,
    clock: Arc<dyn Clock>,
    trace: Option<Arc<dyn Trace>>,
    key_log: Option<Arc<dyn KeyLog>>,
    limits: Limits,
    identity_may_change: bool,
    renegotiates_when_told: bool,
    sessions: Arc<dyn SessionStore>,
    tickets: bool,
    session_ids: bool,
    grease: bool,
    permute_extensions: bool,
    grease_ech: bool,
    middlebox_compatibility: bool,
    post_handshake_auth: bool,
    early_data: bool,
    key_shares: Option<Vec<NamedGroup>>,
    write_record_size: Option<u16>,
    verify_resumed: bool,
    fallback: bool,
    psks: Vec<ExternalPsk>,
    certificate_compressions: Vec<&'static dyn CertificateCompression>,
    certificate_timestamps: bool,
    record_padding: RecordPadding,
    #[cfg(feature = "ech")]
    ech: Option<EchTarget>,
}

impl ClientConfigBuilder {
    /// Uses these primitives instead of the default ones. Give it before [`Self::identity`].
    pub fn provider(mut self, provider: &'static Provider) -> Self {
        self.provider = provider;
        self
    }

    /// Trusts these roots.
    pub fn roots(mut self, roots: RootStore) -> Self {
        self.roots = roots;
        self
    }

    /// Trusts the operating system's roots.
    #[cfg(feature = "native-roots")]
    pub fn system_roots(mut self) -> Result<Self, ConfigError> {
        self.roots = RootStore::system().map_err(|error| ConfigError::SystemRoots(error.to_string()))?;
        Ok(self)
    }

    /// Trusts Mozilla's roots, as compiled in.
    #[cfg(feature = "webpki-roots")]
    pub fn mozilla_roots(mut self) -> Self {
        self.roots = RootStore::mozilla();
        self
    }

    /// Verifies the server in another way than against roots.
    pub fn verifier(mut self, verifier: Arc<dyn ServerVerifier>) -> Self {
        self.verifier = Some(verifier);
        self
    }

    /// Adds a client certificate to show when the server asks for one. May be called again.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identities.push(Arc::new(identity));
        self
    }

    /// Chooses the client certificate when the server asks, instead of by [`Self::identity`].
    pub fn identity_resolver(mut self, resolver: Arc<dyn ClientIdentityResolver>) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// Offers application protocols, in order of preference (RFC 7301).
    pub fn alpn<T: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = T>) -> Result<Self, ConfigError> {
        self.alpn = alpn_names(protocols)?;
        Ok(self)
    }

    /// Whether the server name is sent (RFC 6066 3). On by default; without it a server of many names cannot choose.
    pub fn send_server_name(mut self, on: bool) -> Self {
        self.send_server_name = on;
        self
    }

    /// Asks the server for records of at most this many bytes of plaintext, 64 to 16384 (RFC 8449).
    pub fn record_size_limit(mut self, limit: u16) -> Self {
        self.record_size_limit = Some(limit);
        self
    }

    /// The clock certificates are checked against.
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

    /// Keeps sessions here instead of in a store of 1 MiB in memory. Share a store only among configurations that verify
    /// servers in the same way: a resumed session is as trustworthy as the handshake that made it.
    pub fn session_store(mut self, store: Arc<dyn SessionStore>) -> Self {
        self.sessions = store;
        self
    }

    /// Takes up no session again, and keeps none: every handshake is a full one.
    pub fn without_resumption(self) -> Self {
        self.tickets(false).session_ids(false)
    }

    /// Whether tickets (RFC 5077; RFC 8446 4.6.1) are asked for and kept. On by default.
    pub fn tickets(mut self, on: bool) -> Self {
        self.tickets = on;
        self
    }

    /// Whether sessions are resumed by identifiers (RFC 5246 7.3). On by default.
    pub fn session_ids(mut self, on: bool) -> Self {
        self.session_ids = on;
        self
    }

    /// Whether the hello has values that no server knows, so that servers learn to pass over what they do not know (RFC 8701).
    /// On by default, where TLS 1.3 is offered.
    pub fn grease(mut self, on: bool) -> Self {
        self.grease = on;
        self
    }

    /// Whether the extensions of a hello stand in another order each time, all but the last one, so that no server learns to rely
    /// on one, and nobody on the way knows the library by it. Off by default; a hello that is encrypted, and the one around it, have
    /// their order all the same.
    pub fn permute_extensions(mut self, on: bool) -> Self {
        self.permute_extensions = on;
        self
    }

    /// Whether the hello looks as if it had another hello in it, so that those that do have one do not stand out (RFC 9849
    /// 6.2). Off by default: it makes the hello some 300 bytes longer, and costs a key pair each time.
    pub fn grease_ech(mut self, on: bool) -> Self {
        self.grease_ech = on;
        self
    }

    /// Whether a handshake of TLS 1.3 looks like a resumption of TLS 1.2 to those on the way, some of which cut what they do
    /// not know (RFC 8446 D.4). On by default.
    pub fn middlebox_compatibility(mut self, on: bool) -> Self {
        self.middlebox_compatibility = on;
        self
    }

    /// Whether a server of TLS 1.3 may ask for our certificate after the handshake (RFC 8446 4.6.2). Off by default: an
    /// application must know which of its requests that was for.
    pub fn post_handshake_auth(mut self, on: bool) -> Self {
        self.post_handshake_auth = on;
        self
    }

    /// Whether early data may be written where an earlier session's server takes it (RFC 8446 2.3). Off by default: somebody
    /// on the way can have the server act on it twice, and whoever gets at the ticket's key reads it.
    pub fn early_data(mut self, on: bool) -> Self {
        self.early_data = on;
        self
    }

    /// Sends key shares in these of the policy's groups (RFC 8446 4.2.8), in the policy's order: those the server is expected to
    /// choose among. It asks for another hello where it chooses a group without a share, and always where there is none. Each
    /// share costs a key pair, and a hybrid one some 1,200 bytes. Unless told, there is a share in the policy's first group, and
    /// where that is a hybrid another in its classical half, if that is a group of the policy too.
    pub fn key_shares(mut self, groups: &[NamedGroup]) -> Self {
        self.key_shares = Some(groups.to_vec());
        self
    }

    /// Puts at most this many bytes of plaintext into a record, 64 to 16384, where the server takes more: it reads the first
    /// bytes of what is written sooner, and each record costs some 20 to 40 bytes and a MAC. The hello is cut too: some old servers
    /// read it in one piece only.
    pub fn write_record_size(mut self, bytes: u16) -> Self {
        self.write_record_size = Some(bytes);
        self
    }

    /// Whether the server's certificate, as it was in the first handshake, is verified again where a session is resumed: it may
    /// have expired or been revoked since. There is no stapled response then; timestamps are those of the first handshake. Off by
    /// default: a session is resumed for a day at most.
    pub fn verify_resumed(mut self, on: bool) -> Self {
        self.verify_resumed = on;
        self
    }

    /// Tells the server that this connection is tried with an older version because one with a newer version failed: a server
    /// that speaks the newer one then refuses, as somebody on the way made it fail (RFC 7507 4). Off by default: Clasp itself never
    /// falls back.
    pub fn is_fallback(mut self, on: bool) -> Self {
        self.fallback = on;
        self
    }

    /// Offers a key that the server has too (RFC 8446 4.2.11; RFC 4279 in TLS 1.2 and before, the first key alone). May be called
    /// again. Without roots or a verifier no server is taken that shows a certificate instead. With them, a server of TLS 1.2 that
    /// takes other clients' keys and not this one fails the handshake, as it does not tell which it has.
    pub fn psk(mut self, psk: ExternalPsk) -> Self {
        self.psks.push(psk);
        self
    }

    /// Takes certificate chains that are compressed in these ways, and sends ours so (RFC 8879).
    pub fn certificate_compressions(mut self, ways: &[&'static dyn CertificateCompression]) -> Self {
        self.certificate_compressions = ways.to_vec();
        self
    }

    /// Whether the server is asked for signed certificate timestamps (RFC 6962 3.3.1), which say that logs have its certificate:
    /// they are shown to the verifier and stand in [`Session::sct_list`](crate::Session::sct_list). Off by default: it takes a
    /// verifier that knows the logs to make something of them, and most certificates have them within.
    pub fn certificate_timestamps(mut self, on: bool) -> Self {
        self.certificate_timestamps = on;
        self
    }

    /// Hides the length of what is sent in TLS 1.3 (RFC 8446 5.4). Off by default.
    pub fn record_padding(mut self, padding: RecordPadding) -> Self {
        self.record_padding = padding;
        self
    }

    /// Encrypts the ClientHello, with the server name and protocols in it, to the key of one of these configurations: an
    /// ECHConfigList, as the server publishes it in DNS (RFC 9849, RFC 9848). Everybody on the way sees the configuration's
    /// public name instead, and no application protocol. TLS 1.3 is all that the connection can come to, and a server that
    /// cannot read the hello is [`Error::EchRejected`](crate::Error::EchRejected).
    ///
    /// # Errors
    /// [`ConfigError::BadEchConfigs`]; [`ConfigError::NoUsableEchConfig`] where there is none that this build can use, and the
    /// caller decides whether to go on without.
    #[cfg(feature = "ech")]
    pub fn ech_configs(mut self, list: &[u8]) -> Result<Self, ConfigError> {
        self.ech = Some(EchTarget::choose(list)?);
        Ok(self)
    }

    /// Whether the server may show another certificate when renegotiating than before. Off by default: what came before would
    /// be taken for the new identity's.
    pub fn identity_may_change(mut self, on: bool) -> Self {
        self.identity_may_change = on;
        self
    }

    /// Whether a server that asks for another handshake waits until the application calls
    /// [`Connection::renegotiate`](crate::Connection::renegotiate), which may choose when: between two requests, say. That it asks,
    /// [`Connection::is_asked_to_renegotiate`](crate::Connection::is_asked_to_renegotiate) tells after each poll. Off by default: a
    /// HelloRequest is answered at once (RFC 5246 7.4.1.1).
    pub fn renegotiate_when_told(mut self, on: bool) -> Self {
        self.renegotiates_when_told = on;
        self
    }

    /// The finished configuration; an error says what is missing.
    pub fn build(self) -> Result<Arc<ClientConfig>, ConfigError> {
        // With keys alone, a server with a certificate is nobody it knows.
        let certificates = self.verifier.is_some() || !self.roots.is_empty();
        let verifier = match self.verifier {
            Some(verifier) => verifier,
            None if self.roots.is_empty() && self.psks.is_empty() => return Err(ConfigError::NoVerifier),
            None if self.roots.is_empty() => Arc::new(NoCertificates),
            None => Arc::new(
                WebPkiServerVerifier::builder(self.roots)
                    .provider(self.provider)
                    .rules(self.policy.certificate_rules())
                    .build()
                    .map_err(|error| ConfigError::Roots(error.to_string()))?,
            ),
        };
        let policy = fit(self.policy, self.provider, &self.psks, certificates)?;
        let identities = self.resolver.unwrap_or_else(|| Arc::new(FixedIdentities(self.identities)));
        let scope = resumption::client_scope(&policy, verifier.as_ref(), identities.as_ref(), self.provider);
        let config = ClientConfig {
            policy,
            provider: self.provider,
            verifier,
            identities,
            alpn: self.alpn,
            send_server_name: self.send_server_name,
            record_size_limit: record_size(self.record_size_limit)?,
            clock: self.clock,
            trace: self.trace,
            key_log: self.key_log,
            limits: self.limits,
            identity_may_change: self.identity_may_change,
            renegotiates_when_told: self.renegotiates_when_told,
            resumption: (self.tickets || self.session_ids).then_some(ClientResumption {
                scope,
                store: self.sessions,
                tickets: self.tickets,
                ids: self.session_ids,
                tickets_kept: 0.into(),
            }),
            grease: self.grease,
            permute_extensions: self.permute_extensions,
            grease_ech: self.grease_ech,
            middlebox_compatibility: self.middlebox_compatibility,
            post_handshake_auth: self.post_handshake_auth,
            early_data: self.early_data,
            key_shares: self.key_shares,
            write_record_size: record_size(self.write_record_size)?,
            verify_resumed: self.verify_resumed,
            fallback: self.fallback,
            psks: self.psks,
            certificate_compressions: Compressions::new(self.certificate_compressions),
            certificate_timestamps: self.certificate_timestamps,
            record_padding: self.record_padding,
            #[cfg(feature = "ech")]
            ech: None,
        };
        #[cfg(feature = "ech")]
        let config =
            ClientConfig { ech: self.ech.map(|target| Ech::new(target, &config)).transpose()?.map(Arc::new), ..config };
        Ok(Arc::new(config))
    }
}
