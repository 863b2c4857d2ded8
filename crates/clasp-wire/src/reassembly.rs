//! Joining handshake messages: one may lie across several records, and one record may hold several (RFC 5246 6.2.1, RFC
//! 8446 5.1).

use alloc::vec::Vec;

use bytes::{Buf, Bytes, BytesMut};

use crate::codepoint::HandshakeType;
use crate::error::{DecodeError, DecodeErrorKind, Segment};
use crate::message::HandshakeMessage;

/// A handshake message as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawHandshake {
    /// Its type.
    pub typ: HandshakeType,
    /// Header and body, as a transcript wants them.
    pub raw: Bytes,
}

impl RawHandshake {
    /// The length of a header, bytes.
    pub const HEADER: usize = 4;

    /// The body, a view of [`Self::raw`].
    pub fn body(&self) -> Bytes {
        let mut body = self.raw.clone();
        body.advance(Self::HEADER.min(body.len()));
        body
    }

    /// The body as a message of type `M`, whose type the caller has compared.
    ///
    /// # Errors
    /// What is wrong with the body, and where.
    pub fn parse<M: HandshakeMessage>(&self) -> Result<M, DecodeError> {
        M::parse_body(&self.body())
    }
}

/// Takes fragments in and hands whole messages out. Holds no memory while it holds no bytes.
#[derive(Debug)]
pub struct Reassembler {
    max_message: usize,
    /// What has come and is not handed out: a view of one record, as long as that is enough.
    waiting: Bytes,
    /// What has come of a message that lies across records.
    joined: BytesMut,
}

impl Reassembler {
    /// Takes messages whose body has at most `max_message` bytes.
    pub fn new(max_message: usize) -> Self {
        Self { max_message, waiting: Bytes::new(), joined: BytesMut::new() }
    }

    /// Changes the bound.
    pub fn set_max(&mut self, max_message: usize) {
        self.max_message = max_message;
    }

    /// Takes in a record's content. Hand out what is whole, by [`Self::next`], before the next one.
    ///
    /// # Errors
    /// A message that says that it is longer than the bound.
    pub fn push(&mut self, fragment: Bytes) -> Result<(), DecodeError> {
        if self.is_empty() {
            self.waiting = fragment;
        } else {
            self.joined.extend_from_slice(&core::mem::take(&mut self.waiting));
            self.joined.extend_from_slice(&fragment);
        }
        self.check().map(|_| ())
    }

    /// The next whole message, or `None` when more must come.
    ///
    /// # Errors
    /// A message that says that it is longer than the bound.
    #[allow(clippy::should_implement_trait, reason = "an iterator cannot be given more to iterate over")]
    pub fn next(&mut self) -> Result<Option<RawHandshake>, DecodeError> {
        let Some((typ, length)) = self.check()? else { return Ok(None) };
        let total = RawHandshake::HEADER + length;
        if self.len() < total {
            return Ok(None);
        }
        let raw = if self.joined.is_empty() {
            self.waiting.split_to(total)
        } else {
            let mut all = core::mem::take(&mut self.joined).freeze();
            let raw = all.split_to(total);
            self.waiting = all;
            raw
        };
        if self.waiting.is_empty() {
            // An empty view still holds on to its record.
            self.waiting = Bytes::new();
        }
        Ok(Some(RawHandshake { typ, raw }))
    }

    /// Whether no byte of a message is waiting: only then may the keys change, or a record of another type come (RFC 8446
    /// 5.1). That TLS 1.3 has no handshake record without content is not looked at here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.waiting.len() + self.joined.len()
    }

    /// The type and body length of the message that is coming, once its header is there.
    fn check(&self) -> Result<Option<(HandshakeType, usize)>, DecodeError> {
        let bytes: &[u8] = if self.joined.is_empty() { &self.waiting } else { &self.joined };
        let Some([typ, a, b, c]) = bytes.first_chunk().copied() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
        if length > self.max_message {
            let path = Vec::from([Segment::Field("Handshake"), Segment::Field("length")]);
            return Err(DecodeError::new(1, path, DecodeErrorKind::TooLarge { length, max: self.max_message }));
        }
        Ok(Some((HandshakeType(typ), length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    fn messages() -> Vec<u8> {
        let mut all = vec![1, 0, 0, 3, 7, 7, 7];
        all.extend_from_slice(&[14, 0, 0, 0]);
        all.extend_from_slice(&[11, 0, 1, 0]);
        all.resize(all.len() + 256, 9);
        all
    }

    #[test]
    fn fragments_of_every_size_give_the_same_messages() {
        let all = messages();
        for size in 1..=all.len() {
            let mut joiner = Reassembler::new(1000);
            let mut got = Vec::new();
            for fragment in all.chunks(size) {
                joiner.push(Bytes::copy_from_slice(fragment)).unwrap();
                while let Some(message) = joiner.next().unwrap() {
                    got.push(message);
                }
            }
            assert!(joiner.is_empty());
            let types: Vec<_> = got.iter().map(|message| message.typ.0).collect();
            assert_eq!(types, [1, 14, 11]);
            assert_eq!(got.iter().flat_map(|message| message.raw.clone()).collect::<Vec<u8>>(), all);
            assert_eq!(got[0].body(), [7, 7, 7][..]);
        }
    }

    /// A flight in three records, cut at every pair of places, empty records among them.
    #[test]
    fn every_cut_gives_the_same_messages() {
        let all = Bytes::from(messages());
        for first in 0..=all.len() {
            for second in first..=all.len() {
                let mut joiner = Reassembler::new(256);
                let mut got = Vec::new();
                for fragment in [all.slice(..first), all.slice(first..second), all.slice(second..)] {
                    joiner.push(fragment).unwrap();
                    while let Some(message) = joiner.next().unwrap() {
                        got.push(message);
                    }
                }
                assert!(joiner.is_empty(), "{first} {second}");
                assert_eq!(got.len(), 3, "{first} {second}");
                assert!(got.iter().flat_map(|message| &message.raw[..]).eq(&all[..]), "{first} {second}");
            }
        }
    }

    #[test]
    fn messages_in_one_record_are_views_of_it() {
        let record = Bytes::from(messages());
        let mut joiner = Reassembler::new(1000);
        joiner.push(record.clone()).unwrap();
        let mut at = 0;
        while let Some(message) = joiner.next().unwrap() {
            assert_eq!(message.raw.as_ptr(), record[at..].as_ptr());
            assert_eq!(message.body().as_ptr(), record[at + 4..].as_ptr().min(record.as_ptr_range().end));
            at += message.raw.len();
        }
        assert_eq!(at, record.len());
    }

    /// Only a message that lies across records is joined, and only then; what follows it in its last record is a view of
    /// the same memory, and the next record's messages are views of that record again.
    #[test]
    fn only_what_lies_across_records_is_copied() {
        let mut joiner = Reassembler::new(1000);
        let (first, second, third) = (Bytes::from_static(&[1, 0, 0]), [2, 9, 9, 14, 0, 0, 0], [20, 0, 0, 1, 7]);
        joiner.push(first).unwrap();
        assert_eq!(joiner.next().unwrap(), None);
        joiner.push(Bytes::copy_from_slice(&second)).unwrap();
        let (joined, next) = (joiner.next().unwrap().unwrap(), joiner.next().unwrap().unwrap());
        assert_eq!((joined.typ.0, &joined.raw[..]), (1, &[1, 0, 0, 2, 9, 9][..]));
        assert_eq!((next.typ.0, next.raw.as_ptr()), (14, joined.raw.as_ptr_range().end));
        let third = Bytes::copy_from_slice(&third);
        joiner.push(third.clone()).unwrap();
        assert_eq!(joiner.next().unwrap().unwrap().raw.as_ptr(), third.as_ptr());
        // Nothing is held on to: not even an empty view of the record.
        assert!(joiner.is_empty() && third.is_unique());
    }

    /// A message behind the one that changes the keys, or a part of it, is there to be noticed (RFC 8446 5.1).
    #[test]
    fn what_is_left_behind_a_message_is_noticed() {
        let hello = [2, 0, 0, 2, 9, 9];
        for behind in [&[][..], &[8], &[8, 0, 0, 2], &[8, 0, 0, 2, 0, 0]] {
            let all = [&hello[..], behind].concat();
            for cut in 0..=hello.len() {
                let mut joiner = Reassembler::new(100);
                joiner.push(Bytes::copy_from_slice(&all[..cut])).unwrap();
                let early = joiner.next().unwrap();
                joiner.push(Bytes::copy_from_slice(&all[cut..])).unwrap();
                let message = early.or_else(|| joiner.next().unwrap()).unwrap();
                assert_eq!(message.raw, hello[..], "{cut}");
                assert_eq!(joiner.is_empty(), behind.is_empty(), "{cut} {behind:?}");
            }
        }
    }

    #[test]
    fn a_message_of_just_the_bound_passes() {
        let mut joiner = Reassembler::new(3);
        joiner.push(Bytes::from_static(&[1, 0, 0, 3, 7, 7, 7, 1, 0, 0])).unwrap();
        assert!(joiner.next().unwrap().is_some());
        assert_eq!(joiner.next().unwrap(), None);
        let error = joiner.push(Bytes::from_static(&[4])).unwrap_err();
        assert_eq!(error.to_string(), "Handshake.length: a message of 4 bytes, where 3 are allowed (offset 1)");
        // It stays so, until the bound is another.
        assert_eq!(joiner.next().unwrap_err(), error);
        joiner.set_max(4);
        assert_eq!(joiner.next().unwrap(), None);
        joiner.push(Bytes::from_static(&[1, 2, 3, 4])).unwrap();
        assert_eq!(joiner.next().unwrap().unwrap().body(), [1, 2, 3, 4][..]);
    }

    /// The second message in a record is refused by its header too, after the first was handed out.
    #[test]
    fn the_bound_holds_for_every_message() {
        let mut joiner = Reassembler::new(10);
        joiner.push(Bytes::from_static(&[14, 0, 0, 0, 11, 0xff, 0xff, 0xff])).unwrap();
        assert_eq!(joiner.next().unwrap().unwrap().typ, HandshakeType::SERVER_HELLO_DONE);
        assert!(joiner.next().unwrap_err().is_too_large());
    }

    #[test]
    fn a_message_is_parsed_as_what_it_is_taken_for() {
        let mut joiner = Reassembler::new(100);
        joiner.push(Bytes::from_static(&[14, 0, 0, 0, 14, 0, 0, 1, 0])).unwrap();
        assert!(joiner.next().unwrap().unwrap().parse::<crate::ServerHelloDone>().is_ok());
        let error = joiner.next().unwrap().unwrap().parse::<crate::ServerHelloDone>().unwrap_err();
        assert_eq!(error.to_string(), "ServerHelloDone: 1 bytes too many (offset 0)");
    }

    #[test]
    fn a_message_over_the_bound_is_refused_by_its_header() {
        let mut joiner = Reassembler::new(99);
        let error = joiner.push(Bytes::from_static(&[1, 0, 0, 100])).unwrap_err();
        assert!(error.is_too_large());
        let mut joiner = Reassembler::new(99);
        joiner.push(Bytes::from_static(&[1, 0, 0])).unwrap();
        assert!(joiner.push(Bytes::from_static(&[100])).is_err());
    }
}
