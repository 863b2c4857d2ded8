//! Certificates as they were: RSA keys of 1024 and 2048 bits in traditional form, signatures over SHA-1, made by `openssl`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::{fs, process};

use clasp::cert::WebPkiClientVerifier;
use clasp::{ClientAuth, ClientConfig, ClientConfigBuilder, Identity, Policy, RootStore};

/// A certificate and its key, as files.
pub(crate) struct Files {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

impl Files {
    pub(crate) fn identity(&self) -> Identity {
        Identity::from_pem_files(&self.cert, &self.key).unwrap()
    }

    /// Options of a driver that name them.
    pub(crate) fn arguments(&self) -> [String; 4] {
        let text = |path: &Path| path.to_str().expect("a plain name").to_owned();
        ["--cert".to_owned(), text(&self.cert), "--key".to_owned(), text(&self.key)]
    }
}

/// An authority and what it issued.
pub(crate) struct Pki {
    pub(crate) ca: PathBuf,
    pub(crate) server: Files,
    pub(crate) client: Files,
    /// Of 512 bits.
    pub(crate) short: Files,
}

pub(crate) fn pki() -> &'static Pki {
    static PKI: OnceLock<Pki> = OnceLock::new();
    PKI.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("old-peers-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        let ca = issue(&folder, "ca", 2048, None);
        Pki {
            server: issue(&folder, "server", 2048, Some(&ca)),
            client: issue(&folder, "client", 1024, Some(&ca)),
            short: issue(&folder, "short", 512, Some(&ca)),
            ca: ca.cert,
        }
    })
}

fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output().expect("openssl is installed");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An authority's own certificate, or one that it issues.
fn issue(folder: &Path, name: &str, bits: usize, ca: Option<&Files>) -> Files {
    let files = Files { cert: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) };
    let text = |path: &Path| path.to_str().expect("the target folder has a plain name").to_owned();
    let (cert, key) = (text(&files.cert), text(&files.key));
    // OpenSSL 0.9.8 does not read the newer form.
    openssl(&["genrsa", "-traditional", "-out", &key, &bits.to_string()]);
    let subject = format!("/CN={name}");
    let mut request =
        vec!["req", "-x509", "-new", "-sha1", "-days", "3650", "-subj", &subject, "-key", &key, "-out", &cert];
    let signer = ca.map(|ca| (text(&ca.cert), text(&ca.key)));
    match &signer {
        None => request.extend(["-addext", "keyUsage=critical,keyCertSign,cRLSign"]),
        Some((cert, key)) => request.extend([
            "-CA",
            cert,
            "-CAkey",
            key,
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-addext",
            "keyUsage=digitalSignature,keyEncipherment",
            "-addext",
            "subjectAltName=DNS:localhost",
        ]),
    }
    openssl(&request);
    files
}

/// What trusts the authority.
fn roots() -> RootStore {
    let mut roots = RootStore::default();
    roots.add_pem_file(&pki().ca).unwrap();
    roots
}

/// A client that trusts the authority, and verifies the server's chain by the rules of the policy.
pub(crate) fn client(policy: Policy) -> ClientConfigBuilder {
    ClientConfig::builder(policy).roots(roots())
}

fn verifier() -> Arc<WebPkiClientVerifier> {
    let rules = clasp::insecure().certificate_rules();
    Arc::new(WebPkiClientVerifier::builder(roots()).rules(rules).build().unwrap())
}

/// Demands a certificate of the authority's.
pub(crate) fn require() -> ClientAuth {
    ClientAuth::Require(verifier())
}

/// Asks for one.
pub(crate) fn request() -> ClientAuth {
    ClientAuth::Request(verifier())
}
