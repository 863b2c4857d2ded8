//! rustls, in this process, on aws-lc-rs and on ring.

mod early;

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use clasp::wire::{AlertDescription, CipherSuite, NamedGroup};
use clasp::{ClientAuth, ClientConfig, ServerConfig};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConnection, HandshakeKind, RootCertStore, ServerConnection, StreamOwned, SupportedCipherSuite};

use crate::certs::{Authority, Files, Kind, Leaf, pki};
use crate::end::{Agreed, CONTEXT, End, LABEL, Ours, answer, serve, talk, tls13};
use crate::ends::{MIB, accept, client_config, tcp, tls_error};
use crate::peers::have;

type Client = StreamOwned<ClientConnection, TcpStream>;
type Server = StreamOwned<ServerConnection, TcpStream>;

impl End for Client {
    fn close(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()
    }
}

impl End for Server {
    fn close(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()
    }
}

/// A library of primitives beneath rustls, by name, and the groups and suites that are in question here.
struct Beneath {
    name: &'static str,
    provider: CryptoProvider,
    groups: Vec<&'static dyn SupportedKxGroup>,
    suites: Vec<SupportedCipherSuite>,
}

fn beneath() -> [Beneath; 2] {
    use aws_lc_rs::{cipher_suite as aws_suites, kx_group as aws};
    use ring::{cipher_suite as ring_suites, kx_group as ring_groups};
    [
        Beneath {
            name: "aws-lc-rs",
            provider: aws_lc_rs::default_provider(),
            groups: vec![aws::X25519MLKEM768, aws::X25519, aws::SECP256R1, aws::SECP384R1],
            suites: vec![
                aws_suites::TLS13_AES_128_GCM_SHA256,
                aws_suites::TLS13_AES_256_GCM_SHA384,
                aws_suites::TLS13_CHACHA20_POLY1305_SHA256,
            ],
        },
        Beneath {
            name: "ring",
            provider: ring::default_provider(),
            groups: vec![ring_groups::X25519, ring_groups::SECP256R1, ring_groups::SECP384R1],
            suites: vec![
                ring_suites::TLS13_AES_128_GCM_SHA256,
                ring_suites::TLS13_AES_256_GCM_SHA384,
                ring_suites::TLS13_CHACHA20_POLY1305_SHA256,
            ],
        },
    ]
}

impl Beneath {
    fn aws() -> Self {
        let [aws, _] = beneath();
        aws
    }

    /// A provider with these groups and suites alone.
    fn with(&self, groups: &[&'static dyn SupportedKxGroup], suites: &[SupportedCipherSuite]) -> Arc<CryptoProvider> {
        Arc::new(CryptoProvider { kx_groups: groups.to_vec(), cipher_suites: suites.to_vec(), ..self.provider.clone() })
    }

    fn all(&self) -> Arc<CryptoProvider> {
        self.with(&self.groups, &self.suites)
    }
}

fn ours(group: &dyn SupportedKxGroup) -> NamedGroup {
    NamedGroup(u16::from(group.name()))
}

fn chain(files: &Files) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = CertificateDer::pem_file_iter(&files.cert).unwrap().map(Result::unwrap).collect();
    (chain, PrivateKeyDer::from_pem_file(&files.key).unwrap())
}

pub(crate) fn roots(authority: &Authority) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&authority.files.cert).unwrap()).unwrap();
    Arc::new(roots)
}

fn their_client(provider: Arc<CryptoProvider>, shows: Option<&Files>) -> rustls::ClientConfig {
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots(&pki().ca));
    match shows {
        None => config.with_no_client_auth(),
        Some(files) => {
            let (chain, key) = chain(files);
            config.with_client_auth_cert(chain, key).unwrap()
        }
    }
}

fn their_server(provider: Arc<CryptoProvider>, identity: &Files, asks: bool) -> rustls::ServerConfig {
    let config = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap();
    let (chain, key) = chain(identity);
    if asks {
        let verifier = WebPkiClientVerifier::builder_with_provider(roots(&pki().clients), provider).build().unwrap();
        config.with_client_cert_verifier(verifier).with_single_cert(chain, key).unwrap()
    } else {
        config.with_no_client_auth().with_single_cert(chain, key).unwrap()
    }
}

fn our_server(policy: clasp::Policy, identity: &Files) -> clasp::ServerConfigBuilder {
    ServerConfig::builder(policy).identity(identity.identity())
}

/// Shakes hands as rustls, to the end.
pub(crate) fn their_connect(config: &Arc<rustls::ClientConfig>, port: u16) -> io::Result<Client> {
    let name = ServerName::try_from("localhost").unwrap();
    let mut end = Client::new(ClientConnection::new(Arc::clone(config), name).unwrap(), tcp(port));
    while end.conn.is_handshaking() {
        end.conn.complete_io(&mut end.sock)?;
    }
    Ok(end)
}

fn their_accept(config: &Arc<rustls::ServerConfig>, listener: &TcpListener) -> io::Result<Server> {
    let mut end = Server::new(ServerConnection::new(Arc::clone(config)).unwrap(), accept(listener)?);
    while end.conn.is_handshaking() {
        end.conn.complete_io(&mut end.sock)?;
    }
    // Its tickets.
    end.flush()?;
    Ok(end)
}

/// What rustls says of the handshake, and of what kind that was.
pub(crate) fn agreed<T>(conn: &rustls::ConnectionCommon<T>) -> (Agreed, HandshakeKind) {
    assert_eq!(conn.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    let kind = conn.handshake_kind().unwrap();
    let agreed = Agreed {
        suite: u16::from(conn.negotiated_cipher_suite().unwrap().suite()),
        group: ours(conn.negotiated_key_exchange_group().unwrap()),
        resumed: kind == HandshakeKind::Resumed,
        exported: conn.export_keying_material([0; 32], LABEL.as_bytes(), Some(CONTEXT)).unwrap(),
    };
    (agreed, kind)
}

/// Clasp connects to rustls so often, and talks; what both say of each handshake is the same. Gives that.
fn connect_to_theirs(
    config: &Arc<ClientConfig>,
    theirs: rustls::ServerConfig,
    times: usize,
    size: usize,
) -> Vec<(Agreed, HandshakeKind)> {
    let theirs = Arc::new(theirs);
    let serving = serve(move |listener| {
        let serve_one = |_| {
            let mut end = their_accept(&theirs, &listener).unwrap();
            answer(&mut end, size).unwrap();
            agreed(&end.conn)
        };
        (0..times).map(serve_one).collect::<Vec<_>>()
    });
    let ours: Vec<Agreed> = (0..times)
        .map(|_| {
            let mut end = Ours::connect(config, serving.port).unwrap();
            talk(&mut end, size).unwrap();
            end.agreed()
        })
        .collect();
    same(&ours, serving.join())
}

/// rustls connects to Clasp.
fn connect_to_ours(
    config: &Arc<ServerConfig>,
    theirs: rustls::ClientConfig,
    times: usize,
    size: usize,
) -> Vec<(Agreed, HandshakeKind)> {
    let (config, theirs) = (Arc::clone(config), Arc::new(theirs));
    let serving = serve(move |listener| {
        let serve_one = |_| {
            let mut end = Ours::accept(&config, accept(&listener).unwrap()).unwrap();
            answer(&mut end, size).unwrap();
            end.agreed()
        };
        (0..times).map(serve_one).collect::<Vec<_>>()
    });
    let theirs = (0..times)
        .map(|_| {
            let mut end = their_connect(&theirs, serving.port).unwrap();
            talk(&mut end, size).unwrap();
            agreed(&end.conn)
        })
        .collect();
    same(&serving.join(), theirs)
}

fn same(ours: &[Agreed], theirs: Vec<(Agreed, HandshakeKind)>) -> Vec<(Agreed, HandshakeKind)> {
    for (ours, (theirs, _)) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
    theirs
}

#[test]
fn every_group_with_every_suite() {
    for beneath in beneath() {
        for group in &beneath.groups {
            for suite in &beneath.suites {
                let id = CipherSuite(u16::from(suite.suite()));
                println!("{} {:?} {id}", beneath.name, group.name());
                let narrow = || beneath.with(&[*group], &[*suite]);
                // A mebibyte with every suite once; what the group changes is over by then.
                let size = if group.name() == rustls::NamedGroup::X25519 { MIB } else { 5000 };
                let client = client_config(tls13()).build().unwrap();
                let server = our_server(tls13(), &pki().p256).build().unwrap();
                let seen = [
                    connect_to_theirs(&client, their_server(narrow(), &pki().rsa, false), 1, size),
                    connect_to_ours(&server, their_client(narrow(), None), 1, size),
                ];
                for (agreed, _) in seen.iter().flatten() {
                    assert_eq!((agreed.suite, agreed.group, agreed.resumed), (id.0, ours(*group), false));
                }
            }
        }
    }
}

/// Clasp's own choice of suites, alone on its side.
#[test]
fn clasp_picks_the_suite_and_the_group() {
    let aws = Beneath::aws();
    for suite in &aws.suites {
        let id = CipherSuite(u16::from(suite.suite()));
        let policy = || tls13().with_cipher_suites(&[id]).with_groups(&[NamedGroup::X25519MLKEM768]);
        let client = client_config(policy()).build().unwrap();
        let server = our_server(policy(), &pki().p256).build().unwrap();
        for seen in [
            connect_to_theirs(&client, their_server(aws.all(), &pki().p256, false), 1, 100),
            connect_to_ours(&server, their_client(aws.all(), None), 1, 100),
        ] {
            assert_eq!((seen[0].0.suite, seen[0].0.group), (id.0, NamedGroup::X25519MLKEM768));
        }
    }
}

#[test]
fn another_hello_is_asked_for_each_way() {
    for beneath in beneath() {
        for group in &beneath.groups {
            // A share of the group comes only in the second hello, as the first has one of another.
            let last =
                if ours(*group) == NamedGroup::SECP384R1 { NamedGroup::SECP256R1 } else { NamedGroup::SECP384R1 };
            let policy = tls13().with_groups(&[last, ours(*group)]);
            println!("{} {:?}", beneath.name, group.name());
            let client = client_config(policy).build().unwrap();
            let theirs = their_server(beneath.with(&[*group], &beneath.suites), &pki().p256, false);
            let (agreed, kind) = &connect_to_theirs(&client, theirs, 1, 3000)[0];
            assert_eq!((agreed.group, *kind), (ours(*group), HandshakeKind::FullWithHelloRetryRequest));

            let server = our_server(tls13().with_groups(&[ours(*group)]), &pki().p256).build().unwrap();
            let first = beneath.groups.iter().find(|first| ours(**first) == last).unwrap();
            let theirs = their_client(beneath.with(&[*first, *group], &beneath.suites), None);
            let (agreed, kind) = &connect_to_ours(&server, theirs, 1, 3000)[0];
            assert_eq!((agreed.group, *kind), (ours(*group), HandshakeKind::FullWithHelloRetryRequest));
        }
    }
}

fn shown(kind: Kind) -> Files {
    pki().clients.issue(&Leaf::client(kind, "a good client"))
}

fn require() -> ClientAuth {
    let verifier = clasp::cert::WebPkiClientVerifier::builder(pki().clients.roots()).build().unwrap();
    ClientAuth::Require(Arc::new(verifier))
}

#[test]
fn certificates_of_every_kind_from_both_sides() {
    // It makes some of them.
    if !have(&["openssl"]) {
        return;
    }
    for beneath in beneath() {
        for kind in [Kind::Rsa, Kind::P256, Kind::P384, Kind::P521, Kind::Ed25519] {
            if kind == Kind::P521 && beneath.name == "ring" {
                // It has none.
                continue;
            }
            println!("{} {kind:?}", beneath.name);
            let (theirs, shown) = (pki().ca.issue(&Leaf::server(kind)), shown(kind));
            let client = client_config(tls13()).identity(shown.identity()).build().unwrap();
            connect_to_theirs(&client, their_server(beneath.all(), &theirs, true), 1, 1000);

            let server = our_server(tls13(), &theirs).client_auth(require()).build().unwrap();
            connect_to_ours(&server, their_client(beneath.all(), Some(&shown)), 1, 1000);
        }
    }
}

#[test]
fn clients_without_a_certificate_are_refused() {
    let aws = Beneath::aws();
    let theirs = Arc::new(their_server(aws.all(), &pki().p256, true));
    let serving = serve(move |listener| their_accept(&theirs, &listener).map(drop));
    let client = client_config(tls13()).build().unwrap();
    // Our handshake is done when they refuse us.
    let mut end = Ours::connect(&client, serving.port).unwrap();
    let error = end.read(&mut [0; 1]).unwrap_err();
    let clasp::Error::AlertReceived(received) = tls_error(&error) else { panic!("{error}") };
    assert_eq!(received.alert, AlertDescription::CERTIFICATE_REQUIRED);
    assert!(serving.join().is_err());

    let server = our_server(tls13(), &pki().p256).client_auth(require()).build().unwrap();
    let serving = serve(move |listener| Ours::accept(&server, accept(&listener).unwrap()).map(drop));
    let mut end = their_connect(&Arc::new(their_client(aws.all(), None)), serving.port).unwrap();
    let error = end.read(&mut [0; 1]).unwrap_err();
    let told = error.get_ref().unwrap().downcast_ref::<rustls::Error>();
    assert_eq!(told, Some(&rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired)));
    let refused = serving.join().unwrap_err();
    assert!(matches!(tls_error(&refused), clasp::Error::ClientCertificateRequired), "{refused}");
}

#[test]
fn sessions_are_resumed_by_ticket() {
    for beneath in beneath() {
        let ticketer = if beneath.name == "ring" { ring::Ticketer::new() } else { aws_lc_rs::Ticketer::new() };
        let ticketer = ticketer.unwrap();
        for stateless in [true, false] {
            println!("{} {stateless}", beneath.name);
            let mut theirs = their_server(beneath.all(), &pki().p256, false);
            if stateless {
                theirs.ticketer = Arc::clone(&ticketer);
            }
            let client = client_config(tls13()).build().unwrap();
            let seen = connect_to_theirs(&client, theirs, 4, 1000);
            assert_eq!(seen.iter().map(|(agreed, _)| agreed.resumed).collect::<Vec<_>>(), [false, true, true, true]);
        }
        let server = our_server(tls13(), &pki().p256).build().unwrap();
        let seen = connect_to_ours(&server, their_client(beneath.all(), None), 4, 1000);
        assert_eq!(seen.iter().map(|(agreed, _)| agreed.resumed).collect::<Vec<_>>(), [false, true, true, true]);
    }
}

/// And with HelloRetryRequest in it, after which the binders are made anew (RFC 8446 4.2.11.2): the hello has a share of the
/// first group, and the second is agreed.
#[test]
fn sessions_are_resumed_with_another_hello() {
    let aws = Beneath::aws();
    let (first, second) = (aws_lc_rs::kx_group::SECP256R1, aws_lc_rs::kx_group::SECP384R1);
    let seen = |agreed: &[(Agreed, HandshakeKind)]| -> Vec<_> {
        agreed.iter().map(|(agreed, kind)| (agreed.group, *kind)).collect()
    };
    let client = client_config(tls13().with_groups(&[ours(first), ours(second)])).build().unwrap();
    let theirs = their_server(aws.with(&[second], &aws.suites), &pki().p256, false);
    assert_eq!(
        seen(&connect_to_theirs(&client, theirs, 2, 1000)),
        [(ours(second), HandshakeKind::FullWithHelloRetryRequest), (ours(second), HandshakeKind::Resumed)]
    );

    // rustls remembers a server's group, and offers its share at once: two servers that share keys, then.
    let keys = Arc::new(clasp::TicketKeys::generate(clasp::crypto::default_provider()).unwrap());
    let server = |group| {
        let policy = tls13().with_groups(&[ours(group)]);
        our_server(policy, &pki().p256).ticket_keys(Arc::clone(&keys)).build().unwrap()
    };
    let theirs = their_client(aws.with(&[first, second], &aws.suites), None);
    for (group, kind) in [(first, HandshakeKind::Full), (second, HandshakeKind::Resumed)] {
        assert_eq!(seen(&connect_to_ours(&server(group), theirs.clone(), 1, 1000)), [(ours(group), kind)]);
    }
}

/// New keys again and again, by both sides, with data under each.
#[test]
fn keys_change_again_and_again() {
    const ROUNDS: usize = 200;
    fn ours_asks(end: &mut Ours, round: usize) -> io::Result<()> {
        end.update_keys(round.is_multiple_of(3))
    }
    for beneath in beneath() {
        let theirs = Arc::new(their_server(beneath.all(), &pki().p256, false));
        let serving = serve(move |listener| {
            let mut end = their_accept(&theirs, &listener).unwrap();
            for _ in 0..ROUNDS {
                let mut came = [0; 100];
                end.read_exact(&mut came).unwrap();
                end.conn.refresh_traffic_keys().unwrap();
                end.write_all(&came).unwrap();
                end.flush().unwrap();
            }
            answer(&mut end, 1000).unwrap();
        });
        let client = client_config(tls13()).build().unwrap();
        let mut end = Ours::connect(&client, serving.port).unwrap();
        for round in 0..ROUNDS {
            ours_asks(&mut end, round).unwrap();
            let sent = [u8::try_from(round).unwrap(); 100];
            end.write_all(&sent).unwrap();
            let mut came = [0; 100];
            end.read_exact(&mut came).unwrap();
            assert_eq!(came, sent);
        }
        talk(&mut end, 1000).unwrap();
        serving.join();

        let server = our_server(tls13(), &pki().p256).build().unwrap();
        let serving = serve(move |listener| {
            let mut end = Ours::accept(&server, accept(&listener).unwrap()).unwrap();
            for round in 0..ROUNDS {
                let mut came = [0; 100];
                end.read_exact(&mut came).unwrap();
                ours_asks(&mut end, round).unwrap();
                end.write_all(&came).unwrap();
            }
            answer(&mut end, 1000).unwrap();
        });
        let mut end = their_connect(&Arc::new(their_client(beneath.all(), None)), serving.port).unwrap();
        for round in 0..ROUNDS {
            end.conn.refresh_traffic_keys().unwrap();
            let sent = [u8::try_from(round).unwrap(); 100];
            end.write_all(&sent).unwrap();
            end.flush().unwrap();
            let mut came = [0; 100];
            end.read_exact(&mut came).unwrap();
            assert_eq!(came, sent);
        }
        talk(&mut end, 1000).unwrap();
        serving.join();
    }
}

#[test]
fn application_protocols() {
    let aws = Beneath::aws();
    let mut theirs = their_server(aws.all(), &pki().p256, false);
    theirs.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let theirs = Arc::new(theirs);
    let serving = serve(move |listener| {
        let mut end = their_accept(&theirs, &listener).unwrap();
        answer(&mut end, 10).unwrap();
        end.conn.alpn_protocol().map(<[u8]>::to_vec)
    });
    let client = client_config(tls13()).alpn(["http/1.1", "x"]).unwrap().build().unwrap();
    let mut end = Ours::connect(&client, serving.port).unwrap();
    talk(&mut end, 10).unwrap();
    assert_eq!(end.session().alpn(), Some(&b"http/1.1"[..]));
    assert_eq!(serving.join().as_deref(), Some(&b"http/1.1"[..]));

    // Nothing in common.
    let server = our_server(tls13(), &pki().p256).alpn(["h2"]).unwrap().build().unwrap();
    let serving = serve(move |listener| Ours::accept(&server, accept(&listener).unwrap()).map(drop));
    let mut theirs = their_client(aws.all(), None);
    theirs.alpn_protocols = vec![b"other".to_vec()];
    let error = their_connect(&Arc::new(theirs), serving.port).unwrap_err();
    let told = error.get_ref().unwrap().downcast_ref::<rustls::Error>();
    assert_eq!(told, Some(&rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol)));
    assert!(serving.join().is_err());
}
