//! The extensions of a ServerHello, a HelloRetryRequest and EncryptedExtensions (RFC 5246 7.4.1.4, RFC 8446 4.2; each
//! one's own RFC beside it).

use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use super::extensions::{Extension, block, opaque_list, write_opaque_list};
use super::{KeyShareEntry, UnknownExtension};
use crate::bounds::{MAX_PROTOCOLS, MAX_TIMESTAMPS};
use crate::codepoint::{
    CertificateType, EcPointFormat, ExtensionPlace, ExtensionType, MaxFragmentLength, NamedGroup, ProtocolVersion,
};
use crate::error::DecodeErrorKind;
use crate::parse::{Parsed, code_points8, code_points16, fail, list, rest, u8, u16, vector8, vector16, view};
use crate::write;

/// An extension that a server answers. What does not belong in the message it stands in is [`Self::Unknown`], whatever its
/// type ([`ExtensionType::allowed_in`] then says that it is misplaced); but in a ServerHello, which stands for every version,
/// only what no version has there.
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
    /// RFC 8446 4.2.1: the version chosen, in a ServerHello or HelloRetryRequest.
    SupportedVersions(ProtocolVersion),
    /// RFC 8446 4.2.8: the server's share, in a ServerHello.
    KeyShare(KeyShareEntry),
    /// RFC 8446 4.2.8: the group to send a share of, in a HelloRetryRequest.
    RetryKeyShare(NamedGroup),
    /// RFC 8446 4.2.2: to be sent back, in a HelloRetryRequest. Never empty.
    Cookie(Bytes),
    /// RFC 8446 4.2.11: which of the keys offered, counted from 0; in a ServerHello.
    PreSharedKey(u16),
    /// RFC 7250 3: the form of certificate the client is to send.
    ClientCertificateType(CertificateType),
    /// RFC 7250 3: the form of certificate the server sends.
    ServerCertificateType(CertificateType),
    /// RFC 8446 4.2.10: early data is accepted; in EncryptedExtensions.
    EarlyData,
    /// RFC 9849 5, 7.1, verbatim: a confirmation in a HelloRetryRequest, configurations to retry with in
    /// EncryptedExtensions.
    EncryptedClientHello(Bytes),
    /// RFC 9149 3: how many tickets the server expects to send; in EncryptedExtensions.
    TicketRequest(u8),
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
            Self::SupportedVersions(_) => ExtensionType::SUPPORTED_VERSIONS,
            Self::KeyShare(_) | Self::RetryKeyShare(_) => ExtensionType::KEY_SHARE,
            Self::Cookie(_) => ExtensionType::COOKIE,
            Self::PreSharedKey(_) => ExtensionType::PRE_SHARED_KEY,
            Self::ClientCertificateType(_) => ExtensionType::CLIENT_CERTIFICATE_TYPE,
            Self::ServerCertificateType(_) => ExtensionType::SERVER_CERTIFICATE_TYPE,
            Self::EarlyData => ExtensionType::EARLY_DATA,
            Self::EncryptedClientHello(_) => ExtensionType::ENCRYPTED_CLIENT_HELLO,
            Self::TicketRequest(_) => ExtensionType::TICKET_REQUEST,
            Self::Unknown(unknown) => unknown.typ,
        }
    }

    /// The extensions of one of the three messages, which `place` names.
    pub(super) fn parse_list<'a>(body: &'a Bytes, place: ExtensionPlace, input: &'a [u8]) -> Parsed<'a, Vec<Self>> {
        block(input, |typ, data| {
            if has_form(typ, place) {
                Self::parse(body, typ, place, data)
            } else {
                let (left, unknown) = UnknownExtension::parse(body, typ, data)?;
                Ok((left, Self::Unknown(unknown)))
            }
        })
    }

    fn parse<'a>(body: &'a Bytes, typ: ExtensionType, place: ExtensionPlace, data: &'a [u8]) -> Parsed<'a, Self> {
        Ok(match typ {
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
                let (left, names) = list(vector16(2)(data), MAX_PROTOCOLS, vector8(1, 255))?;
                // RFC 7301 3.1: exactly one.
                let [name] = names[..] else {
                    return fail(data, DecodeErrorKind::Illegal("more than one protocol"));
                };
                (left, Self::Alpn(view(body, name)))
            }
            ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP => {
                let (left, list) = opaque_list(body, MAX_TIMESTAMPS, data)?;
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
            ExtensionType::SUPPORTED_VERSIONS => {
                let (left, version) = u16(data)?;
                (left, Self::SupportedVersions(ProtocolVersion(version)))
            }
            ExtensionType::KEY_SHARE if place == ExtensionPlace::HelloRetryRequest => {
                let (left, group) = u16(data)?;
                (left, Self::RetryKeyShare(NamedGroup(group)))
            }
            ExtensionType::KEY_SHARE => {
                let (left, share) = KeyShareEntry::parse(body, data)?;
                (left, Self::KeyShare(share))
            }
            ExtensionType::COOKIE => {
                let (left, cookie) = vector16(1)(data)?;
                (left, Self::Cookie(view(body, cookie)))
            }
            ExtensionType::PRE_SHARED_KEY => {
                let (left, index) = u16(data)?;
                (left, Self::PreSharedKey(index))
            }
            ExtensionType::CLIENT_CERTIFICATE_TYPE => {
                let (left, typ) = u8(data)?;
                (left, Self::ClientCertificateType(CertificateType(typ)))
            }
            ExtensionType::SERVER_CERTIFICATE_TYPE => {
                let (left, typ) = u8(data)?;
                (left, Self::ServerCertificateType(CertificateType(typ)))
            }
            ExtensionType::EARLY_DATA => (data, Self::EarlyData),
            ExtensionType::ENCRYPTED_CLIENT_HELLO => {
                let (left, content) = rest(data)?;
                (left, Self::EncryptedClientHello(view(body, content)))
            }
            ExtensionType::TICKET_REQUEST => {
                let (left, count) = u8(data)?;
                (left, Self::TicketRequest(count))
            }
            typ => {
                let (left, unknown) = UnknownExtension::parse(body, typ, data)?;
                (left, Self::Unknown(unknown))
            }
        })
    }
}

/// Whether an extension's form in this message is known. A ServerHello may be of any version: what later versions moved to
/// EncryptedExtensions stands in it too.
fn has_form(typ: ExtensionType, place: ExtensionPlace) -> bool {
    match place {
        ExtensionPlace::ServerHello => {
            typ.allowed_in(place)
                || !matches!(
                    typ,
                    ExtensionType::COOKIE
                        | ExtensionType::EARLY_DATA
                        | ExtensionType::ENCRYPTED_CLIENT_HELLO
                        | ExtensionType::TICKET_REQUEST
                )
        }
        _ => typ.allowed_in(place),
    }
}

impl Extension for ServerExtension {
    fn ext_type(&self) -> ExtensionType {
        self.ext_type()
    }

    fn write_data(&self, out: &mut BytesMut) {
        match self {
            Self::ServerName
            | Self::StatusRequest
            | Self::EncryptThenMac
            | Self::ExtendedMasterSecret
            | Self::SessionTicket
            | Self::EarlyData => {}
            Self::MaxFragmentLength(length) => out.put_u8(length.0),
            Self::SupportedGroups(groups) => {
                write::vector16(out, |out| groups.iter().for_each(|group| out.put_u16(group.0)));
            }
            Self::EcPointFormats(formats) => {
                write::vector8(out, |out| formats.iter().for_each(|format| out.put_u8(format.0)));
            }
            Self::Alpn(name) => write::vector16(out, |out| write::vector8(out, |out| out.put_slice(name))),
            Self::SignedCertificateTimestamp(list) => write_opaque_list(out, list),
            Self::RecordSizeLimit(limit) => out.put_u16(*limit),
            Self::RenegotiationInfo(info) => write::vector8(out, |out| out.put_slice(info)),
            Self::SupportedVersions(version) => out.put_u16(version.0),
            Self::KeyShare(share) => share.write(out),
            Self::RetryKeyShare(group) => out.put_u16(group.0),
            Self::Cookie(cookie) => write::vector16(out, |out| out.put_slice(cookie)),
            Self::PreSharedKey(index) => out.put_u16(*index),
            Self::ClientCertificateType(typ) | Self::ServerCertificateType(typ) => out.put_u8(typ.0),
            Self::EncryptedClientHello(content) => out.put_slice(content),
            Self::TicketRequest(count) => out.put_u8(*count),
            Self::Unknown(unknown) => out.put_slice(&unknown.data),
        }
    }
}
