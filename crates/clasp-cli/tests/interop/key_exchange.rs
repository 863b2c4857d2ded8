//! A server's own Diffie-Hellman group: taken when it is large enough, refused when not (RFC 5246 7.4.3).

use std::path::{Path, PathBuf};

use clasp::wire::AlertDescription;
use clasp::{CIPHER_SUITES, Policy};

use crate::certs::{Folder, pki};
use crate::command::connect;
use crate::ends::{client, client_config, close, read_exactly, write_all};
use crate::openssl::{assert_received, openssl, path};
use crate::peers::{Running, have};
use crate::{gnutls, openssl as programs};

/// Runs openssl, and gives what it prints.
fn run(args: &[&str]) -> String {
    let ended = openssl(args).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8_lossy(&ended.stdout).into_owned()
}

/// A group of one's own, as a file: its prime is fresh, and, as it comes of DSA parameters, no safe one.
fn fresh(folder: &Folder, bits: &str) -> PathBuf {
    let file = |kind: &str| folder.file(&format!("fresh-{bits}.{kind}"));
    let (raw, der, pem) = (file("raw"), file("der"), file("pem"));
    run(&["dhparam", "-dsaparam", "-out", path(&raw), bits]);
    // Such come in X9.42's form, which is read by nobody here: prime and generator are put in PKCS #3's.
    let listed = run(&["asn1parse", "-in", path(&raw)]);
    let numbers: Vec<&str> = listed.lines().filter_map(|line| Some(line.split_once("INTEGER")?.1)).collect();
    let numbers: Vec<&str> = numbers.iter().map(|number| number.trim_start_matches([' ', ':'])).collect();
    let form = format!("asn1 = SEQUENCE:dh\n[dh]\np = INTEGER:0x{}\ng = INTEGER:0x{}\n", numbers[0], numbers[1]);
    let form = folder.write("form", form);
    run(&["asn1parse", "-genconf", path(&form), "-noout", "-out", path(&der)]);
    run(&["dhparam", "-inform", "DER", "-in", path(&der), "-out", path(&pem)]);
    pem
}

/// The old group of RFC 3526, section 3: safe, but not one of RFC 7919's.
fn modp2048(folder: &Folder) -> PathBuf {
    let file = folder.file("modp2048.pem");
    run(&["genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:modp_2048", "-out", path(&file)]);
    file
}

/// An s_server with this group.
fn s_server(group: &Path, options: &[&str]) -> programs::Server {
    let server = programs::Server::start(&pki().rsa, &[options, &["-dhparam", path(group)]].concat());
    // What it cannot read it passes over.
    assert!(server.running.stdout.text().contains("Setting temp DH parameters"));
    server
}

#[test]
fn clasp_takes_a_servers_own_group_of_2048_bits() {
    if !have(&["openssl", "gnutls-serv"]) {
        return;
    }
    let folder = Folder::new("dh");
    let dhe: Vec<_> = CIPHER_SUITES
        .iter()
        .map(|suite| suite.id)
        .filter(|id| id.name().is_some_and(|name| name.starts_with("TLS_DHE_") && name.contains("GCM")))
        .collect();
    // Clients that name no group of RFC 7919 leave the choice to the server (its section 4).
    let nameless = Policy::modern().with_cipher_suites(&dhe).with_groups(&[]);
    let named = Policy::modern().with_cipher_suites(&dhe);
    for group in [modp2048(&folder), fresh(&folder, "2048")] {
        println!("{}", group.display());
        for policy in [&named, &nameless] {
            let server = s_server(&group, &[]);
            let mut tls = client(&client_config(policy.clone()).build().unwrap(), server.port).unwrap();
            assert_eq!(tls.session().unwrap().group(), None, "it has no name");
            write_all(&mut tls, b"hello").unwrap();
            assert_eq!(server.running.wait_bytes(server.data_start(), 5), b"hello");
            close(&mut tls).unwrap();
        }
        let server =
            gnutls::Server::start(&[&pki().rsa], gnutls::ALL, &["--disable-client-cert", "--dhparams", path(&group)]);
        let mut tls = client(&client_config(nameless.clone()).build().unwrap(), server.port).unwrap();
        assert_eq!(tls.session().unwrap().group(), None, "it has no name");
        write_all(&mut tls, b"hello\n").unwrap();
        assert_eq!(read_exactly(&mut tls, 6).unwrap(), b"hello\n");
        close(&mut tls).unwrap();
    }
}

#[test]
fn clasp_refuses_a_group_of_1024_bits() {
    if !have(&["openssl"]) {
        return;
    }
    let folder = Folder::new("dh");
    let group = fresh(&folder, "1024");
    let server = s_server(&group, &["-cipher", "DHE:@SECLEVEL=0"]);
    let ended = Running::start(&mut connect(server.port, &pki().ca.files.cert, &[])).finish();
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    for part in ["Diffie-Hellman group is too small", "2048 bits or more"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    let (stderr, messages) = server.failed();
    assert_received(AlertDescription::INSUFFICIENT_SECURITY, &stderr, &messages);
}
