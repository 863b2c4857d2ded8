//! GnuTLS, also as a library that knows nothing of RFC 5746, as all were before 2010: renegotiation by either side, where
//! the policy is told to, and refused where it is not.

use clasp::wire::{CipherSuite, ProtocolVersion};
use clasp::{Error, ServerConfig};

use crate::cell::{Again, Cell, PLAIN, Resumed, Scenario, Shows, borrowed, refused};
use crate::matrix::{close, connect, exchange, serve_all};
use crate::peer::Kind;
use crate::pki::{self, pki};

const PEER: Kind = Kind::GnuTls;
const DATA: usize = 20_000;

/// A suite with the form of its protection, CBC first.
fn cells(rfc5746: bool) -> Vec<Cell> {
    let (new, old) = (ProtocolVersion::TLS_1_2, [ProtocolVersion::TLS_1_1, ProtocolVersion::TLS_1_0]);
    let mut cells = Vec::new();
    let mut add = |version, suite, extended_master_secret, encrypt_then_mac| {
        cells.push(Cell { peer: PEER, version, suite, data: DATA, extended_master_secret, encrypt_then_mac, rfc5746 });
    };
    add(new, CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, true, false);
    add(new, CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA, false, false);
    for version in old {
        add(version, CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA, true, true);
        add(version, CipherSuite::TLS_RSA_WITH_3DES_EDE_CBC_SHA, false, false);
        add(version, CipherSuite::TLS_RSA_WITH_RC4_128_SHA, false, false);
    }
    cells
}

/// Renegotiation by either side, with and without a certificate asked for only then.
fn scenarios() -> impl Iterator<Item = Scenario> {
    [Again::Clasp, Again::Peer].into_iter().flat_map(|again| {
        [Shows::NotAsked, Shows::Late].map(|shows| Scenario { shows, again: Some(again), resumed: None })
    })
}

#[test]
fn either_side_renegotiates_with_a_client() {
    if !PEER.is_there() {
        return;
    }
    for cell in [cells(false), cells(true)].concat() {
        for scenario in scenarios() {
            // A client cannot make a Clasp server ask for more than it is set to.
            if (scenario.again, scenario.shows) != (Some(Again::Peer), Shows::Late) {
                cell.clasp_accepts(scenario);
            }
        }
    }
}

#[test]
fn either_side_renegotiates_with_a_server() {
    if !PEER.is_there() {
        return;
    }
    for cell in [cells(false), cells(true)].concat() {
        for scenario in scenarios() {
            cell.clasp_connects(scenario);
        }
    }
}

#[test]
fn resumed_sessions_are_renegotiated() {
    if !PEER.is_there() {
        return;
    }
    for cell in [cells(false), cells(true)].concat() {
        for again in [None, Some(Again::Clasp), Some(Again::Peer)] {
            for resumed in [Resumed::ById, Resumed::ByTicket] {
                let scenario = Scenario { again, resumed: Some(resumed), ..PLAIN };
                cell.clasp_accepts(scenario);
                // Its store of sessions takes functions that Python cannot give.
                if resumed == Resumed::ByTicket {
                    cell.clasp_connects(scenario);
                }
            }
        }
    }
}

/// Under the policy as it comes, which is secure renegotiation alone.
#[test]
fn a_client_without_rfc_5746_is_declined_unless_the_policy_says_otherwise() {
    if !PEER.is_there() {
        return;
    }
    for cell in cells(false) {
        for again in [Again::Clasp, Again::Peer] {
            let scenario = Scenario { again: Some(again), ..PLAIN };
            let config = ServerConfig::builder(cell.policy()).identity(pki().server.identity()).build().unwrap();
            let (port, serving) = serve_all(config, 1, move |tls| {
                if again == Again::Clasp {
                    let error = tls.renegotiate().unwrap_err();
                    assert!(matches!(tls_error(&error), Error::NoRenegotiation(_)), "{error}");
                }
            });
            let peer = PEER.connect(port, &borrowed(&cell.arguments(scenario)));
            peer.line();
            if again == Again::Peer {
                assert_eq!(peer.line(), "declined");
            }
            assert_eq!(peer.line(), format!("done {DATA} clean"));
            peer.end();
            assert_eq!(serving.join().unwrap()[0].renegotiations(), 0);
            PEER.seen(&format!("Clasp server, {cell}, {scenario}: declined"));
        }
    }
}

#[test]
fn a_server_without_rfc_5746_is_declined_unless_the_policy_says_otherwise() {
    if !PEER.is_there() {
        return;
    }
    for cell in cells(false) {
        for again in [Again::Clasp, Again::Peer] {
            let scenario = Scenario { again: Some(again), ..PLAIN };
            let mut arguments = cell.arguments(scenario);
            arguments.extend(pki().server.arguments());
            let (peer, port) = PEER.accept(&borrowed(&arguments));
            let config = pki::client(cell.policy()).build().unwrap();
            let mut tls = cell.connected(&config, port);
            exchange(&mut tls, DATA, |tls| {
                if again == Again::Clasp {
                    let error = tls.renegotiate().unwrap_err();
                    assert!(matches!(tls_error(&error), Error::NoRenegotiation(_)), "{error}");
                }
            });
            close(&mut tls);
            peer.line();
            if again == Again::Peer {
                assert_eq!(peer.line(), "declined");
            }
            assert_eq!(peer.line(), format!("done {DATA} clean"));
            peer.end();
            assert_eq!(tls.session().unwrap().renegotiations(), 0);
            PEER.seen(&format!("Clasp client, {cell}, {scenario}: declined"));
        }
    }
}

/// RFC 5746 4.1 and 4.3: whoever requires it ends the first handshake.
#[test]
fn who_requires_rfc_5746_refuses_a_peer_without_it() {
    if !PEER.is_there() {
        return;
    }
    let cell = cells(false)[0];
    let policy = cell.policy().requiring_renegotiation_info(true);
    let mut arguments = cell.arguments(PLAIN);
    arguments.extend(pki().server.arguments());
    let (peer, port) = PEER.accept(&borrowed(&arguments));
    let error = connect(&pki::client(policy.clone()).build().unwrap(), port).unwrap_err();
    assert!(error.to_string().contains("RFC 5746"), "{error}");
    let theirs = peer.end_badly();
    assert!(theirs.contains("last alert: 40"), "{theirs}");

    let config = ServerConfig::builder(policy).identity(pki().server.identity());
    let (theirs, ours) = refused(PEER, config, &borrowed(&cell.arguments(PLAIN)));
    assert!(ours.to_string().contains("RFC 5746"), "{ours}");
    assert!(theirs.contains("last alert: 40"), "{theirs}");
}

fn tls_error(error: &std::io::Error) -> &Error {
    error.get_ref().and_then(|error| error.downcast_ref()).expect("an error of TLS")
}
