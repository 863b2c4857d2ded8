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
        client_extension13(),
        unknown().prop_map(E::Unknown),
    ]
}

fn client_extension13() -> impl Strategy<Value = ClientExtension> {
    use ClientExtension as E;
    let certificate_types =
        || many(any::<u8>(), 1..5).prop_map(|list| list.into_iter().map(CertificateType).collect::<Vec<_>>());
    prop_oneof![
        codes16(ProtocolVersion).prop_map(E::SupportedVersions),
        bytes(1..100).prop_map(E::Cookie),
        many(key_share(), 0..4).prop_map(E::KeyShare),
        many(any::<u8>(), 1..4)
            .prop_map(|list| E::PskKeyExchangeModes(list.into_iter().map(PskKeyExchangeMode).collect())),
        offered_psks().prop_map(E::PreSharedKey),
        Just(E::EarlyData),
        Just(E::PostHandshakeAuth),
        many(bytes(1..60), 1..4).prop_map(E::CertificateAuthorities),
        compressions().prop_map(E::CompressCertificate),
        certificate_types().prop_map(E::ClientCertificateTypes),
        certificate_types().prop_map(E::ServerCertificateTypes),
        bytes(0..100).prop_map(E::EncryptedClientHello),
        (any::<u8>(), any::<u8>()).prop_map(|(new_session_count, resumption_count)| {
            E::TicketRequest(TicketRequest { new_session_count, resumption_count })
        }),
    ]
}

fn key_share() -> impl Strategy<Value = KeyShareEntry> {
    (any::<u16>(), bytes(1..100))
        .prop_map(|(group, key_exchange)| KeyShareEntry { group: NamedGroup(group), key_exchange })
}

pub(super) fn offered_psks() -> impl Strategy<Value = OfferedPsks> {
    many((bytes(1..60), any::<u32>(), bytes(32..=255)), 1..4).prop_map(|list| {
        let (identities, binders) = list
            .into_iter()
            .map(|(identity, obfuscated_ticket_age, binder)| (PskIdentity { identity, obfuscated_ticket_age }, binder))
            .unzip();
        OfferedPsks { identities, binders }
    })
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
        any::<u16>().prop_map(|version| E::SupportedVersions(ProtocolVersion(version))),
        key_share().prop_map(E::KeyShare),
        any::<u16>().prop_map(E::PreSharedKey),
        any::<u8>().prop_map(|typ| E::ClientCertificateType(CertificateType(typ))),
        any::<u8>().prop_map(|typ| E::ServerCertificateType(CertificateType(typ))),
        unknown().prop_map(E::Unknown),
        client_only.prop_map(E::Unknown),
    ]
}

/// Whatever does not belong in a message is kept, and not looked into.
fn misplaced(place: ExtensionPlace) -> impl Strategy<Value = ServerExtension> {
    let types: Vec<_> = ExtensionType::ALL.iter().copied().filter(|typ| !typ.allowed_in(place)).collect();
    (proptest::sample::select(types), bytes(0..40))
        .prop_map(|(typ, data)| ServerExtension::Unknown(UnknownExtension { typ, data }))
}

fn retry_extension() -> impl Strategy<Value = ServerExtension> {
    use ServerExtension as E;
    prop_oneof![
        any::<u16>().prop_map(|version| E::SupportedVersions(ProtocolVersion(version))),
        any::<u16>().prop_map(|group| E::RetryKeyShare(NamedGroup(group))),
        bytes(1..100).prop_map(E::Cookie),
        bytes(0..20).prop_map(E::EncryptedClientHello),
        misplaced(ExtensionPlace::HelloRetryRequest),
        unknown().prop_map(E::Unknown),
    ]
}

fn encrypted_extension() -> impl Strategy<Value = ServerExtension> {
    use ServerExtension as E;
    prop_oneof![
        Just(E::ServerName),
        any::<u8>().prop_map(|code| E::MaxFragmentLength(MaxFragmentLength(code))),
        codes16(NamedGroup).prop_map(E::SupportedGroups),
        bytes(1..=255).prop_map(E::Alpn),
        any::<u16>().prop_map(E::RecordSizeLimit),
        any::<u8>().prop_map(|typ| E::ClientCertificateType(CertificateType(typ))),
        any::<u8>().prop_map(|typ| E::ServerCertificateType(CertificateType(typ))),
        Just(E::EarlyData),
        bytes(0..100).prop_map(E::EncryptedClientHello),
        any::<u8>().prop_map(E::TicketRequest),
        misplaced(ExtensionPlace::EncryptedExtensions),
        unknown().prop_map(E::Unknown),
    ]
}

pub(super) fn hello_retry_request() -> impl Strategy<Value = ServerHello> {
    (server_hello(), many(retry_extension(), 0..6)).prop_map(|(hello, extensions)| ServerHello {
        random: Random::HELLO_RETRY_REQUEST,
        extensions: Some(distinct(extensions, ServerExtension::ext_type)),
        ..hello
    })
}

pub(super) fn encrypted_extensions() -> impl Strategy<Value = EncryptedExtensions> {
    many(encrypted_extension(), 0..9)
        .prop_map(|list| EncryptedExtensions { extensions: distinct(list, ServerExtension::ext_type) })
}

fn certificate_entry() -> impl Strategy<Value = CertificateEntry> {
    use CertificateExtension as E;
    let extension = prop_oneof![
        bytes(1..100).prop_map(|ocsp_response| E::Status(CertificateStatus { ocsp_response })),
        many(bytes(1..50), 1..4).prop_map(E::SignedCertificateTimestamp),
        unknown().prop_map(E::Unknown),
    ];
    (bytes(1..200), many(extension, 0..4)).prop_map(|(data, extensions)| CertificateEntry {
        data,
        extensions: distinct(extensions, CertificateExtension::ext_type),
    })
}

pub(super) fn certificate13() -> impl Strategy<Value = Certificate13> {
    (bytes(0..=255), many(certificate_entry(), 0..4))
        .prop_map(|(request_context, entries)| Certificate13 { request_context, entries })
}

pub(super) fn certificate_request13() -> impl Strategy<Value = CertificateRequest13> {
    use CertificateRequestExtension as E;
    let extension = prop_oneof![
        codes16(SignatureScheme).prop_map(E::SignatureAlgorithms),
        codes16(SignatureScheme).prop_map(E::SignatureAlgorithmsCert),
        many(bytes(1..60), 1..4).prop_map(E::CertificateAuthorities),
        Just(E::StatusRequest),
        Just(E::SignedCertificateTimestamp),
        compressions().prop_map(E::CompressCertificate),
        bytes(0..60).prop_map(E::OidFilters),
        unknown().prop_map(E::Unknown),
    ];
    (bytes(0..=255), many(extension, 0..8)).prop_map(|(request_context, extensions)| CertificateRequest13 {
        request_context,
        extensions: distinct(extensions, CertificateRequestExtension::ext_type),
    })
}

/// Compressions, each once.
fn compressions() -> impl Strategy<Value = Vec<CertificateCompressionAlgorithm>> {
    codes16(CertificateCompressionAlgorithm).prop_map(|mut algorithms| {
        algorithms.sort_by_key(|algorithm| algorithm.0);
        algorithms.dedup();
        algorithms
    })
}

pub(super) fn compressed_certificate() -> impl Strategy<Value = CompressedCertificate> {
    (any::<u16>(), 0..1_u32 << 24, bytes(1..300)).prop_map(|(algorithm, uncompressed_length, data)| {
        let algorithm = CertificateCompressionAlgorithm(algorithm);
        CompressedCertificate { algorithm, uncompressed_length, data }
    })
}

pub(super) fn new_session_ticket13() -> impl Strategy<Value = NewSessionTicket13> {
    use TicketExtension as E;
    let extension = prop_oneof![any::<u32>().prop_map(E::EarlyData), unknown().prop_map(E::Unknown)];
    (any::<u32>(), any::<u32>(), bytes(0..=255), bytes(1..200), many(extension, 0..4)).prop_map(
        |(lifetime, age_add, nonce, ticket, extensions)| NewSessionTicket13 {
            lifetime,
            age_add,
            nonce,
            ticket,
            extensions: distinct(extensions, TicketExtension::ext_type),
        },
    )
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
            extensions: extensions.map(|list| {
                let mut list = distinct(list, ClientExtension::ext_type);
                // RFC 8446 4.2.11: the keys stand last.
                list.sort_by_key(|extension| matches!(extension, ClientExtension::PreSharedKey(_)));
                list
            }),
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
