//! A hello that looks as if another one were encrypted in it, and servers' answers to that (RFC 9849 6.2); tickets with what nobody
//! knows (RFC 8701 4).

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use clasp_keys::Transcript;
use clasp_wire::{
    AlertDescription, ClientHello, EchClientHello, EncryptedExtensions, HandshakeMessage as _, HandshakeType,
    NamedGroup, NewSessionTicket13, ProtocolVersion, RawHandshake, ServerExtension, ServerHello, TicketExtension,
};
use rustls_pki_types::ServerName;

use super::Connection;
use crate::peer::Front;
use crate::testing::{Authority, NAME, classic, connections, established, exchange, tls13};
use crate::{ClientConfig, Error, Misbehaviour, Policy, ServerConfig};

/// A server that says what it is told to, and keeps the contents of the hellos' extensions.
#[derive(Clone, Default)]
struct Says {
    retry: Option<&'static [u8]>,
    encrypted: Option<&'static [u8]>,
    older: bool,
    seen: Arc<Mutex<Vec<Bytes>>>,
}

impl Front for Says {
    fn receives(&mut self, hello: RawHandshake) -> Result<RawHandshake, Error> {
        let content = hello.parse::<ClientHello>()?.encrypted_client_hello().cloned();
        self.seen.lock().unwrap().extend(content);
        Ok(hello)
    }

    fn sends(&mut self, _: &Transcript, raw: Bytes) -> Bytes {
        let body = raw.slice(4..);
        let says = |content: &'static [u8]| ServerExtension::EncryptedClientHello(Bytes::from_static(content));
        match HandshakeType(raw[0]) {
            HandshakeType::SERVER_HELLO => {
                let mut hello = ServerHello::parse_body(&body).unwrap();
                let said =
                    if hello.is_hello_retry_request() { self.retry } else { self.encrypted.filter(|_| self.older) };
                hello.extensions.get_or_insert_default().extend(said.map(says));
                hello.encode()
            }
            HandshakeType::ENCRYPTED_EXTENSIONS => {
                let mut message = EncryptedExtensions::parse_body(&body).unwrap();
                message.extensions.extend(self.encrypted.map(says));
                message.encode()
            }
            _ => raw,
        }
    }
}

fn pair(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>, says: &Says) -> (Connection, Connection) {
    let name: ServerName<'static> = NAME.try_into().unwrap();
    let server = Connection::server_behind(Arc::clone(server), Box::new(says.clone()));
    (Connection::client(Arc::clone(client), name), server)
}

/// A list with a configuration that nobody knows, and one with one of RFC 9849.
const UNKNOWN: &[u8] = &[0, 6, 0xfe, 0x0c, 0, 2, 9, 9];
const KNOWN: &[u8] =
    &[0, 24, 0xfe, 0x0d, 0, 20, 7, 0, 0x20, 0, 1, 9, 0, 4, 0, 1, 0, 1, 0, 4, b'a', b'.', b'b', b'c', 0, 0];

#[test]
fn it_looks_like_the_real_thing_and_stays_the_same() {
    let ca = Authority::new("CA");
    let client = ca.client(Policy::modern()).grease_ech(true).build().unwrap();
    // Without the feature `post-quantum` there is no hybrid.
    let carried = |group: &NamedGroup| clasp_crypto::default_provider().group(*group).is_some();
    let first = tls13().groups().iter().copied().find(carried).unwrap();
    for group in [first, NamedGroup::SECP384R1] {
        let server = ca.server(tls13().with_groups(&[group])).build().unwrap();
        let says = Says::default();
        let (mut ours, mut theirs) = pair(&client, &server, &says);
        assert!(matches!(exchange(&mut ours, &mut theirs), (None, None)));
        assert!(!ours.session().unwrap().ech_accepted() && !theirs.session().unwrap().ech_accepted());
        let seen = says.seen.lock().unwrap().clone();
        assert_eq!(seen.len(), if group == first { 1 } else { 2 });
        assert!(seen.iter().all(|content| content == &seen[0]), "the same after a HelloRetryRequest");
        let EchClientHello::Outer(outer) = EchClientHello::parse(&seen[0]).unwrap() else {
            panic!("it is an inner one")
        };
        assert_eq!((outer.enc.len(), outer.payload.len() % 32), (32, 16));
    }
    // Another one in another connection.
    let server = ca.server(tls13()).build().unwrap();
    let says = Says::default();
    for _ in 0..2 {
        let (mut ours, mut theirs) = pair(&client, &server, &says);
        assert!(matches!(exchange(&mut ours, &mut theirs), (None, None)));
    }
    let seen = says.seen.lock().unwrap().clone();
    assert!(seen.len() == 2 && seen[0] != seen[1]);
    // None where none is wished for.
    let client = ca.client(tls13()).build().unwrap();
    let says = Says::default();
    let (mut ours, mut theirs) = pair(&client, &server, &says);
    assert!(matches!(exchange(&mut ours, &mut theirs), (None, None)));
    assert!(says.seen.lock().unwrap().is_empty());
}

#[test]
fn what_a_server_answers_is_read_and_forgotten() {
    let ca = Authority::new("CA");
    let client = ca.client(tls13()).grease_ech(true).build().unwrap();
    let server = ca.server(tls13().with_groups(&[NamedGroup::SECP384R1])).build().unwrap();
    for (retry, encrypted) in
        [(None, Some(KNOWN)), (None, Some(UNKNOWN)), (Some(&[7; 8][..]), Some(KNOWN)), (Some(&[0; 8]), None)]
    {
        let (mut ours, mut theirs) = pair(&client, &server, &Says { retry, encrypted, ..Says::default() });
        assert!(matches!(exchange(&mut ours, &mut theirs), (None, None)));
        assert!(!ours.session().unwrap().ech_accepted());
    }
    for (retry, encrypted) in [
        (Some(&[7; 7][..]), None),
        (Some(&[7; 9]), None),
        (Some(&[]), None),
        (None, Some(&KNOWN[..25])),
        (None, Some(&[])),
        (None, Some(&[0, 0])),
    ] {
        let (mut ours, mut theirs) = pair(&client, &server, &Says { retry, encrypted, ..Says::default() });
        let (error, _) = exchange(&mut ours, &mut theirs);
        let Some(error @ Error::Misbehaved(Misbehaviour::BadEncryptedClientHello)) = error else { panic!("{error:?}") };
        assert_eq!(error.alert(), Some(AlertDescription::DECODE_ERROR));
    }
    // One that was not asked.
    let client = ca.client(tls13()).build().unwrap();
    let (mut ours, mut theirs) = pair(&client, &server, &Says { encrypted: Some(KNOWN), ..Says::default() });
    let (error, _) = exchange(&mut ours, &mut theirs);
    assert!(matches!(error, Some(Error::Misbehaved(Misbehaviour::UnsolicitedExtension))), "{error:?}");
}

#[test]
fn older_servers_pass_over_it_and_may_not_answer() {
    let ca = Authority::new("CA");
    let client = ca.client(Policy::compatible()).grease_ech(true).build().unwrap();
    let server = ca.server(classic(Policy::compatible())).build().unwrap();
    let (ours, _) = established(&client, &server);
    assert_eq!(ours.session().unwrap().version(), ProtocolVersion::TLS_1_2);
    let (mut ours, mut theirs) =
        pair(&client, &server, &Says { encrypted: Some(KNOWN), older: true, ..Says::default() });
    let (error, _) = exchange(&mut ours, &mut theirs);
    assert!(matches!(error, Some(Error::Misbehaved(Misbehaviour::UnsolicitedExtension))), "{error:?}");
    // And in a ServerHello of TLS 1.3 it has no place.
    let server = ca.server(tls13()).build().unwrap();
    let (mut ours, mut theirs) =
        pair(&client, &server, &Says { encrypted: Some(KNOWN), older: true, ..Says::default() });
    let (error, _) = exchange(&mut ours, &mut theirs);
    assert!(matches!(error, Some(Error::Misbehaved(Misbehaviour::MisplacedExtension))), "{error:?}");
    // A client of older versions has none to offer.
    let client = ca.client(classic(Policy::compatible())).grease_ech(true).build().unwrap();
    let (mut ours, _) = connections(&client, &server);
    ours.poll_now().unwrap();
    let hello = ours.output().split();
    assert!(!hello.windows(2).any(|pair| pair == [0xfe, 0x0d]));
}

/// RFC 8701 4: what a client does not know of a ticket it passes over.
#[test]
fn tickets_have_an_extension_that_nobody_knows() {
    let ca = Authority::new("CA");
    let unknown = |on: bool| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let server = ca.server(tls13()).grease(on).early_data(100).build().unwrap();
        let client = ca.client(tls13()).build().unwrap();
        let tickets = Tickets(Arc::clone(&seen));
        let (mut ours, _) = connections(&client, &server);
        let mut theirs = Connection::server_behind(server, Box::new(tickets));
        assert!(matches!(exchange(&mut ours, &mut theirs), (None, None)));
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        assert_eq!(seen.len(), 2);
        let of_ticket = |ticket: NewSessionTicket13| {
            let types = ticket.extensions.into_iter().filter_map(|extension| match extension {
                TicketExtension::Unknown(extension) => Some(extension.typ),
                _ => None,
            });
            types.collect::<Vec<_>>()
        };
        seen.into_iter().map(of_ticket).collect::<Vec<_>>()
    };
    for types in unknown(true) {
        assert!(matches!(types[..], [typ] if typ.is_grease()), "{types:?}");
    }
    assert_eq!(unknown(false), [[], []]);
}

/// Keeps the tickets that a server sends.
struct Tickets(Arc<Mutex<Vec<NewSessionTicket13>>>);

impl Front for Tickets {
    fn receives(&mut self, hello: RawHandshake) -> Result<RawHandshake, Error> {
        Ok(hello)
    }

    fn sends(&mut self, _: &Transcript, raw: Bytes) -> Bytes {
        if HandshakeType(raw[0]) == HandshakeType::NEW_SESSION_TICKET {
            self.0.lock().unwrap().push(NewSessionTicket13::parse_body(&raw.slice(4..)).unwrap());
        }
        raw
    }
}
