//! One combination of a matrix: a peer, a version, a suite; and what may happen on a connection, in either role.

use std::fmt;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use clasp::blocking::Stream;
use clasp::wire::{CipherSuite, ProtocolVersion};
use clasp::{ClientConfig, Error, Policy, Renegotiation, ServerConfig, ServerConfigBuilder, Session};

use crate::matrix::{Tls, close, connect, exchange, path, serve_all};
use crate::peer::{Kind, Peer};
use crate::pki::{self, pki};

/// Whether the client shows a certificate, and when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    NotAsked,
    One,
    Declines,
    /// Only once it was asked in a handshake after the first.
    Late,
}

/// How a second connection comes by its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resumed {
    ById,
    ByTicket,
}

/// Who begins another handshake after the first data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    Clasp,
    Peer,
}

/// What happens on a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) shows: Shows,
    pub(crate) again: Option<Again>,
    /// With a second connection that resumes the first one's session, and in which all happens once more.
    pub(crate) resumed: Option<Resumed>,
}

/// A handshake, and data.
pub(crate) const PLAIN: Scenario = Scenario { shows: Shows::NotAsked, again: None, resumed: None };

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.shows {
            Shows::NotAsked => "no client certificate",
            Shows::One => "client certificate",
            Shows::Declines => "client certificate declined",
            Shows::Late => "client certificate asked for only then",
        })?;
        f.write_str(match self.again {
            None => "",
            Some(Again::Clasp) => ", Clasp renegotiates",
            Some(Again::Peer) => ", the peer renegotiates",
        })?;
        f.write_str(match self.resumed {
            None => "",
            Some(Resumed::ById) => ", resumed by identifier",
            Some(Resumed::ByTicket) => ", resumed by ticket",
        })
    }
}

/// What is to be agreed, and with whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) peer: Kind,
    pub(crate) version: ProtocolVersion,
    pub(crate) suite: CipherSuite,
    /// Bytes each way.
    pub(crate) data: usize,
    pub(crate) extended_master_secret: bool,
    pub(crate) encrypt_then_mac: bool,
    /// Whether the peer knows RFC 5746.
    pub(crate) rfc5746: bool,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.version, self.peer.suite(self.suite))?;
        f.write_str(if self.extended_master_secret { ", extended master secret" } else { "" })?;
        f.write_str(if self.encrypt_then_mac { ", encrypt-then-MAC" } else { "" })?;
        f.write_str(if self.rfc5746 { "" } else { ", without RFC 5746" })
    }
}

/// By the drivers' option and by the peers' name.
fn names(version: ProtocolVersion) -> (&'static str, &'static str) {
    match version {
        ProtocolVersion::SSL_3_0 => ("ssl3", "SSLv3"),
        ProtocolVersion::TLS_1_0 => ("tls1", "TLSv1"),
        ProtocolVersion::TLS_1_1 => ("tls1.1", "TLSv1.1"),
        _ => ("tls1.2", "TLSv1.2"),
    }
}

impl Cell {
    pub(crate) fn policy(&self) -> Policy {
        let policy = clasp::insecure().with_versions(self.version, self.version).with_cipher_suites(&[self.suite]);
        assert_eq!(policy.suites().len(), 1, "{self}");
        policy.with_renegotiation(Renegotiation::Secure)
    }

    /// As narrow as the scenario allows.
    fn policy_for(&self, scenario: Scenario) -> Policy {
        // A session resumed without the extended master secret is tied to no handshake (RFC 7627 5.4).
        let is_bound = scenario.resumed.is_none() || self.extended_master_secret;
        if scenario.again.is_none() || self.rfc5746 && is_bound {
            self.policy()
        } else {
            self.policy().with_renegotiation(Renegotiation::UnsafeLegacy)
        }
    }

    /// The options all peers understand, and those of this scenario.
    pub(crate) fn arguments(&self, scenario: Scenario) -> Vec<String> {
        let mut without = Vec::new();
        without.extend(Some("ems").filter(|_| !self.extended_master_secret));
        without.extend(Some("etm").filter(|_| !self.encrypt_then_mac));
        without.extend(Some("rfc5746").filter(|_| !self.rfc5746));
        let connections = 1 + u8::from(scenario.resumed.is_some());
        let (connections, data) = (connections.to_string(), self.data.to_string());
        let mut arguments = vec!["--protocol", names(self.version).0, "--cipher", self.peer.suite(self.suite)];
        arguments.extend(["--data", &data, "--connections", &connections, "--ca", path(&pki().ca)]);
        if scenario.again == Some(Again::Peer) {
            arguments.push("--renegotiate");
        }
        let mut arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        if !without.is_empty() {
            arguments.extend(["--without".to_owned(), without.join(",")]);
        }
        arguments
    }

    fn told(&self, authenticated: bool, how: &str) -> String {
        let who = if authenticated { "certificate" } else { "anonymous" };
        format!("{} {} {who} {how}", names(self.version).1, self.peer.suite(self.suite))
    }

    #[track_caller]
    fn assert_agreed(&self, session: &Session, scenario: Scenario, turn: usize) {
        let at = format!("{self}, {scenario}, connection {turn}");
        assert_eq!((session.version(), session.cipher_suite()), (self.version, self.suite), "{at}");
        assert_eq!(session.client_authenticated(), matches!(scenario.shows, Shows::One | Shows::Late), "{at}");
        assert_eq!(session.extended_master_secret(), self.extended_master_secret, "{at}");
        assert_eq!(session.encrypt_then_mac(), self.encrypt_then_mac, "{at}");
        assert_eq!(session.secure_renegotiation(), self.rfc5746, "{at}");
        assert_eq!(session.renegotiations(), u32::from(scenario.again.is_some()), "{at}");
        // A later handshake is a full one.
        assert_eq!(session.resumed(), turn == 1 && scenario.again.is_none(), "{at}");
    }

    /// What the peer tells of its connections, all of it.
    #[track_caller]
    fn assert_told(&self, peer: Peer, scenario: Scenario, is_server: bool) {
        let shows = |late: bool| !is_server || scenario.shows == Shows::One || late && scenario.shows == Shows::Late;
        for turn in 0..=usize::from(scenario.resumed.is_some()) {
            let how = if turn == 0 { "full" } else { "resumed" };
            // A resumed session has the certificate of the one it comes of.
            let before = shows(turn == 1 && scenario.again.is_none());
            assert_eq!(peer.line(), self.told(before, how), "{self}, {scenario}");
            if scenario.again == Some(Again::Peer) {
                assert_eq!(peer.line(), self.told(shows(true), "full"), "{self}, {scenario}");
            }
            assert_eq!(peer.line(), format!("done {} clean", self.data), "{self}, {scenario}");
        }
        peer.end();
    }

    /// The peer connects to Clasp.
    #[track_caller]
    pub(crate) fn clasp_accepts(&self, scenario: Scenario) {
        let mut config = ServerConfig::builder(self.policy_for(scenario)).identity(pki().server.identity());
        config = match scenario.shows {
            Shows::NotAsked | Shows::Late => config,
            Shows::One => config.client_auth(pki::require()),
            Shows::Declines => config.client_auth(pki::request()),
        };
        config = match scenario.resumed {
            Some(Resumed::ById) => config.tickets(false),
            Some(Resumed::ByTicket) => config.session_ids(false),
            None => config,
        };
        let then = move |tls: &mut Tls| match (scenario.again, scenario.shows) {
            (Some(Again::Clasp), Shows::Late) => drop(tls.request_client_certificate(pki::require()).unwrap()),
            (Some(Again::Clasp), _) => drop(tls.renegotiate().unwrap()),
            _ => (),
        };
        let connections = 1 + usize::from(scenario.resumed.is_some());
        let (port, serving) = serve_all(config.build().unwrap(), connections, then);
        let mut arguments = self.arguments(scenario);
        if matches!(scenario.shows, Shows::One | Shows::Late) {
            arguments.extend(pki().client.arguments());
        }
        let peer = self.peer.connect(port, &borrowed(&arguments));
        self.assert_told(peer, scenario, false);
        for (turn, session) in serving.join().unwrap().iter().enumerate() {
            self.assert_agreed(session, scenario, turn);
        }
        self.peer.seen(&format!("Clasp server, {self}, {scenario}"));
    }

    /// Clasp connects to the peer.
    #[track_caller]
    pub(crate) fn clasp_connects(&self, scenario: Scenario) {
        let mut arguments = self.arguments(scenario);
        arguments.extend(pki().server.arguments());
        let verify = match scenario.shows {
            Shows::NotAsked => "none",
            Shows::One | Shows::Late => "require",
            Shows::Declines => "request",
        };
        arguments.extend(["--verify".to_owned(), verify.to_owned()]);
        arguments.extend(Some("--verify-late".to_owned()).filter(|_| scenario.shows == Shows::Late));
        if self.suite.name().is_some_and(|name| name.starts_with("TLS_DHE")) {
            // The shortest that Clasp takes, as OpenSSL makes it anew.
            arguments.extend(["--dh-bits".to_owned(), "512".to_owned()]);
        }
        let (peer, port) = self.peer.accept(&borrowed(&arguments));

        let mut config = pki::client(self.policy_for(scenario));
        if matches!(scenario.shows, Shows::One | Shows::Late) {
            config = config.identity(pki().client.identity());
        }
        config = match scenario.resumed {
            Some(Resumed::ById) => config.tickets(false),
            Some(Resumed::ByTicket) => config.session_ids(false),
            None => config,
        };
        let config = config.build().unwrap();
        for turn in 0..=usize::from(scenario.resumed.is_some()) {
            let mut tls = self.connected(&config, port);
            assert_eq!(tls.session().unwrap().resumed(), turn == 1, "{self}, {scenario}");
            exchange(&mut tls, self.data, |tls| {
                if scenario.again == Some(Again::Clasp) {
                    tls.renegotiate().unwrap();
                }
            });
            close(&mut tls);
            self.assert_agreed(tls.session().unwrap(), scenario, turn);
        }
        self.assert_told(peer, scenario, true);
        self.peer.seen(&format!("Clasp client, {self}, {scenario}"));
    }

    #[track_caller]
    pub(crate) fn connected(&self, config: &Arc<ClientConfig>, port: u16) -> Tls {
        connect(config, port).unwrap_or_else(|error| panic!("{self}: {error}"))
    }
}

pub(crate) fn borrowed(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

/// What the peer and a Clasp server say of a connection that fails.
pub(crate) fn refused(peer: Kind, config: ServerConfigBuilder, arguments: &[&str]) -> (String, Error) {
    let config = config.build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let error = Stream::server(config, stream).expect_err("it went on");
        error.get_ref().and_then(|error| error.downcast_ref::<Error>()).cloned().expect("an error of TLS")
    });
    let peer = peer.connect(port, arguments);
    (peer.end_badly(), serving.join().unwrap())
}
