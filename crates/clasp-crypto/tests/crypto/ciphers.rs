//! AEADs and CBC: NIST's and the RFCs' vectors, and everything that must not open.

use super::*;
use clasp_crypto::{AeadAlgorithm, BlockCipherAlgorithm};

struct Case {
    algorithm: AeadAlgorithm,
    key: &'static str,
    nonce: &'static str,
    aad: &'static str,
    plaintext: &'static str,
    ciphertext: &'static str,
    tag: &'static str,
}

/// McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", test cases 4 and 16; RFC 8439 2.8.2; NIST CAVP, CCM,
/// VNT128.rsp, [Nlen = 12], the first two.
const CASES: [Case; 5] = [
    Case {
        algorithm: AeadAlgorithm::Aes128Gcm,
        key: "feffe9928665731c6d6a8f9467308308",
        nonce: "cafebabefacedbaddecaf888",
        aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        plaintext: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
                    1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        ciphertext: "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e
                     21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
        tag: "5bc94fbc3221a5db94fae95ae7121a47",
    },
    Case {
        algorithm: AeadAlgorithm::Aes256Gcm,
        key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        nonce: "cafebabefacedbaddecaf888",
        aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        plaintext: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
                    1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        ciphertext: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
                     8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
        tag: "76fc6ece0f4e1768cddf8853bb2d551b",
    },
    Case {
        algorithm: AeadAlgorithm::ChaCha20Poly1305,
        key: "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
        nonce: "070000004041424344454647",
        aad: "50515253c0c1c2c3c4c5c6c7",
        plaintext: "4c616469657320616e642047656e746c656d656e206f662074686520636c6173
                    73206f66202739393a204966204920636f756c64206f6666657220796f75206f
                    6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73
                    637265656e20776f756c642062652069742e",
        ciphertext: "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6
                     3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36
                     92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc
                     3ff4def08e4b7a9de576d26586cec64b6116",
        tag: "1ae10b594f09e26a7e902ecbd0600691",
    },
    Case {
        algorithm: AeadAlgorithm::Aes128Ccm,
        key: "005e8f4d8e0cbf4e1ceeb5d87a275848",
        nonce: "0ec3ac452b547b9062aac8fa",
        aad: "2f1821aa57e5278ffd33c17d46615b77363149dbc98470413f6543a6b749f2ca",
        plaintext: "b6f345204526439daf84998f380dcfb4b4167c959c04ff65",
        ciphertext: "9575e16f35da3c88a19c26a7b762044f4d7bbbafeff05d75",
        tag: "4829e2a7752fa3a14890972884b511d8",
    },
    Case {
        algorithm: AeadAlgorithm::Aes128Ccm,
        key: "005e8f4d8e0cbf4e1ceeb5d87a275848",
        nonce: "472711261a9262bef077c0b7",
        aad: "17c87889a2652636bcf712d111c86b9d68d64d18d531928030a5ec97c59931a4",
        plaintext: "9d63df773b3799e361c5328d44bbb12f4154747ecf7cc667",
        ciphertext: "53323b82d7a754d82cebf0d4bc930ef06d11e162c5c027c4",
        tag: "715a641834bbb75bb6572ca5a45c3183",
    },
];

#[test]
fn published_aead_vectors_and_nothing_else() {
    for case in CASES {
        let key = provider().aead(case.algorithm).unwrap().with_key(&hex(case.key)).unwrap();
        let nonce: [u8; 12] = hex(case.nonce).try_into().unwrap();
        let (aad, plaintext) = (hex(case.aad), hex(case.plaintext));
        let mut data = plaintext.clone();
        let tag = key.seal_in_place(&nonce, &aad, &mut data).unwrap();
        assert_eq!((data.clone(), tag.to_vec()), (hex(case.ciphertext), hex(case.tag)));

        let sealed = [data, tag.to_vec()].concat();
        let mut opened = sealed.clone();
        let length = key.open_in_place(&nonce, &aad, &mut opened).unwrap();
        assert_eq!(opened[..length], plaintext);

        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open_in_place(&nonce, &aad, &mut changed), Err(CryptoError::OpenFailed));
            assert_eq!(key.open_in_place(&nonce, &aad, &mut sealed[..at].to_vec()), Err(CryptoError::OpenFailed));
        }
        for at in 0..aad.len() {
            let mut changed = aad.clone();
            changed[at] ^= 0x80;
            assert_eq!(key.open_in_place(&nonce, &changed, &mut sealed.clone()), Err(CryptoError::OpenFailed));
        }
        for at in 0..nonce.len() {
            let mut changed = nonce;
            changed[at] ^= 4;
            assert_eq!(key.open_in_place(&changed, &aad, &mut sealed.clone()), Err(CryptoError::OpenFailed));
        }
    }
}

#[test]
fn keys_of_another_length_are_none() {
    for aead in provider().aeads {
        let algorithm = aead.algorithm();
        for length in (0..70).filter(|length| *length != algorithm.key_len()) {
            assert_eq!(aead.with_key(&vec![0; length]).err(), Some(CryptoError::BadLength), "{algorithm:?} {length}");
        }
        assert_eq!(algorithm.tag_len(), 16);
    }
    for cipher in provider().block_ciphers {
        let algorithm = cipher.algorithm();
        for length in (0..70).filter(|length| *length != algorithm.key_len()) {
            assert_eq!(cipher.encryptor(&vec![0; length]).err(), Some(CryptoError::BadLength));
            assert_eq!(cipher.decryptor(&vec![0; length]).err(), Some(CryptoError::BadLength));
        }
    }
}

/// NIST SP 800-38A F.2.1, F.2.2, F.2.5, F.2.6: all four blocks.
#[test]
fn published_cbc_vectors() {
    let plaintext = hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51
         30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
    let iv = hex("000102030405060708090a0b0c0d0e0f");
    let cases = [
        (
            BlockCipherAlgorithm::Aes128,
            "2b7e151628aed2a6abf7158809cf4f3c",
            "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2
             73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
        ),
        (
            BlockCipherAlgorithm::Aes256,
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d
             39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b",
        ),
    ];
    for (algorithm, key, ciphertext) in cases {
        let cipher = provider().block_cipher(algorithm).unwrap();
        let (encryptor, decryptor) = (cipher.encryptor(&hex(key)).unwrap(), cipher.decryptor(&hex(key)).unwrap());
        let mut data = plaintext.clone();
        encryptor.encrypt(&iv, &mut data).unwrap();
        assert_eq!(data, hex(ciphertext));
        // In any number of steps, each with the last ciphertext block as its vector.
        for blocks in 1..4 {
            let (mut steps, mut iv) = (plaintext.clone(), iv.clone());
            for piece in steps.chunks_mut(16 * blocks) {
                encryptor.encrypt(&iv, piece).unwrap();
                iv = piece[piece.len() - 16..].to_vec();
            }
            assert_eq!(steps, data);
        }
        decryptor.decrypt(&iv, &mut data).unwrap();
        assert_eq!(data, plaintext);

        for length in (0..100).filter(|length| length % 16 != 0) {
            let mut broken = vec![7; length];
            assert_eq!(encryptor.encrypt(&iv, &mut broken), Err(CryptoError::BadLength));
            assert_eq!(decryptor.decrypt(&iv, &mut broken), Err(CryptoError::BadLength));
            assert_eq!(broken, vec![7; length]);
            assert_eq!(encryptor.encrypt(&vec![0; length], &mut [0; 16]), Err(CryptoError::BadLength));
            assert_eq!(decryptor.decrypt(&vec![0; length], &mut [0; 16]), Err(CryptoError::BadLength));
        }
        assert_eq!(encryptor.encrypt(&iv, &mut []), Ok(()));
    }
}

/// Not a test of the generator, but of the wire to it: it fills what it is given, differently each time.
#[test]
fn randomness_fills_everything() {
    for length in [0, 1, 16, 1000] {
        let mut seen = vec![0_u8; length];
        for _ in 0..50 {
            let mut bytes = vec![0; length];
            provider().random.fill(&mut bytes).unwrap();
            seen.iter_mut().zip(bytes).for_each(|(seen, byte)| *seen |= byte);
        }
        assert!(seen.iter().all(|byte| *byte != 0));
    }
}
