//! ServerHello, and HelloRetryRequest, which has its form (RFC 5246 7.4.1.3; RFC 8446 4.1.3, 4.1.4).

use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use super::extensions::{accessors, write_block};
use super::{HandshakeMessage, KeyShareEntry, Random, ServerExtension, SessionId};
use crate::codepoint::{CipherSuite, CompressionMethod, ExtensionPlace, HandshakeType, NamedGroup, ProtocolVersion};
use crate::error::DecodeError;
use crate::parse::{array, field, u8, u16, whole};
use crate::write;

/// A server's first message, or its wish for another ClientHello, which [`Random::HELLO_RETRY_REQUEST`] marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// The version chosen; TLS 1.2 where [`ServerExtension::SupportedVersions`] says a later one.
    pub server_version: ProtocolVersion,
    /// Fresh for every handshake.
    pub random: Random,
    /// The session's identifier; empty when it cannot be resumed by one. TLS 1.3 repeats the client's.
    pub session_id: SessionId,
    /// The suite chosen.
    pub cipher_suite: CipherSuite,
    /// The compression method chosen.
    pub compression_method: CompressionMethod,
    /// `None` when the hello ends before the block of extensions.
    pub extensions: Option<Vec<ServerExtension>>,
}

impl HandshakeMessage for ServerHello {
    const TYPE: HandshakeType = HandshakeType::SERVER_HELLO;
    const NAME: &'static str = "ServerHello";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (input, version) = field("server_version", u16)(input)?;
            let (input, random) = field("random", array)(input)?;
            let (input, session_id) = field("session_id", SessionId::parse)(input)?;
            let (input, suite) = field("cipher_suite", u16)(input)?;
            let (input, method) = field("compression_method", u8)(input)?;
            let (input, extensions) = if input.is_empty() {
                (input, None)
            } else {
                // What key_share holds is the group alone where a share of it is asked for (RFC 8446 4.2.8).
                let place = if Random(random).is_hello_retry_request() {
                    ExtensionPlace::HelloRetryRequest
                } else {
                    ExtensionPlace::ServerHello
                };
                let (input, list) =
                    field("extensions", |input| ServerExtension::parse_list(body, place, input))(input)?;
                (input, Some(list))
            };
            Ok((
                input,
                Self {
                    server_version: ProtocolVersion(version),
                    random: Random(random),
                    session_id,
                    cipher_suite: CipherSuite(suite),
                    compression_method: CompressionMethod(method),
                    extensions,
                },
            ))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        out.put_u16(self.server_version.0);
        out.put_slice(&self.random.0);
        write::vector8(out, |out| out.put_slice(self.session_id.as_slice()));
        out.put_u16(self.cipher_suite.0);
        out.put_u8(self.compression_method.0);
        if let Some(extensions) = &self.extensions {
            write_block(out, extensions);
        }
    }

    fn extension_count(&self) -> usize {
        self.extensions.as_ref().map_or(0, Vec::len)
    }
}

impl ServerHello {
    /// Whether this is a HelloRetryRequest (RFC 8446 4.1.3).
    pub fn is_hello_retry_request(&self) -> bool {
        self.random.is_hello_retry_request()
    }

    accessors! {
        /// The version chosen, by the extension that TLS 1.3 has for it (RFC 8446 4.2.1).
        selected_version -> ProtocolVersion = ServerExtension::SupportedVersions(version) => *version;
        /// The server's key share (RFC 8446 4.2.8).
        key_share -> &KeyShareEntry = ServerExtension::KeyShare(share) => share;
        /// The group that a HelloRetryRequest wants a share of (RFC 8446 4.2.8).
        retry_group -> NamedGroup = ServerExtension::RetryKeyShare(group) => *group;
        /// What a HelloRetryRequest wants back (RFC 8446 4.2.2).
        cookie -> &Bytes = ServerExtension::Cookie(cookie) => cookie;
        /// Which of the pre-shared keys was taken, counted from 0 (RFC 8446 4.2.11).
        pre_shared_key -> u16 = ServerExtension::PreSharedKey(index) => *index;
    }
}
