//! Triple DES in CBC mode (FIPS 46-3, NIST SP 800-67), for peers that have nothing better.
//!
//! DES works on 64-bit blocks: after some 2^32 of them under one key, two alike tell of plaintext (SWEET32). The record
//! layer bounds how much a key is used.

use des::TdesEde3;
use des::cipher::{Block, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};

use crate::traits::{BlockCipher, BlockCipherAlgorithm, CbcDecrypt, CbcEncrypt, CryptoError};

/// Triple DES with three keys.
#[derive(Debug)]
pub(crate) struct TripleDesCbc;

pub(crate) static TRIPLE_DES_CBC: TripleDesCbc = TripleDesCbc;

impl BlockCipher for TripleDesCbc {
    fn algorithm(&self) -> BlockCipherAlgorithm {
        BlockCipherAlgorithm::TripleDes
    }

    fn encryptor(&self, key: &[u8]) -> Result<Box<dyn CbcEncrypt>, CryptoError> {
        Ok(Box::new(Key::new(key)?))
    }

    fn decryptor(&self, key: &[u8]) -> Result<Box<dyn CbcDecrypt>, CryptoError> {
        Ok(Box::new(Key::new(key)?))
    }
}

struct Key(TdesEde3);

impl Key {
    fn new(key: &[u8]) -> Result<Self, CryptoError> {
        TdesEde3::new_from_slice(key).map(Self).map_err(|_| CryptoError::BadLength)
    }
}

fn blocks(data: &mut [u8]) -> Result<&mut [Block<TdesEde3>], CryptoError> {
    let (blocks, rest) = Block::<TdesEde3>::slice_as_chunks_mut(data);
    if rest.is_empty() { Ok(blocks) } else { Err(CryptoError::BadLength) }
}

fn block(iv: &[u8]) -> Result<&Block<TdesEde3>, CryptoError> {
    iv.try_into().map_err(|_| CryptoError::BadLength)
}

impl CbcEncrypt for Key {
    fn encrypt(&self, iv: &[u8], data: &mut [u8]) -> Result<(), CryptoError> {
        cbc::Encryptor::inner_iv_init(&self.0, block(iv)?).encrypt_blocks(blocks(data)?);
        Ok(())
    }
}

impl CbcDecrypt for Key {
    fn decrypt(&self, iv: &[u8], data: &mut [u8]) -> Result<(), CryptoError> {
        cbc::Decryptor::inner_iv_init(&self.0, block(iv)?).decrypt_blocks(blocks(data)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;

    /// NIST SP 800-67 appendix B: the first two blocks of "The qufck brown fox jump", here chained from an IV of zeros, so
    /// that only the first block stands there; the rest is checked by decrypting.
    #[test]
    fn published_vector() {
        let key = hex("0123456789abcdef23456789abcdef01456789abcdef0123");
        let mut data = hex("5468652071756663");
        TRIPLE_DES_CBC.encryptor(&key).unwrap().encrypt(&[0; 8], &mut data).unwrap();
        assert_eq!(data, hex("a826fd8ce53b855f"));
        let mut data = hex("54686520717566636b2062726f776e20666f78206a756d70");
        let plain = data.clone();
        TRIPLE_DES_CBC.encryptor(&key).unwrap().encrypt(&[7; 8], &mut data).unwrap();
        assert_ne!(data, plain);
        TRIPLE_DES_CBC.decryptor(&key).unwrap().decrypt(&[7; 8], &mut data).unwrap();
        assert_eq!(data, plain);
        assert!(TRIPLE_DES_CBC.encryptor(&key[..23]).is_err());
    }
}
