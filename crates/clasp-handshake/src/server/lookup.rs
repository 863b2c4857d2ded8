//! The session that a client's hello refers to (RFC 5246 7.3, RFC 5077 3.2).

use clasp_wire::{ClientHello, ProtocolVersion};

use crate::config::ServerConfig;
use crate::error::Misbehaviour;
use crate::negotiate;
use crate::psk::scope_with;
use crate::resumption::{Found, Saved};

/// Looks up the session that a client's hello refers to, if there is one that fits the hello.
pub(crate) async fn find(
    config: &ServerConfig,
    hello: &ClientHello,
    version: ProtocolVersion,
) -> Result<Option<Found>, Misbehaviour> {
    let now = config.clock.now().as_secs();
    let ticket = hello.session_ticket().filter(|ticket| !ticket.is_empty());
    let (bytes, renew) = match (&config.resumption.tickets, ticket, &config.resumption.ids) {
        (Some(keys), Some(ticket), _) => match keys.open(ticket, now).await {
            Some(opened) => (opened.session, opened.renew),
            None => return Ok(None),
        },
        (_, _, Some(store)) if !hello.session_id.as_slice().is_empty() => {
            match store.get(hello.session_id.as_slice()).await {
                Some(bytes) => (bytes, false),
                None => return Ok(None),
            }
        }
        _ => return Ok(None),
    };
    let Some(saved) = Saved::decode(&bytes) else { return Ok(None) };
    let scope = scope_with(&config.resumption.scope, &config.psks, saved.psk_identity.as_deref(), config.provider);
    let fits = saved.is_alive(now)
        && negotiate::is_of(&saved, version)
        && scope.is_some_and(|scope| *scope == *saved.scope)
        && saved.server_name.as_deref() == hello.server_name()
        && hello.cipher_suites.contains(&saved.suite)
        && config.policy.suites.iter().any(|suite| suite.id == saved.suite && suite.allows(version));
    if !fits {
        return Ok(None);
    }
    match (saved.extended_master_secret, hello.has_extended_master_secret()) {
        // RFC 7627 5.3: a client that had it and offers it no more is not the one that it claims to be.
        (true, false) => Err(Misbehaviour::ExtendedMasterSecretChanged),
        (false, true) => Ok(None),
        _ => Ok(Some(Found { saved, renew })),
    }
}
