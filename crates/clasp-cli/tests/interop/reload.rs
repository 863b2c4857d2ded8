//! `clasp serve` reads its files again on SIGHUP; and keys under a password.
#![cfg(unix)]

use std::fs;
use std::process::Command;

use clasp::{Identity, Policy};

use crate::certs::{Files, Folder, Kind, Leaf, pki};
use crate::command::{Server, clasp, connect};
use crate::ends::{Tls, client, client_config, read_exactly, write_all};
use crate::peers::{Running, have};

fn echo(tls: &mut Tls, data: &[u8]) {
    write_all(tls, data).unwrap();
    assert_eq!(read_exactly(tls, data.len()).unwrap(), data);
}

#[track_caller]
fn assert_shown(tls: &Tls, identity: &Identity) {
    assert_eq!(tls.session().unwrap().peer_certificates(), identity.chain());
}

fn copy(from: &Files, to: &Files) {
    fs::copy(&from.cert, &to.cert).unwrap();
    fs::copy(&from.key, &to.key).unwrap();
}

#[test]
fn a_hangup_exchanges_the_certificate_and_keeps_connections() {
    let (old, new) = (pki().ca.issue(&Leaf::server(Kind::P256)), pki().ca.issue(&Leaf::server(Kind::P384)));
    let served = pki().ca.issue(&Leaf::server(Kind::P256));
    copy(&old, &served);
    let server = Server::start(&[&served], &["--echo"]);
    let config = client_config(Policy::modern()).without_resumption().build().unwrap();
    let mut first = client(&config, server.port).unwrap();
    echo(&mut first, b"before");
    assert_shown(&first, &old.identity());

    copy(&new, &served);
    server.running.signal("HUP");
    server.running.wait_for("\nreloaded\n");
    let mut second = client(&config, server.port).unwrap();
    echo(&mut second, b"after");
    assert_shown(&second, &new.identity());
    echo(&mut first, b"still here");
    assert_shown(&first, &old.identity());

    // A key that is another certificate's: what was read before stays, and why is said in one line.
    fs::copy(&old.cert, &served.cert).unwrap();
    server.running.signal("HUP");
    let why = server.wait_line_with("not reloaded");
    assert!(why.contains("the key does not fit the certificate"), "{why}");
    fs::remove_file(&served.cert).unwrap();
    server.running.signal("HUP");
    let why = server.wait_line_with("cannot read");
    assert!(why.starts_with("not reloaded, what was read before stays: "), "{why}");
    let mut third = client(&config, server.port).unwrap();
    echo(&mut third, b"and again");
    assert_shown(&third, &new.identity());
}

#[test]
fn a_password_file_opens_the_key() {
    if !have(&["openssl"]) {
        return;
    }
    let files = pki().ca.issue(&Leaf::server(Kind::P256));
    let folder = Folder::new("password");
    let encrypted = folder.file("encrypted.pem");
    let made = Command::new("openssl")
        .args(["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:the word", "-in"])
        .arg(&files.key)
        .arg("-out")
        .arg(&encrypted)
        .status();
    assert!(made.unwrap().success());
    let password = folder.write("password", "the word\nand a line that is none of it\n");
    let start = |more: &[&str]| {
        let mut command = clasp();
        command.args(["serve", "--echo", "--listen", "127.0.0.1:0", "--cert"]).arg(&files.cert);
        Running::start(command.arg("--key").arg(&encrypted).args(more))
    };

    let server = start(&["--key-password-file", password.to_str().unwrap()]);
    let port = server.wait_line("listening on 127.0.0.1:").parse().unwrap();
    let mut client = Running::start(&mut connect(port, &pki().ca.files.cert, &[]));
    client.say(b"hello\n");
    client.wait_for("hello");

    let without = start(&[]).finish();
    assert_eq!(without.code(), Some(2));
    assert!(without.stderr.contains("is encrypted; put its password into a file and add --key-password-file"));
    let wrong = folder.write("wrong", "another");
    let wrong = start(&["--key-password-file", wrong.to_str().unwrap()]).finish();
    assert_eq!(wrong.code(), Some(2));
    assert!(wrong.stderr.contains("the password given does not open"), "{}", wrong.stderr);
}
