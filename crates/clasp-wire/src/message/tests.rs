//! Every message and extension: written and read back, cut, changed, doubled and refused.

mod bounds;
mod ech;
mod ech_inner;
mod errors;
mod errors13;
mod psk;
mod rfc8448;
mod roundtrip;
mod strategies;

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};
use proptest::collection::vec as many;
use proptest::prelude::*;

use super::*;
use crate::codepoint::*;
use crate::error::DecodeErrorKind;

/// A good hello up to its extensions: where these begin, in bytes.
const CLIENT_EXTENSIONS: usize = 43;

fn with_extensions(mut body: Vec<u8>, extensions: &[u8]) -> Bytes {
    body.extend_from_slice(&u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend_from_slice(extensions);
    body.into()
}

fn hello_with(extensions: &[u8]) -> Bytes {
    let mut body = vec![3, 3];
    body.extend_from_slice(&[7; 32]);
    body.extend_from_slice(&[0, 0, 2, 0xc0, 0x2f, 1, 0]);
    with_extensions(body, extensions)
}

fn server_hello_with(extensions: &[u8]) -> Bytes {
    let mut body = vec![3, 3];
    body.extend_from_slice(&[7; 32]);
    body.extend_from_slice(&[0, 0xc0, 0x2f, 0]);
    with_extensions(body, extensions)
}

fn retry_with(extensions: &[u8]) -> Bytes {
    let mut body = vec![3, 3];
    body.extend_from_slice(&Random::HELLO_RETRY_REQUEST.0);
    body.extend_from_slice(&[0, 0x13, 0x01, 0]);
    with_extensions(body, extensions)
}

/// Nothing that is kept of a message is a copy.
#[test]
fn views_do_not_copy() {
    let lies_in = |part: &Bytes, body: &Bytes| {
        let (part, body) = (part.as_ptr_range(), body.as_ptr_range());
        assert!(body.start <= part.start && part.end <= body.end);
    };
    let extensions =
        [0, 0, 0, 6, 0, 4, 0, 0, 1, b'a', 0, 16, 0, 5, 0, 3, 2, b'h', b'2', 0, 35, 0, 4, 1, 2, 3, 4, 0, 63, 0, 2, 9, 9];
    let body = hello_with(&extensions);
    let hello = ClientHello::parse_body(&body).unwrap();
    lies_in(hello.session_ticket().unwrap(), &body);
    lies_in(&hello.alpn().unwrap()[0], &body);
    assert_eq!(hello.server_name(), Some("a"));
    let Some(ClientExtension::Unknown(unknown)) = hello.extensions.unwrap().pop() else { panic!("type 63") };
    lies_in(&unknown.data, &body);

    let body = Certificate { chain: vec![vec![1; 100].into(), vec![2; 100].into()] }.encode().slice(4..);
    Certificate::parse_body(&body).unwrap().chain.iter().for_each(|der| lies_in(der, &body));
    let params = DhServerKeyExchange::params(&[1; 100], &[2; 100], &[3; 100]);
    let body = Bytes::from([&params[..], &[4; 100]].concat());
    let message = DhServerKeyExchange::parse_body(&body).unwrap();
    for part in [&message.p, &message.g, &message.ys, &message.params, &message.signature] {
        lies_in(part, &body);
    }

    let body = hello_with(&[0, 51, 0, 7, 0, 5, 0, 29, 0, 1, 9, 0, 44, 0, 3, 0, 1, 7]);
    let hello = ClientHello::parse_body(&body).unwrap();
    lies_in(&hello.key_shares().unwrap()[0].key_exchange, &body);
    lies_in(hello.cookie().unwrap(), &body);
    let entries = vec![CertificateEntry::new(vec![1; 100].into()), CertificateEntry::new(vec![2; 100].into())];
    let body = Certificate13 { request_context: vec![3; 9].into(), entries }.encode().slice(4..);
    let message = Certificate13::parse_body(&body).unwrap();
    lies_in(&message.request_context, &body);
    message.entries.iter().for_each(|entry| lies_in(&entry.data, &body));
}

/// An extension that comes twice is found among as many as are read.
#[test]
fn a_hello_full_of_extensions_is_read() {
    let hello = |types: &mut dyn Iterator<Item = u16>| {
        hello_with(&types.flat_map(|typ| [typ.to_be_bytes(), [0, 0]].concat()).collect::<Vec<_>>())
    };
    let whole = ClientHello::parse_body(&hello(&mut (1000..1512))).unwrap();
    assert_eq!(whole.extensions.map(|extensions| extensions.len()), Some(crate::MAX_EXTENSIONS));
    let error = ClientHello::parse_body(&hello(&mut (1000..1511).chain([1000]))).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::DuplicateExtension(ExtensionType(1000)));
}
