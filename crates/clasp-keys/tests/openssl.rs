//! The whole schedule against OpenSSL: handshakes captured between its client and its server, with all that they made.

use std::collections::BTreeMap;

use clasp_crypto::{HashAlgorithm, default_provider};
use clasp_keys::{ExportError, KeyLengths, KeyLogLine, MasterSecret, Role, Schedule, Tls12, Transcript, key_log_line};

const PLAIN: &str = include_str!("../test-data/plain-sha256.txt");
const EXTENDED_SHA256: &str = include_str!("../test-data/extended-sha256.txt");
const EXTENDED_SHA384: &str = include_str!("../test-data/extended-sha384.txt");

/// A captured handshake: names and values.
struct Captured(BTreeMap<&'static str, Vec<u8>>);

impl Captured {
    fn read(text: &'static str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self(lines.map(|line| line.split_once(' ').unwrap()).map(|(name, value)| (name, hex(value))).collect())
    }

    fn get(&self, name: &str) -> &[u8] {
        self.0.get(name).unwrap_or_else(|| panic!("no {name}"))
    }

    fn randoms(&self) -> [[u8; 32]; 2] {
        ["client_random", "server_random"].map(|name| self.get(name).try_into().unwrap())
    }

    fn master(&self) -> MasterSecret {
        MasterSecret::new(self.get("master_secret").try_into().unwrap())
    }

    /// All messages up to the ClientKeyExchange.
    fn transcript(&self, hash: HashAlgorithm) -> Transcript {
        let mut transcript = Transcript::new();
        transcript.add(self.get("messages"));
        transcript.settle(default_provider().hash(hash).unwrap());
        transcript
    }
}

fn hex(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 2, 0);
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn all() -> [(Captured, HashAlgorithm, usize); 3] {
    [
        (Captured::read(PLAIN), HashAlgorithm::Sha256, 16),
        (Captured::read(EXTENDED_SHA256), HashAlgorithm::Sha256, 16),
        (Captured::read(EXTENDED_SHA384), HashAlgorithm::Sha384, 32),
    ]
}

fn schedule(hash: HashAlgorithm) -> Tls12 {
    Tls12::new(default_provider(), hash).unwrap()
}

#[test]
fn the_master_secret_is_that_of_the_key_log() {
    let [(plain, ..), (sha256, ..), (sha384, ..)] = all();
    let [client, server] = plain.randoms();
    let master = schedule(HashAlgorithm::Sha256).master_secret(plain.get("pre_master_secret"), &client, &server);
    assert_eq!(master.as_bytes(), plain.get("master_secret"));
    for (captured, hash) in [(sha256, HashAlgorithm::Sha256), (sha384, HashAlgorithm::Sha384)] {
        let pre_master = captured.get("pre_master_secret");
        let master = schedule(hash).extended_master_secret(pre_master, &captured.transcript(hash)).unwrap();
        assert_eq!(master.as_bytes(), captured.get("master_secret"));
        // The plain one of the same handshake is another: what the extension is for (RFC 7627).
        let [client, server] = captured.randoms();
        let plain = schedule(hash).master_secret(pre_master, &client, &server);
        assert_ne!(plain.as_bytes(), captured.get("master_secret"));
    }
}

#[test]
fn the_session_keys_are_those_that_opened_the_records() {
    for (captured, hash, key) in all() {
        let [client, server] = captured.randoms();
        let lengths = KeyLengths { mac_key: 0, key, iv: 4 };
        let block = schedule(hash).master_key(&captured.master()).key_block(&client, &server, lengths);
        for (role, name) in [(Role::Client, "client"), (Role::Server, "server")] {
            let keys = block.half(role);
            assert_eq!(keys.key(), captured.get(&format!("{name}_write_key")));
            assert_eq!(keys.iv(), captured.get(&format!("{name}_write_iv")));
            assert!(keys.mac_key().is_empty());
        }
    }
}

/// The client's Finished covers all up to it, the server's that one too (RFC 5246 7.4.9).
#[test]
fn the_finished_messages_say_what_was_sent() {
    for (captured, hash, _) in all() {
        let (schedule, master) = (schedule(hash), captured.master());
        let mut transcript = captured.transcript(hash);
        let (client, server) = (captured.get("client_finished"), captured.get("server_finished"));
        let data = schedule.master_key(&master).finished(Role::Client, &transcript).unwrap();
        assert!(data.ct_eq(&client[4..]));
        assert!(!schedule.master_key(&master).finished(Role::Server, &transcript).unwrap().ct_eq(&client[4..]));
        transcript.add(client);
        let data = schedule.master_key(&master).finished(Role::Server, &transcript).unwrap();
        assert!(data.ct_eq(&server[4..]));
    }
}

#[test]
fn the_exporter_gives_what_openssl_exported() {
    for (captured, hash, _) in all() {
        let [client, server] = captured.randoms();
        let mut out = [0; 40];
        let label = b"EXPORTER-Clasp-test";
        schedule(hash).export(&captured.master(), &client, &server, label, None, &mut out).unwrap();
        assert_eq!(out, captured.get("exporter"));
    }
}

/// With a context (RFC 5705 4): `s_client` exports none, so these are computed by the PRF spelt out in Python. An empty
/// context is not the same as none; the longest has 65535 bytes.
#[test]
fn the_exporter_with_a_context() {
    let [_, (sha256, ..), (sha384, ..)] = all();
    let cases = [
        (
            sha256,
            HashAlgorithm::Sha256,
            [
                "729c70d0e53bfd8e93ac404163669d38469c94142a4492d07b599bdf99b5b9ae64e1cfab0bdaa7a0",
                "5e96e062b5faa5a4c4c0a64aebb22d429442d6ea8f77a4ccbcc9ef497ee276f32c098c0150c0cab5",
                "454ee2e9a56a94779ce88559539d2fa8fc3a5f5886f716a4c4a095ea887e9524437c7f3d9f6ccd7a",
            ],
        ),
        (
            sha384,
            HashAlgorithm::Sha384,
            [
                "3e0dfaaec3270cb788ee7b8f404a9b258ddccdd4dc3fb8ff1212116767b140371152ca6095390ade",
                "98aa6c68e5892fd5ab16aa2ce6cecca1b8d2848186e325b418d2cb669281b94c805f98a31abfca9f",
                "c56eaed5ffcaeb5427a6e8304aa8a3153edb6ae9c9c39d7239451f34c33bfff5e8912ed1fbe21341",
            ],
        ),
    ];
    for (captured, hash, wanted) in cases {
        let [client, server] = captured.randoms();
        let long = vec![0; 65536];
        let contexts: [&[u8]; 3] = [b"", b"context", &long[..65535]];
        let export = |context: &[u8]| {
            let mut out = [0; 40];
            let label = b"EXPORTER-Clasp-test";
            schedule(hash).export(&captured.master(), &client, &server, label, Some(context), &mut out).map(|()| out)
        };
        for (context, wanted) in contexts.into_iter().zip(wanted) {
            assert_eq!(export(context).unwrap(), hex(wanted)[..]);
        }
        assert_eq!(export(&long), Err(ExportError::ContextTooLong));
    }
}

#[test]
fn the_key_log_line_is_openssls() {
    for (captured, ..) in all() {
        let [client, _] = captured.randoms();
        let line = key_log_line("CLIENT_RANDOM", &client, captured.master().as_bytes());
        let parsed = KeyLogLine::parse(&line).unwrap();
        assert_eq!((parsed.client_random, &parsed.secret[..]), (client, captured.get("master_secret")));
    }
}
