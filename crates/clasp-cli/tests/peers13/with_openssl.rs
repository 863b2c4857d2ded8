//! OpenSSL: early data, keys from outside, cookies, CCM, and new keys again and again.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use clasp::crypto::HashAlgorithm;
use clasp::handshake::{EarlyData, ExternalPsk};
use clasp::wire::{AlertDescription, CipherSuite, NamedGroup};
use clasp::{ClientConfig, MemorySessions, ServerConfig, SessionStore};

use crate::certs::{Folder, pki};
use crate::end::{End as _, Ours, Serving, serve, tls13};
use crate::ends::{accept, assert_same, client_config, high_noise, noise, tcp, tls_error};
use crate::openssl::{openssl, path};
use crate::peers::{Running, have};

/// An s_server of TLS 1.3.
struct Server {
    running: Running,
    port: u16,
}

impl Server {
    fn start(options: &[&str]) -> Self {
        let mut command = openssl(&["s_server", "-accept", "127.0.0.1:0", "-tls1_3"]);
        let running = Running::start(command.args(options));
        let port = running.wait_line("ACCEPT 127.0.0.1:").parse().unwrap();
        Self { running, port }
    }

    fn with_certificate(options: &[&str]) -> Self {
        let identity = ["-cert", path(&pki().p256.cert), "-key", path(&pki().p256.key)];
        Self::start(&[&identity, options].concat())
    }
}

/// An s_client of TLS 1.3 that verifies the server.
fn s_client(port: u16, options: &[&str]) -> Running {
    let mut command = openssl(&["s_client", "-connect", &format!("127.0.0.1:{port}"), "-tls1_3", "-ign_eof"]);
    command.arg("-CAfile").arg(&pki().ca.files.cert).args(["-verify_return_error", "-servername", "localhost"]);
    Running::start(command.args(options))
}

fn our_server() -> clasp::ServerConfigBuilder {
    ServerConfig::builder(tls13()).identity(pki().p256.identity())
}

/// Sends data to s_server, which prints it; takes what it is given to send; closes.
fn talk(end: &mut Ours, server: &mut Server) {
    let from = server.running.printed();
    let (mine, theirs) = (noise(3, 5000), high_noise(4, 5000));
    end.write_all(&mine).unwrap();
    server.running.wait_stdout("our data", |printed| {
        printed.get(from..)?.windows(mine.len()).any(|part| part == mine).then_some(())
    });
    server.running.say(&theirs);
    let mut came = vec![0; theirs.len()];
    end.read_exact(&mut came).unwrap();
    assert_same(&came, &theirs, "from s_server");
    end.close().unwrap();
    assert_eq!(end.read(&mut [0; 1]).unwrap(), 0);
}

const EARLY: &[u8] = b"early, and harmless twice";

/// Clasp connects with early data; says what became of it in both sides' eyes.
fn early_to(config: &Arc<ClientConfig>, server: &mut Server) -> (EarlyData, String) {
    let from = server.running.printed();
    let mut end = Ours::client(config, server.port);
    end.hello_with(EARLY).unwrap();
    end.handshake().unwrap();
    let theirs = server.running.wait_stdout("its word on early data", |printed| {
        let text = String::from_utf8_lossy(printed.get(from..)?).into_owned();
        let words = ["No early data received\n", "Early data was rejected\n", "\nEnd of early data\n"];
        let word = words.into_iter().find(|word| text.contains(word))?;
        // The data itself may be printed before the words that tell of it.
        let early = String::from_utf8_lossy(EARLY);
        Some(if text.contains(&*early) { early.into_owned() } else { word.to_owned() })
    });
    talk(&mut end, server);
    (end.session().early_data(), theirs)
}

#[test]
fn early_data_to_s_server() {
    if !have(&["openssl"]) {
        return;
    }
    for suite in ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"] {
        let options = ["-early_data", "-max_early_data", "1000", "-ciphersuites", suite];
        let mut server = Server::with_certificate(&options);
        let config = client_config(tls13()).early_data(true).build().unwrap();
        assert_eq!(early_to(&config, &mut server), (EarlyData::NotOffered, "No early data received\n".to_owned()));
        for _ in 0..2 {
            let accepted = (EarlyData::Accepted, String::from_utf8_lossy(EARLY).into_owned());
            assert_eq!(early_to(&config, &mut server), accepted);
        }
        // Servers that know nothing of the session; the second wants another group.
        let rejected = (EarlyData::Rejected, "Early data was rejected\n".to_owned());
        let mut other = Server::with_certificate(&options);
        assert_eq!(early_to(&config, &mut other), rejected);
        let mut narrow = Server::with_certificate(&[&options[..], &["-groups", "P-384"]].concat());
        assert_eq!(early_to(&config, &mut narrow), rejected);
    }
}

/// The same hello and early data, sent to s_server a second time by somebody on the way.
#[test]
fn early_data_that_comes_to_s_server_twice() {
    if !have(&["openssl"]) {
        return;
    }
    let mut server = Server::with_certificate(&["-early_data", "-max_early_data", "1000"]);
    let config = client_config(tls13()).early_data(true).build().unwrap();
    early_to(&config, &mut server);
    let mut end = Ours::client(&config, server.port);
    end.tls.poll_now().unwrap();
    assert_eq!(end.tls.write_early(EARLY).unwrap(), EARLY.len());
    let recorded = end.tls.output().split();
    // Its connection stands first in line, and says nothing.
    drop(end);
    let mut first: TcpStream = tcp(server.port);
    let from = server.running.printed();
    first.write_all(&recorded).unwrap();
    server.running.wait_for_after(from, "Early data received:\n");
    drop(first);
    let mut second: TcpStream = tcp(server.port);
    second.write_all(&recorded).unwrap();
    // It shakes hands in full, for which somebody on the way has no keys.
    let mut answer = Vec::new();
    let _ = second.shutdown(std::net::Shutdown::Write);
    let _ = second.read_to_end(&mut answer);
    assert!(answer.len() > 500, "no certificate in {} bytes", answer.len());
    assert_eq!(server.running.stdout.text().matches("Early data received:\n").count(), 1);
}

/// s_client connects with a session it kept and early data; gives its word on that, which is ours too.
fn early_from(config: &Arc<ServerConfig>, folder: &Folder) -> String {
    let serving = serve_early(config);
    let file = folder.write("early", EARLY);
    let client = s_client(serving.port, &["-sess_in", path(&folder.file("session")), "-early_data", path(&file)]);
    let word = client.wait_stdout("its word on early data", |printed| {
        let text = String::from_utf8_lossy(printed).into_owned();
        ["Early data was not sent\n", "Early data was rejected\n", "Early data was accepted\n"]
            .into_iter()
            .find(|line| text.contains(line))
            .map(str::to_owned)
    });
    let (early, fate) = serving.join();
    client.finish();
    let taken = fate == EarlyData::Accepted;
    assert_eq!(early, if taken { EARLY } else { b"" }, "{word}");
    assert_eq!(word, if taken { "Early data was accepted\n" } else { "Early data was rejected\n" });
    word
}

fn serve_early(config: &Arc<ServerConfig>) -> Serving<(Vec<u8>, EarlyData)> {
    let config = Arc::clone(config);
    serve(move |listener| {
        let mut end = Ours::server(&config, accept(&listener).unwrap());
        let early = end.handshake_with_early_data().unwrap();
        // Both ways, with the keys that come after.
        end.write_all(b"after all\n").unwrap();
        end.close().unwrap();
        assert_eq!(end.read(&mut [0; 1]).unwrap(), 0);
        (early, end.session().early_data())
    })
}

#[test]
fn early_data_from_s_client() {
    if !have(&["openssl"]) {
        return;
    }
    let keys = Arc::new(clasp::TicketKeys::generate(clasp::crypto::default_provider()).unwrap());
    // Its memory is fresh, and all tickets are younger.
    let memory = Arc::new(clasp::handshake::ReplayMemory::default());
    let server = |policy| {
        let server = ServerConfig::builder(policy).identity(pki().p256.identity()).early_data(1000);
        server.ticket_keys(Arc::clone(&keys)).anti_replay(Arc::clone(&memory) as Arc<_>).build().unwrap()
    };
    let one = server(tls13());
    let folder = Folder::new("early");
    let session = folder.file("session");
    let keep = || {
        let serving = serve_early(&one);
        let client = s_client(serving.port, &["-sess_out", path(&session)]);
        let (early, fate) = serving.join();
        assert_eq!((early, fate), (Vec::new(), EarlyData::NotOffered));
        client.finish();
        assert!(session.exists());
    };
    keep();
    assert_eq!(early_from(&one, &folder), "Early data was accepted\n");
    // It uses the ticket of its file again, which was good for once.
    assert_eq!(early_from(&one, &folder), "Early data was rejected\n");
    // Another hello is asked for.
    keep();
    let narrow = server(tls13().with_groups(&[NamedGroup::SECP384R1]));
    assert_eq!(early_from(&narrow, &folder), "Early data was rejected\n");
    // A server of other keys.
    let other = our_server().early_data(1000).build().unwrap();
    assert_eq!(early_from(&other, &folder), "Early data was rejected\n");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn psk(key: &[u8]) -> ExternalPsk {
    ExternalPsk::new(b"somebody", key, HashAlgorithm::Sha256).unwrap()
}

#[test]
fn keys_from_outside_with_s_server() {
    if !have(&["openssl"]) {
        return;
    }
    let key = noise(5, 32);
    let mut server = Server::start(&["-nocert", "-psk", &hex(&key), "-psk_identity", "somebody"]);
    // With a share at once, and after another hello.
    for groups in
        [vec![NamedGroup::X25519], vec![NamedGroup::FFDHE2048, NamedGroup::X25519MLKEM768, NamedGroup::X25519]]
    {
        let config = ClientConfig::builder(tls13().with_groups(&groups)).psk(psk(&key)).build().unwrap();
        let mut end = Ours::connect(&config, server.port).unwrap();
        let session = end.session();
        assert!(session.pre_shared_key() && !session.resumed() && session.peer_certificates().is_empty());
        talk(&mut end, &mut server);
    }
    // Another key under the same name.
    let config = ClientConfig::builder(tls13()).psk(psk(&noise(6, 32))).build().unwrap();
    let error = Ours::connect(&config, server.port).err().unwrap();
    let clasp::Error::AlertReceived(received) = tls_error(&error) else { panic!("{error}") };
    assert!(
        [AlertDescription::ILLEGAL_PARAMETER, AlertDescription::DECRYPT_ERROR].contains(&received.alert),
        "{received:?}"
    );
}

/// Its tickets after a key from outside: whose the session is stays known, and who has not the key takes up none.
#[test]
fn sessions_of_a_key_are_resumed_with_s_server() {
    if !have(&["openssl"]) {
        return;
    }
    let key = noise(5, 32);
    // A key is for a hash, and beside a certificate s_server prefers its suite to the key.
    let mut server = Server::with_certificate(&[
        "-psk",
        &hex(&key),
        "-psk_identity",
        "somebody",
        "-ciphersuites",
        "TLS_AES_128_GCM_SHA256",
    ]);
    let sessions = Arc::new(MemorySessions::default());
    let config = || client_config(tls13()).session_store(Arc::clone(&sessions) as Arc<dyn SessionStore>);
    // What comes of certificates has nothing to verify again.
    let with_key = config().verify_resumed(true).psk(psk(&key)).build().unwrap();
    for resumed in [false, true, true] {
        let mut end = Ours::connect(&with_key, server.port).unwrap();
        let session = end.session();
        assert_eq!((session.pre_shared_key(), session.resumed()), (true, resumed));
        assert_eq!(session.psk_identity(), Some(&b"somebody"[..]));
        assert!(session.peer_certificates().is_empty());
        talk(&mut end, &mut server);
    }
    assert!(!sessions.is_empty());
    // With a session to take up, this one would not be refused for the key it offers.
    let other_key = config().psk(psk(&noise(6, 32))).build().unwrap();
    let error = Ours::connect(&other_key, server.port).err().unwrap();
    assert!(matches!(tls_error(&error), clasp::Error::AlertReceived(_)), "{error}");
    talk(&mut Ours::connect(&with_key, server.port).unwrap(), &mut server);
    let mut end = Ours::connect(&config().build().unwrap(), server.port).unwrap();
    let session = end.session();
    assert!(!session.resumed() && !session.pre_shared_key() && session.psk_identity().is_none());
    assert!(!session.peer_certificates().is_empty());
    talk(&mut end, &mut server);
}

#[test]
fn keys_from_outside_with_s_client() {
    if !have(&["openssl"]) {
        return;
    }
    let key = noise(5, 32);
    for groups in [vec![NamedGroup::X25519], vec![NamedGroup::SECP384R1]] {
        let policy = tls13().with_groups(&groups);
        let config = ServerConfig::builder(policy).psk(psk(&key)).build().unwrap();
        let serving = serve(move |listener| {
            let mut end = Ours::accept(&config, accept(&listener).unwrap()).unwrap();
            let session = end.session().clone();
            end.write_all(b"hello, somebody\n").unwrap();
            end.close().unwrap();
            assert_eq!(end.read(&mut [0; 1]).unwrap(), 0);
            session
        });
        let client =
            s_client(serving.port, &["-psk", &hex(&key), "-psk_identity", "somebody", "-groups", "X25519:P-384"]);
        client.wait_for("hello, somebody\n");
        let ended = client.finish();
        let report = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(report.contains("no peer certificate available\n"), "{report}");
        let session = serving.join();
        assert!(session.pre_shared_key() && !session.resumed());
        assert_eq!(session.group(), groups.first().copied());
    }
    // Another key under the same name.
    let config = ServerConfig::builder(tls13()).psk(psk(&noise(6, 32))).build().unwrap();
    let serving = serve(move |listener| Ours::accept(&config, accept(&listener).unwrap()).map(drop));
    let ended = s_client(serving.port, &["-psk", &hex(&key), "-psk_identity", "somebody"]).end();
    assert!(ended.stderr.contains("SSL alert number 51"), "{}", ended.stderr);
    assert!(serving.join().is_err());
}

/// A server that keeps nothing until its cookie comes back (RFC 8446 4.2.2). That of OpenSSL 3.0 takes no ChangeCipherSpec
/// before the hello that has it, of its own client neither.
#[test]
fn cookies_come_back() {
    if !have(&["openssl"]) {
        return;
    }
    let folder = Folder::new("cookie");
    let log = folder.file("messages");
    let mut server = Server::with_certificate(&["-stateless", "-trace", "-msgfile", path(&log)]);
    let config = client_config(tls13()).middlebox_compatibility(false).build().unwrap();
    for resumed in [false, true] {
        let mut end = Ours::connect(&config, server.port).unwrap();
        assert_eq!(end.session().resumed(), resumed);
        talk(&mut end, &mut server);
    }
    // It sent one to each connection, and goes on with none that does not bring it back.
    let log = fs::read_to_string(log).unwrap();
    assert_eq!(log.matches("extension_type=cookie_ext(44)").count(), 2);
    // With another group beside.
    let mut server = Server::with_certificate(&["-stateless", "-groups", "P-384"]);
    let mut end = Ours::connect(&config, server.port).unwrap();
    assert_eq!(end.session().group(), Some(NamedGroup::SECP384R1));
    talk(&mut end, &mut server);
}

#[test]
fn ccm_both_ways() {
    const CCM: CipherSuite = CipherSuite::TLS_AES_128_CCM_SHA256;
    if !have(&["openssl"]) {
        return;
    }
    let mut server = Server::with_certificate(&["-ciphersuites", "TLS_AES_128_CCM_SHA256"]);
    let config = client_config(tls13()).build().unwrap();
    for resumed in [false, true] {
        let mut end = Ours::connect(&config, server.port).unwrap();
        assert_eq!((end.session().cipher_suite(), end.session().resumed()), (CCM, resumed));
        talk(&mut end, &mut server);
    }

    let config = our_server().build().unwrap();
    let serving = serve(move |listener| {
        let mut end = Ours::accept(&config, accept(&listener).unwrap()).unwrap();
        let mut came = vec![0; 50_000];
        end.read_exact(&mut came).unwrap();
        end.write_all(&came).unwrap();
        end.close().unwrap();
        assert_eq!(end.read(&mut [0; 1]).unwrap(), 0);
        end.session().cipher_suite()
    });
    let mut client = s_client(serving.port, &["-ciphersuites", "TLS_AES_128_CCM_SHA256", "-quiet"]);
    let sent = noise(7, 50_000);
    client.say(&sent);
    assert_same(&client.wait_bytes(0, sent.len()), &sent, "back from Clasp");
    assert_eq!(serving.join(), CCM);
    client.finish();
}

/// New keys again and again: ours, and theirs because we ask.
#[test]
fn keys_change_again_and_again() {
    const ROUNDS: u8 = 200;
    if !have(&["openssl"]) {
        return;
    }
    let mut server = Server::with_certificate(&[]);
    let mut end = Ours::connect(&client_config(tls13()).build().unwrap(), server.port).unwrap();
    for round in 0..ROUNDS {
        end.update_keys(round % 3 != 0).unwrap();
        let text = format!("<round {round}>");
        end.write_all(text.as_bytes()).unwrap();
        server.running.wait_for(&text);
        // No letter that it takes for a command.
        server.running.say(&[0x80 | (round % 64)]);
        let mut came = [0; 1];
        end.read_exact(&mut came).unwrap();
        assert_eq!(came, [0x80 | (round % 64)]);
    }
    talk(&mut end, &mut server);

    // s_client is told what to send.
    let config = our_server().build().unwrap();
    let serving = serve(move |listener| {
        let mut end = Ours::accept(&config, accept(&listener).unwrap()).unwrap();
        for round in 0..ROUNDS {
            end.update_keys(round % 3 != 0).unwrap();
            end.write_all(&[b'a' + round % 26]).unwrap();
            let mut came = [0; 1];
            end.read_exact(&mut came).unwrap();
            assert_eq!(came, [b'A' + round % 26]);
        }
        end.close().unwrap();
        assert_eq!(end.read(&mut [0; 1]).unwrap(), 0);
    });
    let mut client = s_client(serving.port, &["-quiet"]);
    for round in 0..ROUNDS {
        assert_eq!(client.wait_bytes(usize::from(round), 1), [b'a' + round % 26]);
        client.say(&[b'A' + round % 26]);
    }
    serving.join();
    client.finish();
}
