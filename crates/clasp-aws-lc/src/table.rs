//! The table: AWS-LC where it has a primitive, the default table's where it has not.

use clasp_crypto::{Provider, SignatureScheme, default_provider, parts};

#[cfg(feature = "post-quantum")]
use crate::kem;
#[cfg(not(feature = "legacy"))]
use crate::verify as rsa;
#[cfg(feature = "legacy")]
use crate::verify::any as rsa;
use crate::{aead, exchange, hash, sign, verify};

/// AWS-LC's primitives, and for what it has not, those of [`default_provider`]: records in CBC mode and AES-CCM,
/// finite-field Diffie-Hellman, RSA key exchange, SHA-1 with ECDSA, and with the feature `legacy` what old peers need.
///
/// It has the same names in it as the default table, so that a policy offers the same on either.
pub fn provider() -> &'static Provider {
    static PROVIDER: Provider = Provider {
        random: &hash::RANDOM,
        hashes: &[
            &hash::SHA1,
            &hash::SHA256,
            &hash::SHA384,
            &hash::SHA512,
            #[cfg(feature = "legacy")]
            parts::MD5,
            #[cfg(feature = "legacy")]
            parts::MD5_SHA1,
        ],
        hmacs: &[
            &hash::SHA256,
            &hash::SHA384,
            &hash::SHA512,
            #[cfg(feature = "legacy")]
            parts::HMAC_MD5,
            #[cfg(feature = "legacy")]
            &hash::SHA1,
        ],
        mac_hmacs: default_provider().mac_hmacs,
        aeads: &[&aead::AES_128_GCM, &aead::AES_256_GCM, &aead::CHACHA20_POLY1305, parts::AES_128_CCM],
        block_ciphers: default_provider().block_ciphers,
        groups: &[
            #[cfg(feature = "post-quantum")]
            &kem::X25519_MLKEM768,
            #[cfg(feature = "post-quantum")]
            &kem::SECP256R1_MLKEM768,
            #[cfg(feature = "post-quantum")]
            &kem::SECP384R1_MLKEM1024,
            #[cfg(feature = "post-quantum")]
            &kem::MLKEM768,
            #[cfg(feature = "post-quantum")]
            &kem::MLKEM1024,
            &exchange::X25519,
            &exchange::SECP256R1,
            &exchange::SECP384R1,
            &exchange::SECP521R1,
            parts::FFDHE2048,
            parts::FFDHE3072,
            parts::FFDHE4096,
        ],
        finite_field: default_provider().finite_field,
        verifiers: &[
            (
                SignatureScheme::ECDSA_SECP256R1_SHA256,
                &[&verify::ECDSA_P256_SHA256, &verify::ECDSA_P384_SHA256, &verify::ECDSA_P521_SHA256],
            ),
            (
                SignatureScheme::ECDSA_SECP384R1_SHA384,
                &[&verify::ECDSA_P384_SHA384, &verify::ECDSA_P256_SHA384, &verify::ECDSA_P521_SHA384],
            ),
            (
                SignatureScheme::ECDSA_SECP521R1_SHA512,
                &[&verify::ECDSA_P521_SHA512, &verify::ECDSA_P256_SHA512, &verify::ECDSA_P384_SHA512],
            ),
            (SignatureScheme::ED25519, &[&verify::ED25519]),
            (SignatureScheme::RSA_PSS_RSAE_SHA256, &[&rsa::PSS_SHA256]),
            (SignatureScheme::RSA_PSS_RSAE_SHA384, &[&rsa::PSS_SHA384]),
            (SignatureScheme::RSA_PSS_RSAE_SHA512, &[&rsa::PSS_SHA512]),
            (SignatureScheme::RSA_PSS_PSS_SHA256, &[&verify::PSS_KEY_SHA256, &verify::PSS_KEY_FOR_SHA256]),
            (SignatureScheme::RSA_PSS_PSS_SHA384, &[&verify::PSS_KEY_SHA384, &verify::PSS_KEY_FOR_SHA384]),
            (SignatureScheme::RSA_PSS_PSS_SHA512, &[&verify::PSS_KEY_SHA512, &verify::PSS_KEY_FOR_SHA512]),
            (SignatureScheme::RSA_PKCS1_SHA256, &[&rsa::PKCS1_SHA256]),
            (SignatureScheme::RSA_PKCS1_SHA384, &[&rsa::PKCS1_SHA384]),
            (SignatureScheme::RSA_PKCS1_SHA512, &[&rsa::PKCS1_SHA512]),
            #[cfg(feature = "legacy")]
            (SignatureScheme::RSA_PKCS1_MD5_SHA1, &[parts::VERIFY_RSA_PKCS1_MD5_SHA1]),
            (SignatureScheme::RSA_PKCS1_SHA1, &[&rsa::PKCS1_SHA1]),
            (
                SignatureScheme::ECDSA_SHA1,
                &[parts::VERIFY_ECDSA_P256_SHA1, parts::VERIFY_ECDSA_P384_SHA1, parts::VERIFY_ECDSA_P521_SHA1],
            ),
        ],
        verifiers_13: &[
            (SignatureScheme::ECDSA_SECP256R1_SHA256, &[&verify::ECDSA_P256_SHA256]),
            (SignatureScheme::ECDSA_SECP384R1_SHA384, &[&verify::ECDSA_P384_SHA384]),
            (SignatureScheme::ECDSA_SECP521R1_SHA512, &[&verify::ECDSA_P521_SHA512]),
            (SignatureScheme::ED25519, &[&verify::ED25519]),
            (SignatureScheme::RSA_PSS_RSAE_SHA256, &[&rsa::PSS_SHA256]),
            (SignatureScheme::RSA_PSS_RSAE_SHA384, &[&rsa::PSS_SHA384]),
            (SignatureScheme::RSA_PSS_RSAE_SHA512, &[&rsa::PSS_SHA512]),
            (SignatureScheme::RSA_PSS_PSS_SHA256, &[&verify::PSS_KEY_SHA256, &verify::PSS_KEY_FOR_SHA256]),
            (SignatureScheme::RSA_PSS_PSS_SHA384, &[&verify::PSS_KEY_SHA384, &verify::PSS_KEY_FOR_SHA384]),
            (SignatureScheme::RSA_PSS_PSS_SHA512, &[&verify::PSS_KEY_SHA512, &verify::PSS_KEY_FOR_SHA512]),
        ],
        certificate_algorithms: &[
            &verify::ECDSA_P256_SHA256,
            &verify::ECDSA_P256_SHA384,
            &verify::ECDSA_P384_SHA256,
            &verify::ECDSA_P384_SHA384,
            &verify::ECDSA_P521_SHA256,
            &verify::ECDSA_P521_SHA384,
            &verify::ECDSA_P521_SHA512,
            &verify::ECDSA_P256_SHA512,
            &verify::ECDSA_P384_SHA512,
            &verify::ED25519,
            &verify::PKCS1_SHA256,
            &verify::PKCS1_SHA384,
            &verify::PKCS1_SHA512,
            &verify::PSS_SHA256,
            &verify::PSS_SHA384,
            &verify::PSS_SHA512,
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
            parts::VERIFY_ECDSA_P256_SHA1,
            parts::VERIFY_ECDSA_P384_SHA1,
            parts::VERIFY_ECDSA_P521_SHA1,
        ],
        #[cfg(not(feature = "legacy"))]
        legacy_certificate_algorithms: &[],
        load_key: sign::load_key,
        rsa_encrypt: default_provider().rsa_encrypt,
    };
    &PROVIDER
}
