//! Encrypted ClientHello between a client and a server that are both ours (RFC 9849 7).

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use clasp_cert::MaybeReady;
use clasp_crypto::HashAlgorithm;
use clasp_wire::{AlertDescription, HandshakeType, HpkeAead, HpkeKdf, HpkeSymmetricCipherSuite, NamedGroup};

use super::Connection;
use super::ech_server::PUBLIC_NAME;
use crate::testing::{
    Authority, Messages, NAME, Recorder, Secrets, connections, established, exchange, exchange_with, tls13, transfer,
};
use crate::{
    ClientConfig, ClientConfigBuilder, ClientHelloInfo, ConfigError, EarlyData, EchKey, Error, ExternalPsk,
    IdentityResolver, Policy, ReloadableConfig, ReloadableEchKeys, Resolved, Role, ServerConfig, ServerConfigBuilder,
    TracedMessage,
};

/// Groups with which a server asks for another hello, or not.
pub(super) fn narrow(retry: bool) -> Policy {
    if retry { tls13().with_groups(&[NamedGroup::SECP384R1]) } else { tls13() }
}

pub(super) fn key(config_id: u8) -> EchKey {
    EchKey::generate(config_id, PUBLIC_NAME, 40, EchKey::SUITES).unwrap()
}

pub(super) fn list(keys: &[EchKey]) -> Bytes {
    EchKey::config_list(keys).unwrap()
}

pub(super) fn client(ca: &Authority, keys: &[EchKey]) -> ClientConfigBuilder {
    ca.client(Policy::modern()).ech_configs(&list(keys)).unwrap()
}

/// A server with certificates for both names.
pub(super) fn server(ca: &Authority, policy: Policy, keys: &[EchKey]) -> ServerConfigBuilder {
    let builder = ServerConfig::builder(policy).identity(ca.ecdsa(NAME)).identity(ca.ecdsa(PUBLIC_NAME));
    builder.ech_keys(keys.to_vec())
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[track_caller]
pub(super) fn accepted(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> (Connection, Connection) {
    let (client, server) = established(client, server);
    assert!(client.session().unwrap().ech_accepted() && server.session().unwrap().ech_accepted());
    (client, server)
}

/// What a server that could not open the hello gave, while it served what everybody saw.
#[track_caller]
pub(super) fn rejected(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Option<Bytes> {
    let (mut client, mut server) = connections(client, server);
    let (ours, theirs) = exchange(&mut client, &mut server);
    let Some(Error::EchRejected { retry_configs }) = ours else { panic!("{ours:?}, {theirs:?}") };
    let Some(Error::AlertReceived(received)) = &theirs else { panic!("{theirs:?}") };
    assert_eq!(received.alert, AlertDescription::ECH_REQUIRED);
    assert!(received.to_string().contains("we could not read its encrypted ClientHello"));
    let session = server.session().unwrap();
    assert!(!session.ech_accepted());
    assert_eq!(session.server_name(), Some(PUBLIC_NAME));
    retry_configs
}

#[test]
fn the_server_reads_what_nobody_else_does() {
    let ca = Authority::new("CA");
    let kdfs = [HpkeKdf::HKDF_SHA256, HpkeKdf::HKDF_SHA384, HpkeKdf::HKDF_SHA512];
    let aeads = [HpkeAead::AES_128_GCM, HpkeAead::AES_256_GCM, HpkeAead::CHACHA20_POLY1305];
    for (kdf, aead) in kdfs.iter().flat_map(|kdf| aeads.iter().map(move |aead| (*kdf, *aead))) {
        for retry in [false, true] {
            let keys = [EchKey::generate(7, PUBLIC_NAME, 0, &[HpkeSymmetricCipherSuite { kdf, aead }]).unwrap()];
            let (told, secrets) = (Arc::new(Recorder::default()), [(); 2].map(|()| Arc::new(Secrets::default())));
            let client = client(&ca, &keys).alpn(["secret"]).unwrap().key_log(secrets[0].clone()).build().unwrap();
            let server = server(&ca, narrow(retry), &keys).alpn(["secret"]).unwrap();
            let server = server.trace(told.clone()).key_log(secrets[1].clone()).build().unwrap();
            let (mut client, mut server) = connections(&client, &server);
            let mut wire = Vec::new();
            let errors = exchange_with(&mut client, &mut server, |_, bytes| {
                wire.extend_from_slice(&bytes);
                bytes
            });
            assert!(matches!(errors, (None, None)), "{errors:?}");
            assert!(!contains(&wire, NAME.as_bytes()) && !contains(&wire, b"secret"));
            assert!(contains(&wire, PUBLIC_NAME.as_bytes()));
            for session in [client.session().unwrap(), server.session().unwrap()] {
                assert!(session.ech_accepted() && session.steps()[0].1.contains("encrypted"));
                assert_eq!((session.server_name(), session.alpn()), (Some(NAME), Some(&b"secret"[..])));
            }
            // Secrets are known by the random value of the hello that counts.
            let [ours, theirs] = secrets.map(|secrets| {
                let mut logged = secrets.0.lock().unwrap().clone();
                logged.sort();
                logged
            });
            assert_eq!(ours, theirs);
            transfer(&mut client, &mut server, &[7; 40_000]);
            transfer(&mut server, &mut client, &[8; 40_000]);
            let told: Vec<_> = told.0.lock().unwrap().iter().map(ToString::to_string).collect();
            assert!(told[0].contains("received ClientHello: server name public.example"), "{told:?}");
            let opened = format!("opened the ClientHello encrypted in it: server name {NAME}, config id 7, HPKE ");
            assert!(told[1].contains(&opened), "{told:?}");
            assert_eq!(told.iter().any(|line| line.contains("HelloRetryRequest")), retry);
        }
    }
}

#[test]
fn a_client_with_another_key_is_told_ours() {
    let ca = Authority::new("CA");
    for retry in [false, true] {
        let keys = [key(8).as_retry_config(false), key(9), key(10)];
        let told = Arc::new(Recorder::default());
        let server = server(&ca, narrow(retry), &keys).trace(told.clone()).build().unwrap();
        // Another number, and the same number for another key.
        for wrong in [key(7), key(8)] {
            let ours = client(&ca, &[wrong]).build().unwrap();
            let configs = rejected(&ours, &server).unwrap();
            assert_eq!(configs, list(&keys[1..]));
            let ours = ca.client(Policy::modern()).ech_configs(&configs).unwrap().build().unwrap();
            accepted(&ours, &server);
        }
        // One that is not told is good all the same.
        accepted(&client(&ca, &keys[..1]).build().unwrap(), &server);
        let told = told.0.lock().unwrap();
        assert!(told.iter().any(|event| event.what == "could not open what looks like a ClientHello in it"));
    }
}

#[test]
fn keys_of_the_same_name_are_tried_one_after_another() {
    let ca = Authority::new("CA");
    let keys = [key(7), key(7), key(7)];
    let server = server(&ca, tls13(), &keys).build().unwrap();
    for key in keys {
        accepted(&client(&ca, &[key]).build().unwrap(), &server);
    }
}

/// The configuration says which suites its key is for (RFC 9849 7.1).
#[test]
fn a_suite_that_is_not_the_configurations_is_not_taken() {
    let ca = Authority::new("CA");
    let narrow = EchKey::generate(7, PUBLIC_NAME, 40, &EchKey::SUITES[..1]).unwrap();
    let mut contents = narrow.config().contents.clone().unwrap();
    contents.cipher_suites = EchKey::SUITES[1..].to_vec();
    let other = clasp_wire::EchConfig::encode_list(&[clasp_wire::EchConfig::new(contents)]);
    let client = ca.client(tls13()).ech_configs(&other).unwrap().build().unwrap();
    let server = server(&ca, tls13(), std::slice::from_ref(&narrow)).build().unwrap();
    assert_eq!(rejected(&client, &server), Some(list(&[narrow])));
}

#[test]
fn a_server_without_keys_says_nothing() {
    let ca = Authority::new("CA");
    let server = server(&ca, tls13(), &[]).build().unwrap();
    assert_eq!(rejected(&client(&ca, &[key(7)]).build().unwrap(), &server), None);
}

/// RFC 9849 6.2.
#[test]
fn clients_that_only_look_as_if_are_served() {
    let ca = Authority::new("CA");
    let keys: Vec<_> = (0..=255).map(|id| key(id).as_retry_config(id < 3)).collect();
    for policy in [Policy::modern(), tls13()] {
        for retry in [false, true] {
            for grease_ech in [true, false] {
                let client = ca.client(policy.clone()).grease_ech(grease_ech).build().unwrap();
                let server = server(&ca, narrow(retry), &keys).build().unwrap();
                let (mut client, mut server) = connections(&client, &server);
                let mut retries = Vec::new();
                let errors = exchange_with(&mut client, &mut server, |from, bytes| {
                    let hello = crate::testing::message_at(&bytes, HandshakeType::SERVER_HELLO);
                    retries.extend(hello.filter(|_| from == Role::Server && retry).map(|at| bytes[at].to_vec()));
                    bytes
                });
                assert!(matches!(errors, (None, None)), "{errors:?}");
                for session in [client.session().unwrap(), server.session().unwrap()] {
                    assert!(!session.ech_accepted());
                    assert_eq!(session.server_name(), Some(NAME));
                }
                // The request for another hello has what it would have if the hello had been opened.
                let looks = |retry: &Vec<u8>| contains(retry, &[0xfe, 0x0d, 0, 8]);
                assert_eq!(retries.first().is_some_and(looks), retry && grease_ech);
            }
        }
    }
}

#[test]
fn sessions_are_resumed_and_early_data_taken() {
    let ca = Authority::new("CA");
    let keys = [key(7)];
    let ours = client(&ca, &keys).early_data(true).build().unwrap();
    let theirs = server(&ca, tls13(), &keys).early_data(1000).build().unwrap();
    accepted(&ours, &theirs);
    let early = |server: &Arc<ServerConfig>| {
        let (mut client, mut server) = connections(&ours, server);
        client.poll_now().unwrap();
        assert_eq!(client.write_early(b"early").unwrap(), 5);
        let errors = exchange(&mut client, &mut server);
        (client, server, errors)
    };
    let (client, mut server, errors) = early(&theirs);
    assert!(matches!(errors, (None, None)), "{errors:?}");
    for session in [client.session().unwrap(), server.session().unwrap()] {
        assert!(session.resumed() && session.ech_accepted());
        assert_eq!(session.early_data(), EarlyData::Accepted);
    }
    assert_eq!(server.read().unwrap(), &b"early"[..]);

    // What cannot be taken is passed over: another hello is asked for, or the hello is not opened.
    let retry = self::server(&ca, narrow(true), &keys).early_data(1000).build().unwrap();
    let (client, mut server, errors) = early(&retry);
    assert!(matches!(errors, (None, None)), "{errors:?}");
    assert_eq!(client.session().unwrap().early_data(), EarlyData::Rejected);
    assert!(server.session().unwrap().ech_accepted() && server.read().is_none());
    accepted(&ours, &theirs);
    for retry in [false, true] {
        let other = self::server(&ca, narrow(retry), &[key(8)]).early_data(1000).build().unwrap();
        let (_, mut server, errors) = early(&other);
        assert!(matches!(errors.0, Some(Error::EchRejected { retry_configs: Some(_) })), "{errors:?}");
        assert!(server.read().is_none());
        assert!(!server.session().unwrap().resumed());
    }
}

#[test]
fn keys_and_certificates_go_inside() {
    let ca = Authority::new("CA");
    let keys = [key(7)];
    let psk = ExternalPsk::new(b"a name to hide", &[7; 32], HashAlgorithm::Sha256).unwrap();
    for retry in [false, true] {
        let ours = client(&ca, &keys).psk(psk.clone()).build().unwrap();
        let theirs = server(&ca, narrow(retry), &keys).psk(psk.clone()).build().unwrap();
        let (_, end) = accepted(&ours, &theirs);
        assert_eq!(end.session().unwrap().psk_identity(), Some(&b"a name to hide"[..]));

        let ours = client(&ca, &keys).identity(ca.ecdsa("client.example")).build().unwrap();
        let theirs = server(&ca, narrow(retry), &keys).client_auth(ca.require_client()).build().unwrap();
        assert!(accepted(&ours, &theirs).1.session().unwrap().client_authenticated());
    }
    // A server that cannot open it is shown none.
    let ours = client(&ca, &keys).identity(ca.ecdsa("client.example")).build().unwrap();
    let theirs = server(&ca, tls13(), &[key(8)]).client_auth(ca.request_client()).build().unwrap();
    assert!(rejected(&ours, &theirs).is_some());
}

/// Keeps the names that are asked for, and hands over to the configuration that is for the inner one.
#[derive(Debug)]
struct ByName {
    seen: Mutex<Vec<Option<String>>>,
    hidden: Arc<ServerConfig>,
    public: Arc<ServerConfig>,
}

impl IdentityResolver for ByName {
    fn resolve<'a>(&'a self, info: &'a ClientHelloInfo<'a>) -> MaybeReady<'a, Resolved> {
        self.seen.lock().unwrap().push(info.server_name.map(Into::into));
        let config = if info.server_name == Some(NAME) { &self.hidden } else { &self.public };
        MaybeReady::ready(Resolved::Config(Arc::clone(config)))
    }
}

#[test]
fn a_resolver_sees_the_hello_that_counts() {
    let ca = Authority::new("CA");
    let keys = [key(7)];
    let resolver = Arc::new(ByName {
        seen: Mutex::default(),
        hidden: ServerConfig::builder(narrow(true)).identity(ca.ecdsa(NAME)).build().unwrap(),
        // Its keys are not those that the connection began with.
        public: ServerConfig::builder(tls13()).identity(ca.ecdsa(PUBLIC_NAME)).ech_keys(vec![key(9)]).build().unwrap(),
    });
    let server = ServerConfig::builder(tls13()).identity_resolver(resolver.clone()).ech_keys(keys.to_vec());
    let server = server.build().unwrap();
    accepted(&client(&ca, &keys).build().unwrap(), &server);
    assert_eq!(rejected(&client(&ca, &[key(8)]).build().unwrap(), &server), Some(list(&keys)));
    let seen = resolver.seen.lock().unwrap().clone();
    assert_eq!(seen, [Some(NAME.to_owned()), Some(PUBLIC_NAME.to_owned())]);
}

#[test]
fn keys_are_exchanged_while_a_server_runs() {
    let ca = Authority::new("CA");
    let (old, new) = (key(7), key(8));
    let keys = Arc::new(ReloadableEchKeys::new(vec![old.clone()]).unwrap());
    let builder = ServerConfig::builder(tls13()).identity(ca.ecdsa(NAME)).identity(ca.ecdsa(PUBLIC_NAME));
    let server = builder.reloadable_ech_keys(Arc::clone(&keys)).build().unwrap();
    let [with_old, with_new] = [&old, &new].map(|key| client(&ca, std::slice::from_ref(key)).build().unwrap());
    accepted(&with_old, &server);
    assert_eq!(rejected(&with_new, &server), Some(list(std::slice::from_ref(&old))));
    keys.replace(vec![new.clone(), old.clone().as_retry_config(false)]).unwrap();
    accepted(&with_old, &server);
    accepted(&with_new, &server);
    keys.replace(vec![new.clone()]).unwrap();
    assert_eq!(rejected(&with_old, &server), Some(list(std::slice::from_ref(&new))));
    assert!(matches!(keys.replace(Vec::new()), Err(ConfigError::BadEchRetryConfigs)));
    accepted(&with_new, &server);
}

/// Or clients would be told that there are none, and go on in the clear (RFC 9849 6.1.6).
#[test]
fn keys_behind_a_configuration_without_are_an_error() {
    let ca = Authority::new("CA");
    let keys = [key(7)];
    let behind = Arc::new(ReloadableConfig::new(server(&ca, tls13(), &keys).build().unwrap()));
    let front = ServerConfig::builder(tls13()).identity_resolver(behind).build().unwrap();
    for client in [client(&ca, &keys), ca.client(tls13())] {
        let (mut ours, mut theirs) = connections(&client.build().unwrap(), &front);
        let (_, error) = exchange(&mut ours, &mut theirs);
        assert!(matches!(error, Some(Error::Config(ConfigError::EchKeysTooLate))), "{error:?}");
    }
}

#[test]
fn a_hello_within_another_is_told_of() {
    let ca = Authority::new("CA");
    let keys = [key(7)];
    for retry in [false, true] {
        let messages = Arc::new(Messages::default());
        let server = server(&ca, narrow(retry), &keys).trace(messages.clone()).build().unwrap();
        accepted(&client(&ca, &keys).build().unwrap(), &server);
        let hello = (false, TracedMessage::Handshake(HandshakeType::CLIENT_HELLO));
        let inner = (false, TracedMessage::InnerClientHello);
        let ours = (true, TracedMessage::Handshake(HandshakeType::SERVER_HELLO));
        let told: Vec<_> =
            messages.0.lock().unwrap().iter().copied().filter(|one| [hello, inner, ours].contains(one)).collect();
        assert_eq!(told, if retry { vec![hello, inner, ours, hello, inner, ours] } else { vec![hello, inner, ours] });
    }
}
