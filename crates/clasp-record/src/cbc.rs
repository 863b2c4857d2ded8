//! CBC record protection: block cipher and HMAC, in both orders (RFC 5246 6.2.3.2, RFC 7366), with an initialisation vector
//! of its own in each record or chained from the one before (RFC 2246 6.2.3.2).

use bytes::{BufMut, BytesMut};
use clasp_crypto::{
    BlockCipher, BlockCipherAlgorithm, CbcEncrypt, CryptoError, HashAlgorithm, HmacKey, Provider, SecureRandom,
};
use clasp_wire::{ContentType, ProtocolVersion, RecordHeader};

use crate::bulk::{Bulk, Form, IvPolicy, Keys, Lengths, Open, RecordMac, Seal, header};
use crate::cbc_open::{EncryptThenMacOpen, Iv, MacThenEncryptOpen};
use crate::error::RecordError;

/// A CBC suite's protection, with a block cipher of the provider's.
#[derive(Debug)]
pub struct CbcBulk {
    /// The block cipher.
    pub cipher: BlockCipherAlgorithm,
    /// The hash function of the MAC.
    pub mac: HashAlgorithm,
}

/// A CBC suite's protection, with a block cipher that no provider has.
#[derive(Debug)]
pub struct OwnCbcBulk {
    /// The block cipher.
    pub cipher: &'static dyn BlockCipher,
    /// The hash function of the MAC.
    pub mac: HashAlgorithm,
}

impl Bulk for CbcBulk {
    fn lengths(&self, iv: IvPolicy) -> Lengths {
        lengths(self.cipher, self.mac, iv)
    }

    fn is_cbc(&self) -> bool {
        true
    }

    fn short_block(&self) -> Option<usize> {
        short_block(self.cipher)
    }

    fn supported(&self, provider: &Provider) -> bool {
        provider.block_cipher(self.cipher).is_some() && provider.mac_hmac(self.mac).is_some()
    }

    fn open(&self, provider: &Provider, keys: Keys<'_>, form: Form) -> Result<Box<dyn Open>, RecordError> {
        let cipher = provider.block_cipher(self.cipher).ok_or(CryptoError::Unsupported)?;
        open(cipher, mac_key(provider, self.mac, keys, form)?, keys, form)
    }

    fn seal(&self, provider: &Provider, keys: Keys<'_>, form: Form) -> Result<Box<dyn Seal>, RecordError> {
        let cipher = provider.block_cipher(self.cipher).ok_or(CryptoError::Unsupported)?;
        seal(cipher, mac_key(provider, self.mac, keys, form)?, keys, form)
    }
}

impl Bulk for OwnCbcBulk {
    fn lengths(&self, iv: IvPolicy) -> Lengths {
        lengths(self.cipher.algorithm(), self.mac, iv)
    }

    fn is_cbc(&self) -> bool {
        true
    }

    fn short_block(&self) -> Option<usize> {
        short_block(self.cipher.algorithm())
    }

    fn supported(&self, provider: &Provider) -> bool {
        provider.mac_hmac(self.mac).is_some()
    }

    fn open(&self, provider: &Provider, keys: Keys<'_>, form: Form) -> Result<Box<dyn Open>, RecordError> {
        open(self.cipher, mac_key(provider, self.mac, keys, form)?, keys, form)
    }

    fn seal(&self, provider: &Provider, keys: Keys<'_>, form: Form) -> Result<Box<dyn Seal>, RecordError> {
        seal(self.cipher, mac_key(provider, self.mac, keys, form)?, keys, form)
    }
}

fn lengths(cipher: BlockCipherAlgorithm, mac: HashAlgorithm, iv: IvPolicy) -> Lengths {
    // With explicit IVs the key block holds none (RFC 5246 6.3).
    let iv = match iv {
        IvPolicy::Explicit => 0,
        IvPolicy::Chained => cipher.block_len(),
    };
    Lengths { mac_key: mac.output_len(), key: cipher.key_len(), iv }
}

fn short_block(cipher: BlockCipherAlgorithm) -> Option<usize> {
    Some(cipher.block_len()).filter(|length| *length < 16)
}

fn mac_key(
    provider: &Provider,
    hash: HashAlgorithm,
    keys: Keys<'_>,
    form: Form,
) -> Result<Box<dyn HmacKey>, RecordError> {
    Ok(form.mac.key(provider, hash, keys.mac_key).ok_or(CryptoError::Unsupported)?)
}

fn open(
    cipher: &dyn BlockCipher,
    mac: Box<dyn HmacKey>,
    keys: Keys<'_>,
    form: Form,
) -> Result<Box<dyn Open>, RecordError> {
    let block_len = cipher.algorithm().block_len();
    let cipher = cipher.decryptor(keys.key)?;
    let iv = Iv::new(form.iv, keys.iv, block_len)?;
    Ok(if form.encrypt_then_mac {
        Box::new(EncryptThenMacOpen { cipher, mac, form, block_len, iv })
    } else {
        Box::new(MacThenEncryptOpen { cipher, mac, form, block_len, iv })
    })
}

fn seal(
    cipher: &dyn BlockCipher,
    mac: Box<dyn HmacKey>,
    keys: Keys<'_>,
    form: Form,
) -> Result<Box<dyn Seal>, RecordError> {
    let block_len = cipher.algorithm().block_len();
    Ok(Box::new(CbcSeal {
        cipher: cipher.encryptor(keys.key)?,
        mac,
        block_len,
        iv: Iv::new(form.iv, keys.iv, block_len)?,
        version: form.version,
        encrypt_then_mac: form.encrypt_then_mac,
        form: form.mac,
    }))
}

struct CbcSeal {
    cipher: Box<dyn CbcEncrypt>,
    mac: Box<dyn HmacKey>,
    block_len: usize,
    iv: Iv,
    version: ProtocolVersion,
    encrypt_then_mac: bool,
    form: &'static dyn RecordMac,
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
        let iv_len = self.iv.explicit_len(self.block_len);
        let inner_mac_len = if self.encrypt_then_mac { 0 } else { mac_len };
        let content = plaintext.len() + inner_mac_len;
        let padding = self.block_len - content % self.block_len;
        let encrypted = iv_len + content + padding;
        let body = if self.encrypt_then_mac { encrypted + mac_len } else { encrypted };

        let start = out.len();
        out.put_slice(&header(content_type, self.version, body)?);
        out.put_bytes(0, iv_len);
        out.put_slice(plaintext);
        if !self.encrypt_then_mac {
            let covered = self.form.header(sequence, content_type, self.version, plaintext.len());
            out.put_slice(self.mac.sign(&[covered.as_slice(), plaintext]).as_slice());
        }
        // Each padding byte, the length byte included, says how many stand before the last (RFC 5246 6.2.3.2).
        out.put_bytes(u8::try_from(padding - 1).unwrap_or(0), padding);

        let record = out.get_mut(start + RecordHeader::LEN..).unwrap_or_default();
        let (explicit, data) = record.split_at_mut_checked(iv_len).ok_or(CryptoError::BadLength)?;
        match &mut self.iv {
            Iv::Explicit => {
                // Unpredictable, and chosen after the plaintext: what BEAST needs is not there (RFC 5246 F.3).
                random.fill(explicit)?;
                self.cipher.encrypt(explicit, data)?;
            }
            Iv::Chained(iv) => {
                self.cipher.encrypt(iv, data)?;
                Iv::keep_last_block(iv, data);
            }
        }
        if self.encrypt_then_mac {
            // The length under the MAC is that of IV and ciphertext (RFC 7366 3).
            let covered = self.form.header(sequence, content_type, self.version, encrypted);
            let tag = self.mac.sign(&[covered.as_slice(), record]);
            out.put_slice(tag.as_slice());
        }
        Ok(())
    }

    fn next_iv_is_known(&self) -> bool {
        matches!(self.iv, Iv::Chained(_))
    }

    fn overhead(&self) -> usize {
        RecordHeader::LEN + 2 * self.block_len + self.mac.output_len()
    }
}
