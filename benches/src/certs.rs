//! A root, an intermediate and a server's certificate, made fresh for every run.

use openssl::rsa::Rsa;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// The name in the server's certificate.
pub const NAME: &str = "bench.example";

/// The kind of key throughout a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// RSA, 2048 bits.
    Rsa2048,
    /// ECDSA on P-256.
    P256,
}

/// A chain, DER and PEM: leaf and intermediate are sent, the root is trusted.
#[derive(Debug)]
pub struct Chain {
    /// The leaf, then the intermediate.
    pub chain: Vec<Vec<u8>>,
    /// The root.
    pub root: Vec<u8>,
    /// The leaf's private key, PKCS#8 DER.
    pub key: Vec<u8>,
}

impl Chain {
    /// Makes one. The RSA keys come from OpenSSL, as rcgen makes none.
    pub fn new(kind: Key) -> Self {
        let pair = || match kind {
            Key::P256 => KeyPair::generate().expect("P-256 key"),
            Key::Rsa2048 => {
                let rsa = Rsa::generate(2048).expect("RSA key");
                let pkey = openssl::pkey::PKey::from_rsa(rsa).expect("RSA key");
                let pem = pkey.private_key_to_pem_pkcs8().expect("PKCS#8");
                KeyPair::from_pem(std::str::from_utf8(&pem).expect("PEM")).expect("RSA key")
            }
        };
        let authority = |name: &str| {
            let mut params = CertificateParams::new(Vec::new()).expect("params");
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            params
        };
        let (root_key, root_params) = (pair(), authority("Bench Root"));
        let root = root_params.self_signed(&root_key).expect("root");
        let root_issuer = Issuer::new(root_params, root_key);
        let (middle_key, middle_params) = (pair(), authority("Bench Intermediate"));
        let middle = middle_params.signed_by(&middle_key, &root_issuer).expect("intermediate");
        let middle_issuer = Issuer::new(middle_params, middle_key);
        let leaf_key = pair();
        let mut leaf = CertificateParams::new(vec![NAME.to_owned()]).expect("params");
        leaf.distinguished_name.push(DnType::CommonName, NAME);
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        leaf.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        let leaf = leaf.signed_by(&leaf_key, &middle_issuer).expect("leaf");
        Self {
            chain: vec![leaf.der().to_vec(), middle.der().to_vec()],
            root: root.der().to_vec(),
            key: leaf_key.serialize_der(),
        }
    }
}
