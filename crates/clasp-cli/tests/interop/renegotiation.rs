//! Wishes to renegotiate are declined with no_renegotiation, a few times, and the connection goes on (RFC 5246 7.4.1.1).

use clasp::wire::AlertDescription;

use crate::certs::pki;
use crate::command::{Server, connect};
use crate::peers::{Running, have};
use crate::{gnutls, openssl};

const DECLINED: &str = "<<< TLS 1.2, Alert [length 0002], warning no_renegotiation";

#[test]
fn clasp_declines_a_hello_request() {
    if !have(&["openssl", "gnutls-serv"]) {
        return;
    }
    let mut server = openssl::Server::start(&pki().p256, &[]);
    let mut client = Running::start(&mut connect(server.port, &pki().ca.files.cert, &[]));
    client.say(b"hello");
    assert_eq!(server.running.wait_bytes(server.data_start(), 5), b"hello");
    server.running.say(b"r\n");
    let (stderr, messages) = server.failed();
    assert!(messages.contains(">>> TLS 1.2, Handshake [length 0004], HelloRequest"), "{messages}");
    assert!(messages.contains(DECLINED), "{messages}");
    // OpenSSL itself then takes that for the end.
    assert!(stderr.contains("no renegotiation"), "{stderr}");
    let ended = client.end();
    assert_eq!(ended.code(), Some(1));
    for part in ["the peer refused: alert handshake_failure (40)", "It had asked to renegotiate"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }

    // What gnutls-serv still sends after its request arrives; then it too hangs up.
    let server = gnutls::Server::start(&[&pki().p256], gnutls::ALL, &["--disable-client-cert"]);
    let mut client = Running::start(&mut connect(server.port, &pki().ca.files.cert, &[]));
    client.say(b"**REHANDSHAKE**\n");
    client.wait_for("Successfully executed command\n");
    server
        .running
        .wait_stderr("the request", |printed| crate::peers::position(printed, b"Sending rehandshake request"));
}

#[test]
fn clasp_declines_a_clients_second_hello() {
    if !have(&["openssl", "gnutls-cli"]) {
        return;
    }
    let server = Server::start(&[&pki().p256], &["--echo"]);
    let mut client = openssl::Client::start(server.port, &["-no_ign_eof"]);
    let (_, start) = client.report();
    client.running.say(b"hello\n");
    client.running.wait_for_after(start, "hello\n");
    client.running.say(b"R\n");
    let (stderr, messages) = client.ended();
    assert!(messages.contains(DECLINED), "{messages}");
    assert!(stderr.contains("no renegotiation"), "{stderr}");
    let line = server.wait_line_with("ended: ");
    assert!(line.contains("It had asked to renegotiate"), "{line}");

    // gnutls-cli asks again and again: four are declined with a warning, which leaves the connection be; the fifth is
    // one too many, and the same alert is fatal.
    let log = gnutls::Client::start(server.port, gnutls::ALL, &["--rehandshake"]).ended();
    assert_eq!(log.matches("*** Received alert [100]: No renegotiation is allowed").count(), 5, "{log}");
    assert!(log.contains("*** Fatal error: A TLS fatal alert has been received."), "{log}");
    server.running.wait_for("ended: the peer asked for renegotiation too often\n");
}

#[test]
fn a_server_without_renegotiation_info_is_told_apart() {
    if !have(&["gnutls-serv"]) {
        return;
    }
    // RFC 5746 4.1: whoever requires it refuses, and says who does not.
    let priority = format!("{}:%DISABLE_SAFE_RENEGOTIATION", gnutls::ALL);
    let server = gnutls::Server::start(&[&pki().p256], &priority, &["--disable-client-cert", gnutls::TELL_ALERTS]);
    let ended = Running::start(&mut connect(server.port, &pki().ca.files.cert, &[])).finish();
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    for part in ["does not know renegotiation_info (RFC 5746)", "try --policy compatible"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    server.wait_alert(AlertDescription::HANDSHAKE_FAILURE);
    let options = ["--policy", "compatible", "--trace=json"];
    let ended = Running::start(&mut connect(server.port, &pki().ca.files.cert, &options)).finish();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert_eq!(crate::command::traced(&ended.stderr, "secure renegotiation").as_deref(), Some("false"));
}
