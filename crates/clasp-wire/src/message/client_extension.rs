//! The extensions of a ClientHello (RFC 5246 7.4.1.4; each one's own RFC beside it).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use super::UnknownExtension;
use crate::codepoint::{
    CertificateStatusType, EcPointFormat, ExtensionType, MaxFragmentLength, NamedGroup, SignatureScheme,
};
use crate::error::DecodeErrorKind;
use crate::parse::{
    Parsed, code_points8, code_points16, elements, end, fail, field, list, rest, u8, u16, vector8, vector16, view,
};
use crate::write;

/// An extension that a client offers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientExtension {
    /// RFC 6066 3.
    ServerName(Vec<ServerNameEntry>),
    /// RFC 6066 4.
    MaxFragmentLength(MaxFragmentLength),
    /// RFC 6066 8.
    StatusRequest(CertificateStatusRequest),
    /// RFC 8422 5.1.1, RFC 7919.
    SupportedGroups(Vec<NamedGroup>),
    /// RFC 8422 5.1.2.
    EcPointFormats(Vec<EcPointFormat>),
    /// RFC 5246 7.4.1.4.1.
    SignatureAlgorithms(Vec<SignatureScheme>),
    /// RFC 8446 4.2.3.
    SignatureAlgorithmsCert(Vec<SignatureScheme>),
    /// RFC 7301.
    Alpn(Vec<Bytes>),
    /// RFC 6962 3.3.1.
    SignedCertificateTimestamp,
    /// RFC 7685; the content is all zeros where a client keeps to it.
    Padding(Bytes),
    /// RFC 7366.
    EncryptThenMac,
    /// RFC 7627.
    ExtendedMasterSecret,
    /// RFC 8449; bytes.
    RecordSizeLimit(u16),
    /// RFC 5077.
    SessionTicket(Bytes),
    /// RFC 5746.
    RenegotiationInfo(Bytes),
    /// Any other, verbatim.
    Unknown(UnknownExtension),
}

/// A name of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerNameEntry {
    /// 0 is a host name, the only kind there is.
    pub name_type: u8,
    /// The name.
    pub name: Bytes,
}

impl ServerNameEntry {
    /// A host name.
    pub fn host_name(name: &str) -> Self {
        Self { name_type: 0, name: Bytes::copy_from_slice(name.as_bytes()) }
    }
}

/// What certificate status a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateStatusRequest {
    /// The kind of status.
    pub status_type: CertificateStatusType,
    /// The request itself, verbatim.
    pub request: Bytes,
}

impl CertificateStatusRequest {
    /// Asks for an OCSP response from any responder.
    pub const fn ocsp() -> Self {
        Self { status_type: CertificateStatusType::OCSP, request: Bytes::from_static(&[0, 0, 0, 0]) }
    }
}

impl ClientExtension {
    /// Its type.
    pub fn ext_type(&self) -> ExtensionType {
        match self {
            Self::ServerName(_) => ExtensionType::SERVER_NAME,
            Self::MaxFragmentLength(_) => ExtensionType::MAX_FRAGMENT_LENGTH,
            Self::StatusRequest(_) => ExtensionType::STATUS_REQUEST,
            Self::SupportedGroups(_) => ExtensionType::SUPPORTED_GROUPS,
            Self::EcPointFormats(_) => ExtensionType::EC_POINT_FORMATS,
            Self::SignatureAlgorithms(_) => ExtensionType::SIGNATURE_ALGORITHMS,
            Self::SignatureAlgorithmsCert(_) => ExtensionType::SIGNATURE_ALGORITHMS_CERT,
            Self::Alpn(_) => ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
            Self::SignedCertificateTimestamp => ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP,
            Self::Padding(_) => ExtensionType::PADDING,
            Self::EncryptThenMac => ExtensionType::ENCRYPT_THEN_MAC,
            Self::ExtendedMasterSecret => ExtensionType::EXTENDED_MASTER_SECRET,
            Self::RecordSizeLimit(_) => ExtensionType::RECORD_SIZE_LIMIT,
            Self::SessionTicket(_) => ExtensionType::SESSION_TICKET,
            Self::RenegotiationInfo(_) => ExtensionType::RENEGOTIATION_INFO,
            Self::Unknown(unknown) => unknown.typ,
        }
    }

    pub(super) fn parse_list<'a>(body: &'a Bytes, input: &'a [u8]) -> Parsed<'a, Vec<Self>> {
        let (left, inner) = vector16(0)(input)?;
        let mut seen = Seen::default();
        let (_, list) = elements(inner, |start| {
            let (input, typ) = u16(start)?;
            let typ = ExtensionType(typ);
            seen.once(typ, start)?;
            field(typ.name().unwrap_or("extension_data"), |input| {
                let (input, data) = vector16(0)(input)?;
                Ok((input, Self::parse(body, typ, data)?.1))
            })(input)
        })?;
        Ok((left, list))
    }

    fn parse<'a>(body: &'a Bytes, typ: ExtensionType, data: &'a [u8]) -> Parsed<'a, Self> {
        let (left, extension) = match typ {
            ExtensionType::SERVER_NAME => {
                let (left, names) = list(vector16(1)(data), |input| {
                    let (input, name_type) = u8(input)?;
                    let (input, name) = vector16(1)(input)?;
                    Ok((input, ServerNameEntry { name_type, name: view(body, name) }))
                })?;
                // RFC 6066 3: one name of a kind, and this is the only kind there is.
                if names.iter().filter(|entry| entry.name_type == 0).count() > 1 {
                    return fail(data, DecodeErrorKind::Illegal("more than one host name"));
                }
                (left, Self::ServerName(names))
            }
            ExtensionType::MAX_FRAGMENT_LENGTH => {
                let (left, code) = u8(data)?;
                (left, Self::MaxFragmentLength(MaxFragmentLength(code)))
            }
            ExtensionType::STATUS_REQUEST => {
                let (left, status_type) = u8(data)?;
                let (left, request) = status_request(left, CertificateStatusType(status_type))?;
                let request = view(body, request);
                let status_type = CertificateStatusType(status_type);
                (left, Self::StatusRequest(CertificateStatusRequest { status_type, request }))
            }
            ExtensionType::SUPPORTED_GROUPS => {
                let (left, groups) = code_points16(vector16(2)(data), NamedGroup)?;
                (left, Self::SupportedGroups(groups))
            }
            ExtensionType::EC_POINT_FORMATS => {
                let (left, formats) = code_points8(vector8(1, 255)(data), EcPointFormat)?;
                (left, Self::EcPointFormats(formats))
            }
            ExtensionType::SIGNATURE_ALGORITHMS => {
                let (left, schemes) = code_points16(vector16(2)(data), SignatureScheme)?;
                (left, Self::SignatureAlgorithms(schemes))
            }
            ExtensionType::SIGNATURE_ALGORITHMS_CERT => {
                let (left, schemes) = code_points16(vector16(2)(data), SignatureScheme)?;
                (left, Self::SignatureAlgorithmsCert(schemes))
            }
            ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION => {
                let (left, names) = list(vector16(2)(data), |input| {
                    let (input, name) = vector8(1, 255)(input)?;
                    Ok((input, view(body, name)))
                })?;
                (left, Self::Alpn(names))
            }
            ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP => (data, Self::SignedCertificateTimestamp),
            ExtensionType::PADDING => {
                let (left, zeros) = rest(data)?;
                (left, Self::Padding(view(body, zeros)))
            }
            ExtensionType::ENCRYPT_THEN_MAC => (data, Self::EncryptThenMac),
            ExtensionType::EXTENDED_MASTER_SECRET => (data, Self::ExtendedMasterSecret),
            ExtensionType::RECORD_SIZE_LIMIT => {
                let (left, limit) = u16(data)?;
                (left, Self::RecordSizeLimit(limit))
            }
            ExtensionType::SESSION_TICKET => {
                let (left, ticket) = rest(data)?;
                (left, Self::SessionTicket(view(body, ticket)))
            }
            ExtensionType::RENEGOTIATION_INFO => {
                let (left, info) = vector8(0, 255)(data)?;
                (left, Self::RenegotiationInfo(view(body, info)))
            }
            typ => {
                let (left, data) = rest(data)?;
                (left, Self::Unknown(UnknownExtension { typ, data: view(body, data) }))
            }
        };
        end(left)?;
        Ok((left, extension))
    }

    pub(super) fn write(&self, out: &mut BytesMut) {
        out.put_u16(self.ext_type().0);
        write::vector16(out, |out| self.write_data(out));
    }

    fn write_data(&self, out: &mut BytesMut) {
        match self {
            Self::ServerName(names) => write::vector16(out, |out| {
                for entry in names {
                    out.put_u8(entry.name_type);
                    write::vector16(out, |out| out.put_slice(&entry.name));
                }
            }),
            Self::MaxFragmentLength(length) => out.put_u8(length.0),
            Self::StatusRequest(request) => {
                out.put_u8(request.status_type.0);
                out.put_slice(&request.request);
            }
            Self::SupportedGroups(groups) => {
                write::vector16(out, |out| groups.iter().for_each(|group| out.put_u16(group.0)));
            }
            Self::EcPointFormats(formats) => {
                write::vector8(out, |out| formats.iter().for_each(|format| out.put_u8(format.0)));
            }
            Self::SignatureAlgorithms(schemes) | Self::SignatureAlgorithmsCert(schemes) => {
                write::vector16(out, |out| schemes.iter().for_each(|scheme| out.put_u16(scheme.0)));
            }
            Self::Alpn(names) => write::vector16(out, |out| {
                names.iter().for_each(|name| write::vector8(out, |out| out.put_slice(name)));
            }),
            Self::SignedCertificateTimestamp | Self::EncryptThenMac | Self::ExtendedMasterSecret => {}
            Self::Padding(zeros) => out.put_slice(zeros),
            Self::RecordSizeLimit(limit) => out.put_u16(*limit),
            Self::SessionTicket(ticket) => out.put_slice(ticket),
            Self::RenegotiationInfo(info) => write::vector8(out, |out| out.put_slice(info)),
            Self::Unknown(unknown) => out.put_slice(&unknown.data),
        }
    }
}

/// The body of a status request: for OCSP a list of responders and a block of extensions, otherwise whatever it is.
fn status_request(input: &[u8], status_type: CertificateStatusType) -> Parsed<'_, &[u8]> {
    if status_type == CertificateStatusType::OCSP {
        let (left, _) = field("responder_id_list", vector16(0))(input)?;
        let (left, _) = field("request_extensions", vector16(0))(left)?;
        end(left)?;
    }
    rest(input)
}

/// The types of a block of extensions so far. A hello of 64 KiB has room for 16,000, so they are not walked through for
/// each.
#[derive(Default)]
pub(super) struct Seen {
    /// The low types, a bit each: nearly all that are in use.
    low: u64,
    others: BTreeSet<u16>,
}

impl Seen {
    /// Refuses a second extension of one type (RFC 5246 7.4.1.4), which begins `at`.
    pub(super) fn once<'a>(&mut self, typ: ExtensionType, at: &'a [u8]) -> Parsed<'a, ()> {
        let is_new = match 1_u64.checked_shl(u32::from(typ.0)) {
            Some(bit) => {
                let is_new = self.low & bit == 0;
                self.low |= bit;
                is_new
            }
            None => self.others.insert(typ.0),
        };
        if is_new { Ok((at, ())) } else { fail(at, DecodeErrorKind::DuplicateExtension(typ)) }
    }
}
