//! The key that both sides may have from before: of an earlier session, or from outside (RFC 8446 4.2.11).

use std::time::Duration;

use bytes::Bytes;
use clasp_cert::Report;
use clasp_crypto::HashAlgorithm;
use clasp_keys::Transcript;
use clasp_keys::tls13::{EarlySecret, Kdf, PskKind};
use clasp_wire::{ClientHello, PskIdentity};
use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::classic::same_client;
use crate::config::{ClientAuth, ServerConfig};
use crate::error::{Error, Misbehaviour};
use crate::negotiate;
use crate::negotiate13::{self, Offered};
use crate::psk::of_tls13;
use crate::resumption::Saved;
use crate::suites::Suite;

/// A key that the client offers and we have.
pub(super) struct FoundPsk {
    /// Its place in the client's list.
    pub(super) index: u16,
    key: Zeroizing<Vec<u8>>,
    kind: PskKind,
    hash: HashAlgorithm,
    binder: Bytes,
    identity: Bytes,
    session: Option<Found>,
}

/// The session the key is of.
struct Found {
    saved: Saved,
    report: Option<Report>,
    /// How much older than we have it the client says the ticket is, milliseconds (RFC 8446 8.3).
    age_skew: i64,
}

impl FoundPsk {
    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    pub(super) fn hash(&self) -> HashAlgorithm {
        self.hash
    }

    /// The same key in a second hello, if that offers it still. It is not looked up again: a ticket that is kept here can be
    /// taken once.
    pub(super) fn offered_again(mut self, offered: &Offered<'_>) -> Option<Self> {
        let psks = offered.psks?;
        let at = psks.identities.iter().position(|identity| identity.identity == self.identity)?;
        self.binder = psks.binders.get(at)?.clone();
        self.index = u16::try_from(at).ok()?;
        Some(self)
    }

    /// The name of a key from outside.
    pub(super) fn external_identity(&self) -> Option<Box<[u8]>> {
        self.session.is_none().then(|| self.identity.to_vec().into())
    }

    pub(super) fn is_resumption(&self) -> bool {
        self.session.is_some()
    }

    /// See [`Found::age_skew`]; as much of it as there is room for.
    pub(super) fn age_skew(&self) -> Option<i32> {
        let skew = self.session.as_ref()?.age_skew;
        Some(i32::try_from(skew).unwrap_or(if skew < 0 { i32::MIN } else { i32::MAX }))
    }

    /// When the certificates of the session were verified.
    pub(super) fn born(&self) -> Option<u64> {
        self.session.as_ref().map(|found| found.saved.created)
    }

    /// The client's certificates, of the earlier session.
    pub(super) fn client(&self) -> (Vec<CertificateDer<'static>>, Option<Report>) {
        self.session
            .as_ref()
            .map_or_else(Default::default, |found| (found.saved.peer_certificates.clone(), found.report.clone()))
    }

    /// Verifies that the client has the key: its binder covers the hello up to the binders, and what was said earlier
    /// (RFC 8446 4.2.11.2).
    pub(super) fn check_binder(
        &self,
        kdf: Kdf,
        hello: &ClientHello,
        raw: &[u8],
        earlier: Option<&Transcript>,
    ) -> Result<(), Misbehaviour> {
        let covered = hello.truncated(raw).unwrap_or_default();
        let hash = match earlier.and_then(|transcript| transcript.hash_with(covered)) {
            Some(hash) => hash,
            None => kdf.hash().hash(&[covered]),
        };
        let expected = EarlySecret::new(kdf, Some(&self.key)).binder(self.kind, hash.as_slice());
        if expected.ct_eq(&self.binder) { Ok(()) } else { Err(Misbehaviour::BadBinder) }
    }

    /// Whether early data under the key is taken: all that it depends on must be as it was (RFC 8446 4.2.10).
    pub(super) fn takes_early_data(&self, config: &ServerConfig, suite: &Suite, alpn: Option<&Bytes>) -> bool {
        let Some(Found { saved, age_skew, .. }) = &self.session else { return false };
        config.early_data > 0
            && self.index == 0
            && saved.max_early_data > 0
            && Duration::from_millis(age_skew.unsigned_abs()) <= config.anti_replay.age_tolerance()
            && saved.suite == suite.id
            && saved.alpn[..] == *alpn.map_or(&[][..], |name| name)
    }
}

/// Whether early data under this ticket is seen for the first time (RFC 8446 8.1, 8.2).
pub(super) async fn is_first_use(config: &ServerConfig, psk: Option<&FoundPsk>) -> bool {
    match psk {
        Some(psk) => config.anti_replay.is_first_use(&psk.identity, config.clock.now().as_secs()).await,
        None => false,
    }
}

/// Looks for the first of the client's keys that we have, and that goes with this hello.
pub(super) async fn find(
    config: &ServerConfig,
    client_auth: &ClientAuth,
    hello: &ClientHello,
    offered: &Offered<'_>,
) -> Result<Option<FoundPsk>, Error> {
    let Some(psks) = offered.psks else { return Ok(None) };
    let best = negotiate13::choose_suite(config, hello, None);
    let looked_for = psks.identities.iter().zip(&psks.binders).enumerate().take(config.limits.psk_lookups);
    for (index, (identity, binder)) in looked_for {
        let index = u16::try_from(index).unwrap_or(u16::MAX);
        let (binder, name) = (binder.clone(), identity.identity.clone());
        if let Some(psk) = of_tls13(&config.psks).find(|psk| *psk.identity() == identity.identity) {
            let goes = negotiate13::choose_suite(config, hello, Some(psk.hash())).is_some();
            // Someone who must show a certificate does not get by with a key.
            if goes && !client_auth.is_required() {
                let (key, kind, hash) = (Zeroizing::new(psk.key().to_vec()), psk.kind(), psk.hash());
                return Ok(Some(FoundPsk { index, key, kind, hash, binder, identity: name, session: None }));
            }
            continue;
        }
        let Some(saved) = open(config, identity).await else { continue };
        let Some(suite) = best.filter(|suite| fits(config, hello, &saved, suite)) else { continue };
        let Some(report) = same_client(config, client_auth, &saved).await else { continue };
        let age_skew = age_skew(config, &saved, identity);
        return Ok(Some(FoundPsk {
            index,
            key: Zeroizing::new(saved.secret().to_vec()),
            kind: PskKind::Resumption,
            hash: suite.prf,
            binder,
            identity: name,
            session: Some(Found { saved, report: report.map(|report| *report), age_skew }),
        }));
    }
    Ok(None)
}

/// The session behind a ticket. One that is kept here is used once (RFC 8446 8.1).
async fn open(config: &ServerConfig, identity: &PskIdentity) -> Option<Saved> {
    let now = config.clock.now().as_secs();
    let bytes = match (&config.resumption.tickets, &config.resumption.ids) {
        (Some(keys), _) => keys.open(&identity.identity, now).await?.session,
        (None, Some(store)) => store.take(&identity.identity).await?,
        (None, None) => return None,
    };
    Saved::decode(&bytes)
}

/// Whether a session is one to take up here and now, under the suite that this client would get without it. RFC 8446 4.2.11 would
/// let another one of its hash do; but a session keeps nobody from a better one.
fn fits(config: &ServerConfig, hello: &ClientHello, saved: &Saved, suite: &Suite) -> bool {
    let now = config.clock.now().as_secs();
    saved.is_alive(now)
        && saved.suite == suite.id
        && negotiate::is_of_tls13(saved)
        && saved.scope == config.resumption.scope
        && saved.server_name.as_deref() == hello.server_name()
}

fn age_skew(config: &ServerConfig, saved: &Saved, identity: &PskIdentity) -> i64 {
    let theirs = i64::from(identity.obfuscated_ticket_age.wrapping_sub(saved.age_add));
    let ours = config.clock.milliseconds().saturating_sub(saved.received);
    theirs.saturating_sub_unsigned(ours)
}
