//! Picking a version, a suite and all that hangs on it: the one place where versions are compared (RFC 5246 7.4.1).

mod client;
mod server;

use bytes::Bytes;
use clasp_cert::SctList;
use clasp_crypto::KeyAlgorithm;
use clasp_record::Form;
use clasp_wire::{
    ClientHello, ExtensionType, NamedGroup, ProtocolVersion, Random, ServerExtension, ServerHello, SignatureScheme,
    Strength,
};

pub(crate) use client::{accept, record_version};
pub(crate) use server::{
    ServerChoice, check_fallback, choose, choose_alpn, is_preferred, nothing_common, resume, some_type_in_common,
};

use crate::certificate_type::CertificateTypes;
use crate::config::ClientConfig;
use crate::dialect::{Dialect, DowngradeMark};
use crate::error::Misbehaviour;
use crate::hello::{ClientOffer, supported_versions};
use crate::policy::Policy;
use crate::resumption::Saved;
use crate::session::{Previous, Randoms};
use crate::suites::{KeyExchange, Suite};

/// What both sides have agreed by their hellos.
#[derive(Clone)]
pub(crate) struct Agreed {
    pub(crate) dialect: &'static dyn Dialect,
    pub(crate) suite: &'static Suite,
    pub(crate) randoms: Randoms,
    /// The version the client's hello named, which its pre-master secret repeats (RFC 5246 7.4.7.1).
    pub(crate) hello_version: ProtocolVersion,
    pub(crate) extended_master_secret: bool,
    pub(crate) encrypt_then_mac: bool,
    pub(crate) secure_renegotiation: bool,
    pub(crate) status_request: bool,
    /// What the server's hello says of its certificate.
    pub(crate) sct_list: Option<SctList>,
    /// A NewSessionTicket will be sent.
    pub(crate) ticket: bool,
    pub(crate) alpn: Option<Bytes>,
    pub(crate) certificate_types: CertificateTypes,
}

impl Agreed {
    /// How records are written, as values.
    pub(crate) fn form(&self) -> Form {
        self.dialect.form(self.encrypt_then_mac)
    }
}

/// The newest of the policy's dialects that is not newer than what the client names.
fn choose_dialect(policy: &Policy, hello: &ClientHello) -> Option<&'static dyn Dialect> {
    let listed = supported_versions(hello);
    policy.dialects.iter().copied().find(|dialect| {
        let version = dialect.version();
        // RFC 8446 4.2.1: where the list is sent it alone counts.
        listed.map_or(version <= hello.client_version, |listed| listed.contains(&version))
    })
}

/// Whether a hello leads to TLS 1.3, which is only ever offered in the list (RFC 8446 4.2.1). A hello without it is of
/// TLS 1.2 at the most, whatever it says.
pub(crate) fn leads_to_tls13(policy: &Policy, hello: &ClientHello) -> bool {
    policy.tls13 && supported_versions(hello).is_some_and(|listed| listed.contains(&ProtocolVersion::TLS_1_3))
}

/// Whether a hello offers no version before TLS 1.3, as one that was encrypted must (RFC 9849 7.1).
#[cfg(feature = "ech")]
pub(crate) fn offers_nothing_old(hello: &ClientHello) -> bool {
    supported_versions(hello).is_some_and(|listed| listed.iter().all(|version| *version >= ProtocolVersion::TLS_1_3))
}

/// Whether the server chose TLS 1.3. That is said in an extension, which says nothing else (RFC 8446 4.2.1).
pub(crate) fn chose_tls13(offer: &ClientOffer, hello: &ServerHello) -> Result<bool, Misbehaviour> {
    let selected = hello.extensions.iter().flatten().find_map(|extension| match extension {
        ServerExtension::SupportedVersions(version) => Some(*version),
        _ => None,
    });
    match (selected, &offer.tls13) {
        (None, _) => Ok(false),
        (Some(_), None) => Err(Misbehaviour::UnsolicitedExtension),
        (Some(ProtocolVersion::TLS_1_3), Some(_)) => Ok(true),
        (Some(_), Some(_)) => Err(Misbehaviour::VersionNotOffered),
    }
}

/// TLS 1.3, for what names it.
pub(crate) const TLS13: ProtocolVersion = ProtocolVersion::TLS_1_3;

/// What the records of TLS 1.3 say, all but the first hello's (RFC 8446 5.1).
pub(crate) const TLS13_RECORDS: ProtocolVersion = ProtocolVersion::TLS_1_2;

/// What of TLS 1.3 may not stand in a hello of an older version.
fn is_of_older_hello(extension: &ServerExtension) -> bool {
    let is_ech = extension.ext_type() == ExtensionType::ENCRYPTED_CLIENT_HELLO;
    !is_ech
        && !matches!(
            extension,
            ServerExtension::KeyShare(_)
                | ServerExtension::RetryKeyShare(_)
                | ServerExtension::PreSharedKey(_)
                | ServerExtension::EarlyData
                | ServerExtension::Cookie(_)
                | ServerExtension::SupportedVersions(_)
        )
}

/// What older versions read as the version says TLS 1.2 in every hello of TLS 1.3 (RFC 8446 4.1.3).
pub(crate) fn check_legacy_version(hello: &ServerHello) -> Result<(), Misbehaviour> {
    if hello.server_version == ProtocolVersion::TLS_1_2 { Ok(()) } else { Err(Misbehaviour::WrongLegacyVersion) }
}

/// Whether a client may write before it knows that nobody altered the hellos: what was agreed is then no worse than what could
/// have been (RFC 7918 3, 4), and the server is of a time that knows application protocols, before which some failed. Whoever
/// alters them may choose DHE, and with it the server's prime, which a policy takes at 1024 bits; and another of several protocols.
pub(crate) fn may_false_start(config: &ClientConfig, agreed: &Agreed) -> bool {
    let suite = agreed.suite;
    // Such suites are of TLS 1.2 alone.
    agreed.alpn.is_some()
        && config.alpn.len() == 1
        && suite.strength == Strength::Modern
        && suite.key_exchange == KeyExchange::Ecdhe
}

/// Whether two hellos of a client name the same version.
pub(crate) fn names_same_version(first: &ClientHello, second: &ClientHello) -> bool {
    first.client_version == second.client_version
}

/// Whether a session is of TLS 1.3.
pub(crate) fn is_of_tls13(saved: &Saved) -> bool {
    is_of(saved, ProtocolVersion::TLS_1_3)
}

/// Whether a key of this kind signs in TLS 1.3 with the scheme: there the scheme names the curve, and RSA signs with PSS
/// alone (RFC 8446 4.2.3).
pub(crate) fn signs_in_tls13(scheme: SignatureScheme, key: KeyAlgorithm) -> bool {
    key.schemes_13().contains(&scheme)
}

/// What a client of TLS 1.3 calls a signature by PKCS#1 v1.5, and what it is called elsewhere (RFC 9963).
const PKCS1_OF_CLIENTS: [(SignatureScheme, SignatureScheme); 3] = [
    (SignatureScheme::RSA_PKCS1_SHA256_LEGACY, SignatureScheme::RSA_PKCS1_SHA256),
    (SignatureScheme::RSA_PKCS1_SHA384_LEGACY, SignatureScheme::RSA_PKCS1_SHA384),
    (SignatureScheme::RSA_PKCS1_SHA512_LEGACY, SignatureScheme::RSA_PKCS1_SHA512),
];

/// What a client's scheme of TLS 1.3 is called elsewhere, where it is PKCS#1 v1.5 (RFC 9963).
pub(crate) fn pkcs1_of_client(scheme: SignatureScheme) -> Option<SignatureScheme> {
    PKCS1_OF_CLIENTS.iter().find(|(client, _)| *client == scheme).map(|(_, pkcs1)| *pkcs1)
}

/// What a client of TLS 1.3 calls this scheme, where it is PKCS#1 v1.5 (RFC 9963).
pub(crate) fn client_name_of_pkcs1(scheme: SignatureScheme) -> Option<SignatureScheme> {
    PKCS1_OF_CLIENTS.iter().find(|(_, pkcs1)| *pkcs1 == scheme).map(|(client, _)| *client)
}

/// Whether the group has no use before TLS 1.3: no ServerKeyExchange names a key encapsulation.
pub(crate) fn is_for_tls13_alone(group: NamedGroup) -> bool {
    matches!(
        group,
        NamedGroup::X25519MLKEM768
            | NamedGroup::SECP256R1MLKEM768
            | NamedGroup::SECP384R1MLKEM1024
            | NamedGroup::MLKEM512
            | NamedGroup::MLKEM768
            | NamedGroup::MLKEM1024
    )
}

/// The hello as the version that will be chosen from it reads it: one without extensions knows `renegotiation_info` alone
/// (RFC 5746 4.5). The list that it was chosen from stays, or it would be chosen anew without it (RFC 8446 4.2.1).
pub(crate) fn without_extensions_if_too_old(policy: &Policy, mut hello: ClientHello) -> ClientHello {
    let too_old = choose_dialect(policy, &hello).is_some_and(|dialect| !dialect.has_extensions());
    if let Some(extensions) = hello.extensions.as_mut().filter(|_| too_old) {
        extensions.retain(|extension| {
            [ExtensionType::RENEGOTIATION_INFO, ExtensionType::SUPPORTED_VERSIONS].contains(&extension.ext_type())
        });
    }
    hello
}

/// Marks the random value when less is agreed than could be.
fn marked(mut random: [u8; 32], policy: &Policy, dialect: &dyn Dialect) -> [u8; 32] {
    let DowngradeMark { since, bytes } = dialect.downgrade_mark();
    if policy.versions().next() >= Some(since) {
        random.iter_mut().rev().zip(bytes.iter().rev()).for_each(|(to, from)| *to = *from);
    }
    random
}

/// Whether the server's random value says that less was agreed than both could have. A client of TLS 1.3 looks for either mark.
fn is_downgraded(policy: &Policy, dialect: &dyn Dialect, random: &[u8; 32]) -> bool {
    const ALL: [[u8; 8]; 2] = [Random::DOWNGRADE_TO_TLS12, Random::DOWNGRADE_BELOW_TLS12];
    let DowngradeMark { since, bytes } = dialect.downgrade_mark();
    let either = policy.tls13 && ALL.iter().any(|mark| random.ends_with(mark));
    either || policy.versions().next() >= Some(since) && random.ends_with(&bytes)
}

/// A renegotiation keeps the version.
fn same_version(previous: Option<&Previous>, dialect: &dyn Dialect) -> Result<(), Misbehaviour> {
    match previous {
        Some(previous) if previous.version != dialect.version() => Err(Misbehaviour::VersionChanged),
        _ => Ok(()),
    }
}

/// A renegotiation does not fall back behind the extended master secret, which protects it (RFC 7627 6.4). Where a first
/// hello would have shown it (`would_show`), a peer that has it only then is not the one of the first handshake, or somebody
/// took it away there.
fn keeps_extended_master_secret(previous: Option<&Previous>, now: bool, would_show: bool) -> Result<(), Misbehaviour> {
    match previous.map(|previous| previous.extended_master_secret) {
        Some(true) if !now => Err(Misbehaviour::ExtendedMasterSecretChanged),
        Some(false) if now && would_show => Err(Misbehaviour::ExtendedMasterSecretChanged),
        _ => Ok(()),
    }
}

/// The version that a hello leads to.
pub(crate) fn version(policy: &Policy, hello: &ClientHello) -> Option<ProtocolVersion> {
    choose_dialect(policy, hello).map(Dialect::version)
}

/// Whether a session is of this version.
pub(crate) fn is_of(saved: &Saved, version: ProtocolVersion) -> bool {
    saved.version == version
}

/// The strictest named policy that speaks one of the versions, whether this build has it or not.
fn policy_that_speaks(ours: &Policy, versions: &[ProtocolVersion]) -> Option<&'static str> {
    let first = |version: &ProtocolVersion| match *version {
        ProtocolVersion::TLS_1_3 | ProtocolVersion::TLS_1_2 => Some((Strength::Modern, "modern")),
        ProtocolVersion::TLS_1_1 | ProtocolVersion::TLS_1_0 => Some((Strength::Legacy, "legacy")),
        ProtocolVersion::SSL_3_0 => Some((Strength::Insecure, "insecure")),
        _ => None,
    };
    let (_, name) = versions.iter().filter_map(first).min_by_key(|(strength, _)| *strength)?;
    Some(name).filter(|name| *name != ours.name())
}
