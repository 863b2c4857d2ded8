//! Tests of pre-shared keys in TLS 1.2 and before, in memory (RFC 4279, RFC 5489).

use std::sync::Arc;

use clasp_crypto::HashAlgorithm;
use clasp_wire::{AlertDescription, CipherSuite, HandshakeType, ProtocolVersion};

use crate::testing::{
    Authority, classic, connections, established, exchange, exchange_with, give, message_at, transfer,
};
use crate::{
    ClientConfig, ConfigError, Connection, Error, ExternalPsk, KeyExchange, MemorySessions, Misbehaviour,
    PSK_CIPHER_SUITES, Policy, Role, ServerConfig, TicketKeys,
};

/// The widest policy of this crate, before TLS 1.3.
fn widest() -> Policy {
    #[cfg(feature = "legacy")]
    return classic(Policy::legacy());
    #[cfg(not(feature = "legacy"))]
    classic(Policy::compatible())
}

fn psk(name: &str, key: u8) -> ExternalPsk {
    ExternalPsk::new(name.as_bytes(), &[key; 32], HashAlgorithm::Sha256).unwrap()
}

fn client(policy: Policy, psk: ExternalPsk) -> Arc<ClientConfig> {
    ClientConfig::builder(policy).psk(psk).build().unwrap()
}

fn server(policy: Policy, psk: ExternalPsk) -> Arc<ServerConfig> {
    ServerConfig::builder(policy).psk(psk).build().unwrap()
}

/// The suites that a client's hello names.
fn offered(config: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Vec<CipherSuite> {
    let (mut client, _) = connections(config, server);
    client.poll_now().unwrap();
    let hello = client.output().split();
    let raw = hello.clone().freeze().slice(9..);
    <clasp_wire::ClientHello as clasp_wire::HandshakeMessage>::parse_body(&raw).unwrap().cipher_suites
}

#[test]
fn every_suite_and_version_with_and_without_its_options() {
    for suite in PSK_CIPHER_SUITES {
        for version in widest().versions().filter(|version| suite.allows(*version)) {
            for (ems, etm) in [(true, true), (false, false)] {
                let policy = widest().with_cipher_suites(&[suite.id]).with_versions(version, version);
                let policy = policy.with_extended_master_secret(ems).with_encrypt_then_mac(etm);
                let theirs = ServerConfig::builder(policy.clone()).psk(psk("one", 1)).psk(psk("two", 2));
                let (mut ours, mut theirs) = established(&client(policy, psk("two", 2)), &theirs.build().unwrap());
                for session in [ours.session().unwrap(), theirs.session().unwrap()] {
                    assert_eq!((session.cipher_suite(), session.version()), (suite.id, version));
                    assert_eq!(session.extended_master_secret(), ems);
                    assert_eq!(session.encrypt_then_mac(), etm && suite.bulk.is_cbc());
                    assert_eq!(session.group().is_some(), suite.key_exchange == KeyExchange::EcdhePsk);
                    assert!(session.pre_shared_key() && !session.resumed());
                    assert_eq!(session.psk_identity(), Some(&b"two"[..]));
                    assert!(session.peer_certificates().is_empty() && session.report().is_none());
                    assert!(!session.client_authenticated());
                    assert_eq!(session.steps().len(), 10);
                }
                transfer(&mut ours, &mut theirs, &[3; 20_000]);
                transfer(&mut theirs, &mut ours, &[4; 20_000]);
            }
        }
    }
}

/// RFC 4279 2: whoever tries names learns nothing from the answer, nor from how long it is.
#[test]
fn an_unknown_name_is_answered_as_a_wrong_key_is() {
    for suite in [CipherSuite::TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256, CipherSuite::TLS_PSK_WITH_AES_128_CBC_SHA] {
        let policy = widest().with_cipher_suites(&[suite]);
        let theirs = server(policy.clone(), psk("one", 1));
        let mut answers = Vec::new();
        for other in [psk("one", 9), psk("two", 1)] {
            let (mut ours, mut theirs) = connections(&client(policy.clone(), other), &theirs);
            let mut lengths = Vec::new();
            let (client, server) = exchange_with(&mut ours, &mut theirs, |from, bytes| {
                if from == Role::Server {
                    lengths.push(bytes.len());
                }
                bytes
            });
            let alert = server.and_then(|error| error.alert());
            assert_eq!(alert, Some(AlertDescription::BAD_RECORD_MAC));
            assert!(matches!(client, Some(Error::AlertReceived(_))), "{client:?}");
            answers.push(lengths);
        }
        assert_eq!(answers[0], answers[1]);
    }
}

#[test]
fn a_short_key_is_for_old_versions_alone() {
    assert!(matches!(ExternalPsk::new(b"device", b"12345", HashAlgorithm::Sha256), Err(ConfigError::BadPsk)));
    let long = [0; 65536];
    for (name, key) in [(&b"device"[..], &b""[..]), (b"device", &long), (&long, b"12345")] {
        assert!(matches!(ExternalPsk::weak(name, key), Err(ConfigError::BadPsk)));
    }
    for name in [&b"device"[..], b""] {
        let weak = || ExternalPsk::weak(name, b"12345").unwrap();
        let (ours, theirs) = (client(widest(), weak()), server(widest(), weak()));
        for resumed in [false, true] {
            let (ours, theirs) = established(&ours, &theirs);
            for session in [ours.session().unwrap(), theirs.session().unwrap()] {
                assert_eq!((session.psk_identity(), session.resumed()), (Some(name), resumed));
            }
        }
    }
    let weak = || ExternalPsk::weak(b"device", b"12345").unwrap();
    // TLS 1.3 has them neither as a client nor as a server.
    let ca = Authority::new("CA");
    let strong = || ExternalPsk::new(b"device", &[1; 16], HashAlgorithm::Sha256).unwrap();
    for (ours, theirs) in [(weak(), weak()), (strong(), weak()), (weak(), strong())] {
        let client = ca.client(Policy::modern()).psk(ours).build().unwrap();
        let server = ca.server(Policy::modern()).psk(theirs).build().unwrap();
        let (client, _) = established(&client, &server);
        let session = client.session().unwrap();
        assert_eq!((session.version(), session.pre_shared_key()), (ProtocolVersion::TLS_1_3, false));
    }
    // Who has nothing else does not offer it, and does not choose it.
    let (ours, theirs) = (|| client(Policy::modern(), weak()), || server(Policy::modern(), weak()));
    let both = ca.server(Policy::modern()).psk(weak()).build().unwrap();
    for (ours, theirs) in
        [(ours(), theirs()), (ours(), both), (ca.client(Policy::modern()).psk(weak()).build().unwrap(), theirs())]
    {
        let (client, _) = established(&ours, &theirs);
        let session = client.session().unwrap();
        assert_eq!((session.version(), session.pre_shared_key()), (ProtocolVersion::TLS_1_2, true));
    }
    let tls13 = Policy::modern().with_versions(ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_3);
    assert!(ClientConfig::builder(tls13.clone()).psk(weak()).build().is_err());
    assert!(ServerConfig::builder(tls13).psk(weak()).build().is_err());
}

/// RFC 4279 2, RFC 5489 2: without a hint a server has nothing to say where there is no ECDHE.
#[test]
fn a_server_may_hint_at_a_key() {
    for (suite, says) in
        [(CipherSuite::TLS_PSK_WITH_AES_128_CBC_SHA, false), (CipherSuite::TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256, true)]
    {
        let policy = widest().with_cipher_suites(&[suite]);
        for hint in [&b""[..], b"the one of the pump"] {
            let theirs = ServerConfig::builder(policy.clone()).psk(psk("pump", 1)).psk_hint(hint).build().unwrap();
            let (mut ours, mut theirs) = connections(&client(policy.clone(), psk("pump", 1)), &theirs);
            let mut said = None;
            let errors = exchange_with(&mut ours, &mut theirs, |from, bytes| {
                if let (Role::Server, Some(at)) = (from, message_at(&bytes, HandshakeType::SERVER_KEY_EXCHANGE)) {
                    said = Some(bytes[at.start + 4..at.end].to_vec());
                }
                bytes
            });
            assert!(matches!(errors, (None, None)), "{errors:?}");
            assert_eq!(said.is_some(), says || !hint.is_empty(), "{suite}");
            let length = u16::try_from(hint.len()).unwrap().to_be_bytes();
            assert!(said.is_none_or(|said| said.starts_with(&[&length[..], hint].concat())));
        }
    }
    let long = ServerConfig::builder(widest()).psk(psk("pump", 1)).psk_hint(&[0; 65536]).build();
    assert!(matches!(long, Err(ConfigError::BadPsk)));
}

#[test]
fn a_key_comes_before_certificates_where_both_have_it() {
    let ca = Authority::new("CA");
    let policy = classic(Policy::compatible());
    let plain = ca.server(policy.clone()).build().unwrap();
    let keyed = ca.server(policy.clone()).psk(psk("one", 1)).build().unwrap();
    let both = ca.client(policy.clone()).psk(psk("one", 1)).psk(psk("two", 2)).build().unwrap();
    let without = ca.client(policy.clone()).build().unwrap();
    for (client, server, used) in
        [(&both, &keyed, true), (&both, &plain, false), (&without, &keyed, false), (&without, &plain, false)]
    {
        let (client, server) = established(client, server);
        for session in [client.session().unwrap(), server.session().unwrap()] {
            assert_eq!(session.pre_shared_key(), used);
            assert_eq!(session.psk_identity(), Some(&b"one"[..]).filter(|_| used));
            assert!(session.group().is_some(), "forward secrecy comes first");
        }
        assert_eq!(client.session().unwrap().peer_certificates().is_empty(), used);
    }
    let is_pre_shared = |id: &CipherSuite| PSK_CIPHER_SUITES.iter().any(|suite| suite.id == *id);
    assert!(!offered(&without, &plain).iter().any(is_pre_shared));
    assert!(offered(&both, &plain).iter().any(is_pre_shared));
    // A client that knows no certificates offers what goes without alone, but for the signal of nothing.
    let alone = client(policy, psk("one", 1));
    assert!(offered(&alone, &plain).iter().all(is_pre_shared));
    let (mut ours, mut theirs) = connections(&alone, &plain);
    match exchange(&mut ours, &mut theirs) {
        (Some(Error::AlertReceived(_)), Some(Error::NoCommonGround(ground))) => {
            assert_eq!((ground.what, ground.policy), ("cipher suite", None));
        }
        other => panic!("{other:?}"),
    }
    // Modern has those with forward secrecy alone.
    let modern = ClientConfig::builder(classic(Policy::modern())).psk(psk("one", 1)).build().unwrap();
    assert_eq!(offered(&modern, &plain).len(), 3);
}

#[test]
fn who_must_show_a_certificate_does_not_get_by_with_a_key() {
    let ca = Authority::new("CA");
    let policy = classic(Policy::modern());
    let ours = ca.client(policy.clone()).identity(ca.ecdsa("client.example")).psk(psk("one", 1)).build().unwrap();
    for (auth, by_key) in [(ca.require_client(), false), (ca.request_client(), true)] {
        let theirs = ca.server(policy.clone()).client_auth(auth).psk(psk("one", 1)).build().unwrap();
        let (_, server) = established(&ours, &theirs);
        assert_eq!(server.session().unwrap().pre_shared_key(), by_key);
        assert_eq!(server.session().unwrap().client_authenticated(), !by_key);
    }
    let theirs = ca.server(policy.clone()).client_auth(ca.require_client()).psk(psk("one", 1)).build().unwrap();
    let (mut ours, mut theirs) = connections(&client(policy, psk("one", 1)), &theirs);
    match exchange(&mut ours, &mut theirs).1 {
        Some(Error::NoCommonGround(ground)) => assert!(ground.to_string().contains("demands one"), "{ground}"),
        other => panic!("{other:?}"),
    }
}

/// RFC 9258: what was made of a key for one version is of no use in another.
#[test]
fn an_imported_key_is_of_tls13_alone() {
    let provider = clasp_crypto::default_provider();
    let imported = ExternalPsk::imported(provider, b"one", &[1; 32], b"", HashAlgorithm::Sha256).unwrap();
    let policy = classic(Policy::modern()).with_cipher_suites(&[CipherSuite::TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256]);
    let error = ClientConfig::builder(policy.clone()).psk(imported.clone()).build().unwrap_err();
    assert_eq!(error, ConfigError::NoPsk);
    assert_eq!(ServerConfig::builder(policy.clone()).psk(imported.clone()).build().unwrap_err(), ConfigError::NoPsk);
    // Beside another, it is passed over, whatever it is called.
    let ours = ClientConfig::builder(policy.clone()).psk(imported.clone()).psk(psk("one", 1)).build().unwrap();
    let theirs = ServerConfig::builder(policy).psk(imported).psk(psk("one", 1)).build().unwrap();
    assert_eq!(established(&ours, &theirs).1.session().unwrap().psk_identity(), Some(&b"one"[..]));
}

/// A session is of the key that it was made with: neither side takes it up where that is gone or is another.
#[test]
fn a_session_ends_with_its_key() {
    for tickets in [true, false] {
        let policy = classic(Policy::modern());
        let keys = Arc::new(TicketKeys::generate(clasp_crypto::default_provider()).unwrap());
        let (at_client, at_server) = (Arc::new(MemorySessions::default()), Arc::new(MemorySessions::default()));
        let ours = |psk| {
            ClientConfig::builder(policy.clone()).psk(psk).tickets(tickets).session_store(at_client.clone()).build()
        };
        let theirs = |psk| {
            let builder = ServerConfig::builder(policy.clone()).psk(psk).psk(self::psk("three", 3)).tickets(tickets);
            builder.ticket_keys(keys.clone()).tickets(tickets).session_store(at_server.clone()).build().unwrap()
        };
        let first = theirs(psk("one", 1));
        let client = ours(psk("one", 1)).unwrap();
        let resumed = |pair: (Connection, Connection)| {
            let (client, server) = (pair.0.session().unwrap(), pair.1.session().unwrap());
            assert_eq!(client.resumed(), server.resumed());
            assert!(client.pre_shared_key() && server.pre_shared_key());
            assert_eq!(client.psk_identity(), server.psk_identity());
            (client.resumed(), server.psk_identity().unwrap().to_vec())
        };
        // Another key of that name, and none: a full handshake, which then fails, and the client forgets the session.
        for other in [psk("one", 7), psk("two", 1)] {
            assert_eq!(resumed(established(&client, &first)), (false, b"one".to_vec()));
            assert_eq!(resumed(established(&client, &first)), (true, b"one".to_vec()));
            let (mut client, mut server) = connections(&client, &theirs(other));
            let (_, error) = exchange(&mut client, &mut server);
            assert_eq!(error.and_then(|error| error.alert()), Some(AlertDescription::BAD_RECORD_MAC));
        }
        // The client has another key.
        assert_eq!(resumed(established(&client, &first)), (false, b"one".to_vec()));
        let other = ours(psk("three", 3)).unwrap();
        assert_eq!(resumed(established(&other, &first)), (false, b"three".to_vec()));
    }
}

#[test]
fn a_renegotiation_keeps_the_key() {
    let ca = Authority::new("CA");
    let policy = classic(Policy::compatible());
    let ours = ca.client(policy.clone()).psk(psk("one", 1)).build().unwrap();
    let theirs = ca.server(policy).psk(psk("one", 1)).build().unwrap();
    let (mut client, mut server) = established(&ours, &theirs);
    client.renegotiate().unwrap();
    let errors = exchange(&mut client, &mut server);
    assert!(errors.0.is_none() && errors.1.is_none(), "{errors:?}");
    for session in [client.session().unwrap(), server.session().unwrap()] {
        assert_eq!((session.renegotiations(), session.psk_identity()), (1, Some(&b"one"[..])));
    }
    // A certificate of the client's cannot be had where it was known by a key.
    server.request_client_certificate(ca.require_client()).unwrap();
    let (error, _) = exchange(&mut client, &mut server);
    assert!(matches!(error, Some(Error::Misbehaved(Misbehaviour::IdentityChanged))), "{error:?}");
}

/// Of what a man on the way makes of the key exchange nothing passes: Finished covers it, though nobody signed it.
#[test]
fn what_is_changed_on_the_way_shows() {
    let policy = classic(Policy::modern());
    let (ours, theirs) = (client(policy.clone(), psk("one", 1)), server(policy, psk("one", 1)));
    for typ in [HandshakeType::SERVER_KEY_EXCHANGE, HandshakeType::CLIENT_KEY_EXCHANGE] {
        let (mut client, mut server) = connections(&ours, &theirs);
        let mut changed = 0;
        let errors = exchange_with(&mut client, &mut server, |_, mut bytes| {
            if changed == 0
                && let Some(at) = message_at(&bytes, typ)
            {
                bytes[at.end - 2] ^= 1;
                changed += 1;
            }
            bytes
        });
        assert_eq!(changed, 1);
        assert!(errors.0.is_some() && errors.1.is_some(), "{errors:?}");
    }
    // A server that shows a certificate with such a suite.
    let (mut client, mut server) = connections(&ours, &theirs);
    client.poll_now().unwrap();
    give(&mut server, &client.output().split());
    server.poll_now().unwrap();
    let flight = server.output().split().to_vec();
    let at = message_at(&flight, HandshakeType::SERVER_KEY_EXCHANGE).unwrap();
    let certificate = [22, 3, 3, 0, 7, HandshakeType::CERTIFICATE.0, 0, 0, 3, 0, 0, 0];
    give(&mut client, &[&flight[..at.start - 5], &certificate, &flight[at.start - 5..]].concat());
    assert!(matches!(client.poll_now(), Err(Error::UnexpectedMessage { expected: "ServerKeyExchange", .. })));
}
