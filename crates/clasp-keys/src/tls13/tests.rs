//! The key schedule of TLS 1.3 against RFC 8448, and against an HKDF of another hand.

use clasp_crypto::{AeadAlgorithm, Digest, HashAlgorithm, default_provider};
use zeroize::ZeroizeOnDrop;

use super::*;
use crate::key_log::tests::hex;
use crate::schedule::ExportError;
use crate::secrets::{DirectionKeys, KeyLengths, Role};
use crate::transcript::Transcript;

const AES_128_GCM: KeyLengths = KeyLengths { mac_key: 0, key: 16, iv: 12 };

const RFC_8448: &str = include_str!("../../test-data/rfc8448.txt");

/// What stands under a name in the traces.
fn trace(name: &str) -> Vec<u8> {
    let found = RFC_8448.split("\n\n").find_map(|entry| entry.strip_prefix(name)?.strip_prefix('\n'));
    hex(&found.unwrap_or_else(|| panic!("{name}")).split_whitespace().collect::<String>())
}

fn kdf(hash: HashAlgorithm) -> Kdf {
    Kdf::new(default_provider().hash(hash).unwrap(), default_provider().hmac(hash).unwrap())
}

fn sha256() -> Kdf {
    kdf(HashAlgorithm::Sha256)
}

/// A transcript that has begun.
fn transcript(messages: &[&str]) -> Transcript {
    let mut transcript = Transcript::new();
    transcript.settle(sha256().hash());
    messages.iter().for_each(|name| transcript.add(&trace(name)));
    transcript
}

fn hash(transcript: &Transcript) -> Digest {
    transcript.hash().unwrap()
}

fn assert_keys(secret: &TrafficSecret, key: &str, iv: &str) {
    let keys = secret.keys(AES_128_GCM);
    assert_eq!((keys.mac_key(), keys.key(), keys.iv()), (&[][..], &hex(key)[..], &hex(iv)[..]));
}

/// RFC 8448 3, "Simple 1-RTT Handshake".
#[test]
fn the_simple_handshake() {
    let mut messages = transcript(&["3 client_hello", "3 server_hello"]);
    let secret = EarlySecret::new(sha256(), None).into_handshake(Some(&trace("3 shared")));
    let client = secret.traffic(Role::Client, hash(&messages).as_slice());
    let server = secret.traffic(Role::Server, hash(&messages).as_slice());
    assert_eq!(client.as_bytes(), hex("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21"));
    assert_eq!(server.as_bytes(), hex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38"));
    assert_keys(&server, "3fce516009c21727d0f2e4e86ee403bc", "5d313eb2671276ee13000b30");
    assert_keys(&client, "dbfaa693d1762c5b666af5d950258d01", "5bd3c71b836e0b76bb73265f");

    for name in ["3 encrypted_extensions", "3 certificate", "3 certificate_verify"] {
        messages.add(&trace(name));
    }
    let finished = server.finished(hash(&messages).as_slice());
    assert_eq!(finished.as_slice(), trace("3 server_finished").split_off(4));
    messages.add(&trace("3 server_finished"));
    let hashed = hash(&messages);
    assert_eq!(client.finished(hashed.as_slice()).as_slice(), trace("3 client_finished").split_off(4));

    let main = secret.into_main();
    let client = main.traffic(Role::Client, hashed.as_slice());
    let server = main.traffic(Role::Server, hashed.as_slice());
    assert_eq!(client.as_bytes(), hex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5"));
    assert_eq!(server.as_bytes(), hex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643"));
    assert_keys(&client, "17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9");
    assert_keys(&server, "9f02283b6c9c07efc26bb9f2ac92e356", "cf782b88dd83549aadf1e984");
    assert_eq!(
        main.exporter(hashed.as_slice()).as_bytes(),
        hex("fe22f881176eda18eb8f44529e6792c50c9a3f89452f68d8ae311b4309d3cf50")
    );

    messages.add(&trace("3 client_finished"));
    let resumption = main.into_resumption(hash(&messages).as_slice());
    assert_eq!(*resumption.psk(&[0, 0]), hex("4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3")[..]);
}

/// RFC 8448 4, "Resumed 0-RTT Handshake".
#[test]
fn the_resumed_handshake_with_early_data() {
    let psk = hex("4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3");
    let early = EarlySecret::new(sha256(), Some(&psk));
    let mut messages = transcript(&["4 client_hello_truncated"]);
    let binder = early.binder(PskKind::Resumption, hash(&messages).as_slice());
    assert_eq!(binder.as_slice(), trace("4 binders").split_off(3));
    messages.add(&trace("4 binders"));
    let hashed = hash(&messages);
    let traffic = early.client_traffic(hashed.as_slice());
    assert_eq!(traffic.as_bytes(), hex("3fbbe6a60deb66c30a32795aba0eff7eaa10105586e7be5c09678d63b6caab62"));
    assert_keys(&traffic, "920205a5b7bf2115e6fc5c2942834f54", "6d475f0993c8e564610db2b9");
    assert_eq!(
        early.exporter(hashed.as_slice()).as_bytes(),
        hex("b2026866610937d7423e5be90862ccf24c0e6091186d34f812089ff5be2ef7df")
    );

    messages.add(&trace("4 server_hello"));
    let secret = early.into_handshake(Some(&trace("4 shared")));
    let client = secret.traffic(Role::Client, hash(&messages).as_slice());
    let server = secret.traffic(Role::Server, hash(&messages).as_slice());
    assert_eq!(client.as_bytes(), hex("2faac08f851d35fea3604fcb4de82dc62c9b164a70974d0462e27f1ab278700f"));
    assert_eq!(server.as_bytes(), hex("fe927ae271312e8bf0275b581c54eef020450dc4ecffaa05a1a35d27518e7803"));
    assert_keys(&server, "27c6bdc0a3dcea39a47326d79bc9e4ee", "9569ecdd4d0536705e9ef725");
    assert_keys(&client, "b1530806f4adfeac83f1413032bbfa82", "eb50c16be7654abf99dd06d9");

    messages.add(&trace("4 encrypted_extensions"));
    let finished = server.finished(hash(&messages).as_slice());
    assert_eq!(finished.as_slice(), trace("4 server_finished").split_off(4));
    messages.add(&trace("4 server_finished"));
    let main = secret.into_main();
    let hashed = hash(&messages);
    let client_data = main.traffic(Role::Client, hashed.as_slice());
    let server_data = main.traffic(Role::Server, hashed.as_slice());
    assert_eq!(client_data.as_bytes(), hex("2abbf2b8e381d23dbebe1dd2a7d16a8bf484cb4950d23fb7fb7fa8547062d9a1"));
    assert_eq!(server_data.as_bytes(), hex("cc21f1bf8feb7dd5fa505bd9c4b468a9984d554a993dc49e6d285598fb672691"));
    assert_keys(&client_data, "3cf122f301c6358ca7989553250efd72", "ab1aec26aa78b8fc1176b9ac");
    assert_keys(&server_data, "e857c690a34c5a9129d833619684f95e", "0685d6b561aab9ef1013faf9");
    assert_eq!(
        main.exporter(hashed.as_slice()).as_bytes(),
        hex("3fd93d4ffddc98e64b14dd107aedf8ee4add23f4510f58a4592d0b201bee56b4")
    );

    messages.add(&trace("4 end_of_early_data"));
    let finished = client.finished(hash(&messages).as_slice());
    assert_eq!(finished.as_slice(), trace("4 client_finished").split_off(4));
    messages.add(&trace("4 client_finished"));
    assert_eq!(
        main.into_resumption(hash(&messages).as_slice()).secret(),
        hex("5e95bdf1f89005ea2e9aa0ba85e728e3c19c5fe0c699e3f5bee59faebd0b5406")
    );
}

/// The nonce of the first record under keys is the initialisation vector itself (RFC 8446 5.3).
fn first_nonce(keys: &DirectionKeys) -> [u8; 12] {
    keys.iv().try_into().unwrap()
}

/// RFC 8448 5, "HelloRetryRequest": the transcript begins anew, the server's flight opens, its Finished is right, and the
/// client's comes out as the record that is printed there.
#[test]
fn the_handshake_after_a_hello_retry_request() {
    let aead = default_provider().aead(AeadAlgorithm::Aes128Gcm).unwrap();
    let mut messages = transcript(&["5 client_hello_1"]);
    messages.replace_with_message_hash();
    for name in ["5 hello_retry_request", "5 client_hello_2", "5 server_hello"] {
        messages.add(&trace(name));
    }
    let secret = EarlySecret::new(sha256(), None).into_handshake(Some(&trace("5 shared")));
    let client = secret.traffic(Role::Client, hash(&messages).as_slice());
    let server = secret.traffic(Role::Server, hash(&messages).as_slice());
    assert_eq!(client.as_bytes(), hex("158aa7ab8855073582b41d674b4055cabcc534728f659314861b4e08e2011566"));
    assert_eq!(server.as_bytes(), hex("3403e781e2af7b6508da28574f6e95a1abf162de83a97927c37672a4a0cef8a1"));

    let keys = server.keys(AES_128_GCM);
    let record = trace("5 server_flight_record");
    let (header, mut body) = (&record[..5], record[5..].to_vec());
    let key = aead.with_key(keys.key()).unwrap();
    let length = key.open_in_place(&first_nonce(&keys), header, &mut body).unwrap();
    // Without the type, a handshake's; its last message is the Finished.
    assert_eq!(body[length - 1], 22);
    let (before, finished) = body[..length - 1].split_at(length - 1 - 36);
    messages.add(before);
    assert_eq!(server.finished(hash(&messages).as_slice()).as_slice(), &finished[4..]);
    messages.add(finished);

    let finished = client.finished(hash(&messages).as_slice());
    let record = trace("5 client_finished_record");
    let mut body = [&[20, 0, 0, 32][..], finished.as_slice(), &[22]].concat();
    let keys = client.keys(AES_128_GCM);
    let tag = aead.with_key(keys.key()).unwrap().seal_in_place(&first_nonce(&keys), &record[..5], &mut body).unwrap();
    assert_eq!([&record[..5], &body, &tag].concat(), record);
}

struct Case {
    hash: HashAlgorithm,
    binders: [&'static str; 3],
    exported: &'static str,
    psk_ke: &'static str,
    updated: &'static str,
    key: &'static str,
    iv: &'static str,
    resumption: &'static str,
    imported_identity: &'static str,
    imported: &'static str,
    ech: [&'static str; 2],
}

/// What RFC 8448 does not have, and all of it with SHA-384: `test-data/tls13.py` makes it in another way.
#[test]
fn as_another_hkdf_has_it() {
    let cases = [
        Case {
            hash: HashAlgorithm::Sha256,
            binders: [
                "1f049eb81f3d48b64de2900365d8d5c894152f20638cf5a48f075e2db2f6b341",
                "555c14b7ee2b02848bc91cdb1da126bd13f6b4be96a55829820405bb3c2d5d06",
                "26ab56091a2e379621fa01454f2b870457dc409f7c059c2e26d59aa92405dba7",
            ],
            exported: "3ec867ee3cc249c49371cad4e8dab8cab615bcd3b2dd746f64e98fcf7ecaaa920f4b67e76b05cc1a2a1cc035d7f8a2f3663fee2d0502e70f479499e2096cdd836ba7f61200f49d3b6d0e1c5e5046e4706370170a4f918a39b92124e8546e876259d7bdc5",
            psk_ke: "f56ae23dd75cbc45b114ed6a0b3cd5f3effde66a65da3365682081f3c64b74b1",
            updated: "a4535d9148b88845e560d6e3ac8b2053fe580b3eadafe78d661a8435b57ab50d",
            key: "c60cb7d406e59a8c6d13c78f3f019f786f29a963bb64e53a3728589fcd48dc55",
            iv: "31d2df6949e0f6fb461611cb",
            resumption: "9502841b8a00b7f5fe2c64d9713411340e9b583fdc2f835614012dce65fb1ecd",
            imported_identity: "000269640007636f6e7465787403040001",
            imported: "4bebb9fe10b04d004cccb869b64b94b5a82097ec9c5672224e244575b506e722",
            ech: ["87493ee397d05d16", "ce97b832a1910f72"],
        },
        Case {
            hash: HashAlgorithm::Sha384,
            binders: [
                "d20194ed2998b65019013681e08199e977e9bd313d337b6ae93bbd5a9e18dad7738678cac197c77831721515f76e7076",
                "6f49db19780df0b291ae9e07e73746991127348f481aaded88ba7b94835f765a0a18c1fcacfa63fcefa864ca79fd2332",
                "30231e9ca4808e4eb9e339facce8ee0e81e75db69d6e1cf23f031f3ff83d98ceca224d40cecd11b702c9a8fbaa65dc56",
            ],
            exported: "0373d8daae94752860036914c9765a7310d67eb12cd201e530aa90b25f839fd2faf1ae64648308329ae090867548a11e163a63e6d5e2148e996314d9607318adc87dcc7977133fa66505cf1bd0650164ebe3be1b56b8c9700cc1c88fa75e069e64170bb4",
            psk_ke: "f4baa46b3428ee2ef2b5b33dafb715e37e6f819f404f0f516d9d00efeb46b11d93835a675f6c66d699a084d41bf8da89",
            updated: "20fc74dbf0d565f1374d49a85f48306986b6eed5f8379d62ca5d0797c157e5db57a90ec908572a2b82381ecbf24b5915",
            key: "296192a46edf31fb632205266cf44aa07ac80b50b7b62bb5027ad5ba10368545",
            iv: "adf8520c0819b0134d7b0550",
            resumption: "689b21bf279ed91293c75863958a51f1b354949233ffcb176eaf0c0a51df16be325e58cf323047ffe6cdc2e1f9b8268f",
            imported_identity: "000269640007636f6e7465787403040002",
            imported: "c787ca1cc00e50553054498f585504f24bba9cd1ae240c62a6e6060db52380e003c44ad627a4a4368f6b51cf4bbc2966",
            ech: ["95bd34fba44eb565", "d4e17feff27ce5c4"],
        },
    ];
    for case in cases {
        let kdf = kdf(case.hash);
        let hashed = |byte: u8| vec![byte; kdf.hash_len()];
        let early = EarlySecret::new(kdf, Some(b"psk"));
        for (kind, binder) in [PskKind::Resumption, PskKind::External, PskKind::Imported].into_iter().zip(case.binders)
        {
            assert_eq!(early.binder(kind, &hashed(1)).as_slice(), hex(binder), "{kind:?}");
        }
        let mut out = [0; 100];
        early.exporter(&hashed(2)).export(b"label", b"context", &mut out).unwrap();
        assert_eq!(out[..], hex(case.exported));
        let handshake = early.into_handshake(None);
        let traffic = handshake.traffic(Role::Server, &hashed(3));
        assert_eq!(traffic.as_bytes(), hex(case.psk_ke));
        let traffic = traffic.next();
        assert_eq!((traffic.as_bytes(), traffic.kdf().hash_len()), (&hex(case.updated)[..], kdf.hash_len()));
        // A MAC key is not made, whatever is asked for.
        let keys = traffic.keys(KeyLengths { mac_key: 20, key: 32, iv: 12 });
        assert_eq!((keys.mac_key(), keys.key(), keys.iv()), (&[][..], &hex(case.key)[..], &hex(case.iv)[..]));
        let resumption = handshake.into_main().into_resumption(&hashed(4));
        assert_eq!(resumption.psk(b"nonce").as_bytes(), hex(case.resumption));

        // RFC 9258 5.1: the external key has its own hash function.
        let imported = psk_importer(sha256(), b"external key", b"id", b"context", 0x0304, case.hash).unwrap();
        assert_eq!(imported.identity, hex(case.imported_identity));
        assert_eq!(imported.psk.as_bytes(), hex(case.imported));

        assert_eq!(ech_accept_confirmation(kdf, &[5; 32], &hashed(6))[..], hex(case.ech[0]));
        assert_eq!(ech_hello_retry_confirmation(kdf, &[5; 32], &hashed(6))[..], hex(case.ech[1]));
    }
}

#[test]
fn what_cannot_be_imported_is_not() {
    let import = |identity: &[u8], context: &[u8], hash| {
        psk_importer(sha256(), b"external key", identity, context, 0x0304, hash).map(|imported| imported.identity.len())
    };
    assert_eq!(import(b"", b"", HashAlgorithm::Sha256), None);
    assert_eq!(import(b"id", b"", HashAlgorithm::Sha512), None);
    assert_eq!(import(b"id", b"", HashAlgorithm::Sha384), Some(10));
    assert_eq!(import(&[0; 0xffff - 8], b"", HashAlgorithm::Sha256), Some(0xffff));
    assert_eq!(import(&[0; 0xffff - 7], b"", HashAlgorithm::Sha256), None);
    assert_eq!(import(b"id", &[0; 0x10000], HashAlgorithm::Sha256), None);
}

#[test]
fn everything_secret_is_wiped_and_nothing_is_shown() {
    fn is_wiped<T: ZeroizeOnDrop>(_: &T) {}
    let early = EarlySecret::new(sha256(), Some(&[1]));
    let traffic = early.client_traffic(&[2; 32]);
    let exporter = early.exporter(&[2; 32]);
    is_wiped(&traffic);
    is_wiped(&exporter);
    assert_eq!(format!("{early:?} {traffic:?} {exporter:?}"), "EarlySecret TrafficSecret ExporterSecret");
    assert_eq!(format!("{:?}", traffic.prepare()), "TrafficKey");
    let handshake = early.into_handshake(None);
    assert_eq!(format!("{handshake:?}"), "HandshakeSecret");
    let main = handshake.into_main();
    assert_eq!(format!("{main:?}"), "MainSecret");
    let resumption = main.into_resumption(&[3; 32]);
    let psk = resumption.psk(&[]);
    is_wiped(&resumption);
    is_wiped(&psk);
    assert_eq!(format!("{resumption:?} {psk:?}"), "ResumptionSecret Psk");
}

#[test]
fn what_is_derived_of_no_pre_shared_key_can_be_asked_for() {
    // An early secret of none is made of as many zeros as the hash is long (RFC 8446 7.1).
    let (none, zeros) = (EarlySecret::new(sha256(), None), EarlySecret::new(sha256(), Some(&[0; 32])));
    assert_eq!(none.client_traffic(&[1; 32]).as_bytes(), zeros.client_traffic(&[1; 32]).as_bytes());
    let binder = |early: &EarlySecret| early.binder(PskKind::External, &[2; 32]);
    assert_eq!(binder(&none).as_slice(), binder(&zeros).as_slice());
}

#[test]
fn exporters_have_bounds() {
    let exporter = EarlySecret::new(sha256(), None).exporter(&[0; 32]);
    let mut out = vec![0; 255 * 32 + 1];
    assert_eq!(exporter.export(&[b'a'; 250], &[], &mut out[..1]), Err(ExportError::LabelTooLong));
    assert_eq!(exporter.export(b"label", &[], &mut out), Err(ExportError::OutputTooLong));
    out.pop();
    exporter.export(&[b'a'; 249], &[], &mut out).unwrap();
    assert!(out.chunks(32).all(|chunk| chunk != [0; 32]), "all of it was made");
}
