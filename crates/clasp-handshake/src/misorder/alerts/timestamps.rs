//! What clients must refuse of signed certificate timestamps (RFC 6962 3.3; RFC 8446 4.2, 4.4.2.1), in both versions.

use super::*;
use crate::Policy;
use crate::testing::{Authority, each, is_tls13};

/// Contents of the extension, and what a client that asked answers.
const CONTENTS: &[(&str, &[u8], Option<Alert>)] = &[
    ("a list", &[0, 7, 0, 1, 9, 0, 2, 8, 7], None),
    ("no list", &[], Some(Alert::DECODE_ERROR)),
    ("half a length", &[0], Some(Alert::DECODE_ERROR)),
    ("an empty list", &[0, 0], Some(Alert::DECODE_ERROR)),
    ("an empty timestamp", &[0, 2, 0, 0], Some(Alert::DECODE_ERROR)),
    ("an empty timestamp behind another", &[0, 5, 0, 1, 9, 0, 0], Some(Alert::DECODE_ERROR)),
    ("a cut list", &[0, 7, 0, 1, 9], Some(Alert::DECODE_ERROR)),
    ("a cut timestamp", &[0, 3, 0, 2, 9], Some(Alert::DECODE_ERROR)),
    ("half a length in the list", &[0, 4, 0, 1, 9, 0], Some(Alert::DECODE_ERROR)),
    ("a byte too many", &[0, 3, 0, 1, 9, 5], Some(Alert::DECODE_ERROR)),
];

/// Gives the message of this type an extension 18, and says by which alert the client ended the handshake at once.
fn answer(policy: &Policy, asks: bool, to: HandshakeType, content: &[u8]) -> Option<Alert> {
    let ca = Authority::new("CA");
    let client = ca.client(policy.clone()).certificate_timestamps(asks).build().unwrap();
    let server = ca.server(policy.clone()).build().unwrap();
    let mut hit = None;
    let (result, received) = run_with(&client, &server, Role::Client, |step, genuine| match genuine {
        Incoming::Message(message) if message.typ == to => {
            hit = Some(step);
            let (mut parts, with_extensions) = Message::parse(&message.raw);
            if with_extensions {
                parts.add(TIMESTAMPS, content);
            } else {
                add_to_first_entry(&mut parts, TIMESTAMPS, content);
            }
            Incoming::Message(RawHandshake { typ: to, raw: parts.encode(to, with_extensions) })
        }
        other => other,
    });
    let at_once = received.len() == hit.expect("it came") + 1;
    result.and_then(Result::err).and_then(|error| error.alert()).filter(|_| at_once)
}

#[test]
fn what_is_no_list_is_refused() {
    for policy in each(&Policy::modern()) {
        let message = if is_tls13(&policy) { HandshakeType::CERTIFICATE } else { HandshakeType::SERVER_HELLO };
        for (what, content, alert) in CONTENTS {
            assert_eq!(answer(&policy, true, message, content), *alert, "{message}, {what}");
            // RFC 8446 4.2: what is malformed may be told first.
            let unasked = alert.unwrap_or(Alert::UNSUPPORTED_EXTENSION);
            assert_eq!(answer(&policy, false, message, content), Some(unasked), "{message}, {what}, unasked");
        }
    }
}

#[test]
fn they_have_one_place_in_tls13() {
    let [_, policy] = each(&Policy::modern());
    for message in [HandshakeType::SERVER_HELLO, HandshakeType::ENCRYPTED_EXTENSIONS] {
        assert_eq!(answer(&policy, true, message, &[0, 3, 0, 1, 9]), Some(Alert::ILLEGAL_PARAMETER), "{message}");
    }
}
