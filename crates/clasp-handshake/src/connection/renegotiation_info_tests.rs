//! Tests of what ties a renegotiation to the handshake before it (RFC 5746).

use clasp_wire::{CompressionMethod, ContentType, ProtocolVersion, Random, ServerExtension, ServerHello, SessionId};

use super::renegotiation_tests::pair;
use crate::hello::ClientOffer;
use crate::negotiate;
use crate::session::{Previous, Secrets};
use crate::testing::{Authority, classic, connections, exchange, give};
use crate::{Error, Misbehaviour, Policy, Renegotiation};

/// CVE-2009-3555: a hello that does not belong to this connection, as an attacker splices one in, is refused.
#[test]
fn a_spliced_handshake_is_refused() {
    let ca = Authority::new("CA");
    let policy = classic(Policy::compatible());
    let (mut attacker, mut server) = pair(&ca, &policy);
    let config = ca.client(policy.clone()).build().unwrap();
    let (mut victim, _) = connections(&config, &ca.server(policy.clone()).build().unwrap());
    victim.poll_now().unwrap();
    let hello = victim.output().split();
    // The victim's first hello, sealed under the attacker's keys.
    attacker.seal(ContentType::HANDSHAKE, &hello[5..]).unwrap();
    give(&mut server, &attacker.output().split());
    let error = server.poll_now().unwrap_err();
    assert!(matches!(error, Error::Misbehaved(Misbehaviour::BadRenegotiationInfo)), "{error}");
}

/// The same seen by the client: the server's answer must hold the Finished of both sides of the handshake before.
#[test]
fn an_answer_from_another_connection_is_refused() {
    let ca = Authority::new("CA");
    for first in [true, false] {
        let (mut client, mut server) = pair(&ca, &classic(Policy::compatible()));
        let Secrets::Classic(secrets) = &mut server.established.as_mut().unwrap().secrets else { panic!("TLS 1.3") };
        if first {
            // What it checks is the client's; the server's own half comes from somewhere else.
            secrets.server_finished = secrets.client_finished.clone();
        } else {
            secrets.client_finished = secrets.server_finished.clone();
        }
        client.renegotiate().unwrap();
        let errors = exchange(&mut client, &mut server);
        let refused = if first { errors.0 } else { errors.1 };
        assert!(matches!(refused, Some(Error::Misbehaved(Misbehaviour::BadRenegotiationInfo))), "{first}: {refused:?}");
    }
}

/// RFC 5746 4.2, 4.4: a client says what came before to a server that did not know that either, and who did not know it at first
/// does not know it later.
#[test]
fn whoever_did_not_know_rfc5746_at_first_does_not_later() {
    let ca = Authority::new("CA");
    let policy = classic(Policy::compatible()).allowing_unsafe_renegotiation(true);
    let policy = policy.with_renegotiation(Renegotiation::UnsafeLegacy);
    for server_knew in [true, false] {
        let (mut client, mut server) = pair(&ca, &policy);
        client.established.as_mut().unwrap().session.secure_renegotiation = false;
        server.established.as_mut().unwrap().session.secure_renegotiation = server_knew;
        client.renegotiate().unwrap();
        let errors = exchange(&mut client, &mut server);
        // Where the server knew it, it found in the hello what it expected, and the client is the one that minds.
        let refused = if server_knew { errors.0 } else { errors.1 };
        assert!(matches!(refused, Some(Error::Misbehaved(Misbehaviour::BadRenegotiationInfo))), "{refused:?}");
    }
}

/// A server that never knew it is told all the same, and need not answer (RFC 5746 4.2).
#[test]
fn a_server_without_rfc5746_is_told_all_the_same() {
    let ca = Authority::new("CA");
    let policy = classic(Policy::compatible());
    let config = ca.client(policy.clone()).build().unwrap();
    let (mut client, _) = pair(&ca, &policy);
    let name = crate::testing::NAME.try_into().unwrap();
    for secure in [true, false] {
        let established = client.established.as_mut().unwrap();
        established.session.secure_renegotiation = secure;
        let previous = Previous::of(established);
        let offer = ClientOffer::new(&config, &name, Some(&previous), None).unwrap();
        let Secrets::Classic(secrets) = &established.secrets else { panic!("TLS 1.3") };
        assert_eq!(offer.hello.renegotiation_info().unwrap(), secrets.client_finished.as_slice());
        let answers = |extensions: Vec<ServerExtension>| {
            let hello = ServerHello {
                server_version: ProtocolVersion::TLS_1_2,
                random: Random([1; 32]),
                session_id: SessionId::EMPTY,
                cipher_suite: established.session.cipher_suite(),
                compression_method: CompressionMethod::NULL,
                extensions: Some([extensions, vec![ServerExtension::ExtendedMasterSecret]].concat()),
            };
            negotiate::accept(&config, &offer, &hello, Some(&previous)).map(|agreed| agreed.secure_renegotiation)
        };
        let finished = [secrets.client_finished.as_slice(), secrets.server_finished.as_slice()].concat();
        let known = answers(vec![ServerExtension::RenegotiationInfo(finished.into())]);
        let empty = answers(vec![ServerExtension::RenegotiationInfo(bytes::Bytes::new())]);
        let silent = answers(Vec::new());
        if secure {
            assert!(matches!(known, Ok(true)));
        } else {
            assert!(matches!(silent, Ok(false)), "{silent:?}");
        }
        for refused in [if secure { silent } else { known }, empty] {
            assert!(matches!(refused, Err(Error::Misbehaved(Misbehaviour::BadRenegotiationInfo))), "{refused:?}");
        }
    }
}
