//! Ephemeral key exchange (RFC 8422, RFC 7919, RFC 7748).

use core::fmt::{self, Debug};

use clasp_wire::NamedGroup;
use zeroize::ZeroizeOnDrop;

use super::{CryptoError, SecureRandom};

/// A named group to exchange keys in.
pub trait KeyExchangeGroup: Debug + Send + Sync {
    /// Its code point.
    fn name(&self) -> NamedGroup;

    /// Makes a fresh key pair.
    ///
    /// # Errors
    /// [`CryptoError::Random`].
    fn start(&self, random: &dyn SecureRandom) -> Result<Box<dyn ActiveKeyExchange>, CryptoError>;

    /// Answers a peer that spoke first, as a server of TLS 1.3 does: our value, and what is shared.
    ///
    /// # Errors
    /// [`CryptoError::BadPeerKey`] as in [`ActiveKeyExchange::complete`], and when an encapsulation key is not a valid one;
    /// [`CryptoError::Random`].
    fn respond(&self, peer: &[u8], random: &dyn SecureRandom) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
        let ours = self.start(random)?;
        let value = ours.public_key().to_vec();
        Ok((value, ours.complete(peer)?))
    }

    /// Whether the answer depends on what was asked, as that of a KEM does. Whoever has not seen the peer's value yet has
    /// nothing to send then, as a server before TLS 1.3, and only [`Self::respond`] answers.
    fn is_kem(&self) -> bool {
        false
    }
}

/// Our half of a key exchange: a private key that is used once.
pub trait ActiveKeyExchange: Send {
    /// The value to send, in the group's TLS encoding.
    fn public_key(&self) -> &[u8];

    /// Agrees with the peer's value.
    ///
    /// # Errors
    /// [`CryptoError::BadPeerKey`] when the value is not a valid one of the group (off the curve, 0, 1 or p-1, or a
    /// point of small order).
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, CryptoError>;

    /// The other group that a part of the value is a value of, and that part: a hybrid's curve, so that a client offers both
    /// at the price of one (draft-ietf-tls-hybrid-design 3.2).
    fn component(&self) -> Option<(NamedGroup, &[u8])> {
        None
    }

    /// Agrees in the group of [`Self::component`], when the peer chose that one.
    ///
    /// # Errors
    /// As [`Self::complete`]; [`CryptoError::Unsupported`] when there is no such part.
    fn complete_component(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, CryptoError> {
        let _ = peer;
        Err(CryptoError::Unsupported)
    }
}

/// Diffie-Hellman in a finite field that the peer chose (RFC 5246 7.4.3).
pub trait FiniteField: Debug + Send + Sync {
    /// Makes a fresh key pair in the group of prime `p` and generator `g`, both big-endian. The public value and the
    /// secret have the length of `p`.
    ///
    /// # Errors
    /// [`CryptoError::BadPeerKey`] when `p` is even, trivial or longer than 8192 bits, or `g` lies outside 2..=p-2.
    fn start(&self, p: &[u8], g: &[u8], random: &dyn SecureRandom) -> Result<Box<dyn ActiveKeyExchange>, CryptoError>;
}

/// What both sides come to share. Wiped when dropped; `Debug` shows nothing of it.
#[derive(ZeroizeOnDrop)]
pub struct SharedSecret(Vec<u8>);

impl SharedSecret {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// All bytes, of the group's fixed length.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Without leading zeros, as finite-field Diffie-Hellman wants it before TLS 1.3 (RFC 5246 8.1.2). The length then
    /// depends on the secret (Raccoon), which is harmless as long as keys are fresh.
    pub fn stripped(&self) -> &[u8] {
        let zeros = self.0.iter().take_while(|byte| **byte == 0).count();
        self.0.get(zeros..).unwrap_or_default()
    }
}

impl Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret")
    }
}
