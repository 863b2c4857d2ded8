//! What one side writes the other reads, at every length that is special to a cipher or a bound.

use super::*;
use clasp_wire::{MAX_PLAINTEXT, RecordHeader};
use proptest::prelude::*;

const LENGTHS: [usize; 13] = [0, 1, 15, 16, 17, 31, 47, 48, 255, 256, 257, 16383, 16384];

#[test]
fn every_protection_at_every_special_length() {
    for protection in all() {
        let (mut writer, mut reader, mut wire) = (protection.writer(), protection.reader(), BytesMut::new());
        for length in LENGTHS {
            writer.write(DATA, &data(length), provider().random, &mut wire).unwrap();
            let sealed = wire.len();
            let overhead = protection.sealer().overhead();
            assert!((length..=length + overhead).contains(&sealed), "{protection:?}: {length} became {sealed}");
            let record = reader.next(&mut wire).unwrap().unwrap();
            assert_eq!(record.content_type, DATA);
            assert!(record.payload == data(length), "{protection:?}: {length}");
            assert!(wire.is_empty());
        }
    }
}

#[test]
fn without_protection_too() {
    let (mut writer, mut reader, mut wire) = (Writer::new(), Reader::new(), BytesMut::new());
    writer.set_version(ProtocolVersion::TLS_1_2);
    for length in LENGTHS {
        writer.write(DATA, &data(length), provider().random, &mut wire).unwrap();
        assert_eq!(wire.len(), RecordHeader::LEN + length);
        assert!(reader.next(&mut wire).unwrap().unwrap().payload == data(length));
    }
    assert!(!writer.is_encrypted() && !reader.is_encrypted());
}

#[test]
fn every_type_keeps_its_type() {
    for protection in all12() {
        let (mut writer, mut reader, mut wire) = (protection.writer(), protection.reader(), BytesMut::new());
        for typ in [ContentType::HANDSHAKE, ContentType::ALERT, ContentType::CHANGE_CIPHER_SPEC, DATA] {
            writer.write(typ, b"content", provider().random, &mut wire).unwrap();
            let record = reader.next(&mut wire).unwrap().unwrap();
            assert_eq!((record.content_type, &record.payload[..]), (typ, &b"content"[..]));
        }
    }
}

#[test]
fn long_data_becomes_full_records_and_a_rest() {
    for protection in all() {
        let (mut writer, mut reader, mut wire) = (protection.writer(), protection.reader(), BytesMut::new());
        writer.write(DATA, &data(40_000), provider().random, &mut wire).unwrap();
        let records = read_all(&mut reader, &mut wire).unwrap();
        let sizes: Vec<usize> = records.iter().map(|record| record.payload.len()).collect();
        assert_eq!(sizes, [MAX_PLAINTEXT, MAX_PLAINTEXT, 40_000 - 2 * MAX_PLAINTEXT]);
        assert!(records.iter().flat_map(|record| &record.payload[..]).copied().eq(data(40_000)));
    }
}

/// CBC's initialisation vectors are fresh (RFC 5246 6.2.3.2); GCM's explicit nonces count (RFC 5288 3); a nonce never comes
/// twice, so equal data never gives equal records.
#[test]
fn equal_data_looks_different_every_time() {
    for protection in all() {
        let (mut writer, mut wire) = (protection.writer(), BytesMut::new());
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            writer.write(DATA, &[0; 32], provider().random, &mut wire).unwrap();
            let record = wire.split();
            assert!(seen.insert(record[RecordHeader::LEN..RecordHeader::LEN + 32].to_vec()), "{protection:?}");
        }
    }
    let gcm = aead(AeadAlgorithm::Aes128Gcm);
    let (mut writer, mut wire) = (gcm.writer(), BytesMut::new());
    for sequence in 0..300_u64 {
        writer.write(DATA, b"x", provider().random, &mut wire).unwrap();
        assert_eq!(wire.split()[5..13], sequence.to_be_bytes());
    }
}

/// A GCM peer may take its explicit nonces from anywhere (RFC 5288 3).
#[test]
fn a_peer_counts_its_nonces_as_it_likes() {
    let gcm = aead(AeadAlgorithm::Aes256Gcm);
    let key = provider().aead(AeadAlgorithm::Aes256Gcm).unwrap().with_key(&gcm.key).unwrap();
    let (mut reader, mut wire) = (gcm.reader(), BytesMut::new());
    for (sequence, nonce) in (0_u8..).zip([[0xff; 8], [0; 8], [1, 2, 3, 4, 5, 6, 7, 8], [0x80; 8]]) {
        let mut content = *b"content";
        let mut iv = [0; 12];
        iv[..4].copy_from_slice(&gcm.iv);
        iv[4..].copy_from_slice(&nonce);
        let aad = [0, 0, 0, 0, 0, 0, 0, sequence, 23, 3, 3, 0, 7];
        let tag = key.seal_in_place(&iv, &aad, &mut content).unwrap();
        wire.extend_from_slice(&[23, 3, 3, 0, 31]);
        for part in [&nonce[..], &content, &tag] {
            wire.extend_from_slice(part);
        }
        assert_eq!(reader.next(&mut wire).unwrap().unwrap().payload, b"content"[..]);
    }
}

#[test]
fn keys_of_the_wrong_length_are_refused() {
    for protection in all() {
        assert!(protection.bulk.supported(provider()));
        for longer in [true, false] {
            let mut key = protection.key.clone();
            key.resize(if longer { key.len() + 1 } else { key.len() - 1 }, 0);
            let keys = Keys { key: &key, ..protection.keys() };
            assert!(protection.bulk.seal(provider(), keys, protection.form).is_err(), "{protection:?}");
            assert!(protection.bulk.open(provider(), keys, protection.form).is_err(), "{protection:?}");
        }
        if !protection.bulk.is_cbc() {
            let keys = Keys { iv: &protection.iv[1..], ..protection.keys() };
            assert!(protection.bulk.seal(provider(), keys, protection.form).is_err(), "{protection:?}");
            assert!(protection.bulk.open(provider(), keys, protection.form).is_err(), "{protection:?}");
        }
    }
}

/// RFC 5246 6.3 and A.6, RFC 5288 3, RFC 7905 2: what a suite takes of the key block.
#[test]
fn key_lengths_are_those_of_the_rfcs() {
    let of = |protection: Protection| {
        let lengths = protection.bulk.lengths(IvPolicy::Explicit);
        (lengths.mac_key, lengths.key, lengths.iv)
    };
    assert_eq!(of(aead(AeadAlgorithm::Aes128Gcm)), (0, 16, 4));
    assert_eq!(of(aead(AeadAlgorithm::Aes256Gcm)), (0, 32, 4));
    assert_eq!(of(aead(AeadAlgorithm::ChaCha20Poly1305)), (0, 32, 12));
    assert_eq!(of(cbc(BlockCipherAlgorithm::Aes128, HashAlgorithm::Sha1, false)), (20, 16, 0));
    assert_eq!(of(cbc(BlockCipherAlgorithm::Aes256, HashAlgorithm::Sha256, true)), (32, 32, 0));
    assert_eq!(of(cbc(BlockCipherAlgorithm::Aes256, HashAlgorithm::Sha384, false)), (48, 32, 0));
}

#[test]
fn nothing_of_the_keys_is_shown() {
    for protection in all() {
        let (writer, reader) = (protection.writer(), protection.reader());
        let shown = format!("{writer:?} {reader:?} {:?}", protection.bulk);
        assert!(shown.len() < 200 && !shown.contains("80, 81"), "{shown}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever is written, and however the wire cuts it, comes out as it went in.
    #[test]
    fn any_writes_in_any_pieces(
        which in 0..15_usize,
        writes in proptest::collection::vec((0..4_usize, proptest::collection::vec(any::<u8>(), 1..900)), 1..12),
        limit in 64..1000_usize,
        piece in 1..700_usize,
    ) {
        let protection = &all()[which];
        let (mut writer, mut reader) = (protection.writer(), protection.reader());
        writer.set_max_plaintext(limit);
        reader.set_max_plaintext(limit);
        let types = [ContentType::HANDSHAKE, ContentType::ALERT, ContentType::CHANGE_CIPHER_SPEC, DATA];
        let mut wire = BytesMut::new();
        let mut wanted = Vec::new();
        for (typ, data) in &writes {
            writer.write(types[*typ], data, provider().random, &mut wire).unwrap();
            wanted.extend(data.chunks(limit).map(|chunk| (types[*typ], chunk.to_vec())));
        }
        let (mut buffer, mut got) = (BytesMut::new(), Vec::new());
        for piece in wire.chunks(piece) {
            buffer.extend_from_slice(piece);
            let records = read_all(&mut reader, &mut buffer).unwrap();
            got.extend(records.into_iter().map(|record| (record.content_type, record.payload.to_vec())));
        }
        prop_assert_eq!(got, wanted);
        prop_assert!(buffer.is_empty());
    }
}
