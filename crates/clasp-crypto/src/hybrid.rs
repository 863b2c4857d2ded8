//! Key exchange that holds as long as one of two does: a curve's and ML-KEM side by side (draft-ietf-tls-ecdhe-mlkem); and
//! ML-KEM alone (draft-ietf-tls-mlkem).

use clasp_wire::NamedGroup;

use crate::libcrux_provider::{DecapsulationKey, Kem, KemSecret, MlKem768, MlKem1024};
use crate::ring_provider as ring;
use crate::traits::{ActiveKeyExchange, CryptoError, KeyExchangeGroup, SecureRandom, SharedSecret};

/// A curve with ML-KEM.
#[derive(Debug)]
pub(crate) struct Hybrid {
    name: NamedGroup,
    kem: &'static dyn Kem,
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
    Hybrid { name: NamedGroup::X25519MLKEM768, kem: &MlKem768, curve: &ring::X25519, order: Order::KemFirst };
pub(crate) static SECP256R1_MLKEM768: Hybrid =
    Hybrid { name: NamedGroup::SECP256R1MLKEM768, kem: &MlKem768, curve: &ring::SECP256R1, order: Order::CurveFirst };
pub(crate) static SECP384R1_MLKEM1024: Hybrid =
    Hybrid { name: NamedGroup::SECP384R1MLKEM1024, kem: &MlKem1024, curve: &ring::SECP384R1, order: Order::CurveFirst };

impl Order {
    fn join(self, kem: &[u8], curve: &[u8]) -> Vec<u8> {
        match self {
            Self::KemFirst => [kem, curve].concat(),
            Self::CurveFirst => [curve, kem].concat(),
        }
    }

    /// The KEM's part, of `length` bytes, and the curve's, whose length is the curve's matter.
    fn split(self, share: &[u8], length: usize) -> Result<(&[u8], &[u8]), CryptoError> {
        match self {
            Self::KemFirst => share.split_at_checked(length),
            Self::CurveFirst => share
                .len()
                .checked_sub(length)
                .and_then(|curve| share.split_at_checked(curve))
                .map(|(curve, kem)| (kem, curve)),
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
        let (key, public) = self.kem.generate(random)?;
        let share = self.order.join(&public, curve.public_key());
        Ok(Box::new(Exchange {
            curve_name: self.curve.name(),
            curve,
            key,
            ciphertext_len: self.kem.ciphertext_len(),
            order: self.order,
            share,
        }))
    }

    fn respond(&self, peer: &[u8], random: &dyn SecureRandom) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
        let (kem, curve) = self.order.split(peer, self.kem.encapsulation_key_len())?;
        let (ciphertext, kem_secret) = self.kem.encapsulate(kem, random)?;
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
    key: Box<dyn DecapsulationKey>,
    ciphertext_len: usize,
    order: Order,
    share: Vec<u8>,
}

impl ActiveKeyExchange for Exchange {
    fn public_key(&self) -> &[u8] {
        &self.share
    }

    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, CryptoError> {
        let Self { curve, key, order, ciphertext_len, .. } = *self;
        let (ciphertext, share) = order.split(peer, ciphertext_len)?;
        let curve_secret = curve.complete(share)?;
        Ok(order.secret(&key.decapsulate(ciphertext)?, &curve_secret))
    }

    fn component(&self) -> Option<(NamedGroup, &[u8])> {
        Some((self.curve_name, self.curve.public_key()))
    }

    fn complete_component(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, CryptoError> {
        self.curve.complete(peer)
    }
}

/// ML-KEM alone.
#[derive(Debug)]
pub(crate) struct Alone {
    name: NamedGroup,
    kem: &'static dyn Kem,
}

pub(crate) static MLKEM768: Alone = Alone { name: NamedGroup::MLKEM768, kem: &MlKem768 };
pub(crate) static MLKEM1024: Alone = Alone { name: NamedGroup::MLKEM1024, kem: &MlKem1024 };

impl KeyExchangeGroup for Alone {
    fn name(&self) -> NamedGroup {
        self.name
    }

    fn start(&self, random: &dyn SecureRandom) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let (key, share) = self.kem.generate(random)?;
        Ok(Box::new(AloneExchange { key, share }))
    }

    fn respond(&self, peer: &[u8], random: &dyn SecureRandom) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
        let (ciphertext, secret) = self.kem.encapsulate(peer, random)?;
        Ok((ciphertext, SharedSecret::new(secret.to_vec())))
    }

    fn is_kem(&self) -> bool {
        true
    }
}

struct AloneExchange {
    key: Box<dyn DecapsulationKey>,
    share: Vec<u8>,
}

impl ActiveKeyExchange for AloneExchange {
    fn public_key(&self) -> &[u8] {
        &self.share
    }

    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, CryptoError> {
        Ok(SharedSecret::new(self.key.decapsulate(peer)?.to_vec()))
    }
}
