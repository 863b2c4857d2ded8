//! The record layer: no panic, and nothing opens that was not sealed.

use bytes::{Bytes, BytesMut};
use clasp_crypto::{AeadAlgorithm, BlockCipherAlgorithm, HashAlgorithm, default_provider};
use clasp_record::{AeadBulk, Bulk, CbcBulk, Form, IvPolicy, Keys, Reader};
use clasp_wire::ProtocolVersion;

/// Plaintext records: pieces of any size give the same records as the whole.
pub fn deframer(data: &[u8]) {
    let whole = records(data, data.len().max(1));
    let bytewise = records(data, 1);
    assert_eq!(whole, bytewise);
    assert!(whole.iter().map(Bytes::len).sum::<usize>() <= data.len());
}

fn records(data: &[u8], piece: usize) -> Vec<Bytes> {
    let (mut reader, mut buffer, mut out) = (Reader::new(), BytesMut::new(), Vec::new());
    for piece in data.chunks(piece) {
        buffer.extend_from_slice(piece);
        loop {
            match reader.next(&mut buffer) {
                Ok(Some(record)) => out.push(record.payload),
                Ok(None) => break,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    return out;
                }
            }
        }
    }
    out
}

fn open(bulk: &dyn Bulk, etm: bool, data: &[u8]) {
    let lengths = bulk.lengths();
    let (mac_key, key, iv) = (vec![1; lengths.mac_key], vec![2; lengths.key], vec![3; lengths.iv]);
    let keys = Keys { mac_key: &mac_key, key: &key, iv: &iv };
    let form = Form::new(ProtocolVersion::TLS_1_2, IvPolicy::Explicit, etm);
    let Ok(opener) = bulk.open(default_provider(), keys, form) else { return };
    let mut reader = Reader::new();
    reader.install(opener);
    let Ok(len) = u16::try_from(data.len()) else { return };
    let mut record = BytesMut::from(&[23, 3, 3][..]);
    record.extend_from_slice(&len.to_be_bytes());
    record.extend_from_slice(data);
    assert!(!matches!(reader.next(&mut record), Ok(Some(_))), "a forgery was opened");
}

/// Any bytes as a record under AEAD keys.
pub fn record_open_aead(data: &[u8]) {
    for algorithm in [AeadAlgorithm::Aes128Gcm, AeadAlgorithm::Aes256Gcm, AeadAlgorithm::ChaCha20Poly1305] {
        open(&AeadBulk { algorithm }, false, data);
    }
}

/// Any bytes as a record under CBC keys, in both MAC orders.
pub fn record_open_cbc(data: &[u8]) {
    for mac in [HashAlgorithm::Sha1, HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
        let bulk = CbcBulk { cipher: BlockCipherAlgorithm::Aes128, mac };
        open(&bulk, false, data);
        open(&bulk, true, data);
    }
}
