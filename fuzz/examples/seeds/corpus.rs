//! Seeds made of recordings, each in the form its target reads, and the corpora written.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use clasp_fuzz::connections::{hex, play_to_client, play_to_server};
use clasp_fuzz::run::Run;
use clasp_fuzz::setup::{Ask, folder, test_data};
use clasp_fuzz::{TARGETS, genuine_session, within_itself};
use clasp_handshake::KeyExchange;
use clasp_keys::Role;
use clasp_wire::{CipherSuite, HandshakeType, MAX_PLAINTEXT};
use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::Failure;
use crate::cut::{Flight, SealedRecord, key_exchange, sealed_records};
use crate::mutations;
use crate::recording::{Ours, Recording};

/// Seeds by target and name.
#[derive(Default)]
pub(crate) struct Corpus(BTreeMap<(&'static str, String), Vec<u8>>);

impl Corpus {
    /// Adds a seed, unless the target has one of the same bytes.
    pub(crate) fn add(&mut self, target: &'static str, name: &str, bytes: Vec<u8>) {
        let known = self.0.iter().any(|((other, _), seed)| *other == target && *seed == bytes);
        if !known {
            self.0.insert((target, name.to_owned()), bytes);
        }
    }

    /// Adds the first seed of that name only.
    fn add_first(&mut self, target: &'static str, name: &str, bytes: Vec<u8>) {
        if !self.0.contains_key(&(target, name.to_owned())) {
            self.add(target, name, bytes);
        }
    }

    /// Writes all, in place of what was there, and says how much it is.
    fn write(&self) -> Result<(), Failure> {
        let mut total = 0;
        for (target, _) in TARGETS {
            let folder = folder("corpus").join(target);
            // What grew from other recordings would play back sessions that are not known any more.
            let keep_found = !target.ends_with("_connection");
            clear(&folder, keep_found).map_err(|error| format!("{}: {error}", folder.display()))?;
            let (mut count, mut size) = (0, 0);
            for ((_, name), bytes) in self.0.iter().filter(|((other, _), _)| other == target) {
                fs::write(folder.join(name), bytes).map_err(|error| format!("{name}: {error}"))?;
                count += 1;
                size += bytes.len();
            }
            if count == 0 {
                return Err(format!("no seed for {target}"));
            }
            println!("  {target:24} {count:3} seeds, {size:6} bytes");
            total += size;
        }
        println!("  {total} bytes in all");
        Ok(())
    }
}

/// Empties a folder, of all but what fuzzing found if that is to be kept.
fn clear(folder: &Path, keep_found: bool) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !(keep_found && entry.file_name().to_string_lossy().starts_with("found-")) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Makes all seeds, writes them, and plays the recordings back.
pub(crate) fn write(recordings: &[Recording]) -> Result<(), Failure> {
    let mut corpus = Corpus::default();
    for (recording, number) in recordings.iter().zip(0_u8..) {
        plaintext(&mut corpus, recording, number);
        if let Some(ours) = &recording.ours {
            connection(&mut corpus, recording, ours, number);
            protected(&mut corpus, recording, ours);
        }
    }
    made_by_hand(&mut corpus);
    for choice in 0..16 {
        if let Some(session) = genuine_session(choice) {
            corpus.add("saved_session", &format!("genuine-{choice}"), [&[choice][..], &session].concat());
        }
    }
    if let Some(session) = genuine_session(0) {
        // Form, version, suite, extended master secret.
        for (what, at) in [("suite", 4), ("extended-master-secret", 5)] {
            let mut seed = [&[0][..], &session].concat();
            seed[1 + at] ^= if at == 4 { 7 } else { 1 };
            corpus.add("saved_session", &format!("of-another-{what}"), seed);
        }
    }
    mutations::add(&mut corpus);
    traces(&mut corpus)?;
    credentials(&mut corpus)?;
    corpus.write()?;

    let mut sessions = String::new();
    for recording in recordings {
        let Some(Ours { role, established: Some((views, _)), .. }) = &recording.ours else { continue };
        let target = target_of(*role);
        for view in views {
            // Writing to a string does not fail.
            let _ = writeln!(sessions, "{target}/{} {}", recording.name, hex(&view.secret));
        }
    }
    fs::write(folder("test-data").join("sessions.txt"), sessions).map_err(|error| error.to_string())?;
    recordings.iter().try_for_each(|recording| played_back(&corpus, recording))
}

fn target_of(role: Role) -> &'static str {
    match role {
        Role::Client => "client_connection",
        Role::Server => "server_connection",
    }
}

/// A recording must lead to the same end when it is played back, or chance is left somewhere.
fn played_back(corpus: &Corpus, recording: &Recording) -> Result<(), Failure> {
    let Some(ours) = &recording.ours else { return Ok(()) };
    let target = target_of(ours.role);
    let Some(seed) = corpus.0.get(&(target, recording.name.clone())) else { return Ok(()) };
    let run = match ours.role {
        Role::Client => play_to_client(seed),
        Role::Server => play_to_server(seed),
    };
    let view = run.as_ref().and_then(Run::view);
    let recorded = ours.established.as_ref().and_then(|(views, _)| views.last().cloned());
    if view == recorded {
        return Ok(());
    }
    let verdict = run.map(|run| run.verdict());
    Err(format!("{target}/{} ends otherwise when it is played back: {verdict:?}", recording.name))
}

/// Whole connections. The sizes of the pieces go round.
fn connection(corpus: &mut Corpus, recording: &Recording, ours: &Ours, number: u8) {
    let ask = match ours.ask {
        Ask::No => 0,
        Ask::Request => 2,
        Ask::Require => 3,
    };
    let mut seed = vec![(ask << 4) | (number % 16)];
    seed.extend_from_slice(recording.peers_bytes().unwrap_or_default());
    corpus.add(target_of(ours.role), &recording.name, seed);
}

/// Seeds of what is not encrypted.
fn plaintext(corpus: &mut Corpus, recording: &Recording, number: u8) {
    let name = &recording.name;
    let (client, server) = (Flight::cut(&recording.from_client), Flight::cut(&recording.from_server));
    if let Some(hello) = client.find(HandshakeType::CLIENT_HELLO) {
        corpus.add("client_hello", name, hello.to_vec());
        within_itself(&hello).into_iter().for_each(|seed| corpus.add("ech_inner", name, seed));
        corpus.add("extensions_roundtrip", name, extensions(&hello));
        if recording.peer() == "openssl" {
            corpus.add_first("sslv2_client_hello", "openssl-converted", sslv2(&hello));
        }
    }
    if let Some(hello) = server.find(HandshakeType::SERVER_HELLO) {
        corpus.add("server_hello", name, hello.to_vec());
    }
    let exchange = key_exchange(&server);
    for (flight, sender) in [(&client, "client"), (&server, "server")] {
        let whose = writer(recording, sender);
        for message in &flight.messages {
            let Some((choice, kind)) = choice(message.typ, exchange) else { continue };
            let body = message.body();
            let seed = [&[choice][..], &body].concat();
            corpus.add_first("handshake_messages", &format!("{kind}-{whose}"), seed);
            if message.typ == HandshakeType::CERTIFICATE_VERIFY {
                let seed = [&[14][..], &body].concat();
                corpus.add_first("handshake_messages", &format!("digitally-signed-{whose}"), seed);
            }
            if message.typ == HandshakeType::CERTIFICATE {
                corpus.add("certificate_chain", &format!("{sender}-{}", body.len()), body.to_vec());
            }
        }
        for alert in &flight.alerts {
            corpus.add("alert", &format!("{whose}-{}", alert.get(1).unwrap_or(&0)), alert.clone());
        }
    }
    // A few whole flights are enough: the messages themselves have targets of their own.
    if number.is_multiple_of(6) {
        corpus.add("reassembler", &format!("{name}-client"), [&[number * 7 + 1][..], &client.joined()].concat());
        corpus.add("reassembler", &format!("{name}-server"), [&[number * 5 + 3][..], &server.joined()].concat());
    }
    if number % 9 == 1 {
        corpus.add("deframer", &format!("{name}-client"), recording.from_client.clone());
        corpus.add("deframer", &format!("{name}-server"), recording.from_server.clone());
    }
}

/// Who wrote what `sender` sent.
fn writer<'a>(recording: &'a Recording, sender: &str) -> &'a str {
    let mut words = recording.name.split('-');
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match (&recording.ours, sender) {
        (Some(Ours { role: Role::Client, .. }), "client") | (Some(Ours { role: Role::Server, .. }), "server") => {
            "clasp"
        }
        (None, "server") => second,
        _ => first,
    }
}

/// The byte by which `handshake_messages` chooses a message, and a name for it.
fn choice(typ: HandshakeType, exchange: Option<KeyExchange>) -> Option<(u8, &'static str)> {
    Some(match (typ, exchange) {
        (HandshakeType::SERVER_HELLO_DONE, _) => (1, "server-hello-done"),
        (HandshakeType::CERTIFICATE, _) => (2, "certificate"),
        (HandshakeType::CERTIFICATE_STATUS, _) => (3, "certificate-status"),
        (HandshakeType::SERVER_KEY_EXCHANGE, Some(KeyExchange::Ecdhe)) => (4, "server-key-exchange-ecdhe"),
        (HandshakeType::SERVER_KEY_EXCHANGE, Some(KeyExchange::Dhe)) => (5, "server-key-exchange-dhe"),
        (HandshakeType::CERTIFICATE_REQUEST, _) => (6, "certificate-request"),
        (HandshakeType::CLIENT_KEY_EXCHANGE, Some(KeyExchange::Rsa)) => (7, "client-key-exchange-rsa"),
        (HandshakeType::CLIENT_KEY_EXCHANGE, Some(KeyExchange::Dhe)) => (8, "client-key-exchange-dhe"),
        (HandshakeType::CLIENT_KEY_EXCHANGE, Some(KeyExchange::Ecdhe)) => (9, "client-key-exchange-ecdhe"),
        (HandshakeType::CERTIFICATE_VERIFY, _) => (10, "certificate-verify"),
        (HandshakeType::NEW_SESSION_TICKET, _) => (12, "new-session-ticket"),
        _ => return None,
    })
}

/// The extensions of a ClientHello, without their length: what stands behind version and random value, session identifier,
/// suites and compression methods.
fn extensions(hello: &[u8]) -> Vec<u8> {
    let mut rest = hello.get(34..).unwrap_or_default();
    for width in [1, 2, 1, 0] {
        let (prefix, behind) = rest.split_at_checked(width).unwrap_or_default();
        let length = prefix.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        rest = behind.get(length..).unwrap_or_default();
    }
    rest.get(2..).unwrap_or_default().to_vec()
}

/// A hello as the same client would have written it in SSL 2.0's format (RFC 5246 E.2), which no client of today does.
fn sslv2(hello: &[u8]) -> Vec<u8> {
    let rest = hello.get(34..).unwrap_or_default();
    let behind_session = rest.get(1 + usize::from(*rest.first().unwrap_or(&0))..).unwrap_or_default();
    let suites = behind_session.get(..2).map_or(0, |length| usize::from(length[0]) << 8 | usize::from(length[1]));
    let suites = behind_session.get(2..2 + suites).unwrap_or_default();
    let specs: Vec<u8> = suites.chunks(2).flat_map(|suite| [&[0], suite].concat()).collect();
    let length = u16::try_from(specs.len()).unwrap_or(0).to_be_bytes();
    let challenge = hello.get(2..34).unwrap_or_default();
    [&[1, 3, 3, length[0], length[1], 0, 0, 0, 32], &specs[..], challenge].concat()
}

/// Seeds out of the session's keys.
fn protected(corpus: &mut Corpus, recording: &Recording, ours: &Ours) {
    let Some((_, keys)) = &ours.established else { return };
    let name = &recording.name;
    let peer = if matches!(ours.role, Role::Client) { Role::Server } else { Role::Client };
    let records = sealed_records(recording, peer, keys);
    let half = keys.half(peer);
    let material = [half.mac_key(), half.key(), half.iv()].concat();
    let (target, choice) = record_choice(keys.suite.id, keys.encrypt_then_mac);
    for record in records.iter().take(2) {
        let SealedRecord { sequence, content_type, body, .. } = record;
        let place = [*sequence, content_type.0 - 20];
        let seed = [&[choice][..], &material, &place, body].concat();
        corpus.add(target, &format!("{name}-{sequence}"), seed);
    }

    // Spoken again under the keys of a connection in memory: what a real peer says when the handshake is done.
    let mut script = vec![if matches!(peer, Role::Server) { 0x80 } else { 0 }];
    for record in records.iter().skip(1) {
        let length = u16::try_from(record.content.len()).unwrap_or(0).to_be_bytes();
        script.extend_from_slice(&[record.content_type.0, length[0], length[1]]);
        script.extend_from_slice(&record.content);
    }
    let number = corpus.0.keys().filter(|(target, _)| *target == "keyed_peer").count();
    script[0] |= u8::try_from(number % 8).unwrap_or(0);
    corpus.add("keyed_peer", name, script);

    if let Some((client_random, master)) = ours.secret {
        let line = clasp_keys::key_log_line("CLIENT_RANDOM", &client_random, &master);
        corpus.add_first("key_log_line", recording.peer(), line.into_bytes());
    }
}

/// The target for a suite's records and the byte that chooses the suite's algorithms there.
fn record_choice(suite: CipherSuite, encrypt_then_mac: bool) -> (&'static str, u8) {
    let name = suite.name().unwrap_or_default();
    let index =
        |names: [&str; 3]| (0..3).zip(names).filter(|(_, part)| name.contains(part)).map(|(n, _)| n).next_back();
    if let Some(aead) = index(["AES_128_GCM", "AES_256_GCM", "CHACHA20"]) {
        return ("record_open_aead", aead);
    }
    // The hash by the remainder, cipher and order by bits of their own.
    let mac = index(["CBC_SHA", "CBC_SHA256", "CBC_SHA384"]).unwrap_or(0);
    let flags = (u8::from(name.contains("AES_256")) << 7) | (u8::from(encrypt_then_mac) << 6);
    let choice = (0..3).map(|low| flags | low).find(|choice| choice % 3 == mac);
    ("record_open_cbc", choice.unwrap_or(flags))
}

/// The messages of RFC 8448: no peer here is asked for TLS 1.3 yet.
fn traces(corpus: &mut Corpus) -> Result<(), Failure> {
    let path = folder("../crates/clasp-wire/test-data/rfc8448.txt");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    for trace in text.split("\n\n").skip(1) {
        let (title, digits) = trace.split_once('\n').ok_or("a trace without a title")?;
        let kind = title.split(' ').next().unwrap_or_default();
        let name = format!("rfc8448-{kind}");
        let message = unhex(digits)?;
        let body = message.get(4..).unwrap_or_default();
        let typ = HandshakeType(*message.first().unwrap_or(&0));
        match typ {
            HandshakeType::CLIENT_HELLO => {
                corpus.add("client_hello", &name, body.to_vec());
                within_itself(body).into_iter().for_each(|seed| corpus.add("ech_inner", &name, seed));
                corpus.add("extensions_roundtrip", &name, extensions(body));
            }
            HandshakeType::SERVER_HELLO => corpus.add("server_hello", &name, body.to_vec()),
            _ => {}
        }
        if let Some(choice) = choice13(typ) {
            corpus.add("handshake_messages", &name, [&[choice][..], body].concat());
        }
    }
    Ok(())
}

/// As [`choice`], of TLS 1.3's messages.
fn choice13(typ: HandshakeType) -> Option<u8> {
    Some(match typ {
        HandshakeType::ENCRYPTED_EXTENSIONS => 15,
        HandshakeType::CERTIFICATE => 16,
        HandshakeType::CERTIFICATE_REQUEST => 17,
        HandshakeType::NEW_SESSION_TICKET => 19,
        HandshakeType::CERTIFICATE_VERIFY => 10,
        HandshakeType::FINISHED => 11,
        _ => return None,
    })
}

/// The bytes of lines of hexadecimal.
fn unhex(text: &str) -> Result<Vec<u8>, Failure> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| {
        let byte = std::str::from_utf8(pair).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
        byte.ok_or_else(|| format!("not hexadecimal: {text}"))
    };
    digits.chunks(2).map(pair).collect()
}

/// Seeds of what no recording holds.
fn made_by_hand(corpus: &mut Corpus) {
    corpus.add("handshake_messages", "hello-request", vec![0]);
    corpus.add("handshake_messages", "finished", [&[11][..], &[0x5a; 12]].concat());
    corpus.add("handshake_messages", "compressed-certificate", vec![18, 0, 1, 0, 1, 0, 0, 0, 3, 9, 9, 9]);
    corpus.add("handshake_messages", "key-update", vec![20, 1]);
    corpus.add("handshake_messages", "end-of-early-data", vec![21]);
    let point = [&[32][..], &(1..=32).collect::<Vec<u8>>()].concat();
    corpus.add("handshake_messages", "server-key-exchange-psk", [&[24, 0, 4][..], b"hint"].concat());
    corpus.add("handshake_messages", "server-key-exchange-ecdhe-psk", [&[25, 0, 0, 3, 0, 29][..], &point].concat());
    corpus.add("handshake_messages", "client-key-exchange-psk", [&[26, 0, 6][..], b"pump 7"].concat());
    corpus.add("handshake_messages", "client-key-exchange-ecdhe-psk", [&[27, 0, 6][..], b"pump 7", &point].concat());
    corpus.add("handshake_messages", "hello-retry-request", vec![22, 0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 29]);
    corpus.add("alert", "warning-no-renegotiation", vec![1, 100]);
    // The longest paddings, which no peer of today writes, put right by the body (0x20).
    for (mac, mac_len) in [(0, 20), (1, 32), (2, 48)] {
        let material = vec![0x11; mac_len + 16 + 2];
        let content = [vec![0x22; 16 + 352], vec![0xff; 16]].concat();
        let choice = (0x20..0x23_u8).find(|choice| choice % 3 == mac).unwrap_or(0x20);
        corpus.add(
            "record_open_cbc",
            &format!("long-padding-{mac_len}"),
            [&[choice][..], &material, &content].concat(),
        );
    }
    // HelloRequests, ClientHellos, warnings and empty records, more of each than anybody takes.
    let (hello_request, client_hello) = ([22, 0, 4, 0, 0, 0, 0], [22, 0, 4, 1, 0, 0, 0]);
    corpus.add("keyed_peer", "many-hello-requests", [&[0x80][..], &hello_request.repeat(7)].concat());
    corpus.add("keyed_peer", "many-client-hellos", [&[1][..], &client_hello.repeat(7)].concat());
    corpus.add("keyed_peer", "many-warnings", [&[2][..], &[21, 0, 2, 1, 90].repeat(20)].concat());
    corpus.add("deframer", "many-empty-records", [23, 3, 3, 0, 0].repeat(40));
    corpus.add("deframer", "too-long", [&[23, 3, 3, 0x40, 1][..], &vec![0; MAX_PLAINTEXT + 1]].concat());
    corpus.add("keyed_peer", "many-empty-records", [&[7][..], &[23, 0, 0].repeat(40)].concat());
}

/// What applications hand over, and certificates of other kinds: our own, and those of `clasp-cert`'s tests.
fn credentials(corpus: &mut Corpus) -> Result<(), Failure> {
    let with = |choice: u8, bytes: &[u8]| [&[choice][..], bytes].concat();
    corpus.add("credentials", "server-ecdsa.pem", with(0, &test_data("server-ecdsa.pem")));
    corpus.add("credentials", "root.pem", with(1, &test_data("root.pem")));
    corpus.add("credentials", "root.crl.der", with(3, &test_data("root.crl.der")));
    let theirs = folder("../crates/clasp-cert/test-data");
    let read = |name: &str| fs::read(theirs.join(name)).map_err(|error| format!("{name}: {error}"));
    for kind in ["p256", "p521", "ed25519", "rsa"] {
        let both = [read(&format!("{kind}.pem"))?, read(&format!("{kind}.key.pem"))?].concat();
        corpus.add("credentials", &format!("{kind}.pem"), with(0, &both));
    }
    corpus.add("credentials", "p256.sec1.pem", with(0, &[read("p256.pem")?, read("p256.sec1.key.pem")?].concat()));
    corpus.add("credentials", "encrypted.pem", with(0, &[read("rsa.pem")?, read("rsa.encrypted.key.pem")?].concat()));
    corpus.add("credentials", "rsa.pkcs8.der", with(4, &read("rsa.key.der")?));
    let unreadable = |error: pem::Error| format!("a file of clasp-cert's: {error}");
    let key = |name| PrivateKeyDer::from_pem_slice(&read(name)?).map_err(unreadable);
    corpus.add("credentials", "rsa.pkcs1.der", with(5, key("rsa.pkcs1.key.pem")?.secret_der()));
    corpus.add("credentials", "p256.sec1.der", with(6, key("p256.sec1.key.pem")?.secret_der()));
    let certificate = |name: &str| CertificateDer::from_pem_slice(&read(name)?).map_err(unreadable);
    let ca = certificate("ca.pem")?;
    corpus.add("credentials", "ca.der", with(2, &ca));
    for name in ["expired", "p384", "p521", "ed25519", "pss"] {
        let leaf = certificate(&format!("{name}.pem"))?;
        let chain: Vec<u8> = [&leaf, &ca].into_iter().flat_map(|der| vector24(der)).collect();
        corpus.add("certificate_chain", &format!("stranger-{name}"), vector24(&chain));
    }
    Ok(())
}

fn vector24(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(0).to_be_bytes();
    [&length[1..], content].concat()
}
