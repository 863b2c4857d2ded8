//! Policies by the names of the standards they keep to: what of suites, groups and signatures each allows.

use clasp::Policy;
use clasp::wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

use crate::Failure;
use crate::flags::Flags;

type Suite = CipherSuite;
type Scheme = SignatureScheme;

const AES256: &[CipherSuite] = &[
    Suite::TLS_AES_256_GCM_SHA384,
    Suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    Suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
];

/// NIST SP 800-52 Rev. 2, section 3.3.1.1.
const FIPS_SUITES: &[CipherSuite] = &[
    Suite::TLS_AES_128_GCM_SHA256,
    Suite::TLS_AES_256_GCM_SHA384,
    Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    Suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    Suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
];

const FIPS_SCHEMES: &[SignatureScheme] = &[
    Scheme::RSA_PKCS1_SHA256,
    Scheme::RSA_PKCS1_SHA384,
    Scheme::RSA_PKCS1_SHA512,
    Scheme::ECDSA_SECP256R1_SHA256,
    Scheme::ECDSA_SECP384R1_SHA384,
    Scheme::RSA_PSS_RSAE_SHA256,
    Scheme::RSA_PSS_RSAE_SHA384,
    Scheme::RSA_PSS_RSAE_SHA512,
];

/// WPA3, 192-bit mode.
const WPA_SCHEMES: &[SignatureScheme] = &[
    Scheme::RSA_PKCS1_SHA384,
    Scheme::RSA_PKCS1_SHA512,
    Scheme::ECDSA_SECP384R1_SHA384,
    Scheme::RSA_PSS_RSAE_SHA384,
    Scheme::RSA_PSS_RSAE_SHA512,
];

/// CNSA 1.0 and 2.0.
const CNSA_SCHEMES: &[SignatureScheme] =
    &[Scheme::ECDSA_SECP384R1_SHA384, Scheme::RSA_PSS_RSAE_SHA384, Scheme::RSA_PKCS1_SHA384];

/// Narrows a policy to the standard the flags name.
pub(crate) fn narrow(policy: Policy, flags: &Flags) -> Result<Policy, Failure> {
    let (p256, p384) = (NamedGroup::SECP256R1, NamedGroup::SECP384R1);
    let mlkem = NamedGroup::MLKEM1024;
    let oldest = if flags.cnsa2_202603 { ProtocolVersion::TLS_1_3 } else { ProtocolVersion::TLS_1_2 };
    let (suites, groups, schemes) = if flags.fips_202205 {
        (FIPS_SUITES, vec![p256, p384], FIPS_SCHEMES)
    } else if flags.wpa_202304 {
        (AES256, vec![p384], WPA_SCHEMES)
    } else if flags.cnsa1_202603 {
        (AES256, vec![mlkem, p384], CNSA_SCHEMES)
    } else if flags.cnsa2_202603 {
        (&AES256[..1], vec![mlkem], CNSA_SCHEMES)
    } else {
        return Ok(policy);
    };
    let policy = policy.with_versions(oldest, ProtocolVersion::TLS_1_3);
    if policy.versions().next().is_none() {
        return Err(Failure::failed("no version is left"));
    }
    Ok(policy
        .with_cipher_suites(suites)
        .with_ranked_groups(&groups.chunks(1).collect::<Vec<_>>())
        .with_signature_schemes(schemes))
}
