//! The ClientHello in SSL 2.0's format, by which old clients open towards servers of any version (RFC 5246 E.2).

use alloc::vec::Vec;

use bytes::Bytes;

use crate::codepoint::{CipherSuite, ProtocolVersion};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::parse::{Parsed, fail, field, rest, u8, u16, view, whole};

/// An SSLv2-format ClientHello. It carries a newer version; nobody should go on in SSL 2.0 itself (DROWN).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sslv2ClientHello {
    /// The newest version the client speaks.
    pub client_version: ProtocolVersion,
    /// Three-byte cipher specs; those of SSL 3.0 and later begin with a zero byte.
    pub cipher_specs: Vec<[u8; 3]>,
    /// The session to resume, or empty.
    pub session_id: Bytes,
    /// 16 to 32 bytes, which stand at the end of the random value.
    pub challenge: Bytes,
}

impl Sslv2ClientHello {
    /// Whether a connection that begins with these bytes begins with such a hello: a two-byte record header with the high
    /// bit set, and message type 1.
    pub fn is_start(bytes: &[u8]) -> bool {
        matches!(bytes, [high, _, 1, ..] if high & 0x80 != 0)
    }

    /// Reads the message behind the two-byte record header.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(message: &Bytes) -> Result<Self, DecodeError> {
        whole("SSLv2 ClientHello", message, |input| {
            let (left, typ) = field("msg_type", u8)(input)?;
            if typ != 1 {
                return fail(input, DecodeErrorKind::Illegal("not a ClientHello"));
            }
            let (left, version) = field("version", u16)(left)?;
            let (left, specs) = field("cipher_spec_length", u16)(left)?;
            let (left, session) = field("session_id_length", u16)(left)?;
            let (left, challenge) = field("challenge_length", u16)(left)?;
            let (left, specs) = field("cipher_specs", |input| part(input, specs, 3, u16::MAX))(left)?;
            let (left, session_id) = field("session_id", |input| part(input, session, 0, 32))(left)?;
            let (left, challenge) = field("challenge", |input| part(input, challenge, 16, 32))(left)?;
            let (triples, odd) = specs.as_chunks::<3>();
            if !odd.is_empty() {
                return fail(specs, DecodeErrorKind::NotAMultiple { length: specs.len(), of: 3 });
            }
            Ok((
                left,
                Self {
                    client_version: ProtocolVersion(version),
                    cipher_specs: triples.to_vec(),
                    session_id: view(message, session_id),
                    challenge: view(message, challenge),
                },
            ))
        })
    }

    /// The suites of SSL 3.0 and later among the cipher specs.
    pub fn cipher_suites(&self) -> impl Iterator<Item = CipherSuite> + '_ {
        self.cipher_specs.iter().filter_map(|spec| match *spec {
            [0, high, low] => Some(CipherSuite(u16::from_be_bytes([high, low]))),
            _ => None,
        })
    }

    /// The random value that the challenge stands for: padded with zeros on the left.
    pub fn random(&self) -> [u8; 32] {
        let mut random = [0; 32];
        random.iter_mut().rev().zip(self.challenge.iter().rev()).for_each(|(to, from)| *to = *from);
        random
    }
}

fn part(input: &[u8], length: u16, min: u16, max: u16) -> Parsed<'_, &[u8]> {
    let as_usize = usize::from;
    let (length, min, max) = (as_usize(length), as_usize(min), as_usize(max));
    match input.split_at_checked(length) {
        None => fail(input, DecodeErrorKind::RunsPastTheEnd { length, left: input.len() }),
        Some(_) if length < min || length > max => fail(input, DecodeErrorKind::LengthOutOfRange { length, min, max }),
        Some((value, left)) => Ok((left, rest(value)?.1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn hello() -> Vec<u8> {
        let mut bytes = vec![1, 3, 1, 0, 6, 0, 0, 0, 16];
        bytes.extend_from_slice(&[0, 0, 4, 1, 0, 0x80]);
        bytes.extend_from_slice(&[0xab; 16]);
        bytes
    }

    #[test]
    fn specs_and_challenge() {
        let hello = Sslv2ClientHello::parse(&hello().into()).unwrap();
        assert_eq!(hello.client_version, ProtocolVersion::TLS_1_0);
        assert_eq!(hello.cipher_suites().collect::<Vec<_>>(), [CipherSuite::TLS_RSA_WITH_RC4_128_MD5]);
        assert_eq!(hello.random()[..16], [0; 16]);
        assert_eq!(hello.random()[16..], [0xab; 16]);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let whole = hello();
        for len in 0..whole.len() {
            assert!(Sslv2ClientHello::parse(&Bytes::copy_from_slice(&whole[..len])).is_err(), "{len}");
        }
        let mut longer = whole;
        longer.push(0);
        assert!(Sslv2ClientHello::parse(&longer.into()).is_err());
    }
}
