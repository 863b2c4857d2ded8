//! What this crate's tests share: certificates made on the spot, and two connections that talk in memory.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clasp_cert::{Identity, MaybeReady, RootStore, WebPkiClientVerifier};
use clasp_wire::{HandshakeType, ProtocolVersion};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ED25519};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use zeroize::Zeroizing;

use crate::{
    ClientAuth, ClientConfig, ClientConfigBuilder, ClientHelloInfo, Clock, Connection, Error, IdentityResolver, KeyLog,
    Policy, Resolved, Role, ServerConfig, ServerConfigBuilder, SessionStore, Status, Trace, TraceEvent, TracedMessage,
};

pub(crate) const NAME: &str = "server.example";
const RSA_KEY: &str = include_str!("../test-data/rsa2048.pem");

/// A certificate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), root }
    }

    pub(crate) fn roots(&self) -> RootStore {
        let mut roots = RootStore::default();
        roots.add_der(&self.root).unwrap();
        roots
    }

    fn issue(&self, name: &str, key: &KeyPair) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        let leaf = params.signed_by(key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        Identity::from_der(vec![leaf.der().clone()], &key, clasp_crypto::default_provider()).unwrap()
    }

    pub(crate) fn ecdsa(&self, name: &str) -> Identity {
        self.issue(name, &KeyPair::generate().unwrap())
    }

    pub(crate) fn ed25519(&self, name: &str) -> Identity {
        self.issue(name, &KeyPair::generate_for(&PKCS_ED25519).unwrap())
    }

    pub(crate) fn rsa(&self, name: &str) -> Identity {
        self.issue(name, &KeyPair::from_pem(RSA_KEY).unwrap())
    }

    pub(crate) fn client(&self, policy: Policy) -> ClientConfigBuilder {
        ClientConfig::builder(policy).roots(self.roots())
    }

    /// A server with an RSA and an ECDSA identity.
    pub(crate) fn server(&self, policy: Policy) -> ServerConfigBuilder {
        ServerConfig::builder(policy).identity(self.rsa(NAME)).identity(self.ecdsa(NAME))
    }

    pub(crate) fn require_client(&self) -> ClientAuth {
        ClientAuth::Require(Arc::new(WebPkiClientVerifier::builder(self.roots()).build().unwrap()))
    }

    pub(crate) fn request_client(&self) -> ClientAuth {
        ClientAuth::Request(Arc::new(WebPkiClientVerifier::builder(self.roots()).build().unwrap()))
    }
}

/// The policy without TLS 1.3: for what only older versions have.
pub(crate) fn classic(policy: Policy) -> Policy {
    policy.with_versions(ProtocolVersion::SSL_3_0, ProtocolVersion::TLS_1_2)
}

/// TLS 1.3 alone, as by default.
pub(crate) fn tls13() -> Policy {
    Policy::modern().with_versions(ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_3)
}

/// The policy for TLS 1.2 alone, and for TLS 1.3 alone: for what both have.
pub(crate) fn each(policy: &Policy) -> [Policy; 2] {
    [ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_3].map(|version| policy.clone().with_versions(version, version))
}

/// Whether the policy is for TLS 1.3 alone, as the second of [`each`].
pub(crate) fn is_tls13(policy: &Policy) -> bool {
    policy.versions().eq([ProtocolVersion::TLS_1_3])
}

pub(crate) fn connections(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> (Connection, Connection) {
    let name = NAME.try_into().unwrap();
    (Connection::client(Arc::clone(client), name), Connection::server(Arc::clone(server)))
}

/// Carries bytes both ways until both sides have come to rest. A side's error is kept; its last output still goes over.
pub(crate) fn exchange(client: &mut Connection, server: &mut Connection) -> (Option<Error>, Option<Error>) {
    exchange_with(client, server, |_, bytes| bytes)
}

/// [`exchange`], with somebody between who gets what a side sent, and gives what the other one receives.
pub(crate) fn exchange_with(
    client: &mut Connection,
    server: &mut Connection,
    mut between: impl FnMut(Role, Vec<u8>) -> Vec<u8>,
) -> (Option<Error>, Option<Error>) {
    let mut errors = (None, None);
    loop {
        let from_client = step(client, &mut errors.0);
        let from_server = step(server, &mut errors.1);
        if from_client.is_empty() && from_server.is_empty() {
            return errors;
        }
        give(server, &between(Role::Client, from_client));
        give(client, &between(Role::Server, from_server));
    }
}

/// Where the message of this type lies in a plaintext flight, header included; each message is a record of its own.
pub(crate) fn message_at(flight: &[u8], typ: HandshakeType) -> Option<std::ops::Range<usize>> {
    let mut at = 0;
    while let [22, _, _, high, low, first, ..] = &flight[at..] {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if *first == typ.0 {
            return Some(at + 5..at + 5 + length);
        }
        at += 5 + length;
    }
    None
}

fn step(tls: &mut Connection, error: &mut Option<Error>) -> Vec<u8> {
    if let Err(failure) = tls.poll_now() {
        *error = Some(failure);
    }
    tls.output().split().to_vec()
}

/// Gives input to a side that may already have failed.
pub(crate) fn give(tls: &mut Connection, bytes: &[u8]) {
    assert_eq!(tls.receive(bytes), bytes.len());
}

/// The lengths of the pieces in which what `from` has written comes to `to`.
pub(crate) fn pieces(from: &mut Connection, to: &mut Connection) -> Vec<usize> {
    give(to, &from.output().split());
    let mut lengths = Vec::new();
    while to.poll_now().unwrap() == Status::Data {
        lengths.push(to.read().unwrap().len());
    }
    lengths
}

/// A finished handshake between the two.
pub(crate) fn established(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> (Connection, Connection) {
    let (mut client, mut server) = connections(client, server);
    let errors = exchange(&mut client, &mut server);
    assert!(errors.0.is_none() && errors.1.is_none(), "{errors:?}");
    assert!(!client.is_handshaking() && !server.is_handshaking());
    (client, server)
}

/// Sends `data` from one side to the other, whole.
pub(crate) fn transfer(from: &mut Connection, to: &mut Connection, data: &[u8]) {
    let mut got = Vec::new();
    let mut left = data;
    while got.len() < data.len() {
        let n = from.write(left).unwrap();
        left = &left[n..];
        let wire = from.output().split();
        let mut wire = &wire[..];
        while !wire.is_empty() {
            let n = to.receive(wire);
            wire = &wire[n..];
            while to.poll_now().unwrap() == Status::Data {
                got.extend_from_slice(&to.read().unwrap());
            }
        }
    }
    assert!(got == data, "data differs");
}

/// Keeps every event.
#[derive(Debug, Default)]
pub(crate) struct Recorder(pub(crate) Mutex<Vec<TraceEvent>>);

impl Trace for Recorder {
    fn event(&self, event: &TraceEvent) {
        self.0.lock().unwrap().push(event.clone());
    }
}

/// Keeps what messages it is told of, and whether each was sent.
#[derive(Debug, Default)]
pub(crate) struct Messages(pub(crate) Mutex<Vec<(bool, TracedMessage)>>);

impl Trace for Messages {
    fn event(&self, _: &TraceEvent) {}

    fn message(&self, sent: bool, message: TracedMessage) {
        self.0.lock().unwrap().push((sent, message));
    }
}

/// Keeps every logged secret.
#[derive(Debug, Default)]
pub(crate) struct Secrets(pub(crate) Mutex<Vec<LoggedSecret>>);

/// Label, client random, secret.
pub(crate) type LoggedSecret = (String, [u8; 32], Vec<u8>);

impl KeyLog for Secrets {
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        self.0.lock().unwrap().push((label.to_owned(), *client_random, secret.to_vec()));
    }
}

/// Shows one identity after another, from handshake to handshake.
#[derive(Debug)]
pub(crate) struct OneAfterAnother(Mutex<Vec<Arc<Identity>>>);

impl OneAfterAnother {
    pub(crate) fn new(identities: impl IntoIterator<Item = Arc<Identity>>) -> Self {
        let mut identities: Vec<_> = identities.into_iter().collect();
        identities.reverse();
        Self(Mutex::new(identities))
    }
}

impl IdentityResolver for OneAfterAnother {
    fn resolve<'a>(&'a self, _: &'a ClientHelloInfo<'a>) -> MaybeReady<'a, Resolved> {
        MaybeReady::ready(Resolved::Identities(self.0.lock().unwrap().pop().into_iter().collect()))
    }
}

/// Keeps the first session it is given, and hands it out from [`Self::thaw`] on.
#[derive(Debug, Default)]
pub(crate) struct FirstSession {
    session: Mutex<Option<Zeroizing<Vec<u8>>>>,
    thawed: AtomicBool,
}

impl FirstSession {
    pub(crate) fn thaw(&self) {
        self.thawed.store(true, Ordering::Relaxed);
    }
}

impl SessionStore for FirstSession {
    fn get<'a>(&'a self, _: &'a [u8]) -> MaybeReady<'a, Option<Zeroizing<Vec<u8>>>> {
        let session = self.session.lock().unwrap().clone();
        MaybeReady::ready(session.filter(|_| self.thawed.load(Ordering::Relaxed)))
    }

    fn put<'a>(&'a self, _: &'a [u8], session: Zeroizing<Vec<u8>>) -> MaybeReady<'a, ()> {
        self.session.lock().unwrap().get_or_insert(session);
        MaybeReady::ready(())
    }

    fn remove<'a>(&'a self, _: &'a [u8]) -> MaybeReady<'a, ()> {
        MaybeReady::ready(())
    }
}

/// A clock that is set, in milliseconds since the Unix epoch.
#[derive(Debug)]
pub(crate) struct SetClock(AtomicU64);

impl SetClock {
    pub(crate) fn at(milliseconds: u64) -> Arc<Self> {
        Arc::new(Self(milliseconds.into()))
    }

    pub(crate) fn advance(&self, milliseconds: u64) {
        self.0.fetch_add(milliseconds, Ordering::Relaxed);
    }
}

impl Clock for SetClock {
    fn now(&self) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_millis(self.milliseconds()))
    }

    fn milliseconds(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
