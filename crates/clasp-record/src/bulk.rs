//! The two traits of record protection, and the values that shape it (RFC 5246 6.2.3).

use core::fmt::Debug;
use core::ops::Range;

use bytes::BytesMut;
use clasp_crypto::{Provider, SecureRandom};
use clasp_wire::{ContentType, ProtocolVersion, RecordHeader};

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
}

/// How a version writes its protected records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Form {
    /// The version in the header and under the MAC.
    pub version: ProtocolVersion,
    /// For CBC.
    pub iv: IvPolicy,
    /// For CBC: whether the MAC is over the ciphertext (RFC 7366).
    pub encrypt_then_mac: bool,
}

impl Form {
    /// A form.
    pub const fn new(version: ProtocolVersion, iv: IvPolicy, encrypt_then_mac: bool) -> Self {
        Self { version, iv, encrypt_then_mac }
    }
}

/// A way to protect records: the bulk cipher and MAC of a cipher suite.
pub trait Bulk: Debug + Send + Sync {
    /// How much key material it takes.
    fn lengths(&self) -> Lengths;

    /// Whether it is a block cipher in CBC mode, so that encrypt-then-MAC may be agreed for it (RFC 7366 3).
    fn is_cbc(&self) -> bool {
        false
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
    /// [`RecordError::BadRecordMac`], whatever is wrong.
    fn open(&mut self, sequence: u64, header: &RecordHeader, body: &mut [u8]) -> Result<Opened, RecordError>;

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

    /// The most bytes a record is longer than its plaintext, header included.
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
