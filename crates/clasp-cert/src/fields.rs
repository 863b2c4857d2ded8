//! A certificate cut into its fields without reading more than is asked for (RFC 5280, section 4.1).
//!
//! rustls-webpki reads every certificate it verifies, but keeps the key usage and the dates to
//! itself. These cuts cost a few hundred nanoseconds and no allocation, so that looking at the
//! leaf once more does not show beside the signatures. What lies in a field is read by
//! x509-parser, and only when somebody wants to know.

use rustls_pki_types::{SignatureVerificationAlgorithm, UnixTime};
use x509_parser::asn1_rs::{Any, Class, FromDer, Tag};
use x509_parser::certificate::Validity;
use x509_parser::extensions::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use x509_parser::x509::X509Name;

use crate::text;

/// The certificate is not what RFC 5280 describes; names the field that is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// One element: its type, its content, and the whole of it with the header.
struct Element<'a> {
    class: Class,
    tag: Tag,
    content: &'a [u8],
    whole: &'a [u8],
}

fn element<'a>(input: &mut &'a [u8], field: &'static str) -> Result<Element<'a>, Malformed> {
    let before = *input;
    let (rest, any) = Any::from_der(before).map_err(|_| Malformed(field))?;
    let whole = before.len().checked_sub(rest.len()).and_then(|used| before.get(..used)).ok_or(Malformed(field))?;
    *input = rest;
    Ok(Element { class: any.class(), tag: any.tag(), content: any.data, whole })
}

fn universal<'a>(input: &mut &'a [u8], tag: Tag, field: &'static str) -> Result<Element<'a>, Malformed> {
    let found = element(input, field)?;
    if found.class == Class::Universal && found.tag == tag { Ok(found) } else { Err(Malformed(field)) }
}

/// Gives the content of a BIT STRING of whole octets.
fn octets(bit_string: &[u8]) -> Option<&[u8]> {
    bit_string.strip_prefix(&[0])
}

const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];

/// The fields of one certificate, as slices of it.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    /// What the issuer signed, with its header.
    pub(crate) tbs: &'a [u8],
    /// The signature's AlgorithmIdentifier, without its header.
    pub(crate) signature_algorithm: &'a [u8],
    /// The issuer's signature.
    pub(crate) signature: &'a [u8],
    /// The serial number's octets.
    pub(crate) serial: &'a [u8],
    /// The issuer's name with its header, as it goes into a CertificateRequest.
    pub(crate) issuer: &'a [u8],
    validity: &'a [u8],
    /// The subject's name with its header.
    pub(crate) subject: &'a [u8],
    /// The public key's SubjectPublicKeyInfo with its header.
    pub(crate) spki: &'a [u8],
    /// The extensions one after the other; empty when there are none.
    extensions: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Cuts a DER certificate.
    pub(crate) fn parse(mut der: &'a [u8]) -> Result<Self, Malformed> {
        let mut certificate = universal(&mut der, Tag::Sequence, "Certificate")?.content;
        if !der.is_empty() {
            return Err(Malformed("Certificate"));
        }
        let tbs = universal(&mut certificate, Tag::Sequence, "tbsCertificate")?;
        let signature_algorithm = universal(&mut certificate, Tag::Sequence, "signatureAlgorithm")?.content;
        let signature = universal(&mut certificate, Tag::BitString, "signature")?.content;
        if !certificate.is_empty() {
            return Err(Malformed("signature"));
        }

        let mut rest = tbs.content;
        let mut first = element(&mut rest, "version")?;
        if first.class == Class::ContextSpecific && first.tag == Tag(0) {
            first = element(&mut rest, "serialNumber")?;
        }
        if first.class != Class::Universal || first.tag != Tag::Integer {
            return Err(Malformed("serialNumber"));
        }
        universal(&mut rest, Tag::Sequence, "tbsCertificate.signature")?;
        let issuer = universal(&mut rest, Tag::Sequence, "issuer")?.whole;
        let validity = universal(&mut rest, Tag::Sequence, "validity")?.whole;
        let subject = universal(&mut rest, Tag::Sequence, "subject")?.whole;
        let spki = universal(&mut rest, Tag::Sequence, "subjectPublicKeyInfo")?.whole;

        let mut extensions: &[u8] = &[];
        while !rest.is_empty() {
            let optional = element(&mut rest, "extensions")?;
            match (optional.class, optional.tag) {
                // issuerUniqueID and subjectUniqueID, which nobody uses.
                (Class::ContextSpecific, Tag(1 | 2)) => {}
                (Class::ContextSpecific, Tag(3)) if rest.is_empty() => {
                    let mut wrapped = optional.content;
                    extensions = universal(&mut wrapped, Tag::Sequence, "extensions")?.content;
                    if !wrapped.is_empty() {
                        return Err(Malformed("extensions"));
                    }
                }
                _ => return Err(Malformed("extensions")),
            }
        }

        Ok(Self {
            tbs: tbs.whole,
            signature_algorithm,
            signature: octets(signature).ok_or(Malformed("signature"))?,
            serial: first.content,
            issuer,
            validity,
            subject,
            spki,
            extensions,
        })
    }

    /// The value of the extension with this object identifier. Two of them are one too many
    /// (RFC 5280, section 4.2).
    fn extension(&self, id: &[u8], field: &'static str) -> Result<Option<&'a [u8]>, Malformed> {
        let mut rest = self.extensions;
        let mut found = None;
        while !rest.is_empty() {
            let mut extension = universal(&mut rest, Tag::Sequence, "extensions")?.content;
            let name = universal(&mut extension, Tag::Oid, "extensions")?;
            if name.content != id {
                continue;
            }
            let mut value = element(&mut extension, field)?;
            if value.tag == Tag::Boolean {
                value = element(&mut extension, field)?;
            }
            if value.tag != Tag::OctetString || !extension.is_empty() || found.is_some() {
                return Err(Malformed(field));
            }
            found = Some(value.content);
        }
        Ok(found)
    }

    fn read<T, E>(
        &self,
        id: &[u8],
        field: &'static str,
        read: impl FnOnce(&'a [u8]) -> Result<(&'a [u8], T), E>,
    ) -> Result<Option<T>, Malformed> {
        let Some(value) = self.extension(id, field)? else {
            return Ok(None);
        };
        match read(value) {
            Ok(([], value)) => Ok(Some(value)),
            _ => Err(Malformed(field)),
        }
    }

    /// The keyUsage extension, if there is one.
    pub(crate) fn key_usage(&self) -> Result<Option<KeyUsage>, Malformed> {
        self.read(KEY_USAGE, "keyUsage", KeyUsage::from_der)
    }

    /// The extKeyUsage extension, if there is one.
    pub(crate) fn extended_key_usage(&self) -> Result<Option<ExtendedKeyUsage<'a>>, Malformed> {
        self.read(EXTENDED_KEY_USAGE, "extKeyUsage", ExtendedKeyUsage::from_der)
    }

    /// The names in the subjectAltName extension, if there is one.
    pub(crate) fn alternative_names(&self) -> Result<Option<SubjectAlternativeName<'a>>, Malformed> {
        self.read(SUBJECT_ALT_NAME, "subjectAltName", SubjectAlternativeName::from_der)
    }

    /// Whether the basicConstraints extension says that this is a certification authority.
    pub(crate) fn is_ca(&self) -> Result<bool, Malformed> {
        let constraints = self.read(BASIC_CONSTRAINTS, "basicConstraints", BasicConstraints::from_der)?;
        Ok(constraints.is_some_and(|constraints| constraints.ca))
    }

    /// The first and the last second at which the certificate is valid. Times before 1970 count
    /// as 1970.
    pub(crate) fn validity(&self) -> Result<(UnixTime, UnixTime), Malformed> {
        let (_, validity) = Validity::from_der(self.validity).map_err(|_| Malformed("validity"))?;
        let at = |seconds: i64| {
            let seconds = u64::try_from(seconds).unwrap_or(0);
            UnixTime::since_unix_epoch(core::time::Duration::from_secs(seconds))
        };
        Ok((at(validity.not_before.timestamp()), at(validity.not_after.timestamp())))
    }

    /// The subject's name for people to read.
    pub(crate) fn subject_text(&self) -> Box<str> {
        name_text(self.subject)
    }

    /// The issuer's name for people to read.
    pub(crate) fn issuer_text(&self) -> Box<str> {
        name_text(self.issuer)
    }

    /// Whether the issuer's signature verifies with the key in `issuer_spki`.
    pub(crate) fn signed_with(&self, issuer_spki: &[u8], algorithms: &[&dyn SignatureVerificationAlgorithm]) -> Signed {
        let Ok(spki) = Spki::parse(issuer_spki) else {
            return Signed::Unsupported;
        };
        let mut signed = Signed::Unsupported;
        for algorithm in algorithms.iter().filter(|algorithm| {
            algorithm.signature_alg_id().as_ref() == self.signature_algorithm
                && algorithm.public_key_alg_id().as_ref() == spki.algorithm
        }) {
            match algorithm.verify_signature(spki.key, self.tbs, self.signature) {
                Ok(()) => return Signed::Good,
                Err(_) => signed = Signed::Bad,
            }
        }
        signed
    }
}

/// What became of an issuer's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    Good,
    Bad,
    /// No algorithm at hand fits both the signature and the key.
    Unsupported,
}

/// A SubjectPublicKeyInfo in its two parts (RFC 5280, section 4.1.2.7).
#[derive(Clone, Copy)]
pub(crate) struct Spki<'a> {
    /// The AlgorithmIdentifier, without its header.
    pub(crate) algorithm: &'a [u8],
    /// The key: a point, or an RSAPublicKey.
    pub(crate) key: &'a [u8],
}

impl<'a> Spki<'a> {
    pub(crate) fn parse(mut der: &'a [u8]) -> Result<Self, Malformed> {
        const FIELD: &str = "subjectPublicKeyInfo";
        let mut spki = universal(&mut der, Tag::Sequence, FIELD)?.content;
        let algorithm = universal(&mut spki, Tag::Sequence, FIELD)?.content;
        let key = universal(&mut spki, Tag::BitString, FIELD)?.content;
        if !der.is_empty() || !spki.is_empty() {
            return Err(Malformed(FIELD));
        }
        Ok(Self { algorithm, key: octets(key).ok_or(Malformed(FIELD))? })
    }
}

/// A distinguished name for people to read; `name` has its header.
pub(crate) fn name_text(name: &[u8]) -> Box<str> {
    match X509Name::from_der(name) {
        Ok((_, name)) if name.iter().next().is_some() => text::printable(&name.to_string()),
        Ok(_) => "(no name)".into(),
        Err(_) => "(unreadable name)".into(),
    }
}

/// Puts the header of a SEQUENCE before `content`.
pub(crate) fn sequence(content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length: &[u8] = match length.iter().position(|&octet| octet != 0) {
        Some(start) => length.get(start..).unwrap_or_default(),
        None => &[0],
    };
    let mut out = Vec::with_capacity(content.len() + 10);
    out.push(0x30);
    if content.len() > 127 {
        // A length of usize has at most eight octets.
        out.push(0x80 | u8::try_from(length.len()).unwrap_or(8));
    }
    out.extend_from_slice(length);
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_gets_the_shortest_header() {
        assert_eq!(sequence(&[]), [0x30, 0]);
        assert_eq!(sequence(&[7; 127]).get(..2), Some(&[0x30, 127][..]));
        assert_eq!(sequence(&[7; 128]).get(..3), Some(&[0x30, 0x81, 128][..]));
        assert_eq!(sequence(&[7; 300]).get(..4), Some(&[0x30, 0x82, 0x01, 0x2c][..]));
    }

    #[test]
    fn rubbish_is_refused_and_named() {
        assert_eq!(Fields::parse(&[]).map(|_| ()), Err(Malformed("Certificate")));
        assert_eq!(Fields::parse(b"hello").map(|_| ()), Err(Malformed("Certificate")));
        assert_eq!(Fields::parse(&sequence(&[0x30, 3])).map(|_| ()), Err(Malformed("tbsCertificate")));
    }

    #[test]
    fn every_shortening_of_a_certificate_is_refused() {
        let der = crate::testing::leaf_der();
        assert!(Fields::parse(&der).is_ok());
        for end in 0..der.len() {
            assert!(Fields::parse(der.get(..end).unwrap()).is_err(), "{end}");
        }
        let mut longer = der.to_vec();
        longer.push(0);
        assert!(Fields::parse(&longer).is_err());
    }

    #[test]
    fn no_flipped_octet_makes_reading_panic() {
        let der = crate::testing::leaf_der().to_vec();
        for place in 0..der.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bent = der.clone();
                *bent.get_mut(place).unwrap() ^= flip;
                if let Ok(fields) = Fields::parse(&bent) {
                    let _ = fields.key_usage();
                    let _ = fields.extended_key_usage();
                    let _ = fields.alternative_names();
                    let _ = fields.is_ca();
                    let _ = fields.validity();
                    let _ = fields.subject_text();
                    let _ = Spki::parse(fields.spki);
                }
            }
        }
    }
}
