//! The tickets of TLS 1.3, as a client keeps them (RFC 8446 4.6.1).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use clasp_wire::NewSessionTicket13;
use rustls_pki_types::ServerName;
use zeroize::Zeroizing;

use crate::config::ClientConfig;
use crate::error::Error;
use crate::psk::scope_with;
use crate::resumption::Saved;
use crate::session::{Done, Session};
use crate::tls13::Secrets13;

/// Where a ticket is kept. No server's name has a byte of 0.
pub(crate) fn ticket_key(name: &ServerName<'_>, slot: u8) -> Vec<u8> {
    let mut key = name.to_str().as_bytes().to_vec();
    key.extend_from_slice(&[0, slot]);
    key
}

/// All the keys under which sessions with a server are kept.
pub(crate) fn session_keys(config: &ClientConfig, name: &ServerName<'_>) -> impl Iterator<Item = Vec<u8>> {
    let tickets = (0..config.limits.tickets_kept).map(|slot| ticket_key(name, slot));
    std::iter::once(name.to_str().as_bytes().to_vec()).chain(tickets)
}

/// What to keep of a ticket; nothing of one that is good for nothing.
pub(crate) fn saved(
    config: &ClientConfig,
    session: &Session,
    secrets: &Secrets13,
    ticket: &NewSessionTicket13,
) -> Option<Saved> {
    let (resumption, secret) = (config.resumption.as_ref()?, secrets.resumption.as_ref()?);
    if !resumption.tickets || ticket.lifetime == 0 || ticket.ticket.len() > config.limits.ticket {
        return None;
    }
    let mut saved = Saved {
        version: session.version,
        suite: session.suite.id,
        extended_master_secret: true,
        client_authenticated: session.client_authenticated,
        master: Zeroizing::new([0; 48]),
        secret_len: 0,
        created: secrets.born,
        // Rounded up: to no server is it to seem older than it is.
        received: config.clock.milliseconds().saturating_add(1),
        lifetime: ticket.lifetime,
        age_add: ticket.age_add,
        max_early_data: ticket.max_early_data().unwrap_or(0),
        alpn: session.alpn().unwrap_or_default().into(),
        scope: scope_with(&resumption.scope, &config.psks, session.psk_identity(), config.provider)?.into(),
        server_name: session.server_name().map(Box::from),
        peer_certificates: session.peer_certificates.to_vec(),
        sct_list: session.sct_list.clone(),
        psk_identity: session.psk_identity().map(Box::from),
        ticket: ticket.ticket.to_vec().into(),
        id: [].into(),
    };
    saved.set_secret(secret.psk(&ticket.nonce).as_bytes());
    Some(saved)
}

/// Keeps a ticket, in place of the one that came the longest ago.
pub(crate) async fn keep(config: Arc<ClientConfig>, name: ServerName<'static>, saved: Saved) -> Result<Done, Error> {
    if let Some(resumption) = &config.resumption {
        let slot = resumption.tickets_kept.fetch_add(1, Ordering::Relaxed) % config.limits.tickets_kept;
        resumption.store.put(&ticket_key(&name, slot), saved.encode()).await;
    }
    Ok(Done::Kept)
}
