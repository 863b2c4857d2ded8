//! Every insecure suite in every version that has it, and the sound suites that SSL 3.0 has, with and without a client
//! certificate, with data both ways.

use clasp_handshake::{CIPHER_SUITES, ClientConfig, ServerConfig, Suite};
use clasp_insecure::SUITES;
use clasp_wire::{CipherSuite, ProtocolVersion};

use crate::pair::{Pair, message_types, only};
use crate::pki::pki;

const VERSIONS: [ProtocolVersion; 4] =
    [ProtocolVersion::SSL_3_0, ProtocolVersion::TLS_1_0, ProtocolVersion::TLS_1_1, ProtocolVersion::TLS_1_2];

/// One handshake, with data.
fn cell(version: ProtocolVersion, suite: &Suite, with_certificate: bool) {
    let policy = only(version, suite.id);
    let mut client = ClientConfig::builder(policy.clone()).roots(pki().roots());
    let mut server = ServerConfig::builder(policy).identity(pki().rsa.clone()).identity(pki().ecdsa.clone());
    if with_certificate {
        client = client.identity(pki().client.clone());
        server = server.client_auth(pki().require_client());
    }
    let mut pair = Pair::established(&client.build().unwrap(), &server.build().unwrap());
    for tls in [&pair.client, &pair.server] {
        let session = tls.session().unwrap();
        assert_eq!((session.version(), session.cipher_suite()), (version, suite.id));
        assert_eq!(session.client_authenticated(), with_certificate);
        assert!(session.secure_renegotiation());
        let has_extensions = version > ProtocolVersion::SSL_3_0;
        assert_eq!(session.extended_master_secret(), has_extensions);
        assert_eq!(session.encrypt_then_mac(), has_extensions && suite.bulk.is_cbc());
    }
    pair.talk_and_close();
}

#[test]
fn every_insecure_suite_in_every_version_that_has_it() {
    let mut cells = 0;
    for suite in SUITES {
        for version in VERSIONS.into_iter().filter(|version| suite.allows(*version)) {
            for with_certificate in [false, true] {
                println!("{version} {} {with_certificate}", suite.id);
                cell(version, suite, with_certificate);
                cells += 1;
            }
        }
    }
    // ECDHE with RC4 in 3 versions, RSA with RC4 in 4, DES in 3, export in 2.
    assert_eq!(cells, 2 * (2 * 3 + 2 * 4 + 2 * 3 + 3 * 2));
}

#[test]
fn the_sound_suites_of_ssl_3_0() {
    let mut cells = 0;
    for suite in CIPHER_SUITES.iter().filter(|suite| suite.allows(ProtocolVersion::SSL_3_0)) {
        for with_certificate in [false, true] {
            cell(ProtocolVersion::SSL_3_0, suite, with_certificate);
            cells += 1;
        }
    }
    // RSA and DHE with AES-128, AES-256 and 3DES.
    assert_eq!(cells, 2 * 2 * 3);
}

/// The types of the server's first flight.
fn server_flight(version: ProtocolVersion, suite: CipherSuite, identity: &clasp_cert::Identity) -> Vec<u8> {
    let policy = only(version, suite);
    let client = ClientConfig::builder(policy.clone()).roots(pki().roots()).build().unwrap();
    let server = ServerConfig::builder(policy).identity(identity.clone()).build().unwrap();
    let mut pair = Pair::new(&client, &server);
    let mut flight = Vec::new();
    let errors = pair.run_with(|role, bytes| {
        if role == clasp_handshake::Role::Server && flight.is_empty() {
            flight = message_types(&bytes);
        }
        bytes
    });
    assert!(matches!(errors, (None, None)), "{errors:?}");
    pair.talk_and_close();
    flight
}

#[test]
fn a_temporary_key_is_sent_where_the_certificate_s_is_too_long_and_only_there() {
    for version in [ProtocolVersion::SSL_3_0, ProtocolVersion::TLS_1_0] {
        for suite in SUITES.iter().filter(|suite| suite.export.is_some()) {
            // ServerHello, Certificate, ServerKeyExchange, ServerHelloDone.
            assert_eq!(server_flight(version, suite.id, &pki().rsa), [2, 11, 12, 14]);
            assert_eq!(server_flight(version, suite.id, &pki().rsa512), [2, 11, 14]);
        }
        assert_eq!(server_flight(version, CipherSuite::TLS_RSA_WITH_RC4_128_MD5, &pki().rsa), [2, 11, 14]);
    }
}
