//! Identities out of PKCS#12 files that OpenSSL makes, of `clasp connect` and `clasp serve` (RFC 7292).

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::certs::{Files, Folder, Kind, Leaf, pki};
use crate::command::{Server, clasp, connect};
use crate::openssl::path;
use crate::peers::{Running, have};

/// What `openssl pkcs12 -export` makes of an identity.
fn export(files: &Files, to: PathBuf, password: &str, options: &[&str]) -> PathBuf {
    let made = Command::new("openssl")
        .args(["pkcs12", "-export", "-passout", &format!("pass:{password}"), "-in"])
        .arg(&files.cert)
        .arg("-inkey")
        .arg(&files.key)
        .arg("-out")
        .arg(&to)
        .args(options)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    to
}

fn serve(file: &Path, more: &[&str]) -> Running {
    let mut command = clasp();
    command.args(["serve", "--listen", "127.0.0.1:0", "--pkcs12"]).arg(file).args(more);
    Running::start(command.env("CLASP_TEST_PASSWORD", PASSWORD))
}

const PASSWORD: &str = "the w\u{f6}rd";
const GET: &[u8] = b"GET / HTTP/1.0\r\n\r\n";

#[test]
fn a_server_and_a_client_by_their_files() {
    if !have(&["openssl"]) {
        return;
    }
    let (server, client) = (&pki().rsa, pki().clients.issue(&Leaf::client(Kind::P256, "a good client")));
    let folder = Folder::new("pkcs12");
    let password = folder.write("password", format!("{PASSWORD}\nand a line that is none of it\n"));
    let by_file = ["--key-password-file", path(&password)];
    let client_ca = ["--client-ca", path(&pki().clients.files.cert)];
    for options in [&[][..], &["-legacy"]] {
        let theirs = export(server, folder.file("server.p12"), PASSWORD, options);
        let ours = export(&client, folder.file("client.p12"), PASSWORD, options);
        for by in [&by_file[..], &["--key-password-env", "CLASP_TEST_PASSWORD"]] {
            let running = serve(&theirs, &[by, &client_ca].concat());
            let port = running.wait_line("listening on 127.0.0.1:").parse().unwrap();
            let mut command = connect(port, &pki().ca.files.cert, &[by, &["--pkcs12", path(&ours)]].concat());
            let mut asking = Running::start(command.env("CLASP_TEST_PASSWORD", PASSWORD));
            asking.say(GET);
            let ended = asking.finish();
            assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
            let page = String::from_utf8_lossy(&ended.stdout).into_owned();
            assert!(page.contains("client                  CN=a good client\n"), "{page}");
        }
        // What the password is has to be said, and rightly.
        let without = serve(&theirs, &[]).finish();
        assert_eq!(without.code(), Some(2));
        assert!(without.stderr.contains("is under a password; put it into a file"), "{}", without.stderr);
        let wrong = folder.write("wrong", "another");
        let wrong = serve(&theirs, &["--key-password-file", path(&wrong)]).finish();
        assert_eq!(wrong.code(), Some(2));
        assert!(wrong.stderr.contains("the password given does not open"), "{}", wrong.stderr);
    }
}

#[test]
fn without_a_password_and_beside_others() {
    if !have(&["openssl"]) {
        return;
    }
    let folder = Folder::new("pkcs12none");
    let file = export(&pki().rsa, folder.file("none.p12"), "", &[]);
    let server = Server::start(&[&pki().p256], &["--policy", "compatible", "--pkcs12", path(&file)]);
    // This suite is of RSA keys alone, and that one of the others.
    for suite in ["TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"] {
        let options = ["--policy", "compatible", "--cipher", suite];
        let ended = Running::start(&mut connect(server.port, &pki().ca.files.cert, &options)).finish();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    }
    // As a bare key too.
    let key = Command::new("openssl").args(["pkey", "-pubout", "-in"]).arg(&pki().rsa.key).output().unwrap();
    let public = folder.write("public.pem", key.stdout);
    let raw = Server::start(&[], &["--pkcs12", path(&file), "--raw-key"]);
    let mut command = clasp();
    command.args(["connect", &format!("localhost:{}", raw.port), "--server-raw-key"]).arg(public);
    let ended = Running::start(&mut command).finish();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
}
