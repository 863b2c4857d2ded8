//! Blocking streams over TCP, and over transports that are slow, that buffer, that time out and that end.

use std::io::{BufWriter, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::*;
use crate::{Identity, Policy, RootStore};

fn configs() -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = crate::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = crate::crypto::default_provider();
    let identity = Identity::from_der(vec![made.cert.der().clone()], &key, provider).unwrap();
    let mut roots = RootStore::default();
    roots.add_der(made.cert.der()).unwrap();
    let server = ServerConfig::builder(Policy::modern()).identity(identity).build().unwrap();
    (ClientConfig::builder(Policy::modern()).roots(roots).build().unwrap(), server)
}

fn data(len: usize) -> Vec<u8> {
    (0..=252).cycle().step_by(7).take(len).collect()
}

fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// A client's stream and a server's, over transports made of two TCP sockets.
fn streams<A, B>(a: impl FnOnce(TcpStream) -> A, b: impl FnOnce(TcpStream) -> B) -> (Stream<A>, Stream<B>)
where
    A: Read + Write + Send + 'static,
    B: Read + Write,
{
    let (client_config, server_config) = configs();
    let (client, server) = tcp();
    for socket in [&client, &server] {
        // A hang is a failure.
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    }
    let client = a(client);
    let connecting = thread::spawn(move || Stream::client(client_config, "localhost", client).unwrap());
    let server = Stream::server(server_config, b(server)).unwrap();
    (connecting.join().unwrap(), server)
}

#[test]
fn both_ends_over_tcp() {
    let (mut client, mut server) = streams(|tcp| tcp, |tcp| tcp);
    let serving = thread::spawn(move || {
        let mut got = Vec::new();
        server.read_to_end(&mut got).unwrap();
        server.write_all(&got).unwrap();
        server.close().unwrap();
        got.len()
    });
    let sent = data(300_000);
    client.write_all(&sent).unwrap();
    client.close().unwrap();
    assert_eq!(client.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    let mut back = Vec::new();
    client.read_to_end(&mut back).unwrap();
    assert!(back == sent);
    assert_eq!(serving.join().unwrap(), sent.len());
    assert!(client.session().unwrap().extended_master_secret());
}

/// One byte at a time, each after an interruption.
struct Slow {
    io: TcpStream,
    interrupt: bool,
}

impl Slow {
    fn new(io: TcpStream) -> Self {
        Self { io, interrupt: false }
    }

    fn turn(&mut self) -> io::Result<()> {
        self.interrupt = !self.interrupt;
        if self.interrupt { Err(ErrorKind::Interrupted.into()) } else { Ok(()) }
    }
}

impl Read for Slow {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.turn()?;
        let n = out.len().min(1);
        self.io.read(&mut out[..n])
    }
}

impl Write for Slow {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.turn()?;
        self.io.write(&data[..data.len().min(1)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.io.flush()
    }
}

#[test]
fn every_byte_alone() {
    let (mut client, mut server) = streams(Slow::new, Slow::new);
    let sent = data(2000);
    client.write_all(&sent).unwrap();
    client.close().unwrap();
    let mut got = Vec::new();
    server.read_to_end(&mut got).unwrap();
    assert!(got == sent);
}

/// A socket whose writes wait for a flush.
struct Buffered(BufWriter<TcpStream>);

impl Read for Buffered {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.get_mut().read(out)
    }
}

impl Write for Buffered {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[test]
fn a_transport_that_holds_bytes_back_is_flushed() {
    let buffered = |tcp| Buffered(BufWriter::with_capacity(1 << 20, tcp));
    let (mut client, mut server) = streams(buffered, buffered);
    client.write_all(b"flushed").unwrap();
    client.flush().unwrap();
    let mut got = [0; 7];
    server.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"flushed");
    // So is an alert.
    client.io.0.get_mut().write_all(&[23, 3, 3, 0, 20]).unwrap();
    client.io.0.get_mut().write_all(&[7; 20]).unwrap();
    assert_eq!(server.read(&mut got).unwrap_err().kind(), ErrorKind::InvalidData);
    let error = client.read(&mut got).unwrap_err();
    let cause = error.get_ref().unwrap().downcast_ref::<Error>().unwrap();
    assert!(matches!(cause, Error::AlertReceived(_)), "{cause:?}");
}

#[test]
fn a_refusal_reaches_both_sides() {
    let (client_config, server_config) = configs();
    let (client, server) = tcp();
    let buffered = |tcp| Buffered(BufWriter::with_capacity(1 << 20, tcp));
    let connecting = thread::spawn(move || Stream::client(client_config, "elsewhere.example", buffered(client)));
    let refused = Stream::server(server_config, server).unwrap_err();
    let cause = refused.get_ref().unwrap().downcast_ref::<Error>().unwrap();
    assert!(matches!(cause, Error::AlertReceived(_)), "{cause:?}");
    let refused = connecting.join().unwrap().unwrap_err();
    let cause = refused.get_ref().unwrap().downcast_ref::<Error>().unwrap();
    assert!(matches!(cause, Error::Certificate { .. }), "{cause:?}");

    let (client_config, _) = configs();
    let error = Stream::client(client_config, "no name", tcp().0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_cut_is_no_end_and_an_end_stays() {
    let (mut client, mut server) = streams(|tcp| tcp, |tcp| tcp);
    client.write_all(b"part").unwrap();
    // A dropped socket would be reset, as the server's tickets lie unread in it.
    client.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
    let mut got = Vec::new();
    let error = server.read_to_end(&mut got).unwrap_err();
    assert_eq!((&got[..], error.kind()), (&b"part"[..], ErrorKind::UnexpectedEof));
    assert_eq!(server.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::UnexpectedEof);

    let (mut client, mut server) = streams(|tcp| tcp, |tcp| tcp);
    client.close().unwrap();
    client.close().unwrap();
    for _ in 0..3 {
        assert_eq!(server.read(&mut [0; 1]).unwrap(), 0);
    }
    server.write_all(b"half-closed").unwrap();
    server.close().unwrap();
    let mut got = Vec::new();
    client.read_to_end(&mut got).unwrap();
    assert_eq!(got, b"half-closed");
}

#[test]
fn an_empty_buffer_is_filled_at_once() {
    let (mut client, _server) = streams(|tcp| tcp, |tcp| tcp);
    client.io.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    assert_eq!(client.read(&mut []).unwrap(), 0);
}

#[test]
fn a_read_that_times_out_may_be_tried_again() {
    let (mut client, mut server) = streams(|tcp| tcp, |tcp| tcp);
    server.io.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let timed_out = |error: io::Error| assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    timed_out(server.read(&mut [0; 9]).unwrap_err());
    // Half a record, and the other half.
    client.tls.write(b"in halves").unwrap();
    let record = client.tls.output().split();
    let (half, rest) = record.split_at(20);
    client.io.write_all(half).unwrap();
    timed_out(server.read(&mut [0; 9]).unwrap_err());
    client.io.write_all(rest).unwrap();
    server.io.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut got = [0; 9];
    server.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"in halves");
}

/// Takes some bytes and then none for a while, in turn, as a socket with a write timeout does.
struct Full {
    io: TcpStream,
    room: std::iter::Cycle<std::array::IntoIter<usize, 4>>,
}

impl Read for Full {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.io.read(out)
    }
}

impl Write for Full {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self.room.next() {
            Some(0) | None => Err(ErrorKind::WouldBlock.into()),
            Some(room) => self.io.write(&data[..data.len().min(room)]),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.io.flush()
    }
}

/// What was sealed before a timeout is on its way: a caller who tries again must not send it twice.
#[test]
fn a_write_that_times_out_sends_nothing_twice() {
    let always = || [usize::MAX; 4].into_iter().cycle();
    let (mut client, mut server) = streams(|io| Full { io, room: always() }, |tcp| tcp);
    let sent = data(200_000);
    let receiving = thread::spawn(move || {
        let mut got = Vec::new();
        server.read_to_end(&mut got).map(|_| got)
    });
    client.io.room = [0, 1, 0, 9000].into_iter().cycle();
    let mut rest = &sent[..];
    let mut timeouts = 0;
    while !rest.is_empty() {
        match client.write(rest) {
            Ok(taken) => rest = &rest[taken..],
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                timeouts += 1;
                assert!(timeouts < 1000, "it takes data and says that it does not");
            }
        }
    }
    assert!(timeouts > 0, "its own bound of waiting output was never reached");
    assert_eq!(client.flush().unwrap_err().kind(), ErrorKind::WouldBlock);
    client.io.room = always();
    client.close().unwrap();
    assert!(receiving.join().unwrap().unwrap() == sent);
}

/// Counts what goes out.
#[derive(Default)]
struct Sink(usize);

impl Read for Sink {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
}

impl Write for Sink {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0 += data.len();
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_transport_that_ends_in_the_handshake_is_a_cut() {
    let (client_config, server_config) = configs();
    let mut sink = Sink::default();
    assert_eq!(Stream::client(client_config, "localhost", &mut sink).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert!(sink.0 > 100, "the hello went out first");
    assert_eq!(Stream::server(server_config, Sink::default()).unwrap_err().kind(), ErrorKind::UnexpectedEof);
}
