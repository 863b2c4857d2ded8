//! What `cargo xtask timing` measures and no caller may reach: PKCS#1 unpadding alone, and where a private key lies.

use subtle::Choice;

use crate::rust_crypto::{self, RsaKey};
use crate::traits::RsaDecrypter;

/// Unpads `em` into `out`, or keeps what is there: all that decides over a pre-master secret after RSA decryption.
#[inline(never)]
pub fn unpad_or_keep(em: &[u8], prefix: &[u8], out: &mut [u8]) {
    rust_crypto::unpad_or_keep(em, prefix, Choice::from(1), out);
}

/// An RSA private key whose secret parts can be found in memory.
pub struct OpenRsaKey(RsaKey);

impl core::fmt::Debug for OpenRsaKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("OpenRsaKey").finish_non_exhaustive()
    }
}

impl OpenRsaKey {
    /// Loads a key, DER PKCS#8.
    pub fn from_pkcs8(der: &[u8]) -> Option<Self> {
        RsaKey::from_pkcs8(der).map(Self)
    }

    /// Decryption as in a handshake.
    pub fn decrypter(&self) -> &dyn RsaDecrypter {
        &self.0
    }

    /// Where d, the primes, and what is computed from them are, and how many bytes each has.
    pub fn secrets(&self) -> Vec<(*const u8, usize)> {
        self.0.secrets()
    }
}
