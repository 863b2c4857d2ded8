//! Certificates made on the spot: authorities, and what they issue, as files that every peer reads.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once, OnceLock};
use std::{fs, process};

use clasp::crypto::{CryptoError, SecureRandom, default_provider};
use clasp::{Identity, RootStore};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, RevocationReason,
    RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::rand_core::{TryCryptoRng, TryRng};

use crate::openssl::openssl;

/// A folder of its own for one purpose; the last user removes it.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(purpose: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        static SWEPT: Once = Once::new();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{purpose}-{}-{number}", process::id()));
        SWEPT.call_once(sweep);
        fs::create_dir_all(&path).expect("the target folder can be written");
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.file(name);
        fs::write(&path, content).expect("the target folder can be written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes what earlier runs left: what lives until a process ends is not dropped.
fn sweep() {
    for entry in fs::read_dir(env!("CARGO_TARGET_TMPDIR")).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(id) = name.split('-').nth(1).filter(|id| id.parse::<u32>().is_ok()) else { continue };
        if Path::new("/proc/self").exists() && !Path::new("/proc").join(id).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The kinds of key a certificate may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

/// The default provider's randomness, for making an RSA key.
struct Random(&'static dyn SecureRandom);

impl TryRng for Random {
    type Error = CryptoError;

    fn try_next_u32(&mut self) -> Result<u32, CryptoError> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, CryptoError> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), CryptoError> {
        self.0.fill(out)
    }
}

impl TryCryptoRng for Random {}

/// One RSA key for all certificates that need one: making it takes a while.
fn rsa_key() -> KeyPair {
    static KEY: OnceLock<Vec<u8>> = OnceLock::new();
    let der = KEY.get_or_init(|| {
        let key = rsa::PrivateKey::new(&mut Random(default_provider().random), 2048).unwrap();
        key.to_pkcs8_der().unwrap().as_bytes().to_vec()
    });
    KeyPair::try_from(der.as_slice()).unwrap()
}

/// What is to stand in a certificate.
#[derive(Clone)]
pub(crate) struct Leaf {
    kind: Kind,
    common_name: &'static str,
    names: Vec<&'static str>,
    usage: ExtendedKeyUsagePurpose,
    years: Option<(i32, i32)>,
}

impl Leaf {
    /// For a server on this machine.
    pub(crate) fn server(kind: Kind) -> Self {
        let usage = ExtendedKeyUsagePurpose::ServerAuth;
        Self { kind, common_name: "server", names: vec!["localhost", "127.0.0.1"], usage, years: None }
    }

    pub(crate) fn client(kind: Kind, common_name: &'static str) -> Self {
        let usage = ExtendedKeyUsagePurpose::ClientAuth;
        Self { kind, common_name, names: Vec::new(), usage, years: None }
    }

    pub(crate) fn names(mut self, names: &[&'static str]) -> Self {
        self.names = names.to_vec();
        self
    }

    /// Valid from the first day of one year to the first day of another.
    pub(crate) fn years(mut self, from: i32, to: i32) -> Self {
        self.years = Some((from, to));
        self
    }
}

/// A certificate, or a chain, and its key.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    /// The chain without its leaf, when there is more.
    pub(crate) rest: Option<PathBuf>,
    serial: u64,
    /// Where they are, for as long as anybody uses them.
    _folder: Arc<Folder>,
}

impl Files {
    pub(crate) fn identity(&self) -> Identity {
        Identity::from_pem_files(&self.cert, &self.key).unwrap()
    }
}

/// A certification authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, and its key.
    pub(crate) files: Files,
    /// What a chain needs beside the leaf, PEM. A root is trusted already, and not sent.
    chain: String,
    folder: Arc<Folder>,
}

fn serial() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0x1001);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Authority {
    pub(crate) fn root(common_name: &str) -> Self {
        Self::new(common_name, None)
    }

    /// An intermediate authority below this one.
    pub(crate) fn below(&self, common_name: &str) -> Self {
        Self::new(common_name, Some(self))
    }

    fn new(common_name: &str, above: Option<&Self>) -> Self {
        let folder = Arc::new(Folder::new("authority"));
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.serial_number = Some(serial().into());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let (pem, chain) = match above {
            None => (params.self_signed(&key).unwrap().pem(), String::new()),
            Some(above) => {
                let pem = params.signed_by(&key, &above.issuer).unwrap().pem();
                (pem.clone(), pem + &above.chain)
            }
        };
        let files = Files {
            cert: folder.write("ca.pem", pem),
            key: folder.write("ca.key", key.serialize_pem()),
            rest: None,
            serial: 0,
            _folder: Arc::clone(&folder),
        };
        Self { issuer: Issuer::new(params, key), files, chain, folder }
    }

    /// What trusts this authority.
    pub(crate) fn roots(&self) -> RootStore {
        let mut roots = RootStore::default();
        roots.add_pem_file(&self.files.cert).unwrap();
        roots
    }

    /// Issues a certificate, and writes it to files.
    pub(crate) fn issue(&self, leaf: &Leaf) -> Files {
        let key = match leaf.kind {
            Kind::Rsa => rsa_key(),
            Kind::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(),
            Kind::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(),
            // rcgen with ring has no P-521, and writes Ed25519 keys in a form that OpenSSL 3.0 does not read.
            Kind::P521 | Kind::Ed25519 => return self.issue_by_openssl(leaf),
        };
        let serial = serial();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, leaf.common_name);
        params.serial_number = Some(serial.into());
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        if leaf.kind == Kind::Rsa {
            params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
        }
        params.extended_key_usages = vec![leaf.usage.clone()];
        params.subject_alt_names = leaf.names.iter().map(|name| alternative(name)).collect();
        if let Some((from, to)) = leaf.years {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(to, 1, 1);
        }
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem() + &self.chain;
        Files {
            cert: self.folder.write(&format!("{serial:x}.pem"), pem),
            key: self.folder.write(&format!("{serial:x}.key"), key.serialize_pem()),
            rest: Some(self.folder.write(&format!("{serial:x}.rest"), &self.chain)).filter(|_| !self.chain.is_empty()),
            serial,
            _folder: Arc::clone(&self.folder),
        }
    }

    fn issue_by_openssl(&self, leaf: &Leaf) -> Files {
        let serial = serial();
        let (cert, key) = (self.folder.file(&format!("{serial:x}.pem")), self.folder.file(&format!("{serial:x}.key")));
        let names: Vec<String> = leaf
            .names
            .iter()
            .map(|name| format!("{}:{name}", if name.parse::<IpAddr>().is_ok() { "IP" } else { "DNS" }))
            .collect();
        let mut extensions =
            vec!["basicConstraints=critical,CA:FALSE".to_owned(), "keyUsage=digitalSignature".to_owned()];
        extensions.extend(Some(format!("subjectAltName={}", names.join(","))).filter(|_| !names.is_empty()));
        let made = openssl(&[])
            .args(["req", "-x509", "-nodes", "-days", "30", "-newkey"])
            .args(if leaf.kind == Kind::P521 {
                &["ec", "-pkeyopt", "ec_paramgen_curve:P-521"][..]
            } else {
                &["ed25519"]
            })
            .arg("-CA")
            .arg(&self.files.cert)
            .arg("-CAkey")
            .arg(&self.files.key)
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&cert)
            .args(["-set_serial", &serial.to_string(), "-subj", &format!("/CN={}", leaf.common_name)])
            .args(extensions.iter().flat_map(|extension| ["-addext", extension]))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Files { cert, key, rest: None, serial, _folder: Arc::clone(&self.folder) }
    }

    /// A list that revokes this certificate, as a file.
    pub(crate) fn revoke(&self, files: &Files) -> PathBuf {
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(files.serial),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(3000, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let pem = list.signed_by(&self.issuer).unwrap().pem().unwrap();
        self.folder.write(&format!("{:x}.crl", files.serial), pem)
    }

    /// A good OCSP response for this certificate, made by `openssl ocsp`, as a file.
    pub(crate) fn ocsp_response(&self, files: &Files) -> PathBuf {
        let serial = files.serial;
        // openssl's index of what was issued: status, expiry, revocation, serial, file, subject.
        let index = self
            .folder
            .write(&format!("{serial:x}.index"), format!("V\t391231235959Z\t\t{serial:X}\tunknown\t/CN=server\n"));
        let response = self.folder.file(&format!("{serial:x}.ocsp"));
        let made = openssl(&[])
            .args(["ocsp", "-ndays", "2"])
            .arg("-index")
            .arg(index)
            .arg("-issuer")
            .arg(&self.files.cert)
            .args(["-serial", &format!("{serial:#x}"), "-CA"])
            .arg(&self.files.cert)
            .arg("-rsigner")
            .arg(&self.files.cert)
            .arg("-rkey")
            .arg(&self.files.key)
            .arg("-respout")
            .arg(&response)
            .output()
            .unwrap();
        assert!(response.exists(), "{}", String::from_utf8_lossy(&made.stderr));
        response
    }
}

fn alternative(name: &str) -> SanType {
    match name.parse::<IpAddr>() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(name.try_into().unwrap()),
    }
}

/// What most tests use. Made once.
pub(crate) struct Pki {
    /// Issues for servers.
    pub(crate) ca: Authority,
    /// Issues for clients.
    pub(crate) clients: Authority,
    pub(crate) rsa: Files,
    pub(crate) p256: Files,
}

pub(crate) fn pki() -> &'static Pki {
    static PKI: OnceLock<Pki> = OnceLock::new();
    PKI.get_or_init(|| {
        let (ca, clients) = (Authority::root("Clasp Interop CA"), Authority::root("Clasp Interop Clients"));
        Pki { rsa: ca.issue(&Leaf::server(Kind::Rsa)), p256: ca.issue(&Leaf::server(Kind::P256)), ca, clients }
    })
}
