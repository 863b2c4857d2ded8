//! Tests of who is let in: certificates of servers and of clients (RFC 5246 7.4.2, 7.4.6).

use std::sync::Arc;

use clasp_cert::{Check, Outcome};
use clasp_wire::AlertDescription;

use crate::testing::{Authority, connections, each, established, exchange, is_tls13};
use crate::{Connection, Error, Policy};

#[test]
fn client_certificate_given_declined_and_missing() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let with = ca.client(policy.clone()).identity(ca.ecdsa("client.example")).build().unwrap();
        let without = ca.client(policy.clone()).build().unwrap();
        let require = ca.server(policy.clone()).client_auth(ca.require_client()).build().unwrap();
        let request = ca.server(policy.clone()).client_auth(ca.request_client()).build().unwrap();

        for server in [&require, &request] {
            let (client, server) = established(&with, server);
            assert!(client.session().unwrap().client_authenticated());
            let session = server.session().unwrap();
            assert!(session.client_authenticated());
            assert_eq!(session.peer_certificates().len(), 1);
            assert!(matches!(session.report().unwrap().get(Check::Possession), Outcome::Passed));
        }

        let (client, server) = established(&without, &request);
        assert!(!client.session().unwrap().client_authenticated());
        assert!(!server.session().unwrap().client_authenticated());

        let (mut client, mut server) = connections(&without, &require);
        let (theirs, ours) = exchange(&mut client, &mut server);
        let ours = ours.expect("refused");
        if is_tls13(&policy) {
            assert!(matches!(ours, Error::ClientCertificateRequired), "{ours}");
            assert_eq!(ours.alert(), Some(AlertDescription::CERTIFICATE_REQUIRED));
        } else {
            assert!(matches!(ours, Error::ClientCertificateMissing), "{ours}");
            assert_eq!(ours.alert(), Some(AlertDescription::HANDSHAKE_FAILURE));
        }
        let Some(Error::AlertReceived(alert)) = theirs else { panic!("{theirs:?}") };
        assert!(alert.certificate_declined && alert.to_string().contains("sent none"), "{alert}");
    }
}

#[test]
fn authorities_that_do_not_fit_are_not_named() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let ask = |names: Vec<Vec<u8>>| {
            let verifier = clasp_cert::WebPkiClientVerifier::builder(ca.roots()).authorities(names).build().unwrap();
            let server = ca.server(policy.clone()).client_auth(crate::ClientAuth::Require(Arc::new(verifier)));
            let limits = crate::Limits { handshake_message: 1 << 17, input: 1 << 17, ..crate::Limits::default() };
            let client = ca.client(policy.clone()).identity(ca.ecdsa("client.example")).limits(limits).build().unwrap();
            let (_, server) = established(&client, &server.build().unwrap());
            assert!(server.session().unwrap().client_authenticated());
        };
        ask(vec![vec![0x30; 98]; 655]);
        ask(vec![vec![0x30; 98]; 656]);
        ask(vec![vec![0x30; 70_000]]);
    }
}

#[test]
fn client_certificate_of_another_authority_is_refused() {
    let (ca, other) = (Authority::new("CA"), Authority::new("Other"));
    for policy in each(&Policy::modern()) {
        let client = ca.client(policy.clone()).identity(other.ecdsa("client.example")).build().unwrap();
        let server = ca.server(policy.clone()).client_auth(ca.require_client()).build().unwrap();
        let (mut client, mut server) = connections(&client, &server);
        let (theirs, ours) = exchange(&mut client, &mut server);
        let ours = ours.expect("refused");
        assert!(matches!(ours, Error::Certificate { .. }), "{ours}");
        assert_eq!(ours.alert(), Some(AlertDescription::UNKNOWN_CA));
        let Some(Error::AlertReceived(alert)) = theirs else { panic!("{theirs:?}") };
        assert_eq!(alert.alert, AlertDescription::UNKNOWN_CA);
    }
}

#[test]
fn server_of_another_name_or_authority_is_refused() {
    let (ca, other) = (Authority::new("CA"), Authority::new("Other"));
    for policy in each(&Policy::modern()) {
        let server = ca.server(policy.clone()).build().unwrap();
        let client = ca.client(policy.clone()).build().unwrap();
        let mut wrong_name = Connection::client(client, "elsewhere.example".try_into().unwrap());
        let (error, _) = exchange(&mut wrong_name, &mut Connection::server(Arc::clone(&server)));
        let error = error.expect("refused");
        assert!(error.to_string().contains("elsewhere.example"), "{error}");
        assert_eq!(error.alert(), Some(AlertDescription::BAD_CERTIFICATE));

        let client = other.client(policy.clone()).build().unwrap();
        let (mut client, mut server) = connections(&client, &server);
        let (error, _) = exchange(&mut client, &mut server);
        assert_eq!(error.expect("refused").alert(), Some(AlertDescription::UNKNOWN_CA));
    }
}
