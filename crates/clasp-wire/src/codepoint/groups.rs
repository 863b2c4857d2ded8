//! Key exchange groups (IANA "TLS Supported Groups"; RFC 8422, RFC 7919, RFC 8446 4.2.7).

code_points! {
    /// A named group.
    NamedGroup(u16, is_grease) {
        SECT163K1 = 1 as "sect163k1",
        SECT163R1 = 2 as "sect163r1",
        SECT163R2 = 3 as "sect163r2",
        SECT193R1 = 4 as "sect193r1",
        SECT193R2 = 5 as "sect193r2",
        SECT233K1 = 6 as "sect233k1",
        SECT233R1 = 7 as "sect233r1",
        SECT239K1 = 8 as "sect239k1",
        SECT283K1 = 9 as "sect283k1",
        SECT283R1 = 10 as "sect283r1",
        SECT409K1 = 11 as "sect409k1",
        SECT409R1 = 12 as "sect409r1",
        SECT571K1 = 13 as "sect571k1",
        SECT571R1 = 14 as "sect571r1",
        SECP160K1 = 15 as "secp160k1",
        SECP160R1 = 16 as "secp160r1",
        SECP160R2 = 17 as "secp160r2",
        SECP192K1 = 18 as "secp192k1",
        SECP192R1 = 19 as "secp192r1",
        SECP224K1 = 20 as "secp224k1",
        SECP224R1 = 21 as "secp224r1",
        SECP256K1 = 22 as "secp256k1",
        SECP256R1 = 23 as "secp256r1",
        SECP384R1 = 24 as "secp384r1",
        SECP521R1 = 25 as "secp521r1",
        BRAINPOOLP256R1 = 26 as "brainpoolP256r1",
        BRAINPOOLP384R1 = 27 as "brainpoolP384r1",
        BRAINPOOLP512R1 = 28 as "brainpoolP512r1",
        X25519 = 29 as "x25519",
        X448 = 30 as "x448",
        BRAINPOOLP256R1TLS13 = 31 as "brainpoolP256r1tls13",
        BRAINPOOLP384R1TLS13 = 32 as "brainpoolP384r1tls13",
        BRAINPOOLP512R1TLS13 = 33 as "brainpoolP512r1tls13",
        CURVE_SM2 = 41 as "curveSM2",
        FFDHE2048 = 256 as "ffdhe2048",
        FFDHE3072 = 257 as "ffdhe3072",
        FFDHE4096 = 258 as "ffdhe4096",
        FFDHE6144 = 259 as "ffdhe6144",
        FFDHE8192 = 260 as "ffdhe8192",
        MLKEM512 = 512 as "MLKEM512",
        MLKEM768 = 513 as "MLKEM768",
        MLKEM1024 = 514 as "MLKEM1024",
        SECP256R1MLKEM768 = 4587 as "SecP256r1MLKEM768",
        X25519MLKEM768 = 4588 as "X25519MLKEM768",
        SECP384R1MLKEM1024 = 4589 as "SecP384r1MLKEM1024",
        CURVE_SM2MLKEM768 = 4590 as "curveSM2MLKEM768",
        // What browsers offered before ML-KEM was finished; withdrawn.
        X25519_KYBER768_DRAFT00 = 25497 as "X25519Kyber768Draft00",
        SECP256R1_KYBER768_DRAFT00 = 25498 as "SecP256r1Kyber768Draft00",
    }
}

impl NamedGroup {
    /// The group a person means: the registered name in any case, or NIST's (`P-256`) or OpenSSL's (`prime256v1`).
    pub fn from_common_name(name: &str) -> Option<Self> {
        Some(match name {
            "P-256" | "prime256v1" => Self::SECP256R1,
            "P-384" => Self::SECP384R1,
            "P-521" => Self::SECP521R1,
            _ => {
                return Self::ALL
                    .iter()
                    .copied()
                    .find(|group| group.name().is_some_and(|known| known.eq_ignore_ascii_case(name)));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::NamedGroup;

    #[test]
    fn common_names() {
        assert_eq!(NamedGroup::from_common_name("P-256"), Some(NamedGroup::SECP256R1));
        assert_eq!(NamedGroup::from_common_name("X25519"), Some(NamedGroup::X25519));
        assert_eq!(NamedGroup::from_common_name("x25519mlkem768"), Some(NamedGroup::X25519MLKEM768));
        assert_eq!(NamedGroup::from_common_name("curve25519"), None);
    }
}
