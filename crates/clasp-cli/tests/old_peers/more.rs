//! What else happens with OpenSSL 0.9.8e: sessions resumed, handshakes repeated, and failures told.

use std::process::Command;

use clasp::wire::ProtocolVersion;
use clasp::{Error, Policy, ServerConfig, ServerConfigBuilder};

use crate::cell::{Again, Cell, PLAIN, Resumed, Scenario, Shows, refused};
use crate::matrix::{DATA, VERSIONS, connect, path, policy, suite};
use crate::peer::Kind;
use crate::pki::{self, Files, pki};

const PEER: Kind = Kind::OpenSsl098;

/// An export suite, a stream cipher, and CBC.
const SUITES: [&str; 3] = ["EXP-RC2-CBC-MD5", "RC4-MD5", "AES128-SHA"];

fn server(policy: Policy) -> ServerConfigBuilder {
    ServerConfig::builder(policy).identity(pki().server.identity())
}

/// Options that name a certificate.
fn with(files: &Files) -> [&str; 4] {
    ["--cert", path(&files.cert), "--key", path(&files.key)]
}

fn cells() -> impl Iterator<Item = Cell> {
    VERSIONS.into_iter().flat_map(|(version, ..)| {
        SUITES.map(|name| Cell {
            peer: PEER,
            version,
            suite: suite(name),
            data: DATA,
            // Not known in 2008. RFC 5746 was not either, but Red Hat brought it back into this release.
            extended_master_secret: false,
            encrypt_then_mac: false,
            rfc5746: true,
        })
    })
}

#[test]
fn sessions_are_resumed_and_renegotiated() {
    if !PEER.is_there() {
        return;
    }
    for cell in cells() {
        for again in [None, Some(Again::Clasp), Some(Again::Peer)] {
            let scenario = Scenario { again, resumed: Some(Resumed::ById), ..PLAIN };
            cell.clasp_connects(scenario);
            cell.clasp_accepts(scenario);
        }
    }
}

#[test]
fn either_side_renegotiates() {
    if !PEER.is_there() {
        return;
    }
    for cell in cells() {
        for again in [Again::Clasp, Again::Peer] {
            for shows in [Shows::NotAsked, Shows::Late] {
                let scenario = Scenario { shows, again: Some(again), resumed: None };
                cell.clasp_connects(scenario);
                // A client cannot make a Clasp server ask for more than it is set to.
                if again == Again::Clasp || shows == Shows::NotAsked {
                    cell.clasp_accepts(scenario);
                }
            }
        }
    }
}

#[test]
fn a_client_that_cannot_verify_us_says_so_in_the_alert_of_its_version() {
    if !PEER.is_there() {
        return;
    }
    for (version, protocol, _) in VERSIONS {
        // It trusts nobody.
        let arguments = ["--protocol", protocol, "--verify", "require"];
        let (theirs, ours) = refused(PEER, server(policy(version, "RC4-MD5")), &arguments);
        assert!(theirs.contains("certificate verify failed"), "{theirs}");
        let Error::AlertReceived(received) = ours else { panic!("{ours:?}") };
        let number = if version == ProtocolVersion::SSL_3_0 { 42 } else { 48 };
        assert_eq!(received.alert.0, number);
    }
}

#[test]
fn what_the_old_client_offers_is_shown() {
    if !PEER.is_there() {
        return;
    }
    for protocol in ["ssl3", "tls1"] {
        let arguments = ["--protocol", protocol, "--cipher", "EXP-RC4-MD5"];
        let (theirs, ours) = refused(PEER, server(Policy::compatible()), &arguments);
        let Error::NoCommonGround(ground) = ours else { panic!("{ours:?}") };
        assert_eq!(ground.what, "protocol version");
        assert_eq!(ground.theirs.suites, [suite("EXP-RC4-MD5")]);
        assert!(theirs.contains("handshake failed"), "{theirs}");
    }
}

#[test]
fn an_old_server_of_export_suites_alone_is_refused_by_all_that_do_not_ask_for_them() {
    if !PEER.is_there() {
        return;
    }
    for policy in [Policy::compatible(), Policy::legacy()] {
        let arguments = [&["--cipher", "EXP"][..], &with(&pki().server)].concat();
        let (peer, port) = PEER.accept(&arguments);
        let config = pki::client(policy).build().unwrap();
        let error = connect(&config, port).unwrap_err().to_string();
        assert!(error.contains("handshake_failure (40)") && error.contains("We offered"), "{error}");
        assert!(peer.end_badly().contains("no shared cipher"));
    }
}

/// With the default policy the command fails, looks again with all it carries, and says what would have done.
#[test]
fn the_command_s_diagnosis_names_what_the_old_server_chose_and_the_policy_that_takes_it() {
    if !PEER.is_there() {
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
        let (peer, port) = PEER.accept(&[&options[..], &with(&pki().server)].concat());
        let target = format!("localhost:{port}");
        let output = Command::new(env!("CARGO_BIN_EXE_clasp"))
            .args(["connect", &target, "--ca", path(&pki().ca)])
            .env_remove("SSLKEYLOGFILE")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("We offered versions TLS 1.3, TLS 1.2"), "{text}");
        assert!(text.contains(found), "{text}");
        assert!(peer.line().starts_with("refused the handshake failed"));
        // The second connection: a handshake, no data, and an end without ceremony.
        assert!(peer.line().ends_with(&format!("{name} anonymous full")));
        assert!(peer.line().starts_with("refused reading failed"));
        peer.end();
    }
}
