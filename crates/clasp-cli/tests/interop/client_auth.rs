//! Client certificates: given, absent and wrong; requested and required; each way.

use std::path::Path;
use std::process::Command;

use clasp::wire::AlertDescription;

use crate::certs::{Authority, Files, Kind, Leaf, pki};
use crate::command::{Server, connect};
use crate::openssl::{assert_received, path};
use crate::peers::{Ended, Running, have};
use crate::{gnutls, openssl};

/// What a client shows.
fn shown(kind: Kind) -> Files {
    pki().clients.issue(&Leaf::client(kind, "a good client"))
}

fn stranger() -> Files {
    Authority::root("Somebody Else").issue(&Leaf::client(Kind::P256, "a stranger"))
}

/// Makes one request, and gives the page.
fn curl(port: u16, identity: Option<&Files>) -> Ended {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20", "--cacert"]);
    curl.arg(&pki().ca.files.cert);
    if let Some(files) = identity {
        curl.arg("--cert").arg(&files.cert).arg("--key").arg(&files.key);
    }
    Running::start(curl.arg(format!("https://localhost:{port}/"))).end()
}

fn options(mode: &str) -> [&str; 4] {
    ["--client-ca", path(&pki().clients.files.cert), "--client-auth", mode]
}

fn openssl_identity(files: &Files) -> [&str; 4] {
    ["-cert", path(&files.cert), "-key", path(&files.key)]
}

fn gnutls_identity(files: &Files) -> [&str; 4] {
    ["--x509certfile", path(&files.cert), "--x509keyfile", path(&files.key)]
}

#[test]
fn clasp_takes_a_good_client_of_every_kind() {
    if !have(&["openssl", "gnutls-cli", "curl"]) {
        return;
    }
    let server = Server::start(&[&pki().p256], &options("require"));
    for kind in [Kind::Rsa, Kind::P256, Kind::P384, Kind::P521, Kind::Ed25519] {
        println!("{kind:?}");
        let files = shown(kind);
        let ended = curl(server.port, Some(&files));
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        let page = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(page.contains("client                  CN=a good client\n"), "{page}");

        let mut client = openssl::Client::start(server.port, &openssl_identity(&files));
        let (report, start) = client.report();
        let authorities = "Acceptable client certificate CA names\nCN = Clasp Interop Clients\n";
        assert!(report.contains(authorities), "{report}");
        client.running.say(b"GET / HTTP/1.0\r\n\r\n");
        client.running.wait_for_after(start, "client                  CN=a good client\n");

        let mut client = gnutls::Client::start(server.port, gnutls::ALL, &gnutls_identity(&files));
        client.running.say(b"GET / HTTP/1.0\r\n\r\n");
        client.running.wait_for("client                  CN=a good client\n");
    }
}

#[test]
fn clasp_refuses_a_client_without_a_certificate_only_if_it_requires_one() {
    if !have(&["openssl", "gnutls-cli", "curl"]) {
        return;
    }
    let requesting = Server::start(&[&pki().p256], &options("request"));
    let page = String::from_utf8_lossy(&curl(requesting.port, None).stdout).into_owned();
    assert!(page.contains("client                  none\n"), "{page}");

    // Naming an authority is enough to require.
    let requiring = Server::start(&[&pki().p256], &["--client-ca", path(&pki().clients.files.cert)]);
    let ended = curl(requiring.port, None);
    // CURLE_RECV_ERROR: in TLS 1.3 the handshake is over for the client when it is refused.
    assert_eq!(ended.code(), Some(56), "{}", ended.stderr);
    assert!(ended.stderr.contains("certificate required"), "{}", ended.stderr);
    let line = requiring.wait_line_with("no handshake");
    assert!(line.contains("the client sent no certificate, and this server requires one; give the client"), "{line}");

    let client = openssl::Client::start(requiring.port, &["-tls1_2"]);
    let (stderr, messages) = client.ended();
    assert_received(AlertDescription::HANDSHAKE_FAILURE, &stderr, &messages);
    let log = gnutls::Client::start(requiring.port, gnutls::ALL, &[]).ended();
    gnutls::assert_received(AlertDescription::HANDSHAKE_FAILURE, &log);
}

#[test]
fn clasp_refuses_a_wrong_client_certificate_even_if_it_only_asks() {
    if !have(&["openssl", "gnutls-cli"]) {
        return;
    }
    let expired = pki().clients.issue(&Leaf::client(Kind::P256, "an old client").years(2010, 2020));
    // A server's certificate is not a client's.
    let not_for_clients = pki().clients.issue(&Leaf::server(Kind::P256));
    for mode in ["request", "require"] {
        let server = Server::start(&[&pki().p256], &options(mode));
        for (files, alert, says) in [
            (&stranger(), AlertDescription::UNKNOWN_CA, "the path ends at CN=Somebody Else, which is not among"),
            (&expired, AlertDescription::CERTIFICATE_EXPIRED, "CN=an old client expired on 2020-01-01"),
            (&not_for_clients, AlertDescription::UNSUPPORTED_CERTIFICATE, "does not allow clientAuth"),
        ] {
            println!("{mode}, {alert}");
            let seen = server.running.printed();
            let (stderr, messages) = openssl::Client::start(server.port, &openssl_identity(files)).ended();
            assert_received(alert, &stderr, &messages);
            server.running.wait_for_after(seen, says);

            // gnutls-cli shows nothing that no authority the server names has issued.
            if alert != AlertDescription::UNKNOWN_CA {
                let log = gnutls::Client::start(server.port, gnutls::ALL, &gnutls_identity(files)).ended();
                gnutls::assert_received(alert, &log);
            }
        }
    }
}

/// Connects to a server that looks at clients' certificates, and closes.
fn connect_with(port: u16, identity: Option<&Files>) -> Ended {
    let mut command = connect(port, &pki().ca.files.cert, &["--trace"]);
    if let Some(files) = identity {
        command.arg("--cert").arg(&files.cert).arg("--key").arg(&files.key);
    }
    Running::start(&mut command).finish()
}

fn s_server(mode: &str, ca: &Path) -> openssl::Server {
    openssl::Server::start(&pki().p256, &[mode, "1", "-verify_return_error", "-CAfile", path(ca)])
}

/// A gnutls-serv that requires a certificate of the clients' authority.
fn gnutls_serv() -> gnutls::Server {
    let ca = path(&pki().clients.files.cert);
    let options = ["--require-client-cert", "--verify-client-cert", "--x509cafile", ca];
    gnutls::Server::start(&[&pki().p256], gnutls::ALL, &options)
}

#[test]
fn clasp_shows_its_certificate_to_who_asks() {
    if !have(&["openssl", "gnutls-serv"]) {
        return;
    }
    let gnutls_server = gnutls_serv();
    for kind in [Kind::Rsa, Kind::P256, Kind::P384, Kind::P521, Kind::Ed25519] {
        println!("{kind:?}");
        let files = shown(kind);
        for mode in ["-verify", "-Verify"] {
            let server = s_server(mode, &pki().clients.files.cert);
            let ended = connect_with(server.port, Some(&files));
            assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
            server.running.wait_for("subject=CN = a good client");
        }
        let ended = connect_with(gnutls_server.port, Some(&files));
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        assert!(ended.stderr.contains("answered the certificate request: signed with"), "{}", ended.stderr);
    }
}

#[test]
fn clasp_says_why_it_is_refused_without_a_certificate() {
    if !have(&["openssl", "gnutls-serv"]) {
        return;
    }
    let ended = connect_with(s_server("-verify", &pki().clients.files.cert).port, None);
    assert_eq!(ended.code(), Some(0), "a request may be declined: {}", ended.stderr);
    assert!(ended.stderr.contains("answered the certificate request: certificate none to show"), "{}", ended.stderr);

    let gnutls_server = gnutls_serv();
    let openssl_server = s_server("-Verify", &pki().clients.files.cert);
    for port in [openssl_server.port, gnutls_server.port] {
        let ended = connect_with(port, None);
        assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
        for part in ["the peer refused: alert", "asked for a client certificate and was sent none", "--cert and --key"]
        {
            assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
        }
    }
    let (stderr, _) = openssl_server.failed();
    assert!(stderr.contains("peer did not return a certificate"), "{stderr}");
}

#[test]
fn clasp_says_why_its_certificate_is_refused() {
    if !have(&["openssl", "gnutls-serv"]) {
        return;
    }
    let server = s_server("-verify", &pki().clients.files.cert);
    let ended = connect_with(server.port, Some(&stranger()));
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    let says = "the peer refused: alert unknown_ca (48); it does not know the issuer of our certificate";
    assert!(ended.stderr.contains(says), "{}", ended.stderr);
    let (stderr, messages) = server.failed();
    assert!(stderr.contains("certificate verify failed"), "{stderr}");
    assert!(messages.contains(">>> TLS 1.2, Alert [length 0002], fatal unknown_ca"), "{messages}");

    let server = gnutls_serv();
    let ended = connect_with(server.port, Some(&stranger()));
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("the peer refused: alert "), "{}", ended.stderr);
}
