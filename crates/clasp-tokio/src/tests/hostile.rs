//! What transports and peers may do that must not hang, lose or hold anything up.

use clasp_handshake::{Connection, Status};
use rustls_pki_types::ServerName;
use tokio::io::BufStream;

use super::transport::{Recorded, Stutter};
use super::*;

const LONG: Duration = Duration::from_secs(20);

/// Never answers.
#[derive(Debug)]
struct Silent;

impl IdentityResolver for Silent {
    fn resolve<'a>(&'a self, _: &'a ClientHelloInfo<'a>) -> MaybeReady<'a, Resolved> {
        MaybeReady::future(std::future::pending())
    }
}

#[tokio::test]
async fn the_end_of_the_input_is_no_reason_to_spin_while_a_callback_is_at_work() {
    let config = ClientConfig::builder(Policy::modern()).roots(made().1).build().unwrap();
    let mut client = Connection::client(config, ServerName::try_from(NAME).unwrap());
    client.poll_now().unwrap();
    let server = ServerConfig::builder(Policy::modern()).identity_resolver(Arc::new(Silent)).build().unwrap();
    // A hello, the beginning of another record, and the end.
    let mut bytes = client.output().to_vec();
    bytes.extend_from_slice(&[22, 3, 3]);
    let accepted = timeout(Duration::from_millis(50), Acceptor::new(server).accept(Recorded::new(bytes))).await;
    assert!(accepted.is_err(), "the resolver has not answered");
}

/// A transport remembers only the last task that it kept waiting, and two tasks send.
#[tokio::test]
async fn a_reader_in_one_task_takes_no_wakeup_from_a_writer_in_another() {
    let (client, mut server) = streams(1024).await;
    let size = 300_000;
    let (mut read, mut write) = tokio::io::split(client);
    let writer = tokio::spawn(async move {
        write.write_all(&data(size)).await.unwrap();
        write.shutdown().await.unwrap();
    });
    let reader = tokio::spawn(async move {
        let mut got = Vec::new();
        read.read_to_end(&mut got).await.unwrap();
        got
    });
    // The writer waits for the transport; then the reader is given something, and finds the transport full too.
    sleep(Duration::from_millis(20)).await;
    send(&mut server, b"x").await;
    sleep(Duration::from_millis(20)).await;
    let mut got = Vec::new();
    timeout(LONG, server.read_to_end(&mut got)).await.expect("the writer was not woken").unwrap();
    assert!(got == data(size));
    server.shutdown().await.unwrap();
    timeout(LONG, writer).await.unwrap().unwrap();
    assert_eq!(timeout(LONG, reader).await.unwrap().unwrap(), b"x");
}

#[tokio::test]
async fn a_transport_that_holds_bytes_back_is_flushed() {
    let (connector, acceptor) = endpoints();
    let (a, b) = duplex(1 << 20);
    let (a, b) = (BufStream::new(a), BufStream::new(b));
    let handshake = async { tokio::try_join!(connector.connect(NAME, a), acceptor.accept(b)) };
    let (mut client, mut server) = timeout(LONG, handshake).await.expect("the handshake hangs").unwrap();
    send(&mut client, b"flushed").await;
    let mut got = [0; 7];
    timeout(LONG, server.read_exact(&mut got)).await.unwrap().unwrap();
    assert_eq!(&got, b"flushed");
    // An alert goes out with the read that found the fault.
    client.get_mut().write_all(&[23, 3, 3, 0, 40]).await.unwrap();
    client.get_mut().write_all(&[7; 40]).await.unwrap();
    client.get_mut().flush().await.unwrap();
    assert_eq!(server.read(&mut got).await.unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    let told = timeout(LONG, client.read(&mut got)).await.expect("the alert was held back").unwrap_err();
    let cause = told.get_ref().unwrap().downcast_ref::<clasp_handshake::Error>().unwrap();
    assert!(matches!(cause, clasp_handshake::Error::AlertReceived(_)), "{cause:?}");
}

#[tokio::test]
async fn a_refusal_is_flushed_too() {
    let (connector, acceptor) = endpoints();
    let (a, b) = duplex(1 << 20);
    let accepting = async {
        let server = timeout(LONG, acceptor.accept(BufStream::new(b))).await.expect("the alert was held back");
        assert!(matches!(server.unwrap_err(), Error::Tls(clasp_handshake::Error::AlertReceived(_))));
    };
    let connecting = async {
        let mut io = BufStream::new(a);
        timeout(LONG, connector.connect("elsewhere.example", &mut io)).await.unwrap().unwrap_err();
        // The transport stays open: only a flush can have sent the alert.
        sleep(Duration::from_millis(50)).await;
        io
    };
    tokio::join!(accepting, connecting);
}

#[tokio::test]
async fn every_byte_alone_and_every_read_dropped() {
    let (connector, acceptor) = endpoints();
    let (a, b) = duplex(16);
    let (a, b) = (Stutter::new(a), Stutter::new(b));
    let handshake = async { tokio::try_join!(connector.connect(NAME, a), acceptor.accept(b)) };
    let (mut client, mut server) = timeout(LONG, handshake).await.unwrap().unwrap();
    let wanted = data(3000);
    let writing = async {
        for piece in wanted.chunks(700) {
            send(&mut client, piece).await;
        }
        client.shutdown().await.unwrap();
    };
    let reading = async {
        let mut got = Vec::new();
        loop {
            // Each future is polled once and dropped, most of them in the middle of a record.
            let mut piece = [0; 100];
            let polled = std::future::poll_fn(|cx| {
                let read = std::pin::pin!(server.read(&mut piece));
                std::task::Poll::Ready(std::future::Future::poll(read, cx))
            });
            match polled.await {
                std::task::Poll::Pending => tokio::task::yield_now().await,
                std::task::Poll::Ready(read) => match read.unwrap() {
                    0 => break,
                    n => got.extend_from_slice(&piece[..n]),
                },
            }
        }
        got
    };
    let ((), got) = timeout(LONG, async { tokio::join!(writing, reading) }).await.unwrap();
    assert!(got == wanted);
}

/// A client over memory, and a server's stream: what the client's transport carries can be cut and altered.
async fn with_wire() -> (Connection, DuplexStream, TlsStream<DuplexStream>) {
    let (identity, roots) = made();
    let client = ClientConfig::builder(Policy::modern()).roots(roots).build().unwrap();
    let server = ServerConfig::builder(Policy::modern()).identity(identity).build().unwrap();
    let (mut wire, io) = duplex(1 << 16);
    let mut tls = Connection::client(client, ServerName::try_from(NAME).unwrap());
    let connecting = async {
        while tls.is_handshaking() {
            tls.poll_now().unwrap();
            wire.write_all(&tls.output().split()).await.unwrap();
            if tls.is_handshaking() {
                wire.read_buf(tls.receive_buffer()).await.unwrap();
            }
        }
    };
    let acceptor = Acceptor::new(server);
    let ((), server) = tokio::join!(connecting, acceptor.accept(io));
    (tls, wire, server.unwrap())
}

#[tokio::test]
async fn a_cut_anywhere_in_a_record_is_no_end() {
    // Of the record's 5 bytes of header, 10 of data, 1 of type and 16 of tag.
    for kept in [0, 1, 4, 5, 12, 15, 16, 31] {
        let (mut client, mut wire, mut server) = with_wire().await;
        client.write(b"whole").unwrap();
        wire.write_all(&client.output().split()).await.unwrap();
        client.write(b"incomplete").unwrap();
        let record = client.output().split();
        assert_eq!(record.len(), 32);
        wire.write_all(&record[..kept]).await.unwrap();
        drop(wire);
        let mut got = [0; 5];
        server.read_exact(&mut got).await.unwrap();
        for _ in 0..3 {
            let error = server.read(&mut got).await.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{kept}");
        }
        // The connection has failed, so nothing more is sent under it.
        assert!(server.write(b"x").await.is_err());
    }
}

#[tokio::test]
async fn nothing_after_close_notify_is_read() {
    let (mut client, mut wire, mut server) = with_wire().await;
    client.write(b"last").unwrap();
    client.close();
    wire.write_all(&client.output().split()).await.unwrap();
    wire.write_all(b"what an attacker appends").await.unwrap();
    let mut got = Vec::new();
    server.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"last");
    for _ in 0..3 {
        assert_eq!(server.read(&mut [0; 10]).await.unwrap(), 0);
    }
    send(&mut server, b"our direction is open").await;
    server.shutdown().await.unwrap();
    let mut back = Vec::new();
    loop {
        match client.poll_now().unwrap() {
            Status::Data => back.extend_from_slice(&client.read().unwrap()),
            Status::Closed => break,
            Status::NeedInput => drop(wire.read_buf(client.receive_buffer()).await.unwrap()),
        }
    }
    assert_eq!(back, b"our direction is open");
}

#[tokio::test]
async fn what_was_altered_is_an_error_that_stays() {
    let (mut client, mut wire, mut server) = with_wire().await;
    client.write(b"altered on its way").unwrap();
    let mut record = client.output().split();
    *record.last_mut().unwrap() ^= 1;
    wire.write_all(&record).await.unwrap();
    for _ in 0..3 {
        let error = server.read(&mut [0; 10]).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
        assert!(error.get_ref().unwrap().downcast_ref::<clasp_handshake::Error>().is_some());
    }
    assert_eq!(server.write(b"x").await.unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    // The peer is told, in one alert, behind the tickets.
    let told = loop {
        wire.read_buf(client.receive_buffer()).await.unwrap();
        if let Err(error) = client.poll_now() {
            break error;
        }
    };
    assert!(matches!(told, clasp_handshake::Error::AlertReceived(_)), "{told}");
}

#[tokio::test]
async fn both_ways_close_alone_and_in_either_order() {
    for client_first in [true, false] {
        let (mut first, mut second) = streams(4096).await;
        if !client_first {
            std::mem::swap(&mut first, &mut second);
        }
        first.shutdown().await.unwrap();
        first.shutdown().await.unwrap();
        assert_eq!(second.read(&mut [0; 1]).await.unwrap(), 0);
        send(&mut second, b"still").await;
        send(&mut second, b" open").await;
        second.shutdown().await.unwrap();
        let mut got = Vec::new();
        first.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"still open");
        for stream in [&mut first, &mut second] {
            assert_eq!(stream.write(b"x").await.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
            assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        }
    }
}

/// What a stream keeps of what it cannot hand over or send is bounded, whatever its peer does.
#[tokio::test]
async fn memory_is_bounded_both_ways() {
    let (mut client, mut server) = streams(1 << 16).await;
    let block = data(100_000);
    // The writer's bound of output, and what the transport holds.
    let bound = clasp_handshake::Limits::default().output + (1 << 16);
    let mut written = 0;
    while let Ok(sent) = timeout(Duration::from_millis(30), client.write(&block)).await {
        written += sent.unwrap();
        assert!(written <= bound, "{written} bytes are waiting");
    }
    // A reader that takes a byte at a time takes no more from the transport than it needs.
    let mut byte = [0; 1];
    server.read_exact(&mut byte).await.unwrap();
    let room = server.connection().receive_room();
    for _ in 0..100 {
        server.read_exact(&mut byte).await.unwrap();
    }
    assert_eq!(server.connection().receive_room(), room);
    let mut rest = vec![0; written - 101];
    let (read, flushed) = tokio::join!(server.read_exact(&mut rest), client.flush());
    read.unwrap();
    flushed.unwrap();
}

#[tokio::test]
async fn empty_reads_and_writes_do_nothing() {
    let (mut client, mut server) = streams(4096).await;
    assert_eq!(timeout(LONG, server.read(&mut [])).await.expect("it waits for data").unwrap(), 0);
    assert_eq!(client.write(&[]).await.unwrap(), 0);
    client.flush().await.unwrap();
    assert!(
        timeout(Duration::from_millis(5), server.get_mut().read_u8()).await.is_err(),
        "a record without data went out"
    );
}

/// A transport that fails says so itself, in a handshake and after.
#[tokio::test]
async fn a_broken_transport_is_told_from_broken_tls() {
    let (connector, _) = endpoints();
    let (a, b) = duplex(64);
    drop(b);
    assert!(matches!(connector.connect(NAME, a).await.unwrap_err(), Error::Io(_)));
    let (mut client, server) = streams(64).await;
    drop(server);
    let error = client.write_all(&data(1000)).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
}
