//! ClientHello (RFC 5246 7.4.1.2, RFC 8446 4.1.2).

use alloc::vec::Vec;
use core::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use super::extensions::{accessors, write_block};
use super::{CertificateStatusRequest, ClientExtension, HandshakeMessage, KeyShareEntry, TicketRequest};
use crate::codepoint::{
    CertificateCompressionAlgorithm, CertificateType, CipherSuite, CompressionMethod, EcPointFormat, HandshakeType,
    NamedGroup, ProtocolVersion, PskKeyExchangeMode, SignatureScheme,
};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::parse::{Parsed, array, code_points8, code_points16, fail, field, u16, vector8, vector16, whole};
use crate::write;

/// The random value of a hello.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Random(pub [u8; 32]);

impl Random {
    /// What stands in a ServerHello that is a HelloRetryRequest: the SHA-256 of that name (RFC 8446 4.1.3).
    pub const HELLO_RETRY_REQUEST: Self = Self([
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2,
        0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
    ]);

    /// The last bytes of a server's value that says: this is TLS 1.2, and I speak TLS 1.3 (RFC 8446 4.1.3).
    pub const DOWNGRADE_TO_TLS12: [u8; 8] = *b"DOWNGRD\x01";

    /// The last bytes of a server's value that says: this is older than TLS 1.2, which I speak (RFC 8446 4.1.3).
    pub const DOWNGRADE_BELOW_TLS12: [u8; 8] = *b"DOWNGRD\0";

    /// Whether it marks a HelloRetryRequest (RFC 8446 4.1.3).
    pub fn is_hello_retry_request(&self) -> bool {
        *self == Self::HELLO_RETRY_REQUEST
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A session identifier, at most 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SessionId {
    len: u8,
    bytes: [u8; 32],
}

impl SessionId {
    /// The empty identifier.
    pub const EMPTY: Self = Self { len: 0, bytes: [0; 32] };

    /// An identifier; `None` when it is longer than 32 bytes.
    pub fn new(id: &[u8]) -> Option<Self> {
        let mut bytes = [0; 32];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(Self { len: u8::try_from(id.len()).ok()?, bytes })
    }

    /// Its bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn parse(input: &[u8]) -> Parsed<'_, Self> {
        let (rest, id) = vector8(0, 32)(input)?;
        match Self::new(id) {
            Some(id) => Ok((rest, id)),
            None => fail(input, DecodeErrorKind::LengthOutOfRange { length: id.len(), min: 0, max: 32 }),
        }
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A client's first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    /// The newest version the client speaks, of those before TLS 1.3: that one has [`ClientExtension::SupportedVersions`].
    pub client_version: ProtocolVersion,
    /// Fresh for every handshake.
    pub random: Random,
    /// The session to resume, or empty.
    pub session_id: SessionId,
    /// In order of preference. Never empty.
    pub cipher_suites: Vec<CipherSuite>,
    /// Never empty.
    pub compression_methods: Vec<CompressionMethod>,
    /// `None` when the hello ends before the block of extensions.
    pub extensions: Option<Vec<ClientExtension>>,
}

impl HandshakeMessage for ClientHello {
    const TYPE: HandshakeType = HandshakeType::CLIENT_HELLO;
    const NAME: &'static str = "ClientHello";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (input, version) = field("client_version", u16)(input)?;
            let (input, random) = field("random", array)(input)?;
            let (input, session_id) = field("session_id", SessionId::parse)(input)?;
            let (input, cipher_suites) =
                field("cipher_suites", |input| code_points16(vector16(2)(input), CipherSuite))(input)?;
            let (input, compression_methods) =
                field("compression_methods", |input| code_points8(vector8(1, 255)(input), CompressionMethod))(input)?;
            let (input, extensions) = if input.is_empty() {
                (input, None)
            } else {
                let (input, list) = field("extensions", |input| ClientExtension::parse_list(body, input))(input)?;
                (input, Some(list))
            };
            let client_version = ProtocolVersion(version);
            let random = Random(random);
            Ok((input, Self { client_version, random, session_id, cipher_suites, compression_methods, extensions }))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        out.put_u16(self.client_version.0);
        out.put_slice(&self.random.0);
        write::vector8(out, |out| out.put_slice(self.session_id.as_slice()));
        write::vector16(out, |out| self.cipher_suites.iter().for_each(|suite| out.put_u16(suite.0)));
        write::vector8(out, |out| self.compression_methods.iter().for_each(|method| out.put_u8(method.0)));
        if let Some(extensions) = &self.extensions {
            write_block(out, extensions);
        }
    }

    fn extension_count(&self) -> usize {
        self.extensions.as_ref().map_or(0, Vec::len)
    }
}

impl ClientHello {
    accessors! {
        /// The key exchange groups, in order of preference (RFC 8422 5.1.1).
        supported_groups -> &[NamedGroup] = ClientExtension::SupportedGroups(groups) => groups.as_slice();
        /// The point formats (RFC 8422 5.1.2).
        ec_point_formats -> &[EcPointFormat] = ClientExtension::EcPointFormats(formats) => formats.as_slice();
        /// The signature schemes, in order of preference (RFC 5246 7.4.1.4.1).
        signature_algorithms -> &[SignatureScheme] = ClientExtension::SignatureAlgorithms(list) => list.as_slice();
        /// The application protocols, in order of preference (RFC 7301).
        alpn -> &[Bytes] = ClientExtension::Alpn(names) => names.as_slice();
        /// What a first handshake leaves empty (RFC 5746 3.2).
        renegotiation_info -> &Bytes = ClientExtension::RenegotiationInfo(info) => info;
        /// A ticket to resume with; empty when the client asks for one (RFC 5077 3.2).
        session_ticket -> &Bytes = ClientExtension::SessionTicket(ticket) => ticket;
        /// The certificate status asked for (RFC 6066 8).
        status_request -> &CertificateStatusRequest = ClientExtension::StatusRequest(request) => request;
        /// The signature schemes for certificates, where they differ (RFC 8446 4.2.3).
        signature_algorithms_cert -> &[SignatureScheme] =
            ClientExtension::SignatureAlgorithmsCert(list) => list.as_slice();
        /// The versions, in order of preference (RFC 8446 4.2.1); where the extension is there, it alone counts.
        supported_versions -> &[ProtocolVersion] = ClientExtension::SupportedVersions(list) => list.as_slice();
        /// What a HelloRetryRequest gave (RFC 8446 4.2.2).
        cookie -> &Bytes = ClientExtension::Cookie(cookie) => cookie;
        /// The key shares, in order of preference (RFC 8446 4.2.8).
        key_shares -> &[KeyShareEntry] = ClientExtension::KeyShare(shares) => shares.as_slice();
        /// How pre-shared keys may be used (RFC 8446 4.2.9).
        psk_key_exchange_modes -> &[PskKeyExchangeMode] =
            ClientExtension::PskKeyExchangeModes(list) => list.as_slice();
        /// DER names of authorities the client trusts (RFC 8446 4.2.4).
        certificate_authorities -> &[Bytes] = ClientExtension::CertificateAuthorities(names) => names.as_slice();
        /// How the server's Certificate may be compressed, in order of preference (RFC 8879 3).
        compress_certificate -> &[CertificateCompressionAlgorithm] =
            ClientExtension::CompressCertificate(list) => list.as_slice();
        /// Forms of certificate the client can send (RFC 7250 3).
        client_certificate_types -> &[CertificateType] =
            ClientExtension::ClientCertificateTypes(list) => list.as_slice();
        /// Forms of certificate the client takes (RFC 7250 3).
        server_certificate_types -> &[CertificateType] =
            ClientExtension::ServerCertificateTypes(list) => list.as_slice();
        /// Encrypted ClientHello, verbatim (RFC 9849 5).
        encrypted_client_hello -> &Bytes = ClientExtension::EncryptedClientHello(content) => content;
        /// How many tickets are wished for (RFC 9149 2).
        ticket_request -> TicketRequest = ClientExtension::TicketRequest(request) => *request;
    }

    /// The host name asked for (RFC 6066 3), when it is text. Whether it is a valid name is not looked at.
    pub fn server_name(&self) -> Option<&str> {
        self.extensions.iter().flatten().find_map(|extension| match extension {
            ClientExtension::ServerName(names) => {
                names.iter().find(|entry| entry.name_type == 0).and_then(|entry| core::str::from_utf8(&entry.name).ok())
            }
            _ => None,
        })
    }

    /// Whether the extended master secret is offered (RFC 7627).
    pub fn has_extended_master_secret(&self) -> bool {
        self.extensions.iter().flatten().any(|extension| matches!(extension, ClientExtension::ExtendedMasterSecret))
    }

    /// Whether signed certificate timestamps are asked for (RFC 6962 3.3.1).
    pub fn asks_for_timestamps(&self) -> bool {
        self.extensions
            .iter()
            .flatten()
            .any(|extension| matches!(extension, ClientExtension::SignedCertificateTimestamp))
    }

    /// Whether encrypt-then-MAC is offered (RFC 7366).
    pub fn has_encrypt_then_mac(&self) -> bool {
        self.extensions.iter().flatten().any(|extension| matches!(extension, ClientExtension::EncryptThenMac))
    }

    /// Whether early data follows (RFC 8446 4.2.10).
    pub fn has_early_data(&self) -> bool {
        self.extensions.iter().flatten().any(|extension| matches!(extension, ClientExtension::EarlyData))
    }

    /// Whether the client may be asked for its certificate after the handshake (RFC 8446 4.2.6).
    pub fn has_post_handshake_auth(&self) -> bool {
        self.extensions.iter().flatten().any(|extension| matches!(extension, ClientExtension::PostHandshakeAuth))
    }
}
