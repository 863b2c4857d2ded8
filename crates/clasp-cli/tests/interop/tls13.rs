//! TLS 1.3 with peers that have it, each way (RFC 8446).

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use clasp::wire::{AlertDescription, CipherSuite, NamedGroup, ProtocolVersion};
use clasp::{ClientAuth, KeyLogFile, Policy, ServerConfig};

use crate::certs::{Authority, Folder, Kind, Leaf, pki};
use crate::ends::{
    MIB, Tls, assert_same, client, client_config, close, close_after_peer, high_noise, lines, noise, read_exactly,
    serve, tls_error, write_all,
};
use crate::openssl::path;
use crate::peers::{have, line_in};
use crate::{gnutls, openssl};

const SUITES: [(CipherSuite, &str); 3] = [
    (CipherSuite::TLS_AES_256_GCM_SHA384, "AES-256-GCM"),
    (CipherSuite::TLS_AES_128_GCM_SHA256, "AES-128-GCM"),
    (CipherSuite::TLS_CHACHA20_POLY1305_SHA256, "CHACHA20-POLY1305"),
];

/// The groups, with OpenSSL's and GnuTLS's names for them.
const GROUPS: [(NamedGroup, &str, &str); 6] = [
    (NamedGroup::X25519, "X25519", "X25519"),
    (NamedGroup::SECP256R1, "P-256", "SECP256R1"),
    (NamedGroup::SECP384R1, "P-384", "SECP384R1"),
    (NamedGroup::SECP521R1, "P-521", "SECP521R1"),
    (NamedGroup::FFDHE2048, "ffdhe2048", "FFDHE2048"),
    (NamedGroup::FFDHE3072, "ffdhe3072", "FFDHE3072"),
];

const KINDS: [Kind; 5] = [Kind::Rsa, Kind::P256, Kind::P384, Kind::P521, Kind::Ed25519];

fn tls13() -> Policy {
    Policy::modern().with_versions(ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_3)
}

/// A priority string with one cipher, and one group.
fn priority(cipher: &str, group: &str) -> String {
    format!("NONE:+VERS-TLS1.3:+COMP-NULL:+CTYPE-X509:+SIGN-ALL:+AEAD:+SHA256:+SHA384:+{cipher}:+GROUP-{group}")
}

fn any_priority() -> String {
    priority("AES-256-GCM:+AES-128-GCM:+CHACHA20-POLY1305", "ALL")
}

struct Cell {
    suite: CipherSuite,
    cipher: &'static str,
    group: NamedGroup,
    in_openssl: &'static str,
    in_gnutls: &'static str,
    /// The client's first share is in another group.
    retry: bool,
}

impl Cell {
    fn all() -> Vec<Self> {
        let mut cells = Vec::new();
        for (suite, cipher) in SUITES {
            for (group, in_openssl, in_gnutls) in GROUPS {
                for retry in [false, true] {
                    cells.push(Self { suite, cipher, group, in_openssl, in_gnutls, retry });
                }
            }
        }
        cells
    }

    /// A group that only one side has, and the client prefers.
    fn other(&self) -> (NamedGroup, &'static str) {
        if self.group == NamedGroup::X25519 { (NamedGroup::SECP256R1, "P-256") } else { (NamedGroup::X25519, "X25519") }
    }

    fn policy(&self, is_client: bool) -> Policy {
        let mut groups = vec![self.group];
        if is_client && self.retry {
            groups.insert(0, self.other().0);
        }
        tls13().with_cipher_suites(&[self.suite]).with_groups(&groups)
    }

    /// A mebibyte once for each suite.
    fn size(&self) -> usize {
        if self.group == NamedGroup::X25519 { MIB } else { 20_000 }
    }

    #[track_caller]
    fn assert_agreed(&self, tls: &Tls) {
        let session = tls.session().unwrap();
        assert_eq!(session.version(), ProtocolVersion::TLS_1_3);
        assert_eq!((session.cipher_suite(), session.group()), (self.suite, Some(self.group)));
    }
}

/// Runs every cell; a failure's last printed line names it.
fn for_each_cell(one: impl Fn(&Cell)) {
    for cell in Cell::all() {
        println!("{} {} {}", cell.suite, cell.group, cell.retry);
        one(&cell);
    }
}

#[test]
fn clasp_connects_to_s_server_with_every_suite_and_group() {
    if !have(&["openssl"]) {
        return;
    }
    let (ours, theirs) = (noise(1, MIB), high_noise(2, MIB));
    for_each_cell(|cell| {
        let options = ["-tls1_3", "-ciphersuites", cell.suite.name().unwrap(), "-groups", cell.in_openssl];
        let mut server = openssl::Server::start(&pki().rsa, &options);
        let mut tls = client(&client_config(cell.policy(true)).build().unwrap(), server.port).unwrap();
        cell.assert_agreed(&tls);
        let start = server.data_start();
        let (ours, theirs) = (&ours[..cell.size()], &theirs[..cell.size()]);
        write_all(&mut tls, ours).unwrap();
        assert_same(&server.running.wait_bytes(start, ours.len()), ours, "to s_server");
        server.running.say(theirs);
        assert_same(&read_exactly(&mut tls, theirs.len()).unwrap(), theirs, "from s_server");
        close(&mut tls).unwrap();
        let messages = server.closed(start + ours.len());
        openssl::assert_clean_close(&messages);
        assert_eq!(messages.matches("ClientHello").count(), if cell.retry { 2 } else { 1 }, "{messages}");
    });
}

/// An s_client that prints the peer's data alone to its standard output, and a summary to its standard error.
fn s_client(port: u16, options: &[&str]) -> openssl::Client {
    openssl::Client::start(port, &[&["-tls1_3", "-brief"], options].concat())
}

#[test]
fn s_client_connects_to_clasp_with_every_suite_and_group() {
    if !have(&["openssl"]) {
        return;
    }
    let (ours, theirs) = (Arc::new(noise(3, MIB)), noise(4, MIB));
    for_each_cell(|cell| {
        let config = ServerConfig::builder(cell.policy(false)).identity(pki().p256.identity()).build().unwrap();
        let (answer, size) = (Arc::clone(&ours), cell.size());
        let serving = serve(config, move |mut tls| {
            let came = read_exactly(&mut tls, size)?;
            write_all(&mut tls, &answer[..size])?;
            close(&mut tls)?;
            Ok((came, tls))
        });
        let mut groups = cell.in_openssl.to_owned();
        if cell.retry {
            groups.insert_str(0, &format!("{}:", cell.other().1));
        }
        let mut client = s_client(serving.port, &["-groups", &groups]);
        client.running.say(&theirs[..size]);
        assert_same(&client.running.wait_bytes(0, size), &ours[..size], "to s_client");
        let (came, tls) = serving.join().unwrap();
        assert_same(&came, &theirs[..size], "from s_client");
        cell.assert_agreed(&tls);
        let (_, messages) = client.ended();
        openssl::assert_clean_close(&messages);
        assert_eq!(messages.matches("ClientHello").count(), if cell.retry { 2 } else { 1 }, "{messages}");
    });
}

#[test]
fn clasp_and_gnutls_connect_with_every_suite_and_group() {
    if !have(&["gnutls-serv", "gnutls-cli"]) {
        return;
    }
    for_each_cell(|cell| {
        let priority = priority(cell.cipher, cell.in_gnutls);
        let server = gnutls::Server::start(&[&pki().p256], &priority, &["--disable-client-cert"]);
        let mut tls = client(&client_config(cell.policy(true)).build().unwrap(), server.port).unwrap();
        cell.assert_agreed(&tls);
        // It reads nothing more until its echo is taken.
        for line in lines(5, 20_000).split_inclusive(|byte| *byte == b'\n') {
            write_all(&mut tls, line).unwrap();
            assert_same(&read_exactly(&mut tls, line.len()).unwrap(), line, "echo of gnutls-serv");
        }
        close(&mut tls).unwrap();

        if cell.retry {
            return;
        }
        let config = ServerConfig::builder(cell.policy(false)).identity(pki().rsa.identity()).build().unwrap();
        let (ours, theirs, size) = (noise(6, MIB), noise(7, MIB), cell.size());
        let answer = ours.clone();
        let serving = serve(config, move |mut tls| {
            let came = read_exactly(&mut tls, size)?;
            write_all(&mut tls, &answer[..size])?;
            close_after_peer(&mut tls)?;
            Ok((came, tls))
        });
        let mut cli = gnutls::Client::start(serving.port, &priority, &[]);
        cli.running.say(&theirs[..size]);
        assert_same(&cli.running.wait_bytes(0, size), &ours[..size], "to gnutls-cli");
        cli.running.say_no_more();
        let (came, tls) = serving.join().unwrap();
        assert_same(&came, &theirs[..size], "from gnutls-cli");
        cell.assert_agreed(&tls);
        let log = cli.ended();
        assert!(log.contains("- Peer has closed the GnuTLS connection"), "{log}");
    });
}

#[test]
fn certificates_of_every_kind_from_both_sides() {
    if !have(&["openssl", "gnutls-serv", "gnutls-cli"]) {
        return;
    }
    for kind in KINDS {
        println!("{kind:?}");
        let (theirs, ours) =
            (pki().ca.issue(&Leaf::server(kind)), pki().clients.issue(&Leaf::client(kind, "a good client")));
        let config =
            client_config(tls13()).identity(ours.identity()).alpn(["h2", "http/1.1"]).unwrap().build().unwrap();
        let ca = path(&pki().clients.files.cert);
        let options = ["-tls1_3", "-Verify", "1", "-verify_return_error", "-CAfile", ca, "-alpn", "http/1.1"];
        let server = openssl::Server::start(&theirs, &options);
        let mut tls = client(&config, server.port).unwrap();
        write_all(&mut tls, b"hello").unwrap();
        assert_eq!(server.running.wait_bytes(server.data_start(), 5), b"hello");
        server.running.wait_for("subject=CN = a good client");
        assert_eq!(tls.session().unwrap().alpn(), Some(&b"http/1.1"[..]));
        assert!(tls.session().unwrap().client_authenticated());
        close(&mut tls).unwrap();

        let options = ["--require-client-cert", "--verify-client-cert", "--x509cafile", ca];
        let server = gnutls::Server::start(&[&theirs], &any_priority(), &options);
        let mut tls = client(&config, server.port).unwrap();
        write_all(&mut tls, b"hello\n").unwrap();
        assert_eq!(read_exactly(&mut tls, 6).unwrap(), b"hello\n");
        close(&mut tls).unwrap();

        let config = ServerConfig::builder(tls13()).identity(theirs.identity()).alpn(["http/1.1"]).unwrap();
        let config = config.client_auth(ClientAuth::Require(verifier())).build().unwrap();
        let serving = serve(config.clone(), |mut tls| {
            write_all(&mut tls, b"hello")?;
            close(&mut tls)?;
            Ok(tls.session().unwrap().clone())
        });
        let options = ["-cert", path(&ours.cert), "-key", path(&ours.key), "-alpn", "h2,http/1.1"];
        let client = s_client(serving.port, &options);
        assert_eq!(client.running.wait_bytes(0, 5), b"hello");
        let session = serving.join().unwrap();
        assert!(session.client_authenticated() && session.alpn() == Some(&b"http/1.1"[..]));

        let serving = serve(config, |mut tls| {
            write_all(&mut tls, b"hello")?;
            close_after_peer(&mut tls)?;
            Ok(tls.session().unwrap().client_authenticated())
        });
        let options = ["--x509certfile", path(&ours.cert), "--x509keyfile", path(&ours.key)];
        let mut client = gnutls::Client::start(serving.port, &any_priority(), &options);
        assert_eq!(client.running.wait_bytes(0, 5), b"hello");
        client.running.say_no_more();
        assert!(serving.join().unwrap());
        let log = client.ended();
        assert!(log.contains("- Status: The certificate is trusted."), "{log}");
    }
}

fn verifier() -> Arc<clasp::cert::WebPkiClientVerifier> {
    Arc::new(clasp::cert::WebPkiClientVerifier::builder(pki().clients.roots()).build().unwrap())
}

/// The handshake is done for the client when the server refuses it: the alert comes with what it reads next.
#[test]
fn clients_without_a_certificate_or_with_a_wrong_one_are_refused() {
    if !have(&["openssl", "gnutls-serv", "gnutls-cli"]) {
        return;
    }
    let stranger = Authority::root("Somebody Else").issue(&Leaf::client(Kind::P256, "a stranger"));
    let ca = path(&pki().clients.files.cert);
    for (shown, alert) in
        [(None, AlertDescription::CERTIFICATE_REQUIRED), (Some(&stranger), AlertDescription::UNKNOWN_CA)]
    {
        println!("{alert}");
        let mut config = client_config(tls13());
        if let Some(files) = shown {
            config = config.identity(files.identity());
        }
        let config = config.build().unwrap();
        let options = ["-tls1_3", "-Verify", "1", "-verify_return_error", "-CAfile", ca];
        let server = openssl::Server::start(&pki().p256, &options);
        let mut tls = client(&config, server.port).unwrap();
        let error = read_exactly(&mut tls, 1).unwrap_err();
        let clasp::Error::AlertReceived(told) = tls_error(&error) else { panic!("{error}") };
        assert_eq!(told.alert, alert);
        assert_eq!(told.certificate_declined, shown.is_none());

        let config = ServerConfig::builder(tls13()).identity(pki().p256.identity());
        let config = config.client_auth(ClientAuth::Require(verifier())).build().unwrap();
        let serving = serve(config, |_| Ok(()));
        let shown = shown.map(|files| ["-cert", path(&files.cert), "-key", path(&files.key)]);
        let client = s_client(serving.port, shown.as_ref().map_or(&[], |options| options));
        let refused = serving.join().unwrap_err();
        assert_eq!(tls_error(&refused).alert(), Some(alert));
        let (stderr, messages) = client.ended();
        openssl::assert_received(alert, &stderr, &messages);
    }
}

/// The lines of a key log that both sides write; GnuTLS and we write the exporter's secret, OpenSSL too.
fn secrets(log: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_lowercase).collect()
}

#[test]
fn key_logs_and_exported_keying_material_are_the_peers() {
    const LABEL: &str = "EXPORTER-interop-test";
    if !have(&["openssl"]) {
        return;
    }
    let exported = |tls: &Tls| {
        let mut out = [0; 48];
        tls.connection().export_keying_material(LABEL.as_bytes(), None, &mut out).unwrap().unwrap();
        out.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    for (suite, _) in SUITES {
        println!("{suite}");
        let folder = Folder::new("keylog13");
        let (ours, theirs) = (folder.file("ours"), folder.file("theirs"));
        let options = ["-keymatexport", LABEL, "-keymatexportlen", "48", "-keylogfile", path(&theirs)];
        let server = openssl::Server::start(&pki().p256, &[&["-tls1_3"], &options[..]].concat());
        let log = Arc::new(KeyLogFile::open(&ours).unwrap());
        let config = client_config(tls13().with_cipher_suites(&[suite])).key_log(log).build().unwrap();
        let mut tls = client(&config, server.port).unwrap();
        assert_eq!(exported(&tls), server.running.wait_line("    Keying material: ").to_lowercase());
        close(&mut tls).unwrap();
        server.closed(0);
        assert_eq!(secrets(&ours), secrets(&theirs));
        assert_eq!(secrets(&ours).len(), 5);

        let (ours, theirs) = (folder.file("ours as server"), folder.file("theirs as client"));
        let log = Arc::new(KeyLogFile::open(&ours).unwrap());
        let config = ServerConfig::builder(tls13().with_cipher_suites(&[suite])).identity(pki().p256.identity());
        let serving = serve(config.key_log(log).build().unwrap(), move |mut tls| {
            close(&mut tls)?;
            Ok(exported(&tls))
        });
        let options = ["-tls1_3", "-keymatexport", LABEL, "-keymatexportlen", "48", "-keylogfile", path(&theirs)];
        let client = openssl::Client::start(serving.port, &options);
        let material = serving.join().unwrap();
        let ended = client.running.finish();
        let printed = line_in(&ended.stdout, "    Keying material: ").expect("the keying material");
        assert_eq!(material, printed.to_lowercase());
        assert_eq!(secrets(&ours), secrets(&theirs));
    }
}

/// Keeps the staple it is shown.
#[derive(Debug, Default)]
struct Keeper(Mutex<Vec<u8>>);

impl clasp::cert::StapleCheck for Keeper {
    fn check_staple(&self, verification: &clasp::cert::ServerVerification<'_>) -> clasp::cert::StapleStatus {
        *self.0.lock().unwrap() = verification.ocsp_response.to_vec();
        clasp::cert::StapleStatus::Good
    }
}

#[test]
fn staples_reach_the_other_side() {
    if !have(&["openssl"]) {
        return;
    }
    let files = pki().ca.issue(&Leaf::server(Kind::P256));
    let response = pki().ca.ocsp_response(&files);
    let staple = std::fs::read(&response).unwrap();
    let keeper = Arc::new(Keeper::default());
    let verifier =
        clasp::cert::WebPkiServerVerifier::builder(pki().ca.roots()).staple_check(keeper.clone()).build().unwrap();
    let config = clasp::ClientConfig::builder(tls13()).verifier(Arc::new(verifier)).build().unwrap();
    let server = openssl::Server::start(&files, &["-tls1_3", "-status_file", path(&response)]);
    close(&mut client(&config, server.port).unwrap()).unwrap();
    assert_eq!(*keeper.0.lock().unwrap(), staple);

    let identity = files.identity().with_ocsp_response(staple);
    let config = ServerConfig::builder(tls13()).identity(identity).build().unwrap();
    let serving = serve(config, |mut tls| close(&mut tls));
    let client = openssl::Client::start(serving.port, &["-tls1_3", "-status"]);
    serving.join().unwrap();
    let printed = String::from_utf8_lossy(&client.running.finish().stdout).into_owned();
    assert!(printed.contains("OCSP Response Status: successful (0x0)"), "{printed}");
}

/// s_server's letters: `k` changes its keys, `K` asks us to change ours too.
#[test]
fn keys_are_changed_at_the_peers_wish() {
    if !have(&["openssl"]) {
        return;
    }
    let mut server = openssl::Server::start(&pki().p256, &["-tls1_3"]);
    let mut tls = client(&client_config(tls13()).build().unwrap(), server.port).unwrap();
    let mut from = server.data_start();
    for (count, letter) in ["k\n", "K\n", "K\n"].into_iter().enumerate() {
        server.running.say(letter.as_bytes());
        // What it reads together with the letter it passes over.
        server.wait_messages(">>> TLS 1.3, Handshake [length 0005], KeyUpdate", count + 1);
        server.running.say(b"data\n");
        assert_eq!(read_exactly(&mut tls, 5).unwrap(), b"data\n");
        write_all(&mut tls, b"answer\n").unwrap();
        server.running.wait_for_after(from, "answer\n");
        from = server.running.printed();
    }
    close(&mut tls).unwrap();
    let messages = server.closed(from);
    assert_eq!(messages.matches(">>> TLS 1.3, Handshake [length 0005], KeyUpdate").count(), 3, "{messages}");
    assert_eq!(messages.matches("<<< TLS 1.3, Handshake [length 0005], KeyUpdate").count(), 2, "{messages}");
}

#[test]
fn sessions_are_resumed_by_ticket_each_way() {
    if !have(&["openssl", "gnutls-cli"]) {
        return;
    }
    let server = openssl::Server::start(&pki().rsa, &["-tls1_3", "-rev", "-naccept", "100"]);
    let config = client_config(tls13()).build().unwrap();
    for resumed in [false, true, true] {
        let mut tls = client(&config, server.port).unwrap();
        assert_eq!(tls.session().unwrap().resumed(), resumed);
        // The tickets come before the answer.
        write_all(&mut tls, b"abc\n").unwrap();
        assert_eq!(read_exactly(&mut tls, 4).unwrap(), b"cba\n");
        close(&mut tls).unwrap();
    }

    let folder = Folder::new("tickets13");
    let saved = folder.file("session");
    let config = ServerConfig::builder(tls13()).identity(pki().rsa.identity()).build().unwrap();
    for resumed in [false, true] {
        let serving = serve(config.clone(), |mut tls| {
            write_all(&mut tls, b"hello")?;
            close(&mut tls)?;
            Ok(tls.session().unwrap().resumed())
        });
        let option = if resumed { "-sess_in" } else { "-sess_out" };
        let client = s_client(serving.port, &[option, path(&saved)]);
        assert_eq!(client.running.wait_bytes(0, 5), b"hello");
        assert_eq!(serving.join().unwrap(), resumed);
        client.ended();
    }
}

#[test]
fn s_client_shows_its_certificate_when_it_is_asked_later() {
    if !have(&["openssl"]) {
        return;
    }
    let files = pki().clients.issue(&Leaf::client(Kind::P256, "a good client"));
    let config = ServerConfig::builder(tls13()).identity(pki().rsa.identity()).build().unwrap();
    let serving = serve(config, |mut tls| {
        let before = tls.session().unwrap().client_authenticated();
        tls.request_client_certificate(ClientAuth::Require(verifier()))?;
        let after = tls.session().unwrap().client_authenticated();
        write_all(&mut tls, b"hello")?;
        close(&mut tls)?;
        Ok((before, after))
    });
    let options = ["-enable_pha", "-cert", path(&files.cert), "-key", path(&files.key)];
    let client = s_client(serving.port, &options);
    assert_eq!(client.running.wait_bytes(0, 5), b"hello");
    assert_eq!(serving.join().unwrap(), (false, true));
}

/// s_server's letter `c` asks for the certificate.
#[test]
fn clasp_shows_its_certificate_when_s_server_asks_later() {
    if !have(&["openssl"]) {
        return;
    }
    let files = pki().clients.issue(&Leaf::client(Kind::P256, "a good client"));
    let options = ["-tls1_3", "-verify", "1", "-verify_return_error", "-CAfile", path(&pki().clients.files.cert)];
    let options = [&options[..], &["-verify_quiet"]].concat();
    let mut server = openssl::Server::start(&pki().p256, &options);
    let config = client_config(tls13()).identity(files.identity()).post_handshake_auth(true).build().unwrap();
    let mut tls = client(&config, server.port).unwrap();
    let start = server.data_start();
    server.running.say(b"c\n");
    server.wait_messages(", CertificateRequest", 2);
    server.running.say(b"data\n");
    assert_eq!(read_exactly(&mut tls, 5).unwrap(), b"data\n");
    write_all(&mut tls, b"answer\n").unwrap();
    server.running.wait_for_after(start, "answer\n");
    close(&mut tls).unwrap();
    let messages = server.closed(start);
    assert_eq!(messages.matches(", CertificateRequest").count(), 2, "{messages}");
    assert_eq!(messages.matches(", CertificateVerify").count(), 3, "one of ours in each, one of theirs: {messages}");
}
