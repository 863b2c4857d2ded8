//! Who the connections of the fuzz targets are, and what they offer: fixed names, keys, certificates and time.
//!
//! The certificates in `test-data` are made together with the seeds, by `examples/seeds`: a recorded handshake only fits
//! the certificates it was recorded with.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use clasp_cert::{Identity, MaybeReady, PrivateKey, RootStore, SctList, WebPkiClientVerifier};
use clasp_crypto::CryptoError;
use clasp_handshake::{
    ClientAuth, ClientConfig, ClientConfigBuilder, Clock, Limits, Policy, ServerConfig, ServerConfigBuilder,
    SessionStore, TicketKeys,
};
use clasp_wire::{NamedGroup, ProtocolVersion};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use zeroize::Zeroizing;

use crate::chance;
use crate::keys::Secrets;

/// The server's name.
pub const NAME: &str = "server.example";

/// The application protocols that both sides know.
pub const PROTOCOLS: [&str; 2] = ["h2", "http/1.1"];

/// The name of a key that both sides are given where TLS 1.3 is mutated, and the key.
pub(crate) const PSK_IDENTITY: &[u8] = b"between us";
/// See [`PSK_IDENTITY`].
pub(crate) const PSK: &[u8] = b"a key of thirty-two random bytes";

/// The time certificates are checked for: 2040-01-01, seconds since the Unix epoch. They hold for a hundred years.
const NOW: u64 = 2_208_988_800;

/// The time certificates are checked for.
pub fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(NOW))
}

#[derive(Debug)]
struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> UnixTime {
        now()
    }
}

/// A store that keeps nothing: sessions are offered for resumption, and no run depends on one before it.
#[derive(Debug)]
struct Forgetful;

impl SessionStore for Forgetful {
    fn get<'a>(&'a self, _: &'a [u8]) -> MaybeReady<'a, Option<Zeroizing<Vec<u8>>>> {
        MaybeReady::ready(None)
    }

    fn put<'a>(&'a self, _: &'a [u8], _: Zeroizing<Vec<u8>>) -> MaybeReady<'a, ()> {
        MaybeReady::ready(())
    }

    fn remove<'a>(&'a self, _: &'a [u8]) -> MaybeReady<'a, ()> {
        MaybeReady::ready(())
    }
}

/// The server's name, as a client gives it.
pub fn name() -> ServerName<'static> {
    ServerName::try_from(NAME).expect("a DNS name")
}

/// Everybody's certificates.
pub struct Cast {
    /// The certificate authority everybody trusts.
    pub roots: RootStore,
    /// The server's RSA identity, under an intermediate authority, with a stapled OCSP response and two timestamps, of no log.
    pub server_rsa: Identity,
    /// The server's ECDSA identity, directly under the root.
    pub server_ecdsa: Identity,
    /// The client's RSA identity.
    pub client_rsa: Identity,
    /// The client's ECDSA identity.
    pub client_ecdsa: Identity,
    /// Those of somebody who has the client's certificates, and not the keys.
    pub(crate) thieves: [Identity; 2],
}

/// Where this package's own files lie: `test-data`, `corpus`.
pub fn folder(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), name].iter().collect()
}

/// A file of `test-data`. Read when first wanted, and not compiled in, as the maker of seeds may just have written it.
pub fn test_data(name: &str) -> Vec<u8> {
    let path = folder("test-data").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn identity(name: &str) -> Identity {
    identity_with(name, chance::steady_key)
}

/// A private key, or what stands for one, of a key's bytes.
type Load = fn(&PrivateKeyDer<'_>) -> Result<Arc<dyn PrivateKey>, CryptoError>;

fn identity_with(name: &str, load: Load) -> Identity {
    let pem = test_data(name);
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>().expect("certificates");
    let key = PrivateKeyDer::from_pem_slice(&pem).expect("private key");
    Identity::with_key(chain, load(&key).expect("private key")).expect("identity")
}

/// Everybody's certificates.
pub fn cast() -> &'static Cast {
    static CAST: LazyLock<Cast> = LazyLock::new(|| {
        let mut roots = RootStore::default();
        roots.add_pem(&test_data("root.pem")).expect("root");
        let timestamps = SctList::new(["one", "another"]).expect("timestamps");
        let staple = test_data("server-rsa.ocsp.der");
        Cast {
            roots,
            server_rsa: identity("server-rsa.pem").with_ocsp_response(staple).with_sct_list(timestamps),
            server_ecdsa: identity("server-ecdsa.pem"),
            client_rsa: identity("client-rsa.pem"),
            client_ecdsa: identity("client-ecdsa.pem"),
            thieves: ["client-ecdsa.pem", "client-rsa.pem"].map(|name| identity_with(name, chance::no_key)),
        }
    });
    &CAST
}

/// The groups whose keys are drawn without chance.
pub(crate) const GROUPS: [NamedGroup; 3] = [NamedGroup::SECP256R1, NamedGroup::SECP521R1, NamedGroup::FFDHE2048];

/// TLS 1.2 with everything in it.
pub fn policy() -> Policy {
    Policy::compatible().with_versions(ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_2).with_groups(&GROUPS)
}

/// A client that trusts the root, asks for timestamps, has no certificate of its own, and forgets its sessions.
pub fn client(policy: Policy) -> ClientConfigBuilder {
    ClientConfig::builder(policy)
        .provider(chance::provider())
        .roots(cast().roots.clone())
        .session_store(Arc::new(Forgetful))
        .certificate_timestamps(true)
        .clock(Arc::new(FixedClock))
        .limits(limits())
}

/// A server with both identities, which asks for no certificate, issues tickets, and forgets what else could be resumed.
pub fn server(policy: Policy) -> ServerConfigBuilder {
    let keys = TicketKeys::shared(chance::provider(), [0x7e; 32]).expect("primitives for tickets");
    ServerConfig::builder(policy)
        .provider(chance::provider())
        .session_store(Arc::new(Forgetful))
        .ticket_keys(Arc::new(keys))
        .identity(cast().server_ecdsa.clone())
        .identity(cast().server_rsa.clone())
        .clock(Arc::new(FixedClock))
        .limits(limits())
}

/// The usual bounds, but that renegotiations may follow one another at once: inputs are short.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.renegotiation_distance = 0;
    limits
}

/// Whether and how a server asks for the client's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// It does not.
    No,
    /// A client may decline.
    Request,
    /// A client may not.
    Require,
}

impl Ask {
    /// One of the three, by the low bits of an input's byte.
    pub const fn from_byte(byte: u8) -> Self {
        match byte & 3 {
            2 => Self::Request,
            3 => Self::Require,
            _ => Self::No,
        }
    }

    /// As a configuration wants it.
    pub fn client_auth(self) -> ClientAuth {
        let verifier = || {
            let verifier = WebPkiClientVerifier::builder(cast().roots.clone()).provider(chance::provider()).build();
            Arc::new(verifier.expect("a root is trusted"))
        };
        match self {
            Self::No => ClientAuth::None,
            Self::Request => ClientAuth::Request(verifier()),
            Self::Require => ClientAuth::Require(verifier()),
        }
    }
}

/// A configuration, and where its connections leave their master secrets.
#[derive(Debug)]
pub struct Keyed<C> {
    /// The configuration.
    pub config: Arc<C>,
    /// The first and the last of them.
    pub secrets: Arc<Secrets>,
}

impl Keyed<ClientConfig> {
    /// Builds a client.
    pub fn client(builder: ClientConfigBuilder) -> Self {
        Self::client_into(builder, Arc::default())
    }

    /// Builds a client that leaves its secrets there.
    pub fn client_into(builder: ClientConfigBuilder, secrets: Arc<Secrets>) -> Self {
        Self { config: builder.key_log(secrets.clone()).build().expect("a client"), secrets }
    }
}

impl Keyed<ServerConfig> {
    /// Builds a server.
    pub fn server(builder: ServerConfigBuilder) -> Self {
        Self::server_into(builder, Arc::default())
    }

    /// Builds a server that leaves its secrets there.
    pub fn server_into(builder: ServerConfigBuilder, secrets: Arc<Secrets>) -> Self {
        Self { config: builder.key_log(secrets.clone()).build().expect("a server"), secrets }
    }
}

/// The client of the targets that are a whole connection: it offers all there is, and has both certificates.
pub fn whole_client() -> Keyed<ClientConfig> {
    let builder = client(policy())
        .identity(cast().client_ecdsa.clone())
        .identity(cast().client_rsa.clone())
        .alpn(PROTOCOLS)
        .expect("names of protocols")
        .record_size_limit(4096);
    Keyed::client(builder)
}

/// The server of the targets that are a whole connection.
pub fn whole_server(ask: Ask) -> Keyed<ServerConfig> {
    let builder = server(policy()).client_auth(ask.client_auth()).alpn(PROTOCOLS);
    Keyed::server(builder.expect("names of protocols"))
}
