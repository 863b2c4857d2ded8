//! The session keys of a connection, from its master secret and both hellos (RFC 5246 6.3): to seal and open what the two
//! sides say to each other.

use std::collections::HashMap;
use std::sync::Mutex;
use std::thread::{self, ThreadId};

use clasp_crypto::default_provider;
use clasp_handshake::{KeyLog, Session, Suite};
use clasp_keys::{DirectionKeys, KeyBlock, KeyLengths, MasterSecret, Role, Schedule as _, Tls12};
use clasp_record::{Form, IvPolicy, Keys, Open, Seal};
use clasp_wire::RecordHeader;

/// Client random and master secret.
type Secret = ([u8; 32], [u8; 48]);

/// Keeps the first and the last master secret of each thread, as a configuration may serve several; and of TLS 1.3 the
/// latest secret under each label.
#[derive(Debug, Default)]
pub struct Secrets {
    master: Mutex<HashMap<ThreadId, (Secret, Secret)>>,
    traffic: Mutex<HashMap<(ThreadId, String), Vec<u8>>>,
}

impl Secrets {
    fn get(&self) -> Option<(Secret, Secret)> {
        self.master.lock().expect("nobody panics while holding it").get(&thread::current().id()).copied()
    }

    /// This thread's latest secret of TLS 1.3 under a label of the key log.
    pub fn traffic(&self, label: &str) -> Option<Vec<u8>> {
        let traffic = self.traffic.lock().expect("nobody panics while holding it");
        traffic.get(&(thread::current().id(), label.to_owned())).cloned()
    }

    /// Forgets all secrets of TLS 1.3: another connection is to begin.
    pub fn forget_traffic(&self) {
        self.traffic.lock().expect("nobody panics while holding it").clear();
    }

    /// This thread's first client random and master secret.
    pub fn first(&self) -> Option<Secret> {
        self.get().map(|(first, _)| first)
    }

    /// This thread's last client random and master secret: after a renegotiation, its own.
    pub fn last(&self) -> Option<Secret> {
        self.get().map(|(_, last)| last)
    }
}

impl KeyLog for Secrets {
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        if label != "CLIENT_RANDOM" {
            let mut traffic = self.traffic.lock().expect("nobody panics while holding it");
            traffic.insert((thread::current().id(), label.to_owned()), secret.to_vec());
            return;
        }
        let secret = secret.try_into().expect("a master secret has 48 bytes");
        let mut secrets = self.master.lock().expect("nobody panics while holding it");
        let secret = (*client_random, secret);
        secrets.entry(thread::current().id()).or_insert((secret, secret)).1 = secret;
    }
}

/// The keys of both directions.
pub struct SessionKeys {
    /// The agreed suite.
    pub suite: &'static Suite,
    /// Whether CBC records are encrypted before they are authenticated.
    pub encrypt_then_mac: bool,
    block: KeyBlock,
}

impl SessionKeys {
    /// The keys of the first session of a connection, which was established with the first secret. `from_server` is what the
    /// server sent: it begins with its hello. `None` when it does not.
    pub fn derive(session: &Session, secrets: &Secrets, from_server: &[u8]) -> Option<Self> {
        let (client_random, master) = secrets.first()?;
        let suite = session.suite();
        let lengths = suite.bulk.lengths(IvPolicy::Explicit);
        let lengths = KeyLengths { mac_key: lengths.mac_key, key: lengths.key, iv: lengths.iv };
        let schedule = Tls12::new(default_provider(), suite.prf)?;
        let server_random = server_random(from_server)?;
        let block = schedule.master_key(&MasterSecret::new(master)).key_block(&client_random, &server_random, lengths);
        Some(Self { suite, encrypt_then_mac: session.encrypt_then_mac(), block })
    }

    /// The keys with which `role` writes.
    pub fn half(&self, role: Role) -> DirectionKeys {
        self.block.half(role)
    }

    fn form(&self, session_version: clasp_wire::ProtocolVersion) -> Form {
        Form::new(session_version, IvPolicy::Explicit, self.encrypt_then_mac)
    }

    /// Seals what `role` writes.
    pub fn sealer(&self, role: Role) -> Box<dyn Seal> {
        let half = self.half(role);
        let keys = Keys { mac_key: half.mac_key(), key: half.key(), iv: half.iv() };
        self.suite.bulk.seal(default_provider(), keys, self.form(self.suite.versions.1)).expect("keys that were in use")
    }

    /// Opens what `role` writes.
    pub fn opener(&self, role: Role) -> Box<dyn Open> {
        let half = self.half(role);
        let keys = Keys { mac_key: half.mac_key(), key: half.key(), iv: half.iv() };
        self.suite.bulk.open(default_provider(), keys, self.form(self.suite.versions.1)).expect("keys that were in use")
    }
}

/// The random value in the ServerHello that these bytes begin with: behind the headers of record and message, and the
/// version (RFC 5246 7.4.1.3).
fn server_random(from_server: &[u8]) -> Option<[u8; 32]> {
    from_server.get(RecordHeader::LEN + 4 + 2..)?.first_chunk().copied()
}

/// The whole records that the bytes begin with, each with its header.
pub fn records(mut bytes: &[u8]) -> Vec<(RecordHeader, &[u8])> {
    let mut out = Vec::new();
    while let Some(header) = RecordHeader::parse(bytes) {
        let end = RecordHeader::LEN + usize::from(header.length);
        let Some((record, rest)) = bytes.split_at_checked(end) else { break };
        out.push((header, record));
        bytes = rest;
    }
    out
}
