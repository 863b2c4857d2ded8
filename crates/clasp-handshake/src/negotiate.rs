//! Picking a version, a suite and all that hangs on it: the one place where versions are compared (RFC 5246 7.4.1).

use std::sync::Arc;

use bytes::Bytes;
use clasp_cert::{Identity, KeyUse, SctList};
use clasp_crypto::KeyAlgorithm;
use clasp_record::Form;
use clasp_wire::{
    AlertDescription, CipherSuite, ClientHello, CompressionMethod, EcPointFormat, ExtensionType, NamedGroup,
    ProtocolVersion, Random, ServerExtension, ServerHello, SignatureScheme, Strength,
};
use subtle::ConstantTimeEq as _;

use crate::certificate_type::{self, CertificateTypes};
use crate::config::{ClientAuth, ClientConfig, ServerConfig};
use crate::dialect::Dialect;
use crate::error::{Error, Misbehaviour, NoCommonGround};
use crate::hello::{ClientOffer, is_finite_field, our_offer, supported_versions, their_offer};
use crate::policy::Policy;
use crate::resumption::Saved;
use crate::session::{Previous, Randoms};
use crate::suites::{self, KeyExchange, Suite};
use crate::timestamps;

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
    let newest = policy.versions().next();
    let mark = if dialect.version() < ProtocolVersion::TLS_1_2 {
        (newest >= Some(ProtocolVersion::TLS_1_2)).then_some(Random::DOWNGRADE_BELOW_TLS12)
    } else {
        (newest >= Some(ProtocolVersion::TLS_1_3)).then_some(Random::DOWNGRADE_TO_TLS12)
    };
    if let Some(mark) = mark {
        random.iter_mut().rev().zip(mark.iter().rev()).for_each(|(to, from)| *to = *from);
    }
    random
}

/// Whether the server's random value says that less was agreed than both could have.
fn is_downgraded(policy: &Policy, dialect: &dyn Dialect, random: &[u8; 32]) -> bool {
    let newest = policy.versions().next();
    let (old, marked12, marked13) = (
        dialect.version() < ProtocolVersion::TLS_1_2,
        random.ends_with(&Random::DOWNGRADE_BELOW_TLS12),
        random.ends_with(&Random::DOWNGRADE_TO_TLS12),
    );
    if newest >= Some(ProtocolVersion::TLS_1_3) {
        marked12 || marked13
    } else {
        newest >= Some(ProtocolVersion::TLS_1_2) && old && marked12
    }
}

/// The server's choice, and what it hangs on.
pub(crate) struct ServerChoice {
    pub(crate) agreed: Agreed,
    /// `None` where a key that both had takes its place.
    pub(crate) identity: Option<Arc<Identity>>,
    /// For ephemeral key exchanges.
    pub(crate) group: Option<NamedGroup>,
    pub(crate) scheme: Option<SignatureScheme>,
    /// The schemes the client verifies.
    pub(crate) point_formats: bool,
}

/// A client that says it fell back, to a server that speaks something newer (RFC 7507 3).
pub(crate) fn check_fallback(policy: &Policy, hello: &ClientHello) -> Result<(), Misbehaviour> {
    let listed = supported_versions(hello);
    let theirs = listed.and_then(|listed| listed.iter().filter(|version| !version.is_grease()).max());
    let theirs = *theirs.unwrap_or(&hello.client_version);
    let fell_back = hello.cipher_suites.contains(&CipherSuite::TLS_FALLBACK_SCSV);
    if fell_back && policy.versions().next().is_some_and(|newest| theirs < newest) {
        return Err(Misbehaviour::InappropriateFallback);
    }
    Ok(())
}

/// What every hello is looked at for, whether a session is resumed or not.
struct Greeting {
    dialect: &'static dyn Dialect,
    point_formats: bool,
    secure_renegotiation: bool,
}

fn greet(config: &ServerConfig, hello: &ClientHello, previous: Option<&Previous>) -> Result<Greeting, Error> {
    let policy = &config.policy;
    let Some(dialect) = choose_dialect(policy, hello) else {
        return Err(nothing_common(config, hello, "protocol version", AlertDescription::PROTOCOL_VERSION).into());
    };
    same_version(previous, dialect)?;
    check_fallback(policy, hello)?;
    if !hello.compression_methods.contains(&CompressionMethod::NULL) {
        return Err(Misbehaviour::NoNullCompression.into());
    }
    let point_formats = match hello.ec_point_formats() {
        Some(formats) if !formats.contains(&EcPointFormat::UNCOMPRESSED) => {
            return Err(Misbehaviour::NoUncompressedPoints.into());
        }
        formats => formats.is_some(),
    };
    let secure_renegotiation = renegotiation_info_of_client(policy, hello, previous)?;
    Ok(Greeting { dialect, point_formats, secure_renegotiation })
}

/// The version that a hello leads to.
pub(crate) fn version(policy: &Policy, hello: &ClientHello) -> Option<ProtocolVersion> {
    choose_dialect(policy, hello).map(Dialect::version)
}

/// Whether a session is of this version.
pub(crate) fn is_of(saved: &Saved, version: ProtocolVersion) -> bool {
    saved.version == version
}

/// Agrees, as a server, to resume a session that fits the hello.
pub(crate) fn resume(
    config: &ServerConfig,
    hello: &ClientHello,
    saved: &Saved,
    server_random: [u8; 32],
    ticket: bool,
) -> Result<Agreed, Error> {
    let policy = &config.policy;
    let Greeting { dialect, secure_renegotiation, .. } = greet(config, hello, None)?;
    let row = policy.suites.iter().copied().find(|suite| suite.id == saved.suite);
    let suite = row.ok_or(Misbehaviour::SuiteNotOffered)?;
    if policy.require_extended_master_secret && !saved.extended_master_secret {
        return Err(Misbehaviour::NoExtendedMasterSecret.into());
    }
    Ok(Agreed {
        dialect,
        suite,
        randoms: Randoms { client: hello.random.0, server: marked(server_random, policy, dialect) },
        hello_version: hello.client_version,
        extended_master_secret: saved.extended_master_secret,
        encrypt_then_mac: policy.encrypt_then_mac && hello.has_encrypt_then_mac() && suite.bulk.is_cbc(),
        secure_renegotiation,
        status_request: false,
        sct_list: None,
        ticket,
        alpn: choose_alpn(config, hello)?,
        certificate_types: CertificateTypes::default(),
    })
}

/// Picks, as a server, from a client's hello.
pub(crate) fn choose(
    config: &ServerConfig,
    client_auth: &ClientAuth,
    hello: &ClientHello,
    identities: &[Arc<Identity>],
    server_random: [u8; 32],
    previous: Option<&Previous>,
) -> Result<ServerChoice, Error> {
    let policy = &config.policy;
    let Greeting { dialect, point_formats, secure_renegotiation } = greet(config, hello, previous)?;

    let accepted = hello.signature_algorithms().unwrap_or_else(|| dialect.schemes_when_silent());
    let usable = |suite: &'static Suite| {
        suite.allows(dialect.version()).then_some(())?;
        let group = match suite.key_exchange {
            KeyExchange::Rsa | KeyExchange::Psk => None,
            kx => Some(choose_group(policy, hello, kx)?),
        };
        if suite.is_pre_shared() {
            // Someone who must show a certificate does not get by with a key: these suites ask for none (RFC 4279 2).
            return Some((suite, group, None, None)).filter(|_| !client_auth.is_required());
        }
        identities.iter().filter(|identity| suits(identity, suite, policy, hello)).find_map(|identity| {
            let scheme = if signs(identity, suite) {
                Some(dialect.choose_scheme(policy.signing_schemes(), identity.key().schemes(), accepted)?)
            } else {
                None
            };
            Some((suite, group, Some(Arc::clone(identity)), scheme))
        })
    };
    let ours = policy.suites.iter().copied();
    let chosen = if config.prefer_client_order {
        hello.cipher_suites.iter().find_map(|id| ours.clone().find(|suite| suite.id == *id).and_then(usable))
    } else {
        ours.filter(|suite| hello.cipher_suites.contains(&suite.id)).find_map(usable)
    };
    let Some((suite, group, identity, scheme)) = chosen else {
        some_type_in_common(config, hello, identities)?;
        let mut error = nothing_common(config, hello, "cipher suite", AlertDescription::HANDSHAKE_FAILURE);
        error.missing = missing(policy, hello, identities);
        return Err(error.into());
    };

    let extended_master_secret = policy.extended_master_secret && hello.has_extended_master_secret();
    if policy.require_extended_master_secret && !extended_master_secret {
        return Err(Misbehaviour::NoExtendedMasterSecret.into());
    }
    keeps_extended_master_secret(previous, extended_master_secret)?;
    let server_random = marked(server_random, policy, dialect);
    let agreed = Agreed {
        dialect,
        suite,
        randoms: Randoms { client: hello.random.0, server: server_random },
        hello_version: hello.client_version,
        extended_master_secret,
        encrypt_then_mac: policy.encrypt_then_mac && hello.has_encrypt_then_mac() && suite.bulk.is_cbc(),
        secure_renegotiation,
        status_request: hello.status_request().is_some()
            && identity.as_ref().is_some_and(|identity| identity.ocsp_response().is_some()),
        sct_list: timestamps::of_identity(identity.as_deref(), hello.asks_for_timestamps()).cloned(),
        ticket: config.resumption.issues_ticket(hello),
        alpn: if previous.is_none() { choose_alpn(config, hello)? } else { None },
        certificate_types: CertificateTypes::default(),
    };
    Ok(ServerChoice { agreed, identity, group, scheme, point_formats })
}

/// Whether the client accepts any of the identities by its type, certificate or raw public key (RFC 7250 4.2).
pub(crate) fn some_type_in_common(
    config: &ServerConfig,
    hello: &ClientHello,
    identities: &[Arc<Identity>],
) -> Result<(), Error> {
    if identities.is_empty() || identities.iter().any(|identity| certificate_type::is_accepted(hello, identity)) {
        return Ok(());
    }
    let what = "type of certificate (X.509, or raw public keys by RFC 7250)";
    Err(nothing_common(config, hello, what, AlertDescription::UNSUPPORTED_CERTIFICATE).into())
}

/// Whether the server signs its half of the key exchange: a fresh value, or a temporary RSA key.
fn signs(identity: &Identity, suite: &Suite) -> bool {
    suite.key_exchange.is_ephemeral() || suite.needs_temporary_key(identity.public_key().bits())
}

/// Whether an identity serves a suite: the right kind of key, long enough, allowed for that use, on a curve that the client
/// knows.
fn suits(identity: &Identity, suite: &Suite, policy: &Policy, hello: &ClientHello) -> bool {
    let algorithm = identity.key_algorithm();
    if !certificate_type::is_accepted(hello, identity) {
        return false;
    }
    if !suite.authentication.accepts(algorithm) {
        return false;
    }
    if algorithm == KeyAlgorithm::Rsa && identity.public_key().bits() < suite.min_rsa_bits(policy.min_rsa_bits) {
        return false;
    }
    if !signs(identity, suite) {
        return identity.allows(KeyUse::KeyEncipherment) && identity.key().can_decrypt();
    }
    // RFC 8422 5.1: the curve of the certificate must be among those the client names, if it names any.
    let curve_known = match (identity.key_algorithm().curve(), hello.supported_groups()) {
        (Some(curve), Some(groups)) => groups.contains(&curve),
        _ => true,
    };
    curve_known && identity.allows(KeyUse::DigitalSignature)
}

/// The first of our groups that the client has. A client that names no curve takes any (RFC 8422 4); one that names no
/// finite-field group leaves the choice to us (RFC 7919 4).
fn choose_group(policy: &Policy, hello: &ClientHello, kx: KeyExchange) -> Option<NamedGroup> {
    let wants_field = matches!(kx, KeyExchange::Dhe);
    let theirs = hello.supported_groups().unwrap_or_default();
    let classic = policy.groups.iter().copied().filter(|group| !is_for_tls13_alone(*group));
    let mut ours = classic.filter(|group| is_finite_field(*group) == wants_field);
    if wants_field && !theirs.iter().any(|group| is_finite_field(*group)) {
        return ours.next();
    }
    if hello.supported_groups().is_none() {
        return ours.find(|group| *group == NamedGroup::SECP256R1);
    }
    ours.find(|group| theirs.contains(group))
}

pub(crate) fn choose_alpn(config: &ServerConfig, hello: &ClientHello) -> Result<Option<Bytes>, Error> {
    let Some(theirs) = hello.alpn().filter(|_| !config.alpn.is_empty()) else { return Ok(None) };
    match config.alpn.iter().find(|ours| theirs.contains(ours)) {
        Some(protocol) => Ok(Some(protocol.clone())),
        None => {
            Err(nothing_common(config, hello, "application protocol", AlertDescription::NO_APPLICATION_PROTOCOL).into())
        }
    }
}

/// A renegotiation keeps the version.
fn same_version(previous: Option<&Previous>, dialect: &dyn Dialect) -> Result<(), Misbehaviour> {
    match previous {
        Some(previous) if previous.version != dialect.version() => Err(Misbehaviour::VersionChanged),
        _ => Ok(()),
    }
}

/// A renegotiation does not fall back behind the extended master secret, which protects it (RFC 7627 6.4). A peer that has it
/// only then is not the one of the first handshake, or somebody took it away there.
fn keeps_extended_master_secret(previous: Option<&Previous>, now: bool) -> Result<(), Misbehaviour> {
    match previous {
        Some(previous) if previous.extended_master_secret != now => Err(Misbehaviour::ExtendedMasterSecretChanged),
        _ => Ok(()),
    }
}

/// In a first handshake the extension is empty, and the signalling suite means the same (RFC 5746 3.6). In a later one it
/// holds the client's Finished, and the suite is not there (RFC 5746 3.7); a peer that did not know it first never does.
fn renegotiation_info_of_client(
    policy: &Policy,
    hello: &ClientHello,
    previous: Option<&Previous>,
) -> Result<bool, Error> {
    let signalled = hello.cipher_suites.contains(&CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV);
    let info = hello.renegotiation_info();
    if let Some(previous) = previous {
        let good = match (previous.client_info(), info) {
            (Some(expected), Some(info)) => bool::from(expected.ct_eq(info)) && !signalled,
            (None, None) => !signalled,
            _ => false,
        };
        return if good { Ok(info.is_some()) } else { Err(Misbehaviour::BadRenegotiationInfo.into()) };
    }
    let known = match info {
        Some(info) if !info.is_empty() => return Err(Misbehaviour::BadRenegotiationInfo.into()),
        Some(_) => true,
        None => signalled,
    };
    if !known && policy.require_renegotiation_info {
        return Err(Misbehaviour::NoRenegotiationInfo.into());
    }
    Ok(known)
}

/// The error that shows both offers, and the policy that would have met the client's.
pub(crate) fn nothing_common(
    config: &ServerConfig,
    hello: &ClientHello,
    what: &'static str,
    alert: AlertDescription,
) -> NoCommonGround {
    let policy = &config.policy;
    let wider = if what == "cipher suite" {
        hello
            .cipher_suites
            .iter()
            .filter(|id| !policy.suites.iter().any(|suite| suite.id == **id))
            // No policy helps a server that has no key.
            .filter(|id| !suites::PSK.iter().any(|suite| suite.id == **id))
            .filter_map(|id| Some((id.strength()?, Policy::that_offers(*id)?)))
            .min_by_key(|(strength, _)| *strength)
            .map(|(_, name)| name)
            .filter(|name| *name != policy.name())
    } else if what == "protocol version" {
        policy_that_speaks(policy, &their_offer(hello).versions)
    } else {
        None
    };
    NoCommonGround {
        what,
        ours: our_offer(policy, &config.alpn),
        theirs: their_offer(hello),
        missing: None,
        policy: wider,
        alert,
    }
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

/// Why none of the suites that both have can be used; `None` when there are none.
fn missing(policy: &Policy, hello: &ClientHello, identities: &[Arc<Identity>]) -> Option<&'static str> {
    let common: Vec<_> = policy.suites.iter().filter(|suite| hello.cipher_suites.contains(&suite.id)).collect();
    let served = |suite: &Suite| {
        suite.is_pre_shared() || identities.iter().any(|identity| suits(identity, suite, policy, hello))
    };
    let has_group =
        |suite: &Suite| !suite.key_exchange.is_ephemeral() || choose_group(policy, hello, suite.key_exchange).is_some();
    if common.is_empty() {
        None
    } else if !common.iter().any(|suite| served(suite)) {
        Some("an identity: none of this server's has the kind of key that they need, and the client knows")
    } else if !common.iter().any(|suite| served(suite) && has_group(suite)) {
        Some("a key exchange group")
    } else if common.iter().all(|suite| suite.is_pre_shared() || !served(suite)) {
        Some("the client's certificate: this server demands one, and those with a pre-shared key have none")
    } else {
        Some("a signature scheme")
    }
}

/// The version of a client's records from the server's hello on, also if that is then refused: a server may read no
/// alert in a record of another version than it chose. A choice of no version there is changes nothing.
pub(crate) fn record_version(offer: &ClientOffer, hello: &ServerHello) -> ProtocolVersion {
    let newest = offer.hello.client_version;
    if (ProtocolVersion::SSL_3_0..=newest).contains(&hello.server_version) { hello.server_version } else { newest }
}

/// Holds, as a client, the server's hello against the offer.
pub(crate) fn accept(
    config: &ClientConfig,
    offer: &ClientOffer,
    hello: &ServerHello,
    previous: Option<&Previous>,
) -> Result<Agreed, Error> {
    let policy = &config.policy;
    let Some(dialect) = policy.dialects.iter().copied().find(|dialect| dialect.version() == hello.server_version)
    else {
        return Err(Error::NoCommonGround(Box::new(NoCommonGround {
            what: "protocol version",
            ours: our_offer(policy, &config.alpn),
            theirs: crate::error::Offer { versions: vec![hello.server_version], ..Default::default() },
            missing: None,
            policy: policy_that_speaks(policy, &[hello.server_version]),
            alert: AlertDescription::PROTOCOL_VERSION,
        })));
    };
    same_version(previous, dialect)?;
    // In a later handshake the version stays what it was.
    if previous.is_none() && is_downgraded(policy, dialect, &hello.random.0) {
        return Err(Misbehaviour::Downgrade.into());
    }
    let offered = policy.suites.iter().copied();
    let Some(suite) =
        offered.into_iter().find(|suite| suite.id == hello.cipher_suite && suite.allows(dialect.version()))
    else {
        return Err(Misbehaviour::SuiteNotOffered.into());
    };
    if hello.compression_method != CompressionMethod::NULL {
        return Err(Misbehaviour::CompressionNotOffered.into());
    }

    let mut agreed = Agreed {
        dialect,
        suite,
        randoms: Randoms { client: offer.hello.random.0, server: hello.random.0 },
        hello_version: offer.hello.client_version,
        extended_master_secret: false,
        encrypt_then_mac: false,
        secure_renegotiation: false,
        status_request: false,
        sct_list: None,
        ticket: false,
        alpn: None,
        certificate_types: CertificateTypes::default(),
    };
    for extension in hello.extensions.iter().flatten() {
        let exists = dialect.has_extensions() || matches!(extension, ServerExtension::RenegotiationInfo(_));
        if !exists || !offer.asked_for(extension) || !is_of_older_hello(extension) {
            return Err(Misbehaviour::UnsolicitedExtension.into());
        }
        agreed.certificate_types.accept(&offer.hello, extension)?;
        match extension {
            ServerExtension::ExtendedMasterSecret => agreed.extended_master_secret = true,
            ServerExtension::EncryptThenMac if suite.bulk.is_cbc() => agreed.encrypt_then_mac = true,
            ServerExtension::EncryptThenMac => return Err(Misbehaviour::EncryptThenMacWithoutCbc.into()),
            ServerExtension::RenegotiationInfo(info) => {
                let expected = previous.map_or_else(|| Some(Bytes::new()), Previous::server_info).unwrap_or_default();
                if !bool::from(expected.ct_eq(info)) {
                    return Err(Misbehaviour::BadRenegotiationInfo.into());
                }
                agreed.secure_renegotiation = true;
            }
            ServerExtension::StatusRequest => agreed.status_request = true,
            ServerExtension::SignedCertificateTimestamp(list) => agreed.sct_list = timestamps::from_extension(list),
            ServerExtension::SessionTicket => agreed.ticket = true,
            ServerExtension::EcPointFormats(formats) if !formats.contains(&EcPointFormat::UNCOMPRESSED) => {
                return Err(Misbehaviour::NoUncompressedPoints.into());
            }
            ServerExtension::Alpn(protocol) if config.alpn.contains(protocol) => agreed.alpn = Some(protocol.clone()),
            ServerExtension::Alpn(_) => return Err(Misbehaviour::AlpnNotOffered.into()),
            ServerExtension::RecordSizeLimit(limit) if *limit < 64 => {
                return Err(Misbehaviour::BadRecordSizeLimit.into());
            }
            _ => {}
        }
    }
    if previous.is_some_and(|previous| previous.finished.is_some()) && !agreed.secure_renegotiation {
        return Err(Misbehaviour::BadRenegotiationInfo.into());
    }
    keeps_extended_master_secret(previous, agreed.extended_master_secret)?;
    if policy.require_renegotiation_info && !agreed.secure_renegotiation {
        return Err(Misbehaviour::NoRenegotiationInfo.into());
    }
    if policy.require_extended_master_secret && !agreed.extended_master_secret {
        return Err(Misbehaviour::NoExtendedMasterSecret.into());
    }
    Ok(agreed)
}
