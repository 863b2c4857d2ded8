//! The traces. As a client every record of each is compared, in sections 3 to 7, and as a server in all but 5, whose
//! HelloRetryRequest has a cookie, which Clasp's server has no use for.
//!
//! - Client: it sends the trace's hello (with a binder of its own making in section 4), is given the server's records, and
//!   what it sends must be the trace's: second hello, early data, EndOfEarlyData, ChangeCipherSpec, its last flight,
//!   application data, alert. It verifies the server's signature and Finished, and reads the application data and the alert.
//! - Server: it is given the client's records, and must send the trace's ServerHello, ChangeCipherSpec, the rest of the
//!   flight, ticket, application data and alert. It verifies the client's Finished, signature and binder, and reads early data, application data, alert.
//! - Secrets, where they are printed in our copy (sections 3 to 5): those of early data, handshake, application data and
//!   exporter, as the key log has them; and the key that section 3's ticket stands for, as the client's store has it. That
//!   of section 4 resumes by it.

use std::sync::Arc;

use bytes::Bytes;
use clasp_cert::MaybeReady;
use clasp_crypto::KeyAlgorithm;
use clasp_wire::{CipherSuite, NamedGroup, ProtocolVersion};
use rustls_pki_types::{CertificateDer, UnixTime};
use zeroize::Zeroizing;

use super::{ANSWERS, Anyone, FixedSignature, HELLOS, hex, maybe, provider, value};
use crate::resumption::Saved;
use crate::testing::{OneAfterAnother, Secrets, give};
use crate::{ClientAuth, ClientConfig, Clock, Connection, EarlyData, Policy, ServerConfig, SessionStore, Status};

const MESSAGES: &str = include_str!("../../../clasp-wire/test-data/rfc8448.txt");
const NOW: u64 = 1_500_000_000;
const AGE_ADD: u32 = 0xfad6_aac5;

#[derive(Debug)]
struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> UnixTime {
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW))
    }
}

fn policy() -> Policy {
    let mut policy = Policy::modern()
        .with_versions(ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_3)
        .with_cipher_suites(&[CipherSuite::TLS_AES_128_GCM_SHA256])
        .with_groups(&[NamedGroup::X25519, NamedGroup::SECP256R1]);
    policy.min_rsa_bits = 1024;
    policy
}

fn chain(section: u8) -> CertificateDer<'static> {
    // Header 4, context 1, list 3, length 3; no extensions, 2.
    let message = value("certificate", section);
    message[11..message.len() - 2].to_vec().into()
}

/// The trace's hello, without the header of its record.
fn hello(name: &str, section: u8) -> Bytes {
    Bytes::from(value(name, section)).slice(5..)
}

fn logged(log: &Secrets, label: &str) -> Vec<u8> {
    let log = log.0.lock().unwrap();
    log.iter().find(|(name, ..)| name == label).map(|(.., secret)| secret.clone()).unwrap()
}

/// Every secret that our copy of the trace has.
fn compare_secrets(log: &Secrets, section: u8) {
    let mut compared = 0;
    for label in [
        "CLIENT_EARLY_TRAFFIC_SECRET",
        "EARLY_EXPORTER_SECRET",
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
        "EXPORTER_SECRET",
    ] {
        if let Some(expected) = maybe(label, section) {
            assert_eq!(logged(log, label), expected, "{label}");
            compared += 1;
        }
    }
    assert_eq!(compared, [5, 7, 5, 0, 0][usize::from(section - 3)]);
}

fn taken(tls: &mut Connection) -> Vec<u8> {
    tls.output().split().to_vec()
}

fn data() -> Vec<u8> {
    (0..50).collect()
}

/// Application data and alerts, both ways.
fn end(tls: &mut Connection, section: u8, ours: &str, theirs: &str) {
    if let (Some(record), Some(answer)) =
        (maybe(&format!("{ours}-data-record"), section), maybe(&format!("{theirs}-data-record"), section))
    {
        assert_eq!(tls.write(&data()).unwrap(), 50);
        assert_eq!(taken(tls), record);
        give(tls, &answer);
        assert_eq!(tls.poll_now().unwrap(), Status::Data);
        assert_eq!(tls.read().unwrap(), data());
    }
    tls.close();
    assert_eq!(taken(tls), value(&format!("{ours}-alert-record"), section));
    give(tls, &value(&format!("{theirs}-alert-record"), section));
    assert_eq!(tls.poll_now().unwrap(), Status::Closed);
}

/// A client's configuration; the trace's keys are in its provider.
fn client(section: u8, log: &Arc<Secrets>, store: Arc<dyn SessionStore>) -> Arc<ClientConfig> {
    let mut keys = vec![(NamedGroup::X25519, value("client-key", section))];
    keys.extend(maybe("client-second-key", section).map(|key| (NamedGroup::SECP256R1, key)));
    let mut config = ClientConfig::builder(policy())
        .provider(provider(&keys, None))
        .verifier(ANYONE.with(Arc::clone))
        .clock(Arc::new(Fixed))
        .session_store(store)
        .key_log(log.clone())
        .early_data(true)
        .grease(false)
        .middlebox_compatibility(section == 7);
    if section == 6 {
        let chain = value("client-certificate", section).into();
        config = config.identity(FixedSignature::identity("client", section, chain, KeyAlgorithm::Rsa));
    }
    config.build().unwrap()
}

thread_local! {
    /// One, as sessions are of the verifier that they were made under.
    static ANYONE: Arc<Anyone> = Arc::new(Anyone);
}

fn replay_client(section: u8, store: Arc<dyn SessionStore>) {
    let log = Arc::new(Secrets::default());
    let config = client(section, &log, store);
    HELLOS.with_borrow_mut(|hellos| {
        hellos.push_back(hello("client-hello-record", section));
        hellos.extend(maybe("retried-client-hello-record", section).map(|record| Bytes::from(record).slice(5..)));
    });
    let mut tls = Connection::client(config, "server".try_into().unwrap());
    tls.poll_now().unwrap();
    assert_eq!(taken(&mut tls), value("client-hello-record", section));
    let early_data = maybe("early-data-record", section);
    if let Some(record) = &early_data {
        assert_eq!(tls.early_data_room(), 1024);
        assert_eq!(tls.write_early(b"ABCDEF").unwrap(), 6);
        assert_eq!(taken(&mut tls), *record);
    }
    if let Some(record) = maybe("hello-retry-request-record", section) {
        give(&mut tls, &record);
        tls.poll_now().unwrap();
        assert_eq!(taken(&mut tls), value("retried-client-hello-record", section));
    }
    HELLOS.with_borrow(|hellos| assert!(hellos.is_empty()));
    give(&mut tls, &value("server-hello-record", section));
    give(&mut tls, &value("server-flight-records", section));
    tls.poll_now().unwrap();
    let session = tls.session().expect("the handshake is done");
    assert_eq!(session.resumed(), section == 4);
    assert_eq!(session.early_data(), if early_data.is_some() { EarlyData::Accepted } else { EarlyData::NotOffered });
    assert_eq!(taken(&mut tls), value("client-flight-records", section));
    compare_secrets(&log, section);
    if let Some(record) = maybe("new-session-ticket-record", section) {
        give(&mut tls, &record);
        assert_eq!(tls.poll_now().unwrap(), Status::NeedInput);
    }
    end(&mut tls, section, "client", "server");
}

/// A store of one session.
#[derive(Debug, Default)]
struct One(std::sync::Mutex<Option<Zeroizing<Vec<u8>>>>);

impl SessionStore for One {
    fn get<'a>(&'a self, _: &'a [u8]) -> MaybeReady<'a, Option<Zeroizing<Vec<u8>>>> {
        MaybeReady::ready(self.0.lock().unwrap().clone())
    }

    fn put<'a>(&'a self, _: &'a [u8], session: Zeroizing<Vec<u8>>) -> MaybeReady<'a, ()> {
        *self.0.lock().unwrap() = Some(session);
        MaybeReady::ready(())
    }

    fn remove<'a>(&'a self, _: &'a [u8]) -> MaybeReady<'a, ()> {
        *self.0.lock().unwrap() = None;
        MaybeReady::ready(())
    }
}

impl One {
    fn session(&self) -> Option<Saved> {
        Saved::decode(self.0.lock().unwrap().as_ref()?)
    }
}

#[test]
fn a_client_in_sections_3_and_4() {
    let store = Arc::new(One::default());
    replay_client(3, store.clone());
    let saved = store.session().unwrap();
    assert_eq!(saved.secret(), value("resumption-psk", 3));
    assert_eq!((saved.lifetime, saved.age_add, saved.max_early_data), (30, AGE_ADD, 1024));
    replay_client(4, store);
}

#[test]
fn a_client_in_section_5() {
    replay_client(5, Arc::new(One::default()));
}

#[test]
fn a_client_in_section_6() {
    replay_client(6, Arc::new(One::default()));
}

#[test]
fn a_client_in_section_7() {
    replay_client(7, Arc::new(One::default()));
}

fn replay_server(section: u8) {
    let log = Arc::new(Secrets::default());
    let store = Arc::new(One::default());
    let keys = [(NamedGroup::X25519, value("server-key", section))];
    let mut config = ServerConfig::builder(policy())
        .provider(provider(&keys, Some(value("server-random", section))))
        .clock(Arc::new(Fixed))
        .key_log(log.clone())
        .tickets(false)
        .session_store(store.clone())
        .early_data(1024)
        .tickets_per_connection(u8::from(section == 3));
    let mut identities = Vec::new();
    if section != 4 {
        let algorithm = if section == 6 { KeyAlgorithm::EcdsaP256 } else { KeyAlgorithm::Rsa };
        identities.push(Arc::new(FixedSignature::identity("server", section, chain(section), algorithm)));
    }
    config = config.identity_resolver(Arc::new(OneAfterAnother::new(identities)));
    if section == 6 {
        config = config.client_auth(ClientAuth::Require(Arc::new(Anyone)));
    }
    let config = config.build().unwrap();
    if section == 4 {
        let mut saved = Saved {
            version: ProtocolVersion::TLS_1_3,
            suite: CipherSuite::TLS_AES_128_GCM_SHA256,
            extended_master_secret: true,
            client_authenticated: false,
            master: Zeroizing::new([0; 48]),
            secret_len: 0,
            created: NOW,
            received: NOW * 1000,
            lifetime: 30,
            age_add: AGE_ADD,
            max_early_data: 1024,
            alpn: [].into(),
            scope: config.resumption.scope.clone(),
            server_name: Some("server".into()),
            peer_certificates: Vec::new(),
            sct_list: None,
            psk_identity: None,
            ticket: [].into(),
            id: [].into(),
        };
        saved.set_secret(&value("resumption-psk", 3));
        *store.0.lock().unwrap() = Some(saved.encode());
    }
    let (_, ticket) = MESSAGES.split_once("\nnew-session-ticket (section 3)\n").unwrap();
    ANSWERS.with_borrow_mut(|answers| {
        answers.push(value("encrypted-extensions", section).into());
        answers.extend(maybe("certificate-request", section).map(Bytes::from));
        if section == 3 {
            answers.push(hex(ticket).into());
        }
    });

    let mut tls = Connection::server(config);
    give(&mut tls, &value("client-hello-record", section));
    if let Some(record) = maybe("early-data-record", section) {
        give(&mut tls, &record);
    }
    tls.poll_now().unwrap();
    // Our server sends a ChangeCipherSpec in any case; the RFC's only to a client that names a session, as in section 7.
    let change_cipher_spec = if section == 7 { Vec::new() } else { vec![20, 3, 3, 0, 1, 1] };
    let flight = [value("server-hello-record", section), change_cipher_spec, value("server-flight-records", section)];
    assert_eq!(taken(&mut tls), flight.concat());
    if section == 4 {
        assert_eq!(tls.read_early().unwrap(), &b"ABCDEF"[..]);
    }

    give(&mut tls, &value("client-flight-records", section));
    tls.poll_now().unwrap();
    let session = tls.session().expect("the handshake is done");
    assert_eq!(session.resumed(), section == 4);
    assert_eq!(session.early_data(), if section == 4 { EarlyData::Accepted } else { EarlyData::NotOffered });
    assert_eq!(session.client_authenticated(), section == 6);
    assert_eq!(taken(&mut tls), maybe("new-session-ticket-record", section).unwrap_or_default());
    compare_secrets(&log, section);
    if section == 3 {
        assert_eq!(store.session().unwrap().secret().len(), 32);
    }
    ANSWERS.with_borrow(|answers| assert!(answers.is_empty()));
    end(&mut tls, section, "server", "client");
}

#[test]
fn a_server_in_section_3() {
    replay_server(3);
}

#[test]
fn a_server_in_section_4() {
    replay_server(4);
}

#[test]
fn a_server_in_section_6() {
    replay_server(6);
}

#[test]
fn a_server_in_section_7() {
    replay_server(7);
}
