//! SHA-1 (FIPS 180-4), for the signatures of old certificates and handshakes.

use sha1::digest::Digest as _;

use crate::traits::{Digest, Hash, HashAlgorithm, HashContext};

/// SHA-1.
#[derive(Debug)]
pub(crate) struct Sha1Hash;

pub(crate) static SHA1: Sha1Hash = Sha1Hash;

impl Hash for Sha1Hash {
    fn algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::Sha1
    }

    fn start(&self) -> Box<dyn HashContext> {
        Box::new(Context(sha1::Sha1::new()))
    }

    fn hash(&self, parts: &[&[u8]]) -> Digest {
        let mut hash = sha1::Sha1::new();
        parts.iter().for_each(|part| hash.update(part));
        Digest::new(&hash.finalize())
    }
}

struct Context(sha1::Sha1);

impl HashContext for Context {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn fork(&self) -> Box<dyn HashContext> {
        Box::new(Self(self.0.clone()))
    }

    fn current(&self) -> Digest {
        Digest::new(&self.0.clone().finalize())
    }
}
