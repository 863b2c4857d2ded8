//! Certificates for a run (RFC 5280): an authority, a server with two keys, a client, and a client nobody knows.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// The server's name.
pub(crate) const SERVER: &str = "soak.example";
/// The client's, in its certificate.
pub(crate) const CLIENT: &str = "client.soak.example";

/// An RSA key takes seconds to make, and this one guards nothing.
const RSA_KEY: &str = include_str!("../../clasp-cert/test-data/rsa.key.pem");

/// Where they are.
#[derive(Debug)]
pub(crate) struct Pki {
    folder: PathBuf,
}

impl Pki {
    /// Makes them in a new folder, which goes when this is dropped.
    pub(crate) fn make() -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("clasp-soak-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let pki = Self { folder };
        pki.fill().map_err(|error| format!("certificates could not be made: {error}"))?;
        Ok(pki)
    }

    /// One of the files.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn fill(&self) -> Result<(), Box<dyn std::error::Error>> {
        let ca = Authority::new("Soak Authority")?;
        fs::write(self.file("ca.pem"), &ca.pem)?;
        let server = ExtendedKeyUsagePurpose::ServerAuth;
        ca.issue(SERVER, &KeyPair::from_pem(RSA_KEY)?, server.clone(), &self.folder, "rsa")?;
        ca.issue(SERVER, &KeyPair::generate()?, server, &self.folder, "ec")?;
        let client = ExtendedKeyUsagePurpose::ClientAuth;
        ca.issue(CLIENT, &KeyPair::generate()?, client.clone(), &self.folder, "client")?;
        let other = Authority::new("Unknown Authority")?;
        other.issue(CLIENT, &KeyPair::generate()?, client, &self.folder, "stranger")?;
        Ok(())
    }
}

impl Drop for Pki {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    fn issue(
        &self,
        name: &str,
        key: &KeyPair,
        usage: ExtendedKeyUsagePurpose,
        folder: &Path,
        file: &str,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![usage];
        fs::write(folder.join(format!("{file}.pem")), params.signed_by(key, &self.issuer)?.pem())?;
        fs::write(folder.join(format!("{file}.key")), key.serialize_pem())?;
        Ok(())
    }
}
