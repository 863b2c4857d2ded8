//! Encrypted ClientHello with Go's crypto/tls, by the driver of `with_go.rs` (RFC 9849).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clasp::wire::{HpkeAead, HpkeKdf, HpkeSymmetricCipherSuite, NamedGroup};
use clasp::{ClientConfigBuilder, EchKey, Error, Policy, ServerConfig};

use crate::certs::{Files, Folder, Kind, Leaf, pki};
use crate::command::{say_hello, traced};
use crate::end::{Ours, answer, serve, talk, tls13};
use crate::ends::{accept, client_config, tls_error};
use crate::openssl::path;
use crate::with_go::{Server, assert_told, driver, groups, start_client, told};

/// For both names.
fn identity() -> Files {
    pki().ca.issue(&Leaf::server(Kind::P256).names(&["localhost", "public.example"]))
}

fn hex(text: &str) -> Vec<u8> {
    let text = text.trim();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// What the server publishes.
fn published(server: &Server) -> Vec<u8> {
    hex(&server.running.wait_line("ech "))
}

fn client(policy: Policy, list: &[u8]) -> ClientConfigBuilder {
    client_config(policy).ech_configs(list).unwrap()
}

/// The list with another key.
fn with_another_key(list: &[u8]) -> Vec<u8> {
    let mut other = list.to_vec();
    other[11] ^= 1;
    other
}

#[track_caller]
fn rejected(end: std::io::Result<Ours>) -> Option<Vec<u8>> {
    let error = end.err().expect("the server cannot read it");
    let Error::EchRejected { retry_configs } = tls_error(&error) else { panic!("{error}") };
    retry_configs.as_ref().map(|list| list.to_vec())
}

#[test]
fn every_suite_with_and_without_another_hello() {
    let Some(driver) = driver() else { return };
    let identity = identity();
    for kdf in 1..=3 {
        for aead in 1..=3 {
            for retry in [false, true] {
                println!("{kdf} {aead} {retry}");
                let suite = format!("{kdf},{aead}");
                let mut options = vec!["-ech", &suite, "-times", "2", "-alpn", "h2"];
                let curves = groups(&[NamedGroup::SECP384R1]);
                if retry {
                    options.extend(["-curves", &curves]);
                }
                let server = Server::start(driver, &identity, &options);
                let list = published(&server);
                let config = client(Policy::modern(), &list).alpn(["h2"]).unwrap().build().unwrap();
                // The second one resumes, by a ticket in the hello that is encrypted.
                let ends: Vec<_> = (0..2)
                    .map(|_| {
                        let mut end = Ours::connect(&config, server.port).unwrap();
                        talk(&mut end, 1000).unwrap();
                        end
                    })
                    .collect();
                for (i, (told, end)) in server.told().iter().zip(&ends).enumerate() {
                    assert_told(told, end);
                    assert!(end.session().ech_accepted());
                    assert_eq!(end.session().resumed(), i == 1);
                    assert_eq!((&told["ech"], &told["name"]), (&true.into(), &"localhost".into()), "{told}");
                    assert_eq!(told["retried"], retry, "{told}");
                }
            }
        }
    }
}

#[test]
fn a_server_with_another_key_gives_it() {
    let Some(driver) = driver() else { return };
    let identity = identity();
    for curves in [&[NamedGroup::X25519, NamedGroup::X25519MLKEM768][..], &[NamedGroup::SECP384R1]] {
        let curves = groups(curves);
        let options = ["-ech", "1,1", "-echretry", "-times", "2", "-curves", &curves];
        let server = Server::start(driver, &identity, &options);
        let list = published(&server);
        let config = client(Policy::modern(), &with_another_key(&list)).build().unwrap();
        let retry_configs = rejected(Ours::connect(&config, server.port)).unwrap();
        assert_eq!(retry_configs, list);
        let config = client(Policy::modern(), &retry_configs).build().unwrap();
        let mut end = Ours::connect(&config, server.port).unwrap();
        talk(&mut end, 1000).unwrap();
        assert!(end.session().ech_accepted());
        let server = server.told();
        assert_eq!(server[0]["error"], "remote error: tls: encrypted client hello required");
        assert_told(&server[1], &end);
    }
}

#[test]
fn a_server_that_has_switched_it_off() {
    let Some(driver) = driver() else { return };
    let identity = identity();
    for options in [&["-ech", "1,1"][..], &[], &["-tls12"]] {
        let server = Server::start(driver, &identity, options);
        let list = if options.len() == 2 { published(&server) } else { hex(LIST) };
        let config = client(Policy::modern(), &with_another_key(&list)).build().unwrap();
        assert_eq!(rejected(Ours::connect(&config, server.port)), None);
        let told = server.told();
        assert!(told[0]["error"].as_str().unwrap_or_default().contains("tls: "), "{options:?}");
    }
    // Whoever it is that has not the public name's certificate says nothing of keys.
    let server = Server::start(driver, &pki().p256, &["-ech", "1,1", "-echretry"]);
    let config = client(Policy::modern(), &with_another_key(&published(&server))).build().unwrap();
    let error = Ours::connect(&config, server.port).err().unwrap();
    assert!(matches!(tls_error(&error), Error::Certificate { .. }), "{error}");
    server.told();
}

/// A key of nobody's for `public.example`.
const LIST: &str = "0041fe0d003d0700200020eeb45f2ac8ed1b0e9a1d1aaa2ff8e6a35bd83f1b8f5a3dd2e2bb6ce1cc9b4c0b000400010001200e7075626c69632e6578616d706c650000";

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn key(config_id: u8, suites: &[HpkeSymmetricCipherSuite]) -> EchKey {
    EchKey::generate(config_id, "public.example", 32, suites).unwrap()
}

/// What a client of Go's is told that encrypts its hello to no key of ours.
fn refused(driver: &std::path::Path, policy: Policy, keys: Vec<EchKey>, list: &str) -> String {
    let config = ServerConfig::builder(policy).identity(identity().identity()).ech_keys(keys).build().unwrap();
    let serving = serve(move |listener| {
        let mut end = Ours::accept(&config, accept(&listener).unwrap())?;
        std::io::Read::read(&mut end, &mut [0; 1])
    });
    let client = told(start_client(driver, serving.port, &["-echlist", list]));
    assert_eq!(client[0]["error"], "tls: server rejected ECH");
    let error = serving.join().unwrap_err();
    let Error::AlertReceived(received) = tls_error(&error) else { panic!("{error}") };
    assert_eq!(received.alert, clasp::wire::AlertDescription::ECH_REQUIRED);
    client[0]["retry"].as_str().unwrap().to_owned()
}

#[test]
fn a_client_of_gos_learns_that_we_have_none() {
    let Some(driver) = driver() else { return };
    assert_eq!(refused(driver, tls13(), Vec::new(), LIST), "");
}

#[test]
fn a_client_of_gos_learns_of_our_keys() {
    let Some(driver) = driver() else { return };
    for policy in [tls13(), tls13().with_groups(&[NamedGroup::SECP384R1])] {
        let keys = vec![key(1, EchKey::SUITES), key(7, EchKey::SUITES), key(8, EchKey::SUITES).as_retry_config(false)];
        let list = hex_of(&EchKey::config_list(&keys[..2]).unwrap());
        assert_eq!(refused(driver, policy, keys, LIST), list);
    }
}

#[test]
fn clients_of_gos_with_every_suite_with_and_without_another_hello() {
    let Some(driver) = driver() else { return };
    for kdf in 1..=3 {
        for aead in 1..=3 {
            for retry in [false, true] {
                println!("{kdf} {aead} {retry}");
                let suite = HpkeSymmetricCipherSuite { kdf: HpkeKdf(kdf), aead: HpkeAead(aead) };
                let keys = vec![key(7, EchKey::SUITES), key(7, &[suite])];
                let list = hex_of(&EchKey::config_list(&keys[1..]).unwrap());
                let policy = if retry { tls13().with_groups(&[NamedGroup::SECP384R1]) } else { tls13() };
                let config = ServerConfig::builder(policy).identity(identity().identity()).ech_keys(keys);
                let config = config.alpn(["h2"]).unwrap().build().unwrap();
                // The second one resumes, by a ticket in the hello that is encrypted.
                let serving = serve(move |listener| {
                    let serve_one = |_| {
                        let mut end = Ours::accept(&config, accept(&listener).unwrap()).unwrap();
                        answer(&mut end, 1000).unwrap();
                        end
                    };
                    (0..2).map(serve_one).collect::<Vec<_>>()
                });
                let options = ["-echlist", &list, "-times", "2", "-alpn", "h2"];
                let client = told(start_client(driver, serving.port, &options));
                for (i, (told, end)) in client.iter().zip(&serving.join()).enumerate() {
                    assert_told(told, end);
                    assert!(end.session().ech_accepted());
                    assert_eq!(end.session().server_name(), Some("localhost"));
                    assert_eq!(end.session().resumed(), i == 1);
                    assert_eq!((&told["ech"], &told["retried"]), (&true.into(), &retry.into()), "{told}");
                }
            }
        }
    }
}

#[test]
fn the_command_takes_a_list_in_every_form() {
    let Some(driver) = driver() else { return };
    let (identity, folder) = (identity(), Folder::new("ech"));
    let server = Server::start(driver, &identity, &["-ech", "1,1", "-echo", "-times", "6"]);
    let list = published(&server);
    let encoded = STANDARD.encode(&list);
    let pem = format!("-----BEGIN ECHCONFIG-----\n{encoded}\n-----END ECHCONFIG-----\n");
    let files = [
        folder.write("raw", &list),
        folder.write("text", format!("{encoded}\n")),
        folder.write("pem", &pem),
        // As servers keep it, with their key.
        folder.write("both", format!("-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n{pem}")),
    ];
    let mut forms: Vec<&str> = files.iter().map(|file| path(file)).collect();
    forms.push(&encoded);
    for form in &forms {
        let ended = say_hello(server.port, &["--ech", form]);
        assert_eq!((ended.code(), ended.stdout.as_slice()), (Some(0), &b"hello\n"[..]), "{}", ended.stderr);
        assert_eq!(ended.stderr, "ECH accepted: nobody on the way saw the server name\n");
    }
    // What only looks like it the trace alone tells of.
    let ended = say_hello(server.port, &["--trace", "--grease-ech"]);
    assert!(ended.stderr.trim_end().contains(", ECH GREASE alone"), "{}", ended.stderr);
    let told = server.told();
    for (at, told) in told.iter().enumerate() {
        assert_eq!((&told["error"], &told["ech"]), (&"".into(), &(at < forms.len()).into()), "{told}");
        assert_eq!(told["name"], "localhost");
    }
}

#[test]
fn the_command_keeps_what_a_server_says_to_use_instead() {
    let Some(driver) = driver() else { return };
    let (identity, folder) = (identity(), Folder::new("echretry"));
    let server = Server::start(driver, &identity, &["-ech", "1,1", "-echretry", "-echo", "-times", "4"]);
    let list = published(&server);
    let other = STANDARD.encode(with_another_key(&list));
    // On standard error, or in a file, which may be the one that the old list was in.
    let ended = say_hello(server.port, &["--ech", &other]);
    assert_eq!((ended.code(), ended.stdout.len()), (Some(1), 0), "{}", ended.stderr);
    assert!(ended.stderr.trim_end().ends_with(&format!("--ech {}", STANDARD.encode(&list))), "{}", ended.stderr);
    let kept = folder.write("list", &other);
    let kept = path(&kept);
    let ended = say_hello(server.port, &["--ech", kept, "--ech-retry", kept]);
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.trim_end().ends_with(&format!("connect again with --ech {kept}")), "{}", ended.stderr);
    let ended = say_hello(server.port, &["--ech", kept, "--trace=json"]);
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert_eq!(traced(&ended.stderr, "server name").as_deref(), Some("localhost"));
    let last = ended.stderr.lines().find(|line| line.contains("\"agreed\"")).unwrap();
    let last: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["agreed"]["ECH"], "accepted");
    // A file that cannot be written costs nobody the answer.
    let ended = say_hello(server.port, &["--ech", &other, "--ech-retry", "/nowhere/list"]);
    assert_eq!(ended.code(), Some(1));
    assert!(
        ended.stderr.contains("/nowhere/list") && ended.stderr.contains(&STANDARD.encode(&list)),
        "{}",
        ended.stderr
    );
    server.told();
}

#[test]
fn the_command_shows_the_name_to_nobody_when_that_fails() {
    let Some(driver) = driver() else { return };
    let identity = identity();
    // It has none: no second connection tells it the name.
    let server = Server::start(driver, &identity, &["-echo", "-times", "2"]);
    let ended = say_hello(server.port, &["--ech", &STANDARD.encode(hex(LIST))]);
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.contains("connect without --ech"), "{}", ended.stderr);
    // Nothing in common, after which the command would otherwise connect again with a wider hello, and the name.
    let options = ["--ech", &STANDARD.encode(hex(LIST)), "--groups", "ffdhe2048", "--cipher", "TLS_AES_128_CCM_SHA256"];
    let ended = say_hello(server.port, &options);
    assert_eq!(ended.code(), Some(1));
    assert!(!ended.stderr.contains("A second connection"), "{}", ended.stderr);
    assert_eq!(server.told().len(), 2);
}
