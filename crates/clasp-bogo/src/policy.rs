//! The policy that the flags want: versions, suites, groups and signature schemes.

use clasp::handshake::{Dialect, TLS10, TLS11, TLS12, TLS13_CIPHER_SUITES};
use clasp::wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
use clasp::{Policy, Renegotiation};

use crate::Failure;
use crate::compliance;
use crate::flags::Flags;
use crate::lists::cipher_list;

/// What BoringSSL speaks unless told otherwise is about what the policy `legacy` does.
pub(crate) fn policy(flags: &Flags) -> Result<Policy, Failure> {
    let mut policy = versions(flags, Policy::legacy())?;
    policy = policy.with_renegotiation(
        if flags.renegotiate_freely || flags.renegotiate_once || flags.renegotiate_explicit {
            // As BoringSSL does where it renegotiates at all.
            Renegotiation::UnsafeLegacy
        } else {
            Renegotiation::Never
        },
    );
    policy = policy.allowing_unsafe_renegotiation(true);
    policy = policy.taking_sslv2_hello(flags.server);
    let others = policy.suites().iter().map(|suite| suite.id).filter(|suite| !is_of_tls13(*suite));
    let suites: Vec<_> = USUAL_SUITES.into_iter().chain(others).collect();
    if !flags.cnsa_202407 {
        policy = policy.with_cipher_suites(&suites);
    }
    if flags.curves.is_empty() {
        policy = policy.with_ranked_groups(&USUAL_GROUPS.chunks(1).collect::<Vec<_>>());
    } else {
        let groups: Vec<_> = flags.curves.iter().map(|group| NamedGroup(*group)).collect();
        let provider = clasp::crypto::default_provider();
        if let Some(group) = groups.iter().find(|group| provider.group(**group).is_none()) {
            return Err(Failure::Unimplemented(format!("the group {group}")));
        }
        // The flag of a group says that the next one is as good.
        let mut sets: Vec<&[NamedGroup]> = Vec::new();
        let mut begin = 0;
        for end in 1..=groups.len() {
            if flags.curves_flags.get(end - 1).is_none_or(|flag| flag & 1 == 0) {
                sets.push(&groups[begin..end]);
                begin = end;
            }
        }
        policy = policy.with_ranked_groups(&sets);
    }
    let signing = policy.signing_schemes().to_vec();
    let schemes: Vec<_> = if flags.verify_prefs.is_empty() {
        signing.iter().copied().filter(|scheme| !UNUSUAL.contains(scheme)).collect()
    } else {
        flags.verify_prefs.iter().map(|scheme| SignatureScheme(*scheme)).collect()
    };
    known(&schemes)?;
    policy = policy.with_signature_schemes(&schemes).with_signing_schemes(&signing);
    let prefs = || flags.credentials.iter().chain([&flags.default_credential]).flat_map(|one| &one.signing_prefs);
    if prefs().any(|scheme| *scheme == PKCS1_OF_CLIENTS.0) {
        let signing: Vec<_> = policy.signing_schemes().iter().copied().chain([PKCS1_OF_CLIENTS]).collect();
        policy = policy.with_signing_schemes(&signing);
    }
    if let Some(list) = &flags.cipher {
        // That list says nothing of TLS 1.3's suites.
        let mut suites: Vec<_> = policy
            .suites()
            .iter()
            .map(|suite| suite.id)
            .filter(|suite| is_of_tls13(*suite))
            .map(|id| vec![id])
            .collect();
        suites.extend(cipher_list(list)?);
        let suites: Vec<_> = suites.iter().map(|equal| &equal[..]).collect();
        policy = policy.with_equal_cipher_suites(&suites);
    }
    compliance::narrow(policy, flags)
}

/// Whether the suite is one of TLS 1.3.
pub(crate) fn is_of_tls13(suite: CipherSuite) -> bool {
    TLS13_CIPHER_SUITES.iter().any(|row| row.id == suite)
}

fn versions(flags: &Flags, policy: Policy) -> Result<Policy, Failure> {
    let within = |version: ProtocolVersion| {
        let code = i64::from(version.0);
        flags.min_version.is_none_or(|least| least <= code) && flags.max_version.is_none_or(|most| code <= most)
    };
    let classic: [(bool, &'static dyn Dialect); 3] =
        [(flags.no_tls12, &TLS12), (flags.no_tls11, &TLS11), (flags.no_tls1, &TLS10)];
    let classic = classic.into_iter().filter(|(refused, dialect)| !refused && within(dialect.version()));
    let mut classic = classic.map(|(_, dialect)| dialect);
    let narrowed = if !flags.no_tls13 && within(ProtocolVersion::TLS_1_3) {
        policy.with_versions(ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_3)
    } else {
        let newest = classic.next().ok_or_else(|| Failure::failed("no version is left"))?.version();
        policy.with_versions(newest, newest)
    };
    Ok(classic.fold(narrowed, Policy::and_dialect))
}

/// PKCS#1 v1.5 in TLS 1.3, which a client's key does not know by this name.
pub(crate) const PKCS1_OF_CLIENTS: SignatureScheme = SignatureScheme::RSA_PKCS1_SHA256_LEGACY;

/// What BoringSSL does not verify unless told to, but signs with.
const UNUSUAL: [SignatureScheme; 2] = [SignatureScheme::ECDSA_SECP521R1_SHA512, SignatureScheme::ED25519];

/// TLS 1.3's suites in the order of BoringSSL's.
const USUAL_SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
    CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
];

/// The groups that BoringSSL has unless told others.
const USUAL_GROUPS: [NamedGroup; 3] = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];

/// Clasp has these schemes.
pub(crate) fn known(schemes: &[SignatureScheme]) -> Result<(), Failure> {
    let policy = Policy::legacy();
    let known = |scheme| policy.signature_schemes().contains(scheme) || *scheme == PKCS1_OF_CLIENTS;
    match schemes.iter().find(|scheme| !known(scheme)) {
        Some(scheme) => Err(Failure::Unimplemented(format!("the signature scheme {scheme}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(flags: &Flags) -> Vec<u16> {
        policy(flags).unwrap().versions().map(|version| version.0).collect()
    }

    #[test]
    fn versions_may_have_gaps() {
        assert_eq!(spoken(&Flags::default()), [0x304, 0x303, 0x302, 0x301]);
        assert_eq!(spoken(&Flags { no_tls12: true, ..Flags::default() }), [0x304, 0x302, 0x301]);
        assert_eq!(spoken(&Flags { no_tls13: true, no_tls11: true, ..Flags::default() }), [0x303, 0x301]);
        assert_eq!(spoken(&Flags { max_version: Some(0x302), min_version: Some(0x302), ..Flags::default() }), [0x302]);
        assert!(policy(&Flags { min_version: Some(0x305), ..Flags::default() }).is_err());
    }
}
