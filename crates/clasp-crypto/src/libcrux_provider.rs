//! What libcrux gives: ML-KEM (FIPS 203), verified and in constant time. The one file that names it.

use core::fmt::Debug;

use libcrux_ml_kem::{mlkem768, mlkem1024};
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

use crate::traits::{CryptoError, SecureRandom};

/// What is shared.
pub(crate) type KemSecret = Zeroizing<[u8; 32]>;

/// ML-KEM of one size.
pub(crate) trait Kem: Debug + Send + Sync {
    /// The length of an encapsulation key, bytes (FIPS 203, table 3).
    fn encapsulation_key_len(&self) -> usize;

    /// The length of a ciphertext, bytes.
    fn ciphertext_len(&self) -> usize;

    /// A fresh key, and the encapsulation key that goes with it.
    fn generate(&self, random: &dyn SecureRandom) -> Result<(Box<dyn DecapsulationKey>, Vec<u8>), CryptoError>;

    /// A fresh secret for the owner of an encapsulation key, in a ciphertext.
    ///
    /// # Errors
    /// [`CryptoError::BadPeerKey`] when the key is of another length, or not a reduced one (FIPS 203 7.2);
    /// [`CryptoError::Random`].
    fn encapsulate(&self, key: &[u8], random: &dyn SecureRandom) -> Result<(Vec<u8>, KemSecret), CryptoError>;
}

/// What opens ciphertexts. It stays at its place, so that no move leaves a copy behind, and is wiped when it is dropped.
pub(crate) trait DecapsulationKey: Send + Sync {
    /// The secret in a ciphertext. One that was altered gives another secret, not an error (FIPS 203 6.3).
    ///
    /// # Errors
    /// [`CryptoError::BadPeerKey`] when the ciphertext is of another length.
    fn decapsulate(&self, ciphertext: &[u8]) -> Result<KemSecret, CryptoError>;

    /// The key itself, as FIPS 203 writes it.
    #[cfg(test)]
    fn as_bytes(&self) -> &[u8];
}

macro_rules! kem {
    ($name:ident, $key:ident, $module:ident, $private:ident, $public:ident, $ciphertext:ident, $key_len:literal, $ciphertext_len:literal) => {
        #[derive(Debug)]
        pub(crate) struct $name;

        struct $key(Box<$module::$private>);

        impl Drop for $key {
            fn drop(&mut self) {
                self.0[0..].zeroize();
            }
        }

        impl ZeroizeOnDrop for $key {}

        impl Kem for $name {
            fn encapsulation_key_len(&self) -> usize {
                $key_len
            }

            fn ciphertext_len(&self) -> usize {
                $ciphertext_len
            }

            fn generate(&self, random: &dyn SecureRandom) -> Result<(Box<dyn DecapsulationKey>, Vec<u8>), CryptoError> {
                let mut seed = Zeroizing::new([0; libcrux_ml_kem::KEY_GENERATION_SEED_SIZE]);
                random.fill(seed.as_mut_slice())?;
                let (private, public) = $module::generate_key_pair(*seed).into_parts();
                let public: [u8; $key_len] = public.into();
                Ok((Box::new($key(Box::new(private))), public.to_vec()))
            }

            fn encapsulate(&self, key: &[u8], random: &dyn SecureRandom) -> Result<(Vec<u8>, KemSecret), CryptoError> {
                let key: &[u8; $key_len] = key.try_into().map_err(|_| CryptoError::BadPeerKey("of another length"))?;
                let key = $module::$public::from(key);
                if !$module::validate_public_key(&key) {
                    return Err(CryptoError::BadPeerKey("not a valid encapsulation key"));
                }
                let mut seed = Zeroizing::new([0; libcrux_ml_kem::SHARED_SECRET_SIZE]);
                random.fill(seed.as_mut_slice())?;
                let (ciphertext, secret) = $module::encapsulate(&key, *seed);
                let ciphertext: [u8; $ciphertext_len] = ciphertext.into();
                Ok((ciphertext.to_vec(), Zeroizing::new(secret)))
            }
        }

        impl DecapsulationKey for $key {
            fn decapsulate(&self, ciphertext: &[u8]) -> Result<KemSecret, CryptoError> {
                let ciphertext: &[u8; $ciphertext_len] =
                    ciphertext.try_into().map_err(|_| CryptoError::BadPeerKey("of another length"))?;
                Ok(Zeroizing::new($module::decapsulate(&self.0, &$module::$ciphertext::from(ciphertext))))
            }

            #[cfg(test)]
            fn as_bytes(&self) -> &[u8] {
                &self.0[0..]
            }
        }
    };
}

kem!(MlKem768, Key768, mlkem768, MlKem768PrivateKey, MlKem768PublicKey, MlKem768Ciphertext, 1184, 1088);
kem!(MlKem1024, Key1024, mlkem1024, MlKem1024PrivateKey, MlKem1024PublicKey, MlKem1024Ciphertext, 1568, 1568);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Gives these bytes one after the other; the place that it has come to.
    #[derive(Debug)]
    struct Stream(Vec<u8>, Mutex<usize>);

    impl SecureRandom for Stream {
        fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
            let mut at = self.1.lock().unwrap();
            out.copy_from_slice(&self.0[*at..*at + out.len()]);
            *at += out.len();
            Ok(())
        }
    }

    /// Key generation, encapsulation, and the decapsulation of ciphertexts that are random, so many times over from one
    /// stream of bytes; what comes out, hashed.
    fn accumulated(kem: &dyn Kem, times: usize) -> String {
        let mut stream = vec![0; times * (64 + 32 + kem.ciphertext_len())];
        libcrux_sha3::shake128_ema(&mut stream, &[]);
        let random = Stream(stream, Mutex::new(0));
        let mut all = Vec::new();
        for _ in 0..times {
            let (private, public) = kem.generate(&random).unwrap();
            assert_eq!(public.len(), kem.encapsulation_key_len());
            all.extend_from_slice(&public);
            all.extend_from_slice(private.as_bytes());
            let (ciphertext, secret) = kem.encapsulate(&public, &random).unwrap();
            assert_eq!(private.decapsulate(&ciphertext).unwrap(), secret);
            all.extend_from_slice(&ciphertext);
            all.extend_from_slice(secret.as_slice());
            let mut other = vec![0; kem.ciphertext_len()];
            random.fill(&mut other).unwrap();
            all.extend_from_slice(private.decapsulate(&other).unwrap().as_slice());
            assert!(private.decapsulate(&other[1..]).is_err());
            assert!(kem.encapsulate(&public[1..], &random).is_err());
        }
        libcrux_sha3::shake128::<32>(&all).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// C2SP CCTV, ML-KEM, "Accumulated pq-crystals vectors".
    #[test]
    fn published_accumulated_vectors() {
        for (kem, hash) in [
            (&MlKem768 as &dyn Kem, "f959d18d3d1180121433bf0e05f11e7908cf9d03edc150b2b07cb90bef5bc1c1"),
            (&MlKem1024, "e3bf82b013307b2e9d47dde791ff6dfc82e694e6382404abdb948b908b75bad5"),
        ] {
            assert_eq!(accumulated(kem, 10_000), hash);
        }
    }

    /// A key whose coefficients are not below the modulus (FIPS 203 7.2).
    #[test]
    fn a_key_that_is_not_reduced_is_refused() {
        for kem in [&MlKem768 as &dyn Kem, &MlKem1024] {
            let key = vec![0xff; kem.encapsulation_key_len()];
            let random = Stream(vec![0; 32], Mutex::new(0));
            assert!(matches!(kem.encapsulate(&key, &random), Err(CryptoError::BadPeerKey(_))));
        }
    }
}
