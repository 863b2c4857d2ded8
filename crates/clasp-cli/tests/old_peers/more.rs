//! What else happens between the two: sessions resumed, handshakes repeated, and failures told.

use std::net::TcpListener;
use std::process::Command;
use std::thread;

use clasp::blocking::Stream;
use clasp::wire::ProtocolVersion;
use clasp::{Error, Policy, ServerConfig, ServerConfigBuilder};

use crate::matrix::{
    DATA, VERSIONS, assert_agreed, close, connect, path, policy, send_and_compare, send_and_compare_with, serve, suite,
};
use crate::peer::{Peer, have, seen};
use crate::pki::{self, Files, pki};

/// An export suite, a stream cipher, and CBC.
const SUITES: [&str; 3] = ["EXP-RC2-CBC-MD5", "RC4-MD5", "AES128-SHA"];

fn server(policy: Policy) -> ServerConfigBuilder {
    ServerConfig::builder(policy).identity(pki().server.identity())
}

/// Options that name a certificate.
fn with(files: &Files) -> [&str; 4] {
    ["--cert", path(&files.cert), "--key", path(&files.key)]
}

#[test]
fn clasp_resumes_the_sessions_of_old_clients() {
    if !have() {
        return;
    }
    for (version, protocol, theirs) in VERSIONS {
        for name in SUITES {
            let (port, serving) = serve(server(policy(version, name)).build().unwrap(), 2, |_| ());
            let data = DATA.to_string();
            let peer = Peer::connect(port, &["--protocol", protocol, "--connections", "2", "--data", &data]);
            for how in ["full", "resumed"] {
                assert_eq!(peer.line(), format!("{theirs} {name} certificate {how}"));
                assert_eq!(peer.line(), format!("done {DATA} clean"));
            }
            peer.end();
            let sessions = serving.join().unwrap();
            assert!(!sessions[0].resumed() && sessions[1].resumed());
            assert_agreed(&sessions[1], version, name, false);
            seen(&format!("Clasp server, {version}, {name}, resumed by identifier"));
        }
    }
}

#[test]
fn clasp_resumes_its_sessions_with_old_servers() {
    if !have() {
        return;
    }
    for (version, protocol, theirs) in VERSIONS {
        for name in SUITES {
            let arguments = [&["--protocol", protocol, "--connections", "2"][..], &with(&pki().server)].concat();
            let (peer, port) = Peer::accept(&arguments);
            let config = pki::client(policy(version, name)).build().unwrap();
            for how in ["full", "resumed"] {
                let mut tls = connect(&config, port).unwrap();
                assert_eq!(tls.session().unwrap().resumed(), how == "resumed");
                assert_agreed(tls.session().unwrap(), version, name, false);
                send_and_compare(&mut tls);
                close(&mut tls);
                assert_eq!(peer.line(), format!("{theirs} {name} anonymous {how}"));
                assert_eq!(peer.line(), format!("done {DATA} clean"));
            }
            peer.end();
            seen(&format!("Clasp client, {version}, {name}, resumed by identifier"));
        }
    }
}

#[test]
fn either_side_renegotiates_with_an_old_client() {
    if !have() {
        return;
    }
    for (version, protocol, theirs) in VERSIONS {
        for name in SUITES {
            let data = DATA.to_string();
            let arguments = ["--protocol", protocol, "--data", &data];

            let (port, serving) = serve(server(policy(version, name)).build().unwrap(), 1, |_| ());
            let peer = Peer::connect(port, &[&arguments[..], &["--renegotiate"]].concat());
            for _ in 0..2 {
                assert_eq!(peer.line(), format!("{theirs} {name} certificate full"));
            }
            assert_eq!(peer.line(), format!("done {DATA} clean"));
            peer.end();
            let session = &serving.join().unwrap()[0];
            assert_eq!(session.renegotiations(), 1);
            assert_agreed(session, version, name, false);
            seen(&format!("Clasp server, {version}, {name}, the client renegotiates"));

            // As IIS does: the certificate is asked for when it is needed.
            let (port, serving) = serve(server(policy(version, name)).build().unwrap(), 1, |tls| {
                tls.request_client_certificate(pki::require()).unwrap();
            });
            let peer = Peer::connect(port, &[&arguments[..], &with(&pki().client)].concat());
            assert_eq!(peer.line(), format!("{theirs} {name} certificate full"));
            assert_eq!(peer.line(), format!("done {DATA} clean"));
            peer.end();
            let session = &serving.join().unwrap()[0];
            assert_eq!(session.renegotiations(), 1);
            assert_agreed(session, version, name, true);
            seen(&format!("Clasp server, {version}, {name}, the server renegotiates and asks for a certificate"));
        }
    }
}

#[test]
fn either_side_renegotiates_with_an_old_server() {
    if !have() {
        return;
    }
    for (version, protocol, theirs) in VERSIONS {
        for name in SUITES {
            let arguments = [&["--protocol", protocol][..], &with(&pki().server)].concat();
            let config = pki::client(policy(version, name)).identity(pki().client.identity()).build().unwrap();

            let (peer, port) = Peer::accept(&arguments);
            let mut tls = connect(&config, port).unwrap();
            send_and_compare_with(&mut tls, |tls| {
                tls.renegotiate().unwrap();
            });
            close(&mut tls);
            assert_eq!(peer.line(), format!("{theirs} {name} anonymous full"));
            assert_eq!(peer.line(), format!("done {DATA} clean"));
            peer.end();
            assert_eq!(tls.session().unwrap().renegotiations(), 1);
            assert_agreed(tls.session().unwrap(), version, name, false);
            seen(&format!("Clasp client, {version}, {name}, the client renegotiates"));

            let late = ["--renegotiate", "--verify", "require", "--verify-late", "--ca", path(&pki().ca)];
            let (peer, port) = Peer::accept(&[&arguments[..], &late].concat());
            let mut tls = connect(&config, port).unwrap();
            send_and_compare(&mut tls);
            close(&mut tls);
            assert_eq!(peer.line(), format!("{theirs} {name} anonymous full"));
            assert_eq!(peer.line(), format!("{theirs} {name} certificate full"));
            assert_eq!(peer.line(), format!("done {DATA} clean"));
            peer.end();
            assert_eq!(tls.session().unwrap().renegotiations(), 1);
            assert_agreed(tls.session().unwrap(), version, name, true);
            seen(&format!("Clasp client, {version}, {name}, the server renegotiates and asks for a certificate"));
        }
    }
}

/// What a Clasp server says of a connection that fails.
fn refused(config: ServerConfigBuilder, arguments: &[&str]) -> (String, Error) {
    let config = config.build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let error = Stream::server(config, stream).expect_err("it went on");
        error.get_ref().and_then(|error| error.downcast_ref::<Error>()).cloned().expect("an error of TLS")
    });
    let peer = Peer::connect(port, arguments);
    (peer.end_badly(), serving.join().unwrap())
}

#[test]
fn a_client_that_cannot_verify_us_says_so_in_the_alert_of_its_version() {
    if !have() {
        return;
    }
    for (version, protocol, _) in VERSIONS {
        // It trusts nobody.
        let arguments = ["--protocol", protocol, "--verify", "require"];
        let (theirs, ours) = refused(server(policy(version, "RC4-MD5")), &arguments);
        assert!(theirs.contains("certificate verify failed"), "{theirs}");
        let Error::AlertReceived(received) = ours else { panic!("{ours:?}") };
        let number = if version == ProtocolVersion::SSL_3_0 { 42 } else { 48 };
        assert_eq!(received.alert.0, number);
    }
}

#[test]
fn what_the_old_client_offers_is_shown() {
    if !have() {
        return;
    }
    for protocol in ["ssl3", "tls1"] {
        let arguments = ["--protocol", protocol, "--cipher", "EXP-RC4-MD5"];
        let (theirs, ours) = refused(server(Policy::compatible()), &arguments);
        let Error::NoCommonGround(ground) = ours else { panic!("{ours:?}") };
        assert_eq!(ground.what, "protocol version");
        assert_eq!(ground.theirs.suites, [suite("EXP-RC4-MD5")]);
        assert!(theirs.contains("handshake failed"), "{theirs}");
    }
}

#[test]
fn an_old_server_of_export_suites_alone_is_refused_by_all_that_do_not_ask_for_them() {
    if !have() {
        return;
    }
    for policy in [Policy::compatible(), Policy::legacy()] {
        let arguments = [&["--cipher", "EXP"][..], &with(&pki().server)].concat();
        let (peer, port) = Peer::accept(&arguments);
        let config = pki::client(policy).build().unwrap();
        let error = connect(&config, port).unwrap_err().to_string();
        assert!(error.contains("handshake_failure (40)") && error.contains("We offered"), "{error}");
        assert!(peer.end_badly().contains("no shared cipher"));
    }
}

/// With the default policy the command fails, looks again with all it carries, and says what would have done.
#[test]
fn the_command_s_diagnosis_names_what_the_old_server_chose_and_the_policy_that_takes_it() {
    if !have() {
        return;
    }
    for (protocol, name, found) in [
        (
            "ssl3",
            "AES128-SHA",
            "the server chose SSL 3.0 with TLS_RSA_WITH_AES_128_CBC_SHA. Policy insecure accepts that",
        ),
        ("tls1", "RC4-MD5", "the server chose TLS 1.0 with TLS_RSA_WITH_RC4_128_MD5. Policy insecure accepts that"),
        (
            "tls1",
            "DES-CBC3-SHA",
            "the server chose TLS 1.0 with TLS_RSA_WITH_3DES_EDE_CBC_SHA. Policy legacy accepts that",
        ),
    ] {
        let options = ["--protocol", protocol, "--cipher", name, "--connections", "2", "--go-on"];
        let (peer, port) = Peer::accept(&[&options[..], &with(&pki().server)].concat());
        let target = format!("localhost:{port}");
        let output = Command::new(env!("CARGO_BIN_EXE_clasp"))
            .args(["connect", &target, "--ca", path(&pki().ca)])
            .env_remove("SSLKEYLOGFILE")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("We offered versions TLS 1.2"), "{text}");
        assert!(text.contains(found), "{text}");
        assert!(peer.line().starts_with("failed: the handshake failed"));
        peer.end();
    }
}
