//! Lists what the default table of primitives holds, and times each of its key exchanges and AEADs.
//!
//! ```text
//! provider
//! ```
//!
//! The names are the registries' (IANA "TLS Parameters"); a policy can offer what stands here.

use std::error::Error;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use clasp_crypto::{AeadAlgorithm, CryptoError, Provider, default_provider};

fn main() -> Result<(), Box<dyn Error>> {
    print!("{}", report(default_provider(), Duration::from_millis(50))?);
    Ok(())
}

/// The table as text, each measurement taking `time`.
fn report(provider: &Provider, time: Duration) -> Result<String, CryptoError> {
    let mut out = String::new();
    // Writing to a string does not fail.
    let mut line = |kind: &str, text: String| {
        let _ = writeln!(out, "{kind:<12} {text}");
    };
    for hash in provider.hashes {
        line("hash", format!("{:?}", hash.algorithm()));
    }
    for hmac in provider.hmacs {
        line("PRF", format!("{:?}", hmac.algorithm()));
    }
    for hmac in provider.mac_hmacs {
        line("record MAC", format!("{:?}", hmac.algorithm()));
    }
    for aead in provider.aeads {
        let speed = seal_speed(provider, aead.algorithm(), time)?;
        line("AEAD", format!("{:<18} {speed:>7.0} MB/s", format!("{:?}", aead.algorithm())));
    }
    for cipher in provider.block_ciphers {
        line("CBC", format!("{:?}", cipher.algorithm()));
    }
    for group in provider.groups {
        let (mut done, start) = (0_u32, Instant::now());
        while done == 0 || start.elapsed() < time {
            let ours = group.start(provider.random)?;
            let (value, _) = group.respond(ours.public_key(), provider.random)?;
            ours.complete(&value)?;
            done += 1;
        }
        // One side made a key and agreed, the other answered: the work of one of them is half of it.
        let each = start.elapsed().as_secs_f64() / f64::from(done) / 2.0;
        line("group", format!("{:<18} {:>7.0} /s", group.name().to_string(), 1.0 / each));
    }
    for (scheme, verifiers) in provider.verifiers {
        let ways = verifiers.len();
        line("signature", format!("{:<24} {ways} kind{} of key", scheme.to_string(), if ways == 1 { "" } else { "s" }));
    }
    Ok(out)
}

fn seal_speed(provider: &Provider, algorithm: AeadAlgorithm, time: Duration) -> Result<f64, CryptoError> {
    let aead = provider.aead(algorithm).ok_or(CryptoError::Unsupported)?;
    let key = aead.with_key(&vec![7; algorithm.key_len()])?;
    let mut record = vec![0; 1 << 14];
    let (mut bytes, start) = (0.0, Instant::now());
    let mut nonce = [0; 12];
    for sequence in 0_u32.. {
        nonce[8..].copy_from_slice(&sequence.to_be_bytes());
        key.seal_in_place(&nonce, b"", &mut record)?;
        bytes += 16_384.0;
        if start.elapsed() >= time {
            break;
        }
    }
    Ok(bytes / start.elapsed().as_secs_f64() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_in_the_table_is_listed() {
        let report = report(default_provider(), Duration::ZERO).unwrap();
        for word in
            ["x25519", "secp521r1", "ffdhe4096", "Aes256Gcm", "ChaCha20Poly1305", "ecdsa_sha1", "3 kinds of key"]
        {
            assert!(report.contains(word), "{word}\n{report}");
        }
        let provider = default_provider();
        let lines = provider.hashes.len()
            + provider.hmacs.len()
            + provider.mac_hmacs.len()
            + provider.aeads.len()
            + provider.block_ciphers.len()
            + provider.groups.len()
            + provider.verifiers.len();
        assert_eq!(report.lines().count(), lines);
    }
}
