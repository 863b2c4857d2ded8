//! Signature schemes (IANA "TLS SignatureScheme"; RFC 8446 4.2.3, and RFC 5246 7.4.1.4.1 where the two bytes are a hash
//! and a signature algorithm).

use super::Strength;

code_points! {
    /// A signature scheme. In TLS 1.2 an ECDSA scheme names the hash only, not the curve. Those called legacy are PKCS#1 v1.5
    /// of clients in TLS 1.3 (RFC 9963).
    SignatureScheme(u16, is_grease) {
        RSA_PKCS1_MD5 = 0x0101 as "rsa_pkcs1_md5",
        DSA_SHA1 = 0x0202 as "dsa_sha1",
        RSA_PKCS1_SHA1 = 0x0201 as "rsa_pkcs1_sha1",
        ECDSA_SHA1 = 0x0203 as "ecdsa_sha1",
        RSA_PKCS1_SHA224 = 0x0301 as "rsa_pkcs1_sha224",
        DSA_SHA224 = 0x0302 as "dsa_sha224",
        ECDSA_SHA224 = 0x0303 as "ecdsa_sha224",
        RSA_PKCS1_SHA256 = 0x0401 as "rsa_pkcs1_sha256",
        RSA_PKCS1_SHA256_LEGACY = 0x0420 as "rsa_pkcs1_sha256_legacy",
        DSA_SHA256 = 0x0402 as "dsa_sha256",
        ECDSA_SECP256R1_SHA256 = 0x0403 as "ecdsa_secp256r1_sha256",
        RSA_PKCS1_SHA384 = 0x0501 as "rsa_pkcs1_sha384",
        RSA_PKCS1_SHA384_LEGACY = 0x0520 as "rsa_pkcs1_sha384_legacy",
        DSA_SHA384 = 0x0502 as "dsa_sha384",
        ECDSA_SECP384R1_SHA384 = 0x0503 as "ecdsa_secp384r1_sha384",
        RSA_PKCS1_SHA512 = 0x0601 as "rsa_pkcs1_sha512",
        RSA_PKCS1_SHA512_LEGACY = 0x0620 as "rsa_pkcs1_sha512_legacy",
        DSA_SHA512 = 0x0602 as "dsa_sha512",
        ECDSA_SECP521R1_SHA512 = 0x0603 as "ecdsa_secp521r1_sha512",
        SM2SIG_SM3 = 0x0708 as "sm2sig_sm3",
        RSA_PSS_RSAE_SHA256 = 0x0804 as "rsa_pss_rsae_sha256",
        RSA_PSS_RSAE_SHA384 = 0x0805 as "rsa_pss_rsae_sha384",
        RSA_PSS_RSAE_SHA512 = 0x0806 as "rsa_pss_rsae_sha512",
        ED25519 = 0x0807 as "ed25519",
        ED448 = 0x0808 as "ed448",
        RSA_PSS_PSS_SHA256 = 0x0809 as "rsa_pss_pss_sha256",
        RSA_PSS_PSS_SHA384 = 0x080a as "rsa_pss_pss_sha384",
        RSA_PSS_PSS_SHA512 = 0x080b as "rsa_pss_pss_sha512",
        ECDSA_BRAINPOOLP256R1TLS13_SHA256 = 0x081a as "ecdsa_brainpoolP256r1tls13_sha256",
        ECDSA_BRAINPOOLP384R1TLS13_SHA384 = 0x081b as "ecdsa_brainpoolP384r1tls13_sha384",
        ECDSA_BRAINPOOLP512R1TLS13_SHA512 = 0x081c as "ecdsa_brainpoolP512r1tls13_sha512",
        MLDSA44 = 0x0904 as "mldsa44",
        MLDSA65 = 0x0905 as "mldsa65",
        MLDSA87 = 0x0906 as "mldsa87",
        // Of the private range, and never sent: what RSA keys sign before TLS 1.2, which names no scheme.
        RSA_PKCS1_MD5_SHA1 = 0xff01 as "rsa_pkcs1_md5_sha1",
    }
}

impl SignatureScheme {
    /// The weakest policy that would offer the scheme; `None` for one that is not named here.
    pub fn strength(self) -> Option<Strength> {
        self.name()?;
        // Before TLS 1.3 the first byte is the hash: 1 is MD5, 2 is SHA-1, 3 is SHA-224; a second byte of 2 is DSA.
        Some(match self.0.to_be_bytes() {
            [1, _] => Strength::Insecure,
            [2 | 3 | 0xff, _] | [4..=6, 2] => Strength::Legacy,
            _ => Strength::Modern,
        })
    }
}
