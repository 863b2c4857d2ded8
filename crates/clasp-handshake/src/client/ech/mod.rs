//! Encrypted ClientHello, and what looks like it: a hello that only the server can read, in a hello for everybody else
//! (RFC 9849).

#[cfg(feature = "ech")]
mod inner;
#[cfg(feature = "ech")]
mod target;

use bytes::Bytes;
use clasp_crypto::{CryptoError, Provider};
use clasp_wire::{
    ClientExtension, ClientHello, EchClientHello, EchConfig, EchOuter, HpkeAead, HpkeKdf, HpkeSymmetricCipherSuite,
    NamedGroup, ServerHello,
};

#[cfg(feature = "ech")]
pub(crate) use inner::Ech;
#[cfg(feature = "ech")]
pub(super) use inner::handshake;
#[cfg(feature = "ech")]
pub(crate) use target::EchTarget;

use crate::error::{Error, Misbehaviour};
use crate::peer::Peer;
use crate::suites::Suite;
#[cfg(feature = "ech")]
use crate::{peer::Order, trace::TracedMessage};

/// The length of an X25519 public key, bytes.
const X25519_KEY: usize = 32;

/// What the extension of a hello without another one in it holds as that, bytes: an inner hello with a name of usual length,
/// padded, and the AEAD's tag.
const GREASE_PAYLOAD: usize = 128 + 16;

/// An extension that looks as if there were another hello in it (RFC 9849 6.2). It is the same in the hello after a
/// HelloRetryRequest.
pub(super) fn grease(provider: &Provider) -> Result<ClientExtension, CryptoError> {
    let mut random = [0; 1 + GREASE_PAYLOAD + X25519_KEY];
    provider.random.fill(&mut random)?;
    let ([config_id], random) = random.split_first_chunk().ok_or(CryptoError::BadLength)?;
    let (payload, key) = random.split_at(GREASE_PAYLOAD);
    let enc = match provider.group(NamedGroup::X25519) {
        Some(group) => Bytes::copy_from_slice(group.start(provider.random)?.public_key()),
        None => Bytes::copy_from_slice(key),
    };
    let outer = EchOuter {
        cipher_suite: HpkeSymmetricCipherSuite { kdf: HpkeKdf::HKDF_SHA256, aead: HpkeAead::AES_128_GCM },
        config_id: *config_id,
        enc,
        payload: Bytes::copy_from_slice(payload),
    };
    Ok(ClientExtension::EncryptedClientHello(EchClientHello::Outer(outer).encode()))
}

/// What a hello is to Encrypted ClientHello.
#[derive(Default)]
pub(crate) enum Standing {
    /// One without another in it.
    #[default]
    NotOffered,
    /// One that was encrypted, and that the server answers.
    #[cfg(feature = "ech")]
    Accepted(Box<inner::Sealer>),
    /// One around another, which the server could not read.
    #[cfg(feature = "ech")]
    Rejected,
}

#[cfg_attr(
    not(feature = "ech"),
    allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_self,
        unused_variables,
        reason = "without the feature there is one standing alone"
    )
)]
impl Standing {
    /// Whether the server answers a hello that was encrypted.
    pub(crate) fn is_accepted(&self) -> bool {
        match self {
            Self::NotOffered => false,
            #[cfg(feature = "ech")]
            Self::Accepted(_) => true,
            #[cfg(feature = "ech")]
            Self::Rejected => false,
        }
    }

    /// Sends the hello after a HelloRetryRequest, encrypted as the first one was (RFC 9849 6.1.5).
    pub(super) fn send_again(&mut self, peer: &mut Peer, raw: Bytes) -> Result<(), Error> {
        match self {
            #[cfg(feature = "ech")]
            Self::Accepted(sealer) => {
                let sealed = sealer.seal(&raw)?;
                peer.transcript.add(&raw);
                peer.order(Order::Tell(TracedMessage::InnerClientHello));
                peer.order(Order::Send(sealed.into()));
            }
            _ => peer.send_encoded(raw),
        }
        Ok(())
    }

    /// A server that took the first hello takes the second one too, and says so (RFC 9849 6.1.5). Its hello is not in the
    /// transcript yet.
    pub(super) fn check_again(
        &self,
        peer: &Peer,
        provider: &Provider,
        suite: &Suite,
        offered: &ClientHello,
        hello: &ServerHello,
    ) -> Result<(), Error> {
        #[cfg(feature = "ech")]
        if self.is_accepted() && !inner::confirms(&peer.transcript, provider, suite, offered.random, hello)? {
            return Err(Misbehaviour::EncryptedClientHelloDropped.into());
        }
        Ok(())
    }

    /// The end of a handshake with a server that could not read the inner hello: it was only to learn, from a server that has
    /// shown that it is the one with the public name, what to use next time (RFC 9849 6.1.6).
    pub(super) fn end(&self, retry_configs: Option<Bytes>) -> Result<(), Error> {
        match self {
            #[cfg(feature = "ech")]
            Self::Rejected => Err(Error::EchRejected { retry_configs }),
            _ => Ok(()),
        }
    }
}

/// Checks what a HelloRetryRequest says of an inner hello, whether there was one or not (RFC 9849 6.1.4, 6.2).
pub(crate) fn check_confirmation(confirmation: &[u8]) -> Result<(), Misbehaviour> {
    if confirmation.len() == CONFIRMATION { Ok(()) } else { Err(Misbehaviour::BadEncryptedClientHello) }
}

/// How long a server's confirmation is, bytes (RFC 9849 7.2).
const CONFIRMATION: usize = 8;

/// Reads what a server says to use in another connection, which it may say only to a client whose inner hello it did not take
/// (RFC 9849 5, 6.1.6). `None` where no configuration is of a version that we know.
pub(crate) fn read_retry_configs(offered: &ClientHello, configs: &Bytes) -> Result<Option<Bytes>, Misbehaviour> {
    if offered.encrypted_client_hello() == Some(&EchClientHello::Inner.encode()) {
        return Err(Misbehaviour::UnsolicitedExtension);
    }
    let list = EchConfig::parse_list(configs).map_err(|_| Misbehaviour::BadEncryptedClientHello)?;
    let known = list.iter().any(|config| config.contents.is_some());
    Ok(known.then(|| Bytes::copy_from_slice(configs)))
}
