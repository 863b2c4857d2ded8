//! The messages with little in them that TLS 1.3 added or changed (RFC 8446 4.3.1, 4.5, 4.6.1, 4.6.3).

use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use super::extensions::{Extension, block, write_block};
use super::simple::empty;
use super::{HandshakeMessage, ServerExtension, UnknownExtension};
use crate::codepoint::{ExtensionPlace, ExtensionType, HandshakeType};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::parse::{Parsed, fail, field, u8, u32, vector8, vector16, view, whole};
use crate::write;

/// What a server answers that needs no plaintext (RFC 8446 4.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedExtensions {
    /// The answers.
    pub extensions: Vec<ServerExtension>,
}

impl HandshakeMessage for EncryptedExtensions {
    const TYPE: HandshakeType = HandshakeType::ENCRYPTED_EXTENSIONS;
    const NAME: &'static str = "EncryptedExtensions";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (input, extensions) = field("extensions", |input| {
                ServerExtension::parse_list(body, ExtensionPlace::EncryptedExtensions, input)
            })(input)?;
            Ok((input, Self { extensions }))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        write_block(out, &self.extensions);
    }

    fn extension_count(&self) -> usize {
        self.extensions.len()
    }
}

empty! {
    /// The end of early data; what follows is protected by the handshake keys (RFC 8446 4.5).
    EndOfEarlyData END_OF_EARLY_DATA "EndOfEarlyData"
}

/// A ticket to resume the session with (RFC 8446 4.6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSessionTicket13 {
    /// How long it is good for, seconds; RFC 8446 allows at most 604800.
    pub lifetime: u32,
    /// What hides the ticket's age: added to it, in milliseconds, modulo 2^32.
    pub age_add: u32,
    /// Tells this ticket from others of the connection. At most 255 bytes.
    pub nonce: Bytes,
    /// The ticket. Never empty.
    pub ticket: Bytes,
    /// What is said of the ticket.
    pub extensions: Vec<TicketExtension>,
}

/// An extension of a NewSessionTicket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TicketExtension {
    /// RFC 8446 4.2.10: max_early_data_size, how much early data the ticket allows; bytes.
    EarlyData(u32),
    /// Any other, verbatim.
    Unknown(UnknownExtension),
}

impl HandshakeMessage for NewSessionTicket13 {
    const TYPE: HandshakeType = HandshakeType::NEW_SESSION_TICKET;
    const NAME: &'static str = "NewSessionTicket";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (input, lifetime) = field("ticket_lifetime", u32)(input)?;
            let (input, age_add) = field("ticket_age_add", u32)(input)?;
            let (input, nonce) = field("ticket_nonce", vector8(0, 255))(input)?;
            let (input, ticket) = field("ticket", vector16(1))(input)?;
            let (input, extensions) =
                field("extensions", |input| block(input, |typ, data| TicketExtension::parse(body, typ, data)))(input)?;
            let (nonce, ticket) = (view(body, nonce), view(body, ticket));
            Ok((input, Self { lifetime, age_add, nonce, ticket, extensions }))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        out.put_u32(self.lifetime);
        out.put_u32(self.age_add);
        write::vector8(out, |out| out.put_slice(&self.nonce));
        write::vector16(out, |out| out.put_slice(&self.ticket));
        write_block(out, &self.extensions);
    }

    fn extension_count(&self) -> usize {
        self.extensions.len()
    }
}

impl NewSessionTicket13 {
    /// How much early data the ticket allows, bytes; `None` where it allows none (RFC 8446 4.2.10).
    pub fn max_early_data(&self) -> Option<u32> {
        self.extensions.iter().find_map(|extension| match extension {
            TicketExtension::EarlyData(size) => Some(*size),
            TicketExtension::Unknown(_) => None,
        })
    }
}

impl TicketExtension {
    /// Its type.
    pub fn ext_type(&self) -> ExtensionType {
        match self {
            Self::EarlyData(_) => ExtensionType::EARLY_DATA,
            Self::Unknown(unknown) => unknown.typ,
        }
    }

    fn parse<'a>(body: &Bytes, typ: ExtensionType, data: &'a [u8]) -> Parsed<'a, Self> {
        Ok(match typ {
            ExtensionType::EARLY_DATA => {
                let (left, size) = field("max_early_data_size", u32)(data)?;
                (left, Self::EarlyData(size))
            }
            typ => {
                let (left, unknown) = UnknownExtension::parse(body, typ, data)?;
                (left, Self::Unknown(unknown))
            }
        })
    }
}

impl Extension for TicketExtension {
    fn ext_type(&self) -> ExtensionType {
        self.ext_type()
    }

    fn write_data(&self, out: &mut BytesMut) {
        match self {
            Self::EarlyData(size) => out.put_u32(*size),
            Self::Unknown(unknown) => out.put_slice(&unknown.data),
        }
    }
}

/// The sender's next record is protected by its next key (RFC 8446 4.6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUpdate {
    /// Whether the other side is to update its key too.
    pub request: bool,
}

impl HandshakeMessage for KeyUpdate {
    const TYPE: HandshakeType = HandshakeType::KEY_UPDATE;
    const NAME: &'static str = "KeyUpdate";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (left, request) = field("request_update", |input| {
                let (left, request) = u8(input)?;
                match request {
                    0 => Ok((left, false)),
                    1 => Ok((left, true)),
                    _ => fail(input, DecodeErrorKind::Illegal("neither update_not_requested nor update_requested")),
                }
            })(input)?;
            Ok((left, Self { request }))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        out.put_u8(u8::from(self.request));
    }
}
