//! Signed certificate timestamps (RFC 6962) with OpenSSL, in both roles, and in the command. No log made them: nobody here
//! verifies them.

use std::fs;

use clasp::Policy;
use clasp::cert::SctList;
use clasp::wire::ProtocolVersion;

use crate::certs::{Folder, Kind, Leaf, pki};
use crate::command::{Server, clasp, connect};
use crate::ends::{client, client_config, close};
use crate::openssl::{self, openssl, path};
use crate::peers::{Running, have};

/// Versions by Clasp's name, and by OpenSSL's option.
const VERSIONS: [(ProtocolVersion, &str); 2] =
    [(ProtocolVersion::TLS_1_2, "-tls1_2"), (ProtocolVersion::TLS_1_3, "-tls1_3")];

/// Of a version that OpenSSL does not know either, and so does not look into.
fn list() -> SctList {
    SctList::new([&b"\xffthe first"[..], b"\xffanother"]).unwrap()
}

fn policy(version: ProtocolVersion) -> Policy {
    Policy::modern().with_versions(version, version)
}

#[test]
fn openssls_timestamps_reach_the_caller() {
    if !have(&["openssl"]) {
        return;
    }
    let folder = Folder::new("sct");
    // In the first certificate's entry, or the ServerHello, of full handshakes, when the client asks: OpenSSL's SSL_EXT_ flags.
    let context = 0x1000_u32 | 0x100 | 0x80 | 0x40;
    let list = list();
    let length = u16::try_from(list.as_bytes().len()).unwrap();
    let info = [&context.to_be_bytes()[..], &[0, 18], &length.to_be_bytes(), list.as_bytes()].concat();
    let encoded = openssl(&["base64", "-in", path(&folder.write("info", info))]).output().unwrap().stdout;
    let name = "SERVERINFOV2 FOR EXTENSION 18";
    let text = format!("-----BEGIN {name}-----\n{}-----END {name}-----\n", String::from_utf8(encoded).unwrap());
    let file = folder.write("info.pem", text);
    for (version, option) in VERSIONS {
        for asks in [true, false] {
            let config = client_config(policy(version)).certificate_timestamps(asks).build().unwrap();
            let server = openssl::Server::start(&pki().p256, &[option, "-serverinfo", path(&file)]);
            let mut tls = client(&config, server.port).unwrap();
            assert_eq!(tls.session().unwrap().sct_list(), Some(&list).filter(|_| asks), "{version}");
            close(&mut tls).unwrap();
        }
    }
}

#[test]
fn openssl_takes_what_serve_is_given() {
    if !have(&["openssl"]) {
        return;
    }
    let folder = Folder::new("sct");
    let file = folder.write("list", list().as_bytes());
    // It knows no log.
    let logs = folder.write("logs", "enabled_logs=\n");
    let server = Server::start(&[&pki().p256], &["--echo", "--sct", path(&file)]);
    for (version, option) in VERSIONS {
        for (asks, count) in [(&["-ct", "-ctlogfile", path(&logs)][..], 2), (&[], 0)] {
            let client = openssl::Client::start(server.port, &[&[option], asks].concat());
            let report = client.running.wait_stdout("the report on the handshake", |printed| {
                let printed = String::from_utf8_lossy(printed);
                printed.contains("Verify return code: 0 (ok)").then(|| printed.into_owned())
            });
            assert_eq!(report.contains(&format!("SCTs present ({count})")), count > 0, "{version}: {report}");
        }
    }
}

#[test]
fn connect_counts_them_and_a_hangup_reads_them_again() {
    let folder = Folder::new("sct");
    let file = folder.write("list", list().as_bytes());
    let other = pki().ca.issue(&Leaf::server(Kind::P256).names(&["other.example"]));
    let none = folder.write("none", b"");
    let options = ["--http", "--sct", path(&none), "--sct", path(&file)];
    let server = Server::start(&[&other, &pki().p256], &options);
    let agreed = |options: &[&str]| {
        let ended = Running::start(&mut connect(server.port, &pki().ca.files.cert, options)).finish();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        ended.stderr
    };
    for version in ["tls1.2", "tls1.3"] {
        let traced = agreed(&["--trace", "--max-version", version]);
        assert!(traced.contains("received certificate timestamps: count 2, bytes 24"), "{traced}");
        assert!(traced.contains("certificate timestamps 2\n"), "{traced}");
    }
    let traced = agreed(&["--trace", "--servername", "other.example"]);
    assert!(traced.contains("certificate timestamps none\n"), "{traced}");

    #[cfg(unix)]
    {
        fs::write(&file, SctList::new([b"one"]).unwrap().as_bytes()).unwrap();
        server.running.signal("HUP");
        server.running.wait_for("\nreloaded\n");
        let traced = agreed(&["--trace"]);
        assert!(traced.contains("certificate timestamps 1\n"), "{traced}");
        fs::write(&file, b"no list").unwrap();
        server.running.signal("HUP");
        let why = server.wait_line_with("not reloaded");
        assert!(why.contains("no SignedCertificateTimestampList"), "{why}");
    }
}

#[test]
fn timestamps_that_cannot_be_served() {
    let folder = Folder::new("sct");
    let (good, bad) = (folder.write("good", list().as_bytes()), folder.write("bad", &list().as_bytes()[1..]));
    let missing = folder.file("missing");
    let files = &pki().p256;
    for (paths, why) in [
        (&[&bad][..], "no SignedCertificateTimestampList"),
        (&[&missing], "the timestamps in "),
        (&[&good, &good], "every --sct needs a --cert"),
    ] {
        let mut command = clasp();
        command.args(["serve", "--listen", "127.0.0.1:0", "--cert", path(&files.cert), "--key", path(&files.key)]);
        for file in paths {
            command.arg("--sct").arg(file);
        }
        let ended = Running::start(&mut command).finish();
        assert_eq!(ended.code(), Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
    }
}
