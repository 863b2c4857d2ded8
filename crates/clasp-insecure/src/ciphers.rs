//! The broken ciphers: RC4 (never published by its owner; RFC 6229 has vectors), RC2 (RFC 2268) and DES (FIPS 46-3), the
//! latter two in CBC mode.

use clasp_crypto::{
    BlockCipher, BlockCipherAlgorithm, CbcDecrypt, CbcEncrypt, CryptoError, KeyStream, StreamCipher as Stream,
};
use des::cipher::{
    Block, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit,
};
use rc4::StreamCipher as _;

/// RC4 with a key of 16 bytes.
///
/// Its first bytes, and to a lesser degree all others, are not evenly distributed: who sees the same secret encrypted some
/// millions of times, as a cookie is, reads it (AlFardan and others, 2013; Vanhoef and Piessens, 2015). RFC 7465 forbids it.
#[derive(Debug)]
pub struct Rc4;

/// RC4 with a key of 16 bytes.
pub static RC4: Rc4 = Rc4;

impl Stream for Rc4 {
    fn key_len(&self) -> usize {
        16
    }

    fn start(&self, key: &[u8]) -> Result<Box<dyn KeyStream>, CryptoError> {
        if key.len() != self.key_len() {
            return Err(CryptoError::BadLength);
        }
        let cipher = rc4::Rc4::new_from_slice(key).map_err(|_| CryptoError::BadLength)?;
        Ok(Box::new(Rc4Stream(cipher)))
    }
}

struct Rc4Stream(rc4::Rc4);

impl KeyStream for Rc4Stream {
    fn apply(&mut self, data: &mut [u8]) {
        self.0.apply_keystream(data);
    }
}

/// DES with one key: 56 bits, which anybody can search through.
#[derive(Debug)]
pub struct Des;

/// DES in CBC mode.
pub static DES: Des = Des;

impl BlockCipher for Des {
    fn algorithm(&self) -> BlockCipherAlgorithm {
        BlockCipherAlgorithm::Des
    }

    fn encryptor(&self, key: &[u8]) -> Result<Box<dyn CbcEncrypt>, CryptoError> {
        Ok(Box::new(Cbc(des::Des::new_from_slice(key).map_err(|_| CryptoError::BadLength)?)))
    }

    fn decryptor(&self, key: &[u8]) -> Result<Box<dyn CbcDecrypt>, CryptoError> {
        Ok(Box::new(Cbc(des::Des::new_from_slice(key).map_err(|_| CryptoError::BadLength)?)))
    }
}

/// RC2 with a key of 16 bytes and 128 effective bits. TLS has it in export suites only, where the key is made of 40 bits.
#[derive(Debug)]
pub struct Rc2;

/// RC2 in CBC mode.
pub static RC2: Rc2 = Rc2;

impl Rc2 {
    fn key(key: &[u8]) -> Result<Cbc<rc2::Rc2>, CryptoError> {
        if key.len() != BlockCipherAlgorithm::Rc2.key_len() {
            return Err(CryptoError::BadLength);
        }
        Ok(Cbc(rc2::Rc2::new_with_eff_key_len(key, 8 * key.len())))
    }
}

impl BlockCipher for Rc2 {
    fn algorithm(&self) -> BlockCipherAlgorithm {
        BlockCipherAlgorithm::Rc2
    }

    fn encryptor(&self, key: &[u8]) -> Result<Box<dyn CbcEncrypt>, CryptoError> {
        Ok(Box::new(Self::key(key)?))
    }

    fn decryptor(&self, key: &[u8]) -> Result<Box<dyn CbcDecrypt>, CryptoError> {
        Ok(Box::new(Self::key(key)?))
    }
}

/// A block cipher in CBC mode (NIST SP 800-38A 6.2).
struct Cbc<C>(C);

/// Splits data into whole blocks.
fn blocks<C: BlockCipherEncrypt>(data: &mut [u8]) -> Result<&mut [Block<C>], CryptoError> {
    let (blocks, rest) = Block::<C>::slice_as_chunks_mut(data);
    if rest.is_empty() { Ok(blocks) } else { Err(CryptoError::BadLength) }
}

fn block<C: BlockCipherEncrypt>(iv: &[u8]) -> Result<&Block<C>, CryptoError> {
    iv.try_into().map_err(|_| CryptoError::BadLength)
}

impl<C: BlockCipherEncrypt + Send + Sync> CbcEncrypt for Cbc<C> {
    fn encrypt(&self, iv: &[u8], data: &mut [u8]) -> Result<(), CryptoError> {
        cbc::Encryptor::inner_iv_init(&self.0, block::<C>(iv)?).encrypt_blocks(blocks::<C>(data)?);
        Ok(())
    }
}

impl<C: BlockCipherEncrypt + BlockCipherDecrypt + Send + Sync> CbcDecrypt for Cbc<C> {
    fn decrypt(&self, iv: &[u8], data: &mut [u8]) -> Result<(), CryptoError> {
        cbc::Decryptor::inner_iv_init(&self.0, block::<C>(iv)?).decrypt_blocks(blocks::<C>(data)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6229 2: the key stream of the key 0x0102..10 at offsets 0, 16 and 240.
    #[test]
    fn published_vectors_of_rc4() {
        let key: Vec<u8> = (1..=16).collect();
        let mut stream = RC4.start(&key).unwrap();
        let mut data = [0; 256];
        let (first, rest) = data.split_at_mut(7);
        stream.apply(first);
        stream.apply(rest);
        assert_eq!(data[..16], 0x9ac7_cc9a_609d_1ef7_b293_2899_cde4_1b97_u128.to_be_bytes());
        assert_eq!(data[16..32], 0x5248_c495_9014_126a_6e8a_84f1_1d1a_9e1c_u128.to_be_bytes());
        assert_eq!(data[240..], 0x0659_02e4_b620_f6cc_36c8_589f_6643_2f2b_u128.to_be_bytes());
        assert!(RC4.start(&key[..5]).is_err());
    }

    fn one_block(cipher: &dyn BlockCipher, key: &[u8], plain: u64) -> u64 {
        let mut data = plain.to_be_bytes();
        cipher.encryptor(key).unwrap().encrypt(&[0; 8], &mut data).unwrap();
        u64::from_be_bytes(data)
    }

    /// RFC 2268 5, the vector with 16 bytes of key and 128 effective bits.
    #[test]
    fn published_vector_of_rc2() {
        let key = 0x88bc_a90e_9087_5a7f_0f79_c384_627b_afb2_u128.to_be_bytes();
        assert_eq!(one_block(&RC2, &key, 0), 0x2269_552a_b0f8_5ca6);
        assert!(RC2.encryptor(&key[..5]).is_err());
    }

    /// FIPS 81 appendix B: "Now is t" under 0123456789abcdef.
    #[test]
    fn published_vector_of_des() {
        let key = 0x0123_4567_89ab_cdef_u64.to_be_bytes();
        assert_eq!(one_block(&DES, &key, u64::from_be_bytes(*b"Now is t")), 0x3fa4_0e8a_984d_4815);
        assert!(DES.decryptor(&key[..7]).is_err());
    }

    #[test]
    fn blocks_are_chained_and_only_whole_ones_are_taken() {
        for (cipher, key) in [(&DES as &dyn BlockCipher, 8), (&RC2, 16)] {
            let key = vec![0x5a; key];
            let (encryptor, decryptor) = (cipher.encryptor(&key).unwrap(), cipher.decryptor(&key).unwrap());
            let mut data = [7; 24];
            encryptor.encrypt(&[1; 8], &mut data).unwrap();
            assert_ne!(data[..8], data[8..16]);
            decryptor.decrypt(&[1; 8], &mut data).unwrap();
            assert_eq!(data, [7; 24]);
            assert_eq!(encryptor.encrypt(&[1; 8], &mut data[..23]), Err(CryptoError::BadLength));
            assert_eq!(decryptor.decrypt(&[1; 7], &mut data), Err(CryptoError::BadLength));
        }
    }
}
