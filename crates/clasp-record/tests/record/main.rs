//! The record layer from outside: what is sealed opens, what was touched does not, and every bound holds.

mod cbc;
mod foreign;
mod in_place;
mod limits;
mod rfc8448;
mod roundtrip;
mod tamper;
mod tls13;
mod vectors;

use bytes::BytesMut;
use clasp_crypto::{
    AeadAlgorithm, BlockCipherAlgorithm, CryptoError, HashAlgorithm, Provider, SecureRandom, default_provider,
};
use clasp_record::{
    Aead13Bulk, AeadBulk, Bulk, CbcBulk, Form, IvPolicy, Keys, Open, Reader, Record, RecordError, Seal, Writer,
};
use clasp_wire::{ContentType, ProtocolVersion};

const DATA: ContentType = ContentType::APPLICATION_DATA;

/// A way to protect records, with keys.
struct Protection {
    bulk: Box<dyn Bulk>,
    form: Form,
    mac_key: Vec<u8>,
    key: Vec<u8>,
    iv: Vec<u8>,
}

impl Protection {
    fn new(bulk: Box<dyn Bulk>, encrypt_then_mac: bool) -> Self {
        let lengths = bulk.lengths(IvPolicy::Explicit);
        let bytes = |seed: u8, len: usize| (seed..).take(len).collect();
        Self {
            form: Form::new(ProtocolVersion::TLS_1_2, IvPolicy::Explicit, encrypt_then_mac),
            mac_key: bytes(0x10, lengths.mac_key),
            key: bytes(0x50, lengths.key),
            iv: bytes(0xa0, lengths.iv),
            bulk,
        }
    }

    fn keys(&self) -> Keys<'_> {
        Keys { mac_key: &self.mac_key, key: &self.key, iv: &self.iv }
    }

    fn sealer(&self) -> Box<dyn Seal> {
        self.bulk.seal(provider(), self.keys(), self.form).unwrap()
    }

    fn opener(&self) -> Box<dyn Open> {
        self.bulk.open(provider(), self.keys(), self.form).unwrap()
    }

    fn writer(&self) -> Writer {
        let mut writer = Writer::new();
        writer.install(self.sealer());
        writer
    }

    fn reader(&self) -> Reader {
        let mut reader = Reader::new();
        reader.install(self.opener());
        reader
    }

    /// One record, sealed as the first under the keys.
    fn record(&self, content_type: ContentType, data: &[u8]) -> BytesMut {
        let mut out = BytesMut::new();
        self.writer().write(content_type, data, provider().random, &mut out).unwrap();
        out
    }
}

impl core::fmt::Debug for Protection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}, encrypt-then-MAC {}", self.bulk, self.form.encrypt_then_mac)
    }
}

fn provider() -> &'static Provider {
    default_provider()
}

fn aead(algorithm: AeadAlgorithm) -> Protection {
    Protection::new(Box::new(AeadBulk { algorithm }), false)
}

fn cbc(cipher: BlockCipherAlgorithm, mac: HashAlgorithm, encrypt_then_mac: bool) -> Protection {
    Protection::new(Box::new(CbcBulk { cipher, mac }), encrypt_then_mac)
}

const MACS: [HashAlgorithm; 3] = [HashAlgorithm::Sha1, HashAlgorithm::Sha256, HashAlgorithm::Sha384];

/// Every protection of TLS 1.2 that there is.
fn all12() -> Vec<Protection> {
    let mut all: Vec<Protection> =
        [AeadAlgorithm::Aes128Gcm, AeadAlgorithm::Aes256Gcm, AeadAlgorithm::ChaCha20Poly1305].map(aead).into();
    for cipher in [BlockCipherAlgorithm::Aes128, BlockCipherAlgorithm::Aes256] {
        for mac in MACS {
            all.extend([true, false].map(|encrypt_then_mac| cbc(cipher, mac, encrypt_then_mac)));
        }
    }
    all
}

fn aead13(algorithm: AeadAlgorithm) -> Protection {
    Protection::new(Box::new(Aead13Bulk { algorithm }), false)
}

const AEADS13: [AeadAlgorithm; 4] =
    [AeadAlgorithm::Aes128Gcm, AeadAlgorithm::Aes256Gcm, AeadAlgorithm::ChaCha20Poly1305, AeadAlgorithm::Aes128Ccm];

/// Every protection of TLS 1.3 that there is.
fn all13() -> [Protection; 4] {
    AEADS13.map(aead13)
}

fn all() -> Vec<Protection> {
    all12().into_iter().chain(all13()).collect()
}

/// Gives the same bytes every time.
#[derive(Debug)]
struct Fixed(u8);

impl SecureRandom for Fixed {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        for (byte, value) in out.iter_mut().zip(self.0..) {
            *byte = value;
        }
        Ok(())
    }
}

fn data(len: usize) -> Vec<u8> {
    (0..=250).cycle().step_by(3).take(len).collect()
}

fn hex(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 2, 0);
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// All records of a buffer, up to the first error.
fn read_all(reader: &mut Reader, buffer: &mut BytesMut) -> Result<Vec<Record>, RecordError> {
    let mut records = Vec::new();
    while let Some(record) = reader.next(buffer)? {
        records.push(record);
    }
    Ok(records)
}
