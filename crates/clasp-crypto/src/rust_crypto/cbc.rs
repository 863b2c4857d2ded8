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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;

    /// NIST SP 800-38A F.2.1, F.2.5.
    #[test]
    fn published_vectors() {
        let iv = hex("000102030405060708090a0b0c0d0e0f");
        let plain = hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
        for (cipher, key, expected) in [
            (
                &AES_128_CBC,
                "2b7e151628aed2a6abf7158809cf4f3c",
                "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2",
            ),
            (
                &AES_256_CBC,
                "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
                "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d",
            ),
        ] {
            let mut data = plain.clone();
            cipher.encryptor(&hex(key)).unwrap().encrypt(&iv, &mut data).unwrap();
            assert_eq!(data, hex(expected));
            cipher.decryptor(&hex(key)).unwrap().decrypt(&iv, &mut data).unwrap();
            assert_eq!(data, plain);
        }
    }

    #[test]
    fn wrong_lengths_are_errors() {
        assert!(AES_128_CBC.encryptor(&[0; 15]).is_err());
        let cipher = AES_128_CBC.encryptor(&[0; 16]).unwrap();
        assert_eq!(cipher.encrypt(&[0; 16], &mut [0; 17]), Err(CryptoError::BadLength));
        assert_eq!(cipher.encrypt(&[0; 12], &mut [0; 16]), Err(CryptoError::BadLength));
    }
}
