//! Pre-shared keys in TLS 1.2 with OpenSSL and GnuTLS, in both roles, and by the command (RFC 4279, RFC 5489).

use std::process::Command;
use std::sync::Arc;

use clasp::crypto::HashAlgorithm;
use clasp::handshake::{KeyExchange, Suite};
use clasp::wire::CipherSuite;
use clasp::{ClientConfig, ExternalPsk, PSK_CIPHER_SUITES, Policy, ServerConfig, Session};

use crate::certs::{Folder, pki};
use crate::command::{self, clasp, traced};
use crate::ends::{client, close, close_after_peer, high_noise, lines, noise, read_exactly, serve, write_all};
use crate::gnutls;
use crate::openssl::{self, path};
use crate::peers::{Ended, Running, have};

const NAME: &str = "pump7";
const KEY: [u8; 20] = [7; 20];
const HEX: &str = "0707070707070707070707070707070707070707";
const OTHER_HEX: &str = "0707070707070707070707070707070707070708";
const SIZE: usize = 60_000;

fn psk() -> ExternalPsk {
    ExternalPsk::new(NAME.as_bytes(), &KEY, HashAlgorithm::Sha256).unwrap()
}

fn policy(suite: &Suite, extended_master_secret: bool) -> Policy {
    Policy::compatible().with_cipher_suites(&[suite.id]).with_extended_master_secret(extended_master_secret)
}

fn client_of(policy: Policy) -> Arc<ClientConfig> {
    ClientConfig::builder(policy).psk(psk()).build().unwrap()
}

fn server_of(policy: Policy) -> Arc<ServerConfig> {
    ServerConfig::builder(policy).psk(psk()).build().unwrap()
}

#[track_caller]
fn assert_agreed(session: &Session, suite: &Suite, extended_master_secret: bool) {
    assert_eq!(session.cipher_suite(), suite.id);
    assert_eq!(session.extended_master_secret(), extended_master_secret);
    assert_eq!(session.group().is_some(), suite.key_exchange == KeyExchange::EcdhePsk);
    assert!(session.pre_shared_key() && session.peer_certificates().is_empty());
    assert_eq!(session.psk_identity(), Some(NAME.as_bytes()));
}

/// Those that OpenSSL has, with its names for them: of ECDHE_PSK it has no AES-GCM.
fn of_openssl() -> Vec<(&'static Suite, &'static str)> {
    let suites: Vec<_> = PSK_CIPHER_SUITES.iter().filter_map(|suite| Some((suite, suite.id.openssl_name()?))).collect();
    assert_eq!(suites.len(), 12);
    suites
}

/// Those that GnuTLS has: the same.
fn of_gnutls() -> impl Iterator<Item = &'static Suite> {
    of_openssl().into_iter().map(|(suite, _)| suite)
}

fn s_server(connections: &str, options: &[&str]) -> openssl::Server {
    let mut command = openssl::openssl(&["s_server", "-accept", "127.0.0.1:0", "-naccept", connections, "-nocert"]);
    command.args(["-no_tls1_3", "-psk_identity", NAME, "-psk", HEX]).args(options);
    openssl::Server::start_command(command)
}

fn s_client(port: u16, options: &[&str]) -> Command {
    let mut command = openssl::openssl(&["s_client", "-connect", &format!("127.0.0.1:{port}"), "-ign_eof"]);
    command.args(["-no_tls1_3", "-psk_identity", NAME]).args(options);
    command
}

#[test]
fn clasp_connects_to_s_server_with_every_suite() {
    if !have(&["openssl"]) {
        return;
    }
    let (ours, theirs) = (noise(1, SIZE), high_noise(2, SIZE));
    for (suite, name) in of_openssl() {
        // A hint comes in a message of its own with PSK, which has none else.
        for (extended_master_secret, hint) in [(true, &[][..]), (false, &["-psk_hint", "which?"])] {
            println!("{name} {extended_master_secret}");
            let server = s_server("1", &[&["-cipher", &format!("{name}:@SECLEVEL=1")], hint].concat());
            let mut tls = client(&client_of(policy(suite, extended_master_secret)), server.port).unwrap();
            assert_agreed(tls.session().unwrap(), suite, extended_master_secret);
            write_all(&mut tls, &ours).unwrap();
            let start = server.data_start();
            assert_eq!(server.running.wait_bytes(start, SIZE), ours);
            let mut server = server;
            server.running.say(&theirs);
            assert_eq!(read_exactly(&mut tls, SIZE).unwrap(), theirs);
            close(&mut tls).unwrap();
            drop(tls);
            openssl::assert_clean_close(&server.closed(start + SIZE));
        }
    }
}

#[test]
fn s_client_connects_to_clasp_with_every_suite() {
    if !have(&["openssl"]) {
        return;
    }
    let (ours, theirs) = (noise(3, SIZE), noise(4, SIZE));
    for (suite, name) in of_openssl() {
        for extended_master_secret in [true, false] {
            println!("{name} {extended_master_secret}");
            let answer = ours.clone();
            let serving = serve(server_of(policy(suite, extended_master_secret)), move |mut tls| {
                let came = read_exactly(&mut tls, SIZE)?;
                write_all(&mut tls, &answer)?;
                close(&mut tls)?;
                Ok((came, tls.session().unwrap().clone()))
            });
            let cipher = format!("{name}:@SECLEVEL=1");
            let command = s_client(serving.port, &["-psk", HEX, "-cipher", &cipher]);
            let mut client = openssl::Client::start_command(command);
            let (report, start) = client.report();
            client.running.say(&theirs);
            assert_eq!(client.running.wait_bytes(start, SIZE), ours);
            let (came, session) = serving.join().unwrap();
            assert_eq!(came, theirs);
            assert_agreed(&session, suite, extended_master_secret);
            assert!(report.contains(&format!("Cipher is {name}\n")), "{report}");
            openssl::assert_clean_close(&client.ended().1);
        }
    }
}

#[test]
fn openssl_with_another_key_or_name_is_refused_and_refuses() {
    if !have(&["openssl"]) {
        return;
    }
    for (suite, name) in of_openssl() {
        let cipher = format!("{name}:@SECLEVEL=1");
        let refused: Vec<_> = [&["-psk", OTHER_HEX][..], &["-psk", HEX, "-psk_identity", "valve3"]]
            .into_iter()
            .map(|options| {
                let serving = serve(server_of(policy(suite, true)), |_| Ok(()));
                let command = s_client(serving.port, &[options, &["-cipher", &cipher]].concat());
                let client = openssl::Client::start_command(command);
                let error = serving.join().unwrap_err().to_string();
                let (stderr, messages) = client.ended();
                openssl::assert_received(clasp::wire::AlertDescription::BAD_RECORD_MAC, &stderr, &messages);
                error
            })
            .collect();
        assert_eq!(refused[0], refused[1]);

        let server = s_server("1", &["-psk", OTHER_HEX, "-cipher", &cipher]);
        assert!(client(&client_of(policy(suite, true)), server.port).is_err());
    }
}

#[test]
fn sessions_of_a_key_are_resumed_with_openssl() {
    if !have(&["openssl"]) {
        return;
    }
    let suite = of_openssl().iter().find(|(suite, _)| suite.strength == clasp::wire::Strength::Modern).unwrap().0;
    for tickets in [true, false] {
        let options = if tickets { &[][..] } else { &["-no_ticket"] };
        let server = s_server("2", options);
        let config = ClientConfig::builder(policy(suite, true)).psk(psk()).tickets(tickets).build().unwrap();
        for resumed in [false, true] {
            let mut tls = client(&config, server.port).unwrap();
            assert_eq!(tls.session().unwrap().resumed(), resumed, "tickets {tickets}");
            assert!(tls.session().unwrap().pre_shared_key());
            assert_eq!(tls.session().unwrap().psk_identity(), Some(NAME.as_bytes()));
            close(&mut tls).unwrap();
        }

        let folder = Folder::new("psk-session");
        let file = folder.file("session");
        let config = ServerConfig::builder(policy(suite, true)).psk(psk()).tickets(tickets).build().unwrap();
        for (resumed, option) in [(false, "-sess_out"), (true, "-sess_in")] {
            let serving = serve(Arc::clone(&config), |mut tls| {
                let came = read_exactly(&mut tls, 3)?;
                close(&mut tls)?;
                assert_eq!(came, b"abc");
                Ok(tls.session().unwrap().clone())
            });
            let mut client =
                openssl::Client::start_command(s_client(serving.port, &["-psk", HEX, option, path(&file)]));
            client.running.say(b"abc");
            let session = serving.join().unwrap();
            assert_eq!(session.resumed(), resumed, "tickets {tickets}");
            assert_eq!(session.psk_identity(), Some(NAME.as_bytes()));
            client.ended();
        }
    }
}

#[test]
fn clasp_connects_to_gnutls_serv_with_every_suite() {
    if !have(&["gnutls-serv"]) {
        return;
    }
    let folder = Folder::new("gnutls-psk");
    let file = folder.write("keys", format!("valve3:{OTHER_HEX}\n{NAME}:{HEX}\n"));
    let data = lines(5, 5000);
    for suite in of_gnutls() {
        println!("{}", suite.id);
        for hint in [&[][..], &["--pskhint", "which?"]] {
            let options = [&["--pskpasswd", path(&file)], hint].concat();
            let server = gnutls::Server::start(&[], &gnutls::priority(suite), &options);
            let mut tls = client(&client_of(policy(suite, true)), server.port).unwrap();
            assert_agreed(tls.session().unwrap(), suite, true);
            write_all(&mut tls, &data).unwrap();
            assert_eq!(read_exactly(&mut tls, data.len()).unwrap(), data);
            close(&mut tls).unwrap();
        }
    }
}

#[test]
fn gnutls_cli_connects_to_clasp_with_every_suite() {
    if !have(&["gnutls-cli"]) {
        return;
    }
    for suite in of_gnutls() {
        println!("{}", suite.id);
        for (key, good) in [(HEX, true), (OTHER_HEX, false)] {
            // After a handshake with ECDHE-PSK gnutls-cli 3.7 crashes while it reports on that, with gnutls-serv too.
            let crashes = suite.key_exchange == KeyExchange::EcdhePsk;
            let serving = serve(server_of(policy(suite, true)), move |mut tls| {
                if crashes {
                    return Ok(tls.session().unwrap().clone());
                }
                let data = read_exactly(&mut tls, 6)?;
                write_all(&mut tls, &data)?;
                close_after_peer(&mut tls)?;
                Ok(tls.session().unwrap().clone())
            });
            let options = ["--pskusername", NAME, "--pskkey", key];
            let mut client = gnutls::Client::start(serving.port, &gnutls::priority(suite), &options);
            if good {
                if !crashes {
                    client.running.say(b"hello\n");
                    client.running.wait_for("hello");
                    client.running.say_no_more();
                }
                let log = client.ended();
                let session = serving.join().unwrap_or_else(|error| panic!("{error}\n{log}"));
                assert_agreed(&session, suite, true);
            } else {
                assert!(serving.join().is_err());
                gnutls::assert_received(clasp::wire::AlertDescription::BAD_RECORD_MAC, &client.ended());
            }
        }
    }
}

const REQUEST: &str = "GET / HTTP/1.0\r\n\r\n";

/// `clasp connect` with a request.
fn request(port: u16, options: &[&str]) -> Ended {
    let mut command = clasp();
    command.args(["connect", &format!("localhost:{port}"), "--no-diagnose", "--trace=json"]).args(options);
    let mut client = Running::start(&mut command);
    client.say(REQUEST.as_bytes());
    client.say_no_more();
    client.end()
}

#[test]
fn the_command_uses_a_key_in_tls12_too() {
    let folder = Folder::new("psk12");
    let file = folder.write("key", HEX);
    let options = ["--psk-identity", NAME, "--psk", path(&file), "--policy", "compatible"];
    let server = command::Server::start(&[], &options);
    for (cipher, taken) in [
        (CipherSuite::TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384, true),
        (CipherSuite::TLS_PSK_WITH_AES_128_CBC_SHA, true),
        (CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA, false),
    ] {
        let name = cipher.name().unwrap();
        let ended = request(server.port, &[&options[..], &["--max-version", "tls1.2", "--cipher", name]].concat());
        assert_eq!(ended.code() == Some(0), taken, "{}", ended.stderr);
        if taken {
            assert_eq!(traced(&ended.stderr, "suite").as_deref(), Some(name));
            assert!(String::from_utf8_lossy(&ended.stdout).contains("pre-shared key          yes\n"));
        }
    }
    // Without a key there is nothing to offer.
    let psk = CipherSuite::TLS_PSK_WITH_AES_128_CBC_SHA.name().unwrap();
    let alone = ["--policy", "compatible", "--max-version", "tls1.2", "--cipher", psk];
    let ended = Running::start(&mut command::connect(server.port, &pki().ca.files.cert, &alone)).end();
    assert_eq!(ended.code(), Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("pre-shared key"), "{}", ended.stderr);

    if !have(&["openssl"]) {
        return;
    }
    let mut client = Running::start(&mut s_client(server.port, &["-psk", HEX, "-quiet"]));
    client.say(REQUEST.as_bytes());
    client.wait_for("pre-shared key          yes\n");
    client.end();
    let theirs = s_server("1", &["-www"]);
    let ended = request(theirs.port, &options);
    // With the best that OpenSSL has.
    let suite = CipherSuite::TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256.name().unwrap();
    assert_eq!(traced(&ended.stderr, "suite").as_deref(), Some(suite), "{}", ended.stderr);
    assert!(String::from_utf8_lossy(&ended.stdout).contains("ECDHE-PSK-CHACHA20-POLY1305"), "{}", ended.stderr);
}
