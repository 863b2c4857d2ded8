//! Encrypted ClientHello as a server: which of a client's two hellos counts, and how the client is told (RFC 9849 7).

#[cfg(feature = "ech")]
mod opener;

use bytes::Bytes;
use clasp_crypto::Provider;
use clasp_keys::tls13::Kdf;
use clasp_wire::{ClientHello, Random, ServerExtension, ServerHello};
#[cfg(feature = "ech")]
use {
    crate::error::Misbehaviour,
    clasp_keys::tls13::{ech_accept_confirmation, ech_hello_retry_confirmation},
    clasp_wire::{EchClientHello, HandshakeMessage as _},
};

use crate::config::ServerConfig;
use crate::error::{ConfigError, Error};
use crate::peer::Peer;

/// How long a confirmation is, bytes (RFC 9849 7.2).
#[cfg(feature = "ech")]
const CONFIRMATION: usize = 8;

/// What a client's hello is to Encrypted ClientHello.
#[derive(Default)]
pub(super) enum Standing {
    /// Nothing: there is no key here.
    #[default]
    Ignored,
    /// One without another in it, or with one that no key here opens. The client is told these keys.
    #[cfg(feature = "ech")]
    Unopened { retry_configs: Bytes },
    /// One that was encrypted, and that we opened.
    #[cfg(feature = "ech")]
    Opened(Box<opener::Opener>),
    /// One that another server before this one opened: there is no key here (RFC 9849 7.2).
    #[cfg(feature = "ech")]
    Forwarded,
}

/// A hello, its bytes with their header, and what it is to Encrypted ClientHello.
pub(super) type Read = (ClientHello, Bytes, Standing);

/// Reads the first hello of a connection: gives the one that counts, which is in the transcript then.
#[cfg(feature = "ech")]
pub(super) fn read(peer: &mut Peer, config: &ServerConfig, hello: ClientHello, raw: Bytes) -> Result<Read, Error> {
    let offered = parse(&hello)?;
    let keys = config.ech.as_ref().map(|keys| keys.current());
    let (hello, raw, standing) = match (keys.as_deref(), offered) {
        (None, Some(EchClientHello::Inner)) => (hello, raw, Standing::Forwarded),
        (None, _) => (hello, raw, Standing::Ignored),
        // RFC 9849 7.
        (Some(_), Some(EchClientHello::Inner)) => return Err(Misbehaviour::InnerClientHelloInTheOpen.into()),
        (Some(keys), Some(EchClientHello::Outer(outer))) => opener::open(peer, keys, hello, raw, &outer)?,
        (Some(keys), None) => (hello, raw, Standing::Unopened { retry_configs: keys.retry_configs.clone() }),
    };
    peer.transcript.add(&raw);
    Ok((hello, raw, standing))
}

#[cfg(not(feature = "ech"))]
#[allow(clippy::unnecessary_wraps, reason = "as with the feature")]
pub(super) fn read(peer: &mut Peer, _: &ServerConfig, hello: ClientHello, raw: Bytes) -> Result<Read, Error> {
    peer.transcript.add(&raw);
    Ok((hello, raw, Standing::Ignored))
}

/// Whether a resolver may hand over from one configuration to the other: keys that come too late are none.
#[cfg(feature = "ech")]
pub(super) fn may_hand_over(from: &ServerConfig, to: &ServerConfig) -> Result<(), ConfigError> {
    if to.ech.is_some() && from.ech.is_none() { Err(ConfigError::EchKeysTooLate) } else { Ok(()) }
}

#[cfg(not(feature = "ech"))]
#[allow(clippy::unnecessary_wraps, reason = "as with the feature")]
pub(super) fn may_hand_over(_: &ServerConfig, _: &ServerConfig) -> Result<(), ConfigError> {
    Ok(())
}

/// What a hello says of itself.
#[cfg(feature = "ech")]
fn parse(hello: &ClientHello) -> Result<Option<EchClientHello>, Error> {
    Ok(hello.encrypted_client_hello().map(EchClientHello::parse).transpose()?)
}

#[cfg_attr(
    not(feature = "ech"),
    allow(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        unused_variables,
        reason = "without the feature there is one standing alone"
    )
)]
impl Standing {
    /// Whether we opened the hello.
    pub(super) fn is_opened(&self) -> bool {
        match self {
            Self::Ignored => false,
            #[cfg(feature = "ech")]
            other => matches!(other, Self::Opened(_)),
        }
    }

    /// Receives the hello after a HelloRetryRequest: gives the one that counts, which is not in the transcript yet
    /// (RFC 9849 7.1.1).
    pub(super) async fn receive_again(&mut self, peer: &mut Peer) -> Result<(ClientHello, Bytes), Error> {
        let (hello, raw) = peer.receive_unhashed::<ClientHello>().await?;
        #[cfg(feature = "ech")]
        match (&mut *self, parse(&hello)?) {
            (Self::Opened(opener), offered) => return opener.open_again(peer, &raw, offered),
            (Self::Unopened { .. }, Some(EchClientHello::Inner)) => {
                return Err(Misbehaviour::InnerClientHelloInTheOpen.into());
            }
            (Self::Forwarded, Some(EchClientHello::Outer(_))) => return Err(Misbehaviour::ChangedAfterRetry.into()),
            _ => {}
        }
        Ok((hello, raw))
    }

    /// Says in a HelloRetryRequest which hello it answers (RFC 9849 7.2.1). The transcript ends with the first hello's hash.
    /// A client whose hello was not opened is told something that looks the same (RFC 9849 7.1).
    pub(super) fn confirm_retry(
        &self,
        peer: &Peer,
        (kdf, provider): (Kdf, &Provider),
        hello: &ClientHello,
        retry: &mut ServerHello,
    ) -> Result<(), Error> {
        #[cfg(feature = "ech")]
        {
            let mut confirmation = [0; CONFIRMATION];
            let place =
                |confirmation: &[u8]| ServerExtension::EncryptedClientHello(Bytes::copy_from_slice(confirmation));
            match self {
                Self::Unopened { .. } if hello.encrypted_client_hello().is_some() => {
                    provider.random.fill(&mut confirmation)?;
                }
                Self::Opened(_) | Self::Forwarded => {
                    let mut zeroed = retry.clone();
                    zeroed.extensions.get_or_insert_default().push(place(&confirmation));
                    let hash = peer.transcript.hash_with(&zeroed.encode());
                    let hash = hash.ok_or(clasp_keys::ScheduleError::Unsettled)?;
                    confirmation = ech_hello_retry_confirmation(kdf, &hello.random.0, hash.as_slice());
                }
                _ => return Ok(()),
            }
            retry.extensions.get_or_insert_default().push(place(&confirmation));
        }
        Ok(())
    }

    /// Says in our hello that it answers the one that was encrypted, whose random value is given (RFC 9849 7.2).
    pub(super) fn confirm(
        &self,
        peer: &Peer,
        kdf: Kdf,
        inner_random: Random,
        hello: &mut ServerHello,
    ) -> Result<(), Error> {
        #[cfg(feature = "ech")]
        if matches!(self, Self::Opened(_) | Self::Forwarded) {
            const AT: usize = 32 - CONFIRMATION;
            hello.random.0[AT..].fill(0);
            let hash = peer.transcript.hash_with(&hello.encode()).ok_or(clasp_keys::ScheduleError::Unsettled)?;
            let confirmation = ech_accept_confirmation(kdf, &inner_random.0, hash.as_slice());
            hello.random.0[AT..].copy_from_slice(&confirmation);
        }
        Ok(())
    }

    /// What EncryptedExtensions tell a client that offered another hello: the keys to encrypt the next one to, where we did not
    /// open it (RFC 9849 7.1).
    pub(super) fn answer(&self, hello: &ClientHello) -> Option<ServerExtension> {
        match self {
            #[cfg(feature = "ech")]
            Self::Unopened { retry_configs } if hello.encrypted_client_hello().is_some() => {
                Some(ServerExtension::EncryptedClientHello(retry_configs.clone()))
            }
            _ => None,
        }
    }
}
