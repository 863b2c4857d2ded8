//! Tests of what an application may have otherwise once its hello is sent: sizes of records, an alert, data before the
//! server's Finished, renegotiation when it likes, and worn-out signatures (RFC 5246 6.2.1 and 7.2.2, RFC 7918, RFC 9963).

use std::sync::Arc;

use clasp_cert::{Identity, MaybeReady, PrivateKey};
use clasp_crypto::{CryptoError, KeyAlgorithm};
use clasp_wire::{AlertDescription, CipherSuite, ProtocolVersion, SignatureScheme};
use rustls_pki_types::SubjectPublicKeyInfoDer;

#[cfg(feature = "legacy")]
use crate::dialect::Dialect as _;
use crate::testing::{
    Authority, Recorder, classic, connections, each, established, exchange, give, is_tls13, pieces, tls13,
};
use crate::{ClientConfig, ConfigError, Connection, Error, Policy, ServerConfig, Status, TraceEvent};

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
    // Whoever closes has no more wishes.
    for client_closes in [false, true] {
        let (mut ours, mut theirs) = established(&client, &server);
        theirs.renegotiate().unwrap();
        give(&mut ours, &theirs.output().split());
        ours.poll_now().unwrap();
        assert!(ours.is_asked_to_renegotiate());
        if client_closes { &mut ours } else { &mut theirs }.close();
        give(&mut ours, &theirs.output().split());
        ours.poll_now().unwrap();
        assert!(!ours.is_asked_to_renegotiate(), "{client_closes}");
    }
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
