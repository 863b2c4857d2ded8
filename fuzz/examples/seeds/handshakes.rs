//! Which handshakes are recorded: every kind of key exchange, certificate and record protection, with each peer, in both
//! roles, and what else is seen in the wild.

use clasp_fuzz::setup::{Ask, NAME, folder, test_data};

use crate::Failure;
use crate::peers::{self, Peer, Temporary};
use crate::recording::{Recording, as_client, as_server, between};

/// A server that Clasp's client talks to.
struct Server {
    name: &'static str,
    /// Options, separated by spaces; `{...}` stands for a file of [`files`].
    options: &'static str,
    /// Typed into it once it runs, line by line.
    say: &'static [&'static str],
}

/// A client that talks to Clasp's server.
struct Client {
    name: &'static str,
    options: &'static str,
    say: &'static [&'static str],
    ask: Ask,
}

const OPENSSL_SERVER: &str = "s_server -accept 127.0.0.1:{port} -cert {server-rsa} -key {server-rsa} -cert_chain {middle} \
                              -dcert {server-ecdsa} -dkey {server-ecdsa}";
const GNUTLS_SERVER: &str = "--quiet --port {port} --echo --x509certfile {server-rsa} --x509keyfile {server-rsa} \
                             --x509certfile {server-ecdsa} --x509keyfile {server-ecdsa}";
const OPENSSL_CLIENT: &str =
    "s_client -connect 127.0.0.1:{port} -servername {name} -CAfile {root} -verify_return_error";
const GNUTLS_CLIENT: &str =
    "--port {port} --x509cafile {root} --verify-hostname {name} --sni-hostname {name} 127.0.0.1";
const CURL: &str = "--silent --max-time 10 --http1.1 --cacert {root} --resolve {name}:{port}:127.0.0.1 \
                    https://{name}:{port}/";

const fn server(name: &'static str, options: &'static str) -> Server {
    Server { name, options, say: &[] }
}

const SERVERS: &[Server] = &[
    server("openssl-ecdhe-ecdsa-aes128-gcm", "-rev -cipher ECDHE-ECDSA-AES128-GCM-SHA256"),
    server("openssl-ecdhe-p521-rsa-chacha20", "-rev -cipher ECDHE-RSA-CHACHA20-POLY1305 -named_curve P-521"),
    server("openssl-dhe-rsa-aes256-gcm", "-rev -cipher DHE-RSA-AES256-GCM-SHA384"),
    server("openssl-rsa-aes128-cbc-sha", "-rev -cipher AES128-SHA"),
    server("openssl-rsa-aes256-cbc-sha256-no-etm", "-rev -cipher AES256-SHA256 -no_etm"),
    server("openssl-ecdhe-rsa-aes256-cbc-sha384", "-rev -cipher ECDHE-RSA-AES256-SHA384 -tls1_2"),
    server(
        "openssl-asks-alpn-status",
        "-rev -cipher ECDHE-RSA-AES128-GCM-SHA256 -Verify 2 -CAfile {root} -alpn http/1.1 -status_file {ocsp}",
    ),
    server(
        "openssl-asks-for-rsa",
        "-rev -cipher DHE-RSA-AES128-SHA256 -Verify 2 -CAfile {root} -client_sigalgs RSA+SHA256",
    ),
    server("openssl-nothing-common", "-cipher ADH-AES128-SHA"),
    Server { name: "openssl-hello-request", options: "-tls1_2", say: &["r", "hello"] },
    server("gnutls-dhe-rsa-ffdhe", "--priority NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+DHE-RSA"),
    server("gnutls-rsa-aes128-gcm", "--priority NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA:-CIPHER-ALL:+AES-128-GCM"),
    server("gnutls-ecdhe-ecdsa", "--priority NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA"),
    server(
        "gnutls-no-ems-no-etm-cbc",
        "--priority NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC:-MAC-ALL:+SHA1:%NO_SESSION_HASH:%NO_ETM",
    ),
    server(
        "gnutls-requires-alpn-status",
        "--require-client-cert --x509cafile {root} --alpn h2 --ocsp-response {ocsp} --priority \
         NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-RSA",
    ),
];

const fn client(name: &'static str, options: &'static str) -> Client {
    Client { name, options, say: &["hello"], ask: Ask::No }
}

const CLIENTS: &[Client] = &[
    client("openssl-default", "-alpn h2,http/1.1 -status"),
    client("openssl-ecdhe-rsa-chacha20", "-tls1_2 -cipher ECDHE-RSA-CHACHA20-POLY1305 -status"),
    client("openssl-dhe-rsa-aes128-gcm", "-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256"),
    client("openssl-rsa-aes128-cbc-sha", "-tls1_2 -cipher AES128-SHA"),
    client("openssl-rsa-aes256-cbc-sha256-no-etm", "-tls1_2 -cipher AES256-SHA256 -no_etm"),
    client("openssl-max-fragment", "-tls1_2 -cipher ECDHE-RSA-AES256-SHA384 -maxfraglen 512 -no_ticket"),
    Client { ask: Ask::Require, ..client("openssl-shows-ecdsa", "-tls1_2 -cert {client-ecdsa} -key {client-ecdsa}") },
    Client {
        ask: Ask::Request,
        ..client("openssl-shows-rsa", "-cipher ECDHE-RSA-AES128-GCM-SHA256 -cert {client-rsa} -key {client-rsa}")
    },
    Client { ask: Ask::Request, ..client("openssl-declines", "-tls1_2") },
    Client { ask: Ask::Require, ..client("openssl-shows-none", "-tls1_2") },
    Client { say: &["R", "hello"], ..client("openssl-renegotiates", "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256") },
    client("openssl-knows-no-root", "-tls1_2 -CAfile {client-rsa}"),
    client("gnutls-default", "--alpn http/1.1"),
    client("gnutls-dhe-rsa-ffdhe", "--priority NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+DHE-RSA"),
    client("gnutls-rsa-aes256-cbc", "--priority NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA:-CIPHER-ALL:+AES-256-CBC"),
    client(
        "gnutls-no-ems-no-etm-cbc",
        "--priority NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC:-MAC-ALL:+SHA1:%NO_SESSION_HASH:%NO_ETM",
    ),
    Client {
        ask: Ask::Require,
        ..client(
            "gnutls-shows-rsa",
            "--priority NORMAL:-VERS-TLS1.3 --x509certfile {client-rsa} --x509keyfile {client-rsa}",
        )
    },
    client("curl-default", ""),
    client("curl-rsa-aes128-gcm", "--tls-max 1.2 --ciphers AES128-GCM-SHA256"),
];

/// A server that is no Clasp, and clients that are none either, one after the other.
struct Others {
    server: &'static str,
    options: &'static str,
    /// Name, its first word being the client's program, and options.
    clients: &'static [(&'static str, &'static str)],
}

const OTHERS: &[Others] = &[
    Others {
        server: "openssl",
        options: "-rev -status_file {ocsp} -alpn h2",
        clients: &[
            ("openssl-openssl", "-tls1_2 -serverinfo 18,13172 -status -alpn h2 -maxfraglen 1024 -sess_out {session}"),
            ("openssl-openssl-resumes", "-tls1_2 -sess_in {session}"),
            ("gnutls-openssl", "--priority NORMAL:-VERS-TLS1.3 --recordsize 1024"),
        ],
    },
    Others {
        server: "gnutls",
        options: "--require-client-cert --x509cafile {root} --priority NORMAL:-VERS-TLS1.3",
        clients: &[
            ("gnutls-gnutls", "--x509certfile {client-rsa} --x509keyfile {client-rsa}"),
            ("openssl-gnutls", "-cert {client-ecdsa} -key {client-ecdsa}"),
        ],
    },
];

/// Records all of them.
pub(crate) fn record(temporary: &Temporary) -> Result<Vec<Recording>, Failure> {
    let files = Files::new(temporary)?;
    let mut recordings = Vec::new();
    for case in SERVERS {
        let port = peers::free_port()?;
        let mut peer = start_server(case.name, case.options, &files, port)?;
        let stream = peers::connect(port).map_err(|failure| format!("{}: {failure}", case.name))?;
        let teller = std::thread::spawn(move || {
            peer.say(case.say);
            peer
        });
        recordings.push(told(as_client(case.name, stream)?));
        drop(teller.join());
    }
    for case in CLIENTS {
        let listener = peers::listen()?;
        let mut peer = start_client(case.name, case.options, &files, peers::port_of(&listener))?;
        let stream = peers::accept(&listener).map_err(|failure| format!("{}: {failure}", case.name))?;
        let teller = std::thread::spawn(move || {
            peer.say(case.say);
            peer
        });
        recordings.push(told(as_server(case.name, stream, case.ask, &speech(case.name))?));
        drop(teller.join());
    }
    for others in OTHERS {
        let port = peers::free_port()?;
        let _server = start_server(others.server, others.options, &files, port)?;
        for (name, options) in others.clients {
            let to_server = peers::connect(port).map_err(|failure| format!("{name}: {failure}"))?;
            let listener = peers::listen()?;
            let mut client = start_client(name, options, &files, peers::port_of(&listener))?;
            let from_client = peers::accept(&listener).map_err(|failure| format!("{name}: {failure}"))?;
            let teller = std::thread::spawn(move || {
                client.say(&["hello", "Q"]);
                client.close_stdin();
                client.wait();
            });
            recordings.push(told(between(name, from_client, to_server)?));
            drop(teller.join());
        }
    }
    Ok(recordings)
}

/// Says how it went.
fn told(recording: Recording) -> Recording {
    let ours = recording.ours.as_ref();
    let verdict = ours.map_or("recorded", |ours| ours.verdict.as_str());
    let suite = ours.and_then(|ours| ours.established.as_ref()).map(|(_, keys)| format!(", {}", keys.suite.id));
    println!("  {:40} {verdict}{}", recording.name, suite.unwrap_or_default());
    recording
}

/// What Clasp's server answers.
fn speech(client: &str) -> Vec<u8> {
    if client.starts_with("curl") {
        b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".to_vec()
    } else {
        b"hello from Clasp\n".to_vec()
    }
}

fn start_server(name: &str, options: &str, files: &Files, port: u16) -> Result<Peer, Failure> {
    let (program, usual) =
        if name.starts_with("gnutls") { ("gnutls-serv", GNUTLS_SERVER) } else { ("openssl", OPENSSL_SERVER) };
    Peer::start(program, &files.fill(&format!("{usual} {options}"), port))
}

fn start_client(name: &str, options: &str, files: &Files, port: u16) -> Result<Peer, Failure> {
    let (program, usual) = match name.split('-').next() {
        Some("gnutls") => ("gnutls-cli", GNUTLS_CLIENT),
        Some("curl") => ("curl", CURL),
        _ => ("openssl", OPENSSL_CLIENT),
    };
    Peer::start(program, &files.fill(&format!("{usual} {options}"), port))
}

/// The files that options name.
struct Files(Vec<(&'static str, String)>);

impl Files {
    fn new(temporary: &Temporary) -> Result<Self, Failure> {
        let middle = second_certificate(&String::from_utf8_lossy(&test_data("server-rsa.pem")));
        let middle_file = temporary.file("middle-alone.pem");
        std::fs::write(&middle_file, middle).map_err(|error| format!("{middle_file}: {error}"))?;
        let ours = |name: &str| folder("test-data").join(name).display().to_string();
        Ok(Self(vec![
            ("{root}", ours("root.pem")),
            ("{server-rsa}", ours("server-rsa.pem")),
            ("{server-ecdsa}", ours("server-ecdsa.pem")),
            ("{client-rsa}", ours("client-rsa.pem")),
            ("{client-ecdsa}", ours("client-ecdsa.pem")),
            ("{ocsp}", ours("server-rsa.ocsp.der")),
            ("{middle}", middle_file),
            ("{session}", temporary.file("session.pem")),
            ("{name}", NAME.to_owned()),
        ]))
    }

    fn fill(&self, options: &str, port: u16) -> Vec<String> {
        let fill = |word: &str| {
            let word = word.replace("{port}", &port.to_string());
            self.0.iter().fold(word, |word, (name, path)| word.replace(name, path))
        };
        options.split_ascii_whitespace().map(fill).collect()
    }
}

/// The second certificate of a PEM text: openssl wants the leaf and the rest of the chain apart.
fn second_certificate(pem: &str) -> String {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let body = pem.split(BEGIN).nth(2).and_then(|text| text.split(END).next()).unwrap_or_default();
    format!("{BEGIN}{body}{END}\n")
}
