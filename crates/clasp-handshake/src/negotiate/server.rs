//! The server's side of the choice: from a client's hello (RFC 5246 7.4.1.3).

use std::sync::Arc;

use bytes::Bytes;
use clasp_cert::{Identity, KeyUse};
use clasp_crypto::KeyAlgorithm;
use clasp_wire::{
    AlertDescription, CipherSuite, ClientHello, CompressionMethod, EcPointFormat, NamedGroup, SignatureScheme,
};
use subtle::ConstantTimeEq as _;

use super::{
    Agreed, choose_dialect, is_for_tls13_alone, keeps_extended_master_secret, marked, policy_that_speaks, same_version,
};
use crate::certificate_type::{self, CertificateTypes};
use crate::config::{ClientAuth, ServerConfig};
use crate::dialect::Dialect;
use crate::error::{Error, Misbehaviour, NoCommonGround};
use crate::hello::{is_finite_field, our_offer, supported_versions, their_offer};
use crate::policy::Policy;
use crate::resumption::Saved;
use crate::session::{Previous, Randoms};
use crate::suites::{self, KeyExchange, Suite};
use crate::timestamps;

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

/// A suite that can be used, and what it is used with.
struct Picked {
    suite: &'static Suite,
    group: Option<NamedGroup>,
    identity: Option<Arc<Identity>>,
    scheme: Option<SignatureScheme>,
}

/// The best suite that both have and can use.
fn pick(
    config: &ServerConfig,
    client_auth: &ClientAuth,
    dialect: &dyn Dialect,
    hello: &ClientHello,
    identities: &[Arc<Identity>],
) -> Option<Picked> {
    let policy = &config.policy;
    let accepted = hello.signature_algorithms().unwrap_or_else(|| dialect.schemes_when_silent());
    let usable = |suite: &'static Suite| {
        suite.allows(dialect.version()).then_some(())?;
        let group = match suite.key_exchange {
            KeyExchange::Rsa | KeyExchange::Psk => None,
            kx => Some(choose_group(policy, hello, kx)?),
        };
        if suite.is_pre_shared() {
            // Someone who must show a certificate does not get by with a key: these suites ask for none (RFC 4279 2).
            return Some(Picked { suite, group, identity: None, scheme: None }).filter(|_| !client_auth.is_required());
        }
        identities.iter().filter(|identity| suits(identity, suite, policy, hello)).find_map(|identity| {
            let scheme = if signs(identity, suite) {
                Some(dialect.choose_scheme(policy.signing_schemes(), identity.key().schemes(), accepted)?)
            } else {
                None
            };
            Some(Picked { suite, group, identity: Some(Arc::clone(identity)), scheme })
        })
    };
    policy.common_suites(&hello.cipher_suites, config.prefer_client_order).find_map(usable)
}

/// Whether the suite of an earlier session is the one that this client would get in a full handshake. A session keeps nobody from a
/// better one; where there is none at all, as without an identity, it is as good as any.
pub(crate) fn is_preferred(
    config: &ServerConfig,
    client_auth: &ClientAuth,
    hello: &ClientHello,
    identities: &[Arc<Identity>],
    suite: CipherSuite,
) -> bool {
    let dialect = choose_dialect(&config.policy, hello);
    let best = dialect.and_then(|dialect| pick(config, client_auth, dialect, hello, identities));
    best.is_none_or(|best| best.suite.id == suite)
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
    let Some(Picked { suite, group, identity, scheme }) = pick(config, client_auth, dialect, hello, identities) else {
        some_type_in_common(config, hello, identities)?;
        let mut error = nothing_common(config, hello, "cipher suite", AlertDescription::HANDSHAKE_FAILURE);
        error.missing = missing(policy, hello, identities);
        return Err(error.into());
    };

    let extended_master_secret = policy.extended_master_secret && hello.has_extended_master_secret();
    if policy.require_extended_master_secret && !extended_master_secret {
        return Err(Misbehaviour::NoExtendedMasterSecret.into());
    }
    // A client's first hello may have had no extensions.
    keeps_extended_master_secret(previous, extended_master_secret, false)?;
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
    let fits = |group: &NamedGroup| !is_for_tls13_alone(*group) && is_finite_field(*group) == wants_field;
    let mut ours = policy.groups.iter().copied().filter(fits);
    if wants_field && !theirs.iter().any(|group| is_finite_field(*group)) {
        return ours.next();
    }
    if hello.supported_groups().is_none() {
        return ours.find(|group| *group == NamedGroup::SECP256R1);
    }
    // Without a list of its own: this is asked for each suite.
    if policy.ranked_groups.is_empty() {
        return ours.find(|group| theirs.contains(group));
    }
    policy.common_groups(theirs).into_iter().map(|(_, group)| group).find(fits)
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

/// In a first handshake the extension is empty, and the signalling suite means the same (RFC 5746 3.6). In a later one it
/// holds the client's Finished, and the suite is not there (RFC 5746 3.7); a peer that did not know it at first says neither (4.4).
fn renegotiation_info_of_client(
    policy: &Policy,
    hello: &ClientHello,
    previous: Option<&Previous>,
) -> Result<bool, Error> {
    let signalled = hello.cipher_suites.contains(&CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV);
    let info = hello.renegotiation_info();
    if let Some(previous) = previous {
        let good = match (previous.expected_client_info(), info) {
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
