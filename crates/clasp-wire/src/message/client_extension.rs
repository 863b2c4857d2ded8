//! The extensions of a ClientHello (RFC 5246 7.4.1.4, RFC 8446 4.2; each one's own RFC beside it).

use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use super::extensions::{
    Extension, block, compression_algorithms, opaque_list, schemes, write_compression_algorithms, write_opaque_list,
    write_schemes,
};
use super::{KeyShareEntry, OfferedPsks, UnknownExtension};
use crate::bounds::{MAX_AUTHORITIES, MAX_PROTOCOLS, MAX_SERVER_NAMES};
use crate::codepoint::{
    CertificateCompressionAlgorithm, CertificateStatusType, CertificateType, EcPointFormat, ExtensionType,
    MaxFragmentLength, NamedGroup, ProtocolVersion, PskKeyExchangeMode, SignatureScheme,
};
use crate::error::DecodeErrorKind;
use crate::parse::{
    Parsed, code_points8, code_points16, end, fail, field, list, rest, u8, u16, vector8, vector16, view,
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
    /// RFC 8446 4.2.1: in order of preference. Never empty.
    SupportedVersions(Vec<ProtocolVersion>),
    /// RFC 8446 4.2.2: what a HelloRetryRequest gave. Never empty.
    Cookie(Bytes),
    /// RFC 8446 4.2.8: in order of preference; empty when the client asks for the server's choice. Whether a group stands
    /// twice is not looked at.
    KeyShare(Vec<KeyShareEntry>),
    /// RFC 8446 4.2.9. Never empty.
    PskKeyExchangeModes(Vec<PskKeyExchangeMode>),
    /// RFC 8446 4.2.11: always the last extension.
    PreSharedKey(OfferedPsks),
    /// RFC 8446 4.2.10: early data follows this hello.
    EarlyData,
    /// RFC 8446 4.2.6.
    PostHandshakeAuth,
    /// RFC 8446 4.2.4: DER names of authorities the client trusts. Never empty.
    CertificateAuthorities(Vec<Bytes>),
    /// RFC 8879 3: in order of preference. Never empty.
    CompressCertificate(Vec<CertificateCompressionAlgorithm>),
    /// RFC 7250 3: forms of certificate the client can send. Never empty.
    ClientCertificateTypes(Vec<CertificateType>),
    /// RFC 7250 3: forms of certificate the client takes. Never empty.
    ServerCertificateTypes(Vec<CertificateType>),
    /// RFC 9849 5, verbatim.
    EncryptedClientHello(Bytes),
    /// RFC 9149 2: how many tickets the client would like.
    TicketRequest(TicketRequest),
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

/// How many tickets a client would like (RFC 9149 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketRequest {
    /// After a full handshake.
    pub new_session_count: u8,
    /// After a resumed one.
    pub resumption_count: u8,
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
            Self::SupportedVersions(_) => ExtensionType::SUPPORTED_VERSIONS,
            Self::Cookie(_) => ExtensionType::COOKIE,
            Self::KeyShare(_) => ExtensionType::KEY_SHARE,
            Self::PskKeyExchangeModes(_) => ExtensionType::PSK_KEY_EXCHANGE_MODES,
            Self::PreSharedKey(_) => ExtensionType::PRE_SHARED_KEY,
            Self::EarlyData => ExtensionType::EARLY_DATA,
            Self::PostHandshakeAuth => ExtensionType::POST_HANDSHAKE_AUTH,
            Self::CertificateAuthorities(_) => ExtensionType::CERTIFICATE_AUTHORITIES,
            Self::CompressCertificate(_) => ExtensionType::COMPRESS_CERTIFICATE,
            Self::ClientCertificateTypes(_) => ExtensionType::CLIENT_CERTIFICATE_TYPE,
            Self::ServerCertificateTypes(_) => ExtensionType::SERVER_CERTIFICATE_TYPE,
            Self::EncryptedClientHello(_) => ExtensionType::ENCRYPTED_CLIENT_HELLO,
            Self::TicketRequest(_) => ExtensionType::TICKET_REQUEST,
            Self::Unknown(unknown) => unknown.typ,
        }
    }

    pub(super) fn parse_list<'a>(body: &'a Bytes, input: &'a [u8]) -> Parsed<'a, Vec<Self>> {
        let mut is_over = false;
        block(input, |typ, data| {
            // RFC 8446 4.2.11: a server of TLS 1.3 must look.
            if is_over {
                return fail(data, DecodeErrorKind::Illegal("pre_shared_key is not the last extension"));
            }
            is_over = typ == ExtensionType::PRE_SHARED_KEY;
            Self::parse(body, typ, data)
        })
    }

    fn parse<'a>(body: &'a Bytes, typ: ExtensionType, data: &'a [u8]) -> Parsed<'a, Self> {
        Ok(match typ {
            ExtensionType::SERVER_NAME => {
                let (left, names) = list(vector16(1)(data), MAX_SERVER_NAMES, |input| {
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
                let (left, schemes) = schemes(data)?;
                (left, Self::SignatureAlgorithms(schemes))
            }
            ExtensionType::SIGNATURE_ALGORITHMS_CERT => {
                let (left, schemes) = schemes(data)?;
                (left, Self::SignatureAlgorithmsCert(schemes))
            }
            ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION => {
                let (left, names) = list(vector16(2)(data), MAX_PROTOCOLS, |input| {
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
            ExtensionType::SUPPORTED_VERSIONS => {
                let (left, versions) = code_points16(vector8(2, 254)(data), ProtocolVersion)?;
                (left, Self::SupportedVersions(versions))
            }
            ExtensionType::COOKIE => {
                let (left, cookie) = vector16(1)(data)?;
                (left, Self::Cookie(view(body, cookie)))
            }
            ExtensionType::KEY_SHARE => {
                let (left, shares) = KeyShareEntry::parse_list(body, data)?;
                (left, Self::KeyShare(shares))
            }
            ExtensionType::PSK_KEY_EXCHANGE_MODES => {
                let (left, modes) = code_points8(vector8(1, 255)(data), PskKeyExchangeMode)?;
                (left, Self::PskKeyExchangeModes(modes))
            }
            ExtensionType::PRE_SHARED_KEY => {
                let (left, psks) = OfferedPsks::parse(body, data)?;
                (left, Self::PreSharedKey(psks))
            }
            ExtensionType::EARLY_DATA => (data, Self::EarlyData),
            ExtensionType::POST_HANDSHAKE_AUTH => (data, Self::PostHandshakeAuth),
            ExtensionType::CERTIFICATE_AUTHORITIES => {
                let (left, names) = opaque_list(body, MAX_AUTHORITIES, data)?;
                (left, Self::CertificateAuthorities(names))
            }
            ExtensionType::COMPRESS_CERTIFICATE => {
                let (left, algorithms) = compression_algorithms(data)?;
                (left, Self::CompressCertificate(algorithms))
            }
            ExtensionType::CLIENT_CERTIFICATE_TYPE => {
                let (left, types) = code_points8(vector8(1, 255)(data), CertificateType)?;
                (left, Self::ClientCertificateTypes(types))
            }
            ExtensionType::SERVER_CERTIFICATE_TYPE => {
                let (left, types) = code_points8(vector8(1, 255)(data), CertificateType)?;
                (left, Self::ServerCertificateTypes(types))
            }
            ExtensionType::ENCRYPTED_CLIENT_HELLO => {
                let (left, hello) = rest(data)?;
                (left, Self::EncryptedClientHello(view(body, hello)))
            }
            ExtensionType::TICKET_REQUEST => {
                let (left, new_session_count) = u8(data)?;
                let (left, resumption_count) = u8(left)?;
                (left, Self::TicketRequest(TicketRequest { new_session_count, resumption_count }))
            }
            typ => {
                let (left, unknown) = UnknownExtension::parse(body, typ, data)?;
                (left, Self::Unknown(unknown))
            }
        })
    }
}

impl Extension for ClientExtension {
    fn ext_type(&self) -> ExtensionType {
        self.ext_type()
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
                write_schemes(out, schemes);
            }
            Self::Alpn(names) => write::vector16(out, |out| {
                names.iter().for_each(|name| write::vector8(out, |out| out.put_slice(name)));
            }),
            Self::SignedCertificateTimestamp
            | Self::EncryptThenMac
            | Self::ExtendedMasterSecret
            | Self::EarlyData
            | Self::PostHandshakeAuth => {}
            Self::RecordSizeLimit(limit) => out.put_u16(*limit),
            Self::Padding(content) | Self::SessionTicket(content) | Self::EncryptedClientHello(content) => {
                out.put_slice(content);
            }
            Self::RenegotiationInfo(info) => write::vector8(out, |out| out.put_slice(info)),
            Self::SupportedVersions(versions) => {
                write::vector8(out, |out| versions.iter().for_each(|version| out.put_u16(version.0)));
            }
            Self::Cookie(cookie) => write::vector16(out, |out| out.put_slice(cookie)),
            Self::KeyShare(shares) => KeyShareEntry::write_list(shares, out),
            Self::PskKeyExchangeModes(modes) => {
                write::vector8(out, |out| modes.iter().for_each(|mode| out.put_u8(mode.0)));
            }
            Self::PreSharedKey(psks) => psks.write(out),
            Self::CertificateAuthorities(names) => write_opaque_list(out, names),
            Self::CompressCertificate(algorithms) => write_compression_algorithms(out, algorithms),
            Self::ClientCertificateTypes(types) | Self::ServerCertificateTypes(types) => {
                write::vector8(out, |out| types.iter().for_each(|typ| out.put_u8(typ.0)));
            }
            Self::TicketRequest(request) => {
                out.put_u8(request.new_session_count);
                out.put_u8(request.resumption_count);
            }
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
