//! Opening CBC records (RFC 5246 6.2.3.2, RFC 7366).
//!
//! With MAC-then-encrypt the attack comes first: whoever alters a record and can tell, by alert or by time, whether the
//! padding or the MAC was wrong reads plaintext byte by byte (Vaudenay, 2002; Lucky Thirteen, 2013). So padding, MAC and
//! length are judged together, by masks: no branch, index or address depends on a decrypted byte. The number of
//! compression blocks is that of the longest possible message (`HmacKey::sign_secret_len`); the MAC that came is taken
//! out of its secret place by looking at every place it could have.
//!
//! With encrypt-then-MAC nothing is decrypted before the MAC is verified.

use core::ops::Range;

use clasp_crypto::{CbcDecrypt, Digest, HmacKey};
use clasp_wire::{ProtocolVersion, RecordHeader};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater, ConstantTimeLess};
use zeroize::Zeroize;

use crate::bulk::{Open, Opened, additional_data};
use crate::error::RecordError;

/// Opens records whose MAC is under the encryption.
pub(crate) struct MacThenEncryptOpen {
    pub(crate) cipher: Box<dyn CbcDecrypt>,
    pub(crate) mac: Box<dyn HmacKey>,
    pub(crate) block_len: usize,
    pub(crate) version: ProtocolVersion,
}

impl Open for MacThenEncryptOpen {
    fn open(&mut self, sequence: u64, header: &RecordHeader, body: &mut [u8]) -> Result<Opened, RecordError> {
        let mac_len = self.mac.output_len();
        let iv_len = self.block_len;
        let (iv, data) = body.split_at_mut_checked(iv_len).ok_or(RecordError::BadRecordMac)?;
        // All that is public: whole blocks, room for a MAC and the padding's length byte.
        if data.len() % self.block_len != 0 || data.len() < mac_len + 1 {
            return Err(RecordError::BadRecordMac);
        }
        self.cipher.decrypt(iv, data).map_err(|_| RecordError::BadRecordMac)?;

        let Checked { padding, good } = check_padding(data, mac_len).ok_or(RecordError::BadRecordMac)?;
        // Secret from here on: the length of the content, between these two.
        let most = data.len() - mac_len - 1;
        let length = most - padding;
        let mut aad = additional_data(sequence, header.content_type, self.version, 0);
        if let Some(field) = aad.last_chunk_mut() {
            let [low, high, ..] = low_bytes(length);
            *field = [high, low];
        }
        let content = data.get(..most).unwrap_or_default();
        let expected = self.mac.sign_secret_len(&aad, content, length).ok_or(RecordError::BadRecordMac)?;
        let received = extract_mac(data, length, mac_len);
        let good = good & received.as_slice().ct_eq(expected.as_slice());
        if bool::from(good) {
            Ok(Opened { content_type: header.content_type, range: iv_len..iv_len + length })
        } else {
            Err(RecordError::BadRecordMac)
        }
    }
}

/// The four low bytes of a length, least first. A checked conversion would branch on it.
fn low_bytes(length: usize) -> [u8; 4] {
    length.to_le_bytes().first_chunk().copied().unwrap_or_default()
}

/// The judgement of the padding.
struct Checked {
    /// How many bytes stand before the length byte; 0 where the padding is wrong, so that the same work is done.
    padding: usize,
    good: Choice,
}

/// Judges the padding by masks. `None` never comes, as `data` is not empty.
fn check_padding(data: &[u8], mac_len: usize) -> Option<Checked> {
    let last = *data.last()?;
    let claimed = u32::from(last);
    let room = u32::try_from(data.len() - mac_len - 1).ok()?;
    let mut good = !claimed.ct_gt(&room);
    // A padding has at most 255 bytes before its length byte: all that could belong to it are looked at.
    for (distance, byte) in (0_u32..).zip(data.iter().rev().take(256)) {
        let belongs = !distance.ct_gt(&claimed);
        good &= !belongs | byte.ct_eq(&last);
    }
    let padding = u32::conditional_select(&0, &claimed, good);
    Some(Checked { padding: usize::try_from(padding).ok()?, good })
}

/// Copies the MAC that begins at the secret place `start` out of `data`, looking at every byte that could be part of it.
fn extract_mac(data: &[u8], start: usize, mac_len: usize) -> Digest {
    // Where it can begin: the padding has at most 255 bytes before its length byte.
    let first = data.len().saturating_sub(mac_len + 256);
    let Ok(first_place) = u32::try_from(first) else { return Digest::new(&[]) };
    let start = u32::from_le_bytes(low_bytes(start));
    let length = u32::try_from(mac_len).unwrap_or(0);
    let mut rotated = [0; Digest::MAX];
    let mut begins_at = 0_u32;
    let mut slot = 0_u32;
    for (place, byte) in (first_place..).zip(data.get(first..).unwrap_or_default()) {
        let inside = !place.ct_lt(&start) & place.ct_lt(&(start.wrapping_add(length)));
        begins_at.conditional_assign(&slot, place.ct_eq(&start));
        // `slot` follows the public place, so the address written to is public.
        if let Some(to) = usize::try_from(slot).ok().and_then(|slot| rotated.get_mut(slot)) {
            *to |= u8::conditional_select(&0, byte, inside);
        }
        slot = if slot + 1 == length { 0 } else { slot + 1 };
    }
    // Rotated by a secret distance: every byte is compared with every place it may have come from.
    let mut mac = [0; Digest::MAX];
    for (to, index) in mac.iter_mut().zip(0..length) {
        let wanted = begins_at + index;
        let wanted = u32::conditional_select(&wanted, &wanted.wrapping_sub(length), !wanted.ct_lt(&length));
        for (from, place) in rotated.iter().zip(0..length) {
            to.conditional_assign(from, place.ct_eq(&wanted));
        }
    }
    let digest = Digest::new(mac.get(..mac_len).unwrap_or_default());
    mac.zeroize();
    rotated.zeroize();
    digest
}

/// Opens records whose MAC is over the ciphertext.
pub(crate) struct EncryptThenMacOpen {
    pub(crate) cipher: Box<dyn CbcDecrypt>,
    pub(crate) mac: Box<dyn HmacKey>,
    pub(crate) block_len: usize,
    pub(crate) version: ProtocolVersion,
}

impl Open for EncryptThenMacOpen {
    fn open(&mut self, sequence: u64, header: &RecordHeader, body: &mut [u8]) -> Result<Opened, RecordError> {
        let at = body.len().checked_sub(self.mac.output_len()).ok_or(RecordError::BadRecordMac)?;
        let (sealed, tag) = body.split_at_mut_checked(at).ok_or(RecordError::BadRecordMac)?;
        let aad = additional_data(sequence, header.content_type, self.version, sealed.len());
        if !self.mac.sign(&[&aad, sealed]).ct_eq(tag) {
            return Err(RecordError::BadRecordMac);
        }
        // Authentic from here on, so what is wrong now is the peer's own mistake, and no secret.
        let (iv, data) = sealed.split_at_mut_checked(self.block_len).ok_or(RecordError::BadRecordMac)?;
        self.cipher.decrypt(iv, data).map_err(|_| RecordError::BadRecordMac)?;
        let range = authentic_content(data).ok_or(RecordError::BadRecordMac)?;
        Ok(Opened {
            content_type: header.content_type,
            range: self.block_len + range.start..self.block_len + range.end,
        })
    }
}

/// The content before a padding that is known to be the peer's.
fn authentic_content(data: &[u8]) -> Option<Range<usize>> {
    let last = *data.last()?;
    let length = data.len().checked_sub(usize::from(last) + 1)?;
    data.get(length..)?.iter().all(|byte| *byte == last).then_some(0..length)
}
