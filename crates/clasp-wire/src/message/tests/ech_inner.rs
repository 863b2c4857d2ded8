//! Hellos within others, put together again (RFC 9849 5.1, 5.2).

use alloc::format;

use super::*;
use crate::reassembly::RawHandshake;

/// An extension with some content.
fn extension(typ: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    [&typ.to_be_bytes()[..], &length.to_be_bytes(), content].concat()
}

/// `ech_outer_extensions`.
fn reference(types: &[u16]) -> Vec<u8> {
    let types: Vec<u8> = types.iter().flat_map(|typ| typ.to_be_bytes()).collect();
    extension(0xfd00, &[&[u8::try_from(types.len()).unwrap()][..], &types].concat())
}

/// A hello for everybody, with a session identifier.
fn outer(extensions: &[Vec<u8>]) -> Bytes {
    let mut hello = ClientHello::parse_body(&hello_with(&extensions.concat())).unwrap();
    hello.session_id = SessionId::new(&[8; 32]).unwrap();
    hello.encode().slice(4..)
}

fn inner(extensions: &[Vec<u8>]) -> Vec<u8> {
    hello_with(&extensions.concat()).to_vec()
}

fn decoded(encoded: &[u8], outer: &[u8]) -> Result<RawHandshake, crate::DecodeError> {
    ClientHello::decode_ech_inner(encoded, outer)
}

#[track_caller]
fn refused(encoded: &[u8], outer: &[u8], why: &str) {
    let error = decoded(encoded, outer).unwrap_err();
    assert!(error.to_string().contains(why), "{error}");
    assert!(error.is_illegal_parameter(), "{error}");
    assert!(error.offset() <= encoded.len());
}

#[test]
fn what_the_other_hello_has_is_put_back() {
    let (a, b, c, d) = (extension(1000, b"a"), extension(1001, b""), extension(1002, b"cc"), extension(1003, b"d"));
    let e = extension(1004, b"of the inner one");
    // They need not stand together in the other one (RFC 9849 5.1).
    let outer = outer(&[d.clone(), a.clone(), extension(1005, b"other"), b.clone(), c.clone()]);
    let own = |extensions: &[Vec<u8>]| {
        let mut hello = ClientHello::parse_body(&hello_with(&extensions.concat())).unwrap();
        hello.session_id = SessionId::new(&[8; 32]).unwrap();
        hello.encode()
    };
    for (encoded, wanted) in [
        (inner(&[e.clone(), reference(&[1000, 1001, 1002])]), own(&[e.clone(), a.clone(), b.clone(), c.clone()])),
        (inner(&[reference(&[1003, 1002]), e.clone()]), own(&[d, c, e.clone()])),
        (inner(core::slice::from_ref(&e)), own(core::slice::from_ref(&e))),
        (inner(&[]), own(&[])),
    ] {
        for zeros in [0, 1, 100] {
            let encoded = [&encoded[..], &vec![0; zeros]].concat();
            let message = decoded(&encoded, &outer).unwrap();
            assert_eq!((message.typ, &message.raw), (HandshakeType::CLIENT_HELLO, &wanted));
            assert!(message.parse::<ClientHello>().is_ok());
        }
    }
}

#[test]
fn what_is_wrong_with_an_inner_hello() {
    let (a, b) = (extension(1000, b"a"), extension(1001, b"b"));
    let ech = extension(0xfe0d, b"content");
    let nested = reference(&[1000]);
    let outer = outer(&[a.clone(), ech, b, nested.clone()]);
    let no_such = "ech_outer_extensions: the other hello has no such extension there";
    refused(&inner(&[reference(&[1002])]), &outer, no_such);
    refused(&inner(&[reference(&[1001, 1000])]), &outer, no_such);
    refused(&inner(&[reference(&[1000, 1000])]), &outer, no_such);
    let cannot = "an extension that cannot be left to the other hello";
    refused(&inner(&[reference(&[0xfe0d])]), &outer, cannot);
    refused(&inner(&[reference(&[1000, 0xfd00])]), &outer, cannot);
    refused(&inner(&[nested.clone(), nested]), &outer, "extension ech_outer_extensions stands twice");

    let mut padded = inner(core::slice::from_ref(&a));
    padded.extend_from_slice(&[0, 0, 1, 0]);
    let at = padded.len() - 2;
    refused(&padded, &outer, &format!("padding that is not zeros (offset {at})"));
    let mut identified = ClientHello::parse_body(&hello_with(&a)).unwrap();
    identified.session_id = SessionId::new(&[8; 32]).unwrap();
    refused(&identified.encode()[4..], &outer, "a session identifier of its own");

    // A list that is not whole, or empty, and a hello without extensions.
    for data in [&[][..], &[0], &[1, 3], &[3, 3, 0xe8, 3], &[2, 3, 0xe8, 0], &[4, 3, 0xe8]] {
        let error = decoded(&inner(&[extension(0xfd00, data)]), &outer).unwrap_err();
        assert!(!error.is_illegal_parameter() && error.to_string().contains("ech_outer_extensions"), "{error}");
    }
    let without = hello_with(&[]);
    assert!(!decoded(&without[..without.len() - 2], &outer).unwrap_err().is_illegal_parameter());

    // What stands twice is seen when the hello is read.
    let twice = decoded(&inner(&[a, reference(&[1000])]), &outer).unwrap();
    assert!(twice.parse::<ClientHello>().unwrap_err().is_illegal_parameter());
}

/// No hello becomes longer than one can be.
#[test]
fn what_is_put_back_has_room() {
    let long = extension(1000, &[1; 40_000]);
    let outer = outer(core::slice::from_ref(&long));
    refused(&inner(&[long, reference(&[1000])]), &outer, "more extensions than there is room for");
    let fits = decoded(&inner(&[extension(1001, &[1; 25_000]), reference(&[1000])]), &outer).unwrap();
    assert!(fits.parse::<ClientHello>().is_ok());
}

#[test]
fn what_is_encrypted_is_bound_to_the_rest() {
    let content = EchClientHello::Outer(EchOuter {
        cipher_suite: HpkeSymmetricCipherSuite { kdf: HpkeKdf(1), aead: HpkeAead(1) },
        config_id: 7,
        enc: Bytes::from_static(&[9; 32]),
        payload: Bytes::from_static(&[5; 50]),
    });
    let (before, behind) = (extension(1000, &[5; 60]), extension(1001, b"b"));
    let body = outer(&[before, extension(0xfe0d, &content.encode()), behind.clone()]);
    let mut wanted = body.to_vec();
    let at = body.len() - behind.len();
    wanted[at - 50..at].fill(0);
    assert_eq!(ClientHello::ech_associated_data(&body, 50).unwrap(), wanted);
    assert_eq!(body[at - 51..at - 49], [50, 5]);
    assert!(ClientHello::ech_associated_data(&body[1..], 50).is_err());
    // Nothing else is touched, whatever the length.
    assert_eq!(ClientHello::ech_associated_data(&outer(&[behind]), 50).unwrap().len(), 43 + 32 + 5);
    assert!(ClientHello::ech_associated_data(&body, 5000).is_ok());
}

fn extensions() -> impl Strategy<Value = Vec<Vec<u8>>> {
    proptest::collection::btree_map(1000_u16..1040, many(any::<u8>(), 0..20), 0..20)
        .prop_map(|map| map.into_iter().map(|(typ, content)| extension(typ, &content)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_inner_hello_is_put_together_again(all in extensions(), shared in any::<u64>(), zeros in 0_usize..40) {
        let body = outer(&all);
        let hello = ClientHello::parse_body(&body).unwrap();
        // Those that stand together, from some place on.
        let types: Vec<_> = hello.extensions.iter().flatten().map(ClientExtension::ext_type).collect();
        let from = usize::try_from(shared % 64).unwrap().min(types.len());
        let encoded = hello.encode_ech_inner(&types[from..], |_| zeros);
        let message = decoded(&encoded, &body).unwrap();
        prop_assert_eq!(&message.raw[4..], &body[..]);
        for cut in 0..encoded.len() - zeros {
            prop_assert!(decoded(&encoded[..cut], &body).is_err());
        }
    }

    #[test]
    fn any_inner_hello_is_read_or_refused(all in extensions(), bytes in many(any::<u8>(), 0..100), typ in 0_u16..3) {
        let body = outer(&all);
        let own = extension(0xfd00 + typ, &bytes);
        let encoded = [&inner(&[own])[..], &bytes].concat();
        for encoded in [&encoded[..], &bytes] {
            if let Ok(message) = decoded(encoded, &body) {
                prop_assert!(message.raw.len() <= 4 + encoded.len() + body.len());
            }
        }
    }
}
