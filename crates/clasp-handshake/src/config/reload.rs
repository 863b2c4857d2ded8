//! Identities and whole configurations that are exchanged while a server runs (RFC 5246 7.4.2; RFC 8446 4.4.2).

use std::sync::{Arc, PoisonError, RwLock};

use clasp_cert::{Identity, MaybeReady};

#[cfg(feature = "ech")]
use super::ech::{EchKey, EchKeys};
use super::{ClientHelloInfo, FixedIdentities, IdentityResolver, Resolved, ServerConfig};
#[cfg(feature = "ech")]
use crate::error::ConfigError;

/// A value that is exchanged as a whole: whoever took the old one keeps it.
#[derive(Debug)]
struct Current<T>(RwLock<Arc<T>>);

impl<T> Current<T> {
    fn new(value: Arc<T>) -> Self {
        Self(RwLock::new(value))
    }

    /// The lock is held for as long as an `Arc` takes to be cloned, and nothing can panic meanwhile.
    fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, value: Arc<T>) -> Arc<T> {
        std::mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), value)
    }
}

/// A server's identities, to be exchanged while it runs: give it to [`ServerConfigBuilder::identity_resolver`], keep a second
/// `Arc`, and call [`Self::replace`] when there are new certificates. It chooses as [`FixedIdentities`] do.
///
/// Handshakes that begin afterwards see the new ones; connections that stand, and handshakes that have read their client's
/// hello, go on with the old. Resumed sessions show no certificate and go on too: where the old identity must not be used any
/// more, its key being known to others, say, replace the whole configuration by [`ReloadableConfig`], with new ticket keys and
/// an empty session store.
///
/// [`ServerConfigBuilder::identity_resolver`]: super::ServerConfigBuilder::identity_resolver
#[derive(Debug)]
pub struct ReloadableIdentities(Current<FixedIdentities>);

impl ReloadableIdentities {
    /// Begins with these, in order of preference.
    pub fn new(identities: Vec<Identity>) -> Self {
        Self(Current::new(fixed(identities)))
    }

    /// Takes these from now on. All at once: no handshake sees some of the old and some of the new.
    ///
    /// An empty list refuses every client that shows no key of its own ([`ExternalPsk`](crate::ExternalPsk)).
    pub fn replace(&self, identities: Vec<Identity>) {
        self.0.replace(fixed(identities));
    }
}

fn fixed(identities: Vec<Identity>) -> Arc<FixedIdentities> {
    Arc::new(FixedIdentities::new(identities.into_iter().map(Arc::new).collect()))
}

impl IdentityResolver for ReloadableIdentities {
    fn resolve<'a>(&'a self, hello: &'a ClientHelloInfo<'a>) -> MaybeReady<'a, Resolved> {
        MaybeReady::ready(self.0.get().choose(hello))
    }

    fn acknowledges_any_name(&self) -> bool {
        false
    }
}

/// A server's whole configuration, to be exchanged while it runs.
///
/// Best ask for [`Self::current`] at each connection. Where one configuration has to be given away for good, give one whose
/// [`identity_resolver`](super::ServerConfigBuilder::identity_resolver) is this: then every handshake is led by the current
/// one, a renegotiation too, but for what is settled before the hello is read - [`Limits`](super::Limits), whether
/// renegotiation and hellos in SSL 2.0's format are taken, record padding, and the keys for Encrypted ClientHello: keys behind a
/// configuration that has none are an error, and are exchanged as `ReloadableEchKeys`. Configurations with the same keys for
/// tickets that take early data must have the same [`anti_replay`](super::ServerConfigBuilder::anti_replay) too.
///
/// Sessions and tickets belong to a configuration: those of the old one lead to full handshakes, unless both were given the
/// same [`ticket_keys`](super::ServerConfigBuilder::ticket_keys) or
/// [`session_store`](super::ServerConfigBuilder::session_store).
#[derive(Debug)]
pub struct ReloadableConfig(Current<ServerConfig>);

impl ReloadableConfig {
    /// Begins with this one.
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self(Current::new(config))
    }

    /// The one of now.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.0.get()
    }

    /// Takes this one from now on, and gives the one before back.
    pub fn replace(&self, config: Arc<ServerConfig>) -> Arc<ServerConfig> {
        self.0.replace(config)
    }
}

impl IdentityResolver for ReloadableConfig {
    fn resolve<'a>(&'a self, _: &'a ClientHelloInfo<'a>) -> MaybeReady<'a, Resolved> {
        MaybeReady::ready(Resolved::Config(self.current()))
    }
}

/// A server's keys for Encrypted ClientHello (RFC 9849), to be exchanged while it runs: give it to
/// [`ServerConfigBuilder::reloadable_ech_keys`](super::ServerConfigBuilder::reloadable_ech_keys), keep a second `Arc`, and call
/// [`Self::replace`] every few hours or days. Tickets and sessions stay good.
#[cfg(feature = "ech")]
#[derive(Debug)]
pub struct ReloadableEchKeys(Current<EchKeys>);

#[cfg(feature = "ech")]
impl ReloadableEchKeys {
    /// Begins with these.
    ///
    /// # Errors
    /// [`ConfigError::BadEchRetryConfigs`].
    pub fn new(keys: Vec<EchKey>) -> Result<Self, ConfigError> {
        Ok(Self(Current::new(Arc::new(EchKeys::new(keys)?))))
    }

    /// Takes these from now on: a handshake that has begun goes on with the old. Leave the keys among them that are published
    /// still, or were lately.
    ///
    /// # Errors
    /// [`ConfigError::BadEchRetryConfigs`]; the old ones stay.
    pub fn replace(&self, keys: Vec<EchKey>) -> Result<(), ConfigError> {
        self.0.replace(Arc::new(EchKeys::new(keys)?));
        Ok(())
    }

    /// The ones of now.
    pub(crate) fn current(&self) -> Arc<EchKeys> {
        self.0.get()
    }
}

#[cfg(test)]
mod tests {
    use clasp_cert::Identity;
    use clasp_wire::ProtocolVersion;

    use super::*;
    use crate::testing::{Authority, NAME, connections, established, exchange, transfer};
    use crate::{ClientConfig, Connection, Policy};

    const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_3];

    fn policy(version: ProtocolVersion) -> Policy {
        Policy::modern().with_versions(version, version)
    }

    fn client(ca: &Authority, version: ProtocolVersion) -> Arc<ClientConfig> {
        ca.client(policy(version)).without_resumption().build().unwrap()
    }

    #[track_caller]
    fn assert_shown(client: &Connection, identity: &Identity) {
        assert_eq!(client.session().unwrap().peer_certificates(), identity.chain());
    }

    #[test]
    fn new_connections_see_the_new_identity_and_old_ones_go_on() {
        let ca = Authority::new("CA");
        for version in VERSIONS {
            let (old, new) = (ca.ecdsa(NAME), ca.ecdsa(NAME));
            let identities = Arc::new(ReloadableIdentities::new(vec![old.clone()]));
            let resolver = Arc::clone(&identities) as Arc<dyn IdentityResolver>;
            let server = ServerConfig::builder(policy(version)).identity_resolver(resolver).build().unwrap();
            let client = client(&ca, version);
            let (mut first, mut its_server) = established(&client, &server);
            assert_shown(&first, &old);

            identities.replace(vec![new.clone()]);
            let (second, _) = established(&client, &server);
            assert_shown(&second, &new);
            transfer(&mut first, &mut its_server, b"still here");
            transfer(&mut its_server, &mut first, b"and so am I");
            assert_shown(&first, &old);

            identities.replace(Vec::new());
            let (mut third, mut refusing) = connections(&client, &server);
            assert!(exchange(&mut third, &mut refusing).1.is_some());
        }
    }

    #[test]
    fn the_name_still_chooses() {
        let ca = Authority::new("CA");
        let named = ca.ecdsa(NAME);
        let identities =
            Arc::new(ReloadableIdentities::new(vec![ca.ecdsa("other.example"), ca.ecdsa("third.example")]));
        identities.replace(vec![ca.ecdsa("other.example"), named.clone()]);
        let server = ServerConfig::builder(Policy::modern()).identity_resolver(identities).build().unwrap();
        let (client, _) = established(&ca.client(Policy::modern()).build().unwrap(), &server);
        assert_shown(&client, &named);
    }

    #[test]
    fn a_whole_configuration_is_exchanged() {
        let ca = Authority::new("CA");
        for version in VERSIONS {
            let (old, new) = (ca.ecdsa(NAME), ca.ecdsa(NAME));
            let make = |identity: &Identity, protocol: &str| {
                let builder = ServerConfig::builder(policy(version)).identity(identity.clone());
                builder.alpn([protocol]).unwrap().build().unwrap()
            };
            let before = make(&old, "before");
            let config = Arc::new(ReloadableConfig::new(Arc::clone(&before)));
            let resolver = Arc::clone(&config) as Arc<dyn IdentityResolver>;
            let front = ServerConfig::builder(policy(version)).identity_resolver(resolver).build().unwrap();
            let client =
                ca.client(policy(version)).without_resumption().alpn(["before", "after"]).unwrap().build().unwrap();
            for server in [&config.current(), &front] {
                let (client, _) = established(&client, server);
                assert_eq!(client.session().unwrap().alpn(), Some(&b"before"[..]));
                assert_shown(&client, &old);
            }
            assert!(Arc::ptr_eq(&config.replace(make(&new, "after")), &before));
            for server in [&config.current(), &front] {
                let (client, _) = established(&client, server);
                assert_eq!(client.session().unwrap().alpn(), Some(&b"after"[..]));
                assert_shown(&client, &new);
            }
        }
    }

    #[test]
    fn it_is_exchanged_while_others_shake_hands() {
        let ca = Authority::new("CA");
        let all = [ca.ecdsa(NAME), ca.ecdsa(NAME)];
        let identities = Arc::new(ReloadableIdentities::new(vec![all[0].clone()]));
        let resolver = Arc::clone(&identities) as Arc<dyn IdentityResolver>;
        let server = ServerConfig::builder(Policy::modern()).identity_resolver(resolver).build().unwrap();
        let client = ca.client(Policy::modern()).without_resumption().build().unwrap();
        std::thread::scope(|scope| {
            let shaking = scope.spawn(|| {
                for _ in 0..30 {
                    let (client, _) = established(&client, &server);
                    let shown = client.session().unwrap().peer_certificates().to_vec();
                    assert!(all.iter().any(|identity| identity.chain() == shown));
                }
            });
            for turn in (0..).take_while(|_| !shaking.is_finished()) {
                identities.replace(vec![all[turn % 2].clone()]);
                std::thread::yield_now();
            }
        });
    }
}
