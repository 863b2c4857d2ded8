//! The messages with little in them (RFC 5246 7.4.1.1, 7.4.5, 7.4.9; RFC 5077 3.3).

use bytes::{BufMut, Bytes, BytesMut};

use super::HandshakeMessage;
use crate::codepoint::HandshakeType;
use crate::error::DecodeError;
use crate::parse::{field, rest, u32, vector16, view, whole};
use crate::write;

macro_rules! empty {
    ($(#[$doc:meta])* $type:ident $typ:ident $name:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $type;

        impl HandshakeMessage for $type {
            const TYPE: HandshakeType = HandshakeType::$typ;
            const NAME: &'static str = $name;

            fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
                whole(Self::NAME, body, |input| Ok((input, Self)))
            }

            fn write_body(&self, _: &mut BytesMut) {}
        }
    };
}

pub(super) use empty;

empty! {
    /// A server's wish to renegotiate (RFC 5246 7.4.1.1). In no transcript.
    HelloRequest HELLO_REQUEST "HelloRequest"
}

empty! {
    /// The end of the server's flight (RFC 5246 7.4.5).
    ServerHelloDone SERVER_HELLO_DONE "ServerHelloDone"
}

/// The first protected message of a side (RFC 5246 7.4.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// 12 bytes up to TLS 1.2, as long as the suite's hash in TLS 1.3 (RFC 8446 4.4.4), 36 in SSL 3.0.
    pub verify_data: Bytes,
}

impl HandshakeMessage for Finished {
    const TYPE: HandshakeType = HandshakeType::FINISHED;
    const NAME: &'static str = "Finished";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (input, verify_data) = rest(input)?;
            Ok((input, Self { verify_data: view(body, verify_data) }))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        out.put_slice(&self.verify_data);
    }
}

/// A ticket to resume the session with (RFC 5077 3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSessionTicket {
    /// How long the server thinks it good for, seconds; 0 when it does not say.
    pub lifetime_hint: u32,
    /// The ticket.
    pub ticket: Bytes,
}

impl HandshakeMessage for NewSessionTicket {
    const TYPE: HandshakeType = HandshakeType::NEW_SESSION_TICKET;
    const NAME: &'static str = "NewSessionTicket";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (input, lifetime_hint) = field("ticket_lifetime_hint", u32)(input)?;
            let (input, ticket) = field("ticket", vector16(0))(input)?;
            Ok((input, Self { lifetime_hint, ticket: view(body, ticket) }))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        out.put_u32(self.lifetime_hint);
        write::vector16(out, |out| out.put_slice(&self.ticket));
    }
}
