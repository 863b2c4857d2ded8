//! What is written parses to the same, what parses is written as it was, and nothing panics.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};
use proptest::collection::vec as many;
use proptest::prelude::*;

use super::*;
use crate::codepoint::*;

fn bytes(size: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Bytes> {
    many(any::<u8>(), size).prop_map(Bytes::from)
}

fn random() -> impl Strategy<Value = Random> {
    any::<[u8; 32]>().prop_map(Random)
}

fn session_id() -> impl Strategy<Value = SessionId> {
    many(any::<u8>(), 0..=32).prop_map(|id| SessionId::new(&id).unwrap())
}

fn unknown() -> impl Strategy<Value = UnknownExtension> {
    (0x7000..0x7fff_u16, bytes(0..40)).prop_map(|(typ, data)| UnknownExtension { typ: ExtensionType(typ), data })
}

fn client_extension() -> impl Strategy<Value = ClientExtension> {
    use ClientExtension as E;
    prop_oneof![
        bytes(1..40).prop_map(|name| E::ServerName(vec![ServerNameEntry { name_type: 0, name }])),
        any::<u8>().prop_map(|code| E::MaxFragmentLength(MaxFragmentLength(code))),
        Just(E::StatusRequest(CertificateStatusRequest::ocsp())),
        many(any::<u16>(), 1..20).prop_map(|list| E::SupportedGroups(list.into_iter().map(NamedGroup).collect())),
        many(any::<u8>(), 1..5).prop_map(|list| E::EcPointFormats(list.into_iter().map(EcPointFormat).collect())),
        many(any::<u16>(), 1..20)
            .prop_map(|list| E::SignatureAlgorithms(list.into_iter().map(SignatureScheme).collect())),
        many(any::<u16>(), 1..20)
            .prop_map(|list| E::SignatureAlgorithmsCert(list.into_iter().map(SignatureScheme).collect())),
        many(bytes(1..20), 1..4).prop_map(E::Alpn),
        Just(E::SignedCertificateTimestamp),
        bytes(0..100).prop_map(E::Padding),
        Just(E::EncryptThenMac),
        Just(E::ExtendedMasterSecret),
        any::<u16>().prop_map(E::RecordSizeLimit),
        bytes(0..200).prop_map(E::SessionTicket),
        bytes(0..37).prop_map(E::RenegotiationInfo),
        unknown().prop_map(E::Unknown),
    ]
}

fn server_extension() -> impl Strategy<Value = ServerExtension> {
    use ServerExtension as E;
    prop_oneof![
        Just(E::ServerName),
        any::<u8>().prop_map(|code| E::MaxFragmentLength(MaxFragmentLength(code))),
        Just(E::StatusRequest),
        many(any::<u16>(), 1..9).prop_map(|list| E::SupportedGroups(list.into_iter().map(NamedGroup).collect())),
        many(any::<u8>(), 1..5).prop_map(|list| E::EcPointFormats(list.into_iter().map(EcPointFormat).collect())),
        bytes(1..20).prop_map(E::Alpn),
        many(bytes(1..50), 1..4).prop_map(E::SignedCertificateTimestamp),
        Just(E::EncryptThenMac),
        Just(E::ExtendedMasterSecret),
        any::<u16>().prop_map(E::RecordSizeLimit),
        Just(E::SessionTicket),
        bytes(0..37).prop_map(E::RenegotiationInfo),
        unknown().prop_map(E::Unknown),
    ]
}

/// One extension of a type, as the protocol wants it.
fn distinct<E>(extensions: Vec<E>, typ: impl Fn(&E) -> ExtensionType) -> Vec<E> {
    let mut kept = Vec::<E>::new();
    for extension in extensions {
        if !kept.iter().any(|other| typ(other) == typ(&extension)) {
            kept.push(extension);
        }
    }
    kept
}

fn client_hello() -> impl Strategy<Value = ClientHello> {
    (
        any::<u16>(),
        random(),
        session_id(),
        many(any::<u16>(), 1..40),
        many(any::<u8>(), 1..4),
        proptest::option::of(many(client_extension(), 0..12)),
    )
        .prop_map(|(version, random, session_id, suites, methods, extensions)| ClientHello {
            client_version: ProtocolVersion(version),
            random,
            session_id,
            cipher_suites: suites.into_iter().map(CipherSuite).collect(),
            compression_methods: methods.into_iter().map(CompressionMethod).collect(),
            extensions: extensions.map(|list| distinct(list, ClientExtension::ext_type)),
        })
}

fn server_hello() -> impl Strategy<Value = ServerHello> {
    (
        any::<u16>(),
        random(),
        session_id(),
        any::<u16>(),
        any::<u8>(),
        proptest::option::of(many(server_extension(), 0..9)),
    )
        .prop_map(|(version, random, session_id, suite, method, extensions)| ServerHello {
            server_version: ProtocolVersion(version),
            random,
            session_id,
            cipher_suite: CipherSuite(suite),
            compression_method: CompressionMethod(method),
            extensions: extensions.map(|list| distinct(list, ServerExtension::ext_type)),
        })
}

/// Written and parsed again it is the same; cut or lengthened anywhere it is an error or another message, never a panic.
fn check<M: HandshakeMessage + PartialEq + core::fmt::Debug>(message: &M) {
    let encoded = message.encode();
    assert_eq!(encoded[0], M::TYPE.0);
    let body = encoded.slice(4..);
    assert_eq!(M::parse_body(&body).as_ref(), Ok(message));
    for len in 0..body.len() {
        if let Ok(other) = M::parse_body(&body.slice(..len)) {
            assert_ne!(&other, message);
        }
    }
    let mut longer = BytesMut::from(&body[..]);
    longer.extend_from_slice(&[0]);
    if let Ok(other) = M::parse_body(&longer.freeze()) {
        assert_ne!(&other, message);
    }
}

proptest! {
    #[test]
    fn client_hellos(message in client_hello()) {
        check(&message);
    }

    #[test]
    fn server_hellos(message in server_hello()) {
        check(&message);
    }

    #[test]
    fn certificates(chain in many(bytes(1..300), 0..4), response in bytes(1..100)) {
        check(&Certificate { chain });
        check(&CertificateStatus { ocsp_response: response });
    }

    #[test]
    fn certificate_requests(
        types in many(any::<u8>(), 1..4),
        schemes in many(any::<u16>(), 1..20),
        authorities in many(bytes(1..60), 0..4),
    ) {
        check(&CertificateRequest {
            certificate_types: types.into_iter().map(ClientCertificateType).collect(),
            signature_algorithms: schemes.into_iter().map(SignatureScheme).collect(),
            authorities,
        });
    }

    #[test]
    fn key_exchanges(group: u16, a in bytes(1..200), b in bytes(1..200), c in bytes(1..200), signature in bytes(0..300)) {
        let group = NamedGroup(group);
        check(&EcdhServerKeyExchange {
            group,
            public: a.clone(),
            params: EcdhServerKeyExchange::params(group, &a),
            signature: signature.clone(),
        });
        check(&DhServerKeyExchange {
            p: a.clone(),
            g: b.clone(),
            ys: c.clone(),
            params: DhServerKeyExchange::params(&a, &b, &c),
            signature: signature.clone(),
        });
        check(&EncryptedPreMasterSecret { ciphertext: a.clone() });
        check(&ClientDhPublic { yc: a.clone() });
        check(&ClientEcdhPublic { point: a });
        let signed = DigitallySigned { scheme: SignatureScheme::ED25519, signature };
        prop_assert_eq!(DigitallySigned::parse(&signed.encode()), Ok(signed));
    }

    #[test]
    fn the_small_ones(data in bytes(0..100), lifetime: u32) {
        check(&HelloRequest);
        check(&ServerHelloDone);
        check(&Finished { verify_data: data.clone() });
        check(&CertificateVerify { signature: data.clone() });
        check(&NewSessionTicket { lifetime_hint: lifetime, ticket: data });
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_what_parses_is_written_back(data in bytes(0..200)) {
        fn back<M: HandshakeMessage>(body: &Bytes) {
            match M::parse_body(body) {
                Ok(message) => {
                    let mut out = BytesMut::new();
                    message.write_body(&mut out);
                    assert_eq!(out, body);
                }
                Err(error) => {
                    assert!(error.offset() <= body.len());
                    assert!(error.to_string().starts_with(M::NAME));
                }
            }
        }
        back::<ClientHello>(&data);
        back::<ServerHello>(&data);
        back::<Certificate>(&data);
        back::<CertificateRequest>(&data);
        back::<EcdhServerKeyExchange>(&data);
        back::<DhServerKeyExchange>(&data);
        back::<NewSessionTicket>(&data);
    }
}

fn hello_with(extensions: &[u8]) -> Bytes {
    let mut body = vec![3, 3];
    body.extend_from_slice(&[7; 32]);
    body.extend_from_slice(&[0, 0, 2, 0xc0, 0x2f, 1, 0]);
    body.extend_from_slice(&u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend_from_slice(extensions);
    body.into()
}

#[test]
fn errors_say_where_and_what() {
    // Three good extensions, then a server_name whose list runs past the end.
    let mut extensions = vec![0, 23, 0, 0, 0, 22, 0, 0, 0xff, 1, 0, 1, 0];
    extensions.extend_from_slice(&[0, 0, 0, 3, 0, 9, 0]);
    let error = ClientHello::parse_body(&hello_with(&extensions)).unwrap_err();
    assert_eq!(error.to_string(), "ClientHello.extensions[3].server_name: length 9 runs past the end (offset 60)");
    assert!(!error.is_illegal_parameter());

    let error = ClientHello::parse_body(&hello_with(&[0, 23, 0, 0, 0, 23, 0, 0])).unwrap_err();
    assert!(error.to_string().contains("extension extended_master_secret stands twice"), "{error}");
    assert!(error.is_illegal_parameter());

    let error = ClientHello::parse_body(&hello_with(&[0, 23, 0, 1, 0])).unwrap_err();
    assert!(error.to_string().contains("extended_master_secret: 1 bytes too many"), "{error}");
}

#[test]
fn what_no_client_may_send() {
    let two_names = [0, 0, 0, 10, 0, 8, 0, 0, 1, b'a', 0, 0, 1, b'b'];
    assert!(ClientHello::parse_body(&hello_with(&two_names)).unwrap_err().is_illegal_parameter());
    for empty in [&[0, 0, 0, 2, 0, 0][..], &[0, 10, 0, 2, 0, 0], &[0, 11, 0, 1, 0], &[0, 13, 0, 2, 0, 0]] {
        assert!(ClientHello::parse_body(&hello_with(empty)).is_err(), "{empty:?}");
    }
    let odd = [0, 10, 0, 3, 0, 1, 0];
    assert!(ClientHello::parse_body(&hello_with(&odd)).is_err());
    let mut no_suites = hello_with(&[]).to_vec();
    no_suites.splice(35..39, [0, 0]);
    assert!(ClientHello::parse_body(&no_suites.into()).is_err());
}

#[test]
fn views_do_not_copy() {
    let body = hello_with(&[0, 35, 0, 4, 1, 2, 3, 4]);
    let hello = ClientHello::parse_body(&body).unwrap();
    let ticket = hello.session_ticket().unwrap();
    assert_eq!(ticket.as_ptr(), body[body.len() - 4..].as_ptr());
}
