//! What both ends must derive alike: key logs, exported keying material, channel bindings; and stapled OCSP responses.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use clasp::cert::{ServerVerification, StapleCheck, StapleStatus, WebPkiServerVerifier};
use clasp::{ClientConfig, Policy, ServerConfig};

use crate::certs::{Folder, Kind, Leaf, pki};
use crate::command::{Server, connect};
use crate::ends::{Tls, client, client_config, close, close_after_peer, serve};
use crate::openssl::path;
use crate::peers::{Running, have, line_in};
use crate::{gnutls, openssl};

/// The master secrets in a key log. OpenSSL logs the pre-master secret of RSA key exchange too.
fn secrets(log: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
    text.lines().filter(|line| line.starts_with("CLIENT_RANDOM ")).map(str::to_lowercase).collect()
}

#[track_caller]
fn assert_same_secrets(ours: &Path, theirs: &Path, count: usize) {
    let (ours, theirs) = (secrets(ours), secrets(theirs));
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), count);
    assert!(ours.iter().all(|line| line.len() == "CLIENT_RANDOM ".len() + 64 + 1 + 96), "{ours:?}");
}

#[test]
fn the_key_log_is_what_the_server_logs() {
    if !have(&["openssl", "gnutls-serv"]) {
        return;
    }
    let folder = Folder::new("keylog");
    let (ours, theirs) = (folder.file("ours"), folder.file("openssl"));
    // Each a way to make the master secret of its own.
    let suites = ["TLS_RSA_WITH_AES_128_CBC_SHA", "DHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"];
    let mut logged = 0;
    for suite in suites {
        for more in [&[][..], &["--no-ems"]] {
            let server = openssl::Server::start(&pki().rsa, &["-keylogfile", path(&theirs), "-cipher", "ALL"]);
            let mut options = vec!["--policy", "compatible", "--cipher", suite, "--keylog", path(&ours)];
            options.extend(more);
            let ended = Running::start(&mut connect(server.port, &pki().ca.files.cert, &options)).finish();
            assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
            server.closed(0);
            logged += 1;
        }
    }
    assert_same_secrets(&ours, &theirs, logged);

    // As curl does, by the environment. This time the client's is the only log, and the server's own what it derived.
    let (ours, theirs) = (folder.file("environment"), folder.file("again"));
    let server = openssl::Server::start(&pki().rsa, &["-keylogfile", path(&theirs)]);
    let mut command = connect(server.port, &pki().ca.files.cert, &[]);
    let ended = Running::start(command.env("SSLKEYLOGFILE", &ours)).finish();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    server.closed(0);
    assert_same_secrets(&ours, &theirs, 1);
}

#[test]
fn the_key_log_is_what_clients_log() {
    if !have(&["openssl", "gnutls-cli"]) {
        return;
    }
    let folder = Folder::new("keylog");
    let (ours, openssl_log, gnutls_log) = (folder.file("ours"), folder.file("openssl"), folder.file("gnutls"));
    let server = Server::start(&[&pki().rsa], &["--policy", "compatible", "--echo", "--keylog", path(&ours)]);
    for suite in ["AES128-SHA", "DHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"] {
        let client = openssl::Client::start(server.port, &["-cipher", suite, "-keylogfile", path(&openssl_log)]);
        client.report();
    }
    assert_same_secrets(&ours, &openssl_log, 3);

    let ours = folder.file("ours for gnutls");
    let server = Server::start(&[&pki().rsa], &["--policy", "compatible", "--echo", "--keylog", path(&ours)]);
    let mut command = gnutls::client_command(&pki().ca.files.cert, server.port, gnutls::ALL, &[], &folder);
    Running::start(command.env("SSLKEYLOGFILE", &gnutls_log)).finish();
    assert_same_secrets(&ours, &gnutls_log, 1);
}

const LABEL: &str = "EXPORTER-interop-test";

/// 48 bytes exported from a connection, in hexadecimal. No context is given: in TLS 1.2 that differs from an empty one,
/// and the programs give none. `None` without the extended master secret, where nothing is exported (RFC 7627 5.4).
fn exported(tls: &Tls) -> Option<String> {
    let mut material = [0; 48];
    let exported = tls.connection().export_keying_material(LABEL.as_bytes(), None, &mut material).unwrap();
    exported.is_ok().then(|| hex(&material))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn exported_keying_material_is_what_servers_export() {
    if !have(&["openssl", "gnutls-serv"]) {
        return;
    }
    let options = ["-keymatexport", LABEL, "-keymatexportlen", "48"];
    for extended_master_secret in [true, false] {
        println!("extended master secret: {extended_master_secret}");
        let policy = Policy::modern().with_extended_master_secret(extended_master_secret);
        let config = client_config(policy).build().unwrap();
        let server = openssl::Server::start(&pki().p256, &options);
        let mut tls = client(&config, server.port).unwrap();
        let theirs = server.running.wait_line("    Keying material: ");
        assert_eq!(exported(&tls), extended_master_secret.then(|| theirs.to_lowercase()));
        close(&mut tls).unwrap();

        let options = ["--disable-client-cert", "--keymatexport", LABEL, "--keymatexportsize", "48"];
        let server = gnutls::Server::start(&[&pki().p256], gnutls::ALL, &options);
        let mut tls = client(&config, server.port).unwrap();
        let theirs = server.running.wait_line("- Key material: ");
        assert_eq!(exported(&tls), extended_master_secret.then_some(theirs));
        // Also without the extended master secret, as nothing was resumed (RFC 7627 5.4).
        let binding = tls.connection().tls_unique().map(hex);
        assert_eq!(binding, Some(server.running.wait_line(" - 'tls-unique': ")));
        close(&mut tls).unwrap();
    }
}

#[test]
fn exported_keying_material_is_what_clients_export() {
    if !have(&["openssl", "gnutls-cli"]) {
        return;
    }
    let config = ServerConfig::builder(Policy::modern()).identity(pki().p256.identity()).build().unwrap();
    let serving = serve(config.clone(), |mut tls| {
        close(&mut tls)?;
        Ok(exported(&tls).expect("the extended master secret"))
    });
    let options = ["-keymatexport", LABEL, "-keymatexportlen", "48"];
    let client = openssl::Client::start(serving.port, &options);
    let (report, _) = client.report();
    let theirs = line_in(report.as_bytes(), "    Keying material: ").expect("the keying material");
    assert_eq!(serving.join().unwrap(), theirs.to_lowercase());

    let serving = serve(config, |mut tls| {
        close_after_peer(&mut tls)?;
        Ok((exported(&tls).expect("the extended master secret"), tls.connection().tls_unique().map(hex)))
    });
    let options = ["--verbose", "--keymatexport", LABEL, "--keymatexportsize", "48"];
    let mut client = gnutls::Client::start(serving.port, gnutls::ALL, &options);
    client.running.say_no_more();
    let (material, binding) = serving.join().unwrap();
    let log = client.ended();
    assert_eq!(Some(material), line_in(log.as_bytes(), "- Key material: "));
    assert_eq!(binding, line_in(log.as_bytes(), " - 'tls-unique': "));
}

/// Keeps the staple it is shown.
#[derive(Debug, Default)]
struct Keeper(Mutex<Vec<u8>>);

impl StapleCheck for Keeper {
    fn check_staple(&self, verification: &ServerVerification<'_>) -> StapleStatus {
        *self.0.lock().unwrap() = verification.ocsp_response.to_vec();
        StapleStatus::Good
    }
}

#[test]
fn a_servers_staple_reaches_the_caller() {
    if !have(&["openssl", "gnutls-serv"]) {
        return;
    }
    let files = pki().ca.issue(&Leaf::server(Kind::P256));
    let response = pki().ca.ocsp_response(&files);
    let staple = std::fs::read(&response).unwrap();
    let connect = |port| {
        let keeper = Arc::new(Keeper::default());
        let verifier = WebPkiServerVerifier::builder(pki().ca.roots()).staple_check(keeper.clone()).build().unwrap();
        let config = ClientConfig::builder(Policy::modern()).verifier(Arc::new(verifier)).build().unwrap();
        let mut tls = client(&config, port).unwrap();
        close(&mut tls).unwrap();
        keeper.0.lock().unwrap().clone()
    };
    let server = openssl::Server::start(&files, &["-status_file", path(&response)]);
    assert_eq!(connect(server.port), staple);
    let server = openssl::Server::start(&files, &[]);
    assert_eq!(connect(server.port), [0; 0], "no staple");

    let option = format!("--ocsp-response={}", path(&response));
    let server = gnutls::Server::start(&[&files], gnutls::ALL, &["--disable-client-cert", &option]);
    assert_eq!(connect(server.port), staple);
}

#[test]
fn clients_take_clasps_staple() {
    if !have(&["openssl", "gnutls-cli"]) {
        return;
    }
    let files = pki().ca.issue(&Leaf::server(Kind::P256));
    let staple = std::fs::read(pki().ca.ocsp_response(&files)).unwrap();
    let identity = files.identity().with_ocsp_response(staple.clone());
    let config = ServerConfig::builder(Policy::modern()).identity(identity).build().unwrap();
    let serving = serve(config.clone(), |mut tls| close(&mut tls));
    let client = openssl::Client::start(serving.port, &["-status"]);
    let (report, _) = client.report();
    assert!(report.contains("OCSP Response Status: successful (0x0)"), "{report}");
    assert!(report.contains("Cert Status: good"), "{report}");
    serving.join().unwrap();

    let folder = Folder::new("staple");
    let saved = folder.file("saved");
    let serving = serve(config, |mut tls| close_after_peer(&mut tls));
    let mut client = gnutls::Client::start(serving.port, gnutls::ALL, &[&format!("--save-ocsp={}", path(&saved))]);
    client.running.say_no_more();
    serving.join().unwrap();
    let log = client.ended();
    assert!(log.contains("- Status: The certificate is trusted."), "{log}");
    assert!(log.contains("OCSP status request,"), "{log}");
    assert!(saved.exists(), "{log}");
}
