//! Taking up an earlier session again, without public-key arithmetic (RFC 5246 7.3, RFC 5077).
//!
//! What a session was agreed under it is resumed under: version, suite, extended master secret, server name, policy, and
//! what authenticated the peer. Where one of them differs there is a full handshake instead. A resumed session has no
//! forward secrecy of its own: whoever gets at the stored session, or at a ticket's key, reads it.

mod saved;
mod store;
mod tickets;

use std::sync::Arc;

use bytes::Bytes;
use clasp_wire::{ClientHello, ProtocolVersion};
use zeroize::Zeroizing;

use crate::config::ServerConfig;
use crate::error::Misbehaviour;

pub(crate) use saved::Saved;
pub use store::{MemorySessions, SessionStore};
pub use tickets::TicketKeys;

/// How long a session may be resumed, seconds (RFC 5246 F.1.4 advises at most a day).
pub(crate) const LIFETIME: u64 = 24 * 3600;

/// How a client resumes.
#[derive(Debug)]
pub(crate) struct ClientResumption {
    pub(crate) store: Arc<dyn SessionStore>,
    /// Whether tickets are asked for.
    pub(crate) tickets: bool,
    /// Whether session identifiers are kept.
    pub(crate) ids: bool,
}

/// How a server resumes.
#[derive(Debug)]
pub(crate) struct ServerResumption {
    pub(crate) ids: Option<Arc<dyn SessionStore>>,
    pub(crate) tickets: Option<Arc<TicketKeys>>,
}

impl ServerResumption {
    /// Whether tickets serve this client.
    pub(crate) fn issues_ticket(&self, hello: &ClientHello) -> bool {
        self.tickets.is_some() && hello.session_ticket().is_some()
    }
}

/// What a client's hello refers to.
pub(crate) struct Found {
    pub(crate) saved: Saved,
    /// The key of its ticket is an old one: the client should have another.
    pub(crate) renew: bool,
}

/// Looks up the session that a client's hello refers to, if there is one that fits the hello.
pub(crate) async fn find(
    config: &ServerConfig,
    hello: &ClientHello,
    version: ProtocolVersion,
) -> Result<Option<Found>, Misbehaviour> {
    let now = config.clock.now().as_secs();
    let ticket = hello.session_ticket().filter(|ticket| !ticket.is_empty());
    let (bytes, renew) = match (&config.resumption.tickets, ticket, &config.resumption.ids) {
        (Some(keys), Some(ticket), _) => match keys.open(ticket, now) {
            Some(opened) => (opened.state, opened.renew),
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
    let fits = saved.is_alive(now)
        && saved.version == version
        && saved.scope == scope(config)
        && saved.server_name.as_deref() == hello.server_name()
        && hello.cipher_suites.contains(&saved.suite)
        && config.policy.suites.iter().any(|suite| suite.id == saved.suite && suite.allows(version));
    if !fits {
        return Ok(None);
    }
    match (saved.extended_master_secret, hello.has_extended_master_secret()) {
        // RFC 7627 5.3: a client that had it and offers it no more is not the one that it claims to be.
        (true, false) => Err(Misbehaviour::ExtendedMasterSecretDropped),
        (false, true) => Ok(None),
        _ => Ok(Some(Found { saved, renew })),
    }
}

/// What a server's sessions belong to: those of another policy are not taken up.
pub(crate) fn scope(config: &ServerConfig) -> Box<[u8]> {
    config.policy.name().as_bytes().into()
}

/// A fresh session identifier.
pub(crate) fn fresh_id(provider: &clasp_crypto::Provider) -> Result<clasp_wire::SessionId, clasp_crypto::CryptoError> {
    let mut id = [0; 32];
    provider.random.fill(&mut id)?;
    Ok(clasp_wire::SessionId::new(&id).unwrap_or(clasp_wire::SessionId::EMPTY))
}

/// A ticket for a session.
pub(crate) fn ticket(config: &ServerConfig, saved: &Saved) -> Option<(Bytes, u32)> {
    let keys = config.resumption.tickets.as_ref()?;
    let state: Zeroizing<Vec<u8>> = saved.encode();
    let ticket = keys.seal(&state, config.clock.now().as_secs())?;
    Some((ticket.into(), keys.lifetime_hint()))
}
