//! Encrypted ClientHello, against a server that decrypts (RFC 9849).

use std::sync::{Arc, Mutex};

use bytes::{BufMut as _, Bytes, BytesMut};
use clasp_crypto::HashAlgorithm;
use clasp_wire::{
    AlertDescription, ClientHello, EchClientHello, EchConfig, EchConfigContents, EchConfigExtension, ExtensionType,
    HandshakeMessage as _, HandshakeType, HpkeAead, HpkeKdf, HpkeKem, HpkeSymmetricCipherSuite, NamedGroup,
    RawHandshake,
};
use rustls_pki_types::ServerName;

use super::Connection;
use super::ech_server::{AES_128, Decrypts, Mistake, PUBLIC_NAME, Seen, contents, list, outer_of};
use crate::peer::Front;
use crate::testing::{Authority, NAME, Recorder, classic, exchange, exchange_with, give, message_at, tls13, transfer};
use crate::{
    ClientConfig, ClientConfigBuilder, ConfigError, EarlyData, Error, ExternalPsk, Misbehaviour, Policy, Role,
    ServerConfig, ServerConfigBuilder, TLS13_CIPHER_SUITES,
};

/// The client's connection to `NAME`, and a server behind somebody.
pub(super) fn pair(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    front: Decrypts,
) -> (Connection, Connection, Arc<Mutex<Seen>>) {
    let name: ServerName<'static> = NAME.try_into().unwrap();
    let seen = Arc::clone(&front.seen);
    let server = Connection::server_behind(Arc::clone(server), Box::new(front));
    (Connection::client(Arc::clone(client), name), server, seen)
}

/// A server with certificates for both names.
pub(super) fn server(ca: &Authority, policy: Policy) -> ServerConfigBuilder {
    ServerConfig::builder(policy).identity(ca.ecdsa(NAME)).identity(ca.ecdsa(PUBLIC_NAME))
}

pub(super) fn client(ca: &Authority, policy: Policy, list: &[u8]) -> ClientConfigBuilder {
    ca.client(policy).ech_configs(list).unwrap()
}

/// Groups with which a server asks for another hello, or not.
pub(super) fn narrow(retry: bool) -> Policy {
    if retry { tls13().with_groups(&[NamedGroup::SECP384R1]) } else { tls13() }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[track_caller]
pub(super) fn rejected(error: Option<Error>) -> Option<Bytes> {
    let Some(Error::EchRejected { retry_configs }) = error else { panic!("{error:?}") };
    retry_configs
}

#[track_caller]
pub(super) fn refused(error: Option<&Error>, alert: AlertDescription) {
    let Some(Error::AlertReceived(received)) = error else { panic!("{error:?}") };
    assert_eq!(received.alert, alert);
}

/// RFC 7685 4, and so that it looks like one that has no other one in it.
#[test]
fn no_hello_around_another_one_has_256_to_511_bytes() {
    let ca = Authority::new("CA");
    let key = EchConfig::new(contents(7, &[AES_128]));
    let list = EchConfig::encode_list(std::slice::from_ref(&key));
    let policy = tls13().with_groups(&[NamedGroup::X25519, NamedGroup::SECP384R1]);
    for (retry, resumed) in [(false, false), (true, false), (true, true)] {
        let client = client(&ca, policy.clone(), &list).grease(false).build().unwrap();
        let server = server(&ca, narrow(retry)).build().unwrap();
        let mut hellos = Vec::new();
        for again in 0..=u8::from(resumed) {
            let front = Decrypts { keys: vec![(7, key.clone())], ..Decrypts::default() };
            let (mut client, mut server, _) = pair(&client, &server, front);
            let errors = exchange_with(&mut client, &mut server, |from, bytes| {
                if from == Role::Client {
                    // The second one comes behind a ChangeCipherSpec.
                    let hello = bytes.strip_prefix(&[20, 3, 3, 0, 1, 1]).unwrap_or(&bytes);
                    hellos.extend(message_at(hello, HandshakeType::CLIENT_HELLO));
                }
                bytes
            });
            assert!(matches!(errors, (None, None)), "{errors:?}");
            assert_eq!(client.session().unwrap().resumed(), again == 1);
        }
        assert_eq!(hellos.len(), (1 + usize::from(retry)) * (1 + usize::from(resumed)));
        assert!(hellos.iter().all(|hello| hello.len() >= 512), "{hellos:?}");
    }
}

#[test]
fn the_server_reads_what_nobody_else_does() {
    let ca = Authority::new("CA");
    let hpke = [
        (HpkeKdf::HKDF_SHA256, HpkeAead::AES_128_GCM),
        (HpkeKdf::HKDF_SHA256, HpkeAead::AES_256_GCM),
        (HpkeKdf::HKDF_SHA256, HpkeAead::CHACHA20_POLY1305),
        (HpkeKdf::HKDF_SHA384, HpkeAead::AES_256_GCM),
    ];
    for (policy, grease) in [(Policy::modern(), true), (Policy::compatible(), true), (tls13(), false)] {
        for (suite, (kdf, aead)) in TLS13_CIPHER_SUITES.iter().cycle().zip(hpke) {
            for retry in [false, true] {
                let key = EchConfig::new(contents(7, &[HpkeSymmetricCipherSuite { kdf, aead }]));
                let list = EchConfig::encode_list(std::slice::from_ref(&key));
                let recorder = Arc::new(Recorder::default());
                let client = client(&ca, policy.clone(), &list).grease(grease).alpn(["secret"]).unwrap();
                let client = client.trace(recorder.clone()).build().unwrap();
                let policy = narrow(retry).with_cipher_suites(&[suite.id]);
                let server = server(&ca, policy).alpn(["secret"]).unwrap().build().unwrap();
                let front = Decrypts { keys: vec![(7, key)], retry_configs: Some(list), ..Decrypts::default() };
                let (mut client, mut server, seen) = pair(&client, &server, front);
                let mut wire = Vec::new();
                let errors = exchange_with(&mut client, &mut server, |from, bytes| {
                    if from == Role::Client {
                        wire.extend_from_slice(&bytes);
                    }
                    bytes
                });
                assert!(matches!(errors, (None, None)), "{errors:?}");
                assert!(!contains(&wire, NAME.as_bytes()) && !contains(&wire, b"secret"));
                assert!(contains(&wire, PUBLIC_NAME.as_bytes()));
                let session = client.session().unwrap();
                assert!(session.ech_accepted());
                assert_eq!((session.cipher_suite(), session.alpn()), (suite.id, Some(&b"secret"[..])));
                assert_eq!(session.server_name(), Some(NAME));
                assert!(session.steps()[0].1.contains("encrypted"));
                assert_eq!(server.session().unwrap().server_name(), Some(NAME));
                let (mut ours, mut theirs) = ([0; 32], [1; 32]);
                client.export_keying_material(b"EXPORTER-x", None, &mut ours).unwrap().unwrap();
                server.export_keying_material(b"EXPORTER-x", None, &mut theirs).unwrap().unwrap();
                assert_eq!(ours, theirs);
                transfer(&mut client, &mut server, &[7; 40_000]);
                transfer(&mut server, &mut client, &[8; 40_000]);
                let told = recorder.0.lock().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
                assert!(told.contains("encrypted one true") && told.contains("public name public.example"), "{told}");

                let seen = seen.lock().unwrap();
                assert_eq!((seen.outer.len(), seen.inner.len()), if retry { (2, 2) } else { (1, 1) });
                let share = |hello: &ClientHello| hello.key_shares().unwrap().last().unwrap().clone();
                for (outer, inner) in seen.outer.iter().zip(&seen.inner) {
                    assert_eq!(outer.session_id, inner.session_id);
                    assert_eq!(share(outer), share(inner));
                    let is_new = |suite: &clasp_wire::CipherSuite| suite.is_grease() || suite.0 >> 8 == 0x13;
                    assert!(inner.cipher_suites.iter().all(is_new));
                    assert_eq!(inner.cipher_suites.iter().any(|suite| suite.is_grease()), grease);
                    let means_nothing = |hello: &ClientHello| {
                        let types = hello.extensions.iter().flatten().map(clasp_wire::ClientExtension::ext_type);
                        types.filter(|typ| typ.is_grease()).collect::<Vec<_>>()
                    };
                    assert_eq!(means_nothing(inner), means_nothing(outer));
                    assert_eq!(means_nothing(inner).len(), if grease { 2 } else { 0 });
                    for older in [ExtensionType::EXTENDED_MASTER_SECRET, ExtensionType::RENEGOTIATION_INFO] {
                        assert!(inner.extensions.iter().flatten().all(|extension| extension.ext_type() != older));
                    }
                    assert_eq!(outer.alpn(), None);
                }
                // Shares of a hybrid group are long, and sent once.
                assert!(seen.encoded.iter().all(|encoded| encoded.len() <= 224), "{}", seen.encoded[0].len());
            }
        }
    }
}

#[test]
fn the_length_of_a_name_is_hidden() {
    let ca = Authority::new("CA");
    let client = client(&ca, tls13(), &list(7)).build().unwrap();
    let length = |name: &str| {
        let mut tls = Connection::client(Arc::clone(&client), ServerName::try_from(name).unwrap().to_owned());
        tls.poll_now().unwrap();
        tls.output().len()
    };
    let long = format!("{}.example", "a".repeat(32));
    let lengths = ["a.b", NAME, &long, "192.0.2.1", "2001:db8::1"].map(length);
    assert_eq!(lengths, [lengths[0]; 5]);
    assert!(length(&format!("{}.example", ["a"; 3].map(|letter| letter.repeat(60)).join("."))) > lengths[0]);
    // What looks like it is as long.
    let grease = ca.client(tls13()).grease_ech(true).build().unwrap();
    let mut tls = Connection::client(grease, ServerName::try_from(PUBLIC_NAME).unwrap());
    tls.poll_now().unwrap();
    assert_eq!(tls.output().len(), lengths[0]);
}

/// The same number, and another key: what the server tries to open does not open.
/// Whoever is not the server with the public name has nothing to say on keys (RFC 9849 6.1.6).
/// No byte of the first hello can be changed, and the inner hello still be taken (RFC 9849 5.2).
#[test]
fn a_tampered_hello_is_not_taken() {
    let ca = Authority::new("CA");
    let client = client(&ca, tls13(), &list(7)).build().unwrap();
    let server = server(&ca, tls13()).build().unwrap();
    let name: ServerName<'static> = NAME.try_into().unwrap();
    let mut tls = Connection::client(Arc::clone(&client), name);
    tls.poll_now().unwrap();
    let record = tls.output().split();
    let hello = ClientHello::parse_body(&Bytes::copy_from_slice(&record[9..])).unwrap();
    let raw = |body: &[u8]| {
        let mut raw = BytesMut::new();
        raw.put_slice(&[1, 0]);
        raw.put_u16(u16::try_from(body.len()).unwrap());
        raw.put_slice(body);
        RawHandshake { typ: HandshakeType::CLIENT_HELLO, raw: raw.freeze() }
    };
    let taken = |body: &[u8]| {
        let mut front = Decrypts::with(7);
        // What is no hello any more, or has no such extension, is not asked.
        let outer = ClientHello::parse_body(&Bytes::copy_from_slice(body)).ok().filter(|hello| {
            let content = hello.encrypted_client_hello().and_then(|content| EchClientHello::parse(content).ok());
            matches!(content, Some(EchClientHello::Outer(_))) && hello.server_name() == Some(PUBLIC_NAME)
        });
        outer.is_some() && front.receives(raw(body)).is_ok() && front.accepts()
    };
    assert!(taken(&record[9..]));
    for at in (0..record.len() - 9).step_by(3) {
        let mut body = record[9..].to_vec();
        body[at] ^= 1;
        assert!(!taken(&body), "byte {at}");
    }

    // To a client it is no word of the server's: what both saw differs.
    let payload = outer_of(&hello).payload;
    let (mut ours, mut theirs, seen) = pair(&client, &server, Decrypts::with(7));
    ours.poll_now().unwrap();
    let mut record = ours.output().split().to_vec();
    let at = record.len() - payload.len() / 2;
    record[at] ^= 1;
    give(&mut theirs, &record);
    let (error, _) = exchange(&mut ours, &mut theirs);
    assert!(matches!(error, Some(Error::Record(_))), "{error:?}");
    assert!(ours.session().is_none() && seen.lock().unwrap().inner.is_empty());
}

#[test]
fn sessions_are_resumed_and_early_data_taken_in_the_inner_hello_alone() {
    let ca = Authority::new("CA");
    let client = client(&ca, Policy::modern(), &list(7)).early_data(true).build().unwrap();
    let server = server(&ca, tls13()).early_data(1000).build().unwrap();
    let (mut ours, mut theirs, _) = pair(&client, &server, Decrypts::with(7));
    assert!(matches!(exchange(&mut ours, &mut theirs), (None, None)));
    assert!(!ours.session().unwrap().resumed());

    let (mut ours, mut theirs, seen) = pair(&client, &server, Decrypts::with(7));
    ours.poll_now().unwrap();
    assert_eq!(ours.write_early(b"early").unwrap(), 5);
    assert!(matches!(exchange(&mut ours, &mut theirs), (None, None)));
    let session = ours.session().unwrap();
    assert!(session.resumed() && session.ech_accepted());
    assert_eq!(session.early_data(), EarlyData::Accepted);
    assert_eq!(theirs.read().unwrap(), &b"early"[..]);
    let seen = seen.lock().unwrap();
    let (outer, inner) = (seen.outer[0].pre_shared_key().unwrap(), seen.inner[0].pre_shared_key().unwrap());
    let lengths = |psks: &clasp_wire::OfferedPsks| {
        let identities: Vec<_> = psks.identities.iter().map(|psk| psk.identity.len()).collect();
        (identities, psks.binders.iter().map(Bytes::len).collect::<Vec<_>>())
    };
    assert_eq!(lengths(outer), lengths(inner));
    assert!(outer.identities[0].identity != inner.identities[0].identity && outer.binders != inner.binders);
    assert!(seen.outer[0].has_early_data() && seen.inner[0].has_early_data());

    // Early data on its way to a server that cannot read the hello is passed over, and to one that asks for another hello.
    for (retry, number) in [(false, 8), (true, 8), (true, 7)] {
        let (mut ours, mut theirs, _) = pair(&client, &server, Decrypts::with(7));
        assert!(matches!(exchange(&mut ours, &mut theirs), (None, None)));
        let narrow = self::server(&ca, narrow(retry)).early_data(1000).build().unwrap();
        let (mut ours, mut theirs, seen) = pair(&client, &narrow, Decrypts::with(number));
        ours.poll_now().unwrap();
        assert_eq!(ours.write_early(b"early").unwrap(), 5);
        let (error, told) = exchange(&mut ours, &mut theirs);
        assert!(theirs.read().is_none());
        if number == 8 {
            assert_eq!(rejected(error), Some(list(8)));
            refused(told.as_ref(), AlertDescription::ECH_REQUIRED);
        } else {
            assert!(error.is_none() && told.is_none(), "{error:?} {told:?}");
            assert_eq!(ours.session().unwrap().early_data(), EarlyData::Rejected);
            assert!(ours.session().unwrap().ech_accepted());
            let seen = seen.lock().unwrap();
            assert!(!seen.outer[1].has_early_data() && !seen.inner[1].has_early_data());
        }
    }
}

#[test]
fn keys_from_outside_go_inside() {
    let ca = Authority::new("CA");
    let psk = ExternalPsk::new(b"a name to hide", &[7; 32], HashAlgorithm::Sha256).unwrap();
    for retry in [false, true] {
        let client = client(&ca, tls13(), &list(7)).psk(psk.clone()).build().unwrap();
        let server = server(&ca, narrow(retry)).psk(psk.clone()).build().unwrap();
        let (mut ours, mut theirs, _) = pair(&client, &server, Decrypts::with(7));
        let errors = exchange_with(&mut ours, &mut theirs, |_, bytes| {
            assert!(!contains(&bytes, b"a name to hide"));
            bytes
        });
        assert!(matches!(errors, (None, None)), "{errors:?}");
        assert!(ours.session().unwrap().pre_shared_key());
        // The outer hello's keys are none.
        let front = Decrypts { mistake: Mistake::TakesPsk, ..Decrypts::default() };
        let (mut ours, mut theirs, _) = pair(&client, &server, front);
        let error = exchange(&mut ours, &mut theirs).0.unwrap();
        assert_eq!(error.alert(), Some(AlertDescription::ILLEGAL_PARAMETER), "{error:?}");
    }
}

/// Nor do the suites that older versions have for them stand outside.
#[test]
fn suites_with_keys_from_outside_are_for_the_server_meant() {
    let ca = Authority::new("CA");
    let psk = ExternalPsk::new(b"name", &[7; 32], HashAlgorithm::Sha256).unwrap();
    let is_psk = |suite: &clasp_wire::CipherSuite| suite.to_string().contains("_PSK_");
    let client = client(&ca, Policy::compatible(), &list(7)).psk(psk).build().unwrap();
    assert!(client.policy().suites().iter().any(|suite| is_psk(&suite.id)));
    let server = server(&ca, tls13()).build().unwrap();
    let (mut ours, mut theirs, seen) = pair(&client, &server, Decrypts::with(7));
    assert!(matches!(exchange(&mut ours, &mut theirs), (None, None)));
    let seen = seen.lock().unwrap();
    assert!(!seen.outer[0].cipher_suites.iter().chain(&seen.inner[0].cipher_suites).any(is_psk));
}

#[test]
fn a_client_shows_its_certificate_to_the_server_meant_alone() {
    let ca = Authority::new("CA");
    let client = client(&ca, tls13(), &list(7)).identity(ca.ecdsa("client.example")).build().unwrap();
    let server = server(&ca, tls13()).client_auth(ca.request_client()).build().unwrap();
    for (number, shown) in [(7, true), (8, false)] {
        let (mut ours, mut theirs, _) = pair(&client, &server, Decrypts::with(number));
        let (error, _) = exchange(&mut ours, &mut theirs);
        assert_eq!(error.is_none(), shown);
        let session = theirs.session().unwrap();
        assert_eq!((session.client_authenticated(), session.peer_certificates().len()), (shown, usize::from(shown)));
    }
}

#[test]
fn what_a_server_confirms_wrongly() {
    let ca = Authority::new("CA");
    let client = client(&ca, tls13(), &list(7)).build().unwrap();
    let run = |mistake| {
        let server = server(&ca, narrow(true)).build().unwrap();
        let (mut ours, mut theirs, _) = pair(&client, &server, Decrypts { mistake, ..Decrypts::with(7) });
        let (error, _) = exchange(&mut ours, &mut theirs);
        error.unwrap()
    };
    let error = run(Mistake::ForgetsAfterRetry);
    assert!(matches!(error, Error::Misbehaved(Misbehaviour::EncryptedClientHelloDropped)), "{error:?}");
    assert_eq!(error.alert(), Some(AlertDescription::ILLEGAL_PARAMETER));
    let error = run(Mistake::ConfirmsShort);
    assert!(matches!(error, Error::Misbehaved(Misbehaviour::BadEncryptedClientHello)), "{error:?}");
    // The client takes it that the hello was not read, and says the next one accordingly.
    let error = run(Mistake::ConfirmsWrongly);
    refused(Some(&error), AlertDescription::ILLEGAL_PARAMETER);
}

#[test]
fn a_cookie_comes_back_in_both_hellos() {
    let ca = Authority::new("CA");
    let client = client(&ca, tls13(), &list(7)).build().unwrap();
    let server = server(&ca, narrow(true)).build().unwrap();
    let front = Decrypts { mistake: Mistake::WantsCookie, ..Decrypts::with(7) };
    let (mut ours, mut theirs, seen) = pair(&client, &server, front);
    // The server takes no hello with what it did not ask for.
    let (_, error) = exchange(&mut ours, &mut theirs);
    assert!(matches!(error, Some(Error::Misbehaved(Misbehaviour::ChangedAfterRetry))), "{error:?}");
    let seen = seen.lock().unwrap();
    for hello in [&seen.outer[1], &seen.inner[1]] {
        assert_eq!(hello.cookie().unwrap()[..], b"cookie"[..]);
    }
    assert_eq!(seen.encoded[0].len(), seen.encoded[1].len());
    assert!(!contains(&seen.encoded[1], b"cookie"));
}

/// A session that was there before is not forgotten because of another server.
#[test]
fn configurations_that_cannot_be_used() {
    let builder = || ClientConfig::builder(Policy::modern());
    let refused = |contents: EchConfigContents| {
        let list = EchConfig::encode_list(&[EchConfig::new(contents)]);
        assert!(matches!(builder().ech_configs(&list), Err(ConfigError::NoUsableEchConfig)));
    };
    let odd = HpkeSymmetricCipherSuite { kdf: HpkeKdf(0x1111), aead: HpkeAead(0x2222) };
    let good = || contents(7, &[AES_128]);
    refused(contents(7, &[odd]));
    refused(EchConfigContents { kem: HpkeKem::DHKEM_P256_HKDF_SHA256, ..good() });
    refused(EchConfigContents { public_name: Bytes::from_static(b"192.0.2.1"), ..good() });
    refused(EchConfigContents { public_name: Bytes::from_static(b"not a name"), ..good() });
    let extension = |typ| vec![EchConfigExtension { typ, data: Bytes::from_static(b"?") }];
    refused(EchConfigContents { extensions: extension(0xaaaa), ..good() });
    assert!(matches!(builder().ech_configs(&[0, 6, 0xfe, 0x0c, 0, 2, 9, 9]), Err(ConfigError::NoUsableEchConfig)));
    assert!(matches!(builder().ech_configs(&[]), Err(ConfigError::BadEchConfigs(_))));

    // The first that can be used is, with the first suite that can.
    let ca = Authority::new("CA");
    let bad = EchConfigContents { extensions: extension(0x8000), ..contents(5, &[AES_128]) };
    let usable = EchConfigContents { extensions: extension(0x2a2a), ..contents(7, &[odd, AES_128]) };
    let configs = [bad, usable, contents(6, &[AES_128])].map(EchConfig::new);
    let client = client(&ca, tls13(), &EchConfig::encode_list(&configs)).build().unwrap();
    let server = server(&ca, tls13()).build().unwrap();
    let front = Decrypts { keys: vec![(7, configs[1].clone())], ..Decrypts::default() };
    let (mut ours, mut theirs, _) = pair(&client, &server, front);
    assert!(matches!(exchange(&mut ours, &mut theirs), (None, None)));
    assert!(ours.session().unwrap().ech_accepted());

    let old = ca.client(classic(Policy::modern())).ech_configs(&list(7)).unwrap().build();
    assert!(matches!(old, Err(ConfigError::EchWithoutTls13)));
    // A point of small order agrees on nothing.
    let weak = EchConfigContents { public_key: vec![0; 32].into(), ..good() };
    let client = self::client(&ca, tls13(), &EchConfig::encode_list(&[EchConfig::new(weak)])).build().unwrap();
    let error = Connection::client(client, NAME.try_into().unwrap()).poll_now().unwrap_err();
    assert!(matches!(error, Error::Config(ConfigError::NoUsableEchConfig)), "{error:?}");
}
