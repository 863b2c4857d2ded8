//! AES in CBC mode (FIPS 197, NIST SP 800-38A 6.2), with the processor's AES instructions where there are any.

use aes::Block;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};

use crate::traits::{BlockCipher, BlockCipherAlgorithm, CbcDecrypt, CbcEncrypt, CryptoError};

/// AES with one key length.
#[derive(Debug)]
pub(crate) struct AesCbc(BlockCipherAlgorithm);

pub(crate) static AES_128_CBC: AesCbc = AesCbc(BlockCipherAlgorithm::Aes128);
pub(crate) static AES_256_CBC: AesCbc = AesCbc(BlockCipherAlgorithm::Aes256);

impl BlockCipher for AesCbc {
    fn algorithm(&self) -> BlockCipherAlgorithm {
        self.0
    }

    fn encryptor(&self, key: &[u8]) -> Result<Box<dyn CbcEncrypt>, CryptoError> {
        Ok(match self.0 {
            BlockCipherAlgorithm::Aes128 => {
                Box::new(Encryptor(aes::Aes128Enc::new_from_slice(key).map_err(|_| CryptoError::BadLength)?))
            }
            BlockCipherAlgorithm::Aes256 => {
                Box::new(Encryptor(aes::Aes256Enc::new_from_slice(key).map_err(|_| CryptoError::BadLength)?))
            }
            _ => return Err(CryptoError::Unsupported),
        })
    }

    fn decryptor(&self, key: &[u8]) -> Result<Box<dyn CbcDecrypt>, CryptoError> {
        Ok(match self.0 {
            BlockCipherAlgorithm::Aes128 => {
                Box::new(Decryptor(aes::Aes128Dec::new_from_slice(key).map_err(|_| CryptoError::BadLength)?))
            }
            BlockCipherAlgorithm::Aes256 => {
                Box::new(Decryptor(aes::Aes256Dec::new_from_slice(key).map_err(|_| CryptoError::BadLength)?))
            }
            _ => return Err(CryptoError::Unsupported),
        })
    }
}

/// Splits data into whole blocks.
fn blocks(data: &mut [u8]) -> Result<&mut [Block], CryptoError> {
    let (blocks, rest) = Block::slice_as_chunks_mut(data);
    if rest.is_empty() { Ok(blocks) } else { Err(CryptoError::BadLength) }
}

fn block(iv: &[u8]) -> Result<&Block, CryptoError> {
    <&Block>::try_from(iv).map_err(|_| CryptoError::BadLength)
}

struct Encryptor<C>(C);

macro_rules! encryptor {
    ($cipher:ty) => {
        impl CbcEncrypt for Encryptor<$cipher> {
            fn encrypt(&self, iv: &[u8], data: &mut [u8]) -> Result<(), CryptoError> {
                cbc::Encryptor::inner_iv_init(&self.0, block(iv)?).encrypt_blocks(blocks(data)?);
                Ok(())
            }
        }
    };
}

encryptor!(aes::Aes128Enc);
encryptor!(aes::Aes256Enc);

struct Decryptor<C>(C);

macro_rules! decryptor {
    ($cipher:ty) => {
        impl CbcDecrypt for Decryptor<$cipher> {
            fn decrypt(&self, iv: &[u8], data: &mut [u8]) -> Result<(), CryptoError> {
                cbc::Decryptor::inner_iv_init(&self.0, block(iv)?).decrypt_blocks(blocks(data)?);
                Ok(())
            }
        }
    };
}

decryptor!(aes::Aes128Dec);
decryptor!(aes::Aes256Dec);
