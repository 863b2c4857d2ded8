//! Encrypted ClientHello's structures, with lists as servers publish them (RFC 9849 4, 5).

use super::*;

fn hex(text: &str) -> Bytes {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

/// What cloudflare.com published in DNS in 2024, as Go's crypto/tls tests have it.
const CLOUDFLARE: &str = "0045fe0d0041590020002092a01233db2218518ccbbbbc24df20686af417b37388de6460e94011974777090004000100010012636c6f7564666c6172652d6563682e636f6d0000";

/// A list of an unknown version, a key of P-256, one whose suite nobody knows, and one with a mandatory extension: from the
/// tests of Go's crypto/tls.
const MIXED: &str = "0105badd00050504030201fe0d0066000010004104e62b69e2bf659f97be2f1e0d948a4cd5976bb7a91e0d46fbdda9a91e9ddcba5a01e7d697a80a18f9c3c4a31e56e27c8348db161a1cf51d7ef1942d4bcf7222c1000c000100010001000200010003400e7075626c69632e6578616d706c650000fe0d003d00002000207d661615730214aeee70533366f36a609ead65c0c208e62322346ab5bcd8de1c000411112222400e7075626c69632e6578616d706c650000fe0d004d000020002085bd6a03277c25427b52e269e0c77a8eb524ba1eb3d2f132662d4b0ac6cb7357000c000100010001000200010003400e7075626c69632e6578616d706c650008aaaa000474657374";

const AES_128: HpkeSymmetricCipherSuite =
    HpkeSymmetricCipherSuite { kdf: HpkeKdf::HKDF_SHA256, aead: HpkeAead::AES_128_GCM };

#[test]
fn lists_that_are_published() {
    let bytes = hex(CLOUDFLARE);
    let configs = EchConfig::parse_list(&bytes).unwrap();
    let [EchConfig { raw, version: EchConfig::VERSION, contents: Some(contents) }] = &configs[..] else {
        panic!("{configs:?}")
    };
    assert_eq!(raw, &bytes[2..]);
    assert_eq!((contents.config_id, contents.kem), (0x59, HpkeKem::DHKEM_X25519_HKDF_SHA256));
    assert_eq!(contents.public_key, bytes[11..43]);
    assert_eq!((&contents.cipher_suites[..], contents.maximum_name_length), (&[AES_128][..], 0));
    assert_eq!(contents.valid_public_name(), Some("cloudflare-ech.com"));
    assert_eq!(contents.extensions, []);
    assert_eq!((EchConfig::new(contents.clone()), EchConfig::encode_list(&configs)), (configs[0].clone(), bytes));

    let bytes = hex(MIXED);
    let configs = EchConfig::parse_list(&bytes).unwrap();
    assert_eq!(EchConfig::encode_list(&configs), bytes);
    let [unknown, p256, suite, mandatory] = &configs[..] else { panic!("{configs:?}") };
    assert_eq!((unknown.version, &unknown.contents, unknown.raw.len()), (0xbadd, &None, 9));
    let contents = |config: &EchConfig| config.contents.clone().unwrap();
    assert_eq!(contents(p256).kem, HpkeKem::DHKEM_P256_HKDF_SHA256);
    assert_eq!(contents(p256).cipher_suites.len(), 3);
    let odd = HpkeSymmetricCipherSuite { kdf: HpkeKdf(0x1111), aead: HpkeAead(0x2222) };
    assert_eq!((contents(suite).cipher_suites, contents(suite).maximum_name_length), (vec![odd], 64));
    assert!(contents(mandatory).has_mandatory_extension() && !contents(suite).has_mandatory_extension());
    let extension = EchConfigExtension { typ: 0xaaaa, data: Bytes::from_static(b"test") };
    assert_eq!(contents(mandatory).extensions, [extension]);
}

#[test]
fn what_is_wrong_with_a_list_is_said() {
    let error = |bytes: Vec<u8>| EchConfig::parse_list(&bytes.into()).unwrap_err().to_string();
    let changed = |at: usize, byte: u8| {
        let mut bytes = hex(CLOUDFLARE).to_vec();
        bytes[at] = byte;
        error(bytes)
    };
    assert_eq!(error(vec![]), "ECHConfigList: needs 2 bytes but only 0 are left (offset 0)");
    assert_eq!(error(vec![0, 0]), "ECHConfigList: length 0 is not in 4..=65535 (offset 0)");
    assert_eq!(changed(1, 0x44), "ECHConfigList[0].length: length 65 runs past the end (offset 4)");
    let longer = [&hex(CLOUDFLARE)[..], &[0]].concat();
    assert_eq!(error(longer), "ECHConfigList: 1 bytes too many (offset 71)");
    assert_eq!(changed(5, 0x42), "ECHConfigList[0].length: length 66 runs past the end (offset 4)");
    assert_eq!(changed(5, 0x40), "ECHConfigList[0].contents.extensions: needs 2 bytes but only 1 are left (offset 69)");
    assert_eq!(changed(10, 0), "ECHConfigList[0].contents.public_key: length 0 is not in 1..=65535 (offset 9)");
    assert_eq!(changed(44, 3), "ECHConfigList[0].contents.cipher_suites: length 3 is not in 4..=65535 (offset 43)");
    assert_eq!(
        changed(44, 5),
        "ECHConfigList[0].contents.cipher_suites[1].kdf_id: needs 2 bytes but only 1 are left (offset 49)"
    );
    assert_eq!(changed(50, 0), "ECHConfigList[0].contents.public_name: length 0 is not in 1..=255 (offset 50)");
    // A version that nobody knows may hold anything.
    assert!(EchConfig::parse_list(&hex("0006fe0c0002ffff")).unwrap()[0].contents.is_none());

    let mut twice = EchConfig::parse_list(&hex(CLOUDFLARE)).unwrap().pop().unwrap().contents.unwrap();
    twice.extensions = vec![EchConfigExtension { typ: 5, data: Bytes::new() }; 2];
    let list = EchConfig::encode_list(&[EchConfig::new(twice)]);
    assert!(error(list.to_vec()).contains("extensions[1]: an extension of its type was there already"));
}

#[test]
fn public_names_are_host_names_and_no_addresses() {
    let mut contents = EchConfig::parse_list(&hex(CLOUDFLARE)).unwrap().pop().unwrap().contents.unwrap();
    let long = "a".repeat(63);
    for name in ["a", "a.b", "1.example", "xn--a-0.example", "0x.example", "a.0xg", "a.0b1", &long] {
        contents.public_name = Bytes::copy_from_slice(name.as_bytes());
        assert_eq!(contents.valid_public_name(), Some(name));
    }
    let longer = "a".repeat(64);
    for name in [
        "a.", ".a", "a..b", ".", "-a", "a-.b", "a_b", "*.a", "a b", "1.2.3.4", "a.1", "1", "a.0x", "a.0X1f", "::1",
        "é", "a\0", &longer,
    ] {
        contents.public_name = Bytes::copy_from_slice(name.as_bytes());
        assert_eq!(contents.valid_public_name(), None, "{name:?}");
    }
    contents.public_name = Bytes::from_static(&[0xff]);
    assert_eq!(contents.valid_public_name(), None);
}

#[test]
fn a_clients_extension_is_outer_or_inner() {
    let error = |bytes: &'static [u8]| EchClientHello::parse(&Bytes::from_static(bytes)).unwrap_err();
    assert_eq!(EchClientHello::parse(&Bytes::from_static(&[1])), Ok(EchClientHello::Inner));
    let outer = [0, 0, 1, 0, 1, 7, 0, 0, 0, 1, 9];
    let parsed = EchClientHello::parse(&Bytes::from_static(&[0, 0, 1, 0, 1, 7, 0, 0, 0, 1, 9])).unwrap();
    let wanted = EchOuter { cipher_suite: AES_128, config_id: 7, enc: Bytes::new(), payload: Bytes::from_static(&[9]) };
    assert_eq!(parsed, EchClientHello::Outer(wanted));
    assert_eq!(parsed.encode(), outer[..]);
    assert!(error(&[2]).is_illegal_parameter());
    assert_eq!(error(&[1, 0]).to_string(), "ECHClientHello: 1 bytes too many (offset 1)");
    assert_eq!(
        error(&[0, 0, 1, 0, 1, 7, 0, 0, 0, 0]).to_string(),
        "ECHClientHello.payload: length 0 is not in 1..=65535 (offset 8)"
    );
}

#[test]
fn what_both_hellos_have_is_encrypted_once() {
    let unknown = |typ: u16| ClientExtension::Unknown(UnknownExtension { typ: ExtensionType(typ), data: Bytes::new() });
    let mut hello = ClientHello::parse_body(&hello_with(&[])).unwrap();
    hello.session_id = SessionId::new(&[8; 32]).unwrap();
    hello.extensions = Some(vec![unknown(1000), unknown(1001), unknown(1002), unknown(1003)]);
    let types = [1002, 1001, 1004].map(ExtensionType);
    let encoded = hello.encode_ech_inner(&types, |length| 100 - length);
    assert_eq!(encoded.len(), 100);
    let expected = hello_with(&[0x03, 0xe8, 0, 0, 0xfd, 0, 0, 5, 4, 0x03, 0xe9, 0x03, 0xea, 0x03, 0xeb, 0, 0]);
    assert_eq!(encoded[..expected.len()], expected);
    assert!(encoded[expected.len()..].iter().all(|byte| *byte == 0));

    let alone = hello.encode_ech_inner(&[], |_| 0);
    hello.session_id = SessionId::EMPTY;
    assert_eq!(alone, hello.encode()[4..]);
}

fn extensions() -> impl Strategy<Value = Vec<EchConfigExtension>> {
    proptest::collection::btree_map(any::<u16>(), many(any::<u8>(), 0..20), 0..4)
        .prop_map(|map| map.into_iter().map(|(typ, data)| EchConfigExtension { typ, data: data.into() }).collect())
}

fn config() -> impl Strategy<Value = EchConfig> {
    let suite = any::<(u16, u16)>()
        .prop_map(|(kdf, aead)| HpkeSymmetricCipherSuite { kdf: HpkeKdf(kdf), aead: HpkeAead(aead) });
    let key = (any::<u8>(), any::<u16>(), many(any::<u8>(), 1..70), many(suite, 1..5));
    (key, any::<u8>(), many(any::<u8>(), 1..=255), extensions()).prop_map(
        |((config_id, kem, public_key, cipher_suites), maximum_name_length, public_name, extensions)| {
            EchConfig::new(EchConfigContents {
                config_id,
                kem: HpkeKem(kem),
                public_key: public_key.into(),
                cipher_suites,
                maximum_name_length,
                public_name: public_name.into(),
                extensions,
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_list_is_read_back(configs in many(config(), 1..4)) {
        let bytes = EchConfig::encode_list(&configs);
        prop_assert_eq!(EchConfig::parse_list(&bytes).unwrap(), configs);
        for cut in 0..bytes.len() {
            prop_assert!(EchConfig::parse_list(&bytes.slice(..cut)).is_err());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in many(any::<u8>(), 0..300), typ in 0_u8..3) {
        let list = [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat();
        if let Ok(configs) = EchConfig::parse_list(&list.clone().into()) {
            prop_assert_eq!(EchConfig::encode_list(&configs), list);
        }
        let content = Bytes::from([&[typ][..], &bytes].concat());
        if let Ok(parsed) = EchClientHello::parse(&content) {
            prop_assert_eq!(parsed.encode(), content);
        }
    }
}
