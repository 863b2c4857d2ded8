//! The client's side of a handshake: say hello, then go on with the flights of the version the server chose.

mod classic;

use std::sync::Arc;

use clasp_wire::ServerHello;
use rustls_pki_types::ServerName;

use crate::config::ClientConfig;
use crate::error::Error;
use crate::hello::ClientOffer;
use crate::negotiate;
use crate::peer::{Order, Peer};
use crate::resumption::Saved;
use crate::session::{Established, Previous};
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
    let offer = ClientOffer::new(&config, &name, previous.as_ref(), saved.as_ref())?;
    if previous.is_none() {
        // RFC 5246 E.1: the first record's version is low, for servers that look at it.
        peer.order(Order::RecordVersion(clasp_wire::ProtocolVersion::TLS_1_0));
    }
    peer.send(&offer.hello);
    peer.trace(Step::ClientHello, "sent ClientHello", || {
        vec![
            ("server name", name.to_str().into_owned()),
            ("version", offer.hello.client_version.to_string()),
            ("random", short_hex(&offer.hello.random.0)),
            ("suites", join(&offer.hello.cipher_suites)),
            ("groups", join(offer.hello.supported_groups().unwrap_or_default())),
            ("asks to resume", saved.is_some().to_string()),
        ]
    });

    let hello = peer.receive::<ServerHello>().await?;
    peer.order(Order::RecordVersion(negotiate::record_version(&offer, &hello)));
    let agreed = negotiate::accept(&config, &offer, &hello, previous.as_ref())?;
    peer.trace(Step::ServerHello, "received ServerHello", || {
        vec![
            ("version", agreed.dialect.version().to_string()),
            ("suite", agreed.suite.id.to_string()),
            ("random", short_hex(&hello.random.0)),
            ("extended master secret", agreed.extended_master_secret.to_string()),
            ("secure renegotiation", agreed.secure_renegotiation.to_string()),
        ]
    });
    if let Some(saved) = saved.filter(|_| !hello.session_id.is_empty() && hello.session_id == offer.hello.session_id) {
        return classic::resumed_handshake(&mut peer, &config, name, agreed, &hello, saved).await;
    }
    // The classic family; the flights of TLS 1.3 will have their own file.
    classic::full_handshake(&mut peer, &config, name, agreed, &hello, previous.as_ref()).await
}

/// A session with this server that may be resumed.
async fn remembered(config: &ClientConfig, name: &ServerName<'static>) -> Option<Saved> {
    let resumption = config.resumption.as_ref()?;
    let bytes = resumption.store.get(name.to_str().as_bytes()).await?;
    let saved = Saved::decode(&bytes)?;
    let now = config.clock.now().as_secs();
    let policy = &config.policy;
    let by_ticket = !saved.ticket.is_empty();
    let fits = saved.is_alive(now)
        && saved.scope == classic::scope(config)
        && (if by_ticket { resumption.tickets } else { resumption.ids && !saved.id.is_empty() })
        && (!saved.extended_master_secret || policy.extended_master_secret)
        && (saved.extended_master_secret || !policy.require_extended_master_secret)
        && policy.suites.iter().any(|suite| suite.id == saved.suite && suite.allows(saved.version))
        && policy.versions().any(|version| negotiate::is_of(&saved, version));
    fits.then_some(saved)
}
