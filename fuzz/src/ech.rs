//! A hello within another one, as a server puts it together (RFC 9849 5.1).

use bytes::Bytes;
use clasp_wire::{ClientExtension, ClientHello, ExtensionType, HandshakeMessage as _, RawHandshake};

/// Two bytes: the length of the other hello's body; that body; the encoded hello.
pub fn ech_inner(data: &[u8]) {
    let Some((length, rest)) = data.split_first_chunk() else { return };
    let Some((outer, encoded)) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length))) else { return };
    let outer_hello = ClientHello::parse_body(&Bytes::copy_from_slice(outer));
    if let Some(hello) = outer_hello.as_ref().ok().filter(|hello| hello.extensions.is_some()) {
        associated(hello, outer);
    }
    match ClientHello::decode_ech_inner(encoded, outer) {
        Ok(message) => put_together(&message, outer_hello.ok().as_ref(), outer, encoded),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert!(error.offset() <= encoded.len().max(outer.len()), "{error}");
        }
    }
}

/// What is encrypted is bound to all of the hello but to itself.
fn associated(hello: &ClientHello, body: &[u8]) {
    let content = hello.encrypted_client_hello().map_or(0, Bytes::len);
    for payload in [0, content / 2, content] {
        let bound = ClientHello::ech_associated_data(body, payload).expect("a hello that parses");
        let changed: Vec<usize> = (0..body.len()).filter(|at| bound[*at] != body[*at]).collect();
        assert!(changed.iter().all(|at| bound[*at] == 0), "something else than zeros");
        let span = changed.last().map_or(0, |last| last + 1 - changed[0]);
        assert!(span <= payload, "{span} bytes are not bound, of {payload}");
        assert_eq!(bound.len(), body.len());
    }
}

/// Nothing is in it but what one of the two has, no extension of the other hello twice; and encoded again it is what it was.
fn put_together(message: &RawHandshake, outer_hello: Option<&ClientHello>, outer: &[u8], encoded: &[u8]) {
    // An identifier comes in place of none, extensions in place of their types.
    assert!(message.raw.len() <= RawHandshake::HEADER + encoded.len() + outer.len(), "longer than both");
    let (Ok(inner), Some(outer)) = (message.parse::<ClientHello>(), outer_hello) else { return };
    assert_eq!(inner.encode(), message.raw, "a hello that is read otherwise than it is hashed");
    assert_eq!(inner.session_id, outer.session_id);
    let types = referenced(encoded);
    for extension in inner.extensions.iter().flatten() {
        let typ = extension.ext_type();
        assert!(typ != ExtensionType::ECH_OUTER_EXTENSIONS, "a reference is left");
        if types.contains(&typ) {
            assert!(outer.extensions.iter().flatten().any(|theirs| theirs == extension), "{typ} is nobody's");
            assert!(typ != ExtensionType::ENCRYPTED_CLIENT_HELLO, "what is not bound to it");
        }
    }
    let again = inner.encode_ech_inner(&types, |length| encoded.len().saturating_sub(length));
    assert_eq!(&again[..], encoded, "encoded differently");
}

/// The extensions that an encoded hello leaves to the other one. It has been found to be one.
fn referenced(encoded: &[u8]) -> Vec<ExtensionType> {
    let number = |at: usize| usize::from(u16::from_be_bytes([encoded[at], encoded[at + 1]]));
    let suites = 35;
    let compressions = suites + 2 + number(suites);
    let extensions = compressions + 1 + usize::from(encoded[compressions]);
    let end = extensions + 2 + number(extensions);
    let hello = ClientHello::parse_body(&Bytes::copy_from_slice(&encoded[..end]));
    let Ok(hello) = hello else { return Vec::new() };
    let list = hello.extensions.iter().flatten().find_map(|extension| match extension {
        ClientExtension::Unknown(unknown) if unknown.typ == ExtensionType::ECH_OUTER_EXTENSIONS => Some(&unknown.data),
        _ => None,
    });
    let types = list.and_then(|list| list.get(1..)).unwrap_or_default();
    types.chunks(2).map(|typ| ExtensionType(u16::from_be_bytes([typ[0], typ[1]]))).collect()
}

/// A hello as the other one, and itself within it: the middle part of its extensions left to it.
pub fn within_itself(body: &[u8]) -> Option<Vec<u8>> {
    let hello = ClientHello::parse_body(&Bytes::copy_from_slice(body)).ok()?;
    let length = u16::try_from(body.len()).ok()?;
    let types: Vec<_> = hello.extensions.iter().flatten().map(ClientExtension::ext_type).collect();
    let cannot = [ExtensionType::ENCRYPTED_CLIENT_HELLO, ExtensionType::PRE_SHARED_KEY];
    let middle = types.get(1..)?.iter().copied().take_while(|typ| !cannot.contains(typ)).collect::<Vec<_>>();
    let encoded = hello.encode_ech_inner(&middle, |length| length.next_multiple_of(32) - length);
    Some([&length.to_be_bytes()[..], body, &encoded].concat())
}
