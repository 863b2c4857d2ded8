//! OpenSSL 1.0.2n of December 2017: the last line of releases with SSL 3.0, TLS 1.1 and RC4 in one library.

use clasp::wire::{CipherSuite, ProtocolVersion};

use crate::cell::{Again, Cell, PLAIN, Resumed, Scenario, Shows};
use crate::peer::Kind;

const PEER: Kind = Kind::OpenSsl102;

const VERSIONS: [ProtocolVersion; 4] =
    [ProtocolVersion::SSL_3_0, ProtocolVersion::TLS_1_0, ProtocolVersion::TLS_1_1, ProtocolVersion::TLS_1_2];

/// Of every version.
const SUITES: [&str; 4] = ["RC4-SHA", "RC4-MD5", "AES128-SHA", "DES-CBC3-SHA"];
/// TLS 1.0 brought curves (RFC 4492).
const SINCE_TLS_1_0: [&str; 5] = [
    "ECDHE-RSA-RC4-SHA",
    "ECDHE-RSA-DES-CBC3-SHA",
    "ECDHE-RSA-AES128-SHA",
    "DHE-RSA-AES256-SHA",
    "EDH-RSA-DES-CBC3-SHA",
];
const SINCE_TLS_1_2: [&str; 5] = [
    "AES128-SHA256",
    "AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES256-GCM-SHA384",
];

fn cell(version: ProtocolVersion, name: &str) -> Cell {
    Cell {
        peer: PEER,
        version,
        suite: CipherSuite::from_openssl_name(name).unwrap(),
        data: 50_000,
        // Both came with its successor.
        extended_master_secret: false,
        encrypt_then_mac: false,
        rfc5746: true,
    }
}

fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for version in VERSIONS {
        let mut names = SUITES.to_vec();
        if version != ProtocolVersion::SSL_3_0 {
            names.extend(SINCE_TLS_1_0);
        }
        if version == ProtocolVersion::TLS_1_2 {
            names.extend(SINCE_TLS_1_2);
        }
        cells.extend(names.into_iter().map(|name| cell(version, name)));
    }
    cells
}

/// One with each form of protection that the version has.
fn few() -> Vec<Cell> {
    let mut few: Vec<_> =
        VERSIONS.into_iter().flat_map(|version| ["RC4-SHA", "DES-CBC3-SHA"].map(|name| cell(version, name))).collect();
    few.push(cell(ProtocolVersion::TLS_1_2, "ECDHE-RSA-AES128-GCM-SHA256"));
    few
}

const PLAIN_AND_CERTIFICATES: [Shows; 3] = [Shows::NotAsked, Shows::One, Shows::Declines];

#[test]
fn clasp_connects() {
    if PEER.is_there() {
        for cell in cells() {
            cell.clasp_connects(PLAIN);
        }
        for cell in few() {
            for shows in PLAIN_AND_CERTIFICATES {
                cell.clasp_connects(Scenario { shows, ..PLAIN });
            }
        }
    }
}

#[test]
fn clasp_accepts() {
    if PEER.is_there() {
        for cell in cells() {
            cell.clasp_accepts(PLAIN);
        }
        for cell in few() {
            for shows in PLAIN_AND_CERTIFICATES {
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
            // SSL 3.0 has no extensions, and so no tickets.
            if resumed == Resumed::ByTicket && cell.version == ProtocolVersion::SSL_3_0 {
                continue;
            }
            let scenario = Scenario { resumed: Some(resumed), ..PLAIN };
            cell.clasp_connects(scenario);
            cell.clasp_accepts(scenario);
        }
    }
}
