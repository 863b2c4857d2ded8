//! Pre-shared keys stand last, and their binders are computed over what stands before them (RFC 8446 4.2.11).

use super::strategies::offered_psks;
use super::*;

fn hello(extensions: Vec<ClientExtension>) -> ClientHello {
    ClientHello { extensions: Some(extensions), ..ClientHello::parse_body(&hello_with(&[])).unwrap() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the binders: what they are computed over is the same, and written later they are as if written at once.
    #[test]
    fn binders_are_written_last(psks in offered_psks()) {
        let whole = hello(vec![ClientExtension::EarlyData, ClientExtension::PreSharedKey(psks.clone())]);
        let lengths = psks.binders.iter().map(Bytes::len);
        let placeholders = OfferedPsks { binders: OfferedPsks::placeholders(lengths), ..psks.clone() };
        let draft = hello(vec![ClientExtension::EarlyData, ClientExtension::PreSharedKey(placeholders)]);
        let mut encoded = draft.encode().to_vec();
        let at_once = whole.encode();
        prop_assert_eq!(draft.truncated(&encoded), whole.truncated(&at_once));
        // As RFC 8446 4.2.11.2 has it: up to and including the identities.
        let truncated = draft.truncated(&encoded).unwrap();
        let identities: usize = psks.identities.iter().map(|psk| 2 + psk.identity.len() + 4).sum();
        prop_assert_eq!(truncated.len(), 4 + CLIENT_EXTENSIONS + 4 + 4 + 2 + identities);
        prop_assert!(draft.write_binders(&mut encoded, &psks.binders));
        prop_assert_eq!(&encoded, &at_once);

        // Binders that are not the ones expected are not written at all.
        let before = encoded.clone();
        let mut longer = psks.binders.clone();
        longer[0] = [&longer[0][..], &[0]].concat().into();
        prop_assert!(!draft.write_binders(&mut encoded, &longer));
        prop_assert!(!draft.write_binders(&mut encoded, &psks.binders[1..]));
        prop_assert!(!draft.write_binders(&mut encoded, &[&psks.binders[..], &psks.binders[..1]].concat()));
        prop_assert!(!draft.write_binders(&mut encoded[..10], &psks.binders));
        prop_assert_eq!(encoded, before);
    }
}

#[test]
fn without_pre_shared_keys_nothing_is_truncated() {
    let none: [Bytes; 0] = [];
    for hello in
        [hello(vec![]), hello(vec![ClientExtension::EarlyData]), ClientHello { extensions: None, ..hello(vec![]) }]
    {
        let mut encoded = hello.encode().to_vec();
        assert_eq!(hello.truncated(&encoded), None);
        assert!(!hello.write_binders(&mut encoded, &none));
    }
    // One that was put together wrong has no place for binders either, and nobody reads it.
    let psks = OfferedPsks {
        identities: vec![PskIdentity { identity: Bytes::from_static(b"key"), obfuscated_ticket_age: 0 }],
        binders: OfferedPsks::placeholders([32]),
    };
    let wrong = hello(vec![ClientExtension::PreSharedKey(psks), ClientExtension::EarlyData]);
    assert_eq!(wrong.truncated(&wrong.encode()), None);
    let error = ClientHello::parse_body(&wrong.encode().slice(4..)).unwrap_err();
    assert!(error.is_illegal_parameter());
    // 43 bytes before the extensions, 50 of the keys (4, 2 + 9, 2 + 33), 4 of the next header.
    let says = "ClientHello.extensions[1].early_data: pre_shared_key is not the last extension (offset 97)";
    assert_eq!(error.to_string(), says);
}
