//! The cipher-suite table: one row a suite (RFC 5246 A.5, 5288, 5289, 7905; RFC 4279, 5487, 5489, 8442; RFC 8446 B.4).
//!
//! No other file mentions a suite by name. Every field of a row is data or a trait object, so that a crate above this
//! one can add rows of its own.

use clasp_crypto::{AeadAlgorithm, BlockCipherAlgorithm, HashAlgorithm, KeyAlgorithm, Provider};
use clasp_record::{Aead13Bulk, AeadBulk, Bulk, CbcBulk};
use clasp_wire::{CipherSuite, ProtocolVersion, Strength};

use crate::export::{EXPORT_ONLY_BITS, Export};

/// How client and server come to share the pre-master secret (step 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyExchange {
    /// The client encrypts it to the server's RSA key (RFC 5246 7.4.7.1). No forward secrecy.
    Rsa,
    /// Ephemeral Diffie-Hellman in a finite field, signed by the server (RFC 5246 7.4.3, RFC 7919).
    Dhe,
    /// Ephemeral Diffie-Hellman on an elliptic curve, signed by the server (RFC 8422).
    Ecdhe,
    /// Of a key that both had before, and of nothing else (RFC 4279 2). No forward secrecy.
    Psk,
    /// Of a key that both had before, and ephemeral Diffie-Hellman on an elliptic curve, which nobody signs (RFC 5489 2).
    EcdhePsk,
    /// A matter of its own, not the suite's: a key share in a named group, a pre-shared key, or both (RFC 8446 2).
    Tls13,
}

impl KeyExchange {
    /// The name used in traces and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::Dhe => "DHE",
            Self::Ecdhe => "ECDHE",
            Self::Psk => "PSK",
            Self::EcdhePsk => "ECDHE_PSK",
            Self::Tls13 => "key share",
        }
    }

    /// Whether the server contributes an ephemeral value, so that a stolen key opens no old session.
    pub const fn is_ephemeral(self) -> bool {
        match self {
            Self::Rsa | Self::Psk => false,
            Self::Dhe | Self::Ecdhe | Self::EcdhePsk | Self::Tls13 => true,
        }
    }

    /// Whether it takes a curve, before TLS 1.3.
    pub(crate) fn takes_curve(self) -> bool {
        matches!(self, Self::Ecdhe | Self::EcdhePsk)
    }
}

/// How the server shows who it is: the kind of key that must stand in its certificate, where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Authentication {
    /// An RSA key.
    Rsa,
    /// An ECDSA key, or an Ed25519 one (RFC 8422 5.10 puts EdDSA under the ECDSA suites).
    Ecdsa,
    /// By a key that both had before. No certificate is shown, nor one asked for (RFC 4279 2).
    Psk,
    /// Any kind: the signature scheme says which (RFC 8446 4.2.3).
    Tls13,
}

impl Authentication {
    /// Whether a certificate with this kind of key serves.
    pub const fn accepts(self, key: KeyAlgorithm) -> bool {
        match self {
            Self::Rsa => matches!(key, KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss),
            Self::Ecdsa => !matches!(key, KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss),
            Self::Psk => false,
            Self::Tls13 => true,
        }
    }

    /// The name used in traces and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::Ecdsa => "ECDSA",
            Self::Psk => "PSK",
            Self::Tls13 => "signing",
        }
    }
}

/// One cipher suite.
#[derive(Debug)]
pub struct Suite {
    /// Its code point, which knows its IANA name.
    pub id: CipherSuite,
    /// How the pre-master secret is made.
    pub key_exchange: KeyExchange,
    /// How the server shows who it is.
    pub authentication: Authentication,
    /// How records are protected.
    pub bulk: &'static dyn Bulk,
    /// The hash of the PRF and of Finished (RFC 5246 5), from TLS 1.2 on; that of HKDF and the transcript in TLS 1.3.
    pub prf: HashAlgorithm,
    /// The first and the last version that may use it.
    pub versions: (ProtocolVersion, ProtocolVersion),
    /// The weakest policy that offers it.
    pub strength: Strength,
    /// For export suites.
    pub export: Option<&'static dyn Export>,
}

impl Suite {
    /// Whether the suite exists in `version`.
    pub fn allows(&self, version: ProtocolVersion) -> bool {
        (self.versions.0..=self.versions.1).contains(&version)
    }

    /// Whether it is one of TLS 1.3, which say nothing of key exchange and authentication.
    pub(crate) fn is_of_tls13(&self) -> bool {
        matches!(self.key_exchange, KeyExchange::Tls13)
    }

    /// Whether a key that both had before takes the place of certificates, in TLS 1.2 or before.
    pub fn is_pre_shared(&self) -> bool {
        matches!(self.authentication, Authentication::Psk)
    }

    /// Whether a server with an RSA key of so many bits makes a temporary one.
    pub(crate) fn needs_temporary_key(&self, rsa_bits: usize) -> bool {
        self.export.is_some_and(|export| rsa_bits > export.max_rsa_bits())
    }

    /// The shortest RSA key that a server may have with this suite, bits, where the policy says `least`.
    pub(crate) fn min_rsa_bits(&self, least: usize) -> usize {
        if self.export.is_some() { least } else { least.max(EXPORT_ONLY_BITS + 1) }
    }

    /// Whether the provider has every primitive the suite needs.
    pub fn supported(&self, provider: &Provider) -> bool {
        self.bulk.supported(provider) && provider.hmac(self.prf).is_some() && provider.hash(self.prf).is_some()
    }
}

#[cfg(feature = "legacy")]
static TRIPLE_DES_SHA: CbcBulk = cbc(BlockCipherAlgorithm::TripleDes, HashAlgorithm::Sha1);
static AES_128_GCM: AeadBulk = AeadBulk { algorithm: AeadAlgorithm::Aes128Gcm };
static AES_256_GCM: AeadBulk = AeadBulk { algorithm: AeadAlgorithm::Aes256Gcm };
static CHACHA20: AeadBulk = AeadBulk { algorithm: AeadAlgorithm::ChaCha20Poly1305 };
static AES_128_SHA: CbcBulk = cbc(BlockCipherAlgorithm::Aes128, HashAlgorithm::Sha1);
static AES_256_SHA: CbcBulk = cbc(BlockCipherAlgorithm::Aes256, HashAlgorithm::Sha1);
static AES_128_SHA256: CbcBulk = cbc(BlockCipherAlgorithm::Aes128, HashAlgorithm::Sha256);
static AES_256_SHA256: CbcBulk = cbc(BlockCipherAlgorithm::Aes256, HashAlgorithm::Sha256);
static AES_256_SHA384: CbcBulk = cbc(BlockCipherAlgorithm::Aes256, HashAlgorithm::Sha384);

const fn cbc(cipher: BlockCipherAlgorithm, mac: HashAlgorithm) -> CbcBulk {
    CbcBulk { cipher, mac }
}

static AES_128_GCM_13: Aead13Bulk = Aead13Bulk { algorithm: AeadAlgorithm::Aes128Gcm };
static AES_256_GCM_13: Aead13Bulk = Aead13Bulk { algorithm: AeadAlgorithm::Aes256Gcm };
static CHACHA20_13: Aead13Bulk = Aead13Bulk { algorithm: AeadAlgorithm::ChaCha20Poly1305 };

static AES_128_CCM_13: Aead13Bulk = Aead13Bulk { algorithm: AeadAlgorithm::Aes128Ccm };

const TLS13_ONLY: (ProtocolVersion, ProtocolVersion) = (ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_3);
const TLS12_ONLY: (ProtocolVersion, ProtocolVersion) = (ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_2);
const SINCE_TLS10: (ProtocolVersion, ProtocolVersion) = (ProtocolVersion::TLS_1_0, ProtocolVersion::TLS_1_2);
const SINCE_SSL30: (ProtocolVersion, ProtocolVersion) = (ProtocolVersion::SSL_3_0, ProtocolVersion::TLS_1_2);

macro_rules! suites {
    ($($(#[$if:meta])* $id:ident: $kx:ident $auth:ident $bulk:ident $prf:ident $versions:ident $strength:ident;)*) => {
        &[$($(#[$if])* Suite {
            id: CipherSuite::$id,
            key_exchange: KeyExchange::$kx,
            authentication: Authentication::$auth,
            bulk: &$bulk,
            prf: HashAlgorithm::$prf,
            versions: $versions,
            strength: Strength::$strength,
            export: None,
        }),*]
    };
}

/// The suites of TLS 1.3, best first (RFC 8446 B.4).
pub static TLS13: &[Suite] = suites![
    TLS_AES_256_GCM_SHA384:       Tls13 Tls13 AES_256_GCM_13 Sha384 TLS13_ONLY Modern;
    TLS_AES_128_GCM_SHA256:       Tls13 Tls13 AES_128_GCM_13 Sha256 TLS13_ONLY Modern;
    TLS_CHACHA20_POLY1305_SHA256: Tls13 Tls13 CHACHA20_13    Sha256 TLS13_ONLY Modern;
    TLS_AES_128_CCM_SHA256:       Tls13 Tls13 AES_128_CCM_13 Sha256 TLS13_ONLY Modern;
];

/// The suites of TLS 1.2 and before that this crate carries, best first.
pub static CLASSIC: &[Suite] = suites![
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:       Ecdhe Ecdsa AES_256_GCM Sha384 TLS12_ONLY Modern;
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:       Ecdhe Ecdsa AES_128_GCM Sha256 TLS12_ONLY Modern;
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: Ecdhe Ecdsa CHACHA20    Sha256 TLS12_ONLY Modern;
    TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:         Ecdhe Rsa   AES_256_GCM Sha384 TLS12_ONLY Modern;
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:         Ecdhe Rsa   AES_128_GCM Sha256 TLS12_ONLY Modern;
    TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256:   Ecdhe Rsa   CHACHA20    Sha256 TLS12_ONLY Modern;
    TLS_DHE_RSA_WITH_AES_256_GCM_SHA384:           Dhe   Rsa   AES_256_GCM Sha384 TLS12_ONLY Modern;
    TLS_DHE_RSA_WITH_AES_128_GCM_SHA256:           Dhe   Rsa   AES_128_GCM Sha256 TLS12_ONLY Modern;
    TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256:     Dhe   Rsa   CHACHA20    Sha256 TLS12_ONLY Modern;

    TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384: Ecdhe Ecdsa AES_256_SHA384 Sha384 TLS12_ONLY  Compatible;
    TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: Ecdhe Ecdsa AES_128_SHA256 Sha256 TLS12_ONLY  Compatible;
    TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA:    Ecdhe Ecdsa AES_256_SHA    Sha256 SINCE_TLS10 Compatible;
    TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA:    Ecdhe Ecdsa AES_128_SHA    Sha256 SINCE_TLS10 Compatible;
    TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384:   Ecdhe Rsa   AES_256_SHA384 Sha384 TLS12_ONLY  Compatible;
    TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256:   Ecdhe Rsa   AES_128_SHA256 Sha256 TLS12_ONLY  Compatible;
    TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA:      Ecdhe Rsa   AES_256_SHA    Sha256 SINCE_TLS10 Compatible;
    TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA:      Ecdhe Rsa   AES_128_SHA    Sha256 SINCE_TLS10 Compatible;
    TLS_DHE_RSA_WITH_AES_256_CBC_SHA256:     Dhe   Rsa   AES_256_SHA256 Sha256 TLS12_ONLY  Compatible;
    TLS_DHE_RSA_WITH_AES_128_CBC_SHA256:     Dhe   Rsa   AES_128_SHA256 Sha256 TLS12_ONLY  Compatible;
    TLS_DHE_RSA_WITH_AES_256_CBC_SHA:        Dhe   Rsa   AES_256_SHA    Sha256 SINCE_SSL30 Compatible;
    TLS_DHE_RSA_WITH_AES_128_CBC_SHA:        Dhe   Rsa   AES_128_SHA    Sha256 SINCE_SSL30 Compatible;

    TLS_RSA_WITH_AES_256_GCM_SHA384: Rsa Rsa AES_256_GCM    Sha384 TLS12_ONLY  Compatible;
    TLS_RSA_WITH_AES_128_GCM_SHA256: Rsa Rsa AES_128_GCM    Sha256 TLS12_ONLY  Compatible;
    TLS_RSA_WITH_AES_256_CBC_SHA256: Rsa Rsa AES_256_SHA256 Sha256 TLS12_ONLY  Compatible;
    TLS_RSA_WITH_AES_128_CBC_SHA256: Rsa Rsa AES_128_SHA256 Sha256 TLS12_ONLY  Compatible;
    TLS_RSA_WITH_AES_256_CBC_SHA:    Rsa Rsa AES_256_SHA    Sha256 SINCE_SSL30 Compatible;
    TLS_RSA_WITH_AES_128_CBC_SHA:    Rsa Rsa AES_128_SHA    Sha256 SINCE_SSL30 Compatible;

    #[cfg(feature = "legacy")] TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA: Ecdhe Ecdsa TRIPLE_DES_SHA Sha256 SINCE_TLS10 Legacy;
    #[cfg(feature = "legacy")] TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA:   Ecdhe Rsa   TRIPLE_DES_SHA Sha256 SINCE_TLS10 Legacy;
    #[cfg(feature = "legacy")] TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA:     Dhe   Rsa   TRIPLE_DES_SHA Sha256 SINCE_SSL30 Legacy;
    #[cfg(feature = "legacy")] TLS_RSA_WITH_3DES_EDE_CBC_SHA:         Rsa   Rsa   TRIPLE_DES_SHA Sha256 SINCE_SSL30 Legacy;
];

/// The suites with a pre-shared key of TLS 1.2 and before that this crate carries, best first.
pub static PSK: &[Suite] = suites![
    TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384:       EcdhePsk Psk AES_256_GCM Sha384 TLS12_ONLY Modern;
    TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256:       EcdhePsk Psk AES_128_GCM Sha256 TLS12_ONLY Modern;
    TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256: EcdhePsk Psk CHACHA20    Sha256 TLS12_ONLY Modern;

    TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA384: EcdhePsk Psk AES_256_SHA384 Sha384 TLS12_ONLY  Compatible;
    TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256: EcdhePsk Psk AES_128_SHA256 Sha256 TLS12_ONLY  Compatible;
    TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA:    EcdhePsk Psk AES_256_SHA    Sha256 SINCE_TLS10 Compatible;
    TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA:    EcdhePsk Psk AES_128_SHA    Sha256 SINCE_TLS10 Compatible;

    TLS_PSK_WITH_AES_256_GCM_SHA384:       Psk Psk AES_256_GCM    Sha384 TLS12_ONLY  Compatible;
    TLS_PSK_WITH_AES_128_GCM_SHA256:       Psk Psk AES_128_GCM    Sha256 TLS12_ONLY  Compatible;
    TLS_PSK_WITH_CHACHA20_POLY1305_SHA256: Psk Psk CHACHA20       Sha256 TLS12_ONLY  Compatible;
    TLS_PSK_WITH_AES_256_CBC_SHA384:       Psk Psk AES_256_SHA384 Sha384 TLS12_ONLY  Compatible;
    TLS_PSK_WITH_AES_128_CBC_SHA256:       Psk Psk AES_128_SHA256 Sha256 TLS12_ONLY  Compatible;
    TLS_PSK_WITH_AES_256_CBC_SHA:          Psk Psk AES_256_SHA    Sha256 SINCE_TLS10 Compatible;
    TLS_PSK_WITH_AES_128_CBC_SHA:          Psk Psk AES_128_SHA    Sha256 SINCE_TLS10 Compatible;
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_registered_suite_of_its_own() {
        let all: Vec<&Suite> = TLS13.iter().chain(CLASSIC).chain(PSK).collect();
        for (i, suite) in all.iter().enumerate() {
            let name = suite.id.name().expect("registered");
            assert_eq!(suite.id.strength(), Some(suite.strength), "{name}");
            assert!(suite.key_exchange == KeyExchange::Tls13 || name.contains(suite.key_exchange.name()), "{name}");
            assert_eq!(name.contains("PSK_"), suite.is_pre_shared(), "{name}");
            assert_eq!(name.contains("_CBC_"), suite.bulk.is_cbc(), "{name}");
            assert!(all.iter().skip(i + 1).all(|other| other.id != suite.id), "{name} twice");
            assert!(suite.supported(clasp_crypto::default_provider()), "{name}");
        }
    }
}
