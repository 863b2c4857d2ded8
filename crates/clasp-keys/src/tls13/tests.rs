//! The key schedule of TLS 1.3 against RFC 8448.

use clasp_crypto::{Digest, HashAlgorithm, default_provider};
use zeroize::ZeroizeOnDrop;

use super::*;
use crate::key_log::tests::hex;
use crate::schedule::ExportError;
use crate::secrets::{KeyLengths, Role};

const AES_128_GCM: KeyLengths = KeyLengths { mac_key: 0, key: 16, iv: 12 };

fn kdf(hash: HashAlgorithm) -> Kdf {
    Kdf::new(default_provider().hash(hash).unwrap(), default_provider().hmac(hash).unwrap())
}

fn sha256() -> Kdf {
    kdf(HashAlgorithm::Sha256)
}

fn hash(messages: &[&str]) -> Digest {
    sha256().hash().hash(&[&hex(&messages.concat())])
}

fn assert_keys(secret: &TrafficSecret, key: &str, iv: &str) {
    let keys = secret.keys(AES_128_GCM);
    assert_eq!((keys.mac_key(), keys.key(), keys.iv()), (&[][..], &hex(key)[..], &hex(iv)[..]));
}

/// RFC 8448 3, "Simple 1-RTT Handshake".
mod simple {
    use super::*;

    const CLIENT_HELLO: &str = "010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7000006130113031302010000910000000b0009000006736572766572ff01000100000a00140012001d0017001800190100010101020103010400230000003300260024001d002099381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c002b0003020304000d0020001e040305030603020308040805080604010501060102010402050206020202002d00020101001c00024001";
    const SERVER_HELLO: &str = "020000560303a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e2692800130100002e00330024001d0020c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f002b00020304";
    const ENCRYPTED_EXTENSIONS: &str =
        "080000240022000a00140012001d00170018001901000101010201030104001c0002400100000000";
    const CERTIFICATE: &str = "0b0001b9000001b50001b0308201ac30820115a003020102020102300d06092a864886f70d01010b0500300e310c300a06035504031303727361301e170d3136303733303031323335395a170d3236303733303031323335395a300e310c300a0603550403130372736130819f300d06092a864886f70d010101050003818d0030818902818100b4bb498f8279303d980836399b36c6988c0c68de55e1bdb826d3901a2461eafd2de49a91d015abbc9a95137ace6c1af19eaa6af98c7ced43120998e187a80ee0ccb0524b1b018c3e0b63264d449a6d38e22a5fda430846748030530ef0461c8ca9d9efbfae8ea6d1d03e2bd193eff0ab9a8002c47428a6d35a8d88d79f7f1e3f0203010001a31a301830090603551d1304023000300b0603551d0f0404030205a0300d06092a864886f70d01010b05000381810085aad2a0e5b9276b908c65f73a7267170618a54c5f8a7b337d2df7a594365417f2eae8f8a58c8f8172f9319cf36b7fd6c55b80f21a03015156726096fd335e5e67f2dbf102702e608ccae6bec1fc63a42a99be5c3eb7107c3c54e9b9eb2bd5203b1c3b84e0a8b2f759409ba3eac9d91d402dcc0cc8f8961229ac9187b42b4de10000";
    const CERTIFICATE_VERIFY: &str = "0f000084080400805a747c5d88fa9bd2e55ab085a61015b7211f824cd484145ab3ff52f1fda8477b0b7abc90db78e2d33a5c141a078653fa6bef780c5ea248eeaaa785c4f394cab6d30bbe8d4859ee511f602957b15411ac027671459e46445c9ea58c181e818e95b8c3fb0bf3278409d3be152a3da5043e063dda65cdf5aea20d53dfacd42f74f3";
    const SERVER_FINISHED: &str = "140000209b9b141d906337fbd2cbdce71df4deda4ab42c309572cb7fffee5454b78f0718";
    const CLIENT_FINISHED: &str = "14000020a8ec436d677634ae525ac1fcebe11a039ec17694fac6e98527b642f2edd5ce61";
    const SHARED: &str = "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d";

    #[test]
    fn secrets_keys_finished_and_the_ticket() {
        let mut messages = vec![CLIENT_HELLO, SERVER_HELLO];
        let hello_hash = hash(&messages);
        let secret = EarlySecret::new(sha256(), None).into_handshake(Some(&hex(SHARED)));
        let client = secret.traffic(Role::Client, hello_hash.as_slice());
        let server = secret.traffic(Role::Server, hello_hash.as_slice());
        assert_eq!(client.as_bytes(), hex("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21"));
        assert_eq!(server.as_bytes(), hex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38"));
        assert_keys(&server, "3fce516009c21727d0f2e4e86ee403bc", "5d313eb2671276ee13000b30");
        assert_keys(&client, "dbfaa693d1762c5b666af5d950258d01", "5bd3c71b836e0b76bb73265f");

        messages.extend([ENCRYPTED_EXTENSIONS, CERTIFICATE, CERTIFICATE_VERIFY]);
        let finished = server.finished(hash(&messages).as_slice());
        assert_eq!(finished.as_slice(), hex(SERVER_FINISHED).split_off(4));
        messages.push(SERVER_FINISHED);
        let server_finished = hash(&messages);
        assert_eq!(client.finished(server_finished.as_slice()).as_slice(), hex(CLIENT_FINISHED).split_off(4));

        let main = secret.into_main();
        let client = main.traffic(Role::Client, server_finished.as_slice());
        let server = main.traffic(Role::Server, server_finished.as_slice());
        assert_eq!(client.as_bytes(), hex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5"));
        assert_eq!(server.as_bytes(), hex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643"));
        assert_keys(&client, "17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9");
        assert_keys(&server, "9f02283b6c9c07efc26bb9f2ac92e356", "cf782b88dd83549aadf1e984");
        assert_eq!(
            main.exporter(server_finished.as_slice()).as_bytes(),
            hex("fe22f881176eda18eb8f44529e6792c50c9a3f89452f68d8ae311b4309d3cf50")
        );

        messages.push(CLIENT_FINISHED);
        let resumption = main.into_resumption(hash(&messages).as_slice());
        assert_eq!(
            resumption.psk(&[0, 0]).as_bytes(),
            hex("4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3")
        );
    }
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
fn exporters_have_bounds() {
    let exporter = EarlySecret::new(sha256(), None).exporter(&[0; 32]);
    let mut out = vec![0; 255 * 32 + 1];
    assert_eq!(exporter.export(&[b'a'; 250], &[], &mut out[..1]), Err(ExportError::LabelTooLong));
    assert_eq!(exporter.export(b"label", &[], &mut out), Err(ExportError::OutputTooLong));
    out.pop();
    exporter.export(&[b'a'; 249], &[], &mut out).unwrap();
    assert!(out.chunks(32).all(|chunk| chunk != [0; 32]), "all of it was made");
}
