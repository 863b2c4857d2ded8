//! Handshake messages and alerts: no panic, and what parses is written back as it was.

use bytes::{Bytes, BytesMut};
use clasp_wire::{
    Alert, Certificate, CertificateRequest, CertificateStatus, CertificateVerify, ClientDhPublic, ClientEcdhPublic,
    ClientHello, DecodeError, DhServerKeyExchange, DigitallySigned, EcdhServerKeyExchange, EncryptedPreMasterSecret,
    Finished, HandshakeMessage, HelloRequest, NewSessionTicket, Reassembler, ServerHello, ServerHelloDone,
};

/// What parses is written back byte for byte: an attacker gains nothing from two readings of one message.
fn roundtrip<M: HandshakeMessage>(body: &Bytes) {
    match M::parse_body(body) {
        Ok(message) => {
            let mut written = BytesMut::new();
            message.write_body(&mut written);
            assert_eq!(&written[..], &body[..], "{} written differently", M::NAME);
        }
        Err(error) => complain(&error),
    }
}

/// An error must be able to say what it is, and where: inside the input.
fn complain(error: &DecodeError) {
    assert!(!error.to_string().is_empty());
}

/// Any bytes as a ClientHello body.
pub fn client_hello(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    roundtrip::<ClientHello>(&body);
    if let Ok(hello) = ClientHello::parse_body(&body) {
        let _ = (hello.server_name(), hello.alpn(), hello.supported_groups(), hello.signature_algorithms());
    }
}

/// Any bytes as a ServerHello body.
pub fn server_hello(data: &[u8]) {
    roundtrip::<ServerHello>(&Bytes::copy_from_slice(data));
}

/// The first byte chooses the message.
pub fn handshake_messages(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else { return };
    let body = Bytes::copy_from_slice(body);
    match choice % 15 {
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
        13 => roundtrip::<ClientHello>(&body),
        _ => match DigitallySigned::parse(&body) {
            Ok(signed) => assert_eq!(signed.encode(), body),
            Err(error) => complain(&error),
        },
    }
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
    if let Ok(alert) = Alert::parse(data) {
        assert_eq!(alert.encode(), data);
    }
}

/// Fragments of any sizes join to the same messages as one piece would.
pub fn reassembler(data: &[u8]) {
    let Some((size, data)) = data.split_first() else { return };
    let collect = |size: usize| {
        let mut joiner = Reassembler::new(1 << 14);
        let mut messages = Vec::new();
        for fragment in data.chunks(size.max(1)) {
            if joiner.push(Bytes::copy_from_slice(fragment)).is_err() {
                return messages;
            }
            loop {
                match joiner.next() {
                    Ok(Some(message)) => messages.push(message.raw),
                    Ok(None) => break,
                    Err(_) => return messages,
                }
            }
        }
        messages
    };
    assert_eq!(collect(usize::from(*size)), collect(data.len()));
}
