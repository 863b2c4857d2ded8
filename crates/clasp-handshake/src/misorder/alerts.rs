//! What RFC 8446 (and the RFCs of its extensions) says must be refused, and by which alert: one genuine message of a
//! handshake is altered, and the side that gets it must end the handshake with that very alert, at once.
//!
//! Messages are altered as bytes, so that what our own codec would never write can be written. What concerns records
//! (RFC 8446 5), and messages after the handshake (4.6), is in `connection/alert_tests.rs`.

mod timestamps;
mod to_clients;
mod to_servers;

use bytes::Bytes;
use clasp_wire::{AlertDescription as Alert, HandshakeType, RawHandshake};

use super::tls13::{Kind, setup};
use super::{Incoming, run_with};
use crate::error::Role;

const PLAIN: Kind = Kind { retried: false, client_auth: false, resumed: false, early_data: false };
const RETRIED: Kind = Kind { retried: true, ..PLAIN };
const AUTH: Kind = Kind { client_auth: true, ..PLAIN };
const RESUMED: Kind = Kind { resumed: true, ..PLAIN };
const EARLY: Kind = Kind { early_data: true, ..RESUMED };

const FIRST_HELLO: (HandshakeType, usize) = (HandshakeType::CLIENT_HELLO, 0);
const SECOND_HELLO: (HandshakeType, usize) = (HandshakeType::CLIENT_HELLO, 1);
const ANSWER: (HandshakeType, usize) = (HandshakeType::SERVER_HELLO, 0);
/// Where there is a HelloRetryRequest before it.
const SECOND_ANSWER: (HandshakeType, usize) = (HandshakeType::SERVER_HELLO, 1);
const ENCRYPTED: (HandshakeType, usize) = (HandshakeType::ENCRYPTED_EXTENSIONS, 0);
const REQUEST: (HandshakeType, usize) = (HandshakeType::CERTIFICATE_REQUEST, 0);
const CERTIFICATE: (HandshakeType, usize) = (HandshakeType::CERTIFICATE, 0);
const VERIFY: (HandshakeType, usize) = (HandshakeType::CERTIFICATE_VERIFY, 0);
const FINISHED: (HandshakeType, usize) = (HandshakeType::FINISHED, 0);

// Extension types (RFC 8446 4.2).
const NAME: u16 = 0;
const GROUPS: u16 = 10;
const SCHEMES: u16 = 13;
const ALPN: u16 = 16;
const TIMESTAMPS: u16 = 18;
const RECORD_SIZE: u16 = 28;
const PSK: u16 = 41;
const EARLY_DATA: u16 = 42;
const VERSIONS: u16 = 43;
const COOKIE: u16 = 44;
const MODES: u16 = 45;
const OID_FILTERS: u16 = 48;
const SHARE: u16 = 51;

const P256: u16 = 23;
const X25519: u16 = 29;

/// A message to alter: what stands before the extensions, and those.
struct Message {
    body: Vec<u8>,
    extensions: Vec<(u16, Vec<u8>)>,
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

impl Message {
    /// Takes a message apart. Of one without extensions `body` is all.
    fn parse(raw: &[u8]) -> (Self, bool) {
        let (typ, mut body) = (HandshakeType(raw[0]), raw[4..].to_vec());
        let at = match typ {
            HandshakeType::CLIENT_HELLO => {
                let suites = 35 + usize::from(body[34]);
                let compression = suites + 2 + number(&body[suites..suites + 2]);
                compression + 1 + usize::from(body[compression])
            }
            HandshakeType::SERVER_HELLO => 35 + usize::from(body[34]) + 3,
            HandshakeType::ENCRYPTED_EXTENSIONS => 0,
            HandshakeType::CERTIFICATE_REQUEST => 1,
            _ => return (Self { body, extensions: Vec::new() }, false),
        };
        let list = body.split_off(at);
        let mut rest = &list[2..];
        let mut extensions = Vec::new();
        while let [a, b, c, d, data @ ..] = rest {
            let (data, left) = data.split_at(number(&[*c, *d]));
            extensions.push((u16::from_be_bytes([*a, *b]), data.to_vec()));
            rest = left;
        }
        (Self { body, extensions }, true)
    }

    fn encode(&self, typ: HandshakeType, with_extensions: bool) -> Bytes {
        let length = |bytes: usize, of: usize| bytes.to_be_bytes()[8 - of..].to_vec();
        let mut body = self.body.clone();
        if with_extensions {
            let entry = |(typ, data): &(u16, Vec<u8>)| [&typ.to_be_bytes()[..], &length(data.len(), 2), data].concat();
            let list: Vec<u8> = self.extensions.iter().flat_map(entry).collect();
            body.extend([length(list.len(), 2), list].concat());
        }
        [&[typ.0], &length(body.len(), 3)[..], &body].concat().into()
    }

    /// The data of an extension, put in at the end of the list where it is not there.
    fn set(&mut self, typ: u16, data: &[u8]) {
        match self.extensions.iter_mut().find(|(other, _)| *other == typ) {
            Some((_, old)) => *old = data.to_vec(),
            None => self.add(typ, data),
        }
    }

    /// Puts an extension in, before a pre_shared_key in last place.
    fn add(&mut self, typ: u16, data: &[u8]) {
        let last = self.extensions.iter().position(|(typ, _)| *typ == PSK).unwrap_or(self.extensions.len());
        self.extensions.insert(last, (typ, data.to_vec()));
    }

    fn remove(&mut self, typ: u16) {
        let before = self.extensions.len();
        self.extensions.retain(|(other, _)| *other != typ);
        assert!(self.extensions.len() < before, "there was no extension {typ}");
    }

    fn data(&mut self, typ: u16) -> &mut Vec<u8> {
        &mut self.extensions.iter_mut().find(|(other, _)| *other == typ).expect("it is there").1
    }

    /// Where the fields behind the session identifier of a hello begin.
    fn after_session_id(&self) -> usize {
        35 + usize::from(self.body[34])
    }

    /// The suite of a server's hello.
    fn set_suite(&mut self, suite: u16) {
        let at = self.after_session_id();
        self.body[at..at + 2].copy_from_slice(&suite.to_be_bytes());
    }

    /// The suites of a client's hello.
    fn set_suites(&mut self, suites: &[u16]) {
        let at = self.after_session_id();
        let list: Vec<u8> = suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
        let length = u16::try_from(list.len()).unwrap().to_be_bytes();
        self.body.splice(at.., [&length[..], &list, &[1, 0]].concat());
    }

    /// The key shares of a client's hello: groups, and the values' lengths; values of ones.
    fn set_shares(&mut self, shares: &[(u16, usize)]) {
        let entry = |(group, length): &(u16, usize)| {
            [&group.to_be_bytes()[..], &u16::try_from(*length).unwrap().to_be_bytes(), &vec![1; *length]].concat()
        };
        let list: Vec<u8> = shares.iter().flat_map(entry).collect();
        self.set(SHARE, &[&u16::try_from(list.len()).unwrap().to_be_bytes()[..], &list].concat());
    }

    /// The groups that a client's hello offers.
    fn set_groups(&mut self, groups: &[u16]) {
        let list: Vec<u8> = groups.iter().flat_map(|group| group.to_be_bytes()).collect();
        self.set(GROUPS, &[&u16::try_from(list.len()).unwrap().to_be_bytes()[..], &list].concat());
    }
}

/// A section, what is done, to whom, in which handshake, to which message, how, and the alert.
type Case = (&'static str, &'static str, Kind, (HandshakeType, usize), fn(&mut Message), Alert);

/// Gives the first certificate an extension; it had none.
fn add_to_first_entry(message: &mut Message, typ: u16, data: &[u8]) {
    let certificate = number(&message.body[4..7]);
    let at = 7 + certificate;
    let extension = [&typ.to_be_bytes()[..], &u16::try_from(data.len()).unwrap().to_be_bytes(), data].concat();
    let length = u16::try_from(extension.len()).unwrap().to_be_bytes();
    assert_eq!(message.body[at..at + 2], [0, 0]);
    message.body.splice(at..at + 2, [&length[..], &extension].concat());
    let list = u32::try_from(message.body.len() - 4).unwrap().to_be_bytes();
    message.body[1..4].copy_from_slice(&list[1..]);
}

fn hold(role: Role, cases: &[Case]) {
    let mut wrong = Vec::new();
    let setups: Vec<_> = [PLAIN, RETRIED, AUTH, RESUMED, EARLY].into_iter().map(|kind| (kind, setup(kind))).collect();
    for (section, what, kind, (typ, nth), change, alert) in cases {
        let (_, setup) = setups.iter().find(|(other, _)| other == kind).expect("it is among them");
        let (mut seen, mut hit) = (0, None);
        let (result, received) = run_with(&setup.client, &setup.server, role, |step, genuine| match genuine {
            Incoming::Message(message) if message.typ == *typ => {
                seen += 1;
                if seen != nth + 1 {
                    return Incoming::Message(message);
                }
                hit = Some(step);
                let (mut parts, with_extensions) = Message::parse(&message.raw);
                assert_eq!(parts.encode(*typ, with_extensions), message.raw, "it is written as it was read");
                change(&mut parts);
                Incoming::Message(RawHandshake { typ: *typ, raw: parts.encode(*typ, with_extensions) })
            }
            other => other,
        });
        let error = result.as_ref().and_then(|result| result.as_ref().err());
        let told = error.and_then(crate::Error::alert);
        let at_once = hit.is_some_and(|step| received.len() == step + 1);
        if told != Some(*alert) || !at_once {
            wrong.push(format!(
                "{section}, {what}: {told:?} for {alert}, at once: {at_once}, waits: {}; {error:?}",
                result.is_none()
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn servers_refuse_what_they_must() {
    hold(Role::Server, to_servers::CASES);
}

#[test]
fn clients_refuse_what_they_must() {
    hold(Role::Client, to_clients::CASES);
}
