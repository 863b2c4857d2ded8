//! The client's side of a handshake: say hello, then go on with the flights of the version the server chose.

mod classic;
pub(crate) mod ech;
mod offer13;
pub(crate) mod tickets;
pub(crate) mod tls13;

use std::sync::Arc;

use bytes::Bytes;
use clasp_cert::{KeyUse, Report, ServerVerification};
use clasp_wire::ServerHello;
use rustls_pki_types::ServerName;

pub(crate) use offer13::Offer13;
pub(crate) use tickets::{session_keys, ticket_key};

use crate::config::ClientConfig;
use crate::error::{Error, Misbehaviour};
use crate::hello::ClientOffer;
use crate::negotiate;
use crate::peer::{Order, Peer};
use crate::psk::scope_with;
use crate::resumption::Saved;
use crate::session::{Established, Previous};
use crate::tls13::{Log, epoch};
use crate::trace::{Step, join, short_hex};

/// A handshake, the first one or another after `previous`.
pub(crate) async fn handshake(
    mut peer: Peer,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    previous: Option<Previous>,
) -> Result<Established, Error> {
    let saved = match previous {
        None => remembered(&config, &name).await,
        Some(_) => None,
    };
    #[cfg(feature = "ech")]
    if let Some(ech) = config.ech.as_ref().filter(|_| previous.is_none()) {
        let ech = Arc::clone(ech);
        return Box::pin(ech::handshake(peer, config, ech, name, saved)).await;
    }
    let mut offer = ClientOffer::new(&config, &name, previous.as_ref(), saved.as_ref())?;
    if previous.is_none() {
        offer.arrange(&config)?;
        peer.order(Order::RecordVersion(config.policy.first_record_version()));
    }
    match &offer.tls13 {
        Some(tls13) => {
            peer.send_encoded(tls13.encode(&offer.hello, None));
            write_early(&mut peer, &config, &offer, tls13);
        }
        None if previous.is_none() && config.policy.sends_sslv2_hello => peer.send_sslv2_hello(&offer.hello)?,
        None => peer.send(&offer.hello),
    }
    peer.trace(Step::ClientHello, "sent ClientHello", || {
        vec![
            ("server name", name.to_str().into_owned()),
            ("versions", join(config.policy.versions())),
            ("random", short_hex(&offer.hello.random.0)),
            ("suites", join(&offer.hello.cipher_suites)),
            ("groups", join(offer.hello.supported_groups().unwrap_or_default())),
            ("asks to resume", saved.is_some().to_string()),
        ]
    });

    let (hello, raw) = peer.receive_unhashed::<ServerHello>().await?;
    go_on(&mut peer, &config, name, offer, saved, previous, hello, raw).await
}

/// Goes on from the server's hello.
#[allow(clippy::too_many_arguments, reason = "all that was said so far")]
async fn go_on(
    peer: &mut Peer,
    config: &ClientConfig,
    name: ServerName<'static>,
    offer: ClientOffer,
    saved: Option<Saved>,
    previous: Option<Previous>,
    hello: ServerHello,
    raw: Bytes,
) -> Result<Established, Error> {
    if negotiate::chose_tls13(&offer, &hello)? {
        return tls13::handshake(peer, config, name, offer, hello, raw).await;
    }
    peer.transcript.add(&raw);
    if offer.tls13.as_ref().is_some_and(|tls13| tls13.early_data.is_some()) {
        // RFC 8446 D.3: nobody takes early data of another version than it was meant for.
        return Err(Misbehaviour::EarlyDataInOlderVersion.into());
    }
    peer.order(Order::RecordVersion(negotiate::record_version(&offer, &hello)));
    let agreed = negotiate::accept(config, &offer, &hello, previous.as_ref())?;
    peer.trace(Step::ServerHello, "received ServerHello", || {
        vec![
            ("version", agreed.dialect.version().to_string()),
            ("suite", agreed.suite.id.to_string()),
            ("random", short_hex(&hello.random.0)),
            ("extended master secret", agreed.extended_master_secret.to_string()),
            ("secure renegotiation", agreed.secure_renegotiation.to_string()),
        ]
    });
    let saved = saved.filter(|saved| !negotiate::is_of_tls13(saved));
    let echoed = !hello.session_id.is_empty() && hello.session_id == offer.hello.session_id;
    if saved.is_none() && echoed && offer.tls13.is_some() {
        // There is no session by that identifier, which is there for others to see (RFC 8446 D.4).
        return Err(Misbehaviour::ResumedDifferently.into());
    }
    if let Some(saved) = saved.filter(|_| !hello.session_id.is_empty() && hello.session_id == offer.hello.session_id) {
        return classic::resumed_handshake(peer, config, name, agreed, &hello, saved).await;
    }
    classic::full_handshake(peer, config, name, agreed, &hello, previous.as_ref()).await
}

/// From here on early data may be written, where the hello says that it comes (RFC 8446 4.2.10, 7.3).
fn write_early(peer: &mut Peer, config: &ClientConfig, offer: &ClientOffer, tls13: &Offer13) {
    let (Some((suite, limit)), Some(psk)) = (tls13.early_data, tls13.psks.first()) else { return };
    // Only the first hello's record may say an older version (RFC 8446 5.1).
    peer.order(Order::RecordVersion(negotiate::TLS13_RECORDS));
    if config.middlebox_compatibility {
        peer.order(Order::CompatibilityChangeCipherSpec);
    }
    let hash = psk.kdf.hash().hash(&[peer.transcript.raw().unwrap_or_default()]);
    let secret = psk.early.client_traffic(hash.as_slice());
    let log = Log { log: config.key_log.as_deref(), client_random: offer.hello.random.0 };
    log.early(&secret, &psk.early.exporter(hash.as_slice()));
    peer.order(Order::WriteKeys(epoch(suite, &secret.prepare())));
    peer.order(Order::WriteEarlyData(Some(limit)));
    peer.trace(Step::ApplicationData, "early data may be sent", || vec![("bytes", limit.to_string())]);
}

/// A session with this server that may be resumed: one of TLS 1.3, which is used once, or else an older one.
async fn remembered(config: &ClientConfig, name: &ServerName<'static>) -> Option<Saved> {
    let resumption = config.resumption.as_ref()?;
    if config.policy.offers_tls13(true) && resumption.tickets {
        for slot in 0..config.limits.tickets_kept {
            let bytes = resumption.store.take(&ticket_key(name, slot)).await;
            let saved = bytes.and_then(|bytes| Saved::decode(&bytes));
            if let Some(saved) = saved.filter(|saved| fits_tls13(config, saved)) {
                return Some(saved);
            }
        }
    }
    let bytes = resumption.store.get(name.to_str().as_bytes()).await?;
    let saved = Saved::decode(&bytes)?;
    let now = config.clock.now().as_secs();
    let policy = &config.policy;
    let by_ticket = !saved.ticket.is_empty();
    let fits = saved.is_alive(now)
        && scope_with(&resumption.scope, &config.psks, saved.psk_identity.as_deref(), config.provider)
            .is_some_and(|scope| *scope == *saved.scope)
        && (if by_ticket {
            resumption.tickets && policy.hello_has_extensions(true)
        } else {
            resumption.ids && !saved.id.is_empty()
        })
        && (!saved.extended_master_secret || policy.extended_master_secret)
        && (saved.extended_master_secret || !policy.require_extended_master_secret)
        && policy.suites.iter().any(|suite| suite.id == saved.suite && suite.allows(saved.version))
        && policy.versions().any(|version| negotiate::is_of(&saved, version));
    fits.then_some(saved)
}

/// Whether a session of TLS 1.3 is one that this configuration could have made.
fn fits_tls13(config: &ClientConfig, saved: &Saved) -> bool {
    saved.is_alive(config.clock.now().as_secs())
        && negotiate::is_of_tls13(saved)
        && config.resumption.as_ref().is_some_and(|resumption| {
            scope_with(&resumption.scope, &config.psks, saved.psk_identity.as_deref(), config.provider)
                .is_some_and(|scope| *scope == *saved.scope)
        })
        && config.policy.suites.iter().any(|suite| suite.id == saved.suite)
}

/// Verifies the server of a session that is resumed once more, where the configuration wants that.
async fn verify_again(
    config: &ClientConfig,
    name: &ServerName<'static>,
    saved: &Saved,
    key_use: KeyUse,
) -> Result<Option<Report>, Error> {
    // Where a key took the place of certificates there are none.
    if !config.verify_resumed || saved.psk_identity.is_some() {
        return Ok(None);
    }
    let now = config.clock.now();
    let verification =
        ServerVerification::new(&saved.peer_certificates, name, now, key_use).with_sct_list(saved.sct_list.as_ref());
    config.verifier.verify_server(verification).await.map(Some).map_err(refused)
}

fn refused(error: clasp_cert::CertificateError) -> Error {
    Error::Certificate { whose: clasp_keys::Role::Client, error: Box::new(error) }
}
