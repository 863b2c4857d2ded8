//! What is broken on its way, or was never TLS: tampered, cut, oversized, garbage, plain text; each way.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::process::Command;
use std::thread;

use clasp::wire::AlertDescription;

use crate::certs::pki;
use crate::command::{Server, connect};
use crate::ends::{accept, noise, tcp};
use crate::openssl::assert_received;
use crate::peers::{Ended, Running, have};
use crate::proxy::{APPLICATION_DATA, Fate, Proxy, Record, Way};
use crate::{gnutls, openssl};

/// A judge that treats the first record of application data that goes `way`.
fn first_data(
    way: Way,
    mut treat: impl FnMut(Record) -> Fate + Send + 'static,
) -> impl FnMut(Way, Record) -> Fate + Send {
    let mut done = false;
    move |now, record| {
        if done || now != way || record.content_type() != APPLICATION_DATA {
            return Fate::Pass(record);
        }
        done = true;
        treat(record)
    }
}

fn flip_last(mut record: Record) -> Fate {
    *record.0.last_mut().unwrap() ^= 1;
    Fate::Pass(record)
}

/// States a length no record may have, and follows it with that much.
fn inflate(mut record: Record) -> Fate {
    record.0[3..5].copy_from_slice(&20_000_u16.to_be_bytes());
    record.0.resize(5 + 20_000, 0);
    Fate::Pass(record)
}

/// One of each way to protect a record, and the suites' IANA names.
const PROTECTIONS: [(&str, &[&str]); 4] = [
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", &[]),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", &[]),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", &[]),
    ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", &["--no-etm"]),
];

const TAMPERED: &str = "a record was tampered with on its way, or the two sides hold different keys";
const TOO_LONG: &str = "the peer sent a record of 20000 bytes, where 18432 are allowed";
const CUT: &str = "the connection was cut: the transport ended without close_notify, so data may be missing";

/// Connects to a port by the command, and lets it run to its own end. What the server said until then stands on its
/// standard output.
fn connect_with(port: u16, options: &[&str]) -> Running {
    Running::start(&mut connect(port, &pki().ca.files.cert, options))
}

#[track_caller]
fn assert_fails(ended: &Ended, part: &str) {
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
}

#[test]
fn clasp_refuses_what_was_tampered_with_on_its_way_from_a_server() {
    if !have(&["openssl", "gnutls-serv"]) {
        return;
    }
    for (suite, more) in PROTECTIONS {
        println!("{suite} {more:?}");
        let options = [&["--policy", "compatible", "--cipher", suite], more].concat();
        let mut server = openssl::Server::start(&pki().rsa, &[]);
        let proxy = Proxy::start(server.port, first_data(Way::ToClient, flip_last));
        let client = connect_with(proxy.port, &options);
        server.data_start();
        server.running.say(b"attack at dawn\n");
        let ended = client.end();
        assert_fails(&ended, TAMPERED);
        assert!(ended.stdout.is_empty(), "none of it may come out");
        let (stderr, messages) = server.failed();
        assert_received(AlertDescription::BAD_RECORD_MAC, &stderr, &messages);

        let options_of_server = ["--disable-client-cert", gnutls::TELL_ALERTS];
        let server = gnutls::Server::start(&[&pki().rsa], gnutls::ALL, &options_of_server);
        let proxy = Proxy::start(server.port, first_data(Way::ToClient, flip_last));
        let mut client = connect_with(proxy.port, &options);
        client.say(b"attack at dawn\n");
        assert_fails(&client.end(), TAMPERED);
        server.wait_alert(AlertDescription::BAD_RECORD_MAC);
    }
}

#[test]
fn clasp_refuses_what_was_tampered_with_on_its_way_from_a_client() {
    if !have(&["openssl", "gnutls-cli"]) {
        return;
    }
    for (suite, more) in PROTECTIONS {
        println!("{suite} {more:?}");
        let server =
            Server::start(&[&pki().rsa], &[&["--policy", "compatible", "--cipher", suite, "--echo"], more].concat());
        let proxy = Proxy::start(server.port, first_data(Way::ToServer, flip_last));
        let mut client = openssl::Client::start(proxy.port, &[]);
        client.report();
        client.running.say(b"attack at dawn\n");
        let line = server.wait_line_with("ended: ");
        assert!(line.ends_with(TAMPERED), "{line}");
        let (stderr, messages) = client.ended();
        assert_received(AlertDescription::BAD_RECORD_MAC, &stderr, &messages);

        let proxy = Proxy::start(server.port, first_data(Way::ToServer, flip_last));
        let mut client = gnutls::Client::start(proxy.port, gnutls::ALL, &[]);
        client.running.say(b"attack at dawn\n");
        gnutls::assert_received(AlertDescription::BAD_RECORD_MAC, &client.ended());
    }
}

/// A judge that flips the last bit of the `number`th record that goes `way`, counted from 0.
fn nth(way: Way, number: usize) -> impl FnMut(Way, Record) -> Fate + Send {
    let mut seen = 0;
    move |now, record| {
        seen += usize::from(now == way);
        if now == way && seen == number + 1 { flip_last(record) } else { Fate::Pass(record) }
    }
}

#[test]
fn a_handshake_that_was_tampered_with_does_not_end() {
    if !have(&["openssl"]) {
        return;
    }
    // s_server sends a record a message: hello, certificate, key exchange, done. Its certificate ends with the authority's
    // signature, its key exchange with its own.
    let refused = [
        (1, AlertDescription::BAD_CERTIFICATE, "the signature on a certificate does not verify"),
        (2, AlertDescription::DECRYPT_ERROR, "the peer's handshake signature does not verify"),
    ];
    for (number, alert, says) in refused {
        println!("record {number} of the server");
        let server = openssl::Server::start(&pki().rsa, &[]);
        let proxy = Proxy::start(server.port, nth(Way::ToClient, number));
        assert_fails(&connect_with(proxy.port, &[]).finish(), says);
        let (stderr, messages) = server.failed();
        assert_received(alert, &stderr, &messages);
    }
    // A client's are hello, key exchange, ChangeCipherSpec, Finished. With another key exchange the keys are others.
    let server = Server::start(&[&pki().rsa], &["--policy", "compatible"]);
    for (number, suite) in [(1, "AES128-SHA"), (1, "ECDHE-RSA-AES128-GCM-SHA256"), (3, "ECDHE-RSA-AES128-SHA")] {
        println!("record {number} of the client, {suite}");
        let proxy = Proxy::start(server.port, nth(Way::ToServer, number));
        let seen = server.running.printed();
        let (stderr, messages) = openssl::Client::start(proxy.port, &["-tls1_2", "-cipher", suite]).ended();
        assert_received(AlertDescription::BAD_RECORD_MAC, &stderr, &messages);
        server.running.wait_for_after(seen, TAMPERED);
    }
}

#[test]
fn clasp_tells_a_cut_from_a_close() {
    if !have(&["openssl"]) {
        return;
    }
    let data = noise(21, 40_000);
    let text: Vec<u8> = data.iter().map(|byte| byte | 0x80).collect();
    // The proxy cuts after the first of three records.
    let cut_second = |way| {
        let mut count = 0;
        move |now, record: Record| {
            count += usize::from(now == way && record.content_type() == APPLICATION_DATA);
            if now == way && count == 2 { Fate::Cut } else { Fate::Pass(record) }
        }
    };
    let mut server = openssl::Server::start(&pki().rsa, &[]);
    let proxy = Proxy::start(server.port, cut_second(Way::ToClient));
    let client = connect_with(proxy.port, &[]);
    server.data_start();
    server.running.say(&text);
    let ended = client.end();
    assert_fails(&ended, CUT);
    assert!(!ended.stdout.is_empty() && text.starts_with(&ended.stdout), "what came before is kept");

    let server = Server::start(&[&pki().rsa], &["--echo"]);
    let proxy = Proxy::start(server.port, cut_second(Way::ToServer));
    let mut client = openssl::Client::start(proxy.port, &[]);
    client.report();
    client.running.say(&data);
    let line = server.wait_line_with("ended: ");
    assert!(line.ends_with(CUT), "{line}");
}

#[test]
fn clasp_says_where_a_handshake_was_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let closing = thread::spawn(move || {
        for _ in 0..2 {
            let mut stream = accept(&listener).unwrap();
            let _ = stream.read(&mut [0; 4096]);
            stream.shutdown(Shutdown::Both).unwrap();
        }
    });
    let ended = connect_with(port, &[]).finish();
    assert_fails(
        &ended,
        "the peer closed the connection while we waited for ServerHello; it may not speak TLS on this port",
    );
    closing.join().unwrap();

    let server = Server::start(&[&pki().rsa], &[]);
    let mut stream = tcp(server.port);
    stream.write_all(&[22, 3, 1, 0, 100, 1]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    server.wait_line_with("no handshake: the peer closed the connection while we waited for ClientHello");
}

#[test]
fn clasp_refuses_oversized_records() {
    if !have(&["openssl", "gnutls-cli"]) {
        return;
    }
    let mut server = openssl::Server::start(&pki().rsa, &[]);
    let proxy = Proxy::start(server.port, first_data(Way::ToClient, inflate));
    let client = connect_with(proxy.port, &[]);
    server.data_start();
    server.running.say(b"much ado\n");
    assert_fails(&client.end(), TOO_LONG);
    let (stderr, messages) = server.failed();
    assert_received(AlertDescription::RECORD_OVERFLOW, &stderr, &messages);

    let server = Server::start(&[&pki().rsa], &["--echo"]);
    let proxy = Proxy::start(server.port, first_data(Way::ToServer, inflate));
    let mut client = openssl::Client::start(proxy.port, &[]);
    client.report();
    client.running.say(b"much ado\n");
    let line = server.wait_line_with("ended: ");
    assert!(line.ends_with(TOO_LONG), "{line}");
    let (stderr, messages) = client.ended();
    assert_received(AlertDescription::RECORD_OVERFLOW, &stderr, &messages);

    let proxy = Proxy::start(server.port, first_data(Way::ToServer, inflate));
    let mut client = gnutls::Client::start(proxy.port, gnutls::ALL, &[]);
    client.running.say(b"much ado\n");
    gnutls::assert_received(AlertDescription::RECORD_OVERFLOW, &client.ended());
}

#[test]
fn clasp_refuses_clear_text_in_the_middle() {
    if !have(&["openssl"]) {
        return;
    }
    let mut server = openssl::Server::start(&pki().rsa, &[]);
    let client = connect_with(server.port, &[]);
    server.data_start();
    // s_server has a command for that.
    server.running.say(b"P\n");
    assert_fails(&client.end(), "the peer sent a record of unknown type");
    let (stderr, messages) = server.failed();
    assert_received(AlertDescription::UNEXPECTED_MESSAGE, &stderr, &messages);
}

/// Sends some bytes to a port, and gives all that comes back.
fn answer_to(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut stream = tcp(port);
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// The fatal alert that a peer which has agreed on nothing gets.
fn fatal(alert: AlertDescription) -> [u8; 7] {
    [21, 3, 1, 0, 2, 2, alert.0]
}

#[test]
fn clasp_names_what_a_client_speaks_instead_of_tls() {
    if !have(&["curl"]) {
        return;
    }
    let server = Server::start(&[&pki().rsa], &[]);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20"]);
    let ended = Running::start(curl.arg(format!("http://127.0.0.1:{}/", server.port))).end();
    assert_ne!(ended.code(), Some(0));
    server.wait_line_with("no handshake: the peer is not speaking TLS: it speaks plain HTTP on this port");

    for (sent, alert, says) in [
        (&b"EHLO example\r\n"[..], AlertDescription::PROTOCOL_VERSION, "it sent a line of text"),
        (&[0xff; 40], AlertDescription::PROTOCOL_VERSION, "the first bytes are no record header"),
        (&[0x80, 0x2e, 1, 3, 1, 0, 0, 0, 0], AlertDescription::PROTOCOL_VERSION, "a hello in SSL 2.0's format"),
        (&[22, 3, 1, 0x48, 1], AlertDescription::RECORD_OVERFLOW, "the peer sent a record of 18433 bytes"),
        (&[22, 3, 1, 0, 4, 99, 0, 0, 0], AlertDescription::UNEXPECTED_MESSAGE, "expected ClientHello"),
        (&[22, 3, 1, 0, 5, 1, 0, 0, 1, 3], AlertDescription::DECODE_ERROR, "a malformed message: ClientHello"),
        (&[23, 3, 1, 0, 1, 0], AlertDescription::UNEXPECTED_MESSAGE, "a record of type application_data"),
    ] {
        println!("{says}");
        assert_eq!(answer_to(server.port, sent), fatal(alert));
        server.wait_line_with(says);
    }
}

#[test]
fn clasp_names_what_a_server_speaks_instead_of_tls() {
    let texts: [(&[u8], &str); 4] = [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the peer is not speaking TLS: it speaks plain HTTP on this port"),
        (b"220 mail.example ESMTP\r\n", "it sent a line of text, as protocols do that begin TLS with STARTTLS"),
        (&[0x99; 64], "the first bytes are no record header"),
        (&[22, 3, 3, 0x48, 1], "the peer sent a record of 18433 bytes, where 16384 are allowed"),
    ];
    for (text, says) in texts {
        println!("{says}");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let answering = thread::spawn(move || {
            let mut stream = accept(&listener).unwrap();
            let mut hello = [0; 4096];
            assert!(stream.read(&mut hello).unwrap() > 0);
            stream.write_all(text).unwrap();
            let mut alert = Vec::new();
            stream.read_to_end(&mut alert).unwrap();
            alert
        });
        let ended = connect_with(port, &[]).finish();
        assert_fails(&ended, says);
        assert!(!ended.stderr.contains("second connection"), "a wider offer is no help: {}", ended.stderr);
        let alert = answering.join().unwrap();
        let overflow = says.contains("18433");
        let alert_due = if overflow { AlertDescription::RECORD_OVERFLOW } else { AlertDescription::PROTOCOL_VERSION };
        assert_eq!(alert, fatal(alert_due));
    }
}
