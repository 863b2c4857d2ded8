//! What a client's hello offers for TLS 1.3: versions, key shares, and keys that both may have already (RFC 8446 4.2).

use std::mem;

use bytes::{Bytes, BytesMut};
use clasp_crypto::{ActiveKeyExchange, CryptoError, HashAlgorithm, Provider, SharedSecret};
use clasp_keys::tls13::{EarlySecret, Kdf, PskKind};
use clasp_keys::{Transcript, VerifyData};
use clasp_wire::{
    CipherSuite, ClientExtension, ClientHello, ExtensionType, HandshakeMessage as _, KeyShareEntry, NamedGroup,
    OfferedPsks, ProtocolVersion, PskIdentity, PskKeyExchangeMode, UnknownExtension,
};

use super::ech;
use crate::config::ClientConfig;
use crate::error::Error;
use crate::hello::offered_groups;
use crate::negotiate;
use crate::psk;
use crate::resumption::{Saved, fresh_id};
use crate::suites::Suite;
use crate::tls13::kdf;

/// A client's offer of TLS 1.3, besides the hello itself.
pub(crate) struct Offer13 {
    shares: Vec<Share>,
    pub(crate) psks: Vec<OfferedPsk>,
    /// The suite of the session whose server takes early data, where some may be sent, and how many bytes of it.
    pub(crate) early_data: Option<(&'static Suite, u32)>,
}

/// Our half of a key exchange.
struct Share {
    group: NamedGroup,
    exchange: Box<dyn ActiveKeyExchange>,
    /// The group that the hybrid's classical half is sent in again, as a share of its own.
    component: Option<NamedGroup>,
}

/// A key that the server may have.
pub(crate) struct OfferedPsk {
    pub(crate) kdf: Kdf,
    pub(crate) early: EarlySecret,
    kind: PskKind,
    identity: PskIdentity,
    /// The session it is of; `None` for a key from outside.
    pub(crate) saved: Option<Saved>,
}

impl OfferedPsk {
    /// The name of the key from outside that it is, or that its session was made with.
    pub(crate) fn external_identity(&self) -> Option<Box<[u8]>> {
        match &self.saved {
            Some(saved) => saved.psk_identity.clone(),
            None => Some(self.identity.identity.to_vec().into()),
        }
    }
}

/// Values that no server knows, so that every server learns to pass over what it does not know (RFC 8701).
#[derive(Clone, Copy)]
struct Grease {
    suite: CipherSuite,
    group: NamedGroup,
    version: ProtocolVersion,
    first_extension: ExtensionType,
    last_extension: ExtensionType,
}

impl Grease {
    fn new(provider: &Provider) -> Result<Self, CryptoError> {
        let mut random = [0; 5];
        provider.random.fill(&mut random)?;
        let [suite, group, version, first, last] = random.map(u16::from);
        // Two extensions may not be of one type.
        let last = if last % 16 == first % 16 { last + 1 } else { last };
        Ok(Self {
            suite: CipherSuite::grease(suite),
            group: NamedGroup::grease(group),
            version: ProtocolVersion::grease(version),
            first_extension: ExtensionType::grease(first),
            last_extension: ExtensionType::grease(last),
        })
    }
}

impl Offer13 {
    /// Adds to a hello what offers TLS 1.3.
    pub(crate) fn add_to(hello: &mut ClientHello, config: &ClientConfig, saved: Option<&Saved>) -> Result<Self, Error> {
        let policy = &config.policy;
        let grease = if config.grease { Some(Grease::new(config.provider)?) } else { None };
        if config.middlebox_compatibility && hello.session_id.is_empty() {
            // As if a session were resumed: so it looks to those on the way (RFC 8446 D.4).
            hello.session_id = fresh_id(config.provider)?;
        }
        let groups = offered_groups(policy);
        let mut shares: Vec<Share> = Vec::with_capacity(1);
        let (first, among) = match &config.key_shares {
            None => (groups.get(..1).unwrap_or(&groups), &groups),
            Some(chosen) => (&groups[..], chosen),
        };
        for group in first.iter().filter(|group| among.contains(group)) {
            if !shares.iter().any(|share| share.is_in(*group)) {
                let mut share = Share::new(*group, among, config.provider)?;
                share.component = share.component.filter(|half| !shares.iter().any(|other| other.is_in(*half)));
                shares.push(share);
            }
        }
        let psks = offered_psks(config, saved)?;
        let early_data = early_data(config, &psks);
        let this = Self { shares, psks, early_data };

        let mut versions: Vec<ProtocolVersion> = policy.versions().collect();
        let mut entries = this.entries();
        // RFC 8446 4.2.8: in the order of the groups, which a hybrid's half may not come behind at once.
        entries.sort_by_key(|entry| groups.iter().position(|group| *group == entry.group));
        if let Some(grease) = grease {
            hello.cipher_suites.insert(0, grease.suite);
            versions.insert(0, grease.version);
            entries.insert(0, KeyShareEntry { group: grease.group, key_exchange: Bytes::from_static(&[0]) });
        }
        let extensions = hello.extensions.get_or_insert_default();
        if let Some(grease) = grease {
            for extension in extensions.iter_mut() {
                if let ClientExtension::SupportedGroups(groups) = extension {
                    groups.insert(0, grease.group);
                }
            }
            extensions.insert(0, unknown(grease.first_extension, Bytes::new()));
        }
        extensions.push(ClientExtension::SupportedVersions(versions));
        extensions.push(ClientExtension::KeyShare(entries));
        extensions.push(ClientExtension::PskKeyExchangeModes(vec![PskKeyExchangeMode::PSK_DHE_KE]));
        if config.post_handshake_auth {
            extensions.push(ClientExtension::PostHandshakeAuth);
        }
        if this.early_data.is_some() {
            extensions.push(ClientExtension::EarlyData);
        }
        if config.grease_ech {
            extensions.push(ech::grease(config.provider)?);
        }
        if let Some(grease) = grease {
            extensions.push(unknown(grease.last_extension, Bytes::from_static(&[0])));
        }
        // RFC 8446 4.2.11: the last one.
        extensions.extend(this.psk_extension());
        #[cfg(all(test, feature = "legacy"))]
        crate::rfc8448::replace_hello(hello);
        Ok(this)
    }

    /// An offer with these shares, and the keys that only the server is to know of.
    #[cfg(feature = "ech")]
    pub(super) fn beside(outer: &mut Self, config: &ClientConfig, saved: Option<&Saved>) -> Result<Self, Error> {
        let psks = offered_psks(config, saved)?;
        let early_data = early_data(config, &psks);
        Ok(Self { shares: mem::take(&mut outer.shares), psks, early_data })
    }

    /// Takes back the shares, and answers for the early data that may have been sent.
    #[cfg(feature = "ech")]
    pub(super) fn take_over(&mut self, inner: Self) {
        self.shares = inner.shares;
        self.early_data = inner.early_data;
    }

    fn entries(&self) -> Vec<KeyShareEntry> {
        let mut entries = Vec::with_capacity(3);
        for share in &self.shares {
            let key_exchange = Bytes::copy_from_slice(share.exchange.public_key());
            entries.push(KeyShareEntry { group: share.group, key_exchange });
            if let (Some(group), Some((_, public))) = (share.component, share.exchange.component()) {
                entries.push(KeyShareEntry { group, key_exchange: Bytes::copy_from_slice(public) });
            }
        }
        entries
    }

    /// The identities, and room for the binders, which [`Self::encode`] fills.
    pub(super) fn psk_extension(&self) -> Option<ClientExtension> {
        if self.psks.is_empty() {
            return None;
        }
        Some(ClientExtension::PreSharedKey(OfferedPsks {
            identities: self.psks.iter().map(|psk| psk.identity.clone()).collect(),
            binders: self.psks.iter().map(|psk| vec![0; psk.kdf.hash_len()].into()).collect(),
        }))
    }

    /// The hello as it is sent, header included: binders cover all of it that stands before them, and what was said earlier
    /// (RFC 8446 4.2.11.2).
    pub(crate) fn encode(&self, hello: &ClientHello, earlier: Option<&Transcript>) -> Bytes {
        // A share of a hybrid group takes most of it.
        let mut encoded = BytesMut::with_capacity(2048);
        hello.write(&mut encoded);
        if self.psks.is_empty() {
            return encoded.freeze();
        }
        let before = hello.truncated(&encoded).unwrap_or_default();
        let binders: Vec<_> = self
            .psks
            .iter()
            .map(|psk| {
                let hash = match earlier.and_then(|transcript| transcript.hash_with(before)) {
                    Some(hash) => hash,
                    None => psk.kdf.hash().hash(&[before]),
                };
                psk.early.binder(psk.kind, hash.as_slice())
            })
            .collect();
        let written = hello.write_binders(&mut encoded, &binders.iter().map(VerifyData::as_slice).collect::<Vec<_>>());
        debug_assert!(written, "the placeholders were made for these");
        encoded.freeze()
    }

    /// The groups we sent shares in.
    pub(crate) fn has_share_in(&self, group: NamedGroup) -> bool {
        self.shares.iter().any(|share| share.is_in(group))
    }

    /// Agrees with the server's share. The group is one that a share was sent in.
    pub(crate) fn agree(&mut self, group: NamedGroup, theirs: &[u8]) -> Result<Option<SharedSecret>, CryptoError> {
        for share in mem::take(&mut self.shares) {
            if share.group == group {
                return share.exchange.complete(theirs).map(Some);
            }
            if share.component == Some(group) {
                return share.exchange.complete_component(theirs).map(Some);
            }
        }
        Ok(None)
    }

    /// Takes the offer to what a HelloRetryRequest asks for (RFC 8446 4.1.2): another key share, the server's cookie, no
    /// early data, and only keys that go with its suite.
    pub(crate) fn retry(
        &mut self,
        hello: &mut ClientHello,
        config: &ClientConfig,
        suite: &'static Suite,
        group: Option<NamedGroup>,
        cookie: Option<Bytes>,
    ) -> Result<(), Error> {
        if let Some(group) = group {
            self.shares = vec![Share::new(group, &[], config.provider)?];
        }
        self.early_data = None;
        self.psks.retain(|psk| psk.kdf.hash().algorithm() == suite.prf);
        let entries = self.entries();
        let psks = self.psk_extension();
        let extensions = hello.extensions.get_or_insert_default();
        extensions
            .retain(|extension| !matches!(extension, ClientExtension::EarlyData | ClientExtension::PreSharedKey(_)));
        for extension in extensions.iter_mut() {
            if let (ClientExtension::KeyShare(shares), Some(_)) = (extension, group) {
                shares.clone_from(&entries);
            }
        }
        extensions.extend(cookie.map(ClientExtension::Cookie));
        extensions.extend(psks);
        #[cfg(all(test, feature = "legacy"))]
        crate::rfc8448::replace_hello(hello);
        Ok(())
    }
}

impl Share {
    /// A fresh key. The classical half of a hybrid is a share of its own too, where that group is among those offered.
    fn new(group: NamedGroup, offered: &[NamedGroup], provider: &Provider) -> Result<Self, CryptoError> {
        let exchange = provider.group(group).ok_or(CryptoError::Unsupported)?.start(provider.random)?;
        let component = exchange.component().map(|(group, _)| group).filter(|group| offered.contains(group));
        Ok(Self { group, exchange, component })
    }

    fn is_in(&self, group: NamedGroup) -> bool {
        self.group == group || self.component == Some(group)
    }
}

fn unknown(typ: ExtensionType, data: Bytes) -> ClientExtension {
    ClientExtension::Unknown(UnknownExtension { typ, data })
}

/// The keys to offer: that of the session to resume, and those given from outside.
fn offered_psks(config: &ClientConfig, saved: Option<&Saved>) -> Result<Vec<OfferedPsk>, Error> {
    let mut psks = Vec::new();
    let suites = || config.policy.suites.iter().copied().filter(|suite| suite.is_of_tls13());
    if let Some(saved) = saved.filter(|saved| negotiate::is_of_tls13(saved))
        && let Some(suite) = suites().find(|suite| suite.id == saved.suite)
    {
        let kdf = kdf(suite, config.provider)?;
        let age = config.clock.milliseconds().saturating_sub(saved.received);
        let age = u32::try_from(age).unwrap_or(u32::MAX);
        psks.push(OfferedPsk {
            kdf,
            early: EarlySecret::new(kdf, Some(saved.secret())),
            kind: PskKind::Resumption,
            identity: PskIdentity {
                identity: Bytes::copy_from_slice(&saved.ticket),
                obfuscated_ticket_age: age.wrapping_add(saved.age_add),
            },
            saved: Some(saved.clone()),
        });
    }
    for psk in psk::of_tls13(&config.psks) {
        let goes_with = |hash: HashAlgorithm| suites().find(|suite| suite.prf == hash);
        let Some(suite) = goes_with(psk.hash()) else { continue };
        let kdf = kdf(suite, config.provider)?;
        psks.push(OfferedPsk {
            kdf,
            early: EarlySecret::new(kdf, Some(psk.key())),
            kind: psk.kind(),
            identity: PskIdentity { identity: psk.identity().clone(), obfuscated_ticket_age: 0 },
            saved: None,
        });
    }
    Ok(psks)
}

/// Whether early data may be sent: the first key's session allows it (RFC 8446 4.2.10).
fn early_data(config: &ClientConfig, psks: &[OfferedPsk]) -> Option<(&'static Suite, u32)> {
    let saved = psks.first()?.saved.as_ref()?;
    let suite = config.policy.suites.iter().copied().find(|suite| suite.id == saved.suite)?;
    // Under a protocol that is no longer offered the server would refuse (RFC 8446 4.2.10).
    let alpn = saved.alpn.is_empty() || config.alpn.iter().any(|name| *name == saved.alpn[..]);
    (config.early_data && saved.max_early_data > 0 && alpn).then_some((suite, saved.max_early_data))
}

#[cfg(test)]
mod tests {
    use clasp_wire::{CipherSuite, ProtocolVersion};
    use zeroize::Zeroizing;

    use super::*;
    use crate::Policy;
    use crate::testing::SetClock;

    /// RFC 8446 4.2.11.1. Whole seconds would make it a second older where one begins in between, and GnuTLS takes no early
    /// data with a ticket that is older than the server knows it to be.
    #[test]
    fn a_tickets_age_is_told_in_milliseconds() {
        const RECEIVED: u64 = 1_700_000_000_990;
        let saved = Saved {
            version: ProtocolVersion::TLS_1_3,
            suite: CipherSuite::TLS_AES_128_GCM_SHA256,
            extended_master_secret: true,
            client_authenticated: false,
            master: Zeroizing::new([7; 48]),
            secret_len: 32,
            created: RECEIVED / 1000,
            received: RECEIVED,
            lifetime: 7200,
            age_add: u32::MAX - 1,
            max_early_data: 0,
            alpn: [].into(),
            scope: [].into(),
            server_name: None,
            peer_certificates: Vec::new(),
            sct_list: None,
            psk_identity: None,
            ticket: (*b"ticket").into(),
            id: [].into(),
        };
        for age in [0, 20, 5000] {
            let psk = crate::ExternalPsk::new(b"x", &[1; 16], HashAlgorithm::Sha256).unwrap();
            let config = ClientConfig::builder(Policy::modern()).psk(psk).clock(SetClock::at(RECEIVED + age));
            let offered = offered_psks(&config.build().unwrap(), Some(&saved)).unwrap();
            assert_eq!(u64::from(offered[0].identity.obfuscated_ticket_age.wrapping_sub(saved.age_add)), age);
        }
    }
}
