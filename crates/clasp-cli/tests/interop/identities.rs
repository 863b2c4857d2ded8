//! Every kind of certificate and every group, with every peer, each way; and which identity a server picks.

use std::process::Command;

use clasp::wire::NamedGroup;
use clasp::{Policy, ServerConfig};

use crate::certs::{Kind, Leaf, pki};
use crate::command::{Server, connect};
use crate::ends::{client, client_config, close, close_after_peer, read_exactly, serve, write_all};
use crate::gnutls;
use crate::openssl;
use crate::peers::{Running, have};

const KINDS: [Kind; 5] = [Kind::Rsa, Kind::P256, Kind::P384, Kind::P521, Kind::Ed25519];

/// The groups, with OpenSSL's and GnuTLS's names for them. OpenSSL 3.0 has RFC 7919's only in TLS 1.3.
const GROUPS: [(NamedGroup, Option<&str>, &str); 7] = [
    (NamedGroup::X25519, Some("X25519"), "X25519"),
    (NamedGroup::SECP256R1, Some("P-256"), "SECP256R1"),
    (NamedGroup::SECP384R1, Some("P-384"), "SECP384R1"),
    (NamedGroup::SECP521R1, Some("P-521"), "SECP521R1"),
    (NamedGroup::FFDHE2048, None, "FFDHE2048"),
    (NamedGroup::FFDHE3072, None, "FFDHE3072"),
    (NamedGroup::FFDHE4096, None, "FFDHE4096"),
];

/// A priority string with one group.
fn with_group(name: &str) -> String {
    gnutls::ALL.replace("+GROUP-ALL", &format!("+GROUP-{name}"))
}

#[test]
fn clasp_verifies_servers_of_every_kind() {
    if !have(&["openssl", "gnutls-serv"]) {
        return;
    }
    for kind in KINDS {
        println!("{kind:?}");
        let files = pki().ca.issue(&Leaf::server(kind));
        let server = openssl::Server::start(&files, &[]);
        let mut tls = client(&client_config(Policy::modern()).build().unwrap(), server.port).unwrap();
        write_all(&mut tls, b"hello").unwrap();
        assert_eq!(server.running.wait_bytes(server.data_start(), 5), b"hello");
        close(&mut tls).unwrap();

        let server = gnutls::Server::start(&[&files], gnutls::ALL, &["--disable-client-cert"]);
        let mut tls = client(&client_config(Policy::modern()).build().unwrap(), server.port).unwrap();
        write_all(&mut tls, b"hello\n").unwrap();
        assert_eq!(read_exactly(&mut tls, 6).unwrap(), b"hello\n");
        close(&mut tls).unwrap();
    }
}

#[test]
fn clients_verify_clasp_with_certificates_of_every_kind() {
    if !have(&["openssl", "gnutls-cli"]) {
        return;
    }
    for kind in KINDS {
        println!("{kind:?}");
        let identity = pki().ca.issue(&Leaf::server(kind)).identity();
        let config = ServerConfig::builder(Policy::modern()).identity(identity).build().unwrap();
        let hello = |mut tls| {
            write_all(&mut tls, b"hello")?;
            close(&mut tls)
        };
        let serving = serve(config.clone(), hello);
        let client = openssl::Client::start(serving.port, &[]);
        let (report, start) = client.report();
        assert!(report.contains("Verification: OK"), "{report}");
        assert_eq!(client.running.wait_bytes(start, 5), b"hello");
        serving.join().unwrap();

        let serving = serve(config, |mut tls| {
            write_all(&mut tls, b"hello")?;
            close_after_peer(&mut tls)
        });
        let mut client = gnutls::Client::start(serving.port, gnutls::ALL, &[]);
        assert_eq!(client.running.wait_bytes(0, 5), b"hello");
        client.running.say_no_more();
        serving.join().unwrap();
        let log = client.ended();
        assert!(log.contains("- Status: The certificate is trusted."), "{log}");
    }
}

#[test]
fn clasp_connects_with_every_group() {
    if !have(&["openssl", "gnutls-serv"]) {
        return;
    }
    for (group, in_openssl, in_gnutls) in GROUPS {
        println!("{group}");
        // All are offered, and the server knows one.
        let config = client_config(Policy::modern()).build().unwrap();
        if let Some(name) = in_openssl {
            let server = openssl::Server::start(&pki().rsa, &["-curves", name]);
            let mut tls = client(&config, server.port).unwrap();
            assert_eq!(tls.session().unwrap().group(), Some(group));
            close(&mut tls).unwrap();
        }
        let server = gnutls::Server::start(&[&pki().rsa], &with_group(in_gnutls), &["--disable-client-cert"]);
        let mut tls = client(&config, server.port).unwrap();
        assert_eq!(tls.session().unwrap().group(), Some(group));
        write_all(&mut tls, b"hello\n").unwrap();
        assert_eq!(read_exactly(&mut tls, 6).unwrap(), b"hello\n");
        close(&mut tls).unwrap();
    }
}

#[test]
fn clients_connect_with_every_group() {
    if !have(&["openssl", "gnutls-cli"]) {
        return;
    }
    let config = ServerConfig::builder(Policy::modern()).identity(pki().rsa.identity()).build().unwrap();
    for (group, in_openssl, in_gnutls) in GROUPS {
        println!("{group}");
        if let Some(name) = in_openssl {
            let serving = serve(config.clone(), |mut tls| {
                close(&mut tls)?;
                Ok(tls.session().unwrap().group())
            });
            let _client = openssl::Client::start(serving.port, &["-curves", name]);
            assert_eq!(serving.join().unwrap(), Some(group));
        }
        let serving = serve(config.clone(), |mut tls| {
            write_all(&mut tls, b"hello")?;
            close_after_peer(&mut tls)?;
            Ok(tls.session().unwrap().group())
        });
        let mut client = gnutls::Client::start(serving.port, &with_group(in_gnutls), &[]);
        assert_eq!(client.running.wait_bytes(0, 5), b"hello");
        client.running.say_no_more();
        assert_eq!(serving.join().unwrap(), Some(group));
    }
}

#[test]
fn the_schemes_a_client_verifies_choose_the_identity_and_the_signature() {
    if !have(&["openssl"]) {
        return;
    }
    let p384 = pki().ca.issue(&Leaf::server(Kind::P384));
    let server = Server::start(&[&pki().p256, &pki().rsa, &p384], &["--echo"]);
    for (offered, digest, kind) in [
        ("ECDSA+SHA256:RSA+SHA256", "SHA256", "ECDSA"),
        ("ECDSA+SHA384", "SHA384", "ECDSA"),
        ("RSA+SHA256", "SHA256", "RSA"),
        ("RSA+SHA384", "SHA384", "RSA"),
        ("RSA+SHA512", "SHA512", "RSA"),
        ("rsa_pss_rsae_sha256", "SHA256", "RSA-PSS"),
        ("rsa_pss_rsae_sha384", "SHA384", "RSA-PSS"),
        ("rsa_pss_rsae_sha512", "SHA512", "RSA-PSS"),
    ] {
        println!("{offered}");
        // TLS 1.3 has no RSA+SHA256, and s_client would rather offer nothing.
        let options = ["-tls1_2", "-sigalgs", offered];
        let (report, _) = openssl::Client::start(server.port, &options).report();
        assert!(report.contains(&format!("Peer signing digest: {digest}\n")), "{report}");
        assert!(report.contains(&format!("Peer signature type: {kind}\n")), "{report}");
    }
}

#[test]
fn the_suites_a_client_offers_choose_the_identity() {
    if !have(&["openssl", "gnutls-cli"]) {
        return;
    }
    let server = Server::start(&[&pki().p256, &pki().rsa], &["--echo", "--policy", "compatible"]);
    for (suite, exchange, key) in [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA", "id-ecPublicKey, 256 (bit)"),
        ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA", "rsaEncryption, 2048 (bit)"),
        ("AES128-GCM-SHA256", "RSA", "rsaEncryption, 2048 (bit)"),
    ] {
        println!("{suite}");
        let (report, _) = openssl::Client::start(server.port, &["-cipher", suite]).report();
        assert!(report.contains(&format!("a:PKEY: {key}")), "{report}");

        let priority = gnutls::ALL.replace("+RSA:+DHE-RSA:+ECDHE-RSA:+ECDHE-ECDSA", &format!("+{exchange}"));
        let log = gnutls_log(server.port, &priority, &[]);
        let key = if exchange.ends_with("RSA") { "RSA key 2048 bits" } else { "EC/ECDSA key 256 bits" };
        assert!(log.contains(key), "{log}");
    }
}

/// Connects, says nothing, and gives what gnutls-cli says about the connection.
fn gnutls_log(port: u16, priority: &str, options: &[&str]) -> String {
    let mut client = gnutls::Client::start(port, priority, options);
    client.running.say_no_more();
    client.ended()
}

#[test]
fn the_server_name_chooses_the_identity() {
    if !have(&["openssl", "gnutls-cli", "curl"]) {
        return;
    }
    let issue = |name: &'static str| pki().ca.issue(&Leaf::server(Kind::P256).names(&[name]));
    let (a, b, wild) = (issue("a.example"), issue("b.example"), issue("*.wild.example"));
    let server = Server::start(&[&a, &b, &wild], &[]);
    for (asked, verified) in [
        ("a.example", "a.example"),
        ("b.example", "b.example"),
        ("x.wild.example", "x.wild.example"),
        // Nobody's name: the first identity, and it is the client's to refuse.
        ("elsewhere.example", "a.example"),
    ] {
        println!("{asked}");
        let options = ["-servername", asked, "-verify_hostname", verified];
        let (report, _) = openssl::Client::start(server.port, &options).report();
        assert!(report.contains("Verification: OK"), "{report}");

        let sni = format!("--sni-hostname={asked}");
        let log = gnutls_log(server.port, gnutls::ALL, &[&sni, &format!("--verify-hostname={verified}")]);
        assert!(log.contains("- Status: The certificate is trusted."), "{log}");

        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20", "--cacert"]);
        curl.arg(&pki().ca.files.cert);
        curl.args(["--resolve", &format!("{asked}:{}:127.0.0.1", server.port)]);
        let ended = Running::start(curl.arg(format!("https://{asked}:{}/", server.port))).end();
        let page = String::from_utf8_lossy(&ended.stdout).into_owned();
        if asked == "elsewhere.example" {
            // CURLE_PEER_FAILED_VERIFICATION
            assert_eq!(ended.code(), Some(60), "{}", ended.stderr);
        } else {
            assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
            assert!(page.contains(&format!("server name             {asked}\n")), "{page}");
        }
    }
    let mut clasp = connect(server.port, &pki().ca.files.cert, &["--servername", "b.example"]);
    let ended = Running::start(&mut clasp).finish();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
}
