//! The table of primitives a configuration uses.

use std::sync::Arc;

use clasp_wire::{NamedGroup, SignatureScheme};
use rustls_pki_types::{PrivateKeyDer, SignatureVerificationAlgorithm};

#[cfg(feature = "post-quantum")]
use crate::hybrid;
use crate::load_key::load_key;
use crate::ring_provider as ring;
use crate::rust_crypto;
use crate::traits::{
    Aead, AeadAlgorithm, BlockCipher, BlockCipherAlgorithm, CryptoError, FiniteField, Hash, HashAlgorithm, Hmac,
    KeyExchangeGroup, SecureRandom, SigningKey,
};

/// Signature algorithms that a scheme may stand for.
pub type Verifiers = &'static [&'static dyn SignatureVerificationAlgorithm];

/// A table of primitives. A configuration names one, or takes [`default_provider`]; nothing is installed process-wide.
#[derive(Clone)]
#[allow(clippy::type_complexity, reason = "a table of static trait objects reads best written out")]
pub struct Provider {
    /// Random bytes.
    pub random: &'static dyn SecureRandom,
    /// Hash functions, for transcripts.
    pub hashes: &'static [&'static dyn Hash],
    /// HMACs, for key schedules.
    pub hmacs: &'static [&'static dyn Hmac],
    /// HMACs with the constant-time form that CBC records need.
    pub mac_hmacs: &'static [&'static dyn Hmac],
    /// AEADs.
    pub aeads: &'static [&'static dyn Aead],
    /// Block ciphers in CBC mode.
    pub block_ciphers: &'static [&'static dyn BlockCipher],
    /// Named key exchange groups.
    pub groups: &'static [&'static dyn KeyExchangeGroup],
    /// Diffie-Hellman in a group the peer chose.
    pub finite_field: &'static dyn FiniteField,
    /// What each handshake signature scheme may stand for before TLS 1.3. As in TLS 1.2 an ECDSA scheme names a hash, whatever the curve.
    pub verifiers: &'static [(SignatureScheme, Verifiers)],
    /// What each handshake signature scheme of TLS 1.3 stands for: a curve with each ECDSA scheme, and neither PKCS#1 v1.5
    /// nor SHA-1 (RFC 8446 4.2.3).
    pub verifiers_13: &'static [(SignatureScheme, Verifiers)],
    /// The algorithms accepted in certificate chains.
    pub certificate_algorithms: Verifiers,
    /// Those that legacy rules accept in chains besides: over SHA-1, and by RSA keys below 2048 bits. Empty without the
    /// feature `legacy`. How short a key may be is the rules' matter.
    pub legacy_certificate_algorithms: Verifiers,
    /// Loads a private key.
    pub load_key: fn(&PrivateKeyDer<'_>) -> Result<Arc<dyn SigningKey>, CryptoError>,
    /// Encrypts to an RSA key, given as DER SubjectPublicKeyInfo, with PKCS#1 v1.5 padding (RFC 8017 7.2.1).
    pub rsa_encrypt: fn(&[u8], &[u8], &dyn SecureRandom) -> Result<Vec<u8>, CryptoError>,
}

impl core::fmt::Debug for Provider {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Provider").field("aeads", &self.aeads).field("groups", &self.groups).finish_non_exhaustive()
    }
}

impl Provider {
    /// The hash function, if there.
    pub fn hash(&self, algorithm: HashAlgorithm) -> Option<&'static dyn Hash> {
        self.hashes.iter().copied().find(|hash| hash.algorithm() == algorithm)
    }

    /// The HMAC for key schedules, if there.
    pub fn hmac(&self, algorithm: HashAlgorithm) -> Option<&'static dyn Hmac> {
        self.hmacs.iter().copied().find(|hmac| hmac.algorithm() == algorithm)
    }

    /// The HMAC for CBC records, if there.
    pub fn mac_hmac(&self, algorithm: HashAlgorithm) -> Option<&'static dyn Hmac> {
        self.mac_hmacs.iter().copied().find(|hmac| hmac.algorithm() == algorithm)
    }

    /// The AEAD, if there.
    pub fn aead(&self, algorithm: AeadAlgorithm) -> Option<&'static dyn Aead> {
        self.aeads.iter().copied().find(|aead| aead.algorithm() == algorithm)
    }

    /// The block cipher, if there.
    pub fn block_cipher(&self, algorithm: BlockCipherAlgorithm) -> Option<&'static dyn BlockCipher> {
        self.block_ciphers.iter().copied().find(|cipher| cipher.algorithm() == algorithm)
    }

    /// The key exchange group, if there.
    pub fn group(&self, name: NamedGroup) -> Option<&'static dyn KeyExchangeGroup> {
        self.groups.iter().copied().find(|group| group.name() == name)
    }

    /// The algorithms that a handshake signature scheme stands for in TLS 1.3, if it is known and may be used there. Which of
    /// them it is, the kind of key in the certificate says.
    pub fn verifier_for_13(&self, scheme: SignatureScheme) -> Option<Verifiers> {
        self.verifiers_13.iter().find(|(known, _)| *known == scheme).map(|(_, verifiers)| *verifiers)
    }

    /// The algorithms that a handshake signature scheme may stand for before TLS 1.3, if it is known.
    pub fn verifier_for(&self, scheme: SignatureScheme) -> Option<Verifiers> {
        self.verifiers.iter().find(|(known, _)| *known == scheme).map(|(_, verifiers)| *verifiers)
    }
}

/// Verifiers of RSA handshake signatures.
#[cfg(not(feature = "legacy"))]
mod rsa {
    pub(super) use crate::ring_provider::{
        VERIFY_RSA_PKCS1_SHA1 as PKCS1_SHA1, VERIFY_RSA_PKCS1_SHA256 as PKCS1_SHA256,
        VERIFY_RSA_PKCS1_SHA384 as PKCS1_SHA384, VERIFY_RSA_PKCS1_SHA512 as PKCS1_SHA512,
        VERIFY_RSA_PSS_SHA256 as PSS_SHA256, VERIFY_RSA_PSS_SHA384 as PSS_SHA384, VERIFY_RSA_PSS_SHA512 as PSS_SHA512,
    };
}

/// Verifiers of RSA handshake signatures, by short keys too: the policy says how short.
#[cfg(feature = "legacy")]
mod rsa {
    pub(super) use crate::rust_crypto::{
        VERIFY_ANY_RSA_PKCS1_SHA1 as PKCS1_SHA1, VERIFY_ANY_RSA_PKCS1_SHA256 as PKCS1_SHA256,
        VERIFY_ANY_RSA_PKCS1_SHA384 as PKCS1_SHA384, VERIFY_ANY_RSA_PKCS1_SHA512 as PKCS1_SHA512,
        VERIFY_ANY_RSA_PSS_SHA256 as PSS_SHA256, VERIFY_ANY_RSA_PSS_SHA384 as PSS_SHA384,
        VERIFY_ANY_RSA_PSS_SHA512 as PSS_SHA512,
    };
}

/// ring where it has a primitive, RustCrypto and libcrux where it has not.
///
/// A table of another crate's can be a `static` that takes fields over from this one, and single primitives from
/// [`parts`](crate::parts).
pub const fn default_provider() -> &'static Provider {
    static PROVIDER: Provider = Provider {
        random: &ring::RANDOM,
        hashes: &[
            &rust_crypto::SHA1,
            &ring::SHA256,
            &ring::SHA384,
            &ring::SHA512,
            #[cfg(feature = "legacy")]
            &rust_crypto::MD5,
            #[cfg(feature = "legacy")]
            &rust_crypto::MD5_SHA1,
        ],
        hmacs: &[
            &ring::SHA256,
            &ring::SHA384,
            &ring::SHA512,
            #[cfg(feature = "legacy")]
            &rust_crypto::HMAC_MD5,
            #[cfg(feature = "legacy")]
            &rust_crypto::HMAC_SHA1,
        ],
        mac_hmacs: &[
            &rust_crypto::HMAC_SHA1,
            &rust_crypto::HMAC_SHA256,
            &rust_crypto::HMAC_SHA384,
            #[cfg(feature = "legacy")]
            &rust_crypto::HMAC_MD5,
        ],
        aeads: &[&ring::AES_128_GCM, &ring::AES_256_GCM, &ring::CHACHA20_POLY1305, &rust_crypto::AES_128_CCM],
        block_ciphers: &[
            &rust_crypto::AES_128_CBC,
            &rust_crypto::AES_256_CBC,
            #[cfg(feature = "legacy")]
            &rust_crypto::TRIPLE_DES_CBC,
        ],
        groups: &[
            #[cfg(feature = "post-quantum")]
            &hybrid::X25519_MLKEM768,
            #[cfg(feature = "post-quantum")]
            &hybrid::SECP256R1_MLKEM768,
            #[cfg(feature = "post-quantum")]
            &hybrid::SECP384R1_MLKEM1024,
            #[cfg(feature = "post-quantum")]
            &hybrid::MLKEM768,
            #[cfg(feature = "post-quantum")]
            &hybrid::MLKEM1024,
            &ring::X25519,
            &ring::SECP256R1,
            &ring::SECP384R1,
            &rust_crypto::SECP521R1,
            &rust_crypto::FFDHE2048,
            &rust_crypto::FFDHE3072,
            &rust_crypto::FFDHE4096,
        ],
        finite_field: &rust_crypto::FINITE_FIELD,
        verifiers: &[
            (
                SignatureScheme::ECDSA_SECP256R1_SHA256,
                &[
                    &ring::VERIFY_ECDSA_P256_SHA256,
                    &ring::VERIFY_ECDSA_P384_SHA256,
                    &rust_crypto::VERIFY_ECDSA_P521_SHA256,
                ],
            ),
            (
                SignatureScheme::ECDSA_SECP384R1_SHA384,
                &[
                    &ring::VERIFY_ECDSA_P384_SHA384,
                    &ring::VERIFY_ECDSA_P256_SHA384,
                    &rust_crypto::VERIFY_ECDSA_P521_SHA384,
                ],
            ),
            (
                SignatureScheme::ECDSA_SECP521R1_SHA512,
                &[
                    &rust_crypto::VERIFY_ECDSA_P521_SHA512,
                    &rust_crypto::VERIFY_ECDSA_P256_SHA512,
                    &rust_crypto::VERIFY_ECDSA_P384_SHA512,
                ],
            ),
            (SignatureScheme::ED25519, &[&ring::VERIFY_ED25519]),
            (SignatureScheme::RSA_PSS_RSAE_SHA256, &[&rsa::PSS_SHA256]),
            (SignatureScheme::RSA_PSS_RSAE_SHA384, &[&rsa::PSS_SHA384]),
            (SignatureScheme::RSA_PSS_RSAE_SHA512, &[&rsa::PSS_SHA512]),
            (SignatureScheme::RSA_PSS_PSS_SHA256, &[&ring::VERIFY_PSS_KEY_SHA256, &ring::VERIFY_PSS_KEY_FOR_SHA256]),
            (SignatureScheme::RSA_PSS_PSS_SHA384, &[&ring::VERIFY_PSS_KEY_SHA384, &ring::VERIFY_PSS_KEY_FOR_SHA384]),
            (SignatureScheme::RSA_PSS_PSS_SHA512, &[&ring::VERIFY_PSS_KEY_SHA512, &ring::VERIFY_PSS_KEY_FOR_SHA512]),
            (SignatureScheme::RSA_PKCS1_SHA256, &[&rsa::PKCS1_SHA256]),
            (SignatureScheme::RSA_PKCS1_SHA384, &[&rsa::PKCS1_SHA384]),
            (SignatureScheme::RSA_PKCS1_SHA512, &[&rsa::PKCS1_SHA512]),
            #[cfg(feature = "legacy")]
            (SignatureScheme::RSA_PKCS1_MD5_SHA1, &[&rust_crypto::VERIFY_RSA_PKCS1_MD5_SHA1]),
            // Not in chains, and no policy of today's offers them.
            (SignatureScheme::RSA_PKCS1_SHA1, &[&rsa::PKCS1_SHA1]),
            (
                SignatureScheme::ECDSA_SHA1,
                &[
                    &rust_crypto::VERIFY_ECDSA_P256_SHA1,
                    &rust_crypto::VERIFY_ECDSA_P384_SHA1,
                    &rust_crypto::VERIFY_ECDSA_P521_SHA1,
                ],
            ),
        ],
        verifiers_13: &[
            (SignatureScheme::ECDSA_SECP256R1_SHA256, &[&ring::VERIFY_ECDSA_P256_SHA256]),
            (SignatureScheme::ECDSA_SECP384R1_SHA384, &[&ring::VERIFY_ECDSA_P384_SHA384]),
            (SignatureScheme::ECDSA_SECP521R1_SHA512, &[&rust_crypto::VERIFY_ECDSA_P521_SHA512]),
            (SignatureScheme::ED25519, &[&ring::VERIFY_ED25519]),
            (SignatureScheme::RSA_PSS_RSAE_SHA256, &[&rsa::PSS_SHA256]),
            (SignatureScheme::RSA_PSS_RSAE_SHA384, &[&rsa::PSS_SHA384]),
            (SignatureScheme::RSA_PSS_RSAE_SHA512, &[&rsa::PSS_SHA512]),
            (SignatureScheme::RSA_PSS_PSS_SHA256, &[&ring::VERIFY_PSS_KEY_SHA256, &ring::VERIFY_PSS_KEY_FOR_SHA256]),
            (SignatureScheme::RSA_PSS_PSS_SHA384, &[&ring::VERIFY_PSS_KEY_SHA384, &ring::VERIFY_PSS_KEY_FOR_SHA384]),
            (SignatureScheme::RSA_PSS_PSS_SHA512, &[&ring::VERIFY_PSS_KEY_SHA512, &ring::VERIFY_PSS_KEY_FOR_SHA512]),
        ],
        certificate_algorithms: &[
            &ring::VERIFY_ECDSA_P256_SHA256,
            &ring::VERIFY_ECDSA_P256_SHA384,
            &ring::VERIFY_ECDSA_P384_SHA256,
            &ring::VERIFY_ECDSA_P384_SHA384,
            &rust_crypto::VERIFY_ECDSA_P521_SHA256,
            &rust_crypto::VERIFY_ECDSA_P521_SHA384,
            &rust_crypto::VERIFY_ECDSA_P521_SHA512,
            &rust_crypto::VERIFY_ECDSA_P256_SHA512,
            &rust_crypto::VERIFY_ECDSA_P384_SHA512,
            &ring::VERIFY_ED25519,
            &ring::VERIFY_RSA_PKCS1_SHA256,
            &ring::VERIFY_RSA_PKCS1_SHA384,
            &ring::VERIFY_RSA_PKCS1_SHA512,
            &ring::VERIFY_RSA_PSS_SHA256,
            &ring::VERIFY_RSA_PSS_SHA384,
            &ring::VERIFY_RSA_PSS_SHA512,
        ],
        #[cfg(feature = "legacy")]
        legacy_certificate_algorithms: &[
            &rsa::PKCS1_SHA1,
            &rsa::PKCS1_SHA256,
            &rsa::PKCS1_SHA384,
            &rsa::PKCS1_SHA512,
            &rsa::PSS_SHA256,
            &rsa::PSS_SHA384,
            &rsa::PSS_SHA512,
            &rust_crypto::VERIFY_ECDSA_P256_SHA1,
            &rust_crypto::VERIFY_ECDSA_P384_SHA1,
            &rust_crypto::VERIFY_ECDSA_P521_SHA1,
        ],
        #[cfg(not(feature = "legacy"))]
        legacy_certificate_algorithms: &[],
        load_key,
        rsa_encrypt: rust_crypto::rsa_encrypt,
    };
    &PROVIDER
}
