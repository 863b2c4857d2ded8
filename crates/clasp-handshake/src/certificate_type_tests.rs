//! Raw public keys in both roles, TLS 1.2 and 1.3 (RFC 7250).

use std::sync::Arc;

use clasp_cert::{
    CertificateProblem, ClientVerification, ClientVerifier, Identity, MaybeReady, Pin, RawPublicKeyVerifier, Report,
    SoftwareKey,
};
use clasp_wire::{AlertDescription, CertificateType, ClientExtension, ProtocolVersion, ServerExtension};
use rcgen::KeyPair;
use rustls_pki_types::PrivateKeyDer;

use crate::certificate_type::{CertificateTypes, is_accepted};
use crate::testing::{Authority, NAME, connections, established, exchange, transfer};
use crate::{ClientAuth, ClientConfig, ClientConfigBuilder, Error, Misbehaviour, Policy, ServerConfig};

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_3];

fn policy(version: ProtocolVersion) -> Policy {
    Policy::modern().with_versions(version, version)
}

fn raw_key() -> Identity {
    let der = PrivateKeyDer::try_from(KeyPair::generate().unwrap().serialize_der()).unwrap();
    Identity::raw_public_key(Arc::new(SoftwareKey::new(&der, clasp_crypto::default_provider()).unwrap())).unwrap()
}

fn knows(identity: &Identity) -> Arc<RawPublicKeyVerifier> {
    Arc::new(RawPublicKeyVerifier::new([Pin::of_public_key(identity.public_key()).unwrap()]).unwrap())
}

fn client(version: ProtocolVersion, server: &Identity) -> ClientConfigBuilder {
    ClientConfig::builder(policy(version)).verifier(knows(server))
}

fn refusal(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> (Option<Error>, Option<Error>) {
    let (mut client, mut server) = connections(client, server);
    exchange(&mut client, &mut server)
}

#[test]
fn both_show_a_key_and_resume() {
    for version in VERSIONS {
        let (ours, theirs) = (raw_key(), raw_key());
        let client = client(version, &theirs).identity(ours.clone()).build().unwrap();
        let server = ServerConfig::builder(policy(version))
            .identity(theirs.clone())
            .client_auth(ClientAuth::Require(knows(&ours)))
            .build()
            .unwrap();
        for resumed in [false, true] {
            let (mut client, mut server) = established(&client, &server);
            transfer(&mut server, &mut client, b"hello");
            transfer(&mut client, &mut server, b"hello");
            for (session, peer) in [(client.session().unwrap(), &theirs), (server.session().unwrap(), &ours)] {
                assert_eq!(session.version(), version);
                assert_eq!(session.resumed(), resumed, "{version}");
                assert_eq!(session.peer_raw_public_key(), Some(peer.public_key().spki()));
                assert!(session.peer_certificates().is_empty());
                assert!(session.client_authenticated());
            }
        }
    }
}

#[test]
fn each_side_may_show_another_type() {
    let ca = Authority::new("CA");
    for version in VERSIONS {
        let (key, certificate) = (raw_key(), ca.ecdsa("client.example"));
        let server = ServerConfig::builder(policy(version)).identity(key.clone()).client_auth(ca.require_client());
        let server = server.build().unwrap();
        let (_, server) = established(&client(version, &key).identity(certificate.clone()).build().unwrap(), &server);
        assert_eq!(server.session().unwrap().peer_certificates(), certificate.chain());
        assert_eq!(server.session().unwrap().peer_raw_public_key(), None);

        let server = ca.server(policy(version)).client_auth(ClientAuth::Require(knows(&key))).build().unwrap();
        let (client, server) = established(&ca.client(policy(version)).identity(key.clone()).build().unwrap(), &server);
        assert_eq!(client.session().unwrap().peer_certificates().len(), 1);
        assert_eq!(server.session().unwrap().peer_raw_public_key(), Some(key.public_key().spki()));
    }
}

/// RFC 7250 4.2: who names types is told one, X.509 too; a client's only where it is asked for a certificate.
#[test]
fn a_client_that_names_types_is_told_one() {
    let ca = Authority::new("CA");
    let hello = |types: &[CertificateType]| {
        let config = ca.client(Policy::modern()).build().unwrap();
        let mut hello = crate::hello::ClientOffer::new(&config, &NAME.try_into().unwrap(), None, None).unwrap().hello;
        if !types.is_empty() {
            let extensions = hello.extensions.as_mut().unwrap();
            extensions.push(ClientExtension::ServerCertificateTypes(types.to_vec()));
            extensions.push(ClientExtension::ClientCertificateTypes(types.to_vec()));
        }
        hello
    };
    let (x509, raw) = (CertificateType::X509, CertificateType::RAW_PUBLIC_KEY);
    let identity = Arc::new(ca.ecdsa(NAME));
    let answer = |types: &[CertificateType], auth: &ClientAuth| {
        CertificateTypes::choose(&hello(types), &identity, auth).unwrap().answer().collect::<Vec<_>>()
    };
    let (server, client) = (ServerExtension::ServerCertificateType(x509), ServerExtension::ClientCertificateType(x509));
    assert_eq!(answer(&[], &ca.request_client()), []);
    assert_eq!(answer(&[raw, x509], &ClientAuth::None), std::slice::from_ref(&server));
    assert_eq!(answer(&[raw, x509], &ca.request_client()), [client, server.clone()]);
    let again = |types: &[CertificateType]| {
        CertificateTypes::choose_again(&hello(types), &[Arc::clone(&identity)]).answer().collect::<Vec<_>>()
    };
    assert_eq!(again(&[raw, x509]), [server]);
    assert_eq!(again(&[]), []);
    assert_eq!(again(&[raw]), [], "there is none to say");
}

#[test]
fn another_key_is_refused() {
    for version in VERSIONS {
        let (ours, theirs) = (raw_key(), raw_key());
        let server = ServerConfig::builder(policy(version)).identity(theirs.clone());
        let server = server.client_auth(ClientAuth::Require(knows(&ours))).build().unwrap();
        let (error, _) = refusal(&client(version, &ours).identity(ours.clone()).build().unwrap(), &server);
        let Some(Error::Certificate { error, .. }) = error else { panic!("{error:?}") };
        assert!(matches!(error.problem, CertificateProblem::PinMismatch { .. }), "{error}");

        let (_, error) = refusal(&client(version, &theirs).identity(raw_key()).build().unwrap(), &server);
        let Some(Error::Certificate { error, .. }) = error else { panic!("{error:?}") };
        assert!(matches!(error.problem, CertificateProblem::PinMismatch { .. }), "{error}");
    }
}

#[test]
fn without_a_type_in_common_it_is_said() {
    let ca = Authority::new("CA");
    for version in VERSIONS {
        let key = raw_key();
        let raw_server = ServerConfig::builder(policy(version)).identity(key.clone()).build().unwrap();
        let usual = ca.client(policy(version)).build().unwrap();
        let usual_server = ca.server(policy(version)).build().unwrap();
        for (client, server) in [(&usual, &raw_server), (&client(version, &key).build().unwrap(), &usual_server)] {
            let (_, error) = refusal(client, server);
            let error = error.unwrap();
            assert_eq!(error.alert(), Some(AlertDescription::UNSUPPORTED_CERTIFICATE));
            assert!(error.to_string().contains("raw public keys by RFC 7250"), "{error}");
        }
        // The same of a client's own, where it is asked for one.
        let strict = ca.server(policy(version)).client_auth(ca.request_client()).build().unwrap();
        let client = ca.client(policy(version)).identity(raw_key()).build().unwrap();
        let (_, error) = refusal(&client, &strict);
        let error = error.unwrap();
        assert!(matches!(error, Error::Misbehaved(crate::Misbehaviour::NoCertificateTypeInCommon)), "{error}");
        assert_eq!(error.alert(), Some(AlertDescription::UNSUPPORTED_CERTIFICATE));
        established(&client, &usual_server);
    }
}

#[test]
fn a_server_of_both_shows_each_what_it_accepts() {
    let ca = Authority::new("CA");
    for version in VERSIONS {
        let (key, certificate) = (raw_key(), ca.ecdsa(NAME));
        let server = ServerConfig::builder(policy(version)).identity(key.clone()).identity(certificate.clone());
        let server = server.build().unwrap();
        let (usual, _) = established(&ca.client(policy(version)).build().unwrap(), &server);
        assert_eq!(usual.session().unwrap().peer_certificates(), certificate.chain());
        let (raw, _) = established(&client(version, &key).build().unwrap(), &server);
        assert_eq!(raw.session().unwrap().peer_raw_public_key(), Some(key.public_key().spki()));
    }
}

#[test]
fn only_what_was_offered_may_be_chosen() {
    let ca = Authority::new("CA");
    let offered = |types: &[CertificateType]| {
        let config = ca.client(Policy::modern()).build().unwrap();
        let name = NAME.try_into().unwrap();
        let mut hello = crate::hello::ClientOffer::new(&config, &name, None, None).unwrap().hello;
        hello.extensions.as_mut().unwrap().push(ClientExtension::ServerCertificateTypes(types.to_vec()));
        hello
    };
    let (x509, raw) = (CertificateType::X509, CertificateType::RAW_PUBLIC_KEY);
    let choice = ServerExtension::ServerCertificateType(raw);
    let mut types = CertificateTypes::default();
    types.accept(&offered(&[x509, raw]), &choice).unwrap();
    assert_eq!(types.server, raw);
    let refused = types.accept(&offered(&[x509]), &choice);
    assert!(matches!(refused, Err(Misbehaviour::CertificateTypeNotOffered)));
    let refused = types.accept(&offered(&[raw]), &ServerExtension::ClientCertificateType(raw));
    assert!(matches!(refused, Err(Misbehaviour::CertificateTypeNotOffered)));
    assert!(is_accepted(&offered(&[raw]), &raw_key()) && !is_accepted(&offered(&[x509]), &raw_key()));
}

/// RFC 7250 4.2: the server chooses; a client that names nothing has certificates alone.
#[test]
fn the_servers_order_counts_for_the_clients_type() {
    #[derive(Debug)]
    struct Types(Vec<CertificateType>);
    impl ClientVerifier for Types {
        fn verify_client<'a>(
            &'a self,
            _: ClientVerification<'a>,
        ) -> MaybeReady<'a, Result<Report, clasp_cert::CertificateError>> {
            unreachable!("nothing is shown")
        }

        fn authorities(&self) -> &[Vec<u8>] {
            &[]
        }

        fn certificate_types(&self) -> &[CertificateType] {
            &self.0
        }
    }
    let (x509, raw) = (CertificateType::X509, CertificateType::RAW_PUBLIC_KEY);
    let ca = Authority::new("CA");
    let chosen = |theirs: Option<&[CertificateType]>, auth: &ClientAuth| {
        let config = ca.client(Policy::modern()).build().unwrap();
        let mut hello = crate::hello::ClientOffer::new(&config, &NAME.try_into().unwrap(), None, None).unwrap().hello;
        let named = theirs.map(|types| ClientExtension::ClientCertificateTypes(types.to_vec()));
        hello.extensions.get_or_insert_default().extend(named);
        CertificateTypes::choose(&hello, &ca.ecdsa(NAME), auth).map(|types| types.client)
    };
    let require = |types: &[CertificateType]| ClientAuth::Require(Arc::new(Types(types.to_vec())));
    for (ours, theirs, agreed) in
        [(&[x509, raw][..], &[raw, x509][..], x509), (&[raw, x509], &[x509, raw], raw), (&[raw, x509], &[x509], x509)]
    {
        assert_eq!(chosen(Some(theirs), &require(ours)), Ok(agreed));
    }
    assert_eq!(chosen(None, &require(&[raw, x509])), Ok(x509));
    assert_eq!(chosen(None, &require(&[raw])), Err(Misbehaviour::NoCertificateTypeInCommon));
    assert_eq!(chosen(None, &ClientAuth::Request(Arc::new(Types(vec![raw])))), Ok(x509), "who may decline");
}
