//! Java's JSSE, which still carries SSL 3.0 and the broken suites, and opens them on request.

use clasp::wire::{CipherSuite, ProtocolVersion};

use crate::cell::{Again, Cell, PLAIN, Resumed, Scenario, Shows};
use crate::peer::Kind;

const PEER: Kind = Kind::Jsse;

const VERSIONS: [ProtocolVersion; 4] =
    [ProtocolVersion::SSL_3_0, ProtocolVersion::TLS_1_0, ProtocolVersion::TLS_1_1, ProtocolVersion::TLS_1_2];

const SUITES: [CipherSuite; 6] = [
    CipherSuite::TLS_RSA_WITH_RC4_128_SHA,
    CipherSuite::TLS_RSA_WITH_RC4_128_MD5,
    CipherSuite::TLS_RSA_WITH_3DES_EDE_CBC_SHA,
    CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_CBC_SHA,
];
/// Those that TLS 1.1 and 1.2 have no more.
const UNTIL_TLS_1_0: [CipherSuite; 3] = [
    CipherSuite::TLS_RSA_WITH_DES_CBC_SHA,
    CipherSuite::TLS_RSA_EXPORT_WITH_RC4_40_MD5,
    CipherSuite::TLS_RSA_EXPORT_WITH_DES40_CBC_SHA,
];
const SINCE_TLS_1_0: [CipherSuite; 3] = [
    CipherSuite::TLS_ECDHE_RSA_WITH_RC4_128_SHA,
    CipherSuite::TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
];
const SINCE_TLS_1_2: [CipherSuite; 5] = [
    CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

fn cell(version: ProtocolVersion, suite: CipherSuite) -> Cell {
    Cell {
        peer: PEER,
        version,
        suite,
        data: 50_000,
        extended_master_secret: version != ProtocolVersion::SSL_3_0,
        // It has none.
        encrypt_then_mac: false,
        rfc5746: true,
    }
}

fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for version in VERSIONS {
        let is_ssl = version == ProtocolVersion::SSL_3_0;
        let mut suites = SUITES.to_vec();
        if is_ssl || version == ProtocolVersion::TLS_1_0 {
            suites.extend(UNTIL_TLS_1_0);
        }
        if !is_ssl {
            suites.extend(SINCE_TLS_1_0);
        }
        if version == ProtocolVersion::TLS_1_2 {
            suites.extend(SINCE_TLS_1_2);
        }
        cells.extend(suites.into_iter().map(|suite| cell(version, suite)));
    }
    cells
}

/// One with each form of protection that the version has.
fn few() -> Vec<Cell> {
    let mut few: Vec<_> = VERSIONS
        .into_iter()
        .flat_map(|version| {
            [CipherSuite::TLS_RSA_WITH_RC4_128_SHA, CipherSuite::TLS_RSA_WITH_3DES_EDE_CBC_SHA]
                .map(|suite| cell(version, suite))
        })
        .collect();
    few.push(cell(ProtocolVersion::TLS_1_2, CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256));
    few
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
fn either_side_renegotiates() {
    if !PEER.is_there() {
        return;
    }
    for cell in few() {
        for again in [Again::Clasp, Again::Peer] {
            for shows in [Shows::NotAsked, Shows::Late] {
                let scenario = Scenario { shows, again: Some(again), resumed: None };
                cell.clasp_connects(scenario);
                // A client cannot make a Clasp server ask for more than it is set to.
                if again == Again::Clasp || shows == Shows::NotAsked {
                    cell.clasp_accepts(scenario);
                }
            }
        }
    }
}

#[test]
fn sessions_are_resumed() {
    if !PEER.is_there() {
        return;
    }
    for cell in few() {
        for resumed in [Resumed::ById, Resumed::ByTicket] {
            // It resumes no session of SSL 3.0, with OpenSSL as little as with us.
            if cell.version == ProtocolVersion::SSL_3_0 {
                continue;
            }
            let scenario = Scenario { resumed: Some(resumed), ..PLAIN };
            cell.clasp_accepts(scenario);
            cell.clasp_connects(scenario);
        }
    }
}
