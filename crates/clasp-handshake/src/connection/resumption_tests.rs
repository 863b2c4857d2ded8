//! Tests of resumed sessions, in memory (RFC 5246 7.3, RFC 5077).

use std::sync::Arc;

use clasp_cert::{CertificateError, CertificateProblem, MaybeReady, Report, ServerVerification, ServerVerifier};
use clasp_crypto::HashAlgorithm;
use clasp_wire::{CipherSuite, HandshakeType};
use rustls_pki_types::UnixTime;

use crate::error::Role;
use crate::testing::{
    Authority, FirstSession, NAME, OneAfterAnother, SetClock, classic, connections, each, established, exchange,
    exchange_with, give, is_tls13, message_at, transfer,
};
use crate::{
    ClientConfig, ClientConfigBuilder, Connection, Error, ExternalPsk, MemorySessions, Misbehaviour, Policy,
    ServerConfig, TicketKeys,
};

fn resumed(pair: &(Connection, Connection)) -> bool {
    let (client, server) = (pair.0.session().unwrap(), pair.1.session().unwrap());
    assert_eq!(client.resumed(), server.resumed());
    client.resumed()
}

/// A full handshake, then another.
fn twice(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> (Connection, Connection) {
    assert!(!resumed(&established(client, server)));
    established(client, server)
}

#[test]
fn by_ticket_and_by_identifier_with_every_suite() {
    let ca = Authority::new("CA");
    #[cfg(feature = "legacy")]
    let widest = Policy::legacy();
    #[cfg(not(feature = "legacy"))]
    let widest = Policy::compatible();
    for suite in widest.suites() {
        for version in widest.versions().filter(|version| suite.allows(*version)) {
            for tickets in [true, false] {
                let policy = widest.clone().with_cipher_suites(&[suite.id]).with_versions(version, version);
                let (mut client, mut server) = (ca.client(policy.clone()), ca.server(policy));
                if suite.is_pre_shared() {
                    let psk = ExternalPsk::new(b"one", &[1; 16], HashAlgorithm::Sha256).unwrap();
                    (client, server) = (client.psk(psk.clone()), server.psk(psk));
                }
                let client = client.build().unwrap();
                let server = if tickets { server.session_ids(false) } else { server.tickets(false) };
                let server = server.build().unwrap();
                let mut pair = twice(&client, &server);
                assert!(resumed(&pair), "{version} {} {tickets}", suite.id);
                assert_eq!(pair.0.tls_unique(), pair.1.tls_unique());
                let (client, server) = (&mut pair.0, &mut pair.1);
                transfer(client, server, &[1; 20_000]);
                transfer(server, client, &[2; 20_000]);
                let certificates = client.session().unwrap().peer_certificates().len();
                assert_eq!(certificates, usize::from(!suite.is_pre_shared()));
                assert_eq!(client.session().unwrap().steps().len(), 10);
                let export = |tls: &Connection| {
                    let mut out = [0; 32];
                    tls.export_keying_material(b"EXPORTER-x", None, &mut out).unwrap().unwrap();
                    out
                };
                assert_eq!(export(client), export(server));
            }
        }
    }
}

#[test]
fn whichever_is_switched_off_is_not_used() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let server = ca.server(policy.clone()).build().unwrap();
        let client =
            |change: fn(ClientConfigBuilder) -> ClientConfigBuilder| change(ca.client(policy.clone())).build().unwrap();
        assert!(resumed(&twice(&client(|builder| builder), &server)));
        // TLS 1.3 has tickets alone.
        assert_eq!(resumed(&twice(&client(|builder| builder.tickets(false)), &server)), !is_tls13(&policy));
        assert!(resumed(&twice(&client(|builder| builder.session_ids(false)), &server)));
        assert!(!resumed(&twice(&client(|builder| builder.tickets(false).session_ids(false)), &server)));
        assert!(!resumed(&twice(&client(ClientConfigBuilder::without_resumption), &server)));
        let server = ca.server(policy.clone()).without_resumption().build().unwrap();
        assert!(!resumed(&twice(&client(|builder| builder), &server)));
    }
}

#[test]
fn what_differs_makes_a_full_handshake() {
    let ca = Authority::new("CA");
    for (modern, compatible) in
        [(classic(Policy::modern()), classic(Policy::compatible())), (Policy::modern(), Policy::compatible())]
    {
        let store = Arc::new(MemorySessions::default());
        let keys = Arc::new(TicketKeys::generate(clasp_crypto::default_provider()).unwrap());
        let client = |policy: Policy| ca.client(policy).session_store(store.clone()).build().unwrap();
        let server = |policy: Policy| ca.server(policy).ticket_keys(keys.clone()).build().unwrap();
        assert!(resumed(&twice(&client(modern.clone()), &server(modern.clone()))));
        // Another policy, on either side.
        assert!(!resumed(&established(&client(compatible.clone()), &server(modern.clone()))));
        assert!(!resumed(&established(&client(compatible.clone()), &server(compatible.clone()))));
        assert!(resumed(&established(&client(compatible.clone()), &server(compatible))));
        assert!(!resumed(&established(&client(modern.clone()), &server(modern.clone()))));
        // A suite that is not offered any more.
        let other = modern.clone().with_cipher_suites(&[CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]);
        assert!(!resumed(&established(&client(other), &server(modern.clone()))));
        // A server that now asks for a certificate, and one that trusts another authority.
        let demanding = ca.server(modern.clone()).ticket_keys(keys.clone()).client_auth(ca.require_client());
        let demanding = demanding.build().unwrap();
        let shown = ca.client(modern.clone()).session_store(store.clone()).identity(ca.ecdsa("client.example"));
        let shown = shown.build().unwrap();
        established(&client(modern.clone()), &server(modern.clone()));
        assert!(!resumed(&established(&shown, &demanding)));
        let again = established(&shown, &demanding);
        assert!(resumed(&again));
        assert!(again.1.session().unwrap().client_authenticated());
        assert_eq!(again.1.session().unwrap().peer_certificates().len(), 1);
        let elsewhere = Authority::new("Elsewhere");
        let stranger = ca.server(modern).ticket_keys(keys).client_auth(elsewhere.require_client()).build().unwrap();
        let (mut client, mut server) = connections(&shown, &stranger);
        let (_, error) = exchange(&mut client, &mut server);
        assert!(matches!(error, Some(Error::Certificate { .. })), "{error:?}");
    }
}

/// RFC 7627 5.3: a session that had the extended master secret is resumed with it or not at all.
#[test]
fn the_extended_master_secret_is_not_given_up() {
    let ca = Authority::new("CA");
    let store = Arc::new(FirstSession::default());
    let client = |on| {
        let policy = classic(Policy::modern()).with_extended_master_secret(on);
        ca.client(policy).session_store(store.clone()).build().unwrap()
    };
    let server = ca.server(classic(Policy::modern())).build().unwrap();
    established(&client(true), &server);
    store.thaw();
    // Our own client does not even ask.
    assert!(!resumed(&established(&client(false), &server)));
    // One that does is refused: its hello says that it knows the session, and not what protects it.
    let (mut tls, mut other) = connections(&client(true), &server);
    tls.poll_now().unwrap();
    let hello = tls.output().split();
    let at = hello.windows(4).position(|window| window == [0, 23, 0, 0]).unwrap();
    let mut stripped = hello.to_vec();
    // An extension that nobody knows in its place.
    stripped[at + 1] = 0xee;
    crate::testing::give(&mut other, &stripped);
    let error = other.poll_now().unwrap_err();
    assert!(matches!(error, Error::Misbehaved(Misbehaviour::ExtendedMasterSecretChanged)), "{error}");
}

#[test]
fn a_session_is_forgotten_after_a_day_and_tickets_are_renewed_before() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let now = UnixTime::now().as_secs();
        let store = Arc::new(MemorySessions::default());
        let keys = Arc::new(TicketKeys::generate(clasp_crypto::default_provider()).unwrap().with_period(4 * 3600));
        let at = |hours: u64| {
            let clock = SetClock::at((now + hours * 3600) * 1000);
            let client = ca.client(policy.clone()).session_store(store.clone()).clock(clock.clone()).build().unwrap();
            let server = ca.server(policy.clone()).ticket_keys(keys.clone()).clock(clock).build().unwrap();
            resumed(&established(&client, &server))
        };
        assert!(!at(0));
        // Each time the key is an old one, so that the ticket is renewed; after a day that does not help any more.
        for hours in [5, 10, 15, 20, 23] {
            assert!(at(hours), "{hours}");
        }
        assert!(!at(25));
        assert!(at(26));
    }
}

/// An unsafe or secure renegotiation on a resumed session refers to that session's Finished messages.
#[test]
fn a_resumed_session_renegotiates() {
    let ca = Authority::new("CA");
    let client = ca.client(classic(Policy::compatible())).build().unwrap();
    let server = ca.server(classic(Policy::compatible())).build().unwrap();
    let mut pair = twice(&client, &server);
    assert!(resumed(&pair));
    pair.0.renegotiate().unwrap();
    let errors = exchange(&mut pair.0, &mut pair.1);
    assert!(errors.0.is_none() && errors.1.is_none(), "{errors:?}");
    assert_eq!(pair.1.session().unwrap().renegotiations(), 1);
    assert!(!resumed(&pair));
    transfer(&mut pair.0, &mut pair.1, b"on");
}

/// GnuTLS, as either side, sends or awaits a ticket in every handshake when the first one had one (RFC 5077 3.3).
#[test]
fn a_renegotiated_session_has_a_ticket_of_its_own() {
    let ca = Authority::new("CA");
    let store = Arc::new(MemorySessions::default());
    let client =
        ca.client(classic(Policy::compatible())).identity(ca.ecdsa("client.example")).session_store(store.clone());
    let client = client.session_ids(false).build().unwrap();
    let server = ca.server(classic(Policy::compatible())).session_ids(false).build().unwrap();
    let (mut tls, mut other) = established(&client, &server);
    let mut again = |begin: fn(&mut Connection, &mut Connection, &Authority)| {
        begin(&mut tls, &mut other, &ca);
        let errors = exchange(&mut tls, &mut other);
        assert!(errors.0.is_none() && errors.1.is_none(), "{errors:?}");
        other.session().unwrap().client_authenticated()
    };
    drop(crate::SessionStore::remove(&*store, b"server.example"));
    assert!(store.is_empty());
    assert!(!again(|tls, _, _| tls.renegotiate().unwrap()));
    assert_eq!(store.len(), 1);
    assert!(resumed(&established(&client, &server)));

    // A session whose certificate was asked for only then is not taken up: its ticket is empty, and the earlier one stays.
    assert!(again(|_, other, ca| other.request_client_certificate(ca.require_client()).unwrap()));
    assert!(resumed(&established(&client, &server)));
}

/// Who shares a store and trusts others, or shows another certificate, does not inherit what somebody else was told.
#[test]
fn a_session_belongs_to_its_trust_and_its_identity() {
    use clasp_cert::{DangerousAcceptAnyServer, ServerVerifier};

    let (ca, other) = (Authority::new("CA"), Authority::new("Other"));
    for policy in each(&Policy::modern()) {
        let store = Arc::new(MemorySessions::default());
        let server = ca.server(policy.clone()).client_auth(ca.request_client()).build().unwrap();
        let anybody: Arc<dyn ServerVerifier> = Arc::new(DangerousAcceptAnyServer);
        let trusting = |verifier: Option<Arc<dyn ServerVerifier>>, by: &Authority| {
            let builder = by.client(policy.clone()).session_store(store.clone());
            verifier.into_iter().fold(builder, ClientConfigBuilder::verifier).build().unwrap()
        };
        assert!(resumed(&twice(&trusting(Some(anybody), &ca), &server)));
        // The same server, now to be verified: by its own authority, and by one that does not know it.
        assert!(!resumed(&established(&trusting(None, &ca), &server)));
        assert!(resumed(&established(&trusting(None, &ca), &server)));
        let (mut client, mut tls) = connections(&trusting(None, &other), &server);
        let (error, _) = exchange(&mut client, &mut tls);
        assert!(matches!(error, Some(Error::Certificate { .. })), "{error:?}");

        let showing = |identity: Option<clasp_cert::Identity>| {
            let builder = ca.client(policy.clone()).session_store(store.clone());
            identity.into_iter().fold(builder, ClientConfigBuilder::identity).build().unwrap()
        };
        let (alice, bob) = (showing(Some(ca.ecdsa("alice"))), showing(Some(ca.ecdsa("bob"))));
        let subject = |pair: &(Connection, Connection)| pair.1.session().unwrap().peer_certificates().first().cloned();
        let first = subject(&established(&alice, &server));
        let second = established(&bob, &server);
        assert!(!resumed(&second) && subject(&second) != first);
        assert!(!resumed(&established(&showing(None), &server)));
    }
}

/// RFC 5246 7.2.2: what came to a bad end is not tried again.
#[test]
fn a_session_that_fails_is_forgotten() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let store = Arc::new(MemorySessions::default());
        let client = ca.client(policy.clone()).session_store(store.clone()).build().unwrap();
        let server = ca.server(policy.clone()).build().unwrap();
        let (mut tls, mut other) = twice(&client, &server);
        // A TLS 1.3 server gives two tickets, one of which was used, and another for that.
        assert_eq!(store.len(), if is_tls13(&policy) { 2 } else { 1 });
        other.write(b"data").unwrap();
        let mut wire = other.output().split();
        *wire.last_mut().unwrap() ^= 1;
        crate::testing::give(&mut tls, &wire);
        tls.poll_now().unwrap_err();
        assert!(store.is_empty());
    }
}

/// RFC 7627 5.4: without the extended master secret nothing is exported, and a resumed session is not renegotiated.
#[test]
fn without_the_extended_master_secret_less_is_allowed() {
    let ca = Authority::new("CA");
    let policy = classic(Policy::compatible()).with_extended_master_secret(false);
    let (client, server) = (ca.client(policy.clone()).build().unwrap(), ca.server(policy).build().unwrap());
    let (mut client, _) = twice(&client, &server);
    assert!(client.session().unwrap().resumed());
    let exported = client.export_keying_material(b"EXPORTER-x", None, &mut [0; 32]).unwrap();
    assert_eq!(exported, Err(clasp_keys::ExportError::NotBound));
    assert!(matches!(client.renegotiate(), Err(Error::NoRenegotiation(_))));
}

/// Servers that share sessions, by a store or by tickets, and differ in policy do not take up each other's.
#[test]
fn a_session_belongs_to_its_policy() {
    let ca = Authority::new("CA");
    let keys = Arc::new(crate::TicketKeys::generate(clasp_crypto::default_provider()).unwrap());
    let store = Arc::new(MemorySessions::default());
    let server = |policy, tickets| {
        let builder = ca.server(policy).ticket_keys(keys.clone()).session_store(store.clone());
        builder.tickets(tickets).build().unwrap()
    };
    for tickets in [true, false] {
        let client = ca.client(Policy::modern()).build().unwrap();
        let (wide, strict) = (server(Policy::compatible(), tickets), server(Policy::modern(), tickets));
        assert!(resumed(&twice(&client, &wide)));
        assert!(!resumed(&established(&client, &strict)));
        assert!(resumed(&established(&client, &strict)));
    }
}

/// RFC 5246 7.2.1: a transport that ends without a close_notify says nothing of the session.
#[test]
fn a_session_outlives_a_cut() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let client = ca.client(policy.clone()).build().unwrap();
        let server = ca.server(policy).build().unwrap();
        let (mut tls, _) = established(&client, &server);
        tls.receive_eof();
        assert!(matches!(tls.poll_now(), Err(Error::Truncated)));
        assert!(resumed(&established(&client, &server)));
    }
}

/// Accepts the first server it sees, and after that none.
#[derive(Debug, Default)]
struct OnlyOnce(std::sync::atomic::AtomicBool);

impl ServerVerifier for OnlyOnce {
    fn verify_server<'a>(&'a self, shown: ServerVerification<'a>) -> MaybeReady<'a, Result<Report, CertificateError>> {
        assert_eq!(shown.chain.len(), 1);
        MaybeReady::ready(if self.0.swap(true, std::sync::atomic::Ordering::Relaxed) {
            Err(CertificateError::new(CertificateProblem::Revoked, Report::server()))
        } else {
            Ok(Report::server())
        })
    }
}

#[test]
fn a_server_is_verified_again_where_that_is_wanted() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        for again in [false, true] {
            let verifier = Arc::new(OnlyOnce::default());
            let client = ca.client(policy.clone()).verifier(verifier).verify_resumed(again).build().unwrap();
            let server = ca.server(policy.clone()).build().unwrap();
            established(&client, &server);
            let (mut client, mut server) = connections(&client, &server);
            let (ours, _) = exchange(&mut client, &mut server);
            assert_eq!(matches!(ours, Some(Error::Certificate { .. })), again, "{ours:?}");
        }
    }
}

/// RFC 5246 7.4.1.2, RFC 6066 3: what the hello does not offer, or does not ask for by name, is not taken up for it.
#[test]
fn a_server_takes_up_what_goes_with_the_hello() {
    let ca = Authority::new("CA");
    let policy = classic(Policy::modern());
    for tickets in [true, false] {
        let client = ca.client(policy.clone()).build().unwrap();
        let server = ca.server(policy.clone()).tickets(tickets).build().unwrap();
        let (first, _) = twice(&client, &server);
        let suite = first.session().unwrap().cipher_suite().0.to_be_bytes();
        let name = NAME.as_bytes();
        for (what, other) in [(name, &b"server.exampla"[..]), (&suite[..], &[0x5a, 0x5a])] {
            let (mut tls, mut server) = connections(&client, &server);
            tls.poll_now().unwrap();
            let mut hello = tls.output().split().to_vec();
            // Behind record header, message header, version and random.
            let at = 43 + hello[43..].windows(what.len()).position(|bytes| bytes == what).unwrap();
            hello[at..at + what.len()].copy_from_slice(other);
            give(&mut server, &hello);
            server.poll_now().unwrap();
            let answer = server.output().split();
            assert!(message_at(&answer, HandshakeType::CERTIFICATE).is_some(), "resumed for {other:?}");
        }
    }
}

/// RFC 5246 7.4.1.3, RFC 7627 5.3: a session comes back as it was, or it is refused.
#[test]
fn a_client_takes_up_what_it_was() {
    let ca = Authority::new("CA");
    let client = ca.client(classic(Policy::modern())).build().unwrap();
    let server = ca.server(classic(Policy::modern())).build().unwrap();
    let another_suite = |flight: &mut Vec<u8>, suite: usize| flight[suite + 1] ^= 7;
    let without_extended_master_secret = |flight: &mut Vec<u8>, suite: usize| {
        let extension = flight.windows(4).position(|bytes| bytes == [0, 23, 0, 0]).unwrap();
        flight.drain(extension..extension + 4);
        // The low bytes of the lengths of record, message and extensions.
        [4, 8, suite + 4].into_iter().for_each(|at| flight[at] -= 4);
    };
    twice(&client, &server);
    for change in [another_suite as fn(&mut Vec<u8>, usize), without_extended_master_secret] {
        let (mut tls, mut other) = connections(&client, &server);
        let (error, _) = exchange_with(&mut tls, &mut other, |from, mut flight| {
            if from == Role::Server && message_at(&flight, HandshakeType::SERVER_HELLO).is_some() {
                let suite = 44 + usize::from(flight[43]);
                change(&mut flight, suite);
            }
            flight
        });
        assert!(matches!(error, Some(Error::Misbehaved(Misbehaviour::ResumedDifferently))), "{error:?}");
        // It is forgotten.
        assert!(!resumed(&established(&client, &server)));
    }
}

/// A session keeps nobody from the suite that is the best now; in TLS 1.3 another of its hash would do (RFC 8446 4.2.11).
#[test]
fn a_session_of_a_suite_that_is_not_the_best_is_not_resumed() {
    use CipherSuite as S;
    let ca = Authority::new("CA");
    let pairs = [
        (S::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, S::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
        (S::TLS_AES_128_GCM_SHA256, S::TLS_CHACHA20_POLY1305_SHA256),
    ];
    for (policy, (worse, better)) in each(&Policy::modern()).into_iter().zip(pairs) {
        for tickets in [true, false] {
            let store = Arc::new(MemorySessions::default());
            let client = |suites: &[S]| {
                ca.client(policy.clone().with_cipher_suites(suites)).session_store(store.clone()).build().unwrap()
            };
            let server = ca.server(policy.clone().with_cipher_suites(&[better, worse]));
            let server = if tickets { server.session_ids(false) } else { server.tickets(false) };
            let server = server.build().unwrap();
            assert!(resumed(&twice(&client(&[worse]), &server)));
            let pair = established(&client(&[worse, better]), &server);
            assert!(!resumed(&pair), "{better} {tickets}");
            assert_eq!(pair.0.session().unwrap().cipher_suite(), better);
            assert!(resumed(&established(&client(&[worse, better]), &server)));
        }
    }
}

/// RFC 7627 5.4: a resumed session without the extended master secret may have the same Finished as somebody else's.
#[test]
fn tls_unique_without_the_extended_master_secret() {
    let ca = Authority::new("CA");
    let policy = classic(Policy::modern()).with_extended_master_secret(false).allowing_unsafe_renegotiation(true);
    let policy = policy.with_renegotiation(crate::Renegotiation::UnsafeLegacy);
    let (client, server) = (ca.client(policy.clone()).build().unwrap(), ca.server(policy).build().unwrap());
    let (client_side, server_side) = established(&client, &server);
    assert!(client_side.tls_unique().is_some());
    assert_eq!(client_side.tls_unique(), server_side.tls_unique());
    let mut pair = established(&client, &server);
    assert!(resumed(&pair));
    assert_eq!((pair.0.tls_unique(), pair.1.tls_unique()), (None, None));
    // Nor after it has shaken hands again, which only an insecure policy does.
    pair.0.renegotiate().unwrap();
    assert!(matches!(exchange(&mut pair.0, &mut pair.1), (None, None)));
    assert_eq!(pair.0.session().unwrap().renegotiations(), 1);
    assert_eq!((pair.0.tls_unique(), pair.1.tls_unique()), (None, None));
}

/// A server that has lost its certificate goes on with the sessions that it has.
#[test]
fn a_session_needs_no_identity() {
    let ca = Authority::new("CA");
    let policy = classic(Policy::modern());
    let identity = Arc::new(ca.ecdsa(NAME));
    let resolver = Arc::new(OneAfterAnother::new(vec![identity]));
    let client = ca.client(policy.clone()).build().unwrap();
    let server = ServerConfig::builder(policy).identity_resolver(resolver).build().unwrap();
    assert!(resumed(&twice(&client, &server)));
}

/// Suites with a pre-shared key come first, but not where the client must show a certificate.
#[test]
fn the_best_suite_is_one_that_the_client_can_have() {
    let ca = Authority::new("CA");
    let psk = ExternalPsk::new(b"one", &[1; 16], HashAlgorithm::Sha256).unwrap();
    let policy = classic(Policy::modern());
    let client = ca.client(policy.clone()).psk(psk.clone()).identity(ca.ecdsa("client.example")).build().unwrap();
    let server = ca.server(policy).psk(psk).client_auth(ca.require_client()).build().unwrap();
    let pair = twice(&client, &server);
    assert!(resumed(&pair) && pair.1.session().unwrap().client_authenticated());
}
