//! Picking all that TLS 1.3 leaves to pick, and holding the server's answers against the offer (RFC 8446 4.1, 4.2).

use std::sync::Arc;

use bytes::Bytes;
use clasp_cert::{Identity, KeyUse};
use clasp_crypto::HashAlgorithm;
use clasp_wire::{
    AlertDescription, ClientExtension, ClientHello, CompressionMethod, EncryptedExtensions, ExtensionPlace,
    ExtensionType, KeyShareEntry, NamedGroup, PskKeyExchangeMode, ServerExtension, ServerHello, SignatureScheme,
};

use crate::certificate_type::{CertificateTypes, is_accepted};
use crate::client::ech;
use crate::config::{ClientConfig, ServerConfig};
use crate::error::{Error, Misbehaviour};
use crate::hello::ClientOffer;
use crate::negotiate::{self, nothing_common, some_type_in_common};
use crate::policy::Policy;
use crate::suites::Suite;
use crate::tls13::choose_scheme;

/// What a HelloRetryRequest asks for.
pub(crate) struct Retry {
    pub(crate) suite: &'static Suite,
    pub(crate) group: Option<NamedGroup>,
    pub(crate) cookie: Option<Bytes>,
}

/// What the server's hello agrees to.
pub(crate) struct Accepted {
    pub(crate) suite: &'static Suite,
    pub(crate) share: KeyShareEntry,
    /// Which of the offered keys.
    pub(crate) psk: Option<usize>,
}

/// What both kinds of server hello are checked for.
fn accept_suite(config: &ClientConfig, offer: &ClientOffer, hello: &ServerHello) -> Result<&'static Suite, Error> {
    negotiate::check_legacy_version(hello)?;
    if hello.session_id != offer.hello.session_id {
        return Err(Misbehaviour::WrongSessionId.into());
    }
    if hello.compression_method != CompressionMethod::NULL {
        return Err(Misbehaviour::CompressionNotOffered.into());
    }
    let mut offered = config.policy.suites.iter().copied().filter(|suite| suite.is_of_tls13());
    offered.find(|suite| suite.id == hello.cipher_suite).ok_or_else(|| Misbehaviour::SuiteNotOffered.into())
}

/// An extension of the server's must be an answer to one of ours, and stand where it may (RFC 8446 4.2).
fn check_answer(offer: &ClientOffer, extension: &ServerExtension, place: ExtensionPlace) -> Result<(), Misbehaviour> {
    let typ = extension.ext_type();
    // A cookie is the server's own idea (RFC 8446 4.2.2).
    let cookie = typ == ExtensionType::COOKIE && place == ExtensionPlace::HelloRetryRequest;
    if !cookie && !offer.asked_for(extension) {
        return Err(Misbehaviour::UnsolicitedExtension);
    }
    if typ.allowed_in(place) { Ok(()) } else { Err(Misbehaviour::MisplacedExtension) }
}

/// Holds, as a client, a HelloRetryRequest against the offer.
pub(crate) fn accept_retry(config: &ClientConfig, offer: &ClientOffer, hello: &ServerHello) -> Result<Retry, Error> {
    let mut retry = Retry { suite: accept_suite(config, offer, hello)?, group: None, cookie: None };
    for extension in hello.extensions.iter().flatten() {
        check_answer(offer, extension, ExtensionPlace::HelloRetryRequest)?;
        match extension {
            ServerExtension::RetryKeyShare(group) => retry.group = Some(*group),
            ServerExtension::Cookie(cookie) if cookie.len() > config.limits.cookie => {
                return Err(Misbehaviour::CookieTooLong.into());
            }
            ServerExtension::Cookie(cookie) => retry.cookie = Some(cookie.clone()),
            ServerExtension::EncryptedClientHello(confirmation) => ech::check_confirmation(confirmation)?,
            _ => {}
        }
    }
    let sent = |group| offer.tls13.as_ref().is_some_and(|tls13| tls13.has_share_in(group));
    match retry.group {
        // RFC 8446 4.2.8: a group that was offered, and not one that a share is there in.
        Some(group) if !config.policy.groups.contains(&group) => Err(Misbehaviour::GroupNotOffered.into()),
        Some(group) if sent(group) => Err(Misbehaviour::NeedlessRetry.into()),
        // RFC 8446 4.1.4: one that changes nothing would go round for ever.
        None if retry.cookie.is_none() => Err(Misbehaviour::NeedlessRetry.into()),
        _ => Ok(retry),
    }
}

/// Holds, as a client, the server's hello against the offer.
pub(crate) fn accept(
    config: &ClientConfig,
    offer: &ClientOffer,
    hello: &ServerHello,
    retry: Option<&Retry>,
) -> Result<Accepted, Error> {
    let suite = accept_suite(config, offer, hello)?;
    if retry.is_some_and(|retry| retry.suite.id != suite.id) {
        return Err(Misbehaviour::ChangedAfterRetry.into());
    }
    let (mut share, mut psk) = (None, None);
    for extension in hello.extensions.iter().flatten() {
        check_answer(offer, extension, ExtensionPlace::ServerHello)?;
        match extension {
            ServerExtension::KeyShare(entry) => share = Some(entry.clone()),
            ServerExtension::PreSharedKey(index) => psk = Some(usize::from(*index)),
            _ => {}
        }
    }
    let offered = offer.tls13.as_ref();
    // Keys without an exchange of fresh ones (psk_ke) are never offered.
    let share = share.ok_or(Misbehaviour::MissingExtension)?;
    if !offered.is_some_and(|tls13| tls13.has_share_in(share.group)) {
        return Err(Misbehaviour::GroupNotOffered.into());
    }
    if retry.and_then(|retry| retry.group).is_some_and(|group| group != share.group) {
        return Err(Misbehaviour::ChangedAfterRetry.into());
    }
    if let Some(index) = psk {
        let psk = offered.and_then(|tls13| tls13.psks.get(index)).ok_or(Misbehaviour::PskNotOffered)?;
        if psk.kdf.hash().algorithm() != suite.prf {
            return Err(Misbehaviour::PskOfAnotherHash.into());
        }
    }
    Ok(Accepted { suite, share, psk })
}

/// What the server's EncryptedExtensions say.
#[derive(Default)]
pub(crate) struct Encrypted {
    pub(crate) alpn: Option<Bytes>,
    pub(crate) early_data: bool,
    pub(crate) record_size_limit: Option<u16>,
    pub(crate) certificate_types: CertificateTypes,
    /// What a server that could not open the inner hello says to use (RFC 9849 6.1.6). It is not asked for where there is
    /// none.
    pub(crate) retry_configs: Option<Bytes>,
}

/// Holds, as a client, the EncryptedExtensions against the offer.
pub(crate) fn accept_encrypted(
    config: &ClientConfig,
    offer: &ClientOffer,
    message: &EncryptedExtensions,
) -> Result<Encrypted, Error> {
    let mut encrypted = Encrypted::default();
    for extension in &message.extensions {
        // Some servers tell their groups unasked for (RFC 8446 4.2.7); we ask for them in any case.
        check_answer(offer, extension, ExtensionPlace::EncryptedExtensions)?;
        encrypted.certificate_types.accept(&offer.hello, extension)?;
        match extension {
            ServerExtension::Alpn(protocol) if config.alpn.contains(protocol) => {
                encrypted.alpn = Some(protocol.clone());
            }
            ServerExtension::Alpn(_) => return Err(Misbehaviour::AlpnNotOffered.into()),
            ServerExtension::EarlyData => encrypted.early_data = true,
            ServerExtension::RecordSizeLimit(limit) if *limit < 64 => {
                return Err(Misbehaviour::BadRecordSizeLimit.into());
            }
            ServerExtension::RecordSizeLimit(limit) => encrypted.record_size_limit = Some(*limit),
            ServerExtension::EncryptedClientHello(configs) => {
                encrypted.retry_configs = ech::read_retry_configs(&offer.hello, configs)?;
            }
            _ => {}
        }
    }
    Ok(encrypted)
}

/// What a server reads of a hello that offers TLS 1.3.
pub(crate) struct Offered<'a> {
    pub(crate) groups: &'a [NamedGroup],
    pub(crate) shares: &'a [KeyShareEntry],
    /// Keys that both may have are taken together with fresh ones alone.
    pub(crate) psks: Option<&'a clasp_wire::OfferedPsks>,
    pub(crate) early_data: bool,
}

/// Reads, as a server, a hello that offers TLS 1.3, and checks that its parts go together (RFC 8446 4.1.2, 4.2, 9.2).
pub(crate) fn read_hello(hello: &ClientHello) -> Result<Offered<'_>, Error> {
    if hello.compression_methods != [CompressionMethod::NULL] {
        return Err(Misbehaviour::NoNullCompression.into());
    }
    let mut extensions = hello.extensions.iter().flatten();
    if extensions.any(|extension| !extension.ext_type().allowed_in(ExtensionPlace::ClientHello)) {
        return Err(Misbehaviour::MisplacedExtension.into());
    }
    let (shares, modes, psks) = (hello.key_shares(), hello.psk_key_exchange_modes(), hello.pre_shared_key());
    let early_data = hello.extensions.iter().flatten().any(|extension| matches!(extension, ClientExtension::EarlyData));
    if psks.is_some() && modes.is_none() {
        return Err(Misbehaviour::MissingExtension.into());
    }
    let groups = hello.supported_groups();
    let schemes = hello.signature_algorithms();
    // RFC 8446 9.2: neither of groups and shares is there without the other, and without keys from before there must be
    // something to sign with.
    if groups.is_some() != shares.is_some() || (psks.is_none() && (schemes.is_none() || groups.is_none())) {
        return Err(Misbehaviour::MissingExtension.into());
    }
    let (groups, shares) = (groups.unwrap_or_default(), shares.unwrap_or_default());
    for (i, share) in shares.iter().enumerate() {
        // RFC 8446 4.2.8. What is GREASE stands in both lists.
        if shares.iter().take(i).any(|other| other.group == share.group) || !groups.contains(&share.group) {
            return Err(Misbehaviour::BadKeyShares.into());
        }
    }
    let with_fresh_keys = modes.is_some_and(|modes| modes.contains(&PskKeyExchangeMode::PSK_DHE_KE));
    Ok(Offered { groups, shares, psks: psks.filter(|_| with_fresh_keys), early_data })
}

/// The suite: the first of ours that the client has, or of its own that we have. With a key that both have, its hash
/// decides.
pub(crate) fn choose_suite(
    config: &ServerConfig,
    hello: &ClientHello,
    hash: Option<HashAlgorithm>,
) -> Option<&'static Suite> {
    let mut common = config.policy.common_suites(&hello.cipher_suites, config.prefer_client_order);
    common.find(|suite| suite.is_of_tls13() && hash.is_none_or(|hash| suite.prf == hash))
}

/// The error where no suite of TLS 1.3 is in common.
pub(crate) fn no_suite(config: &ServerConfig, hello: &ClientHello) -> Error {
    nothing_common(config, hello, "cipher suite", AlertDescription::HANDSHAKE_FAILURE).into()
}

/// The group, and the client's share in it, if it sent one: of the best set in common the first with a share, or else the first.
pub(crate) fn choose_group<'a>(
    config: &ServerConfig,
    hello: &ClientHello,
    offered: &Offered<'a>,
) -> Result<(NamedGroup, Option<&'a KeyShareEntry>), Error> {
    let share = |group: NamedGroup| offered.shares.iter().find(|share| share.group == group);
    let common = config.policy.common_groups(offered.groups);
    let Some((best, first)) = common.first().copied() else {
        return Err(nothing_common(config, hello, "key exchange group", AlertDescription::HANDSHAKE_FAILURE).into());
    };
    let mut equal = common.iter().take_while(|(set, _)| *set == best);
    Ok(equal.find_map(|(_, group)| Some((*group, Some(share(*group)?)))).unwrap_or((first, None)))
}

/// The identity to show, and the scheme to sign with.
pub(crate) fn choose_identity(
    config: &ServerConfig,
    hello: &ClientHello,
    identities: &[Arc<Identity>],
) -> Result<(Arc<Identity>, SignatureScheme), Error> {
    let accepted = hello.signature_algorithms().ok_or(Misbehaviour::MissingExtension)?;
    some_type_in_common(config, hello, identities)?;
    let able = identities.iter().filter(|identity| is_accepted(hello, identity) && may_sign(identity, &config.policy));
    let mut chosen =
        able.filter_map(|identity| Some((Arc::clone(identity), choose_scheme(&config.policy, identity, accepted)?)));
    chosen
        .next()
        .ok_or_else(|| nothing_common(config, hello, "signature scheme", AlertDescription::HANDSHAKE_FAILURE).into())
}

/// Whether the key may sign, and is long enough.
fn may_sign(identity: &Identity, policy: &Policy) -> bool {
    let short = identity.key_algorithm() == clasp_crypto::KeyAlgorithm::Rsa
        && identity.public_key().bits() < policy.min_rsa_bits;
    !short && identity.allows(KeyUse::DigitalSignature)
}

/// Holds, as a server, a second hello against the first: nothing may change but what was asked for (RFC 8446 4.1.2).
pub(crate) fn same_but_for_retry(
    first: &ClientHello,
    second: &ClientHello,
    group: NamedGroup,
) -> Result<(), Misbehaviour> {
    let changed = Misbehaviour::ChangedAfterRetry;
    if !negotiate::names_same_version(first, second)
        || first.random != second.random
        || first.session_id != second.session_id
        || first.cipher_suites != second.cipher_suites
        || first.compression_methods != second.compression_methods
    {
        return Err(changed);
    }
    let mut left_out = first.extensions.iter().flatten().filter(|extension| {
        let may_go = matches!(
            extension,
            ClientExtension::EarlyData | ClientExtension::PreSharedKey(_) | ClientExtension::Padding(_)
        );
        !may_go && !second.extensions.iter().flatten().any(|other| other.ext_type() == extension.ext_type())
    });
    if left_out.next().is_some() {
        return Err(changed);
    }
    let mut share = None;
    for extension in second.extensions.iter().flatten() {
        match extension {
            ClientExtension::KeyShare(entries) => share = Some(entries),
            ClientExtension::EarlyData => return Err(Misbehaviour::EarlyDataAfterRetry),
            // Binders and ages change, keys of another hash are left out, padding fits, what is encrypted is so again.
            ClientExtension::PreSharedKey(_)
            | ClientExtension::Padding(_)
            | ClientExtension::EncryptedClientHello(_) => {}
            same if first.extensions.iter().flatten().any(|before| before == same) => {}
            _ => return Err(changed),
        }
    }
    match share.map(Vec::as_slice) {
        Some([entry]) if entry.group == group => Ok(()),
        _ => Err(Misbehaviour::BadKeyShares),
    }
}
