//! The command as people and scripts meet it: help, exit codes, streams, signals.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::certs::{Authority, Folder, Kind, Leaf, pki};
use crate::command::{Server, clasp, connect};
use crate::ends::{MIB, assert_same, noise};
use crate::openssl::path;
use crate::peers::{DEADLINE, Ended, Running, have};
use crate::{gnutls, openssl};

fn run(args: &[&str]) -> Ended {
    Running::start(clasp().args(args)).finish()
}

fn stdout(ended: &Ended) -> String {
    String::from_utf8(ended.stdout.clone()).expect("text")
}

#[test]
fn help_has_every_option_and_examples() {
    let shared = [
        "--policy",
        "--min-version",
        "--max-version",
        "--cipher",
        "--groups",
        "--alpn",
        "--trace",
        "--keylog",
        "--no-ems",
        "--no-etm",
    ];
    for (command, options) in [
        (
            &[][..],
            &["demo", "connect", "serve", "Exit status: 0 success, 1 the connection or handshake failed, 2 usage"][..],
        ),
        (&["demo"], &["--policy"]),
        (
            &["connect"],
            &[
                "<HOST:PORT>",
                "--servername",
                "--ca",
                "--pin",
                "--dangerous-accept-any",
                "--cert",
                "--key",
                "--no-diagnose",
            ],
        ),
        (&["serve"], &["--listen", "--cert", "--key", "--sct", "--client-ca", "--client-auth", "--http", "--echo"]),
        (&["ech-key"], &["--public-name", "--out", "--config-id", "clasp ech-key"]),
    ] {
        let ended = run(&[command, &["--help"]].concat());
        assert_eq!(ended.code(), Some(0));
        let text = stdout(&ended);
        let more = if ["connect", "serve"].map(Some).contains(&command.first().copied()) { &shared[..] } else { &[] };
        for part in [options, more, &["Examples:", "clasp demo", "clasp connect", "clasp serve"][..]].concat() {
            // Each shows examples of its own.
            let of_another =
                part.strip_prefix("clasp ").is_some_and(|name| command.first().is_some_and(|own| *own != name));
            assert!(of_another || text.contains(part), "{part}: {text}");
        }
        assert!(ended.stderr.is_empty());
    }
    let bare = run(&[]);
    assert_eq!(bare.code(), Some(2));
    assert!(bare.stderr.contains("Usage: clasp <COMMAND>"), "{}", bare.stderr);
    assert!(stdout(&run(&["--version"])).starts_with(concat!("clasp ", env!("CARGO_PKG_VERSION"))));
}

const README: &str = include_str!("../../README.md");

/// The options a text names, in order and once each.
fn options_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '-'));
    words.filter(|word| word.starts_with("--") && word.len() > 3).map(str::to_owned).collect()
}

#[test]
fn the_readmes_tables_are_complete() {
    let table = |title: &str| {
        let (_, rest) = README.split_once(title).expect(title);
        let rows: Vec<&str> = rest.lines().skip_while(|line| !line.starts_with('|')).collect();
        let cells = rows.iter().take_while(|row| row.starts_with('|')).filter_map(|row| row.split(" | ").next());
        options_in(&cells.collect::<String>())
    };
    let shared = table("Of `connect` and `serve`:");
    for command in ["connect", "serve"] {
        let listed: BTreeSet<String> = table(&format!("Of `clasp {command}")).union(&shared).cloned().collect();
        let help = stdout(&run(&[command, "--help"]));
        // An option stands first on its line.
        let heads: Vec<&str> = help.lines().filter(|line| line.trim_start().starts_with("--")).collect();
        assert_eq!(listed, options_in(&heads.join("\n")), "{command}");
    }
}

#[test]
fn the_readmes_examples_work() {
    if !have(&["openssl", "curl"]) {
        return;
    }
    let folder = Folder::new("readme");
    let port = crate::peers::free_port().to_string();
    let blocks: Vec<String> = README
        .split("```sh\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap().replace("8443", &port).replace("clasp ", "\"$CLASP\" "))
        .collect();
    let [demo, make, serve, clients, early, raw] = blocks.as_slice() else { panic!("{blocks:?}") };
    let shell = |script: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", script]).env("CLASP", env!("CARGO_BIN_EXE_clasp")).env_remove("SSLKEYLOGFILE");
        shell.env("no_proxy", "*").current_dir(folder.file("."));
        Running::start(&mut shell)
    };
    for script in [demo, make] {
        let ended = shell(script).finish();
        assert_eq!(ended.code(), Some(0), "{script}{}", ended.stderr);
    }
    let server = shell(&format!("exec {serve}"));
    server.wait_line("listening on ");
    let ended = shell(clients).finish();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let page = "cipher suite            TLS_AES_256_GCM_SHA384\n";
    assert_eq!(stdout(&ended).matches(page).count(), 2, "{}", stdout(&ended));
    assert!(ended.stderr.starts_with(" 1 client: sent ClientHello: server name localhost, "), "{}", ended.stderr);
    drop(server);

    // Early data: a server, and a client that comes twice.
    let (serve, client) = early.split_once('\n').unwrap();
    let server = shell(&format!("exec {serve}"));
    server.wait_line("listening on ");
    for taken in [false, true] {
        let ended = shell(client).finish();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        assert_eq!(ended.stderr.contains("early data accepted"), taken, "{}", ended.stderr);
    }
    drop(server);

    // Keys without certificates: one that is made, a server, a client.
    let [make, serve, client] = raw.lines().collect::<Vec<_>>()[..] else { panic!("{raw}") };
    assert_eq!(shell(make).finish().code(), Some(0));
    let server = shell(&format!("exec {serve}"));
    server.wait_line("listening on ");
    let ended = shell(client).finish();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert!(stdout(&ended).contains(page), "{}", stdout(&ended));
}

#[test]
fn a_wrong_command_line_is_exit_code_2_and_says_what_to_write() {
    const PIN: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    const UNFIT: &str = "the key does not fit the certificate of CN=server";
    let (ca, cert, key) = (path(&pki().ca.files.cert), path(&pki().p256.cert), path(&pki().rsa.key));
    let listen = ["serve", "--listen", "127.0.0.1:0"];
    for (args, says) in [
        (&["connect", "localhost"][..], "is no HOST:PORT, such as example.com:443 or [::1]:443"),
        (&["connect", "a b:1", "--ca", ca], "is neither a DNS name nor an IP address; use --servername"),
        (&["connect", "localhost:1", "--ca", "/nowhere.pem"], "cannot read /nowhere.pem: No such file"),
        (&["connect", "localhost:1", "--ca", key], "expected \"-----BEGIN CERTIFICATE-----\""),
        (&["connect", "localhost:1", "--ca", ca, "--cert", cert], "--key <FILE>"),
        (&["connect", "localhost:1", "--ca", ca, "--cert", cert, "--key", key], UNFIT),
        (
            &["connect", "localhost:1", "--ca", ca, "--policy", "none"],
            "[possible values: modern, compatible, legacy, insecure]",
        ),
        (
            &["connect", "localhost:1", "--ca", ca, "--cipher", "AES128-SHA"],
            "policy compatible does: add --policy compatible",
        ),
        (&["connect", "localhost:1", "--ca", ca, "--cipher", "NULL"], "by IANA's name or OpenSSL's"),
        (&["connect", "localhost:1", "--ca", ca, "--groups", "x448"], "this build does not carry the group x448"),
        (
            &["connect", "localhost:1", "--ca", ca, "--max-version", "tls1.1"],
            "speaks no version from SSL 3.0 to TLS 1.1",
        ),
        (&["connect", "localhost:1", "--pin", "sha256:00"], "--pin sha256:00: "),
        (
            &["connect", "localhost:1", "--ca", ca, "--keylog", "/nowhere/log"],
            "the key log /nowhere/log cannot be opened",
        ),
        (&[&listen[..], &["--cert", cert]].concat(), "--key <FILE>"),
        (&[&listen[..], &["--cert", cert, "--key", key]].concat(), UNFIT),
        (
            &[&listen[..], &["--cert", cert, "--key", path(&pki().p256.key), "--client-auth", "require"]].concat(),
            "--client-auth needs --client-ca, who issues the clients' certificates, or --client-raw-key",
        ),
        (&listen, "give --cert and --key (or --pkcs12), or --raw-key and --key"),
        (&[&listen[..], &["--key", key]].concat(), "--key needs its certificate: add --cert, or --raw-key"),
        (&[&listen[..], &["--cert", cert, "--key", key, "--key", key]].concat(), "every --cert needs a --key"),
        (&[&listen[..], &["--raw-key"]].concat(), "--raw-key needs a key to show"),
        (
            &[&listen[..], &["--key", key, "--raw-key", "--client-raw-key", key]].concat(),
            "there is no public key in it, PEM",
        ),
        (
            &[&listen[..], &["--key", key, "--raw-key", "--client-raw-key", PIN, "--client-auth", "on-path=/a"]]
                .concat(),
            "--client-auth on-path needs --client-ca",
        ),
        (&["connect", "localhost:1", "--ca", ca, "--key", key], "add --cert, or --raw-key"),
        (&["connect", "localhost:1", "--server-raw-key", cert], "openssl x509 -in cert.pem -noout -pubkey"),
        (&["connect", "localhost:1", "--server-raw-key", "/nowhere.pem"], "it is no sha256:HEX, and no file to read"),
        (&["connect", "localhost:1", "--server-raw-key", "sha256:00"], "--server-raw-key sha256:00: "),
        (&["connect", "localhost:1", "--server-raw-key", PIN, "--ca", ca], "cannot be used with"),
        (&["connect", "localhost:1", "--ca", ca, "--key-password-env", "HOME"], "nothing that it could open"),
        (
            &["connect", "localhost:1", "--ca", ca, "--pkcs12", cert, "--key-password-env", "NO_SUCH_VARIABLE"],
            "there is no such environment variable",
        ),
        (&["connect", "localhost:1", "--ca", ca, "--pkcs12", cert], "is not readable as PKCS#12"),
        (&["connect", "localhost:1", "--ca", ca, "--ech", "no such file"], "there is no such file, nor is it base64"),
        (&["connect", "localhost:1", "--ca", ca, "--ech", "AAAA"], "dig +short example.com HTTPS"),
        (&["connect", "localhost:1", "--ca", ca, "--ech", cert], "expected an ECHConfigList"),
        (&["connect", "localhost:1", "--ca", ca, "--ech-retry", "there"], "--ech <FILE|BASE64>"),
    ] {
        println!("{args:?}");
        let ended = run(args);
        assert_eq!(ended.code(), Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(says), "{says}: {}", ended.stderr);
        assert!(ended.stdout.is_empty());
    }
}

#[test]
fn what_cannot_be_reached_or_listened_on_is_exit_code_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (cert, key) = (path(&pki().p256.cert), path(&pki().p256.key));
    let ended = run(&["serve", "--listen", &address, "--cert", cert, "--key", key]);
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.starts_with(&format!("clasp: cannot listen on {address}: ")), "{}", ended.stderr);
    drop(taken);
    let ended = run(&["connect", &address, "--ca", path(&pki().ca.files.cert)]);
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.contains("cannot be reached over TCP: Connection refused"), "{}", ended.stderr);
}

#[test]
fn the_demo_tells_all_steps_and_no_secret() {
    for (policy, exchange) in
        [("modern", "both sides' key shares"), ("compatible", "encrypted to the server's RSA key")]
    {
        let folder = Folder::new("demo");
        // The demo has no key log; this shows that it does not make one by the environment either.
        let log = folder.file("log");
        let ended = Running::start(clasp().args(["demo", "--policy", policy]).env("SSLKEYLOGFILE", &log)).finish();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        assert!(ended.stderr.is_empty() && !log.exists());
        let text = stdout(&ended);
        let mut steps: Vec<u32> = text
            .lines()
            .filter_map(|line| Some((line.get(..2)?.trim().parse().ok()?, line.get(2..4)?)))
            .filter_map(|(number, gap)| Some(number).filter(|_| gap == "  "))
            .collect();
        if policy == "modern" {
            assert_ne!(steps, (1..=11).collect::<Vec<u32>>(), "TLS 1.3 takes them in another order");
            steps.sort_unstable();
        }
        assert_eq!(steps, (1..=11).collect::<Vec<u32>>(), "{text}");
        for part in [
            exchange,
            "client authenticated",
            "the server read \"hello from the client\"",
            "both closed with close_notify",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        // The longest hexadecimal text is the beginning of a random value: 8 bytes.
        let longest = text.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max();
        assert_eq!(longest, Some(16), "{text}");
    }
}

#[test]
fn traces_are_numbered_and_stay_off_standard_output() {
    let server = Server::start(&[&pki().p256], &["--echo", "--trace=json"]);
    for (option, json) in [("--trace", false), ("--trace=text", false), ("--trace=json", true)] {
        let mut client = Running::start(&mut connect(server.port, &pki().ca.files.cert, &[option]));
        client.say(b"only this");
        client.wait_for("only this");
        let ended = client.finish();
        assert_eq!((ended.code(), stdout(&ended).as_str()), (Some(0), "only this"));
        let steps: BTreeSet<u64> = ended
            .stderr
            .lines()
            .filter_map(|line| {
                if json {
                    let event: Value = serde_json::from_str(line).expect("a JSON object a line");
                    assert_eq!(event["role"], "client");
                    event["step"].as_u64()
                } else {
                    line.get(..2)?.trim().parse().ok()
                }
            })
            .collect();
        // Step 5 is only taken when the server asks.
        assert_eq!(steps, [1, 2, 3, 4, 6, 7, 8, 9, 10].into(), "{}", ended.stderr);
    }
    server.running.wait_stderr("the server's trace", |printed| {
        let text = String::from_utf8_lossy(printed);
        let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        lines.iter().any(|event| event["role"] == "server" && event["step"] == 10).then_some(())
    });
}

#[test]
fn no_color_and_pipes_are_respected() {
    const WRONG: &[&str] = &["connect", "--nonsense"];
    let coloured = |forced: bool, no_color: bool| {
        let mut command = clasp();
        command.args(WRONG).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        command.envs(Some(("CLICOLOR_FORCE", "1")).filter(|_| forced));
        command.envs(Some(("NO_COLOR", "1")).filter(|_| no_color));
        Running::start(&mut command).finish().stderr.contains('\u{1b}')
    };
    assert!(!coloured(false, false), "a pipe is no terminal");
    assert!(coloured(true, false), "the switch works, or the next line says nothing");
    assert!(!coloured(true, true));
}

#[test]
fn suites_are_known_by_both_names() {
    let server = Server::start(&[&pki().rsa], &["--policy", "compatible", "--echo"]);
    for name in ["AES128-SHA", "TLS_RSA_WITH_AES_128_CBC_SHA"] {
        let options = ["--policy", "compatible", "--cipher", name];
        let ended = Running::start(&mut connect(server.port, &pki().ca.files.cert, &options)).finish();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    }
    server.running.wait_stdout("both connections", |printed| {
        let lines = String::from_utf8_lossy(printed).into_owned();
        (lines.matches(" TLS 1.2 TLS_RSA_WITH_AES_128_CBC_SHA, 0 bytes echoed\n").count() == 2).then_some(())
    });
}

#[test]
fn the_commands_carry_a_mebibyte_each_way() {
    if !have(&["openssl", "gnutls-cli"]) {
        return;
    }
    let server = Server::start(&[&pki().p256], &["--echo"]);
    let data = noise(31, MIB);
    let echoed = |mut client: Running, start: usize, who: &str| {
        client.say(&data);
        assert_same(&client.wait_bytes(start, MIB), &data, who);
        client
    };
    let clasp = Running::start(&mut connect(server.port, &pki().ca.files.cert, &[]));
    assert_eq!(echoed(clasp, 0, "clasp").finish().code(), Some(0));

    let s_client = openssl::Client::start(server.port, &["-no_ign_eof", "-nocommands"]);
    let (_, start) = s_client.report();
    echoed(s_client.running, start, "s_client").finish();

    let gnutls_cli = gnutls::Client::start(server.port, gnutls::ALL, &[]);
    assert_eq!(echoed(gnutls_cli.running, 0, "gnutls-cli").finish().code(), Some(0));
    server.running.wait_stdout("three good ends", |printed| {
        let lines = String::from_utf8_lossy(printed).into_owned();
        (lines.matches(", 1048576 bytes echoed\n").count() == 3).then_some(())
    });
}

#[test]
fn addresses_serve_as_names() {
    let server = Server::start(&[&pki().p256], &[]);
    let request = |target: &str, options: &[&str]| {
        let mut client =
            Running::start(clasp().args(["connect", target, "--ca", path(&pki().ca.files.cert)]).args(options));
        client.say(b"GET / HTTP/1.0\r\n\r\n");
        // The server closes first, and standard input need not end.
        let ended = client.end();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        stdout(&ended)
    };
    // RFC 6066 3: an address is not sent as a server name.
    let page = request(&format!("127.0.0.1:{}", server.port), &[]);
    assert!(page.contains("server name             none\n"), "{page}");
    let page = request(&format!("127.0.0.1:{}", server.port), &["--servername", "localhost"]);
    assert!(page.contains("server name             localhost\n"), "{page}");

    if TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let authority = Authority::root("Six");
    let files = authority.issue(&Leaf::server(Kind::P256).names(&["::1"]));
    let mut serve = clasp();
    serve.args(["serve", "--listen", "[::1]:0", "--cert", path(&files.cert), "--key", path(&files.key)]);
    let serve = Running::start(&mut serve);
    let target = serve.wait_line("listening on ");
    let ended = run(&["connect", &target, "--ca", path(&authority.files.cert)]);
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
}

#[test]
fn signals_let_open_connections_finish() {
    if !have(&["openssl"]) {
        return;
    }
    for signal in ["TERM", "INT"] {
        let server = Server::start(&[&pki().p256], &["--echo"]);
        let mut client = openssl::Client::start(server.port, &["-no_ign_eof", "-nocommands"]);
        let (_, start) = client.report();
        client.running.say(b"before ");
        client.running.wait_for_after(start, "before ");
        server.running.signal(signal);
        let until = Instant::now() + DEADLINE;
        while TcpStream::connect(("127.0.0.1", server.port)).is_ok() {
            assert!(Instant::now() < until, "it still accepts connections");
            thread::sleep(Duration::from_millis(5));
        }
        client.running.say(b"and after");
        client.running.wait_for_after(start, "before and after");
        client.ended();
        let ended = server.running.end();
        assert_eq!(ended.code(), Some(0), "SIG{signal}: {}", ended.stderr);
        assert!(stdout(&ended).contains(", 16 bytes echoed\n"));
    }
    // A connection kept alive that asks for nothing more is closed, and not cut.
    let server = Server::start(&[&pki().p256], &["--http"]);
    let mut client = Running::start(&mut connect(server.port, &pki().ca.files.cert, &[]));
    client.say(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.wait_for("HTTP/1.1 200 OK");
    server.running.signal("TERM");
    assert_eq!(client.end().code(), Some(0));
    assert_eq!(server.running.end().code(), Some(0));
}

#[test]
fn readers_that_go_away_are_survived() {
    // clasp demo | head -1
    let mut demo = clasp().arg("demo").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(demo.stdout.take());
    let mut complaint = String::new();
    demo.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert_eq!((demo.wait().unwrap().code(), complaint.as_str()), (Some(0), ""));

    let (cert, key) = (path(&pki().p256.cert), path(&pki().p256.key));
    let mut serve = clasp();
    serve.args(["serve", "--listen", "127.0.0.1:0", "--cert", cert, "--key", key]);
    let mut serve = Killed(serve.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(serve.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port: u16 = line.trim().rsplit_once(':').unwrap().1.parse().unwrap();
    for _ in 0..3 {
        let mut client = Running::start(&mut connect(port, &pki().ca.files.cert, &[]));
        client.say(b"GET / HTTP/1.0\r\n\r\n");
        let ended = client.end();
        assert!(stdout(&ended).starts_with("HTTP/1.1 200 OK\r\n"), "{}", ended.stderr);
    }
    assert!(Command::new("kill").arg(serve.0.id().to_string()).status().unwrap().success());
    let mut complaint = String::new();
    serve.0.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert_eq!((serve.0.wait().unwrap().code(), complaint.as_str()), (Some(0), ""));
}

/// A child that ends with the test.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        match self.0.kill() {
            Err(error) if error.kind() != ErrorKind::InvalidInput => eprintln!("{error}"),
            _ => drop(self.0.wait()),
        }
    }
}
