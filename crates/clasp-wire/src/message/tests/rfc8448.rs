//! The published traces are read for what RFC 8448 says is in them, and written as it prints them.

use sha2::{Digest as _, Sha256};

use super::*;

const TRACES: &str = include_str!("../../../test-data/rfc8448.txt");

fn bytes(hex: &str) -> Bytes {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// A message of the traces, header included.
fn raw(name: &str) -> Bytes {
    let (_, rest) = TRACES.split_once(&alloc::format!("\n{name} (section ")).unwrap();
    let (_, hex) = rest.split_once('\n').unwrap();
    bytes(hex.split("\n\n").next().unwrap())
}

/// A message of the traces; it is written as it was read.
fn message<M: HandshakeMessage>(name: &str) -> M {
    let raw = raw(name);
    assert_eq!(raw[0], M::TYPE.0);
    let message = M::parse_body(&raw.slice(4..)).unwrap();
    assert_eq!(message.encode(), raw);
    message
}

/// As [`message`], and cut anywhere it is none, but where `whole` bytes of the body are left.
fn message_to_its_last_byte<M: HandshakeMessage>(name: &str, whole: Option<usize>) -> M {
    let body = raw(name).slice(4..);
    for len in (0..body.len()).filter(|len| Some(*len) != whole) {
        let Err(error) = M::parse_body(&body.slice(..len)) else { panic!("{} of {len} bytes", M::NAME) };
        assert!(error.offset() <= len && !error.is_illegal_parameter(), "{error}");
    }
    message(name)
}

#[test]
fn a_full_handshake() {
    // A hello of three suites is whole without its extensions, too: 2 + 32 + 1 + 8 + 2 bytes.
    let hello: ClientHello = message_to_its_last_byte("client-hello", Some(45));
    assert_eq!(hello.server_name(), Some("server"));
    assert_eq!(hello.supported_versions(), Some(&[ProtocolVersion::TLS_1_3][..]));
    let [share] = hello.key_shares().unwrap() else { panic!("more than one share") };
    assert_eq!((share.group, share.key_exchange.len()), (NamedGroup::X25519, 32));
    assert_eq!(share.key_exchange[..2], [0x99, 0x38]);
    assert_eq!(hello.psk_key_exchange_modes(), Some(&[PskKeyExchangeMode::PSK_DHE_KE][..]));
    assert!(hello.pre_shared_key().is_none() && !hello.has_early_data() && hello.cookie().is_none());

    let hello: ServerHello = message_to_its_last_byte("server-hello", Some(38));
    assert!(!hello.is_hello_retry_request());
    assert_eq!(hello.server_version, ProtocolVersion::TLS_1_2);
    assert_eq!(hello.selected_version(), Some(ProtocolVersion::TLS_1_3));
    assert_eq!(hello.cipher_suite, CipherSuite::TLS_AES_128_GCM_SHA256);
    assert_eq!(hello.key_share().map(|share| (share.group, share.key_exchange[0])), Some((NamedGroup::X25519, 0xc9)));

    let answers: EncryptedExtensions = message_to_its_last_byte("encrypted-extensions", None);
    let [ServerExtension::SupportedGroups(groups), limit, ServerExtension::ServerName] = &answers.extensions[..] else {
        panic!("{answers:?}")
    };
    assert_eq!((groups.len(), limit), (9, &ServerExtension::RecordSizeLimit(16385)));

    let certificate: Certificate13 = message_to_its_last_byte("certificate", None);
    assert!(certificate.request_context.is_empty());
    let [entry] = &certificate.entries[..] else { panic!("more than one certificate") };
    assert_eq!((entry.data.len(), entry.extensions.len(), entry.ocsp_response()), (432, 0, None));

    let verify: CertificateVerify = message("certificate-verify");
    let signed = DigitallySigned::parse(&verify.signature).unwrap();
    assert_eq!((signed.scheme, signed.signature.len()), (SignatureScheme::RSA_PSS_RSAE_SHA256, 128));
    assert_eq!(message::<Finished>("server-finished").verify_data.len(), 32);

    let ticket: NewSessionTicket13 = message_to_its_last_byte("new-session-ticket", None);
    assert_eq!((ticket.lifetime, ticket.age_add, &ticket.nonce[..]), (30, 0xfad6_aac5, &[0, 0][..]));
    assert_eq!((ticket.ticket.len(), ticket.max_early_data()), (178, Some(1024)));
}

#[test]
fn a_resumed_handshake() {
    let raw = raw("resumed-client-hello");
    let hello: ClientHello = message_to_its_last_byte("resumed-client-hello", Some(45));
    assert!(hello.has_early_data());
    let psks = hello.pre_shared_key().unwrap();
    let ticket: NewSessionTicket13 = message("new-session-ticket");
    assert_eq!((psks.identities.len(), &psks.identities[0].identity), (1, &ticket.ticket));
    assert_eq!(psks.identities[0].obfuscated_ticket_age, 0xfad6_aacb);

    // The hash that the RFC prints for the binder is that of 477 bytes.
    let truncated = hello.truncated(&raw).unwrap();
    assert_eq!(truncated.len(), 477);
    let hash = bytes("63224b2e4573f2d3454ca84b9d009a04f6be9e05711a8396473aefa01e924a14");
    assert_eq!(Sha256::digest(truncated)[..], hash);

    // The same from a hello being written: its placeholders are no part of it.
    let mut written = hello.clone();
    let Some(ClientExtension::PreSharedKey(psks)) = written.extensions.as_mut().unwrap().last_mut() else { panic!() };
    let binders = core::mem::replace(&mut psks.binders, OfferedPsks::placeholders([32]));
    let mut encoded = written.encode().to_vec();
    assert_ne!(encoded, raw);
    assert_eq!(written.truncated(&encoded), Some(truncated));
    assert!(written.write_binders(&mut encoded, &binders));
    assert_eq!(encoded, raw);

    let hello: ServerHello = message_to_its_last_byte("resumed-server-hello", Some(38));
    assert_eq!(hello.pre_shared_key(), Some(0));
    let answers: EncryptedExtensions = message_to_its_last_byte("resumed-encrypted-extensions", None);
    assert_eq!(answers.extensions.last(), Some(&ServerExtension::EarlyData));
    assert_eq!(EndOfEarlyData.encode(), bytes("05000000"));
}

#[test]
fn a_hello_retry_request() {
    let retry: ServerHello = message_to_its_last_byte("hello-retry-request", Some(38));
    assert!(retry.is_hello_retry_request());
    assert_eq!(Sha256::digest("HelloRetryRequest")[..], Random::HELLO_RETRY_REQUEST.0);
    assert_eq!((retry.retry_group(), retry.key_share()), (Some(NamedGroup::SECP256R1), None));
    assert_eq!(retry.selected_version(), Some(ProtocolVersion::TLS_1_3));
    let cookie = retry.cookie().unwrap();
    assert_eq!(cookie.len(), 114);
    let hello: ClientHello = message_to_its_last_byte("retried-client-hello", Some(45));
    assert_eq!(hello.cookie(), Some(cookie));
    let shares: Vec<_> = hello.key_shares().unwrap().iter().map(|share| share.group).collect();
    assert_eq!(shares, [NamedGroup::SECP256R1]);
}

#[test]
fn a_certificate_is_asked_for() {
    let request: CertificateRequest13 = message_to_its_last_byte("certificate-request", None);
    assert!(request.request_context.is_empty() && request.authorities().is_empty());
    let schemes = request.signature_algorithms().unwrap();
    assert_eq!((schemes.len(), schemes[4]), (15, SignatureScheme::RSA_PSS_RSAE_SHA256));
    assert!(request.signature_algorithms_cert().is_none() && request.compression_algorithms().is_empty());
}
