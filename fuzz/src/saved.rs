//! Sessions as they are kept: bytes that a store gives back, and tickets (RFC 5077, RFC 8446 4.6.1). What is in a store is
//! trusted, but it may be damaged, of another release, or somebody else's.

use std::sync::{Arc, Mutex};

use clasp_cert::MaybeReady;
use clasp_handshake::{ClientConfig, Connection, MemorySessions, Policy, ReplayMemory, ServerConfig, SessionStore};
use clasp_wire::ProtocolVersion;
use zeroize::Zeroizing;

use crate::chance;
use crate::mutated::{FROM_CLIENT, FROM_SERVER, MOST_ROUNDS};
use crate::mutated13::without_client;
use crate::run::{Extras, Run};
use crate::setup::{GROUPS, Keyed, NAME, cast, client, name, server};

/// A store that gives out the same bytes whatever it is asked for, once they are planted, and shows what was put in first.
#[derive(Debug, Default)]
struct Planted {
    kept: MemorySessions,
    first: Mutex<Option<Vec<u8>>>,
    given: Mutex<Option<Vec<u8>>>,
}

impl SessionStore for Planted {
    fn get<'a>(&'a self, key: &'a [u8]) -> MaybeReady<'a, Option<Zeroizing<Vec<u8>>>> {
        match &*self.given.lock().expect("nobody panics while holding it") {
            Some(bytes) => MaybeReady::ready(Some(Zeroizing::new(bytes.clone()))),
            None => self.kept.get(key),
        }
    }

    fn put<'a>(&'a self, key: &'a [u8], session: Zeroizing<Vec<u8>>) -> MaybeReady<'a, ()> {
        self.first.lock().expect("nobody panics while holding it").get_or_insert_with(|| session.to_vec());
        self.kept.put(key, session)
    }

    fn remove<'a>(&'a self, key: &'a [u8]) -> MaybeReady<'a, ()> {
        self.kept.remove(key)
    }
}

/// Two sides with a session of theirs in each store.
struct Friends {
    client: Keyed<ClientConfig>,
    server: Keyed<ServerConfig>,
    of_client: Arc<Planted>,
    of_server: Arc<Planted>,
}

impl Friends {
    /// The low bit chooses TLS 1.2 or 1.3, the next whether the server seals tickets, and the third whether the client shows a
    /// certificate.
    fn new(choice: u8) -> Self {
        let version = [ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_3][usize::from(choice & 1)];
        let policy = Policy::compatible().with_versions(version, version).with_groups(&GROUPS[..1]);
        let (of_client, of_server) = (Arc::<Planted>::default(), Arc::<Planted>::default());
        let mut client = client(policy.clone()).session_store(of_client.clone()).early_data(true);
        let mut server = server(policy)
            .session_store(of_server.clone())
            .tickets(choice & 2 != 0)
            .early_data(1024)
            .anti_replay(Arc::new(ReplayMemory::default()));
        if choice & 4 != 0 {
            client = client.identity(cast().client_ecdsa.clone());
            server = server.client_auth(crate::setup::Ask::Request.client_auth());
        }
        chance::begin();
        let this = Self { client: Keyed::client(client), server: Keyed::server(server), of_client, of_server };
        let (ours, theirs) = this.meet();
        assert!(ours.closed && theirs.closed && !ours.resumed(), "the first handshake went wrong");
        this
    }

    fn meet(&self) -> (Run, Run) {
        let extras = Extras { early: b"early", ..Extras::default() };
        let connection = Connection::client(Arc::clone(&self.client.config), name());
        let mut client = Run::with(connection, self.client.secrets.clone(), FROM_CLIENT, extras);
        let mut server = Run::server(&self.server, FROM_SERVER);
        for round in 0.. {
            let (from_client, from_server) = (std::mem::take(&mut client.sent), std::mem::take(&mut server.sent));
            if from_client.is_empty() && from_server.is_empty() {
                break;
            }
            server.receive(&from_client);
            client.receive(&from_server);
            assert!(round < MOST_ROUNDS, "the two sides never come to rest");
        }
        client.receive_eof();
        server.receive_eof();
        (client, server)
    }

    fn store(&self, choice: u8) -> &Planted {
        if choice & 8 == 0 { &self.of_client } else { &self.of_server }
    }
}

/// The genuine session that a choice leads to, as it is kept; `None` where none is.
pub fn genuine_session(choice: u8) -> Option<Vec<u8>> {
    Friends::new(choice).store(choice).first.lock().expect("nobody panics while holding it").clone()
}

/// How many bytes of a session say its form, version, suite, and whether there is an extended master secret; and how many its
/// form and version.
const AGREED: usize = 6;
/// See [`AGREED`].
const AGREED_13: usize = 3;

/// The first byte chooses how the session was made ([`Friends::new`]), and by its fourth bit whether it is the client's store
/// or the server's that has it. What follows stands in that store, whatever it is asked for.
pub fn saved_session(input: &[u8]) {
    let Some((choice, bytes)) = input.split_first() else { return };
    let friends = Friends::new(*choice);
    let store = friends.store(*choice);
    let is_genuine = store.first.lock().expect("nobody panics while holding it").as_deref() == Some(bytes);
    *store.given.lock().expect("nobody panics while holding it") = Some(bytes.to_vec());
    let (client, server) = friends.meet();
    if let (Some(of_client), Some(of_server)) = (client.view(), server.view()) {
        assert_eq!(without_client(&of_client), without_client(&of_server), "established on different views");
    }
    assert!(b"earlyfrom the client".starts_with(&server.read[..]) || FROM_CLIENT.starts_with(&server.read));
    assert!(FROM_SERVER.starts_with(&client.read));
    // What a session was agreed under: version, suite, extended master secret (RFC 5246 7.3, RFC 7627 5.3). TLS 1.3 takes up
    // a session under another suite of the same hash, and has nothing else to compare.
    let genuine = store.first.lock().expect("nobody panics while holding it").clone();
    let compared = if choice & 1 == 0 { AGREED } else { AGREED_13 };
    let same = genuine.is_none_or(|genuine| bytes.get(..compared) == genuine.get(..compared));
    assert!(same || !client.resumed() || !server.resumed(), "a session is taken up that was agreed otherwise");
    // Where there are tickets, the server's store is not asked.
    if choice & 8 != 0 && choice & 2 == 0 {
        let named = bytes.windows(NAME.len()).any(|bytes| bytes == NAME.as_bytes());
        assert!(named || !server.resumed(), "a server takes up a session with another name");
    }
    if is_genuine {
        assert!(client.closed && server.closed, "{} / {}", client.verdict(), server.verdict());
        assert!(client.resumed() && server.resumed(), "a session is not taken up that is as it was");
    }
}
