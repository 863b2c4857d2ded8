//! Taking up an earlier session again, without public-key arithmetic (RFC 5246 7.3, RFC 5077).
//!
//! What a session was agreed under it is resumed under: version, suite, extended master secret, server name, policy, and
//! what authenticated the peer. Where one of them differs there is a full handshake instead. A resumed session has no
//! forward secrecy of its own: whoever gets at the stored session, or at a ticket's key, reads it.

mod replay;
mod saved;
mod store;
mod tickets;

use std::sync::Arc;

use clasp_cert::ServerVerifier;
use clasp_crypto::{HashAlgorithm, Provider};
use clasp_wire::ClientHello;

use crate::config::ClientIdentityResolver;
use crate::policy::Policy;

pub use replay::{AntiReplay, ReplayMemory};
pub(crate) use saved::Saved;
pub use store::{MemorySessions, SessionStore};
pub use tickets::{OpenedTicket, TicketKeys, TicketSealer};

/// How long a session may be resumed, seconds (RFC 5246 F.1.4 advises at most a day).
pub(crate) const LIFETIME: u64 = 24 * 3600;

/// How a client resumes.
#[derive(Debug)]
pub(crate) struct ClientResumption {
    /// What sessions belong to: those of another policy, of a server verified in another way, or of a client with other
    /// certificates are not taken up.
    pub(crate) scope: Box<[u8]>,
    pub(crate) store: Arc<dyn SessionStore>,
    /// Whether tickets are asked for.
    pub(crate) tickets: bool,
    /// Whether session identifiers are kept.
    pub(crate) ids: bool,
    /// Counts the tickets of TLS 1.3, to keep the last few.
    pub(crate) tickets_kept: std::sync::atomic::AtomicU8,
}

/// See [`ClientResumption::scope`].
pub(crate) fn client_scope(
    policy: &Policy,
    verifier: &dyn ServerVerifier,
    identities: &dyn ClientIdentityResolver,
    provider: &Provider,
) -> Box<[u8]> {
    let (policy, verifier) = (policy.resumption_scope(), verifier.resumption_scope());
    let identities = identities.resumption_scope();
    let length = |part: &[u8]| u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes();
    let hash = provider.hash(HashAlgorithm::Sha256);
    let parts: [&[u8]; 6] =
        [&length(&policy), &policy, &length(&verifier), &verifier, &length(&identities), &identities];
    hash.map_or_else(|| parts.concat().into(), |hash| hash.hash(&parts).as_slice().into())
}

/// How a server resumes.
#[derive(Debug)]
pub(crate) struct ServerResumption {
    /// What sessions belong to: those of another policy are not taken up.
    pub(crate) scope: Box<[u8]>,
    pub(crate) ids: Option<Arc<dyn SessionStore>>,
    pub(crate) tickets: Option<Arc<dyn TicketSealer>>,
}

impl ServerResumption {
    /// Whether sessions are kept, by us or by the client.
    pub(crate) fn is_kept(&self) -> bool {
        self.tickets.is_some() || self.ids.is_some()
    }

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

/// A fresh session identifier.
pub(crate) fn fresh_id(provider: &clasp_crypto::Provider) -> Result<clasp_wire::SessionId, clasp_crypto::CryptoError> {
    let mut id = [0; 32];
    provider.random.fill(&mut id)?;
    Ok(clasp_wire::SessionId::new(&id).unwrap_or(clasp_wire::SessionId::EMPTY))
}
