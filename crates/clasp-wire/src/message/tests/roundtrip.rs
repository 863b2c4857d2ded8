//! What is written parses to the same, what parses is written as it was, and no cut or change of it panics.

use super::strategies::*;
use super::*;

/// Written and parsed again a message is the same. Cut anywhere it is an error inside what is left, but for `endings` cuts
/// that leave another whole message; lengthened, it is an error unless it takes all that comes; with any byte changed, it
/// is an error or another message, written as it was read.
fn check<M: HandshakeMessage + PartialEq + core::fmt::Debug>(message: &M, endings: usize, takes_all: bool) {
    let encoded = message.encode();
    let length = u32::try_from(encoded.len() - 4).unwrap().to_be_bytes();
    assert_eq!(encoded[..4], [M::TYPE.0, length[1], length[2], length[3]]);
    let body = encoded.slice(4..);
    assert_eq!(M::parse_body(&body).as_ref(), Ok(message));
    let mut whole = 0;
    for len in 0..body.len() {
        whole += usize::from(outcome::<M>(&body.slice(..len)));
    }
    assert_eq!(whole, endings, "{message:?}");
    for more in [&[0][..], &[0xff], &[0; 40]] {
        assert_eq!(outcome::<M>(&[&body[..], more].concat().into()), takes_all, "{message:?}");
    }
    for at in 0..body.len() {
        let mut changed = body.to_vec();
        changed[at] ^= 0x41;
        outcome::<M>(&changed.into());
    }
}

/// Whether a body is a message; then it is written as it was read. If it is none, the error's place lies in it.
fn outcome<M: HandshakeMessage>(body: &Bytes) -> bool {
    match M::parse_body(body) {
        Ok(message) => {
            let mut out = BytesMut::new();
            message.write_body(&mut out);
            assert_eq!(out, body);
            true
        }
        Err(error) => {
            assert!(error.offset() <= body.len(), "{error}: beyond {}", body.len());
            assert!(error.to_string().starts_with(M::NAME), "{error}");
            false
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn client_hellos(message in client_hello()) {
        check(&message, usize::from(message.extensions.is_some()), false);
    }

    #[test]
    fn server_hellos(message in server_hello()) {
        check(&message, usize::from(message.extensions.is_some()), false);
    }

    #[test]
    fn hello_retry_requests(message in hello_retry_request()) {
        check(&message, 1, false);
    }

    #[test]
    fn encrypted_extensions_of_every_kind(message in encrypted_extensions()) {
        check(&message, 0, false);
    }

    #[test]
    fn certificates(message in certificate(), message13 in certificate13(), compressed in compressed_certificate()) {
        check(&message, 0, false);
        check(&message13, 0, false);
        check(&compressed, 0, false);
    }

    #[test]
    fn certificate_requests_of_tls13(message in certificate_request13()) {
        check(&message, 0, false);
    }

    #[test]
    fn tickets_of_tls13(message in new_session_ticket13()) {
        check(&message, 0, false);
    }

    #[test]
    fn certificate_requests(message in certificate_request()) {
        check(&message, 0, false);
    }

    #[test]
    fn server_key_exchanges(ecdh in ecdh(), dh in dh()) {
        check(&ecdh, ecdh.signature.len(), true);
        check(&dh, dh.signature.len(), true);
    }

    #[test]
    fn client_key_exchanges(ciphertext in bytes(0..600), yc in bytes(1..600), point in bytes(1..=255)) {
        check(&EncryptedPreMasterSecret { ciphertext }, 0, false);
        check(&ClientDhPublic { yc }, 0, false);
        check(&ClientEcdhPublic { point }, 0, false);
    }

    #[test]
    fn key_exchanges_with_a_pre_shared_key(name in bytes(0..300), group: u16, point in bytes(1..=255)) {
        let group = NamedGroup(group);
        check(&PskServerKeyExchange { hint: name.clone() }, 0, false);
        check(&EcdhPskServerKeyExchange { hint: name.clone(), group, public: point.clone() }, 0, false);
        check(&PskClientKeyExchange { identity: name.clone() }, 0, false);
        check(&EcdhPskClientKeyExchange { identity: name, point }, 0, false);
    }

    #[test]
    fn the_small_ones(data in bytes(0..100), response in bytes(1..100), lifetime_hint: u32) {
        check(&HelloRequest, 0, false);
        check(&ServerHelloDone, 0, false);
        check(&Finished { verify_data: data.clone() }, data.len(), true);
        check(&CertificateVerify { signature: data.clone() }, data.len(), true);
        check(&NewSessionTicket { lifetime_hint, ticket: data }, 0, false);
        check(&CertificateStatus { ocsp_response: response }, 0, false);
        check(&EndOfEarlyData, 0, false);
        check(&KeyUpdate { request: lifetime_hint % 2 == 0 }, 0, false);
    }

    #[test]
    fn signatures(scheme: u16, signature in bytes(0..300)) {
        let signed = DigitallySigned { scheme: SignatureScheme(scheme), signature };
        let encoded = signed.encode();
        prop_assert_eq!(DigitallySigned::parse(&encoded), Ok(signed));
        for len in 0..encoded.len() {
            prop_assert!(DigitallySigned::parse(&encoded.slice(..len)).unwrap_err().offset() <= len);
        }
        let longer = [&encoded[..], &[0]].concat();
        prop_assert!(DigitallySigned::parse(&longer.into()).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_what_parses_is_written_back(data in bytes(0..200)) {
        outcome::<ClientHello>(&data);
        outcome::<ServerHello>(&data);
        outcome::<Certificate>(&data);
        outcome::<RawPublicKeyCertificate>(&data);
        outcome::<CertificateRequest>(&data);
        outcome::<CertificateStatus>(&data);
        outcome::<EcdhServerKeyExchange>(&data);
        outcome::<DhServerKeyExchange>(&data);
        outcome::<EncryptedPreMasterSecret>(&data);
        outcome::<ClientDhPublic>(&data);
        outcome::<ClientEcdhPublic>(&data);
        outcome::<PskServerKeyExchange>(&data);
        outcome::<EcdhPskServerKeyExchange>(&data);
        outcome::<PskClientKeyExchange>(&data);
        outcome::<EcdhPskClientKeyExchange>(&data);
        outcome::<NewSessionTicket>(&data);
        outcome::<HelloRequest>(&data);
        outcome::<ServerHelloDone>(&data);
        outcome::<EncryptedExtensions>(&data);
        outcome::<Certificate13>(&data);
        outcome::<CertificateRequest13>(&data);
        outcome::<CompressedCertificate>(&data);
        outcome::<NewSessionTicket13>(&data);
        outcome::<KeyUpdate>(&data);
        outcome::<EndOfEarlyData>(&data);
    }

    /// As the above, but most of it is a hello: only the extensions are arbitrary, each of a type that means something.
    #[test]
    fn arbitrary_extensions(
        list in many((prop_oneof![0..64_u16, Just(0xff01), Just(0xfe0d)], bytes(0..30)), 0..8),
        raw in bytes(0..60),
    ) {
        let mut extensions = Vec::new();
        for (typ, data) in list {
            extensions.extend_from_slice(&typ.to_be_bytes());
            extensions.extend_from_slice(&[0, u8::try_from(data.len()).unwrap()]);
            extensions.extend_from_slice(&data);
        }
        for extensions in [&extensions[..], &raw] {
            outcome::<ClientHello>(&hello_with(extensions));
            outcome::<ServerHello>(&server_hello_with(extensions));
            outcome::<ServerHello>(&retry_with(extensions));
            let block = with_extensions(vec![], extensions);
            outcome::<EncryptedExtensions>(&block);
            outcome::<CertificateRequest13>(&[&[0][..], &block].concat().into());
            outcome::<NewSessionTicket13>(&[&[0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 1, 7][..], &block].concat().into());
            let entry = [&[0, 0, 1, 7][..], &block].concat();
            let length = u16::try_from(entry.len()).unwrap().to_be_bytes();
            outcome::<Certificate13>(&[&[0, 0][..], &length, &entry].concat().into());
        }
    }

    /// Whatever it is, an extension that is not known keeps every byte (and no other is taken for one).
    #[test]
    fn unknown_extensions_are_kept_verbatim(typ: u16, data in bytes(0..50)) {
        let mut extension = typ.to_be_bytes().to_vec();
        extension.extend_from_slice(&[0, u8::try_from(data.len()).unwrap()]);
        extension.extend_from_slice(&data);
        let wanted = UnknownExtension { typ: ExtensionType(typ), data };
        if is_unknown(typ) {
            let block = with_extensions(vec![], &extension);
            let message = EncryptedExtensions::parse_body(&block).unwrap();
            prop_assert_eq!(message.extensions, [ServerExtension::Unknown(wanted.clone())]);
            let message = CertificateRequest13::parse_body(&[&[0][..], &block].concat().into()).unwrap();
            prop_assert_eq!(message.extensions, [CertificateRequestExtension::Unknown(wanted.clone())]);
            let hello = ClientHello::parse_body(&hello_with(&extension)).unwrap();
            prop_assert_eq!(hello.extensions.unwrap(), [ClientExtension::Unknown(wanted.clone())]);
            let hello = ServerHello::parse_body(&server_hello_with(&extension)).unwrap();
            prop_assert_eq!(hello.extensions.unwrap(), [ServerExtension::Unknown(wanted)]);
        }
    }
}

/// Every type that is looked into is covered above: none of them is ever handed out as unknown.
#[test]
fn known_types_are_known() {
    for typ in 0..=u16::MAX {
        let [high, low] = typ.to_be_bytes();
        let empty = [high, low, 0, 0];
        let is_client_unknown = ClientHello::parse_body(&hello_with(&empty))
            .is_ok_and(|hello| matches!(hello.extensions.unwrap()[..], [ClientExtension::Unknown(_)]));
        assert_eq!(is_client_unknown, is_unknown(typ) || typ == 48, "{typ}");
        let is_server_unknown = ServerHello::parse_body(&server_hello_with(&empty))
            .is_ok_and(|hello| matches!(hello.extensions.unwrap()[..], [ServerExtension::Unknown(_)]));
        assert_eq!(is_server_unknown, is_unknown(typ) || NOT_IN_A_SERVER_HELLO.contains(&typ), "{typ}");
    }
}

/// The shortest of what may be empty: a client without a certificate (RFC 5246 7.4.6), a server that changed its mind about
/// a ticket (RFC 5077 3.3), a status request of no responder.
#[test]
fn the_shortest_there_are() {
    check(&Certificate { chain: vec![] }, 0, false);
    check(&RawPublicKeyCertificate { spki: Bytes::new() }, 0, false);
    check(&RawPublicKeyCertificate { spki: Bytes::from_static(&[7; 91]) }, 0, false);
    check(&NewSessionTicket { lifetime_hint: 0, ticket: Bytes::new() }, 0, false);
    check(&EncryptedPreMasterSecret { ciphertext: Bytes::new() }, 0, false);
    check(&Finished { verify_data: Bytes::new() }, 0, true);
    let request = hello_with(&[0, 5, 0, 5, 1, 0, 0, 0, 0]);
    let hello = ClientHello::parse_body(&request).unwrap();
    assert_eq!(hello.status_request(), Some(&CertificateStatusRequest::ocsp()));
}

/// The longest of everything, up to the length prefixes' own bounds.
#[test]
fn the_longest_there_are() {
    let bytes = |len: usize| Bytes::from(vec![7; len]);
    let suites = vec![CipherSuite(0x1234); 32_767];
    let longest = ClientHello {
        client_version: ProtocolVersion::TLS_1_2,
        random: Random([1; 32]),
        session_id: SessionId::new(&[2; 32]).unwrap(),
        cipher_suites: suites,
        compression_methods: vec![CompressionMethod(1); 255],
        extensions: Some(vec![ClientExtension::Unknown(UnknownExtension {
            typ: ExtensionType(9),
            data: bytes(65_531),
        })]),
    };
    assert_eq!(ClientHello::parse_body(&longest.encode().slice(4..)), Ok(longest));
    let ticket = NewSessionTicket { lifetime_hint: u32::MAX, ticket: bytes(65_535) };
    assert_eq!(NewSessionTicket::parse_body(&ticket.encode().slice(4..)), Ok(ticket));
    let certificate = Certificate { chain: vec![bytes(70_000), bytes(1), bytes(300_000)] };
    let encoded = certificate.encode();
    // 3 bytes of length, and 3 before each of three certificates.
    assert_eq!(encoded[..4], [11, 0x05, 0xa5, 0x5d]);
    assert_eq!(Certificate::parse_body(&encoded.slice(4..)), Ok(certificate));
    assert_eq!(SessionId::new(&[0; 33]), None);
}
