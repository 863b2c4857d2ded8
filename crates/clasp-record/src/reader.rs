//! Taking records in: deframe, check, open (RFC 5246 6.2, RFC 8446 5).

use bytes::{Buf, Bytes, BytesMut};
use clasp_wire::{ContentType, MAX_PLAINTEXT, ProtocolVersion, RecordHeader, Sslv2ClientHello};

use crate::bulk::Open;
use crate::error::{Foreign, RecordError};

/// How many empty records of application data may follow one another, if nothing else is said. They cost us work and the peer
/// nearly nothing.
const MAX_EMPTY: u8 = 32;

/// The longest hello in SSL 2.0's format that is waited for, bytes; real ones have about a hundred.
const MAX_SSLV2_HELLO: usize = 4096;

/// The major version of SSL 3.0 and all of TLS.
const MAJOR: u8 = 3;

/// The minor of legacy_record_version in protected records of TLS 1.3: TLS 1.2's (RFC 8446 5.2).
const LEGACY_RECORD_MINOR: u8 = 3;

/// How many ChangeCipherSpec records are dropped, if nothing else is said. A peer sends one or two (RFC 8446 D.4).
const MAX_DROPPED: u8 = 32;

/// The longest body of a protected record in TLS 1.3 that we need not open, bytes (RFC 8446 5.2).
const MAX_CIPHERTEXT_13: usize = MAX_PLAINTEXT + 256;

/// The length of a whole alert, bytes.
const ALERT: u16 = 2;

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
    /// The one minor version that records may have, once it is agreed.
    minor: Option<u8>,
    max_plaintext: usize,
    empty: u8,
    max_empty: u8,
    begun: bool,
    /// Whether the connection may begin with a hello in SSL 2.0's format.
    takes_sslv2_hello: bool,
    drops_change_cipher_spec: bool,
    /// How many were dropped.
    dropped: u8,
    max_dropped: u8,
    takes_plaintext_alerts: bool,
    /// How many bytes of early data may still be skipped.
    skip: Option<u64>,
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
            minor: None,
            max_plaintext: MAX_PLAINTEXT + 1,
            empty: 0,
            max_empty: MAX_EMPTY,
            begun: false,
            takes_sslv2_hello: false,
            drops_change_cipher_spec: false,
            dropped: 0,
            max_dropped: MAX_DROPPED,
            takes_plaintext_alerts: false,
            skip: None,
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

    /// The version that records must have from now on, before TLS 1.3 (RFC 5246 6.2.1). Until this is called any version of SSL 3.0
    /// or TLS will do; and for an alert without protection later too, as by that a peer may refuse the version. Records under keys
    /// of TLS 1.3 must say TLS 1.2 in any case (RFC 8446 5.2); what TLS 1.3's unprotected records say is not looked at (5.1).
    pub fn set_version(&mut self, version: ProtocolVersion) {
        let [_, minor] = version.0.to_be_bytes();
        self.minor = Some(minor);
    }

    /// The most plaintext a protected record may hold from now on, bytes (RFC 8449 4): up to 16384 of content, and under
    /// keys of TLS 1.3 up to 16385 of content, type and padding together. (For a limit that counts content alone, as that of
    /// RFC 6066 4, add 1.) Records without protection, as those of a first handshake, are not subject to it: 2^14 bytes stay
    /// their bound.
    pub fn set_max_plaintext(&mut self, bytes: usize) {
        self.max_plaintext = bytes.min(MAX_PLAINTEXT + 1);
    }

    /// Whether an unprotected ChangeCipherSpec is dropped, as TLS 1.3 wants it from the first ClientHello to the peer's
    /// Finished (RFC 8446 5, D.4). It must be the one byte 1, and no more than 32 are taken
    /// if [`Self::set_max_change_cipher_specs`] says nothing else.
    pub fn set_drop_change_cipher_spec(&mut self, drop: bool) {
        self.drops_change_cipher_spec = drop;
    }

    /// How many empty records of application data may follow one another (RFC 5246 6.2.1): 32 without this.
    pub fn set_max_empty(&mut self, records: u8) {
        self.max_empty = records;
    }

    /// How many ChangeCipherSpecs are dropped over the life of a connection.
    pub fn set_max_change_cipher_specs(&mut self, records: u8) {
        self.max_dropped = records;
    }

    /// Whether an unprotected alert is taken under keys of TLS 1.3, until the first record opens: a peer that did not get so
    /// far as to have keys can say why in no other way. Anybody on the path can say it too.
    pub fn set_plaintext_alerts(&mut self, take: bool) {
        self.takes_plaintext_alerts = take;
    }

    /// Skips early data that was not accepted (RFC 8446 4.2.10), up to `max_bytes` of record bodies.
    ///
    /// With keys, records that do not open are passed over and not counted in the sequence, up to the first one that opens;
    /// beyond the bound one is [`RecordError::BadRecordMac`] as ever. Without keys, as after a HelloRetryRequest, records of
    /// application data are passed over up to the first one of the handshake; beyond the bound they are
    /// [`RecordError::Unexpected`].
    pub fn skip_early_data(&mut self, max_bytes: u64) {
        self.skip = Some(max_bytes);
    }

    /// Whether early data is being skipped still.
    pub fn is_skipping(&self) -> bool {
        self.skip.is_some()
    }

    /// How many records may still be opened under the present keys; with no keys, as many as one likes.
    pub fn records_left(&self) -> u64 {
        self.opener.as_ref().map_or(u64::MAX, |opener| opener.record_limit().saturating_sub(self.sequence))
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
        loop {
            let Some(header) = RecordHeader::parse(buffer) else { return Ok(None) };
            self.check(header)?;
            let length = usize::from(header.length);
            if buffer.len() < RecordHeader::LEN + length {
                return Ok(None);
            }
            self.begun = true;
            buffer.advance(RecordHeader::LEN);
            let body = buffer.split_to(length);
            let taken = if self.is_protected(header)? { self.open(header, body) } else { self.take(header, body) };
            // What is dropped or skipped is in nobody's way, and has its bound.
            let Some((content_type, body)) = taken? else { continue };
            self.count_empty(content_type, &body)?;
            return Ok(Some(Record { content_type, payload: body.freeze() }));
        }
    }

    /// A record without protection; `None` when it is dropped.
    fn take(&mut self, header: RecordHeader, body: BytesMut) -> Result<Option<(ContentType, BytesMut)>, RecordError> {
        match header.content_type {
            ContentType::CHANGE_CIPHER_SPEC if self.drops_change_cipher_spec => {
                if body[..] != [1] || self.dropped >= self.max_dropped {
                    return Err(RecordError::ChangeCipherSpec);
                }
                self.dropped += 1;
                return Ok(None);
            }
            ContentType::APPLICATION_DATA if self.skip.is_some() => {
                return self.skip(header, RecordError::Unexpected(header.content_type)).map(|()| None);
            }
            ContentType::HANDSHAKE => self.skip = None,
            _ => {}
        }
        Ok(Some((header.content_type, body)))
    }

    /// A record under keys; `None` when it is skipped.
    fn open(
        &mut self,
        header: RecordHeader,
        mut body: BytesMut,
    ) -> Result<Option<(ContentType, BytesMut)>, RecordError> {
        let Some(opener) = &mut self.opener else { return Ok(Some((header.content_type, body))) };
        if self.sequence >= opener.record_limit() {
            return Err(RecordError::Exhausted);
        }
        let opened = match opener.open(self.sequence, &header, &mut body) {
            Err(RecordError::BadRecordMac) if self.skip.is_some() => {
                return self.skip(header, RecordError::BadRecordMac).map(|()| None);
            }
            opened => opened?,
        };
        let hidden = opener.hides_type();
        self.skip = None;
        self.takes_plaintext_alerts = false;
        self.sequence += 1;
        self.opened = self.opened.saturating_add(u64::from(header.length));
        body.truncate(opened.range.end);
        body.advance(opened.range.start.min(body.len()));
        let max = self.max_content();
        if body.len() > max {
            return Err(RecordError::Overflow { length: body.len(), max });
        }
        if hidden {
            known(opened.content_type)?;
            if opened.content_type == ContentType::CHANGE_CIPHER_SPEC {
                return Err(RecordError::Unexpected(opened.content_type));
            }
        }
        Ok(Some((opened.content_type, body)))
    }

    /// Takes a record off what may be skipped; beyond that it is an error.
    fn skip(&mut self, header: RecordHeader, error: RecordError) -> Result<(), RecordError> {
        // An empty one counts for something too, or there could be any number of them.
        let length = u64::from(header.length).max(1);
        let left = self.skip.and_then(|left| left.checked_sub(length)).ok_or(error)?;
        self.skip = Some(left);
        Ok(())
    }

    fn check(&self, header: RecordHeader) -> Result<(), RecordError> {
        known(header.content_type)?;
        // Peers write many a minor version before one is agreed (RFC 5246 E.1); the major one is 3.
        let [major, minor] = header.version.0.to_be_bytes();
        let refuses = header.content_type == ContentType::ALERT && !self.is_encrypted();
        let is_protected = self.is_protected(header)?;
        let agreed = if is_protected && self.hides_type() { Some(LEGACY_RECORD_MINOR) } else { self.minor };
        let other = agreed.is_some_and(|agreed| agreed != minor);
        if major != MAJOR || other && !refuses {
            return Err(RecordError::Version(header.version));
        }
        let max = if is_protected {
            let expansion = self.opener.as_ref().map_or(0, |opener| opener.max_expansion());
            self.max_content() + expansion
        } else {
            MAX_PLAINTEXT
        };
        let skipped = self.skip.is_some() && header.content_type == ContentType::APPLICATION_DATA;
        let max = if skipped { max.max(MAX_CIPHERTEXT_13) } else { max };
        let length = usize::from(header.length);
        if length > max {
            return Err(RecordError::Overflow { length, max });
        }
        Ok(())
    }

    /// Whether a record is under the keys. In TLS 1.3 some may come that are not, and nothing else than application data,
    /// as which it shows from outside, may come that is.
    fn is_protected(&self, header: RecordHeader) -> Result<bool, RecordError> {
        match header.content_type {
            _ if !self.hides_type() => Ok(self.is_encrypted()),
            ContentType::APPLICATION_DATA => Ok(true),
            ContentType::CHANGE_CIPHER_SPEC if self.drops_change_cipher_spec => Ok(false),
            ContentType::ALERT if self.takes_plaintext_alerts && header.length == ALERT => Ok(false),
            other => Err(RecordError::Unexpected(other)),
        }
    }

    /// Whether records are opened with keys of TLS 1.3.
    fn hides_type(&self) -> bool {
        self.opener.as_ref().is_some_and(|opener| opener.hides_type())
    }

    /// The most plaintext a protected record may hold, bytes.
    fn max_content(&self) -> usize {
        if self.hides_type() { self.max_plaintext } else { self.max_plaintext.min(MAX_PLAINTEXT) }
    }

    fn count_empty(&mut self, content_type: ContentType, body: &[u8]) -> Result<(), RecordError> {
        if !body.is_empty() {
            self.empty = 0;
            return Ok(());
        }
        if content_type != ContentType::APPLICATION_DATA {
            return Err(RecordError::Empty(content_type));
        }
        if self.empty >= self.max_empty {
            return Err(RecordError::TooManyEmpty);
        }
        self.empty += 1;
        Ok(())
    }
}

/// TLS has four types of records (RFC 8446 B.1).
fn known(content_type: ContentType) -> Result<(), RecordError> {
    if (ContentType::CHANGE_CIPHER_SPEC..=ContentType::APPLICATION_DATA).contains(&content_type) {
        Ok(())
    } else {
        Err(RecordError::UnknownType(content_type))
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
