//! What `cargo xtask timing` measures and no caller may reach: CBC records judged, but the verdict not acted on.

use clasp_crypto::{BlockCipherAlgorithm, CryptoError, HashAlgorithm, Provider};
use clasp_wire::RecordHeader;

use crate::bulk::{Form, Keys};
use crate::cbc_open::{Iv, Judged, MacThenEncryptOpen};
use crate::error::RecordError;

/// The opening side of MAC-then-encrypt.
pub struct Judge(MacThenEncryptOpen);

impl core::fmt::Debug for Judge {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Judge").finish_non_exhaustive()
    }
}

impl Judge {
    /// Makes it as [`crate::CbcBulk`] does.
    ///
    /// # Errors
    /// [`RecordError::Crypto`].
    pub fn new(
        provider: &Provider,
        cipher: BlockCipherAlgorithm,
        mac: HashAlgorithm,
        keys: Keys<'_>,
        form: Form,
    ) -> Result<Self, RecordError> {
        let mac = form.mac.key(provider, mac, keys.mac_key).ok_or(CryptoError::Unsupported)?;
        let block_len = cipher.block_len();
        let cipher = provider.block_cipher(cipher).ok_or(CryptoError::Unsupported)?.decryptor(keys.key)?;
        let iv = Iv::new(form.iv, keys.iv, block_len)?;
        Ok(Self(MacThenEncryptOpen { cipher, mac, form, block_len, iv }))
    }

    /// Decrypts a record's body and judges it: 1 when padding and MAC are right, 0 otherwise, and the length of the
    /// content.
    ///
    /// # Errors
    /// [`RecordError::BadRecordMac`] for what is publicly wrong.
    pub fn judge(&mut self, sequence: u64, header: &RecordHeader, body: &mut [u8]) -> Result<(u8, usize), RecordError> {
        let Judged { length, good, .. } = self.0.judge(sequence, header, body)?;
        Ok((good.unwrap_u8(), length))
    }
}
