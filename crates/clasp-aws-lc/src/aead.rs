//! AES-GCM and ChaCha20-Poly1305 (RFC 5116, RFC 8439).

use aws_lc_rs::aead;
use clasp_crypto::{Aead, AeadAlgorithm, AeadKey, CryptoError};

#[derive(Debug)]
pub(crate) struct Cipher {
    name: AeadAlgorithm,
    algorithm: &'static aead::Algorithm,
}

pub(crate) static AES_128_GCM: Cipher = Cipher { name: AeadAlgorithm::Aes128Gcm, algorithm: &aead::AES_128_GCM };
pub(crate) static AES_256_GCM: Cipher = Cipher { name: AeadAlgorithm::Aes256Gcm, algorithm: &aead::AES_256_GCM };
pub(crate) static CHACHA20_POLY1305: Cipher =
    Cipher { name: AeadAlgorithm::ChaCha20Poly1305, algorithm: &aead::CHACHA20_POLY1305 };

impl Aead for Cipher {
    fn algorithm(&self) -> AeadAlgorithm {
        self.name
    }

    fn with_key(&self, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
        let key = aead::UnboundKey::new(self.algorithm, key).map_err(|_| CryptoError::BadLength)?;
        Ok(Box::new(Key(aead::LessSafeKey::new(key))))
    }
}

struct Key(aead::LessSafeKey);

impl AeadKey for Key {
    fn seal_in_place(&self, nonce: &[u8; 12], aad: &[u8], data: &mut [u8]) -> Result<[u8; 16], CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        let tag =
            self.0.seal_in_place_separate_tag(nonce, aead::Aad::from(aad), data).map_err(|_| CryptoError::BadLength)?;
        <[u8; 16]>::try_from(tag.as_ref()).map_err(|_| CryptoError::BadLength)
    }

    fn open_in_place(&self, nonce: &[u8; 12], aad: &[u8], data: &mut [u8]) -> Result<usize, CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        self.0
            .open_in_place(nonce, aead::Aad::from(aad), data)
            .map(|plaintext| plaintext.len())
            .map_err(|_| CryptoError::OpenFailed)
    }
}
