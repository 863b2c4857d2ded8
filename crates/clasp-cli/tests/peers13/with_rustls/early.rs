//! Early data between Clasp and rustls, taken, refused, and sent twice (RFC 8446 4.2.10, 8).

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use clasp::handshake::EarlyData;
use clasp::wire::NamedGroup;
use clasp::{ClientConfig, ServerConfig};
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::server::ServerSessionMemoryCache;
use rustls::{ClientConnection, ServerConnection};

use super::{Beneath, Client, Server, beneath, our_server, their_client, their_server};
use crate::certs::pki;
use crate::end::{Ours, answer, serve, talk, tls13};
use crate::ends::{accept, client_config, tcp};

const EARLY: &[u8] = b"early, and harmless twice";

/// Clasp connects with early data; gives what became of it in our eyes, and what rustls read before its handshake was done.
fn early_to_theirs(config: &Arc<ClientConfig>, theirs: &Arc<rustls::ServerConfig>) -> (EarlyData, Vec<u8>) {
    let theirs = Arc::clone(theirs);
    let serving = serve(move |listener| {
        let mut end = Server::new(ServerConnection::new(theirs).unwrap(), accept(&listener).unwrap());
        let early = their_early(&mut end);
        answer(&mut end, 3000).unwrap();
        early
    });
    let mut end = Ours::client(config, serving.port);
    end.hello_with(EARLY).unwrap();
    end.handshake().unwrap();
    let fate = end.session().early_data();
    talk(&mut end, 3000).unwrap();
    (fate, serving.join())
}

/// Shakes hands as rustls, and gives the early data that came.
fn their_early(end: &mut Server) -> Vec<u8> {
    let mut early = Vec::new();
    while end.conn.is_handshaking() {
        end.conn.complete_io(&mut end.sock).unwrap();
        if let Some(mut reader) = end.conn.early_data() {
            reader.read_to_end(&mut early).unwrap();
        }
    }
    early
}

#[test]
fn early_data_to_rustls() {
    let mut theirs = their_server(Beneath::aws().all(), &pki().p256, false);
    theirs.max_early_data_size = 1000;
    theirs.session_storage = ServerSessionMemoryCache::new(100);
    let theirs = Arc::new(theirs);
    let client = client_config(tls13()).early_data(true).build().unwrap();
    // There is no session yet; then there is.
    assert_eq!(early_to_theirs(&client, &theirs), (EarlyData::NotOffered, Vec::new()));
    for _ in 0..2 {
        assert_eq!(early_to_theirs(&client, &theirs), (EarlyData::Accepted, EARLY.to_vec()));
    }
    // A server that knows nothing of the session; and one that wants another group.
    let other = |provider| {
        let mut theirs = their_server(provider, &pki().p256, false);
        theirs.max_early_data_size = 1000;
        Arc::new(theirs)
    };
    assert_eq!(early_to_theirs(&client, &other(Beneath::aws().all())), (EarlyData::Rejected, Vec::new()));
    let (aws, group) = (Beneath::aws(), aws_lc_rs::kx_group::SECP384R1);
    let narrow = other(aws.with(&[group], &aws.suites));
    assert_eq!(early_to_theirs(&client, &narrow), (EarlyData::Rejected, Vec::new()));
}

/// The same hello and early data, sent to rustls a second time by somebody on the way.
#[test]
fn early_data_that_comes_to_rustls_twice() {
    let mut theirs = their_server(Beneath::aws().all(), &pki().p256, false);
    theirs.max_early_data_size = 1000;
    let theirs = Arc::new(theirs);
    let client = client_config(tls13()).early_data(true).build().unwrap();
    early_to_theirs(&client, &theirs);
    let mut end = Ours::client(&client, TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port());
    end.tls.poll_now().unwrap();
    assert_eq!(end.tls.write_early(EARLY).unwrap(), EARLY.len());
    let recorded = end.tls.output().split();
    for taken in [true, false] {
        let mut conn = ServerConnection::new(Arc::clone(&theirs)).unwrap();
        let mut from = &recorded[..];
        while !from.is_empty() {
            conn.read_tls(&mut from).unwrap();
            conn.process_new_packets().unwrap();
        }
        assert_eq!(conn.early_data().is_some(), taken);
    }
}

/// rustls connects with early data; gives whether it says that this was taken, and what we read before our handshake was
/// done.
fn early_to_ours(theirs: &Arc<rustls::ClientConfig>, config: &Arc<ServerConfig>) -> (bool, Vec<u8>) {
    let config = Arc::clone(config);
    let serving = serve(move |listener| {
        let mut end = Ours::server(&config, accept(&listener).unwrap());
        let early = end.handshake_with_early_data().unwrap();
        answer(&mut end, 3000).unwrap();
        early
    });
    let name = ServerName::try_from("localhost").unwrap();
    let mut end = Client::new(ClientConnection::new(Arc::clone(theirs), name).unwrap(), tcp(serving.port));
    if let Some(mut writer) = end.conn.early_data() {
        writer.write_all(EARLY).unwrap();
    }
    while end.conn.is_handshaking() {
        end.conn.complete_io(&mut end.sock).unwrap();
    }
    let taken = end.conn.is_early_data_accepted();
    talk(&mut end, 3000).unwrap();
    (taken, serving.join())
}

#[test]
fn early_data_from_rustls() {
    for beneath in beneath() {
        let mut theirs = their_client(beneath.all(), None);
        theirs.enable_early_data = true;
        theirs.resumption = Resumption::in_memory_sessions(4);
        let theirs = Arc::new(theirs);
        let server = |policy| our_server(policy, &pki().p256).early_data(1000).build().unwrap();
        let one = server(tls13());
        assert_eq!(early_to_ours(&theirs, &one), (false, Vec::new()));
        for _ in 0..2 {
            assert_eq!(early_to_ours(&theirs, &one), (true, EARLY.to_vec()), "{}", beneath.name);
        }
        // Servers that cannot open the ticket, the second after another hello.
        assert_eq!(early_to_ours(&theirs, &server(tls13())), (false, Vec::new()));
        let narrow = server(tls13().with_groups(&[NamedGroup::SECP384R1]));
        assert_eq!(early_to_ours(&theirs, &narrow), (false, Vec::new()));
    }
}

#[test]
fn early_data_that_comes_to_clasp_twice() {
    let mut theirs = their_client(Beneath::aws().all(), None);
    theirs.enable_early_data = true;
    let theirs = Arc::new(theirs);
    let server = our_server(tls13(), &pki().p256).early_data(1000).build().unwrap();
    early_to_ours(&theirs, &server);
    let mut conn = ClientConnection::new(theirs, ServerName::try_from("localhost").unwrap()).unwrap();
    conn.early_data().unwrap().write_all(EARLY).unwrap();
    let mut recorded = Vec::new();
    while conn.wants_write() {
        conn.write_tls(&mut recorded).unwrap();
    }
    for taken in [true, false] {
        let mut tls = clasp::Connection::server(Arc::clone(&server));
        assert_eq!(tls.receive(&recorded), recorded.len());
        tls.poll_now().unwrap();
        assert_eq!(tls.read_early().is_some(), taken);
    }
}
