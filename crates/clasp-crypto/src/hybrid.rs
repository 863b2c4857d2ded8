//! Key exchange that holds as long as one of two does: a curve's and ML-KEM-768 side by side
//! (draft-ietf-tls-ecdhe-mlkem).

use clasp_wire::NamedGroup;

use crate::libcrux_provider::{CIPHERTEXT, DecapsulationKey, ENCAPSULATION_KEY, KemSecret, encapsulate};
use crate::ring_provider as ring;
use crate::traits::{ActiveKeyExchange, CryptoError, KeyExchangeGroup, SecureRandom, SharedSecret};

/// A curve with ML-KEM-768.
#[derive(Debug)]
pub(crate) struct Hybrid {
    name: NamedGroup,
    curve: &'static dyn KeyExchangeGroup,
    order: Order,
}

/// Where the curve's part stands, in shares and in the secret.
#[derive(Clone, Copy, Debug)]
enum Order {
    KemFirst,
    CurveFirst,
}

pub(crate) static X25519_MLKEM768: Hybrid =
    Hybrid { name: NamedGroup::X25519MLKEM768, curve: &ring::X25519, order: Order::KemFirst };
pub(crate) static SECP256R1_MLKEM768: Hybrid =
    Hybrid { name: NamedGroup::SECP256R1MLKEM768, curve: &ring::SECP256R1, order: Order::CurveFirst };

impl Order {
    fn join(self, kem: &[u8], curve: &[u8]) -> Vec<u8> {
        match self {
            Self::KemFirst => [kem, curve].concat(),
            Self::CurveFirst => [curve, kem].concat(),
        }
    }

    /// The KEM's part, of `KEM` bytes, and the curve's, whose length is the curve's matter.
    fn split<const KEM: usize>(self, share: &[u8]) -> Result<(&[u8; KEM], &[u8]), CryptoError> {
        match self {
            Self::KemFirst => share.split_first_chunk(),
            Self::CurveFirst => share.split_last_chunk().map(|(curve, kem)| (kem, curve)),
        }
        .ok_or(CryptoError::BadPeerKey("too short for both its parts"))
    }

    fn secret(self, kem: &KemSecret, curve: &SharedSecret) -> SharedSecret {
        SharedSecret::new(self.join(kem.as_slice(), curve.as_bytes()))
    }
}

impl KeyExchangeGroup for Hybrid {
    fn name(&self) -> NamedGroup {
        self.name
    }

    fn start(&self, random: &dyn SecureRandom) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let curve = self.curve.start(random)?;
        let (kem, public) = DecapsulationKey::generate(random)?;
        let share = self.order.join(&public, curve.public_key());
        Ok(Box::new(Exchange { curve_name: self.curve.name(), curve, kem, order: self.order, share }))
    }

    fn respond(&self, peer: &[u8], random: &dyn SecureRandom) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
        let (kem, curve) = self.order.split::<ENCAPSULATION_KEY>(peer)?;
        let (ciphertext, kem_secret) = encapsulate(kem, random)?;
        let (share, curve_secret) = self.curve.respond(curve, random)?;
        Ok((self.order.join(&ciphertext, &share), self.order.secret(&kem_secret, &curve_secret)))
    }

    fn is_kem(&self) -> bool {
        true
    }
}

struct Exchange {
    curve_name: NamedGroup,
    curve: Box<dyn ActiveKeyExchange>,
    kem: DecapsulationKey,
    order: Order,
    share: Vec<u8>,
}

impl ActiveKeyExchange for Exchange {
    fn public_key(&self) -> &[u8] {
        &self.share
    }

    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, CryptoError> {
        let Self { curve, kem, order, .. } = *self;
        let (ciphertext, share) = order.split::<CIPHERTEXT>(peer)?;
        let curve_secret = curve.complete(share)?;
        Ok(order.secret(&kem.decapsulate(ciphertext), &curve_secret))
    }

    fn component(&self) -> Option<(NamedGroup, &[u8])> {
        Some((self.curve_name, self.curve.public_key()))
    }

    fn complete_component(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, CryptoError> {
        self.curve.complete(peer)
    }
}
