//! The command's own keys for Encrypted ClientHello: made, published, served, and changed (RFC 9849, RFC 9934).

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clasp::EchKey;
use clasp::wire::EchConfig;

use crate::certs::{Files, Folder, Kind, Leaf, pki};
use crate::command::{Server, clasp, say_hello, traced};
use crate::openssl::path;
use crate::peers::{Ended, Running};

/// For both names.
fn identity() -> Files {
    pki().ca.issue(&Leaf::server(Kind::P256).names(&["localhost", "public.example"]))
}

fn run(args: &[&str]) -> Ended {
    Running::start(clasp().args(args)).finish()
}

/// Makes a key, and gives what is published of it.
fn make(folder: &Folder, name: &str, options: &[&str]) -> (String, String) {
    let file = folder.file(name);
    let ended = run(&[&["ech-key", "--public-name", "public.example", "--out", path(&file)], options].concat());
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
    let said = String::from_utf8(ended.stdout).unwrap();
    let list = said.strip_prefix("ech=").and_then(|rest| rest.strip_suffix('\n')).unwrap();
    (path(&file).to_owned(), list.to_owned())
}

#[test]
fn a_key_is_made_and_published() {
    let folder = Folder::new("echkey");
    let (file, list) = make(&folder, "key.pem", &["--config-id", "9", "--maximum-name-length", "40"]);
    let [key] = &EchKey::from_pem_file(&file).unwrap()[..] else { panic!() };
    let published = EchConfig::parse_list(&STANDARD.decode(&list).unwrap().into()).unwrap();
    assert_eq!(published, [key.config().clone()]);
    let contents = key.config().contents.as_ref().unwrap();
    assert_eq!((key.config_id(), key.public_name(), contents.maximum_name_length), (9, "public.example", 40));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // What is there already is left alone.
    let before = std::fs::read(&file).unwrap();
    let ended = run(&["ech-key", "--public-name", "public.example", "--out", &file]);
    assert_eq!((ended.code(), ended.stdout.len()), (Some(2), 0));
    assert!(ended.stderr.contains("it is there already"), "{}", ended.stderr);
    assert_eq!(std::fs::read(&file).unwrap(), before);
    let out = folder.file("other.pem");
    let ended = run(&["ech-key", "--public-name", "192.0.2.1", "--out", path(&out)]);
    assert_eq!(ended.code(), Some(2));
    assert!(ended.stderr.contains("its public name is no host name") && !out.exists(), "{}", ended.stderr);
}

#[test]
fn hellos_are_encrypted_to_it() {
    let folder = Folder::new("echserve");
    let (file, list) = make(&folder, "key.pem", &[]);
    for (trace, lines) in [("--trace", false), ("--trace=json", true)] {
        let server = Server::start(&[&identity()], &["--echo", "--ech-key", &file, trace]);
        // By what was published, and by the file itself.
        for given in [&list, &file] {
            let ended = say_hello(server.port, &["--ech", given]);
            assert_eq!((ended.code(), ended.stdout.as_slice()), (Some(0), &b"hello\n"[..]), "{}", ended.stderr);
            assert_eq!(ended.stderr, "ECH accepted: nobody on the way saw the server name\n");
        }
        assert!(server.wait_line_with(", ECH").ends_with(", ECH, 6 bytes echoed"));
        // One that has nothing to hide, or only looks as if.
        for options in [&[][..], &["--grease-ech"]] {
            assert_eq!(say_hello(server.port, options).code(), Some(0));
        }
        server.running.signal("TERM");
        let told = server.running.end().stderr;
        let opened = told.matches("opened the ClientHello encrypted in it").count();
        assert_eq!(opened, 2, "{told}");
        if lines {
            let agreed = |ech: &str| told.matches(&format!("\"ECH\":\"{ech}\"")).count();
            assert_eq!((agreed("accepted"), agreed("none")), (2, 2), "{told}");
            assert_eq!(traced(&told, "server name").as_deref(), Some("localhost"));
        } else {
            assert!(told.contains(": server name localhost, config id "), "{told}");
            assert!(told.contains(", ECH accepted\n") && told.contains(", ECH none\n"), "{told}");
        }
    }
}

#[test]
fn keys_are_changed() {
    let folder = Folder::new("echchange");
    let ((old, old_list), (new, new_list)) = (make(&folder, "old.pem", &[]), make(&folder, "new.pem", &[]));
    let (_, stranger) = make(&folder, "stranger.pem", &[]);
    let server = Server::start(&[&identity()], &["--echo", "--ech-key", &new, "--ech-key", &old]);
    for list in [&old_list, &new_list] {
        assert_eq!(say_hello(server.port, &["--ech", list]).code(), Some(0));
    }
    // Who has another one is told the first alone.
    let kept = folder.file("kept.pem");
    let ended = say_hello(server.port, &["--ech", &stranger, "--ech-retry", path(&kept)]);
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.contains("connect again with --ech"), "{}", ended.stderr);
    let ended = say_hello(server.port, &["--ech", path(&kept)]);
    assert_eq!((ended.code(), ended.stderr.contains("ECH accepted")), (Some(0), true), "{}", ended.stderr);
    let ended = say_hello(server.port, &["--ech", &stranger]);
    assert!(ended.stderr.trim_end().ends_with(&format!("--ech {new_list}")), "{}", ended.stderr);
    server.wait_line_with("ech_required");

    // SIGHUP has them read again.
    std::fs::copy(folder.file("stranger.pem"), &new).unwrap();
    server.running.signal("HUP");
    server.running.wait_line("reloaded");
    assert_eq!(say_hello(server.port, &["--ech", &stranger]).code(), Some(0));
    assert_eq!(say_hello(server.port, &["--ech", &new_list]).code(), Some(1));
}

#[test]
fn what_cannot_be_served_is_said() {
    let folder = Folder::new("echwrong");
    let (key, _) = make(&folder, "key.pem", &[]);
    let (identity, listen) = (&pki().p256, ["serve", "--listen", "127.0.0.1:0"]);
    let identity = ["--cert", path(&identity.cert), "--key", path(&identity.key)];
    let wrong = |options: &[&str]| {
        let ended = run(&[&listen[..], &identity, options].concat());
        assert_eq!((ended.code(), ended.stdout.len()), (Some(2), 0), "{}", ended.stderr);
        ended.stderr
    };
    let told = wrong(&["--ech-key", path(&pki().p256.key)]);
    assert!(told.contains("clasp ech-key makes such a file"), "{told}");
    let told = wrong(&["--ech-key", "/nowhere.pem"]);
    assert!(told.contains("/nowhere.pem cannot be read"), "{told}");
    let told = wrong(&["--ech-key", &key, "--max-version", "tls1.2"]);
    assert!(told.contains("Encrypted ClientHello needs a policy that offers TLS 1.3"), "{told}");
    // A server that could not say who it is to those with an older key begins all the same.
    let mut command: Command = clasp();
    let server = Running::start(command.args([&listen[..], &identity, &["--ech-key", &key]].concat()));
    server.wait_line("listening on ");
    server.signal("TERM");
    let told = server.end().stderr;
    assert!(told.contains("no --cert is for public.example"), "{told}");
}
