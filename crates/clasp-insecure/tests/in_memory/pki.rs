//! Certificates made on the spot, for RSA keys of any length.

use std::sync::{Arc, OnceLock};

use clasp_cert::{Identity, RootStore, WebPkiClientVerifier};
use clasp_crypto::{CryptoError, SecureRandom, default_provider};
use clasp_handshake::ClientAuth;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256,
    PublicKeyData, SignatureAlgorithm,
};
use rsa::pkcs1::{EncodeRsaPrivateKey as _, EncodeRsaPublicKey as _};
use rsa::rand_core::{TryCryptoRng, TryRng};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer};

pub(crate) const NAME: &str = "server.example";

/// The default provider's randomness, for making RSA keys.
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

/// A fresh RSA key.
pub(crate) fn rsa_key(bits: usize) -> rsa::PrivateKey {
    rsa::PrivateKey::new_unchecked(&mut Random(default_provider().random), bits).unwrap()
}

/// A public RSA key, to be certified.
struct RsaPublic(Vec<u8>);

impl PublicKeyData for RsaPublic {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

/// A certificate authority, and what it issued.
pub(crate) struct Pki {
    root: CertificateDer<'static>,
    pub(crate) rsa: Identity,
    pub(crate) rsa512: Identity,
    pub(crate) ecdsa: Identity,
    pub(crate) client: Identity,
    pub(crate) ecdsa_client: Identity,
}

impl Pki {
    pub(crate) fn new(authority: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, authority);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root = params.self_signed(&key).unwrap().der().clone();
        let issuer = Issuer::new(params, key);

        let issue = |name: &str, public: &dyn PublicKeyData, key: PrivateKeyDer<'static>| {
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
            let leaf = params.signed_by(&public, &issuer).unwrap();
            Identity::from_der(vec![leaf.der().clone()], &key, default_provider()).unwrap()
        };
        let rsa = |name, bits| {
            let key = rsa_key(bits);
            let public = RsaPublic(key.to_public_key().to_pkcs1_der().unwrap().as_bytes().to_vec());
            let der = PrivatePkcs1KeyDer::from(key.to_pkcs1_der().unwrap().as_bytes().to_vec());
            issue(name, &public, PrivateKeyDer::Pkcs1(der))
        };
        let ecdsa = |name| {
            let key = KeyPair::generate().unwrap();
            issue(name, &key, PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        };
        Self {
            root,
            rsa: rsa(NAME, 1024),
            rsa512: rsa(NAME, 512),
            ecdsa: ecdsa(NAME),
            client: rsa("client.example", 1024),
            ecdsa_client: ecdsa("client.example"),
        }
    }

    pub(crate) fn roots(&self) -> RootStore {
        let mut roots = RootStore::default();
        roots.add_der(&self.root).unwrap();
        roots
    }

    pub(crate) fn request_client(&self) -> ClientAuth {
        ClientAuth::Request(Arc::new(WebPkiClientVerifier::builder(self.roots()).build().unwrap()))
    }

    pub(crate) fn require_client(&self) -> ClientAuth {
        ClientAuth::Require(Arc::new(WebPkiClientVerifier::builder(self.roots()).build().unwrap()))
    }
}

/// What most tests use.
pub(crate) fn pki() -> &'static Pki {
    static PKI: OnceLock<Pki> = OnceLock::new();
    PKI.get_or_init(|| Pki::new("CA"))
}
