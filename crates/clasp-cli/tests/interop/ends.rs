//! Clasp's own ends of a connection, by the library, and the data that goes over them.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use clasp::blocking::Stream;
use clasp::{ClientConfig, ClientConfigBuilder, Policy, ServerConfig};

use crate::certs::pki;
use crate::peers::DEADLINE;

pub(crate) const MIB: usize = 1 << 20;

pub(crate) type Tls = Stream<TcpStream>;

/// Bytes that look like nothing and do not repeat, the same each time for a seed; every value occurs.
pub(crate) fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[4]
        })
        .collect()
}

/// Noise without ASCII: on the standard input of s_server some letters at the start of what it reads are commands.
pub(crate) fn high_noise(seed: u64, count: usize) -> Vec<u8> {
    noise(seed, count).into_iter().map(|byte| byte | 0x80).collect()
}

/// Noise as lines of text of many lengths: what gnutls-serv echoes.
pub(crate) fn lines(seed: u64, count: usize) -> Vec<u8> {
    let mut text: Vec<u8> =
        noise(seed, count).into_iter().map(|byte| if byte < 3 { b'\n' } else { b'A' + byte % 26 }).collect();
    if let Some(last) = text.last_mut() {
        *last = b'\n';
    }
    text
}

/// Whether what came is what was sent; says where not, as a megabyte of noise tells nobody anything.
#[track_caller]
pub(crate) fn assert_same(came: &[u8], sent: &[u8], what: &str) {
    if came == sent {
        return;
    }
    assert_eq!(came.len(), sent.len(), "{what}: length");
    let wrong = came.iter().zip(sent).position(|(came, sent)| came != sent);
    assert_eq!(wrong, None, "{what}: byte");
}

/// A TCP connection that does not wait longer than the deadline.
pub(crate) fn tcp(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap_or_else(|error| panic!("port {port}: {error}"));
    limit(&stream);
    stream
}

fn limit(stream: &TcpStream) {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
}

/// Takes one connection, within the deadline.
pub(crate) fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    listener.set_nonblocking(true)?;
    let until = Instant::now() + DEADLINE;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                limit(&stream);
                return Ok(stream);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < until => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(error),
        }
    }
}

/// A client that trusts the test authority.
pub(crate) fn client_config(policy: Policy) -> ClientConfigBuilder {
    ClientConfig::builder(policy).roots(pki().ca.roots())
}

/// Connects to `localhost` at a port.
pub(crate) fn client(config: &Arc<ClientConfig>, port: u16) -> io::Result<Tls> {
    Stream::client(Arc::clone(config), "localhost", tcp(port))
}

/// One connection's server, on a thread of its own.
pub(crate) struct Serving<T> {
    pub(crate) port: u16,
    thread: JoinHandle<io::Result<T>>,
}

impl<T> Serving<T> {
    pub(crate) fn join(self) -> io::Result<T> {
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Serves one connection with `then`.
pub(crate) fn serve<T: Send + 'static>(
    config: Arc<ServerConfig>,
    then: impl FnOnce(Tls) -> io::Result<T> + Send + 'static,
) -> Serving<T> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = thread::spawn(move || then(Stream::server(config, accept(&listener)?)?));
    Serving { port, thread }
}

/// Reads this much, and says whether it was that.
pub(crate) fn read_exactly(tls: &mut Tls, count: usize) -> io::Result<Vec<u8>> {
    let mut data = vec![0; count];
    tls.read_exact(&mut data)?;
    Ok(data)
}

pub(crate) fn write_all(tls: &mut Tls, data: &[u8]) -> io::Result<()> {
    tls.write_all(data)?;
    tls.flush()
}

/// Closes our direction, and waits for the peer's close_notify: a cut is an error.
pub(crate) fn close(tls: &mut Tls) -> io::Result<()> {
    tls.close()?;
    let rest = tls.read(&mut [0; 1])?;
    assert_eq!(rest, 0, "the peer sent data after all there was");
    Ok(())
}

/// Waits for the peer's close_notify, and answers it with ours.
pub(crate) fn close_after_peer(tls: &mut Tls) -> io::Result<()> {
    let rest = tls.read(&mut [0; 1])?;
    assert_eq!(rest, 0, "the peer sent data after all there was");
    tls.close()
}

/// The library's error within an I/O error.
pub(crate) fn tls_error(error: &io::Error) -> &clasp::Error {
    error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<clasp::Error>())
        .unwrap_or_else(|| panic!("not an error of TLS: {error:?}"))
}
