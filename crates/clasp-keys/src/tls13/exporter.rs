//! Exporters (RFC 8446 7.5).

use core::fmt;

use clasp_crypto::Digest;
use zeroize::ZeroizeOnDrop;

use super::kdf::{Kdf, Prk};
use crate::schedule::ExportError;

/// The secret that keying material for other protocols is made of.
#[derive(ZeroizeOnDrop)]
pub struct ExporterSecret {
    #[zeroize(skip)]
    kdf: Kdf,
    secret: Digest,
}

impl ExporterSecret {
    /// The longest label, bytes.
    const MAX_LABEL: usize = 249;

    pub(super) fn new(kdf: Kdf, secret: Digest) -> Self {
        Self { kdf, secret }
    }

    /// Fills `out` with keying material. An empty context is the same as none, other than before TLS 1.3. No label is
    /// reserved, as those of the protocol itself are expanded from other secrets.
    ///
    /// # Errors
    /// [`ExportError::LabelTooLong`] beyond 249 bytes; [`ExportError::OutputTooLong`] beyond 255 hashes' length.
    pub fn export(&self, label: &[u8], context: &[u8], out: &mut [u8]) -> Result<(), ExportError> {
        if label.len() > Self::MAX_LABEL {
            return Err(ExportError::LabelTooLong);
        }
        if out.len() > usize::from(u8::MAX) * self.kdf.hash_len() {
            return Err(ExportError::OutputTooLong);
        }
        let derived = Prk::new(self.kdf, self.as_bytes()).derive(label, self.kdf.empty_hash().as_slice());
        let context = self.kdf.hash().hash(&[context]);
        Prk::new(self.kdf, derived.as_slice()).expand_label(b"exporter", context.as_slice(), out);
        Ok(())
    }

    /// The bytes, for a key log.
    pub fn as_bytes(&self) -> &[u8] {
        self.secret.as_slice()
    }
}

impl fmt::Debug for ExporterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExporterSecret")
    }
}
