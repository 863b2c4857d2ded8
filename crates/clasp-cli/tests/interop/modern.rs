//! The command's options of TLS 1.3: early data, keys of both sides', new keys, certificates asked for later, what it
//! prints of them (RFC 8446 2.2, 2.3, 4.6).

use std::fs;
use std::process::Command;

use crate::certs::{Folder, Kind, Leaf, pki};
use crate::command::{Server, clasp, connect};
use crate::openssl::{self, path};
use crate::peers::{Ended, Running, have};

const REQUEST: &str = "GET / HTTP/1.0\r\n\r\n";

/// A `clasp connect` that sends early data and nothing else.
fn with_early_data(port: u16, folder: &Folder) -> Ended {
    let (session, request) = (folder.file("sessions"), folder.file("request"));
    fs::write(&request, REQUEST).unwrap();
    let options = ["--session", path(&session), "--early-data", path(&request), "--trace"];
    let mut client = Running::start(&mut connect(port, &pki().ca.files.cert, &options));
    client.say_no_more();
    let ended = client.end();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    ended
}

#[test]
fn early_data_is_sent_taken_and_sent_again() {
    let folder = Folder::new("early-data");
    let server = || Server::start(&[&pki().rsa], &["--early-data", "1000", "--policy", "modern"]);
    let first = server();
    let restarted = server();
    for (server, told, page) in [
        (&first, "early data not sent, for want of a session that allows it: 18 bytes sent", "none"),
        (&first, "early data accepted: 18 bytes", "accepted"),
        (&restarted, "early data rejected: 18 bytes sent again", "rejected"),
        (&restarted, "early data", ""),
    ] {
        let ended = with_early_data(server.port, &folder);
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
        let answer = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 1, "{answer}");
        assert!(answer.contains(&format!("early data              {page}")), "{answer}");
        assert!(ended.stderr.contains(&format!("early data {page}")), "{}", ended.stderr);
    }
}

#[test]
fn a_key_takes_the_place_of_certificates() {
    let folder = Folder::new("psk");
    let (key, other) = (folder.file("key"), folder.file("other"));
    fs::write(&key, "000102030405060708090a0b0c0d0e0f\n").unwrap();
    fs::write(&other, "ff0102030405060708090a0b0c0d0e0f\n").unwrap();
    let options = |key| ["--psk-identity", "pump 7", "--psk", path(key)];
    let server = Server::start(&[], &options(&key));
    let connect = |port: u16, key| {
        let mut command = clasp();
        command.args(["connect", &format!("localhost:{port}"), "--no-diagnose", "--trace"]).args(options(key));
        let mut client = Running::start(&mut command);
        client.say(REQUEST.as_bytes());
        client.say_no_more();
        client.end()
    };
    let ended = connect(server.port, &key);
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("pre-shared key yes"), "{}", ended.stderr);
    assert!(String::from_utf8_lossy(&ended.stdout).contains("pre-shared key          yes\n"));
    // Another key of that name, and a client that wants a certificate.
    assert_eq!(connect(server.port, &other).code(), Some(1));
    let mut client = Running::start(&mut crate::command::connect(server.port, &pki().ca.files.cert, &[]));
    client.say_no_more();
    assert_eq!(client.end().code(), Some(1));

    if !have(&["openssl"]) {
        return;
    }
    let hex = "000102030405060708090a0b0c0d0e0f";
    let theirs = ["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256", "-psk_identity", "pump 7", "-psk", hex];
    let mut command = openssl::openssl(&["s_client", "-connect", &format!("127.0.0.1:{}", server.port), "-quiet"]);
    let mut client = Running::start(command.args(theirs));
    client.say(REQUEST.as_bytes());
    client.wait_for("pre-shared key          yes\n");
    client.end();
}

#[test]
fn a_key_that_cannot_be_is_refused() {
    let folder = Folder::new("bad-psk");
    for (text, why) in [("0001", "16 bytes"), ("xyz", "hexadecimal"), ("+1+2", "hexadecimal")] {
        let key = folder.file("key");
        fs::write(&key, text).unwrap();
        let options = ["--psk-identity", "a", "--psk", path(&key)];
        let ended = Running::start(&mut connect(1, &pki().ca.files.cert, &options)).end();
        assert_eq!(ended.code(), Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(why), "{text}: {}", ended.stderr);
    }
}

#[test]
fn the_letter_k_updates_keys() {
    let server = Server::start(&[&pki().rsa], &["--echo", "--policy", "compatible"]);
    for (options, told) in
        [(&[][..], "keys updated"), (&["--max-version", "tls1.2"], "new keys alone are a matter of TLS 1.3")]
    {
        let options = [&["--interactive", "--policy", "compatible"], options].concat();
        let mut client = Running::start(&mut connect(server.port, &pki().ca.files.cert, &options));
        for line in ["one\n", "two\n", "three\n"] {
            client.say(line.as_bytes());
            client.wait_for(line);
            client.say(b"K\n");
            client.wait_stderr(told, |printed| String::from_utf8_lossy(printed).contains(told).then_some(()));
        }
        client.say(b"Q\n");
        let ended = client.end();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    }
}

#[test]
fn openssl_updates_keys_and_is_asked_to() {
    if !have(&["openssl"]) {
        return;
    }
    let mut server = openssl::Server::start(&pki().rsa, &["-tls1_3"]);
    let options = ["--interactive"];
    let mut client = Running::start(&mut connect(server.port, &pki().ca.files.cert, &options));
    client.say(b"one\n");
    server.running.wait_for("one\n");
    client.say(b"K\n");
    client.say(b"two\n");
    server.running.wait_for("two\n");
    // s_server's own letter: it updates its keys and asks for ours.
    server.running.say(b"K\n");
    server.wait_messages("KeyUpdate", 2);
    server.running.say(b"three\n");
    client.wait_for("three\n");
    client.say(b"four\n");
    server.running.wait_for("four\n");
    // Ours came before that.
    server.wait_messages("KeyUpdate", 3);
    client.say(b"Q\n");
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn the_clients_certificate_is_asked_for_on_a_path_after_the_handshake() {
    let options = ["--client-ca", path(&pki().clients.files.cert), "--client-auth", "on-path=/secret"];
    let server = Server::start(&[&pki().rsa], &options);
    let files = pki().clients.issue(&Leaf::client(Kind::P256, "a good client"));
    let shown = ["--cert", path(&files.cert), "--key", path(&files.key)];
    for (offers, status, body) in [
        (true, "HTTP/1.1 200 OK", "client                  CN=a good client\n"),
        (false, "HTTP/1.1 403 Forbidden", "the client does not offer post-handshake authentication"),
    ] {
        let options = [&shown[..], if offers { &["--post-handshake-auth"] } else { &[] }].concat();
        let mut client = Running::start(&mut connect(server.port, &pki().ca.files.cert, &options));
        client.say(b"GET /secret HTTP/1.0\r\n\r\n");
        client.wait_for(status);
        let ended = client.end();
        let answer = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(answer.contains(body), "{answer}");
    }
    if !have(&["curl"]) {
        return;
    }
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20", "--tlsv1.3", "--cacert"]);
    curl.arg(&pki().ca.files.cert).arg("--cert").arg(&files.cert).arg("--key").arg(&files.key);
    let ended = Running::start(curl.arg(format!("https://localhost:{}/secret", server.port))).end();
    let page = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(page.contains("version                 TLS 1.3\n"), "{page}");
    assert!(page.contains("client                  CN=a good client\n"), "{page}");
}

#[test]
fn grease_is_left_out_on_request() {
    let server = Server::start(&[&pki().rsa], &["--trace"]);
    for (options, versions) in [(&["--no-grease"][..], "versions TLS 1.3 TLS 1.2,"), (&[], "a) TLS 1.3 TLS 1.2,")] {
        let mut client = Running::start(&mut connect(server.port, &pki().ca.files.cert, options));
        client.say_no_more();
        assert_eq!(client.end().code(), Some(0));
        server
            .running
            .wait_stderr(versions, |printed| String::from_utf8_lossy(printed).contains(versions).then_some(()));
    }
}

#[test]
fn every_reconnection_is_resumed() {
    let server = Server::start(&[&pki().rsa], &[]);
    let mut client = Running::start(&mut connect(server.port, &pki().ca.files.cert, &["--reconnect", "5"]));
    client.say_no_more();
    let ended = client.end();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches(": resumed, TLS 1.3").count(), 5, "{}", ended.stderr);
}

#[test]
fn the_demo_tells_the_steps_of_tls13_and_of_before() {
    let demo = |policy: &str| {
        let ended = Running::start(clasp().args(["demo", "--policy", policy])).end();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        String::from_utf8_lossy(&ended.stdout).into_owned()
    };
    let modern = demo("modern");
    for text in [
        "\n 4  ",
        "agreed from both sides' key shares",
        "agreed: TLS 1.3, ",
        "X25519MLKEM768, client authenticated",
        "KeyUpdate",
        "client authenticated",
    ] {
        assert!(modern.contains(text), "{text}: {modern}");
    }
    let at = |title: &str| modern.find(title).unwrap_or_else(|| panic!("{title}: {modern}"));
    assert!(at("\n 7  ") < at("\n 3  ") && at("\n 9  ") < at("\n 8  "), "{modern}");
    let compatible = demo("compatible");
    for text in ["agreed: TLS 1.2, TLS_RSA_WITH_", "pre-master secret", "11  renegotiation"] {
        assert!(compatible.contains(text), "{text}: {compatible}");
    }
}
