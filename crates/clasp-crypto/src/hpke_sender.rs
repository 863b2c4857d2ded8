//! Encrypting to a public key: HPKE's sender in base mode (RFC 9180 5.1.1).

use core::convert::Infallible;
use core::fmt;

use hpke::aead::AeadCtxS;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable as _, OpModeS, Serializable as _};

use crate::hpke_suite::{HpkeSuite, Kem, MAX_INFO};
use crate::traits::{CryptoError, SecureRandom};

/// What opens a message at the other side, in order.
pub(crate) trait Seal: Send {
    fn seal(&mut self, associated: &[u8], plaintext: &[u8]) -> Option<Vec<u8>>;
}

impl<A, Kdf, K> Seal for AeadCtxS<A, Kdf, K>
where
    A: hpke::aead::Aead,
    Kdf: hpke::kdf::Kdf,
    K: hpke::Kem,
    Self: Send,
{
    fn seal(&mut self, associated: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
        AeadCtxS::seal(self, plaintext, associated).ok()
    }
}

/// Makes a sender: the encapsulated key, and what seals.
pub(crate) type SetUpSender = fn(&[u8], &[u8], &dyn SecureRandom) -> Result<(Vec<u8>, Box<dyn Seal>), CryptoError>;

pub(crate) fn set_up<A, Kdf>(
    public_key: &[u8],
    info: &[u8],
    random: &dyn SecureRandom,
) -> Result<(Vec<u8>, Box<dyn Seal>), CryptoError>
where
    A: hpke::aead::Aead + 'static,
    Kdf: hpke::kdf::Kdf + 'static,
    AeadCtxS<A, Kdf, Kem>: Send,
{
    const BAD_KEY: CryptoError = CryptoError::BadPeerKey("not a key of HPKE's mechanism");
    let key = <Kem as hpke::Kem>::PublicKey::from_bytes(public_key).map_err(|_| BAD_KEY)?;
    if info.len() > MAX_INFO {
        return Err(CryptoError::BadLength);
    }
    let mut random = Random { random, failed: false };
    let made = hpke::setup_sender_with_rng::<A, Kdf, Kem>(&OpModeS::Base, &key, info, &mut random);
    if random.failed {
        return Err(CryptoError::Random);
    }
    let (encapsulated, context) = made.map_err(|_| BAD_KEY)?;
    Ok((encapsulated.to_bytes().to_vec(), Box::new(context)))
}

/// A sender's end: messages sealed one after another are opened in that order. Its keys are wiped when it is
/// dropped, but for what GHASH derives from those of AES-GCM, which alone opens nothing.
pub struct HpkeSender(Box<dyn Seal>);

impl HpkeSender {
    /// Encapsulates a fresh secret to `public_key`, and derives a sender from it and `info`, of at most 65530 bytes. With it
    /// comes what the receiver needs: the encapsulated key.
    ///
    /// # Errors
    /// [`CryptoError::Unsupported`], [`CryptoError::BadPeerKey`] when the key is not a valid one,
    /// [`CryptoError::BadLength`], [`CryptoError::Random`].
    pub fn new(
        suite: HpkeSuite,
        public_key: &[u8],
        info: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<(Vec<u8>, Self), CryptoError> {
        let row = suite.row().ok_or(CryptoError::Unsupported)?;
        let (encapsulated, sealer) = (row.sender)(public_key, info, random)?;
        Ok((encapsulated, Self(sealer)))
    }

    /// Seals a message; it is [`HpkeSuite::OVERHEAD`] bytes longer than the plaintext.
    ///
    /// # Errors
    /// [`CryptoError::BadLength`] when the message is too long.
    pub fn seal(&mut self, associated: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.0.seal(associated, plaintext).ok_or(CryptoError::BadLength)
    }
}

impl fmt::Debug for HpkeSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HpkeSender")
    }
}

/// Our source, which may fail, for one that may not: what was made of it then is thrown away.
struct Random<'a> {
    random: &'a dyn SecureRandom,
    failed: bool,
}

impl TryRng for Random<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.failed |= self.random.fill(out).is_err();
        Ok(())
    }
}

impl TryCryptoRng for Random<'_> {}

#[cfg(test)]
mod tests {
    use clasp_wire::{HpkeAead, HpkeKdf, HpkeKem};

    use super::*;
    use crate::default_provider;

    const SUITE: HpkeSuite =
        HpkeSuite { kem: HpkeKem::DHKEM_X25519_HKDF_SHA256, kdf: HpkeKdf::HKDF_SHA256, aead: HpkeAead::AES_128_GCM };

    /// RFC 9180 A.1.1: the source of randomness gives the ephemeral key's seed.
    #[test]
    fn as_in_rfc_9180() {
        #[derive(Debug)]
        struct Seed([u8; 32]);
        impl SecureRandom for Seed {
            fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
                out.copy_from_slice(&self.0);
                Ok(())
            }
        }
        let seed = Seed(hex("7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234").try_into().unwrap());
        let key = hex("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d");
        let info = hex("4f6465206f6e2061204772656369616e2055726e");
        let (encapsulated, mut sender) = HpkeSender::new(SUITE, &key, &info, &seed).unwrap();
        assert_eq!(encapsulated, hex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"));
        let plaintext = hex("4265617574792069732074727574682c20747275746820626561757479");
        let sealed = [
            "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a",
            "af2d7e9ac9ae7e270f46ba1f975be53c09f8d875bdc8535458c2494e8a6eab251c03d0c22a56b8ca42c2063b84",
        ];
        for (associated, sealed) in [b"Count-0", b"Count-1"].into_iter().zip(sealed) {
            assert_eq!(sender.seal(associated, &plaintext).unwrap(), hex(sealed));
        }
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        #[derive(Debug)]
        struct Failing;
        impl SecureRandom for Failing {
            fn fill(&self, _: &mut [u8]) -> Result<(), CryptoError> {
                Err(CryptoError::Random)
            }
        }
        let random = default_provider().random;
        let error = |suite, key: &[u8], info: &[u8], random| HpkeSender::new(suite, key, info, random).unwrap_err();
        for suite in [
            HpkeSuite { kem: HpkeKem::DHKEM_P256_HKDF_SHA256, ..SUITE },
            HpkeSuite { kdf: HpkeKdf(4), ..SUITE },
            HpkeSuite { aead: HpkeAead::EXPORT_ONLY, ..SUITE },
        ] {
            assert!(!suite.is_supported());
            assert_eq!(error(suite, &[9; 32], b"", random), CryptoError::Unsupported);
        }
        for key in [&[9; 31][..], &[9; 33], &[], &[0; 32]] {
            assert!(matches!(error(SUITE, key, b"", random), CryptoError::BadPeerKey(_)), "{key:?}");
        }
        assert_eq!(error(SUITE, &[9; 32], &vec![0; 65531], random), CryptoError::BadLength);
        assert!(HpkeSender::new(SUITE, &[9; 32], &vec![0; 65530], random).is_ok());
        assert_eq!(error(SUITE, &[9; 32], b"", &Failing), CryptoError::Random);
        let (_, sender) = HpkeSender::new(SUITE, &[9; 32], b"", random).unwrap();
        assert_eq!(format!("{sender:?}"), "HpkeSender");
    }
}
