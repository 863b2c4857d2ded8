//! The record MAC of SSL 3.0: HMAC's forerunner, whose pads stand behind the key (RFC 6101 5.2.3.1).

use clasp_crypto::{Digest, HashAlgorithm, HashContext, HmacKey, Provider};
use clasp_record::{MacHeader, RecordMac};
use clasp_wire::{ContentType, ProtocolVersion};
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

use crate::schedule::{PAD_1, PAD_2, pad_len};

/// hash(key + pad 2 + hash(key + pad 1 + sequence number + type + length + content)). The version is not covered.
#[derive(Debug)]
pub struct Ssl30Mac;

/// The record MAC of SSL 3.0.
pub static SSL30_MAC: Ssl30Mac = Ssl30Mac;

impl RecordMac for Ssl30Mac {
    fn key(&self, provider: &Provider, hash: HashAlgorithm, key: &[u8]) -> Option<Box<dyn HmacKey>> {
        let (pad, hash) = (pad_len(hash)?, provider.hash(hash)?);
        let after = |pads: &[u8; 48]| {
            let mut context = hash.start();
            context.update(key);
            context.update(pads.get(..pad).unwrap_or_default());
            context
        };
        Some(Box::new(Key { inner: after(&PAD_1), outer: after(&PAD_2), output_len: hash.output_len() }))
    }

    fn header(&self, sequence: u64, content_type: ContentType, _: ProtocolVersion, length: usize) -> MacHeader {
        let [a, b, c, d, e, f, g, h] = sequence.to_be_bytes();
        let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        MacHeader::new(&[a, b, c, d, e, f, g, h, content_type.0, high, low])
    }
}

/// How many bytes of padding can stand before the length byte: less than the longest block has (RFC 6101 5.2.3.2).
const MOST_PADDING: usize = 15;

/// What was hashed of key and pads.
struct Key {
    inner: Box<dyn HashContext>,
    outer: Box<dyn HashContext>,
    output_len: usize,
}

impl Key {
    fn finish(&self, inner: Box<dyn HashContext>) -> Digest {
        let mut outer = self.outer.fork();
        outer.update(inner.finish().as_slice());
        outer.finish()
    }
}

impl HmacKey for Key {
    fn output_len(&self) -> usize {
        self.output_len
    }

    fn sign(&self, parts: &[&[u8]]) -> Digest {
        let mut inner = self.inner.fork();
        parts.iter().for_each(|part| inner.update(part));
        self.finish(inner)
    }

    /// Makes the MAC of every length there can be, and keeps the right one by a mask. Lengths more than [`MOST_PADDING`] bytes
    /// short of all `data`, which SSL 3.0 does not have, give a MAC of zeros.
    fn sign_secret_len(&self, prefix: &[u8], data: &[u8], secret_len: usize) -> Option<Digest> {
        let least = data.len().saturating_sub(MOST_PADDING);
        let (always, perhaps) = data.split_at(least);
        let mut inner = self.inner.fork();
        inner.update(prefix);
        inner.update(always);
        let mut result = [0; Digest::MAX];
        for more in 0..=perhaps.len() {
            let mut candidate = inner.fork();
            candidate.update(perhaps.get(..more).unwrap_or_default());
            let mac = self.finish(candidate);
            let wanted = (least + more).ct_eq(&secret_len);
            result.iter_mut().zip(mac.as_slice()).for_each(|(to, from)| to.conditional_assign(from, wanted));
        }
        let digest = Digest::new(result.get(..self.output_len).unwrap_or_default());
        result.zeroize();
        Some(digest)
    }
}

#[cfg(test)]
mod tests {
    use clasp_crypto::default_provider;

    use super::*;

    /// As the RFC writes it, in one go.
    fn spelt_out(hash: HashAlgorithm, key: &[u8], message: &[u8]) -> Digest {
        let pad = pad_len(hash).unwrap();
        let hash = default_provider().hash(hash).unwrap();
        let inner = hash.hash(&[key, &vec![0x36; pad], message]);
        hash.hash(&[key, &vec![0x5c; pad], inner.as_slice()])
    }

    #[test]
    fn every_length_gives_the_mac_of_that_length() {
        let data: Vec<u8> = (0..200).collect();
        for hash in [HashAlgorithm::Md5, HashAlgorithm::Sha1] {
            let secret = vec![0x42; hash.output_len()];
            let key = SSL30_MAC.key(default_provider(), hash, &secret).unwrap();
            for total in [0, 1, 14, 15, 16, 17, 63, 64, 65, 120, 200] {
                let data = &data[..total];
                for len in total.saturating_sub(MOST_PADDING)..=total {
                    let header = SSL30_MAC.header(7, ContentType::HANDSHAKE, ProtocolVersion::SSL_3_0, len);
                    let low = u8::try_from(len).unwrap();
                    assert_eq!(header.as_slice(), [0, 0, 0, 0, 0, 0, 0, 7, 22, 0, low]);
                    let expected = spelt_out(hash, &secret, &[header.as_slice(), &data[..len]].concat());
                    assert!(key.sign(&[header.as_slice(), &data[..len]]).ct_eq(expected.as_slice()));
                    let got = key.sign_secret_len(header.as_slice(), data, len).unwrap();
                    assert!(got.ct_eq(expected.as_slice()), "{hash:?} {total} {len}");
                }
            }
        }
        assert!(SSL30_MAC.key(default_provider(), HashAlgorithm::Sha256, &[0; 32]).is_none());
    }
}
