//! Which signatures and which kinds of certificate a verifier accepts (RFC 5280, sections 4.1.1.2 and 4.1.2.1).

use core::fmt;

use clasp_crypto::{Provider, Verifiers};
use rustls_pki_types::SignatureVerificationAlgorithm;

use crate::fields::Spki;
use crate::summary::algorithm_text;

/// The shortest RSA key of today, bits (NIST SP 800-131A).
const MODERN_RSA: usize = 2048;
/// The shortest RSA key of the legacy rules, bits.
const LEGACY_RSA: usize = 1024;
/// The shortest RSA key any rules are known to accept, bits: those of the export suites.
const EXPORT_RSA: usize = 512;

/// What a verifier accepts in the certificates of a path. [`CertificateRules::modern`] is the
/// default.
#[derive(Clone, Copy)]
pub struct CertificateRules {
    min_rsa_bits: usize,
    algorithms: Verifiers,
    legacy: bool,
    must_staple: bool,
}

impl CertificateRules {
    /// Certificates of version 3 with their names in subjectAltName, signed with the provider's
    /// own algorithms by RSA keys of at least 2048 bits.
    pub const fn modern() -> Self {
        Self { min_rsa_bits: MODERN_RSA, algorithms: &[], legacy: false, must_staple: true }
    }

    /// Also what was issued before about 2015, and what is still built into devices:
    ///
    /// * signatures over SHA-1, and by RSA keys from 1024 bits on;
    /// * certificates of X.509 version 1, as a peer's own or as a trusted root, and never in
    ///   between: they cannot say whether they may issue others;
    /// * a peer's certificate that is among the trusted roots itself, octet by octet, even if it says
    ///   that it is a certification authority's: many devices sign such a one for themselves. Its
    ///   dates and names have to be right all the same; its signature and revocation lists are not
    ///   looked at, as nobody has to vouch for a root. But whoever has a root's key can issue
    ///   certificates for any name, so to trust a single device rather [pin](crate::Pin) its key;
    /// * a server's name in the subject's common name, where subjectAltName has none (RFC 2818,
    ///   section 3.1), unless an authority on the path is held to certain names: such constraints
    ///   say nothing about common names.
    ///
    /// Two certificates with one SHA-1 signature can be made, for tens of thousands of dollars (Leurent
    /// and Peyrin, "SHA-1 is a Shambles", 2020).
    #[cfg(feature = "legacy")]
    pub const fn legacy() -> Self {
        Self { min_rsa_bits: LEGACY_RSA, algorithms: &[], legacy: true, must_staple: true }
    }

    /// Accepts RSA keys that sign certificates from this size on, bits. Algorithms have bounds of
    /// their own: those of the default provider take 2048 bits and more, and 512 and more under
    /// [`CertificateRules::legacy`].
    ///
    /// The peer's own key is not looked at: whether it is long enough is the handshake's matter.
    #[must_use]
    pub const fn with_min_rsa_bits(mut self, bits: usize) -> Self {
        self.min_rsa_bits = bits;
        self
    }

    /// Accepts these signature algorithms besides the provider's own.
    #[must_use]
    pub const fn with_algorithms(mut self, algorithms: Verifiers) -> Self {
        self.algorithms = algorithms;
        self
    }

    /// Accepts a server whose certificate asks for a stapled OCSP response (RFC 7633, must-staple)
    /// without one. By default, under all rules, it is refused, as Firefox does: whoever orders such a
    /// certificate wants a thief of the key to be stopped by its revocation, and he would not staple.
    #[must_use]
    pub const fn without_must_staple(mut self) -> Self {
        self.must_staple = false;
        self
    }

    /// Whether a stapled OCSP response has to come where the certificate asks for one (RFC 7633).
    pub const fn is_must_staple(&self) -> bool {
        self.must_staple
    }

    /// The shortest RSA key that may sign a certificate, bits.
    pub const fn min_rsa_bits(&self) -> usize {
        self.min_rsa_bits
    }

    /// Whether the kinds of certificate of [`CertificateRules::legacy`] are accepted.
    pub const fn is_legacy(&self) -> bool {
        self.legacy
    }

    /// The signatures these rules accept from `provider`.
    pub(crate) fn accepted(&self, provider: &Provider) -> Accepted {
        let legacy = if self.legacy { provider.legacy_certificate_algorithms } else { &[] };
        // The first algorithm of a name decides, and those added take shorter keys.
        let algorithms = [self.algorithms, legacy, provider.certificate_algorithms].concat();
        Accepted { algorithms, min_rsa_bits: self.min_rsa_bits }
    }
}

impl Default for CertificateRules {
    fn default() -> Self {
        Self::modern()
    }
}

impl fmt::Debug for CertificateRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateRules")
            .field("min_rsa_bits", &self.min_rsa_bits)
            .field("further_algorithms", &self.algorithms.len())
            .field("legacy", &self.legacy)
            .field("must_staple", &self.must_staple)
            .finish()
    }
}

/// The signatures a verifier accepts.
pub(crate) struct Accepted {
    pub(crate) algorithms: Vec<&'static dyn SignatureVerificationAlgorithm>,
    min_rsa_bits: usize,
}

impl Accepted {
    /// The size of a key that is too short to sign a certificate, bits.
    pub(crate) fn too_short(&self, key: &Spki<'_>) -> Option<usize> {
        key.rsa_bits().filter(|bits| *bits < self.min_rsa_bits)
    }

    /// Names a signature algorithm that was refused, and who would accept it; it is the content of
    /// an AlgorithmIdentifier.
    pub(crate) fn refused_algorithm(&self, identifier: &[u8]) -> Box<str> {
        let name = algorithm_text(identifier);
        // It was the key that did not suit.
        if self.algorithms.iter().any(|algorithm| algorithm.signature_alg_id().as_ref() == identifier) {
            return name;
        }
        match WEAK.iter().find(|(id, ..)| identifier.starts_with(id)) {
            Some((_, weak, who)) => format!("{weak}, which only {who} accepts").into(),
            None => name,
        }
    }

    /// Says that an RSA key is too short, and who would accept it.
    pub(crate) fn refused_size(&self, bits: usize) -> Box<str> {
        let who = match bits {
            LEGACY_RSA.. if self.min_rsa_bits > LEGACY_RSA => ", which only a legacy verifier accepts",
            EXPORT_RSA.. if self.min_rsa_bits > EXPORT_RSA => ", which only an insecure verifier accepts",
            _ => "",
        };
        format!("an RSA key of {bits} bits, fewer than {}{who}", self.min_rsa_bits).into()
    }
}

const LEGACY: &str = "a legacy verifier";
const INSECURE: &str = "an insecure verifier";

/// Weak algorithms: the object identifier they begin with, the hash to blame and their name, who accepts them.
const WEAK: &[(&[u8], &str, &str)] = &[
    // RFC 3279, section 2.2.1.
    (&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05], "SHA-1 (sha1WithRSAEncryption)", LEGACY),
    (&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04], "MD5 (md5WithRSAEncryption)", INSECURE),
    // RFC 3279, section 2.2.3.
    (&[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01], "SHA-1 (ecdsa-with-SHA1)", LEGACY),
];
