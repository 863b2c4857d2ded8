//! A client and a server that talk in memory, with somebody between them who may alter what passes.

use std::sync::Arc;

use clasp_handshake::{ClientConfig, Connection, Error, Policy, Role, ServerConfig, Status};
use clasp_insecure::insecure;
use clasp_wire::{CipherSuite, ProtocolVersion};

use crate::pki::{NAME, pki};

/// Policy insecure, for one version and one suite.
pub(crate) fn only(version: ProtocolVersion, suite: CipherSuite) -> Policy {
    let policy = insecure().with_versions(version, version).with_cipher_suites(&[suite]);
    assert_eq!((policy.versions().count(), policy.suites().len()), (1, 1), "{version} {suite}");
    policy
}

/// A client that trusts the test's authority.
pub(crate) fn client(policy: Policy) -> Arc<ClientConfig> {
    ClientConfig::builder(policy).roots(pki().roots()).build().unwrap()
}

/// A server with an RSA and an ECDSA identity.
pub(crate) fn server(policy: Policy) -> Arc<ServerConfig> {
    ServerConfig::builder(policy).identity(pki().rsa.clone()).identity(pki().ecdsa.clone()).build().unwrap()
}

pub(crate) struct Pair {
    pub(crate) client: Connection,
    pub(crate) server: Connection,
}

impl Pair {
    pub(crate) fn new(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Self {
        let name = NAME.try_into().unwrap();
        Self { client: Connection::client(Arc::clone(client), name), server: Connection::server(Arc::clone(server)) }
    }

    /// Carries bytes both ways until both sides have come to rest. `between` gets what a side sent, and gives what the other
    /// one receives. A side's error is kept; its last output still goes over.
    pub(crate) fn run_with(
        &mut self,
        mut between: impl FnMut(Role, Vec<u8>) -> Vec<u8>,
    ) -> (Option<Error>, Option<Error>) {
        let mut errors = (None, None);
        loop {
            let from_client = step(&mut self.client, &mut errors.0);
            let from_server = step(&mut self.server, &mut errors.1);
            if from_client.is_empty() && from_server.is_empty() {
                return errors;
            }
            give(&mut self.server, &between(Role::Client, from_client));
            give(&mut self.client, &between(Role::Server, from_server));
        }
    }

    pub(crate) fn run(&mut self) -> (Option<Error>, Option<Error>) {
        self.run_with(|_, bytes| bytes)
    }

    /// A finished handshake.
    #[track_caller]
    pub(crate) fn established(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Self {
        let mut pair = Self::new(client, server);
        let errors = pair.run();
        assert!(errors.0.is_none() && errors.1.is_none(), "{errors:?}");
        assert!(!pair.client.is_handshaking() && !pair.server.is_handshaking());
        pair
    }

    /// Sends data both ways, in pieces short and long, and closes.
    pub(crate) fn talk_and_close(&mut self) {
        let noise: Vec<u8> = (0..100_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for length in [1, 7, 8, 15, 16, 17, 1000, 16384, 16385, 100_000] {
            transfer(&mut self.client, &mut self.server, &noise[..length]);
            transfer(&mut self.server, &mut self.client, &noise[noise.len() - length..]);
        }
        self.client.close();
        self.server.close();
        assert!(matches!(self.run(), (None, None)));
        assert!(self.client.peer_has_closed() && self.server.peer_has_closed());
    }
}

fn step(tls: &mut Connection, error: &mut Option<Error>) -> Vec<u8> {
    if let Err(failure) = tls.poll_now() {
        *error = Some(failure);
    }
    tls.output().split().to_vec()
}

pub(crate) fn give(tls: &mut Connection, bytes: &[u8]) {
    assert_eq!(tls.receive(bytes), bytes.len());
}

/// Sends `data` from one side to the other, whole.
fn transfer(from: &mut Connection, to: &mut Connection, data: &[u8]) {
    let mut got = Vec::new();
    let mut left = data;
    while got.len() < data.len() {
        let n = from.write(left).unwrap();
        left = &left[n..];
        let wire = from.output().split();
        let mut wire = &wire[..];
        while !wire.is_empty() {
            let n = to.receive(wire);
            wire = &wire[n..];
            while to.poll_now().unwrap() == Status::Data {
                got.extend_from_slice(&to.read().unwrap());
            }
        }
    }
    assert!(got == data, "data differs");
}

/// The types of the handshake messages in a plaintext flight.
pub(crate) fn message_types(mut flight: &[u8]) -> Vec<u8> {
    let mut types = Vec::new();
    while let [22, _, _, high, low, rest @ ..] = flight {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        types.push(rest[0]);
        flight = &rest[length..];
    }
    types
}

/// Where the message of this type lies in a plaintext flight, header included; each message is a record of its own.
pub(crate) fn message_at(flight: &[u8], typ: u8) -> Option<std::ops::Range<usize>> {
    let mut at = 0;
    while let [22, _, _, high, low, first, ..] = &flight[at..] {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if *first == typ {
            return Some(at + 5..at + 5 + length);
        }
        at += 5 + length;
    }
    None
}
