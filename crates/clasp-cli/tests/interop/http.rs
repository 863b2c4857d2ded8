//! `clasp serve --http`, fetched by curl.

use std::process::Command;

use crate::certs::pki;
use crate::command::Server;
use crate::openssl;
use crate::peers::{Ended, Running, have};

/// Fetches from a server with these options beside the usual ones.
fn curl(port: u16, options: &[&str]) -> Ended {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20", "--cacert"]);
    curl.arg(&pki().ca.files.cert).args(options).arg(format!("https://localhost:{port}/"));
    Running::start(&mut curl).end()
}

fn page(ended: &Ended) -> String {
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    String::from_utf8_lossy(&ended.stdout).into_owned()
}

#[test]
fn curl_reads_the_page_about_its_connection() {
    if !have(&["curl"]) {
        return;
    }
    let server = Server::start(&[&pki().p256, &pki().rsa], &["--http"]);
    for (options, version, suite) in [
        (
            &["--tls-max", "1.2", "--ciphers", "ECDHE-RSA-AES256-GCM-SHA384"][..],
            "TLS 1.2",
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        ),
        (&["--tls13-ciphers", "TLS_AES_128_GCM_SHA256"], "TLS 1.3", "TLS_AES_128_GCM_SHA256"),
    ] {
        let page = page(&curl(server.port, &[options, &["--curves", "P-256"]].concat()));
        for line in [
            &format!("version                 {version}\n"),
            &format!("cipher suite            {suite}\n"),
            "group                   secp256r1\n",
            "server name             localhost\n",
            "extended master secret  yes\n",
            "client                  none\n",
            " 3  ",
            "10  ",
        ] {
            assert!(page.contains(line), "{line}: {page}");
        }
        server.running.wait_for(&format!(" {version} {suite}, 1 requests\n"));
    }
}

#[test]
fn curl_reads_twice_on_one_connection() {
    if !have(&["curl"]) {
        return;
    }
    let server = Server::start(&[&pki().p256], &["--http"]);
    let url = format!("https://localhost:{}/", server.port);
    let told = page(&curl(server.port, &["--write-out", "[%{num_connects} %{http_code}]", &url]));
    assert_eq!((told.matches("[1 200]").count(), told.matches("[0 200]").count()), (1, 1), "{told}");
    server.running.wait_for(", 2 requests\n");
    // And once where it asks for that.
    page(&curl(server.port, &["--header", "Connection: close"]));
    server.running.wait_for(", 1 requests\n");
}

#[test]
fn other_requests_are_answered_too() {
    if !have(&["curl"]) {
        return;
    }
    let server = Server::start(&[&pki().p256], &[]);
    let code = |options: &[&str], path: &str| {
        let options =
            [options, &["--output", "/dev/null", "--write-out", "%{http_code}", "--request-target", path]].concat();
        page(&curl(server.port, &options))
    };
    assert_eq!(code(&["--head"], "/"), "200");
    assert_eq!(code(&[], "/elsewhere"), "404");
    assert_eq!(code(&["--data", "x=1"], "/"), "405");
}

#[test]
fn broken_clients_do_not_keep_the_page_from_others() {
    if !have(&["curl", "openssl"]) {
        return;
    }
    let server = Server::start(&[&pki().p256], &[]);
    // One that sends no HTTP, one that never sends, one that is killed.
    let mut rude = openssl::Client::start(server.port, &[]);
    let (_, start) = rude.report();
    rude.running.say(b"\x00\x01\x02 nonsense\r\n\r\n");
    rude.running.wait_for_after(start, "HTTP/1.1 400 Bad Request\r\n");
    let silent = openssl::Client::start(server.port, &[]);
    silent.report();
    drop(openssl::Client::start(server.port, &[]));
    assert!(page(&curl(server.port, &[])).contains("TLS 1.3"));
}
