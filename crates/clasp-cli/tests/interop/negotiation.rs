//! Nothing in common: who sees both offers shows them, and who does not finds out.

use clasp::wire::AlertDescription;

use crate::certs::pki;
use crate::command::{Server, connect};
use crate::openssl::assert_received;
use crate::peers::{Ended, Running, have};
use crate::{gnutls, openssl};

fn connect_with(port: u16, options: &[&str]) -> Ended {
    Running::start(&mut connect(port, &pki().ca.files.cert, options)).finish()
}

#[track_caller]
fn assert_says(ended: &Ended, parts: &[&str]) {
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    for part in parts {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

/// An s_server that stays for a second connection.
fn s_server(options: &[&str]) -> openssl::Server {
    openssl::Server::start(&pki().rsa, &[options, &["-naccept", "2"]].concat())
}

const OFFERED: &str = "We offered versions TLS 1.3, TLS 1.2; cipher suites TLS_AES_256_GCM_SHA384, ";

#[test]
fn clasp_finds_out_which_suite_and_policy_would_do() {
    if !have(&["openssl", "gnutls-serv"]) {
        return;
    }
    let found = "the server chose TLS 1.2 with TLS_RSA_WITH_AES_128_CBC_SHA. Policy compatible accepts that: \
                 try --policy compatible.";
    let server = s_server(&["-cipher", "AES128-SHA"]);
    let ended = connect_with(server.port, &[]);
    assert_says(&ended, &["the peer refused: alert handshake_failure (40)", OFFERED, found]);
    // That was its second connection, and it complained of the first.
    let (stderr, _) = server.failed();
    assert!(stderr.contains("no shared cipher"), "{stderr}");

    let server = s_server(&["-cipher", "AES128-SHA"]);
    let ended = connect_with(server.port, &["--no-diagnose"]);
    assert_says(&ended, &["the peer refused: alert handshake_failure (40)", OFFERED]);
    assert!(!ended.stderr.contains("second connection"), "{}", ended.stderr);
    // Its second connection is free for the advice to be taken.
    let ended = connect_with(server.port, &["--policy", "compatible"]);
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);

    let priority = gnutls::priority(clasp::CIPHER_SUITES.iter().find(|suite| suite.id.0 == 0x002f).unwrap());
    let server = gnutls::Server::start(&[&pki().rsa], &priority, &["--disable-client-cert"]);
    assert_says(&connect_with(server.port, &[]), &["the peer refused: alert handshake_failure (40)", OFFERED, found]);
    let ended = connect_with(server.port, &["--policy", "compatible"]);
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
}

#[test]
fn clasp_finds_out_that_its_own_options_are_too_narrow() {
    if !have(&["openssl"]) {
        return;
    }
    let server = s_server(&["-cipher", "ECDHE-RSA-AES128-GCM-SHA256"]);
    let ended = connect_with(server.port, &["--cipher", "ECDHE-RSA-CHACHA20-POLY1305"]);
    assert_says(
        &ended,
        &[
            "We offered versions TLS 1.2; cipher suites TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256; groups x25519, ",
            "the server chose TLS 1.2 with TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256.",
            "try --policy modern without --cipher and --groups.",
        ],
    );
    let server = s_server(&["-curves", "P-521"]);
    let ended = connect_with(server.port, &["--groups", "x25519", "--cipher", "ECDHE-RSA-AES128-GCM-SHA256"]);
    assert_says(&ended, &["groups x25519;", "without --cipher and --groups."]);
}

#[test]
fn clasp_says_that_a_server_is_too_old() {
    if !have(&["openssl", "gnutls-serv"]) {
        return;
    }
    let server = s_server(&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
    let ended = connect_with(server.port, &[]);
    assert_says(&ended, &[OFFERED, "the server chose TLS 1.1 with ", "try --policy legacy."]);
    let priority = gnutls::ALL.replace("+VERS-TLS1.2", "+VERS-TLS1.1");
    let server = gnutls::Server::start(&[&pki().rsa], &priority, &["--disable-client-cert"]);
    assert_eq!(connect_with(server.port, &[]).code(), Some(1));
}

#[test]
fn clasp_says_that_a_server_is_too_new() {
    if !have(&["openssl", "gnutls-serv"]) {
        return;
    }
    let server = s_server(&["-tls1_3"]);
    let ended = connect_with(server.port, &["--max-version", "tls1.2"]);
    assert_says(
        &ended,
        &[
            "the peer refused: alert protocol_version (70)",
            "We offered versions TLS 1.2; ",
            "the server chose TLS 1.3 with TLS_AES_256_GCM_SHA384. Policy modern accepts that: \
             try --policy modern without --max-version.",
        ],
    );
    let priority = format!("{}:-VERS-ALL:+VERS-TLS1.3:+CIPHER-ALL", gnutls::ALL);
    let server = gnutls::Server::start(&[&pki().rsa], &priority, &["--disable-client-cert"]);
    let ended = connect_with(server.port, &["--max-version", "tls1.2"]);
    assert_says(&ended, &["the peer refused: alert ", "the server chose TLS 1.3 with ", "without --max-version."]);
}

#[test]
fn clasp_shows_both_offers_when_a_client_has_no_suite_in_common() {
    if !have(&["openssl", "gnutls-cli"]) {
        return;
    }
    let server = Server::start(&[&pki().rsa, &pki().p256], &[]);
    let (stderr, messages) = openssl::Client::start(server.port, &["-tls1_2", "-cipher", "AES256-SHA256"]).ended();
    assert_received(AlertDescription::HANDSHAKE_FAILURE, &stderr, &messages);
    let line = server.wait_line_with("no handshake");
    for part in [
        "no common cipher suite: we have versions TLS 1.3, TLS 1.2; cipher suites TLS_AES_256_GCM_SHA384, ",
        "the peer offers versions TLS 1.2; cipher suites TLS_RSA_WITH_AES_256_CBC_SHA256; ",
        "Policy compatible would accept what the peer offers",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }

    let only_rsa = Server::start(&[&pki().rsa], &[]);
    let options = ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"];
    let (stderr, messages) = openssl::Client::start(only_rsa.port, &options).ended();
    assert_received(AlertDescription::HANDSHAKE_FAILURE, &stderr, &messages);
    only_rsa.wait_line_with("Suites are in common, but not an identity: none of this server's has the kind of key");

    let priority = gnutls::priority(clasp::CIPHER_SUITES.iter().find(|suite| suite.id.0 == 0x002f).unwrap());
    let seen = server.running.printed();
    let log = gnutls::Client::start(server.port, &priority, &[]).ended();
    gnutls::assert_received(AlertDescription::HANDSHAKE_FAILURE, &log);
    server.running.wait_for_after(seen, "cipher suites TLS_RSA_WITH_AES_128_CBC_SHA; ");
    server.running.wait_for_after(seen, "Policy compatible would accept what the peer offers\n");
}

#[test]
fn clasp_refuses_clients_of_other_versions() {
    if !have(&["openssl", "gnutls-cli"]) {
        return;
    }
    let server = Server::start(&[&pki().p256], &[]);
    let options = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    let (stderr, messages) = openssl::Client::start(server.port, &options).ended();
    assert_received(AlertDescription::PROTOCOL_VERSION, &stderr, &messages);
    let line = server.wait_line_with("no handshake");
    assert!(line.contains("no common protocol version: we have versions TLS 1.3, TLS 1.2; "), "{line}");
    assert!(line.contains("the peer offers versions TLS 1.1; "), "{line}");

    let older = Server::start(&[&pki().p256], &["--max-version", "tls1.2"]);
    let (stderr, _) = openssl::Client::start(older.port, &["-tls1_3"]).ended();
    assert!(stderr.contains("SSL alert number 70"), "{stderr}");
    older.running.wait_for("the peer offers versions TLS 1.3; ");

    let priority = gnutls::ALL.replace("+VERS-TLS1.2", "+VERS-TLS1.1:+VERS-TLS1.0");
    let log = gnutls::Client::start(server.port, &priority, &[]).ended();
    gnutls::assert_received(AlertDescription::PROTOCOL_VERSION, &log);
}
