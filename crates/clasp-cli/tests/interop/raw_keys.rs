//! Raw public keys (RFC 7250) with GnuTLS, in both roles and versions.

use std::process::Command;
use std::sync::Arc;

use clasp::cert::Pin;
use clasp::wire::ProtocolVersion;
use clasp::{ClientAuth, ClientConfig, Identity, Policy, RawPublicKeyVerifier, ServerConfig};

use crate::certs::{Folder, Kind, Leaf, pki};
use crate::ends::{client, close, close_after_peer, lines, read_exactly, serve, write_all};
use crate::gnutls::{Client, Server};
use crate::peers::have;

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
