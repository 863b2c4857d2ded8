//! What a certificate says, for people to read (RFC 5280, section 4).

use core::fmt;

use clasp_crypto::KeyAlgorithm;
use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::asn1_rs::FromDer;
use x509_parser::extensions::GeneralName;
use x509_parser::objects::{oid_registry, oid2sn};
use x509_parser::x509::AlgorithmIdentifier;

use crate::error::CertificateError;
use crate::fields::{self, Fields};
use crate::public_key::PublicKey;
use crate::text;

/// Names taken over from one certificate.
const MOST_NAMES: usize = 100;

/// The plain facts of a certificate. Nothing in it is verified.
///
/// Texts are the certificate's own, with control characters escaped and cut after 256 characters.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CertificateSummary {
    /// The subject's distinguished name.
    pub subject: Box<str>,
    /// The issuer's distinguished name.
    pub issuer: Box<str>,
    /// DNS names, IP addresses, mail addresses and URIs of subjectAltName, at most 100.
    pub names: Vec<Box<str>>,
    /// The first second of its validity.
    pub not_before: UnixTime,
    /// The last second of its validity.
    pub not_after: UnixTime,
    /// The serial number in hexadecimal.
    pub serial: Box<str>,
    /// The kind of key, if this crate has a name for it.
    pub key_algorithm: Option<KeyAlgorithm>,
    /// The key's size in bits; 0 if unknown.
    pub key_bits: usize,
    /// The algorithm of the issuer's signature.
    pub signature_algorithm: Box<str>,
    /// Whether it is a certification authority's.
    pub is_ca: bool,
}

impl CertificateSummary {
    /// Reads a certificate.
    ///
    /// # Errors
    /// It is not what RFC 5280 describes.
    pub fn from_der(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let key = PublicKey::from_certificate(certificate)?;
        let read = || {
            let fields = Fields::parse(certificate)?;
            let (not_before, not_after) = fields.validity()?;
            Ok(Self {
                subject: fields.subject_text(),
                issuer: fields.issuer_text(),
                names: alternative_names(&fields, |_| true),
                not_before,
                not_after,
                serial: text::hex(fields.serial).into(),
                key_algorithm: key.algorithm(),
                key_bits: key.bits(),
                signature_algorithm: algorithm_text(fields.signed.algorithm),
                is_ca: fields.is_ca()?,
            })
        };
        read().map_err(|malformed: fields::Malformed| CertificateError::new(malformed.into(), crate::Report::server()))
    }
}

impl fmt::Display for CertificateSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "subject   {}", self.subject)?;
        if !self.names.is_empty() {
            writeln!(f, "names     {}", text::list(&self.names))?;
        }
        writeln!(f, "issuer    {}", self.issuer)?;
        writeln!(f, "valid     {} to {}", text::date(self.not_before), text::date(self.not_after))?;
        match self.key_algorithm {
            Some(algorithm) => writeln!(f, "key       {algorithm:?}, {} bits", self.key_bits)?,
            None => writeln!(f, "key       of an unknown kind")?,
        }
        write!(f, "signature {}", self.signature_algorithm)?;
        if self.is_ca {
            write!(f, "\na certification authority's certificate")?;
        }
        Ok(())
    }
}

/// The names a server certificate is for.
pub(crate) fn presented_names(der: &[u8]) -> Vec<Box<str>> {
    Fields::parse(der).map_or_else(
        |_| Vec::new(),
        |fields| alternative_names(&fields, |name| matches!(name, GeneralName::DNSName(_) | GeneralName::IPAddress(_))),
    )
}

fn alternative_names(fields: &Fields<'_>, wanted: impl Fn(&GeneralName<'_>) -> bool) -> Vec<Box<str>> {
    let Ok(Some(names)) = fields.alternative_names() else {
        return Vec::new();
    };
    names
        .general_names
        .iter()
        .filter(|name| wanted(name))
        .filter_map(|name| match name {
            GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
                Some(text::printable(name))
            }
            GeneralName::IPAddress(octets) => address(octets),
            _ => None,
        })
        .take(MOST_NAMES)
        .collect()
}

fn address(octets: &[u8]) -> Option<Box<str>> {
    let address = if let Ok(four) = <[u8; 4]>::try_from(octets) {
        core::net::IpAddr::from(four)
    } else {
        core::net::IpAddr::from(<[u8; 16]>::try_from(octets).ok()?)
    };
    Some(address.to_string().into())
}

/// The name of an algorithm by the contents of its AlgorithmIdentifier; its object identifier
/// where it has no name.
pub(crate) fn algorithm_text(contents: &[u8]) -> Box<str> {
    let whole = fields::sequence(contents);
    match AlgorithmIdentifier::from_der(&whole) {
        Ok((_, identifier)) => oid2sn(&identifier.algorithm, oid_registry())
            .map_or_else(|_| text::printable(&identifier.algorithm.to_id_string()), Into::into),
        Err(_) => "an unreadable algorithm".into(),
    }
}
