//! Randomness, hash functions and HMAC (FIPS 180-4, RFC 2104).

use aws_lc_rs::{digest, hmac, rand};
use clasp_crypto::{CryptoError, Digest, Hash, HashAlgorithm, HashContext, Hmac, HmacKey, SecureRandom};

/// AWS-LC's generator, which the system seeds.
#[derive(Debug)]
pub(crate) struct Random;

pub(crate) static RANDOM: Random = Random;

impl SecureRandom for Random {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        rand::fill(out).map_err(|_| CryptoError::Random)
    }
}

/// A hash function, with the HMAC on it.
#[derive(Debug)]
pub(crate) struct ShaHash {
    algorithm: HashAlgorithm,
    digest: &'static digest::Algorithm,
    hmac: hmac::Algorithm,
}

pub(crate) static SHA1: ShaHash = ShaHash {
    algorithm: HashAlgorithm::Sha1,
    digest: &digest::SHA1_FOR_LEGACY_USE_ONLY,
    hmac: hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
};
pub(crate) static SHA256: ShaHash =
    ShaHash { algorithm: HashAlgorithm::Sha256, digest: &digest::SHA256, hmac: hmac::HMAC_SHA256 };
pub(crate) static SHA384: ShaHash =
    ShaHash { algorithm: HashAlgorithm::Sha384, digest: &digest::SHA384, hmac: hmac::HMAC_SHA384 };
pub(crate) static SHA512: ShaHash =
    ShaHash { algorithm: HashAlgorithm::Sha512, digest: &digest::SHA512, hmac: hmac::HMAC_SHA512 };

impl Hash for ShaHash {
    fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    fn start(&self) -> Box<dyn HashContext> {
        Box::new(Context(digest::Context::new(self.digest)))
    }

    fn hash(&self, parts: &[&[u8]]) -> Digest {
        // One part needs no context of its own.
        if let [whole] = parts {
            return Digest::new(digest::digest(self.digest, whole).as_ref());
        }
        let mut context = digest::Context::new(self.digest);
        parts.iter().for_each(|part| context.update(part));
        Digest::new(context.finish().as_ref())
    }
}

struct Context(digest::Context);

impl HashContext for Context {
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

impl Hmac for ShaHash {
    fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    fn with_key(&self, key: &[u8]) -> Box<dyn HmacKey> {
        Box::new(Key(hmac::Key::new(self.hmac, key)))
    }

    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Digest {
        Key(hmac::Key::new(self.hmac, key)).sign(parts)
    }
}

/// A prepared key. AWS-LC wipes it when it is freed.
struct Key(hmac::Key);

impl HmacKey for Key {
    fn output_len(&self) -> usize {
        self.0.algorithm().tag_len()
    }

    fn sign(&self, parts: &[&[u8]]) -> Digest {
        let mut context = hmac::Context::with_key(&self.0);
        parts.iter().for_each(|part| context.update(part));
        Digest::new(context.sign().as_ref())
    }
}
