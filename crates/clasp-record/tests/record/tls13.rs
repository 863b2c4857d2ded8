//! What is particular to TLS 1.3 (RFC 8446 5): the inner type and padding, and what may come without protection.

use core::num::NonZeroU16;

use super::*;
use clasp_record::RecordPadding;
use clasp_wire::{AlertDescription, MAX_PLAINTEXT, RecordHeader};

const CCS: [u8; 6] = [20, 3, 3, 0, 1, 1];

fn gcm() -> Protection {
    aead13(AeadAlgorithm::Aes128Gcm)
}

/// A record made by hand: any inner plaintext, under the first sequence numbers.
fn made(protection: &Protection, sequence: u8, inner: &[u8]) -> BytesMut {
    let shown = format!("{protection:?}");
    let (_, algorithm) =
        all13().iter().zip(AEADS13).find(|(other, _)| format!("{other:?}") == shown).expect("one of them");
    let key = provider().aead(algorithm).unwrap().with_key(&protection.key).unwrap();
    let mut nonce: [u8; 12] = protection.iv.clone().try_into().unwrap();
    nonce[11] ^= sequence;
    let length = u16::try_from(inner.len() + 16).unwrap();
    let header = RecordHeader { content_type: DATA, version: ProtocolVersion::TLS_1_2, length }.encode();
    let mut body = inner.to_vec();
    let tag = key.seal_in_place(&nonce, &header, &mut body).unwrap();
    BytesMut::from(&[&header[..], &body, &tag].concat()[..])
}

fn plain(content_type: ContentType, data: &[u8]) -> BytesMut {
    let mut out = BytesMut::new();
    Writer::new().write(content_type, data, provider().random, &mut out).unwrap();
    out
}

/// RFC 8446 5.2, 5.3: the header, the nonce and the type's place, as made by hand.
#[test]
fn a_record_is_what_the_rfc_says() {
    for protection in all13() {
        let mut writer = protection.writer();
        for (sequence, typ) in (0..).zip([ContentType::HANDSHAKE, DATA, ContentType::ALERT]) {
            let mut wire = BytesMut::new();
            writer.write(typ, b"content", provider().random, &mut wire).unwrap();
            assert_eq!(wire, made(&protection, sequence, &[b"content", &[typ.0][..]].concat()), "{protection:?}");
        }
    }
}

#[test]
fn padding_is_taken_off_and_only_padding() {
    let protection = gcm();
    let mut reader = protection.reader();
    for (sequence, zeros) in (0..).zip([0, 1, 15, 16, 17, 255, 16000]) {
        // The content ends in zeros itself.
        let inner = [b"content\0\0", &[22][..], &vec![0; zeros]].concat();
        let record = reader.next(&mut made(&protection, sequence, &inner)).unwrap().unwrap();
        assert_eq!((record.content_type, &record.payload[..]), (ContentType::HANDSHAKE, &b"content\0\0"[..]));
    }
    // RFC 8446 5.4: nothing but zeros, or nothing at all.
    for inner in [&[][..], &[0], &[0; 16], &[0; 1000]] {
        let error = protection.reader().next(&mut made(&protection, 0, inner)).unwrap_err();
        assert_eq!((error, error.alert()), (RecordError::NoContentType, AlertDescription::UNEXPECTED_MESSAGE));
    }
}

#[test]
fn inner_types_are_those_that_may_be_protected() {
    let protection = gcm();
    for typ in [ContentType::ALERT, ContentType::HANDSHAKE, DATA].map(|typ| typ.0) {
        assert!(protection.reader().next(&mut made(&protection, 0, &[1, 1, typ])).unwrap().is_some());
    }
    // RFC 8446 5: a protected ChangeCipherSpec is an error, dropping or not.
    for drop in [true, false] {
        let mut reader = protection.reader();
        reader.set_drop_change_cipher_spec(drop);
        let error = reader.next(&mut made(&protection, 0, &[1, 20])).unwrap_err();
        assert_eq!(error, RecordError::Unexpected(ContentType::CHANGE_CIPHER_SPEC));
        assert_eq!(error.alert(), AlertDescription::UNEXPECTED_MESSAGE);
    }
    for typ in (1..20).chain(24..=255) {
        let error = protection.reader().next(&mut made(&protection, 0, &[1, typ])).unwrap_err();
        assert_eq!(error, RecordError::UnknownType(ContentType(typ)));
    }
    // RFC 8446 5.1, 5.4: these may not be empty, padded or not; application data may, for a while.
    for typ in [ContentType::ALERT, ContentType::HANDSHAKE] {
        for padding in [0, 40] {
            let inner = [&[typ.0][..], &vec![0; padding]].concat();
            assert_eq!(protection.reader().next(&mut made(&protection, 0, &inner)), Err(RecordError::Empty(typ)));
        }
    }
    let mut reader = protection.reader();
    for sequence in 0..32 {
        assert!(reader.next(&mut made(&protection, sequence, &[23, 0, 0])).unwrap().unwrap().payload.is_empty());
    }
    assert_eq!(reader.next(&mut made(&protection, 32, &[23])), Err(RecordError::TooManyEmpty));
}

/// RFC 8446 5.2: from outside, all is application data.
#[test]
fn under_keys_nothing_else_comes() {
    for typ in [ContentType::CHANGE_CIPHER_SPEC, ContentType::ALERT, ContentType::HANDSHAKE] {
        let error = gcm().reader().next(&mut plain(typ, &[1, 0])).unwrap_err();
        assert_eq!((error, error.alert()), (RecordError::Unexpected(typ), AlertDescription::UNEXPECTED_MESSAGE));
    }
    let mut reader = gcm().reader();
    reader.next(&mut made(&gcm(), 0, &[1, 22])).unwrap().unwrap();
    for typ in [0, 19, 24, 255] {
        let mut wire = BytesMut::from(&[typ, 3, 3, 0, 1, 1][..]);
        assert_eq!(reader.next(&mut wire), Err(RecordError::UnknownType(ContentType(typ))));
    }
}

/// RFC 8449 4: the limit counts content, type and padding.
#[test]
fn limits_count_type_and_padding() {
    for protection in all13() {
        for limit in [64, 512, MAX_PLAINTEXT + 1] {
            let (mut writer, mut wire) = (protection.writer(), BytesMut::new());
            writer.set_max_plaintext(limit);
            writer.write(DATA, &data(2 * limit - 1), provider().random, &mut wire).unwrap();
            let mut reader = protection.reader();
            reader.set_max_plaintext(limit);
            let sizes: Vec<usize> =
                read_all(&mut reader, &mut wire).unwrap().iter().map(|record| record.payload.len()).collect();
            assert_eq!(sizes, [limit - 1, limit - 1, 1]);
            // One more byte, of whatever kind, is refused by the header.
            for inner in [vec![23; limit + 1], [&[23][..], &vec![0; limit]].concat()] {
                let record = made(&protection, 3, &inner);
                let (length, max) = (limit + 17, limit + 16);
                let mut header = BytesMut::from(&record[..RecordHeader::LEN]);
                assert_eq!(reader.next(&mut header), Err(RecordError::Overflow { length, max }));
            }
            assert!(reader.next(&mut made(&protection, 3, &vec![23; limit])).unwrap().is_some());
        }
        // Without a limit of its own: 2^14 bytes of content.
        let (mut writer, mut wire) = (protection.writer(), BytesMut::new());
        writer.write(DATA, &data(MAX_PLAINTEXT), provider().random, &mut wire).unwrap();
        assert_eq!(wire.len(), 5 + MAX_PLAINTEXT + 17);
        assert!(protection.reader().next(&mut wire).unwrap().is_some());
    }
}

#[test]
fn a_policy_pads_and_the_limit_holds() {
    let length = |padding: RecordPadding, content: usize, limit: Option<usize>| {
        let (mut writer, mut reader, mut wire) = (gcm().writer(), gcm().reader(), BytesMut::new());
        writer.set_padding(padding);
        if let Some(limit) = limit {
            writer.set_max_plaintext(limit);
            reader.set_max_plaintext(limit);
        }
        writer.write(DATA, &data(content), provider().random, &mut wire).unwrap();
        let length = wire.len();
        assert_eq!(read_all(&mut reader, &mut wire).unwrap().iter().map(|r| r.payload.len()).sum::<usize>(), content);
        length
    };
    let multiple = RecordPadding::ToMultiple(NonZeroU16::new(256).unwrap());
    for content in [0, 1, 100, 255] {
        assert_eq!(length(multiple, content, None), 5 + 256 + 16);
        assert_eq!(length(RecordPadding::Full, content, None), 5 + MAX_PLAINTEXT + 1 + 16);
        assert_eq!(length(RecordPadding::Full, content, Some(300)), 5 + 300 + 16);
        assert_eq!(length(RecordPadding::None, content, None), 5 + content + 1 + 16);
    }
    assert_eq!(length(multiple, 256, None), 5 + 512 + 16);
    // A multiple that would go past the limit stops at it.
    assert_eq!(length(multiple, 256, Some(300)), 5 + 300 + 16);
    assert_eq!(length(multiple, MAX_PLAINTEXT, None), 5 + MAX_PLAINTEXT + 1 + 16);
    // Before TLS 1.3 there is no such thing.
    let (mut writer, mut wire) = (aead(AeadAlgorithm::Aes128Gcm).writer(), BytesMut::new());
    writer.set_padding(RecordPadding::Full);
    writer.write(DATA, b"content", provider().random, &mut wire).unwrap();
    assert_eq!(wire.len(), 5 + 8 + 7 + 16);
}

/// RFC 8446 5, D.4.
#[test]
fn change_cipher_spec_is_dropped_when_told_and_so_many_times() {
    // Before and under keys.
    for keys in [false, true] {
        let mut reader = Reader::new();
        if keys {
            reader.install(gcm().opener());
        }
        reader.set_drop_change_cipher_spec(true);
        let mut wire = BytesMut::from(&CCS.repeat(32)[..]);
        wire.unsplit(if keys { made(&gcm(), 0, &[1, 22]) } else { plain(ContentType::HANDSHAKE, &[1]) });
        let record = reader.next(&mut wire).unwrap().unwrap();
        assert_eq!((record.content_type, &record.payload[..]), (ContentType::HANDSHAKE, &[1][..]));
        for _ in 0..300 {
            let error = reader.next(&mut BytesMut::from(&CCS[..])).unwrap_err();
            assert_eq!((error, error.alert()), (RecordError::ChangeCipherSpec, AlertDescription::UNEXPECTED_MESSAGE));
        }
        // Any other body.
        for body in [&[0][..], &[2], &[1, 1], &[1, 0]] {
            let mut reader = Reader::new();
            if keys {
                reader.install(gcm().opener());
            }
            reader.set_drop_change_cipher_spec(true);
            let mut wire = plain(ContentType::CHANGE_CIPHER_SPEC, body);
            assert_eq!(reader.next(&mut wire), Err(RecordError::ChangeCipherSpec));
        }
        // No more than its time.
        reader.set_drop_change_cipher_spec(false);
        let got = reader.next(&mut BytesMut::from(&CCS[..]));
        if keys {
            assert_eq!(got, Err(RecordError::Unexpected(ContentType::CHANGE_CIPHER_SPEC)));
        } else {
            assert_eq!(got.unwrap().unwrap().content_type, ContentType::CHANGE_CIPHER_SPEC);
        }
    }
    let mut empty = BytesMut::from(&[20, 3, 3, 0, 0][..]);
    let mut reader = Reader::new();
    reader.set_drop_change_cipher_spec(true);
    assert_eq!(reader.next(&mut empty), Err(RecordError::ChangeCipherSpec));
}

#[test]
fn an_alert_may_come_in_the_clear_until_a_record_opens() {
    let alert = || plain(ContentType::ALERT, &[2, 40]);
    let mut reader = gcm().reader();
    reader.set_plaintext_alerts(true);
    let record = reader.next(&mut alert()).unwrap().unwrap();
    assert_eq!((record.content_type, &record.payload[..]), (ContentType::ALERT, &[2, 40][..]));
    for body in [&[2][..], &[2, 40, 0], &[2, 40, 2, 40]] {
        let error = reader.next(&mut plain(ContentType::ALERT, body)).unwrap_err();
        assert_eq!(error, RecordError::Unexpected(ContentType::ALERT));
    }
    // It did not count as a record.
    reader.next(&mut made(&gcm(), 0, &[1, 22])).unwrap().unwrap();
    assert_eq!(reader.next(&mut alert()), Err(RecordError::Unexpected(ContentType::ALERT)));
    // Nor under later keys.
    reader.install(gcm().opener());
    assert_eq!(reader.next(&mut alert()), Err(RecordError::Unexpected(ContentType::ALERT)));
}

/// RFC 8446 4.2.10.
#[test]
fn early_data_is_skipped_up_to_a_bound() {
    let early = aead13(AeadAlgorithm::Aes256Gcm);
    let record = |sequence: u8| made(&early, sequence, &[b"early data", &[23][..]].concat());
    let size = 10 + 1 + 16;
    let mut reader = gcm().reader();
    reader.set_drop_change_cipher_spec(true);
    reader.skip_early_data(3 * size);
    let mut wire = record(0);
    wire.extend_from_slice(&CCS);
    wire.unsplit(record(1));
    wire.unsplit(record(2));
    assert_eq!(reader.next(&mut wire), Ok(None));
    assert!(reader.is_skipping());
    // One more is one too many.
    assert_eq!(reader.next(&mut record(3)), Err(RecordError::BadRecordMac));
    // What opens ends it, under the first sequence number.
    reader.next(&mut made(&gcm(), 0, &[1, 22])).unwrap().unwrap();
    assert!(!reader.is_skipping());
    assert_eq!(reader.next(&mut record(0)), Err(RecordError::BadRecordMac));

    // One byte less than three records.
    let mut reader = gcm().reader();
    reader.skip_early_data(3 * size - 1);
    assert_eq!(reader.next(&mut record(0)), Ok(None));
    assert_eq!(reader.next(&mut record(1)), Ok(None));
    assert_eq!(reader.next(&mut record(2)), Err(RecordError::BadRecordMac));

    // Records too short for any tag, and empty ones, have their bound too.
    for body in [&[][..], &[0; 15]] {
        let mut reader = gcm().reader();
        reader.skip_early_data(60);
        let length = u8::try_from(body.len()).unwrap();
        let mut wire = BytesMut::from(&[&[23, 3, 3, 0, length][..], body].concat().repeat(100)[..]);
        assert_eq!(reader.next(&mut wire), Err(RecordError::BadRecordMac));
    }
    // Not everything is early data, and a full record is skipped whatever our limit is.
    let mut reader = gcm().reader();
    reader.skip_early_data(1 << 20);
    reader.set_max_plaintext(64);
    assert_eq!(
        reader.next(&mut plain(ContentType::HANDSHAKE, &[1])),
        Err(RecordError::Unexpected(ContentType::HANDSHAKE))
    );
    let body = 16384 + 256;
    let header = RecordHeader { content_type: DATA, version: ProtocolVersion::TLS_1_2, length: body };
    let mut full = BytesMut::from(&[&header.encode()[..], &vec![7; body.into()]].concat()[..]);
    assert_eq!(reader.next(&mut full), Ok(None));
    assert!(full.is_empty());
    let longer = RecordHeader { length: body + 1, ..header };
    let error = reader.next(&mut BytesMut::from(&longer.encode()[..])).unwrap_err();
    assert_eq!(error, RecordError::Overflow { length: 16641, max: 16640 });
}

/// RFC 8446 4.2.10: after a HelloRetryRequest there are no keys yet.
#[test]
fn early_data_is_skipped_without_keys() {
    let record = || made(&aead13(AeadAlgorithm::Aes256Gcm), 0, &[1, 2, 3, 23]);
    let mut reader = Reader::new();
    reader.set_drop_change_cipher_spec(true);
    reader.skip_early_data(40);
    let mut wire = record();
    wire.extend_from_slice(&CCS);
    wire.unsplit(record());
    assert_eq!(reader.next(&mut wire), Ok(None));
    let error = reader.next(&mut record()).unwrap_err();
    assert_eq!((error, error.alert()), (RecordError::Unexpected(DATA), AlertDescription::UNEXPECTED_MESSAGE));
    // The second hello ends it.
    let hello = reader.next(&mut plain(ContentType::HANDSHAKE, b"hello")).unwrap().unwrap();
    assert_eq!(hello.payload, b"hello"[..]);
    assert!(!reader.is_skipping());
    assert_eq!(reader.next(&mut record()).unwrap().unwrap().content_type, DATA, "nothing skips it any more");
}

/// RFC 8446 5.5, RFC 9147 4.5.3.
#[test]
fn a_key_says_how_long_it_lasts() {
    let (mut writer, mut reader) = (Writer::new(), Reader::new());
    assert_eq!((writer.records_left(), reader.records_left()), (u64::MAX, u64::MAX));
    writer.install(gcm().sealer());
    reader.install(gcm().opener());
    let all = (1 << 24) - 1;
    assert_eq!((writer.records_left(), reader.records_left()), (all, u64::MAX));
    let mut wire = BytesMut::new();
    writer.write(DATA, &data(3 * MAX_PLAINTEXT), provider().random, &mut wire).unwrap();
    assert_eq!(writer.records_left(), all - 3);
    assert_eq!(read_all(&mut reader, &mut wire).unwrap().len(), 3);
    assert_eq!(reader.records_left(), u64::MAX - 3);
    writer.install(aead13(AeadAlgorithm::Aes128Ccm).sealer());
    assert_eq!(writer.records_left(), (1 << 23) - 1);
    writer.install(aead13(AeadAlgorithm::ChaCha20Poly1305).sealer());
    assert_eq!(writer.records_left(), u64::MAX - 1);
    writer.install(gcm().sealer());
    assert_eq!(writer.records_left(), all);
}

#[test]
fn one_reserve_is_enough() {
    for padding in [RecordPadding::None, RecordPadding::Full, RecordPadding::ToMultiple(NonZeroU16::new(1000).unwrap())]
    {
        let (mut writer, mut wire) = (gcm().writer(), BytesMut::new());
        writer.set_padding(padding);
        writer.write(DATA, &data(40_000), provider().random, &mut wire).unwrap();
        let (length, capacity) = (wire.len(), wire.capacity());
        assert!(capacity < length + 64, "{padding:?}: {length} of {capacity}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(40))]

    /// Whatever is written, however it is padded and the wire cuts it, comes out as it went in.
    #[test]
    fn any_writes_in_any_pieces(
        which in 0..4_usize,
        writes in proptest::collection::vec((0..3_usize, proptest::collection::vec(proptest::prelude::any::<u8>(), 1..900)), 1..12),
        limit in 64..1000_usize,
        multiple in 1..2000_u16,
        piece in 1..700_usize,
    ) {
        let protection = &all13()[which];
        let (mut writer, mut reader) = (protection.writer(), protection.reader());
        writer.set_max_plaintext(limit);
        writer.set_padding(RecordPadding::ToMultiple(NonZeroU16::new(multiple).unwrap()));
        reader.set_max_plaintext(limit);
        let types = [ContentType::HANDSHAKE, ContentType::ALERT, DATA];
        let (mut wire, mut wanted) = (BytesMut::new(), Vec::new());
        for (typ, data) in &writes {
            writer.write(types[*typ], data, provider().random, &mut wire).unwrap();
            wanted.extend(data.chunks(limit - 1).map(|chunk| (types[*typ], chunk.to_vec())));
        }
        let (mut buffer, mut got) = (BytesMut::new(), Vec::new());
        for piece in wire.chunks(piece) {
            buffer.extend_from_slice(piece);
            let records = read_all(&mut reader, &mut buffer).unwrap();
            got.extend(records.into_iter().map(|record| (record.content_type, record.payload.to_vec())));
        }
        proptest::prop_assert_eq!(got, wanted);
    }
}
