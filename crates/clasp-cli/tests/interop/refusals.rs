//! Servers that Clasp must not trust: each with its alert, and a message that says what to do.

use std::sync::Arc;

use clasp::cert::{CertificateProblem, Check, Revocation, WebPkiServerVerifier};
use clasp::wire::AlertDescription;
use clasp::{ClientConfig, Error, Policy};

use crate::certs::{Authority, Files, Kind, Leaf, pki};
use crate::command::{clasp, connect};
use crate::ends::{client, close, tls_error};
use crate::openssl::assert_received;
use crate::peers::{Running, have};
use crate::{gnutls, openssl};

/// A server's certificate that must be refused.
struct Refused {
    what: &'static str,
    files: Files,
    alert: AlertDescription,
    /// What stands on standard error: what is wrong, what to do, and the named check that failed.
    says: [&'static str; 3],
}

fn all() -> Vec<Refused> {
    let ca = &pki().ca;
    let server = Leaf::server(Kind::P256);
    vec![
        Refused {
            what: "wrong name",
            files: ca.issue(&server.clone().names(&["other.example"])),
            alert: AlertDescription::BAD_CERTIFICATE,
            says: [
                "the certificate is not for localhost but for other.example",
                "connect by a name the certificate is for, or let it be issued for this one",
                "4 does the domain name match? failed",
            ],
        },
        Refused {
            what: "expired",
            files: ca.issue(&server.clone().years(2010, 2020)),
            alert: AlertDescription::CERTIFICATE_EXPIRED,
            says: [
                "the certificate of CN=server expired on 2020-01-01",
                "it has to be renewed, unless this machine's clock is wrong",
                "1 is today's date within the validity period? failed",
            ],
        },
        Refused {
            what: "not yet valid",
            files: ca.issue(&server.clone().years(2999, 3000)),
            alert: AlertDescription::CERTIFICATE_EXPIRED,
            says: [
                "the certificate of CN=server is valid only from 2999-01-01",
                "this machine's clock may be slow",
                "1 is today's date within the validity period? failed",
            ],
        },
        Refused {
            what: "unknown issuer",
            files: Authority::root("Nobody's CA").issue(&server),
            alert: AlertDescription::UNKNOWN_CA,
            says: [
                "the path ends at CN=Nobody's CA, which is not among the trusted roots",
                "add that CA to them if you trust it",
                "2 is the issuing CA a trusted CA? failed",
            ],
        },
        Refused {
            what: "a client's certificate",
            files: ca.issue(&Leaf::client(Kind::P256, "a client").names(&["localhost"])),
            alert: AlertDescription::UNSUPPORTED_CERTIFICATE,
            says: [
                "the extKeyUsage of a certificate does not allow serverAuth",
                "it has to be issued with that purpose",
                "5 may the key be used for this? failed",
            ],
        },
    ]
}

#[test]
fn clasp_refuses_servers_it_cannot_trust() {
    if !have(&["openssl", "gnutls-serv"]) {
        return;
    }
    for Refused { what, files, alert, says } in all() {
        println!("{what}");
        let refused = |port| {
            let ended = Running::start(&mut connect(port, &pki().ca.files.cert, &[])).finish();
            assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
            assert!(ended.stderr.starts_with("clasp: no handshake with localhost:"), "{}", ended.stderr);
            for part in says {
                assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
            }
            assert!(ended.stdout.is_empty());
        };
        let server = openssl::Server::start(&files, &[]);
        refused(server.port);
        let (stderr, messages) = server.failed();
        assert_received(alert, &stderr, &messages);

        let server = gnutls::Server::start(&[&files], gnutls::ALL, &["--disable-client-cert", gnutls::TELL_ALERTS]);
        refused(server.port);
        server.wait_alert(alert);
    }
}

#[test]
fn clasp_refuses_a_revoked_server() {
    if !have(&["openssl"]) {
        return;
    }
    let files = pki().ca.issue(&Leaf::server(Kind::P256));
    let connect = |revoked: &Files| {
        let mut revocation = Revocation::new();
        revocation.add_file(pki().ca.revoke(revoked)).unwrap();
        let builder = WebPkiServerVerifier::builder(pki().ca.roots()).revocation(revocation);
        let verifier = Arc::new(builder.build().unwrap());
        let config = ClientConfig::builder(Policy::modern()).verifier(verifier).build().unwrap();
        let server = openssl::Server::start(&files, &[]);
        (client(&config, server.port), server)
    };
    // The list is looked into, and revokes another.
    let (tls, _server) = connect(&pki().p256);
    let mut tls = tls.unwrap();
    assert!(tls.session().unwrap().report().unwrap().get(Check::Revocation).is_passed());
    close(&mut tls).unwrap();

    let (tls, server) = connect(&files);
    let error = tls.unwrap_err();
    let Error::Certificate { error, .. } = tls_error(&error) else { panic!("{error}") };
    assert_eq!(error.problem, CertificateProblem::Revoked);
    assert!(error.report.get(Check::Revocation).is_failed());
    let (stderr, messages) = server.failed();
    assert_received(AlertDescription::CERTIFICATE_REVOKED, &stderr, &messages);
}

#[test]
fn a_pin_trusts_one_key_alone() {
    if !have(&["openssl"]) {
        return;
    }
    // Of nobody's CA, and long expired: with a pin that does not matter.
    let files = Authority::root("Nobody's CA").issue(&Leaf::server(Kind::P256).years(2010, 2020));
    let pinned = |pin: &str| {
        let server = openssl::Server::start(&files, &[]);
        let target = format!("localhost:{}", server.port);
        let ended = Running::start(clasp().args(["connect", &target, "--pin", pin])).finish();
        (ended, server)
    };
    let (ended, server) = pinned(&format!("sha256:{}", "00".repeat(32)));
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    let (stderr, messages) = server.failed();
    assert_received(AlertDescription::CERTIFICATE_UNKNOWN, &stderr, &messages);
    // The message tells the pin to use, if that is wanted.
    let (_, rest) = ended.stderr.split_once("its pin is ").expect("the pin");
    let pin = rest.split(';').next().unwrap();
    let (ended, _server) = pinned(pin);
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
}

#[test]
fn who_accepts_anybody_has_to_say_so() {
    if !have(&["openssl"]) {
        return;
    }
    let files = Authority::root("Nobody's CA").issue(&Leaf::server(Kind::P256));
    for (options, code) in [(&[][..], 1), (&["--dangerous-accept-any"], 0)] {
        let server = openssl::Server::start(&files, &[]);
        let target = format!("localhost:{}", server.port);
        // A store of the system's with one authority, which is another.
        let mut command = clasp();
        command.env("SSL_CERT_FILE", &pki().ca.files.cert).env_remove("SSL_CERT_DIR");
        let ended = Running::start(command.args(["connect", &target]).args(options)).finish();
        assert_eq!(ended.code(), Some(code), "{}", ended.stderr);
    }
}
