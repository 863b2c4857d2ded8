//! Key exchange on P-521 (RFC 8422 5.4, NIST SP 800-186).

use clasp_wire::NamedGroup;
use p521::ecdh::EphemeralSecret;
use p521::elliptic_curve::Generate as _;
use p521::elliptic_curve::sec1::ToSec1Point as _;
use p521::{PublicKey, Sec1Point};

use super::rng::Rng;
use crate::traits::{ActiveKeyExchange, CryptoError, KeyExchangeGroup, SecureRandom, SharedSecret};

/// P-521.
#[derive(Debug)]
pub(crate) struct P521;

pub(crate) static SECP521R1: P521 = P521;

/// The length of an uncompressed point, bytes.
const POINT: usize = 133;

impl KeyExchangeGroup for P521 {
    fn name(&self) -> NamedGroup {
        NamedGroup::SECP521R1
    }

    fn start(&self, random: &dyn SecureRandom) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let secret = EphemeralSecret::try_generate_from_rng(&mut Rng(random))?;
        let public = secret.public_key().to_sec1_point(false);
        Ok(Box::new(Exchange { secret, public }))
    }
}

struct Exchange {
    secret: EphemeralSecret,
    public: Sec1Point,
}

impl ActiveKeyExchange for Exchange {
    fn public_key(&self) -> &[u8] {
        self.public.as_bytes()
    }

    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, CryptoError> {
        // Only the uncompressed form is legal (RFC 8422 5.1.2).
        if peer.len() != POINT || peer.first() != Some(&4) {
            return Err(CryptoError::BadPeerKey("not an uncompressed point"));
        }
        let peer = PublicKey::from_sec1_bytes(peer).map_err(|_| CryptoError::BadPeerKey("not a point of P-521"))?;
        Ok(SharedSecret::new(self.secret.diffie_hellman(&peer).raw_secret_bytes().to_vec()))
    }
}
