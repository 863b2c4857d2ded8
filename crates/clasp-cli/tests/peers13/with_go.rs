//! Go's crypto/tls, by a driver of ours that is built here: `go/main.go`.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use clasp::cert::SctList;
use clasp::handshake::TLS13_CIPHER_SUITES;
use clasp::wire::{CipherSuite, NamedGroup, ProtocolVersion};
use clasp::{ClientAuth, KeyLogFile, ServerConfig};
use serde_json::Value;

use crate::certs::{Files, Folder, Kind, Leaf, pki};
use crate::end::{CONTEXT, End as _, LABEL, Ours, answer, serve, talk, tls13};
use crate::ends::{MIB, accept, client_config, tls_error};
use crate::openssl::path;
use crate::peers::{Running, have, skip};

const GROUPS: [NamedGroup; 5] = [
    NamedGroup::X25519MLKEM768,
    NamedGroup::X25519,
    NamedGroup::SECP256R1,
    NamedGroup::SECP384R1,
    NamedGroup::SECP521R1,
];

/// What Go has of the suites.
const SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
    CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
];

/// The driver, built once.
pub(crate) fn driver() -> Option<&'static Path> {
    static DRIVER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match DRIVER.get_or_init(build) {
        Ok(driver) => Some(driver),
        Err(why) => {
            skip("Go", why);
            None
        }
    }
}

fn build() -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // Where `cargo xtask peers` puts it.
    let go = target.parent().unwrap_or(target).join("peers/go/bin/go");
    if !go.exists() {
        return Err("not installed; `cargo xtask peers` gets it".to_owned());
    }
    let built = target.join("go-driver");
    let output = Command::new(go)
        .args(["build", "-o"])
        .arg(&built)
        .arg(".")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers13/go"))
        // Nothing is got from anywhere: it needs no module but Go's own.
        .envs([("GOTOOLCHAIN", "local"), ("GOPROXY", "off"), ("GOFLAGS", ""), ("GOWORK", "off"), ("CGO_ENABLED", "0")])
        .env("GOCACHE", target.join("go-cache"))
        .output()
        .map_err(|error| error.to_string())?;
    // It is there, and what it is to build is ours: that is no reason to skip anything.
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(built)
}

/// Starts a driver.
fn start(driver: &Path, options: &[&str]) -> Running {
    let mut command = Command::new(driver);
    command.args(["-label", LABEL, "-context", std::str::from_utf8(CONTEXT).unwrap()]).args(options);
    Running::start(command.env_remove("SSLKEYLOGFILE"))
}

fn number(what: impl Display) -> String {
    what.to_string()
}

/// A server of Go's with this identity.
pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn start(driver: &Path, identity: &Files, options: &[&str]) -> Self {
        let identity = ["-role", "server", "-cert", path(&identity.cert), "-key", path(&identity.key)];
        let running = start(driver, &[&identity, options].concat());
        let port = running.wait_line("listening ").parse().unwrap();
        Self { running, port }
    }

    /// Waits for its end, and gives what it told.
    pub(crate) fn told(self) -> Vec<Value> {
        told(self.running)
    }
}

/// Starts a client of Go's that trusts the test authority.
pub(crate) fn start_client(driver: &Path, port: u16, options: &[&str]) -> Running {
    let trust = ["-port", &number(port), "-ca", path(&pki().ca.files.cert)];
    start(driver, &[&trust, options].concat())
}

pub(crate) fn told(running: Running) -> Vec<Value> {
    let ended = running.finish();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let text = String::from_utf8(ended.stdout).unwrap();
    text.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What Go tells of the handshake is what we have.
#[track_caller]
pub(crate) fn assert_told(told: &Value, end: &Ours) {
    let agreed = end.agreed();
    assert_eq!((&told["error"], &told["version"]), (&"".into(), &"TLS 1.3".into()), "{told}");
    assert_eq!(told["suite"], agreed.suite, "{told}");
    assert_eq!(told["group"], agreed.group.0, "{told}");
    assert_eq!(told["resumed"], agreed.resumed, "{told}");
    let exported = agreed.exported.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(told["exported"], exported, "{told}");
    assert_eq!(told["alpn"], end.session().alpn().map_or("", |name| std::str::from_utf8(name).unwrap()), "{told}");
}

pub(crate) fn groups(of: &[NamedGroup]) -> String {
    of.iter().map(|group| number(group.0)).collect::<Vec<_>>().join(",")
}

fn our_server(policy: clasp::Policy, identity: &Files) -> clasp::ServerConfigBuilder {
    ServerConfig::builder(policy).identity(identity.identity())
}

/// Serves so many connections with Clasp, and talks; gives its ends.
fn serve_ours(config: &Arc<ServerConfig>, times: usize, size: usize) -> crate::end::Serving<Vec<Ours>> {
    let config = Arc::clone(config);
    serve(move |listener| {
        let serve_one = |_| {
            let mut end = Ours::accept(&config, accept(&listener).unwrap()).unwrap();
            answer(&mut end, size).unwrap();
            end
        };
        (0..times).map(serve_one).collect()
    })
}

#[test]
fn every_group_with_every_suite() {
    let Some(driver) = driver() else { return };
    for group in GROUPS {
        for suite in SUITES {
            println!("{group} {suite}");
            let policy = || tls13().with_groups(&[group]).with_cipher_suites(&[suite]);
            // A mebibyte with every suite once; what the group changes is over by then.
            let size = if group == NamedGroup::X25519 { MIB } else { 5000 };
            let options = ["-size", &number(size)];
            let server = Server::start(driver, &pki().p256, &options);
            let mut end = Ours::connect(&client_config(policy()).build().unwrap(), server.port).unwrap();
            talk(&mut end, size).unwrap();
            assert_told(&server.told()[0], &end);
            assert_eq!((end.agreed().group, end.agreed().suite), (group, suite.0));

            let serving = serve_ours(&our_server(policy(), &pki().rsa).build().unwrap(), 1, size);
            let client = told(start_client(driver, serving.port, &options));
            let end = &serving.join()[0];
            assert_told(&client[0], end);
            assert_eq!((end.agreed().group, end.agreed().suite), (group, suite.0));
        }
    }
}

/// What both prefer when both have all: the hybrid group.
#[test]
fn the_hybrid_group_is_what_both_prefer() {
    let Some(driver) = driver() else { return };
    let server = Server::start(driver, &pki().p256, &[]);
    let mut end = Ours::connect(&client_config(clasp::Policy::modern()).build().unwrap(), server.port).unwrap();
    talk(&mut end, 1000).unwrap();
    let told_by_server = server.told();
    assert_told(&told_by_server[0], &end);
    assert_eq!((end.agreed().group, &told_by_server[0]["retried"]), (NamedGroup::X25519MLKEM768, &false.into()));

    let serving = serve_ours(&our_server(clasp::Policy::modern(), &pki().p256).build().unwrap(), 1, 1000);
    let client = told(start_client(driver, serving.port, &[]));
    let end = &serving.join()[0];
    assert_told(&client[0], end);
    assert_eq!((end.agreed().group, &client[0]["retried"]), (NamedGroup::X25519MLKEM768, &false.into()));
}

#[test]
fn another_hello_is_asked_for_each_way() {
    let Some(driver) = driver() else { return };
    for group in GROUPS {
        // A share of the group comes only in the second hello, as the first has one of another.
        let last = if group == NamedGroup::SECP384R1 { NamedGroup::SECP256R1 } else { NamedGroup::SECP384R1 };
        println!("{group}");
        let server = Server::start(driver, &pki().p256, &["-curves", &groups(&[group])]);
        let config = client_config(tls13().with_groups(&[last, group])).build().unwrap();
        let mut end = Ours::connect(&config, server.port).unwrap();
        talk(&mut end, 1000).unwrap();
        let server = server.told();
        assert_told(&server[0], &end);
        assert_eq!((end.agreed().group, &server[0]["retried"]), (group, &true.into()));

        if group == NamedGroup::X25519MLKEM768 || group == NamedGroup::X25519 {
            // Go takes its own order, in which these come first.
            continue;
        }
        let config = our_server(tls13().with_groups(&[group]), &pki().p256).build().unwrap();
        let serving = serve_ours(&config, 1, 1000);
        let first = groups(&[NamedGroup::X25519, group]);
        let client = told(start_client(driver, serving.port, &["-curves", &first]));
        let end = &serving.join()[0];
        assert_told(&client[0], end);
        assert_eq!((end.agreed().group, &client[0]["retried"]), (group, &true.into()));
    }
}

fn require() -> ClientAuth {
    let verifier = clasp::cert::WebPkiClientVerifier::builder(pki().clients.roots()).build().unwrap();
    ClientAuth::Require(Arc::new(verifier))
}

#[test]
fn certificates_of_every_kind_from_both_sides() {
    // It makes some of them.
    if !have(&["openssl"]) {
        return;
    }
    let Some(driver) = driver() else { return };
    for kind in [Kind::Rsa, Kind::P256, Kind::P384, Kind::P521, Kind::Ed25519] {
        println!("{kind:?}");
        let theirs = pki().ca.issue(&Leaf::server(kind));
        let shown = pki().clients.issue(&Leaf::client(kind, "a good client"));
        let server = Server::start(driver, &theirs, &["-ca", path(&pki().clients.files.cert)]);
        let config = client_config(tls13()).identity(shown.identity()).build().unwrap();
        let mut end = Ours::connect(&config, server.port).unwrap();
        talk(&mut end, 1000).unwrap();
        let server = server.told();
        assert_told(&server[0], &end);
        assert_eq!(server[0]["peer"], "a good client");

        let serving = serve_ours(&our_server(tls13(), &theirs).client_auth(require()).build().unwrap(), 1, 1000);
        let client = start_client(driver, serving.port, &["-cert", path(&shown.cert), "-key", path(&shown.key)]);
        let client = told(client);
        let end = &serving.join()[0];
        assert_told(&client[0], end);
        assert_eq!(client[0]["peer"], "server");
        assert!(end.session().client_authenticated());
    }
}

#[test]
fn clients_without_a_certificate_are_refused() {
    let Some(driver) = driver() else { return };
    let server = Server::start(driver, &pki().p256, &["-ca", path(&pki().clients.files.cert)]);
    let mut end = Ours::connect(&client_config(tls13()).build().unwrap(), server.port).unwrap();
    let error = end.read(&mut [0; 1]).unwrap_err();
    let clasp::Error::AlertReceived(received) = tls_error(&error) else { panic!("{error}") };
    assert!(received.certificate_declined, "{received:?}");
    assert_eq!(server.told()[0]["error"], "tls: client didn't provide a certificate");

    let server = our_server(tls13(), &pki().p256).client_auth(require()).build().unwrap();
    let serving = serve(move |listener| Ours::accept(&server, accept(&listener).unwrap()).map(drop));
    let client = told(start_client(driver, serving.port, &[]));
    assert_eq!(client[0]["error"], "remote error: tls: certificate required");
    let refused = serving.join().unwrap_err();
    assert!(matches!(tls_error(&refused), clasp::Error::ClientCertificateRequired), "{refused}");
}

#[test]
fn sessions_are_resumed_by_ticket() {
    let Some(driver) = driver() else { return };
    let times = 4;
    let options = ["-times", &number(times)];
    for suite in SUITES {
        let policy = || tls13().with_cipher_suites(&[suite]);
        let server = Server::start(driver, &pki().p256, &options);
        let config = client_config(policy()).build().unwrap();
        let ends: Vec<Ours> = (0..times)
            .map(|_| {
                let mut end = Ours::connect(&config, server.port).unwrap();
                talk(&mut end, 1000).unwrap();
                end
            })
            .collect();
        let server = server.told();
        let serving = serve_ours(&our_server(policy(), &pki().p256).build().unwrap(), times, 1000);
        let client = told(start_client(driver, serving.port, &options));
        for (told, ends) in [(server, ends), (client, serving.join())] {
            assert_eq!((told.len(), ends.len()), (times, times));
            for (i, (told, end)) in told.iter().zip(&ends).enumerate() {
                assert_told(told, end);
                assert_eq!(end.agreed().resumed, i > 0, "{suite}, {i}");
            }
        }
    }
}

#[test]
fn application_protocols() {
    let Some(driver) = driver() else { return };
    let server = Server::start(driver, &pki().p256, &["-alpn", "h2,http/1.1"]);
    let config = client_config(tls13()).alpn(["http/1.1", "x"]).unwrap().build().unwrap();
    let mut end = Ours::connect(&config, server.port).unwrap();
    talk(&mut end, 1000).unwrap();
    assert_told(&server.told()[0], &end);
    assert_eq!(end.session().alpn(), Some(&b"http/1.1"[..]));

    let config = our_server(tls13(), &pki().p256).alpn(["x", "h2"]).unwrap().build().unwrap();
    let serving = serve_ours(&config, 1, 1000);
    let client = told(start_client(driver, serving.port, &["-alpn", "h2,y"]));
    let end = &serving.join()[0];
    assert_told(&client[0], end);
    assert_eq!(end.session().alpn(), Some(&b"h2"[..]));

    // Nothing in common, each way.
    let serving = serve(move |listener| Ours::accept(&config, accept(&listener).unwrap()).map(drop));
    let client = told(start_client(driver, serving.port, &["-alpn", "z"]));
    assert_eq!(client[0]["error"], "remote error: tls: no application protocol");
    assert!(matches!(tls_error(&serving.join().unwrap_err()), clasp::Error::NoCommonGround(_)));
    let server = Server::start(driver, &pki().p256, &["-alpn", "z"]);
    let config = client_config(tls13()).alpn(["x"]).unwrap().build().unwrap();
    assert!(Ours::connect(&config, server.port).is_err());
    let told = server.told();
    assert!(told[0]["error"].as_str().unwrap().contains("unsupported application protocols"), "{told:?}");
}

/// The lines of a key log.
fn secrets(log: &Path) -> BTreeSet<String> {
    fs::read_to_string(log).unwrap().lines().map(str::to_ascii_lowercase).collect()
}

#[test]
fn key_logs_are_the_same() {
    let Some(driver) = driver() else { return };
    let folder = Folder::new("golog");
    for resumed in [false, true] {
        let (theirs, ours) = (folder.file(&format!("theirs {resumed}")), folder.file(&format!("ours {resumed}")));
        let times = if resumed { 2 } else { 1 };
        let options = ["-keylog", path(&theirs), "-times", &number(times)];
        let server = Server::start(driver, &pki().p256, &options);
        let config = client_config(tls13()).key_log(Arc::new(KeyLogFile::open(&ours).unwrap())).build().unwrap();
        for _ in 0..times {
            talk(&mut Ours::connect(&config, server.port).unwrap(), 1000).unwrap();
        }
        server.told();
        let log = Arc::new(KeyLogFile::open(&ours).unwrap());
        let serving = serve_ours(&our_server(tls13(), &pki().p256).key_log(log).build().unwrap(), times, 1000);
        told(start_client(driver, serving.port, &options));
        serving.join();
        let (ours, theirs) = (secrets(&ours), secrets(&theirs));
        // Four of each handshake; we write the exporter's too.
        assert_eq!(theirs.len(), 2 * 4 * times);
        assert!(theirs.is_subset(&ours), "{:?}", theirs.difference(&ours).collect::<Vec<_>>());
    }
}

/// New keys again and again: ours, and theirs because we ask. Go begins no change of its own.
#[test]
fn keys_change_again_and_again() {
    const ROUNDS: u8 = 200;
    fn storm(end: &mut Ours) {
        for round in 0..ROUNDS {
            end.update_keys(round % 3 != 0).unwrap();
            let sent = [round; 300];
            end.write_all(&sent).unwrap();
            let mut came = [0; 300];
            end.read_exact(&mut came).unwrap();
            assert_eq!(came, sent);
        }
        end.close().unwrap();
        assert_eq!(end.read(&mut [0; 1]).unwrap(), 0);
    }
    let Some(driver) = driver() else { return };
    for suite in SUITES {
        let policy = || tls13().with_cipher_suites(&[suite]);
        let server = Server::start(driver, &pki().p256, &["-echo"]);
        let mut end = Ours::connect(&client_config(policy()).build().unwrap(), server.port).unwrap();
        storm(&mut end);
        assert_told(&server.told()[0], &end);

        let config = our_server(policy(), &pki().p256).build().unwrap();
        let serving = serve(move |listener| {
            let mut end = Ours::accept(&config, accept(&listener).unwrap()).unwrap();
            storm(&mut end);
            end
        });
        let client = told(start_client(driver, serving.port, &["-echo"]));
        assert_told(&client[0], &serving.join());
    }
}

/// What Clasp has and Go has not: there is no common ground, and both say so.
#[test]
fn no_suite_and_no_group_in_common() {
    let Some(driver) = driver() else { return };
    let ccm = TLS13_CIPHER_SUITES.iter().map(|suite| suite.id).find(|id| !SUITES.contains(id)).expect("CCM");
    for policy in [tls13().with_cipher_suites(&[ccm]), tls13().with_groups(&[NamedGroup::FFDHE2048])] {
        let server = Server::start(driver, &pki().p256, &[]);
        let error = Ours::connect(&client_config(policy.clone()).build().unwrap(), server.port).err().unwrap();
        assert!(matches!(tls_error(&error), clasp::Error::AlertReceived(_)), "{error}");
        assert_ne!(server.told()[0]["error"], "");

        let config = our_server(policy, &pki().p256).build().unwrap();
        let serving = serve(move |listener| Ours::accept(&config, accept(&listener).unwrap()).map(drop));
        let client = told(start_client(driver, serving.port, &[]));
        assert_eq!(client[0]["error"], "remote error: tls: handshake failure");
        let error = serving.join().unwrap_err();
        assert!(matches!(tls_error(&error), clasp::Error::NoCommonGround(_)), "{error}");
    }
}

/// Timestamps beside certificates, as hex and as a list: Go asks for them always.
const TIMESTAMPS: &str = "00010203,ff";

fn sct_list() -> SctList {
    SctList::new([&[0, 1, 2, 3][..], &[0xff]]).unwrap()
}

/// In both versions, twice each: Go's client, as ours, keeps what a session began with.
#[test]
fn certificate_timestamps_each_way() {
    let Some(driver) = driver() else { return };
    for older in [false, true] {
        let version = if older { ProtocolVersion::TLS_1_2 } else { ProtocolVersion::TLS_1_3 };
        let policy = || clasp::Policy::modern().with_versions(version, version);
        let mut options = vec!["-times", "2"];
        options.extend(older.then_some("-tls12"));
        let both = [&options[..], &["-scts", TIMESTAMPS]].concat();
        let server = Server::start(driver, &pki().p256, &both);
        let asking = client_config(policy()).certificate_timestamps(true).build().unwrap();
        for turn in 0..2 {
            let mut end = Ours::connect(&asking, server.port).unwrap();
            talk(&mut end, 1000).unwrap();
            assert_eq!((end.session().resumed(), end.session().sct_list()), (turn > 0, Some(&sct_list())));
        }
        server.told();
        let once: Vec<_> = both.iter().copied().filter(|option| !["-times", "2"].contains(option)).collect();
        let server = Server::start(driver, &pki().p256, &once);
        let mut end = Ours::connect(&client_config(policy()).build().unwrap(), server.port).unwrap();
        talk(&mut end, 1000).unwrap();
        assert_eq!(end.session().sct_list(), None, "not asked for");
        server.told();

        for timestamps in [Some(sct_list()), None] {
            let identity = pki().p256.identity();
            let wanted = if timestamps.is_some() { TIMESTAMPS } else { "" };
            let identity = timestamps.into_iter().fold(identity, clasp::Identity::with_sct_list);
            let config = ServerConfig::builder(policy()).identity(identity).build().unwrap();
            let serving = serve_ours(&config, 2, 1000);
            let client = told(start_client(driver, serving.port, &options));
            serving.join();
            for (turn, told) in client.iter().enumerate() {
                assert_eq!((&told["error"], &told["resumed"]), (&"".into(), &(turn > 0).into()), "{told}");
                assert_eq!(told["scts"], wanted, "{told}");
            }
        }
    }
}

/// Go's servers ask clients of TLS 1.3 for them too.
#[test]
fn a_clients_timestamps_are_shown() {
    if !have(&["openssl"]) {
        return;
    }
    let Some(driver) = driver() else { return };
    let shown = pki().clients.issue(&Leaf::client(Kind::P256, "a good client"));
    let server = Server::start(driver, &pki().p256, &["-ca", path(&pki().clients.files.cert)]);
    let config = client_config(tls13()).identity(shown.identity().with_sct_list(sct_list())).build().unwrap();
    let mut end = Ours::connect(&config, server.port).unwrap();
    talk(&mut end, 1000).unwrap();
    let server = server.told();
    assert_told(&server[0], &end);
    assert_eq!((&server[0]["peer"], &server[0]["scts"]), (&"a good client".into(), &TIMESTAMPS.into()));

    // Ours do not ask, and Go does not send what it was not asked for.
    let serving = serve_ours(&our_server(tls13(), &pki().p256).client_auth(require()).build().unwrap(), 1, 1000);
    let options = ["-cert", path(&shown.cert), "-key", path(&shown.key), "-scts", TIMESTAMPS];
    let client = told(start_client(driver, serving.port, &options));
    let end = &serving.join()[0];
    assert_told(&client[0], end);
    assert!(end.session().client_authenticated() && end.session().sct_list().is_none());
}
