//! What libcrux gives: ML-KEM (FIPS 203), verified and in constant time. The one file that names it.

use libcrux_ml_kem::{mlkem768, mlkem1024};
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

use crate::traits::{CryptoError, Decapsulate, Kem, SecureRandom, SharedSecret};

macro_rules! kem {
    ($name:ident, $key:ident, $module:ident, $private:ident, $public:ident, $ciphertext:ident, $key_len:literal, $ciphertext_len:literal) => {
        #[derive(Debug)]
        pub(crate) struct $name;

        /// A decapsulation key. It stays at its place, so that no move leaves a copy behind.
        struct $key(Box<$module::$private>);

        impl Drop for $key {
            fn drop(&mut self) {
                self.0[0..].zeroize();
            }
        }

        impl ZeroizeOnDrop for $key {}

        impl $key {
            fn fresh(random: &dyn SecureRandom) -> Result<(Self, Vec<u8>), CryptoError> {
                let mut seed = Zeroizing::new([0; libcrux_ml_kem::KEY_GENERATION_SEED_SIZE]);
                random.fill(seed.as_mut_slice())?;
                let (private, public) = $module::generate_key_pair(*seed).into_parts();
                let public: [u8; $key_len] = public.into();
                Ok((Self(Box::new(private)), public.to_vec()))
            }
        }

        impl Kem for $name {
            fn encapsulation_key_len(&self) -> usize {
                $key_len
            }

            fn ciphertext_len(&self) -> usize {
                $ciphertext_len
            }

            fn generate(&self, random: &dyn SecureRandom) -> Result<(Box<dyn Decapsulate>, Vec<u8>), CryptoError> {
                let (key, public) = $key::fresh(random)?;
                Ok((Box::new(key), public))
            }

            fn encapsulate(
                &self,
                key: &[u8],
                random: &dyn SecureRandom,
            ) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
                let key: &[u8; $key_len] = key.try_into().map_err(|_| CryptoError::BadPeerKey("of another length"))?;
                let key = $module::$public::from(key);
                if !$module::validate_public_key(&key) {
                    return Err(CryptoError::BadPeerKey("not a valid encapsulation key"));
                }
                let mut seed = Zeroizing::new([0; libcrux_ml_kem::SHARED_SECRET_SIZE]);
                random.fill(seed.as_mut_slice())?;
                let (ciphertext, secret) = $module::encapsulate(&key, *seed);
                let ciphertext: [u8; $ciphertext_len] = ciphertext.into();
                Ok((ciphertext.to_vec(), shared(secret)))
            }
        }

        impl Decapsulate for $key {
            fn decapsulate(&self, ciphertext: &[u8]) -> Result<SharedSecret, CryptoError> {
                let ciphertext: &[u8; $ciphertext_len] =
                    ciphertext.try_into().map_err(|_| CryptoError::BadPeerKey("of another length"))?;
                Ok(shared($module::decapsulate(&self.0, &$module::$ciphertext::from(ciphertext))))
            }
        }

        #[cfg(test)]
        impl tests::Written for $name {
            fn generate_and_write(&self, random: &dyn SecureRandom) -> (Box<dyn Decapsulate>, Vec<u8>, Vec<u8>) {
                let (key, public) = $key::fresh(random).unwrap();
                let written = key.0[0..].to_vec();
                (Box::new(key), public, written)
            }
        }
    };
}

fn shared(secret: [u8; libcrux_ml_kem::SHARED_SECRET_SIZE]) -> SharedSecret {
    SharedSecret::new(Zeroizing::new(secret).to_vec())
}

pub(crate) static ML_KEM_768: MlKem768 = MlKem768;
pub(crate) static ML_KEM_1024: MlKem1024 = MlKem1024;

kem!(MlKem768, Key768, mlkem768, MlKem768PrivateKey, MlKem768PublicKey, MlKem768Ciphertext, 1184, 1088);
kem!(MlKem1024, Key1024, mlkem1024, MlKem1024PrivateKey, MlKem1024PublicKey, MlKem1024Ciphertext, 1568, 1568);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Shows decapsulation keys as FIPS 203 writes them.
    pub(super) trait Written: Kem {
        /// A fresh key, its encapsulation key, and what it is written as.
        fn generate_and_write(&self, random: &dyn SecureRandom) -> (Box<dyn Decapsulate>, Vec<u8>, Vec<u8>);
    }

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
    fn accumulated(kem: &dyn Written, times: usize) -> String {
        let mut stream = vec![0; times * (64 + 32 + kem.ciphertext_len())];
        libcrux_sha3::shake128_ema(&mut stream, &[]);
        let random = Stream(stream, Mutex::new(0));
        let mut all = Vec::new();
        for _ in 0..times {
            let (private, public, written) = kem.generate_and_write(&random);
            assert_eq!(public.len(), kem.encapsulation_key_len());
            all.extend_from_slice(&public);
            all.extend_from_slice(&written);
            let (ciphertext, secret) = kem.encapsulate(&public, &random).unwrap();
            assert_eq!(private.decapsulate(&ciphertext).unwrap().as_bytes(), secret.as_bytes());
            all.extend_from_slice(&ciphertext);
            all.extend_from_slice(secret.as_bytes());
            let mut other = vec![0; kem.ciphertext_len()];
            random.fill(&mut other).unwrap();
            all.extend_from_slice(private.decapsulate(&other).unwrap().as_bytes());
            assert!(private.decapsulate(&other[1..]).is_err());
            assert!(kem.encapsulate(&public[1..], &random).is_err());
        }
        libcrux_sha3::shake128::<32>(&all).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// C2SP CCTV, ML-KEM, "Accumulated pq-crystals vectors".
    #[test]
    fn published_accumulated_vectors() {
        for (kem, hash) in [
            (&MlKem768 as &dyn Written, "f959d18d3d1180121433bf0e05f11e7908cf9d03edc150b2b07cb90bef5bc1c1"),
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
