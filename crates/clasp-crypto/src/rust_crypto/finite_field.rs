//! Diffie-Hellman in finite fields (RFC 5246 8.1.2, RFC 7919).
//!
//! Montgomery arithmetic of a width that only the public prime decides, so that a leading zero of the secret costs the same
//! as any other digit (Raccoon: Merget et al., 2021). Keys are fresh for every handshake.

use clasp_wire::NamedGroup;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use zeroize::Zeroizing;

use super::ffdhe::ffdhe;
use crate::traits::{ActiveKeyExchange, CryptoError, FiniteField, KeyExchangeGroup, SecureRandom, SharedSecret};

/// The longest prime that is computed with, bits.
const MAX_BITS: u32 = 8192;

/// A group of RFC 7919, with the length of its exponents.
#[derive(Debug)]
pub(crate) struct Ffdhe {
    name: NamedGroup,
    /// Twice the group's symmetric strength and more (RFC 7919 5.2, appendix A).
    exponent_bits: u32,
}

pub(crate) static FFDHE2048: Ffdhe = Ffdhe { name: NamedGroup::FFDHE2048, exponent_bits: 256 };
pub(crate) static FFDHE3072: Ffdhe = Ffdhe { name: NamedGroup::FFDHE3072, exponent_bits: 320 };
pub(crate) static FFDHE4096: Ffdhe = Ffdhe { name: NamedGroup::FFDHE4096, exponent_bits: 384 };

impl KeyExchangeGroup for Ffdhe {
    fn name(&self) -> NamedGroup {
        self.name
    }

    fn start(&self, random: &dyn SecureRandom) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let (p, g) = ffdhe(self.name).ok_or(CryptoError::Unsupported)?;
        start(p, g, Some(self.exponent_bits), random)
    }
}

/// Diffie-Hellman in a group that the peer chose.
#[derive(Debug)]
pub(crate) struct AnyField;

pub(crate) static FINITE_FIELD: AnyField = AnyField;

impl FiniteField for AnyField {
    fn start(&self, p: &[u8], g: &[u8], random: &dyn SecureRandom) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        // Nothing is known of the group's order, so the exponent is as long as the prime; for a group of RFC 7919 the
        // shorter one is safe.
        let known = super::ffdhe::ffdhe_name(p, g)
            .and_then(|name| [&FFDHE2048, &FFDHE3072, &FFDHE4096].into_iter().find(|group| group.name == name));
        start(p, g, known.map(|group| group.exponent_bits), random)
    }
}

fn start(
    p: &[u8],
    g: &[u8],
    exponent_bits: Option<u32>,
    random: &dyn SecureRandom,
) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
    let first = p.iter().position(|byte| *byte != 0).unwrap_or(p.len());
    let digits = p.get(first..).unwrap_or_default();
    let bits = u32::try_from(digits.len()).map_or(u32::MAX, |len| len.saturating_mul(8));
    if bits > MAX_BITS {
        return Err(CryptoError::BadPeerKey("the prime is longer than 8192 bits"));
    }
    let number = |bytes: &[u8]| {
        BoxedUint::from_be_slice(bytes, bits).map_err(|_| CryptoError::BadPeerKey("a value is longer than the prime"))
    };
    let prime = number(digits)?;
    if prime <= BoxedUint::from(4_u8) {
        return Err(CryptoError::BadPeerKey("the prime is trivial"));
    }
    let odd = Option::<Odd<BoxedUint>>::from(Odd::new(prime)).ok_or(CryptoError::BadPeerKey("the prime is even"))?;
    let params = BoxedMontyParams::new(odd);
    let generator = in_range(trimmed(g), &params)?;

    let exponent_bits = exponent_bits.unwrap_or(bits).min(bits);
    let mut bytes = Zeroizing::new(vec![0; (exponent_bits as usize).div_ceil(8)]);
    random.fill(&mut bytes)?;
    // The top bit is set, so that the length is what it is said to be, whatever the bytes.
    bytes.iter_mut().take(1).for_each(|top| *top |= 0x80);
    let exponent = Zeroizing::new(number(&bytes)?);
    let power = BoxedMontyForm::new(generator, &params).pow_bounded_exp(&exponent, exponent_bits);
    let public = fixed_width(&power.retrieve(), digits.len());
    Ok(Box::new(Exchange { params, exponent, exponent_bits, public, width: digits.len() }))
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    bytes.get(first..).unwrap_or_default()
}

/// A public value: 2 to p-2, so that no small subgroup of order 1 or 2 is hit (RFC 7919 5.1).
fn in_range(bytes: &[u8], params: &BoxedMontyParams) -> Result<BoxedUint, CryptoError> {
    let out_of_range = CryptoError::BadPeerKey("a public value lies outside 2 to p-2");
    let value = BoxedUint::from_be_slice(bytes, params.bits_precision()).map_err(|_| out_of_range)?;
    let one = BoxedUint::one_with_precision(params.bits_precision());
    let last = params.modulus().as_ref().wrapping_sub(&one);
    if value <= one || value >= last { Err(out_of_range) } else { Ok(value) }
}

/// Big-endian, padded to the width of the prime.
fn fixed_width(value: &BoxedUint, width: usize) -> Vec<u8> {
    let bytes = Zeroizing::new(value.to_be_bytes().into_vec());
    let mut out = vec![0; width];
    out.iter_mut().rev().zip(bytes.iter().rev()).for_each(|(to, from)| *to = *from);
    out
}

struct Exchange {
    params: BoxedMontyParams,
    exponent: Zeroizing<BoxedUint>,
    exponent_bits: u32,
    public: Vec<u8>,
    width: usize,
}

impl ActiveKeyExchange for Exchange {
    fn public_key(&self) -> &[u8] {
        &self.public
    }

    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, CryptoError> {
        let peer = in_range(trimmed(peer), &self.params)?;
        let power = BoxedMontyForm::new(peer, &self.params).pow_bounded_exp(&self.exponent, self.exponent_bits);
        let secret = Zeroizing::new(power.retrieve());
        Ok(SharedSecret::new(fixed_width(&secret, self.width)))
    }
}
