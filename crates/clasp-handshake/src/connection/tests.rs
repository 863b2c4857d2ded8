//! Tests of whole connections, in memory.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

#[cfg(feature = "legacy")]
use clasp_wire::ProtocolVersion;
use clasp_wire::{AlertDescription, CipherSuite, NamedGroup};

use super::Status;
use crate::negotiate::is_for_tls13_alone;
use crate::testing::{
    Authority, NAME, Recorder, Secrets, classic, connections, each, established, exchange, give, is_tls13, transfer,
};
use crate::{CIPHER_SUITES, Connection, Error, Misbehaviour, Policy, Step};

fn data(len: usize) -> Vec<u8> {
    (0..=250).cycle().step_by(31).take(len).collect()
}

/// The widest policy of this crate.
pub(super) fn widest() -> Policy {
    #[cfg(feature = "legacy")]
    return Policy::legacy();
    #[cfg(not(feature = "legacy"))]
    Policy::compatible()
}

#[cfg(feature = "legacy")]
#[test]
fn every_version_with_client_certificates() {
    let ca = Authority::new("CA");
    for version in [ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_1, ProtocolVersion::TLS_1_0] {
        for suite in CIPHER_SUITES.iter().filter(|suite| suite.allows(version)) {
            let policy = Policy::legacy().with_versions(version, version).with_cipher_suites(&[suite.id]);
            for identity in [ca.rsa("client.example"), ca.ecdsa("client.example")] {
                let client = ca.client(policy.clone()).identity(identity).build().unwrap();
                let server = ca.server(policy.clone()).client_auth(ca.require_client()).build().unwrap();
                let (mut client, mut server) = established(&client, &server);
                assert_eq!(client.session().unwrap().version(), version);
                assert!(server.session().unwrap().client_authenticated());
                transfer(&mut client, &mut server, &data(40_000));
                transfer(&mut server, &mut client, &data(40_000));
            }
        }
    }
}

/// RFC 8446 4.1.3: a server that speaks more than was agreed marks its random value, and a client that offered more looks
/// for the mark.
#[cfg(feature = "legacy")]
#[test]
fn a_downgrade_is_noticed() {
    let ca = Authority::new("CA");
    let client = ca.client(classic(Policy::legacy())).build().unwrap();
    let server = ca.server(classic(Policy::legacy())).build().unwrap();
    let (mut client, mut server) = connections(&client, &server);
    client.poll_now().unwrap();
    let mut hello = client.output().split().to_vec();
    // Somebody on the way makes the client's version TLS 1.0.
    hello[10] = 1;
    give(&mut server, &hello);
    server.poll_now().unwrap();
    give(&mut client, &server.output().split());
    let error = client.poll_now().unwrap_err();
    assert!(matches!(error, Error::Misbehaved(Misbehaviour::Downgrade)), "{error}");
    assert_eq!(error.alert(), Some(AlertDescription::ILLEGAL_PARAMETER));
}

/// BEAST: where the next vector is known, what an attacker chose must not stand at the start of a block it knows of.
#[cfg(feature = "legacy")]
#[test]
fn the_first_byte_travels_alone() {
    let ca = Authority::new("CA");
    for (version, alone) in
        [(ProtocolVersion::TLS_1_0, true), (ProtocolVersion::TLS_1_1, false), (ProtocolVersion::TLS_1_2, false)]
    {
        let suite = CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA;
        let policy = Policy::legacy().with_versions(version, version).with_cipher_suites(&[suite]);
        let client = ca.client(policy.clone()).build().unwrap();
        let server = ca.server(policy).build().unwrap();
        let (mut client, mut server) = established(&client, &server);
        for (bytes, split, whole) in [
            (1000, &[1, 999][..], &[1000][..]),
            (20_000, &[1, 16_383, 1, 3615], &[16_384, 3616]),
            (16_385, &[1, 16_383, 1], &[16_384, 1]),
        ] {
            client.write(&data(bytes)).unwrap();
            give(&mut server, &client.output().split());
            let mut lengths = Vec::new();
            while server.poll_now().unwrap() == Status::Data {
                lengths.push(server.read().unwrap().len());
            }
            assert_eq!(lengths, if alone { split } else { whole }, "{version}");
        }
    }
}

/// CRIME: a hello must offer the null method, and nothing but that is ever agreed (RFC 5246 7.4.1.2, 7.4.1.3).
#[test]
fn compression_is_refused() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let (client, server) = (ca.client(policy.clone()).build().unwrap(), ca.server(policy.clone()).build().unwrap());
        let (mut tls, mut other) = connections(&client, &server);
        tls.poll_now().unwrap();
        let hello = tls.output().split();
        // Behind the session identifier stand the suites, then the methods.
        let id = usize::from(hello[43]);
        assert_eq!(id, if is_tls13(&policy) { 32 } else { 0 });
        let methods = 46 + id + usize::from(u16::from_be_bytes([hello[44 + id], hello[45 + id]]));
        assert_eq!(hello[methods..methods + 2], [1, 0]);
        let mut deflating = hello.to_vec();
        deflating[methods + 1] = 1;
        let mut strict = Connection::server(server);
        give(&mut strict, &deflating);
        assert!(matches!(strict.poll_now(), Err(Error::Misbehaved(Misbehaviour::NoNullCompression))));

        give(&mut other, &hello);
        other.poll_now().unwrap();
        let mut answer = other.output().split().to_vec();
        assert_eq!(usize::from(answer[43]), id);
        assert_eq!(answer[46 + id], 0);
        answer[46 + id] = 1;
        give(&mut tls, &answer);
        assert!(matches!(tls.poll_now(), Err(Error::Misbehaved(Misbehaviour::CompressionNotOffered))));
    }
}

/// RFC 7507: a client that says it fell back, to a server that speaks something newer.
#[test]
fn a_fallback_is_refused() {
    let ca = Authority::new("CA");
    let client = ca.client(classic(Policy::compatible())).build().unwrap();
    let server = ca.server(Policy::compatible()).build().unwrap();
    let (mut client, mut server) = connections(&client, &server);
    client.poll_now().unwrap();
    let mut hello = client.output().split().to_vec();
    // The signal in place of the first suite, behind an empty session identifier, to a server that has TLS 1.3.
    assert_eq!(hello[43], 0);
    hello[46..48].copy_from_slice(&CipherSuite::TLS_FALLBACK_SCSV.0.to_be_bytes());
    let mut newer = Connection::server(ca.server(Policy::compatible()).build().unwrap());
    give(&mut newer, &hello);
    let error = newer.poll_now().unwrap_err();
    assert_eq!(error.alert(), Some(AlertDescription::INAPPROPRIATE_FALLBACK), "{error}");
    // And of TLS 1.1.
    hello[10] = 2;
    give(&mut server, &hello);
    let error = server.poll_now().unwrap_err();
    #[cfg(not(feature = "legacy"))]
    assert_eq!(error.alert(), Some(AlertDescription::PROTOCOL_VERSION), "{error}");
    #[cfg(feature = "legacy")]
    {
        assert_eq!(error.alert(), Some(AlertDescription::PROTOCOL_VERSION), "compatible has no TLS 1.1: {error}");
        let mut server = Connection::server(ca.server(Policy::legacy()).build().unwrap());
        give(&mut server, &hello);
        let error = server.poll_now().unwrap_err();
        assert_eq!(error.alert(), Some(AlertDescription::INAPPROPRIATE_FALLBACK), "{error}");
    }
}

#[test]
fn every_suite_with_and_without_its_options() {
    let ca = Authority::new("CA");
    for suite in CIPHER_SUITES {
        for (ems, etm) in [(true, true), (false, false)] {
            let policy =
                widest().with_cipher_suites(&[suite.id]).with_extended_master_secret(ems).with_encrypt_then_mac(etm);
            let client = ca.client(policy.clone()).build().unwrap();
            let server = ca.server(policy).build().unwrap();
            let (mut client, mut server) = established(&client, &server);
            for session in [client.session().unwrap(), server.session().unwrap()] {
                assert_eq!(session.cipher_suite(), suite.id);
                assert_eq!(session.extended_master_secret(), ems);
                assert_eq!(session.encrypt_then_mac(), etm && suite.bulk.is_cbc());
                assert!(session.secure_renegotiation());
                assert_eq!(session.steps().len(), 10);
            }
            transfer(&mut client, &mut server, &data(40_000));
            transfer(&mut server, &mut client, &data(40_000));
        }
    }
}

#[test]
fn every_group() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        // Those of the policy, and those that are to be asked for.
        let rare = [
            NamedGroup::SECP256R1MLKEM768,
            NamedGroup::SECP384R1MLKEM1024,
            NamedGroup::MLKEM768,
            NamedGroup::MLKEM1024,
        ];
        for group in policy.groups().iter().chain(&rare) {
            // Without the feature `post-quantum` there is no hybrid.
            let carried = clasp_crypto::default_provider().group(*group).is_some();
            if !carried || !is_tls13(&policy) && is_for_tls13_alone(*group) {
                continue;
            }
            let policy = policy.clone().with_groups(&[*group]);
            // A certificate's curve must be offered too, so the RSA identity serves here.
            let client = ca.client(policy.clone()).build().unwrap();
            let server = ca.server(policy).build().unwrap();
            let (client, server) = established(&client, &server);
            assert_eq!(client.session().unwrap().group(), Some(*group));
            assert_eq!(server.session().unwrap().group(), Some(*group));
        }
    }
}

/// More names than a CertificateRequest has room for (RFC 5246 7.4.4) are none: the client is left free.
/// Bounds that would let nothing through are raised to what a connection cannot do without.
#[test]
fn limits_of_nothing_still_let_a_record_through() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let limits = || crate::Limits { input: 0, output: 0, ..crate::Limits::default() };
        let client = ca.client(policy.clone()).limits(limits()).build().unwrap();
        let server = ca.server(policy.clone()).limits(limits()).build().unwrap();
        let (mut client, mut server) = established(&client, &server);
        assert!(client.receive_room() >= 5 + clasp_wire::MAX_CIPHERTEXT);
        for piece in 0..3_u8 {
            assert_eq!(client.write(&[piece, 9]).unwrap(), 1);
            assert_eq!(client.write(&[9]).unwrap(), 0);
            give(&mut server, &client.output().split());
            assert_eq!(server.poll_now().unwrap(), Status::Data);
            assert_eq!(server.read().unwrap()[..], [piece]);
        }
    }
}

/// What of TLS 1.3 is logged, in this order.
const TLS13_SECRETS: [&str; 5] = [
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    "CLIENT_TRAFFIC_SECRET_0",
    "SERVER_TRAFFIC_SECRET_0",
    "EXPORTER_SECRET",
];

#[test]
fn exporters_and_key_logs_agree() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let log = (Arc::new(Secrets::default()), Arc::new(Secrets::default()));
        let client = ca.client(policy.clone()).key_log(log.0.clone()).build().unwrap();
        let server = ca.server(policy.clone()).key_log(log.1.clone()).build().unwrap();
        let (client, server) = established(&client, &server);
        let export = |tls: &Connection, context| {
            let mut out = [0; 40];
            tls.export_keying_material(b"EXPORTER-clasp-test", context, &mut out).unwrap().unwrap();
            out
        };
        assert_eq!(export(&client, None), export(&server, None));
        assert_eq!(export(&client, Some(b"c")), export(&server, Some(b"c")));
        // TLS 1.3 takes no context for an empty one, and has no tls-unique (RFC 8446 7.5, RFC 9266).
        assert_eq!(export(&client, None) == export(&client, Some(b"")), is_tls13(&policy));
        assert_eq!(client.tls_unique(), server.tls_unique());
        assert_eq!(client.tls_unique().is_none(), is_tls13(&policy));
        let (client, server) = (log.0.0.lock().unwrap(), log.1.0.lock().unwrap());
        assert_eq!(*client, *server);
        let logged: Vec<_> = client.iter().map(|(label, ..)| label.as_str()).collect();
        if is_tls13(&policy) {
            assert_eq!(logged, TLS13_SECRETS);
        } else {
            assert_eq!(logged, ["CLIENT_RANDOM"]);
        }
        assert!(client.iter().all(|(.., secret)| secret.len() == 48));
    }
}

#[test]
fn the_trace_tells_every_step_and_no_secret() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let trace = (Arc::new(Recorder::default()), Arc::new(Recorder::default()));
        let log = Arc::new(Secrets::default());
        let client = ca
            .client(policy.clone())
            .identity(ca.ecdsa("client.example"))
            .trace(trace.0.clone())
            .key_log(log.clone())
            .build()
            .unwrap();
        let server = ca.server(policy.clone()).client_auth(ca.require_client()).trace(trace.1.clone()).build().unwrap();
        established(&client, &server);
        let client: Vec<_> = trace.0.0.lock().unwrap().iter().map(|event| event.step.number()).collect();
        assert_eq!(client.iter().copied().collect::<std::collections::BTreeSet<_>>(), (1..=10).collect());
        let server: Vec<_> = trace.1.0.lock().unwrap().iter().map(|event| event.step).collect();
        assert!(server.contains(&Step::MasterSecret) && server.contains(&Step::ClientFinished));
        let secret: String = log.0.lock().unwrap()[0].2.iter().map(|byte| format!("{byte:02x}")).collect();
        let told: String = trace.0.0.lock().unwrap().iter().map(ToString::to_string).collect();
        assert!(!told.contains(&secret[..16]));
    }
}

#[test]
fn record_size_limits_hold() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let client = ca.client(policy.clone()).record_size_limit(512).build().unwrap();
        let server = ca.server(policy.clone()).record_size_limit(1000).build().unwrap();
        let (mut client, mut server) = established(&client, &server);
        let check = |from: &mut Connection, to: &mut Connection, limit| {
            from.write(&data(5000)).unwrap();
            let wire = from.output().split();
            give(to, &wire);
            let mut sizes = Vec::new();
            while to.poll_now().unwrap() == Status::Data {
                sizes.push(to.read().unwrap().len());
            }
            assert_eq!(sizes.iter().sum::<usize>(), 5000);
            assert_eq!(sizes.iter().max(), Some(&limit));
        };
        // In TLS 1.3 the type inside counts (RFC 8449 4).
        let inside = usize::from(is_tls13(&policy));
        check(&mut server, &mut client, 512 - inside);
        check(&mut client, &mut server, 1000 - inside);
    }
}

#[test]
fn close_and_truncation_are_told_apart() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let client = ca.client(policy.clone()).build().unwrap();
        let server = ca.server(policy.clone()).build().unwrap();

        let (mut a, mut b) = established(&client, &server);
        a.close();
        give(&mut b, &a.output().split());
        assert_eq!(b.poll_now().unwrap(), Status::Closed);
        b.receive_eof();
        assert_eq!(b.poll_now().unwrap(), Status::Closed);
        // Half-closed: the other direction still works.
        transfer(&mut b, &mut a, b"still here");
        assert!(matches!(a.write(b"x"), Err(Error::NotWritable(_))));

        let (mut a, mut b) = established(&client, &server);
        a.write(b"the end is missing").unwrap();
        give(&mut b, &a.output().split());
        b.receive_eof();
        assert_eq!(b.poll_now().unwrap(), Status::Data);
        assert_eq!(&b.read().unwrap()[..], b"the end is missing");
        assert!(matches!(b.poll_now(), Err(Error::Truncated)));
    }
}

#[test]
fn the_alert_on_a_refused_server_hello_is_in_a_record_of_the_version_it_chose() {
    let ca = Authority::new("CA");
    let client = ca.client(classic(Policy::modern()).requiring_extended_master_secret(true)).build().unwrap();
    let server = ca.server(classic(Policy::modern()).with_extended_master_secret(false)).build().unwrap();
    let (mut client, mut server) = connections(&client, &server);
    client.poll_now().unwrap();
    let hello = client.output().split();
    assert_eq!(&hello[..3], [22, 3, 1]);
    give(&mut server, &hello);
    server.poll_now().unwrap();
    give(&mut client, &server.output().split());
    assert!(matches!(client.poll_now(), Err(Error::Misbehaved(Misbehaviour::NoExtendedMasterSecret))));
    assert_eq!(client.output()[..], [21, 3, 3, 0, 2, 2, AlertDescription::HANDSHAKE_FAILURE.0]);
}

#[test]
fn nothing_is_written_before_the_handshake_is_done() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let mut client = Connection::client(ca.client(policy.clone()).build().unwrap(), NAME.try_into().unwrap());
        assert!(matches!(client.write(b"x"), Err(Error::NotWritable(_))));
        assert!(client.session().is_none());
        client.receive_eof();
        assert!(matches!(client.poll_now(), Err(Error::ClosedInHandshake { awaited: "ServerHello" })));
    }
}

#[test]
fn byte_by_byte_is_the_same() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let client = ca.client(policy.clone()).identity(ca.ecdsa("client.example")).build().unwrap();
        let server = ca.server(policy.clone()).client_auth(ca.require_client()).build().unwrap();
        let (mut client, mut server) = connections(&client, &server);
        while client.is_handshaking() || server.is_handshaking() {
            client.poll_now().unwrap();
            for byte in client.output().split() {
                give(&mut server, &[byte]);
                server.poll_now().unwrap();
            }
            server.poll_now().unwrap();
            for byte in server.output().split() {
                give(&mut client, &[byte]);
                client.poll_now().unwrap();
            }
        }
        transfer(&mut client, &mut server, &data(100));
    }
}

mod pending {
    //! Callbacks that are not ready at once.

    use super::*;
    use crate::{ClientHelloInfo, IdentityResolver, Resolved};
    use clasp_cert::{Identity, MaybeReady};
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Answers when `ready` is set; whoever sets it polls again.
    #[derive(Debug)]
    struct Slow {
        identity: Arc<Identity>,
        ready: Arc<AtomicBool>,
    }

    impl IdentityResolver for Slow {
        fn resolve<'a>(&'a self, hello: &'a ClientHelloInfo<'a>) -> MaybeReady<'a, Resolved> {
            assert_eq!(hello.server_name, Some(NAME));
            MaybeReady::future(std::future::poll_fn(|_| {
                if self.ready.load(Ordering::Relaxed) {
                    Poll::Ready(Resolved::Identities(vec![Arc::clone(&self.identity)]))
                } else {
                    Poll::Pending
                }
            }))
        }
    }

    fn slow_server(ca: &Authority, ready: &Arc<AtomicBool>) -> Connection {
        let resolver = Slow { identity: Arc::new(ca.rsa(NAME)), ready: Arc::clone(ready) };
        let config = crate::ServerConfig::builder(Policy::modern()).identity_resolver(Arc::new(resolver));
        Connection::server(config.build().unwrap())
    }

    #[test]
    fn a_slow_resolver_holds_the_handshake_up() {
        let ca = Authority::new("CA");
        let ready = Arc::new(AtomicBool::new(false));
        let mut server = slow_server(&ca, &ready);
        let mut client = Connection::client(ca.client(Policy::modern()).build().unwrap(), NAME.try_into().unwrap());
        client.poll_now().unwrap();
        give(&mut server, &client.output().split());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(server.poll(&mut cx).is_pending());
        assert!(matches!(server.poll_now(), Err(Error::CallbackPending)));
        assert!(!server.has_output());
        ready.store(true, Ordering::Relaxed);
        assert_eq!(exchange(&mut client, &mut server).1.map(|error| error.to_string()), None);
        transfer(&mut client, &mut server, b"worth the wait");
    }

    #[test]
    fn the_end_of_input_is_noticed_meanwhile() {
        let ca = Authority::new("CA");
        let mut server = slow_server(&ca, &Arc::default());
        let mut client = Connection::client(ca.client(Policy::modern()).build().unwrap(), NAME.try_into().unwrap());
        client.poll_now().unwrap();
        give(&mut server, &client.output().split());
        assert!(matches!(server.poll_now(), Err(Error::CallbackPending)));
        server.receive_eof();
        assert!(matches!(server.poll_now(), Err(Error::ClosedInHandshake { .. })));
    }
}
