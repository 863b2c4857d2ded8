//! What peers that do not keep to the protocol do, and what is answered, in memory (RFC 5246 7, RFC 8446 4, RFC 8422 5.3).

use std::sync::Arc;

use bytes::Bytes;
use clasp_cert::MaybeReady;
use clasp_crypto::HashAlgorithm;
use clasp_keys::Transcript;
use clasp_wire::{
    AlertDescription, CipherSuite, ClientCertificateType, ClientExtension, ClientHello, ContentType, HandshakeMessage,
    HandshakeType, NamedGroup, RawHandshake, SignatureScheme,
};

use crate::peer::Front;
use crate::testing::{
    Authority, Messages, NAME, classic, connections, each, established, exchange, give, message_at, tls13, transfer,
};
use crate::{
    CertificateAsk, ClientAnswer, ClientConfig, ClientIdentityResolver, Connection, Error, ExternalPsk,
    FixedIdentities, Misbehaviour, Policy, ServerConfig, Trace, TracedMessage,
};

/// Changes a client's hellos on their way to a server; told their number, from 0 on.
struct Changes<F>(F, usize);

impl<F: FnMut(usize, &mut ClientHello) + Send + Sync> Front for Changes<F> {
    fn receives(&mut self, hello: RawHandshake) -> Result<RawHandshake, Error> {
        let mut parsed = hello.parse::<ClientHello>()?;
        self.0(self.1, &mut parsed);
        self.1 += 1;
        Ok(RawHandshake { typ: hello.typ, raw: parsed.encode() })
    }

    fn sends(&mut self, _: &Transcript, raw: Bytes) -> Bytes {
        raw
    }
}

/// The errors of a client, and of a server that reads hellos after this change.
fn changed(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    change: impl FnMut(usize, &mut ClientHello) + Send + Sync + 'static,
) -> (Option<Error>, Option<Error>) {
    let mut client = Connection::client(Arc::clone(client), NAME.try_into().unwrap());
    let mut server = Connection::server_behind(Arc::clone(server), Box::new(Changes(change, 0)));
    exchange(&mut client, &mut server)
}

fn psk(name: &str) -> ExternalPsk {
    ExternalPsk::new(name.as_bytes(), &[7; 32], HashAlgorithm::Sha256).unwrap()
}

/// RFC 8446 4.2.11: it belongs to a key that is used, or else it is nobody's.
#[test]
fn a_binder_that_is_too_short_does_not_verify() {
    let ca = Authority::new("CA");
    let client = ca.client(tls13()).psk(psk("one")).build().unwrap();
    for (name, known) in [("one", true), ("two", false)] {
        let server = ca.server(tls13()).psk(psk(name)).build().unwrap();
        let (_, error) = changed(&client, &server, |_, hello| {
            for extension in hello.extensions.iter_mut().flatten() {
                if let ClientExtension::PreSharedKey(psks) = extension {
                    psks.binders.iter_mut().for_each(|binder| binder.truncate(20));
                }
            }
        });
        let error = error.unwrap();
        assert_eq!(matches!(error, Error::Misbehaved(Misbehaviour::BadBinder)), known, "{error}");
        if known {
            assert_eq!(error.alert(), Some(AlertDescription::DECRYPT_ERROR));
        } else {
            // Both went on, and had different keys, as they did not see the same hello.
            assert_eq!(error.alert(), Some(AlertDescription::BAD_RECORD_MAC), "{error}");
        }
    }
}

/// RFC 8446 4.1.2: keys that go with the server's suite are offered again.
#[test]
fn the_second_hello_offers_the_key_again() {
    let ca = Authority::new("CA");
    let groups = [NamedGroup::X25519, NamedGroup::SECP384R1];
    let client = ca.client(tls13().with_groups(&groups)).psk(psk("one")).build().unwrap();
    let server = ca.server(tls13().with_groups(&groups[1..])).psk(psk("one")).build().unwrap();
    let (_, error) = changed(&client, &server, |number, hello| {
        if number == 1 {
            let extensions = hello.extensions.as_mut().unwrap();
            extensions.retain(|extension| !matches!(extension, ClientExtension::PreSharedKey(_)));
        }
    });
    let error = error.unwrap();
    assert!(matches!(error, Error::Misbehaved(Misbehaviour::MissingExtension)), "{error}");
}

/// The first record of a flight that is longer by this byte, as the beginning of another message.
fn with_a_byte_behind(flight: &[u8], typ: HandshakeType) -> Vec<u8> {
    let message = message_at(flight, typ).unwrap();
    let mut longer = flight[..message.end].to_vec();
    let length = u16::try_from(message.len() + 1).unwrap();
    longer[message.start - 2..message.start].copy_from_slice(&length.to_be_bytes());
    longer.push(HandshakeType::FINISHED.0);
    longer
}

#[test]
fn what_begins_behind_a_flight_is_noticed_before_it_ends() {
    let ca = Authority::new("CA");
    let refuses = |victim: &mut Connection, flight: &[u8]| {
        give(victim, flight);
        let error = victim.poll_now().unwrap_err();
        let at_once = [Misbehaviour::DataBehindFlight, Misbehaviour::DataAcrossKeyChange];
        assert!(matches!(&error, Error::Misbehaved(what) if at_once.contains(what)), "{error}");
        assert_eq!(error.alert(), Some(AlertDescription::UNEXPECTED_MESSAGE));
    };
    for policy in each(&Policy::modern()) {
        let (client, server) = (ca.client(policy.clone()).build().unwrap(), ca.server(policy).build().unwrap());
        let (mut client, mut server) = connections(&client, &server);
        client.poll_now().unwrap();
        refuses(&mut server, &with_a_byte_behind(&client.output().split(), HandshakeType::CLIENT_HELLO));
    }
    let [policy, _] = each(&Policy::modern());
    let (client, server) = (ca.client(policy.clone()).build().unwrap(), ca.server(policy).build().unwrap());
    let (mut client, mut server) = connections(&client, &server);
    client.poll_now().unwrap();
    give(&mut server, &client.output().split());
    server.poll_now().unwrap();
    refuses(&mut client, &with_a_byte_behind(&server.output().split(), HandshakeType::SERVER_HELLO_DONE));
    // A HelloRetryRequest is a flight of its own.
    let groups = [NamedGroup::X25519, NamedGroup::SECP384R1];
    let client = ca.client(tls13().with_groups(&groups)).build().unwrap();
    let server = ca.server(tls13().with_groups(&groups[1..])).build().unwrap();
    let (mut client, mut server) = connections(&client, &server);
    client.poll_now().unwrap();
    give(&mut server, &client.output().split());
    server.poll_now().unwrap();
    refuses(&mut client, &with_a_byte_behind(&server.output().split(), HandshakeType::SERVER_HELLO));
}

/// RFC 8422 5.3: a client names the curves that it verifies signatures on, too.
#[test]
fn a_certificate_on_a_curve_that_was_not_offered_is_refused() {
    let ca = Authority::new("CA");
    let suite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    let policy = classic(Policy::modern()).with_cipher_suites(&[suite]);
    let client = ca.client(policy.clone().with_groups(&[NamedGroup::X25519])).build().unwrap();
    let server = ca.server(policy).build().unwrap();
    let (error, _) = changed(&client, &server, |_, hello| {
        for extension in hello.extensions.iter_mut().flatten() {
            if let ClientExtension::SupportedGroups(groups) = extension {
                groups.push(NamedGroup::SECP256R1);
            }
        }
    });
    let error = error.unwrap();
    assert!(matches!(error, Error::Misbehaved(Misbehaviour::CurveNotOffered)), "{error}");
}

#[test]
fn an_alert_of_no_level_is_refused() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let (client, server) = (ca.client(policy.clone()).build().unwrap(), ca.server(policy).build().unwrap());
        let (mut client, mut server) = established(&client, &server);
        server.seal(ContentType::ALERT, &[3, 0]).unwrap();
        give(&mut client, &server.output().split());
        let error = client.poll_now().unwrap_err();
        assert_eq!(error.alert(), Some(AlertDescription::ILLEGAL_PARAMETER), "{error}");
    }
}

/// RFC 7507: on a connection whose server speaks something newer.
#[test]
fn a_client_says_that_it_fell_back() {
    let ca = Authority::new("CA");
    let [older, _] = each(&Policy::modern());
    let client = ca.client(older.clone()).is_fallback(true).build().unwrap();
    let (mut client_tls, mut server) = connections(&client, &ca.server(Policy::modern()).build().unwrap());
    let (_, error) = exchange(&mut client_tls, &mut server);
    assert_eq!(error.unwrap().alert(), Some(AlertDescription::INAPPROPRIATE_FALLBACK));
    established(&client, &ca.server(older).build().unwrap());
}

#[test]
fn what_is_signed_with_is_not_what_is_verified() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let ours = policy
            .clone()
            .with_signature_schemes(&[SignatureScheme::ECDSA_SECP256R1_SHA256])
            .with_signing_schemes(&[SignatureScheme::RSA_PSS_RSAE_SHA256]);
        let server = ca.server(ours).client_auth(ca.require_client()).build().unwrap();
        let client = ca.client(policy.clone()).identity(ca.ecdsa("client.example")).build().unwrap();
        let (client, server) = established(&client, &server);
        assert!(server.session().unwrap().client_authenticated());
        let chain = client.session().unwrap().peer_certificates();
        assert!(clasp_cert::PublicKey::from_certificate(&chain[0]).unwrap().algorithm().unwrap().is_rsa());
        // With one list for both there would be nothing for that client to show.
        let narrow = policy.clone().with_signature_schemes(&[SignatureScheme::RSA_PSS_RSAE_SHA256]);
        assert_eq!(narrow.signing_schemes(), [SignatureScheme::RSA_PSS_RSAE_SHA256]);
    }
}

/// RFC 5246 7.4.4, RFC 8446 4.3.2.
#[test]
fn a_client_shows_what_the_server_can_take() {
    let ca = Authority::new("CA");
    let identities = [ca.ecdsa("client.example"), ca.rsa("client.example")].map(Arc::new);
    let resolver = FixedIdentities::new(identities.to_vec());
    let shown = |types: &[ClientCertificateType], schemes: &[SignatureScheme], tls13| {
        let ask = CertificateAsk { authorities: &[], schemes, types, raw_public_key: false, schemes_of_tls13: tls13 };
        let Ok(ClientAnswer::Show(identity)) = ClientIdentityResolver::resolve(&resolver, &ask).try_take() else {
            return None;
        };
        Some(identity.key_algorithm().is_rsa())
    };
    let all = &[
        SignatureScheme::ECDSA_SECP384R1_SHA384,
        SignatureScheme::RSA_PKCS1_SHA256,
        SignatureScheme::ECDSA_SECP256R1_SHA256,
    ];
    assert_eq!(shown(&[ClientCertificateType::RSA_SIGN], all, false), Some(true));
    assert_eq!(shown(&[ClientCertificateType::ECDSA_SIGN], all, false), Some(false));
    assert_eq!(shown(&[ClientCertificateType::DSS_SIGN], all, false), None);
    assert_eq!(shown(&[ClientCertificateType::RSA_SIGN], &all[2..], false), None);
    // In TLS 1.3 a scheme says the curve, and PKCS#1 v1.5 signs nothing.
    assert_eq!(shown(&[], &all[..2], true), None);
    assert_eq!(shown(&[], all, true), Some(false));
}

/// Would rather go than be nobody.
#[derive(Debug)]
struct Proud;

impl ClientIdentityResolver for Proud {
    fn resolve<'a>(&'a self, _: &'a CertificateAsk<'a>) -> MaybeReady<'a, ClientAnswer> {
        MaybeReady::ready(ClientAnswer::Refuse(AlertDescription::ACCESS_DENIED))
    }
}

#[test]
fn a_client_may_end_the_handshake_rather_than_show_nothing() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        let client = ca.client(policy.clone()).identity_resolver(Arc::new(Proud)).build().unwrap();
        let server = ca.server(policy).client_auth(ca.request_client()).build().unwrap();
        let (mut client, mut server) = connections(&client, &server);
        let (ours, theirs) = exchange(&mut client, &mut server);
        assert!(matches!(ours, Some(Error::Refused(AlertDescription::ACCESS_DENIED))), "{ours:?}");
        assert!(matches!(theirs, Some(Error::AlertReceived(_))), "{theirs:?}");
    }
}

/// RFC 9258 4.1: the hash that the key was agreed with takes part.
#[test]
fn an_imported_key_goes_with_its_own_hash() {
    let provider = clasp_crypto::default_provider();
    let import = |own| ExternalPsk::imported_with(provider, own, b"one", &[7; 48], b"context", HashAlgorithm::Sha256);
    let server = ServerConfig::builder(tls13()).psk(import(HashAlgorithm::Sha384).unwrap()).build().unwrap();
    for (own, works) in [(HashAlgorithm::Sha384, true), (HashAlgorithm::Sha256, false)] {
        let client = ClientConfig::builder(tls13()).psk(import(own).unwrap()).build().unwrap();
        let (mut client, mut server) = connections(&client, &server);
        let (_, error) = exchange(&mut client, &mut server);
        assert_eq!(error.is_none(), works, "{error:?}");
    }
    let plain = ExternalPsk::imported(provider, b"one", &[7; 48], b"context", HashAlgorithm::Sha256).unwrap();
    assert_eq!(plain.key(), import(HashAlgorithm::Sha256).unwrap().key());
}

#[test]
fn a_trace_tells_each_message_once() {
    let ca = Authority::new("CA");
    let [policy, _] = each(&Policy::modern());
    let messages = Arc::new(Messages::default());
    let client = ca.client(policy.clone()).trace(Arc::clone(&messages) as Arc<dyn Trace>).build().unwrap();
    let (mut client, mut server) = established(&client, &ca.server(policy).tickets(false).build().unwrap());
    transfer(&mut client, &mut server, b"not told");
    let told = std::mem::take(&mut *messages.0.lock().unwrap());
    let hs = TracedMessage::Handshake;
    let expected = [
        (true, hs(HandshakeType::CLIENT_HELLO)),
        (false, hs(HandshakeType::SERVER_HELLO)),
        (false, hs(HandshakeType::CERTIFICATE)),
        (false, hs(HandshakeType::SERVER_KEY_EXCHANGE)),
        (false, hs(HandshakeType::SERVER_HELLO_DONE)),
        (true, hs(HandshakeType::CLIENT_KEY_EXCHANGE)),
        (true, TracedMessage::ChangeCipherSpec),
        (true, hs(HandshakeType::FINISHED)),
        (false, TracedMessage::ChangeCipherSpec),
        (false, hs(HandshakeType::FINISHED)),
    ];
    assert_eq!(told, expected);
    server.close();
    give(&mut client, &server.output().split());
    client.poll_now().unwrap();
    assert!(matches!(messages.0.lock().unwrap()[..], [(false, TracedMessage::Alert(_))]));
}
