//! tlslite-ng, TLS written in Python alone: every version, key exchange and form of protection both have.

use clasp::wire::{CipherSuite, ProtocolVersion};
use clasp::{Error, ServerConfig};

use crate::cell::{Again, Cell, PLAIN, Resumed, Scenario, Shows, borrowed};
use crate::matrix::{close, exchange, serve_all};
use crate::peer::Kind;
use crate::pki::{self, pki};

const PEER: Kind = Kind::TlsLite;

const VERSIONS: [ProtocolVersion; 4] =
    [ProtocolVersion::SSL_3_0, ProtocolVersion::TLS_1_0, ProtocolVersion::TLS_1_1, ProtocolVersion::TLS_1_2];

const SUITES: [CipherSuite; 7] = [
    CipherSuite::TLS_RSA_WITH_RC4_128_SHA,
    CipherSuite::TLS_RSA_WITH_RC4_128_MD5,
    CipherSuite::TLS_RSA_WITH_3DES_EDE_CBC_SHA,
    CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
];
const SINCE_TLS_1_2: [CipherSuite; 4] = [
    CipherSuite::TLS_RSA_WITH_AES_256_CBC_SHA256,
    CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// With all extensions both have, or without.
fn cell(version: ProtocolVersion, suite: CipherSuite, extensions: bool) -> Cell {
    let extensions = extensions && version != ProtocolVersion::SSL_3_0;
    let is_cbc = suite.name().is_some_and(|name| name.contains("_CBC_"));
    Cell {
        peer: PEER,
        version,
        suite,
        // It is slow.
        data: 2000,
        extended_master_secret: extensions,
        encrypt_then_mac: extensions && is_cbc,
        rfc5746: true,
    }
}

fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for version in VERSIONS {
        let is_old = version == ProtocolVersion::SSL_3_0;
        let newer: &[_] = if version == ProtocolVersion::TLS_1_2 { &SINCE_TLS_1_2 } else { &[] };
        for &suite in SUITES.iter().chain(newer) {
            // SSL 3.0 has no extensions, and no curves.
            if !(is_old && suite == CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA) {
                let with_and_without: &[bool] = if is_old { &[false] } else { &[true, false] };
                cells.extend(with_and_without.iter().map(|extensions| cell(version, suite, *extensions)));
            }
        }
    }
    cells
}

/// One of each version.
fn few() -> [Cell; 4] {
    VERSIONS.map(|version| cell(version, CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA, true))
}

#[test]
fn clasp_connects() {
    if PEER.is_there() {
        for cell in cells() {
            cell.clasp_connects(PLAIN);
        }
    }
}

#[test]
fn clasp_accepts() {
    if PEER.is_there() {
        for cell in cells() {
            cell.clasp_accepts(PLAIN);
        }
    }
}

#[test]
fn client_certificates() {
    if PEER.is_there() {
        for cell in few() {
            for shows in [Shows::One, Shows::Declines] {
                cell.clasp_connects(Scenario { shows, ..PLAIN });
                cell.clasp_accepts(Scenario { shows, ..PLAIN });
            }
        }
    }
}

#[test]
fn sessions_are_resumed() {
    if PEER.is_there() {
        for cell in few() {
            let resumed = Some(Resumed::ById);
            cell.clasp_connects(Scenario { resumed, ..PLAIN });
            cell.clasp_accepts(Scenario { resumed, ..PLAIN });
        }
    }
}

/// It has no renegotiation: it declines, and the connection goes on.
#[test]
fn it_declines_to_renegotiate() {
    if !PEER.is_there() {
        return;
    }
    // In more than one piece, as it is asked after the first.
    let cell = Cell { data: 9000, ..cell(ProtocolVersion::TLS_1_2, CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA, true) };
    let scenario = Scenario { again: Some(Again::Clasp), ..PLAIN };
    let config = ServerConfig::builder(cell.policy()).identity(pki().server.identity()).build().unwrap();
    let (port, serving) = serve_all(config, 1, |tls| declined(&tls.renegotiate().unwrap_err()));
    let peer = PEER.connect(port, &borrowed(&cell.arguments(scenario)));
    peer.line();
    assert_eq!(peer.line(), format!("done {} clean", cell.data));
    peer.end();
    assert_eq!(serving.join().unwrap()[0].renegotiations(), 0);

    let mut arguments = cell.arguments(scenario);
    arguments.extend(pki().server.arguments());
    let (peer, port) = PEER.accept(&borrowed(&arguments));
    let mut tls = cell.connected(&pki::client(cell.policy()).build().unwrap(), port);
    exchange(&mut tls, cell.data, |tls| declined(&tls.renegotiate().unwrap_err()));
    close(&mut tls);
    peer.line();
    assert_eq!(peer.line(), format!("done {} clean", cell.data));
    peer.end();
}

#[track_caller]
fn declined(error: &std::io::Error) {
    let inner = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
    assert!(matches!(inner, Some(Error::NoRenegotiation("the peer declined"))), "{error}");
}
