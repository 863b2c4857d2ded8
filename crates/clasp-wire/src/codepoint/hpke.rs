//! The algorithms of HPKE, which Encrypted ClientHello names (IANA "HPKE"; RFC 9180 7).

code_points! {
    /// A key encapsulation mechanism (RFC 9180 7.1).
    HpkeKem(u16) {
        DHKEM_P256_HKDF_SHA256 = 0x0010 as "DHKEM(P-256,HKDF-SHA256)",
        DHKEM_P384_HKDF_SHA384 = 0x0011 as "DHKEM(P-384,HKDF-SHA384)",
        DHKEM_P521_HKDF_SHA512 = 0x0012 as "DHKEM(P-521,HKDF-SHA512)",
        DHKEM_X25519_HKDF_SHA256 = 0x0020 as "DHKEM(X25519,HKDF-SHA256)",
        DHKEM_X448_HKDF_SHA512 = 0x0021 as "DHKEM(X448,HKDF-SHA512)",
    }
}

code_points! {
    /// A key derivation function (RFC 9180 7.2).
    HpkeKdf(u16) {
        HKDF_SHA256 = 1 as "HKDF-SHA256",
        HKDF_SHA384 = 2 as "HKDF-SHA384",
        HKDF_SHA512 = 3 as "HKDF-SHA512",
    }
}

code_points! {
    /// An AEAD (RFC 9180 7.3).
    HpkeAead(u16) {
        AES_128_GCM = 1 as "AES-128-GCM",
        AES_256_GCM = 2 as "AES-256-GCM",
        CHACHA20_POLY1305 = 3 as "ChaCha20Poly1305",
        EXPORT_ONLY = 0xffff as "Export-only",
    }
}
