//! Chromium opens `clasp serve --http`, without a screen.

use std::process::Command;

use clasp::crypto::{HashAlgorithm, default_provider};

use crate::certs::{Folder, pki};
use crate::command::Server;
use crate::openssl::path;
use crate::peers::{Running, have};

/// RFC 4648 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0, |bits, byte| (bits << 8) | usize::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = char::from(DIGITS[(bits >> (18 - 6 * place)) & 63]);
            text.push(if place > group.len() { '=' } else { digit });
        }
    }
    text
}

#[test]
fn a_browser_reads_the_page_about_its_connection() {
    if !have(&["chromium"]) {
        return;
    }
    let files = &pki().p256;
    let server = Server::start(&[files], &["--http"]);

    let folder = Folder::new("chromium");
    let identity = files.identity();
    let hash = default_provider().hash(HashAlgorithm::Sha256).unwrap().hash(&[identity.public_key().spki()]);
    let pin = base64(hash.as_slice());
    let mut command = Command::new("chromium");
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--no-proxy-server"]);
    command.arg(format!("--user-data-dir={}", path(&folder.file("profile"))));
    // It takes no authority of ours without a database of its own kind; this key it is to trust.
    command.arg(format!("--ignore-certificate-errors-spki-list={pin}"));
    command.args(["--dump-dom", &format!("https://localhost:{}/", server.port)]);
    let ended = Running::start(&mut command).end();
    let page = String::from_utf8_lossy(&ended.stdout).into_owned();
    for line in [
        "version                 TLS 1.3\n",
        "group                   X25519MLKEM768\n",
        "server name             localhost\n",
    ] {
        assert!(page.contains(line), "{line}: {page}\n{}", ended.stderr);
    }
}
