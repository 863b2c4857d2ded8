//! Traffic secrets: keys, Finished, key update (RFC 8446 7.2, 7.3, 4.4.4).

use core::fmt;

use clasp_crypto::Digest;
use zeroize::ZeroizeOnDrop;

use super::kdf::{Kdf, Prk};
use crate::secrets::{DirectionKeys, KeyLengths, VerifyData};

/// What protects one direction for a while.
#[derive(Clone, ZeroizeOnDrop)]
pub struct TrafficSecret {
    #[zeroize(skip)]
    kdf: Kdf,
    secret: Digest,
}

impl TrafficSecret {
    pub(super) fn new(kdf: Kdf, secret: Digest) -> Self {
        Self { kdf, secret }
    }

    /// What it is expanded with.
    pub fn kdf(&self) -> Kdf {
        self.kdf
    }

    /// Makes ready what keys and Finished are made with: for a secret that both are made of, half of the work.
    pub fn prepare(&self) -> TrafficKey {
        TrafficKey(Prk::new(self.kdf, self.as_bytes()))
    }

    /// [`TrafficKey::keys`].
    pub fn keys(&self, lengths: KeyLengths) -> DirectionKeys {
        self.prepare().keys(lengths)
    }

    /// The secret after a KeyUpdate (RFC 8446 7.2).
    #[must_use]
    pub fn next(&self) -> Self {
        Self { kdf: self.kdf, secret: self.prepare().0.derive(b"traffic upd", &[]) }
    }

    /// [`TrafficKey::finished`].
    pub fn finished(&self, transcript_hash: &[u8]) -> VerifyData {
        self.prepare().finished(transcript_hash)
    }

    /// The bytes, for a key log or for QUIC (RFC 9001 5.1).
    pub fn as_bytes(&self) -> &[u8] {
        self.secret.as_slice()
    }
}

/// A traffic secret made into an HMAC key, once for all that is made of it. It is wiped where the provider's HMAC keys are.
pub struct TrafficKey(Prk);

impl TrafficKey {
    /// The record keys of these lengths (RFC 8446 7.3). There is no MAC key in TLS 1.3, whatever length is asked for.
    pub fn keys(&self, lengths: KeyLengths) -> DirectionKeys {
        DirectionKeys::fill(KeyLengths { mac_key: 0, ..lengths }, |key, iv| {
            self.0.expand_label(b"key", &[], key);
            self.0.expand_label(b"iv", &[], iv);
        })
    }

    /// What a Finished message says that the secret's owner sends (RFC 8446 4.4.4). The hash covers all before it.
    pub fn finished(&self, transcript_hash: &[u8]) -> VerifyData {
        let key = self.0.derive(b"finished", &[]);
        VerifyData::new(self.0.kdf().hmac().mac(key.as_slice(), &[transcript_hash]).as_slice())
    }
}

impl fmt::Debug for TrafficKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TrafficKey")
    }
}

impl fmt::Debug for TrafficSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TrafficSecret")
    }
}
