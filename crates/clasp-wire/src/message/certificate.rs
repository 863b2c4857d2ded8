//! Certificates, requests for them, their status, and signatures (RFC 5246 7.4.2, 7.4.4, 7.4.8, 4.7; RFC 6066 8).

use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use super::HandshakeMessage;
use crate::bounds::{MAX_AUTHORITIES, MAX_CERTIFICATES};
use crate::codepoint::{CertificateStatusType, ClientCertificateType, HandshakeType, SignatureScheme};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::parse::{
    Parsed, code_points8, code_points16, fail, field, list, rest, u8, u16, vector8, vector16, vector24, view, whole,
};
use crate::write;

/// A certificate chain (RFC 5246 7.4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// DER, leaf first. A client without a certificate sends none.
    pub chain: Vec<Bytes>,
}

impl HandshakeMessage for Certificate {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE;
    const NAME: &'static str = "Certificate";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (input, chain) = field("certificate_list", |input| {
                list(vector24(0)(input), MAX_CERTIFICATES, |input| {
                    let (input, der) = vector24(1)(input)?;
                    Ok((input, view(body, der)))
                })
            })(input)?;
            Ok((input, Self { chain }))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        write::vector24(out, |out| {
            self.chain.iter().for_each(|der| write::vector24(out, |out| out.put_slice(der)));
        });
    }
}

/// A raw public key in the place of a chain, before TLS 1.3, which has it as the only entry of its own message
/// (RFC 7250 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawPublicKeyCertificate {
    /// DER SubjectPublicKeyInfo, not looked into. A client without a key leaves it empty.
    pub spki: Bytes,
}

impl HandshakeMessage for RawPublicKeyCertificate {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE;
    const NAME: &'static str = "Certificate";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (input, spki) = field("ASN.1_subjectPublicKeyInfo", vector24(0))(input)?;
            Ok((input, Self { spki: view(body, spki) }))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        write::vector24(out, |out| out.put_slice(&self.spki));
    }
}

/// A stapled certificate status (RFC 6066 8). TLS 1.3 has it in an extension of the certificate (RFC 8446 4.4.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateStatus {
    /// A DER OCSPResponse, not looked into.
    pub ocsp_response: Bytes,
}

impl HandshakeMessage for CertificateStatus {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE_STATUS;
    const NAME: &'static str = "CertificateStatus";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| Self::parse(body, input))
    }

    fn write_body(&self, out: &mut BytesMut) {
        out.put_u8(CertificateStatusType::OCSP.0);
        write::vector24(out, |out| out.put_slice(&self.ocsp_response));
    }
}

impl CertificateStatus {
    pub(super) fn parse<'a>(body: &Bytes, input: &'a [u8]) -> Parsed<'a, Self> {
        let (left, status_type) = field("status_type", u8)(input)?;
        if CertificateStatusType(status_type) != CertificateStatusType::OCSP {
            return fail(input, DecodeErrorKind::Illegal("a status type that was not asked for"));
        }
        let (left, response) = field("response", vector24(1))(left)?;
        Ok((left, Self { ocsp_response: view(body, response) }))
    }
}

/// A server's wish for the client's certificate, as TLS 1.2 has it (RFC 5246 7.4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRequest {
    /// Kinds of certificate. Never empty.
    pub certificate_types: Vec<ClientCertificateType>,
    /// Signature schemes that the server verifies. Never empty.
    pub signature_algorithms: Vec<SignatureScheme>,
    /// DER names of acceptable authorities; none means any.
    pub authorities: Vec<Bytes>,
}

impl HandshakeMessage for CertificateRequest {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE_REQUEST;
    const NAME: &'static str = "CertificateRequest";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (input, certificate_types) =
                field("certificate_types", |input| code_points8(vector8(1, 255)(input), ClientCertificateType))(input)?;
            let (input, signature_algorithms) =
                field("supported_signature_algorithms", |input| code_points16(vector16(2)(input), SignatureScheme))(
                    input,
                )?;
            let (input, authorities) = field("certificate_authorities", |input| {
                list(vector16(0)(input), MAX_AUTHORITIES, |input| {
                    let (input, name) = vector16(1)(input)?;
                    Ok((input, view(body, name)))
                })
            })(input)?;
            Ok((input, Self { certificate_types, signature_algorithms, authorities }))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        write::vector8(out, |out| self.certificate_types.iter().for_each(|typ| out.put_u8(typ.0)));
        write::vector16(out, |out| self.signature_algorithms.iter().for_each(|scheme| out.put_u16(scheme.0)));
        write::vector16(out, |out| {
            self.authorities.iter().for_each(|name| write::vector16(out, |out| out.put_slice(name)));
        });
    }
}

/// A server's wish for the client's certificate before TLS 1.2: it names no signature schemes (RFC 4346 7.4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRequest10 {
    /// Kinds of certificate. Never empty.
    pub certificate_types: Vec<ClientCertificateType>,
    /// DER names of acceptable authorities; none means any.
    pub authorities: Vec<Bytes>,
}

impl HandshakeMessage for CertificateRequest10 {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE_REQUEST;
    const NAME: &'static str = "CertificateRequest";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (input, certificate_types) =
                field("certificate_types", |input| code_points8(vector8(1, 255)(input), ClientCertificateType))(input)?;
            let (input, authorities) = field("certificate_authorities", |input| {
                list(vector16(0)(input), MAX_AUTHORITIES, |input| {
                    let (input, name) = vector16(1)(input)?;
                    Ok((input, view(body, name)))
                })
            })(input)?;
            Ok((input, Self { certificate_types, authorities }))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        write::vector8(out, |out| self.certificate_types.iter().for_each(|typ| out.put_u8(typ.0)));
        write::vector16(out, |out| {
            self.authorities.iter().for_each(|name| write::vector16(out, |out| out.put_slice(name)));
        });
    }
}

/// A signature over the handshake: a client's (RFC 5246 7.4.8), in TLS 1.3 either side's (RFC 8446 4.4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateVerify {
    /// The digitally-signed struct, whose form differs by version: [`DigitallySigned`] in TLS 1.2 and 1.3.
    pub signature: Bytes,
}

impl HandshakeMessage for CertificateVerify {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE_VERIFY;
    const NAME: &'static str = "CertificateVerify";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (input, signature) = rest(input)?;
            Ok((input, Self { signature: view(body, signature) }))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        out.put_slice(&self.signature);
    }
}

/// A signature with its scheme, as TLS 1.2 and 1.3 write it (RFC 5246 4.7, RFC 8446 4.4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigitallySigned {
    /// The scheme.
    pub scheme: SignatureScheme,
    /// The signature.
    pub signature: Bytes,
}

impl DigitallySigned {
    /// Reads the struct, to the last byte.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(bytes: &Bytes) -> Result<Self, DecodeError> {
        whole("DigitallySigned", bytes, |input| {
            let (input, scheme) = field("algorithm", u16)(input)?;
            let (input, signature) = field("signature", vector16(0))(input)?;
            Ok((input, Self { scheme: SignatureScheme(scheme), signature: view(bytes, signature) }))
        })
    }

    /// Writes the struct.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(4 + self.signature.len());
        out.put_u16(self.scheme.0);
        write::vector16(&mut out, |out| out.put_slice(&self.signature));
        out.freeze()
    }
}

/// A signature as the versions before TLS 1.2 write it: without a scheme, which version and key decide (RFC 4346 4.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigitallySigned10 {
    /// The signature.
    pub signature: Bytes,
}

impl DigitallySigned10 {
    /// Reads the struct, to the last byte.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(bytes: &Bytes) -> Result<Self, DecodeError> {
        whole("DigitallySigned", bytes, |input| {
            let (input, signature) = field("signature", vector16(0))(input)?;
            Ok((input, Self { signature: view(bytes, signature) }))
        })
    }

    /// Writes the struct.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(2 + self.signature.len());
        write::vector16(&mut out, |out| out.put_slice(&self.signature));
        out.freeze()
    }
}
