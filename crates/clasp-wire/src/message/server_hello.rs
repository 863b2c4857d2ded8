//! ServerHello (RFC 5246 7.4.1.3).

use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use super::{HandshakeMessage, Random, ServerExtension, SessionId};
use crate::codepoint::{CipherSuite, CompressionMethod, HandshakeType, ProtocolVersion};
use crate::error::DecodeError;
use crate::parse::{array, field, u8, u16, whole};
use crate::write;

/// A server's first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// The version chosen.
    pub server_version: ProtocolVersion,
    /// Fresh for every handshake.
    pub random: Random,
    /// The session's identifier; empty when it cannot be resumed by one.
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
                let (input, list) = field("extensions", |input| ServerExtension::parse_list(body, input))(input)?;
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
            write::vector16(out, |out| extensions.iter().for_each(|extension| extension.write(out)));
        }
    }
}
