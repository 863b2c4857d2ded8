//! What is wrong with the messages and extensions of TLS 1.3 is said, with its place (RFC 8446 4).

use super::errors::error;
use super::*;

/// What an extension of a ClientHello is refused for.
fn of_client(extension: &[u8], wanted: &str, is_illegal: bool) {
    let wanted = alloc::format!("ClientHello.extensions[0].{wanted}");
    assert_eq!(error::<ClientHello>(&hello_with(extension)), (wanted, is_illegal));
}

#[test]
fn of_each_client_extension() {
    let cases: [(&[u8], &str); 22] = [
        (&[0, 43, 0, 1, 0], "supported_versions: length 0 is not in 2..=254 (offset 47)"),
        (&[0, 43, 0, 4, 3, 3, 4, 3], "supported_versions: length 3 is no multiple of 2 (offset 48)"),
        (&[0, 43, 0, 2, 3, 4], "supported_versions: length 3 runs past the end (offset 47)"),
        (&[0, 44, 0, 2, 0, 0], "cookie: length 0 is not in 1..=65535 (offset 47)"),
        (&[0, 44, 0, 4, 0, 1, 7, 7], "cookie: 1 bytes too many (offset 50)"),
        (&[0, 45, 0, 1, 0], "psk_key_exchange_modes: length 0 is not in 1..=255 (offset 47)"),
        (&[0, 51, 0, 0], "key_share: needs 2 bytes but only 0 are left (offset 47)"),
        (&[0, 51, 0, 3, 0, 1, 0], "key_share[0].group: needs 2 bytes but only 1 are left (offset 49)"),
        (&[0, 51, 0, 6, 0, 4, 0, 29, 0, 0], "key_share[0].key_exchange: length 0 is not in 1..=65535 (offset 51)"),
        (&[0, 51, 0, 7, 0, 5, 0, 29, 0, 2, 9], "key_share[0].key_exchange: length 2 runs past the end (offset 51)"),
        (&[0, 41, 0, 2, 0, 0], "pre_shared_key.identities: length 0 is not in 7..=65535 (offset 47)"),
        (
            &[0, 41, 0, 9, 0, 7, 0, 0, 0, 0, 0, 0, 0],
            "pre_shared_key.identities[0].identity: length 0 is not in 1..=65535 (offset 49)",
        ),
        (
            &[0, 41, 0, 9, 0, 7, 0, 4, 1, 0, 0, 0, 0],
            "pre_shared_key.identities[0].obfuscated_ticket_age: needs 4 bytes but only 1 are left (offset 55)",
        ),
        (
            &[0, 41, 0, 9, 0, 7, 0, 1, 1, 0, 0, 0, 0],
            "pre_shared_key.binders: needs 2 bytes but only 0 are left (offset 56)",
        ),
        (
            &[0, 41, 0, 11, 0, 7, 0, 1, 1, 0, 0, 0, 0, 0, 0],
            "pre_shared_key.binders: length 0 is not in 2..=65535 (offset 56)",
        ),
        (&[0, 42, 0, 4, 0, 0, 0, 0], "early_data: 4 bytes too many (offset 47)"),
        (&[0, 49, 0, 1, 0], "post_handshake_auth: 1 bytes too many (offset 47)"),
        (&[0, 47, 0, 2, 0, 0], "certificate_authorities: length 0 is not in 1..=65535 (offset 47)"),
        (&[0, 27, 0, 1, 0], "compress_certificate: length 0 is not in 2..=254 (offset 47)"),
        (&[0, 27, 0, 4, 3, 0, 1, 0], "compress_certificate: length 3 is no multiple of 2 (offset 48)"),
        (&[0, 20, 0, 1, 0], "server_certificate_type: length 0 is not in 1..=255 (offset 47)"),
        (&[0, 58, 0, 1, 1], "ticket_request: needs 1 bytes but only 0 are left (offset 48)"),
    ];
    for (extension, wanted) in cases {
        of_client(extension, wanted, false);
    }
}

/// A binder is an HMAC: 32 to 255 bytes, one for each identity (RFC 8446 4.2.11).
#[test]
fn of_binders() {
    let psks = |identities: usize, binders: &[usize]| {
        let identities = [0, 1, 7, 0, 0, 0, 0].repeat(identities);
        let binders: Vec<u8> =
            binders.iter().flat_map(|len| [&[u8::try_from(*len).unwrap()][..], &vec![9; *len]].concat()).collect();
        let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_be_bytes();
        let data = [&length(&identities)[..], &identities, &length(&binders), &binders].concat();
        [&[0, 41][..], &length(&data), &data].concat()
    };
    of_client(&psks(1, &[0, 32]), "pre_shared_key.binders[0]: length 0 is not in 1..=255 (offset 58)", false);
    for (identities, binders) in [(1, &[32, 32][..]), (2, &[48]), (3, &[32, 48])] {
        let at = 49 + 7 * identities;
        let wanted = alloc::format!("pre_shared_key: not as many binders as identities (offset {at})");
        of_client(&psks(identities, binders), &wanted, true);
    }
    // Shorter ones than RFC 8446 has, too, beside keys that nobody need know.
    assert!(ClientHello::parse_body(&hello_with(&psks(4, &[32, 255, 48, 20]))).is_ok());
}

/// RFC 8879 3: each stands where it is preferred.
#[test]
fn of_a_compression_that_stands_twice() {
    let wanted = "compress_certificate: an algorithm stands twice (offset 47)";
    of_client(&[0, 27, 0, 7, 6, 0, 1, 0, 2, 0, 1], wanted, true);
    assert!(ClientHello::parse_body(&hello_with(&[0, 27, 0, 7, 6, 0, 1, 0, 2, 0, 3])).is_ok());
}

/// Every extension behind pre_shared_key is one too many (RFC 8446 4.2.11).
#[test]
fn of_what_stands_behind_pre_shared_key() {
    let key = [&[0, 41, 0, 44, 0, 7, 0, 1, 1, 0, 0, 0, 0, 0, 33, 32][..], &[9; 32]].concat();
    assert!(ClientHello::parse_body(&hello_with(&[&[0, 43, 0, 3, 2, 3, 4][..], &key].concat())).is_ok());
    for behind in [&[0, 43, 0, 3, 2, 3, 4][..], &[0, 21, 0, 1, 0], &[0x1a, 0x1a, 0, 0], &[0, 42, 0, 9]] {
        let (text, is_illegal) = error::<ClientHello>(&hello_with(&[&key, behind].concat()));
        assert_eq!(is_illegal, behind[3] != 9, "{text}");
        assert_eq!(text.contains("pre_shared_key is not the last extension"), is_illegal, "{text}");
    }
    let twice = error::<ClientHello>(&hello_with(&[&key[..], &key].concat()));
    let wanted = "ClientHello.extensions[1]: extension pre_shared_key stands twice (offset 91)".to_string();
    assert_eq!(twice, (wanted, true));
}

#[test]
fn of_each_server_extension() {
    let hello = |extension: &[u8], wanted: &str| {
        let wanted = alloc::format!("ServerHello.extensions[0].{wanted}");
        assert_eq!(error::<ServerHello>(&server_hello_with(extension)), (wanted, false));
    };
    hello(&[0, 43, 0, 3, 2, 3, 4], "supported_versions: 1 bytes too many (offset 46)");
    hello(&[0, 51, 0, 2, 0, 29], "key_share.key_exchange: needs 2 bytes but only 0 are left (offset 46)");
    hello(&[0, 51, 0, 4, 0, 29, 0, 0], "key_share.key_exchange: length 0 is not in 1..=65535 (offset 46)");
    hello(&[0, 41, 0, 1, 0], "pre_shared_key: needs 2 bytes but only 1 are left (offset 44)");
    hello(&[0, 20, 0, 0], "server_certificate_type: needs 1 bytes but only 0 are left (offset 44)");
    let retry = |extension: &[u8], wanted: &str| {
        let wanted = alloc::format!("ServerHello.extensions[0].{wanted}");
        assert_eq!(error::<ServerHello>(&retry_with(extension)), (wanted, false));
    };
    retry(&[0, 51, 0, 5, 0, 29, 0, 1, 7], "key_share: 3 bytes too many (offset 46)");
    retry(&[0, 44, 0, 2, 0, 0], "cookie: length 0 is not in 1..=65535 (offset 44)");
    let encrypted = |extension: &[u8], wanted: &str| {
        let wanted = alloc::format!("EncryptedExtensions.extensions[0].{wanted}");
        assert_eq!(error::<EncryptedExtensions>(&with_extensions(vec![], extension)), (wanted, false));
    };
    encrypted(&[0, 42, 0, 1, 0], "early_data: 1 bytes too many (offset 6)");
    encrypted(&[0, 19, 0, 2, 0, 0], "client_certificate_type: 1 bytes too many (offset 7)");
    encrypted(&[0, 58, 0, 0], "ticket_request: needs 1 bytes but only 0 are left (offset 6)");
}

/// What is in the wrong place is not looked into: the table says that it is misplaced, which `illegal_parameter` answers,
/// whatever its content (RFC 8446 4.2).
#[test]
fn of_what_is_misplaced() {
    let misplaced = |extension: &ServerExtension, typ: u16, place: ExtensionPlace| {
        assert!(matches!(extension, ServerExtension::Unknown(_)), "{extension:?}");
        assert_eq!(extension.ext_type().0, typ);
        assert!(!extension.ext_type().allowed_in(place), "{extension:?}");
    };
    for typ in [44_u8, 42, 45, 49, 27] {
        let hello = ServerHello::parse_body(&server_hello_with(&[0, typ, 0, 1, 7])).unwrap();
        misplaced(&hello.extensions.unwrap()[0], typ.into(), ExtensionPlace::ServerHello);
    }
    for typ in [41_u8, 42, 16, 0, 23, 35] {
        let retry = ServerHello::parse_body(&retry_with(&[0, typ, 0, 1, 7])).unwrap();
        misplaced(&retry.extensions.unwrap()[0], typ.into(), ExtensionPlace::HelloRetryRequest);
    }
    for typ in [51_u8, 43, 41, 44, 5, 18, 11, 23, 35, 21] {
        let body = with_extensions(vec![], &[0, typ, 0, 1, 7]);
        let encrypted = EncryptedExtensions::parse_body(&body).unwrap();
        misplaced(&encrypted.extensions[0], typ.into(), ExtensionPlace::EncryptedExtensions);
    }
    // A ServerHello of an earlier version has what TLS 1.3 moved to EncryptedExtensions.
    let hello = ServerHello::parse_body(&server_hello_with(&[0, 16, 0, 5, 0, 3, 2, b'h', b'2'])).unwrap();
    assert_eq!(hello.extensions.unwrap(), [ServerExtension::Alpn(Bytes::from_static(b"h2"))]);
}

#[test]
fn of_the_other_messages() {
    let says = |got: (alloc::string::String, bool), wanted: &str| assert_eq!(got, (wanted.to_string(), false));
    says(
        error::<EncryptedExtensions>(&[]),
        "EncryptedExtensions.extensions: needs 2 bytes but only 0 are left (offset 0)",
    );
    says(error::<EncryptedExtensions>(&[0, 0, 0]), "EncryptedExtensions: 1 bytes too many (offset 2)");
    says(
        error::<Certificate13>(&[1]),
        "Certificate.certificate_request_context: length 1 runs past the end (offset 0)",
    );
    says(
        error::<Certificate13>(&[0, 0, 0, 5, 0, 0, 0, 0, 0]),
        "Certificate.certificate_list[0].cert_data: length 0 is not in 1..=16777215 (offset 4)",
    );
    says(
        error::<Certificate13>(&[0, 0, 0, 4, 0, 0, 1, 7]),
        "Certificate.certificate_list[0].extensions: needs 2 bytes but only 0 are left (offset 8)",
    );
    says(
        error::<Certificate13>(&[0, 0, 0, 13, 0, 0, 1, 7, 0, 7, 0, 18, 0, 3, 0, 1, 0]),
        "Certificate.certificate_list[0].extensions[0].signed_certificate_timestamp[0]: needs 2 bytes but only 1 are \
         left (offset 16)",
    );
    says(
        error::<CertificateRequest13>(&[0, 0, 6, 0, 13, 0, 2, 0, 0]),
        "CertificateRequest.extensions[0].signature_algorithms: length 0 is not in 2..=65535 (offset 7)",
    );
    says(
        error::<CertificateRequest13>(&[0, 0, 5, 0, 5, 0, 1, 0]),
        "CertificateRequest.extensions[0].status_request: 1 bytes too many (offset 7)",
    );
    says(
        error::<CompressedCertificate>(&[0, 1, 0, 0, 9, 0, 0, 0]),
        "CompressedCertificate.compressed_certificate_message: length 0 is not in 1..=16777215 (offset 5)",
    );
    says(
        error::<NewSessionTicket13>(&[0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0]),
        "NewSessionTicket.ticket: length 0 is not in 1..=65535 (offset 9)",
    );
    says(
        error::<NewSessionTicket13>(&[0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 1, 7, 0, 5, 0, 42, 0, 1, 0]),
        "NewSessionTicket.extensions[0].early_data.max_early_data_size: needs 4 bytes but only 1 are left (offset 18)",
    );
    says(error::<KeyUpdate>(&[]), "KeyUpdate.request_update: needs 1 bytes but only 0 are left (offset 0)");
    says(error::<KeyUpdate>(&[0, 0]), "KeyUpdate: 1 bytes too many (offset 1)");
    says(error::<EndOfEarlyData>(&[0]), "EndOfEarlyData: 1 bytes too many (offset 0)");
}

/// `illegal_parameter`, not `decode_error` (RFC 8446 4.6.3, 4.4.2.1).
#[test]
fn of_what_is_not_allowed() {
    for request in 2..=255 {
        let wanted = "KeyUpdate.request_update: neither update_not_requested nor update_requested (offset 0)";
        assert_eq!(error::<KeyUpdate>(&[request]), (wanted.to_string(), true));
    }
    let status = [0, 0, 0, 15, 0, 0, 1, 7, 0, 9, 0, 5, 0, 5, 2, 0, 0, 1, 7];
    let wanted = "Certificate.certificate_list[0].extensions[0].status_request: a status type that was not asked for \
                  (offset 14)";
    assert_eq!(error::<Certificate13>(&status), (wanted.to_string(), true));
}

/// In each of the blocks of extensions none stands twice (RFC 8446 4.2).
#[test]
fn of_extensions_that_stand_twice() {
    let twice = [0, 18, 0, 5, 0, 3, 0, 1, 9, 0, 18, 0, 5, 0, 3, 0, 1, 9];
    let block = with_extensions(vec![], &twice);
    let in_entry = |entry: &[u8]| {
        let entry = [&[0, 0, 1, 7][..], entry].concat();
        Bytes::from([&[0, 0, 0, u8::try_from(entry.len()).unwrap()][..], &entry].concat())
    };
    let empty = with_extensions(vec![], &[0, 18, 0, 0, 0, 18, 0, 0]);
    let in_ticket = [&[0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 1, 7][..], &block].concat();
    for (text, is_illegal) in [
        error::<EncryptedExtensions>(&block),
        error::<Certificate13>(&in_entry(&block)),
        error::<CertificateRequest13>(&[&[0][..], &empty].concat()),
        error::<NewSessionTicket13>(&in_ticket),
    ] {
        assert!(
            is_illegal && text.contains("extensions[1]: extension signed_certificate_timestamp stands twice"),
            "{text}"
        );
    }
    // One in each of two entries is not one twice.
    let once = with_extensions(vec![], &twice[..9]);
    let entry = [&[0, 0, 1, 7][..], &once].concat();
    let body = [&[0, 0, 0, 30][..], &entry, &entry].concat();
    assert_eq!(Certificate13::parse_body(&body.into()).unwrap().entries.len(), 2);
}
