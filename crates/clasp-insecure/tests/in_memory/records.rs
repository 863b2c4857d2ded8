//! Records that were altered, and the padding of SSL 3.0.

use clasp_crypto::{BlockCipher, default_provider};
use clasp_handshake::{CIPHER_SUITES, Dialect as _, Error, Status, Suite};
use clasp_insecure::{DES, SSL30, SUITES};
use clasp_record::{IvPolicy, Keys, RecordError};
use clasp_wire::{CipherSuite, ContentType, ProtocolVersion, RecordHeader};

use crate::pair::{Pair, client, give, only, server};

/// The rows of SSL 3.0, the insecure ones and those below.
fn rows() -> impl Iterator<Item = &'static Suite> {
    let both = CIPHER_SUITES.iter().chain(SUITES);
    both.filter(|suite| suite.allows(ProtocolVersion::SSL_3_0) && !suite.key_exchange.is_ephemeral())
}

#[test]
fn a_record_altered_anywhere_does_not_open() {
    let mut records = 0;
    for suite in rows() {
        let policy = only(ProtocolVersion::SSL_3_0, suite.id);
        let (client, server) = (client(policy.clone()), server(policy));
        // So that no byte is padding but its length: in SSL 3.0 nothing protects the others.
        let mac = suite.bulk.lengths(IvPolicy::Chained).mac_key;
        let length = 48 - 1 - mac;
        for at in [0, 1, 2, 5, 20, length - 1, length + 5, length + 5 + mac - 1, usize::MAX] {
            let mut pair = Pair::established(&client, &server);
            // The first byte goes alone in a CBC record (BEAST).
            let alone = usize::from(suite.bulk.is_cbc());
            pair.client.write(&vec![0x61; length + alone]).unwrap();
            let mut wire = pair.client.output().split().to_vec();
            if alone == 1 {
                let first = 5 + usize::from(u16::from_be_bytes([wire[3], wire[4]]));
                give(&mut pair.server, &wire[..first]);
                assert_eq!(pair.server.poll_now().unwrap(), Status::Data);
                pair.server.read().unwrap();
                wire.drain(..first);
            }
            let at = at.min(wire.len() - 1);
            // The type, the version and the length are looked at before.
            if (1..5).contains(&at) {
                continue;
            }
            // Another type that may come then.
            wire[at] = if at == 0 { ContentType::ALERT.0 } else { wire[at] ^ 0x20 };
            give(&mut pair.server, &wire);
            let result = pair.server.poll_now();
            let refused = matches!(result, Err(Error::Record(RecordError::BadRecordMac)));
            assert!(refused, "{} at {at}: {result:?}", suite.id);
            records += 1;
        }
    }
    assert!(records > 50, "{records}");
}

/// A record of DES and SHA-1 in SSL 3.0, with this padding behind content and MAC.
fn des_record(content: &[u8], padding: &[u8]) -> (RecordHeader, Vec<u8>) {
    let form = SSL30.form(false);
    let mac = form.mac.key(default_provider(), clasp_crypto::HashAlgorithm::Sha1, &[1; 20]).unwrap();
    let covered = form.mac.header(0, ContentType::APPLICATION_DATA, ProtocolVersion::SSL_3_0, content.len());
    let tag = mac.sign(&[covered.as_slice(), content]);
    let mut body = [content, tag.as_slice(), padding].concat();
    DES.encryptor(&[2; 8]).unwrap().encrypt(&[3; 8], &mut body).unwrap();
    let length = u16::try_from(body.len()).unwrap();
    (RecordHeader { content_type: ContentType::APPLICATION_DATA, version: ProtocolVersion::SSL_3_0, length }, body)
}

fn opened(header: RecordHeader, body: &mut [u8]) -> Option<Vec<u8>> {
    let row = SUITES.iter().find(|suite| suite.id == CipherSuite::TLS_RSA_WITH_DES_CBC_SHA).unwrap();
    let keys = Keys { mac_key: &[1; 20], key: &[2; 8], iv: &[3; 8] };
    let mut opener = row.bulk.open(default_provider(), keys, SSL30.form(false)).unwrap();
    let range = opener.open(0, &header, body).ok()?.range;
    Some(body[range].to_vec())
}

#[test]
fn padding_is_any_bytes_and_less_than_a_block_of_them() {
    for count in 0_usize..8 {
        // Content, MAC and padding fill four blocks.
        let content = vec![0x61; 32 - 20 - 1 - count];
        let mut padding: Vec<u8> = [0xc5, 0, 7, 0xff, 8, 1, 0x20].into_iter().take(count).collect();
        padding.push(u8::try_from(count).unwrap());
        let (header, mut body) = des_record(&content, &padding);
        assert_eq!(opened(header, &mut body), Some(content), "{count}");
    }
    // A block and more.
    for count in [8, 11] {
        let mut padding = vec![count; usize::from(count)];
        padding.push(count);
        let (header, mut body) = des_record(&vec![0x61; 32 - 20 - 1 - usize::from(count)], &padding);
        assert_eq!(opened(header, &mut body), None, "{count}");
    }
}

#[test]
fn the_version_of_a_record_is_not_covered_in_ssl_3_0() {
    // As the RFC has it: only type, length and sequence number are.
    let (mut header, mut body) = des_record(&[0x61; 11], &[0]);
    header.version = ProtocolVersion::TLS_1_0;
    assert!(opened(header, &mut body).is_some());
    let (mut header, mut body) = des_record(&[0x61; 11], &[0]);
    header.content_type = ContentType::ALERT;
    assert_eq!(opened(header, &mut body), None);
}
