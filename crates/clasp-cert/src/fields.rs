//! A certificate cut into its fields without reading more than is asked for (RFC 5280, section 4.1).
//!
//! rustls-webpki reads every certificate it verifies, but keeps the key usage and the dates to
//! itself. These cuts cost a few hundred nanoseconds and no allocation, so that looking at the
//! leaf once more does not show beside the signatures. What lies in a field is read by
//! x509-parser, and only when somebody wants to know.

use rustls_pki_types::{UnixTime, alg_id};
use x509_parser::asn1_rs::{Any, Class, FromDer, Tag};
use x509_parser::certificate::Validity;
use x509_parser::extensions::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use x509_parser::public_key::RSAPublicKey;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

use crate::rules::Accepted;
use crate::text;

/// The certificate is not what RFC 5280 describes; names the field that is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// One element: its type, its content, and the whole of it with the header.
struct Element<'a> {
    class: Class,
    tag: Tag,
    constructed: bool,
    content: &'a [u8],
    whole: &'a [u8],
}

fn element<'a>(input: &mut &'a [u8], field: &'static str) -> Result<Element<'a>, Malformed> {
    let before = *input;
    let (rest, any) = Any::from_der(before).map_err(|_| Malformed(field))?;
    let whole = before.len().checked_sub(rest.len()).and_then(|used| before.get(..used)).ok_or(Malformed(field))?;
    *input = rest;
    let constructed = any.header.is_constructed();
    Ok(Element { class: any.class(), tag: any.tag(), constructed, content: any.data, whole })
}

fn universal<'a>(input: &mut &'a [u8], tag: Tag, field: &'static str) -> Result<Element<'a>, Malformed> {
    let found = element(input, field)?;
    // Of the types read here DER makes only a SEQUENCE of parts (X.690, section 10.2).
    let is_it = found.class == Class::Universal && found.tag == tag && found.constructed == (tag == Tag::Sequence);
    if is_it { Ok(found) } else { Err(Malformed(field)) }
}

/// What an issuer has signed: a certificate, or a revocation list.
#[derive(Clone, Copy)]
pub(crate) struct SignedData<'a> {
    /// What is signed, with its header.
    pub(crate) tbs: &'a [u8],
    /// The signature's AlgorithmIdentifier, without its header.
    pub(crate) algorithm: &'a [u8],
    /// The signature.
    pub(crate) signature: &'a [u8],
}

impl<'a> SignedData<'a> {
    /// Cuts the DER of a certificate or a revocation list; gives the content of what is signed too.
    pub(crate) fn parse(mut der: &'a [u8]) -> Result<(Self, &'a [u8]), Malformed> {
        let mut all = universal(&mut der, Tag::Sequence, "Certificate")?.content;
        if !der.is_empty() {
            return Err(Malformed("Certificate"));
        }
        let tbs = universal(&mut all, Tag::Sequence, "tbsCertificate")?;
        let algorithm = universal(&mut all, Tag::Sequence, "signatureAlgorithm")?.content;
        let signature = universal(&mut all, Tag::BitString, "signature")?.content;
        if !all.is_empty() {
            return Err(Malformed("signature"));
        }
        let signature = octets(signature).ok_or(Malformed("signature"))?;
        Ok((Self { tbs: tbs.whole, algorithm, signature }, tbs.content))
    }

    /// Whether the signature verifies with the key in `issuer_spki`.
    pub(crate) fn verify(&self, issuer_spki: &Spki<'_>, accepted: &Accepted) -> Signed {
        if let Some(bits) = accepted.too_short(issuer_spki) {
            return Signed::ShortKey(bits);
        }
        let mut signed = Signed::Unsupported;
        for algorithm in accepted.algorithms.iter().filter(|algorithm| {
            algorithm.signature_alg_id().as_ref() == self.algorithm
                && algorithm.public_key_alg_id().as_ref() == issuer_spki.algorithm
        }) {
            match algorithm.verify_signature(issuer_spki.key, self.tbs, self.signature) {
                Ok(()) => return Signed::Good,
                Err(_) => signed = Signed::Bad,
            }
        }
        signed
    }
}

/// Gives the content of a BIT STRING of whole octets.
fn octets(bit_string: &[u8]) -> Option<&[u8]> {
    bit_string.strip_prefix(&[0])
}

pub(crate) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
pub(crate) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x1e];
/// id-pe-tlsfeature (RFC 7633, section 4.1).
const TLS_FEATURE: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x18];
pub(crate) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];

/// A version of X.509 (RFC 5280, section 4.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum X509 {
    V1,
    V3,
    /// One that nobody uses, as people count.
    Other(u8),
}

/// One extension (RFC 5280, section 4.1).
pub(crate) struct Extension<'a> {
    pub(crate) id: &'a [u8],
    #[cfg_attr(not(feature = "legacy"), allow(dead_code, reason = "webpki looks at it elsewhere"))]
    pub(crate) critical: bool,
    pub(crate) value: &'a [u8],
}

/// The fields of one certificate, as slices of it.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    /// What the issuer signed, and how.
    pub(crate) signed: SignedData<'a>,
    /// Its version.
    pub(crate) x509: X509,
    /// The algorithm's name inside what is signed, which has to be that outside (RFC 5280, section
    /// 4.1.1.2).
    #[cfg_attr(not(feature = "legacy"), allow(dead_code, reason = "webpki looks at it elsewhere"))]
    pub(crate) inner_algorithm: &'a [u8],
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
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, Malformed> {
        let (signed, mut rest) = SignedData::parse(der)?;
        let mut first = element(&mut rest, "version")?;
        let mut x509 = X509::V1;
        if first.class == Class::ContextSpecific && first.tag == Tag(0) {
            let mut wrapped = first.content;
            let number = universal(&mut wrapped, Tag::Integer, "version")?.content;
            x509 = match number {
                // Version 1 is written by leaving it out; some have written it all the same.
                [0] if wrapped.is_empty() => X509::V1,
                [2] if wrapped.is_empty() => X509::V3,
                [other @ 1..=127] if wrapped.is_empty() => X509::Other(other + 1),
                _ => return Err(Malformed("version")),
            };
            first = element(&mut rest, "serialNumber")?;
        }
        if first.class != Class::Universal || first.tag != Tag::Integer {
            return Err(Malformed("serialNumber"));
        }
        let inner_algorithm = universal(&mut rest, Tag::Sequence, "tbsCertificate.signature")?.content;
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

        Ok(Self { signed, x509, inner_algorithm, serial: first.content, issuer, validity, subject, spki, extensions })
    }

    /// Every extension.
    pub(crate) fn extensions(&self) -> impl Iterator<Item = Result<Extension<'a>, Malformed>> {
        const FIELD: &str = "extensions";
        let mut rest = self.extensions;
        core::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let mut next = || {
                let mut extension = universal(&mut rest, Tag::Sequence, FIELD)?.content;
                let id = universal(&mut extension, Tag::Oid, FIELD)?.content;
                let mut value = element(&mut extension, FIELD)?;
                let mut critical = false;
                if value.tag == Tag::Boolean {
                    critical = value.content != [0];
                    value = element(&mut extension, FIELD)?;
                }
                if value.tag != Tag::OctetString || !extension.is_empty() {
                    return Err(Malformed(FIELD));
                }
                Ok(Extension { id, critical, value: value.content })
            };
            let found = next();
            if found.is_err() {
                rest = &[];
            }
            Some(found)
        })
    }

    /// The value of the extension with this object identifier. Two of them are one too many
    /// (RFC 5280, section 4.2).
    fn extension(&self, id: &[u8], field: &'static str) -> Result<Option<&'a [u8]>, Malformed> {
        let mut found = None;
        for extension in self.extensions() {
            let extension = extension?;
            if extension.id == id && found.replace(extension.value).is_some() {
                return Err(Malformed(field));
            }
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

    /// Whether the subjectAltName extension has a name of one of these kinds, by their tags in
    /// GeneralName (RFC 5280, section 4.2.1.6).
    pub(crate) fn has_alternative_name(&self, kinds: &[u32]) -> Result<bool, Malformed> {
        const FIELD: &str = "subjectAltName";
        let Some(mut value) = self.extension(SUBJECT_ALT_NAME, FIELD)? else {
            return Ok(false);
        };
        let mut names = universal(&mut value, Tag::Sequence, FIELD)?.content;
        let mut found = false;
        while !names.is_empty() {
            let name = element(&mut names, FIELD)?;
            found |= name.class == Class::ContextSpecific && kinds.contains(&name.tag.0);
        }
        if value.is_empty() { Ok(found) } else { Err(Malformed(FIELD)) }
    }

    /// Whether the certificate holds those below it to certain names.
    #[cfg(feature = "legacy")]
    pub(crate) fn has_name_constraints(&self) -> Result<bool, Malformed> {
        Ok(self.extension(NAME_CONSTRAINTS, "nameConstraints")?.is_some())
    }

    /// The content of the nameConstraints extension, if there is one.
    pub(crate) fn name_constraints(&self) -> Result<Option<&'a [u8]>, Malformed> {
        const FIELD: &str = "nameConstraints";
        let Some(mut value) = self.extension(NAME_CONSTRAINTS, FIELD)? else {
            return Ok(None);
        };
        let content = universal(&mut value, Tag::Sequence, FIELD)?.content;
        if value.is_empty() { Ok(Some(content)) } else { Err(Malformed(FIELD)) }
    }

    /// Whether the TLS feature extension names `feature`, an extension of TLS (RFC 7633, section 4.1).
    pub(crate) fn has_tls_feature(&self, feature: u8) -> Result<bool, Malformed> {
        const FIELD: &str = "TLS feature";
        let Some(mut value) = self.extension(TLS_FEATURE, FIELD)? else {
            return Ok(false);
        };
        let mut features = universal(&mut value, Tag::Sequence, FIELD)?.content;
        let mut found = false;
        while !features.is_empty() {
            found |= universal(&mut features, Tag::Integer, FIELD)?.content == [feature];
        }
        if value.is_empty() { Ok(found) } else { Err(Malformed(FIELD)) }
    }

    /// The basicConstraints extension, if there is one.
    pub(crate) fn basic_constraints(&self) -> Result<Option<BasicConstraints>, Malformed> {
        self.read(BASIC_CONSTRAINTS, "basicConstraints", BasicConstraints::from_der)
    }

    /// Whether the basicConstraints extension says that this is a certification authority.
    pub(crate) fn is_ca(&self) -> Result<bool, Malformed> {
        Ok(self.basic_constraints()?.is_some_and(|constraints| constraints.ca))
    }

    /// The first and the last second at which the certificate is valid. Times before 1970 count
    /// as 1970.
    pub(crate) fn validity(&self) -> Result<(UnixTime, UnixTime), Malformed> {
        let (_, validity) = Validity::from_der(self.validity).map_err(|_| Malformed("validity"))?;
        Ok((at(validity.not_before), at(validity.not_after)))
    }

    /// The subject's name for people to read.
    pub(crate) fn subject_text(&self) -> Box<str> {
        name_text(self.subject)
    }

    /// The issuer's name for people to read.
    pub(crate) fn issuer_text(&self) -> Box<str> {
        name_text(self.issuer)
    }
}

/// What became of an issuer's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    Good,
    Bad,
    /// No algorithm at hand fits both the signature and the key.
    Unsupported,
    /// The RSA key has only so many bits.
    ShortKey(usize),
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
    const FIELD: &'static str = "subjectPublicKeyInfo";

    pub(crate) fn parse(mut der: &'a [u8]) -> Result<Self, Malformed> {
        let content = universal(&mut der, Tag::Sequence, Self::FIELD)?.content;
        if der.is_empty() { Self::of_content(content) } else { Err(Malformed(Self::FIELD)) }
    }

    /// Cuts one that has lost its header.
    pub(crate) fn of_content(mut content: &'a [u8]) -> Result<Self, Malformed> {
        let algorithm = universal(&mut content, Tag::Sequence, Self::FIELD)?.content;
        let key = universal(&mut content, Tag::BitString, Self::FIELD)?.content;
        if !content.is_empty() {
            return Err(Malformed(Self::FIELD));
        }
        Ok(Self { algorithm, key: octets(key).ok_or(Malformed(Self::FIELD))? })
    }

    /// The bits of the modulus, if it is an RSA key; 0 if that cannot be read.
    pub(crate) fn rsa_bits(&self) -> Option<usize> {
        (self.algorithm == alg_id::RSA_ENCRYPTION.as_ref() || self.algorithm.starts_with(&ID_RSASSA_PSS))
            .then(|| RSAPublicKey::from_der(self.key).map_or(0, |(_, key)| bits(key.modulus)))
    }
}

/// id-RSASSA-PSS, an object identifier in DER (RFC 4055, section 3.1).
pub(crate) const ID_RSASSA_PSS: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];

/// The length of a number without leading zeros.
fn bits(number: &[u8]) -> usize {
    let Some(first) = number.iter().position(|&octet| octet != 0) else {
        return 0;
    };
    let lead = number.get(first).map_or(0, |octet| octet.leading_zeros());
    (number.len() - first) * 8 - usize::try_from(lead).unwrap_or(0)
}

/// Whether the content of nameConstraints holds anybody to anything. Neither it nor one of its lists may be empty (RFC 5280,
/// section 4.2.1.10).
pub(crate) fn constrains_names(mut content: &[u8]) -> Result<bool, Malformed> {
    let mut found = false;
    while !content.is_empty() {
        if element(&mut content, "nameConstraints")?.content.is_empty() {
            return Ok(false);
        }
        found = true;
    }
    Ok(found)
}

/// When a revocation list has to be renewed, from the content of what its issuer signed (RFC 5280,
/// section 5.1).
#[cfg(feature = "legacy")]
pub(crate) fn next_update(content: &[u8]) -> Result<UnixTime, Malformed> {
    const FIELD: &str = "nextUpdate";
    let mut rest = content;
    universal(&mut rest, Tag::Integer, FIELD)?;
    universal(&mut rest, Tag::Sequence, FIELD)?;
    universal(&mut rest, Tag::Sequence, FIELD)?;
    element(&mut rest, FIELD)?;
    ASN1Time::from_der(rest).map(|(_, time)| at(time)).map_err(|_| Malformed(FIELD))
}

/// Times before 1970 count as 1970.
fn at(time: ASN1Time) -> UnixTime {
    UnixTime::since_unix_epoch(core::time::Duration::from_secs(u64::try_from(time.timestamp()).unwrap_or(0)))
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
