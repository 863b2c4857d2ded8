//! The default provider with chance taken out of it, so that a run can be had again.
//!
//! Every random byte depends only on how many were drawn since [`begin`]. Then a connection's own messages are always the
//! same, and what a real peer once answered still fits: a recorded handshake can be played back to the end, its Finished
//! messages and its data included. A crash comes back each time its input does.
//!
//! And as the same keys come up again and again, what was computed with them is remembered: public-key arithmetic would take
//! nearly all the time of a run.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use clasp_cert::{MaybeReady, PreMaster48, PrivateKey, SoftwareKey};
use clasp_crypto::{
    ActiveKeyExchange, CryptoError, KeyAlgorithm, KeyExchangeGroup, Provider, SecureRandom, SharedSecret,
    default_provider,
};
use clasp_wire::{NamedGroup, SignatureScheme};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::DecodePrivateKey as _;
use p256::{PublicKey, SecretKey};
use rustls_pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};

/// What was computed, and how much had been drawn afterwards, by what it was computed from.
type Computed = HashMap<Vec<u8>, (u64, Vec<u8>)>;

thread_local! {
    static DRAWN: Cell<u64> = const { Cell::new(0) };
    static COMPUTED: RefCell<Computed> = RefCell::default();
}

/// Begins the stream of random bytes anew, for this thread.
pub fn begin() {
    DRAWN.set(0);
}

/// How many results are remembered.
const MOST_COMPUTED: usize = 1 << 12;

/// Computes something that depends on these parts and the stream of random bytes alone, unless it is remembered.
fn compute(parts: &[&[u8]], make: impl FnOnce() -> Result<Vec<u8>, CryptoError>) -> Result<Vec<u8>, CryptoError> {
    let mut key = DRAWN.get().to_le_bytes().to_vec();
    for part in parts {
        key.extend_from_slice(&part.len().to_le_bytes());
        key.extend_from_slice(part);
    }
    if let Some((drawn, result)) = COMPUTED.with_borrow(|computed| computed.get(&key).cloned()) {
        DRAWN.set(drawn);
        return Ok(result);
    }
    let result = make()?;
    COMPUTED.with_borrow_mut(|computed| {
        if computed.len() >= MOST_COMPUTED {
            computed.clear();
        }
        computed.insert(key, (DRAWN.get(), result.clone()));
    });
    Ok(result)
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

/// A group whose keys are remembered.
#[derive(Debug)]
struct Remembered(&'static dyn KeyExchangeGroup);

impl KeyExchangeGroup for Remembered {
    fn name(&self) -> NamedGroup {
        self.0.name()
    }

    fn start(&self, random: &dyn SecureRandom) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let (group, drawn) = (self.0, DRAWN.get());
        let parts: [&[u8]; 2] = [b"key pair", &group.name().0.to_be_bytes()];
        let public = compute(&parts, || Ok(group.start(random)?.public_key().to_vec()))?;
        Ok(Box::new(RememberedExchange { group, drawn, public }))
    }
}

/// A key pair that is drawn again where what comes of it is not remembered.
struct RememberedExchange {
    group: &'static dyn KeyExchangeGroup,
    /// How much had been drawn before.
    drawn: u64,
    public: Vec<u8>,
}

impl ActiveKeyExchange for RememberedExchange {
    fn public_key(&self) -> &[u8] {
        &self.public
    }

    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, CryptoError> {
        let Self { group, drawn, public } = *self;
        let parts: [&[u8]; 4] = [b"shared secret", &group.name().0.to_be_bytes(), &public, peer];
        let secret = compute(&parts, || {
            let now = DRAWN.replace(drawn);
            let secret = group.start(&Stream).and_then(|pair| pair.complete(peer));
            DRAWN.set(now);
            secret.map(|secret| secret.as_bytes().to_vec())
        })?;
        Ok(SharedSecret::new(secret))
    }
}

/// The provider.
pub fn provider() -> &'static Provider {
    static PROVIDER: LazyLock<Provider> = LazyLock::new(|| {
        let usual = default_provider();
        // The other two draw from the provider's random bytes already. FFDHE2048 is the fastest of its kind.
        let names = [NamedGroup::SECP521R1, NamedGroup::FFDHE2048];
        let others = names.iter().filter_map(|name| usual.group(*name));
        let steady = std::iter::once(&SteadyP256 as &'static dyn KeyExchangeGroup).chain(others);
        let groups: Vec<&'static dyn KeyExchangeGroup> =
            steady.map(|group| Box::leak(Box::new(Remembered(group))) as &'static dyn KeyExchangeGroup).collect();
        Provider { random: &Stream, groups: Box::leak(groups.into_boxed_slice()), ..usual.clone() }
    });
    &PROVIDER
}

/// A private key that only signs in ways without chance: RSA with PKCS#1 v1.5 padding, and ECDSA where the nonce is made of
/// key and message (RFC 6979), which is what the provider does for hashes that ring does not have on the curve.
#[derive(Debug)]
struct SteadyKey {
    key: SoftwareKey,
    spki: SubjectPublicKeyInfoDer<'static>,
    /// For the hash that ring has.
    p256: Option<SigningKey>,
    /// What it signs is not right.
    lies: bool,
}

const STEADY: &[SignatureScheme] = &[
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::RSA_PKCS1_SHA1,
    SignatureScheme::RSA_PKCS1_MD5_SHA1,
];
const STEADY_ECDSA_P256: &[SignatureScheme] = &[
    SignatureScheme::ECDSA_SECP256R1_SHA256,
    SignatureScheme::ECDSA_SECP384R1_SHA384,
    SignatureScheme::ECDSA_SECP521R1_SHA512,
    SignatureScheme::ECDSA_SHA1,
];

/// Loads a private key as a [`SteadyKey`].
pub(crate) fn steady_key(der: &PrivateKeyDer<'_>) -> Result<Arc<dyn PrivateKey>, CryptoError> {
    key_of(der, false)
}

/// What somebody has who does not have the private key: it signs something else.
pub(crate) fn no_key(der: &PrivateKeyDer<'_>) -> Result<Arc<dyn PrivateKey>, CryptoError> {
    key_of(der, true)
}

fn key_of(der: &PrivateKeyDer<'_>, lies: bool) -> Result<Arc<dyn PrivateKey>, CryptoError> {
    let key = SoftwareKey::new(der, provider())?;
    let spki = key.public_key().ok_or(CryptoError::Unsupported)?.as_ref().to_vec().into();
    let p256 = SigningKey::from_pkcs8_der(der.secret_der()).ok();
    Ok(Arc::new(SteadyKey { key, spki, p256, lies }))
}

impl SteadyKey {
    fn spki(&self) -> &[u8] {
        self.spki.as_ref()
    }
}

/// The answer of a key in memory.
fn at_once<T>(answer: MaybeReady<'_, T>) -> T {
    answer.try_take().unwrap_or_else(|_| unreachable!("a key in memory answers at once"))
}

impl PrivateKey for SteadyKey {
    fn algorithm(&self) -> KeyAlgorithm {
        self.key.algorithm()
    }

    fn schemes(&self) -> &[SignatureScheme] {
        match self.key.algorithm() {
            KeyAlgorithm::Rsa => STEADY,
            KeyAlgorithm::EcdsaP256 => STEADY_ECDSA_P256,
            _ => &[],
        }
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        self.key.public_key()
    }

    fn sign<'a>(&'a self, scheme: SignatureScheme, message: &'a [u8]) -> MaybeReady<'a, Result<Vec<u8>, CryptoError>> {
        let message = if self.lies { b"something else" } else { message };
        let parts: [&[u8]; 4] = [b"signature", self.spki(), &scheme.0.to_be_bytes(), message];
        let sign = || match &self.p256 {
            Some(key) if scheme == SignatureScheme::ECDSA_SECP256R1_SHA256 => {
                let signature: Signature = key.sign(message);
                Ok(signature.to_der().as_bytes().to_vec())
            }
            _ => at_once(self.key.sign(scheme, message)),
        };
        MaybeReady::ready(compute(&parts, sign))
    }

    fn can_decrypt(&self) -> bool {
        self.key.can_decrypt()
    }

    fn decrypt_or_keep<'a>(
        &'a self,
        ciphertext: &'a [u8],
        prefix: [u8; 2],
        fallback: PreMaster48,
    ) -> MaybeReady<'a, Result<PreMaster48, CryptoError>> {
        let parts: [&[u8]; 5] = [b"pre-master secret", self.spki(), ciphertext, &prefix, fallback.as_slice()];
        let secret = compute(&parts, || {
            let secret = at_once(self.key.decrypt_or_keep(ciphertext, prefix, fallback.clone()))?;
            Ok(secret.to_vec())
        });
        MaybeReady::ready(secret.map(|secret| PreMaster48::new(secret.try_into().expect("48 bytes"))))
    }
}
