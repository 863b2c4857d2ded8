//! What ring gives: the one file that names it.
//!
//! AES-GCM and ChaCha20-Poly1305 (RFC 5116, 8439), X25519, P-256 and P-384 (RFC 7748, 8422), SHA-2 and HMAC (FIPS 180-4,
//! RFC 2104), RSA, ECDSA and Ed25519 signatures (RFC 8017, 6979 8032), and randomness.

use clasp_wire::{NamedGroup, SignatureScheme};
use ring::signature::KeyPair as _;
use ring::{aead, agreement, digest, hmac, rand, signature};
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};

use crate::traits::{
    ActiveKeyExchange, Aead, AeadAlgorithm, AeadKey, CryptoError, Digest, Hash, HashAlgorithm, HashContext, Hmac,
    HmacKey, KeyAlgorithm, KeyExchangeGroup, SecureRandom, SharedSecret,
};

// ---- randomness

/// The system's source of randomness.
#[derive(Debug)]
pub(crate) struct SystemRandom;

pub(crate) static RANDOM: SystemRandom = SystemRandom;

impl SecureRandom for SystemRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        rand::SecureRandom::fill(&rand::SystemRandom::new(), out).map_err(|_| CryptoError::Random)
    }
}

// ---- hashes

/// A hash function of ring's, with the HMAC on it.
#[derive(Debug)]
pub(crate) struct RingHash {
    algorithm: HashAlgorithm,
    digest: &'static digest::Algorithm,
    hmac: hmac::Algorithm,
}

pub(crate) static SHA256: RingHash =
    RingHash { algorithm: HashAlgorithm::Sha256, digest: &digest::SHA256, hmac: hmac::HMAC_SHA256 };
pub(crate) static SHA384: RingHash =
    RingHash { algorithm: HashAlgorithm::Sha384, digest: &digest::SHA384, hmac: hmac::HMAC_SHA384 };
pub(crate) static SHA512: RingHash =
    RingHash { algorithm: HashAlgorithm::Sha512, digest: &digest::SHA512, hmac: hmac::HMAC_SHA512 };

impl Hash for RingHash {
    fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    fn start(&self) -> Box<dyn HashContext> {
        Box::new(RingContext(digest::Context::new(self.digest)))
    }

    fn hash(&self, parts: &[&[u8]]) -> Digest {
        let mut context = digest::Context::new(self.digest);
        parts.iter().for_each(|part| context.update(part));
        Digest::new(context.finish().as_ref())
    }
}

struct RingContext(digest::Context);

impl HashContext for RingContext {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn fork(&self) -> Box<dyn HashContext> {
        Box::new(Self(self.0.clone()))
    }

    fn current(&self) -> Digest {
        Digest::new(self.0.clone().finish().as_ref())
    }

    fn finish(self: Box<Self>) -> Digest {
        Digest::new(self.0.finish().as_ref())
    }
}

impl Hmac for RingHash {
    fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    fn with_key(&self, key: &[u8]) -> Box<dyn HmacKey> {
        Box::new(RingHmacKey(hmac::Key::new(self.hmac, key)))
    }

    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Digest {
        RingHmacKey(hmac::Key::new(self.hmac, key)).sign(parts)
    }
}

struct RingHmacKey(hmac::Key);

impl HmacKey for RingHmacKey {
    fn output_len(&self) -> usize {
        self.0.algorithm().digest_algorithm().output_len()
    }

    fn sign(&self, parts: &[&[u8]]) -> Digest {
        let mut context = hmac::Context::with_key(&self.0);
        parts.iter().for_each(|part| context.update(part));
        Digest::new(context.sign().as_ref())
    }
}

// ---- AEAD

#[derive(Debug)]
pub(crate) struct RingAead {
    algorithm: AeadAlgorithm,
    ring: &'static aead::Algorithm,
}

pub(crate) static AES_128_GCM: RingAead = RingAead { algorithm: AeadAlgorithm::Aes128Gcm, ring: &aead::AES_128_GCM };
pub(crate) static AES_256_GCM: RingAead = RingAead { algorithm: AeadAlgorithm::Aes256Gcm, ring: &aead::AES_256_GCM };
pub(crate) static CHACHA20_POLY1305: RingAead =
    RingAead { algorithm: AeadAlgorithm::ChaCha20Poly1305, ring: &aead::CHACHA20_POLY1305 };

impl Aead for RingAead {
    fn algorithm(&self) -> AeadAlgorithm {
        self.algorithm
    }

    fn with_key(&self, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
        let key = aead::UnboundKey::new(self.ring, key).map_err(|_| CryptoError::BadLength)?;
        Ok(Box::new(RingAeadKey(aead::LessSafeKey::new(key))))
    }
}

struct RingAeadKey(aead::LessSafeKey);

impl AeadKey for RingAeadKey {
    fn seal_in_place(&self, nonce: &[u8; 12], aad: &[u8], data: &mut [u8]) -> Result<[u8; 16], CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        let tag =
            self.0.seal_in_place_separate_tag(nonce, aead::Aad::from(aad), data).map_err(|_| CryptoError::BadLength)?;
        <[u8; 16]>::try_from(tag.as_ref()).map_err(|_| CryptoError::BadLength)
    }

    fn open_in_place(&self, nonce: &[u8; 12], aad: &[u8], data: &mut [u8]) -> Result<usize, CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        self.0
            .open_in_place(nonce, aead::Aad::from(aad), data)
            .map(|plaintext| plaintext.len())
            .map_err(|_| CryptoError::OpenFailed)
    }
}

// ---- key exchange

#[derive(Debug)]
pub(crate) struct RingGroup {
    name: NamedGroup,
    ring: &'static agreement::Algorithm,
}

pub(crate) static X25519: RingGroup = RingGroup { name: NamedGroup::X25519, ring: &agreement::X25519 };
pub(crate) static SECP256R1: RingGroup = RingGroup { name: NamedGroup::SECP256R1, ring: &agreement::ECDH_P256 };
pub(crate) static SECP384R1: RingGroup = RingGroup { name: NamedGroup::SECP384R1, ring: &agreement::ECDH_P384 };

impl KeyExchangeGroup for RingGroup {
    fn name(&self) -> NamedGroup {
        self.name
    }

    // ring takes randomness from its own source only, which is the system's too.
    fn start(&self, _random: &dyn SecureRandom) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let private = agreement::EphemeralPrivateKey::generate(self.ring, &rand::SystemRandom::new())
            .map_err(|_| CryptoError::Random)?;
        let public = private.compute_public_key().map_err(|_| CryptoError::Random)?;
        Ok(Box::new(RingExchange { private, public }))
    }
}

struct RingExchange {
    private: agreement::EphemeralPrivateKey,
    public: agreement::PublicKey,
}

impl ActiveKeyExchange for RingExchange {
    fn public_key(&self) -> &[u8] {
        self.public.as_ref()
    }

    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, CryptoError> {
        let peer = agreement::UnparsedPublicKey::new(self.private.algorithm(), peer);
        agreement::agree_ephemeral(self.private, &peer, |secret| SharedSecret::new(secret.to_vec()))
            .map_err(|_| CryptoError::BadPeerKey("not a valid value of the group"))
    }
}

// ---- signing

/// A private key in ring's hands.
pub(crate) enum RingSigner {
    Rsa(signature::RsaKeyPair),
    Ecdsa(KeyAlgorithm, signature::EcdsaKeyPair),
    Ed25519(signature::Ed25519KeyPair),
}

const RSA_SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

impl RingSigner {
    /// Loads PKCS#8. ring refuses RSA keys below 2048 and above 4096 bits, and P-521.
    pub(crate) fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let random = rand::SystemRandom::new();
        let ecdsa = |ring, algorithm| {
            signature::EcdsaKeyPair::from_pkcs8(ring, der, &random).ok().map(|pair| Self::Ecdsa(algorithm, pair))
        };
        ecdsa(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, KeyAlgorithm::EcdsaP256)
            .or_else(|| ecdsa(&signature::ECDSA_P384_SHA384_ASN1_SIGNING, KeyAlgorithm::EcdsaP384))
            .or_else(|| signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(Self::Ed25519))
            .or_else(|| signature::RsaKeyPair::from_pkcs8(der).ok().map(Self::Rsa))
    }

    /// Loads PKCS#1 (RSA only).
    pub(crate) fn from_pkcs1(der: &[u8]) -> Option<Self> {
        signature::RsaKeyPair::from_der(der).ok().map(Self::Rsa)
    }

    pub(crate) fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::Rsa(_) => KeyAlgorithm::Rsa,
            Self::Ecdsa(algorithm, _) => *algorithm,
            Self::Ed25519(_) => KeyAlgorithm::Ed25519,
        }
    }

    /// The public key as it stands in the SPKI's bit string.
    pub(crate) fn public_key(&self) -> &[u8] {
        match self {
            Self::Rsa(pair) => pair.public_key().as_ref(),
            Self::Ecdsa(_, pair) => pair.public_key().as_ref(),
            Self::Ed25519(pair) => pair.public_key().as_ref(),
        }
    }

    pub(crate) fn schemes(&self) -> &'static [SignatureScheme] {
        match self {
            Self::Rsa(_) => RSA_SCHEMES,
            Self::Ecdsa(KeyAlgorithm::EcdsaP256, _) => &[SignatureScheme::ECDSA_SECP256R1_SHA256],
            Self::Ecdsa(..) => &[SignatureScheme::ECDSA_SECP384R1_SHA384],
            Self::Ed25519(_) => &[SignatureScheme::ED25519],
        }
    }

    pub(crate) fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        if !self.schemes().contains(&scheme) {
            return Err(CryptoError::Unsupported);
        }
        let random = rand::SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let encoding: &dyn signature::RsaEncoding = match scheme {
                    SignatureScheme::RSA_PSS_RSAE_SHA256 => &signature::RSA_PSS_SHA256,
                    SignatureScheme::RSA_PSS_RSAE_SHA384 => &signature::RSA_PSS_SHA384,
                    SignatureScheme::RSA_PSS_RSAE_SHA512 => &signature::RSA_PSS_SHA512,
                    SignatureScheme::RSA_PKCS1_SHA256 => &signature::RSA_PKCS1_SHA256,
                    SignatureScheme::RSA_PKCS1_SHA384 => &signature::RSA_PKCS1_SHA384,
                    SignatureScheme::RSA_PKCS1_SHA512 => &signature::RSA_PKCS1_SHA512,
                    _ => return Err(CryptoError::Unsupported),
                };
                let mut out = vec![0; pair.public().modulus_len()];
                pair.sign(encoding, &random, message, &mut out).map_err(|_| CryptoError::SigningFailed)?;
                Ok(out)
            }
            Self::Ecdsa(_, pair) => {
                pair.sign(&random, message).map(|out| out.as_ref().to_vec()).map_err(|_| CryptoError::SigningFailed)
            }
            Self::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

// ---- verifying

/// A signature algorithm of ring's, as certificate chains name it.
#[derive(Debug)]
pub(crate) struct RingVerifier {
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    ring: &'static dyn signature::VerificationAlgorithm,
}

impl SignatureVerificationAlgorithm for RingVerifier {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        signature::UnparsedPublicKey::new(self.ring, public_key)
            .verify(message, signature)
            .map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

/// sha1WithRSAEncryption (RFC 3279 2.2.1), as an AlgorithmIdentifier's content.
const RSA_PKCS1_SHA1: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05, 0x05, 0x00]);

/// id-RSASSA-PSS without parameters: a key for PSS with any hash function (RFC 4055 3.1).
pub(crate) const RSASSA_PSS: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a]);

macro_rules! verifiers {
    ($($name:ident: $key:expr, $signature:expr, $ring:ident;)*) => {
        $(pub(crate) static $name: RingVerifier = RingVerifier {
            key: $key,
            signature: $signature,
            ring: &signature::$ring,
        };)*
    };
}

verifiers! {
    VERIFY_ECDSA_P256_SHA256: alg_id::ECDSA_P256, alg_id::ECDSA_SHA256, ECDSA_P256_SHA256_ASN1;
    VERIFY_ECDSA_P256_SHA384: alg_id::ECDSA_P256, alg_id::ECDSA_SHA384, ECDSA_P256_SHA384_ASN1;
    VERIFY_ECDSA_P384_SHA256: alg_id::ECDSA_P384, alg_id::ECDSA_SHA256, ECDSA_P384_SHA256_ASN1;
    VERIFY_ECDSA_P384_SHA384: alg_id::ECDSA_P384, alg_id::ECDSA_SHA384, ECDSA_P384_SHA384_ASN1;
    VERIFY_ED25519: alg_id::ED25519, alg_id::ED25519, ED25519;
    VERIFY_RSA_PKCS1_SHA1: alg_id::RSA_ENCRYPTION, RSA_PKCS1_SHA1, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY;
    VERIFY_RSA_PKCS1_SHA256: alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA256, RSA_PKCS1_2048_8192_SHA256;
    VERIFY_RSA_PKCS1_SHA384: alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA384, RSA_PKCS1_2048_8192_SHA384;
    VERIFY_RSA_PKCS1_SHA512: alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA512, RSA_PKCS1_2048_8192_SHA512;
    VERIFY_RSA_PSS_SHA256: alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA256, RSA_PSS_2048_8192_SHA256;
    VERIFY_RSA_PSS_SHA384: alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA384, RSA_PSS_2048_8192_SHA384;
    VERIFY_RSA_PSS_SHA512: alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA512, RSA_PSS_2048_8192_SHA512;
    VERIFY_PSS_KEY_SHA256: RSASSA_PSS, alg_id::RSA_PSS_SHA256, RSA_PSS_2048_8192_SHA256;
    VERIFY_PSS_KEY_SHA384: RSASSA_PSS, alg_id::RSA_PSS_SHA384, RSA_PSS_2048_8192_SHA384;
    VERIFY_PSS_KEY_SHA512: RSASSA_PSS, alg_id::RSA_PSS_SHA512, RSA_PSS_2048_8192_SHA512;
    VERIFY_PSS_KEY_FOR_SHA256: alg_id::RSA_PSS_SHA256, alg_id::RSA_PSS_SHA256, RSA_PSS_2048_8192_SHA256;
    VERIFY_PSS_KEY_FOR_SHA384: alg_id::RSA_PSS_SHA384, alg_id::RSA_PSS_SHA384, RSA_PSS_2048_8192_SHA384;
    VERIFY_PSS_KEY_FOR_SHA512: alg_id::RSA_PSS_SHA512, alg_id::RSA_PSS_SHA512, RSA_PSS_2048_8192_SHA512;
}
