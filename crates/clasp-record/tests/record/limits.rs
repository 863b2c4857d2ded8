//! Bounds: on sizes, told by the header alone; on records under one key; on records that say nothing.

use super::*;
use clasp_record::Opened;
use clasp_wire::{AlertDescription, MAX_CIPHERTEXT, MAX_PLAINTEXT, RecordHeader};

fn header(typ: ContentType, length: usize) -> BytesMut {
    let length = u16::try_from(length).unwrap();
    BytesMut::from(&RecordHeader { content_type: typ, version: ProtocolVersion::TLS_1_2, length }.encode()[..])
}

/// RFC 5246 6.2.1, 6.2.3: 2^14 bytes, and 2048 more with protection; nobody waits for the body of a longer one.
#[test]
fn a_record_too_long_is_refused_by_its_header() {
    assert_eq!(Reader::new().next(&mut header(DATA, MAX_PLAINTEXT)), Ok(None));
    let error = Reader::new().next(&mut header(DATA, MAX_PLAINTEXT + 1)).unwrap_err();
    assert_eq!(error, RecordError::Overflow { length: MAX_PLAINTEXT + 1, max: MAX_PLAINTEXT });
    assert_eq!(error.alert(), AlertDescription::RECORD_OVERFLOW);
    for protection in all12() {
        assert_eq!(protection.reader().next(&mut header(DATA, MAX_CIPHERTEXT)), Ok(None));
        for length in [MAX_CIPHERTEXT + 1, 0xffff] {
            let error = protection.reader().next(&mut header(DATA, length)).unwrap_err();
            assert_eq!(error, RecordError::Overflow { length, max: MAX_CIPHERTEXT });
        }
    }
}

#[test]
fn agreed_limits_hold_for_protected_records() {
    for protection in all12() {
        for limit in [64, 512, 1000, MAX_PLAINTEXT] {
            let (mut writer, mut reader, mut wire) = (protection.writer(), protection.reader(), BytesMut::new());
            writer.set_max_plaintext(limit);
            reader.set_max_plaintext(limit);
            writer.write(DATA, &data(2 * limit + 1), provider().random, &mut wire).unwrap();
            let sizes: Vec<usize> =
                read_all(&mut reader, &mut wire).unwrap().iter().map(|record| record.payload.len()).collect();
            assert_eq!(sizes, [limit, limit, 1]);
            // A peer that does not keep to it: found when opened, or by a length that no such record can have.
            if limit < MAX_PLAINTEXT {
                writer.set_max_plaintext(limit + 1);
                writer.write(DATA, &data(limit + 1), provider().random, &mut wire).unwrap();
                let error = reader.next(&mut wire).unwrap_err();
                assert_eq!(error, RecordError::Overflow { length: limit + 1, max: limit }, "{protection:?}");
            }
            let mut reader = protection.reader();
            reader.set_max_plaintext(limit);
            let max = limit + MAX_CIPHERTEXT - MAX_PLAINTEXT;
            assert_eq!(reader.next(&mut header(DATA, max)), Ok(None));
            assert_eq!(reader.next(&mut header(DATA, max + 1)), Err(RecordError::Overflow { length: max + 1, max }));
        }
    }
}

/// RFC 8449 4: "Unprotected messages are not subject to this limit": a peer may send its certificate in one record.
#[test]
fn a_limit_does_not_touch_what_comes_before_the_keys() {
    let mut reader = Reader::new();
    reader.set_max_plaintext(64);
    let mut wire = BytesMut::new();
    Writer::new().write(ContentType::HANDSHAKE, &data(5000), provider().random, &mut wire).unwrap();
    assert_eq!(reader.next(&mut wire).unwrap().unwrap().payload.len(), 5000);
    reader.install(all().remove(0).opener());
    assert!(matches!(reader.next(&mut header(DATA, 3000)), Err(RecordError::Overflow { length: 3000, .. })));
}

#[test]
fn a_limit_out_of_range_is_bent_into_it() {
    let (mut writer, mut wire) = (Writer::new(), BytesMut::new());
    writer.set_max_plaintext(0);
    writer.write(DATA, b"abc", provider().random, &mut wire).unwrap();
    assert_eq!(wire.len(), 3 * 6);
    writer.set_max_plaintext(usize::MAX);
    wire.clear();
    writer.write(DATA, &data(MAX_PLAINTEXT + 1), provider().random, &mut wire).unwrap();
    assert_eq!(wire.len(), MAX_PLAINTEXT + 5 + 1 + 5);
    let mut reader = all().remove(0).reader();
    reader.set_max_plaintext(usize::MAX);
    assert!(reader.next(&mut header(DATA, MAX_CIPHERTEXT + 1)).is_err());
}

/// Counts, and lets only so many records through.
struct Limited<T>(T, u64);

impl Seal for Limited<Box<dyn Seal>> {
    fn seal(
        &mut self,
        sequence: u64,
        content_type: ContentType,
        plaintext: &[u8],
        random: &dyn SecureRandom,
        out: &mut BytesMut,
    ) -> Result<(), RecordError> {
        assert!(sequence < self.1, "sealed past the limit");
        self.0.seal(sequence, content_type, plaintext, random, out)
    }

    fn overhead(&self) -> usize {
        self.0.overhead()
    }

    fn record_limit(&self) -> u64 {
        self.1
    }
}

impl Open for Limited<Box<dyn Open>> {
    fn open(&mut self, sequence: u64, header: &RecordHeader, body: &mut [u8]) -> Result<Opened, RecordError> {
        assert!(sequence < self.1, "opened past the limit");
        self.0.open(sequence, header, body)
    }

    fn record_limit(&self) -> u64 {
        self.1
    }
}

/// RFC 5246 6.1: a sequence number never wraps. The last record of a key is kept for the alert.
#[test]
fn a_key_is_used_up_and_one_alert_still_goes() {
    for protection in all() {
        let (mut writer, mut wire) = (Writer::new(), BytesMut::new());
        writer.install(Box::new(Limited(protection.sealer(), 4)));
        for _ in 0..3 {
            writer.write(DATA, b"x", provider().random, &mut wire).unwrap();
        }
        let before = wire.len();
        let used_up = writer.write(DATA, b"x", provider().random, &mut wire);
        assert_eq!((used_up, wire.len()), (Err(RecordError::Exhausted), before));
        assert_eq!(RecordError::Exhausted.alert(), AlertDescription::INTERNAL_ERROR);
        writer.write(ContentType::ALERT, &[1, 0], provider().random, &mut wire).unwrap();
        assert_eq!(
            writer.write(ContentType::ALERT, &[1, 0], provider().random, &mut wire),
            Err(RecordError::Exhausted)
        );
        // Fresh keys count anew.
        let last = wire.len();
        writer.install(protection.sealer());
        writer.write(DATA, b"y", provider().random, &mut wire).unwrap();
        let (mut reader, fresh) = (protection.reader(), wire.split_off(last));
        assert_eq!(read_all(&mut reader, &mut wire).unwrap().len(), 4);
        assert_eq!(protection.reader().next(&mut fresh.clone()).unwrap().unwrap().payload, b"y"[..]);

        let (mut writer, mut reader, mut wire) = (protection.writer(), Reader::new(), BytesMut::new());
        reader.install(Box::new(Limited(protection.opener(), 2)));
        for _ in 0..3 {
            writer.write(DATA, b"x", provider().random, &mut wire).unwrap();
        }
        assert!(reader.next(&mut wire).unwrap().is_some() && reader.next(&mut wire).unwrap().is_some());
        assert_eq!(reader.next(&mut wire), Err(RecordError::Exhausted));
    }
}

/// RFC 8446 5.5's bound on AES-GCM holds in TLS 1.2 as well; ChaCha20-Poly1305 and CBC have the sequence number's only.
#[test]
fn each_cipher_has_its_bound() {
    assert_eq!(aead(AeadAlgorithm::Aes128Gcm).sealer().record_limit(), 1 << 24);
    assert_eq!(aead(AeadAlgorithm::Aes256Gcm).sealer().record_limit(), 1 << 24);
    assert_eq!(aead(AeadAlgorithm::ChaCha20Poly1305).sealer().record_limit(), u64::MAX);
    for protection in all() {
        assert_eq!(protection.opener().record_limit(), u64::MAX);
    }
}

/// Has no randomness left.
#[derive(Debug)]
struct Broken;

impl SecureRandom for Broken {
    fn fill(&self, _: &mut [u8]) -> Result<(), CryptoError> {
        Err(CryptoError::Random)
    }
}

/// What cannot be sealed leaves nothing behind, above all no plaintext, and the next record is as if nothing had been.
#[test]
fn a_failure_to_seal_leaves_the_output_as_it_was() {
    for protection in all().into_iter().filter(|protection| protection.bulk.is_cbc()) {
        let (mut writer, mut wire) = (protection.writer(), BytesMut::new());
        writer.write(DATA, b"before", provider().random, &mut wire).unwrap();
        let before = wire.clone();
        let failed = writer.write(DATA, b"secret", &Broken, &mut wire);
        assert_eq!(failed, Err(RecordError::Crypto(CryptoError::Random)));
        assert_eq!(wire, before);
        writer.write(DATA, b"after", provider().random, &mut wire).unwrap();
        let records = read_all(&mut protection.reader(), &mut wire).unwrap();
        assert_eq!(records.iter().map(|record| &record.payload[..]).collect::<Vec<_>>(), [&b"before"[..], b"after"]);
    }
}

#[test]
fn unknown_types_are_refused() {
    for typ in (0..=255).filter(|typ| !(20..=23).contains(typ)) {
        // The first record of a connection is looked at more closely; so this is the second.
        let mut reader = Reader::new();
        let mut wire = BytesMut::from(&[22, 3, 1, 0, 1, 0, typ, 3, 3, 0, 1, 0][..]);
        reader.next(&mut wire).unwrap().unwrap();
        let error = reader.next(&mut wire).unwrap_err();
        assert_eq!(error, RecordError::UnknownType(ContentType(typ)));
        assert_eq!(error.alert(), AlertDescription::UNEXPECTED_MESSAGE);
        for protection in all() {
            let mut reader = protection.reader();
            reader.next(&mut protection.record(DATA, b"first")).unwrap().unwrap();
            assert_eq!(reader.next(&mut header(ContentType(typ), 64)), Err(RecordError::UnknownType(ContentType(typ))));
        }
    }
}

/// RFC 5246 6.2.1. Whoever refuses the version may not have it.
#[test]
fn only_the_agreed_version() {
    let mut reader = Reader::new();
    reader.set_version(ProtocolVersion::TLS_1_1);
    let mut next = |typ: u8, minor: u8| reader.next(&mut BytesMut::from(&[typ, 3, minor, 0, 1, 1][..])).map(drop);
    for typ in 20..=23 {
        assert_eq!(next(typ, 2), Ok(()));
        for minor in [0, 1, 3, 4, 255] {
            let error = RecordError::Version(ProtocolVersion(0x300 | u16::from(minor)));
            assert_eq!(next(typ, minor), if typ == 21 { Ok(()) } else { Err(error) });
        }
    }
    for protection in all12() {
        let record = protection.record(ContentType::ALERT, &[1, 0]);
        let version = RecordHeader::parse(&record).unwrap().version;
        for (agreed, taken) in [(version, true), (ProtocolVersion(version.0 ^ 1), false)] {
            let mut reader = protection.reader();
            reader.set_version(agreed);
            assert_eq!(reader.next(&mut record.clone()).is_ok(), taken, "{protection:?}");
        }
    }
}

/// RFC 8446 5.1, 5.2.
#[test]
fn protected_records_of_tls13_say_tls12() {
    for protection in all13() {
        for minor in [0, 1, 2, 4, 255] {
            let mut reader = protection.reader();
            let mut record = protection.record(DATA, b"data");
            record[2] = minor;
            let error = reader.next(&mut record).unwrap_err();
            assert_eq!(error, RecordError::Version(ProtocolVersion(0x300 | u16::from(minor))));
            assert_eq!(error.alert(), AlertDescription::PROTOCOL_VERSION);
            // Not what is not protected.
            let mut reader = protection.reader();
            reader.set_drop_change_cipher_spec(true);
            assert_eq!(reader.next(&mut BytesMut::from(&[20, 3, minor, 0, 1, 1][..])), Ok(None));
        }
    }
}

/// RFC 5246 E.1: any minor version before one is agreed; the major one is 3.
#[test]
fn versions_by_their_major_number() {
    for version in [0x0000, 0x0002, 0x0200, 0x0400, 0xfefd] {
        let mut reader = Reader::new();
        let [major, minor] = u16::to_be_bytes(version);
        let mut wire = BytesMut::from(&[22, 3, 1, 0, 1, 0, 22, major, minor, 0, 1, 0][..]);
        reader.next(&mut wire).unwrap().unwrap();
        let error = reader.next(&mut wire).unwrap_err();
        assert_eq!(error, RecordError::Version(ProtocolVersion(version)));
        assert_eq!(error.alert(), AlertDescription::PROTOCOL_VERSION);
    }
    for minor in 0..=255 {
        assert!(Reader::new().next(&mut BytesMut::from(&[22, 3, minor, 0, 1, 0][..])).unwrap().is_some());
    }
}

/// Only application data may be empty, and not for ever: such records cost their receiver work and their sender nothing.
#[test]
fn empty_records_are_counted() {
    const MAX_EMPTY: usize = 32;
    for protection in all12() {
        let (mut writer, mut reader, mut wire) = (protection.writer(), protection.reader(), BytesMut::new());
        for _ in 0..2 {
            for _ in 0..MAX_EMPTY {
                writer.write(DATA, b"", provider().random, &mut wire).unwrap();
                assert!(reader.next(&mut wire).unwrap().unwrap().payload.is_empty());
            }
            writer.write(DATA, b"x", provider().random, &mut wire).unwrap();
            reader.next(&mut wire).unwrap().unwrap();
        }
        for _ in 0..=MAX_EMPTY {
            writer.write(DATA, b"", provider().random, &mut wire).unwrap();
        }
        assert_eq!(read_all(&mut reader, &mut wire), Err(RecordError::TooManyEmpty), "{protection:?}");
        assert!(wire.is_empty(), "the last of them was one too many");
        assert_eq!(RecordError::TooManyEmpty.alert(), AlertDescription::UNEXPECTED_MESSAGE);

        for typ in [ContentType::HANDSHAKE, ContentType::ALERT, ContentType::CHANGE_CIPHER_SPEC] {
            let refused = writer.write(typ, b"", provider().random, &mut wire);
            assert_eq!((refused, wire.len()), (Err(RecordError::Empty(typ)), 0));
            protection.sealer().seal(0, typ, b"", provider().random, &mut wire).unwrap();
            assert_eq!(protection.reader().next(&mut wire), Err(RecordError::Empty(typ)));
        }
    }
    for typ in 20..=22 {
        let empty = Reader::new().next(&mut BytesMut::from(&[typ, 3, 3, 0, 0][..]));
        assert_eq!(empty, Err(RecordError::Empty(ContentType(typ))));
    }
}

/// `needed` tells a driver exactly how much to read, so that two reads make a record.
#[test]
fn what_is_needed_is_enough_and_not_too_much() {
    let protection = all().remove(0);
    let (mut writer, mut reader, mut wire) = (protection.writer(), protection.reader(), BytesMut::new());
    writer.write(DATA, &data(1000), provider().random, &mut wire).unwrap();
    let mut buffer = BytesMut::new();
    let mut asked = Vec::new();
    while reader.next(&mut buffer).unwrap().is_none() {
        let needed = reader.needed(&buffer);
        asked.push(needed);
        buffer.extend_from_slice(&wire.split_to(needed));
    }
    assert_eq!(asked, [5, 1000 + 8 + 16]);
    assert!(wire.is_empty() && buffer.is_empty());
    // Where it is not clear yet what comes, the next byte is.
    assert_eq!(Reader::new().needed(&BytesMut::from(&b"DELET"[..])), 1);
}

/// Bounds on what costs the peer nothing are as they are set.
#[test]
fn bounds_on_records_that_say_nothing_are_set() {
    let empty = [23, 3, 3, 0, 0];
    let nothing = [20, 3, 3, 0, 1, 1];
    for bound in [0, 1, 5, 255_u8] {
        let mut reader = Reader::new();
        reader.set_max_empty(bound);
        let mut buffer = BytesMut::from(&empty.repeat(usize::from(bound) + 1)[..]);
        for _ in 0..bound {
            assert!(reader.next(&mut buffer).unwrap().is_some());
        }
        assert!(matches!(reader.next(&mut buffer), Err(RecordError::TooManyEmpty)), "{bound}");

        let mut reader = Reader::new();
        reader.set_drop_change_cipher_spec(true);
        reader.set_max_change_cipher_specs(bound);
        let mut buffer = BytesMut::from(&nothing.repeat(usize::from(bound))[..]);
        assert!(reader.next(&mut buffer).unwrap().is_none() && buffer.is_empty());
        buffer.extend_from_slice(&nothing);
        assert!(matches!(reader.next(&mut buffer), Err(RecordError::ChangeCipherSpec)), "{bound}");
    }
}

/// A hello in SSL 2.0's format is waited for up to 4096 bytes; a longer one is none.
#[test]
fn a_hello_in_the_format_of_ssl_2_has_a_length() {
    for (length, waited_for) in [(4096_u16, true), (4097, false)] {
        let mut reader = Reader::new();
        reader.take_sslv2_hello();
        let [high, low] = length.to_be_bytes();
        let mut buffer = BytesMut::from(&[0x80 | high, low, 1, 3, 1][..]);
        let result = reader.next(&mut buffer);
        assert_eq!(matches!(result, Ok(None)), waited_for, "{length}: {result:?}");
    }
}
