//! MD5 (RFC 1321), and MD5 beside SHA-1 as the versions before TLS 1.2 use the two (RFC 4346 5, 7.4.8, 7.4.9).
//!
//! MD5's collisions are why a signature over it alone is worth nothing (SLOTH). Beside SHA-1 a forger must find a collision
//! of both at once.

use sha1::digest::Digest as _;

use crate::traits::{Digest, Hash, HashAlgorithm, HashContext};

/// MD5.
#[derive(Debug)]
pub(crate) struct Md5Hash;

/// MD5 and SHA-1 side by side.
#[derive(Debug)]
pub(crate) struct Md5Sha1Hash;

pub(crate) static MD5: Md5Hash = Md5Hash;
pub(crate) static MD5_SHA1: Md5Sha1Hash = Md5Sha1Hash;

impl Hash for Md5Hash {
    fn algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::Md5
    }

    fn start(&self) -> Box<dyn HashContext> {
        Box::new(Md5Context(md5::Md5::new()))
    }

    fn hash(&self, parts: &[&[u8]]) -> Digest {
        let mut hash = md5::Md5::new();
        parts.iter().for_each(|part| hash.update(part));
        Digest::new(&hash.finalize())
    }
}

struct Md5Context(md5::Md5);

impl HashContext for Md5Context {
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

impl Hash for Md5Sha1Hash {
    fn algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::Md5Sha1
    }

    fn start(&self) -> Box<dyn HashContext> {
        Box::new(Both(md5::Md5::new(), sha1::Sha1::new()))
    }

    fn hash(&self, parts: &[&[u8]]) -> Digest {
        let mut both = Both(md5::Md5::new(), sha1::Sha1::new());
        parts.iter().for_each(|part| both.update(part));
        both.current()
    }
}

struct Both(md5::Md5, sha1::Sha1);

impl HashContext for Both {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
        self.1.update(data);
    }

    fn fork(&self) -> Box<dyn HashContext> {
        Box::new(Self(self.0.clone(), self.1.clone()))
    }

    fn current(&self) -> Digest {
        let mut both = [0; 36];
        let (md5, sha1) = both.split_at_mut(16);
        md5.copy_from_slice(&self.0.clone().finalize());
        sha1.copy_from_slice(&self.1.clone().finalize());
        Digest::new(&both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rust_crypto::SHA1;
    use crate::testing::hex;

    /// RFC 1321 A.5: the hashes of "abc" and of the alphabet.
    #[test]
    fn published_vectors() {
        assert_eq!(MD5.hash(&[b"a", b"bc"]).as_slice(), hex("900150983cd24fb0d6963f7d28e17f72"));
        let mut context = MD5.start();
        context.update(b"abcdefghijklm");
        context.fork().update(b"elsewhere");
        context.update(b"nopqrstuvwxyz");
        assert_eq!(context.finish().as_slice(), hex("c3fcd3d76192e4007dfb496cca67e13b"));
    }

    #[test]
    fn side_by_side() {
        let both = MD5_SHA1.hash(&[b"abc"]);
        assert_eq!(both.as_slice(), [MD5.hash(&[b"abc"]).as_slice(), SHA1.hash(&[b"abc"]).as_slice()].concat());
        let mut context = MD5_SHA1.start();
        context.update(b"a");
        let mut fork = context.fork();
        fork.update(b"bc");
        assert_eq!(fork.finish().as_slice(), both.as_slice());
    }
}
