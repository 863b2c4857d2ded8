//! Derives a TLS 1.2 session's keys again from a key log.
//!
//! `rederive KEYLOG SERVER_RANDOM [sha256|sha384] [MAC KEY IV]`: the server random in hexadecimal; the lengths of MAC key,
//! key and IV in bytes (0 16 4 is AES-128-GCM). Prints the keys of every CLIENT_RANDOM line.

use clasp_crypto::{HashAlgorithm, default_provider};
use clasp_keys::{KeyLengths, KeyLogLine, MasterSecret, Role, Schedule, Tls12};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let usage = "usage: rederive KEYLOG SERVER_RANDOM [sha256|sha384] [MAC KEY IV]";
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [file, server_random, rest @ ..] = words.as_slice() else { return Err(usage.into()) };
    // A key log line's second word is a random of 32 bytes in hexadecimal, as this one.
    let server_random = KeyLogLine::parse(&format!("SERVER {server_random} 00")).ok_or(usage)?.client_random;
    let hash = match rest.first().map(String::as_str) {
        Some("sha384") => HashAlgorithm::Sha384,
        _ => HashAlgorithm::Sha256,
    };
    let number = |at: usize, default| rest.get(at).map_or(Ok(default), |text| text.parse());
    let lengths = KeyLengths { mac_key: number(1, 0)?, key: number(2, 16)?, iv: number(3, 4)? };

    let schedule = Tls12::new(default_provider(), hash).ok_or("no such hash")?;
    for line in std::fs::read_to_string(file)?.lines().filter_map(KeyLogLine::parse) {
        let Ok(secret) = <[u8; 48]>::try_from(line.secret.as_slice()) else { continue };
        let master = MasterSecret::new(secret);
        let block = schedule.key_block(&master, &line.client_random, &server_random, lengths);
        println!("client random {}", hex(&line.client_random));
        for (name, role) in [("client", Role::Client), ("server", Role::Server)] {
            let keys = block.half(role);
            println!("  {name} MAC key {} key {} IV {}", hex(keys.mac_key()), hex(keys.key()), hex(keys.iv()));
        }
    }
    Ok(())
}
