//! ServerKeyExchange and ClientKeyExchange of the suites with a pre-shared key (RFC 4279 2, RFC 5489 2).
//!
//! None is signed: whoever holds the key shows it by Finished.

use bytes::{BufMut, Bytes, BytesMut};

use super::HandshakeMessage;
use super::key_exchange::{EcdhServerKeyExchange, named_curve};
use crate::codepoint::{HandshakeType, NamedGroup};
use crate::error::DecodeError;
use crate::parse::{field, vector8, vector16, view, whole};
use crate::write;

/// A server's word on which key it means (RFC 4279 2). It sends none where it has nothing to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PskServerKeyExchange {
    /// The hint, which means something only where client and server have agreed what (RFC 4279 5.2).
    pub hint: Bytes,
}

impl HandshakeMessage for PskServerKeyExchange {
    const TYPE: HandshakeType = HandshakeType::SERVER_KEY_EXCHANGE;
    const NAME: &'static str = "ServerKeyExchange";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (input, hint) = field("psk_identity_hint", vector16(0))(input)?;
            Ok((input, Self { hint: view(body, hint) }))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        write::vector16(out, |out| out.put_slice(&self.hint));
    }
}

/// The same with the server's half of ECDHE, on a named curve (RFC 5489 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcdhPskServerKeyExchange {
    /// The hint; empty where the server has nothing to say.
    pub hint: Bytes,
    /// The curve.
    pub group: NamedGroup,
    /// The server's public value.
    pub public: Bytes,
}

impl HandshakeMessage for EcdhPskServerKeyExchange {
    const TYPE: HandshakeType = HandshakeType::SERVER_KEY_EXCHANGE;
    const NAME: &'static str = "ServerKeyExchange";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (input, hint) = field("psk_identity_hint", vector16(0))(input)?;
            let (input, (group, public)) = named_curve(input)?;
            Ok((input, Self { hint: view(body, hint), group, public: view(body, public) }))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        write::vector16(out, |out| out.put_slice(&self.hint));
        out.put_slice(&EcdhServerKeyExchange::params(self.group, &self.public));
    }
}

/// A client's word on which key it uses (RFC 4279 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PskClientKeyExchange {
    /// The key's name, which RFC 4279 5.1 has be UTF-8 and nobody checks.
    pub identity: Bytes,
}

impl HandshakeMessage for PskClientKeyExchange {
    const TYPE: HandshakeType = HandshakeType::CLIENT_KEY_EXCHANGE;
    const NAME: &'static str = "ClientKeyExchange";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (input, identity) = field("psk_identity", vector16(0))(input)?;
            Ok((input, Self { identity: view(body, identity) }))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        write::vector16(out, |out| out.put_slice(&self.identity));
    }
}

/// The same with the client's half of ECDHE (RFC 5489 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcdhPskClientKeyExchange {
    /// The key's name.
    pub identity: Bytes,
    /// The client's public value.
    pub point: Bytes,
}

impl HandshakeMessage for EcdhPskClientKeyExchange {
    const TYPE: HandshakeType = HandshakeType::CLIENT_KEY_EXCHANGE;
    const NAME: &'static str = "ClientKeyExchange";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (input, identity) = field("psk_identity", vector16(0))(input)?;
            let (input, point) = field("ecdh_Yc", vector8(1, 255))(input)?;
            Ok((input, Self { identity: view(body, identity), point: view(body, point) }))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        write::vector16(out, |out| out.put_slice(&self.identity));
        write::vector8(out, |out| out.put_slice(&self.point));
    }
}
