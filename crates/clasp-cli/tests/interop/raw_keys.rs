//! Raw public keys (RFC 7250) with GnuTLS, in both roles and versions.

use std::process::Command;
use std::sync::Arc;

use clasp::cert::Pin;
use clasp::wire::ProtocolVersion;
use clasp::{ClientAuth, ClientConfig, Identity, Policy, RawPublicKeyVerifier, ServerConfig};

use crate::certs::{Folder, Kind, Leaf, pki};
use crate::command::{self, clasp, connect, traced};
use crate::ends::{client, close, close_after_peer, lines, read_exactly, serve, write_all};
use crate::gnutls::{Client, Server};
use crate::openssl::path;
use crate::peers::{Ended, Running, have};

const VERSIONS: [(ProtocolVersion, &str); 2] =
    [(ProtocolVersion::TLS_1_2, "VERS-TLS1.2"), (ProtocolVersion::TLS_1_3, "VERS-TLS1.3")];

/// Raw public keys alone, both ways.
fn priority(version: &str) -> String {
    format!("NORMAL:-VERS-ALL:+{version}:-CTYPE-ALL:+CTYPE-SRV-RAWPK:+CTYPE-CLI-RAWPK")
}

/// A key of one side: for GnuTLS as files, for Clasp as an identity and as what knows it.
struct Key {
    folder: Folder,
    private: String,
    public: String,
    identity: Identity,
}

impl Key {
    fn new() -> Self {
        let files = pki().ca.issue(&Leaf::server(Kind::P256));
        let folder = Folder::new("rawkey");
        let public = folder.file("public.pem");
        let key = folder.file("key.pem");
        std::fs::copy(&files.key, &key).unwrap();
        let made = Command::new("openssl").args(["pkey", "-pubout", "-in"]).arg(&key).arg("-out").arg(&public).status();
        assert!(made.unwrap().success());
        let identity = Identity::raw_public_key_from_pem_file(&key).unwrap();
        assert!(identity.key().public_key().is_some());
        let text = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
        Self { folder, private: text(key), public: text(public), identity }
    }

    fn options(&self) -> [&str; 4] {
        ["--rawpkkeyfile", &self.private, "--rawpkfile", &self.public]
    }

    fn pin(&self) -> String {
        Pin::of_public_key(self.identity.public_key()).unwrap().to_string()
    }

    fn verifier(&self) -> Arc<RawPublicKeyVerifier> {
        let pin = Pin::of_public_key(self.identity.public_key()).unwrap();
        Arc::new(RawPublicKeyVerifier::new([pin]).unwrap())
    }
}

#[test]
fn clasp_connects_to_gnutls_serv() {
    if !have(&["gnutls-serv", "openssl"]) {
        return;
    }
    let (ours, theirs) = (Key::new(), Key::new());
    for (version, name) in VERSIONS {
        let policy = Policy::modern().with_versions(version, version);
        // It takes any key: it keeps no list of them.
        let options = [&theirs.options()[..], &["--require-client-cert"]].concat();
        let server = Server::start(&[], &priority(name), &options);
        let config = ClientConfig::builder(policy.clone()).verifier(theirs.verifier());
        let config = config.identity(ours.identity.clone()).build().unwrap();
        let mut tls = client(&config, server.port).unwrap_or_else(|error| panic!("{name}: {error}"));
        let data = lines(7, 5000);
        write_all(&mut tls, &data).unwrap();
        assert_eq!(read_exactly(&mut tls, data.len()).unwrap(), data, "{name}");
        let session = tls.session().unwrap();
        assert_eq!(session.version(), version);
        assert_eq!(session.peer_raw_public_key(), Some(theirs.identity.public_key().spki()), "{name}");
        assert!(session.client_authenticated(), "{name}");
        close(&mut tls).unwrap();

        let config = ClientConfig::builder(policy).verifier(ours.verifier()).build().unwrap();
        let error = client(&config, server.port).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("none of the pinned ones"), "{name}: {error}");
    }
    drop((ours.folder, theirs.folder));
}

#[test]
fn gnutls_cli_connects_to_clasp() {
    if !have(&["gnutls-cli", "openssl"]) {
        return;
    }
    let (ours, theirs) = (Key::new(), Key::new());
    for (version, name) in VERSIONS {
        let policy = Policy::modern().with_versions(version, version);
        let config = ServerConfig::builder(policy).identity(ours.identity.clone());
        let config = config.client_auth(ClientAuth::Require(theirs.verifier())).build().unwrap();
        let spki = theirs.identity.public_key().spki().to_vec();
        let serving = serve(config, move |mut tls| {
            assert_eq!(tls.session().unwrap().peer_raw_public_key(), Some(&spki[..]));
            let data = read_exactly(&mut tls, 6)?;
            write_all(&mut tls, &data)?;
            close_after_peer(&mut tls)
        });
        // It has no list of keys either.
        let options = [&theirs.options()[..], &["--no-ca-verification"]].concat();
        let mut client = Client::start(serving.port, &priority(name), &options);
        client.running.say(b"hello\n");
        client.running.wait_for("hello");
        client.running.say_no_more();
        let log = client.ended();
        serving.join().unwrap_or_else(|error| panic!("{name}: {error}\n{log}"));
    }
}

fn text(ended: &Ended) -> String {
    String::from_utf8_lossy(&ended.stdout).into_owned()
}

/// `clasp connect` with these options, and a line for a server that echoes.
fn say_hello(port: u16, options: &[&str]) -> Ended {
    let mut command = clasp();
    command.args(["connect", &format!("localhost:{port}"), "--trace=json"]).args(options);
    let mut client = Running::start(&mut command);
    client.say(b"hello\n");
    // One that is refused ends by itself.
    let _ = client.stdout.wait(|printed| printed.ends_with(b"hello\n").then_some(()));
    client.finish()
}

#[test]
fn the_command_connects_to_gnutls_serv() {
    if !have(&["gnutls-serv", "openssl"]) {
        return;
    }
    let (ours, theirs) = (Key::new(), Key::new());
    for (_, name) in VERSIONS {
        let options = [&theirs.options()[..], &["--require-client-cert"]].concat();
        let server = Server::start(&[], &priority(name), &options);
        let identity = ["--key", &ours.private, "--raw-key"];
        // By its file, and by its hash.
        for known in [&theirs.public, &theirs.pin()] {
            let ended = say_hello(server.port, &[&identity[..], &["--server-raw-key", known]].concat());
            assert_eq!((ended.code(), text(&ended).as_str()), (Some(0), "hello\n"), "{name}: {}", ended.stderr);
        }
        let ended = say_hello(server.port, &[&identity[..], &["--server-raw-key", &ours.public]].concat());
        assert_eq!(ended.code(), Some(1));
        assert!(ended.stderr.contains(&theirs.pin()), "which key it has: {}", ended.stderr);
    }
}

#[test]
fn gnutls_cli_connects_to_the_command() {
    if !have(&["gnutls-cli", "openssl"]) {
        return;
    }
    let (ours, theirs) = (Key::new(), Key::new());
    let x509 = pki().ca.issue(&Leaf::server(Kind::Rsa));
    for (_, name) in VERSIONS {
        let identity = ["--key", &ours.private, "--raw-key", "--client-raw-key"];
        let server = command::Server::start(&[], &[&identity[..], &[&theirs.public]].concat());
        let options = [&theirs.options()[..], &["--no-ca-verification"]].concat();
        let ask = |port, priority: &str, options: &[&str]| {
            let mut client = Client::start(port, priority, options);
            client.running.say(b"GET / HTTP/1.0\r\n\r\n");
            client
        };
        let client = ask(server.port, &priority(name), &options);
        client.running.wait_for(&format!("client                  raw public key {}\n", theirs.pin()));
        drop(client);
        // Somebody else's key; and nobody's.
        let others = [&ours.options()[..], &["--no-ca-verification"]].concat();
        drop(ask(server.port, &priority(name), &others).ended());
        server.wait_line_with("none of the pinned ones");

        // Beside a certificate: each client has what it takes.
        let server = command::Server::start(&[&x509], &["--raw-key"]);
        let client = ask(server.port, &priority(name), &["--no-ca-verification"]);
        client.running.wait_for("client                  none\n");
        let log = client.ended();
        assert!(log.contains("Raw Public Key") || log.contains("raw public key"), "{log}");
        let x509_alone = format!("NORMAL:-VERS-ALL:+{name}");
        let client = ask(server.port, &x509_alone, &[]);
        client.running.wait_for("client                  none\n");
        drop(client);
    }
}

#[test]
fn the_command_and_itself() {
    if !have(&["openssl"]) {
        return;
    }
    let (ours, theirs) = (Key::new(), Key::new());
    let x509 = pki().ca.issue(&Leaf::server(Kind::P256));
    let encrypted = ours.folder.file("encrypted.pem");
    let made = Command::new("openssl")
        .args(["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:the word", "-in", &ours.private, "-out"])
        .arg(&encrypted)
        .status();
    assert!(made.unwrap().success());
    let password = ours.folder.write("password", "the word\n");
    // A key under a password; a client that may, and does, or does not, show its own.
    let options = ["--key", path(&encrypted), "--key-password-file", path(&password), "--raw-key", "--echo"];
    let asks = ["--client-auth", "request", "--client-raw-key", &theirs.pin()];
    let server = command::Server::start(&[], &[&options[..], &asks].concat());
    let trust = ["--server-raw-key", &ours.public];
    for (identity, shown) in [(&["--key", &theirs.private, "--raw-key"][..], "yes"), (&[], "no")] {
        for version in ["tls1.2", "tls1.3"] {
            let ended = say_hello(server.port, &[&trust[..], &["--max-version", version], identity].concat());
            assert_eq!((ended.code(), text(&ended).as_str()), (Some(0), "hello\n"), "{}", ended.stderr);
            let agreed = ended.stderr.lines().rev().find(|line| line.contains("\"agreed\"")).unwrap();
            let agreed: serde_json::Value = serde_json::from_str(agreed).unwrap();
            assert_eq!(agreed["agreed"]["client authenticated"], shown, "{version}");
        }
    }
    // A client that wants a certificate is told what the server has, and one that wants a key what this one has.
    let mut wants_x509 = connect(server.port, &pki().ca.files.cert, &[]);
    let ended = Running::start(&mut wants_x509).finish();
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.contains("--server-raw-key"), "{}", ended.stderr);
    let x509 = command::Server::start(&[&x509], &["--echo"]);
    let ended = say_hello(x509.port, &trust);
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.contains("--ca"), "{}", ended.stderr);
    assert_eq!(traced(&ended.stderr, "group"), None);
}
