//! The record header (RFC 5246 6.2.1).

use crate::codepoint::{ContentType, ProtocolVersion};

/// The most plaintext a record may hold, bytes (RFC 5246 6.2.1).
pub const MAX_PLAINTEXT: usize = 1 << 14;

/// The longest body of a protected record, bytes (RFC 5246 6.2.3).
pub const MAX_CIPHERTEXT: usize = MAX_PLAINTEXT + 2048;

/// The five bytes before every record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// What the record holds.
    pub content_type: ContentType,
    /// The version it claims.
    pub version: ProtocolVersion,
    /// The length of its body, bytes.
    pub length: u16,
}

impl RecordHeader {
    /// Its length, bytes.
    pub const LEN: usize = 5;

    /// Reads the header at the start of `bytes`; `None` when fewer than five bytes are there. It checks nothing: what may
    /// stand in a header depends on the state of the connection.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let [typ, major, minor, high, low] = *bytes.first_chunk()?;
        Some(Self {
            content_type: ContentType(typ),
            version: ProtocolVersion(u16::from_be_bytes([major, minor])),
            length: u16::from_be_bytes([high, low]),
        })
    }

    /// The five bytes.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let [major, minor] = self.version.0.to_be_bytes();
        let [high, low] = self.length.to_be_bytes();
        [self.content_type.0, major, minor, high, low]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_written_as_it_was_read() {
        let bytes = [22, 3, 1, 0x12, 0x34, 0xff];
        let header = RecordHeader::parse(&bytes).unwrap();
        assert_eq!(header.content_type, ContentType::HANDSHAKE);
        assert_eq!(header.version, ProtocolVersion::TLS_1_0);
        assert_eq!(header.length, 0x1234);
        assert_eq!(header.encode(), bytes[..5]);
        for len in 0..RecordHeader::LEN {
            assert_eq!(RecordHeader::parse(&bytes[..len]), None);
        }
        for any in [[0; 5], [0xff; 5], [1, 2, 3, 4, 5]] {
            assert_eq!(RecordHeader::parse(&any).unwrap().encode(), any);
        }
    }

    /// RFC 5246 6.2.1, 6.2.3.
    #[test]
    fn bounds() {
        assert_eq!((MAX_PLAINTEXT, MAX_CIPHERTEXT), (16384, 18432));
    }
}
