//! AEAD record protection as TLS 1.2 has it (RFC 5246 6.2.3.3; RFC 5288 for GCM, RFC 7905 for ChaCha20-Poly1305).

use bytes::{BufMut, BytesMut};
use clasp_crypto::{AeadAlgorithm, AeadKey, CryptoError, Provider, SecureRandom};
use clasp_wire::{ContentType, ProtocolVersion, RecordHeader};

use crate::bulk::{Bulk, Form, IvPolicy, Keys, Lengths, Open, Opened, Seal, additional_data, header};
use crate::error::RecordError;

const TAG: usize = 16;

/// An AEAD suite's protection.
#[derive(Debug)]
pub struct AeadBulk {
    /// The algorithm.
    pub algorithm: AeadAlgorithm,
}

/// How the nonce is made.
#[derive(Clone, Copy)]
enum Nonce {
    /// Four bytes from the key block, eight that stand in the record (RFC 5288 3). Ours are the sequence number, which
    /// never repeats under a key.
    Explicit([u8; 4]),
    /// Twelve bytes from the key block, xored with the sequence number (RFC 7905 2).
    Implicit([u8; 12]),
}

impl Nonce {
    const EXPLICIT: usize = 8;

    fn new(algorithm: AeadAlgorithm, iv: &[u8]) -> Result<Self, CryptoError> {
        if implicit(algorithm) {
            iv.try_into().map(Self::Implicit).map_err(|_| CryptoError::BadLength)
        } else {
            iv.try_into().map(Self::Explicit).map_err(|_| CryptoError::BadLength)
        }
    }

    /// The length of the part that stands in the record, bytes.
    const fn explicit_len(self) -> usize {
        match self {
            Self::Explicit(_) => Self::EXPLICIT,
            Self::Implicit(_) => 0,
        }
    }

    fn with(self, explicit: [u8; 8]) -> [u8; 12] {
        match self {
            Self::Explicit([a, b, c, d]) => {
                let [e, f, g, h, i, j, k, l] = explicit;
                [a, b, c, d, e, f, g, h, i, j, k, l]
            }
            Self::Implicit(mut nonce) => {
                nonce.iter_mut().skip(4).zip(explicit).for_each(|(byte, other)| *byte ^= other);
                nonce
            }
        }
    }
}

const fn implicit(algorithm: AeadAlgorithm) -> bool {
    matches!(algorithm, AeadAlgorithm::ChaCha20Poly1305)
}

/// One direction's key.
struct Aead12 {
    key: Box<dyn AeadKey>,
    nonce: Nonce,
    version: ProtocolVersion,
    limit: u64,
}

impl AeadBulk {
    fn make(&self, provider: &Provider, keys: Keys<'_>, form: Form) -> Result<Box<Aead12>, RecordError> {
        let aead = provider.aead(self.algorithm).ok_or(CryptoError::Unsupported)?;
        Ok(Box::new(Aead12 {
            key: aead.with_key(keys.key)?,
            nonce: Nonce::new(self.algorithm, keys.iv)?,
            version: form.version,
            limit: self.algorithm.confidentiality_limit(),
        }))
    }
}

impl Bulk for AeadBulk {
    fn lengths(&self, _: IvPolicy) -> Lengths {
        Lengths { mac_key: 0, key: self.algorithm.key_len(), iv: if implicit(self.algorithm) { 12 } else { 4 } }
    }

    fn supported(&self, provider: &Provider) -> bool {
        provider.aead(self.algorithm).is_some()
    }

    fn open(&self, provider: &Provider, keys: Keys<'_>, form: Form) -> Result<Box<dyn Open>, RecordError> {
        Ok(self.make(provider, keys, form)?)
    }

    fn seal(&self, provider: &Provider, keys: Keys<'_>, form: Form) -> Result<Box<dyn Seal>, RecordError> {
        Ok(self.make(provider, keys, form)?)
    }
}

impl Open for Aead12 {
    fn open(&mut self, sequence: u64, header: &RecordHeader, body: &mut [u8]) -> Result<Opened, RecordError> {
        let explicit_len = self.nonce.explicit_len();
        let (explicit, sealed) = body.split_at_mut_checked(explicit_len).ok_or(RecordError::BadRecordMac)?;
        let length = sealed.len().checked_sub(TAG).ok_or(RecordError::BadRecordMac)?;
        // GCM takes the eight bytes that the peer wrote, whatever they are (RFC 5288 3).
        let explicit = <[u8; 8]>::try_from(&*explicit).unwrap_or_else(|_| sequence.to_be_bytes());
        let aad = additional_data(sequence, header.content_type, header.version, length);
        let length =
            self.key.open_in_place(&self.nonce.with(explicit), &aad, sealed).map_err(|_| RecordError::BadRecordMac)?;
        Ok(Opened { content_type: header.content_type, range: explicit_len..explicit_len + length })
    }

    fn record_limit(&self) -> u64 {
        // A receiver's limit bounds forgeries, and the first forgery ends the connection.
        u64::MAX
    }
}

impl Seal for Aead12 {
    fn seal(
        &mut self,
        sequence: u64,
        content_type: ContentType,
        plaintext: &[u8],
        _: &dyn SecureRandom,
        out: &mut BytesMut,
    ) -> Result<(), RecordError> {
        let explicit_len = self.nonce.explicit_len();
        let explicit = sequence.to_be_bytes();
        out.put_slice(&header(content_type, self.version, explicit_len + plaintext.len() + TAG)?);
        out.put_slice(explicit.get(..explicit_len).unwrap_or_default());
        let start = out.len();
        out.put_slice(plaintext);
        let aad = additional_data(sequence, content_type, self.version, plaintext.len());
        let data = out.get_mut(start..).unwrap_or_default();
        let tag = self.key.seal_in_place(&self.nonce.with(explicit), &aad, data)?;
        out.put_slice(&tag);
        Ok(())
    }

    fn overhead(&self) -> usize {
        RecordHeader::LEN + self.nonce.explicit_len() + TAG
    }

    fn record_limit(&self) -> u64 {
        self.limit
    }
}
