//! What a side must not go on from: hellos and extensions that do not fit what was said before, by a plain reading of RFC 5246
//! 7.4.1, RFC 5746 3 and RFC 8446 4.1 to 4.3.
//!
//! The Finished reveals in the end whatever somebody on the way has done. A peer of ill will has no need of that, and so
//! what is wrong must be refused where it is read.

use bytes::Bytes;
use clasp_wire::{
    CipherSuite, ClientExtension, ClientHello, CompressionMethod, ContentType, EncryptedExtensions, ExtensionType,
    HandshakeMessage, HandshakeType, ProtocolVersion, Random, ServerExtension, ServerHello, Sslv2ClientHello,
};

use crate::keys::records;
use crate::mutated::{Middle, plain_handshake, sslv2_hello};

/// What is wrong with a message.
pub(crate) type Flaw = &'static str;

/// The bytes of a handshake message's header.
const HEADER: usize = 4;

/// A message's body, if it can be read.
pub(crate) fn read<M: HandshakeMessage>(message: &[u8]) -> Option<M> {
    M::parse_body(&Bytes::copy_from_slice(message.get(HEADER..)?)).ok()
}

/// The versions that a client offers (RFC 8446 4.2.1); none of those that it has not known before.
fn offers(offer: &ClientHello, version: ProtocolVersion) -> bool {
    offer.supported_versions().map_or(version <= offer.client_version, |listed| listed.contains(&version))
}

/// The version that a server's hello chooses.
fn version(hello: &ServerHello) -> ProtocolVersion {
    hello.selected_version().unwrap_or(hello.server_version)
}

/// Whether a server has marked that it knows something newer (RFC 8446 4.1.3).
fn is_marked(hello: &ServerHello) -> bool {
    hello.random.0.ends_with(&Random::DOWNGRADE_TO_TLS12) || hello.random.0.ends_with(&Random::DOWNGRADE_BELOW_TLS12)
}

/// Whether a client asked for an extension.
fn asked(offer: &ClientHello, typ: ExtensionType) -> bool {
    let signalled = typ == ExtensionType::RENEGOTIATION_INFO
        && offer.cipher_suites.contains(&CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV);
    signalled || offer.extensions.iter().flatten().any(|extension| extension.ext_type() == typ)
}

/// What stands in no hello older than TLS 1.3.
const OF_TLS13: [ExtensionType; 5] = [
    ExtensionType::SUPPORTED_VERSIONS,
    ExtensionType::KEY_SHARE,
    ExtensionType::PRE_SHARED_KEY,
    ExtensionType::EARLY_DATA,
    ExtensionType::COOKIE,
];

/// A server's hello as the answer to a client's, perhaps after a HelloRetryRequest.
pub(crate) fn of_server_hello(offer: &ClientHello, retry: Option<&ServerHello>, hello: &ServerHello) -> Option<Flaw> {
    let version = version(hello);
    let is_retry = hello.is_hello_retry_request();
    if !offers(offer, version) || !offer.cipher_suites.contains(&hello.cipher_suite) {
        return Some("a version or a suite that was not offered");
    }
    if hello.compression_method != CompressionMethod::NULL {
        return Some("compression");
    }
    let tls13 = version == ProtocolVersion::TLS_1_3;
    if !tls13 && is_marked(hello) && offers(offer, ProtocolVersion::TLS_1_3)
        || version < ProtocolVersion::TLS_1_2 && is_marked(hello) && offers(offer, ProtocolVersion::TLS_1_2)
    {
        return Some("an older version than both know");
    }
    for extension in hello.extensions.iter().flatten() {
        let typ = extension.ext_type();
        let cookie = is_retry && typ == ExtensionType::COOKIE;
        if !cookie && !asked(offer, typ) {
            return Some("an extension that was not asked for");
        }
        let stands_here = if is_retry {
            [ExtensionType::SUPPORTED_VERSIONS, ExtensionType::KEY_SHARE, ExtensionType::COOKIE].contains(&typ)
        } else {
            [ExtensionType::SUPPORTED_VERSIONS, ExtensionType::KEY_SHARE, ExtensionType::PRE_SHARED_KEY].contains(&typ)
        };
        if tls13 != stands_here || !tls13 && OF_TLS13.contains(&typ) {
            return Some("an extension of another message");
        }
        match extension {
            ServerExtension::RenegotiationInfo(info) if !info.is_empty() => {
                return Some("a handshake before the first");
            }
            ServerExtension::Alpn(name) if !offer.alpn().is_some_and(|names| names.contains(name)) => {
                return Some("a protocol that was not offered");
            }
            _ => {}
        }
    }
    if tls13 { of_hello_13(offer, retry, hello) } else { None }
}

/// What TLS 1.3 adds (RFC 8446 4.1.3, 4.1.4, 4.2.8, 4.2.11).
fn of_hello_13(offer: &ClientHello, retry: Option<&ServerHello>, hello: &ServerHello) -> Option<Flaw> {
    if hello.session_id != offer.session_id || hello.server_version != ProtocolVersion::TLS_1_2 {
        return Some("a session identifier, or a version, that is not the hello's");
    }
    let shares = offer.key_shares().unwrap_or_default();
    if hello.is_hello_retry_request() {
        let needless = hello.retry_group().map_or(hello.cookie().is_none(), |group| {
            shares.iter().any(|share| share.group == group)
                || !offer.supported_groups().unwrap_or_default().contains(&group)
        });
        return needless.then_some("a retry that changes nothing, or wants what is not there");
    }
    if retry.is_some_and(|retry| retry.cipher_suite != hello.cipher_suite) {
        return Some("another suite than the retry's");
    }
    let group = hello.key_share().map(|share| share.group);
    if !group.is_some_and(|group| shares.iter().any(|share| share.group == group)) {
        return Some("a share in a group without one");
    }
    let psks = offer.pre_shared_key().map_or(0, |psks| psks.identities.len());
    if hello.pre_shared_key().is_some_and(|index| usize::from(index) >= psks) {
        return Some("a key that was not offered");
    }
    None
}

/// A client's hello that a server answers so.
pub(crate) fn of_answered_hello(hello: &ClientHello, answer: &ServerHello) -> Option<Flaw> {
    let tls13 = version(answer) == ProtocolVersion::TLS_1_3;
    let good = if tls13 {
        hello.compression_methods == [CompressionMethod::NULL]
    } else {
        hello.compression_methods.contains(&CompressionMethod::NULL)
    };
    if !good {
        return Some("compression");
    }
    let again = hello.renegotiation_info().is_some_and(|info| !info.is_empty());
    (again && !tls13).then_some("a handshake before the first")
}

/// A client's hello after a HelloRetryRequest: nothing changes but what it asks for (RFC 8446 4.1.2).
pub(crate) fn of_second_hello(first: &ClientHello, retry: &ServerHello, second: &ClientHello) -> Option<Flaw> {
    let fixed = |hello: &ClientHello| {
        (
            hello.client_version,
            hello.random,
            hello.session_id,
            hello.cipher_suites.clone(),
            hello.compression_methods.clone(),
        )
    };
    if fixed(first) != fixed(second) {
        return Some("another hello than the first");
    }
    if second.has_early_data() {
        return Some("early data after a retry");
    }
    if let Some(group) = retry.retry_group()
        && second.key_shares().is_none_or(|shares| shares.len() != 1 || shares[0].group != group)
    {
        return Some("another share than was asked for");
    }
    let may_change = |extension: &&ClientExtension| {
        ![
            ExtensionType::KEY_SHARE,
            ExtensionType::EARLY_DATA,
            ExtensionType::COOKIE,
            ExtensionType::PRE_SHARED_KEY,
            ExtensionType::PADDING,
            ExtensionType::ENCRYPTED_CLIENT_HELLO,
        ]
        .contains(&extension.ext_type())
    };
    let others = |hello: &ClientHello| -> Vec<ClientExtension> {
        let mut others: Vec<_> = hello.extensions.iter().flatten().filter(may_change).cloned().collect();
        others.sort_by_key(|extension| extension.ext_type().0);
        others
    };
    (others(first) != others(second)).then_some("other extensions than the first hello's")
}

/// EncryptedExtensions as the answer to a client's last hello (RFC 8446 4.2, 4.3.1).
pub(crate) fn of_encrypted_extensions(offer: &ClientHello, message: &EncryptedExtensions) -> Option<Flaw> {
    const HERE: [ExtensionType; 8] = [
        ExtensionType::SERVER_NAME,
        ExtensionType::MAX_FRAGMENT_LENGTH,
        ExtensionType::SUPPORTED_GROUPS,
        ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
        ExtensionType::CLIENT_CERTIFICATE_TYPE,
        ExtensionType::SERVER_CERTIFICATE_TYPE,
        ExtensionType::EARLY_DATA,
        ExtensionType::RECORD_SIZE_LIMIT,
    ];
    for extension in &message.extensions {
        if !asked(offer, extension.ext_type()) || !HERE.contains(&extension.ext_type()) {
            return Some("an extension that was not asked for, or not here");
        }
        if let ServerExtension::Alpn(name) = extension
            && !offer.alpn().is_some_and(|names| names.contains(name))
        {
            return Some("a protocol that was not offered");
        }
    }
    None
}

/// The handshake messages that lie in these bytes, one behind the other.
fn messages(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut out = Vec::new();
    while let Some([_, a, b, c]) = bytes.first_chunk().copied() {
        let end = HEADER + (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c));
        let Some((message, rest)) = bytes.split_at_checked(end) else { break };
        out.push(message);
        bytes = rest;
    }
    out
}

/// A client's hello, and what it says behind it up to its ChangeCipherSpec.
fn client_says(bytes: &[u8]) -> (Option<ClientHello>, Vec<u8>) {
    let hello = |message: &[u8]| read::<ClientHello>(message).filter(|_| message[0] == HandshakeType::CLIENT_HELLO.0);
    if let Some((message, rest)) = sslv2_hello(bytes) {
        let hello = Sslv2ClientHello::parse(&Bytes::copy_from_slice(message));
        return (hello.ok().map(|hello| hello.to_client_hello()), plain_handshake(rest));
    }
    let all = plain_handshake(bytes);
    let first = messages(&all).first().map_or(0, |message| message.len());
    (hello(&all[..first]), all[first..].to_vec())
}

fn changes_cipher_spec(bytes: &[u8]) -> bool {
    let bytes = sslv2_hello(bytes).map_or(bytes, |(_, rest)| rest);
    records(bytes).iter().any(|(header, _)| header.content_type == ContentType::CHANGE_CIPHER_SPEC)
}

fn signed_params<'a>(messages: &[&'a [u8]]) -> Option<&'a [u8]> {
    messages.iter().copied().find(|message| message[0] == HandshakeType::SERVER_KEY_EXCHANGE.0)
}

/// Holds the answers of both sides to what came to them. `newest` is the newest version that the server knows.
pub(crate) fn check(middle: &Middle<'_>, newest: ProtocolVersion) {
    let (offer, mut more) = client_says(&middle.said[0]);
    let (heard_offer, _) = client_says(&middle.heard[0]);
    let (said, heard) = (plain_handshake(&middle.said[1]), plain_handshake(&middle.heard[1]));
    let (said, heard) = (messages(&said), messages(&heard));
    let hello = |messages: &[&[u8]]| {
        let first = messages.iter().find(|message| message[0] == HandshakeType::SERVER_HELLO.0);
        first.and_then(|message| read::<ServerHello>(message))
    };
    let (answer, heard_answer) = (hello(&said), hello(&heard));
    if let Some(answer) = &answer {
        let heard = heard_offer.as_ref().expect("a server answers what it cannot read");
        let flaw = of_answered_hello(heard, answer).or_else(|| of_server_hello(heard, None, answer));
        assert_eq!(flaw, None, "a server answers a hello by one that does not go with it");
        let below = version(answer) < newest;
        let mark = if version(answer) < ProtocolVersion::TLS_1_2 {
            Random::DOWNGRADE_BELOW_TLS12
        } else {
            Random::DOWNGRADE_TO_TLS12
        };
        let marks = below && newest >= ProtocolVersion::TLS_1_2;
        assert!(!marks || answer.random.0.ends_with(&mark), "a server does not mark that it knows something newer");
    }
    // A client of TLS 1.3 says no more that could be read here.
    let Some(heard_answer) = heard_answer.filter(|answer| version(answer) != ProtocolVersion::TLS_1_3) else { return };
    if more.is_empty()
        && changes_cipher_spec(&middle.said[0])
        && offer.as_ref().is_some_and(|hello| !offers(hello, ProtocolVersion::TLS_1_3))
    {
        more = vec![0];
    }
    let Some(offer) = offer.filter(|_| !more.is_empty()) else { return };
    assert_eq!(of_server_hello(&offer, None, &heard_answer), None, "a client goes on from a hello that is no answer");
    let params = signed_params(&heard);
    if params.is_some() && messages(&more).iter().any(|message| message[0] == HandshakeType::CLIENT_KEY_EXCHANGE.0) {
        let randoms = heard_offer.map(|hello| hello.random) == Some(offer.random)
            && answer.map(|hello| hello.random) == Some(heard_answer.random);
        assert!(params == signed_params(&said) && randoms, "a client goes on with a key exchange that nobody signed");
    }
}
