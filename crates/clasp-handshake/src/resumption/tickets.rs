//! Tickets: sessions that the client keeps, sealed under a key of the server's (RFC 5077).
//!
//! A ticket is the name of its key, a nonce, and the session under AES-256-GCM. Keys change on a schedule, and those of some
//! earlier periods are still accepted; with a shared secret every process makes the same keys at the same time.

use core::fmt::{self, Debug};
use std::sync::{Mutex, PoisonError};

use clasp_cert::MaybeReady;
use clasp_crypto::{AeadAlgorithm, AeadKey, CryptoError, HashAlgorithm, Provider};
use zeroize::Zeroizing;

/// The length of a key's name, bytes.
const NAME: usize = 16;
const NONCE: usize = 12;
const TAG: usize = 16;

/// Earlier periods whose keys are still accepted.
const ACCEPTED: u64 = 2;

/// Seals sessions into tickets, and opens tickets (RFC 5077 4): [`TicketKeys`], or whoever else has keys that the servers of a
/// service share. May take its time. What comes in a ticket is the client's say: it must be known to be sealed here.
pub trait TicketSealer: Debug + Send + Sync {
    /// Seals a session. `None`: there is no ticket for this one, as where the ticket is empty or longer than
    /// [`Limits::ticket`](crate::Limits::ticket). `now`: seconds since the Unix epoch.
    fn seal<'a>(&'a self, session: &'a [u8], now: u64) -> MaybeReady<'a, Option<Vec<u8>>>;

    /// Opens a ticket. `None`, for what was not sealed with these keys or too long ago: there is a full handshake.
    fn open<'a>(&'a self, ticket: &'a [u8], now: u64) -> MaybeReady<'a, Option<OpenedTicket>>;

    /// How long clients are told to keep a ticket, seconds; 0 says nothing (RFC 5077 3.3). No session is resumed after more than a
    /// day, and that is what clients of TLS 1.3 are told at most, and where nothing is said (RFC 8446 4.6.1).
    fn lifetime(&self) -> u32;
}

/// The keys of a server's tickets.
pub struct TicketKeys {
    provider: &'static Provider,
    /// Of all processes that share it; without it keys are random, and gone with their period.
    secret: Option<Zeroizing<[u8; 32]>>,
    /// Seconds.
    period: u64,
    generations: Mutex<Vec<Generation>>,
}

/// The key of one period.
struct Generation {
    period: u64,
    name: [u8; NAME],
    key: Box<dyn AeadKey>,
}

/// A session out of a ticket.
pub struct OpenedTicket {
    /// What was sealed.
    pub session: Zeroizing<Vec<u8>>,
    /// Whether the client should have another ticket, because the key of this one is an old one, say. One of TLS 1.3 is given
    /// another in any case.
    pub renew: bool,
}

impl Debug for OpenedTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedTicket").field("renew", &self.renew).finish_non_exhaustive()
    }
}

impl TicketSealer for TicketKeys {
    fn seal<'a>(&'a self, session: &'a [u8], now: u64) -> MaybeReady<'a, Option<Vec<u8>>> {
        MaybeReady::ready(self.seal_now(session, now))
    }

    fn open<'a>(&'a self, ticket: &'a [u8], now: u64) -> MaybeReady<'a, Option<OpenedTicket>> {
        MaybeReady::ready(self.open_now(ticket, now))
    }

    fn lifetime(&self) -> u32 {
        u32::try_from((self.period * ACCEPTED).min(super::LIFETIME)).unwrap_or(u32::MAX)
    }
}

impl TicketKeys {
    /// Keys that change every `period` seconds, 12 hours unless told otherwise.
    const PERIOD: u64 = 12 * 3600;

    /// Random keys, for one process. What was sealed under them cannot be opened once they are gone.
    ///
    /// # Errors
    /// [`CryptoError::Unsupported`] when the provider has no AES-256-GCM.
    pub fn generate(provider: &'static Provider) -> Result<Self, CryptoError> {
        Self::make(provider, None)
    }

    /// Keys made of a secret, for processes that share it and have clocks that agree within some minutes. Whoever learns
    /// the secret can open every ticket there ever was: change it now and then.
    ///
    /// # Errors
    /// [`CryptoError::Unsupported`] when the provider has no AES-256-GCM or no HMAC with SHA-256.
    pub fn shared(provider: &'static Provider, secret: [u8; 32]) -> Result<Self, CryptoError> {
        provider.hmac(HashAlgorithm::Sha256).ok_or(CryptoError::Unsupported)?;
        Self::make(provider, Some(Zeroizing::new(secret)))
    }

    fn make(provider: &'static Provider, secret: Option<Zeroizing<[u8; 32]>>) -> Result<Self, CryptoError> {
        provider.aead(AeadAlgorithm::Aes256Gcm).ok_or(CryptoError::Unsupported)?;
        Ok(Self { provider, secret, period: Self::PERIOD, generations: Mutex::default() })
    }

    /// Changes keys every `seconds` seconds, at least one.
    #[must_use]
    pub fn with_period(mut self, seconds: u64) -> Self {
        self.period = seconds.max(1);
        self
    }

    /// `None` when it fails.
    fn seal_now(&self, state: &[u8], now: u64) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE];
        self.provider.random.fill(&mut nonce).ok()?;
        let period = now / self.period;
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = self.generation(&mut generations, period, true)?;
        let mut ticket = Vec::with_capacity(NAME + NONCE + state.len() + TAG);
        ticket.extend_from_slice(&generation.name);
        ticket.extend_from_slice(&nonce);
        ticket.extend_from_slice(state);
        let tag = generation.key.seal_in_place(&nonce, &generation.name, ticket.get_mut(NAME + NONCE..)?).ok()?;
        ticket.extend_from_slice(&tag);
        Some(ticket)
    }

    fn open_now(&self, ticket: &[u8], now: u64) -> Option<OpenedTicket> {
        let (name, rest) = ticket.split_at_checked(NAME)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>()?;
        let current = now / self.period;
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        // The next one too: another process's clock may be ahead.
        for period in (current.saturating_sub(ACCEPTED)..=current + 1).rev() {
            let Some(generation) = self.generation(&mut generations, period, false) else { continue };
            if generation.name == name {
                let mut state = Zeroizing::new(sealed.to_vec());
                let length = generation.key.open_in_place(nonce, name, &mut state).ok()?;
                state.truncate(length);
                return Some(OpenedTicket { session: state, renew: period < current });
            }
        }
        None
    }

    /// The key of a period: known, made of the secret, or, if it is to seal with, made at random.
    fn generation<'a>(
        &self,
        generations: &'a mut Vec<Generation>,
        period: u64,
        to_seal: bool,
    ) -> Option<&'a Generation> {
        if let Some(at) = generations.iter().position(|generation| generation.period == period) {
            return generations.get(at);
        }
        let (mut name, mut key) = ([0; NAME], Zeroizing::new([0; 32]));
        match &self.secret {
            Some(secret) => {
                let hmac = self.provider.hmac(HashAlgorithm::Sha256)?.with_key(secret.as_slice());
                let derive = |label: &[u8], out: &mut [u8]| {
                    let digest = hmac.sign(&[label, &period.to_be_bytes()]);
                    out.iter_mut().zip(digest.as_slice()).for_each(|(to, from)| *to = *from);
                };
                derive(b"clasp ticket name", &mut name);
                derive(b"clasp ticket key", key.as_mut_slice());
            }
            None if to_seal => {
                self.provider.random.fill(&mut name).ok()?;
                self.provider.random.fill(key.as_mut_slice()).ok()?;
            }
            None => return None,
        }
        let key = self.provider.aead(AeadAlgorithm::Aes256Gcm)?.with_key(key.as_slice()).ok()?;
        // Those that are no longer accepted are forgotten.
        generations.retain(|generation| generation.period + ACCEPTED + 1 >= period);
        generations.push(Generation { period, name, key });
        generations.last()
    }
}

impl Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKeys").field("period", &self.period).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use clasp_crypto::default_provider;

    use super::*;

    const HOUR: u64 = 3600;

    #[test]
    fn tickets_open_for_some_periods_and_then_no_more() {
        for keys in [TicketKeys::generate(default_provider()), TicketKeys::shared(default_provider(), [7; 32])] {
            let keys = keys.unwrap().with_period(HOUR);
            let start = 1_000 * HOUR;
            let ticket = keys.seal_now(b"state", start).unwrap();
            let open = |at| keys.open_now(&ticket, at).map(|opened| (opened.session.to_vec(), opened.renew));
            assert_eq!(open(start), Some((b"state".to_vec(), false)));
            assert_ne!(keys.seal_now(b"state", start).unwrap(), ticket, "a fresh nonce");
            keys.seal_now(b"state", start + HOUR).unwrap();
            assert_eq!(open(start + HOUR), Some((b"state".to_vec(), true)));
            keys.seal_now(b"state", start + 2 * HOUR).unwrap();
            assert!(open(start + 2 * HOUR).is_some());
            assert_eq!(open(start + 3 * HOUR), None);
            let generations = keys.generations.lock().unwrap().len();
            assert!(generations <= 5, "{generations}");
        }
    }

    #[test]
    fn processes_share_keys_by_their_secret_alone() {
        let keys = |secret| TicketKeys::shared(default_provider(), [secret; 32]).unwrap();
        let ticket = keys(1).seal_now(b"state", 5_000_000).unwrap();
        // The other's clock is a little behind, at the edge of a period.
        let edge = (5_000_000 / TicketKeys::PERIOD) * TicketKeys::PERIOD - 1;
        assert!(keys(1).open_now(&ticket, edge).is_some());
        assert!(keys(2).open_now(&ticket, 5_000_000).is_none());
        assert!(TicketKeys::generate(default_provider()).unwrap().open_now(&ticket, 5_000_000).is_none());
    }

    #[test]
    fn every_altered_ticket_is_refused() {
        let keys = TicketKeys::generate(default_provider()).unwrap();
        let ticket = keys.seal_now(b"state", 0).unwrap();
        for at in 0..ticket.len() {
            let mut altered = ticket.clone();
            altered[at] ^= 1;
            assert!(keys.open_now(&altered, 0).is_none(), "{at}");
            assert!(keys.open_now(&ticket[..at], 0).is_none(), "{at}");
        }
        assert!(!format!("{keys:?}").contains("key:"));
    }
}
