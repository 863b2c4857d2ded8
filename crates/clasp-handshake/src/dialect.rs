//! What differs between the versions of the classic family, as values (RFC 5246 1.2, "Major Differences from TLS 1.1").
//!
//! A dialect is chosen once, when the version is agreed, and never compared again. TLS 1.1, TLS 1.0 and SSL 3.0 will be
//! further implementations of the same trait; TLS 1.3 has other flights, and no dialect.

use core::fmt::Debug;

use bytes::Bytes;
use clasp_crypto::{HashAlgorithm, KeyAlgorithm, Provider};
use clasp_keys::{Schedule, Tls12};
use clasp_record::IvPolicy;
use clasp_wire::{DecodeError, DigitallySigned, ProtocolVersion, SignatureScheme};

/// One version of the classic family.
pub trait Dialect: Debug + Send + Sync {
    /// The version on the wire.
    fn version(&self) -> ProtocolVersion;

    /// The key schedule, given the PRF hash of the suite. `None` when the provider lacks a primitive.
    fn schedule(&self, provider: &Provider, prf: HashAlgorithm) -> Option<Box<dyn Schedule>>;

    /// How the initialisation vector of a CBC record is made.
    fn iv_policy(&self) -> IvPolicy;

    /// The schemes a peer accepts that has not said which (RFC 5246 7.4.1.4.1).
    fn schemes_when_silent(&self) -> &'static [SignatureScheme];

    /// Picks the scheme for a signature of ours: the first of `ours` that `key` can make and the peer accepts.
    fn choose_scheme(
        &self,
        ours: &[SignatureScheme],
        key: &[SignatureScheme],
        accepted: &[SignatureScheme],
    ) -> Option<SignatureScheme>;

    /// The digitally-signed struct of this version, around a signature.
    fn write_signature(&self, scheme: SignatureScheme, signature: Vec<u8>) -> Bytes;

    /// Takes the digitally-signed struct of this version apart. `key` is the signer's.
    fn read_signature(&self, signed: &Bytes, key: KeyAlgorithm) -> Result<DigitallySigned, DecodeError>;
}

/// TLS 1.2 (RFC 5246).
#[derive(Debug)]
pub struct Tls12Dialect;

/// TLS 1.2 (RFC 5246).
pub static TLS12: Tls12Dialect = Tls12Dialect;

impl Dialect for Tls12Dialect {
    fn version(&self) -> ProtocolVersion {
        ProtocolVersion::TLS_1_2
    }

    fn schedule(&self, provider: &Provider, prf: HashAlgorithm) -> Option<Box<dyn Schedule>> {
        Some(Box::new(Tls12::new(provider, prf)?))
    }

    fn iv_policy(&self) -> IvPolicy {
        IvPolicy::Explicit
    }

    fn schemes_when_silent(&self) -> &'static [SignatureScheme] {
        &[SignatureScheme::RSA_PKCS1_SHA1, SignatureScheme::ECDSA_SHA1]
    }

    fn choose_scheme(
        &self,
        ours: &[SignatureScheme],
        key: &[SignatureScheme],
        accepted: &[SignatureScheme],
    ) -> Option<SignatureScheme> {
        // The key's own order wins: it knows what is fastest and best for it.
        key.iter().copied().find(|scheme| ours.contains(scheme) && accepted.contains(scheme))
    }

    fn write_signature(&self, scheme: SignatureScheme, signature: Vec<u8>) -> Bytes {
        DigitallySigned { scheme, signature: signature.into() }.encode()
    }

    fn read_signature(&self, signed: &Bytes, _key: KeyAlgorithm) -> Result<DigitallySigned, DecodeError> {
        DigitallySigned::parse(signed)
    }
}
