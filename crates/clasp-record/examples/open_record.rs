//! Opens captured TLS 1.2 records (RFC 5246 6.2.3) with the keys of their direction, as `clasp-keys`' example prints them.
//!
//! ```text
//! open_record SUITE KEY IV [MAC_KEY] [--sequence N] [--etm] < RECORDS
//! ```
//!
//! SUITE is a cipher suite's name, IANA's or OpenSSL's; the keys are in hexadecimal, `-` for none. RECORDS are whole records
//! in hexadecimal, one after the other, the first of them number N under these keys: 0 is Finished, and the default.
//! `--etm` where the two sides agreed on encrypt-then-MAC.

use std::error::Error;

use clasp_crypto::{AeadAlgorithm, BlockCipherAlgorithm, HashAlgorithm, default_provider};
use clasp_record::{AeadBulk, Bulk, CbcBulk, Form, IvPolicy, Keys};
use clasp_wire::{CipherSuite, ProtocolVersion, RecordHeader};

const USAGE: &str = "usage: open_record SUITE KEY IV [MAC_KEY] [--sequence N] [--etm] < RECORDS";

fn main() -> Result<(), Box<dyn Error>> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let encrypt_then_mac = words.iter().position(|word| word == "--etm").map(|at| words.remove(at)).is_some();
    let sequence = match words.iter().position(|word| word == "--sequence") {
        Some(at) => words.drain(at..).nth(1).ok_or(USAGE)?.parse()?,
        None => 0,
    };
    let [suite, key, iv, mac_key @ ..] = words.as_slice() else { return Err(USAGE.into()) };
    let (key, iv) = (unhex(key)?, unhex(iv)?);
    let mac_key = mac_key.first().map_or(Ok(Vec::new()), |text| unhex(text))?;
    let keys = Keys { mac_key: &mac_key, key: &key, iv: &iv };
    let records = unhex(&std::io::read_to_string(std::io::stdin())?)?;
    for line in open(suite, keys, encrypt_then_mac, sequence, &records)? {
        println!("{line}");
    }
    Ok(())
}

/// Opens each record, and says what it is.
fn open(
    suite: &str,
    keys: Keys<'_>,
    encrypt_then_mac: bool,
    first: u64,
    mut records: &[u8],
) -> Result<Vec<String>, Box<dyn Error>> {
    let bulk = bulk(suite)?;
    let lengths = bulk.lengths(IvPolicy::Explicit);
    let given = (keys.mac_key.len(), keys.key.len(), keys.iv.len());
    if given != (lengths.mac_key, lengths.key, lengths.iv) {
        return Err(format!("{suite} takes {lengths:?} bytes").into());
    }
    let form = Form::new(ProtocolVersion::TLS_1_2, IvPolicy::Explicit, encrypt_then_mac);
    let mut opener = bulk.open(default_provider(), keys, form)?;
    let mut lines = Vec::new();
    for sequence in first.. {
        if records.is_empty() {
            break;
        }
        let header = RecordHeader::parse(records).ok_or("shorter than a record's header")?;
        let end = RecordHeader::LEN + usize::from(header.length);
        let mut body = records.get(RecordHeader::LEN..end).ok_or("shorter than its header says")?.to_vec();
        records = &records[end..];
        let opened =
            opener.open(sequence, &header, &mut body).map_err(|error| format!("record {sequence}: {error}"))?;
        lines.push(format!("{sequence} {}: {}", opened.content_type, body[opened.range].escape_ascii()));
    }
    Ok(lines)
}

/// The protection of a suite, by its name: `TLS_…_WITH_AES_128_CBC_SHA256`, `…-AES128-SHA256`.
fn bulk(suite: &str) -> Result<Box<dyn Bulk>, Box<dyn Error>> {
    let known = CipherSuite::from_name(suite).or_else(|| CipherSuite::from_openssl_name(suite));
    let known = known.ok_or_else(|| format!("{suite} is no cipher suite"))?;
    let name = known.name().unwrap_or_default();
    let (_, name) = name.split_once("_WITH_").ok_or("not a suite of TLS 1.2")?;
    let aead = |algorithm| Ok(Box::new(AeadBulk { algorithm }) as Box<dyn Bulk>);
    let cbc = |cipher, mac| Ok(Box::new(CbcBulk { cipher, mac }) as Box<dyn Bulk>);
    match name {
        "AES_128_GCM_SHA256" => aead(AeadAlgorithm::Aes128Gcm),
        "AES_256_GCM_SHA384" => aead(AeadAlgorithm::Aes256Gcm),
        "CHACHA20_POLY1305_SHA256" => aead(AeadAlgorithm::ChaCha20Poly1305),
        "AES_128_CBC_SHA" => cbc(BlockCipherAlgorithm::Aes128, HashAlgorithm::Sha1),
        "AES_256_CBC_SHA" => cbc(BlockCipherAlgorithm::Aes256, HashAlgorithm::Sha1),
        "AES_128_CBC_SHA256" => cbc(BlockCipherAlgorithm::Aes128, HashAlgorithm::Sha256),
        "AES_256_CBC_SHA256" => cbc(BlockCipherAlgorithm::Aes256, HashAlgorithm::Sha256),
        "AES_256_CBC_SHA384" => cbc(BlockCipherAlgorithm::Aes256, HashAlgorithm::Sha384),
        _ => Err(format!("{known} is not carried here").into()),
    }
}

/// Reads hexadecimal, white space and colons left out; `-` is nothing.
fn unhex(text: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b':').collect();
    if digits == b"-" {
        return Ok(Vec::new());
    }
    let pair = |pair: &[u8]| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?);
    if digits.len().is_multiple_of(2) {
        digits.chunks(2).map(pair).collect()
    } else {
        Err("an odd number of digits".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OpenSSL 3.0's `s_client`, captured: Finished, a line of data, close_notify.
    #[test]
    fn captured_records() {
        let (mac_key, key) = ("b5aec5de9b17784ad7946813e8a9b56608dc832d", "bf509f9e0ddb03f9bca6b0b90d9e85e3");
        let finished = "1603030044018d5b84f7dea822437e507f11fa7694bc1bd24a95847c3ae1122d6ba7f7de7f17b4e95975126e1b2394\
            7fb52af6375c6d4bb76177740211b7f219f036384211ed5b205c";
        let data = "17030300448e1816f40ac885a1e2f32b3c324740b32e045dfe4bd8f7a10cce1e7df6ded150925496c6b179ec71f7dc902c2\
            07ab2c434b8310f2abd254c47d067a652774975e2668045";
        let (mac_key, key) = (unhex(mac_key).unwrap(), unhex(key).unwrap());
        let keys = Keys { mac_key: &mac_key, key: &key, iv: &[] };
        let records = unhex(&[finished, data].concat()).unwrap();
        let lines = open("AES128-SHA", keys, true, 0, &records).unwrap();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with(r"0 handshake: \x14\x00\x00\x0c"), "{}", lines[0]);
        assert_eq!(lines[1], r"1 application_data: hello from OpenSSL\n");
        let lines = open("TLS_RSA_WITH_AES_128_CBC_SHA", keys, true, 1, &unhex(data).unwrap()).unwrap();
        assert_eq!(lines, [r"1 application_data: hello from OpenSSL\n"]);
        assert!(open("AES128-SHA", keys, false, 1, &unhex(data).unwrap()).is_err());
        assert!(open("AES128-GCM-SHA256", keys, false, 1, &unhex(data).unwrap()).is_err());
        assert!(unhex("abc").is_err() && unhex("xy").is_err());
    }
}
