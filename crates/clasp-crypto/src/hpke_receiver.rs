//! Decrypting with a private key: HPKE's receiver in base mode (RFC 9180 5.1.1), and its keys.

use core::fmt;

use clasp_wire::HpkeKem;
use hpke::aead::AeadCtxR;
use hpke::{Deserializable as _, Kem as _, OpModeR, Serializable as _};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::hpke_suite::{HpkeSuite, Kem, MAX_INFO};
use crate::traits::{CryptoError, SecureRandom};

/// The length of a private key, bytes (RFC 9180 7.1).
const KEY: usize = 32;

/// The private key of a receiver. It is wiped when dropped, and never printed.
#[derive(Clone)]
pub struct HpkePrivateKey(Zeroizing<[u8; KEY]>);

impl HpkePrivateKey {
    /// A fresh key (RFC 9180 4).
    ///
    /// # Errors
    /// [`CryptoError::Unsupported`] for another mechanism than X25519, [`CryptoError::Random`].
    pub fn generate(kem: HpkeKem, random: &dyn SecureRandom) -> Result<Self, CryptoError> {
        if kem != HpkeKem::DHKEM_X25519_HKDF_SHA256 {
            return Err(CryptoError::Unsupported);
        }
        let mut key = Zeroizing::new([0; KEY]);
        random.fill(&mut key[..])?;
        Ok(Self(key))
    }

    /// A key as its mechanism writes it (RFC 9180 7.1.2): of X25519, 32 bytes.
    ///
    /// # Errors
    /// [`CryptoError::Unsupported`] for another mechanism than X25519, [`CryptoError::KeyRejected`] for another length.
    pub fn from_bytes(kem: HpkeKem, bytes: &[u8]) -> Result<Self, CryptoError> {
        if kem != HpkeKem::DHKEM_X25519_HKDF_SHA256 {
            return Err(CryptoError::Unsupported);
        }
        let mut key = Zeroizing::new([0; KEY]);
        if bytes.len() != KEY {
            return Err(CryptoError::KeyRejected("a key of X25519 has 32 bytes"));
        }
        key.copy_from_slice(bytes);
        Ok(Self(key))
    }

    /// What [`Self::from_bytes`] reads.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0[..]
    }

    /// Its mechanism.
    pub fn kem(&self) -> HpkeKem {
        HpkeKem::DHKEM_X25519_HKDF_SHA256
    }

    /// The key that senders encrypt to.
    pub fn public_key(&self) -> Vec<u8> {
        // 32 bytes are always a key.
        self.key().map(|key| Kem::sk_to_pk(&key).to_bytes().to_vec()).unwrap_or_default()
    }

    fn key(&self) -> Result<<Kem as hpke::Kem>::PrivateKey, CryptoError> {
        <Kem as hpke::Kem>::PrivateKey::from_bytes(self.as_bytes()).map_err(|_| CryptoError::BadLength)
    }
}

impl fmt::Debug for HpkePrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HpkePrivateKey")
    }
}

impl PartialEq for HpkePrivateKey {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl Eq for HpkePrivateKey {}

/// What opens the messages of the other side, in order.
pub(crate) trait Open: Send {
    fn open(&mut self, associated: &[u8], ciphertext: &[u8]) -> Option<Vec<u8>>;
}

impl<A, Kdf, K> Open for AeadCtxR<A, Kdf, K>
where
    A: hpke::aead::Aead,
    Kdf: hpke::kdf::Kdf,
    K: hpke::Kem,
    Self: Send,
{
    fn open(&mut self, associated: &[u8], ciphertext: &[u8]) -> Option<Vec<u8>> {
        AeadCtxR::open(self, ciphertext, associated).ok()
    }
}

/// Makes a receiver of the private key, the encapsulated key and what both sides are bound to.
pub(crate) type SetUpReceiver = fn(&HpkePrivateKey, &[u8], &[u8]) -> Result<Box<dyn Open>, CryptoError>;

pub(crate) fn set_up<A, Kdf>(
    private_key: &HpkePrivateKey,
    encapsulated: &[u8],
    info: &[u8],
) -> Result<Box<dyn Open>, CryptoError>
where
    A: hpke::aead::Aead + 'static,
    Kdf: hpke::kdf::Kdf + 'static,
    AeadCtxR<A, Kdf, Kem>: Send,
{
    const BAD_KEY: CryptoError = CryptoError::BadPeerKey("not an encapsulated key of HPKE's mechanism");
    let encapsulated = <Kem as hpke::Kem>::EncappedKey::from_bytes(encapsulated).map_err(|_| BAD_KEY)?;
    if info.len() > MAX_INFO {
        return Err(CryptoError::BadLength);
    }
    let key = private_key.key()?;
    let context = hpke::setup_receiver::<A, Kdf, Kem>(&OpModeR::Base, &key, &encapsulated, info);
    Ok(Box::new(context.map_err(|_| BAD_KEY)?))
}

/// A receiver's end: it opens messages in the order in which they were sealed. Its keys are wiped when it is
/// dropped, but for what GHASH derives from those of AES-GCM, which alone opens nothing.
pub struct HpkeReceiver(Box<dyn Open>);

impl HpkeReceiver {
    /// Derives a receiver from what a sender encapsulated to the key, and from `info`, of at most 65530 bytes.
    ///
    /// # Errors
    /// [`CryptoError::Unsupported`], [`CryptoError::BadPeerKey`] when `encapsulated` is not a valid key,
    /// [`CryptoError::BadLength`].
    pub fn new(
        suite: HpkeSuite,
        private_key: &HpkePrivateKey,
        encapsulated: &[u8],
        info: &[u8],
    ) -> Result<Self, CryptoError> {
        let row = suite.row().ok_or(CryptoError::Unsupported)?;
        (row.receiver)(private_key, encapsulated, info).map(Self)
    }

    /// Opens the next message. One that does not open is as if it had not come.
    ///
    /// # Errors
    /// [`CryptoError::OpenFailed`].
    pub fn open(&mut self, associated: &[u8], ciphertext: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.0.open(associated, ciphertext).ok_or(CryptoError::OpenFailed)
    }
}

impl fmt::Debug for HpkeReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HpkeReceiver")
    }
}

#[cfg(test)]
mod tests {
    use clasp_wire::{HpkeAead, HpkeKdf};

    use super::*;
    use crate::{HpkeSender, default_provider};

    const X25519: HpkeKem = HpkeKem::DHKEM_X25519_HKDF_SHA256;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    fn key(text: &str) -> HpkePrivateKey {
        HpkePrivateKey::from_bytes(X25519, &hex(text)).unwrap()
    }

    /// RFC 9180 A.1.1 and A.2.1.
    #[test]
    fn as_in_rfc_9180() {
        let info = hex("4f6465206f6e2061204772656369616e2055726e");
        let vectors = [
            (
                HpkeAead::AES_128_GCM,
                "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8",
                "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d",
                "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
                [
                    "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a",
                    "af2d7e9ac9ae7e270f46ba1f975be53c09f8d875bdc8535458c2494e8a6eab251c03d0c22a56b8ca42c2063b84",
                ],
            ),
            (
                HpkeAead::CHACHA20_POLY1305,
                "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb",
                "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a",
                "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a",
                [
                    "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28",
                    "6b53c051e4199c518de79594e1c4ab18b96f081549d45ce015be002090bb119e85285337cc95ba5f59992dc98c",
                ],
            ),
        ];
        for (aead, private, public, encapsulated, sealed) in vectors {
            let private = key(private);
            assert_eq!(private.public_key(), hex(public));
            let suite = HpkeSuite { kem: X25519, kdf: HpkeKdf::HKDF_SHA256, aead };
            let mut receiver = HpkeReceiver::new(suite, &private, &hex(encapsulated), &info).unwrap();
            for (associated, sealed) in [b"Count-0", b"Count-1"].into_iter().zip(sealed) {
                assert_eq!(receiver.open(associated, &hex(sealed)).unwrap(), b"Beauty is truth, truth beauty");
            }
        }
    }

    #[test]
    fn every_suite_is_sealed_and_opened() {
        let random = default_provider().random;
        for kdf in [HpkeKdf::HKDF_SHA256, HpkeKdf::HKDF_SHA384, HpkeKdf::HKDF_SHA512] {
            for aead in [HpkeAead::AES_128_GCM, HpkeAead::AES_256_GCM, HpkeAead::CHACHA20_POLY1305] {
                let suite = HpkeSuite { kem: X25519, kdf, aead };
                assert!(suite.is_supported());
                let private = HpkePrivateKey::generate(X25519, random).unwrap();
                let (encapsulated, mut sender) =
                    HpkeSender::new(suite, &private.public_key(), b"info", random).unwrap();
                let mut receiver = HpkeReceiver::new(suite, &private, &encapsulated, b"info").unwrap();
                for message in [&b"one"[..], b"", &[9; 5000]] {
                    let sealed = sender.seal(b"associated", message).unwrap();
                    assert_eq!(sealed.len(), message.len() + HpkeSuite::OVERHEAD);
                    // What does not open changes nothing.
                    assert_eq!(receiver.open(b"other", &sealed), Err(CryptoError::OpenFailed));
                    assert_eq!(receiver.open(b"associated", &sealed[1..]), Err(CryptoError::OpenFailed));
                    assert_eq!(receiver.open(b"associated", &sealed).unwrap(), message);
                    assert_eq!(receiver.open(b"associated", &sealed), Err(CryptoError::OpenFailed));
                }
                let other = HpkePrivateKey::generate(X25519, random).unwrap();
                let sealed = HpkeSender::new(suite, &private.public_key(), b"info", random).unwrap();
                let (encapsulated, mut sender) = sealed;
                let sealed = sender.seal(b"", b"secret").unwrap();
                for (key, info) in [(&other, &b"info"[..]), (&private, b"other")] {
                    let mut receiver = HpkeReceiver::new(suite, key, &encapsulated, info).unwrap();
                    assert_eq!(receiver.open(b"", &sealed), Err(CryptoError::OpenFailed));
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        let suite = HpkeSuite { kem: X25519, kdf: HpkeKdf::HKDF_SHA256, aead: HpkeAead::AES_128_GCM };
        let private = HpkePrivateKey::generate(X25519, default_provider().random).unwrap();
        let p256 = HpkeKem::DHKEM_P256_HKDF_SHA256;
        assert_eq!(HpkePrivateKey::generate(p256, default_provider().random), Err(CryptoError::Unsupported));
        assert_eq!(HpkePrivateKey::from_bytes(p256, &[7; 32]), Err(CryptoError::Unsupported));
        for wrong in [&[][..], &[7; 31], &[7; 33]] {
            let refused = HpkePrivateKey::from_bytes(X25519, wrong);
            assert!(matches!(refused, Err(CryptoError::KeyRejected(_))), "{wrong:?}");
        }
        let error = |suite, encapsulated: &[u8], info: &[u8]| {
            HpkeReceiver::new(suite, &private, encapsulated, info).unwrap_err()
        };
        // Too short, too long, and a point of small order.
        for wrong in [&[][..], &[9; 31], &[9; 33], &[0; 32]] {
            assert!(matches!(error(suite, wrong, b""), CryptoError::BadPeerKey(_)), "{wrong:?}");
        }
        assert_eq!(error(suite, &[9; 32], &vec![0; 65531]), CryptoError::BadLength);
        assert_eq!(error(HpkeSuite { kem: p256, ..suite }, &[9; 32], b""), CryptoError::Unsupported);
        assert_eq!(error(HpkeSuite { kdf: HpkeKdf(4), ..suite }, &[9; 32], b""), CryptoError::Unsupported);
    }

    #[test]
    fn a_private_key_is_not_printed() {
        let private = key("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8");
        assert_eq!(format!("{private:?}"), "HpkePrivateKey");
        assert_eq!(key("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8"), private);
        let suite = HpkeSuite { kem: X25519, kdf: HpkeKdf::HKDF_SHA256, aead: HpkeAead::AES_128_GCM };
        let receiver = HpkeReceiver::new(suite, &private, &[9; 32], b"").unwrap();
        assert_eq!(format!("{receiver:?}"), "HpkeReceiver");
        assert_eq!(private.kem(), X25519);
    }
}
