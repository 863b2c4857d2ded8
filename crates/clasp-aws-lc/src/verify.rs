//! Verifying RSA, ECDSA and Ed25519 signatures (RFC 8017, FIPS 186-5, RFC 8032), of handshakes and of certificates.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};

/// A signature algorithm, as certificate chains name it.
#[derive(Debug)]
pub(crate) struct Verifier {
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    algorithm: &'static dyn VerificationAlgorithm,
    /// Whether a key has the one form it may have in a SubjectPublicKeyInfo. AWS-LC would read others too: compressed
    /// points, and a SubjectPublicKeyInfo in the place of the key.
    form: fn(&[u8]) -> bool,
}

impl SignatureVerificationAlgorithm for Verifier {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        if !(self.form)(public_key) {
            return Err(InvalidSignature);
        }
        UnparsedPublicKey::new(self.algorithm, public_key).verify(message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

/// An uncompressed point (RFC 5480 2.2).
fn p256(key: &[u8]) -> bool {
    key.len() == 65 && key.first() == Some(&4)
}

fn p384(key: &[u8]) -> bool {
    key.len() == 97 && key.first() == Some(&4)
}

fn p521(key: &[u8]) -> bool {
    key.len() == 133 && key.first() == Some(&4)
}

/// RFC 8410 4.
fn ed25519(key: &[u8]) -> bool {
    key.len() == 32
}

/// An RSAPublicKey (RFC 8017 A.1.1) of 2048 bits or more: a SEQUENCE whose length takes two bytes, with an INTEGER first.
fn rsa(key: &[u8]) -> bool {
    matches!(key, [0x30, 0x82, _, _, 0x02, ..])
}

/// sha1WithRSAEncryption (RFC 3279 2.2.1), as an AlgorithmIdentifier's content.
const RSA_PKCS1_SHA1: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05, 0x05, 0x00]);

/// id-RSASSA-PSS without parameters: a key for PSS with any hash function (RFC 4055 3.1).
const RSASSA_PSS: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a]);

macro_rules! verifiers {
    ($($name:ident: $form:ident $key:expr, $signature:expr, $algorithm:ident;)*) => {
        $(pub(crate) static $name: Verifier = Verifier {
            key: $key,
            signature: $signature,
            algorithm: &signature::$algorithm,
            form: $form,
        };)*
    };
}

verifiers! {
    ECDSA_P256_SHA256: p256 alg_id::ECDSA_P256, alg_id::ECDSA_SHA256, ECDSA_P256_SHA256_ASN1;
    ECDSA_P256_SHA384: p256 alg_id::ECDSA_P256, alg_id::ECDSA_SHA384, ECDSA_P256_SHA384_ASN1;
    ECDSA_P256_SHA512: p256 alg_id::ECDSA_P256, alg_id::ECDSA_SHA512, ECDSA_P256_SHA512_ASN1;
    ECDSA_P384_SHA256: p384 alg_id::ECDSA_P384, alg_id::ECDSA_SHA256, ECDSA_P384_SHA256_ASN1;
    ECDSA_P384_SHA384: p384 alg_id::ECDSA_P384, alg_id::ECDSA_SHA384, ECDSA_P384_SHA384_ASN1;
    ECDSA_P384_SHA512: p384 alg_id::ECDSA_P384, alg_id::ECDSA_SHA512, ECDSA_P384_SHA512_ASN1;
    ECDSA_P521_SHA256: p521 alg_id::ECDSA_P521, alg_id::ECDSA_SHA256, ECDSA_P521_SHA256_ASN1;
    ECDSA_P521_SHA384: p521 alg_id::ECDSA_P521, alg_id::ECDSA_SHA384, ECDSA_P521_SHA384_ASN1;
    ECDSA_P521_SHA512: p521 alg_id::ECDSA_P521, alg_id::ECDSA_SHA512, ECDSA_P521_SHA512_ASN1;
    ED25519: ed25519 alg_id::ED25519, alg_id::ED25519, ED25519;
    PKCS1_SHA1: rsa alg_id::RSA_ENCRYPTION, RSA_PKCS1_SHA1, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY;
    PKCS1_SHA256: rsa alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA256, RSA_PKCS1_2048_8192_SHA256;
    PKCS1_SHA384: rsa alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA384, RSA_PKCS1_2048_8192_SHA384;
    PKCS1_SHA512: rsa alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA512, RSA_PKCS1_2048_8192_SHA512;
    PSS_SHA256: rsa alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA256, RSA_PSS_2048_8192_SHA256;
    PSS_SHA384: rsa alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA384, RSA_PSS_2048_8192_SHA384;
    PSS_SHA512: rsa alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA512, RSA_PSS_2048_8192_SHA512;
    PSS_KEY_SHA256: rsa RSASSA_PSS, alg_id::RSA_PSS_SHA256, RSA_PSS_2048_8192_SHA256;
    PSS_KEY_SHA384: rsa RSASSA_PSS, alg_id::RSA_PSS_SHA384, RSA_PSS_2048_8192_SHA384;
    PSS_KEY_SHA512: rsa RSASSA_PSS, alg_id::RSA_PSS_SHA512, RSA_PSS_2048_8192_SHA512;
    PSS_KEY_FOR_SHA256: rsa alg_id::RSA_PSS_SHA256, alg_id::RSA_PSS_SHA256, RSA_PSS_2048_8192_SHA256;
    PSS_KEY_FOR_SHA384: rsa alg_id::RSA_PSS_SHA384, alg_id::RSA_PSS_SHA384, RSA_PSS_2048_8192_SHA384;
    PSS_KEY_FOR_SHA512: rsa alg_id::RSA_PSS_SHA512, alg_id::RSA_PSS_SHA512, RSA_PSS_2048_8192_SHA512;
}

/// RSA handshake signatures by keys of any size, for the table that old rules choose from: how short is the policy's matter.
#[cfg(feature = "legacy")]
pub(crate) mod any {
    use clasp_crypto::SignatureScheme;
    use clasp_crypto::parts::AnySize;

    macro_rules! any_size {
        ($($name:ident: $scheme:ident;)*) => {
            $(pub(crate) static $name: AnySize = AnySize::new(SignatureScheme::$scheme, &super::$name);)*
        };
    }

    any_size! {
        PKCS1_SHA1: RSA_PKCS1_SHA1;
        PKCS1_SHA256: RSA_PKCS1_SHA256;
        PKCS1_SHA384: RSA_PKCS1_SHA384;
        PKCS1_SHA512: RSA_PKCS1_SHA512;
        PSS_SHA256: RSA_PSS_RSAE_SHA256;
        PSS_SHA384: RSA_PSS_RSAE_SHA384;
        PSS_SHA512: RSA_PSS_RSAE_SHA512;
    }
}
