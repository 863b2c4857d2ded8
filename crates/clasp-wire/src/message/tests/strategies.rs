//! Arbitrary messages: every one there is, with every extension, within what the RFCs allow.

use super::*;

pub(super) fn bytes(size: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Bytes> {
    many(any::<u8>(), size).prop_map(Bytes::from)
}

fn random() -> impl Strategy<Value = Random> {
    any::<[u8; 32]>().prop_map(Random)
}

fn session_id() -> impl Strategy<Value = SessionId> {
    many(any::<u8>(), 0..=32).prop_map(|id| SessionId::new(&id).unwrap())
}

/// Types that the crate looks into, whatever the version.
const LOOKED_INTO: [u16; 17] = [0, 1, 5, 10, 11, 13, 16, 18, 19, 20, 21, 22, 23, 28, 35, 50, 0xff01];

/// Types that the crate looks into, and that came with TLS 1.3.
const LOOKED_INTO_IN_TLS13: [u16; 12] = [27, 41, 42, 43, 44, 45, 47, 48, 49, 51, 58, 0xfe0d];

/// Those of them that a ServerHello never has.
pub(super) const NOT_IN_A_SERVER_HELLO: [u16; 12] = [13, 21, 27, 42, 44, 45, 47, 48, 49, 50, 58, 0xfe0d];

/// Types that the crate does not look into, in any message.
pub(super) fn is_unknown(typ: u16) -> bool {
    !(LOOKED_INTO.contains(&typ) || LOOKED_INTO_IN_TLS13.contains(&typ))
}

fn unknown() -> impl Strategy<Value = UnknownExtension> {
    let typ = any::<u16>().prop_filter("known", |typ| is_unknown(*typ));
    (typ, bytes(0..40)).prop_map(|(typ, data)| UnknownExtension { typ: ExtensionType(typ), data })
}

/// One host name and any names of kinds that are not registered.
fn server_names() -> impl Strategy<Value = Vec<ServerNameEntry>> {
    let other = (1..=255_u8, bytes(1..10)).prop_map(|(name_type, name)| ServerNameEntry { name_type, name });
    (many(other, 0..3), bytes(1..=255), 0..3_usize).prop_map(|(mut names, name, at)| {
        names.insert(at.min(names.len()), ServerNameEntry { name_type: 0, name });
        names
    })
}

fn status_request() -> impl Strategy<Value = CertificateStatusRequest> {
    let vector = || bytes(0..20).prop_map(|inner| [&[0, u8::try_from(inner.len()).unwrap()], &inner[..]].concat());
    prop_oneof![
        Just(CertificateStatusRequest::ocsp()),
        (vector(), vector()).prop_map(|(responders, extensions)| CertificateStatusRequest {
            status_type: CertificateStatusType::OCSP,
            request: [responders, extensions].concat().into(),
        }),
        (2..=255_u8, bytes(0..30)).prop_map(|(status_type, request)| CertificateStatusRequest {
            status_type: CertificateStatusType(status_type),
            request
        }),
    ]
}

fn codes16<T>(make: impl Fn(u16) -> T + Copy) -> impl Strategy<Value = Vec<T>>
where
    T: core::fmt::Debug,
{
    many(any::<u16>(), 1..30).prop_map(move |list| list.into_iter().map(make).collect())
}

fn client_extension() -> impl Strategy<Value = ClientExtension> {
    use ClientExtension as E;
    let formats = many(any::<u8>(), 1..=255);
    prop_oneof![
        server_names().prop_map(E::ServerName),
        any::<u8>().prop_map(|code| E::MaxFragmentLength(MaxFragmentLength(code))),
        status_request().prop_map(E::StatusRequest),
        codes16(NamedGroup).prop_map(E::SupportedGroups),
        formats.prop_map(|list| E::EcPointFormats(list.into_iter().map(EcPointFormat).collect())),
        codes16(SignatureScheme).prop_map(E::SignatureAlgorithms),
        codes16(SignatureScheme).prop_map(E::SignatureAlgorithmsCert),
        many(bytes(1..=255), 1..4).prop_map(E::Alpn),
        Just(E::SignedCertificateTimestamp),
        bytes(0..100).prop_map(E::Padding),
        Just(E::EncryptThenMac),
        Just(E::ExtendedMasterSecret),
        any::<u16>().prop_map(E::RecordSizeLimit),
        bytes(0..200).prop_map(E::SessionTicket),
        bytes(0..=255).prop_map(E::RenegotiationInfo),
        unknown().prop_map(E::Unknown),
    ]
}

fn server_extension() -> impl Strategy<Value = ServerExtension> {
    use ServerExtension as E;
    let formats = many(any::<u8>(), 1..=255);
    // What only a client sends means nothing in particular here.
    let client_only = (proptest::sample::select(&NOT_IN_A_SERVER_HELLO[..]), bytes(0..40))
        .prop_map(|(typ, data)| UnknownExtension { typ: ExtensionType(typ), data });
    prop_oneof![
        Just(E::ServerName),
        any::<u8>().prop_map(|code| E::MaxFragmentLength(MaxFragmentLength(code))),
        Just(E::StatusRequest),
        codes16(NamedGroup).prop_map(E::SupportedGroups),
        formats.prop_map(|list| E::EcPointFormats(list.into_iter().map(EcPointFormat).collect())),
        bytes(1..=255).prop_map(E::Alpn),
        many(bytes(1..50), 1..4).prop_map(E::SignedCertificateTimestamp),
        Just(E::EncryptThenMac),
        Just(E::ExtendedMasterSecret),
        any::<u16>().prop_map(E::RecordSizeLimit),
        Just(E::SessionTicket),
        bytes(0..=255).prop_map(E::RenegotiationInfo),
        unknown().prop_map(E::Unknown),
        client_only.prop_map(E::Unknown),
    ]
}

/// One extension of a type, as the protocol wants it.
fn distinct<E>(extensions: Vec<E>, typ: impl Fn(&E) -> ExtensionType) -> Vec<E> {
    let mut kept = Vec::<E>::new();
    for extension in extensions {
        if !kept.iter().any(|other| typ(other) == typ(&extension)) {
            kept.push(extension);
        }
    }
    kept
}

pub(super) fn client_hello() -> impl Strategy<Value = ClientHello> {
    (
        any::<u16>(),
        random(),
        session_id(),
        codes16(CipherSuite),
        many(any::<u8>(), 1..4),
        proptest::option::of(many(client_extension(), 0..12)),
    )
        .prop_map(|(version, random, session_id, cipher_suites, methods, extensions)| ClientHello {
            client_version: ProtocolVersion(version),
            random,
            session_id,
            cipher_suites,
            compression_methods: methods.into_iter().map(CompressionMethod).collect(),
            extensions: extensions.map(|list| distinct(list, ClientExtension::ext_type)),
        })
}

pub(super) fn server_hello() -> impl Strategy<Value = ServerHello> {
    (
        any::<u16>(),
        random(),
        session_id(),
        any::<u16>(),
        any::<u8>(),
        proptest::option::of(many(server_extension(), 0..9)),
    )
        .prop_map(|(version, random, session_id, suite, method, extensions)| ServerHello {
            server_version: ProtocolVersion(version),
            random,
            session_id,
            cipher_suite: CipherSuite(suite),
            compression_method: CompressionMethod(method),
            extensions: extensions.map(|list| distinct(list, ServerExtension::ext_type)),
        })
}

pub(super) fn certificate() -> impl Strategy<Value = Certificate> {
    many(bytes(1..300), 0..4).prop_map(|chain| Certificate { chain })
}

pub(super) fn certificate_request() -> impl Strategy<Value = CertificateRequest> {
    (many(any::<u8>(), 1..10), codes16(SignatureScheme), many(bytes(1..60), 0..4)).prop_map(
        |(types, signature_algorithms, authorities)| CertificateRequest {
            certificate_types: types.into_iter().map(ClientCertificateType).collect(),
            signature_algorithms,
            authorities,
        },
    )
}

pub(super) fn ecdh() -> impl Strategy<Value = EcdhServerKeyExchange> {
    (any::<u16>(), bytes(1..=255), bytes(0..100)).prop_map(|(group, public, signature)| {
        let group = NamedGroup(group);
        EcdhServerKeyExchange { group, params: EcdhServerKeyExchange::params(group, &public), public, signature }
    })
}

pub(super) fn dh() -> impl Strategy<Value = DhServerKeyExchange> {
    (bytes(1..300), bytes(1..20), bytes(1..300), bytes(0..100)).prop_map(|(p, g, ys, signature)| DhServerKeyExchange {
        params: DhServerKeyExchange::params(&p, &g, &ys),
        p,
        g,
        ys,
        signature,
    })
}
