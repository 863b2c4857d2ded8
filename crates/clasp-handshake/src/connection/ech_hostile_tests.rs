//! Hellos that were encrypted, or say so, and are not what they must be (RFC 9849 5.1, 7, 7.1).

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use clasp_crypto::{HpkeSender, HpkeSuite, default_provider};
use clasp_wire::{
    AlertDescription, ClientExtension, ClientHello, EchClientHello, EchOuter, ExtensionType, HandshakeMessage as _,
    ProtocolVersion, SessionId, UnknownExtension,
};

use super::Connection;
use super::ech_server_tests::{client, key, narrow, server};
use crate::testing::{Authority, NAME, Recorder, connections, established, exchange, exchange_with, give, tls13};
use crate::{EchKey, Error, Role, ServerConfig};

/// The hello in a record.
fn hello_in(record: &[u8]) -> ClientHello {
    ClientHello::parse_body(&Bytes::copy_from_slice(&record[9..])).unwrap()
}

fn record(hello: &ClientHello) -> Vec<u8> {
    let raw = hello.encode();
    let mut record = BytesMut::from(&[22, 3, 1][..]);
    record.put_u16(u16::try_from(raw.len()).unwrap());
    record.put_slice(&raw);
    record.to_vec()
}

fn content_of(hello: &ClientHello) -> EchClientHello {
    EchClientHello::parse(hello.encrypted_client_hello().unwrap()).unwrap()
}

fn outer_of(hello: &ClientHello) -> EchOuter {
    let EchClientHello::Outer(outer) = content_of(hello) else { panic!("an inner hello on the wire") };
    outer
}

/// The hello with another content.
fn with(hello: &ClientHello, content: Option<Bytes>) -> ClientHello {
    let mut hello = hello.clone();
    let extensions = hello.extensions.as_mut().unwrap();
    let at = extensions.iter().position(|one| one.ext_type() == ExtensionType::ENCRYPTED_CLIENT_HELLO).unwrap();
    extensions.splice(at..=at, content.map(ClientExtension::EncryptedClientHello));
    hello
}

fn with_outer(hello: &ClientHello, outer: EchOuter) -> ClientHello {
    with(hello, Some(EchClientHello::Outer(outer).encode()))
}

/// A hello around what is given, encrypted to the key.
fn around(hello: &ClientHello, key: &EchKey, encoded: &[u8]) -> ClientHello {
    let contents = key.config().contents.clone().unwrap();
    let cipher_suite = contents.cipher_suites[0];
    let suite = HpkeSuite { kem: contents.kem, kdf: cipher_suite.kdf, aead: cipher_suite.aead };
    let info = [b"tls ech\0", &key.config().raw[..]].concat();
    let random = default_provider().random;
    let (enc, mut sender) = HpkeSender::new(suite, &contents.public_key, &info, random).unwrap();
    let zeros = vec![0; encoded.len() + HpkeSuite::OVERHEAD].into();
    let outer = EchOuter { cipher_suite, config_id: contents.config_id, enc: enc.into(), payload: zeros };
    let mut associated = BytesMut::new();
    with_outer(hello, outer.clone()).write_body(&mut associated);
    let payload = sender.seal(&associated, encoded).unwrap().into();
    with_outer(hello, EchOuter { payload, ..outer })
}

/// What a server makes of a first hello: whether it opened another one in it, and what it says if it refuses it.
fn served(server: &Arc<ServerConfig>, told: &Recorder, hello: &[u8]) -> (bool, Option<AlertDescription>) {
    told.0.lock().unwrap().clear();
    let mut tls = Connection::server(Arc::clone(server));
    give(&mut tls, hello);
    let error = tls.poll_now().err();
    let opened = told.0.lock().unwrap().iter().any(|event| event.what.starts_with("opened"));
    (opened, error.and_then(|error| error.alert()))
}

struct Scene {
    key: EchKey,
    server: Arc<ServerConfig>,
    told: Arc<Recorder>,
    /// A hello around another one, as our client sends it.
    outer: ClientHello,
    record: Vec<u8>,
    /// One that is not around another.
    inner: ClientHello,
}

impl Scene {
    fn new() -> Self {
        let ca = Authority::new("CA");
        let key = key(7);
        let told = Arc::new(Recorder::default());
        let server = server(&ca, tls13(), std::slice::from_ref(&key)).trace(told.clone()).build().unwrap();
        let first = |config| {
            let mut tls = Connection::client(config, NAME.try_into().unwrap());
            tls.poll_now().unwrap();
            tls.output().split().to_vec()
        };
        let record = first(client(&ca, std::slice::from_ref(&key)).grease(false).build().unwrap());
        let mut inner = hello_in(&first(ca.client(tls13()).grease(false).build().unwrap()));
        inner.session_id = SessionId::EMPTY;
        let says = ClientExtension::EncryptedClientHello(EchClientHello::Inner.encode());
        inner.extensions.as_mut().unwrap().insert(0, says);
        Self { key, server, told, outer: hello_in(&record), record, inner }
    }

    /// What the server makes of these bytes, encrypted.
    fn served(&self, encoded: &[u8]) -> (bool, Option<AlertDescription>) {
        served(&self.server, &self.told, &record(&around(&self.outer, &self.key, encoded)))
    }

    fn body(&self, change: impl FnOnce(&mut Vec<ClientExtension>)) -> Vec<u8> {
        let mut inner = self.inner.clone();
        change(inner.extensions.as_mut().unwrap());
        inner.encode()[4..].to_vec()
    }
}

const ILLEGAL: (bool, Option<AlertDescription>) = (false, Some(AlertDescription::ILLEGAL_PARAMETER));
const UNDECODED: (bool, Option<AlertDescription>) = (false, Some(AlertDescription::DECODE_ERROR));

/// Names extensions of the other hello.
fn reference(types: &[ExtensionType]) -> ClientExtension {
    let mut data = BytesMut::new();
    data.put_u8(u8::try_from(2 * types.len()).unwrap());
    types.iter().for_each(|typ| data.put_u16(typ.0));
    ClientExtension::Unknown(UnknownExtension { typ: ExtensionType::ECH_OUTER_EXTENSIONS, data: data.freeze() })
}

#[test]
fn what_is_encrypted_must_be_a_hello_of_its_kind() {
    let scene = Scene::new();
    let good = scene.body(|_| ());
    assert_eq!(scene.served(&good), (true, None));
    assert_eq!(scene.served(&[&good[..], &[0; 77]].concat()), (true, None));
    assert_eq!(scene.served(&[&good[..], &[0, 0, 1, 0]].concat()), ILLEGAL);
    assert_eq!(scene.served(&good[..good.len() - 1]), UNDECODED);
    assert_eq!(scene.served(&[]), UNDECODED);
    let mut identified = scene.inner.clone();
    identified.session_id = scene.outer.session_id;
    assert_eq!(scene.served(&identified.encode()[4..]), ILLEGAL);

    // It says that it is an inner one, and does so well.
    assert_eq!(scene.served(&scene.body(|extensions| drop(extensions.remove(0)))), ILLEGAL);
    let outer = EchClientHello::Outer(outer_of(&scene.outer)).encode();
    for content in [&[1, 0][..], &[], &[2], &outer] {
        let content = ClientExtension::EncryptedClientHello(Bytes::copy_from_slice(content));
        assert_eq!(scene.served(&scene.body(|extensions| extensions[0] = content)), ILLEGAL);
    }
    // It offers TLS 1.3 alone.
    let versions = |versions: &[ProtocolVersion]| {
        let is_list = |one: &ClientExtension| matches!(one, ClientExtension::SupportedVersions(_));
        scene.served(&scene.body(|extensions| {
            extensions.retain(|one| !is_list(one));
            if !versions.is_empty() {
                extensions.insert(0, ClientExtension::SupportedVersions(versions.to_vec()));
            }
        }))
    };
    let (tls13, tls12, grease) = (ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2, ProtocolVersion(0x0a0a));
    assert_eq!(versions(&[tls13]), (true, None));
    assert_eq!(versions(&[grease, tls13]), (true, None));
    assert_eq!(versions(&[]), ILLEGAL);
    assert_eq!(versions(&[tls13, tls12]), ILLEGAL);
    assert_eq!(versions(&[tls12]), ILLEGAL);
    assert_eq!(versions(&[tls13, ProtocolVersion::SSL_3_0]), ILLEGAL);
    let newer = versions(&[ProtocolVersion(0x0305)]);
    assert_eq!(newer, (true, Some(AlertDescription::PROTOCOL_VERSION)));
    // More extensions than a message may have.
    let many = scene.body(|extensions| {
        extensions.extend((0..200).map(|at| {
            ClientExtension::Unknown(UnknownExtension { typ: ExtensionType(0x3000 + at), data: Bytes::new() })
        }));
    });
    assert_eq!(scene.served(&many), ILLEGAL);
}

#[test]
fn what_is_left_to_the_other_hello_is_there_and_in_order() {
    let scene = Scene::new();
    let (groups, schemes) = (ExtensionType::SUPPORTED_GROUPS, ExtensionType::SIGNATURE_ALGORITHMS);
    let places: Vec<_> = scene.outer.extensions.iter().flatten().map(ClientExtension::ext_type).collect();
    let place = |typ| places.iter().position(|other| *other == typ).unwrap();
    let in_order = if place(groups) < place(schemes) { [groups, schemes] } else { [schemes, groups] };
    let leaving = |types: &[ExtensionType]| {
        scene.served(&scene.body(|extensions| {
            extensions.retain(|one| ![groups, schemes].contains(&one.ext_type()));
            extensions.insert(1, reference(types));
        }))
    };
    assert_eq!(leaving(&in_order), (true, None));
    let [first, second] = in_order;
    for types in [
        &[second, first][..],
        &[first, second, second],
        &[first, second, ExtensionType(0x3333)],
        &[first, second, ExtensionType::ENCRYPTED_CLIENT_HELLO],
        &[first, second, ExtensionType::ECH_OUTER_EXTENSIONS],
        // What the inner hello has too.
        &[first, second, ExtensionType::SUPPORTED_VERSIONS],
    ] {
        assert_eq!(leaving(types), ILLEGAL, "{types:?}");
    }
    assert_eq!(leaving(&[]), UNDECODED);
}

/// No byte of the hello can be changed, and the one in it still be taken (RFC 9849 5.2).
#[test]
fn a_tampered_hello_is_not_opened() {
    let scene = Scene::new();
    assert_eq!(served(&scene.server, &scene.told, &scene.record), (true, None));
    for at in (9..scene.record.len()).step_by(3) {
        let mut record = scene.record.clone();
        record[at] ^= 1;
        assert!(!served(&scene.server, &scene.told, &record).0, "byte {at}");
    }
    // It goes on with the hello that everybody sees: also where there is nothing to open, or no key to open it with.
    let outer = outer_of(&scene.outer);
    let changed = |outer: EchOuter| served(&scene.server, &scene.told, &record(&with_outer(&scene.outer, outer)));
    for payload in [&outer.payload[..1], &outer.payload[..15], &outer.payload[..outer.payload.len() - 1]] {
        let payload = Bytes::copy_from_slice(payload);
        assert_eq!(changed(EchOuter { payload, ..outer.clone() }), (false, None));
    }
    for enc in [&outer.enc[..31], &[], &[0; 32]] {
        assert_eq!(changed(EchOuter { enc: Bytes::copy_from_slice(enc), ..outer.clone() }), (false, None));
    }
    assert_eq!(changed(EchOuter { config_id: 8, ..outer }), (false, None));
}

#[test]
fn what_says_of_itself_that_it_was_encrypted() {
    let scene = Scene::new();
    let ca = Authority::new("CA");
    let plain = server(&ca, tls13(), &[]).build().unwrap();
    let say = |server, content: &[u8]| {
        let hello = with(&scene.outer, Some(Bytes::copy_from_slice(content)));
        served(server, &scene.told, &record(&hello))
    };
    // RFC 9849 7. Who has no key may be behind somebody who has.
    assert_eq!(say(&scene.server, &[1]), ILLEGAL);
    assert_eq!(say(&plain, &[1]), (false, None));
    for server in [&scene.server, &plain] {
        assert_eq!(say(server, &[2]), ILLEGAL);
        assert_eq!(say(server, &[1, 0]), UNDECODED);
        assert_eq!(say(server, &[]), UNDECODED);
    }
}

/// What a server says when a client's second hello is changed on its way.
fn after_retry(change: impl Fn(ClientHello) -> ClientHello) -> Option<Error> {
    let ca = Authority::new("CA");
    let keys = [key(7)];
    let client = client(&ca, &keys).build().unwrap();
    let server = server(&ca, narrow(true), &keys).build().unwrap();
    let (mut client, mut server) = connections(&client, &server);
    let (_, error) = exchange_with(&mut client, &mut server, |from, bytes| match second_hello(from, &bytes) {
        Some(hello) => record(&change(hello)),
        None => bytes,
    });
    error
}

/// The hello behind the ChangeCipherSpec that a client says before it (RFC 8446 D.4).
fn second_hello(from: Role, flight: &[u8]) -> Option<ClientHello> {
    let hello = flight.strip_prefix(&[20, 3, 3, 0, 1, 1]).filter(|rest| rest.first() == Some(&22))?;
    (from == Role::Client).then(|| hello_in(hello))
}

/// RFC 9849 7.1.1.
#[test]
fn a_second_hello_goes_on_from_the_first() {
    assert!(after_retry(|hello| hello).is_none());
    let alert = |change: &dyn Fn(EchOuter) -> EchOuter| {
        let error = after_retry(|hello| with_outer(&hello, change(outer_of(&hello))));
        error.and_then(|error| error.alert())
    };
    assert_eq!(alert(&|outer| outer), None);
    let illegal = Some(AlertDescription::ILLEGAL_PARAMETER);
    assert_eq!(alert(&|outer| EchOuter { config_id: 8, ..outer }), illegal);
    assert_eq!(alert(&|outer| EchOuter { cipher_suite: EchKey::SUITES[1], ..outer }), illegal);
    assert_eq!(alert(&|outer| EchOuter { enc: Bytes::from_static(&[9; 32]), ..outer }), illegal);
    let other = |outer: &EchOuter| Bytes::from(vec![7; outer.payload.len()]);
    let unread = Some(AlertDescription::DECRYPT_ERROR);
    assert_eq!(alert(&|outer| EchOuter { payload: other(&outer), ..outer }), unread);
    assert_eq!(alert(&|outer| EchOuter { payload: Bytes::from_static(&[7]), ..outer }), unread);

    let without = after_retry(|hello| with(&hello, None)).and_then(|error| error.alert());
    assert_eq!(without, Some(AlertDescription::MISSING_EXTENSION));
    let inner = after_retry(|hello| with(&hello, Some(EchClientHello::Inner.encode())));
    assert_eq!(inner.and_then(|error| error.alert()), illegal);
    // All else in it is bound to what is encrypted, too.
    let renamed = after_retry(|mut hello| {
        hello.cipher_suites.reverse();
        hello
    });
    assert_eq!(renamed.and_then(|error| error.alert()), unread);
}

/// A client whose first hello was not opened, or had none in it, does not become one whose hello was.
#[test]
fn a_second_hello_cannot_begin_to_be_one() {
    let ca = Authority::new("CA");
    let keys = [key(7)];
    let theirs = server(&ca, narrow(true), &keys).build().unwrap();
    let say = |content: Bytes| {
        let client = ca.client(tls13()).grease_ech(true).build().unwrap();
        let (mut client, mut server) = connections(&client, &theirs);
        let (_, error) = exchange_with(&mut client, &mut server, |from, bytes| match second_hello(from, &bytes) {
            Some(hello) => record(&with(&hello, Some(content.clone()))),
            None => bytes,
        });
        error.and_then(|error| error.alert())
    };
    assert_eq!(say(EchClientHello::Inner.encode()), Some(AlertDescription::ILLEGAL_PARAMETER));
    assert_eq!(say(Bytes::from_static(&[3])), Some(AlertDescription::ILLEGAL_PARAMETER));
    assert_eq!(say(Bytes::new()), Some(AlertDescription::DECODE_ERROR));
}

/// The other end of it: nothing of a hello that was not opened leads to a session that says it was.
#[test]
fn a_key_that_is_gone_opens_nothing() {
    let ca = Authority::new("CA");
    let client = client(&ca, &[key(7)]).build().unwrap();
    let without = server(&ca, tls13(), &[]).build().unwrap();
    let (mut ours, mut theirs) = connections(&client, &without);
    let (error, _) = exchange(&mut ours, &mut theirs);
    assert!(matches!(error, Some(Error::EchRejected { retry_configs: None })), "{error:?}");
    let plain = ca.client(tls13()).build().unwrap();
    let (_, theirs) = established(&plain, &without);
    assert!(!theirs.session().unwrap().ech_accepted());
}
