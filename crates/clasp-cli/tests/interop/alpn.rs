//! Application protocols (RFC 7301): agreed, refused, and not asked for; each way.

use std::process::Command;

use clasp::wire::AlertDescription;

use crate::certs::pki;
use crate::command::{Server, connect, traced};
use crate::openssl::assert_received;
use crate::peers::{Ended, Running, have};
use crate::{gnutls, openssl};

fn connect_offering(port: u16, protocols: &[&str]) -> Ended {
    let mut command = connect(port, &pki().ca.files.cert, &["--trace=json"]);
    command.args(protocols.iter().map(|protocol| format!("--alpn={protocol}")));
    Running::start(&mut command).finish()
}

#[test]
fn clasp_agrees_on_a_protocol_with_servers() {
    if !have(&["openssl", "gnutls-serv"]) {
        return;
    }
    for (ours, theirs, agreed) in [
        (&["h2", "http/1.1"][..], Some("http/1.1"), "http/1.1"),
        (&["h2", "http/1.1"], Some("h2"), "h2"),
        (&["h2"], None, "-"),
        (&[], Some("h2"), "-"),
    ] {
        println!("{ours:?} with {theirs:?}");
        let mut options = Vec::new();
        options.extend(theirs.map(|protocol| ["-alpn", protocol]).into_iter().flatten());
        let server = openssl::Server::start(&pki().p256, &options);
        let ended = connect_offering(server.port, ours);
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        assert_eq!(traced(&ended.stderr, "protocol").as_deref(), Some(agreed));

        let option = theirs.map(|protocol| format!("--alpn={protocol}"));
        let mut options = vec!["--disable-client-cert"];
        options.extend(option.as_deref());
        let server = gnutls::Server::start(&[&pki().p256], gnutls::ALL, &options);
        let ended = connect_offering(server.port, ours);
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        assert_eq!(traced(&ended.stderr, "protocol").as_deref(), Some(agreed));
    }
}

#[test]
fn clasp_says_that_no_protocol_was_common() {
    if !have(&["openssl"]) {
        return;
    }
    let server = openssl::Server::start(&pki().p256, &["-alpn", "h2"]);
    let ended = connect_offering(server.port, &["http/1.1", "spdy/1"]);
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    for part in [
        "the peer refused: alert no_application_protocol (120); it speaks none of the offered application protocols",
        "application protocols http/1.1, spdy/1",
    ] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("second connection"), "there is nothing to find out: {}", ended.stderr);
}

#[test]
fn clients_agree_on_a_protocol_with_clasp() {
    if !have(&["openssl", "gnutls-cli", "curl"]) {
        return;
    }
    let server = Server::start(&[&pki().p256], &["--alpn", "http/1.1,spdy/1"]);
    for (offered, agreed) in [("spdy/1,http/1.1", Some("http/1.1")), ("spdy/1", Some("spdy/1")), ("", None)] {
        println!("{offered:?}");
        let options: &[&str] = if offered.is_empty() { &[] } else { &["-alpn", offered] };
        let (report, _) = openssl::Client::start(server.port, options).report();
        let said = agreed.map_or_else(|| "No ALPN negotiated".to_owned(), |agreed| format!("ALPN protocol: {agreed}"));
        assert!(report.contains(&said), "{report}");

        let options: Vec<String> =
            offered.split(',').filter(|name| !name.is_empty()).map(|name| format!("--alpn={name}")).collect();
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let mut client = gnutls::Client::start(server.port, gnutls::ALL, &options);
        client.running.say_no_more();
        let log = client.ended();
        let said = log.lines().find_map(|line| line.strip_prefix("- Application protocol: "));
        assert_eq!(said, agreed, "{log}");
    }
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20", "--http1.1", "--cacert"]);
    curl.arg(&pki().ca.files.cert).arg(format!("https://localhost:{}/", server.port));
    let ended = Running::start(&mut curl).end();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert!(String::from_utf8_lossy(&ended.stdout).contains("application protocol    http/1.1\n"));
}

#[test]
fn clasp_refuses_clients_with_other_protocols() {
    if !have(&["openssl", "gnutls-cli"]) {
        return;
    }
    let server = Server::start(&[&pki().p256], &["--alpn", "http/1.1"]);
    let (stderr, messages) = openssl::Client::start(server.port, &["-tls1_2", "-alpn", "h2,spdy/1"]).ended();
    assert_received(AlertDescription::NO_APPLICATION_PROTOCOL, &stderr, &messages);
    let line = server.wait_line_with("no handshake");
    for part in
        ["no common application protocol", "application protocols http/1.1;", "application protocols h2, spdy/1"]
    {
        assert!(line.contains(part), "{part}: {line}");
    }
    let log = gnutls::Client::start(server.port, gnutls::ALL, &["--alpn=h2"]).ended();
    gnutls::assert_received(AlertDescription::NO_APPLICATION_PROTOCOL, &log);
}
