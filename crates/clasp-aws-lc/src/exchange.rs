//! Key exchange on X25519, P-256, P-384 and P-521 (RFC 7748, RFC 8422).

use aws_lc_rs::{agreement, rand};
use clasp_crypto::{ActiveKeyExchange, CryptoError, KeyExchangeGroup, NamedGroup, SecureRandom, SharedSecret};

#[derive(Debug)]
pub(crate) struct Group {
    name: NamedGroup,
    algorithm: &'static agreement::Algorithm,
    /// What every value begins with.
    prefix: &'static [u8],
}

/// The form of a point that is legal in TLS (RFC 8422 5.1.2): AWS-LC would read others too.
const UNCOMPRESSED: &[u8] = &[4];

pub(crate) static X25519: Group = Group { name: NamedGroup::X25519, algorithm: &agreement::X25519, prefix: &[] };
pub(crate) static SECP256R1: Group =
    Group { name: NamedGroup::SECP256R1, algorithm: &agreement::ECDH_P256, prefix: UNCOMPRESSED };
pub(crate) static SECP384R1: Group =
    Group { name: NamedGroup::SECP384R1, algorithm: &agreement::ECDH_P384, prefix: UNCOMPRESSED };
pub(crate) static SECP521R1: Group =
    Group { name: NamedGroup::SECP521R1, algorithm: &agreement::ECDH_P521, prefix: UNCOMPRESSED };

impl KeyExchangeGroup for Group {
    fn name(&self) -> NamedGroup {
        self.name
    }

    // AWS-LC takes randomness from its own source only.
    fn start(&self, _random: &dyn SecureRandom) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let private = agreement::EphemeralPrivateKey::generate(self.algorithm, &rand::SystemRandom::new())
            .map_err(|_| CryptoError::Random)?;
        let public = private.compute_public_key().map_err(|_| CryptoError::Random)?;
        Ok(Box::new(Exchange { private, public, prefix: self.prefix }))
    }
}

struct Exchange {
    private: agreement::EphemeralPrivateKey,
    public: agreement::PublicKey,
    prefix: &'static [u8],
}

impl ActiveKeyExchange for Exchange {
    fn public_key(&self) -> &[u8] {
        self.public.as_ref()
    }

    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, CryptoError> {
        let refused = CryptoError::BadPeerKey("not a valid value of the group");
        if peer.len() != self.public.as_ref().len() || !peer.starts_with(self.prefix) {
            return Err(refused);
        }
        let peer = agreement::UnparsedPublicKey::new(self.private.algorithm(), peer);
        agreement::agree_ephemeral(self.private, peer, refused, |secret| Ok(SharedSecret::new(secret.to_vec())))
    }
}
