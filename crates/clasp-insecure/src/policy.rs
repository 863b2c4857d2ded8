//! The policy that accepts everything.

use clasp_handshake::Policy;

use crate::certificates;
use crate::dialect::SSL30;
use crate::suites::SUITES;

/// Everything [`Policy::legacy`] has, and SSL 3.0, RC4, RC2, DES, the export suites, RSA keys and Diffie-Hellman groups from
/// 512 bits on, and hellos in SSL 2.0's format; renegotiation with peers that do not know RFC 5746 may be asked for.
///
/// A connection under this policy may be as good as plaintext: an attacker on the way can make both sides agree on the worst
/// of it that both have, and read along. Use it for what can be reached in no other way, on a wire that is trusted for other
/// reasons, with a narrowed list of suites and versions, and never for a server that other clients use too.
pub fn insecure() -> Policy {
    Policy::legacy()
        .renamed("insecure")
        .and_dialect(&SSL30)
        .and_cipher_suites(SUITES)
        .with_min_rsa_bits(512)
        .with_min_dh_bits(512)
        .allowing_unsafe_renegotiation(true)
        .taking_sslv2_hello(true)
        .with_certificate_rules(certificates::rules())
}

#[cfg(test)]
mod tests {
    use clasp_wire::{CipherSuite, ProtocolVersion};

    use super::*;

    #[test]
    fn it_is_legacy_and_more_with_the_worst_last() {
        let (policy, legacy) = (insecure(), Policy::legacy());
        assert_eq!(policy.name(), "insecure");
        let ids = |policy: &Policy| policy.suites().iter().map(|suite| suite.id).collect::<Vec<_>>();
        assert_eq!(ids(&policy)[..legacy.suites().len()], ids(&legacy)[..]);
        assert_eq!(policy.suites().len(), legacy.suites().len() + SUITES.len());
        assert_eq!(ids(&policy).last(), Some(&CipherSuite::TLS_RSA_EXPORT_WITH_DES40_CBC_SHA));
        let versions: Vec<_> = policy.versions().collect();
        assert_eq!(
            versions,
            [
                ProtocolVersion::TLS_1_3,
                ProtocolVersion::TLS_1_2,
                ProtocolVersion::TLS_1_1,
                ProtocolVersion::TLS_1_0,
                ProtocolVersion::SSL_3_0
            ]
        );
        assert_eq!(policy.and_cipher_suites(SUITES).and_dialect(&SSL30).versions().count(), 5);
    }
}
