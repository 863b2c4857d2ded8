//! Hellos in SSL 2.0's format (RFC 5246 E.2).

use clasp_handshake::{Connection, Error, Policy};
use clasp_insecure::insecure;
use clasp_record::{Foreign, RecordError};
use clasp_wire::{AlertDescription, ProtocolVersion};

use crate::pair::{Pair, client, give, message_types, server};

const VERSIONS: [ProtocolVersion; 4] =
    [ProtocolVersion::SSL_3_0, ProtocolVersion::TLS_1_0, ProtocolVersion::TLS_1_1, ProtocolVersion::TLS_1_2];

#[test]
fn a_handshake_of_any_version_may_begin_with_one() {
    for version in VERSIONS {
        let policy = insecure().with_versions(ProtocolVersion::SSL_3_0, version);
        let mut pair = Pair::new(&client(policy.clone().sending_sslv2_hello(true)), &server(policy));
        let mut first = Vec::new();
        let errors = pair.run_with(|_, bytes| {
            if first.is_empty() {
                first.clone_from(&bytes);
            }
            bytes
        });
        assert!(matches!(errors, (None, None)), "{version}: {errors:?}");
        // A record header of two bytes, client hello, version.
        assert_eq!((first[0] & 0x80, first[2]), (0x80, 1));
        assert_eq!(first[3..5], version.0.to_be_bytes());
        let session = pair.server.session().unwrap();
        assert_eq!(session.version(), version);
        assert!(session.secure_renegotiation(), "said by a suite");
        assert!(!session.extended_master_secret());
        pair.talk_and_close();
    }
}

/// What an old client sent: TLS 1.0 with RC4 and MD5 among SSL 2.0's own ciphers, and 16 bytes of challenge.
fn old_hello(version: [u8; 2]) -> Vec<u8> {
    let mut message = vec![1, version[0], version[1], 0, 9, 0, 0, 0, 16];
    message.extend_from_slice(&[0, 0, 4, 1, 0, 0x80, 0, 0, 5]);
    message.extend_from_slice(&[0xab; 16]);
    let mut record = vec![0x80, u8::try_from(message.len()).unwrap()];
    record.extend(message);
    record
}

#[test]
fn it_is_read_byte_by_byte_and_answered_in_the_agreed_version() {
    for (version, expected) in [([3, 1], [3, 1]), ([3, 0], [3, 0])] {
        let mut tls = Connection::server(server(insecure()));
        for byte in old_hello(version) {
            tls.poll_now().unwrap();
            assert!(!tls.has_output());
            give(&mut tls, &[byte]);
        }
        tls.poll_now().unwrap();
        let flight = tls.output().split();
        assert_eq!(message_types(&flight), [2, 11, 14]);
        assert_eq!(flight[1..3], expected, "the records' version");
        assert_eq!(flight[9..11], expected, "the hello's version");
    }
}

#[test]
fn ssl_2_0_itself_is_refused() {
    let mut tls = Connection::server(server(insecure()));
    give(&mut tls, &old_hello([0, 2]));
    let Err(Error::NoCommonGround(error)) = tls.poll_now() else { panic!("it went on") };
    assert_eq!((error.what, error.alert), ("protocol version", AlertDescription::PROTOCOL_VERSION));
}

#[test]
fn a_damaged_one_is_refused() {
    let whole = old_hello([3, 1]);
    // Lengths of specs, session ID and challenge.
    for at in [5, 6, 7, 8, 9, 10] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        let mut tls = Connection::server(server(insecure()));
        give(&mut tls, &bytes);
        assert!(matches!(tls.poll_now(), Err(Error::Decode(_))), "{at}");
    }
}

#[test]
fn it_is_taken_at_the_very_start_only() {
    let policy = insecure();
    let mut pair = Pair::established(&client(policy.clone()), &server(policy));
    give(&mut pair.server, &old_hello([3, 1]));
    assert!(matches!(pair.server.poll_now(), Err(Error::Record(_))));
}

#[test]
fn no_other_policy_takes_it() {
    for policy in [Policy::modern(), Policy::compatible(), Policy::legacy(), insecure().taking_sslv2_hello(false)] {
        let mut tls = Connection::server(server(policy));
        give(&mut tls, &old_hello([3, 3]));
        let error = tls.poll_now().unwrap_err();
        assert!(matches!(error, Error::Record(RecordError::NotTls(Foreign::Sslv2Hello))), "{error:?}");
        assert!(tls.has_output(), "an alert");
    }
}
