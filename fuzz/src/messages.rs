//! Handshake messages, alerts and key log lines: no panic, and what parses is written back as it was.

use bytes::{Bytes, BytesMut};
use clasp_keys::{KeyLogLine, key_log_line as write_line};
use clasp_wire::{
    Alert, Certificate, Certificate13, CertificateRequest, CertificateRequest13, CertificateStatus, CertificateVerify,
    ClientDhPublic, ClientEcdhPublic, ClientHello, CompressedCertificate, DecodeError, DhServerKeyExchange,
    DigitallySigned, EcdhPskClientKeyExchange, EcdhPskServerKeyExchange, EcdhServerKeyExchange, EncryptedExtensions,
    EncryptedPreMasterSecret, EndOfEarlyData, Finished, HandshakeMessage, HelloRequest, KeyUpdate, NewSessionTicket,
    NewSessionTicket13, PskClientKeyExchange, PskServerKeyExchange, Random, Reassembler, ServerHello, ServerHelloDone,
    Sslv2ClientHello,
};

/// What parses is written back byte for byte: an attacker gains nothing from two readings of one message.
fn roundtrip<M: HandshakeMessage>(body: &Bytes) {
    match M::parse_body(body) {
        Ok(message) => {
            let mut written = BytesMut::new();
            message.write_body(&mut written);
            assert_eq!(&written[..], &body[..], "{} written differently", M::NAME);
        }
        Err(error) => complain(&error, body),
    }
}

/// An error says what it is, and where: inside the input.
fn complain(error: &DecodeError, input: &[u8]) {
    assert!(!error.to_string().is_empty());
    assert!(error.offset() <= input.len(), "{error}, of {} bytes", input.len());
}

/// Any bytes as a ClientHello body.
pub fn client_hello(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    roundtrip::<ClientHello>(&body);
    if let Ok(hello) = ClientHello::parse_body(&body) {
        let _ = (hello.server_name(), hello.alpn(), hello.supported_groups(), hello.signature_algorithms());
        binders(&hello);
    }
}

/// What the binders of a hello cover ends where they begin, and written into it they are those it was read with.
fn binders(hello: &ClientHello) {
    let encoded = hello.encode();
    let (covered, psks) = match (hello.truncated(&encoded), hello.pre_shared_key()) {
        (Some(covered), Some(psks)) => (covered, psks),
        (None, None) => return,
        _ => panic!("pre-shared keys without a place for binders"),
    };
    assert_eq!(psks.identities.len(), psks.binders.len());
    let mut written = encoded.to_vec();
    written[covered.len() + 2..].fill(0);
    // The prefixes stay: only what stands behind them is written.
    let mut at = covered.len() + 2;
    for binder in &psks.binders {
        written[at] = u8::try_from(binder.len()).expect("a length of one byte");
        at += 1 + binder.len();
    }
    assert_eq!(at, written.len());
    assert!(hello.write_binders(&mut written, &psks.binders));
    assert_eq!(written, encoded);
}

/// Any bytes as a ServerHello body.
pub fn server_hello(data: &[u8]) {
    roundtrip::<ServerHello>(&Bytes::copy_from_slice(data));
}

/// The first byte chooses the message.
pub fn handshake_messages(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else { return };
    let body = Bytes::copy_from_slice(body);
    match choice % 28 {
        0 => roundtrip::<HelloRequest>(&body),
        1 => roundtrip::<ServerHelloDone>(&body),
        2 => roundtrip::<Certificate>(&body),
        3 => roundtrip::<CertificateStatus>(&body),
        4 => roundtrip::<EcdhServerKeyExchange>(&body),
        5 => roundtrip::<DhServerKeyExchange>(&body),
        6 => roundtrip::<CertificateRequest>(&body),
        7 => roundtrip::<EncryptedPreMasterSecret>(&body),
        8 => roundtrip::<ClientDhPublic>(&body),
        9 => roundtrip::<ClientEcdhPublic>(&body),
        10 => roundtrip::<CertificateVerify>(&body),
        11 => roundtrip::<Finished>(&body),
        12 => roundtrip::<NewSessionTicket>(&body),
        13 => client_hello(&body),
        15 => roundtrip::<EncryptedExtensions>(&body),
        16 => roundtrip::<Certificate13>(&body),
        17 => roundtrip::<CertificateRequest13>(&body),
        18 => roundtrip::<CompressedCertificate>(&body),
        19 => roundtrip::<NewSessionTicket13>(&body),
        20 => roundtrip::<KeyUpdate>(&body),
        21 => roundtrip::<EndOfEarlyData>(&body),
        22 => hello_retry_request(&body),
        23 => roundtrip::<ServerHello>(&body),
        24 => roundtrip::<PskServerKeyExchange>(&body),
        25 => roundtrip::<EcdhPskServerKeyExchange>(&body),
        26 => roundtrip::<PskClientKeyExchange>(&body),
        27 => roundtrip::<EcdhPskClientKeyExchange>(&body),
        _ => match DigitallySigned::parse(&body) {
            Ok(signed) => assert_eq!(signed.encode(), body),
            Err(error) => complain(&error, &body),
        },
    }
}

/// Any bytes as the extensions of an otherwise good HelloRetryRequest.
fn hello_retry_request(extensions: &[u8]) {
    let Ok(len) = u16::try_from(extensions.len()) else { return };
    let mut body = vec![3, 3];
    body.extend_from_slice(&Random::HELLO_RETRY_REQUEST.0);
    body.extend_from_slice(&[0, 0x13, 1, 0]);
    body.extend_from_slice(&len.to_be_bytes());
    body.extend_from_slice(extensions);
    roundtrip::<ServerHello>(&body.into());
}

/// Any bytes as the message of a ClientHello in SSL 2.0's format. It is not written by anyone here, so what was read is put
/// together again by hand (RFC 5246 E.2).
pub fn sslv2_client_hello(data: &[u8]) {
    let message = Bytes::copy_from_slice(data);
    let hello = match Sslv2ClientHello::parse(&message) {
        Ok(hello) => hello,
        Err(error) => return complain(&error, data),
    };
    let length = |bytes: usize| u16::try_from(bytes).expect("a length of two bytes").to_be_bytes();
    let specs = hello.cipher_specs.concat();
    let mut written = vec![1];
    written.extend_from_slice(&hello.client_version.0.to_be_bytes());
    for part in [&specs[..], &hello.session_id, &hello.challenge] {
        written.extend_from_slice(&length(part.len()));
    }
    for part in [&specs[..], &hello.session_id, &hello.challenge] {
        written.extend_from_slice(part);
    }
    assert_eq!(written, data);
    assert!(hello.cipher_suites().count() <= hello.cipher_specs.len());
    let counts = &hello.challenge[hello.challenge.len().saturating_sub(32)..];
    assert!(hello.random().ends_with(counts));
}

/// Any bytes as the extensions of an otherwise good ClientHello.
pub fn extensions_roundtrip(data: &[u8]) {
    let Ok(len) = u16::try_from(data.len()) else { return };
    let mut body = vec![3, 3];
    body.extend_from_slice(&[0x42; 32]);
    body.extend_from_slice(&[0, 0, 2, 0xc0, 0x2f, 1, 0]);
    body.extend_from_slice(&len.to_be_bytes());
    body.extend_from_slice(data);
    client_hello(&body);
}

/// Any bytes as an alert.
pub fn alert(data: &[u8]) {
    match Alert::parse(data) {
        Ok(alert) => {
            assert_eq!(alert.encode(), data);
            assert!(!format!("{} {}", alert.level, alert.description).is_empty());
        }
        Err(error) => complain(&error, data),
    }
}

/// Any text as a line of a key log: what is read is written the same again, but for case and spaces.
pub fn key_log_line(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(line) = KeyLogLine::parse(text) else { return };
    let written = write_line(&line.label, &line.client_random, &line.secret);
    let words: Vec<_> = text.split_ascii_whitespace().collect();
    assert!(written.eq_ignore_ascii_case(&words.join(" ")));
    assert!(!format!("{line:?}").contains(words[2]) || line.label.contains(words[2]), "a secret is shown");
}

/// The longest body of a message that is joined.
const MOST: usize = 1 << 14;

/// Fragments of any sizes join to the same messages, the same rest and the same error as one piece would: the messages lie one
/// behind the other from the first byte on, and none is longer than allowed.
pub fn reassembler(data: &[u8]) {
    let Some((size, data)) = data.split_first() else { return };
    let whole = join(data, data.len().max(1));
    assert_eq!(join(data, usize::from(*size).max(1)), whole);
    let (messages, nothing_left, error) = whole;
    let joined = messages.concat();
    assert!(data.starts_with(&joined), "other messages than came");
    let rest = &data[joined.len()..];
    assert_eq!(nothing_left, rest.is_empty(), "not agreed on what is left");
    let length = rest.first_chunk().map(|[_, a, b, c]| u32::from_be_bytes([0, *a, *b, *c]) as usize);
    assert_eq!(error.is_some(), length.is_some_and(|length| length > MOST), "a message of {length:?} bytes");
    assert!(error.is_some() || length.is_none_or(|length| rest.len() < length + 4), "a whole message is left");
}

/// What the fragments join to, whether anything is left, and the error.
fn join(data: &[u8], size: usize) -> (Vec<Bytes>, bool, Option<DecodeError>) {
    let mut joiner = Reassembler::new(MOST);
    let mut messages = Vec::new();
    for fragment in data.chunks(size) {
        if let Err(error) = joiner.push(Bytes::copy_from_slice(fragment)) {
            return (messages, false, Some(error));
        }
        loop {
            match joiner.next() {
                Ok(Some(message)) => messages.push(message.raw),
                Ok(None) => break,
                Err(error) => return (messages, false, Some(error)),
            }
        }
    }
    (messages, joiner.is_empty(), None)
}
