//! Clasp's own end of a connection, a step at a time: for early data and new keys, which streams do not show.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};

use bytes::{Buf, Bytes};
use clasp::wire::{ContentType, NamedGroup, ProtocolVersion};
use clasp::{
    ClientAuth, ClientConfig, Connection, Policy, RenegotiationStatus, ServerConfig, ServerName, Session, Status,
};

use crate::ends::{assert_same, noise, tcp};

/// TLS 1.3 and nothing else.
pub(crate) fn tls13() -> Policy {
    Policy::modern().with_versions(ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_3)
}

/// An end of a connection, ours or another library's.
pub(crate) trait End: Read + Write {
    /// Sends close_notify.
    fn close(&mut self) -> io::Result<()>;
}

/// Clasp's.
pub(crate) struct Ours {
    tcp: TcpStream,
    pub(crate) tls: Connection,
    unread: Bytes,
    /// All that was sent, and all that came.
    sent: Vec<u8>,
    came: Vec<u8>,
}

/// The longest body of an encrypted record, bytes.
fn longest(mut wire: &[u8]) -> usize {
    let mut longest = 0;
    while let [typ, _, _, high, low, rest @ ..] = wire {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if ContentType(*typ) == ContentType::APPLICATION_DATA {
            longest = longest.max(length);
        }
        wire = rest.get(length..).unwrap_or_default();
    }
    longest
}

impl Ours {
    /// A client that has sent nothing yet.
    pub(crate) fn client(config: &Arc<ClientConfig>, port: u16) -> Self {
        let name = ServerName::try_from("localhost").unwrap();
        Self::new(tcp(port), Connection::client(Arc::clone(config), name))
    }

    pub(crate) fn server(config: &Arc<ServerConfig>, tcp: TcpStream) -> Self {
        Self::new(tcp, Connection::server(Arc::clone(config)))
    }

    fn new(tcp: TcpStream, tls: Connection) -> Self {
        Self { tcp, tls, unread: Bytes::new(), sent: Vec::new(), came: Vec::new() }
    }

    /// The longest bodies of encrypted records that were sent and that came, bytes.
    pub(crate) fn longest_records(&self) -> (usize, usize) {
        (longest(&self.sent), longest(&self.came))
    }

    /// Shakes hands as a client.
    pub(crate) fn connect(config: &Arc<ClientConfig>, port: u16) -> io::Result<Self> {
        let mut this = Self::client(config, port);
        this.handshake()?;
        Ok(this)
    }

    /// Shakes hands as a server.
    pub(crate) fn accept(config: &Arc<ServerConfig>, tcp: TcpStream) -> io::Result<Self> {
        let mut this = Self::server(config, tcp);
        this.handshake()?;
        Ok(this)
    }

    pub(crate) fn session(&self) -> &Session {
        self.tls.session().expect("the handshake is done")
    }

    /// 32 exported bytes under a label and a context that both sides use.
    pub(crate) fn exported(&self) -> [u8; 32] {
        let mut out = [0; 32];
        self.tls.export_keying_material(LABEL.as_bytes(), Some(CONTEXT), &mut out).unwrap().unwrap();
        out
    }

    /// Sends what waits to be sent.
    pub(crate) fn send(&mut self) -> io::Result<()> {
        let output = self.tls.output().split();
        self.sent.extend_from_slice(&output);
        self.tcp.write_all(&output)
    }

    /// Polls, and sends what that put out: the alert too, when it failed.
    pub(crate) fn poll(&mut self) -> io::Result<Status> {
        let polled = self.tls.poll_now();
        let sent = self.send();
        let status = polled?;
        sent?;
        Ok(status)
    }

    /// Takes in what the peer sends next.
    pub(crate) fn fill(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 << 10];
        let room = self.tls.receive_room().min(buffer.len());
        match self.tcp.read(&mut buffer[..room])? {
            0 => self.tls.receive_eof(),
            read => {
                self.came.extend_from_slice(&buffer[..read]);
                assert_eq!(self.tls.receive(&buffer[..read]), read);
            }
        }
        Ok(())
    }

    /// Shakes hands, or goes on with it. Early data that comes meanwhile stays where it is.
    pub(crate) fn handshake(&mut self) -> io::Result<()> {
        loop {
            let status = self.poll()?;
            if !self.tls.is_handshaking() {
                return Ok(());
            }
            if status == Status::NeedInput {
                self.fill()?;
            }
        }
    }

    /// As a client: sends the hello, and early data with it; says how much of that there was room for.
    pub(crate) fn hello_with(&mut self, early: &[u8]) -> io::Result<usize> {
        self.tls.poll_now()?;
        let taken = self.tls.write_early(early)?;
        self.send()?;
        Ok(taken)
    }

    /// As a server: shakes hands, and gives the early data that came before it was done.
    pub(crate) fn handshake_with_early_data(&mut self) -> io::Result<Vec<u8>> {
        let mut early = Vec::new();
        loop {
            let status = self.poll()?;
            while let Some(piece) = self.tls.read_early() {
                early.extend_from_slice(&piece);
            }
            if !self.tls.is_handshaking() {
                return Ok(early);
            }
            if status == Status::NeedInput {
                self.fill()?;
            }
        }
    }

    /// Writes under new keys from here on.
    pub(crate) fn update_keys(&mut self, request_peer: bool) -> io::Result<()> {
        self.tls.update_keys(request_peer)?;
        self.send()
    }

    /// Takes in what comes until something is sent in answer to it.
    pub(crate) fn until_answered(&mut self) -> io::Result<()> {
        let before = self.sent.len();
        while self.sent.len() == before {
            if self.poll()? == Status::NeedInput && self.sent.len() == before {
                self.fill()?;
            }
        }
        Ok(())
    }

    /// As a server: asks for the client's certificate now, and waits for it.
    pub(crate) fn ask_for_certificate(&mut self, client_auth: ClientAuth) -> io::Result<()> {
        self.tls.request_client_certificate(client_auth)?;
        loop {
            let polled = self.tls.poll_renegotiation(&mut Context::from_waker(Waker::noop()));
            let sent = self.send();
            let Poll::Ready(status) = polled else { panic!("a verifier that is never ready") };
            match status? {
                RenegotiationStatus::Done => return sent,
                RenegotiationStatus::NeedInput => {
                    sent?;
                    self.fill()?;
                }
            }
        }
    }
}

impl Read for Ours {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.unread.is_empty() {
            match self.poll()? {
                Status::Data => self.unread = self.tls.read().unwrap_or_default(),
                Status::Closed => return Ok(0),
                Status::NeedInput => self.fill()?,
            }
        }
        let count = self.unread.len().min(out.len());
        self.unread.copy_to_slice(&mut out[..count]);
        Ok(count)
    }
}

impl Write for Ours {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let taken = self.tls.write(data)?;
        self.send()?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

impl End for Ours {
    fn close(&mut self) -> io::Result<()> {
        self.tls.close();
        self.send()
    }
}

/// What both sides export under.
pub(crate) const LABEL: &str = "EXPORTER-Clasp-Test";
pub(crate) const CONTEXT: &[u8] = b"a context";

/// What an end says of the handshake.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) suite: u16,
    pub(crate) group: NamedGroup,
    pub(crate) resumed: bool,
    pub(crate) exported: [u8; 32],
}

impl Ours {
    pub(crate) fn agreed(&self) -> Agreed {
        let session = self.session();
        assert_eq!(session.version(), ProtocolVersion::TLS_1_3);
        Agreed {
            suite: session.cipher_suite().0,
            group: session.group().expect("every key exchange here has a group"),
            resumed: session.resumed(),
            exported: self.exported(),
        }
    }
}

/// The client's part of a talk: so much noise each way, then close_notify from both.
pub(crate) fn talk(end: &mut impl End, size: usize) -> io::Result<()> {
    end.write_all(&noise(1, size))?;
    end.flush()?;
    let mut came = vec![0; size];
    end.read_exact(&mut came)?;
    assert_same(&came, &noise(2, size), "to the client");
    end.close()?;
    assert_eq!(end.read(&mut [0; 1])?, 0, "data after all there was");
    Ok(())
}

/// The server's part of it.
pub(crate) fn answer(end: &mut impl End, size: usize) -> io::Result<()> {
    let mut came = vec![0; size];
    end.read_exact(&mut came)?;
    assert_same(&came, &noise(1, size), "to the server");
    end.write_all(&noise(2, size))?;
    end.flush()?;
    assert_eq!(end.read(&mut [0; 1])?, 0, "data after all there was");
    end.close()
}

/// A server for one connection after another, on a thread of its own.
pub(crate) struct Serving<T> {
    pub(crate) port: u16,
    thread: JoinHandle<T>,
}

impl<T> Serving<T> {
    pub(crate) fn join(self) -> T {
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Serves with `then`, which takes connections from the listener.
pub(crate) fn serve<T: Send + 'static>(then: impl FnOnce(TcpListener) -> T + Send + 'static) -> Serving<T> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    Serving { port, thread: thread::spawn(move || then(listener)) }
}
