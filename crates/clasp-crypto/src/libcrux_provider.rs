//! What libcrux gives: ML-KEM-768 (FIPS 203), verified and in constant time. The one file that names it.

use libcrux_ml_kem::mlkem768::{self, MlKem768Ciphertext, MlKem768PrivateKey, MlKem768PublicKey};
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

use crate::traits::{CryptoError, Decapsulate, Kem, SecureRandom, SharedSecret};

/// ML-KEM-768, of libcrux's.
#[derive(Debug)]
pub(crate) struct MlKem768;

pub(crate) static ML_KEM_768: MlKem768 = MlKem768;

/// The length of an encapsulation key, bytes (FIPS 203, table 3).
const ENCAPSULATION_KEY: usize = 1184;
/// The length of a ciphertext, bytes.
const CIPHERTEXT: usize = 1088;

/// A decapsulation key. It stays at its place, so that no move leaves a copy behind.
struct DecapsulationKey(Box<MlKem768PrivateKey>);

impl Drop for DecapsulationKey {
    fn drop(&mut self) {
        self.0[0..].zeroize();
    }
}

impl ZeroizeOnDrop for DecapsulationKey {}

impl Kem for MlKem768 {
    fn encapsulation_key_len(&self) -> usize {
        ENCAPSULATION_KEY
    }

    fn ciphertext_len(&self) -> usize {
        CIPHERTEXT
    }

    fn generate(&self, random: &dyn SecureRandom) -> Result<(Box<dyn Decapsulate>, Vec<u8>), CryptoError> {
        let mut seed = Zeroizing::new([0; libcrux_ml_kem::KEY_GENERATION_SEED_SIZE]);
        random.fill(seed.as_mut_slice())?;
        let (private, public) = mlkem768::generate_key_pair(*seed).into_parts();
        Ok((Box::new(DecapsulationKey(Box::new(private))), public.as_slice().to_vec()))
    }

    fn encapsulate(&self, key: &[u8], random: &dyn SecureRandom) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
        let key = MlKem768PublicKey::try_from(key).ok().filter(mlkem768::validate_public_key);
        let key = key.ok_or(CryptoError::BadPeerKey("not a valid encapsulation key"))?;
        let mut seed = Zeroizing::new([0; libcrux_ml_kem::SHARED_SECRET_SIZE]);
        random.fill(seed.as_mut_slice())?;
        let (ciphertext, secret) = mlkem768::encapsulate(&key, *seed);
        Ok((ciphertext.as_slice().to_vec(), shared(secret)))
    }
}

impl Decapsulate for DecapsulationKey {
    fn decapsulate(&self, ciphertext: &[u8]) -> Result<SharedSecret, CryptoError> {
        let ciphertext = MlKem768Ciphertext::try_from(ciphertext)
            .map_err(|_| CryptoError::BadPeerKey("not a ciphertext of ML-KEM-768"))?;
        Ok(shared(mlkem768::decapsulate(&self.0, &ciphertext)))
    }
}

fn shared(secret: [u8; libcrux_ml_kem::SHARED_SECRET_SIZE]) -> SharedSecret {
    SharedSecret::new(Zeroizing::new(secret).to_vec())
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
            let (private, public) = ML_KEM_768.generate(&random).unwrap();
            all.extend_from_slice(&public);
            let (ciphertext, secret) = ML_KEM_768.encapsulate(&public, &random).unwrap();
            assert_eq!(private.decapsulate(&ciphertext).unwrap().as_bytes(), secret.as_bytes());
            all.extend_from_slice(&ciphertext);
            all.extend_from_slice(secret.as_bytes());
            let mut other = [0; CIPHERTEXT];
            random.fill(&mut other).unwrap();
            all.extend_from_slice(private.decapsulate(&other).unwrap().as_bytes());
        }
        let hash: String = libcrux_sha3::shake128::<32>(&all).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, "1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415");
    }
}
