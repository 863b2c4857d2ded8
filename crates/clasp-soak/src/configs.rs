//! What clients offer: versions and suites (RFC 8446 4.1.2), certificates, ways to come back.

use std::sync::Arc;

use clasp::wire::{CipherSuite, ProtocolVersion};
use clasp::{ClientConfig, ClientConfigBuilder, Connection, Identity, Policy, RootStore, ServerName};

use crate::pki::{Pki, SERVER};

/// The suites of TLS 1.2: every kind of key exchange and of record protection that `compatible` has.
const TLS12: &[CipherSuite] = &[
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384,
    CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_GCM_SHA256,
];

const TLS13: &[CipherSuite] = &[
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
    CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
];

/// A way to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Return {
    /// By session identifier (RFC 5246 7.3).
    Identifier,
    /// By ticket (RFC 5077).
    Ticket,
    /// By a pre-shared key of TLS 1.3 (RFC 8446 2.2).
    Psk,
    /// With early data (RFC 8446 2.3).
    EarlyData,
}

/// The configurations that all clients share, and how to make those that they do not.
#[derive(Debug)]
pub(crate) struct Configs {
    roots: RootStore,
    /// One a suite.
    pub(crate) tls12: Vec<Arc<ClientConfig>>,
    pub(crate) tls13: Vec<Arc<ClientConfig>>,
    /// With a certificate, which in TLS 1.3 is also shown after the handshake.
    pub(crate) tls12_certified: Arc<ClientConfig>,
    pub(crate) tls13_certified: Arc<ClientConfig>,
    /// With a certificate of an authority that the server does not know.
    pub(crate) tls12_stranger: Arc<ClientConfig>,
    pub(crate) tls13_stranger: Arc<ClientConfig>,
}

fn tls12() -> Policy {
    Policy::compatible().with_versions(ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_2)
}

fn tls13() -> Policy {
    Policy::modern().with_versions(ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_3)
}

impl Configs {
    /// Those that trust this authority.
    pub(crate) fn new(pki: &Pki) -> Result<Self, String> {
        let mut roots = RootStore::default();
        roots.add_pem_file(pki.file("ca.pem")).map_err(|error| error.to_string())?;
        let identity = |name: &str| {
            Identity::from_pem_files(pki.file(&format!("{name}.pem")), pki.file(&format!("{name}.key")))
                .map_err(|error| error.to_string())
        };
        let builder = |policy: Policy| ClientConfig::builder(policy).roots(roots.clone()).without_resumption();
        let shown =
            |policy: Policy, name: &str| build(builder(policy).identity(identity(name)?).post_handshake_auth(true));
        let each = |policy: fn() -> Policy, suites: &[CipherSuite]| {
            suites
                .iter()
                .map(|suite| build(builder(policy().with_cipher_suites(&[*suite]))))
                .collect::<Result<Vec<_>, String>>()
        };
        Ok(Self {
            tls12: each(tls12, TLS12)?,
            tls13: each(tls13, TLS13)?,
            tls12_certified: shown(tls12(), "client")?,
            tls13_certified: shown(tls13(), "client")?,
            tls12_stranger: shown(tls12(), "stranger")?,
            tls13_stranger: shown(tls13(), "stranger")?,
            roots,
        })
    }

    /// A configuration with sessions of its own, for a client that comes back.
    pub(crate) fn returning(&self, by: Return) -> Result<Arc<ClientConfig>, String> {
        let policy = match by {
            Return::Identifier | Return::Ticket => tls12(),
            Return::Psk | Return::EarlyData => tls13(),
        };
        let builder = ClientConfig::builder(policy).roots(self.roots.clone());
        build(match by {
            Return::Identifier => builder.tickets(false),
            Return::Ticket => builder.session_ids(false),
            Return::Psk => builder,
            Return::EarlyData => builder.early_data(true),
        })
    }
}

fn build(builder: ClientConfigBuilder) -> Result<Arc<ClientConfig>, String> {
    builder.build().map_err(|error| error.to_string())
}

/// The record of a first hello.
pub(crate) fn hello(config: &Arc<ClientConfig>) -> Result<Vec<u8>, String> {
    let name = ServerName::try_from(SERVER).map_err(|error| error.to_string())?;
    let mut tls = Connection::client(Arc::clone(config), name);
    tls.poll_now().map_err(|error| error.to_string())?;
    Ok(tls.output().to_vec())
}
