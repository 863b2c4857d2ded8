//! Nothing is copied on the way in, and nothing is allocated twice on the way out.

use super::*;

/// The payload is a view of the very bytes the record came in.
#[test]
fn payloads_lie_in_the_buffer_they_came_in() {
    let mut plain = BytesMut::new();
    Writer::new().write(DATA, &data(5000), provider().random, &mut plain).unwrap();
    let mut cases = vec![(Reader::new(), plain)];
    cases.extend(all().iter().map(|protection| (protection.reader(), protection.record(DATA, &data(5000)))));
    for (mut reader, record) in cases {
        // Room behind it: the buffer of a connection goes on.
        let mut buffer = BytesMut::with_capacity(1 << 16);
        buffer.extend_from_slice(&record);
        buffer.extend_from_slice(&record);
        let came_in = buffer.as_ptr_range();
        let record = reader.next(&mut buffer).unwrap().unwrap();
        let payload = record.payload.as_ptr_range();
        assert!(came_in.start < payload.start && payload.end <= came_in.end, "{reader:?}");
        assert!(record.payload == data(5000));
        // What follows was not moved either, and the view outlives it.
        assert!(came_in.start < buffer.as_ptr() && buffer.as_ptr() < came_in.end);
        drop(buffer);
        assert!(record.payload == data(5000));
    }
}

/// Records are sealed at the tail of the output, whose memory is asked for once.
#[test]
fn sealing_appends_to_one_buffer() {
    for protection in all() {
        for length in [1, 100, 16384, 50_000] {
            let mut writer = protection.writer();
            let mut out = BytesMut::with_capacity(200_000);
            out.extend_from_slice(b"what stands there already");
            let before = (out.as_ptr(), out.capacity());
            writer.write(DATA, &data(length), provider().random, &mut out).unwrap();
            writer.write(ContentType::ALERT, &[1, 0], provider().random, &mut out).unwrap();
            assert_eq!((out.as_ptr(), out.capacity()), before, "{protection:?}: the buffer was replaced");
            assert_eq!(&out[..25], b"what stands there already");
            let mut sealed = out.split_off(25);
            let records = read_all(&mut protection.reader(), &mut sealed).unwrap();
            assert!(
                records
                    .iter()
                    .flat_map(|record| &record.payload[..])
                    .copied()
                    .eq([&data(length)[..], &[1, 0]].concat())
            );
        }
        // From nothing: memory for all records is asked for at once, and `overhead` says enough.
        let (mut writer, mut out) = (protection.writer(), BytesMut::new());
        writer.write(DATA, &data(40_000), provider().random, &mut out).unwrap();
        assert_eq!(out.capacity(), 40_000 + 3 * protection.sealer().overhead(), "{protection:?}");
    }
}

/// A record that has been taken out holds on to no more than the rest of the buffer does: both are one allocation, which is
/// free again when all views are gone.
#[test]
fn a_buffer_is_used_again_when_its_views_are_gone() {
    let protection = aead(AeadAlgorithm::Aes128Gcm);
    let (mut writer, mut reader) = (protection.writer(), protection.reader());
    let mut buffer = BytesMut::with_capacity(4096);
    let memory = buffer.as_ptr();
    for _ in 0..50 {
        let mut record = BytesMut::new();
        writer.write(DATA, &data(3000), provider().random, &mut record).unwrap();
        buffer.reserve(record.len());
        assert_eq!(buffer.as_ptr(), memory, "another buffer was allocated");
        buffer.extend_from_slice(&record);
        drop(reader.next(&mut buffer).unwrap().unwrap());
    }
}
