//! The two traits of record protection, and the values that shape it (RFC 5246 6.2.3).

use core::fmt::Debug;
use core::ops::Range;

use bytes::BytesMut;
use clasp_crypto::{HashAlgorithm, HmacKey, Provider, SecureRandom};
use clasp_wire::{ContentType, MAX_CIPHERTEXT, MAX_PLAINTEXT, ProtocolVersion, RecordHeader};

use crate::error::RecordError;

/// Key lengths of one direction, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lengths {
    /// The MAC key; 0 for AEADs.
    pub mac_key: usize,
    /// The encryption key.
    pub key: usize,
    /// What of the IV or nonce comes from the key block.
    pub iv: usize,
}

/// The keys of one direction.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// The MAC key; empty for AEADs.
    pub mac_key: &'a [u8],
    /// The encryption key.
    pub key: &'a [u8],
    /// What of the IV or nonce comes from the key block.
    pub iv: &'a [u8],
}

/// Where a CBC record's initialisation vector comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IvPolicy {
    /// It is random, and stands before the ciphertext (RFC 5246 6.2.3.2).
    Explicit,
    /// It is the end of the record before, so that an attacker knows it in advance (RFC 2246 6.2.3.2). Against BEAST
    /// the first byte of each record of application data is then sent in one of its own.
    Chained,
}

/// What the padding of a CBC record must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Padding {
    /// Each byte tells the length, which is up to 255 (RFC 5246 6.2.3.2).
    Checked,
    /// Any bytes, less than a block of them, and the length (RFC 6101 5.2.3.2). As nobody can check them, whoever can alter
    /// a record reads plaintext byte by byte (POODLE): there is no defence but not to use it.
    Arbitrary,
}

/// How the MAC of stream and CBC records is made, which SSL 3.0 does in another way than TLS.
pub trait RecordMac: Debug + Send + Sync {
    /// Prepares a key; `None` when the provider lacks the hash function.
    fn key(&self, provider: &Provider, hash: HashAlgorithm, key: &[u8]) -> Option<Box<dyn HmacKey>>;

    /// What the MAC covers before the content; its last two bytes are the length.
    fn header(&self, sequence: u64, content_type: ContentType, version: ProtocolVersion, length: usize) -> MacHeader;
}

/// HMAC over sequence number, type, version, length and content (RFC 5246 6.2.3.1).
#[derive(Debug)]
pub struct TlsMac;

/// See [`TlsMac`].
pub static TLS_MAC: TlsMac = TlsMac;

impl RecordMac for TlsMac {
    fn key(&self, provider: &Provider, hash: HashAlgorithm, key: &[u8]) -> Option<Box<dyn HmacKey>> {
        Some(provider.mac_hmac(hash)?.with_key(key))
    }

    fn header(&self, sequence: u64, content_type: ContentType, version: ProtocolVersion, length: usize) -> MacHeader {
        MacHeader::new(&additional_data(sequence, content_type, version, length))
    }
}

/// At most 13 bytes that a MAC covers before the content.
#[derive(Clone, Copy, Debug)]
pub struct MacHeader {
    bytes: [u8; 13],
    len: usize,
}

impl MacHeader {
    /// Holds a copy of `bytes`, of which at most 13 are taken.
    pub fn new(bytes: &[u8]) -> Self {
        let mut header = Self { bytes: [0; 13], len: bytes.len().min(13) };
        header.bytes.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        header
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Writes another length, which is secret, into the last two bytes.
    pub(crate) fn set_length(&mut self, length: [u8; 2]) {
        if let Some(field) = self.bytes.get_mut(..self.len).and_then(<[u8]>::last_chunk_mut) {
            *field = length;
        }
    }
}

/// How a version writes its protected records.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Form {
    /// The version in the header and under the MAC.
    pub version: ProtocolVersion,
    /// For CBC.
    pub iv: IvPolicy,
    /// For CBC: whether the MAC is over the ciphertext (RFC 7366).
    pub encrypt_then_mac: bool,
    /// For CBC.
    pub padding: Padding,
    /// For CBC and stream ciphers.
    pub mac: &'static dyn RecordMac,
}

impl Form {
    /// A form of TLS.
    pub const fn new(version: ProtocolVersion, iv: IvPolicy, encrypt_then_mac: bool) -> Self {
        Self { version, iv, encrypt_then_mac, padding: Padding::Checked, mac: &TLS_MAC }
    }

    /// With another MAC and other padding.
    #[must_use]
    pub const fn with_mac(mut self, mac: &'static dyn RecordMac, padding: Padding) -> Self {
        self.mac = mac;
        self.padding = padding;
        self
    }
}

/// A way to protect records: the bulk cipher and MAC of a cipher suite.
pub trait Bulk: Debug + Send + Sync {
    /// How much key material it takes. An initialisation vector comes from it only where records carry none.
    fn lengths(&self, iv: IvPolicy) -> Lengths;

    /// Whether it is a block cipher in CBC mode, so that encrypt-then-MAC may be agreed for it (RFC 7366 3).
    fn is_cbc(&self) -> bool {
        false
    }

    /// The length of the block cipher's block where that is short enough for blocks to collide within the life of a key
    /// (SWEET32).
    fn short_block(&self) -> Option<usize> {
        None
    }

    /// Whether the provider has what it needs.
    fn supported(&self, provider: &Provider) -> bool;

    /// Makes the opening side.
    ///
    /// # Errors
    /// [`RecordError::Crypto`].
    fn open(&self, provider: &Provider, keys: Keys<'_>, form: Form) -> Result<Box<dyn Open>, RecordError>;

    /// Makes the sealing side.
    ///
    /// # Errors
    /// [`RecordError::Crypto`].
    fn seal(&self, provider: &Provider, keys: Keys<'_>, form: Form) -> Result<Box<dyn Seal>, RecordError>;
}

/// What was in a protected record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its type.
    pub content_type: ContentType,
    /// Where the plaintext lies in the record's body.
    pub range: Range<usize>,
}

/// Opens protected records.
pub trait Open: Send {
    /// Opens the body of a record in place. `sequence` counts the records under this key from 0.
    ///
    /// # Errors
    /// [`RecordError::BadRecordMac`], whatever is wrong; and [`RecordError::NoContentType`] for what did open.
    fn open(&mut self, sequence: u64, header: &RecordHeader, body: &mut [u8]) -> Result<Opened, RecordError>;

    /// Whether the type stands inside, as in TLS 1.3 (RFC 8446 5.2). All records are then application data from outside,
    /// and a limit on plaintext counts type and padding too (RFC 8449 4).
    fn hides_type(&self) -> bool {
        false
    }

    /// How much longer than the longest plaintext a body may be, bytes.
    fn max_expansion(&self) -> usize {
        MAX_CIPHERTEXT - MAX_PLAINTEXT
    }

    /// How many records may be opened under this key.
    fn record_limit(&self) -> u64 {
        u64::MAX
    }
}

/// Seals records.
pub trait Seal: Send {
    /// Appends one whole record, header included, to `out`. `sequence` counts the records under this key from 0.
    ///
    /// # Errors
    /// [`RecordError::Crypto`].
    fn seal(
        &mut self,
        sequence: u64,
        content_type: ContentType,
        plaintext: &[u8],
        random: &dyn SecureRandom,
        out: &mut BytesMut,
    ) -> Result<(), RecordError>;

    /// The same, with that many bytes of padding inside, where [`Self::hides_type`]; elsewhere there is none.
    ///
    /// # Errors
    /// [`RecordError::Crypto`].
    fn seal_padded(
        &mut self,
        sequence: u64,
        content_type: ContentType,
        plaintext: &[u8],
        _padding: usize,
        random: &dyn SecureRandom,
        out: &mut BytesMut,
    ) -> Result<(), RecordError> {
        self.seal(sequence, content_type, plaintext, random, out)
    }

    /// Whether the type stands inside, as in TLS 1.3 (RFC 8446 5.2), and padding may.
    fn hides_type(&self) -> bool {
        false
    }

    /// Whether the initialisation vector of the next record is known already, so that an attacker who chooses plaintext
    /// can aim at it (BEAST).
    fn next_iv_is_known(&self) -> bool {
        false
    }

    /// The most bytes a record is longer than its plaintext, header included and padding of TLS 1.3 not.
    fn overhead(&self) -> usize;

    /// How many records may be sealed under this key.
    fn record_limit(&self) -> u64 {
        u64::MAX
    }
}

/// What a MAC or an AEAD covers besides the content: sequence number, type, version, length (RFC 5246 6.2.3.1, 6.2.3.3).
/// When opening, type and version are those of the header that came, so that nobody can alter them.
pub(crate) fn additional_data(
    sequence: u64,
    content_type: ContentType,
    version: ProtocolVersion,
    length: usize,
) -> [u8; 13] {
    let [a, b, c, d, e, f, g, h] = sequence.to_be_bytes();
    let [major, minor] = version.0.to_be_bytes();
    // A record's content never has more than 2^14 and some bytes.
    let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    [a, b, c, d, e, f, g, h, content_type.0, major, minor, high, low]
}

/// The header of a record whose body has `length` bytes.
pub(crate) fn header(
    content_type: ContentType,
    version: ProtocolVersion,
    length: usize,
) -> Result<[u8; 5], RecordError> {
    let max = usize::from(u16::MAX);
    let length = u16::try_from(length).map_err(|_| RecordError::Overflow { length, max })?;
    Ok(RecordHeader { content_type, version, length }.encode())
}
