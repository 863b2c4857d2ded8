//! Shaking hands again while data flows (RFC 5746).

use clasp_handshake::cert::WebPkiClientVerifier;
use clasp_handshake::wire::ProtocolVersion;
use clasp_handshake::{ClientAuth, Error as TlsError};

use super::*;

/// Both ends with a policy that renegotiates; the client has a certificate that the server's roots know.
fn willing() -> (Connector, Acceptor, ClientAuth) {
    let (identity, roots) = made();
    let verifier = WebPkiClientVerifier::builder(roots.clone()).build().unwrap();
    let policy = Policy::compatible().with_versions(ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_2);
    let client = ClientConfig::builder(policy.clone()).roots(roots).identity(identity.clone()).build().unwrap();
    let server = ServerConfig::builder(policy).identity(identity).build().unwrap();
    (Connector::new(client), Acceptor::new(server), ClientAuth::Require(Arc::new(verifier)))
}

async fn willing_streams(capacity: usize) -> (TlsStream<DuplexStream>, TlsStream<DuplexStream>, ClientAuth) {
    let (connector, acceptor, auth) = willing();
    let (a, b) = duplex(capacity);
    let (client, server) = tokio::try_join!(connector.connect(NAME, a), acceptor.accept(b)).unwrap();
    (client, server, auth)
}

#[tokio::test]
async fn the_client_waits_for_it_while_the_server_streams() {
    let (mut client, server, _) = willing_streams(20_000).await;
    let (mut read, mut write) = tokio::io::split(server);
    let streaming = tokio::spawn(async move {
        write.write_all(&data(100_000)).await.unwrap();
        write.shutdown().await.unwrap();
        write
    });
    let listening = tokio::spawn(async move {
        let mut got = Vec::new();
        read.read_to_end(&mut got).await.unwrap();
        (got, read)
    });
    let session = timeout(Duration::from_secs(20), client.renegotiate()).await.unwrap().unwrap();
    assert_eq!(session.renegotiations(), 1);
    let mut got = Vec::new();
    client.read_to_end(&mut got).await.unwrap();
    assert!(got == data(100_000));
    client.write_all(b"end").await.unwrap();
    client.shutdown().await.unwrap();
    let (heard, read) = listening.await.unwrap();
    assert_eq!(heard, b"end");
    let server = read.unsplit(streaming.await.unwrap());
    assert_eq!(server.session().renegotiations(), 1);
}

#[tokio::test]
async fn begun_and_carried_on_by_reads_and_writes_with_both_directions_full() {
    for from_client in [true, false] {
        let (mut client, mut server, _) = willing_streams(5_000).await;
        if from_client { client.start_renegotiation() } else { server.start_renegotiation() }.unwrap();
        let run = |stream: TlsStream<DuplexStream>| async move {
            let (mut read, mut write) = tokio::io::split(stream);
            let writing = async {
                write.write_all(&data(1 << 20)).await.unwrap();
                write.shutdown().await.unwrap();
            };
            let mut got = Vec::new();
            let (read_all, ()) = tokio::join!(read.read_to_end(&mut got), writing);
            read_all.unwrap();
            assert!(got == data(1 << 20));
            read.unsplit(write)
        };
        let both = async { tokio::join!(run(client), run(server)) };
        let (client, server) = timeout(Duration::from_secs(60), both).await.expect("no deadlock");
        assert_eq!((client.session().renegotiations(), server.session().renegotiations()), (1, 1), "{from_client}");
    }
}

#[tokio::test]
async fn the_server_asks_for_the_certificate_when_it_has_seen_the_request() {
    let (mut client, mut server, auth) = willing_streams(5_000).await;
    let serving = tokio::spawn(async move {
        let mut request = [0; 7];
        server.read_exact(&mut request).await.unwrap();
        assert!(!server.session().client_authenticated());
        let session = server.request_client_certificate(auth).await.unwrap();
        assert!(session.client_authenticated());
        send(&mut server, b"welcome").await;
        server
    });
    send(&mut client, b"/secret").await;
    let mut answer = [0; 7];
    timeout(Duration::from_secs(20), client.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"welcome");
    serving.await.unwrap();
}

#[tokio::test]
async fn declined_it_goes_on() {
    let (connector, acceptor) = endpoints();
    let (a, b) = duplex(5_000);
    let (mut client, mut server) = tokio::try_join!(connector.connect(NAME, a), acceptor.accept(b)).unwrap();
    let refused = client.renegotiate().await.unwrap_err();
    assert!(matches!(refused, Error::Tls(TlsError::NoRenegotiation(_))), "{refused}");
    send(&mut client, b"on").await;
    let mut got = [0; 2];
    server.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"on");
}
