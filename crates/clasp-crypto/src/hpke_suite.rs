//! What HPKE is made of, and which of it there is (RFC 9180 7).

use clasp_wire::{HpkeAead, HpkeKdf, HpkeKem};
use hpke::aead::{Aead, AeadCtxR, AeadCtxS, AesGcm128, AesGcm256, ChaCha20Poly1305};
use hpke::kdf::{HkdfSha256, HkdfSha384, HkdfSha512};
use hpke::kem::X25519HkdfSha256;

use crate::hpke_receiver::{self, SetUpReceiver};
use crate::hpke_sender::{self, SetUpSender};

/// The one mechanism that there is.
pub(crate) type Kem = X25519HkdfSha256;

/// The most that both sides may be bound to, bytes. The crate hpke allows for no more, and would panic.
pub(crate) const MAX_INFO: usize = 65530;

/// What HPKE is made of, by its code points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HpkeSuite {
    /// The key encapsulation mechanism.
    pub kem: HpkeKem,
    /// The key derivation function.
    pub kdf: HpkeKdf,
    /// The AEAD.
    pub aead: HpkeAead,
}

/// How the two ends are set up.
pub(crate) struct Row {
    pub(crate) sender: SetUpSender,
    pub(crate) receiver: SetUpReceiver,
}

impl HpkeSuite {
    /// How much longer than its plaintext a sealed message is, bytes: all its AEADs have a tag of this length.
    pub const OVERHEAD: usize = 16;

    /// Whether there are such a sender and receiver: X25519, HKDF with SHA-256, SHA-384 or SHA-512, AES-GCM or
    /// ChaCha20-Poly1305.
    pub fn is_supported(self) -> bool {
        self.row().is_some()
    }

    pub(crate) fn row(self) -> Option<Row> {
        if self.kem != HpkeKem::DHKEM_X25519_HKDF_SHA256 {
            return None;
        }
        match self.aead {
            HpkeAead::AES_128_GCM => with_aead::<AesGcm128>(self.kdf),
            HpkeAead::AES_256_GCM => with_aead::<AesGcm256>(self.kdf),
            HpkeAead::CHACHA20_POLY1305 => with_aead::<ChaCha20Poly1305>(self.kdf),
            _ => None,
        }
    }
}

fn with_aead<A: Aead + 'static>(kdf: HpkeKdf) -> Option<Row>
where
    AeadCtxS<A, HkdfSha256, Kem>: Send,
    AeadCtxS<A, HkdfSha384, Kem>: Send,
    AeadCtxS<A, HkdfSha512, Kem>: Send,
    AeadCtxR<A, HkdfSha256, Kem>: Send,
    AeadCtxR<A, HkdfSha384, Kem>: Send,
    AeadCtxR<A, HkdfSha512, Kem>: Send,
{
    match kdf {
        HpkeKdf::HKDF_SHA256 => Some(row::<A, HkdfSha256>()),
        HpkeKdf::HKDF_SHA384 => Some(row::<A, HkdfSha384>()),
        HpkeKdf::HKDF_SHA512 => Some(row::<A, HkdfSha512>()),
        _ => None,
    }
}

fn row<A: Aead + 'static, Kdf: hpke::kdf::Kdf + 'static>() -> Row
where
    AeadCtxS<A, Kdf, Kem>: Send,
    AeadCtxR<A, Kdf, Kem>: Send,
{
    Row { sender: hpke_sender::set_up::<A, Kdf>, receiver: hpke_receiver::set_up::<A, Kdf> }
}
