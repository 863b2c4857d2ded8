//! What the tests of every table of primitives share: hexadecimal, and sources of randomness that are none.

use clasp_crypto::{CryptoError, SecureRandom};

pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    assert_eq!(digits.len() % 2, 0);
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// Gives these bytes, and no others.
#[derive(Debug)]
pub(crate) struct Fixed(pub(crate) Vec<u8>);

impl SecureRandom for Fixed {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        out.copy_from_slice(self.0.get(..out.len()).ok_or(CryptoError::Random)?);
        Ok(())
    }
}

/// Has none to give.
#[derive(Debug)]
pub(crate) struct Broken;

impl SecureRandom for Broken {
    fn fill(&self, _: &mut [u8]) -> Result<(), CryptoError> {
        Err(CryptoError::Random)
    }
}
