//! Blocking streams in TLS 1.3: early data, new keys, what comes after the handshake (RFC 8446 2.3, 4.6).

use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::*;
use crate::cert::WebPkiClientVerifier;
use crate::wire::NamedGroup;
use crate::{Identity, Policy, RootStore};

fn made() -> (Identity, RootStore) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = crate::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = crate::crypto::default_provider();
    let identity = Identity::from_der(vec![made.cert.der().clone()], &key, provider).unwrap();
    let mut roots = RootStore::default();
    roots.add_der(made.cert.der()).unwrap();
    (identity, roots)
}

fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server = listener.accept().unwrap().0;
    for socket in [&client, &server] {
        // A hang is a failure.
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    }
    (client, server)
}

fn server_config(identity: &Identity, policy: Policy) -> Arc<ServerConfig> {
    ServerConfig::builder(policy).identity(identity.clone()).early_data(1 << 20).build().unwrap()
}

/// A connection with early data; the server tells what came early, and reads the rest of `length` bytes afterwards.
fn connect(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    data: &[u8],
) -> (EarlyData, usize, Vec<u8>, Vec<u8>) {
    let (ours, theirs) = tcp();
    let (server, length) = (Arc::clone(server), data.len());
    let serving = thread::spawn(move || {
        let mut stream = Stream::server_early(server, theirs);
        let mut early = Vec::new();
        while let Some(piece) = stream.read_early().unwrap() {
            early.extend_from_slice(&piece);
        }
        let mut stream = stream.handshake().unwrap();
        let mut rest = vec![0; length - early.len()];
        stream.read_exact(&mut rest).unwrap();
        stream.write_all(b"reply").unwrap();
        stream.close().unwrap();
        (early, rest)
    });
    let (mut stream, taken) = Stream::client_with_early_data(Arc::clone(client), "localhost", ours, data).unwrap();
    stream.write_all(&data[taken..]).unwrap();
    stream.flush().unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    assert_eq!(reply, b"reply");
    let (early, rest) = serving.join().unwrap();
    (stream.session().unwrap().early_data(), taken, early, rest)
}

#[test]
fn early_data_is_taken_or_sent_again() {
    let (identity, roots) = made();
    let client = ClientConfig::builder(Policy::modern()).roots(roots).early_data(true).build().unwrap();
    let server = server_config(&identity, Policy::modern());
    let none = || Vec::<u8>::new();
    let few = b"few".to_vec();
    assert_eq!(connect(&client, &server, &few), (EarlyData::NotOffered, 0, none(), few.clone()));
    // More than waits to be sent at a time.
    let many: Vec<u8> = (0..=250).cycle().take(300_000).collect();
    for data in [few.clone(), many.clone()] {
        let (outcome, taken, early, rest) = connect(&client, &server, &data);
        assert_eq!((outcome, taken), (EarlyData::Accepted, data.len()));
        // What came together with the end of the handshake is read after it.
        assert!([early, rest].concat() == data);
    }
    // A server that was started anew, and one that asks for another hello.
    let p384 = Policy::modern().with_groups(&[NamedGroup::SECP384R1]);
    for other in [server_config(&identity, Policy::modern()), server_config(&identity, p384)] {
        assert_eq!(connect(&client, &other, &few), (EarlyData::Rejected, 0, none(), few.clone()));
        // That left tickets of the other one's.
        let (outcome, taken, ..) = connect(&client, &server, &few);
        assert_ne!((outcome, taken), (EarlyData::NotOffered, 0));
        connect(&client, &server, &few);
    }
}

#[test]
fn new_keys_and_a_certificate_asked_for_later() {
    let (identity, roots) = made();
    let auth = ClientAuth::Require(Arc::new(WebPkiClientVerifier::builder(roots.clone()).build().unwrap()));
    let client = ClientConfig::builder(Policy::modern()).roots(roots).identity(identity.clone());
    let client = client.post_handshake_auth(true).build().unwrap();
    let server = ServerConfig::builder(Policy::modern()).identity(identity).build().unwrap();
    let (ours, theirs) = tcp();
    let serving = thread::spawn(move || {
        let mut stream = Stream::server(server, theirs).unwrap();
        for round in 0..1000_u32 {
            let mut got = [0; 4];
            stream.read_exact(&mut got).unwrap();
            assert_eq!(got, round.to_be_bytes());
            stream.update_keys(round % 3 == 0).unwrap();
            stream.write_all(&got).unwrap();
        }
        let session = stream.request_client_certificate(auth).unwrap().unwrap();
        assert!(session.client_authenticated());
        stream.write_all(b"welcome").unwrap();
        stream.close().unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    });
    let mut stream = Stream::client(client, "localhost", ours).unwrap();
    for round in 0..1000_u32 {
        stream.write_all(&round.to_be_bytes()).unwrap();
        stream.update_keys(round % 2 == 0).unwrap();
        let mut got = [0; 4];
        stream.read_exact(&mut got).unwrap();
        assert_eq!(got, round.to_be_bytes());
    }
    let mut got = Vec::new();
    stream.read_to_end(&mut got).unwrap();
    assert_eq!(got, b"welcome");
    assert!(stream.session().unwrap().client_authenticated());
    stream.close().unwrap();
    assert!(stream.update_keys(false).is_err());
    serving.join().unwrap();
}

/// The client is done when it has sent its Finished, and the server may not like what came before it.
#[test]
fn a_certificate_that_is_refused_is_told_by_the_first_read() {
    let ((identity, roots), (stranger, _)) = (made(), made());
    let auth = ClientAuth::Require(Arc::new(WebPkiClientVerifier::builder(roots.clone()).build().unwrap()));
    let client = ClientConfig::builder(Policy::modern()).roots(roots).identity(stranger).build().unwrap();
    let server = ServerConfig::builder(Policy::modern()).identity(identity).client_auth(auth).build().unwrap();
    let (ours, theirs) = tcp();
    let serving = thread::spawn(move || Stream::server(server, theirs).map(|_| ()).unwrap_err());
    let mut stream = Stream::client(client, "localhost", ours).unwrap();
    let error = stream.read(&mut [0]).unwrap_err();
    let cause = error.get_ref().unwrap().downcast_ref::<Error>().unwrap();
    assert!(matches!(cause, Error::AlertReceived(_)), "{cause:?}");
    serving.join().unwrap();
}
