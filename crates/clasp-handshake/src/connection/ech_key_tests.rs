//! A server's keys for Encrypted ClientHello: made, published, kept in files, and refused (RFC 9849 4, RFC 9934).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clasp_wire::{
    EchConfig, EchConfigContents, EchConfigExtension, HpkeAead, HpkeKdf, HpkeKem, HpkeSymmetricCipherSuite,
};

use crate::testing::{Authority, classic};
use crate::{ConfigError, EchKey, EchKeyError, Policy};

/// RFC 9934 3, figure 1.
const PEM: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VuBCIEICjd4yGRdsoP9gU7YT7My8DHx1Tjme8GYDXrOMCi8v1V
-----END PRIVATE KEY-----
-----BEGIN ECHCONFIG-----
AD7+DQA65wAgACA8wVN2BtscOl3vQheUzHeIkVmKIiydUhDCliA4iyQRCwAEAAEA
AQALZXhhbXBsZS5jb20AAA==
-----END ECHCONFIG-----
";

fn key(config_id: u8) -> EchKey {
    EchKey::generate(config_id, "public.example", 40, EchKey::SUITES).unwrap()
}

#[track_caller]
fn unsupported(result: &Result<EchKey, EchKeyError>, why: &str) {
    let Err(EchKeyError::UnsupportedConfig(reason)) = result else { panic!("{result:?}") };
    assert!(reason.contains(why), "{reason}");
}

#[test]
fn a_key_is_made_and_published() {
    let key = key(7);
    assert_eq!((key.config_id(), key.public_name()), (7, "public.example"));
    let contents = key.config().contents.as_ref().unwrap();
    assert_eq!((contents.maximum_name_length, &contents.cipher_suites[..]), (40, EchKey::SUITES));
    assert_eq!(contents.extensions, []);
    let others = [self::key(8), self::key(9)];
    let list = EchKey::config_list([&key, &others[0], &others[1]]).unwrap();
    let read = EchConfig::parse_list(&list).unwrap();
    assert_eq!(read, [key.config().clone(), others[0].config().clone(), others[1].config().clone()]);
    assert_ne!(contents.public_key, others[0].config().contents.as_ref().unwrap().public_key);
    assert_eq!(EchKey::config_list([]), Err(EchKeyError::BadList));
    assert_eq!(EchKey::config_list(vec![&key; 65]), Err(EchKeyError::BadList));
    assert!(EchKey::config_list(vec![&key; 64]).is_ok());
}

/// Clients are told of keys in EncryptedExtensions, and do not read messages of any length.
#[test]
fn configurations_are_no_longer_than_can_be_told() {
    let key = key(7);
    let long = |bytes: usize| {
        let mut contents = key.config().contents.clone().unwrap();
        contents.extensions = vec![EchConfigExtension { typ: 0x2a2a, data: vec![1; bytes].into() }];
        let list = EchConfig::encode_list(&[EchConfig::new(contents)]);
        EchKey::from_pem(with_list(&key.to_pem(), &list).as_bytes()).map(|mut keys| keys.remove(0))
    };
    assert!(matches!(long(16_400), Err(EchKeyError::UnsupportedConfig(_))));
    let half = long(8_150).unwrap();
    assert!(EchKey::config_list([&half]).is_ok());
    assert_eq!(EchKey::config_list([&half, &half]), Err(EchKeyError::BadList));
    let ca = Authority::new("CA");
    let server = |keys: Vec<EchKey>| ca.server(Policy::modern()).ech_keys(keys).build();
    assert!(matches!(server(vec![half.clone(), half.clone()]), Err(ConfigError::BadEchRetryConfigs)));
    assert!(server(vec![half.clone(), half.as_retry_config(false)]).is_ok());
}

#[test]
fn a_key_in_a_file() {
    let key = key(7);
    let pem = key.to_pem();
    let [read] = &EchKey::from_pem(pem.as_bytes()).unwrap()[..] else { panic!() };
    assert_eq!(read.config(), key.config());
    assert_eq!(*read.to_pem(), *pem);
    assert!(pem.lines().all(|line| line.len() <= 64));

    let [published] = &EchKey::from_pem(PEM.as_bytes()).unwrap()[..] else { panic!() };
    assert_eq!((published.config_id(), published.public_name()), (231, "example.com"));
    assert_eq!(*published.to_pem(), PEM);
    // What else is there is passed over (RFC 9934 3).
    let more = format!("a comment\n{PEM}-----BEGIN ECHCONFIG-----\nno base64!\n");
    assert_eq!(EchKey::from_pem(more.as_bytes()).unwrap().len(), 1);

    // A list of several: those that the private key belongs to.
    let contents = |key: &EchKey| key.config().contents.clone().unwrap();
    let other_name = EchConfigContents { public_name: Bytes::from_static(b"other.example"), ..contents(&key) };
    let mandatory = vec![EchConfigExtension { typ: 0x8000, data: Bytes::new() }];
    let greased = EchConfigContents { extensions: mandatory, ..contents(&key) };
    let configs = [contents(&self::key(8)), greased, contents(&key), other_name].map(EchConfig::new);
    let keys = EchKey::from_pem(with_list(&pem, &EchConfig::encode_list(&configs)).as_bytes()).unwrap();
    assert_eq!(keys.iter().map(EchKey::public_name).collect::<Vec<_>>(), ["public.example", "other.example"]);
    // It is its own, and nobody could be served with it.
    let alone = EchKey::from_pem(with_list(&pem, &EchConfig::encode_list(&configs[1..2])).as_bytes());
    assert!(matches!(alone, Err(EchKeyError::UnsupportedConfig(_))), "{alone:?}");
    assert!(
        EchKey::from_pem_file("/nowhere/key.pem")
            .unwrap_err()
            .to_string()
            .starts_with("/nowhere/key.pem cannot be read")
    );
}

/// The text with another list: a key's own has that of its configuration alone.
fn with_list(pem: &str, list: &[u8]) -> String {
    let (key, _) = pem.split_once("-----BEGIN ECHCONFIG-----\n").unwrap();
    format!("{key}-----BEGIN ECHCONFIG-----\n{}\n-----END ECHCONFIG-----\n", STANDARD.encode(list))
}

/// The newer form of a private key, with its public one behind it (RFC 5958 2, RFC 8410 7).
#[test]
fn a_private_key_with_its_public_one() {
    let key = EchKey::from_pem(PEM.as_bytes()).unwrap().remove(0);
    let public = key.config().contents.clone().unwrap().public_key;
    let old = "MC4CAQAwBQYDK2VuBCIEICjd4yGRdsoP9gU7YT7My8DHx1Tjme8GYDXrOMCi8v1V";
    let private: Vec<u8> = [
        0x28, 0xdd, 0xe3, 0x21, 0x91, 0x76, 0xca, 0x0f, 0xf6, 0x05, 0x3b, 0x61, 0x3e, 0xcc, 0xcb, 0xc0, 0xc7, 0xc7,
        0x54, 0xe3, 0x99, 0xef, 0x06, 0x60, 0x35, 0xeb, 0x38, 0xc0, 0xa2, 0xf2, 0xfd, 0x55,
    ]
    .to_vec();
    let head = [0x30, 0x51, 2, 1, 1, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20];
    let der = [&head[..], &private, &[0x81, 0x21, 0], &public].concat();
    let read = EchKey::from_pem(PEM.replace(old, &STANDARD.encode(&der)).as_bytes()).unwrap().remove(0);
    assert_eq!(*read.to_pem(), PEM);
    let longer = [&der[..], &[0]].concat();
    let error = EchKey::from_pem(PEM.replace(old, &STANDARD.encode(&longer)).as_bytes()).unwrap_err();
    assert!(matches!(error, EchKeyError::BadPrivateKey(_)));
}

#[test]
fn what_a_file_has_not() {
    let pem = key(7).to_pem();
    let error = |text: &str| EchKey::from_pem(text.as_bytes()).unwrap_err();
    let (private, list) = pem.split_at(pem.find("-----BEGIN ECHCONFIG").unwrap());
    assert_eq!(error(private), EchKeyError::BadPem("it has no ECHCONFIG".into()));
    assert_eq!(error(list), EchKeyError::BadPem("it has no PRIVATE KEY".into()));
    assert!(matches!(error(&pem.replace("END PRIVATE", "FIN PRIVATE")), EchKeyError::BadPem(_)));
    let other = key(7).to_pem();
    let (_, other) = other.split_at(other.find("-----BEGIN ECHCONFIG").unwrap());
    assert_eq!(error(&format!("{private}{other}")), EchKeyError::Mismatch);
    assert!(matches!(error(&with_list(&pem, &[0, 1, 2])), EchKeyError::BadConfig(_)));
    // Keys of Ed25519, cut, and with something behind that is no part of it.
    for (from, to) in [("MC4CAQAwBQYDK2Vu", "MC4CAQAwBQYDK2Vw"), ("MC4C", "MC0C"), ("MC4C", "MS4C")] {
        let error = error(&PEM.replace(from, to));
        assert!(matches!(error, EchKeyError::BadPrivateKey(_)), "{error:?}");
    }
}

#[test]
fn keys_that_cannot_be_served() {
    let good = key(7);
    let pem = good.to_pem();
    let contents = || good.config().contents.clone().unwrap();
    // What a file's private key would be.
    let new = |contents: EchConfigContents| {
        let list = EchConfig::encode_list(&[EchConfig::new(contents)]);
        EchKey::from_pem(with_list(&pem, &list).as_bytes()).map(|mut keys| keys.remove(0))
    };
    assert!(new(contents()).is_ok());
    let suite = |kdf, aead| HpkeSymmetricCipherSuite { kdf, aead };
    let odd = suite(HpkeKdf(0x1111), HpkeAead(0x2222));
    unsupported(&new(EchConfigContents { cipher_suites: vec![EchKey::SUITES[0], odd], ..contents() }), "cipher suite");
    unsupported(&new(EchConfigContents { public_name: Bytes::from_static(b"1.2.3.4"), ..contents() }), "host name");
    // An extension that clients may pass over is there for them to do so (RFC 9849 6.2.2).
    let greased = vec![EchConfigExtension { typ: 0x2a2a, data: Bytes::from_static(b"grease") }];
    assert!(new(EchConfigContents { extensions: greased, ..contents() }).is_ok());

    for (name, suites) in [("", EchKey::SUITES), ("192.0.2.1", EchKey::SUITES), ("a.b", &[]), ("a.b", &[odd])] {
        assert!(matches!(EchKey::generate(1, name, 0, suites), Err(EchKeyError::UnsupportedConfig(_))), "{name}");
    }
    assert!(EchKey::generate(1, &"a.".repeat(200), 0, EchKey::SUITES).is_err());

    let raw = &good.config().raw;
    assert_eq!(EchKey::new(raw, &[7; 32]).unwrap_err(), EchKeyError::Mismatch);
    assert!(matches!(EchKey::new(raw, &[7; 31]), Err(EchKeyError::BadPrivateKey(_))));
    assert!(matches!(EchKey::new(&raw[..20], &[7; 32]), Err(EchKeyError::BadConfig(_))));
    unsupported(&EchKey::new(&[0xfe, 0x0c, 0, 1, 9], &[7; 32]), "version");
    let p256 = EchConfigContents { kem: HpkeKem::DHKEM_P256_HKDF_SHA256, ..contents() };
    unsupported(&EchKey::new(&EchConfig::new(p256).raw, &[7; 32]), "X25519");
    let mandatory = vec![EchConfigExtension { typ: 0x8000, data: Bytes::new() }];
    let mandatory = EchConfigContents { extensions: mandatory, ..contents() };
    unsupported(&EchKey::new(&EchConfig::new(mandatory).raw, &[7; 32]), "extension");
}

#[test]
fn a_private_key_is_not_printed() {
    let key = EchKey::from_pem(PEM.as_bytes()).unwrap().remove(0).as_retry_config(false);
    let told = format!("{key:?}");
    assert_eq!(told, r#"EchKey { config_id: 231, public_name: "example.com", is_retry_config: false, .. }"#);
}

#[test]
fn a_server_with_keys_has_one_to_tell() {
    let ca = Authority::new("CA");
    let build = |policy, keys| ca.server(policy).ech_keys(keys).build().map(|_| ());
    assert_eq!(build(Policy::modern(), vec![key(7).as_retry_config(false)]), Err(ConfigError::BadEchRetryConfigs));
    assert_eq!(build(Policy::modern(), vec![key(7); 65]), Err(ConfigError::BadEchRetryConfigs));
    assert_eq!(build(Policy::modern(), vec![key(7), key(7).as_retry_config(false)]), Ok(()));
    assert_eq!(build(classic(Policy::modern()), vec![key(7)]), Err(ConfigError::EchWithoutTls13));
    assert_eq!(build(classic(Policy::modern()), Vec::new()), Ok(()));
}
