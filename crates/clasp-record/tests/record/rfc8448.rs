//! The protected records of RFC 8448, opened and sealed byte for byte.

use super::*;

const TRACES: &str = include_str!("rfc8448.txt");

#[test]
fn records_of_the_traces() {
    let bulk = Aead13Bulk { algorithm: AeadAlgorithm::Aes128Gcm };
    let form = Form::new(ProtocolVersion::TLS_1_2, IvPolicy::Explicit, false);
    let mut seen = 0;
    for direction in TRACES.split("\n\n").skip(1) {
        let mut lines = direction.lines();
        let (name, key, iv) = (lines.next().unwrap(), hex(lines.next().unwrap()), hex(lines.next().unwrap()));
        let keys = Keys { mac_key: &[], key: &key, iv: &iv };
        let (mut writer, mut reader) = (Writer::new(), Reader::new());
        writer.install(bulk.seal(provider(), keys, form).unwrap());
        reader.install(bulk.open(provider(), keys, form).unwrap());
        for line in lines {
            let [typ, payload, record] = line.split(' ').map(hex).collect::<Vec<_>>().try_into().unwrap();
            let typ = ContentType(typ[0]);
            let mut wire = BytesMut::new();
            writer.write(typ, &payload, provider().random, &mut wire).unwrap();
            assert_eq!(wire[..], record, "{name}: record {seen}");
            let opened = reader.next(&mut wire).unwrap().unwrap();
            assert_eq!((opened.content_type, &opened.payload[..]), (typ, &payload[..]), "{name}");
            seen += 1;
        }
    }
    assert_eq!(seen, 14);
}
