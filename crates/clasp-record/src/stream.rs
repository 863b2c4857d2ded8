//! Record protection by a stream cipher and a MAC under the encryption (RFC 5246 6.2.3.1).
//!
//! The cipher comes from whoever has the suite: every stream cipher TLS has without an AEAD is broken (RFC 7465).

use bytes::{BufMut, BytesMut};
use clasp_crypto::{CryptoError, HashAlgorithm, HmacKey, KeyStream, Provider, SecureRandom, StreamCipher};
use clasp_wire::{ContentType, ProtocolVersion, RecordHeader};

use crate::bulk::{Bulk, Form, IvPolicy, Keys, Lengths, Open, Opened, RecordMac, Seal, header};
use crate::error::RecordError;

/// A stream-cipher suite's protection.
#[derive(Debug)]
pub struct StreamBulk {
    /// The cipher.
    pub cipher: &'static dyn StreamCipher,
    /// The hash function of the MAC.
    pub mac: HashAlgorithm,
}

impl StreamBulk {
    fn start(&self, provider: &Provider, keys: Keys<'_>, form: Form) -> Result<Box<Stream>, RecordError> {
        Ok(Box::new(Stream {
            cipher: self.cipher.start(keys.key)?,
            mac: form.mac.key(provider, self.mac, keys.mac_key).ok_or(CryptoError::Unsupported)?,
            form: form.mac,
            version: form.version,
        }))
    }
}

impl Bulk for StreamBulk {
    fn lengths(&self, _: IvPolicy) -> Lengths {
        Lengths { mac_key: self.mac.output_len(), key: self.cipher.key_len(), iv: 0 }
    }

    fn supported(&self, provider: &Provider) -> bool {
        provider.mac_hmac(self.mac).is_some()
    }

    fn open(&self, provider: &Provider, keys: Keys<'_>, form: Form) -> Result<Box<dyn Open>, RecordError> {
        Ok(self.start(provider, keys, form)?)
    }

    fn seal(&self, provider: &Provider, keys: Keys<'_>, form: Form) -> Result<Box<dyn Seal>, RecordError> {
        Ok(self.start(provider, keys, form)?)
    }
}

struct Stream {
    cipher: Box<dyn KeyStream>,
    mac: Box<dyn HmacKey>,
    form: &'static dyn RecordMac,
    version: ProtocolVersion,
}

impl Open for Stream {
    fn open(&mut self, sequence: u64, header: &RecordHeader, body: &mut [u8]) -> Result<Opened, RecordError> {
        self.cipher.apply(body);
        let length = body.len().checked_sub(self.mac.output_len()).ok_or(RecordError::BadRecordMac)?;
        let (content, tag) = body.split_at_checked(length).ok_or(RecordError::BadRecordMac)?;
        let covered = self.form.header(sequence, header.content_type, header.version, length);
        if self.mac.sign(&[covered.as_slice(), content]).ct_eq(tag) {
            Ok(Opened { content_type: header.content_type, range: 0..length })
        } else {
            Err(RecordError::BadRecordMac)
        }
    }
}

impl Seal for Stream {
    fn seal(
        &mut self,
        sequence: u64,
        content_type: ContentType,
        plaintext: &[u8],
        _: &dyn SecureRandom,
        out: &mut BytesMut,
    ) -> Result<(), RecordError> {
        out.put_slice(&header(content_type, self.version, plaintext.len() + self.mac.output_len())?);
        let start = out.len();
        out.put_slice(plaintext);
        let covered = self.form.header(sequence, content_type, self.version, plaintext.len());
        out.put_slice(self.mac.sign(&[covered.as_slice(), plaintext]).as_slice());
        self.cipher.apply(out.get_mut(start..).unwrap_or_default());
        Ok(())
    }

    fn overhead(&self) -> usize {
        RecordHeader::LEN + self.mac.output_len()
    }
}
