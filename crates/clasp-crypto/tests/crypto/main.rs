//! The primitives from outside, through the table, against what was published and what OpenSSL made.

mod ciphers;
mod digests;
mod exchange;
mod finite_field;
#[cfg(feature = "post-quantum")]
mod hybrid;
mod keys;
mod signatures;
mod signatures13;

use clasp_crypto::{CryptoError, Provider, SecureRandom, default_provider};

fn provider() -> &'static Provider {
    default_provider()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    assert_eq!(digits.len() % 2, 0);
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// Gives these bytes, and no others.
#[derive(Debug)]
struct Fixed(Vec<u8>);

impl SecureRandom for Fixed {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        out.copy_from_slice(self.0.get(..out.len()).ok_or(CryptoError::Random)?);
        Ok(())
    }
}

/// Has none to give.
#[derive(Debug)]
struct Broken;

impl SecureRandom for Broken {
    fn fill(&self, _: &mut [u8]) -> Result<(), CryptoError> {
        Err(CryptoError::Random)
    }
}
