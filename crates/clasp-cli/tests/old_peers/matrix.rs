//! OpenSSL 0.9.8e: {Clasp client, Clasp server} x {SSL 3.0, TLS 1.0} x every suite both have x {no client certificate, one,
//! asked for and declined}, each a handshake with data both ways and a clean close; and hellos in SSL 2.0's format.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use clasp::blocking::Stream;
use clasp::wire::{CipherSuite, ProtocolVersion};
use clasp::{ClientAuth, ClientConfig, Policy, ServerConfig, Session};

use crate::cell::{PLAIN, Scenario, Shows};
use crate::peer::{DEADLINE, Kind};
use crate::pki::{self, Files, pki};

pub(crate) const VERSIONS: [(ProtocolVersion, &str, &str); 2] =
    [(ProtocolVersion::SSL_3_0, "ssl3", "SSLv3"), (ProtocolVersion::TLS_1_0, "tls1", "TLSv1")];

/// By OpenSSL's names.
const SUITES: [&str; 12] = [
    "EXP-RC2-CBC-MD5",
    "EXP-RC4-MD5",
    "EXP-DES-CBC-SHA",
    "DES-CBC-SHA",
    "RC4-MD5",
    "RC4-SHA",
    "DES-CBC3-SHA",
    "AES128-SHA",
    // Beyond the founding document's.
    "AES256-SHA",
    "EDH-RSA-DES-CBC-SHA",
    "EDH-RSA-DES-CBC3-SHA",
    "DHE-RSA-AES128-SHA",
];

/// Bytes each way, enough for many records.
pub(crate) const DATA: usize = 100_000;

const PEER: Kind = Kind::OpenSsl098;

const ALL: [Shows; 3] = [Shows::NotAsked, Shows::One, Shows::Declines];

fn told(shows: Shows) -> Scenario {
    Scenario { shows, ..PLAIN }
}

pub(crate) fn path(path: &std::path::Path) -> &str {
    path.to_str().expect("a plain name")
}

pub(crate) fn suite(name: &str) -> CipherSuite {
    CipherSuite::from_openssl_name(name).unwrap_or_else(|| panic!("{name}"))
}

pub(crate) fn policy(version: ProtocolVersion, name: &str) -> Policy {
    let policy = clasp::insecure().with_versions(version, version).with_cipher_suites(&[suite(name)]);
    assert_eq!(policy.suites().len(), 1, "{name}");
    policy
}

fn tcp(stream: &TcpStream) {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
}

pub(crate) type Tls = Stream<TcpStream>;

pub(crate) fn connect(config: &Arc<ClientConfig>, port: u16) -> std::io::Result<Tls> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    tcp(&stream);
    Stream::client(Arc::clone(config), "localhost", stream)
}

/// Sends data in pieces of many lengths, and takes it back.
fn send_and_compare(tls: &mut Tls) {
    exchange(tls, DATA, |_| ());
}

/// Sends this much, and takes it back; `after_first` happens after the first piece.
pub(crate) fn exchange(tls: &mut Tls, data: usize, after_first: impl Fn(&mut Tls)) {
    let noise: Vec<u8> = (0..data).map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()[1]).collect();
    let (mut sent, mut back) = (0, vec![0; data]);
    for length in (1..).map(|turn: usize| turn * turn * 13 % 5003 + 1) {
        let end = data.min(sent + length);
        tls.write_all(&noise[sent..end]).unwrap();
        tls.flush().unwrap();
        tls.read_exact(&mut back[sent..end]).unwrap();
        if sent == 0 {
            after_first(tls);
        }
        sent = end;
        if sent == data {
            break;
        }
    }
    assert!(back == noise, "data differs");
}

/// Closes, and waits for the peer's close_notify.
pub(crate) fn close(tls: &mut Tls) {
    tls.close().unwrap();
    assert_eq!(tls.read(&mut [0]).unwrap(), 0);
}

/// Serves connections, one after the other: sends back what comes until the client closes, and gives what was agreed in the
/// end. `after_first` happens after the first data.
pub(crate) fn serve_all(
    config: Arc<ServerConfig>,
    connections: usize,
    after_first: impl Fn(&mut Tls) + Send + 'static,
) -> (u16, thread::JoinHandle<Vec<Session>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let one = move || {
        let (stream, _) = listener.accept().unwrap();
        tcp(&stream);
        let mut tls = Stream::server(Arc::clone(&config), stream).unwrap();
        let (mut buffer, mut first) = (vec![0; 8192], true);
        loop {
            let count = tls.read(&mut buffer).unwrap();
            if count == 0 {
                break;
            }
            tls.write_all(&buffer[..count]).unwrap();
            tls.flush().unwrap();
            if first {
                after_first(&mut tls);
                first = false;
            }
        }
        tls.close().unwrap();
        tls.session().unwrap().clone()
    };
    (port, thread::spawn(move || (0..connections).map(|_| one()).collect()))
}

#[track_caller]
fn assert_agreed(session: &Session, version: ProtocolVersion, name: &str, authenticated: bool) {
    assert_eq!((session.version(), session.cipher_suite()), (version, suite(name)));
    assert_eq!(session.client_authenticated(), authenticated, "{name}");
    // Not known in 2008. RFC 5746 was not either, but Red Hat brought it back into this release, under the same name.
    assert!(!session.extended_master_secret() && !session.encrypt_then_mac());
    assert!(session.secure_renegotiation());
}

#[test]
fn clasp_connects() {
    if !PEER.is_there() {
        return;
    }
    let pki = pki();
    for (version, protocol, theirs) in VERSIONS {
        for shows in ALL {
            let verify = match shows {
                Shows::One => "require",
                Shows::Declines => "request",
                _ => "none",
            };
            let connections = SUITES.len().to_string();
            let (peer, port) = PEER.accept(&[
                "--protocol",
                protocol,
                "--cert",
                path(&pki.server.cert),
                "--key",
                path(&pki.server.key),
                "--ca",
                path(&pki.ca),
                "--verify",
                verify,
                "--connections",
                &connections,
                "--dh-bits",
                "512",
            ]);
            for name in SUITES {
                let mut config = pki::client(policy(version, name));
                if shows == Shows::One {
                    config = config.identity(pki.client.identity());
                }
                let mut tls = connect(&config.build().unwrap(), port).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_agreed(tls.session().unwrap(), version, name, shows == Shows::One);
                send_and_compare(&mut tls);
                close(&mut tls);
                let who = if shows == Shows::One { "certificate" } else { "anonymous" };
                assert_eq!(peer.line(), format!("{theirs} {name} {who} full"));
                assert_eq!(peer.line(), format!("done {DATA} clean"));
                PEER.seen(&format!("Clasp client, {version}, {name}, {}", told(shows)));
            }
            peer.end();
        }
    }
}

/// One connection of the old library to Clasp.
fn accepted(version: ProtocolVersion, protocol: &str, name: &str, shows: Shows, server: &Files) {
    let pki = pki();
    let client_auth = match shows {
        Shows::One => pki::require(),
        Shows::Declines => pki::request(),
        _ => ClientAuth::None,
    };
    let config =
        ServerConfig::builder(policy(version, name)).identity(server.identity()).client_auth(client_auth).build();
    let (port, serving) = serve_all(config.unwrap(), 1, |_| ());
    let data = DATA.to_string();
    let mut arguments =
        vec!["--protocol", protocol, "--cipher", name, "--ca", path(&pki.ca), "--verify", "require", "--data", &data];
    if shows == Shows::One {
        arguments.extend(["--cert", path(&pki.client.cert), "--key", path(&pki.client.key)]);
    }
    let peer = PEER.connect(port, &arguments);
    let theirs = VERSIONS.iter().find(|(known, ..)| *known == version).map_or("", |(.., theirs)| theirs);
    assert_eq!(peer.line(), format!("{theirs} {name} certificate full"));
    assert_eq!(peer.line(), format!("done {DATA} clean"));
    peer.end();
    assert_agreed(&serving.join().unwrap()[0], version, name, shows == Shows::One);
}

#[test]
fn clasp_accepts() {
    if !PEER.is_there() {
        return;
    }
    for (version, protocol, _) in VERSIONS {
        for shows in ALL {
            for name in SUITES {
                accepted(version, protocol, name, shows, &pki().server);
                PEER.seen(&format!("Clasp server, {version}, {name}, {}", told(shows)));
            }
        }
    }
}

#[test]
fn clasp_accepts_a_hello_in_the_format_of_ssl_2_0() {
    if !PEER.is_there() {
        return;
    }
    for name in SUITES {
        for (version, ..) in VERSIONS {
            accepted(version, "any", name, Shows::One, &pki().server);
            PEER.seen(&format!("Clasp server, {version}, {name}, client certificate, hello in the format of SSL 2.0"));
        }
    }
}

#[test]
fn clasp_opens_with_a_hello_in_the_format_of_ssl_2_0() {
    if !PEER.is_there() {
        return;
    }
    let pki = pki();
    let connections = (SUITES.len() * VERSIONS.len()).to_string();
    let (peer, port) = PEER.accept(&[
        "--cert",
        path(&pki.server.cert),
        "--key",
        path(&pki.server.key),
        "--connections",
        &connections,
        "--dh-bits",
        "512",
    ]);
    for (version, _, theirs) in VERSIONS {
        for name in SUITES {
            let policy = policy(version, name).sending_sslv2_hello(true);
            let mut tls = connect(&pki::client(policy).build().unwrap(), port).unwrap();
            assert_agreed(tls.session().unwrap(), version, name, false);
            send_and_compare(&mut tls);
            close(&mut tls);
            assert_eq!(peer.line(), format!("{theirs} {name} anonymous full"));
            assert_eq!(peer.line(), format!("done {DATA} clean"));
            PEER.seen(&format!("Clasp client, {version}, {name}, hello in the format of SSL 2.0"));
        }
    }
    peer.end();
}

/// Export suites with a certificate of 512 bits, for which no temporary key is made.
#[test]
fn keys_of_512_bits_and_export_suites() {
    if !PEER.is_there() {
        return;
    }
    let pki = pki();
    for (version, protocol, theirs) in VERSIONS {
        for name in &SUITES[..3] {
            accepted(version, protocol, name, Shows::NotAsked, &pki.short);
            PEER.seen(&format!("Clasp server, {version}, {name}, certificate of 512 bits"));
            let (peer, port) =
                PEER.accept(&["--protocol", protocol, "--cert", path(&pki.short.cert), "--key", path(&pki.short.key)]);
            let config = pki::client(policy(version, name)).build().unwrap();
            let mut tls = connect(&config, port).unwrap();
            send_and_compare(&mut tls);
            close(&mut tls);
            assert_eq!(peer.line(), format!("{theirs} {name} anonymous full"));
            PEER.seen(&format!("Clasp client, {version}, {name}, certificate of 512 bits"));
            assert_eq!(peer.line(), format!("done {DATA} clean"));
            peer.end();
        }
    }
}
