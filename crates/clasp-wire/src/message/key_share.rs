//! Key shares (RFC 8446 4.2.8).

use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use crate::bounds::MAX_KEY_SHARES;
use crate::codepoint::NamedGroup;
use crate::parse::{Parsed, field, list, u16, vector16, view};
use crate::write;

/// One side's public value in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyShareEntry {
    /// The group.
    pub group: NamedGroup,
    /// The public value, in the group's own form; never empty.
    pub key_exchange: Bytes,
}

impl KeyShareEntry {
    pub(super) fn parse<'a>(body: &Bytes, input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, group) = field("group", u16)(input)?;
        let (input, key_exchange) = field("key_exchange", vector16(1))(input)?;
        Ok((input, Self { group: NamedGroup(group), key_exchange: view(body, key_exchange) }))
    }

    /// A client's shares; it may have none.
    pub(super) fn parse_list<'a>(body: &Bytes, input: &'a [u8]) -> Parsed<'a, Vec<Self>> {
        list(vector16(0)(input), MAX_KEY_SHARES, |input| Self::parse(body, input))
    }

    pub(super) fn write(&self, out: &mut BytesMut) {
        out.put_u16(self.group.0);
        write::vector16(out, |out| out.put_slice(&self.key_exchange));
    }

    pub(super) fn write_list(entries: &[Self], out: &mut BytesMut) {
        write::vector16(out, |out| entries.iter().for_each(|entry| entry.write(out)));
    }
}
