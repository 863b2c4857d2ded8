//! Trust in exactly these keys: SHA-256 pins over SubjectPublicKeyInfo (RFC 7469, section 2.4).

use core::fmt;
use core::str::FromStr;
use std::sync::Arc;

use clasp_crypto::{Hash, HashAlgorithm, Provider, default_provider};
use rustls_pki_types::CertificateDer;

use crate::error::{CertificateError, CertificateProblem};
use crate::fields::Fields;
use crate::load_error::LoadError;
use crate::maybe_ready::MaybeReady;
use crate::path::check_key_usage;
use crate::report::{Check, Outcome, Report};
use crate::text;
use crate::verify::{ServerVerification, ServerVerifier};

/// The SHA-256 of a SubjectPublicKeyInfo in DER.
///
/// Written `sha256:` and 64 hexadecimal digits, or, as RFC 7469 and curl do, `sha256//` and
/// base64.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin([u8; 32]);

impl Pin {
    /// A pin by its 32 octets.
    pub const fn new(sha256: [u8; 32]) -> Self {
        Self(sha256)
    }

    /// The pin of a certificate's key, computed with the default provider.
    ///
    /// # Errors
    /// The certificate cannot be read.
    pub fn of_certificate(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let refused = |problem| CertificateError::new(problem, Report::server());
        let fields = Fields::parse(certificate).map_err(|error| refused(error.into()))?;
        sha256(default_provider())
            .and_then(|hash| Self::of_spki(hash, fields.spki))
            .ok_or_else(|| refused(CertificateProblem::Refused { reason: "the provider has no SHA-256".into() }))
    }

    /// The pin of a public key, of a certificate or a raw one.
    ///
    /// # Errors
    /// The default provider has no SHA-256.
    pub fn of_public_key(key: &crate::PublicKey) -> Result<Self, LoadError> {
        let missing = LoadError::Provider { missing: "SHA-256" };
        sha256(default_provider()).and_then(|hash| Self::of_spki(hash, key.spki())).ok_or(missing)
    }

    pub(crate) fn of_spki(hash: &dyn Hash, spki: &[u8]) -> Option<Self> {
        let digest = hash.hash(&[spki]);
        digest.as_ref().try_into().ok().map(Self)
    }

    /// Its 32 octets.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

pub(crate) fn sha256(provider: &Provider) -> Option<&'static dyn Hash> {
    provider.hash(HashAlgorithm::Sha256)
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", text::hex(&self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Pin {
    type Err = LoadError;

    fn from_str(text: &str) -> Result<Self, LoadError> {
        let octets = match text.strip_prefix("sha256//") {
            Some(base64) => from_base64(base64.as_bytes()),
            None => from_hex(text.strip_prefix("sha256:").unwrap_or(text).as_bytes()),
        };
        octets.map(Self).ok_or_else(|| LoadError::Pin { text: text::printable(text) })
    }
}

fn from_hex(digits: &[u8]) -> Option<[u8; 32]> {
    let mut octets = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (octet, pair) in octets.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = core::str::from_utf8(pair).ok()?;
        // from_str_radix takes a sign, which a digit is not.
        if pair.starts_with('+') {
            return None;
        }
        *octet = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(octets)
}

/// Base64 of 32 octets: 43 characters and one of padding (RFC 4648, section 4).
fn from_base64(text: &[u8]) -> Option<[u8; 32]> {
    let text = text.strip_suffix(b"=")?;
    if text.len() != 43 {
        return None;
    }
    let mut octets = [0; 32];
    let mut places = octets.iter_mut();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for character in text {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            *places.next()? = u8::try_from(held >> bits).ok()?;
            held &= (1 << bits) - 1;
        }
    }
    // Two bits are left over, and belong to nothing.
    (held == 0).then_some(octets)
}

/// Accepts servers whose own key is one of the pinned ones.
///
/// Alone it needs no certification authority, and looks at neither dates nor names: whoever holds
/// that key is the right server. Put [`on_top_of`](Self::on_top_of) another verifier it refuses
/// what that one accepts, unless the key is pinned as well. Only the key of the server's own
/// certificate is compared: those above it need not have anything to do with the server.
#[derive(Debug)]
pub struct PinnedServerVerifier {
    pins: Vec<Pin>,
    hash: &'static dyn Hash,
    inner: Option<Arc<dyn ServerVerifier>>,
}

impl PinnedServerVerifier {
    /// Accepts these keys, hashed by the default provider.
    ///
    /// # Errors
    /// There is no pin among them.
    pub fn new(pins: impl IntoIterator<Item = Pin>) -> Result<Self, LoadError> {
        Self::with_provider(pins, default_provider())
    }

    /// Accepts these keys, hashed by `provider`.
    ///
    /// # Errors
    /// There is no pin among them, or the provider has no SHA-256.
    pub fn with_provider(pins: impl IntoIterator<Item = Pin>, provider: &'static Provider) -> Result<Self, LoadError> {
        let pins: Vec<Pin> = pins.into_iter().collect();
        if pins.is_empty() {
            return Err(LoadError::NoPins);
        }
        Ok(Self { pins, hash: sha256(provider).ok_or(LoadError::Provider { missing: "SHA-256" })?, inner: None })
    }

    /// Lets `inner` verify the chain as well; both have to accept.
    #[must_use]
    pub fn on_top_of(mut self, inner: Arc<dyn ServerVerifier>) -> Self {
        self.inner = Some(inner);
        self
    }

    /// Whether the key of the chain's first certificate is pinned.
    fn check_pin(&self, chain: &[CertificateDer<'_>]) -> Result<(), CertificateProblem> {
        let leaf = chain.first().ok_or(CertificateProblem::NoCertificate)?;
        let fields = Fields::parse(leaf)?;
        let found = Pin::of_spki(self.hash, fields.spki);
        if found.is_some_and(|found| self.pins.contains(&found)) {
            return Ok(());
        }
        Err(CertificateProblem::PinMismatch { found: found.map_or_else(String::new, |found| found.to_string()).into() })
    }

    fn verify_pin_alone(&self, verification: &ServerVerification<'_>) -> Result<Report, CertificateError> {
        let mut report = Report::server();
        for check in [Check::Validity, Check::TrustedIssuer, Check::IssuerSignature, Check::HostName, Check::Revocation]
        {
            report.set(check, Outcome::NotChecked);
        }
        let checked = self.check_pin(verification.chain).and_then(|()| {
            verification.chain.first().map_or(Ok(()), |leaf| check_key_usage(leaf, verification.key_use))
        });
        match checked {
            Ok(()) => {
                report.set(Check::KeyUsage, Outcome::Passed);
                Ok(report)
            }
            Err(problem) => Err(CertificateError::new(problem, report)),
        }
    }
}

impl ServerVerifier for PinnedServerVerifier {
    fn resumption_scope(&self) -> Vec<u8> {
        let mut pins: Vec<String> = self.pins.iter().map(ToString::to_string).collect();
        pins.sort();
        let inner = self.inner.as_ref().map(|inner| inner.resumption_scope()).unwrap_or_default();
        [b"pins ", pins.join(" ").as_bytes(), b" on top of ", &inner].concat()
    }

    fn verify_server<'a>(
        &'a self,
        verification: ServerVerification<'a>,
    ) -> MaybeReady<'a, Result<Report, CertificateError>> {
        let Some(inner) = &self.inner else {
            return MaybeReady::ready(self.verify_pin_alone(&verification));
        };
        let chain = verification.chain;
        let and_pinned = move |verdict: Result<Report, CertificateError>| {
            let report = verdict?;
            match self.check_pin(chain) {
                Ok(()) => Ok(report),
                Err(problem) => Err(CertificateError::new(problem, report)),
            }
        };
        match inner.verify_server(verification).try_take() {
            Ok(verdict) => MaybeReady::ready(and_pinned(verdict)),
            Err(pending) => MaybeReady::future(async move { and_pinned(pending.await) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7469, section 2.4, gives this pin; its hexadecimal form is computed from it.
    const BASE64: &str = "sha256//d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=";
    const HEX: &str = "sha256:77aab346ef7338409bf7451ecf6ef15a5b4db23d1ed4c77b1a4618915a195a63";

    #[test]
    fn both_ways_of_writing_a_pin_are_read() {
        let pin: Pin = BASE64.parse().unwrap();
        assert_eq!(pin, HEX.parse().unwrap());
        assert_eq!(pin.to_string(), HEX);
        assert_eq!(pin, HEX.trim_start_matches("sha256:").parse().unwrap());
    }

    #[test]
    fn anything_else_is_no_pin() {
        for wrong in [
            "",
            "sha256:",
            "sha256//",
            "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "sha256:77aab3",
            "sha256//d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWm",
            "sha256//d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmN=",
            "sha256//d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZW*M=",
            "sha256:+7aab346ef7338409bf7451ecf6ef15a5b4db23d1ed4c77b1a4618915a195a63",
            "sha256:zzaab346ef7338409bf7451ecf6ef15a5b4db23d1ed4c77b1a4618915a195a63",
        ] {
            assert!(wrong.parse::<Pin>().is_err(), "{wrong}");
        }
    }
}
