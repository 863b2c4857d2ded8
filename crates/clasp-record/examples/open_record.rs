//! Opens a captured TLS 1.2 record: `open_record SUITE KEY IV SEQUENCE [MAC_KEY] < record-in-hexadecimal`.
//!
//! SUITE is aes128-gcm, aes256-gcm, chacha20, aes128-cbc-sha or aes256-cbc-sha; KEY, IV and MAC_KEY are in hexadecimal
//! (`-` for none). The keys are what `clasp-keys`' example prints.

use clasp_crypto::{AeadAlgorithm, BlockCipherAlgorithm, HashAlgorithm, default_provider};
use clasp_record::{AeadBulk, Bulk, CbcBulk, Form, IvPolicy, Keys};
use clasp_wire::{ProtocolVersion, RecordHeader};

fn unhex(text: &str) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?)).collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [suite, key, iv, sequence, mac_key @ ..] = words.as_slice() else {
        return Err("usage: open_record SUITE KEY IV SEQUENCE [MAC_KEY] < record".into());
    };
    let cbc = |cipher| CbcBulk { cipher, mac: HashAlgorithm::Sha1 };
    let bulk: Box<dyn Bulk> = match suite.as_str() {
        "aes128-gcm" => Box::new(AeadBulk { algorithm: AeadAlgorithm::Aes128Gcm }),
        "aes256-gcm" => Box::new(AeadBulk { algorithm: AeadAlgorithm::Aes256Gcm }),
        "chacha20" => Box::new(AeadBulk { algorithm: AeadAlgorithm::ChaCha20Poly1305 }),
        "aes128-cbc-sha" => Box::new(cbc(BlockCipherAlgorithm::Aes128)),
        "aes256-cbc-sha" => Box::new(cbc(BlockCipherAlgorithm::Aes256)),
        other => return Err(format!("unknown suite {other}").into()),
    };
    let (key, iv) = (unhex(key)?, unhex(iv)?);
    let mac_key = mac_key.first().map_or(Ok(Vec::new()), |text| unhex(text))?;
    let mut record = unhex(&std::io::read_to_string(std::io::stdin())?)?;

    let header = RecordHeader::parse(&record).ok_or("shorter than a record header")?;
    let body = record.get_mut(RecordHeader::LEN..).ok_or("no body")?;
    let keys = Keys { mac_key: &mac_key, key: &key, iv: &iv };
    let form = Form::new(ProtocolVersion::TLS_1_2, IvPolicy::Explicit, false);
    let opened = bulk.open(default_provider(), keys, form)?.open(sequence.parse()?, &header, body)?;
    println!("{}: {}", opened.content_type, body[opened.range].escape_ascii());
    Ok(())
}
