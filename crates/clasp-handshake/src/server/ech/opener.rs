//! A hello in a hello, opened by a server (RFC 9849 7.1).

use bytes::Bytes;
use clasp_crypto::{HpkeReceiver, HpkeSuite};
use clasp_wire::{ClientHello, EchClientHello, EchOuter, HpkeSymmetricCipherSuite, RawHandshake};
use zeroize::Zeroizing;

use super::{Read, Standing, parse};
use crate::config::EchKeys;
use crate::error::{Error, Misbehaviour};
use crate::negotiate;
use crate::peer::{Order, Peer};
use crate::trace::{Step, TracedMessage, join, short_hex};

/// What opens hellos: the first, and the one after a HelloRetryRequest.
pub(crate) struct Opener {
    receiver: HpkeReceiver,
    cipher_suite: HpkeSymmetricCipherSuite,
    config_id: u8,
}

/// Opens a client's first hello with the first key that does, or goes on with the hello that everybody sees.
pub(super) fn open(
    peer: &mut Peer,
    keys: &EchKeys,
    hello: ClientHello,
    raw: Bytes,
    outer: &EchOuter,
) -> Result<Read, Error> {
    let EchOuter { cipher_suite, config_id, .. } = *outer;
    let associated = ClientHello::ech_associated_data(body(&raw), outer.payload.len())?;
    let opened = keys.candidates(config_id, cipher_suite).find_map(|key| {
        let mut receiver = key.receiver(cipher_suite, &outer.enc)?;
        let encoded = Zeroizing::new(receiver.open(&associated, &outer.payload).ok()?);
        Some((encoded, receiver, key))
    });
    let Some((encoded, receiver, key)) = opened else {
        peer.trace(Step::ClientHello, "could not open what looks like a ClientHello in it", || {
            vec![("config id", config_id.to_string())]
        });
        return Ok((hello, raw, Standing::Unopened { retry_configs: keys.retry_configs.clone() }));
    };
    let (hello, raw) = inner(peer, &encoded, &raw)?;
    peer.trace(Step::ClientHello, "opened the ClientHello encrypted in it", || {
        let HpkeSuite { kem, kdf, aead } = key.suite(cipher_suite);
        vec![
            ("server name", hello.server_name().unwrap_or("-").to_owned()),
            ("config id", config_id.to_string()),
            ("HPKE", format!("{kem} {kdf} {aead}")),
            ("random", short_hex(&hello.random.0)),
            ("suites", join(&hello.cipher_suites)),
            ("groups", join(hello.supported_groups().unwrap_or_default())),
        ]
    });
    Ok((hello, raw, Standing::Opened(Box::new(Opener { receiver, cipher_suite, config_id }))))
}

impl Opener {
    /// Opens the hello after a HelloRetryRequest, which goes on from the first (RFC 9849 7.1.1).
    pub(super) fn open_again(
        &mut self,
        peer: &Peer,
        raw: &Bytes,
        offered: Option<EchClientHello>,
    ) -> Result<(ClientHello, Bytes), Error> {
        let outer = match offered.ok_or(Misbehaviour::MissingExtension)? {
            EchClientHello::Outer(outer) => outer,
            EchClientHello::Inner => return Err(Misbehaviour::InnerClientHelloInTheOpen.into()),
        };
        let same = (outer.cipher_suite, outer.config_id) == (self.cipher_suite, self.config_id);
        if !same || !outer.enc.is_empty() {
            return Err(Misbehaviour::ChangedAfterRetry.into());
        }
        let associated = ClientHello::ech_associated_data(body(raw), outer.payload.len())?;
        let encoded =
            self.receiver.open(&associated, &outer.payload).map_err(|_| Misbehaviour::UnreadableClientHello)?;
        let encoded = Zeroizing::new(encoded);
        inner(peer, &encoded, raw)
    }
}

/// A hello without its header.
fn body(raw: &[u8]) -> &[u8] {
    raw.get(RawHandshake::HEADER..).unwrap_or_default()
}

/// Puts a hello together again, and checks that it is one that was encrypted (RFC 9849 5.1, 7.1).
fn inner(peer: &Peer, encoded: &[u8], outer_raw: &[u8]) -> Result<(ClientHello, Bytes), Error> {
    let message = ClientHello::decode_ech_inner(encoded, body(outer_raw))?;
    if body(&message.raw).len() > peer.limits.message {
        return Err(Misbehaviour::BadInnerClientHello.into());
    }
    let hello = message.parse::<ClientHello>()?;
    peer.check_extensions(&hello)?;
    let is_inner = matches!(parse(&hello), Ok(Some(EchClientHello::Inner)));
    if !is_inner || !negotiate::offers_nothing_old(&hello) {
        return Err(Misbehaviour::BadInnerClientHello.into());
    }
    peer.order(Order::Tell(TracedMessage::InnerClientHello));
    Ok((hello, message.raw))
}
