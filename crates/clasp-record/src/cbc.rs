//! CBC record protection: block cipher and HMAC, in both orders (RFC 5246 6.2.3.2, RFC 7366).

use bytes::{BufMut, BytesMut};
use clasp_crypto::{BlockCipherAlgorithm, CbcEncrypt, CryptoError, HashAlgorithm, HmacKey, Provider, SecureRandom};
use clasp_wire::{ContentType, ProtocolVersion, RecordHeader};

use crate::bulk::{Bulk, Form, IvPolicy, Keys, Lengths, Open, Seal, additional_data, header};
use crate::cbc_open::{EncryptThenMacOpen, MacThenEncryptOpen};
use crate::error::RecordError;

/// A CBC suite's protection.
#[derive(Debug)]
pub struct CbcBulk {
    /// The block cipher.
    pub cipher: BlockCipherAlgorithm,
    /// The hash function of the MAC.
    pub mac: HashAlgorithm,
}

impl CbcBulk {
    fn mac_key(&self, provider: &Provider, keys: Keys<'_>) -> Result<Box<dyn HmacKey>, RecordError> {
        let hmac = provider.mac_hmac(self.mac).ok_or(CryptoError::Unsupported)?;
        Ok(hmac.with_key(keys.mac_key))
    }
}

impl Bulk for CbcBulk {
    fn lengths(&self) -> Lengths {
        // With explicit IVs the key block holds none (RFC 5246 6.3).
        Lengths { mac_key: self.mac.output_len(), key: self.cipher.key_len(), iv: 0 }
    }

    fn is_cbc(&self) -> bool {
        true
    }

    fn supported(&self, provider: &Provider) -> bool {
        provider.block_cipher(self.cipher).is_some() && provider.mac_hmac(self.mac).is_some()
    }

    fn open(&self, provider: &Provider, keys: Keys<'_>, form: Form) -> Result<Box<dyn Open>, RecordError> {
        let cipher = provider.block_cipher(self.cipher).ok_or(CryptoError::Unsupported)?;
        let cipher = cipher.decryptor(keys.key)?;
        let mac = self.mac_key(provider, keys)?;
        let block_len = self.cipher.block_len();
        Ok(if form.encrypt_then_mac {
            Box::new(EncryptThenMacOpen { cipher, mac, block_len })
        } else {
            Box::new(MacThenEncryptOpen { cipher, mac, block_len })
        })
    }

    fn seal(&self, provider: &Provider, keys: Keys<'_>, form: Form) -> Result<Box<dyn Seal>, RecordError> {
        let cipher = provider.block_cipher(self.cipher).ok_or(CryptoError::Unsupported)?;
        let IvPolicy::Explicit = form.iv;
        Ok(Box::new(CbcSeal {
            cipher: cipher.encryptor(keys.key)?,
            mac: self.mac_key(provider, keys)?,
            block_len: self.cipher.block_len(),
            version: form.version,
            encrypt_then_mac: form.encrypt_then_mac,
        }))
    }
}

struct CbcSeal {
    cipher: Box<dyn CbcEncrypt>,
    mac: Box<dyn HmacKey>,
    block_len: usize,
    version: ProtocolVersion,
    encrypt_then_mac: bool,
}

impl Seal for CbcSeal {
    fn seal(
        &mut self,
        sequence: u64,
        content_type: ContentType,
        plaintext: &[u8],
        random: &dyn SecureRandom,
        out: &mut BytesMut,
    ) -> Result<(), RecordError> {
        let mac_len = self.mac.output_len();
        let inner_mac_len = if self.encrypt_then_mac { 0 } else { mac_len };
        let content = plaintext.len() + inner_mac_len;
        let padding = self.block_len - content % self.block_len;
        let encrypted = self.block_len + content + padding;
        let body = if self.encrypt_then_mac { encrypted + mac_len } else { encrypted };

        let start = out.len();
        out.put_slice(&header(content_type, self.version, body)?);
        out.put_bytes(0, self.block_len);
        out.put_slice(plaintext);
        if !self.encrypt_then_mac {
            let aad = additional_data(sequence, content_type, self.version, plaintext.len());
            out.put_slice(self.mac.sign(&[&aad, plaintext]).as_slice());
        }
        // Each padding byte, the length byte included, says how many stand before the last (RFC 5246 6.2.3.2).
        out.put_bytes(u8::try_from(padding - 1).unwrap_or(0), padding);

        let record = out.get_mut(start + RecordHeader::LEN..).unwrap_or_default();
        let (iv, data) = record.split_at_mut_checked(self.block_len).ok_or(CryptoError::BadLength)?;
        // Unpredictable, and chosen after the plaintext: what BEAST needs is not there (RFC 5246 F.3).
        random.fill(iv)?;
        self.cipher.encrypt(iv, data)?;
        if self.encrypt_then_mac {
            // The length under the MAC is that of IV and ciphertext (RFC 7366 3).
            let aad = additional_data(sequence, content_type, self.version, encrypted);
            let tag = self.mac.sign(&[&aad, record]);
            out.put_slice(tag.as_slice());
        }
        Ok(())
    }

    fn overhead(&self) -> usize {
        RecordHeader::LEN + 2 * self.block_len + self.mac.output_len()
    }
}
