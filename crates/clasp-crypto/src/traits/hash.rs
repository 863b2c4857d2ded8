//! Hash functions and HMAC (FIPS 180-4, RFC 2104).

use core::fmt::{self, Debug};

use subtle::ConstantTimeEq;
use zeroize::{Zeroize as _, ZeroizeOnDrop};

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// MD5: 16 bytes.
    Md5,
    /// SHA-1: 20 bytes.
    Sha1,
    /// MD5 and SHA-1 side by side, 36 bytes: what TLS before 1.2 makes Finished and RSA signatures of (RFC 4346 7.4.8).
    Md5Sha1,
    /// SHA-256: 32 bytes.
    Sha256,
    /// SHA-384: 48 bytes.
    Sha384,
    /// SHA-512: 64 bytes.
    Sha512,
}

impl HashAlgorithm {
    /// The length of its output, bytes.
    pub const fn output_len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Md5Sha1 => 36,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The length of the block its compression function works on, bytes.
    pub const fn block_len(self) -> usize {
        match self {
            Self::Md5 | Self::Sha1 | Self::Md5Sha1 | Self::Sha256 => 64,
            Self::Sha384 | Self::Sha512 => 128,
        }
    }
}

/// The output of a hash function or of HMAC, at most 64 bytes. It may be secret: it is wiped when dropped, and `Debug`
/// shows its length only.
#[derive(Clone)]
pub struct Digest {
    bytes: [u8; Self::MAX],
    len: u8,
}

impl Digest {
    /// The longest output, bytes.
    pub const MAX: usize = 64;

    /// Holds a copy of `bytes`, of which at most [`Self::MAX`] are taken.
    pub fn new(bytes: &[u8]) -> Self {
        let mut digest = Self { bytes: [0; Self::MAX], len: 0 };
        let bytes = bytes.get(..Self::MAX).unwrap_or(bytes);
        if let (Some(to), Ok(len)) = (digest.bytes.get_mut(..bytes.len()), u8::try_from(bytes.len())) {
            to.copy_from_slice(bytes);
            digest.len = len;
        }
        digest
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Compares in constant time; lengths are public.
    pub fn ct_eq(&self, other: &[u8]) -> bool {
        bool::from(self.as_slice().ct_eq(other))
    }
}

impl Drop for Digest {
    fn drop(&mut self) {
        // No more than was written.
        if let Some(bytes) = self.bytes.get_mut(..usize::from(self.len)) {
            bytes.zeroize();
        }
    }
}

impl ZeroizeOnDrop for Digest {}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({} bytes)", self.len)
    }
}

/// A hash function.
pub trait Hash: Debug + Send + Sync {
    /// Which one.
    fn algorithm(&self) -> HashAlgorithm;

    /// Starts hashing.
    fn start(&self) -> Box<dyn HashContext>;

    /// Hashes the parts, one after the other.
    fn hash(&self, parts: &[&[u8]]) -> Digest;

    /// The length of the output, bytes.
    fn output_len(&self) -> usize {
        self.algorithm().output_len()
    }
}

/// A hash that is being computed.
pub trait HashContext: Send + Sync {
    /// Adds input.
    fn update(&mut self, data: &[u8]);

    /// A copy that goes its own way.
    fn fork(&self) -> Box<dyn HashContext>;

    /// The hash of what was added so far; more may be added afterwards.
    fn current(&self) -> Digest;

    /// The hash of all that was added.
    fn finish(self: Box<Self>) -> Digest {
        self.current()
    }
}

/// HMAC with one hash function (RFC 2104).
pub trait Hmac: Debug + Send + Sync {
    /// The hash function.
    fn algorithm(&self) -> HashAlgorithm;

    /// Prepares a key of any length, so that each use costs no more than its data.
    fn with_key(&self, key: &[u8]) -> Box<dyn HmacKey>;

    /// The tag over the parts, one after the other, under a key that is used this once.
    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Digest {
        self.with_key(key).sign(parts)
    }
}

/// A prepared HMAC key. It wipes itself when dropped where the primitive behind it can; ring's cannot.
pub trait HmacKey: Send + Sync {
    /// The length of a tag, bytes.
    fn output_len(&self) -> usize;

    /// The tag over the parts, one after the other.
    fn sign(&self, parts: &[&[u8]]) -> Digest;

    /// The tag over `prefix` and the first `secret_len` bytes of `data`, in a time that does not depend on `secret_len`.
    ///
    /// `data.len()` is public, and so is that `secret_len` lies between it and `data.len() - 256 - output_len`. A
    /// provider whose HMAC has no such form gives `None`; record protection then does not use it.
    ///
    /// For CBC records, whose padding length must not show (Lucky Thirteen: AlFardan and Paterson, 2013).
    fn sign_secret_len(&self, prefix: &[u8], data: &[u8], secret_len: usize) -> Option<Digest> {
        let _ = (prefix, data, secret_len);
        None
    }
}
