//! Certificates made for tests: authorities, leaves and what can be wrong with them.

use core::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use crate::RootStore;
#[cfg(feature = "legacy")]
use crate::fields::{self, Fields, SignedData};
#[cfg(feature = "legacy")]
use rcgen::SigningKey;

/// The moment all tests happen at: 2026-06-01 00:00:00 UTC.
pub(crate) const NOW: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(1_780_272_000));

pub(crate) fn name(text: &'static str) -> ServerName<'static> {
    ServerName::try_from(text).unwrap()
}

/// A certification authority.
pub(crate) struct Authority {
    pub(crate) issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn params(common_name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2100, 1, 1);
        params
    }

    pub(crate) fn new(common_name: &str) -> Self {
        Self::from_params(Self::params(common_name))
    }

    pub(crate) fn from_params(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    pub(crate) fn intermediate(&self, common_name: &str) -> Self {
        self.intermediate_from(Self::params(common_name))
    }

    pub(crate) fn intermediate_from(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::signed_by(params, key, &self.issuer).unwrap() }
    }

    pub(crate) fn der(&self) -> &CertificateDer<'static> {
        self.issuer.der()
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub(crate) fn roots(&self) -> RootStore {
        let mut roots = RootStore::new();
        roots.add_der(self.der()).unwrap();
        roots
    }

    /// A leaf for `host.example`, bent as the test needs it.
    pub(crate) fn leaf(&self, bend: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let mut params = leaf_params();
        bend(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Leaf { der: certificate.der().clone(), key }
    }
}

/// A leaf and its key.
pub(crate) struct Leaf {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) key: KeyPair,
}

impl Leaf {
    pub(crate) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }
}

pub(crate) fn leaf_params() -> CertificateParams {
    let mut params =
        CertificateParams::new(["host.example".to_owned(), "*.wild.example".into(), "192.0.2.7".into()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "host.example");
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// A certificate as good as any.
pub(crate) fn leaf_der() -> CertificateDer<'static> {
    Authority::new("Clasp Test CA").leaf(|_| {}).der
}

/// Changes one octet of the signature, which is the end of a certificate.
pub(crate) fn tampered(der: &CertificateDer<'_>) -> CertificateDer<'static> {
    let mut octets = der.to_vec();
    // Not the very last ones: they may be the last of an ECDSA signature's second number, and any
    // change there will do as well, but the middle of it keeps the encoding as it is.
    let place = octets.len() - 8;
    *octets.get_mut(place).unwrap() ^= 1;
    octets.into()
}

pub(crate) fn pem_chain(text: &[u8]) -> Vec<CertificateDer<'static>> {
    crate::pem::certificates(text, &crate::Source::Memory("test data")).unwrap()
}

macro_rules! test_data {
    ($name:expr) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/test-data/", $name))
    };
}
pub(crate) use test_data;

/// The certificate without version and extensions, signed anew by `issuer`: one of X.509 version 1.
#[cfg(feature = "legacy")]
pub(crate) fn version_1(der: &CertificateDer<'_>, issuer: &Authority) -> CertificateDer<'static> {
    version_1_bent(der, issuer, |_| {})
}

/// The same, with what is to be signed bent as the test needs it.
#[cfg(feature = "legacy")]
pub(crate) fn version_1_bent(
    der: &CertificateDer<'_>,
    issuer: &Authority,
    bend: impl FnOnce(&mut Vec<u8>),
) -> CertificateDer<'static> {
    let fields = Fields::parse(der).unwrap();
    signed_anew(der, issuer, |content| {
        let key = content.windows(fields.spki.len()).position(|window| window == fields.spki).unwrap();
        content.truncate(key + fields.spki.len());
        assert_eq!(content.drain(..5).collect::<Vec<_>>(), [0xa0, 3, 2, 1, 2]);
        bend(content);
    })
}

/// The certificate with what is to be signed bent, signed by `issuer` as it was.
#[cfg(feature = "legacy")]
pub(crate) fn signed_anew(
    der: &CertificateDer<'_>,
    issuer: &Authority,
    bend: impl FnOnce(&mut Vec<u8>),
) -> CertificateDer<'static> {
    let (signed, content) = SignedData::parse(der).unwrap();
    let mut content = content.to_vec();
    bend(&mut content);
    let tbs = fields::sequence(&content);
    let mut signature = vec![0];
    signature.extend(issuer.issuer.key().sign(&tbs).unwrap());
    let mut signature = fields::sequence(&signature);
    // A BIT STRING.
    signature[0] = 3;
    fields::sequence(&[tbs, fields::sequence(signed.algorithm), signature].concat()).into()
}
