//! Every suite, with and without encrypt-then-MAC and the extended master secret, each way, with data in both
//! directions and a clean close.

use std::fmt;
use std::sync::Arc;

use clasp::handshake::{Authentication, KeyExchange, Suite};
use clasp::{CIPHER_SUITES, Policy, ServerConfig, Session};

use crate::certs::{Files, Folder, pki};
use crate::command::{connect, traced};
use crate::ends::{
    MIB, assert_same, client, client_config, close, close_after_peer, high_noise, lines, noise, read_exactly, serve,
    write_all,
};
use crate::peers::{Running, have};
use crate::{gnutls, openssl};

/// One connection of the matrix.
struct Cell {
    suite: &'static Suite,
    extended_master_secret: bool,
    encrypt_then_mac: bool,
    /// Who does without what is switched off: Clasp, or the peer.
    ours: bool,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.suite.id)?;
        let who = if self.ours { "ours" } else { "theirs" };
        if !self.extended_master_secret {
            write!(f, ", no extended master secret ({who})")?;
        }
        if self.suite.bulk.is_cbc() && !self.encrypt_then_mac {
            write!(f, ", no encrypt-then-MAC ({who})")?;
        }
        Ok(())
    }
}

impl Cell {
    /// All that can be told apart: encrypt-then-MAC only matters for CBC.
    fn all() -> Vec<Self> {
        let mut cells = Vec::new();
        for suite in CIPHER_SUITES {
            for (extended_master_secret, encrypt_then_mac) in
                [(true, true), (false, true), (true, false), (false, false)]
            {
                if !encrypt_then_mac && !suite.bulk.is_cbc() {
                    continue;
                }
                for ours in [true, false] {
                    if ours || !(extended_master_secret && encrypt_then_mac) {
                        cells.push(Self { suite, extended_master_secret, encrypt_then_mac, ours });
                    }
                }
            }
        }
        cells
    }

    fn policy(&self) -> Policy {
        Policy::compatible()
            .with_cipher_suites(&[self.suite.id])
            .with_extended_master_secret(!self.ours || self.extended_master_secret)
            .with_encrypt_then_mac(!self.ours || self.encrypt_then_mac)
    }

    /// What the peer is to do without: the extended master secret, encrypt-then-MAC.
    fn they_lack(&self) -> (bool, bool) {
        (!self.ours && !self.extended_master_secret, !self.ours && !self.encrypt_then_mac)
    }

    fn identity(&self) -> &'static Files {
        if self.suite.authentication == Authentication::Rsa { &pki().rsa } else { &pki().p256 }
    }

    /// How many bytes go each way: a mebibyte with every suite, less where the records look the same again or nearly so.
    fn size(&self) -> usize {
        if self.extended_master_secret && self.encrypt_then_mac { MIB } else { MIB / 8 }
    }

    #[track_caller]
    fn assert_agreed(&self, session: &Session) {
        assert_eq!(session.cipher_suite(), self.suite.id);
        assert_eq!(session.extended_master_secret(), self.extended_master_secret, "extended master secret");
        let encrypt_then_mac = self.encrypt_then_mac && self.suite.bulk.is_cbc();
        assert_eq!(session.encrypt_then_mac(), encrypt_then_mac, "encrypt-then-MAC");
        assert!(session.secure_renegotiation(), "renegotiation_info");
        if self.suite.key_exchange == KeyExchange::Rsa {
            assert_eq!(session.group(), None);
        }
    }
}

/// Runs every cell; a failure's last printed line names it.
fn for_each_cell(one: impl Fn(&Cell)) {
    let cells = Cell::all();
    // 27 suites: 11 with an AEAD in 3 forms, 16 with CBC in 7.
    assert_eq!(cells.len(), 145);
    for cell in cells {
        println!("{cell}");
        one(&cell);
    }
}

#[test]
fn clasp_connects_to_s_server_with_every_suite() {
    if !have(&["openssl"]) {
        return;
    }
    let folder = Folder::new("matrix");
    let (ours, theirs) = (noise(1, MIB), high_noise(2, MIB));
    for_each_cell(|cell| {
        let mut command = openssl::server_command(cell.identity(), &["-cipher", "ALL:@SECLEVEL=1"]);
        let (no_ems, no_etm) = cell.they_lack();
        if no_ems {
            openssl::without_extended_master_secret(&mut command, &folder);
        }
        if no_etm {
            command.arg("-no_etm");
        }
        let mut server = openssl::Server::start_command(command);
        let mut tls = client(&client_config(cell.policy()).build().unwrap(), server.port).unwrap();
        cell.assert_agreed(tls.session().unwrap());

        // s_server writes before it reads on, so that both mebibytes at once could block each other.
        let (ours, theirs) = (&ours[..cell.size()], &theirs[..cell.size()]);
        write_all(&mut tls, ours).unwrap();
        let start = server.data_start();
        assert_same(&server.running.wait_bytes(start, ours.len()), ours, "to s_server");
        server.running.say(theirs);
        assert_same(&read_exactly(&mut tls, theirs.len()).unwrap(), theirs, "from s_server");
        close(&mut tls).unwrap();
        drop(tls);
        openssl::assert_clean_close(&server.closed(start + ours.len()));
    });
}

#[test]
fn s_client_connects_to_clasp_with_every_suite() {
    if !have(&["openssl"]) {
        return;
    }
    let folder = Folder::new("matrix");
    let (ours, theirs) = (Arc::new(noise(3, MIB)), noise(4, MIB));
    for_each_cell(|cell| {
        let config = ServerConfig::builder(cell.policy()).identity(cell.identity().identity()).build().unwrap();
        let (answer, size) = (Arc::clone(&ours), cell.size());
        let serving = serve(config, move |mut tls| {
            let came = read_exactly(&mut tls, size)?;
            write_all(&mut tls, &answer[..size])?;
            close(&mut tls)?;
            Ok((came, tls.session().unwrap().clone()))
        });
        let mut command = openssl::client_command(serving.port, &["-cipher", "ALL:@SECLEVEL=1"]);
        let (no_ems, no_etm) = cell.they_lack();
        if no_ems {
            openssl::without_extended_master_secret(&mut command, &folder);
        }
        if no_etm {
            command.arg("-no_etm");
        }
        let mut client = openssl::Client::start_command(command);
        let (report, start) = client.report();
        client.running.say(&theirs[..size]);
        assert_same(&client.running.wait_bytes(start, size), &ours[..size], "to s_client");
        let (came, session) = serving.join().unwrap();
        assert_same(&came, &theirs[..size], "from s_client");
        cell.assert_agreed(&session);
        assert!(report.contains(&format!("Cipher is {}\n", cell.suite.id.openssl_name().unwrap())), "{report}");
        let (_, messages) = client.ended();
        openssl::assert_clean_close(&messages);
    });
}

#[test]
fn clasp_connects_to_gnutls_serv_with_every_suite() {
    if !have(&["gnutls-serv"]) {
        return;
    }
    // It serves one connection after another; one server each for what it may lack.
    let servers: Vec<_> = ["", ":%NO_SESSION_HASH", ":%NO_ETM", ":%NO_SESSION_HASH:%NO_ETM"]
        .into_iter()
        .map(|lack| {
            let priority = format!("{}{lack}", gnutls::ALL);
            gnutls::Server::start(&[&pki().rsa, &pki().p256], &priority, &["--disable-client-cert"])
        })
        .collect();
    let (long, short) = (lines(5, MIB), lines(5, MIB / 8));
    for_each_cell(|cell| {
        let (no_ems, no_etm) = cell.they_lack();
        let server = &servers[usize::from(no_ems) + 2 * usize::from(no_etm)];
        // It reads nothing more until its echo is taken, so this is the command's to do: it does both at once.
        let mut options = vec!["--policy", "compatible", "--trace=json", "--cipher", cell.suite.id.name().unwrap()];
        options.extend(Some("--no-ems").filter(|_| cell.ours && !cell.extended_master_secret));
        options.extend(Some("--no-etm").filter(|_| cell.ours && !cell.encrypt_then_mac));
        let mut client = Running::start(&mut connect(server.port, &pki().ca.files.cert, &options));
        let data = if cell.size() == MIB { &long } else { &short };
        client.say(data);
        client.wait_bytes(0, data.len());
        // It answers our close_notify with its own, which is what the command's success says; a cut it would complain
        // about, and cut in turn.
        let ended = client.finish();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        assert_same(&ended.stdout, data, "echo of gnutls-serv");
        assert!(!server.running.stderr.text().contains("non-properly"), "gnutls-serv missed our close_notify");
        let traced = |field| traced(&ended.stderr, field).unwrap_or_else(|| panic!("{field}: {}", ended.stderr));
        assert_eq!(traced("suite"), cell.suite.id.name().unwrap());
        assert_eq!(traced("extended master secret"), cell.extended_master_secret.to_string());
        let encrypt_then_mac = cell.encrypt_then_mac && cell.suite.bulk.is_cbc();
        assert_eq!(traced("encrypt-then-MAC"), encrypt_then_mac.to_string());
    });
}

#[test]
fn gnutls_cli_connects_to_clasp_with_every_suite() {
    if !have(&["gnutls-cli"]) {
        return;
    }
    let (ours, theirs) = (Arc::new(noise(6, MIB)), noise(7, MIB));
    for_each_cell(|cell| {
        let config = ServerConfig::builder(cell.policy()).identity(cell.identity().identity()).build().unwrap();
        let (answer, size) = (Arc::clone(&ours), cell.size());
        let serving = serve(config, move |mut tls| {
            let came = read_exactly(&mut tls, size)?;
            write_all(&mut tls, &answer[..size])?;
            // gnutls-cli sends no close_notify when the server was the first to.
            close_after_peer(&mut tls)?;
            Ok((came, tls.session().unwrap().clone()))
        });
        let (no_ems, no_etm) = cell.they_lack();
        let mut priority = gnutls::priority(cell.suite);
        priority.push_str(if no_ems { ":%NO_SESSION_HASH" } else { "" });
        priority.push_str(if no_etm { ":%NO_ETM" } else { "" });
        let mut client = gnutls::Client::start(serving.port, &priority, &[]);
        client.running.say(&theirs[..size]);
        assert_same(&client.running.wait_bytes(0, size), &ours[..size], "to gnutls-cli");
        client.running.say_no_more();
        let (came, session) = serving.join().unwrap();
        assert_same(&came, &theirs[..size], "from gnutls-cli");
        cell.assert_agreed(&session);
        // A cut it would call so.
        let log = client.ended();
        assert!(log.contains("- Peer has closed the GnuTLS connection"), "{log}");
        let options = log.lines().find(|line| line.starts_with("- Options:")).expect("its report").to_owned();
        assert_eq!(options.contains("extended master secret"), cell.extended_master_secret, "{options}");
        assert_eq!(options.contains("EtM"), cell.encrypt_then_mac && cell.suite.bulk.is_cbc(), "{options}");
    });
}
