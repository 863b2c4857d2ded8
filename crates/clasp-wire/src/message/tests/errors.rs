//! What is wrong is said, with its place: an offset into the body and the path to the field.

use super::*;

/// The error of a body as text, and whether it is an illegal parameter.
pub(super) fn error<M: HandshakeMessage + core::fmt::Debug>(body: &[u8]) -> (alloc::string::String, bool) {
    let error = M::parse_body(&Bytes::copy_from_slice(body)).unwrap_err();
    assert!(error.offset() <= body.len());
    (error.to_string(), error.is_illegal_parameter())
}

#[test]
fn in_the_words_of_the_specification() {
    // Three good extensions, then a server_name whose list runs past the end.
    let mut extensions = vec![0, 23, 0, 0, 0, 22, 0, 0, 0xff, 1, 0, 1, 0];
    extensions.extend_from_slice(&[0, 0, 0, 3, 0, 9, 0]);
    let (text, illegal) = error::<ClientHello>(&hello_with(&extensions));
    assert_eq!(text, "ClientHello.extensions[3].server_name: length 9 runs past the end (offset 60)");
    assert!(!illegal);
}

#[test]
fn of_a_client_hello() {
    let whole = hello_with(&[]);
    let body = |at: usize, bytes: &[u8]| {
        let mut body = whole.to_vec();
        body.splice(at..at + bytes.len(), bytes.iter().copied());
        body
    };
    let cases: [(&[u8], &str); 16] = [
        (&[], "ClientHello.client_version: needs 2 bytes but only 0 are left (offset 0)"),
        (&[3], "ClientHello.client_version: needs 2 bytes but only 1 are left (offset 0)"),
        (&whole[..20], "ClientHello.random: needs 32 bytes but only 18 are left (offset 2)"),
        (&whole[..34], "ClientHello.session_id: needs 1 bytes but only 0 are left (offset 34)"),
        (&body(34, &[9]), "ClientHello.session_id: length 9 runs past the end (offset 34)"),
        (&[&whole[..34], &[33], &[0; 40]].concat(), "ClientHello.session_id: length 33 is not in 0..=32 (offset 34)"),
        (&whole[..36], "ClientHello.cipher_suites: needs 2 bytes but only 1 are left (offset 35)"),
        (&body(35, &[0, 99]), "ClientHello.cipher_suites: length 99 runs past the end (offset 35)"),
        (&body(35, &[0, 0]), "ClientHello.cipher_suites: length 0 is not in 2..=65535 (offset 35)"),
        (&body(35, &[0, 3]), "ClientHello.cipher_suites: length 3 is no multiple of 2 (offset 37)"),
        (&body(39, &[0]), "ClientHello.compression_methods: length 0 is not in 1..=255 (offset 39)"),
        (&whole[..42], "ClientHello.extensions: needs 2 bytes but only 1 are left (offset 41)"),
        (&body(41, &[0, 1]), "ClientHello.extensions: length 1 runs past the end (offset 41)"),
        (&[&whole[..], &[0]].concat(), "ClientHello: 1 bytes too many (offset 43)"),
        (&hello_with(&[0]), "ClientHello.extensions[0]: needs 2 bytes but only 1 are left (offset 43)"),
        (
            &hello_with(&[0, 23, 0]),
            "ClientHello.extensions[0].extended_master_secret: needs 2 bytes but only 1 are left (offset 45)",
        ),
    ];
    for (body, wanted) in cases {
        assert_eq!(error::<ClientHello>(body), (wanted.to_string(), false));
    }
}

#[test]
fn of_each_extension() {
    let cases: [(&[u8], &str); 23] = [
        (&[0, 0, 0, 2, 0, 0], "server_name: length 0 is not in 1..=65535 (offset 47)"),
        (&[0, 0, 0, 5, 0, 3, 0, 0, 0], "server_name[0]: length 0 is not in 1..=65535 (offset 50)"),
        (&[0, 0, 0, 6, 0, 4, 0, 0, 2, b'a'], "server_name[0]: length 2 runs past the end (offset 50)"),
        (&[0, 1, 0, 0], "max_fragment_length: needs 1 bytes but only 0 are left (offset 47)"),
        (&[0, 1, 0, 2, 1, 1], "max_fragment_length: 1 bytes too many (offset 48)"),
        (&[0, 5, 0, 3, 1, 0, 5], "status_request.responder_id_list: length 5 runs past the end (offset 48)"),
        (&[0, 5, 0, 3, 1, 0, 0], "status_request.request_extensions: needs 2 bytes but only 0 are left (offset 50)"),
        (&[0, 5, 0, 6, 1, 0, 0, 0, 0, 9], "status_request: 1 bytes too many (offset 52)"),
        (&[0, 10, 0, 2, 0, 0], "supported_groups: length 0 is not in 2..=65535 (offset 47)"),
        (&[0, 10, 0, 5, 0, 3, 0, 1, 0], "supported_groups: length 3 is no multiple of 2 (offset 49)"),
        (&[0, 11, 0, 1, 0], "ec_point_formats: length 0 is not in 1..=255 (offset 47)"),
        (&[0, 13, 0, 2, 0, 0], "signature_algorithms: length 0 is not in 2..=65535 (offset 47)"),
        (&[0, 13, 0, 3, 0, 4, 4], "signature_algorithms: length 4 runs past the end (offset 47)"),
        (&[0, 50, 0, 0], "signature_algorithms_cert: needs 2 bytes but only 0 are left (offset 47)"),
        (
            &[0, 16, 0, 4, 0, 2, 0, 0],
            "application_layer_protocol_negotiation[0]: length 0 is not in 1..=255 (offset 49)",
        ),
        (&[0, 16, 0, 2, 0, 0], "application_layer_protocol_negotiation: length 0 is not in 2..=65535 (offset 47)"),
        (&[0, 18, 0, 1, 0], "signed_certificate_timestamp: 1 bytes too many (offset 47)"),
        (&[0, 22, 0, 1, 0], "encrypt_then_mac: 1 bytes too many (offset 47)"),
        (&[0, 23, 0, 2, 0, 0], "extended_master_secret: 2 bytes too many (offset 47)"),
        (&[0, 28, 0, 1, 0], "record_size_limit: needs 2 bytes but only 1 are left (offset 47)"),
        (&[0xff, 1, 0, 0], "renegotiation_info: needs 1 bytes but only 0 are left (offset 47)"),
        (&[0xff, 1, 0, 1, 1], "renegotiation_info: length 1 runs past the end (offset 47)"),
        (&[0x12, 0x34, 0, 1], "extension_data: length 1 runs past the end (offset 45)"),
    ];
    for (extension, wanted) in cases {
        let wanted = alloc::format!("ClientHello.extensions[0].{wanted}");
        assert_eq!(error::<ClientHello>(&hello_with(extension)), (wanted, false));
    }
}

#[test]
fn of_the_other_messages() {
    let says = |got: (alloc::string::String, bool), wanted: &str| assert_eq!(got, (wanted.to_string(), false));
    says(
        error::<ServerHello>(&server_hello_with(&[])[..36]),
        "ServerHello.cipher_suite: needs 2 bytes but only 1 are left (offset 35)",
    );
    says(
        error::<ServerHello>(&server_hello_with(&[0, 23, 0, 0, 0, 35, 0, 1, 0])),
        "ServerHello.extensions[1].session_ticket: 1 bytes too many (offset 48)",
    );
    says(error::<Certificate>(&[0, 0, 9]), "Certificate.certificate_list: length 9 runs past the end (offset 0)");
    says(
        error::<Certificate>(&[0, 0, 8, 0, 0, 1, 7, 0, 0, 9, 0]),
        "Certificate.certificate_list[1]: length 9 runs past the end (offset 7)",
    );
    says(
        error::<Certificate>(&[0, 0, 3, 0, 0, 0]),
        "Certificate.certificate_list[0]: length 0 is not in 1..=16777215 (offset 3)",
    );
    says(
        error::<CertificateRequest>(&[1, 1, 0, 2, 4, 1, 0, 3, 0, 0, 0]),
        "CertificateRequest.certificate_authorities[0]: length 0 is not in 1..=65535 (offset 8)",
    );
    says(
        error::<CertificateRequest>(&[0]),
        "CertificateRequest.certificate_types: length 0 is not in 1..=255 (offset 0)",
    );
    says(
        error::<EcdhServerKeyExchange>(&[3, 0, 29, 0]),
        "ServerKeyExchange.public: length 0 is not in 1..=255 (offset 3)",
    );
    says(
        error::<DhServerKeyExchange>(&[0, 1, 7, 0, 2, 1]),
        "ServerKeyExchange.dh_g: length 2 runs past the end (offset 3)",
    );
    for (at, field) in ["dh_p", "dh_g", "dh_Ys"].into_iter().enumerate() {
        let mut numbers = [[0, 1, 7], [0, 1, 2], [0, 1, 5]];
        numbers[at] = [0, 0, 0];
        let wanted = alloc::format!("ServerKeyExchange.{field}: length 0 is not in 1..=65535 (offset {})", 3 * at);
        says(error::<DhServerKeyExchange>(numbers.as_flattened()), &wanted);
    }
    says(error::<ClientEcdhPublic>(&[]), "ClientKeyExchange.ecdh_Yc: needs 1 bytes but only 0 are left (offset 0)");
    says(error::<ClientDhPublic>(&[0, 0]), "ClientKeyExchange.dh_Yc: length 0 is not in 1..=65535 (offset 0)");
    says(error::<EncryptedPreMasterSecret>(&[0, 1, 0, 0]), "ClientKeyExchange: 1 bytes too many (offset 3)");
    says(
        error::<PskServerKeyExchange>(&[0, 2, 7]),
        "ServerKeyExchange.psk_identity_hint: length 2 runs past the end (offset 0)",
    );
    says(
        error::<EcdhPskServerKeyExchange>(&[0, 0, 3, 0, 29, 0]),
        "ServerKeyExchange.public: length 0 is not in 1..=255 (offset 5)",
    );
    says(error::<PskClientKeyExchange>(&[0, 1, 7, 0]), "ClientKeyExchange: 1 bytes too many (offset 3)");
    says(
        error::<EcdhPskClientKeyExchange>(&[0, 1, 7, 0]),
        "ClientKeyExchange.ecdh_Yc: length 0 is not in 1..=255 (offset 3)",
    );
    says(error::<NewSessionTicket>(&[0; 5]), "NewSessionTicket.ticket: needs 2 bytes but only 1 are left (offset 4)");
    says(error::<ServerHelloDone>(&[0]), "ServerHelloDone: 1 bytes too many (offset 0)");
    says(error::<HelloRequest>(&[0, 0]), "HelloRequest: 2 bytes too many (offset 0)");
}

/// What is well-formed and still not allowed is `illegal_parameter`, not `decode_error` (RFC 5246 7.2.2).
#[test]
fn of_what_is_not_allowed() {
    let says = |got: (alloc::string::String, bool), wanted: &str| assert_eq!(got, (wanted.to_string(), true));
    says(error::<EcdhServerKeyExchange>(&[1, 0, 29, 1, 0]), "ServerKeyExchange: a curve without a name (offset 0)");
    says(
        error::<EcdhPskServerKeyExchange>(&[0, 0, 1, 0, 29, 1, 0]),
        "ServerKeyExchange: a curve without a name (offset 2)",
    );
    says(
        error::<CertificateStatus>(&[2, 0, 0, 1, 0]),
        "CertificateStatus: a status type that was not asked for (offset 0)",
    );
    says(
        error::<ServerHello>(&server_hello_with(&[0, 16, 0, 6, 0, 4, 1, b'a', 1, b'b'])),
        "ServerHello.extensions[0].application_layer_protocol_negotiation: more than one protocol (offset 44)",
    );
    let names = |entries: &[[u8; 4]]| {
        let length = u8::try_from(4 * entries.len()).unwrap();
        hello_with(&[&[0, 0, 0, length + 2, 0, length][..], &entries.concat()].concat())
    };
    let (host, other, again) = ([0, 0, 1, b'a'], [5, 0, 1, b'b'], [0, 0, 1, b'c']);
    for twice in [&[host, again][..], &[host, other, again], &[other, host, again]] {
        says(
            error::<ClientHello>(&names(twice)),
            "ClientHello.extensions[0].server_name: more than one host name (offset 47)",
        );
    }
    for once in [&[host][..], &[other, host], &[host, other]] {
        assert_eq!(ClientHello::parse_body(&names(once)).unwrap().server_name(), Some("a"));
    }
    assert_eq!(ClientHello::parse_body(&names(&[other])).unwrap().server_name(), None);
    let not_text = names(&[[0, 0, 1, 0xff]]);
    assert_eq!(ClientHello::parse_body(&not_text).unwrap().server_name(), None);
}

/// Every extension, twice: RFC 5246 7.4.1.4 allows none, whatever stands between.
#[test]
fn of_extensions_that_stand_twice() {
    let client: [&[u8]; 18] = [
        &[0, 0, 0, 6, 0, 4, 0, 0, 1, b'a'],
        &[0, 1, 0, 1, 1],
        &[0, 5, 0, 5, 1, 0, 0, 0, 0],
        &[0, 10, 0, 4, 0, 2, 0, 29],
        &[0, 11, 0, 2, 1, 0],
        &[0, 13, 0, 4, 0, 2, 4, 3],
        &[0, 16, 0, 4, 0, 2, 1, b'a'],
        &[0, 18, 0, 0],
        &[0, 21, 0, 1, 0],
        &[0, 22, 0, 0],
        &[0, 23, 0, 0],
        &[0, 28, 0, 2, 64, 0],
        &[0, 35, 0, 0],
        &[0, 50, 0, 4, 0, 2, 4, 3],
        &[0, 63, 0, 0],
        &[0, 64, 0, 0],
        &[0xff, 1, 0, 1, 0],
        &[0xff, 0xff, 0, 3, 1, 2, 3],
    ];
    for first in client {
        for between in client.into_iter().filter(|between| between[..2] != first[..2]) {
            let list = [first, between, first].concat();
            let error = ClientHello::parse_body(&hello_with(&list)).unwrap_err();
            let typ = ExtensionType(u16::from_be_bytes([first[0], first[1]]));
            assert_eq!(error.kind(), DecodeErrorKind::DuplicateExtension(typ));
            assert!(error.is_illegal_parameter());
            // The second one is pointed at.
            let at = CLIENT_EXTENSIONS + first.len() + between.len();
            let wanted = alloc::format!("ClientHello.extensions[2]: extension {typ} stands twice (offset {at})");
            assert_eq!(error.to_string(), wanted);
            assert!(ClientHello::parse_body(&hello_with(&[first, between].concat())).is_ok());
        }
    }
    let server: [&[u8]; 14] = [
        &[0, 0, 0, 0],
        &[0, 1, 0, 1, 1],
        &[0, 5, 0, 0],
        &[0, 10, 0, 4, 0, 2, 0, 29],
        &[0, 11, 0, 2, 1, 0],
        &[0, 16, 0, 4, 0, 2, 1, b'a'],
        &[0, 18, 0, 5, 0, 3, 0, 1, 9],
        &[0, 22, 0, 0],
        &[0, 23, 0, 0],
        &[0, 28, 0, 2, 64, 0],
        &[0, 35, 0, 0],
        &[0, 43, 0, 2, 3, 4],
        &[0xff, 1, 0, 1, 0],
        &[0x33, 0x33, 0, 0],
    ];
    for first in server {
        for between in server.into_iter().filter(|between| between[..2] != first[..2]) {
            let error = ServerHello::parse_body(&server_hello_with(&[first, between, first].concat())).unwrap_err();
            assert!(matches!(error.kind(), DecodeErrorKind::DuplicateExtension(_)), "{error}");
            assert!(error.to_string().starts_with("ServerHello.extensions[2]"), "{error}");
            assert!(ServerHello::parse_body(&server_hello_with(&[first, between].concat())).is_ok());
        }
    }
}
