//! Whole connections fed arbitrary bytes. No panic, no endless loop, bounded output; the same end whatever the sizes of the
//! pieces; and no session but those a real peer once made.
//!
//! Chance is taken out (`chance.rs`), so a recorded peer is played back to the end, and the bytes around each of its
//! messages are within a fuzzer's reach.

use std::sync::LazyLock;

use clasp_handshake::{ClientConfig, ServerConfig};

use crate::chance;
use crate::run::Run;
use crate::setup::{Ask, Keyed, test_data, whole_client, whole_server};

/// What a connection says to its peer.
const SPEECH: &[u8] = b"hello from Clasp\n";

/// The sessions of the recorded handshakes, one a line: name of the seed, and the secret of its view in hexadecimal.
pub static SESSIONS: LazyLock<String> =
    LazyLock::new(|| String::from_utf8(test_data("sessions.txt")).expect("a list of sessions"));

/// Begins a server's connection as the recorder of seeds had it.
pub fn begin_server(keyed: &Keyed<ServerConfig>, speech: &[u8]) -> Run {
    chance::begin();
    Run::server(keyed, speech)
}

/// Begins a client's connection as the recorder of seeds had it.
pub fn begin_client(keyed: &Keyed<ClientConfig>, speech: &[u8]) -> Run {
    chance::begin();
    Run::client(keyed, speech)
}

/// A secret as it stands in [`SESSIONS`].
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Plays the bytes to the connection in pieces, to the end of the transport.
fn play(mut run: Run, data: &[u8], piece: usize) -> Run {
    for piece in data.chunks(piece) {
        run.receive(piece);
        if run.is_over() {
            return run;
        }
    }
    run.receive_eof();
    run
}

fn in_pieces_and_whole(begin: impl Fn() -> Run, data: &[u8], piece: usize) -> Run {
    let run = play(begin(), data, piece);
    let view = run.view();
    let whole = play(begin(), data, data.len().max(1));
    assert_eq!(run.verdict(), whole.verdict(), "the sizes of the pieces decide how it ends");
    assert_eq!(run.read, whole.read, "the sizes of the pieces decide what is read");
    assert_eq!(view, whole.view(), "the sizes of the pieces decide what is agreed");
    if let Some(view) = view {
        let secret = hex(&view.secret);
        let known = SESSIONS.lines().any(|line| line.ends_with(&secret));
        assert!(known, "a session with nobody: {}", view.agreed);
    } else {
        assert!(run.read.is_empty(), "data before the handshake was done");
        assert_eq!(run.sent, whole.sent, "the sizes of the pieces decide what is answered");
    }
    run
}

/// The pieces' size, by the low four bits of an input's first byte.
fn piece(options: u8) -> usize {
    1 << (options & 15)
}

/// Plays a client to a server: the first byte's low half is the size of the pieces, as a power of two, its high half
/// whether the server asks for a certificate ([`Ask::from_byte`]). What follows is what the client sends.
pub fn play_to_server(input: &[u8]) -> Option<Run> {
    type Configs = [Keyed<ServerConfig>; 4];
    static CONFIGS: LazyLock<Configs> = LazyLock::new(|| [0, 1, 2, 3].map(|ask| whole_server(Ask::from_byte(ask))));
    let (options, data) = input.split_first()?;
    let config = &CONFIGS[usize::from(options >> 4 & 3)];
    Some(in_pieces_and_whole(|| begin_server(config, SPEECH), data, piece(*options)))
}

/// Plays a server to a client: the first byte's low half is the size of the pieces, as a power of two. What follows is what
/// the server sends.
pub fn play_to_client(input: &[u8]) -> Option<Run> {
    static CONFIG: LazyLock<Keyed<ClientConfig>> = LazyLock::new(whole_client);
    let (options, data) = input.split_first()?;
    Some(in_pieces_and_whole(|| begin_client(&CONFIG, SPEECH), data, piece(*options)))
}

/// See [`play_to_server`].
pub fn server_connection(input: &[u8]) {
    play_to_server(input);
}

/// See [`play_to_client`].
pub fn client_connection(input: &[u8]) {
    play_to_client(input);
}
