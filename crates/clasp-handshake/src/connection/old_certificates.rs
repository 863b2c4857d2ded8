//! Whole connections with the certificates of before about 2015: a policy's rules reach the verifier (RFC 5280).

use std::sync::Arc;

use clasp_cert::{CertificateProblem, CertificateRules, Check, Identity, RootStore, WebPkiClientVerifier};
use clasp_wire::ProtocolVersion;

use crate::testing::{exchange, transfer};
use crate::{ClientAuth, ClientConfig, Connection, Error, Policy, ServerConfig};

/// What OpenSSL made for clasp-cert's tests.
macro_rules! old {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../clasp-cert/test-data/legacy/", $name, ".pem"))
    };
}

fn roots(pem: &[u8]) -> RootStore {
    let mut roots = RootStore::new();
    roots.add_pem(pem).unwrap();
    roots
}

/// `host.example`: X.509 version 1, the name in the common name, an RSA key of 1024 bits, signed over SHA-1.
fn host() -> Identity {
    Identity::from_pem(old!("v1"), old!("host.key")).unwrap()
}

/// `device.example`: the same, but of version 3, an authority's, and signed by itself.
fn device() -> Identity {
    Identity::from_pem(old!("device"), old!("device.key")).unwrap()
}

fn connect(
    name: &'static str,
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
) -> (Connection, Connection, (Option<Error>, Option<Error>)) {
    let mut client = Connection::client(Arc::clone(client), name.try_into().unwrap());
    let mut server = Connection::server(Arc::clone(server));
    let errors = exchange(&mut client, &mut server);
    (client, server, errors)
}

#[test]
fn every_version_and_suite_with_an_old_server() {
    for version in [ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_1, ProtocolVersion::TLS_1_0] {
        for suite in crate::CIPHER_SUITES.iter().filter(|suite| suite.allows(version)) {
            let policy = Policy::legacy().with_versions(version, version).with_cipher_suites(&[suite.id]);
            for (name, identity, root) in
                [("host.example", host(), &old!("root")[..]), ("device.example", device(), old!("device"))]
            {
                let client = ClientConfig::builder(policy.clone()).roots(roots(root)).build().unwrap();
                let server = ServerConfig::builder(policy.clone()).identity(identity).build().unwrap();
                let (mut client, mut server, errors) = connect(name, &client, &server);
                if suite.id.to_string().contains("ECDSA") {
                    assert!(errors.1.is_some(), "{}", suite.id);
                    continue;
                }
                assert!(errors.0.is_none() && errors.1.is_none(), "{name} {}: {errors:?}", suite.id);
                assert!(client.session().unwrap().report().unwrap().get(Check::HostName).is_passed());
                transfer(&mut client, &mut server, b"to the server");
                transfer(&mut server, &mut client, b"to the client");
            }
        }
    }
}

#[test]
fn a_policy_refuses_what_its_rules_do_not_name() {
    let server = ServerConfig::builder(Policy::legacy()).identity(host()).build().unwrap();
    let refused = |policy: Policy| {
        let client = ClientConfig::builder(policy).roots(roots(old!("root"))).build().unwrap();
        match connect("host.example", &client, &server).2.0 {
            Some(Error::Certificate { error, .. }) => error,
            other => panic!("{other:?}"),
        }
    };
    let modern = Policy::legacy().with_certificate_rules(CertificateRules::modern());
    let error = refused(modern);
    assert!(matches!(error.problem, CertificateProblem::OldVersion { version: 1, .. }), "{error:?}");
    assert!(error.to_string().contains("which only a legacy verifier accepts"), "{error}");
    let long_keys = CertificateRules::legacy().with_min_rsa_bits(4096);
    let error = refused(Policy::legacy().with_certificate_rules(long_keys));
    assert!(error.report.get(Check::IssuerSignature).is_failed(), "{error:?}");
    assert!(!Policy::compatible().certificate_rules().is_legacy());
}

#[test]
fn a_server_takes_old_clients_by_the_same_rules() {
    for (identity, root) in [(host(), &old!("root")[..]), (device(), old!("device"))] {
        let policy = Policy::legacy();
        let client =
            ClientConfig::builder(policy.clone()).roots(roots(old!("root"))).identity(identity).build().unwrap();
        for (rules, accepted) in [(policy.certificate_rules(), true), (CertificateRules::modern(), false)] {
            let verifier = WebPkiClientVerifier::builder(roots(root)).rules(rules).build().unwrap();
            let server = ServerConfig::builder(policy.clone())
                .identity(host())
                .client_auth(ClientAuth::Require(Arc::new(verifier)))
                .build()
                .unwrap();
            let (_, server, errors) = connect("host.example", &client, &server);
            assert_eq!(errors.1.is_none(), accepted, "{errors:?}");
            assert_eq!(server.session().is_some_and(crate::Session::client_authenticated), accepted);
        }
    }
}
