//! Signed certificate timestamps in handshakes of both versions (RFC 6962 3.3; RFC 8446 4.4.2.1).

use std::future::Future as _;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use clasp_cert::{CertificateError, MaybeReady, Report, SctList, ServerVerification, ServerVerifier};
use clasp_keys::Role;
use clasp_keys::tls13::EarlySecret;
use clasp_wire::{
    Certificate13, CertificateExtension, CertificateRequest13, CertificateRequestExtension, HandshakeMessage as _,
    SignatureScheme,
};

use crate::client::tls13::{Request, answer_late_request};
use crate::peer::{Order, Peer, SharedMailbox};
use crate::testing::{Authority, NAME, Recorder, classic, each, established, exchange, is_tls13};
use crate::{ClientConfigBuilder, ExternalPsk, Policy, ServerConfig, ServerConfigBuilder};

fn list() -> SctList {
    SctList::new([&b"the first log's"[..], b"the second log's"]).unwrap()
}

/// Accepts every server, and keeps the lists it is shown.
#[derive(Debug, Default)]
struct Keeper(Mutex<Vec<Option<SctList>>>);

impl Keeper {
    fn take(&self) -> Vec<Option<SctList>> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl ServerVerifier for Keeper {
    fn verify_server<'a>(&'a self, shown: ServerVerification<'a>) -> MaybeReady<'a, Result<Report, CertificateError>> {
        self.0.lock().unwrap().push(shown.sct_list.cloned());
        MaybeReady::ready(Ok(Report::server()))
    }
}

fn server(ca: &Authority, policy: &Policy) -> ServerConfigBuilder {
    ServerConfig::builder(policy.clone()).identity(ca.ecdsa(NAME).with_sct_list(list()))
}

fn counts(recorder: &Recorder) -> Vec<(&'static str, String)> {
    let events = std::mem::take(&mut *recorder.0.lock().unwrap());
    let told = events.into_iter().filter(|event| event.what.contains("timestamps"));
    told.map(|event| (event.what, event.fields[0].1.clone())).collect()
}

#[test]
fn they_come_when_asked_for() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        for asks in [false, true] {
            for has in [false, true] {
                let (keeper, recorder) = (Arc::new(Keeper::default()), Arc::new(Recorder::default()));
                let client = ca.client(policy.clone()).verifier(keeper.clone()).trace(recorder.clone());
                let client = client.certificate_timestamps(asks).build().unwrap();
                let server = if has { server(&ca, &policy) } else { ca.server(policy.clone()) };
                let server = server.trace(recorder.clone()).build().unwrap();
                let (client, server) = established(&client, &server);
                let wanted = (asks && has).then(list);
                assert_eq!(client.session().unwrap().sct_list(), wanted.as_ref(), "{asks} {has}");
                assert_eq!(keeper.take(), std::slice::from_ref(&wanted));
                assert_eq!(server.session().unwrap().sct_list(), None);
                let told = ["sent certificate timestamps", "received certificate timestamps"];
                let told: Vec<_> = told.iter().filter(|_| wanted.is_some()).map(|what| (*what, "2".into())).collect();
                assert_eq!(counts(&recorder), told);
            }
        }
    }
}

/// RFC 6962 3.3.1: they are not sent again, and hold for the resumed session as its certificate does.
#[test]
fn a_resumed_session_keeps_them() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let ways: [fn(ClientConfigBuilder) -> ClientConfigBuilder; 2] = [|it| it, |it| it.tickets(false)];
        for way in ways.into_iter().take(if is_tls13(&policy) { 1 } else { 2 }) {
            let (keeper, recorder) = (Arc::new(Keeper::default()), Arc::new(Recorder::default()));
            let client = ca.client(policy.clone()).verifier(keeper.clone()).verify_resumed(true);
            let client = way(client.certificate_timestamps(true)).build().unwrap();
            let server = server(&ca, &policy).trace(recorder.clone()).build().unwrap();
            for turn in 0..3 {
                let (client, _) = established(&client, &server);
                let session = client.session().unwrap();
                assert_eq!((session.resumed(), session.sct_list()), (turn > 0, Some(&list())));
                assert_eq!(keeper.take(), [Some(list())]);
                assert_eq!(counts(&recorder).len(), usize::from(turn == 0));
            }
        }
    }
}

#[test]
fn a_renegotiation_brings_them_again() {
    let ca = Authority::new("CA");
    let policy = classic(Policy::compatible());
    let client = ca.client(policy.clone()).certificate_timestamps(true).build().unwrap();
    let (mut client, mut server) = established(&client, &server(&ca, &policy).build().unwrap());
    client.renegotiate().unwrap();
    let errors = exchange(&mut client, &mut server);
    assert!(errors.0.is_none() && errors.1.is_none(), "{errors:?}");
    let session = client.session().unwrap();
    assert_eq!((session.renegotiations(), session.sct_list()), (1, Some(&list())));
}

/// Where a key takes the place of the certificate, there is nothing to say of it.
#[test]
fn there_are_none_with_a_pre_shared_key() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let psk = ExternalPsk::new(b"one", &[1; 16], clasp_crypto::HashAlgorithm::Sha256).unwrap();
        let suites: Vec<_> = policy.suites().iter().filter(|row| is_tls13(&policy) || row.is_pre_shared()).collect();
        let suites: Vec<_> = suites.into_iter().map(|suite| suite.id).collect();
        let policy = policy.with_cipher_suites(&suites);
        let client = ca.client(policy.clone()).psk(psk.clone()).certificate_timestamps(true).build().unwrap();
        let (client, _) = established(&client, &server(&ca, &policy).psk(psk).build().unwrap());
        let session = client.session().unwrap();
        assert!(session.pre_shared_key() && session.sct_list().is_none());
    }
}

/// The extensions of the certificate that a client with staple and timestamps shows.
fn shown(asked: Vec<CertificateRequestExtension>) -> Vec<CertificateExtension> {
    let ca = Authority::new("CA");
    let identity = ca.ecdsa("client.example").with_ocsp_response(b"response".to_vec()).with_sct_list(list());
    let config = ca.client(Policy::modern()).identity(identity).build().unwrap();
    let mut extensions =
        vec![CertificateRequestExtension::SignatureAlgorithms(vec![SignatureScheme::ECDSA_SECP256R1_SHA256])];
    extensions.extend(asked);
    let message = CertificateRequest13 { request_context: Bytes::from_static(b"context"), extensions };
    let request = Request::read(message).unwrap();

    let suite = crate::TLS13_CIPHER_SUITES.first().unwrap();
    let kdf = crate::tls13::kdf(suite, config.provider).unwrap();
    let secret = EarlySecret::new(kdf, None).into_handshake(None).traffic(Role::Client, &[0; 48]);
    let mailbox = SharedMailbox::default();
    let mut peer = Peer::new(mailbox.clone(), Role::Client, None, &crate::Limits::default());
    peer.transcript.settle(kdf.hash());
    let mut answer = pin!(answer_late_request(peer, config, request, secret));
    mailbox.begin();
    let polled = answer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Ok(_))));
    let Some(Order::Send(raw)) = mailbox.finish().0.into_iter().next() else { panic!("nothing was sent") };
    let message = Certificate13::parse_body(&raw.freeze().slice(4..)).unwrap();
    assert_eq!(message.entries.len(), 1);
    message.entries.into_iter().flat_map(|entry| entry.extensions).collect()
}

#[test]
fn a_client_shows_what_it_is_asked_for() {
    use CertificateRequestExtension as Asked;
    assert_eq!(shown(vec![]), []);
    let only = shown(vec![Asked::SignedCertificateTimestamp]);
    let timestamps = CertificateExtension::SignedCertificateTimestamp(super::to_extension(&list()));
    assert_eq!(only, std::slice::from_ref(&timestamps));
    let both = shown(vec![Asked::StatusRequest, Asked::SignedCertificateTimestamp]);
    let [CertificateExtension::Status(status), second] = &both[..] else { panic!("{both:?}") };
    assert_eq!((&status.ocsp_response[..], second), (&b"response"[..], &timestamps));
}
