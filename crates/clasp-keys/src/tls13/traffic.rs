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

    /// The record keys of these lengths (RFC 8446 7.3). There is no MAC key in TLS 1.3, whatever length is asked for.
    pub fn keys(&self, lengths: KeyLengths) -> DirectionKeys {
        let prk = self.prk();
        DirectionKeys::fill(KeyLengths { mac_key: 0, ..lengths }, |key, iv| {
            prk.expand_label(b"key", &[], key);
            prk.expand_label(b"iv", &[], iv);
        })
    }

    /// The secret after a KeyUpdate (RFC 8446 7.2).
    #[must_use]
    pub fn next(&self) -> Self {
        Self { kdf: self.kdf, secret: self.prk().derive(b"traffic upd", &[]) }
    }

    /// What a Finished message says that this secret's owner sends (RFC 8446 4.4.4). The hash covers all before it.
    pub fn finished(&self, transcript_hash: &[u8]) -> VerifyData {
        let key = self.prk().derive(b"finished", &[]);
        VerifyData::new(self.kdf.hmac().mac(key.as_slice(), &[transcript_hash]).as_slice())
    }

    /// The bytes, for a key log or for QUIC (RFC 9001 5.1).
    pub fn as_bytes(&self) -> &[u8] {
        self.secret.as_slice()
    }

    fn prk(&self) -> Prk {
        Prk::new(self.kdf, self.as_bytes())
    }
}

impl fmt::Debug for TrafficSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TrafficSecret")
    }
}
