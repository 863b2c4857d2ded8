//! GnuTLS: early data, keys from outside, certificates asked for later, limits on records, CCM, and new keys.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use clasp::crypto::HashAlgorithm;
use clasp::handshake::{EarlyData, ExternalPsk};
use clasp::wire::{AlertDescription, CipherSuite, NamedGroup};
use clasp::{ClientAuth, ClientConfig, ServerConfig};

use crate::certs::{Files, Folder, Kind, Leaf, pki};
use crate::end::{End as _, Ours, serve, tls13};
use crate::ends::{accept, assert_same, client_config, lines, noise, tls_error};
use crate::gnutls::{Client, Server};
use crate::openssl::path;
use crate::peers::{Running, have};

/// TLS 1.3, with all there is.
const ALL: &str =
    "NONE:+VERS-TLS1.3:+CIPHER-ALL:+MAC-ALL:+SIGN-ALL:+GROUP-ALL:+CTYPE-X509:+ECDHE-RSA:+ECDHE-ECDSA:+DHE-RSA";

fn our_server() -> clasp::ServerConfigBuilder {
    ServerConfig::builder(tls13()).identity(pki().p256.identity())
}

/// Sends lines, takes their echo, closes.
fn echo(end: &mut Ours, seed: u64, size: usize) {
    let sent = lines(seed, size);
    end.write_all(&sent).unwrap();
    let mut came = vec![0; size];
    end.read_exact(&mut came).unwrap();

    assert_same(&came, &sent, "echo of gnutls-serv");
}

fn close(end: &mut Ours) {
    end.close().unwrap();
    assert_eq!(end.read(&mut [0; 1]).unwrap(), 0);
}

/// What gnutls-cli sends comes, and an answer goes back; then it closes.
fn answer(end: &mut Ours, sent: &[u8]) {
    let mut came = vec![0; sent.len()];
    end.read_exact(&mut came).unwrap();
    assert_same(&came, sent, "from gnutls-cli");
    end.write_all(&came).unwrap();
    assert_eq!(end.read(&mut [0; 1]).unwrap(), 0);
    end.close().unwrap();
}

/// Gives gnutls-cli something to send, waits until it has come back, and has it close.
fn ask(client: &mut Client, sent: &[u8]) {
    client.running.say(sent);
    assert_same(&client.running.wait_bytes(0, sent.len()), sent, "back from Clasp");
    client.running.say_no_more();
}

const EARLY: &[u8] = b"early, and harmless twice\n";

#[test]
fn early_data_to_gnutls_serv() {
    if !have(&["gnutls-serv"]) {
        return;
    }
    let options = ["--disable-client-cert", "--earlydata", "--maxearlydata=1000"];
    let server = Server::with_sessions(&[&pki().p256], ALL, &options);
    let config = client_config(tls13()).early_data(true).build().unwrap();
    for fate in [EarlyData::NotOffered, EarlyData::Accepted, EarlyData::Accepted] {
        let mut end = Ours::client(&config, server.port);
        end.hello_with(EARLY).unwrap();
        end.handshake().unwrap();
        // It decrypts it, and prints and echoes none of it.
        assert_eq!(end.session().early_data(), fate);
        echo(&mut end, 1, 3000);
        close(&mut end);
    }
    // A server that knows nothing of the session, and one that wants another group.
    for priority in [ALL.to_owned(), ALL.replace("+GROUP-ALL", "+GROUP-SECP384R1")] {
        let other = Server::with_sessions(&[&pki().p256], &priority, &options);
        let mut end = Ours::client(&config, other.port);
        assert_eq!(end.hello_with(EARLY).unwrap(), EARLY.len());
        end.handshake().unwrap();
        assert_eq!(end.session().early_data(), EarlyData::Rejected, "{priority}");
        echo(&mut end, 2, 3000);
        close(&mut end);
    }
}

#[test]
fn early_data_from_gnutls_cli() {
    if !have(&["gnutls-cli"]) {
        return;
    }
    let folder = Folder::new("gnutlsearly");
    let file = folder.write("early", EARLY);
    for accepted in [true, false] {
        let keys = Arc::new(clasp::TicketKeys::generate(clasp::crypto::default_provider()).unwrap());
        // Its memory is fresh, and all tickets are younger.
        let memory = Arc::new(clasp::handshake::ReplayMemory::default());
        let server = |bytes| {
            let server = our_server().early_data(bytes).ticket_keys(Arc::clone(&keys));
            server.anti_replay(Arc::clone(&memory) as Arc<_>).build().unwrap()
        };
        let configs = [server(1000), server(if accepted { 1000 } else { 0 })];
        let serving = serve(move |listener| {
            let mut seen = Vec::new();
            let [first, second] = configs;
            let mut end = Ours::accept(&first, accept(&listener).unwrap()).unwrap();
            assert_eq!(end.read(&mut [0; 1]).unwrap(), 0);
            // It may have gone without waiting for ours.
            let _ = end.close();
            let mut end = Ours::server(&second, accept(&listener).unwrap());
            seen.extend(end.handshake_with_early_data().unwrap());
            answer(&mut end, b"after all\n");
            (seen, end.session().early_data(), end.session().resumed())
        });
        let options = ["--resume", "--waitresumption", "--earlydata", path(&file)];
        let mut client = Client::start(serving.port, ALL, &options);
        ask(&mut client, b"after all\n");
        let (early, fate) = if accepted { (EARLY, EarlyData::Accepted) } else { (&b""[..], EarlyData::Rejected) };
        assert_eq!(serving.join(), (early.to_vec(), fate, true));
        client.ended();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn psk(key: &[u8]) -> ExternalPsk {
    ExternalPsk::new(b"somebody", key, HashAlgorithm::Sha256).unwrap()
}

const KEYS: &str = "NONE:+VERS-TLS1.3:+CIPHER-ALL:+MAC-ALL:+SIGN-ALL:+GROUP-ALL:+ECDHE-PSK:+DHE-PSK";

#[test]
fn keys_from_outside_with_gnutls_serv() {
    if !have(&["gnutls-serv"]) {
        return;
    }
    let (folder, key) = (Folder::new("gnutlspsk"), noise(5, 32));
    let passwords = folder.write("passwords", format!("somebody:{}\n", hex(&key)));
    let server = Server::start(&[], KEYS, &["--pskpasswd", path(&passwords)]);
    for groups in [vec![NamedGroup::X25519], vec![NamedGroup::FFDHE4096, NamedGroup::SECP521R1]] {
        let config = ClientConfig::builder(tls13().with_groups(&groups)).psk(psk(&key)).build().unwrap();
        let mut end = Ours::connect(&config, server.port).unwrap();
        let session = end.session();
        assert!(session.pre_shared_key() && !session.resumed() && session.peer_certificates().is_empty());
        echo(&mut end, 1, 3000);
        close(&mut end);
    }
    // Another key under the same name.
    let config = ClientConfig::builder(tls13()).psk(psk(&noise(6, 32))).build().unwrap();
    let error = Ours::connect(&config, server.port).err().unwrap();
    let clasp::Error::AlertReceived(received) = tls_error(&error) else { panic!("{error}") };
    let alerts = [AlertDescription::ILLEGAL_PARAMETER, AlertDescription::DECRYPT_ERROR];
    assert!(alerts.contains(&received.alert), "{received:?}");
}

#[test]
fn keys_from_outside_with_gnutls_cli() {
    if !have(&["gnutls-cli"]) {
        return;
    }
    let key = noise(5, 32);
    let options = ["--pskusername", "somebody", "--pskkey", &hex(&key)];
    for group in [NamedGroup::X25519, NamedGroup::SECP521R1, NamedGroup::FFDHE2048] {
        let config = ServerConfig::builder(tls13().with_groups(&[group])).psk(psk(&key)).build().unwrap();
        let serving = serve(move |listener| {
            let mut end = Ours::accept(&config, accept(&listener).unwrap()).unwrap();
            answer(&mut end, b"hello, somebody\n");
            end.session().clone()
        });
        let mut client = Client::start(serving.port, KEYS, &options);
        ask(&mut client, b"hello, somebody\n");
        let session = serving.join();
        assert!(session.pre_shared_key() && !session.resumed());
        assert_eq!(session.group(), Some(group));
        let log = client.ended();
        assert!(log.contains("- PSK authentication. Connected as 'somebody'"), "{log}");
    }
    // Another key under the same name.
    let config = ServerConfig::builder(tls13()).psk(psk(&noise(6, 32))).build().unwrap();
    let serving = serve(move |listener| Ours::accept(&config, accept(&listener).unwrap()).map(drop));
    let log = Client::start(serving.port, KEYS, &options).ended();
    crate::gnutls::assert_received(AlertDescription::DECRYPT_ERROR, &log);
    assert!(serving.join().is_err());
}

fn shown(kind: Kind) -> Files {
    pki().clients.issue(&Leaf::client(kind, "a good client"))
}

fn require() -> ClientAuth {
    let verifier = clasp::cert::WebPkiClientVerifier::builder(pki().clients.roots()).build().unwrap();
    ClientAuth::Require(Arc::new(verifier))
}

/// What gnutls-serv says when the certificate came.
const DONE: [u8; 30] = *b"Successfully executed command\n";

#[test]
fn gnutls_serv_asks_for_our_certificate_later() {
    if !have(&["gnutls-serv"]) {
        return;
    }
    let trust = ["--x509cafile", path(&pki().clients.files.cert), "--disable-client-cert"];
    let server = Server::start(&[&pki().p256], ALL, &trust);
    for kind in [Kind::Rsa, Kind::P256, Kind::P384] {
        let config = client_config(tls13()).identity(shown(kind).identity()).post_handshake_auth(true);
        let mut end = Ours::connect(&config.build().unwrap(), server.port).unwrap();
        echo(&mut end, 1, 1000);
        for _ in 0..2 {
            // That is what it does with this line.
            end.write_all(b"**REAUTH**\n").unwrap();
            // Nothing else may come before the answer.
            end.until_answered().unwrap();
            let mut line = [0; DONE.len()];
            end.read_exact(&mut line).unwrap();
            assert_eq!(line, DONE);
            echo(&mut end, 2, 1000);
            assert!(end.session().client_authenticated());
        }
        close(&mut end);
    }
}

#[test]
fn gnutls_cli_shows_its_certificate_when_it_is_asked_later() {
    if !have(&["gnutls-cli"]) {
        return;
    }
    for kind in [Kind::Rsa, Kind::P256, Kind::P384] {
        let config = our_server().build().unwrap();
        let serving = serve(move |listener| {
            let mut end = Ours::accept(&config, accept(&listener).unwrap()).unwrap();
            assert!(!end.session().client_authenticated());
            for _ in 0..2 {
                end.ask_for_certificate(require()).unwrap();
                assert!(end.session().client_authenticated());
                assert_eq!(end.session().peer_certificates().len(), 1);
            }
            answer(&mut end, b"after all\n");
        });
        let shown = shown(kind);
        let identity = ["--x509certfile", path(&shown.cert), "--x509keyfile", path(&shown.key)];
        let mut client = Client::start(serving.port, ALL, &[&identity[..], &["--post-handshake-auth"]].concat());
        ask(&mut client, b"after all\n");
        serving.join();
        client.ended();
    }
}

/// The limit counts the type of the content too; the tag comes on top (RFC 8449 4).
const TAG: usize = 16;

#[test]
fn records_are_no_longer_than_either_side_wants() {
    if !have(&["gnutls-serv", "gnutls-cli"]) {
        return;
    }
    for (ours, theirs) in [(700, 900), (900, 700), (16384, 512), (512, 4096)] {
        let most = |limit: usize| limit + TAG;
        // Their record size does not count the type.
        let options = ["--disable-client-cert", &format!("--recordsize={theirs}")];
        let server = Server::start(&[&pki().p256], ALL, &options);
        let config = client_config(tls13()).record_size_limit(ours).build().unwrap();
        let mut end = Ours::connect(&config, server.port).unwrap();
        echo(&mut end, 1, 60_000);
        close(&mut end);
        let (sent, came) = end.longest_records();
        assert!(sent <= most(theirs + 1) && sent >= most(theirs) - 1, "{sent} of {theirs}");
        assert!(came <= most(usize::from(ours)), "{came} of {ours}");

        // Of what it reads at once, gnutls-cli sends what fits into one record.
        let config = our_server().record_size_limit(ours).build().unwrap();
        let serving = serve(move |listener| {
            let mut end = Ours::accept(&config, accept(&listener).unwrap()).unwrap();
            end.read_exact(&mut [0; 400]).unwrap();
            end.write_all(&noise(3, 60_000)).unwrap();
            while end.read(&mut [0; 100]).unwrap() > 0 {}
            end.close().unwrap();
            end.longest_records()
        });
        let mut client = Client::start(serving.port, ALL, &[&format!("--recordsize={theirs}")]);
        client.running.say(&lines(4, 4000));
        assert_same(&client.running.wait_bytes(0, 60_000), &noise(3, 60_000), "to gnutls-cli");
        client.running.say_no_more();
        let (sent, came) = serving.join();
        assert!(sent <= most(theirs + 1) && sent >= most(theirs) - 1, "{sent} of {theirs}");
        assert!(came <= most(usize::from(ours)), "{came} of {ours}");
        client.ended();
    }
}

#[test]
fn ccm_both_ways() {
    const CCM: CipherSuite = CipherSuite::TLS_AES_128_CCM_SHA256;
    if !have(&["gnutls-serv", "gnutls-cli"]) {
        return;
    }
    let priority = ALL.replace("+CIPHER-ALL", "+AES-128-CCM");
    let server = Server::start(&[&pki().p256], &priority, &["--disable-client-cert"]);
    let mut end = Ours::connect(&client_config(tls13()).build().unwrap(), server.port).unwrap();
    assert_eq!(end.session().cipher_suite(), CCM);
    echo(&mut end, 1, 50_000);
    close(&mut end);

    let config = our_server().build().unwrap();
    let serving = serve(move |listener| {
        let mut end = Ours::accept(&config, accept(&listener).unwrap()).unwrap();
        answer(&mut end, &noise(2, 50_000));
        end.session().cipher_suite()
    });
    let mut client = Client::start(serving.port, &priority, &[]);
    ask(&mut client, &noise(2, 50_000));
    assert_eq!(serving.join(), CCM);
    client.ended();
}

/// New keys: ours, and theirs because we ask; and at gnutls-cli's own wish. More than 8 in a second GnuTLS does not take.
#[test]
fn keys_change() {
    const ROUNDS: u64 = 8;
    if !have(&["gnutls-serv", "gnutls-cli"]) {
        return;
    }
    let server = Server::start(&[&pki().p256], ALL, &["--disable-client-cert"]);
    let mut end = Ours::connect(&client_config(tls13()).build().unwrap(), server.port).unwrap();
    for round in 0..ROUNDS {
        end.update_keys(round % 3 != 0).unwrap();
        echo(&mut end, round, 500);
    }
    close(&mut end);

    let config = our_server().build().unwrap();
    let serving = serve(move |listener| {
        let mut end = Ours::accept(&config, accept(&listener).unwrap()).unwrap();
        for round in 0..ROUNDS {
            let mut came = [0; 2];
            end.read_exact(&mut came).unwrap();
            if round.is_multiple_of(2) {
                end.update_keys(round.is_multiple_of(4)).unwrap();
            }
            end.write_all(&came).unwrap();
        }
        assert_eq!(end.read(&mut [0; 1]).unwrap(), 0);
        end.close().unwrap();
    });
    let mut client = Client::start(serving.port, ALL, &["--inline-commands"]);
    let running: &mut Running = &mut client.running;
    for round in 0..ROUNDS {
        // Its own keys, or both sides'.
        running.say(if round.is_multiple_of(2) { b"^rekey1^\n" } else { b"^rekey^\n" });
        std::thread::sleep(std::time::Duration::from_millis(100));
        let line = [b'a' + u8::try_from(round).unwrap(), b'\n'];
        running.say(&line);
        running.wait_stdout("our answer", |printed| printed.ends_with(&line).then_some(()));
    }
    running.say_no_more();
    serving.join();
    client.ended();
}
