//! Hash functions and HMACs: FIPS 180-4's examples, RFC 2202, RFC 4231.

use super::*;
use clasp_crypto::{Digest, HashAlgorithm, Hmac};

const ALL: [HashAlgorithm; 4] =
    [HashAlgorithm::Sha1, HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512];

/// "abc", and the example of two blocks.
const HASHES: [(HashAlgorithm, &str, &str); 8] = [
    (HashAlgorithm::Sha1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (HashAlgorithm::Sha1, TWO_BLOCKS, "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
    (HashAlgorithm::Sha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (HashAlgorithm::Sha256, TWO_BLOCKS, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
    (
        HashAlgorithm::Sha384,
        "abc",
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    ),
    (
        HashAlgorithm::Sha384,
        TWO_LONG_BLOCKS,
        "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039",
    ),
    (
        HashAlgorithm::Sha512,
        "abc",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd
         454d4423643ce80e2a9ac94fa54ca49f",
    ),
    (
        HashAlgorithm::Sha512,
        TWO_LONG_BLOCKS,
        "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018501d289e4900f7e4331b99dec4b5433a
         c7d329eeb6dd26545e96e55b874be909",
    ),
];

const TWO_BLOCKS: &str = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
const TWO_LONG_BLOCKS: &str = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs\
    mnopqrstnopqrstu";

#[test]
fn published_hashes_in_one_piece_and_in_many() {
    for (algorithm, text, wanted) in HASHES {
        let hash = provider().hash(algorithm).unwrap();
        assert_eq!(hash.output_len(), algorithm.output_len());
        assert_eq!(hash.hash(&[text.as_bytes()]).as_slice(), hex(wanted));
        for size in 1..text.len() {
            let parts: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            assert_eq!(hash.hash(&parts).as_slice(), hex(wanted));
            let mut context = hash.start();
            for part in parts {
                // What is asked for on the way, and a copy that goes its own, change nothing.
                let _ = context.current();
                context.fork().update(b"elsewhere");
                context.update(part);
            }
            assert_eq!(context.fork().finish().as_slice(), hex(wanted));
            assert_eq!(context.current().as_slice(), hex(wanted));
            assert_eq!(context.finish().as_slice(), hex(wanted));
        }
    }
    for algorithm in ALL {
        assert_eq!(provider().hash(algorithm).unwrap().algorithm(), algorithm);
    }
}

type Case = (Vec<u8>, &'static [u8], [&'static str; 3]);

/// RFC 4231 4.2 to 4.8, without the truncated one: SHA-256, SHA-384, SHA-512.
fn sha2_cases() -> [Case; 6] {
    [
        (vec![0x0b; 20], b"Hi There", [
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde
             daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
        ]),
        (b"Jefe".to_vec(), b"what do ya want for nothing?", [
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554
             9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ]),
        (vec![0xaa; 20], &[0xdd; 50], [
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101a34f27",
            "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39
             bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
        ]),
        ((1..=25).collect(), &[0xcd; 50], [
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
            "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23c4a7d679ccf8a386c674cffb",
            "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db
             a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
        ]),
        (vec![0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First", [
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352
             6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
        ]),
        (
            vec![0xaa; 131],
            b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be \
              hashed before being used by the HMAC algorithm.",
            [
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
                "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31e799176d3860e6110c46523e",
                "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944
                 b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58",
            ],
        ),
    ]
}

/// RFC 2202 3.
const SHA1_CASES: [(&[u8], &[u8], &str); 7] = [
    (&[0x0b; 20], b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
    (b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    (&[0xaa; 20], &[0xdd; 50], "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
    (
        &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25],
        &[0xcd; 50],
        "4c9007f4026250c6bc8414f9bf50c86c2d7235da",
    ),
    (&[0x0c; 20], b"Test With Truncation", "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"),
    (
        &[0xaa; 80],
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "aa4ae5e15272d00e95705637ce8a3b55ed402112",
    ),
    (
        &[0xaa; 80],
        b"Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
        "e8e99d0f45237d786d6bbaa7965c7808bbff1a91",
    ),
];

fn check(hmac: &dyn Hmac, key: &[u8], message: &[u8], wanted: &[u8]) {
    let key = hmac.with_key(key);
    assert_eq!(key.output_len(), wanted.len());
    for at in 0..=message.len() {
        let (before, after) = message.split_at(at);
        assert_eq!(key.sign(&[before, after]).as_slice(), wanted, "{hmac:?}");
    }
    if let Some(tag) = key.sign_secret_len(&message[..3], &message[3..], message.len() - 3) {
        assert_eq!(tag.as_slice(), wanted, "{hmac:?}");
    }
}

/// The HMACs of key schedules, ring's, and those of records, ours: the same function twice.
#[test]
fn published_tags() {
    let algorithms = [HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512];
    for (key, message, tags) in sha2_cases() {
        for (algorithm, wanted) in algorithms.into_iter().zip(tags) {
            let hmac = provider().hmac(algorithm).unwrap();
            check(hmac, &key, message, &hex(wanted));
            if let Some(hmac) = provider().mac_hmac(algorithm) {
                check(hmac, &key, message, &hex(wanted));
            }
        }
    }
    for (key, message, wanted) in SHA1_CASES {
        check(provider().mac_hmac(HashAlgorithm::Sha1).unwrap(), key, message, &hex(wanted));
    }
}

/// Every key length around a block's, and every message length around it, where padding goes wrong if it does.
#[test]
fn both_hmacs_agree_at_every_length() {
    let bytes: Vec<u8> = (0..=255).cycle().take(300).collect();
    for algorithm in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
        let (ring, ours) = (provider().hmac(algorithm).unwrap(), provider().mac_hmac(algorithm).unwrap());
        for key in [0, 1, 20, 63, 64, 65, 127, 128, 129, 200] {
            let (ring, ours) = (ring.with_key(&bytes[..key]), ours.with_key(&bytes[..key]));
            for length in 0..bytes.len() {
                assert_eq!(ring.sign(&[&bytes[..length]]).as_slice(), ours.sign(&[&bytes[..length]]).as_slice());
            }
        }
    }
}

/// What record protection relies on: the tables' HMACs for records have the constant-time form.
#[test]
fn the_hmacs_of_records_have_their_constant_time_form() {
    for hmac in provider().mac_hmacs {
        assert!(hmac.with_key(b"key").sign_secret_len(b"prefix", &[0; 100], 50).is_some(), "{hmac:?}");
    }
    // ring's have none; those of the legacy schedule are the same as above.
    for hmac in provider().hmacs.iter().filter(|hmac| hmac.algorithm() > HashAlgorithm::Md5Sha1) {
        assert!(hmac.with_key(b"key").sign_secret_len(b"prefix", &[0; 100], 50).is_none(), "{hmac:?}");
    }
}

#[test]
fn digests_compare_and_show_nothing() {
    let digest = Digest::new(&[0xab; 20]);
    assert!(digest.ct_eq(&[0xab; 20]) && !digest.ct_eq(&[0xab; 19]) && !digest.ct_eq(&[0xac; 20]));
    assert_eq!(digest.as_ref(), [0xab; 20]);
    assert_eq!(format!("{digest:?}"), "Digest(20 bytes)");
    assert_eq!(Digest::new(&[1; 70]).as_slice(), [1; Digest::MAX]);
    assert!(Digest::new(&[]).ct_eq(&[]));
}
