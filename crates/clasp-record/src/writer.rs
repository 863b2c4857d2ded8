//! Sending records: fragment, seal, frame (RFC 5246 6.2).

use bytes::{BufMut, BytesMut};
use clasp_crypto::SecureRandom;
use clasp_wire::{ContentType, MAX_PLAINTEXT, ProtocolVersion, RecordHeader};

use crate::bulk::{Seal, header};
use crate::error::RecordError;
use crate::padding::RecordPadding;

/// The writing half of a record layer.
pub struct Writer {
    sealer: Option<Box<dyn Seal>>,
    sequence: u64,
    /// Plaintext sealed under these keys, bytes.
    sealed: u64,
    version: ProtocolVersion,
    max_plaintext: usize,
    padding: RecordPadding,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Writer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Writer")
            .field("encrypted", &self.is_encrypted())
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

impl Writer {
    /// Writes plaintext records, of version TLS 1.0 until told another.
    pub fn new() -> Self {
        Self {
            sealer: None,
            sequence: 0,
            sealed: 0,
            version: ProtocolVersion::TLS_1_0,
            max_plaintext: MAX_PLAINTEXT + 1,
            padding: RecordPadding::None,
        }
    }

    /// Seals the records that follow with these keys; the sequence number begins anew.
    pub fn install(&mut self, sealer: Box<dyn Seal>) {
        self.sealer = Some(sealer);
        self.sequence = 0;
        self.sealed = 0;
    }

    /// Writes plaintext records again, as a second ClientHello that follows early data (RFC 8446 4.2.10).
    pub fn remove(&mut self) {
        self.sealer = None;
        self.sequence = 0;
        self.sealed = 0;
    }

    /// Appends a ChangeCipherSpec that is not protected and means nothing, whatever keys there are (RFC 8446 D.4).
    ///
    /// # Errors
    /// None that can come of so short a record.
    pub fn write_change_cipher_spec(&self, out: &mut BytesMut) -> Result<(), RecordError> {
        out.put_slice(&header(ContentType::CHANGE_CIPHER_SPEC, self.version, 1)?);
        out.put_u8(1);
        Ok(())
    }

    /// The version in the header of plaintext records. Protected ones carry that of their keys.
    pub fn set_version(&mut self, version: ProtocolVersion) {
        self.version = version;
    }

    /// The most plaintext to put into a record, bytes (RFC 8449 4): 1 to 16384 of content, and under keys of TLS 1.3 2 to
    /// 16385 of content, type and padding together. (For a limit that counts content alone, as that of RFC 6066 4, add 1.)
    pub fn set_max_plaintext(&mut self, bytes: usize) {
        self.max_plaintext = bytes.clamp(1, MAX_PLAINTEXT + 1);
    }

    /// How records under keys of TLS 1.3 are padded.
    pub fn set_padding(&mut self, padding: RecordPadding) {
        self.padding = padding;
    }

    /// How many records may still be written under the present keys, besides an alert; with no keys, as many as one likes.
    /// In TLS 1.3 a KeyUpdate, which takes one of them, makes it begin anew (RFC 8446 5.5).
    pub fn records_left(&self) -> u64 {
        let left = |sealer: &dyn Seal| sealer.record_limit().saturating_sub(self.sequence.saturating_add(1));
        self.sealer.as_deref().map_or(u64::MAX, left)
    }

    /// The most plaintext put into a record, bytes.
    pub fn max_plaintext(&self) -> usize {
        self.max_plaintext
    }

    /// How many bytes of plaintext were sealed under the present keys.
    pub fn bytes_under_key(&self) -> u64 {
        self.sealed
    }

    /// Whether records are sealed with keys.
    pub fn is_encrypted(&self) -> bool {
        self.sealer.is_some()
    }

    /// Appends `data` to `out`, as as many records as it takes.
    ///
    /// # Errors
    /// [`RecordError::Exhausted`] when the keys are used up; [`RecordError::Empty`] for no data, of which only
    /// application data may consist.
    pub fn write(
        &mut self,
        content_type: ContentType,
        data: &[u8],
        random: &dyn SecureRandom,
        out: &mut BytesMut,
    ) -> Result<(), RecordError> {
        if data.is_empty() {
            if content_type != ContentType::APPLICATION_DATA {
                return Err(RecordError::Empty(content_type));
            }
            return self.record(content_type, data, random, out);
        }
        // With a vector that an attacker knows, one byte goes before: its MAC makes the vector of the rest unknown (BEAST).
        // Before each record, as one write may hold what was chosen at several times.
        let alone = content_type == ContentType::APPLICATION_DATA
            && self.sealer.as_ref().is_some_and(|sealer| sealer.next_iv_is_known());
        let overhead = self.sealer.as_ref().map_or(RecordHeader::LEN, |sealer| sealer.overhead());
        let max_content = self.max_content();
        let fragments = data.chunks(max_content).flat_map(|most| {
            let (first, rest) = most.split_at_checked(usize::from(alone)).unwrap_or((most, &[]));
            [first, rest]
        });
        let fragments = fragments.filter(|fragment| !fragment.is_empty());
        out.reserve(fragments.clone().map(|fragment| fragment.len() + self.padding(fragment) + overhead).sum());
        for fragment in fragments {
            self.record(content_type, fragment, random, out)?;
        }
        Ok(())
    }

    /// Whether the keys are those of TLS 1.3.
    fn hides_type(&self) -> bool {
        self.sealer.as_ref().is_some_and(|sealer| sealer.hides_type())
    }

    /// The most content a record may hold, bytes; never 0.
    fn max_content(&self) -> usize {
        if self.hides_type() { (self.max_plaintext - 1).max(1) } else { self.max_plaintext.min(MAX_PLAINTEXT) }
    }

    /// How many zeros follow a fragment and its type.
    fn padding(&self, fragment: &[u8]) -> usize {
        if self.hides_type() { self.padding.amount(fragment.len() + 1, self.max_plaintext) } else { 0 }
    }

    fn record(
        &mut self,
        content_type: ContentType,
        fragment: &[u8],
        random: &dyn SecureRandom,
        out: &mut BytesMut,
    ) -> Result<(), RecordError> {
        let padding = self.padding(fragment);
        match &mut self.sealer {
            None => {
                out.put_slice(&header(content_type, self.version, fragment.len())?);
                out.put_slice(fragment);
            }
            Some(sealer) => {
                // One record is kept for the alert that says why it ends.
                let spare = u64::from(content_type != ContentType::ALERT);
                if self.sequence.saturating_add(spare) >= sealer.record_limit() {
                    return Err(RecordError::Exhausted);
                }
                let before = out.len();
                if let Err(error) = sealer.seal_padded(self.sequence, content_type, fragment, padding, random, out) {
                    // What stands there now may be plaintext, and `out` goes to the peer.
                    out.truncate(before);
                    return Err(error);
                }
                self.sequence += 1;
                self.sealed = self.sealed.saturating_add(fragment.len().try_into().unwrap_or(u64::MAX));
            }
        }
        Ok(())
    }
}
