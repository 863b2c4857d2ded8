//! AES-128 in CCM mode with a tag of 16 bytes (NIST SP 800-38C, RFC 5116 5.3), which ring has not.

use aes::Aes128;
use ccm::aead::inout::InOutBuf;
use ccm::consts::{U12, U16};
use ccm::{AeadInOut as _, Ccm, KeyInit as _};

use crate::traits::{Aead, AeadAlgorithm, AeadKey, CryptoError};

/// AES-128-CCM.
#[derive(Debug)]
pub(crate) struct AesCcm;

pub(crate) static AES_128_CCM: AesCcm = AesCcm;

struct Key(Ccm<Aes128, U16, U12>);

impl Aead for AesCcm {
    fn algorithm(&self) -> AeadAlgorithm {
        AeadAlgorithm::Aes128Ccm
    }

    fn with_key(&self, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
        Ok(Box::new(Key(Ccm::new_from_slice(key).map_err(|_| CryptoError::BadLength)?)))
    }
}

impl AeadKey for Key {
    fn seal_in_place(&self, nonce: &[u8; 12], aad: &[u8], data: &mut [u8]) -> Result<[u8; 16], CryptoError> {
        let tag = self.0.encrypt_inout_detached(&(*nonce).into(), aad, InOutBuf::from(data));
        tag.map(Into::into).map_err(|_| CryptoError::BadLength)
    }

    fn open_in_place(&self, nonce: &[u8; 12], aad: &[u8], data: &mut [u8]) -> Result<usize, CryptoError> {
        let (data, tag) = data.split_last_chunk_mut::<16>().ok_or(CryptoError::OpenFailed)?;
        let length = data.len();
        let tag = (*tag).into();
        let opened = self.0.decrypt_inout_detached(&(*nonce).into(), aad, InOutBuf::from(data), &tag);
        opened.map(|()| length).map_err(|_| CryptoError::OpenFailed)
    }
}
