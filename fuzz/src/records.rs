//! The record layer: the same records whatever the pieces, and nothing opens but what was sealed, held against a plain
//! reading of the RFCs.

use bytes::BytesMut;
use clasp_crypto::{AeadAlgorithm, BlockCipherAlgorithm, HashAlgorithm, default_provider};
use clasp_record::{AeadBulk, Bulk, CbcBulk, Form, IvPolicy, Keys, Open, Reader, Record, RecordError};
use clasp_wire::{ContentType, MAX_PLAINTEXT, ProtocolVersion, RecordHeader};

use crate::keys::records;

/// How many empty records of application data may follow one another.
const MOST_EMPTY: usize = 32;

/// Plaintext records: pieces of any size give the same records, and the same error, as the whole. They are those that a plain
/// reading of RFC 5246 6.2.1 finds, up to the first that may not be.
pub fn deframer(data: &[u8]) {
    let whole = deframe(data, data.len().max(1));
    let bytewise = deframe(data, 1);
    assert_eq!(whole, bytewise);
    let mut empty = 0;
    let good = |header: &RecordHeader, empty: usize| {
        (20..=23).contains(&header.content_type.0)
            && header.version.0 >> 8 == 3
            && usize::from(header.length) <= MAX_PLAINTEXT
            && (header.length > 0 || header.content_type == ContentType::APPLICATION_DATA && empty <= MOST_EMPTY)
    };
    let plain = records(data).into_iter().take_while(|(header, _)| {
        empty = if header.length == 0 { empty + 1 } else { 0 };
        good(header, empty)
    });
    let plain: Vec<_> =
        plain.map(|(header, record)| (header.content_type, record[RecordHeader::LEN..].to_vec())).collect();
    let found: Vec<_> = whole.0.iter().map(|record| (record.content_type, record.payload.to_vec())).collect();
    assert_eq!(found, plain, "not the records that are there");
}

fn deframe(data: &[u8], piece: usize) -> (Vec<Record>, Option<RecordError>) {
    let (mut reader, mut buffer, mut out) = (Reader::new(), BytesMut::new(), Vec::new());
    for piece in data.chunks(piece) {
        buffer.extend_from_slice(piece);
        loop {
            match reader.next(&mut buffer) {
                Ok(Some(record)) => out.push(record),
                Ok(None) => break,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    // How much has come decides between what it may be instead.
                    return (out, Some(error).filter(|error| !matches!(error, RecordError::NotTls(_))));
                }
            }
        }
        assert!(reader.needed(&buffer) > 0);
    }
    (out, None)
}

/// Keys, and where and under what a record is sealed, out of an input.
struct Sealed<'a> {
    mac_key: &'a [u8],
    key: &'a [u8],
    iv: &'a [u8],
    sequence: u64,
    content_type: ContentType,
    /// What is left of the input.
    body: &'a [u8],
}

impl<'a> Sealed<'a> {
    /// Keys first, then a byte each for the sequence number and the type, then the body.
    fn parse(bulk: &dyn Bulk, input: &'a [u8]) -> Option<Self> {
        let lengths = bulk.lengths(IvPolicy::Explicit);
        let (mac_key, rest) = input.split_at_checked(lengths.mac_key)?;
        let (key, rest) = rest.split_at_checked(lengths.key)?;
        let (iv, rest) = rest.split_at_checked(lengths.iv)?;
        let ([sequence, typ], body) = rest.split_first_chunk()?;
        // Types that are none of TLS's are refused by their header.
        let content_type = ContentType(20 + typ % 4);
        Some(Self { mac_key, key, iv, sequence: u64::from(*sequence), content_type, body })
    }

    fn keys(&self) -> Keys<'_> {
        Keys { mac_key: self.mac_key, key: self.key, iv: self.iv }
    }

    fn header(&self, length: usize) -> Option<RecordHeader> {
        let version = ProtocolVersion::TLS_1_2;
        Some(RecordHeader { content_type: self.content_type, version, length: u16::try_from(length).ok()? })
    }

    /// Sequence number, type, version, and the length of what is protected (RFC 5246 6.2.3.1, 6.2.3.3).
    fn covered(&self, length: usize) -> Vec<u8> {
        let length = u16::try_from(length).expect("the length of a record");
        [&self.sequence.to_be_bytes()[..], &[self.content_type.0, 3, 3], &length.to_be_bytes()].concat()
    }

    /// Opens a body; `None` when it does not open. Nothing but that may be told of it.
    fn open(&self, opener: &mut dyn Open, body: &[u8]) -> Option<Vec<u8>> {
        let mut opening = body.to_vec();
        match opener.open(self.sequence, &self.header(body.len())?, &mut opening) {
            Ok(opened) => {
                assert_eq!(opened.content_type, self.content_type);
                Some(opening[opened.range].to_vec())
            }
            Err(error) => {
                assert_eq!(error, RecordError::BadRecordMac);
                None
            }
        }
    }
}

fn form(encrypt_then_mac: bool) -> Form {
    Form::new(ProtocolVersion::TLS_1_2, IvPolicy::Explicit, encrypt_then_mac)
}

/// Keys and a record from the input (the first byte chooses the algorithm). The record as it stands opens only if sealing
/// its plaintext gives it again; and its body, sealed as a plaintext, opens, but not with any one bit of it changed.
pub fn record_open_aead(input: &[u8]) {
    let Some((choice, rest)) = input.split_first() else { return };
    let algorithms = [AeadAlgorithm::Aes128Gcm, AeadAlgorithm::Aes256Gcm, AeadAlgorithm::ChaCha20Poly1305];
    let algorithm = algorithms[usize::from(choice % 3)];
    let bulk = AeadBulk { algorithm };
    let Some(sealed) = Sealed::parse(&bulk, rest) else { return };
    let provider = default_provider();
    let mut opener = bulk.open(provider, sealed.keys(), form(false)).expect("keys of the right length");

    if let Some(plaintext) = sealed.open(opener.as_mut(), sealed.body) {
        assert_eq!(seal_aead(algorithm, &sealed, &plaintext), sealed.body, "opened, and not what was sealed");
    }

    let mut sealer = bulk.seal(provider, sealed.keys(), form(false)).expect("keys of the right length");
    let plaintext = &sealed.body[..sealed.body.len().min(1 << 14)];
    let mut record = BytesMut::new();
    sealer.seal(sealed.sequence, sealed.content_type, plaintext, provider.random, &mut record).expect("room");
    assert!(record.len() <= plaintext.len() + sealer.overhead());
    let mut body = record.split_off(RecordHeader::LEN);
    assert_eq!(sealed.open(opener.as_mut(), &body).as_deref(), Some(plaintext));
    let at = usize::from(choice / 3) % body.len();
    for place in [at, body.len() - 1 - at] {
        body[place] ^= 1 << (sealed.sequence % 8);
        assert_eq!(sealed.open(opener.as_mut(), &body), None, "a forgery was opened");
        body[place] ^= 1 << (sealed.sequence % 8);
    }
}

/// RFC 5288 3 and RFC 7905 2, with the nonce that the record itself shows.
fn seal_aead(algorithm: AeadAlgorithm, sealed: &Sealed<'_>, plaintext: &[u8]) -> Vec<u8> {
    let mut nonce = [0; 12];
    let explicit = if algorithm == AeadAlgorithm::ChaCha20Poly1305 {
        nonce[4..].copy_from_slice(&sealed.sequence.to_be_bytes());
        nonce.iter_mut().zip(sealed.iv).for_each(|(byte, iv)| *byte ^= iv);
        &[]
    } else {
        nonce[..4].copy_from_slice(sealed.iv);
        nonce[4..].copy_from_slice(&sealed.body[..8]);
        &sealed.body[..8]
    };
    let key = default_provider().aead(algorithm).expect("in the provider").with_key(sealed.key).expect("its length");
    let mut data = plaintext.to_vec();
    let tag = key.seal_in_place(&nonce, &sealed.covered(plaintext.len()), &mut data).expect("sealed");
    [explicit, &data, &tag].concat()
}

/// Keys and a record from the input (the first byte chooses MAC, cipher, their order, and whether the padding is put right).
/// The record as it stands opens to what a plain reading of the RFC makes of it, or not at all; and so does the body taken
/// for what stands under the encryption, with a MAC that is right, or is not by one bit.
pub fn record_open_cbc(input: &[u8]) {
    let Some((choice, rest)) = input.split_first() else { return };
    let macs = [HashAlgorithm::Sha1, HashAlgorithm::Sha256, HashAlgorithm::Sha384];
    let mac = macs[usize::from(choice % 3)];
    let cipher = if choice & 0x80 == 0 { BlockCipherAlgorithm::Aes128 } else { BlockCipherAlgorithm::Aes256 };
    let encrypt_then_mac = choice & 0x40 != 0;
    let bulk = CbcBulk { cipher, mac };
    let Some(sealed) = Sealed::parse(&bulk, rest) else { return };
    let plain = PlainCbc { cipher, mac, encrypt_then_mac, sealed: &sealed };
    let opener = bulk.open(default_provider(), sealed.keys(), form(encrypt_then_mac));
    let mut opener = opener.expect("keys of the right length");

    let opened = sealed.open(opener.as_mut(), sealed.body);
    assert_eq!(opened, plain.open(sealed.body), "not what RFC 5246 6.2.3.2 says");

    // With the MAC as it should be, and with one bit of it changed.
    for spoilt in [None, Some(sealed.sequence)] {
        let made = plain.seal(sealed.body, choice & 0x20 != 0, spoilt);
        let opened = sealed.open(opener.as_mut(), &made);
        assert_eq!(opened, plain.open(&made), "not what RFC 5246 6.2.3.2 says");
    }
}

/// CBC records with branches (RFC 5246 6.2.3.2, RFC 7366 3).
struct PlainCbc<'a> {
    cipher: BlockCipherAlgorithm,
    mac: HashAlgorithm,
    encrypt_then_mac: bool,
    sealed: &'a Sealed<'a>,
}

impl PlainCbc<'_> {
    fn mac(&self, covered_length: usize, content: &[u8]) -> Vec<u8> {
        let hmac = default_provider().mac_hmac(self.mac).expect("in the provider").with_key(self.sealed.mac_key);
        hmac.sign(&[&self.sealed.covered(covered_length), content]).as_slice().to_vec()
    }

    fn open(&self, body: &[u8]) -> Option<Vec<u8>> {
        let mac_len = self.mac.output_len();
        let sealed = if self.encrypt_then_mac {
            let (sealed, mac) = body.split_at_checked(body.len().checked_sub(mac_len)?)?;
            (self.mac(sealed.len(), sealed) == mac).then_some(sealed)?
        } else {
            body
        };
        let (iv, data) = sealed.split_at_checked(self.cipher.block_len())?;
        if data.is_empty() || data.len() % self.cipher.block_len() != 0 {
            return None;
        }
        let cipher = default_provider().block_cipher(self.cipher).expect("in the provider");
        let mut data = data.to_vec();
        cipher.decryptor(self.sealed.key).expect("its length").decrypt(iv, &mut data).expect("whole blocks");
        let padding = *data.last()?;
        let content = data.len().checked_sub(usize::from(padding) + 1)?;
        if data[content..].iter().any(|byte| *byte != padding) {
            return None;
        }
        data.truncate(content);
        if !self.encrypt_then_mac {
            let content = data.len().checked_sub(mac_len)?;
            let mac = data.split_off(content);
            (self.mac(content, &data) == mac).then_some(())?;
        }
        Some(data)
    }

    /// Encrypts `inner`, of which the first block is the initialisation vector, what is left over of blocks is not used, and
    /// the last byte the length of the padding, whose other bytes are put right or stay as they are. With MAC-then-encrypt
    /// a right MAC is written before it; with encrypt-then-MAC behind it all. `spoilt` names a bit of the MAC to be changed.
    fn seal(&self, inner: &[u8], right_padding: bool, spoilt: Option<u64>) -> Vec<u8> {
        let spoil = |mut mac: Vec<u8>| {
            let at = usize::try_from(spoilt.unwrap_or(0)).unwrap_or(0) % mac.len();
            mac[at] ^= u8::from(spoilt.is_some()) << (at % 8);
            mac
        };
        let block = self.cipher.block_len();
        let mac_len = self.mac.output_len();
        let mut body = inner[..(inner.len() / block * block).min(1 << 14)].to_vec();
        let Some((iv, data)) = body.split_at_mut_checked(block) else { return body };
        if let Some(padding) = data.last().copied()
            && let Some(end) = data.len().checked_sub(usize::from(padding) + 1)
        {
            if right_padding {
                data[end..].fill(padding);
            }
            if let Some(content) = end.checked_sub(mac_len).filter(|_| !self.encrypt_then_mac) {
                let mac = spoil(self.mac(content, &data[..content]));
                data[content..end].copy_from_slice(&mac);
            }
        }
        let cipher = default_provider().block_cipher(self.cipher).expect("in the provider");
        cipher.encryptor(self.sealed.key).expect("its length").encrypt(iv, data).expect("whole blocks");
        if self.encrypt_then_mac {
            let mac = spoil(self.mac(body.len(), &body));
            body.extend_from_slice(&mac);
        }
        body
    }
}
