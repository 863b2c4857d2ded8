//! Handshakes after the first one: on the same connection, and of a session that is resumed.

use clasp_wire::ProtocolVersion;

use clasp_insecure::SUITES;

use crate::pair::{Pair, client, only, server};

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::SSL_3_0, ProtocolVersion::TLS_1_0];

#[test]
fn either_side_renegotiates_whatever_the_first_hello_looked_like() {
    for version in VERSIONS {
        for suite in SUITES.iter().filter(|suite| suite.allows(version)) {
            for sslv2_hello in [false, true] {
                let policy = only(version, suite.id);
                let mut pair =
                    Pair::established(&client(policy.clone().sending_sslv2_hello(sslv2_hello)), &server(policy));
                for turn in 1..=2 {
                    let begun = if turn == 1 { pair.client.renegotiate() } else { pair.server.renegotiate() };
                    begun.unwrap();
                    let errors = pair.run();
                    assert!(matches!(errors, (None, None)), "{version} {} {sslv2_hello}: {errors:?}", suite.id);
                    for tls in [&pair.client, &pair.server] {
                        let session = tls.session().unwrap();
                        assert_eq!((session.renegotiations(), session.version()), (turn, version));
                        assert!(session.secure_renegotiation(), "36 bytes of Finished in SSL 3.0, tied by RFC 5746");
                    }
                }
                pair.talk_and_close();
            }
        }
    }
}

#[test]
fn sessions_are_resumed_with_keys_of_their_own() {
    for version in VERSIONS {
        for suite in SUITES.iter().filter(|suite| suite.allows(version)) {
            let (client, server) = (client(only(version, suite.id)), server(only(version, suite.id)));
            for resumed in [false, true] {
                let mut pair = Pair::established(&client, &server);
                for tls in [&pair.client, &pair.server] {
                    assert_eq!(tls.session().unwrap().resumed(), resumed, "{version} {}", suite.id);
                }
                pair.talk_and_close();
            }
        }
    }
}
