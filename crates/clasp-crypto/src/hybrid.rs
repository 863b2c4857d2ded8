//! Key exchange that holds as long as one of two does: a curve's and ML-KEM side by side (draft-ietf-tls-ecdhe-mlkem); and
//! ML-KEM alone (draft-ietf-tls-mlkem).

use clasp_wire::NamedGroup;

use crate::libcrux_provider::{ML_KEM_768, ML_KEM_1024};
use crate::ring_provider as ring;
use crate::traits::{ActiveKeyExchange, CryptoError, Decapsulate, Kem, KeyExchangeGroup, SecureRandom, SharedSecret};

/// A curve with a key encapsulation mechanism, each of any provider's.
#[derive(Debug)]
pub struct Hybrid {
    name: NamedGroup,
    curve: &'static dyn KeyExchangeGroup,
    kem: &'static dyn Kem,
    order: Order,
}

/// Where the curve's part stands, in shares and in the secret.
#[derive(Clone, Copy, Debug)]
enum Order {
    KemFirst,
    CurveFirst,
}

pub(crate) static X25519_MLKEM768: Hybrid = Hybrid::x25519_mlkem768(&ring::X25519, &ML_KEM_768);
pub(crate) static SECP256R1_MLKEM768: Hybrid = Hybrid::secp256r1_mlkem768(&ring::SECP256R1, &ML_KEM_768);
pub(crate) static SECP384R1_MLKEM1024: Hybrid = Hybrid::secp384r1_mlkem1024(&ring::SECP384R1, &ML_KEM_1024);

impl Hybrid {
    /// X25519MLKEM768, of the group X25519 and ML-KEM-768.
    pub const fn x25519_mlkem768(x25519: &'static dyn KeyExchangeGroup, ml_kem_768: &'static dyn Kem) -> Self {
        Self { name: NamedGroup::X25519MLKEM768, curve: x25519, kem: ml_kem_768, order: Order::KemFirst }
    }

    /// SecP256r1MLKEM768, of the group P-256 and ML-KEM-768.
    pub const fn secp256r1_mlkem768(secp256r1: &'static dyn KeyExchangeGroup, ml_kem_768: &'static dyn Kem) -> Self {
        Self { name: NamedGroup::SECP256R1MLKEM768, curve: secp256r1, kem: ml_kem_768, order: Order::CurveFirst }
    }

    /// SecP384r1MLKEM1024, of the group P-384 and ML-KEM-1024.
    pub const fn secp384r1_mlkem1024(secp384r1: &'static dyn KeyExchangeGroup, ml_kem_1024: &'static dyn Kem) -> Self {
        Self { name: NamedGroup::SECP384R1MLKEM1024, curve: secp384r1, kem: ml_kem_1024, order: Order::CurveFirst }
    }
}

impl Order {
    fn join(self, kem: &[u8], curve: &[u8]) -> Vec<u8> {
        match self {
            Self::KemFirst => [kem, curve].concat(),
            Self::CurveFirst => [curve, kem].concat(),
        }
    }

    /// The KEM's part, of `kem_len` bytes, and the curve's, whose length is the curve's matter.
    fn split(self, share: &[u8], kem_len: usize) -> Result<(&[u8], &[u8]), CryptoError> {
        match self {
            Self::KemFirst => share.split_at_checked(kem_len),
            Self::CurveFirst => {
                let curve_len = share.len().checked_sub(kem_len);
                curve_len.and_then(|len| share.split_at_checked(len)).map(|(curve, kem)| (kem, curve))
            }
        }
        .ok_or(CryptoError::BadPeerKey("too short for both its parts"))
    }

    fn secret(self, kem: &SharedSecret, curve: &SharedSecret) -> SharedSecret {
        SharedSecret::new(self.join(kem.as_bytes(), curve.as_bytes()))
    }
}

impl KeyExchangeGroup for Hybrid {
    fn name(&self) -> NamedGroup {
        self.name
    }

    fn start(&self, random: &dyn SecureRandom) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let curve = self.curve.start(random)?;
        let (kem, public) = self.kem.generate(random)?;
        let share = self.order.join(&public, curve.public_key());
        let ciphertext_len = self.kem.ciphertext_len();
        Ok(Box::new(Exchange { curve_name: self.curve.name(), curve, kem, ciphertext_len, order: self.order, share }))
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
    kem: Box<dyn Decapsulate>,
    ciphertext_len: usize,
    order: Order,
    share: Vec<u8>,
}

impl ActiveKeyExchange for Exchange {
    fn public_key(&self) -> &[u8] {
        &self.share
    }

    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, CryptoError> {
        let Self { curve, kem, order, ciphertext_len, .. } = *self;
        let (ciphertext, share) = order.split(peer, ciphertext_len)?;
        let curve_secret = curve.complete(share)?;
        Ok(order.secret(&kem.decapsulate(ciphertext)?, &curve_secret))
    }

    fn component(&self) -> Option<(NamedGroup, &[u8])> {
        Some((self.curve_name, self.curve.public_key()))
    }

    fn complete_component(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, CryptoError> {
        self.curve.complete(peer)
    }
}

/// A key encapsulation mechanism alone, of any provider's.
#[derive(Debug)]
pub struct KemGroup {
    name: NamedGroup,
    kem: &'static dyn Kem,
}

pub(crate) static MLKEM768: KemGroup = KemGroup::ml_kem_768(&ML_KEM_768);
pub(crate) static MLKEM1024: KemGroup = KemGroup::ml_kem_1024(&ML_KEM_1024);

impl KemGroup {
    /// MLKEM768.
    pub const fn ml_kem_768(kem: &'static dyn Kem) -> Self {
        Self { name: NamedGroup::MLKEM768, kem }
    }

    /// MLKEM1024.
    pub const fn ml_kem_1024(kem: &'static dyn Kem) -> Self {
        Self { name: NamedGroup::MLKEM1024, kem }
    }
}

impl KeyExchangeGroup for KemGroup {
    fn name(&self) -> NamedGroup {
        self.name
    }

    fn start(&self, random: &dyn SecureRandom) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let (key, share) = self.kem.generate(random)?;
        Ok(Box::new(AloneExchange { key, share }))
    }

    fn respond(&self, peer: &[u8], random: &dyn SecureRandom) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
        self.kem.encapsulate(peer, random)
    }

    fn is_kem(&self) -> bool {
        true
    }
}

struct AloneExchange {
    key: Box<dyn Decapsulate>,
    share: Vec<u8>,
}

impl ActiveKeyExchange for AloneExchange {
    fn public_key(&self) -> &[u8] {
        &self.share
    }

    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, CryptoError> {
        self.key.decapsulate(peer)
    }
}
