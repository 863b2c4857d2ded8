//! The broken cipher suites, best first, each valid in the versions its RFC says (RFC 2246 A.5, RFC 6101 A.6, RFC 4492 6).

use clasp_crypto::HashAlgorithm;
use clasp_handshake::{Authentication, Export, KeyExchange, Suite};
use clasp_record::{OwnCbcBulk, StreamBulk};
use clasp_wire::{CipherSuite, ProtocolVersion, Strength};

use crate::ciphers::{DES, RC2, RC4};
use crate::export::EXPORT40;

static RC4_SHA: StreamBulk = StreamBulk { cipher: &RC4, mac: HashAlgorithm::Sha1 };
static RC4_MD5: StreamBulk = StreamBulk { cipher: &RC4, mac: HashAlgorithm::Md5 };
static DES_SHA: OwnCbcBulk = OwnCbcBulk { cipher: &DES, mac: HashAlgorithm::Sha1 };
static RC2_MD5: OwnCbcBulk = OwnCbcBulk { cipher: &RC2, mac: HashAlgorithm::Md5 };

type Versions = (ProtocolVersion, ProtocolVersion);
const SINCE_TLS10: Versions = (ProtocolVersion::TLS_1_0, ProtocolVersion::TLS_1_2);
const SINCE_SSL30: Versions = (ProtocolVersion::SSL_3_0, ProtocolVersion::TLS_1_2);
/// RFC 5469 1: not in TLS 1.2.
const UNTIL_TLS11: Versions = (ProtocolVersion::SSL_3_0, ProtocolVersion::TLS_1_1);
/// RFC 4346 A.5: not in TLS 1.1.
const UNTIL_TLS10: Versions = (ProtocolVersion::SSL_3_0, ProtocolVersion::TLS_1_0);

const NO: Option<&'static dyn Export> = None;
const EXPORT: Option<&'static dyn Export> = Some(&EXPORT40);

macro_rules! suites {
    ($($id:ident: $kx:ident $auth:ident $bulk:ident $versions:ident $export:ident;)*) => {
        &[$(Suite {
            id: CipherSuite::$id,
            key_exchange: KeyExchange::$kx,
            authentication: Authentication::$auth,
            bulk: &$bulk,
            prf: HashAlgorithm::Sha256,
            versions: $versions,
            strength: Strength::Insecure,
            export: $export,
        }),*]
    };
}

/// The suites, best first. What each costs:
///
/// - RC4: a secret that is sent again and again, such as a cookie or a password, can be read from what was recorded.
/// - DES: whoever records a connection reads it after a search through 2^56 keys, which can be bought.
/// - export: the same after a search through 2^40 keys, which a notebook does; with RSA keys of 512 bits on top.
pub static SUITES: &[Suite] = suites![
    TLS_ECDHE_ECDSA_WITH_RC4_128_SHA:   Ecdhe Ecdsa RC4_SHA SINCE_TLS10 NO;
    TLS_ECDHE_RSA_WITH_RC4_128_SHA:     Ecdhe Rsa   RC4_SHA SINCE_TLS10 NO;
    TLS_RSA_WITH_RC4_128_SHA:           Rsa   Rsa   RC4_SHA SINCE_SSL30 NO;
    TLS_RSA_WITH_RC4_128_MD5:           Rsa   Rsa   RC4_MD5 SINCE_SSL30 NO;
    TLS_DHE_RSA_WITH_DES_CBC_SHA:       Dhe   Rsa   DES_SHA UNTIL_TLS11 NO;
    TLS_RSA_WITH_DES_CBC_SHA:           Rsa   Rsa   DES_SHA UNTIL_TLS11 NO;
    TLS_RSA_EXPORT_WITH_RC4_40_MD5:     Rsa   Rsa   RC4_MD5 UNTIL_TLS10 EXPORT;
    TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5: Rsa   Rsa   RC2_MD5 UNTIL_TLS10 EXPORT;
    TLS_RSA_EXPORT_WITH_DES40_CBC_SHA:  Rsa   Rsa   DES_SHA UNTIL_TLS10 EXPORT;
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_registered_suite_of_its_own_that_is_known_to_be_broken() {
        for (i, suite) in SUITES.iter().enumerate() {
            let name = suite.id.name().expect("registered");
            assert_eq!(suite.id.strength(), Some(suite.strength), "{name}");
            assert!(name.contains(suite.key_exchange.name()), "{name}");
            assert_eq!(name.contains("_EXPORT_"), suite.export.is_some(), "{name}");
            assert_eq!(name.contains("_CBC_"), suite.bulk.is_cbc(), "{name}");
            assert!(suite.supported(clasp_crypto::default_provider()), "{name}");
            assert!(SUITES.iter().skip(i + 1).all(|other| other.id != suite.id), "{name} twice");
            assert!(clasp_handshake::CIPHER_SUITES.iter().all(|other| other.id != suite.id), "{name} below too");
        }
    }
}
