//! Renegotiation, resumption and the older versions, with peers that have them (RFC 5746, RFC 5077, RFC 5246 7.3).

use std::process::Command;
use std::sync::Arc;

use clasp::{MemorySessions, Policy};

use crate::certs::{Folder, Kind, Leaf, pki};
use crate::command::{Server, connect};
use crate::ends::{self, MIB, assert_same, high_noise};
use crate::openssl::{path, server_command};
use crate::peers::{Running, have};
use crate::{gnutls, openssl};

/// An s_server that sends every line back reversed, for many connections.
fn reversing(options: &[&str]) -> openssl::Server {
    let options = [&["-rev", "-naccept", "100", "-client_renegotiation"], options].concat();
    let command = server_command(&pki().rsa, &options);
    openssl::Server::start_command(command)
}

#[test]
fn clasp_resumes_with_s_server_and_gnutls_serv() {
    if !have(&["openssl", "gnutls-serv"]) {
        return;
    }
    let s_server = reversing(&["-tls1_2"]);
    let serv = gnutls::Server::start(&[&pki().rsa], gnutls::ALL, &["--disable-client-cert"]);
    let by_id = gnutls::Server::with_sessions(&[&pki().rsa], gnutls::ALL, &["--noticket", "--disable-client-cert"]);
    for (port, option) in [
        (s_server.port, "--no-tickets"),
        (s_server.port, "--no-session-ids"),
        (serv.port, "--no-session-ids"),
        (by_id.port, "--no-tickets"),
    ] {
        println!("{port} {option}");
        let mut clasp = Running::start(&mut connect(port, &pki().ca.files.cert, &["--reconnect", "2", option]));
        clasp.say_no_more();
        let ended = clasp.end();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        for turn in 1..=2 {
            assert!(ended.stderr.contains(&format!("reconnection {turn}: resumed, TLS 1.2")), "{}", ended.stderr);
        }
    }
}

#[test]
fn sessions_outlive_the_command_in_a_file() {
    if !have(&["openssl"]) {
        return;
    }
    let server = reversing(&["-tls1_2"]);
    let folder = Folder::new("sessions");
    let file = folder.file("sessions");
    for resumed in [false, true] {
        let options = ["--session", path(&file), "--trace"];
        let mut clasp = Running::start(&mut connect(server.port, &pki().ca.files.cert, &options));
        clasp.say_no_more();
        let ended = clasp.end();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        assert!(ended.stderr.contains(&format!("asks to resume {resumed}")), "{}", ended.stderr);
        // The abbreviated handshake has no step 3.
        assert_eq!(ended.stderr.contains(" 3 client:"), !resumed, "{}", ended.stderr);
    }
}

#[test]
fn s_client_and_gnutls_cli_resume_with_clasp() {
    if !have(&["openssl", "gnutls-cli"]) {
        return;
    }
    for option in ["--no-tickets", "--no-session-ids"] {
        let server = Server::start(&[&pki().rsa], &[option]);
        let mut command = openssl::openssl(&["s_client", "-connect", &format!("127.0.0.1:{}", server.port)]);
        command.args(["-tls1_2", "-reconnect", "-servername", "localhost", "-CAfile"]).arg(&pki().ca.files.cert);
        let mut client = Running::start(&mut command);
        client.say_no_more();
        let ended = client.end();
        let printed = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert_eq!(printed.matches("\nReused, TLSv1.2").count(), 5, "{option}: {printed}{}", ended.stderr);

        let mut cli = gnutls::Client::start(server.port, gnutls::ALL, &["--resume"]);
        cli.running.say_no_more();
        let printed = cli.ended();
        assert!(printed.contains("*** This is a resumed session"), "{option}: {printed}");
    }
}

#[test]
fn clasp_renegotiates_with_s_server() {
    if !have(&["openssl"]) {
        return;
    }
    for (version, policy, cipher) in [
        ("-tls1_2", "compatible", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
        ("-tls1_2", "compatible", "TLS_RSA_WITH_AES_128_CBC_SHA"),
        ("-tls1_1", "legacy", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
        ("-tls1", "legacy", "TLS_RSA_WITH_AES_256_CBC_SHA"),
    ] {
        println!("{version} {cipher}");
        let server = reversing(&[version, "-cipher", "ALL:@SECLEVEL=0"]);
        let options = ["--policy", policy, "--cipher", cipher, "--interactive"];
        let mut clasp = Running::start(&mut connect(server.port, &pki().ca.files.cert, &options));
        clasp.say(b"before\n");
        clasp.wait_for("erofeb\n");
        clasp.say(b"R\n");
        clasp.wait_stderr("the new handshake", |printed| {
            String::from_utf8_lossy(printed).contains("renegotiated: TLS").then_some(())
        });
        clasp.say(b"after\n");
        clasp.wait_for("retfa\n");
        clasp.say(b"Q\n");
        assert_eq!(clasp.end().code(), Some(0));
    }
}

/// Without RFC 5746, on a session resumed by its identifier, begun by each side.
#[test]
fn clasp_renegotiates_with_an_unpatched_gnutls_serv() {
    if !have(&["gnutls-serv"]) {
        return;
    }
    let folder = Folder::new("sessions");
    let file = folder.file("sessions");
    for (version, name) in [("+VERS-TLS1.2", "TLS 1.2"), ("+VERS-TLS1.0", "TLS 1.0")] {
        let priority = gnutls::ALL.replace("+VERS-TLS1.2", version) + ":%DISABLE_SAFE_RENEGOTIATION";
        let options = ["--noticket", "--disable-client-cert"];
        let server = gnutls::Server::with_sessions(&[&pki().rsa], &priority, &options);
        for resumed in [false, true] {
            println!("{name} {resumed}");
            let mut options =
                vec!["--policy", "insecure", "--renegotiation", "unsafe-legacy", "--interactive", "--trace"];
            options.extend(["--session", path(&file), "--no-tickets"]);
            let mut clasp = Running::start(&mut connect(server.port, &pki().ca.files.cert, &options));
            let handshakes = |clasp: &Running, count: usize| {
                clasp.wait_stderr("a handshake's end", |printed| {
                    let printed = String::from_utf8_lossy(printed);
                    (printed.matches("verified the server's Finished").count() == count).then_some(())
                });
            };
            handshakes(&clasp, 1);
            clasp.say(b"before\n");
            clasp.wait_for("before\n");
            clasp.say(b"R\n");
            handshakes(&clasp, 2);
            clasp.say(b"between\n");
            clasp.wait_for("between\n");
            clasp.say(b"**REHANDSHAKE**\n");
            handshakes(&clasp, 3);
            clasp.say(b"after\n");
            clasp.wait_for("after\n");
            clasp.say(b"Q\n");
            let ended = clasp.end();
            assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
            assert!(ended.stderr.contains(&format!("renegotiated: {name}")), "{}", ended.stderr);
            assert!(ended.stderr.contains("secure renegotiation false"), "{}", ended.stderr);
            // The abbreviated handshake authenticates nobody anew.
            let authenticated = ended.stderr.matches("authenticated the server").count();
            assert_eq!(authenticated, if resumed { 2 } else { 3 }, "{}", ended.stderr);
        }
    }
}

#[test]
fn s_server_renegotiates_with_clasp_and_s_client_too() {
    if !have(&["openssl"]) {
        return;
    }
    // The letter r alone makes s_server ask for another handshake.
    let mut server = openssl::Server::start(&pki().rsa, &["-tls1_2"]);
    let options = ["--policy", "compatible", "--trace"];
    let mut clasp = Running::start(&mut connect(server.port, &pki().ca.files.cert, &options));
    server.data_start();
    server.running.say(b"r\n");
    clasp.wait_stderr("the second Finished", |printed| {
        (String::from_utf8_lossy(printed).matches("verified the server's Finished").count() == 2).then_some(())
    });
    server.running.say(b"hello\n");
    clasp.wait_for("hello\n");
    clasp.say_no_more();
    clasp.end();

    // The letter R alone makes s_client begin one.
    let server = Server::start(&[&pki().rsa], &["--policy", "compatible", "--echo"]);
    let mut command = openssl::openssl(&["s_client", "-connect", &format!("127.0.0.1:{}", server.port), "-tls1_2"]);
    command.arg("-CAfile").arg(&pki().ca.files.cert);
    let mut client = Running::start(&mut command);
    client.wait_for("Extended master secret: ");
    client.say(b"R\n");
    client.wait_stderr("the wish", |printed| String::from_utf8_lossy(printed).contains("RENEGOTIATING").then_some(()));
    client.say(b"on it goes\n");
    client.wait_for("on it goes\n");
    client.say(b"Q\n");
    client.end();
}

#[test]
fn the_clients_certificate_is_asked_for_on_a_path() {
    if !have(&["openssl", "curl"]) {
        return;
    }
    let options =
        ["--policy", "compatible", "--client-ca", path(&pki().clients.files.cert), "--client-auth", "on-path=/secret"];
    let server = Server::start(&[&pki().rsa], &options);
    let files = pki().clients.issue(&Leaf::client(Kind::P256, "a good client"));
    let get = |url_path: &str, shown: bool| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20", "--tls-max", "1.2", "--cacert"]);
        curl.arg(&pki().ca.files.cert);
        if shown {
            curl.arg("--cert").arg(&files.cert).arg("--key").arg(&files.key);
        }
        let ended = Running::start(curl.arg(format!("https://localhost:{}{url_path}", server.port))).end();
        (ended.code(), String::from_utf8_lossy(&ended.stdout).into_owned())
    };
    let (code, page) = get("/", true);
    assert!(code == Some(0) && page.contains("client                  none\n"), "{page}");
    let (code, page) = get("/secret", true);
    assert!(code == Some(0) && page.contains("client                  CN=a good client\n"), "{page}");
    assert!(page.contains("renegotiations          1\n"), "{page}");
    assert_ne!(get("/secret", false).0, Some(0));
}

/// TLS 1.1 and 1.0 as both peers still have them, a mebibyte each way.
#[test]
fn older_versions_with_s_server_and_s_client() {
    if !have(&["openssl"]) {
        return;
    }
    for (version, option) in [("TLS 1.1", "-tls1_1"), ("TLS 1.0", "-tls1")] {
        for etm in [true, false] {
            println!("{version} {etm}");
            let policy = Policy::legacy().with_encrypt_then_mac(etm);
            let mut server = openssl::Server::start(&pki().rsa, &[option, "-cipher", "ALL:@SECLEVEL=0"]);
            let config = ends::client_config(policy.clone()).session_store(Arc::new(MemorySessions::default()));
            let mut tls = ends::client(&config.build().unwrap(), server.port).unwrap();
            assert_eq!(tls.session().unwrap().version().to_string(), version);
            assert_eq!(tls.session().unwrap().encrypt_then_mac(), etm);
            let start = server.data_start();
            let (ours, theirs) = (high_noise(1, MIB), high_noise(2, MIB));
            ends::write_all(&mut tls, &ours).unwrap();
            assert_same(&server.running.wait_bytes(start, MIB), &ours, "to s_server");
            server.running.say(&theirs);
            assert_same(&ends::read_exactly(&mut tls, MIB).unwrap(), &theirs, "from s_server");
            ends::close(&mut tls).unwrap();

            let options: &[&str] = if etm { &[] } else { &["--no-etm"] };
            let options = [&["--policy", "legacy", "--echo"], options].concat();
            let clasp = Server::start(&[&pki().rsa], &options);
            let client = [option, "-cipher", "ALL:@SECLEVEL=0"];
            let mut client = Running::start(&mut openssl::client_command(clasp.port, &client));
            client.wait_for("Extended master secret: ");
            client.say(b"there and back\n");
            client.wait_for("there and back\n");
            client.signal("TERM");
        }
    }
}
