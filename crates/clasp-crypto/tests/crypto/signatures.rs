//! Signatures made elsewhere, and RSA encryption: RFC 6979, RFC 8032, OpenSSL.

use super::keys::{load, verifies};
use super::*;
use clasp_crypto::{HashAlgorithm, SignatureScheme};
use rustls_pki_types::PrivateKeyDer;

const OPENSSL: &str = include_str!("../../test-data/rsa2048-openssl.txt");

/// RFC 6979 A.2.5, A.2.6, A.2.7: the public points, and the signatures over "sample" with SHA-1, SHA-256, SHA-384 and
/// SHA-512, as DER.
pub(super) const ECDSA: [(&str, [&str; 4]); 3] = [
    (
        "04 60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6
            7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
        [
            "3044022061340c88c3aaebeb4f6d667f672ca9759a6ccaa9fa8811313039ee4a35471d32
             02206d7f147dac089441bb2e2fe8f7a3fa264b9c475098fdcf6e00d7c996e1b8b7eb",
            "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716
             022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
            "304402200eafea039b20e9b42309fb1d89e213057cbf973dc0cfc8f129edddc800ef7719
             02204861f0491e6998b9455193e34e7b0d284ddd7149a74b95b9261f13abde940954",
            "30450221008496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f00
             02202362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fe",
        ],
    ),
    (
        "04 ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13
            8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
        [
            "3066023100ec748d839243d6fbef4fc5c4859a7dffd7f3abddf72014540c16d73309834fa37b9ba002899f6fda3a4a9386790d4eb2
             023100a3bcfa947beef4732bf247ac17f71676cb31a847b9ff0cbc9c9ed4c1a5b3facf26f49ca031d4857570ccb5ca4424a443",
            "3065023021b13d1e013c7fa1392d03c5f99af8b30c570c6f98d4ea8e354b63a21d3daa33bde1e888e63355d92fa2b3c36d8fb2cd
             023100f3aa443fb107745bf4bd77cb3891674632068a10ca67e3d45db2266fa7d1feebefdc63eccd1ac42ec0cb8668a4fa0ab0",
            "306602310094edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46
             02310099ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8",
            "3065023100ed0959d5880ab2d869ae7f6c2915c6d60f96507f9cb3e047c0046861da4a799cfe30f35cc900056d7c99cd7882433709
             0230512c8cceee3890a84058ce1e22dbc2198f42323ce8aca9135329f03c068e5112dc7cc3ef3446defceb01a45c2667fdd5",
        ],
    ),
    (
        "04 01894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db4e5bcd371123d46e45db6b5d5370a7f20fb633155d
            38ffa16d2bd761dcac474b9a2f5023a4
            00493101c962cd4d2fddf782285e64584139c2f91b47f87ff82354d6630f746a28a0db25741b5b34a828008b22acc23f924f
            aafbd4d33f81ea66956dfeaa2bfdfcf5",
        [
            "3081870241343b6ec45728975ea5cba6659bbb6062a5ff89eea58be3c80b619f322c87910fe092f7d45bb0f8eee01ed3f20babec
             079d202ae677b243ab40b5431d497c55d75d
             024200e7b0e675a9b24413d448b8cc119d2bf7b2d2df032741c096634d6d65d0dbe3d5694625fb9e8104d3b842c1b0e2d0b98bea
             19341e8676aef66ae4eba3d5475d5d16",
            "308187024201511bb4d675114fe266fc4372b87682baecc01d3cc62cf2303c92b3526012659d16876e25c7c1e57648f23b73564d
             67f61c6f14d527d54972810421e7d87589e1a7
             02414a171143a83163d6df460aaf61522695f207a58b95c0644d87e52aa1a347916e4f7a72930b1bc06dbe22ce3f58264afd2370
             4cbb63b29b931f7de6c9d949a7ecfc",
            "308188024201ea842a0e17d2de4f92c15315c63ddf72685c18195c2bb95e572b9c5136ca4b4b576ad712a52be9730627d16054ba
             40cc0b8d3ff035b12ae75168397f5d50c67451
             024201f21a3cee066e1961025fb048bd5fe2b7924d0cd797babe0a83b66f1e35eeaf5fde143fa85dc394a7dee766523393784484
             bdf3e00114a1c857cde1aa203db65d61",
            "308187024200c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5d450606add152b
             534931d7d4e8455cc91f9b15bf05ec36e377fa
             0241617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af282623eaa63e5b5c0723d8b8c37ff0777b1a20
             f8ccb1dccc43997f1ee0e44da4a67a",
        ],
    ),
];

/// In TLS 1.2 a scheme names the hash only, so each must verify on each curve (RFC 5246 7.4.1.4.1, RFC 8422 5.10).
const ECDSA_SCHEMES: [SignatureScheme; 4] = [
    SignatureScheme::ECDSA_SHA1,
    SignatureScheme::ECDSA_SECP256R1_SHA256,
    SignatureScheme::ECDSA_SECP384R1_SHA384,
    SignatureScheme::ECDSA_SECP521R1_SHA512,
];

/// How many of the scheme's verifiers take the signature.
fn takers(scheme: SignatureScheme, public: &[u8], message: &[u8], signature: &[u8]) -> usize {
    let verifiers = provider().verifier_for(scheme).unwrap();
    verifiers.iter().filter(|verifier| verifier.verify_signature(public, message, signature).is_ok()).count()
}

#[test]
fn every_hash_on_every_curve() {
    for (public, signatures) in ECDSA {
        let public = hex(public);
        for (scheme, signature) in ECDSA_SCHEMES.into_iter().zip(signatures.map(hex)) {
            assert_eq!(takers(scheme, &public, b"sample", &signature), 1, "{scheme}");
            assert_eq!(takers(scheme, &public, b"simple", &signature), 0, "{scheme}");
            for other in ECDSA_SCHEMES.into_iter().filter(|other| *other != scheme) {
                assert_eq!(takers(other, &public, b"sample", &signature), 0, "{scheme} taken for {other}");
            }
            for at in (0..signature.len()).step_by(5) {
                let mut changed = signature.clone();
                changed[at] ^= 1;
                assert_eq!(takers(scheme, &public, b"sample", &changed), 0, "{scheme}: byte {at}");
                assert_eq!(takers(scheme, &public, b"sample", &signature[..at]), 0, "{scheme}: cut at {at}");
            }
            let longer = [&signature[..], &[0]].concat();
            assert_eq!(takers(scheme, &public, b"sample", &longer), 0, "{scheme}");
            let mut off = public.clone();
            *off.last_mut().unwrap() ^= 1;
            assert_eq!(takers(scheme, &off, b"sample", &signature), 0, "{scheme}: a point off the curve");
        }
    }
}

/// Zeros verify nothing (as they once did elsewhere: CVE-2022-21449).
#[test]
fn zeros_are_no_signature() {
    let zeros: [&[u8]; 5] =
        [&[0x30, 6, 2, 1, 0, 2, 1, 0], &[0x30, 6, 2, 1, 1, 2, 1, 0], &[0x30, 6, 2, 1, 0, 2, 1, 1], &[0x30, 0], &[]];
    for (public, _) in ECDSA {
        for (scheme, zero) in ECDSA_SCHEMES.into_iter().flat_map(|scheme| zeros.map(|zero| (scheme, zero))) {
            assert_eq!(takers(scheme, &hex(public), b"sample", zero), 0, "{scheme} {zero:?}");
        }
    }
}

/// RFC 8032 7.1, TEST 1 to 3: secret key, public key, message, signature.
#[test]
fn ed25519_as_the_rfc_has_it() {
    let cases = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155
             5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac
             18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];
    for (secret, public, message, signature) in cases {
        let (public, message, signature) = (hex(public), hex(message), hex(signature));
        let pkcs8 = [&hex("302e020100300506032b657004220420")[..], &hex(secret)].concat();
        let key = (provider().load_key)(&PrivateKeyDer::Pkcs8(pkcs8.into())).unwrap();
        assert_eq!(key.sign(SignatureScheme::ED25519, &message, provider().random).unwrap(), signature);
        assert_eq!(takers(SignatureScheme::ED25519, &public, &message, &signature), 1);
        assert_eq!(takers(SignatureScheme::ED25519, &public, b"other", &signature), 0);
        for at in 0..signature.len() {
            let mut changed = signature.clone();
            changed[at] ^= 1;
            assert_eq!(takers(SignatureScheme::ED25519, &public, &message, &changed), 0);
        }
    }
}

/// RFC 6979 A.2.5 to A.2.7: the private keys, as SEC1 with the curve's name.
const P256: &str = "3031 020101 0420 c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721
    a00a 06082a8648ce3d030107";
const P384: &str = "303e 020101 0430
    6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5
    a007 06052b81040022";
pub(super) const P521: &str = "3050 020101 0442
    00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa896eb32f1f47c70855836a6d16fcc1466f6d8fbec67db89ec
    0c08b0e996b83538 a007 06052b81040023";

/// The second signer makes its nonces by RFC 6979 with the curve's own hash. The signatures are made with the Python package `ecdsa` 0.19, whose nonces came from the same hash.
#[test]
fn the_second_signers_signatures_are_rfc_6979s() {
    let cases = [
        (
            P256,
            SignatureScheme::ECDSA_SHA1,
            "304502203eb8ddc0ac1950f0b92a1456308bc78543a8a76fee7e30cb95dd85ec5c92a6a6022100d959bae95c09890e31b848da6a
             cb2b43e78ca545858900b67743ef3650061ef6",
        ),
        (
            P256,
            SignatureScheme::ECDSA_SECP384R1_SHA384,
            "3045022100ca1c84b1d0ad078c0ffe667645edc136034f462cee69a0fdbd8860fe1465d8130220403ad192be74fff02854c4efcd
             388d67c710cb2df0391295ecda96acf52e330e",
        ),
        (
            P256,
            SignatureScheme::ECDSA_SECP521R1_SHA512,
            "3046022100962705d612647b04822c6060f31270f4b4cd703f6ba8fc1308c2a562ee600fc0022100af713dc0b1a1423422198a0e
             dbce3b096f25c8e47d80988880ff472e579ab61f",
        ),
        (
            P384,
            SignatureScheme::ECDSA_SHA1,
            "3065023100e52b615fc17f70d9e9a6f8d522bac798d1fa31ecdb8bf1db346f6d73e741d47e5411f55a7395c06c3679cb3699f106
             79023064ef33241bd21876ce6b31424a16a32ccf9c62aaf48ec4e97569394180a677499e14ea191965a0278284a18e088a10c1",
        ),
        (
            P384,
            SignatureScheme::ECDSA_SECP256R1_SHA256,
            "3065023100e454a531a5674fd24dbf9503f732782c50e93ef0fd188a6fe41af1f30c9451330ff226d61e89cb0b11e62fdc501e76
             a402306243d35650cba065f0a4001ad0ca4ef03160665e9237815c1bb2a576150446e5622228984b84f41827db839b6be132ad",
        ),
        (
            P384,
            SignatureScheme::ECDSA_SECP521R1_SHA512,
            "306502301b583816897af65001e3cb3b39c34b6da1d1a20fda684068ca3dba4449464c79ca23154aaeff058356c82e3a3d42d417
             023100a3b9dc03e6df63cc551ebca6e8d63c27d7c411c8854e79947028e306e406a80727dd1e6f29be7ef0dcc1c1301e93fc06",
        ),
        (
            P521,
            SignatureScheme::ECDSA_SHA1,
            "3081880242011b59c91b3a393302b60af1096dc77c149950bc2f4854083cbe1855861b802f0d94694c534d9a21dc10a617743d02
             b8b661dc00d5ae6d9a891842573d401e281e19024200b98085de56b53fe569861d38a13fd701b3665e1701dfa9b92065641a60ad
             7c3147e5314bc9e27d7d96d3f718225e4f01e86c88bb1ae0d4fcc8c26f42c3ecea49ac",
        ),
        (
            P521,
            SignatureScheme::ECDSA_SECP256R1_SHA256,
            "30818802420171226ab9867d35ee381bea514362ac803a7adb7b99136d7f18fd9f80d40c020ddada10e76eac2df66a9012067d9e
             63922955efaba8149bd5c6c06e4c335d70b81d024200e8bf51e943e66ceed6ab5ed6ad913b2296960ac95f7190db960bb8c397b8
             be79a4df04a993a037736b1eeab1833497790b2c3b8bb19434e1c20b32cc9077eb30f9",
        ),
        (
            P521,
            SignatureScheme::ECDSA_SECP384R1_SHA384,
            "308188024200bc04076e463838a671fe95e25c566541d9caa67baf4521f3326bc712b782349d0eb1a4c5f50340a1cadaec32fc88
             79946d925ddc3b6671db51a62f1605d56a34a9024201c884a340f1e6b0051911ec3b8335da1ffea3fb3461eb258877c19802190f
             2761f265534a5b3ba3c22b769897ca3e0cecebcd15083948d0ee1fb2fa26033cb965c0",
        ),
    ];
    for (sec1, scheme, wanted) in cases {
        let key = (provider().load_key)(&PrivateKeyDer::Sec1(hex(sec1).into())).unwrap();
        assert_eq!(key.sign(scheme, b"sample", provider().random).unwrap(), hex(wanted), "{scheme}");
    }
}

fn from_openssl(name: &str) -> Vec<u8> {
    hex(OPENSSL
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .unwrap_or_else(|| panic!("no {name}")))
}

#[test]
fn rsa_signatures_of_openssls() {
    let key = load("rsa2048");
    let schemes = crate::keys::message_schemes(key.as_ref());
    assert_eq!(schemes.len(), 7);
    for scheme in &schemes {
        let signature = from_openssl(scheme.name().unwrap());
        assert!(verifies(key.as_ref(), *scheme, b"signed by OpenSSL", &signature), "{scheme}");
        assert!(!verifies(key.as_ref(), *scheme, b"signed by openssl", &signature), "{scheme}");
        for other in schemes.iter().filter(|other| *other != scheme) {
            assert!(!verifies(key.as_ref(), *other, b"signed by OpenSSL", &signature), "{scheme} taken for {other}");
        }
        for at in (0..256).step_by(17) {
            let mut changed = signature.clone();
            changed[at] ^= 0x20;
            assert!(!verifies(key.as_ref(), *scheme, b"signed by OpenSSL", &changed), "{scheme}: byte {at}");
        }
        assert!(!verifies(key.as_ref(), *scheme, b"signed by OpenSSL", &signature[..255]));
        // PKCS#1 v1.5 is deterministic: the very same bytes come out of our signers, ring's and the second one.
        if scheme.name().unwrap().contains("pkcs1") {
            let ours = key.sign(*scheme, b"signed by OpenSSL", provider().random).unwrap();
            assert_eq!(ours, signature, "{scheme}");
        }
    }
}

/// What OpenSSL encrypted is decrypted; anything else leaves the fallback, whatever is wrong with it (RFC 5246 7.4.7.1).
#[test]
fn a_pre_master_secret_encrypted_by_openssl() {
    let key = load("rsa2048");
    let decrypter = key.rsa_decrypter().unwrap();
    let ciphertext = from_openssl("encrypted");
    let run = |ciphertext: &[u8], prefix: &[u8], length: usize| {
        let mut out = vec![0x55; length];
        decrypter.decrypt_or_keep(ciphertext, prefix, &mut out, provider().random).unwrap();
        out
    };
    let wanted: Vec<u8> = [3, 3].into_iter().chain(0..46).collect();
    assert_eq!(run(&ciphertext, &[3, 3], 48), wanted);
    assert_eq!(run(&ciphertext, &[], 48), wanted);
    for (prefix, length) in [(&[3, 2][..], 48), (&[3, 1], 48), (&[3, 3], 47), (&[3, 3], 49), (&[3, 3], 0), (&[3, 3], 1)]
    {
        assert_eq!(run(&ciphertext, prefix, length), vec![0x55; length], "{prefix:?} {length}");
    }
    for at in (0..256).step_by(5) {
        let mut changed = ciphertext.clone();
        changed[at] ^= 1;
        assert_eq!(run(&changed, &[3, 3], 48), [0x55; 48], "byte {at}");
    }
    for wrong in
        [&ciphertext[..255], &[&[0][..], &ciphertext].concat(), &[&ciphertext[..], &[0]].concat(), &[], &[0xff; 256]]
    {
        assert_eq!(run(wrong, &[3, 3], 48), [0x55; 48], "{} bytes", wrong.len());
    }
}

/// A fault of our own is the only error: without randomness nothing is decrypted unblinded.
#[test]
fn decryption_is_blinded() {
    let key = load("rsa2048");
    let mut out = [0x55; 48];
    let outcome = key.rsa_decrypter().unwrap().decrypt_or_keep(&from_openssl("encrypted"), &[3, 3], &mut out, &Broken);
    assert!(outcome.is_err());
    assert_eq!(out, [0x55; 48]);
}

/// Both ways with keys of every size; a key too short for the secret, and what is no key, are refused.
#[test]
fn encryption_with_every_size_of_key() {
    let secret: Vec<u8> = (1..=48).collect();
    for name in ["rsa1024", "rsa2048", "rsa3072", "rsa4096", "rsa8192"] {
        let key = load(name);
        let spki = key.public_key();
        let sealed = (provider().rsa_encrypt)(&spki, &secret, provider().random).unwrap();
        let again = (provider().rsa_encrypt)(&spki, &secret, provider().random).unwrap();
        assert_eq!(sealed.len(), name[3..].parse::<usize>().unwrap() / 8);
        assert_ne!(sealed, again, "the padding is random");
        let mut out = vec![0; 48];
        key.rsa_decrypter().unwrap().decrypt_or_keep(&sealed, &[1, 2], &mut out, provider().random).unwrap();
        assert_eq!(out, secret, "{name}");
    }
    let spki = load("rsa1024").public_key().to_vec();
    let encrypt = |spki: &[u8], length: usize| (provider().rsa_encrypt)(spki, &vec![1; length], provider().random);
    assert!(encrypt(&spki, 128 - 11).is_ok());
    assert!(matches!(encrypt(&spki, 128 - 10), Err(CryptoError::BadPeerKey(_))));
    assert!(matches!(encrypt(&spki, 1000), Err(CryptoError::BadPeerKey(_))));
    assert!(matches!(encrypt(&load("p256").public_key(), 48), Err(CryptoError::BadPeerKey(_))));
    assert!(matches!(encrypt(b"no key", 48), Err(CryptoError::BadPeerKey(_))));
    // A key for PSS signatures alone (RFC 4055 1.2).
    let pss = from_openssl("pss_public_key");
    assert!(matches!(encrypt(&pss, 48), Err(CryptoError::BadPeerKey(_))));
    assert_eq!((provider().rsa_encrypt)(&spki, &secret, &Broken), Err(CryptoError::Random));
}

/// Chains are verified with SHA-2 only; SHA-1 is for handshakes of those who ask for it.
#[test]
fn no_sha1_in_chains() {
    let sha1 = provider().verifiers.iter().filter(|(scheme, _)| scheme.name().unwrap().ends_with("sha1"));
    for verifier in sha1.flat_map(|(_, verifiers)| *verifiers) {
        let id = verifier.signature_alg_id();
        assert!(provider().certificate_algorithms.iter().all(|known| known.signature_alg_id() != id));
    }
    assert_eq!(HashAlgorithm::Sha1.output_len(), 20);
}
