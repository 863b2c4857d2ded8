//! Lists whose elements take many times their bytes: as many as are read, and one more.

use super::*;
use crate::bounds::*;

/// A vector of `n` elements, with a length prefix of two bytes.
fn vector(n: usize, element: impl Fn(u16) -> Vec<u8>) -> Vec<u8> {
    let inner: Vec<u8> = (0..n).flat_map(|i| element(u16::try_from(i).unwrap())).collect();
    [&u16::try_from(inner.len()).unwrap().to_be_bytes()[..], &inner].concat()
}

/// An extension of this type.
fn extension(typ: ExtensionType, data: &[u8]) -> Vec<u8> {
    [&typ.0.to_be_bytes()[..], &u16::try_from(data.len()).unwrap().to_be_bytes(), data].concat()
}

/// A vector with a length prefix of three bytes in place of two.
fn longer(vector: &[u8]) -> Vec<u8> {
    [&[0], vector].concat()
}

fn check<M: HandshakeMessage + core::fmt::Debug>(max: usize, body: impl Fn(usize) -> Bytes) {
    let parsed = M::parse_body(&body(max));
    assert!(parsed.is_ok(), "{parsed:?}");
    let error = M::parse_body(&body(max + 1)).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::TooMany { max }, "{error}");
    assert!(error.is_too_large() && error.to_string().contains("more than"), "{error}");
}

/// A hello with an extension that holds a list of so many elements.
fn in_hello(typ: ExtensionType, max: usize, element: impl Fn(u16) -> Vec<u8>) {
    check::<ClientHello>(max, |n| hello_with(&extension(typ, &vector(n, &element))));
}

#[test]
fn of_the_lists_of_a_hello() {
    check::<ClientHello>(MAX_EXTENSIONS, |n| {
        let block = vector(n, |i| extension(ExtensionType(0x4000 + i), &[]));
        hello_with(&block[2..])
    });
    // The kind of name is one that nobody has, or a second one would be refused before.
    in_hello(ExtensionType::SERVER_NAME, MAX_SERVER_NAMES, |_| vec![7, 0, 1, b'a']);
    in_hello(ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, MAX_PROTOCOLS, |_| vec![1, b'a']);
    in_hello(ExtensionType::KEY_SHARE, MAX_KEY_SHARES, |i| [&i.to_be_bytes()[..], &[0, 1, 9]].concat());
    in_hello(ExtensionType::CERTIFICATE_AUTHORITIES, MAX_AUTHORITIES, |_| vec![0, 1, 0x30]);
    check::<ClientHello>(MAX_PSKS, |n| {
        let identities = vector(n, |_| vec![0, 1, 9, 0, 0, 0, 0]);
        let binders = vector(n, |_| [&[32][..], &[7; 32]].concat());
        hello_with(&extension(ExtensionType::PRE_SHARED_KEY, &[identities, binders].concat()))
    });
}

#[test]
fn of_chains_and_requests() {
    check::<Certificate>(MAX_CERTIFICATES, |n| longer(&vector(n, |_| vec![0, 0, 1, 0x30])).into());
    let certificate13 = |extensions: &[u8], n| {
        let entry =
            |_| [&[0, 0, 1, 0x30][..], &u16::try_from(extensions.len()).unwrap().to_be_bytes(), extensions].concat();
        Bytes::from([&[0][..], &longer(&vector(n, entry))].concat())
    };
    check::<Certificate13>(MAX_CERTIFICATES, |n| certificate13(&[], n));
    check::<Certificate13>(MAX_TIMESTAMPS, |n| {
        let list = vector(n, |_| vec![0, 1, 7]);
        certificate13(&extension(ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP, &list), 1)
    });
    check::<CertificateRequest10>(MAX_AUTHORITIES, |n| [&[1, 1][..], &vector(n, |_| vec![0, 1, 0x30])].concat().into());
    check::<CertificateRequest>(MAX_AUTHORITIES, |n| {
        [&[1, 1, 0, 2, 4, 3][..], &vector(n, |_| vec![0, 1, 0x30])].concat().into()
    });
}

/// How many extensions there are is told of every message that has some.
#[test]
fn extensions_are_counted() {
    let block = |n| vector(n, |i| extension(ExtensionType(0x4000 + i), &[]));
    assert_eq!(ClientHello::parse_body(&hello_with(&block(5)[2..])).unwrap().extension_count(), 5);
    assert_eq!(ServerHello::parse_body(&server_hello_with(&block(4)[2..])).unwrap().extension_count(), 4);
    assert_eq!(EncryptedExtensions::parse_body(&block(3).into()).unwrap().extension_count(), 3);
    let request = [&[0][..], &block(6)].concat();
    assert_eq!(CertificateRequest13::parse_body(&request.into()).unwrap().extension_count(), 6);
    let ticket = [&[0; 8][..], &[0, 0, 1, 9], &block(2)].concat();
    assert_eq!(NewSessionTicket13::parse_body(&ticket.into()).unwrap().extension_count(), 2);
    let entries: Vec<u8> = [2, 7, 1].into_iter().flat_map(|n| [&[0, 0, 1, 0x30][..], &block(n)].concat()).collect();
    let chain = [&[0, 0, 0, u8::try_from(entries.len()).unwrap()][..], &entries].concat();
    assert_eq!(Certificate13::parse_body(&chain.into()).unwrap().extension_count(), 7);
    assert_eq!(ServerHelloDone.extension_count(), 0);
}
