//! Tests of what an application may have otherwise: key shares, equal suites, sizes of records, tickets of its own, an alert
//! (RFC 8446 4.2.8, RFC 5246 6.2.1 and 7.2.2, RFC 5077 4).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clasp_cert::{Identity, MaybeReady, PrivateKey};
use clasp_crypto::{CryptoError, KeyAlgorithm};
use clasp_wire::{
    AlertDescription, CipherSuite, ClientExtension, ClientHello, HandshakeMessage as _, HandshakeType, NamedGroup,
    ProtocolVersion, SignatureScheme,
};
use rustls_pki_types::{SubjectPublicKeyInfoDer, UnixTime};

#[cfg(feature = "legacy")]
use crate::dialect::Dialect as _;
use crate::testing::{
    Authority, Recorder, classic, connections, each, established, exchange, give, is_tls13, message_at, pieces,
};
use crate::{
    ClientConfig, Clock, ConfigError, Connection, Error, OpenedTicket, Policy, ServerConfig, Status, TicketKeys,
    TicketSealer, TraceEvent,
};

fn tls13() -> Policy {
    Policy::modern().with_versions(ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_3)
}

/// The groups of the shares in the client's first hello.
fn shares(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Vec<NamedGroup> {
    let (mut tls, _) = connections(client, server);
    tls.poll_now().unwrap();
    let flight = tls.output().split().freeze();
    let hello = message_at(&flight, HandshakeType::CLIENT_HELLO).unwrap();
    let hello = ClientHello::parse_body(&flight.slice(hello.start + 4..hello.end)).unwrap();
    hello.key_shares().unwrap().iter().map(|share| share.group).collect()
}

#[test]
fn key_shares_are_sent_in_the_groups_that_are_named() {
    const GROUPS: [NamedGroup; 3] = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];
    let ca = Authority::new("CA");
    let server = ca.server(tls13().with_groups(&[NamedGroup::X25519])).build().unwrap();
    let client = |shares: &[NamedGroup]| {
        ca.client(tls13().with_groups(&GROUPS)).grease(false).key_shares(shares).build().unwrap()
    };
    let (x25519, p256, p384) = (GROUPS[0], GROUPS[1], GROUPS[2]);
    // In the policy's order, and in none that it has not.
    for (named, sent) in [
        (&[x25519][..], &[x25519][..]),
        (&[p384, x25519], &[x25519, p384]),
        (&[p256, NamedGroup::SECP521R1], &[p256]),
        (&[], &[]),
    ] {
        let client = client(named);
        assert_eq!(shares(&client, &server), sent);
        // By another hello, where there is none in the server's group (RFC 8446 4.1.4).
        let (client, _) = established(&client, &server);
        assert_eq!(client.session().unwrap().group(), Some(x25519));
    }
    // Unless told, in the first.
    let usual = ca.client(tls13().with_groups(&GROUPS)).grease(false).build().unwrap();
    assert_eq!(shares(&usual, &server), [x25519]);
}

#[cfg(feature = "post-quantum")]
#[test]
fn a_hybrids_half_is_sent_once() {
    let ca = Authority::new("CA");
    let server = ca.server(tls13()).build().unwrap();
    let (hybrid, x25519, p256) = (NamedGroup::X25519MLKEM768, NamedGroup::X25519, NamedGroup::SECP256R1);
    for groups in [[hybrid, x25519, p256], [x25519, hybrid, p256], [hybrid, p256, x25519]] {
        let client = |shares: &[NamedGroup]| {
            ca.client(tls13().with_groups(&groups)).grease(false).key_shares(shares).build().unwrap()
        };
        let all = client(&groups);
        assert_eq!(shares(&all, &server), groups, "in their order, each once");
        for group in groups {
            let server = ca.server(tls13().with_groups(&[group])).build().unwrap();
            assert_eq!(established(&all, &server).0.session().unwrap().group(), Some(group));
        }
        assert_eq!(shares(&client(&[hybrid]), &server), [hybrid], "its half was not named");
    }
}

/// A hello has room for 32,767 suites, and each that is looked at may cost a look at each group and identity.
#[test]
fn a_suite_that_is_named_often_is_looked_at_once() {
    use CipherSuite as S;
    let suites = [S::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, S::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384];
    let offered = [suites[1], suites[0]].repeat(16_000);
    for policy in [Policy::modern(), Policy::modern().with_equal_cipher_suites(&[&suites])] {
        for client_order in [false, true] {
            let common: Vec<_> = policy.common_suites(&offered, client_order).map(|suite| suite.id).collect();
            assert_eq!(common.len(), 2, "{client_order}");
        }
    }
}

#[test]
fn among_equal_suites_the_client_chooses() {
    use CipherSuite as S;
    let ca = Authority::new("CA");
    let (best, gcm, chacha) = (
        S::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        S::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        S::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    );
    let equal = classic(Policy::modern()).with_equal_cipher_suites(&[&[best], &[gcm, chacha]]);
    assert_eq!(equal.suites().iter().map(|suite| suite.id).collect::<Vec<_>>(), [best, gcm, chacha]);
    let (aes256, chacha13) = (S::TLS_AES_256_GCM_SHA384, S::TLS_CHACHA20_POLY1305_SHA256);
    let equal13 = tls13().with_equal_cipher_suites(&[&[S::TLS_AES_128_GCM_SHA256], &[aes256, chacha13]]);
    for (policy, equal, [best, gcm, chacha]) in [
        (classic(Policy::modern()), equal, [best, gcm, chacha]),
        (tls13(), equal13, [S::TLS_AES_128_GCM_SHA256, aes256, chacha13]),
    ] {
        let server = ca.server(equal.clone()).build().unwrap();
        let chosen = |offered: &[S], server| {
            let client = ca.client(policy.clone().with_cipher_suites(offered)).build().unwrap();
            established(&client, server).0.session().unwrap().cipher_suite()
        };
        assert_eq!(chosen(&[chacha, gcm], &server), chacha);
        assert_eq!(chosen(&[gcm, chacha], &server), gcm);
        assert_eq!(chosen(&[chacha, gcm, best], &server), best);
        assert_eq!(chosen(&[chacha], &server), chacha);
        let strict = ca.server(equal.clone().with_cipher_suites(&[best, gcm, chacha])).build().unwrap();
        assert_eq!(chosen(&[chacha, gcm], &strict), gcm);
        let lenient = ca.server(equal).prefer_client_order(true).build().unwrap();
        assert_eq!(chosen(&[chacha, gcm, best], &lenient), chacha);
    }
}

/// The first hello of a client.
fn first_hello(client: &Arc<ClientConfig>, name: &str) -> (usize, ClientHello) {
    let mut tls = Connection::client(Arc::clone(client), name.to_owned().try_into().unwrap());
    tls.poll_now().unwrap();
    let flight = tls.output().split().freeze();
    let hello = message_at(&flight, HandshakeType::CLIENT_HELLO).unwrap();
    (hello.len(), ClientHello::parse_body(&flight.slice(hello.start + 4..hello.end)).unwrap())
}

/// RFC 7685 4.
#[test]
fn no_hello_has_256_to_511_bytes() {
    let ca = Authority::new("CA");
    let groups = [NamedGroup::X25519, NamedGroup::SECP256R1];
    let (mut padded, mut plain) = (0, 0);
    for policy in each(&Policy::modern().with_groups(&groups)) {
        let client = ca.client(policy).grease(false).build().unwrap();
        // Names of many lengths, so that hellos of many lengths come about.
        for length in (1..240).step_by(7) {
            let label = "a".repeat(50);
            let name: String = [&label[..]].repeat(4).concat().chars().take(length).collect();
            let name: Vec<_> = name.as_bytes().chunks(50).map(|part| std::str::from_utf8(part).unwrap()).collect();
            let (bytes, hello) = first_hello(&client, &(name.join(".") + ".example"));
            assert!(!(256..512).contains(&bytes), "{bytes}");
            let is_padding = |extension: &ClientExtension| matches!(extension, ClientExtension::Padding(_));
            if hello.extensions.unwrap().iter().any(is_padding) {
                // One that would be empty takes a byte more.
                assert!((512..=516).contains(&bytes), "{bytes}");
                padded += 1;
            } else {
                plain += 1;
            }
        }
    }
    assert!(padded > 20 && plain > 0, "{padded} {plain}");
}

#[test]
fn extensions_may_stand_in_another_order_each_time() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let server = ca.server(policy.clone()).build().unwrap();
        for on in [false, true] {
            let client = ca.client(policy.clone()).grease(false).permute_extensions(on).build().unwrap();
            let order = || {
                let extensions = first_hello(&client, "server.example").1.extensions.unwrap();
                extensions.iter().map(ClientExtension::ext_type).collect::<Vec<_>>()
            };
            let orders: std::collections::BTreeSet<_> = (0..8).map(|_| format!("{:?}", order())).collect();
            assert_eq!(orders.len() > 4, on, "{orders:?}");
            let (mut first, mut second) = (order(), order());
            first.sort_by_key(|typ| typ.0);
            second.sort_by_key(|typ| typ.0);
            assert_eq!(first, second, "the same ones");
            // Also with a key, which comes last, and where another hello is asked for.
            for resumed in [false, true, true] {
                let (client, _) = established(&client, &server);
                assert_eq!(client.session().unwrap().resumed(), resumed);
            }
            if is_tls13(&policy) {
                let narrow = ca.server(policy.clone().with_groups(&[NamedGroup::SECP384R1])).build().unwrap();
                established(&client, &narrow);
            }
        }
    }
}

/// What the other side receives of so much, record by record.
fn sizes(from: &mut Connection, to: &mut Connection, bytes: usize) -> Vec<usize> {
    assert_eq!(from.write(&vec![7; bytes]).unwrap(), bytes);
    pieces(from, to)
}

#[test]
fn records_are_no_larger_than_one_wants_or_than_the_peer_takes() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let client = ca.client(policy.clone()).write_record_size(100).build().unwrap();
        let server = ca.server(policy.clone()).write_record_size(1000).build().unwrap();
        let (mut ours, mut theirs) = established(&client, &server);
        assert_eq!(sizes(&mut ours, &mut theirs, 250), [100, 100, 50]);
        assert_eq!(sizes(&mut theirs, &mut ours, 2500), [1000, 1000, 500]);
        // What the peer takes counts where that is less.
        let small = ca.client(policy.clone()).record_size_limit(512).build().unwrap();
        let (mut ours, mut theirs) = established(&small, &server);
        let most = 512 - usize::from(is_tls13(&policy));
        assert_eq!(sizes(&mut theirs, &mut ours, 600), [most, 600 - most]);
        // The handshake's too.
        let (mut tls, _) = connections(&client, &server);
        tls.poll_now().unwrap();
        let flight = tls.output().split();
        assert_eq!(flight[3..5], [0, 100], "the first of several records of a hello");
        for bytes in [63, 16385] {
            let refused = ca.server(policy.clone()).write_record_size(bytes).build();
            assert!(matches!(refused, Err(ConfigError::BadRecordSizeLimit)), "{bytes}");
        }
    }
}

#[test]
fn an_application_ends_a_connection_with_an_alert_of_its_own() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let client = ca.client(policy.clone()).build().unwrap();
        let server = ca.server(policy.clone()).build().unwrap();
        let (mut ours, mut theirs) = established(&client, &server);
        theirs.abort(AlertDescription::ACCESS_DENIED);
        theirs.abort(AlertDescription::INTERNAL_ERROR);
        assert!(matches!(theirs.poll_now(), Err(Error::Refused(AlertDescription::ACCESS_DENIED))));
        assert!(matches!(theirs.write(b"more"), Err(Error::Refused(_))));
        match exchange(&mut ours, &mut theirs).0 {
            Some(Error::AlertReceived(alert)) => assert_eq!(alert.alert, AlertDescription::ACCESS_DENIED),
            other => panic!("{other:?}"),
        }
        // Before anything was said, too.
        let (mut ours, mut theirs) = connections(&client, &server);
        ours.poll_now().unwrap();
        theirs.abort(AlertDescription::ACCESS_DENIED);
        assert!(matches!(exchange(&mut ours, &mut theirs).0, Some(Error::AlertReceived(_))));
    }
}

/// Keys of somebody else's: may take their time, decline, and renew.
#[derive(Debug)]
struct Elsewhere {
    keys: TicketKeys,
    seals: bool,
    renews: bool,
    opened: AtomicU64,
}

impl TicketSealer for Elsewhere {
    fn seal<'a>(&'a self, session: &'a [u8], now: u64) -> MaybeReady<'a, Option<Vec<u8>>> {
        MaybeReady::future(async move { if self.seals { self.keys.seal(session, now).await } else { None } })
    }

    fn open<'a>(&'a self, ticket: &'a [u8], now: u64) -> MaybeReady<'a, Option<OpenedTicket>> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        MaybeReady::future(async move {
            let opened = self.keys.open(ticket, now).await?;
            assert!(!opened.renew && !format!("{opened:?}").contains("session"));
            Some(OpenedTicket { renew: self.renews, ..opened })
        })
    }

    fn lifetime(&self) -> u32 {
        3600
    }
}

#[test]
fn tickets_may_be_sealed_elsewhere() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        for (seals, renews) in [(true, false), (true, true), (false, false)] {
            let keys = TicketKeys::generate(clasp_crypto::default_provider()).unwrap();
            let sealer = Arc::new(Elsewhere { keys, seals, renews, opened: 0.into() });
            let store = Arc::new(crate::MemorySessions::default());
            let client = ca.client(policy.clone()).session_store(store.clone()).build().unwrap();
            let server = ca.server(policy.clone()).ticket_sealer(sealer.clone()).build().unwrap();
            for resumed in [false, seals, seals] {
                let (ours, theirs) = established(&client, &server);
                assert_eq!(
                    (ours.session().unwrap().resumed(), theirs.session().unwrap().resumed()),
                    (resumed, resumed)
                );
            }
            assert_eq!(sealer.opened.load(Ordering::Relaxed), 2 * u64::from(seals));
        }
    }
}

#[test]
fn a_renewed_ticket_is_another_one() {
    let ca = Authority::new("CA");
    let policy = classic(Policy::modern());
    for renews in [false, true] {
        let keys = TicketKeys::generate(clasp_crypto::default_provider()).unwrap();
        let sealer = Arc::new(Elsewhere { keys, seals: true, renews, opened: 0.into() });
        let client = ca.client(policy.clone()).build().unwrap();
        let server = ca.server(policy.clone()).ticket_sealer(sealer).build().unwrap();
        established(&client, &server);
        let (mut ours, mut theirs) = connections(&client, &server);
        let mut renewed = false;
        let errors = crate::testing::exchange_with(&mut ours, &mut theirs, |_, bytes| {
            renewed |= message_at(&bytes, HandshakeType::NEW_SESSION_TICKET).is_some();
            bytes
        });
        assert!(matches!(errors, (None, None)), "{errors:?}");
        assert_eq!(renewed, renews);
    }
}

/// Milliseconds since the epoch.
#[derive(Debug)]
struct Now(AtomicU64);

impl Clock for Now {
    fn now(&self) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_millis(self.milliseconds()))
    }

    fn milliseconds(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn a_server_tells_how_a_tickets_age_differs() {
    const START: u64 = 1_700_000_000_000;
    let ca = Authority::new("CA");
    for (client_waits, server_waits, skew) in [(5_000, 5_000, -1), (7_500, 5_000, 2_499), (0, 3_000, -3_000)] {
        let (clock, theirs) = (Arc::new(Now(START.into())), Arc::new(Now(START.into())));
        let client = ca.client(tls13()).clock(clock.clone()).build().unwrap();
        let server = ca.server(tls13()).clock(theirs.clone()).build().unwrap();
        let (first, second) = established(&client, &server);
        assert_eq!([first, second].map(|tls| tls.session().unwrap().ticket_age_skew()), [None, None]);
        clock.0.fetch_add(client_waits, Ordering::Relaxed);
        theirs.0.fetch_add(server_waits, Ordering::Relaxed);
        let (ours, theirs) = established(&client, &server);
        assert!(theirs.session().unwrap().resumed());
        // A client has its tickets a millisecond younger than they are.
        assert_eq!(theirs.session().unwrap().ticket_age_skew(), Some(skew));
        assert_eq!(ours.session().unwrap().ticket_age_skew(), None);
    }
}

/// RFC 7918.
#[test]
fn a_client_may_write_before_the_servers_finished() {
    use CipherSuite as S;
    let ca = Authority::new("CA");
    let client = |policy: &Policy, alpn: &[&str]| ca.client(policy.clone()).alpn(alpn).unwrap().build().unwrap();
    let server = |policy: &Policy| ca.server(policy.clone()).alpn(["h2"]).unwrap().build().unwrap();
    let modern = classic(Policy::modern());
    // The client has sent its last flight, and the server has not read it.
    let begun = |client: &Arc<ClientConfig>, server: &Arc<ServerConfig>| {
        let (mut ours, mut theirs) = connections(client, server);
        assert_eq!(ours.write_false_start(b"too early").unwrap(), 0);
        ours.poll_now().unwrap();
        give(&mut theirs, &ours.output().split());
        theirs.poll_now().unwrap();
        give(&mut ours, &theirs.output().split());
        ours.poll_now().unwrap();
        (ours, theirs)
    };
    let (modern_client, modern_server) = (client(&modern, &["h2"]), server(&modern));
    let (mut ours, mut theirs) = begun(&modern_client, &modern_server);
    assert!(ours.is_handshaking() && ours.session().is_none() && ours.write(b"no").is_err());
    assert_eq!(ours.write_false_start(b"a request").unwrap(), 9);
    assert!(matches!(exchange(&mut ours, &mut theirs), (None, None)));
    assert_eq!(&theirs.read().unwrap()[..], b"a request");
    assert_eq!(ours.write_false_start(b"no more").unwrap(), 0, "the handshake is done");
    crate::testing::transfer(&mut ours, &mut theirs, b"and so on");
    crate::testing::transfer(&mut theirs, &mut ours, b"and so on");
    // A session that is resumed ends with our own Finished.
    let (mut ours, _) = begun(&modern_client, &modern_server);
    assert!(ours.session().is_some_and(crate::Session::resumed) && ours.write_false_start(b"x").unwrap() == 0);
    // Not without an application protocol, where it is not known which one, without ECDHE or an AEAD, nor in TLS 1.3; and not by
    // the server.
    let only = |suite| classic(Policy::compatible()).with_cipher_suites(&[suite]);
    for (policy, alpn) in [
        (modern.clone(), &[][..]),
        (modern, &["h2", "http/1.1"]),
        (only(S::TLS_DHE_RSA_WITH_AES_128_GCM_SHA256), &["h2"]),
        (only(S::TLS_RSA_WITH_AES_128_GCM_SHA256), &["h2"]),
        (only(S::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256), &["h2"]),
        (tls13(), &["h2"]),
    ] {
        let (mut ours, mut theirs) = begun(&client(&policy, alpn), &server(&policy));
        assert_eq!(ours.write_false_start(b"x").unwrap(), 0);
        assert_eq!(theirs.write_false_start(b"x").unwrap(), 0);
    }
}

/// RFC 5246 7.4.1.1: a client answers when it wants to.
#[test]
fn a_hello_request_may_wait_for_the_application() {
    let ca = Authority::new("CA");
    let policy = classic(Policy::compatible());
    let limits = crate::Limits { refused_renegotiations: 2, ..crate::Limits::default() };
    let client = ca.client(policy.clone()).renegotiate_when_told(true).limits(limits).build().unwrap();
    let server = ca.server(policy).build().unwrap();
    let (mut ours, mut theirs) = established(&client, &server);
    assert!(!ours.is_asked_to_renegotiate());
    theirs.renegotiate().unwrap();
    let request = theirs.output().split();
    give(&mut ours, &request);
    assert_eq!(ours.poll_now().unwrap(), Status::NeedInput);
    assert!(ours.is_asked_to_renegotiate() && !ours.is_renegotiating() && !ours.has_output());
    crate::testing::transfer(&mut ours, &mut theirs, b"the rest of a request");
    crate::testing::transfer(&mut theirs, &mut ours, b"its answer");
    ours.renegotiate().unwrap();
    assert!(!ours.is_asked_to_renegotiate() && ours.is_renegotiating());
    assert!(matches!(exchange(&mut ours, &mut theirs), (None, None)));
    assert_eq!(ours.session().unwrap().renegotiations(), 1);
    // Asked again and again meanwhile, it has a bound.
    let mut asked = 0;
    let error = loop {
        theirs.seal(clasp_wire::ContentType::HANDSHAKE, &[0, 0, 0, 0]).unwrap();
        give(&mut ours, &theirs.output().split());
        match ours.poll_now() {
            Ok(_) => asked += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::TooManyRenegotiations) && asked <= 3, "{asked}: {error}");
}

/// A key in hardware that knows PKCS#1 v1.5 alone.
#[derive(Debug)]
struct OldHardware(Arc<dyn PrivateKey>);

impl PrivateKey for OldHardware {
    fn algorithm(&self) -> KeyAlgorithm {
        self.0.algorithm()
    }

    fn schemes(&self) -> &[SignatureScheme] {
        &[SignatureScheme::RSA_PKCS1_SHA256]
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        self.0.public_key()
    }

    fn sign<'a>(&'a self, scheme: SignatureScheme, message: &'a [u8]) -> MaybeReady<'a, Result<Vec<u8>, CryptoError>> {
        assert_eq!(scheme, SignatureScheme::RSA_PKCS1_SHA256);
        self.0.sign(scheme, message)
    }
}

/// RFC 9963: where both sides say so, and the key can do nothing better.
#[test]
fn a_client_of_tls13_may_sign_with_pkcs1() {
    const OLD: SignatureScheme = SignatureScheme::RSA_PKCS1_SHA256_LEGACY;
    let ca = Authority::new("CA");
    let software = ca.rsa("client.example");
    let old = Identity::with_key(software.chain().to_vec(), Arc::new(OldHardware(software.shared_key()))).unwrap();
    let schemes: Vec<_> = Policy::modern().signature_schemes().iter().copied().chain([OLD]).collect();
    for version in [Policy::modern(), classic(Policy::modern())] {
        let wide = version.clone().with_signature_schemes(&schemes);
        for (ours, theirs, identity, scheme) in [
            (&wide, &wide, &old, Some(OLD)),
            (&version, &wide, &old, None),
            (&wide, &version, &old, None),
            (&wide, &wide, &software, Some(SignatureScheme::RSA_PSS_RSAE_SHA256)),
        ] {
            let is_old = version.versions().next() == Some(ProtocolVersion::TLS_1_2);
            let scheme = if is_old { Some(identity.key().schemes()[0]) } else { scheme };
            let trace = Arc::new(Recorder::default());
            let client = ca.client(ours.clone()).identity(identity.clone()).build().unwrap();
            let server =
                ca.server(theirs.clone()).client_auth(ca.request_client()).trace(trace.clone()).build().unwrap();
            let (_, server) = established(&client, &server);
            assert_eq!(server.session().unwrap().client_authenticated(), scheme.is_some());
            let verified = |event: &TraceEvent| event.what == "verified the peer's signature";
            let events = trace.0.lock().unwrap();
            let named = events.iter().find(|event| verified(event)).map(|event| event.fields[0].1.clone());
            assert_eq!(named, scheme.map(|scheme| scheme.to_string()));
        }
    }
    // No server signs so, and no hello says that one may.
    let wide = tls13().with_signature_schemes(&schemes);
    let server = ServerConfig::builder(wide.clone()).identity(old).build().unwrap();
    let (mut ours, mut theirs) = connections(&ca.client(wide).build().unwrap(), &server);
    match exchange(&mut ours, &mut theirs).1 {
        Some(Error::NoCommonGround(ground)) => assert_eq!(ground.what, "signature scheme"),
        other => panic!("{other:?}"),
    }
    let only = tls13().with_signature_schemes(&[OLD]);
    assert_eq!(only.named_schemes().count(), 0);
}

/// 0xff01 is of the private range, and stands for RSA before TLS 1.2 in here.
#[cfg(feature = "legacy")]
#[test]
fn a_number_of_our_own_is_not_meant() {
    let both = SignatureScheme::RSA_PKCS1_MD5_SHA1;
    let schemes = [both, SignatureScheme::RSA_PKCS1_SHA256];
    assert_eq!(crate::TLS12.choose_scheme(&schemes, &schemes, &[both]), None);
    assert_eq!(crate::TLS12.choose_scheme(&schemes, &schemes, &schemes), Some(schemes[1]));
    assert_eq!(crate::TLS11.choose_scheme(&schemes, &schemes, &[]), Some(both));
}
