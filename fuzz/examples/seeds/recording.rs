//! One recorded handshake: what each side sent, and, where Clasp was one of them, what it made of it.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::thread;

use clasp_fuzz::connections::{begin_client, begin_server};
use clasp_fuzz::keys::SessionKeys;
use clasp_fuzz::run::{Run, View};
use clasp_fuzz::setup::{Ask, whole_client, whole_server};
use clasp_keys::Role;

use crate::Failure;
use crate::peers::PATIENCE;

/// A handshake and what followed.
pub(crate) struct Recording {
    /// The peer's name first, then what is special.
    pub(crate) name: String,
    pub(crate) from_client: Vec<u8>,
    pub(crate) from_server: Vec<u8>,
    /// Clasp's part in it; `None` for two others.
    pub(crate) ours: Option<Ours>,
}

/// Clasp's part.
pub(crate) struct Ours {
    pub(crate) role: Role,
    pub(crate) ask: Ask,
    pub(crate) verdict: String,
    /// What was agreed by each handshake on the connection, and the keys of the first.
    pub(crate) established: Option<(Vec<View>, SessionKeys)>,
    /// The client random and the master secret.
    pub(crate) secret: Option<([u8; 32], [u8; 48])>,
}

impl Recording {
    /// What the peer sent, when Clasp was the other side.
    pub(crate) fn peers_bytes(&self) -> Option<&[u8]> {
        Some(match self.ours.as_ref()?.role {
            Role::Client => &self.from_server,
            Role::Server => &self.from_client,
        })
    }

    /// The peer's program.
    pub(crate) fn peer(&self) -> &str {
        self.name.split('-').next().unwrap_or_default()
    }
}

/// Clasp as the client.
pub(crate) fn as_client(name: &str, stream: TcpStream) -> Result<Recording, Failure> {
    let run = begin_client(&whole_client(), b"hello from Clasp\n");
    finish(name, run, stream, Role::Client, Ask::No)
}

/// Clasp as the server.
pub(crate) fn as_server(name: &str, stream: TcpStream, ask: Ask, speech: &[u8]) -> Result<Recording, Failure> {
    let run = begin_server(&whole_server(ask), speech);
    finish(name, run, stream, Role::Server, ask)
}

fn finish(name: &str, mut run: Run, stream: TcpStream, role: Role, ask: Ask) -> Result<Recording, Failure> {
    let (sent, received) = carry(&mut run, stream).map_err(|error| format!("{name}: {error}"))?;
    let (from_client, from_server) = match role {
        Role::Client => (sent, received),
        Role::Server => (received, sent),
    };
    let established = match run.tls.session() {
        Some(session) => {
            let keys = SessionKeys::derive(session, &run.secrets, &from_server);
            Some((run.views.clone(), keys.ok_or_else(|| format!("{name}: no keys"))?))
        }
        None => None,
    };
    let ours = Some(Ours { role, ask, verdict: run.verdict(), established, secret: run.secrets.first() });
    Ok(Recording { name: name.to_owned(), from_client, from_server, ours })
}

/// Carries bytes between a connection and its socket, to the end of either; gives what was sent and what came.
fn carry(run: &mut Run, mut stream: TcpStream) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let (mut sent, mut received, mut buffer) = (Vec::new(), Vec::new(), vec![0; 1 << 14]);
    loop {
        let output = std::mem::take(&mut run.sent);
        // A peer that is gone is noticed by the next read.
        let _ = stream.write_all(&output);
        sent.extend(output);
        if run.is_over() {
            let _ = stream.shutdown(Shutdown::Write);
            return Ok((sent, received));
        }
        match stream.read(&mut buffer) {
            Ok(0) => run.receive_eof(),
            Ok(length) => {
                received.extend_from_slice(&buffer[..length]);
                run.receive(&buffer[..length]);
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => run.receive_eof(),
            Err(error) => return Err(error),
        }
    }
}

/// Two others, with us between them.
pub(crate) fn between(name: &str, client: TcpStream, server: TcpStream) -> Result<Recording, Failure> {
    let clone = |stream: &TcpStream| stream.try_clone().map_err(|error| error.to_string());
    let (from_client, to_server, from_server, to_client) = (clone(&client)?, clone(&server)?, server, client);
    let up = thread::spawn(move || pass(from_client, to_server));
    let from_server = pass(from_server, to_client);
    let from_client = up.join().map_err(|_| format!("{name}: the copy from the client failed"))?;
    Ok(Recording { name: name.to_owned(), from_client, from_server, ours: None })
}

/// Passes bytes on until there are no more, and gives all of them.
fn pass(mut from: TcpStream, mut to: TcpStream) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), vec![0; 1 << 14]);
    let _ = from.set_read_timeout(Some(PATIENCE));
    while let Ok(length) = from.read(&mut buffer) {
        if length == 0 || to.write_all(&buffer[..length]).is_err() {
            break;
        }
        all.extend_from_slice(&buffer[..length]);
    }
    let _ = to.shutdown(Shutdown::Write);
    all
}
