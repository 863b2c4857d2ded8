//! Whatever is done to protected records on their way gives one and the same error, and no panic (RFC 5246 6.2.3).

use super::*;
use clasp_wire::RecordHeader;

const BAD: Result<Option<Record>, RecordError> = Err(RecordError::BadRecordMac);

/// Opens the first record under the keys.
fn open(protection: &Protection, header: RecordHeader, body: &[u8]) -> Result<Vec<u8>, RecordError> {
    let mut body = body.to_vec();
    let opened = protection.opener().open(0, &header, &mut body)?;
    assert_eq!(opened.content_type, header.content_type);
    Ok(body[opened.range].to_vec())
}

fn parts(protection: &Protection) -> (RecordHeader, Vec<u8>) {
    let record = protection.record(DATA, b"twenty-one bytes here");
    let header = RecordHeader::parse(&record).unwrap();
    let body = record[RecordHeader::LEN..].to_vec();
    assert_eq!(open(protection, header, &body).unwrap(), b"twenty-one bytes here", "the test's own record opens");
    (header, body)
}

#[test]
fn every_bit_of_the_body_counts() {
    for protection in all() {
        let (header, body) = parts(&protection);
        for at in 0..body.len() {
            for bit in 0..8 {
                let mut body = body.clone();
                body[at] ^= 1 << bit;
                assert_eq!(open(&protection, header, &body), Err(RecordError::BadRecordMac), "{protection:?}: {at}");
            }
        }
    }
}

#[test]
fn type_and_version_and_sequence_are_under_the_mac() {
    for protection in all() {
        let (header, body) = parts(&protection);
        for bit in 0..8 {
            let other = RecordHeader { content_type: ContentType(header.content_type.0 ^ 1 << bit), ..header };
            assert_eq!(open(&protection, other, &body), Err(RecordError::BadRecordMac), "{protection:?}");
        }
        for bit in 0..16 {
            let other = RecordHeader { version: ProtocolVersion(header.version.0 ^ 1 << bit), ..header };
            assert_eq!(open(&protection, other, &body), Err(RecordError::BadRecordMac), "{protection:?}");
        }
        for bit in 0..64 {
            let opened = protection.opener().open(1 << bit, &header, &mut body.clone());
            assert_eq!(opened, Err(RecordError::BadRecordMac), "{protection:?}: sequence bit {bit}");
        }
    }
}

#[test]
fn every_length_but_its_own_is_refused() {
    for protection in all() {
        let (header, body) = parts(&protection);
        for len in 0..body.len() {
            let length = u16::try_from(len).unwrap();
            let header = RecordHeader { length, ..header };
            assert_eq!(open(&protection, header, &body[..len]), Err(RecordError::BadRecordMac), "{protection:?}");
            assert_eq!(open(&protection, header, &body[body.len() - len..]), Err(RecordError::BadRecordMac));
        }
        for (len, byte) in (1..=80).flat_map(|len| [0, 0x0f, 0xff].map(|byte| (len, byte))) {
            let mut longer = body.clone();
            longer.resize(body.len() + len, byte);
            let length = u16::try_from(longer.len()).unwrap();
            let header = RecordHeader { length, ..header };
            assert_eq!(open(&protection, header, &longer), Err(RecordError::BadRecordMac), "{protection:?}: +{len}");
            longer.rotate_right(len);
            assert_eq!(open(&protection, header, &longer), Err(RecordError::BadRecordMac), "{protection:?}: {len}+");
        }
    }
}

/// Blocks cut out, doubled and exchanged: what CBC alone would not notice.
#[test]
fn blocks_stay_in_their_places() {
    for protection in all() {
        let (header, body) = parts(&protection);
        let blocks: Vec<&[u8]> = body.chunks(16).collect();
        for a in 0..blocks.len() {
            let mut without = blocks.clone();
            without.remove(a);
            assert_eq!(open(&protection, header, &without.concat()), Err(RecordError::BadRecordMac));
            for b in 0..blocks.len() {
                let mut changed = blocks.clone();
                changed.insert(a, blocks[b]);
                assert_eq!(open(&protection, header, &changed.concat()), Err(RecordError::BadRecordMac));
                let mut changed = blocks.clone();
                changed.swap(a, b);
                if changed.concat() != body {
                    assert_eq!(open(&protection, header, &changed.concat()), Err(RecordError::BadRecordMac));
                }
            }
        }
    }
}

/// On the wire: the header's bytes decide whether a record is even tried.
#[test]
fn every_byte_of_the_header_on_the_wire() {
    for protection in all12() {
        let record = protection.record(DATA, b"content");
        for (at, byte) in (0..5).flat_map(|at| (0..=255).map(move |byte| (at, byte))) {
            if record[at] == byte {
                continue;
            }
            let mut changed = BytesMut::from(&record[..]);
            changed[at] = byte;
            // Enough behind it for a header that says that the record is longer.
            changed.resize(record.len() + 0x5000, 0);
            let got = protection.reader().next(&mut changed);
            match got {
                Err(RecordError::BadRecordMac) => {}
                Err(RecordError::NotTls(_)) => assert!(at <= 1, "{at} {byte}"),
                Err(RecordError::Overflow { .. }) => assert_eq!(at, 3),
                other => panic!("{protection:?}: {at} {byte}: {other:?}"),
            }
        }
    }
}

#[test]
fn records_repeated_reordered_or_left_out_are_refused() {
    for protection in all() {
        let mut writer = protection.writer();
        let mut record = |text: &[u8]| {
            let mut out = BytesMut::new();
            writer.write(DATA, text, provider().random, &mut out).unwrap();
            out
        };
        let records = [record(b"one"), record(b"two"), record(b"three")];
        for order in [[0, 0], [1, 0], [0, 2], [2, 0]] {
            let mut reader = protection.reader();
            let mut outcome = Ok(None);
            for at in order {
                outcome = reader.next(&mut records[at].clone());
                if outcome.is_err() {
                    break;
                }
            }
            assert_eq!(outcome, BAD, "{protection:?}: {order:?}");
        }
        // And in order they are fine.
        let mut reader = protection.reader();
        for (record, text) in records.iter().zip(["one", "two", "three"]) {
            assert_eq!(reader.next(&mut record.clone()).unwrap().unwrap().payload, text.as_bytes());
        }
    }
}

#[test]
fn other_keys_open_nothing() {
    for protection in all() {
        let record = protection.record(DATA, b"content");
        for part in 0..3 {
            // Encrypt-then-MAC leaves the encryption key to the MAC's care: both come from one master secret.
            if part == 1 && protection.form.encrypt_then_mac {
                continue;
            }
            for at in 0.. {
                let mut other = same(&protection);
                let Some(byte) = [&mut other.mac_key, &mut other.key, &mut other.iv][part].get_mut(at) else { break };
                *byte ^= 1;
                assert_eq!(open_first(&other, &record), BAD, "{protection:?}: key {part}, byte {at}");
            }
        }
        // Records of another protection, and of none.
        for other in all() {
            if format!("{other:?}") != format!("{protection:?}") {
                assert_eq!(open_first(&other, &record), BAD, "{protection:?} opened by {other:?}");
            }
        }
        let mut plain = BytesMut::new();
        let mut writer = Writer::new();
        writer.set_version(ProtocolVersion::TLS_1_2);
        writer.write(DATA, b"plain as plain can be", provider().random, &mut plain).unwrap();
        assert_eq!(open_first(&protection, &plain), BAD);
    }
}

/// Another with the same bulk, form and keys.
fn same(protection: &Protection) -> Protection {
    all().into_iter().find(|other| format!("{other:?}") == format!("{protection:?}")).unwrap()
}

fn open_first(protection: &Protection, record: &BytesMut) -> Result<Option<Record>, RecordError> {
    protection.reader().next(&mut record.clone())
}

/// The same under the same sequence number: an answer of the other direction, whose keys differ, would open if they did
/// not; the sequence begins anew with every installation of keys.
#[test]
fn new_keys_begin_at_zero() {
    for protection in all() {
        let (mut writer, mut reader, mut wire) = (protection.writer(), protection.reader(), BytesMut::new());
        writer.write(DATA, b"first", provider().random, &mut wire).unwrap();
        reader.next(&mut wire).unwrap().unwrap();
        writer.install(protection.sealer());
        writer.write(DATA, b"first again", provider().random, &mut wire).unwrap();
        assert_eq!(reader.next(&mut wire.clone()), BAD);
        reader.install(protection.opener());
        assert_eq!(reader.next(&mut wire).unwrap().unwrap().payload, b"first again"[..]);
    }
}
