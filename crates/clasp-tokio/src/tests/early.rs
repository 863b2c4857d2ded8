//! Early data over streams: taken, refused, sent again by somebody else (RFC 8446 2.3, 8).

use std::io;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use clasp_crypto::default_provider;
use clasp_handshake::wire::NamedGroup;
use clasp_handshake::{EarlyData, ReplayMemory, ServerConfigBuilder, TicketKeys};
use tokio::io::ReadBuf;

use super::transport::Stutter;
use super::*;

/// An identity, a client that may send early data to it, and servers that take some.
struct Early {
    identity: Identity,
    connector: Connector,
}

impl Early {
    fn new() -> Self {
        let (identity, roots) = made();
        let client = ClientConfig::builder(Policy::modern()).roots(roots).early_data(true).build().unwrap();
        Self { identity, connector: Connector::new(client) }
    }

    fn acceptor(&self, bytes: u32, more: impl FnOnce(ServerConfigBuilder) -> ServerConfigBuilder) -> Acceptor {
        self.acceptor_of(Policy::modern(), bytes, more)
    }

    fn acceptor_of(
        &self,
        policy: Policy,
        bytes: u32,
        more: impl FnOnce(ServerConfigBuilder) -> ServerConfigBuilder,
    ) -> Acceptor {
        let server = ServerConfig::builder(policy).identity(self.identity.clone()).early_data(bytes);
        Acceptor::new(more(server).build().unwrap())
    }

    /// A first connection, which leaves tickets. They come with the reading.
    async fn visit(&self, acceptor: &Acceptor) {
        let (a, b) = duplex(4096);
        let (mut client, mut server) = tokio::try_join!(self.connector.connect(NAME, a), acceptor.accept(b)).unwrap();
        send(&mut server, b"x").await;
        client.read_exact(&mut [0]).await.unwrap();
    }
}

/// Data both ways.
async fn go_on<A, B>(client: &mut TlsStream<A>, server: &mut TlsStream<B>)
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let mut got = [0; 5];
    tokio::join!(send(client, b"later"), async { server.read_exact(&mut got).await.unwrap() });
    assert_eq!(&got, b"later");
    tokio::join!(send(server, b"reply"), async { client.read_exact(&mut got).await.unwrap() });
    assert_eq!(&got, b"reply");
}

#[tokio::test]
async fn it_is_read_before_the_handshake_is_done() {
    let early = Early::new();
    let acceptor = early.acceptor(1000, |server| server);
    for capacity in [1, 100, 1 << 16] {
        early.visit(&acceptor).await;
        let (a, b) = duplex(capacity);
        let serving = async {
            let mut stream = acceptor.accept_early(b);
            let first = stream.read_early().await.unwrap().unwrap();
            assert_eq!(first, &b"GET / HTTP/1.0"[..]);
            assert_eq!(stream.read_early().await.unwrap(), None);
            stream.handshake().await.unwrap()
        };
        let connecting = early.connector.connect_with_early_data(NAME, a, b"GET / HTTP/1.0");
        let (connected, mut server) =
            timeout(Duration::from_secs(20), async { tokio::join!(connecting, serving) }).await.unwrap();
        let (mut client, taken) = connected.unwrap();
        assert_eq!(taken, 14);
        assert_eq!(client.session().early_data(), EarlyData::Accepted);
        assert_eq!(server.session().early_data(), EarlyData::Accepted);
        go_on(&mut client, &mut server).await;
    }
}

#[tokio::test]
async fn what_nobody_took_early_is_read_first() {
    let early = Early::new();
    let acceptor = early.acceptor(1000, |server| server);
    early.visit(&acceptor).await;
    let (a, b) = duplex(700);
    let sent = data(5000);
    let (connected, server) = tokio::join!(early.connector.connect_with_early_data(NAME, a, &sent), acceptor.accept(b));
    let ((mut client, taken), mut server) = (connected.unwrap(), server.unwrap());
    assert_eq!(taken, 1000, "as much as the server said it takes");
    let mut got = vec![0; sent.len()];
    let (written, read) = tokio::join!(
        async {
            client.write_all(&sent[taken..]).await?;
            client.flush().await
        },
        server.read_exact(&mut got)
    );
    written.unwrap();
    read.unwrap();
    assert!(got == sent);
    go_on(&mut client, &mut server).await;
}

#[tokio::test]
async fn over_a_transport_that_moves_single_bytes() {
    let early = Early::new();
    let acceptor = early.acceptor(1000, |server| server);
    early.visit(&acceptor).await;
    let (a, b) = duplex(64);
    let sent = data(600);
    let connecting = early.connector.connect_with_early_data(NAME, Stutter::new(a), &sent);
    let (connected, server) = tokio::join!(connecting, acceptor.accept(Stutter::new(b)));
    let ((mut client, taken), mut server) = (connected.unwrap(), server.unwrap());
    assert_eq!(taken, 600);
    let mut got = vec![0; 600];
    server.read_exact(&mut got).await.unwrap();
    assert!(got == sent);
    go_on(&mut client, &mut server).await;
}

#[tokio::test]
async fn without_a_session_none_is_sent() {
    let early = Early::new();
    let acceptor = early.acceptor(1000, |server| server);
    let (a, b) = duplex(4096);
    let serving = async {
        let mut stream = acceptor.accept_early(b);
        assert_eq!(stream.read_early().await.unwrap(), None);
        stream.handshake().await.unwrap()
    };
    let (connected, mut server) = tokio::join!(early.connector.connect_with_early_data(NAME, a, b"early"), serving);
    let (mut client, taken) = connected.unwrap();
    assert_eq!((taken, client.session().early_data()), (0, EarlyData::NotOffered));
    go_on(&mut client, &mut server).await;
}

/// A server that was started anew cannot open the ticket, nor one that asks for another hello use what follows the first.
#[tokio::test]
async fn what_is_refused_is_passed_over_and_sent_again() {
    let early = Early::new();
    let first = early.acceptor(20_000, |server| server);
    let p384 = Policy::modern().with_groups(&[NamedGroup::SECP384R1]);
    let others = [
        early.acceptor(20_000, |server| server),
        early.acceptor_of(p384, 20_000, |server| server),
        early.acceptor(0, |server| server),
    ];
    let sent = data(15_000);
    for other in &others {
        early.visit(&first).await;
        let (a, b) = duplex(900);
        let serving = async {
            let mut stream = other.accept_early(b);
            assert_eq!(stream.read_early().await.unwrap(), None);
            stream.handshake().await.unwrap()
        };
        let connecting = early.connector.connect_with_early_data(NAME, a, &sent);
        let (connected, mut server) =
            timeout(Duration::from_secs(20), async { tokio::join!(connecting, serving) }).await.unwrap();
        let (mut client, taken) = connected.unwrap();
        assert_eq!((taken, client.session().early_data()), (0, EarlyData::Rejected));
        assert_eq!(server.session().early_data(), EarlyData::Rejected);
        go_on(&mut client, &mut server).await;
    }
}

/// Keeps what is written.
#[derive(Debug)]
struct Tap(DuplexStream, Arc<Mutex<Vec<u8>>>);

impl AsyncRead for Tap {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, out)
    }
}

impl AsyncWrite for Tap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let written = std::task::ready!(Pin::new(&mut self.0).poll_write(cx, data))?;
        self.1.lock().unwrap().extend_from_slice(&data[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// The records up to the first of application data: the hello, and what came with it.
fn first_flight(recording: &[u8]) -> &[u8] {
    let mut at = 0;
    while let [typ, _, _, high, low, ..] = recording[at..] {
        at += 5 + usize::from(u16::from_be_bytes([high, low]));
        if typ == 23 {
            break;
        }
    }
    &recording[..at]
}

/// Plays a recording to a server, and says what early data it takes.
async fn play(acceptor: &Acceptor, recording: &[u8]) -> Vec<u8> {
    let (mut a, b) = duplex(1 << 16);
    a.write_all(first_flight(recording)).await.unwrap();
    a.shutdown().await.unwrap();
    let mut stream = acceptor.accept_early(b);
    let mut taken = Vec::new();
    loop {
        match stream.read_early().await {
            Ok(Some(piece)) => taken.extend_from_slice(&piece),
            Ok(None) => panic!("a recording cannot finish a handshake"),
            Err(_) => return taken,
        }
    }
}

/// Somebody on the way sends again what a client sent (RFC 8446 8).
#[tokio::test]
async fn a_recording_is_not_taken_again() {
    let early = Early::new();
    let keys = Arc::new(TicketKeys::generate(default_provider()).unwrap());
    let memory = || Arc::new(ReplayMemory::default());
    let acceptor = early.acceptor(1000, |server| server.ticket_keys(Arc::clone(&keys)).anti_replay(memory()));
    early.visit(&acceptor).await;
    let (a, b) = duplex(1 << 16);
    let recording = Arc::<Mutex<Vec<u8>>>::default();
    let connecting = early.connector.connect_with_early_data(NAME, Tap(a, Arc::clone(&recording)), b"pay 100");
    let (connected, server) = tokio::join!(connecting, acceptor.accept(b));
    assert_eq!((connected.unwrap().1, server.unwrap().session().early_data()), (7, EarlyData::Accepted));
    let recording = recording.lock().unwrap().clone();
    for _ in 0..3 {
        assert_eq!(play(&acceptor, &recording).await, b"");
    }
    // Not so by a server that shares the keys and not the memory: that is what the memory is for. Once there, too.
    let other = early.acceptor(1000, |server| server.ticket_keys(Arc::clone(&keys)).anti_replay(memory()));
    assert_eq!(play(&other, &recording).await, b"pay 100");
    assert_eq!(play(&other, &recording).await, b"");
    // One that was just started with keys of others cannot know what came before, and takes none at first.
    let restarted = early.acceptor(1000, |server| server.ticket_keys(Arc::clone(&keys)));
    assert_eq!(play(&restarted, &recording).await, b"");
}

#[tokio::test]
async fn a_dropped_read_of_early_data_loses_nothing() {
    let early = Early::new();
    let acceptor = early.acceptor(1000, |server| server);
    early.visit(&acceptor).await;
    let (a, b) = duplex(1 << 16);
    let mut stream = acceptor.accept_early(b);
    assert!(timeout(Duration::from_millis(1), stream.read_early()).await.is_err());
    let connecting = tokio::spawn({
        let connector = early.connector.clone();
        async move { connector.connect_with_early_data(NAME, a, b"early").await.unwrap() }
    });
    assert_eq!(stream.read_early().await.unwrap().unwrap(), &b"early"[..]);
    let mut server = stream.handshake().await.unwrap();
    let (mut client, taken) = connecting.await.unwrap();
    assert_eq!(taken, 5);
    go_on(&mut client, &mut server).await;
}
