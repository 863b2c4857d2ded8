//! Tests of `Limits`: a peer in memory that comes to each bound, and one that goes past it (RFC 8446 4.2, 4.4.2, 5.1).

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use clasp_cert::MaybeReady;
use clasp_crypto::HashAlgorithm;
use clasp_keys::Transcript;
use clasp_wire::{
    AlertDescription, Certificate, Certificate13, CertificateRequest13, CipherSuite, ClientExtension, ClientHello,
    CompressionMethod, ContentType, DecodeErrorKind, EncryptedExtensions, ExtensionType, HandshakeMessage,
    HandshakeType, NewSessionTicket13, ProtocolVersion, Random, RawHandshake, ServerExtension, ServerHello,
    TicketExtension, UnknownExtension,
};
use zeroize::Zeroizing;

use super::Status;
use crate::peer::Front;
use crate::testing::{
    Authority, NAME, classic, connections, each, established, exchange, give, is_tls13, tls13, transfer,
};
use crate::{
    ClientAuth, ClientConfig, Connection, Error, ExternalPsk, Limits, Misbehaviour, Policy, ServerConfig, SessionStore,
};

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// A message in plaintext records of so many bytes.
pub(super) fn records(message: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for fragment in message.chunks(size) {
        out.extend_from_slice(&[22, 3, 3]);
        out.extend_from_slice(&u16::try_from(fragment.len()).unwrap().to_be_bytes());
        out.extend_from_slice(fragment);
    }
    out
}

/// The hello that a client begins with.
pub(super) fn hello_of(client: &mut Connection) -> ClientHello {
    client.poll_now().unwrap();
    let flight = client.output().split().freeze();
    ClientHello::parse_body(&flight.slice(9..5 + usize::from(u16::from_be_bytes([flight[3], flight[4]])))).unwrap()
}

/// Extensions that nobody knows.
fn unknown(i: usize) -> UnknownExtension {
    UnknownExtension { typ: ExtensionType(0x4000 + u16::try_from(i).unwrap()), data: Bytes::new() }
}

/// A server that sends other messages than it would.
struct Sends<F>(F);

impl<F: FnMut(Bytes) -> Bytes + Send + Sync> Front for Sends<F> {
    fn receives(&mut self, hello: RawHandshake) -> Result<RawHandshake, Error> {
        Ok(hello)
    }

    fn sends(&mut self, _: &Transcript, raw: Bytes) -> Bytes {
        (self.0)(raw)
    }
}

/// The client's error, where the server sends other messages.
pub(super) fn sent(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    change: impl FnMut(Bytes) -> Bytes + Send + Sync + 'static,
) -> Option<Error> {
    let mut client = Connection::client(Arc::clone(client), NAME.try_into().unwrap());
    let mut server = Connection::server_behind(Arc::clone(server), Box::new(Sends(change)));
    exchange(&mut client, &mut server).0
}

fn is(error: Option<&Error>, what: Misbehaviour) {
    assert!(matches!(error, Some(Error::Misbehaved(got)) if *got == what), "{error:?} in place of {what:?}");
}

#[test]
fn a_handshake_message_has_a_length() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let (client, server) = (ca.client(policy.clone()).build().unwrap(), ca.server(policy.clone()));
        let mut client = Connection::client(client, NAME.try_into().unwrap());
        client.poll_now().unwrap();
        let hello = client.output().split();
        let length = hello.len() - 5 - RawHandshake::HEADER;
        for (max, taken) in [(length, true), (length - 1, false)] {
            let server = ca.server(policy.clone()).limits(limits(|limits| limits.handshake_message = max));
            let mut server = Connection::server(server.build().unwrap());
            give(&mut server, &hello);
            match server.poll_now() {
                Ok(_) => assert!(taken),
                Err(error) => {
                    assert!(!taken && error.alert() == Some(AlertDescription::ILLEGAL_PARAMETER), "{error}");
                }
            }
        }
        // It is refused by its header.
        let mut server = Connection::server(server.build().unwrap());
        give(&mut server, &[22, 3, 1, 0, 4, 1, 1, 0, 1]);
        assert!(matches!(server.poll_now(), Err(Error::Decode(error)) if error.is_too_large()));
    }
}

#[test]
fn a_hello_has_so_many_extensions() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let client = ca.client(policy.clone()).build().unwrap();
        let said = |count: usize, limits: Limits| {
            let mut client = Connection::client(Arc::clone(&client), NAME.try_into().unwrap());
            let mut hello = hello_of(&mut client);
            let extensions = hello.extensions.get_or_insert_default();
            let more = count - extensions.len();
            extensions.extend((0..more).map(|i| ClientExtension::Unknown(unknown(i))));
            let server = ca.server(policy.clone()).limits(limits).build().unwrap();
            let mut server = Connection::server(server);
            give(&mut server, &records(&hello.encode(), 16_384));
            server.poll_now().err()
        };
        assert!(said(128, Limits::default()).is_none());
        let error = said(129, Limits::default());
        assert_eq!(error.as_ref().unwrap().alert(), Some(AlertDescription::ILLEGAL_PARAMETER));
        is(error.as_ref(), Misbehaviour::TooManyExtensions);
        let wide = || limits(|limits| limits.extensions = usize::MAX);
        assert!(said(512, wide()).is_none());
        let error = said(513, wide()).unwrap();
        assert_eq!(error.alert(), Some(AlertDescription::ILLEGAL_PARAMETER));
        let Error::Decode(error) = error else { panic!("{error}") };
        assert_eq!(error.kind(), DecodeErrorKind::TooMany { max: clasp_wire::MAX_EXTENSIONS });
    }
}

/// A second hello too.
#[test]
fn a_second_hello_has_so_many_extensions() {
    let ca = Authority::new("CA");
    let client = ca.client(tls13()).build().unwrap();
    let server = ca.server(tls13().with_groups(&[clasp_wire::NamedGroup::SECP384R1])).build().unwrap();
    for (count, wanted) in [(128, Misbehaviour::ChangedAfterRetry), (129, Misbehaviour::TooManyExtensions)] {
        let (mut client, mut server) = connections(&client, &server);
        client.poll_now().unwrap();
        give(&mut server, &client.output().split());
        server.poll_now().unwrap();
        give(&mut client, &server.output().split());
        client.poll_now().unwrap();
        let flight = client.output().split().freeze();
        let record = if flight[0] == 20 { flight.slice(6..) } else { flight };
        let mut hello = ClientHello::parse_body(&record.slice(9..)).unwrap();
        let extensions = hello.extensions.get_or_insert_default();
        let more = count - extensions.len();
        extensions.extend((0..more).map(|i| ClientExtension::Unknown(unknown(i))));
        give(&mut server, &records(&hello.encode(), 16_384));
        is(server.poll_now().err().as_ref(), wanted);
    }
}

#[test]
fn what_a_server_answers_has_so_many_extensions() {
    let ca = Authority::new("CA");
    let server = ca.server(tls13()).client_auth(ca.request_client()).build().unwrap();
    let client = ca.client(tls13()).build().unwrap();
    for (count, wanted) in [(128, false), (129, true)] {
        for typ in [
            HandshakeType::SERVER_HELLO,
            HandshakeType::ENCRYPTED_EXTENSIONS,
            HandshakeType::CERTIFICATE_REQUEST,
            HandshakeType::CERTIFICATE,
        ] {
            let error = sent(&client, &server, move |raw| {
                if HandshakeType(raw[0]) != typ {
                    return raw;
                }
                let body = raw.slice(RawHandshake::HEADER..);
                match typ {
                    HandshakeType::SERVER_HELLO => {
                        let mut hello = ServerHello::parse_body(&body).unwrap();
                        let extensions = hello.extensions.get_or_insert_default();
                        let more = count - extensions.len();
                        extensions.extend((0..more).map(|i| ServerExtension::Unknown(unknown(i))));
                        hello.encode()
                    }
                    HandshakeType::ENCRYPTED_EXTENSIONS => {
                        let extensions = (0..count).map(|i| ServerExtension::Unknown(unknown(i))).collect();
                        EncryptedExtensions { extensions }.encode()
                    }
                    HandshakeType::CERTIFICATE_REQUEST => {
                        let mut request = CertificateRequest13::parse_body(&body).unwrap();
                        let more = count - request.extensions.len();
                        let add = |i| clasp_wire::CertificateRequestExtension::Unknown(unknown(i));
                        request.extensions.extend((0..more).map(add));
                        request.encode()
                    }
                    _ => {
                        let mut chain = Certificate13::parse_body(&body).unwrap();
                        let add = |i| clasp_wire::CertificateExtension::Unknown(unknown(i));
                        chain.entries[0].extensions = (0..count).map(add).collect();
                        chain.encode()
                    }
                }
            });
            let refused = matches!(error, Some(Error::Misbehaved(Misbehaviour::TooManyExtensions)));
            assert_eq!(refused, wanted, "{typ} {count}: {error:?}");
        }
    }
}

/// The bound is there before the verifier's, which is smaller if nothing else is said.
#[test]
fn a_chain_has_so_many_certificates() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let (client, server) = (ca.client(policy.clone()).build().unwrap(), ca.server(policy.clone()).build().unwrap());
        for (count, ours) in [(64, false), (65, true)] {
            let newer = is_tls13(&policy);
            let error = sent(&client, &server, move |raw| {
                let body = raw.slice(RawHandshake::HEADER..);
                if HandshakeType(raw[0]) != HandshakeType::CERTIFICATE {
                    raw
                } else if newer {
                    let mut chain = Certificate13::parse_body(&body).unwrap();
                    let last = chain.entries[0].clone();
                    chain.entries.resize(count, last);
                    chain.encode()
                } else {
                    let mut chain = Certificate::parse_body(&body).unwrap();
                    let last = chain.chain[0].clone();
                    chain.chain.resize(count, last);
                    chain.encode()
                }
            });
            let error = error.unwrap();
            assert_eq!(error.alert(), Some(AlertDescription::BAD_CERTIFICATE), "{error}");
            let refused = matches!(error, Error::Misbehaved(Misbehaviour::TooManyCertificates));
            assert!(refused == ours && (ours || matches!(error, Error::Certificate { .. })), "{error}");
        }
        // What is set holds, for both sides.
        for (max, taken) in [(1, true), (0, false)] {
            let few = || limits(|limits| limits.certificates = max);
            let client = ca.client(policy.clone()).identity(ca.ecdsa("client.example"));
            let client = [client.limits(few()), ca.client(policy.clone()).identity(ca.ecdsa("client.example"))];
            let asking = || ca.server(policy.clone()).client_auth(ca.require_client());
            let server = [asking(), asking().limits(few())];
            for (side, (client, server)) in client.into_iter().zip(server).enumerate() {
                let (mut client, mut server) = connections(&client.build().unwrap(), &server.build().unwrap());
                let errors = exchange(&mut client, &mut server);
                let error = if side == 0 { errors.0 } else { errors.1 };
                if taken {
                    assert!(error.is_none(), "{error:?}");
                } else {
                    is(error.as_ref(), Misbehaviour::TooManyCertificates);
                }
            }
        }
    }
}

/// A HelloRetryRequest with a cookie of so many bytes, which this client's hello leads to.
fn cookie(hello: &ClientHello, length: usize) -> Bytes {
    let answer = ServerHello {
        server_version: ProtocolVersion::TLS_1_2,
        random: Random::HELLO_RETRY_REQUEST,
        session_id: hello.session_id,
        cipher_suite: CipherSuite::TLS_AES_128_GCM_SHA256,
        compression_method: CompressionMethod::NULL,
        extensions: Some(vec![
            ServerExtension::SupportedVersions(ProtocolVersion::TLS_1_3),
            ServerExtension::Cookie(vec![7; length].into()),
        ]),
    };
    answer.encode()
}

#[test]
fn a_cookie_has_a_length() {
    let ca = Authority::new("CA");
    let said = |length, limits: Limits| {
        let client = ca.client(tls13()).limits(limits).build().unwrap();
        let mut client = Connection::client(client, NAME.try_into().unwrap());
        let hello = hello_of(&mut client);
        give(&mut client, &records(&cookie(&hello, length), 16_384));
        let error = client.poll_now().err();
        (error, client.output().len())
    };
    let (error, sent) = said(4096, Limits::default());
    assert!(error.is_none() && sent > 4096, "{error:?} {sent}");
    is(said(4097, Limits::default()).0.as_ref(), Misbehaviour::CookieTooLong);
    // One that no hello has room for is never repeated.
    let all = || limits(|limits| limits.cookie = usize::MAX);
    assert!(said(8192, all()).0.is_none());
    for length in [8193, 65_300, 65_400] {
        is(said(length, all()).0.as_ref(), Misbehaviour::CookieTooLong);
    }
}

#[test]
fn so_many_keys_are_looked_for() {
    let ca = Authority::new("CA");
    let psk = |i: usize| ExternalPsk::new(format!("{i}").as_bytes(), &[7; 32], HashAlgorithm::Sha256).unwrap();
    for (bound, default) in [(8, true), (2, false)] {
        for (place, found) in [(bound, true), (bound + 1, false)] {
            let client = (1..=20).fold(ca.client(tls13()), |client, i| client.psk(psk(i)));
            let server = ca.server(tls13()).psk(psk(place));
            let server = if default { server } else { server.limits(limits(|limits| limits.psk_lookups = bound)) };
            let (client, server) = established(&client.build().unwrap(), &server.build().unwrap());
            for tls in [client, server] {
                assert_eq!(tls.session().unwrap().pre_shared_key(), found, "{place} of {bound}");
            }
        }
    }
}

#[test]
fn records_without_content_come_so_often() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        for (bound, default) in [(32, true), (3, false)] {
            let server = ca.server(policy.clone());
            let server = if default { server } else { server.limits(limits(|limits| limits.empty_records = bound)) };
            let client = ca.client(policy.clone()).build().unwrap();
            let (mut client, mut server) = established(&client, &server.build().unwrap());
            for _ in 0..2 {
                for _ in 0..bound {
                    client.seal(ContentType::APPLICATION_DATA, b"").unwrap();
                    give(&mut server, &client.output().split());
                    assert_eq!(server.poll_now().unwrap(), Status::NeedInput);
                }
                transfer(&mut client, &mut server, b"and now some");
            }
            for _ in 0..=bound {
                client.seal(ContentType::APPLICATION_DATA, b"").unwrap();
            }
            give(&mut server, &client.output().split());
            let error = server.poll_now().unwrap_err();
            assert!(matches!(error, Error::Record(clasp_record::RecordError::TooManyEmpty)), "{error}");
            assert_eq!(error.alert(), Some(AlertDescription::UNEXPECTED_MESSAGE));
        }
        // Of the handshake there is none (RFC 8446 5.1), nor did RFC 5246 6.2.1 want any.
        let mut server = Connection::server(ca.server(policy).build().unwrap());
        give(&mut server, &[22, 3, 1, 0, 0]);
        let error = server.poll_now().unwrap_err();
        assert!(matches!(error, Error::Record(clasp_record::RecordError::Empty(ContentType::HANDSHAKE))), "{error}");
    }
}

#[test]
fn change_cipher_specs_that_say_nothing_come_so_often() {
    let ca = Authority::new("CA");
    let client = ca.client(tls13()).build().unwrap();
    for (bound, default) in [(32, true), (3, false)] {
        let server = ca.server(tls13());
        let server = if default { server } else { server.limits(limits(|limits| limits.change_cipher_specs = bound)) };
        let (mut client, mut server) = connections(&client, &server.build().unwrap());
        client.poll_now().unwrap();
        give(&mut server, &client.output().split());
        server.poll_now().unwrap();
        for _ in 0..bound {
            give(&mut server, &[20, 3, 3, 0, 1, 1]);
            assert_eq!(server.poll_now().unwrap(), Status::NeedInput);
        }
        give(&mut server, &[20, 3, 3, 0, 1, 1]);
        let error = server.poll_now().unwrap_err();
        assert!(matches!(error, Error::Record(clasp_record::RecordError::ChangeCipherSpec)), "{error}");
        assert_eq!(error.alert(), Some(AlertDescription::UNEXPECTED_MESSAGE));
    }
}

#[test]
fn warnings_come_so_often() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        for (bound, default) in [(16, true), (3, false), (255, false)] {
            let server = ca.server(policy.clone());
            let server = if default { server } else { server.limits(limits(|limits| limits.warnings = bound)) };
            let client = ca.client(policy.clone()).build().unwrap();
            let (mut client, mut server) = established(&client, &server.build().unwrap());
            for _ in 0..bound {
                client.seal(ContentType::ALERT, &[1, AlertDescription::USER_CANCELED.0]).unwrap();
            }
            transfer(&mut client, &mut server, b"all is well");
            client.seal(ContentType::ALERT, &[1, AlertDescription::USER_CANCELED.0]).unwrap();
            give(&mut server, &client.output().split());
            let error = server.poll_now().unwrap_err();
            assert!(matches!(error, Error::TooMany("warning alerts")), "{error}");
            assert_eq!(error.alert(), Some(AlertDescription::UNEXPECTED_MESSAGE));
        }
    }
}

/// RFC 5246 7.4.1.1: those that come while one handshake is under way are passed over, but not for ever.
#[test]
fn hello_requests_are_passed_over_so_often() {
    let ca = Authority::new("CA");
    let policy = classic(Policy::compatible());
    let server = ca.server(policy.clone()).build().unwrap();
    for (bound, default) in [(4, true), (2, false)] {
        let client = ca.client(policy.clone());
        let client =
            if default { client } else { client.limits(limits(|limits| limits.refused_renegotiations = bound)) };
        let (mut client, mut server) = established(&client.build().unwrap(), &server);
        // In each handshake anew.
        for _ in 0..3 {
            client.renegotiate().unwrap();
            client.poll_now().unwrap();
            for _ in 0..bound {
                server.seal(ContentType::HANDSHAKE, &[0, 0, 0, 0]).unwrap();
                give(&mut client, &server.output().split());
                assert_eq!(client.poll_now().unwrap(), Status::NeedInput);
            }
            let errors = exchange(&mut client, &mut server);
            assert!(errors.0.is_none() && errors.1.is_none(), "{errors:?}");
            transfer(&mut client, &mut server, b"all goes on");
        }
        client.renegotiate().unwrap();
        client.poll_now().unwrap();
        for _ in 0..=bound {
            server.seal(ContentType::HANDSHAKE, &[0, 0, 0, 0]).unwrap();
        }
        give(&mut client, &server.output().split());
        let error = client.poll_now().unwrap_err();
        assert!(matches!(error, Error::TooManyRenegotiations), "{error}");
        assert_eq!(error.alert(), Some(AlertDescription::NO_RENEGOTIATION));
    }
}

#[test]
fn a_client_is_asked_for_its_certificate_so_often() {
    let ca = Authority::new("CA");
    let server = ca.server(tls13()).build().unwrap();
    for (bound, default) in [(16, true), (2, false)] {
        let client = ca.client(tls13()).post_handshake_auth(true).identity(ca.ecdsa("client.example"));
        let client = if default { client } else { client.limits(limits(|limits| limits.certificate_requests = bound)) };
        let (mut client, mut server) = established(&client.build().unwrap(), &server);
        for _ in 0..bound {
            server.request_client_certificate(ca.request_client()).unwrap();
            let errors = exchange(&mut client, &mut server);
            assert!(errors.0.is_none() && errors.1.is_none(), "{errors:?}");
            assert!(server.session().unwrap().client_authenticated() && !server.is_renegotiating());
            // Data between them makes no difference.
            transfer(&mut server, &mut client, b"who are you?");
        }
        server.request_client_certificate(ca.request_client()).unwrap();
        // A server asks once at a time, however often its application does.
        server.output().clear();
        server.request_client_certificate(ca.request_client()).unwrap();
        assert!(!server.has_output() && server.is_renegotiating());

        let (mut client, mut server) = {
            let config = ca.client(tls13()).post_handshake_auth(true).limits(limits(|l| l.certificate_requests = 0));
            established(&config.build().unwrap(), &ca.server(tls13()).build().unwrap())
        };
        server
            .request_client_certificate(ClientAuth::Request(ca.request_client().verifier().unwrap().clone()))
            .unwrap();
        let (error, _) = exchange(&mut client, &mut server);
        assert!(matches!(error, Some(Error::TooMany("requests for our certificate"))), "{error:?}");
        assert_eq!(error.unwrap().alert(), Some(AlertDescription::UNEXPECTED_MESSAGE));
    }
}

/// Tells what it is given.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<Vec<u8>>>);

impl SessionStore for Kept {
    fn get<'a>(&'a self, _: &'a [u8]) -> MaybeReady<'a, Option<Zeroizing<Vec<u8>>>> {
        MaybeReady::ready(None)
    }

    fn put<'a>(&'a self, key: &'a [u8], _: Zeroizing<Vec<u8>>) -> MaybeReady<'a, ()> {
        self.0.lock().unwrap().push(key.to_vec());
        MaybeReady::ready(())
    }

    fn remove<'a>(&'a self, _: &'a [u8]) -> MaybeReady<'a, ()> {
        MaybeReady::ready(())
    }
}

/// A server's ticket of so many bytes.
pub(super) fn ticket(length: usize, extensions: usize) -> Bytes {
    let extensions = (0..extensions).map(|i| TicketExtension::Unknown(unknown(i))).collect();
    let nonce = Bytes::from_static(b"one");
    NewSessionTicket13 { lifetime: 60, age_add: 7, nonce, ticket: vec![9; length].into(), extensions }.encode()
}

#[test]
fn tickets_have_a_length_and_a_number() {
    let ca = Authority::new("CA");
    let server = ca.server(tls13()).tickets(false).build().unwrap();
    let connect = |limits: Limits| {
        let kept = Arc::new(Kept::default());
        let client = ca.client(tls13()).session_store(Arc::clone(&kept) as _).limits(limits).build().unwrap();
        let (client, server) = established(&client, &server);
        kept.0.lock().unwrap().clear();
        (client, server, kept)
    };
    for (bound, limits) in [(16 << 10, Limits::default()), (100, limits(|limits| limits.ticket = 100))] {
        let (mut client, mut server, kept) = connect(limits);
        for (length, count) in [(bound, 1), (bound + 1, 1)] {
            server.seal(ContentType::HANDSHAKE, &ticket(length, 0)).unwrap();
            give(&mut client, &server.output().split());
            client.poll_now().unwrap();
            assert_eq!(kept.0.lock().unwrap().len(), count, "{length}");
        }
    }
    for (bound, limits) in [(4, Limits::default()), (2, limits(|limits| limits.tickets_kept = 2))] {
        let (mut client, mut server, kept) = connect(limits);
        for _ in 0..20 {
            server.seal(ContentType::HANDSHAKE, &ticket(30, 0)).unwrap();
            give(&mut client, &server.output().split());
            client.poll_now().unwrap();
        }
        let mut keys = kept.0.lock().unwrap().clone();
        assert_eq!(keys.len(), 20);
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), bound);
    }
    let (mut client, mut server, _) = connect(Limits::default());
    for (extensions, taken) in [(128, true), (129, false)] {
        server.seal(ContentType::HANDSHAKE, &ticket(30, extensions)).unwrap();
        give(&mut client, &server.output().split());
        match client.poll_now() {
            Ok(_) => assert!(taken),
            Err(error) if !taken => is(Some(&error), Misbehaviour::TooManyExtensions),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A server puts no more into a ticket than it may hold.
#[test]
fn a_server_issues_no_longer_tickets() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        for (max, resumed) in [(16 << 10, true), (50, false)] {
            let server = ca.server(policy.clone()).limits(limits(|limits| limits.ticket = max)).build().unwrap();
            let client = ca.client(policy.clone()).build().unwrap();
            established(&client, &server);
            let (client, _) = established(&client, &server);
            assert_eq!(client.session().unwrap().resumed(), resumed, "{max}");
        }
    }
}

#[test]
fn input_and_output_wait_up_to_their_bounds() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let narrow = || limits(|limits| (limits.input, limits.output) = (20_000, 10_000));
        for (input, output, bounds) in [(64 << 10, 64 << 10, Limits::default()), (20_000, 10_000, narrow())] {
            let client = ca.client(policy.clone()).limits(bounds).build().unwrap();
            let (mut client, _) = established(&client, &ca.server(policy.clone()).build().unwrap());
            assert_eq!(client.receive(&vec![23; input - 1]), input - 1);
            assert_eq!((client.receive(&[23; 2]), client.receive(&[23; 2])), (1, 0));
            assert_eq!(client.write(&vec![0; output - 1]).unwrap(), output - 1);
            assert_eq!(client.write(&vec![0; output]).unwrap(), 0);
        }
    }
}

/// Whoever waits for a renegotiation holds back so much, what each piece takes besides included.
#[test]
fn held_data_has_a_bound() {
    let ca = Authority::new("CA");
    let policy = classic(Policy::compatible());
    let server = ca.server(policy.clone()).build().unwrap();
    let piece = super::renegotiate::PIECE;
    for (bound, default) in [(128 << 10, true), (10_000, false)] {
        for more in [0, 1] {
            let client = ca.client(policy.clone());
            let client =
                if default { client } else { client.limits(limits(|limits| limits.renegotiation_data = bound)) };
            let (mut client, mut server) = established(&client.build().unwrap(), &server);
            client.renegotiate().unwrap();
            let mut left = bound + more;
            let mut result = None;
            while left > 0 {
                // So that the last piece comes out even.
                let length = if left > 8_000 { 4_000 } else { left - piece };
                left -= length + piece;
                server.seal(ContentType::APPLICATION_DATA, &vec![7; length]).unwrap();
                give(&mut client, &server.output().split());
                result = Some(client.poll_renegotiation(&mut Context::from_waker(Waker::noop())));
            }
            match result.unwrap() {
                Poll::Ready(Ok(_)) => assert!(more == 0 && client.held_data() == bound),
                Poll::Ready(Err(error)) => {
                    assert!(more == 1 && matches!(error, Error::RenegotiationData(max) if max == bound), "{error}");
                    assert_eq!(error.alert(), Some(AlertDescription::INTERNAL_ERROR));
                }
                Poll::Pending => panic!("nothing is asked of the caller"),
            }
        }
    }
}

/// A server that does not know the ticket passes over so much of what came with it.
#[test]
fn skipped_early_data_has_a_bound() {
    let ca = Authority::new("CA");
    for (bound, default) in [(64 << 10, true), (5_000, false)] {
        for more in [0, 1] {
            let client = ca.client(tls13()).early_data(true).build().unwrap();
            established(&client, &ca.server(tls13()).early_data(1 << 20).build().unwrap());
            let server = ca.server(tls13());
            let server = if default {
                server
            } else {
                server.limits(limits(|limits| limits.skipped_early_data = u32::try_from(bound).unwrap()))
            };
            let (mut client, mut server) = connections(&client, &server.build().unwrap());
            client.poll_now().unwrap();
            give(&mut server, &client.output().split());
            server.poll_now().unwrap();
            server.output().clear();
            let mut left = bound + more;
            let mut result = Ok(Status::NeedInput);
            while left > 0 {
                // A record takes its type and a tag besides.
                let body = left.min(if left > 2_000 { 1_000 } else { left });
                left -= body;
                assert_eq!(client.write_early(&vec![7; body - 17]).unwrap(), body - 17);
                give(&mut server, &client.output().split());
                result = server.poll_now();
            }
            match result {
                Ok(status) => assert!(more == 0 && status == Status::NeedInput),
                Err(error) => {
                    assert!(more == 1, "{error}");
                    assert_eq!(error.alert(), Some(AlertDescription::BAD_RECORD_MAC), "{error}");
                }
            }
        }
    }
}

/// Of a hello's names so many stand in the error.
#[test]
fn an_error_tells_so_many_names() {
    let ca = Authority::new("CA");
    let client = ca.client(Policy::modern()).build().unwrap();
    let mut hello = hello_of(&mut Connection::client(client, NAME.try_into().unwrap()));
    let names = vec![Bytes::from_static(&[0xff; 255]); 33];
    hello.extensions.get_or_insert_default().push(ClientExtension::Alpn(names));
    let server = ca.server(Policy::modern()).alpn(["h2"]).unwrap().build().unwrap();
    let mut server = Connection::server(server);
    give(&mut server, &records(&hello.encode(), 16_384));
    let Err(Error::NoCommonGround(what)) = server.poll_now() else { panic!("refused") };
    assert_eq!((what.what, what.theirs.alpn.len()), ("application protocol", 32));
}
