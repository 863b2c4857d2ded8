//! The default provider with chance taken out of it, so that a run can be had again.
//!
//! Every random byte depends only on how many were drawn since [`begin`]. Then a connection's own messages are always the
//! same, and what a real peer once answered still fits: a recorded handshake can be played back to the end, its Finished
//! messages and its data included. A crash comes back each time its input does.

use std::cell::Cell;
use std::sync::{Arc, LazyLock};

use clasp_cert::{MaybeReady, PreMaster48, PrivateKey, SoftwareKey};
use clasp_crypto::{
    ActiveKeyExchange, CryptoError, KeyAlgorithm, KeyExchangeGroup, Provider, SecureRandom, SharedSecret,
    default_provider,
};
use clasp_wire::{NamedGroup, SignatureScheme};
use p256::{PublicKey, SecretKey};
use rustls_pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};

thread_local! {
    static DRAWN: Cell<u64> = const { Cell::new(0) };
}

/// Begins the stream of random bytes anew, for this thread.
pub fn begin() {
    DRAWN.set(0);
}

/// What stands in for randomness.
#[derive(Debug)]
struct Stream;

impl SecureRandom for Stream {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        for chunk in out.chunks_mut(8) {
            let drawn = DRAWN.get() + 1;
            DRAWN.set(drawn);
            // The output function of splitmix64: different for each count, and no pattern that a parser could take for one.
            let mut word = drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.iter_mut().zip((word ^ (word >> 31)).to_le_bytes()).for_each(|(to, from)| *to = from);
        }
        Ok(())
    }
}

/// P-256 that draws its key from the provider's random bytes; ring's draws from the system.
#[derive(Debug)]
struct SteadyP256;

impl KeyExchangeGroup for SteadyP256 {
    fn name(&self) -> NamedGroup {
        NamedGroup::SECP256R1
    }

    fn start(&self, random: &dyn SecureRandom) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let mut bytes = [0; 32];
        random.fill(&mut bytes)?;
        // Below the curve's order, whatever came.
        bytes[0] &= 0x7f;
        let secret = SecretKey::from_slice(&bytes).map_err(|_| CryptoError::Random)?;
        let public = secret.public_key().to_sec1_bytes();
        Ok(Box::new(P256Exchange { secret, public }))
    }
}

struct P256Exchange {
    secret: SecretKey,
    public: Box<[u8]>,
}

impl ActiveKeyExchange for P256Exchange {
    fn public_key(&self) -> &[u8] {
        &self.public
    }

    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, CryptoError> {
        if peer.first() != Some(&4) {
            return Err(CryptoError::BadPeerKey("not an uncompressed point"));
        }
        let peer = PublicKey::from_sec1_bytes(peer).map_err(|_| CryptoError::BadPeerKey("not a point of P-256"))?;
        let secret = p256::ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), peer.as_affine());
        Ok(SharedSecret::new(secret.raw_secret_bytes().to_vec()))
    }
}

/// The provider.
pub fn provider() -> &'static Provider {
    static PROVIDER: LazyLock<Provider> = LazyLock::new(|| {
        let usual = default_provider();
        let mut groups: Vec<&'static dyn KeyExchangeGroup> = vec![&SteadyP256];
        // These two draw from the provider's random bytes already. FFDHE2048 is the fastest of its kind.
        groups.extend([NamedGroup::SECP521R1, NamedGroup::FFDHE2048].iter().filter_map(|name| usual.group(*name)));
        Provider { random: &Stream, groups: Box::leak(groups.into_boxed_slice()), ..usual.clone() }
    });
    &PROVIDER
}

/// A private key that only signs in ways without chance: RSA with PKCS#1 v1.5 padding, and ECDSA where the nonce is made of
/// key and message (RFC 6979), which is what the provider does for hashes that ring does not have on the curve.
#[derive(Debug)]
struct SteadyKey(SoftwareKey);

const STEADY: &[SignatureScheme] =
    &[SignatureScheme::RSA_PKCS1_SHA256, SignatureScheme::RSA_PKCS1_SHA384, SignatureScheme::RSA_PKCS1_SHA512];
const STEADY_ECDSA_P256: &[SignatureScheme] =
    &[SignatureScheme::ECDSA_SECP384R1_SHA384, SignatureScheme::ECDSA_SECP521R1_SHA512];

/// Loads a private key as a [`SteadyKey`].
pub(crate) fn steady_key(key: &PrivateKeyDer<'_>) -> Result<Arc<dyn PrivateKey>, CryptoError> {
    Ok(Arc::new(SteadyKey(SoftwareKey::new(key, provider())?)))
}

impl PrivateKey for SteadyKey {
    fn algorithm(&self) -> KeyAlgorithm {
        self.0.algorithm()
    }

    fn schemes(&self) -> &[SignatureScheme] {
        match self.0.algorithm() {
            KeyAlgorithm::Rsa => STEADY,
            KeyAlgorithm::EcdsaP256 => STEADY_ECDSA_P256,
            _ => &[],
        }
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        self.0.public_key()
    }

    fn sign<'a>(&'a self, scheme: SignatureScheme, message: &'a [u8]) -> MaybeReady<'a, Result<Vec<u8>, CryptoError>> {
        self.0.sign(scheme, message)
    }

    fn can_decrypt(&self) -> bool {
        self.0.can_decrypt()
    }

    fn decrypt_or_keep<'a>(
        &'a self,
        ciphertext: &'a [u8],
        prefix: [u8; 2],
        fallback: PreMaster48,
    ) -> MaybeReady<'a, Result<PreMaster48, CryptoError>> {
        self.0.decrypt_or_keep(ciphertext, prefix, fallback)
    }
}
