//! What libcrux gives: ML-KEM-768 (FIPS 203), verified and in constant time. The one file that names it.

use libcrux_ml_kem::mlkem768::{self, MlKem768Ciphertext, MlKem768PrivateKey, MlKem768PublicKey};
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

use crate::traits::{CryptoError, SecureRandom};

/// The length of an encapsulation key, bytes (FIPS 203, table 3).
pub(crate) const ENCAPSULATION_KEY: usize = 1184;
/// The length of a ciphertext, bytes.
pub(crate) const CIPHERTEXT: usize = 1088;

/// What is shared.
pub(crate) type KemSecret = Zeroizing<[u8; 32]>;

/// A decapsulation key. It stays at its place, so that no move leaves a copy behind.
pub(crate) struct DecapsulationKey(Box<MlKem768PrivateKey>);

impl Drop for DecapsulationKey {
    fn drop(&mut self) {
        self.0[0..].zeroize();
    }
}

impl ZeroizeOnDrop for DecapsulationKey {}

impl DecapsulationKey {
    /// A fresh key, and the encapsulation key that goes with it.
    pub(crate) fn generate(random: &dyn SecureRandom) -> Result<(Self, [u8; ENCAPSULATION_KEY]), CryptoError> {
        let mut seed = Zeroizing::new([0; libcrux_ml_kem::KEY_GENERATION_SEED_SIZE]);
        random.fill(seed.as_mut_slice())?;
        let (private, public) = mlkem768::generate_key_pair(*seed).into_parts();
        Ok((Self(Box::new(private)), public.into()))
    }

    /// The secret in a ciphertext. One that was altered gives another secret, not an error (FIPS 203 6.3).
    pub(crate) fn decapsulate(&self, ciphertext: &[u8; CIPHERTEXT]) -> KemSecret {
        Zeroizing::new(mlkem768::decapsulate(&self.0, &MlKem768Ciphertext::from(ciphertext)))
    }
}

/// A fresh secret for the owner of an encapsulation key.
///
/// # Errors
/// [`CryptoError::BadPeerKey`] when the key is not a reduced one (FIPS 203 7.2); [`CryptoError::Random`].
pub(crate) fn encapsulate(
    key: &[u8; ENCAPSULATION_KEY],
    random: &dyn SecureRandom,
) -> Result<([u8; CIPHERTEXT], KemSecret), CryptoError> {
    let key = MlKem768PublicKey::from(key);
    if !mlkem768::validate_public_key(&key) {
        return Err(CryptoError::BadPeerKey("not a valid encapsulation key"));
    }
    let mut seed = Zeroizing::new([0; libcrux_ml_kem::SHARED_SECRET_SIZE]);
    random.fill(seed.as_mut_slice())?;
    let (ciphertext, secret) = mlkem768::encapsulate(&key, *seed);
    Ok((ciphertext.into(), Zeroizing::new(secret)))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Gives these bytes one after the other.
    #[derive(Debug)]
    struct Stream(Mutex<Vec<u8>>);

    impl SecureRandom for Stream {
        fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
            let mut left = self.0.lock().unwrap();
            let rest = left.split_off(out.len());
            out.copy_from_slice(&left);
            *left = rest;
            Ok(())
        }
    }

    /// C2SP CCTV, ML-KEM, "Accumulated pq-crystals vectors": key generation, encapsulation, and the decapsulation of
    /// ciphertexts that are random, a hundred times over from one stream of bytes, all that comes out hashed.
    #[test]
    fn published_accumulated_vectors() {
        const TIMES: usize = 100;
        let mut stream = vec![0; TIMES * (64 + 32 + CIPHERTEXT)];
        libcrux_sha3::shake128_ema(&mut stream, &[]);
        let random = Stream(Mutex::new(stream));
        let mut all = Vec::new();
        for _ in 0..TIMES {
            let (private, public) = DecapsulationKey::generate(&random).unwrap();
            all.extend_from_slice(&public);
            let (ciphertext, secret) = encapsulate(&public, &random).unwrap();
            assert_eq!(private.decapsulate(&ciphertext), secret);
            all.extend_from_slice(&ciphertext);
            all.extend_from_slice(secret.as_slice());
            let mut other = [0; CIPHERTEXT];
            random.fill(&mut other).unwrap();
            all.extend_from_slice(private.decapsulate(&other).as_slice());
        }
        let hash: String = libcrux_sha3::shake128::<32>(&all).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, "1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415");
    }
}
