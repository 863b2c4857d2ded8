//! Tests of what is agreed, and of what both sides say where nothing can be.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use clasp_cert::{Identity, MaybeReady};
use clasp_crypto::KeyAlgorithm;
use clasp_keys::Transcript;
use clasp_wire::{
    AlertDescription, CipherSuite, ClientExtension, ClientHello, EncryptedExtensions, HandshakeMessage as _,
    HandshakeType, NamedGroup, ProtocolVersion, RawHandshake, ServerExtension, ServerHello, ServerNameEntry,
    SignatureScheme,
};

use crate::peer::Front;
use crate::testing::{Authority, NAME, classic, connections, each, established, exchange, give};
use crate::{
    ClientHelloInfo, Connection, Error, IdentityResolver, Misbehaviour, Policy, ReloadableIdentities, Resolved,
    ServerConfig, ServerConfigBuilder,
};

#[test]
fn alpn_agreed_absent_and_impossible() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let client = |names: &[&str]| ca.client(policy.clone()).alpn(names).unwrap().build().unwrap();
        let server = ca.server(policy.clone()).alpn(["h2", "http/1.1"]).unwrap().build().unwrap();
        let (agreed, _) = established(&client(&["http/1.1", "h2"]), &server);
        assert_eq!(agreed.session().unwrap().alpn(), Some(&b"h2"[..]));
        let (none, _) = established(&client(&[]), &server);
        assert_eq!(none.session().unwrap().alpn(), None);
        let (mut client, mut server) = connections(&client(&["spdy/1"]), &server);
        let (theirs, ours) = exchange(&mut client, &mut server);
        assert_eq!(ours.expect("refused").alert(), Some(AlertDescription::NO_APPLICATION_PROTOCOL));
        assert!(theirs.is_some());
    }
}

#[test]
fn no_common_suite_shows_both_offers_and_the_policy_that_would_do() {
    let ca = Authority::new("CA");
    let rsa_only = Policy::compatible().with_cipher_suites(&[CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA]);
    let client = ca.client(rsa_only).build().unwrap();
    let server = ca.server(Policy::modern()).build().unwrap();
    let (mut client, mut server) = connections(&client, &server);
    let (theirs, ours) = exchange(&mut client, &mut server);
    let ours = ours.expect("refused");
    assert_eq!(ours.alert(), Some(AlertDescription::HANDSHAKE_FAILURE));
    let text = ours.to_string();
    assert!(text.contains("TLS_RSA_WITH_AES_128_CBC_SHA"), "{text}");
    assert!(text.contains("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), "{text}");
    assert!(text.contains("Policy compatible"), "{text}");
    let text = theirs.expect("told").to_string();
    assert!(text.contains("handshake_failure") && text.contains("We offered"), "{text}");
}

#[test]
fn suites_in_common_that_cannot_be_used_are_explained() {
    let ca = Authority::new("CA");
    let ecdsa_only =
        classic(Policy::modern()).with_cipher_suites(&[CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]);
    let rsa_server = crate::ServerConfig::builder(classic(Policy::modern())).identity(ca.rsa(NAME)).build().unwrap();
    let on = |group| classic(Policy::modern()).with_groups(&[group]);
    let signing = |scheme| classic(Policy::modern()).with_signature_schemes(&[scheme]);
    let server = |policy| ca.server(policy).build().unwrap();
    for (client, server, missing) in [
        (ecdsa_only, rsa_server, "not an identity: none of this server's has the kind of key"),
        (on(NamedGroup::X25519), server(on(NamedGroup::SECP521R1)), "not a key exchange group"),
        (signing(SignatureScheme::ED25519), server(classic(Policy::modern())), "not a signature scheme"),
    ] {
        let (mut client, mut server) = connections(&ca.client(client).build().unwrap(), &server);
        let (_, ours) = exchange(&mut client, &mut server);
        let text = ours.expect("refused").to_string();
        assert!(text.contains(&format!("Suites are in common, but {missing}")), "{text}");
    }
    let tls13 = || Policy::modern().with_versions(ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_3);
    let on = |group| tls13().with_groups(&[group]);
    let suite = |suite| tls13().with_cipher_suites(&[suite]);
    for (client, server, what) in [
        (on(NamedGroup::X25519), on(NamedGroup::SECP521R1), "key exchange group"),
        (tls13().with_signature_schemes(&[SignatureScheme::ED25519]), tls13(), "signature scheme"),
        (suite(CipherSuite::TLS_AES_128_GCM_SHA256), suite(CipherSuite::TLS_AES_256_GCM_SHA384), "cipher suite"),
    ] {
        let (client, server) = (ca.client(client).build().unwrap(), ca.server(server).build().unwrap());
        let (mut client, mut server) = connections(&client, &server);
        let (theirs, ours) = exchange(&mut client, &mut server);
        let ours = ours.expect("refused");
        assert_eq!(ours.alert(), Some(AlertDescription::HANDSHAKE_FAILURE));
        assert!(ours.to_string().starts_with(&format!("no common {what}: we have")), "{ours}");
        let text = theirs.expect("told").to_string();
        assert!(text.contains("handshake_failure") && text.contains("We offered"), "{text}");
    }
}

/// Where no version is in common both sides name the policy that speaks the other's.
#[test]
fn no_common_version_names_the_policy_that_has_it() {
    let ca = Authority::new("CA");
    let (client, server) =
        (ca.client(classic(Policy::modern())).build().unwrap(), ca.server(classic(Policy::modern())).build().unwrap());
    for (minor, policy) in [(2, "legacy"), (1, "legacy"), (0, "insecure")] {
        // Somebody on the way writes an older version into the client's hello, or into the server's.
        let (mut tls, mut other) = connections(&client, &server);
        tls.poll_now().unwrap();
        let hello = tls.output().split();
        let mut older = hello.to_vec();
        older[10] = minor;
        let mut strict = Connection::server(Arc::clone(&server));
        give(&mut strict, &older);
        let refused = strict.poll_now().unwrap_err();
        give(&mut other, &hello);
        other.poll_now().unwrap();
        let mut answer = other.output().split().to_vec();
        answer[10] = minor;
        give(&mut tls, &answer);
        for error in [refused, tls.poll_now().unwrap_err()] {
            let Error::NoCommonGround(nothing) = &error else { panic!("{error}") };
            assert_eq!((nothing.what, nothing.policy), ("protocol version", Some(policy)));
            assert_eq!(error.alert(), Some(AlertDescription::PROTOCOL_VERSION));
            assert!(error.to_string().ends_with(&format!("Policy {policy} would accept what the peer offers")));
        }
    }
}

#[test]
fn sni_and_signatures_drive_the_choice_of_certificate() {
    let ca = Authority::new("CA");
    let server = crate::ServerConfig::builder(Policy::modern())
        .identity(ca.ecdsa("other.example"))
        .identity(ca.rsa(NAME))
        .identity(ca.ecdsa(NAME))
        .build()
        .unwrap();
    let shown = |policy: Policy| {
        let client = ca.client(policy).build().unwrap();
        let (client, _) = established(&client, &server);
        let session = client.session().unwrap();
        let key = clasp_cert::PublicKey::from_certificate(&session.peer_certificates()[0]).unwrap();
        (key.algorithm().unwrap(), session.cipher_suite())
    };
    let of = |kind: &str| {
        let schemes = Policy::modern().signature_schemes().to_vec();
        schemes.into_iter().filter(|scheme| scheme.to_string().starts_with(kind)).collect::<Vec<_>>()
    };
    let [tls12, tls13] = each(&Policy::modern());
    let (ecdsa, rsa) =
        (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384);
    assert_eq!(shown(tls12.clone()), (KeyAlgorithm::EcdsaP256, ecdsa));
    let rsa_only = tls12.with_signature_schemes(&of("rsa")).with_groups(&[NamedGroup::X25519]);
    assert_eq!(shown(rsa_only), (KeyAlgorithm::Rsa, rsa));
    // A suite of TLS 1.3 says nothing of certificates: the first of the server's that the client can verify is shown.
    let suite = CipherSuite::TLS_AES_256_GCM_SHA384;
    assert_eq!(shown(tls13.clone()), (KeyAlgorithm::Rsa, suite));
    assert_eq!(shown(tls13.clone().with_signature_schemes(&of("rsa"))), (KeyAlgorithm::Rsa, suite));
    assert_eq!(shown(tls13.with_signature_schemes(&of("ecdsa"))), (KeyAlgorithm::EcdsaP256, suite));
}

/// RFC 6066 3: a server that heeds the name says so, whatever its certificate is for.
#[test]
fn a_name_that_is_heeded_is_acknowledged() {
    #[derive(Debug)]
    struct Same(Arc<Identity>, bool);
    impl IdentityResolver for Same {
        fn resolve<'a>(&'a self, _: &'a ClientHelloInfo<'a>) -> MaybeReady<'a, Resolved> {
            MaybeReady::ready(Resolved::Identities(vec![Arc::clone(&self.0)]))
        }

        fn acknowledges_any_name(&self) -> bool {
            self.1
        }
    }
    let ca = Authority::new("CA");
    let (ours, others) = (Arc::new(ca.ecdsa(NAME)), Arc::new(ca.ecdsa("other.example")));
    for policy in each(&Policy::modern()) {
        let client = ca.client(policy.clone()).build().unwrap();
        let acknowledges = |server: ServerConfigBuilder, name: &'static str| {
            let answers = Answers { name, seen: Arc::default() };
            let seen = Arc::clone(&answers.seen);
            let mut tls = Connection::client(Arc::clone(&client), NAME.try_into().unwrap());
            let mut other = Connection::server_behind(server.build().unwrap(), Box::new(answers));
            exchange(&mut tls, &mut other);
            seen.lock().unwrap().contains(&ServerExtension::ServerName)
        };
        let server = || ServerConfig::builder(policy.clone());
        assert!(acknowledges(server().identity((*ours).clone()), NAME));
        assert!(!acknowledges(server().identity((*others).clone()), NAME));
        let reloadable = || Arc::new(ReloadableIdentities::new(vec![(*others).clone()]));
        assert!(!acknowledges(server().identity_resolver(reloadable()), NAME));
        let by =
            |identity: &Arc<Identity>, heeds| server().identity_resolver(Arc::new(Same(Arc::clone(identity), heeds)));
        assert!(acknowledges(by(&ours, false), NAME));
        assert!(acknowledges(by(&others, true), NAME));
        assert!(!acknowledges(by(&others, false), NAME));
        // A resolver is not told what is no name.
        assert!(!acknowledges(by(&others, true), "192.0.2.1"));
    }
}

/// Asks for a name in the client's place, and keeps the extensions of the server's hellos.
struct Answers {
    name: &'static str,
    seen: Arc<Mutex<Vec<ServerExtension>>>,
}

impl Front for Answers {
    fn receives(&mut self, hello: RawHandshake) -> Result<RawHandshake, Error> {
        let mut hello: ClientHello = hello.parse()?;
        for extension in hello.extensions.iter_mut().flatten() {
            if let ClientExtension::ServerName(names) = extension {
                *names = vec![ServerNameEntry::host_name(self.name)];
            }
        }
        Ok(RawHandshake { typ: HandshakeType::CLIENT_HELLO, raw: hello.encode() })
    }

    fn sends(&mut self, _: &Transcript, raw: Bytes) -> Bytes {
        let body = raw.slice(4..);
        self.seen.lock().unwrap().extend(match HandshakeType(raw[0]) {
            HandshakeType::SERVER_HELLO => ServerHello::parse_body(&body).unwrap().extensions.unwrap_or_default(),
            HandshakeType::ENCRYPTED_EXTENSIONS => EncryptedExtensions::parse_body(&body).unwrap().extensions,
            _ => Vec::new(),
        });
        raw
    }
}

/// RFC 5246 7.4.1.3: also one that we know, and have not offered.
#[test]
fn a_suite_that_was_not_offered_is_refused() {
    let ca = Authority::new("CA");
    let client = ca.client(classic(Policy::modern())).build().unwrap();
    let server = ca.server(classic(Policy::modern())).build().unwrap();
    for suite in [CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256, CipherSuite::TLS_AES_128_GCM_SHA256] {
        let (mut tls, mut other) = connections(&client, &server);
        tls.poll_now().unwrap();
        give(&mut other, &tls.output().split());
        other.poll_now().unwrap();
        let mut flight = other.output().split().to_vec();
        let at = 44 + usize::from(flight[43]);
        flight[at..at + 2].copy_from_slice(&suite.0.to_be_bytes());
        give(&mut tls, &flight);
        let error = tls.poll_now().unwrap_err();
        assert!(matches!(error, Error::Misbehaved(Misbehaviour::SuiteNotOffered)), "{suite}: {error}");
    }
}
