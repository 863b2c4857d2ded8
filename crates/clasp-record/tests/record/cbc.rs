//! CBC records made by hand, right and wrong in every way a peer or an attacker can make them (RFC 5246 6.2.3.2, RFC 7366).
//!
//! The maker below uses the primitives only, and shares nothing with the code under test.

use super::*;
use clasp_wire::RecordHeader;

const BLOCK: usize = 16;
const BAD: Result<Option<Record>, RecordError> = Err(RecordError::BadRecordMac);

/// Makes the first record under the keys out of content, MAC and padding; `spoil` may change what is to be encrypted, the
/// MAC over the plaintext included, and, with encrypt-then-MAC, before the MAC is taken.
fn made(protection: &Protection, content: &[u8], padding: &[u8], spoil: impl FnOnce(&mut Vec<u8>)) -> BytesMut {
    let (cipher, mac) = suite(protection);
    let etm = protection.form.encrypt_then_mac;
    let mac = provider().mac_hmac(mac).unwrap().with_key(&protection.mac_key);
    let covered = |length: usize| {
        let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
        [0, 0, 0, 0, 0, 0, 0, 0, 23, 3, 3, high, low]
    };
    let mut plain = content.to_vec();
    if !etm {
        plain.extend_from_slice(mac.sign(&[&covered(content.len()), content]).as_slice());
    }
    plain.extend_from_slice(padding);
    spoil(&mut plain);
    let iv = [0x99; BLOCK];
    provider().block_cipher(cipher).unwrap().encryptor(&protection.key).unwrap().encrypt(&iv, &mut plain).unwrap();
    let mut body = [&iv[..], &plain].concat();
    if etm {
        let tag = mac.sign(&[&covered(body.len()), &body]);
        body.extend_from_slice(tag.as_slice());
    }
    let length = u16::try_from(body.len()).unwrap();
    let header = RecordHeader { content_type: DATA, version: ProtocolVersion::TLS_1_2, length };
    BytesMut::from(&[&header.encode()[..], &body].concat()[..])
}

/// The MAC's length in what is encrypted.
fn inner_mac(protection: &Protection) -> usize {
    if protection.form.encrypt_then_mac { 0 } else { protection.mac_key.len() }
}

fn suite(protection: &Protection) -> (BlockCipherAlgorithm, HashAlgorithm) {
    let cipher = if protection.key.len() == 16 { BlockCipherAlgorithm::Aes128 } else { BlockCipherAlgorithm::Aes256 };
    let mac = MACS.into_iter().find(|mac| mac.output_len() == protection.mac_key.len()).unwrap();
    (cipher, mac)
}

fn all_cbc() -> Vec<Protection> {
    let mut all = all();
    all.retain(|protection| protection.bulk.is_cbc());
    assert_eq!(all.len(), 12);
    all
}

/// Padding of a length byte and as many bytes before it.
fn padding(length: u8) -> Vec<u8> {
    vec![length; usize::from(length) + 1]
}

/// The shortest content that fills whole blocks with a padding of so many bytes.
fn fitting(protection: &Protection, padding: usize) -> usize {
    (BLOCK - (inner_mac(protection) + padding) % BLOCK) % BLOCK
}

fn open(protection: &Protection, mut record: BytesMut) -> Result<Option<Record>, RecordError> {
    protection.reader().next(&mut record)
}

/// A peer may pad by any number of bytes up to 255, to hide lengths: all must open, and the shortest must be ours.
#[test]
fn every_padding_length_opens() {
    for protection in all_cbc() {
        for length in 0..=255 {
            for blocks in [0, 1, 20] {
                let content = data(fitting(&protection, usize::from(length) + 1) + blocks * BLOCK);
                let record = open(&protection, made(&protection, &content, &padding(length), |_| {}));
                let record =
                    record.unwrap_or_else(|error| panic!("{protection:?}: {length} {blocks}: {error}")).unwrap();
                assert!(record.payload == content, "{protection:?}: {length} {blocks}");
            }
        }
        for length in 0..100 {
            let sealed = protection.record(DATA, &data(length));
            let inner = length + inner_mac(&protection);
            let outer = if protection.form.encrypt_then_mac { protection.mac_key.len() } else { 0 };
            assert_eq!(sealed.len(), 5 + BLOCK + (inner / BLOCK + 1) * BLOCK + outer, "the shortest padding");
        }
    }
}

/// Every byte of the padding must be the length (POODLE is what happens otherwise), and there must be room for it.
#[test]
fn wrong_padding_is_refused() {
    for protection in all_cbc() {
        for length in [0, 1, 14, 15, 16, 255] {
            let content = data(fitting(&protection, usize::from(length) + 1) + BLOCK);
            for at in 0..=usize::from(length) {
                for change in [1, 0xff] {
                    let mut padding = padding(length);
                    padding[at] ^= change;
                    let last = *padding.last().unwrap();
                    let record = made(&protection, &content, &padding, |_| {});
                    let opened = open(&protection, record);
                    if last == 0 && protection.form.encrypt_then_mac {
                        // A padding of one byte after all, which the peer has authenticated: it is the peer's to say so.
                        assert_eq!(opened.unwrap().unwrap().payload.len(), content.len() + padding.len() - 1);
                    } else {
                        assert_eq!(opened, BAD, "{protection:?}: {length} {at} {change}");
                    }
                }
            }
        }
        // A length byte that says more than is there.
        for blocks in [1, 2, 3, 15, 16] {
            let whole = blocks * BLOCK + fitting(&protection, 1);
            for length in 0..=255 {
                let room = whole + 1;
                if usize::from(length) + 1 > room {
                    let record = made(&protection, &vec![length; whole], &[length], |_| {});
                    assert_eq!(open(&protection, record), BAD, "{protection:?}: {blocks} {length}");
                }
            }
        }
    }
}

#[test]
fn a_wrong_mac_is_refused_wherever_it_lies() {
    for protection in all_cbc().into_iter().filter(|protection| !protection.form.encrypt_then_mac) {
        let mac_len = inner_mac(&protection);
        for length in [0, 1, 7, 15, 16, 240, 255] {
            let content = data(fitting(&protection, usize::from(length) + 1) + 2 * BLOCK);
            for at in 0..content.len() + mac_len {
                let record = made(&protection, &content, &padding(length), |plain| plain[at] ^= 4);
                assert_eq!(open(&protection, record), BAD, "{protection:?}: {length} {at}");
            }
            // The MAC one byte off its place, either way.
            let record = made(&protection, &content, &padding(length), |plain| {
                plain[content.len()..content.len() + mac_len].rotate_left(1);
            });
            assert_eq!(open(&protection, record), BAD);
        }
    }
    for protection in all_cbc().into_iter().filter(|protection| protection.form.encrypt_then_mac) {
        let record = made(&protection, &data(fitting(&protection, 1)), &padding(0), |_| {});
        for at in record.len() - protection.mac_key.len()..record.len() {
            let mut record = record.clone();
            record[at] ^= 1;
            assert_eq!(open(&protection, record), BAD);
        }
    }
}

/// No padding length is judged less than another: under each one, a changed byte of the MAC or of the padding, a MAC over
/// another length, and a padding that is not as long as it says, fail.
#[test]
fn what_is_wrong_is_refused_under_every_padding_length() {
    for protection in all_cbc() {
        let etm = protection.form.encrypt_then_mac;
        let mac_len = protection.mac_key.len();
        let hmac = provider().mac_hmac(suite(&protection).1).unwrap().with_key(&protection.mac_key);
        for length in 0..=255_u8 {
            let count = usize::from(length);
            let content = data(fitting(&protection, count + 1) + 2 * BLOCK);
            let refused = |padding: &[u8], what: &str, spoil: &dyn Fn(&mut Vec<u8>)| {
                let record = made(&protection, &content, padding, spoil);
                assert_eq!(open(&protection, record), BAD, "{protection:?}: {length} {what}");
            };

            for at in [0, count % mac_len, mac_len - 1] {
                if etm {
                    let mut record = made(&protection, &content, &padding(length), |_| {});
                    let begin = record.len() - mac_len;
                    record[begin + at] ^= 1 << (count % 8);
                    assert_eq!(open(&protection, record), BAD, "{protection:?}: {length} MAC byte {at}");
                } else {
                    let change = 1 << (count % 8);
                    refused(&padding(length), "a byte of the MAC", &|plain| plain[content.len() + at] ^= change);
                }
            }
            // The length byte itself is the last case below.
            for at in [0, count / 2, count.saturating_sub(1)].into_iter().filter(|at| *at < count) {
                let mut padding = padding(length);
                padding[at] ^= 1 << (count % 8);
                refused(&padding, "a byte of the padding", &|_| {});
            }
            if !etm {
                for other in [content.len() - 1, content.len() + 1] {
                    let [high, low] = u16::try_from(other).unwrap().to_be_bytes();
                    let covered = [0, 0, 0, 0, 0, 0, 0, 0, 23, 3, 3, high, low];
                    let mac = hmac.sign(&[&covered, &content]);
                    refused(&padding(length), "a MAC over another length", &|plain| {
                        plain[content.len()..content.len() + mac_len].copy_from_slice(mac.as_slice());
                    });
                }
                refused(&vec![length; count + 1 + BLOCK], "a block more than it says", &|_| {});
            }
            if count >= BLOCK {
                refused(&vec![length; count + 1 - BLOCK], "a block less than it says", &|plain| plain[0] ^= 1);
            }
            for last in [length.wrapping_sub(1), length.wrapping_add(1)] {
                // A last byte of 0 is a padding of its own, which a peer whose MAC comes after may choose.
                if !(etm && last == 0) {
                    let mut padding = padding(length);
                    *padding.last_mut().unwrap() = last;
                    refused(&padding, "another length byte", &|_| {});
                }
            }
        }
    }
}

/// Padding and MAC wrong together, or in turn, look alike: one error that says nothing (Vaudenay, 2002).
#[test]
fn what_was_wrong_is_not_told() {
    let protection = cbc(BlockCipherAlgorithm::Aes128, HashAlgorithm::Sha1, false);
    let content = data(fitting(&protection, 8) + BLOCK);
    let wrong_padding = made(&protection, &content, &[7, 7, 7, 6, 7, 7, 7, 7], |_| {});
    let wrong_mac = made(&protection, &content, &padding(7), |plain| plain[content.len()] ^= 1);
    let both = made(&protection, &content, &[7, 7, 7, 6, 7, 7, 7, 7], |plain| plain[content.len()] ^= 1);
    let short = made(&protection, &[], &padding(11), |plain| plain.truncate(BLOCK));
    let errors = [wrong_padding, wrong_mac, both, short].map(|record| open(&protection, record).unwrap_err());
    for error in errors {
        assert_eq!((error.to_string(), error.alert()), (errors[0].to_string(), errors[0].alert()));
    }
}

#[test]
fn bodies_too_short_or_of_broken_blocks_are_refused() {
    for protection in all_cbc() {
        let least = 2 * BLOCK + protection.mac_key.len();
        for len in 0..least + 40 {
            for fill in [0, 0x0f, 0xff] {
                let header = [23, 3, 3, 0, u8::try_from(len).unwrap()];
                let record = BytesMut::from(&[&header[..], &vec![fill; len]].concat()[..]);
                assert_eq!(open(&protection, record), BAD, "{protection:?}: {len}");
            }
        }
    }
    // With encrypt-then-MAC what is not whole blocks may be rightly authenticated, and is still refused.
    let protection = cbc(BlockCipherAlgorithm::Aes128, HashAlgorithm::Sha256, true);
    let mac = provider().mac_hmac(HashAlgorithm::Sha256).unwrap().with_key(&protection.mac_key);
    for len in (0..70).filter(|len| *len <= BLOCK || len % BLOCK != 0) {
        let body = vec![0; len];
        let aad = [0, 0, 0, 0, 0, 0, 0, 0, 23, 3, 3, 0, u8::try_from(len).unwrap()];
        let tag = mac.sign(&[&aad, &body]);
        let header = [23, 3, 3, 0, u8::try_from(len + 32).unwrap()];
        let record = BytesMut::from(&[&header[..], &body, tag.as_slice()].concat()[..]);
        assert_eq!(open(&protection, record), BAD, "{len}");
    }
}

/// A record of one form is none of the other (RFC 7366 3: the two sides must agree).
#[test]
fn the_two_orders_do_not_open_each_other() {
    for mac in MACS {
        let orders = [true, false].map(|order| cbc(BlockCipherAlgorithm::Aes256, mac, order));
        for length in [0, 1, 100] {
            assert_eq!(open(&orders[0], orders[1].record(DATA, &data(length))), BAD);
            assert_eq!(open(&orders[1], orders[0].record(DATA, &data(length))), BAD);
        }
    }
}
