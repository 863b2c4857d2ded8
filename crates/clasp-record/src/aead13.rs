//! AEAD record protection as TLS 1.3 has it (RFC 8446 5.2-5.5): the type stands inside, and padding may follow it.

use bytes::{BufMut, BytesMut};
use clasp_crypto::{AeadAlgorithm, AeadKey, CryptoError, Provider, SecureRandom};
use clasp_wire::{ContentType, ProtocolVersion, RecordHeader};

use crate::bulk::{Bulk, Form, IvPolicy, Keys, Lengths, Open, Opened, Seal, header};
use crate::error::RecordError;

const TAG: usize = 16;
const TYPE: usize = 1;

/// An AEAD suite's protection in TLS 1.3. The form does not matter: records say that they are of TLS 1.2, and hold
/// application data, whatever is in them.
#[derive(Debug)]
pub struct Aead13Bulk {
    /// The algorithm.
    pub algorithm: AeadAlgorithm,
}

/// One direction's key.
struct Aead13 {
    key: Box<dyn AeadKey>,
    iv: [u8; 12],
    limit: u64,
}

impl Aead13 {
    /// The initialisation vector xored with the sequence number (RFC 8446 5.3).
    fn nonce(&self, sequence: u64) -> [u8; 12] {
        let mut nonce = self.iv;
        nonce.iter_mut().skip(4).zip(sequence.to_be_bytes()).for_each(|(byte, other)| *byte ^= other);
        nonce
    }
}

impl Aead13Bulk {
    fn make(&self, provider: &Provider, keys: Keys<'_>) -> Result<Box<Aead13>, RecordError> {
        let aead = provider.aead(self.algorithm).ok_or(CryptoError::Unsupported)?;
        Ok(Box::new(Aead13 {
            key: aead.with_key(keys.key)?,
            iv: keys.iv.try_into().map_err(|_| CryptoError::BadLength)?,
            limit: self.algorithm.confidentiality_limit(),
        }))
    }
}

impl Bulk for Aead13Bulk {
    fn lengths(&self, _: IvPolicy) -> Lengths {
        Lengths { mac_key: 0, key: self.algorithm.key_len(), iv: 12 }
    }

    fn supported(&self, provider: &Provider) -> bool {
        provider.aead(self.algorithm).is_some()
    }

    fn open(&self, provider: &Provider, keys: Keys<'_>, _: Form) -> Result<Box<dyn Open>, RecordError> {
        Ok(self.make(provider, keys)?)
    }

    fn seal(&self, provider: &Provider, keys: Keys<'_>, _: Form) -> Result<Box<dyn Seal>, RecordError> {
        Ok(self.make(provider, keys)?)
    }
}

impl Open for Aead13 {
    fn open(&mut self, sequence: u64, header: &RecordHeader, body: &mut [u8]) -> Result<Opened, RecordError> {
        let length = self
            .key
            .open_in_place(&self.nonce(sequence), &header.encode(), body)
            .map_err(|_| RecordError::BadRecordMac)?;
        let (content_type, length) =
            unpadded(body.get(..length).unwrap_or_default()).ok_or(RecordError::NoContentType)?;
        Ok(Opened { content_type, range: 0..length })
    }

    fn hides_type(&self) -> bool {
        true
    }

    // RFC 8446 5.2 has 256 for all algorithms to come. A longer body than this would hold more than the limit for sure.
    fn max_expansion(&self) -> usize {
        TAG
    }
}

/// The type, which is the last byte that is not zero, and the length of the content before it (RFC 8446 5.4).
fn unpadded(mut plaintext: &[u8]) -> Option<(ContentType, usize)> {
    // Long padding goes by in larger steps.
    while let Some((before, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])) = plaintext.split_last_chunk::<16>() {
        plaintext = before;
    }
    let length = plaintext.iter().rposition(|byte| *byte != 0)?;
    Some((ContentType(*plaintext.get(length)?), length))
}

impl Seal for Aead13 {
    fn seal(
        &mut self,
        sequence: u64,
        content_type: ContentType,
        plaintext: &[u8],
        random: &dyn SecureRandom,
        out: &mut BytesMut,
    ) -> Result<(), RecordError> {
        self.seal_padded(sequence, content_type, plaintext, 0, random, out)
    }

    fn seal_padded(
        &mut self,
        sequence: u64,
        content_type: ContentType,
        plaintext: &[u8],
        padding: usize,
        _: &dyn SecureRandom,
        out: &mut BytesMut,
    ) -> Result<(), RecordError> {
        let length = plaintext.len() + TYPE + padding + TAG;
        let header = header(ContentType::APPLICATION_DATA, ProtocolVersion::TLS_1_2, length)?;
        out.put_slice(&header);
        let start = out.len();
        out.put_slice(plaintext);
        out.put_u8(content_type.0);
        out.put_bytes(0, padding);
        let data = out.get_mut(start..).unwrap_or_default();
        let tag = self.key.seal_in_place(&self.nonce(sequence), &header, data)?;
        out.put_slice(&tag);
        Ok(())
    }

    fn hides_type(&self) -> bool {
        true
    }

    fn overhead(&self) -> usize {
        RecordHeader::LEN + TYPE + TAG
    }

    fn record_limit(&self) -> u64 {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_is_the_last_byte_that_is_not_zero() {
        for padding in (0..70).chain([255, 1000]) {
            for content in [&[][..], &[0], &[1, 0, 0], &[0; 40]] {
                let plaintext = [content, &[23], &vec![0; padding]].concat();
                let found = unpadded(&plaintext);
                assert_eq!(found, Some((ContentType::APPLICATION_DATA, content.len())), "{padding} {content:?}");
            }
            assert_eq!(unpadded(&vec![0; padding]), None);
        }
    }
}
