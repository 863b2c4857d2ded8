//! Pre-shared keys: from tickets (RFC 8446 4.6.1), and imported from elsewhere (RFC 9258).

use core::fmt;
use core::ops::Deref;

use clasp_crypto::{Digest, HashAlgorithm};
use zeroize::ZeroizeOnDrop;

use super::kdf::{Kdf, Prk};

/// Where a pre-shared key comes from, so that its binder cannot be taken for another kind's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PskKind {
    /// From a session before (RFC 8446 4.6.1).
    Resumption,
    /// Agreed outside of TLS.
    External,
    /// Agreed outside of TLS, and imported (RFC 9258).
    Imported,
}

impl PskKind {
    pub(super) const fn label(self) -> &'static [u8] {
        match self {
            Self::Resumption => b"res binder",
            Self::External => b"ext binder",
            Self::Imported => b"imp binder",
        }
    }
}

/// A pre-shared key of a hash's length.
#[derive(Clone, ZeroizeOnDrop)]
pub struct Psk(Digest);

impl Psk {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl Deref for Psk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for Psk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Psk")
    }
}

/// The secret that the pre-shared keys of a session's tickets are made of.
#[derive(ZeroizeOnDrop)]
pub struct ResumptionSecret {
    #[zeroize(skip)]
    kdf: Kdf,
    secret: Digest,
}

impl ResumptionSecret {
    pub(super) fn new(kdf: Kdf, secret: Digest) -> Self {
        Self { kdf, secret }
    }

    #[cfg(test)]
    pub(super) fn secret(&self) -> &[u8] {
        self.secret.as_slice()
    }

    /// The key of the ticket that came with `nonce`, of at most 255 bytes (RFC 8446 4.6.1).
    pub fn psk(&self, nonce: &[u8]) -> Psk {
        Psk(Prk::new(self.kdf, self.secret.as_slice()).derive(b"resumption", nonce))
    }
}

impl fmt::Debug for ResumptionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResumptionSecret")
    }
}

/// An external key, imported for one protocol and one hash function.
#[derive(Debug)]
pub struct ImportedPsk {
    /// What goes into the ClientHello as the identity: an ImportedIdentity (RFC 9258 5.1).
    pub identity: Vec<u8>,
    /// The key that belongs to it.
    pub psk: Psk,
}

/// Imports an external key (RFC 9258 5.1), for use with [`PskKind::Imported`].
///
/// `kdf` is that of the external key: SHA-256 unless agreed otherwise. `target_protocol` is the version on the wire, 0x0304
/// for TLS 1.3, and `target_hash` the hash function of the suites it is for, SHA-256 or SHA-384. `None` for another hash
/// function, for an empty identity, and for what is longer than 65535 bytes.
pub fn psk_importer(
    kdf: Kdf,
    external_psk: &[u8],
    external_identity: &[u8],
    context: &[u8],
    target_protocol: u16,
    target_hash: HashAlgorithm,
) -> Option<ImportedPsk> {
    // IANA, "TLS KDF Identifiers".
    let target_kdf: u16 = match target_hash {
        HashAlgorithm::Sha256 => 1,
        HashAlgorithm::Sha384 => 2,
        _ => return None,
    };
    if external_identity.is_empty() {
        return None;
    }
    let mut identity = Vec::with_capacity(8 + external_identity.len() + context.len());
    for field in [external_identity, context] {
        identity.extend_from_slice(&u16::try_from(field.len()).ok()?.to_be_bytes());
        identity.extend_from_slice(field);
    }
    // The identity is itself a field of 16 bits' length in the ClientHello.
    u16::try_from(identity.len() + 4).ok()?;
    identity.extend_from_slice(&target_protocol.to_be_bytes());
    identity.extend_from_slice(&target_kdf.to_be_bytes());

    let hashed = kdf.hash().hash(&[&identity]);
    let mut key = [0; Digest::MAX];
    let out = key.get_mut(..target_hash.output_len())?;
    kdf.extract_key(&[], Some(external_psk)).expand_label(b"derived psk", hashed.as_slice(), out);
    let psk = Psk(Digest::new(out));
    zeroize::Zeroize::zeroize(&mut key);
    Some(ImportedPsk { identity, psk })
}
