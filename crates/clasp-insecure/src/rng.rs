//! A provider's randomness in the form that `rsa` takes it.

use clasp_crypto::{CryptoError, SecureRandom};
use rsa::rand_core::{TryCryptoRng, TryRng};

pub(crate) struct Rng<'a>(pub(crate) &'a dyn SecureRandom);

impl TryRng for Rng<'_> {
    type Error = CryptoError;

    fn try_next_u32(&mut self) -> Result<u32, CryptoError> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, CryptoError> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), CryptoError> {
        self.0.fill(out)
    }
}

impl TryCryptoRng for Rng<'_> {}
