//! Derives a TLS 1.2 session's keys again from a key log (RFC 5246 6.3).
//!
//! ```text
//! rederive KEYLOG SERVER_RANDOM [sha256|sha384] [MAC KEY IV]
//! ```
//!
//! KEYLOG is a file as browsers write it under SSLKEYLOGFILE. SERVER_RANDOM is the random of the capture's ServerHello, in
//! hexadecimal; then come the hash of the suite's PRF, and the lengths of MAC key, key and IV in bytes: `sha256 0 16 4`,
//! which is AES-128-GCM, where nothing is said; `sha256 20 16 0` for AES-128-CBC with SHA-1, `sha384 0 32 4` for
//! AES-256-GCM, `sha256 0 32 12` for ChaCha20-Poly1305. Prints the keys for every CLIENT_RANDOM line; the right one is
//! that of the capture's ClientHello. What it prints is what `clasp-record`'s example takes.

use std::error::Error;
use std::fmt::Write;

use clasp_crypto::{HashAlgorithm, default_provider};
use clasp_keys::{KeyLengths, KeyLogLine, MasterSecret, Role, Schedule, Tls12};

const USAGE: &str = "usage: rederive KEYLOG SERVER_RANDOM [sha256|sha384] [MAC KEY IV]";

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let [file, server_random, rest @ ..] = words.as_slice() else { return Err(USAGE.into()) };
    let key_log = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    print!("{}", rederive(&key_log, server_random, rest)?);
    Ok(())
}

fn rederive(key_log: &str, server_random: &str, rest: &[&str]) -> Result<String, Box<dyn Error>> {
    // A key log line's second word is a random of 32 bytes in hexadecimal, as this one is.
    let server_random = KeyLogLine::parse(&format!("SERVER {server_random} 00"))
        .ok_or("the server's random must be 64 hexadecimal digits")?
        .client_random;
    let (hash, rest) = match rest {
        ["sha384", rest @ ..] => (HashAlgorithm::Sha384, rest),
        ["sha256", rest @ ..] => (HashAlgorithm::Sha256, rest),
        rest => (HashAlgorithm::Sha256, rest),
    };
    let lengths = match rest {
        [] => KeyLengths { mac_key: 0, key: 16, iv: 4 },
        [mac_key, key, iv] => KeyLengths { mac_key: mac_key.parse()?, key: key.parse()?, iv: iv.parse()? },
        _ => return Err(USAGE.into()),
    };
    let schedule = Tls12::new(default_provider(), hash).ok_or("no such hash")?;
    let mut out = String::new();
    for line in key_log.lines().filter_map(KeyLogLine::parse).filter(|line| line.label == "CLIENT_RANDOM") {
        let Ok(secret) = <[u8; 48]>::try_from(line.secret.as_slice()) else { continue };
        let block =
            schedule.master_key(&MasterSecret::new(secret)).key_block(&line.client_random, &server_random, lengths);
        writeln!(out, "client random {}", hex(&line.client_random))?;
        for (name, role) in [("client", Role::Client), ("server", Role::Server)] {
            let keys = block.half(role);
            writeln!(out, "  {name} key {} IV {} MAC key {}", hex(keys.key()), hex(keys.iv()), hex(keys.mac_key()))?;
        }
    }
    if out.is_empty() { Err("no CLIENT_RANDOM line in the key log".into()) } else { Ok(out) }
}

/// Hexadecimal; `-` for nothing.
fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() { "-".to_owned() } else { bytes.iter().map(|byte| format!("{byte:02x}")).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A handshake of OpenSSL's, whose records these keys opened: see `test-data`.
    #[test]
    fn a_captured_session() {
        let captured = include_str!("../test-data/extended-sha384.txt");
        let get = |name: &str| captured.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
        let key_log = format!("# a comment\nCLIENT_RANDOM {} {}\n", get("client_random"), get("master_secret"));
        let out = rederive(&key_log, get("server_random"), &["sha384", "0", "32", "4"]).unwrap();
        let wanted = format!(
            "client random {}\n  client key {} IV {} MAC key -\n  server key {} IV {} MAC key -\n",
            get("client_random"),
            get("client_write_key"),
            get("client_write_iv"),
            get("server_write_key"),
            get("server_write_iv"),
        );
        assert_eq!(out, wanted);
        assert_ne!(rederive(&key_log, get("server_random"), &["0", "32", "4"]).unwrap(), wanted);
        for bad in [&["sha512"][..], &["0", "32"], &["sha256", "x", "1", "2"]] {
            assert!(rederive(&key_log, get("server_random"), bad).is_err(), "{bad:?}");
        }
        assert!(rederive("", get("server_random"), &[]).is_err());
        assert!(rederive(&key_log, "00", &[]).is_err());
    }
}
