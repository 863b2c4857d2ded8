//! The extensions of a ServerHello (RFC 5246 7.4.1.4; each one's own RFC beside it).

use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use super::UnknownExtension;
use super::client_extension::Seen;
use crate::codepoint::{EcPointFormat, ExtensionType, MaxFragmentLength, NamedGroup};
use crate::error::DecodeErrorKind;
use crate::parse::{
    Parsed, code_points8, code_points16, elements, end, fail, field, list, rest, u8, u16, vector8, vector16, view,
};
use crate::write;

/// An extension that a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerExtension {
    /// RFC 6066 3: the name was used.
    ServerName,
    /// RFC 6066 4.
    MaxFragmentLength(MaxFragmentLength),
    /// RFC 6066 8: a CertificateStatus may follow.
    StatusRequest,
    /// RFC 8446 4.2.7; some servers send it in TLS 1.2 too.
    SupportedGroups(Vec<NamedGroup>),
    /// RFC 8422 5.2.
    EcPointFormats(Vec<EcPointFormat>),
    /// RFC 7301: the protocol chosen.
    Alpn(Bytes),
    /// RFC 6962 3.3.1: a list of timestamps.
    SignedCertificateTimestamp(Vec<Bytes>),
    /// RFC 7366.
    EncryptThenMac,
    /// RFC 7627.
    ExtendedMasterSecret,
    /// RFC 8449; bytes.
    RecordSizeLimit(u16),
    /// RFC 5077: a NewSessionTicket will follow.
    SessionTicket,
    /// RFC 5746.
    RenegotiationInfo(Bytes),
    /// Any other, verbatim.
    Unknown(UnknownExtension),
}

impl ServerExtension {
    /// Its type.
    pub fn ext_type(&self) -> ExtensionType {
        match self {
            Self::ServerName => ExtensionType::SERVER_NAME,
            Self::MaxFragmentLength(_) => ExtensionType::MAX_FRAGMENT_LENGTH,
            Self::StatusRequest => ExtensionType::STATUS_REQUEST,
            Self::SupportedGroups(_) => ExtensionType::SUPPORTED_GROUPS,
            Self::EcPointFormats(_) => ExtensionType::EC_POINT_FORMATS,
            Self::Alpn(_) => ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
            Self::SignedCertificateTimestamp(_) => ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP,
            Self::EncryptThenMac => ExtensionType::ENCRYPT_THEN_MAC,
            Self::ExtendedMasterSecret => ExtensionType::EXTENDED_MASTER_SECRET,
            Self::RecordSizeLimit(_) => ExtensionType::RECORD_SIZE_LIMIT,
            Self::SessionTicket => ExtensionType::SESSION_TICKET,
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
            ExtensionType::SERVER_NAME => (data, Self::ServerName),
            ExtensionType::MAX_FRAGMENT_LENGTH => {
                let (left, code) = u8(data)?;
                (left, Self::MaxFragmentLength(MaxFragmentLength(code)))
            }
            ExtensionType::STATUS_REQUEST => (data, Self::StatusRequest),
            ExtensionType::SUPPORTED_GROUPS => {
                let (left, groups) = code_points16(vector16(2)(data), NamedGroup)?;
                (left, Self::SupportedGroups(groups))
            }
            ExtensionType::EC_POINT_FORMATS => {
                let (left, formats) = code_points8(vector8(1, 255)(data), EcPointFormat)?;
                (left, Self::EcPointFormats(formats))
            }
            ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION => {
                let (left, names) = list(vector16(2)(data), vector8(1, 255))?;
                // RFC 7301 3.1: exactly one.
                let [name] = names[..] else {
                    return fail(data, DecodeErrorKind::Illegal("more than one protocol"));
                };
                (left, Self::Alpn(view(body, name)))
            }
            ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP => {
                let (left, list) = list(vector16(1)(data), |input| {
                    let (input, timestamp) = vector16(1)(input)?;
                    Ok((input, view(body, timestamp)))
                })?;
                (left, Self::SignedCertificateTimestamp(list))
            }
            ExtensionType::ENCRYPT_THEN_MAC => (data, Self::EncryptThenMac),
            ExtensionType::EXTENDED_MASTER_SECRET => (data, Self::ExtendedMasterSecret),
            ExtensionType::RECORD_SIZE_LIMIT => {
                let (left, limit) = u16(data)?;
                (left, Self::RecordSizeLimit(limit))
            }
            ExtensionType::SESSION_TICKET => (data, Self::SessionTicket),
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
        write::vector16(out, |out| match self {
            Self::ServerName
            | Self::StatusRequest
            | Self::EncryptThenMac
            | Self::ExtendedMasterSecret
            | Self::SessionTicket => {}
            Self::MaxFragmentLength(length) => out.put_u8(length.0),
            Self::SupportedGroups(groups) => {
                write::vector16(out, |out| groups.iter().for_each(|group| out.put_u16(group.0)));
            }
            Self::EcPointFormats(formats) => {
                write::vector8(out, |out| formats.iter().for_each(|format| out.put_u8(format.0)));
            }
            Self::Alpn(name) => write::vector16(out, |out| write::vector8(out, |out| out.put_slice(name))),
            Self::SignedCertificateTimestamp(list) => write::vector16(out, |out| {
                list.iter().for_each(|timestamp| write::vector16(out, |out| out.put_slice(timestamp)));
            }),
            Self::RecordSizeLimit(limit) => out.put_u16(*limit),
            Self::RenegotiationInfo(info) => write::vector8(out, |out| out.put_slice(info)),
            Self::Unknown(unknown) => out.put_slice(&unknown.data),
        });
    }
}
