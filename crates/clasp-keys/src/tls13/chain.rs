//! From the early secret to the main secret (RFC 8446 7.1).

use core::fmt;

use clasp_crypto::Digest;

use super::exporter::ExporterSecret;
use super::kdf::{Kdf, Prk};
use super::known;
use super::psk::{PskKind, ResumptionSecret};
use super::traffic::TrafficSecret;
use crate::secrets::{Role, VerifyData};

/// The early secret: all there is before the key exchange.
pub struct EarlySecret(Early);

enum Early {
    Keyed(Prk),
    /// Of no pre-shared key: the same in every handshake, and so is the salt that follows from it.
    Known(Kdf, &'static [u8]),
}

impl EarlySecret {
    /// From a pre-shared key, or from none.
    pub fn new(kdf: Kdf, psk: Option<&[u8]>) -> Self {
        Self(match (psk, known::known(kdf.hash().algorithm())) {
            (None, Some(known)) => Early::Known(kdf, known.salt_without_psk),
            _ => Early::Keyed(kdf.extract_key(&[], psk)),
        })
    }

    fn kdf(&self) -> Kdf {
        match &self.0 {
            Early::Keyed(prk) => prk.kdf(),
            Early::Known(kdf, _) => *kdf,
        }
    }

    fn derive(&self, label: &[u8], context: &[u8]) -> Digest {
        match &self.0 {
            Early::Keyed(prk) => prk.derive(label, context),
            // Nobody has a use for it, but it can be asked for.
            Early::Known(kdf, _) => kdf.extract_key(&[], None).derive(label, context),
        }
    }

    /// The binder of the pre-shared key this was made from (RFC 8446 4.2.11.2). The hash covers the ClientHello up to its
    /// list of binders, and before it what a HelloRetryRequest put there.
    pub fn binder(&self, kind: PskKind, truncated_hello_hash: &[u8]) -> VerifyData {
        let kdf = self.kdf();
        let key = TrafficSecret::new(kdf, self.derive(kind.label(), kdf.empty_hash().as_slice()));
        key.finished(truncated_hello_hash)
    }

    /// The secret that protects early data: `client_early_traffic_secret`. The hash covers the ClientHello.
    pub fn client_traffic(&self, client_hello_hash: &[u8]) -> TrafficSecret {
        TrafficSecret::new(self.kdf(), self.derive(b"c e traffic", client_hello_hash))
    }

    /// The secret that is exported from before the handshake ends: `early_exporter_master_secret`.
    pub fn exporter(&self, client_hello_hash: &[u8]) -> ExporterSecret {
        ExporterSecret::new(self.kdf(), self.derive(b"e exp master", client_hello_hash))
    }

    /// Goes on with the shared secret of the key exchange, or without one when a pre-shared key is all (`psk_ke`).
    pub fn into_handshake(self, shared: Option<&[u8]>) -> HandshakeSecret {
        HandshakeSecret(match &self.0 {
            Early::Keyed(prk) => next(prk, shared),
            Early::Known(kdf, salt) => kdf.extract_key(salt, shared),
        })
    }
}

/// The handshake secret, which protects the handshake from the ServerHello on.
pub struct HandshakeSecret(Prk);

impl HandshakeSecret {
    /// The secret with which `role` protects its handshake messages. The hash covers all up to the ServerHello.
    pub fn traffic(&self, role: Role, hash: &[u8]) -> TrafficSecret {
        let label: &[u8] = match role {
            Role::Client => b"c hs traffic",
            Role::Server => b"s hs traffic",
        };
        TrafficSecret::new(self.0.kdf(), self.0.derive(label, hash))
    }

    /// Goes on to the main secret.
    pub fn into_main(self) -> MainSecret {
        MainSecret(next(&self.0, None))
    }
}

/// The main secret (the master secret of RFC 8446), which all that outlives the handshake hangs on.
pub struct MainSecret(Prk);

impl MainSecret {
    /// The first secret with which `role` protects application data. The hash covers all up to the server's Finished.
    pub fn traffic(&self, role: Role, hash: &[u8]) -> TrafficSecret {
        let label: &[u8] = match role {
            Role::Client => b"c ap traffic",
            Role::Server => b"s ap traffic",
        };
        TrafficSecret::new(self.0.kdf(), self.0.derive(label, hash))
    }

    /// The secret that is exported from. The hash covers all up to the server's Finished.
    pub fn exporter(&self, hash: &[u8]) -> ExporterSecret {
        ExporterSecret::new(self.0.kdf(), self.0.derive(b"exp master", hash))
    }

    /// The secret that tickets' keys are made of, which is the last thing. The hash covers all up to the client's Finished.
    pub fn into_resumption(self, hash: &[u8]) -> ResumptionSecret {
        ResumptionSecret::new(self.0.kdf(), self.0.derive(b"res master", hash))
    }
}

/// The step from one secret of the chain to the next.
fn next(from: &Prk, input: Option<&[u8]>) -> Prk {
    let kdf = from.kdf();
    let salt = from.derive(b"derived", kdf.empty_hash().as_slice());
    kdf.extract_key(salt.as_slice(), input)
}

macro_rules! shows_nothing {
    ($($name:ident)*) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        })*
    };
}

shows_nothing!(EarlySecret HandshakeSecret MainSecret);
