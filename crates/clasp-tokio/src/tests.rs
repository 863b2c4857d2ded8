//! Streams over memory and over TCP.

mod again;
mod callbacks;
mod early;
mod hostile;
mod tls13;
mod transport;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clasp_handshake::cert::{Identity, MaybeReady, RootStore};
use clasp_handshake::{ClientConfig, ClientHelloInfo, IdentityResolver, Policy, Resolved, ServerConfig};
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::{Acceptor, Connector, Error, TlsStream};

const NAME: &str = "server.example";

fn made() -> (Identity, RootStore) {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut roots = RootStore::default();
    roots.add_der(made.cert.der()).unwrap();
    let provider = clasp_crypto::default_provider();
    (Identity::from_der(vec![made.cert.der().clone()], &key, provider).unwrap(), roots)
}

fn endpoints() -> (Connector, Acceptor) {
    let (identity, roots) = made();
    let client = ClientConfig::builder(Policy::modern()).roots(roots).build().unwrap();
    let server = ServerConfig::builder(Policy::modern()).identity(identity).build().unwrap();
    (Connector::new(client), Acceptor::new(server))
}

async fn streams(capacity: usize) -> (TlsStream<DuplexStream>, TlsStream<DuplexStream>) {
    let (connector, acceptor) = endpoints();
    let (a, b) = duplex(capacity);
    tokio::try_join!(connector.connect(NAME, a), acceptor.accept(b)).unwrap()
}

fn data(len: usize) -> Vec<u8> {
    (0..=250).cycle().step_by(131).take(len).collect()
}

async fn send<IO: AsyncRead + AsyncWrite + Unpin>(stream: &mut TlsStream<IO>, data: &[u8]) {
    stream.write_all(data).await.unwrap();
    stream.flush().await.unwrap();
}

#[tokio::test]
async fn a_mebibyte_each_way_at_once_and_a_clean_close() {
    for (capacity, size) in [(1, 10_000), (100, 100_000), (64 << 10, 1 << 20)] {
        let (client, server) = streams(capacity).await;
        let run = |stream: TlsStream<DuplexStream>| async move {
            let (mut read, mut write) = tokio::io::split(stream);
            let writing = async {
                write.write_all(&data(size)).await.unwrap();
                write.shutdown().await.unwrap();
            };
            let mut got = Vec::new();
            let reading = async { read.read_to_end(&mut got).await.unwrap() };
            tokio::join!(writing, reading);
            assert!(got == data(size));
        };
        timeout(Duration::from_secs(60), async { tokio::join!(run(client), run(server)) }).await.unwrap();
    }
}

#[tokio::test]
async fn echo_over_tcp() {
    let (connector, acceptor) = endpoints();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let mut tls = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
        let mut buffer = [0; 1000];
        loop {
            match tls.read(&mut buffer).await.unwrap() {
                0 => break,
                n => tls.write_all(&buffer[..n]).await.unwrap(),
            }
        }
        tls.shutdown().await.unwrap();
    });
    let mut tls = connector.connect(NAME, TcpStream::connect(address).await.unwrap()).await.unwrap();
    send(&mut tls, b"hello over tcp").await;
    tls.shutdown().await.unwrap();
    let mut got = Vec::new();
    tls.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"hello over tcp");
    server.await.unwrap();
}

#[tokio::test]
async fn half_closed_streams_still_read() {
    let (mut client, mut server) = streams(4096).await;
    client.shutdown().await.unwrap();
    assert_eq!(server.read(&mut [0; 10]).await.unwrap(), 0);
    send(&mut server, b"after your end").await;
    let mut got = [0; 14];
    client.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"after your end");
    assert_eq!(client.write(b"x").await.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn a_cut_is_no_end() {
    let (mut client, mut server) = streams(4096).await;
    send(&mut client, b"part").await;
    drop(client);
    let mut got = [0; 4];
    server.read_exact(&mut got).await.unwrap();
    let error = server.read(&mut got).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    let cause = error.get_ref().unwrap().downcast_ref::<clasp_handshake::Error>().unwrap();
    assert!(matches!(cause, clasp_handshake::Error::Truncated));
}

#[tokio::test]
async fn a_dropped_read_loses_nothing() {
    let (mut client, mut server) = streams(4096).await;
    for round in 0..20_u8 {
        let mut byte = [0; 1];
        assert!(timeout(Duration::from_millis(1), server.read(&mut byte)).await.is_err());
        send(&mut client, &[round, round]).await;
        server.read_exact(&mut byte).await.unwrap();
        assert_eq!(byte, [round]);
        server.read_exact(&mut byte).await.unwrap();
        assert_eq!(byte, [round]);
    }
}

#[tokio::test]
async fn a_slow_reader_holds_the_writer_up() {
    let (mut client, mut server) = streams(1024).await;
    let block = data(8192);
    let mut written = 0;
    while let Ok(sent) = timeout(Duration::from_millis(50), client.write(&block)).await {
        written += sent.unwrap();
        assert!(written < 1 << 20, "no back-pressure");
    }
    let mut got = vec![0; written];
    let (read, flushed) = tokio::join!(server.read_exact(&mut got), client.flush());
    read.unwrap();
    flushed.unwrap();
    assert!(got.chunks(block.len()).all(|chunk| chunk == &block[..chunk.len()]));
}

#[tokio::test]
async fn a_refusal_reaches_both_sides_typed() {
    let (connector, acceptor) = endpoints();
    let (a, b) = duplex(4096);
    let (client, server) = tokio::join!(connector.connect("elsewhere.example", a), acceptor.accept(b));
    assert!(matches!(client.unwrap_err(), Error::Tls(clasp_handshake::Error::Certificate { .. })));
    assert!(matches!(server.unwrap_err(), Error::Tls(clasp_handshake::Error::AlertReceived(_))));
    let (a, _b) = duplex(4096);
    assert!(matches!(connector.connect("not a name", a).await.unwrap_err(), Error::BadServerName(_)));
}
