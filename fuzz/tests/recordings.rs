//! The recorded handshakes are true: played back, they end where they ended with the real peer. Where Clasp's messages have
//! changed since, what the peer answered no longer fits, and the seeds stop at the first message: they must be made anew.

use std::collections::BTreeMap;
use std::fs;

use clasp_fuzz::connections::{SESSIONS, hex, play_to_client, play_to_server};
use clasp_fuzz::setup::folder;

const STALE: &str = "no longer fits Clasp's messages; make the seeds anew, as README.md says";

#[test]
fn every_recorded_handshake_is_played_back_to_its_session() {
    let (mut clients, mut servers) = (0, 0);
    // Of several handshakes on one connection the last one counts.
    let sessions: BTreeMap<_, _> = SESSIONS.lines().map(|line| line.split_once(' ').expect("name and key")).collect();
    for (seed, secret) in sessions {
        let bytes = fs::read(folder("corpus").join(seed)).expect("the seed of a session");
        let run = if seed.starts_with("client_connection/") {
            clients += 1;
            play_to_client(&bytes)
        } else {
            servers += 1;
            play_to_server(&bytes)
        };
        let view = run.expect("no empty seed").view().unwrap_or_else(|| panic!("{seed} {STALE}"));
        assert_eq!(hex(&view.secret), secret, "{seed} {STALE}");
    }
    assert!(clients >= 10 && servers >= 10, "{clients} and {servers} recordings are too few");
}

#[test]
fn recorded_data_is_read() {
    for (seed, data) in
        [("openssl-rsa-aes128-cbc-sha", "psalC morf olleh\n"), ("gnutls-ecdhe-ecdsa", "hello from Clasp\n")]
    {
        let bytes = fs::read(folder("corpus/client_connection").join(seed)).expect("seed");
        let run = play_to_client(&bytes).expect("no empty seed");
        assert_eq!(String::from_utf8_lossy(&run.read), data, "{seed} {STALE}");
        assert_eq!(run.verdict(), "closed");
    }
}
