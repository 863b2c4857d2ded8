//! The ClientHello in SSL 2.0's format, by which old clients open towards servers of any version (RFC 5246 E.2).

use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use crate::codepoint::{CipherSuite, CompressionMethod, ProtocolVersion};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::message::{ClientHello, Random, SessionId};
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
    /// At least 16 bytes. The last 32 of them, or all, stand at the end of the random value.
    pub challenge: Bytes,
}

impl Sslv2ClientHello {
    /// Whether a connection that begins with these bytes begins with such a hello: a two-byte record header with the high
    /// bit set, and message type 1.
    pub fn is_start(bytes: &[u8]) -> bool {
        matches!(bytes, [high, _, 1, ..] if high & 0x80 != 0)
    }

    /// The longest message that a two-byte record header can announce, bytes.
    pub const MAX: usize = 0x7fff;

    /// The length of the message that the record header at the start of `bytes` announces, once both its bytes are there.
    pub fn announced(bytes: &[u8]) -> Option<usize> {
        let [high, low] = *bytes.first_chunk()?;
        Some(usize::from(u16::from_be_bytes([high & 0x7f, low])))
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
            let (left, specs) = field("cipher_specs", |input| {
                let (left, specs) = part(input, specs, 3, u16::MAX)?;
                match specs.as_chunks::<3>() {
                    (triples, []) => Ok((left, triples)),
                    _ => fail(input, DecodeErrorKind::NotAMultiple { length: specs.len(), of: 3 }),
                }
            })(left)?;
            let (left, session_id) = field("session_id", |input| part(input, session, 0, 32))(left)?;
            let (left, challenge) = field("challenge", |input| part(input, challenge, 16, u16::MAX))(left)?;
            Ok((
                left,
                Self {
                    client_version: ProtocolVersion(version),
                    cipher_specs: specs.to_vec(),
                    session_id: view(message, session_id),
                    challenge: view(message, challenge),
                },
            ))
        })
    }

    /// A hello that says of another what this format can say: its version, suites, session and random value.
    pub fn of(hello: &ClientHello) -> Self {
        Self {
            client_version: hello.client_version,
            cipher_specs: hello
                .cipher_suites
                .iter()
                .map(|suite| suite.0.to_be_bytes())
                .map(|[a, b]| [0, a, b])
                .collect(),
            session_id: Bytes::copy_from_slice(hello.session_id.as_slice()),
            challenge: Bytes::copy_from_slice(&hello.random.0),
        }
    }

    /// The same in today's format, without extensions, as what follows wants it (RFC 5246 E.2).
    pub fn to_client_hello(&self) -> ClientHello {
        ClientHello {
            client_version: self.client_version,
            random: Random(self.random()),
            session_id: SessionId::new(&self.session_id).unwrap_or_default(),
            cipher_suites: self.cipher_suites().collect(),
            compression_methods: Vec::from([CompressionMethod::NULL]),
            extensions: None,
        }
    }

    /// The message, without a record header: what goes into the transcript. `None` when it is longer than [`Self::MAX`].
    pub fn encode(&self) -> Option<Bytes> {
        let length = |bytes: usize| u16::try_from(bytes).ok();
        let mut out = BytesMut::new();
        out.put_u8(1);
        out.put_u16(self.client_version.0);
        out.put_u16(length(self.cipher_specs.len() * 3)?);
        out.put_u16(length(self.session_id.len())?);
        out.put_u16(length(self.challenge.len())?);
        self.cipher_specs.iter().for_each(|spec| out.put_slice(spec));
        out.put_slice(&self.session_id);
        out.put_slice(&self.challenge);
        Some(out.freeze()).filter(|message| message.len() <= Self::MAX)
    }

    /// The two-byte header of a record that holds a message of so many bytes.
    pub fn record_header(length: usize) -> [u8; 2] {
        (0x8000 | u16::try_from(length).unwrap_or(u16::MAX)).to_be_bytes()
    }

    /// The suites of SSL 3.0 and later among the cipher specs.
    pub fn cipher_suites(&self) -> impl Iterator<Item = CipherSuite> + '_ {
        self.cipher_specs.iter().filter_map(|spec| match *spec {
            [0, high, low] => Some(CipherSuite(u16::from_be_bytes([high, low]))),
            _ => None,
        })
    }

    /// The random value that the challenge stands for: padded with zeros on the left, or its last 32 bytes (RFC 5246 E.2).
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
    use alloc::string::ToString;
    use alloc::vec;
    use proptest::collection::vec as many;
    use proptest::prelude::*;

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
    fn of_a_long_challenge_the_end_counts() {
        let challenge: Vec<u8> = (0..48).collect();
        let hello = Sslv2ClientHello {
            challenge: challenge.clone().into(),
            ..Sslv2ClientHello::parse(&hello().into()).unwrap()
        };
        let read = Sslv2ClientHello::parse(&hello.encode().unwrap()).unwrap();
        assert_eq!((&read.random()[..], &read.challenge[..]), (&challenge[16..], &challenge[..]));
    }

    #[test]
    fn what_is_written_is_read_and_means_the_same() {
        let hello = ClientHello {
            client_version: ProtocolVersion::TLS_1_0,
            random: Random([7; 32]),
            session_id: SessionId::new(&[9; 16]).unwrap(),
            cipher_suites: vec![CipherSuite::TLS_RSA_WITH_RC4_128_MD5, CipherSuite::TLS_ECDHE_RSA_WITH_RC4_128_SHA],
            compression_methods: vec![CompressionMethod::NULL],
            extensions: None,
        };
        let message = Sslv2ClientHello::of(&hello).encode().unwrap();
        let record = [&Sslv2ClientHello::record_header(message.len())[..], &message].concat();
        assert!(Sslv2ClientHello::is_start(&record));
        assert_eq!(Sslv2ClientHello::announced(&record), Some(message.len()));
        assert_eq!(Sslv2ClientHello::parse(&message).unwrap().to_client_hello(), hello);

        let mut long = Sslv2ClientHello::of(&hello);
        long.cipher_specs = vec![[0; 3]; 11_000];
        assert_eq!(long.encode(), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            version: u16,
            cipher_specs in many(any::<[u8; 3]>(), 1..40),
            session_id in many(any::<u8>(), 0..=32),
            challenge in many(any::<u8>(), 16..=64),
        ) {
            let hello = Sslv2ClientHello {
                client_version: ProtocolVersion(version),
                cipher_specs,
                session_id: session_id.into(),
                challenge: challenge.into(),
            };
            let encoded = hello.encode().unwrap();
            prop_assert!(Sslv2ClientHello::is_start(&[&[0x80, 0x2e], &encoded[..]].concat()));
            for len in 0..encoded.len() {
                let error = Sslv2ClientHello::parse(&encoded.slice(..len)).unwrap_err();
                prop_assert!(error.offset() <= len && error.to_string().starts_with("SSLv2 ClientHello"));
            }
            prop_assert!(Sslv2ClientHello::parse(&[&encoded[..], &[0]].concat().into()).is_err());
            prop_assert_eq!(Sslv2ClientHello::parse(&encoded), Ok(hello));
        }

        #[test]
        fn arbitrary_bytes_are_written_as_they_were_read(bytes in many(prop_oneof![0..20_u8, any::<u8>()], 0..60)) {
            let bytes = Bytes::from(bytes);
            if let Ok(hello) = Sslv2ClientHello::parse(&bytes) {
                prop_assert_eq!(hello.encode(), Some(bytes));
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let says = |at: usize, byte: u8| {
            let mut bytes = hello();
            bytes[at] = byte;
            Sslv2ClientHello::parse(&bytes.into()).unwrap_err().to_string()
        };
        assert_eq!(says(0, 4), "SSLv2 ClientHello: not a ClientHello (offset 0)");
        assert_eq!(says(4, 0), "SSLv2 ClientHello.cipher_specs: length 0 is not in 3..=65535 (offset 9)");
        assert_eq!(says(4, 5), "SSLv2 ClientHello.cipher_specs: length 5 is no multiple of 3 (offset 9)");
        assert_eq!(says(4, 99), "SSLv2 ClientHello.cipher_specs: length 99 runs past the end (offset 9)");
        assert_eq!(says(6, 16), "SSLv2 ClientHello.challenge: length 16 runs past the end (offset 31)");
        assert_eq!(says(8, 15), "SSLv2 ClientHello.challenge: length 15 is not in 16..=65535 (offset 15)");
        assert_eq!(says(8, 14), "SSLv2 ClientHello.challenge: length 14 is not in 16..=65535 (offset 15)");
        let long =
            Sslv2ClientHello { session_id: vec![0; 33].into(), ..Sslv2ClientHello::parse(&hello().into()).unwrap() };
        let error = Sslv2ClientHello::parse(&long.encode().unwrap()).unwrap_err().to_string();
        assert_eq!(error, "SSLv2 ClientHello.session_id: length 33 is not in 0..=32 (offset 15)");
    }

    #[test]
    fn beginnings() {
        assert!(Sslv2ClientHello::is_start(&[0x80, 0, 1]));
        for other in [&[0x80, 0][..], &[0x80, 0, 2], &[0x00, 0, 1], &[]] {
            assert!(!Sslv2ClientHello::is_start(other));
        }
    }
}
