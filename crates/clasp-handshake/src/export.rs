//! What the export suites do in another way than the rest (RFC 2246 6.3.1, 7.4.3; RFC 6101 6.2.2.1). Here is what the
//! flights ask of them; how it is done is the matter of the crate that has such suites.

use core::fmt;
use std::sync::Arc;

use clasp_cert::PrivateKey;
use clasp_crypto::{CryptoError, Provider};
use clasp_keys::{KeyBlock, KeyLengths, Schedule};

/// An RSA key of this length, or a shorter one, is for export suites only. With any other suite it is refused: an attacker on
/// the way could have put it there, who can factor it (FREAK: Beurdouche and others, "A Messy State of the Union", 2015).
pub(crate) const EXPORT_ONLY_BITS: usize = 512;

/// The rules of an export suite.
pub trait Export: fmt::Debug + Send + Sync {
    /// The longest RSA key that a pre-master secret may be encrypted to, bits. A server whose certificate has a longer one
    /// makes a temporary key, and signs it.
    fn max_rsa_bits(&self) -> usize;

    /// Makes a temporary key of that length.
    ///
    /// # Errors
    /// [`CryptoError`].
    fn temporary_key(&self, provider: &'static Provider) -> Result<TemporaryKey, CryptoError>;

    /// Encrypts a pre-master secret to a temporary key, as to any RSA key (RFC 5246 7.4.7.1).
    ///
    /// # Errors
    /// [`CryptoError`].
    fn encrypt(
        &self,
        provider: &Provider,
        modulus: &[u8],
        exponent: &[u8],
        secret: &[u8],
    ) -> Result<Vec<u8>, CryptoError>;

    /// What of the key material of the bulk cipher comes from the key block.
    fn block_lengths(&self, full: KeyLengths) -> KeyLengths;

    /// Makes the final keys and initialisation vectors of the short key block.
    fn final_keys(
        &self,
        schedule: &dyn Schedule,
        block: &KeyBlock,
        full: KeyLengths,
        client_random: &[u8; 32],
        server_random: &[u8; 32],
    ) -> KeyBlock;
}

/// A server's temporary RSA key.
#[derive(Clone, Debug)]
pub struct TemporaryKey {
    /// The modulus, big-endian.
    pub modulus: Vec<u8>,
    /// The public exponent, big-endian.
    pub exponent: Vec<u8>,
    /// The private half.
    pub key: Arc<dyn PrivateKey>,
}
