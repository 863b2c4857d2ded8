//! Opening CBC records (RFC 5246 6.2.3.2, RFC 7366).
//!
//! With MAC-then-encrypt the attack comes first: whoever alters a record and can tell, by alert or by time, whether the
//! padding or the MAC was wrong reads plaintext byte by byte (Vaudenay, Eurocrypt 2002; AlFardan and Paterson, "Lucky
//! Thirteen", IEEE S&P 2013). So padding, MAC and length are judged together, by masks: no branch, index or address
//! depends on a decrypted byte. The number of compression blocks is that of the longest possible message
//! (`HmacKey::sign_secret_len`); the MAC that came is taken from its secret place by reading every place it could have.
//!
//! With encrypt-then-MAC nothing is decrypted before the MAC is verified.

use core::hint::black_box;
use core::ops::Range;

use clasp_crypto::{CbcDecrypt, CryptoError, Digest, HmacKey};
use clasp_wire::RecordHeader;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater};
use zeroize::Zeroize;

use crate::bulk::{Form, IvPolicy, Open, Opened, Padding};
use crate::error::RecordError;

/// Where the initialisation vector of the next record is.
pub(crate) enum Iv {
    /// In the record.
    Explicit,
    /// Here: the last block of the record before.
    Chained(Vec<u8>),
}

impl Iv {
    pub(crate) fn new(policy: IvPolicy, first: &[u8], block_len: usize) -> Result<Self, CryptoError> {
        match policy {
            IvPolicy::Explicit => Ok(Self::Explicit),
            IvPolicy::Chained if first.len() == block_len => Ok(Self::Chained(first.to_vec())),
            IvPolicy::Chained => Err(CryptoError::BadLength),
        }
    }

    /// The length of what stands in the record, bytes.
    pub(crate) fn explicit_len(&self, block_len: usize) -> usize {
        match self {
            Self::Explicit => block_len,
            Self::Chained(_) => 0,
        }
    }

    /// Takes the last block of a ciphertext as the next vector.
    pub(crate) fn keep_last_block(iv: &mut [u8], ciphertext: &[u8]) {
        let last = ciphertext.len().saturating_sub(iv.len());
        iv.iter_mut().zip(ciphertext.get(last..).unwrap_or_default()).for_each(|(to, from)| *to = *from);
    }

    /// Decrypts a record's body, of which the first [`Self::explicit_len`] bytes are the vector.
    fn decrypt<'a>(
        &mut self,
        cipher: &dyn CbcDecrypt,
        block_len: usize,
        body: &'a mut [u8],
    ) -> Result<&'a mut [u8], RecordError> {
        let at = self.explicit_len(block_len);
        let (explicit, data) = body.split_at_mut_checked(at).ok_or(RecordError::BadRecordMac)?;
        match self {
            Self::Explicit => cipher.decrypt(explicit, data),
            Self::Chained(iv) => {
                let this = iv.clone();
                Self::keep_last_block(iv, data);
                cipher.decrypt(&this, data)
            }
        }
        .map_err(|_| RecordError::BadRecordMac)?;
        Ok(data)
    }
}

/// Opens records whose MAC is under the encryption.
pub(crate) struct MacThenEncryptOpen {
    pub(crate) cipher: Box<dyn CbcDecrypt>,
    pub(crate) mac: Box<dyn HmacKey>,
    pub(crate) form: Form,
    pub(crate) block_len: usize,
    pub(crate) iv: Iv,
}

/// A decrypted record, before anyone knows what it is worth.
pub(crate) struct Judged {
    /// Where the content begins in the body; public.
    pub(crate) start: usize,
    /// The length of the content; secret as long as `good` is.
    pub(crate) length: usize,
    /// Whether padding and MAC are right.
    pub(crate) good: Choice,
}

impl MacThenEncryptOpen {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "as `Open::open` has it")]
    /// Decrypts the body and judges it. No branch and no address in here depends on a key or on what was decrypted.
    pub(crate) fn judge(
        &mut self,
        sequence: u64,
        header: &RecordHeader,
        body: &mut [u8],
    ) -> Result<Judged, RecordError> {
        let mac_len = self.mac.output_len();
        let start = self.iv.explicit_len(self.block_len);
        let encrypted = body.len().checked_sub(start).ok_or(RecordError::BadRecordMac)?;
        // All that is public: whole blocks, room for a MAC and the padding's length byte.
        if !encrypted.is_multiple_of(self.block_len) || encrypted < mac_len + 1 {
            return Err(RecordError::BadRecordMac);
        }
        let data = self.iv.decrypt(&*self.cipher, self.block_len, body)?;

        let most = data.len() - mac_len - 1;
        let Checked { padding, good } = match self.form.padding {
            Padding::Checked => check_padding(data, most),
            Padding::Arbitrary => check_length(data, most.min(self.block_len - 1)),
        };
        // Secret from here on: the length of the content, `padding` bytes short of the most it can have.
        let length = most.wrapping_sub(usize::from(padding));
        let mut covered = self.form.mac.header(sequence, header.content_type, header.version, 0);
        let [low, high] = low_bytes(length);
        covered.set_length([high, low]);
        let content = data.get(..most).unwrap_or_default();
        let expected =
            self.mac.sign_secret_len(covered.as_slice(), content, length).ok_or(RecordError::BadRecordMac)?;
        let received = extract_mac(data, most, padding, mac_len);
        Ok(Judged { start, length, good: good & received.as_slice().ct_eq(expected.as_slice()) })
    }
}

impl Open for MacThenEncryptOpen {
    fn open(&mut self, sequence: u64, header: &RecordHeader, body: &mut [u8]) -> Result<Opened, RecordError> {
        let Judged { start, length, good } = self.judge(sequence, header, body)?;
        // The first branch on it: that a record was refused is known to all, as the connection ends.
        if bool::from(good) {
            Ok(Opened { content_type: header.content_type, range: start..start + length })
        } else {
            Err(RecordError::BadRecordMac)
        }
    }
}

/// The two low bytes of a length, least first. A checked conversion would branch on it.
fn low_bytes(length: usize) -> [u8; 2] {
    length.to_le_bytes().first_chunk().copied().unwrap_or_default()
}

/// The judgement of the padding.
struct Checked {
    /// How many bytes stand before the length byte; 0 where the padding is wrong, so that the same work is done.
    padding: u8,
    good: Choice,
}

/// Judges the padding by masks. `data` is what was decrypted, and has `room` bytes besides a MAC and the length byte.
fn check_padding(data: &[u8], room: usize) -> Checked {
    // The compiler shall know nothing of it, not even its range.
    let last = black_box(data.last().copied().unwrap_or_default());
    // All that could belong to the padding is looked at: at most 255 bytes and the length byte.
    let mut wrong = 0;
    for (distance, byte) in (0..=u8::MAX).zip(data.iter().rev()) {
        wrong |= not_above(distance, last) & (byte ^ last);
    }
    let most = u8::try_from(room).unwrap_or(u8::MAX);
    let good = wrong.ct_eq(&0) & !last.ct_gt(&most);
    Checked { padding: u8::conditional_select(&0, &last, good), good }
}

/// Judges the length byte alone, which may be up to `most`.
fn check_length(data: &[u8], most: usize) -> Checked {
    let last = black_box(data.last().copied().unwrap_or_default());
    let good = !last.ct_gt(&u8::try_from(most).unwrap_or(u8::MAX));
    Checked { padding: u8::conditional_select(&0, &last, good), good }
}

/// All bits when `a <= b`, none otherwise.
fn not_above(a: u8, b: u8) -> u8 {
    // The difference borrows from the high byte when it is negative.
    let [_, borrowed] = u16::from(b).wrapping_sub(u16::from(a)).to_le_bytes();
    !borrowed
}

/// Copies the MAC out of `data`: it begins `padding` bytes, which is secret, before the place `most`. All places it could
/// begin at are read, and what is wanted kept.
fn extract_mac(data: &[u8], most: usize, padding: u8, mac_len: usize) -> Digest {
    let places = u8::try_from(most).unwrap_or(u8::MAX);
    let first = most - usize::from(places);
    let mut area = [0; 256 + Digest::MAX - 1];
    area.iter_mut().zip(data.get(first..).unwrap_or_default()).for_each(|(to, from)| *to = *from);
    let place = places.wrapping_sub(padding);
    let mut mac = [0; Digest::MAX];
    for (here, window) in (0..=u8::MAX).zip(area.windows(Digest::MAX)) {
        let mask = 0_u8.wrapping_sub(here.ct_eq(&place).unwrap_u8());
        mac.iter_mut().zip(window).for_each(|(to, from)| *to |= from & mask);
    }
    let digest = Digest::new(mac.get(..mac_len).unwrap_or_default());
    mac.zeroize();
    area.zeroize();
    digest
}

/// Opens records whose MAC is over the ciphertext.
pub(crate) struct EncryptThenMacOpen {
    pub(crate) cipher: Box<dyn CbcDecrypt>,
    pub(crate) mac: Box<dyn HmacKey>,
    pub(crate) form: Form,
    pub(crate) block_len: usize,
    pub(crate) iv: Iv,
}

impl Open for EncryptThenMacOpen {
    fn open(&mut self, sequence: u64, header: &RecordHeader, body: &mut [u8]) -> Result<Opened, RecordError> {
        let at = body.len().checked_sub(self.mac.output_len()).ok_or(RecordError::BadRecordMac)?;
        let (sealed, tag) = body.split_at_mut_checked(at).ok_or(RecordError::BadRecordMac)?;
        let covered = self.form.mac.header(sequence, header.content_type, header.version, sealed.len());
        if !self.mac.sign(&[covered.as_slice(), sealed]).ct_eq(tag) {
            return Err(RecordError::BadRecordMac);
        }
        // Authentic from here on, so what is wrong now is the peer's own mistake, and no secret.
        let iv_len = self.iv.explicit_len(self.block_len);
        let data = self.iv.decrypt(&*self.cipher, self.block_len, sealed)?;
        let range = authentic_content(data).ok_or(RecordError::BadRecordMac)?;
        Ok(Opened { content_type: header.content_type, range: iv_len + range.start..iv_len + range.end })
    }
}

/// The content before a padding that is known to be the peer's.
fn authentic_content(data: &[u8]) -> Option<Range<usize>> {
    let last = *data.last()?;
    let length = data.len().checked_sub(usize::from(last) + 1)?;
    data.get(length..)?.iter().all(|byte| *byte == last).then_some(0..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_above_is_right_for_all_bytes() {
        for a in 0..=u8::MAX {
            for b in 0..=u8::MAX {
                assert_eq!(not_above(a, b), if a <= b { 0xff } else { 0 }, "{a} {b}");
            }
        }
    }

    /// What RFC 5246 6.2.3.2 says, with branches.
    fn padding_is_right(data: &[u8], room: usize) -> bool {
        let last = data[data.len() - 1];
        let count = usize::from(last);
        count <= room && data[data.len() - 1 - count..].iter().all(|byte| *byte == last)
    }

    #[test]
    fn every_padding_is_judged_as_the_rfc_says() {
        for total in [21, 48, 64, 255, 256, 257, 276, 277, 400] {
            let room = total - 21;
            for last in 0..=u8::MAX {
                let mut data = vec![0x11; total];
                let from = total.saturating_sub(usize::from(last) + 1);
                data[from..].fill(last);
                let checked = check_padding(&data, room);
                assert_eq!(bool::from(checked.good), padding_is_right(&data, room), "{total} {last}");
                assert_eq!(checked.padding, if bool::from(checked.good) { last } else { 0 });
                for spoilt in 0..total - 1 {
                    data[spoilt] ^= 0x80;
                    let checked = check_padding(&data, room);
                    assert_eq!(bool::from(checked.good), padding_is_right(&data, room), "{total} {last} {spoilt}");
                    data[spoilt] ^= 0x80;
                }
            }
        }
    }

    #[test]
    fn the_mac_is_found_wherever_it_lies() {
        let data: Vec<u8> = (0..700_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
        for mac_len in [20, 32, 48, 64] {
            for total in [mac_len + 1, 96, 255, 256, 300, 320, 321, 700] {
                let most = total - mac_len - 1;
                for padding in 0..=u8::try_from(most).unwrap_or(u8::MAX) {
                    let at = most - usize::from(padding);
                    let mac = extract_mac(&data[..total], most, padding, mac_len);
                    assert_eq!(mac.as_slice(), &data[at..at + mac_len], "{mac_len} {total} {padding}");
                }
            }
        }
    }
}
