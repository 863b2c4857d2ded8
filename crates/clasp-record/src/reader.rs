//! Taking records in: deframe, check, open (RFC 5246 6.2).

use bytes::{Buf, Bytes, BytesMut};
use clasp_wire::{ContentType, MAX_CIPHERTEXT, MAX_PLAINTEXT, RecordHeader, Sslv2ClientHello};

use crate::bulk::Open;
use crate::error::{Foreign, RecordError};

/// How many empty records of application data may follow one another. They cost us work and the peer nearly nothing.
const MAX_EMPTY: u8 = 32;

/// The longest hello in SSL 2.0's format that is waited for, bytes; real ones have about a hundred.
const MAX_SSLV2_HELLO: usize = 4096;

/// The major version of SSL 3.0 and all of TLS.
const MAJOR: u8 = 3;

/// How much longer than its plaintext a protected record may be, bytes (RFC 5246 6.2.3).
const MAX_EXPANSION: usize = MAX_CIPHERTEXT - MAX_PLAINTEXT;

/// The length of a record header of SSL 2.0, bytes.
const SSLV2_HEADER: usize = 2;

/// A record's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its type.
    pub content_type: ContentType,
    /// Its plaintext: a view of the buffer it came in.
    pub payload: Bytes,
}

/// The reading half of a record layer.
pub struct Reader {
    opener: Option<Box<dyn Open>>,
    sequence: u64,
    /// Plaintext opened under these keys, bytes.
    opened: u64,
    max_plaintext: usize,
    empty: u8,
    begun: bool,
    /// Whether the connection may begin with a hello in SSL 2.0's format.
    takes_sslv2_hello: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Reader {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Reader")
            .field("encrypted", &self.is_encrypted())
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// Reads plaintext records.
    pub fn new() -> Self {
        Self {
            opener: None,
            sequence: 0,
            opened: 0,
            max_plaintext: MAX_PLAINTEXT,
            empty: 0,
            begun: false,
            takes_sslv2_hello: false,
        }
    }

    /// Lets the connection begin with a hello in SSL 2.0's format (RFC 5246 E.2), for [`Self::next_sslv2_hello`].
    pub fn take_sslv2_hello(&mut self) {
        self.takes_sslv2_hello = true;
    }

    /// Opens the records that follow with these keys; the sequence number begins anew.
    pub fn install(&mut self, opener: Box<dyn Open>) {
        self.opener = Some(opener);
        self.sequence = 0;
        self.opened = 0;
    }

    /// The most plaintext a protected record may hold from now on, bytes (RFC 8449 4, RFC 6066 4). Records without
    /// protection, as those of a first handshake, are not subject to it: 2^14 bytes stay their bound.
    pub fn set_max_plaintext(&mut self, bytes: usize) {
        self.max_plaintext = bytes.min(MAX_PLAINTEXT);
    }

    /// How many bytes were opened under the present keys.
    pub fn bytes_under_key(&self) -> u64 {
        self.opened
    }

    /// Whether records are opened with keys.
    pub fn is_encrypted(&self) -> bool {
        self.opener.is_some()
    }

    /// How many bytes must still be read, at least, before [`Self::next`] has a record; never 0.
    pub fn needed(&self, buffer: &BytesMut) -> usize {
        if self.awaits_sslv2_hello(buffer) {
            let whole = Sslv2ClientHello::announced(buffer).map_or(0, |length| SSLV2_HEADER + length);
            return whole.saturating_sub(buffer.len()).max(1);
        }
        if !self.begun && !matches!(Beginning::of(buffer), Beginning::Record) {
            return 1;
        }
        let whole = RecordHeader::parse(buffer).map_or(0, |header| usize::from(header.length)) + RecordHeader::LEN;
        whole.saturating_sub(buffer.len()).max(1)
    }

    /// Whether what has come is a hello in SSL 2.0's format, or its beginning.
    fn awaits_sslv2_hello(&self, buffer: &[u8]) -> bool {
        self.takes_sslv2_hello
            && !self.begun
            && Sslv2ClientHello::is_start(buffer)
            && Sslv2ClientHello::announced(buffer).is_none_or(|length| length <= MAX_SSLV2_HELLO)
    }

    /// Takes a hello in SSL 2.0's format off the front of `buffer`: the message, without its two-byte record header. Only at
    /// the very start, and only after [`Self::take_sslv2_hello`]; otherwise, or when more must be read, `None`.
    pub fn next_sslv2_hello(&mut self, buffer: &mut BytesMut) -> Option<Bytes> {
        if !self.awaits_sslv2_hello(buffer) {
            return None;
        }
        let length = Sslv2ClientHello::announced(buffer)?;
        if buffer.len() < SSLV2_HEADER + length {
            return None;
        }
        self.begun = true;
        buffer.advance(SSLV2_HEADER);
        Some(buffer.split_to(length).freeze())
    }

    /// Takes the next record off the front of `buffer`, and opens it in place; `None` when more must be read. Nothing is
    /// copied. The length is checked as soon as the header is there.
    ///
    /// # Errors
    /// [`RecordError`]; the connection cannot go on.
    #[allow(clippy::should_implement_trait, reason = "an iterator cannot be given more to iterate over")]
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Record>, RecordError> {
        if self.awaits_sslv2_hello(buffer) {
            return Ok(None);
        }
        if !self.begun {
            match Beginning::of(buffer) {
                Beginning::Record => {}
                Beginning::Undecided => return Ok(None),
                Beginning::Foreign(foreign) => return Err(RecordError::NotTls(foreign)),
            }
        }
        let Some(header) = RecordHeader::parse(buffer) else { return Ok(None) };
        self.check(header)?;
        let length = usize::from(header.length);
        if buffer.len() < RecordHeader::LEN + length {
            return Ok(None);
        }
        self.begun = true;
        buffer.advance(RecordHeader::LEN);
        let mut body = buffer.split_to(length);
        let content_type = match &mut self.opener {
            None => header.content_type,
            Some(opener) => {
                if self.sequence >= opener.record_limit() {
                    return Err(RecordError::Exhausted);
                }
                let opened = opener.open(self.sequence, &header, &mut body)?;
                self.sequence += 1;
                self.opened = self.opened.saturating_add(length.try_into().unwrap_or(u64::MAX));
                body.truncate(opened.range.end);
                body.advance(opened.range.start.min(body.len()));
                opened.content_type
            }
        };
        let max = self.max_content();
        if body.len() > max {
            return Err(RecordError::Overflow { length: body.len(), max });
        }
        self.count_empty(content_type, &body)?;
        Ok(Some(Record { content_type, payload: body.freeze() }))
    }

    fn check(&self, header: RecordHeader) -> Result<(), RecordError> {
        if !(ContentType::CHANGE_CIPHER_SPEC..=ContentType::APPLICATION_DATA).contains(&header.content_type) {
            return Err(RecordError::UnknownType(header.content_type));
        }
        // Peers write many a minor version before one is agreed (RFC 5246 E.1); the major one is 3.
        let [major, _] = header.version.0.to_be_bytes();
        if major != MAJOR {
            return Err(RecordError::Version(header.version));
        }
        let max = self.max_content() + if self.is_encrypted() { MAX_EXPANSION } else { 0 };
        let length = usize::from(header.length);
        if length > max {
            return Err(RecordError::Overflow { length, max });
        }
        Ok(())
    }

    /// The most content a record may hold now, bytes.
    fn max_content(&self) -> usize {
        if self.is_encrypted() { self.max_plaintext } else { MAX_PLAINTEXT }
    }

    fn count_empty(&mut self, content_type: ContentType, body: &[u8]) -> Result<(), RecordError> {
        if !body.is_empty() {
            self.empty = 0;
            return Ok(());
        }
        if content_type != ContentType::APPLICATION_DATA {
            return Err(RecordError::Empty(content_type));
        }
        self.empty += 1;
        if self.empty > MAX_EMPTY { Err(RecordError::TooManyEmpty) } else { Ok(()) }
    }
}

/// What a connection's first bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beginning {
    /// A record header, as far as can be seen.
    Record,
    /// Something else; what, the next bytes will tell.
    Undecided,
    Foreign(Foreign),
}

impl Beginning {
    fn of(bytes: &[u8]) -> Self {
        const HTTP: [&[u8]; 9] =
            [b"GET ", b"POST ", b"HEAD ", b"PUT ", b"DELETE ", b"OPTIONS ", b"CONNECT ", b"PATCH ", b"HTTP/"];
        /// How many bytes a verdict takes.
        const ENOUGH: usize = 5;
        let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
        match bytes {
            [20..=23, 3, ..] | [20..=23] | [] => Self::Record,
            [high, _, 1, ..] if high & 0x80 != 0 => Self::Foreign(Foreign::Sslv2Hello),
            [high] | [high, _] if high & 0x80 != 0 => Self::Undecided,
            _ if HTTP.iter().any(|word| bytes.starts_with(word)) => Self::Foreign(Foreign::Http),
            // More letters may still make it a word of HTTP's.
            _ if HTTP.iter().any(|word| word.starts_with(bytes)) => Self::Undecided,
            _ => {
                let line = bytes.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
                if !line.iter().take(ENOUGH).all(is_text) {
                    Self::Foreign(Foreign::Garbage)
                } else if line.len() >= ENOUGH || line.ends_with(b"\n") {
                    Self::Foreign(Foreign::Text)
                } else {
                    Self::Undecided
                }
            }
        }
    }
}
