//! Certificates, their compressed form, and requests for them, as TLS 1.3 has them (RFC 8446 4.3.2, 4.4.2; RFC 8879).

use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use super::extensions::{
    Extension, block, compression_algorithms, opaque_list, schemes, write_block, write_compression_algorithms,
    write_opaque_list, write_schemes,
};
use super::{CertificateStatus, HandshakeMessage, UnknownExtension};
use crate::bounds::{MAX_AUTHORITIES, MAX_CERTIFICATES, MAX_TIMESTAMPS};
use crate::codepoint::{CertificateCompressionAlgorithm, ExtensionType, HandshakeType, SignatureScheme};
use crate::error::DecodeError;
use crate::parse::{Parsed, field, list, rest, u16, u24, vector8, vector24, view, whole};
use crate::write;

/// A certificate chain, or a raw public key (RFC 8446 4.4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate13 {
    /// The request's that this answers; empty from a server. At most 255 bytes.
    pub request_context: Bytes,
    /// Leaf first. A client without a certificate sends none.
    pub entries: Vec<CertificateEntry>,
}

/// One certificate of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateEntry {
    /// DER: a certificate, or a SubjectPublicKeyInfo where raw public keys were agreed (RFC 7250). Never empty.
    pub data: Bytes,
    /// What is said of this certificate.
    pub extensions: Vec<CertificateExtension>,
}

/// An extension of one certificate of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateExtension {
    /// RFC 8446 4.4.2.1: its status.
    Status(CertificateStatus),
    /// RFC 6962 3.3.1: timestamps. Never empty.
    SignedCertificateTimestamp(Vec<Bytes>),
    /// Any other, verbatim.
    Unknown(UnknownExtension),
}

impl HandshakeMessage for Certificate13 {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE;
    const NAME: &'static str = "Certificate";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (input, context) = field("certificate_request_context", vector8(0, 255))(input)?;
            let (input, entries) = field("certificate_list", |input| {
                list(vector24(0)(input), MAX_CERTIFICATES, |input| CertificateEntry::parse(body, input))
            })(input)?;
            Ok((input, Self { request_context: view(body, context), entries }))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        write::vector8(out, |out| out.put_slice(&self.request_context));
        write::vector24(out, |out| {
            for entry in &self.entries {
                write::vector24(out, |out| out.put_slice(&entry.data));
                write_block(out, &entry.extensions);
            }
        });
    }

    fn extension_count(&self) -> usize {
        self.entries.iter().map(|entry| entry.extensions.len()).max().unwrap_or(0)
    }
}

impl CertificateEntry {
    /// A certificate of which nothing more is said.
    pub fn new(data: Bytes) -> Self {
        Self { data, extensions: Vec::new() }
    }

    /// The OCSP response, DER, not looked into (RFC 8446 4.4.2.1).
    pub fn ocsp_response(&self) -> Option<&Bytes> {
        self.extensions.iter().find_map(|extension| match extension {
            CertificateExtension::Status(status) => Some(&status.ocsp_response),
            _ => None,
        })
    }

    fn parse<'a>(body: &Bytes, input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, data) = field("cert_data", vector24(1))(input)?;
        let (input, extensions) =
            field("extensions", |input| block(input, |typ, data| CertificateExtension::parse(body, typ, data)))(input)?;
        Ok((input, Self { data: view(body, data), extensions }))
    }
}

impl CertificateExtension {
    /// Its type.
    pub fn ext_type(&self) -> ExtensionType {
        match self {
            Self::Status(_) => ExtensionType::STATUS_REQUEST,
            Self::SignedCertificateTimestamp(_) => ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP,
            Self::Unknown(unknown) => unknown.typ,
        }
    }

    fn parse<'a>(body: &Bytes, typ: ExtensionType, data: &'a [u8]) -> Parsed<'a, Self> {
        Ok(match typ {
            ExtensionType::STATUS_REQUEST => {
                let (left, status) = CertificateStatus::parse(body, data)?;
                (left, Self::Status(status))
            }
            ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP => {
                let (left, list) = opaque_list(body, MAX_TIMESTAMPS, data)?;
                (left, Self::SignedCertificateTimestamp(list))
            }
            typ => {
                let (left, unknown) = UnknownExtension::parse(body, typ, data)?;
                (left, Self::Unknown(unknown))
            }
        })
    }
}

impl Extension for CertificateExtension {
    fn ext_type(&self) -> ExtensionType {
        self.ext_type()
    }

    fn write_data(&self, out: &mut BytesMut) {
        match self {
            Self::Status(status) => status.write_body(out),
            Self::SignedCertificateTimestamp(list) => write_opaque_list(out, list),
            Self::Unknown(unknown) => out.put_slice(&unknown.data),
        }
    }
}

/// A server's wish for the client's certificate, in the handshake or after it (RFC 8446 4.3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRequest13 {
    /// What the client's Certificate repeats; empty within the handshake. At most 255 bytes.
    pub request_context: Bytes,
    /// What the server takes; RFC 8446 wants signature_algorithms among them, which is not looked at here.
    pub extensions: Vec<CertificateRequestExtension>,
}

/// An extension of a request for a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateRequestExtension {
    /// RFC 8446 4.2.3: for the client's CertificateVerify. Never empty.
    SignatureAlgorithms(Vec<SignatureScheme>),
    /// RFC 8446 4.2.3: for the signatures in the chain. Never empty.
    SignatureAlgorithmsCert(Vec<SignatureScheme>),
    /// RFC 8446 4.2.4: DER names of acceptable authorities. Never empty.
    CertificateAuthorities(Vec<Bytes>),
    /// RFC 8446 4.4.2.1: an OCSP response is welcome.
    StatusRequest,
    /// RFC 6962 3.3.1: timestamps are welcome.
    SignedCertificateTimestamp,
    /// RFC 8879 3: in order of preference. Never empty.
    CompressCertificate(Vec<CertificateCompressionAlgorithm>),
    /// RFC 8446 4.2.5, verbatim.
    OidFilters(Bytes),
    /// Any other, verbatim.
    Unknown(UnknownExtension),
}

impl HandshakeMessage for CertificateRequest13 {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE_REQUEST;
    const NAME: &'static str = "CertificateRequest";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (input, context) = field("certificate_request_context", vector8(0, 255))(input)?;
            let (input, extensions) = field("extensions", |input| {
                block(input, |typ, data| CertificateRequestExtension::parse(body, typ, data))
            })(input)?;
            Ok((input, Self { request_context: view(body, context), extensions }))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        write::vector8(out, |out| out.put_slice(&self.request_context));
        write_block(out, &self.extensions);
    }

    fn extension_count(&self) -> usize {
        self.extensions.len()
    }
}

impl CertificateRequest13 {
    /// The schemes the server verifies the client's signature by (RFC 8446 4.2.3).
    pub fn signature_algorithms(&self) -> Option<&[SignatureScheme]> {
        self.extensions.iter().find_map(|extension| match extension {
            CertificateRequestExtension::SignatureAlgorithms(schemes) => Some(schemes.as_slice()),
            _ => None,
        })
    }

    /// The schemes the server verifies the chain's signatures by, where it says so (RFC 8446 4.2.3).
    pub fn signature_algorithms_cert(&self) -> Option<&[SignatureScheme]> {
        self.extensions.iter().find_map(|extension| match extension {
            CertificateRequestExtension::SignatureAlgorithmsCert(schemes) => Some(schemes.as_slice()),
            _ => None,
        })
    }

    /// DER names of acceptable authorities; none means any (RFC 8446 4.2.4).
    pub fn authorities(&self) -> &[Bytes] {
        let names = self.extensions.iter().find_map(|extension| match extension {
            CertificateRequestExtension::CertificateAuthorities(names) => Some(names.as_slice()),
            _ => None,
        });
        names.unwrap_or_default()
    }

    /// How the client's Certificate may be compressed, in order of preference; none means not at all (RFC 8879 3).
    pub fn compression_algorithms(&self) -> &[CertificateCompressionAlgorithm] {
        let algorithms = self.extensions.iter().find_map(|extension| match extension {
            CertificateRequestExtension::CompressCertificate(algorithms) => Some(algorithms.as_slice()),
            _ => None,
        });
        algorithms.unwrap_or_default()
    }
}

impl CertificateRequestExtension {
    /// Its type.
    pub fn ext_type(&self) -> ExtensionType {
        match self {
            Self::SignatureAlgorithms(_) => ExtensionType::SIGNATURE_ALGORITHMS,
            Self::SignatureAlgorithmsCert(_) => ExtensionType::SIGNATURE_ALGORITHMS_CERT,
            Self::CertificateAuthorities(_) => ExtensionType::CERTIFICATE_AUTHORITIES,
            Self::StatusRequest => ExtensionType::STATUS_REQUEST,
            Self::SignedCertificateTimestamp => ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP,
            Self::CompressCertificate(_) => ExtensionType::COMPRESS_CERTIFICATE,
            Self::OidFilters(_) => ExtensionType::OID_FILTERS,
            Self::Unknown(unknown) => unknown.typ,
        }
    }

    fn parse<'a>(body: &Bytes, typ: ExtensionType, data: &'a [u8]) -> Parsed<'a, Self> {
        Ok(match typ {
            ExtensionType::SIGNATURE_ALGORITHMS => {
                let (left, schemes) = schemes(data)?;
                (left, Self::SignatureAlgorithms(schemes))
            }
            ExtensionType::SIGNATURE_ALGORITHMS_CERT => {
                let (left, schemes) = schemes(data)?;
                (left, Self::SignatureAlgorithmsCert(schemes))
            }
            ExtensionType::CERTIFICATE_AUTHORITIES => {
                let (left, names) = opaque_list(body, MAX_AUTHORITIES, data)?;
                (left, Self::CertificateAuthorities(names))
            }
            ExtensionType::STATUS_REQUEST => (data, Self::StatusRequest),
            ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP => (data, Self::SignedCertificateTimestamp),
            ExtensionType::COMPRESS_CERTIFICATE => {
                let (left, algorithms) = compression_algorithms(data)?;
                (left, Self::CompressCertificate(algorithms))
            }
            ExtensionType::OID_FILTERS => {
                let (left, filters) = rest(data)?;
                (left, Self::OidFilters(view(body, filters)))
            }
            typ => {
                let (left, unknown) = UnknownExtension::parse(body, typ, data)?;
                (left, Self::Unknown(unknown))
            }
        })
    }
}

impl Extension for CertificateRequestExtension {
    fn ext_type(&self) -> ExtensionType {
        self.ext_type()
    }

    fn write_data(&self, out: &mut BytesMut) {
        match self {
            Self::SignatureAlgorithms(schemes) | Self::SignatureAlgorithmsCert(schemes) => write_schemes(out, schemes),
            Self::CertificateAuthorities(names) => write_opaque_list(out, names),
            Self::StatusRequest | Self::SignedCertificateTimestamp => {}
            Self::CompressCertificate(algorithms) => write_compression_algorithms(out, algorithms),
            Self::OidFilters(filters) => out.put_slice(filters),
            Self::Unknown(unknown) => out.put_slice(&unknown.data),
        }
    }
}

/// A [`Certificate13`] compressed (RFC 8879 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompressedCertificate {
    /// How.
    pub algorithm: CertificateCompressionAlgorithm,
    /// The length of the Certificate message's body, as the sender says; bytes, below 2^24.
    pub uncompressed_length: u32,
    /// The compressed body. Never empty.
    pub data: Bytes,
}

impl HandshakeMessage for CompressedCertificate {
    const TYPE: HandshakeType = HandshakeType::COMPRESSED_CERTIFICATE;
    const NAME: &'static str = "CompressedCertificate";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (input, algorithm) = field("algorithm", u16)(input)?;
            let (input, uncompressed_length) = field("uncompressed_length", u24)(input)?;
            let (input, data) = field("compressed_certificate_message", vector24(1))(input)?;
            let algorithm = CertificateCompressionAlgorithm(algorithm);
            Ok((input, Self { algorithm, uncompressed_length, data: view(body, data) }))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        out.put_u16(self.algorithm.0);
        write::u24(out, self.uncompressed_length);
        write::vector24(out, |out| out.put_slice(&self.data));
    }
}
