//! RSA: decryption and encryption for key exchange, and signatures with keys and hashes that ring refuses (RFC 8017).

use clasp_wire::SignatureScheme;
use rsa::pkcs1::der::Decode as _;
use rsa::pkcs1::{ALGORITHM_OID, DecodeRsaPrivateKey, EncodeRsaPublicKey, RsaPublicKeyRef};
use rsa::pkcs8::{PrivateKeyInfoRef, SubjectPublicKeyInfoRef};
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, Pkcs1v15Sign, PrivateKey, Pss, PublicKey};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use subtle::Choice;
use zeroize::Zeroizing;

use super::pkcs1::unpad_or_keep;
use super::rng::Rng;
use crate::traits::{CryptoError, RsaDecrypter, SecureRandom};

/// The longest modulus that is worked with, bits.
const MAX_BITS: usize = 8192;

/// The shortest modulus that is worked with, bits. What is long enough to trust is the policy's matter.
#[cfg(not(feature = "legacy"))]
pub(crate) const MIN_BITS: usize = 1024;

/// The shortest modulus that is worked with, bits: what the United States let out of the country until 2000. What is long
/// enough to trust is the policy's matter.
#[cfg(feature = "legacy")]
pub(crate) const MIN_BITS: usize = 512;

/// A public key from DER RSAPublicKey, within our limits of size instead of the library's.
pub(crate) fn public_key(pkcs1: &[u8]) -> Option<PublicKey> {
    let parts = RsaPublicKeyRef::from_der(pkcs1).ok()?;
    let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, u32::try_from(bytes.len()).ok()? * 8).ok();
    let (n, e) = (number(parts.modulus.as_bytes())?, number(parts.public_exponent.as_bytes())?);
    PublicKey::new_with_size_limits(n, e, MIN_BITS..=MAX_BITS).ok()
}

/// An RSA private key.
pub(crate) struct RsaKey {
    key: PrivateKey,
    /// DER RSAPublicKey.
    public: Vec<u8>,
    schemes: Vec<SignatureScheme>,
}

/// Each with how long a modulus it takes, bytes: the encoded hash and 11 bytes of padding (RFC 8017 9.2), or hash, salt of
/// the same length and 2 bytes (RFC 8017 9.1.1).
const SCHEMES: &[(SignatureScheme, usize)] = &[
    (SignatureScheme::RSA_PSS_RSAE_SHA512, 64 + 64 + 2),
    (SignatureScheme::RSA_PSS_RSAE_SHA256, 32 + 32 + 2),
    (SignatureScheme::RSA_PSS_RSAE_SHA384, 48 + 48 + 2),
    (SignatureScheme::RSA_PKCS1_SHA256, 19 + 32 + 11),
    (SignatureScheme::RSA_PKCS1_SHA384, 19 + 48 + 11),
    (SignatureScheme::RSA_PKCS1_SHA512, 19 + 64 + 11),
    (SignatureScheme::RSA_PKCS1_SHA1, 15 + 20 + 11),
    #[cfg(feature = "legacy")]
    (SignatureScheme::RSA_PKCS1_MD5_SHA1, 36 + 11),
];

impl RsaKey {
    /// Loads PKCS#8. A key that is for PSS alone (RFC 4055 1.2) is none here, where a key also decrypts.
    pub(crate) fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let info = PrivateKeyInfoRef::try_from(der).ok().filter(|info| info.algorithm.oid == ALGORITHM_OID)?;
        Self::new(info.try_into().ok()?)
    }

    pub(crate) fn from_pkcs1(der: &[u8]) -> Option<Self> {
        Self::new(PrivateKey::from_pkcs1_der(der).ok()?)
    }

    fn new(key: PrivateKey) -> Option<Self> {
        let bits = key.size() * 8;
        if !(MIN_BITS..=MAX_BITS).contains(&bits) {
            return None;
        }
        let public = key.to_public_key().to_pkcs1_der().ok()?.as_bytes().to_vec();
        let fits = |(scheme, room): &(SignatureScheme, usize)| (key.size() >= *room).then_some(*scheme);
        let schemes = SCHEMES.iter().filter_map(fits).collect();
        Some(Self { key, public, schemes })
    }

    /// DER RSAPublicKey, as it stands in an SPKI.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        self.public.clone()
    }

    /// What it can sign.
    pub(crate) fn schemes(&self) -> &[SignatureScheme] {
        &self.schemes
    }

    pub(crate) fn sign(
        &self,
        scheme: SignatureScheme,
        message: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<Vec<u8>, CryptoError> {
        let rng = &mut Rng(random);
        let key = &self.key;
        match scheme {
            // Both hashes as they are, with no name before them (RFC 4346 4.7).
            #[cfg(feature = "legacy")]
            SignatureScheme::RSA_PKCS1_MD5_SHA1 if message.len() == 36 => {
                key.sign_with_rng(rng, Pkcs1v15Sign::new_unprefixed(), message)
            }
            SignatureScheme::RSA_PKCS1_SHA1 => {
                key.sign_with_rng(rng, Pkcs1v15Sign::new::<Sha1>(), &Sha1::digest(message))
            }
            SignatureScheme::RSA_PKCS1_SHA256 => {
                key.sign_with_rng(rng, Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message))
            }
            SignatureScheme::RSA_PKCS1_SHA384 => {
                key.sign_with_rng(rng, Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(message))
            }
            SignatureScheme::RSA_PKCS1_SHA512 => {
                key.sign_with_rng(rng, Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(message))
            }
            SignatureScheme::RSA_PSS_RSAE_SHA256 => {
                key.sign_with_rng(rng, Pss::<Sha256>::new_blinded(), &Sha256::digest(message))
            }
            SignatureScheme::RSA_PSS_RSAE_SHA384 => {
                key.sign_with_rng(rng, Pss::<Sha384>::new_blinded(), &Sha384::digest(message))
            }
            SignatureScheme::RSA_PSS_RSAE_SHA512 => {
                key.sign_with_rng(rng, Pss::<Sha512>::new_blinded(), &Sha512::digest(message))
            }
            _ => return Err(CryptoError::Unsupported),
        }
        .map_err(|_| CryptoError::SigningFailed)
    }
}

impl RsaDecrypter for RsaKey {
    fn decrypt_or_keep(
        &self,
        ciphertext: &[u8],
        prefix: &[u8],
        out: &mut [u8],
        random: &dyn SecureRandom,
    ) -> Result<(), CryptoError> {
        let n = self.key.n();
        let precision = n.as_ref().bits_precision();
        let width = self.key.size();
        // The ciphertext is public. One that is no valid input goes through the same work, as the number 1, and is
        // rejected like any other.
        let number = (ciphertext.len() == width)
            .then(|| BoxedUint::from_be_slice(ciphertext, precision).ok())
            .flatten()
            .filter(|number| number < n.as_ref());
        let valid = Choice::from(u8::from(number.is_some()));
        let number = number.unwrap_or_else(|| BoxedUint::one_with_precision(precision));
        // Blinded, and checked against a fault in the computation.
        let block = rsa::hazmat::rsa_decrypt_and_check(&self.key, Some(&mut Rng(random)), &number)
            .map_err(|_| CryptoError::OpenFailed)?;
        let block = Zeroizing::new(block);
        // Of the storage's width, which depends on the modulus only; the modulus's width is its end.
        let bytes = Zeroizing::new(block.to_be_bytes().into_vec());
        let em = bytes.get(bytes.len().saturating_sub(width)..).unwrap_or_default();
        unpad_or_keep(em, prefix, valid, out);
        Ok(())
    }
}

/// Encrypts to the RSA key of a DER SubjectPublicKeyInfo, with PKCS#1 v1.5 padding (RFC 8017 7.2.1).
pub(crate) fn rsa_encrypt(spki: &[u8], plaintext: &[u8], random: &dyn SecureRandom) -> Result<Vec<u8>, CryptoError> {
    let not_rsa = CryptoError::BadPeerKey("not an RSA key for encryption of a usable length");
    let info = SubjectPublicKeyInfoRef::try_from(spki).map_err(|_| not_rsa)?;
    if info.algorithm.oid != ALGORITHM_OID {
        return Err(not_rsa);
    }
    let key = info.subject_public_key.as_bytes().and_then(public_key).ok_or(not_rsa)?;
    let width = key.size();
    let padding = width.checked_sub(plaintext.len() + 3).filter(|len| *len >= 8);
    let padding = padding.ok_or(CryptoError::BadPeerKey("the RSA key is too short for the message"))?;
    let mut em = Zeroizing::new(Vec::with_capacity(width));
    em.extend_from_slice(&[0, 2]);
    em.resize(2 + padding, 0);
    for byte in em.iter_mut().skip(2) {
        // Padding holds no zero byte.
        while *byte == 0 {
            random.fill(core::slice::from_mut(byte))?;
        }
    }
    em.push(0);
    em.extend_from_slice(plaintext);
    let number =
        BoxedUint::from_be_slice(&em, key.n().as_ref().bits_precision()).map_err(|_| CryptoError::BadLength)?;
    let number = Zeroizing::new(number);
    let sealed =
        rsa::hazmat::rsa_encrypt(&key, &number).map_err(|_| CryptoError::BadPeerKey("not a usable RSA key"))?;
    let bytes = sealed.to_be_bytes();
    Ok(bytes.get(bytes.len().saturating_sub(width)..).unwrap_or_default().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Provider, default_provider};
    use rsa::pkcs8::DecodePublicKey;
    use rustls_pki_types::PrivateKeyDer;
    use rustls_pki_types::pem::PemObject;

    const RSA_2048: &str = include_str!("../../test-data/rsa2048.pem");

    fn setup() -> (&'static Provider, std::sync::Arc<dyn crate::SigningKey>) {
        let provider = default_provider();
        let key = PrivateKeyDer::from_pem_slice(RSA_2048.as_bytes()).unwrap();
        (provider, (provider.load_key)(&key).unwrap())
    }

    fn raw(spki: &[u8], em: &[u8]) -> Vec<u8> {
        let key = PublicKey::from_public_key_der(spki).unwrap();
        let number = BoxedUint::from_be_slice(em, key.n().as_ref().bits_precision()).unwrap();
        rsa::hazmat::rsa_encrypt(&key, &number).unwrap().to_be_bytes().to_vec()
    }

    #[test]
    fn what_is_encrypted_is_decrypted() {
        let (provider, key) = setup();
        let secret = [3; 48];
        let sealed = (provider.rsa_encrypt)(&key.public_key(), &secret, provider.random).unwrap();
        assert_eq!(sealed.len(), 256);
        let mut out = [0x55; 48];
        let decrypter = key.rsa_decrypter().unwrap();
        decrypter.decrypt_or_keep(&sealed, &[3, 3], &mut out, provider.random).unwrap();
        assert_eq!(out, secret);
        let mut out = [0x55; 48];
        decrypter.decrypt_or_keep(&sealed, &[3, 2], &mut out, provider.random).unwrap();
        assert_eq!(out, [0x55; 48]);
    }

    #[test]
    fn every_bad_ciphertext_keeps_the_fallback() {
        let (provider, key) = setup();
        let spki = key.public_key().to_vec();
        let n = PublicKey::from_public_key_der(&spki).unwrap().n().as_ref().to_be_bytes();
        let mut above = n.to_vec();
        *above.last_mut().unwrap() += 1;
        let mut em = vec![0, 2];
        em.resize(256 - 49, 0x77);
        em.push(0);
        em.resize(256, 3);
        let changed = |at: usize, byte: u8| {
            let mut em = em.clone();
            em[at] = byte;
            raw(&spki, &em)
        };
        let decrypter = key.rsa_decrypter().unwrap();
        let run = |ciphertext: &[u8]| {
            let mut out = [0x55; 48];
            decrypter.decrypt_or_keep(ciphertext, &[3, 3], &mut out, provider.random).unwrap();
            out
        };
        assert_eq!(run(&raw(&spki, &em)), [3; 48], "the test's own block is good");
        let cases: [(&str, Vec<u8>); 12] = [
            ("block type 1", changed(1, 1)),
            ("leading byte", changed(0, 1)),
            ("zero in the first eight", changed(5, 0)),
            ("a message too long", changed(150, 0)),
            ("no separator", changed(207, 1)),
            ("wrong major version", changed(208, 2)),
            ("wrong minor version", changed(209, 2)),
            ("equal to n", n.to_vec()),
            ("above n", above),
            ("all zero", vec![0; 256]),
            ("short", vec![7; 255]),
            ("long", vec![0; 257]),
        ];
        for (what, ciphertext) in cases {
            assert_eq!(run(&ciphertext), [0x55; 48], "{what}");
        }
        assert_eq!(run(&[]), [0x55; 48]);
    }
}
