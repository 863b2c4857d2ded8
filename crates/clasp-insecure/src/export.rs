//! Export suites of 40 bits: what the United States let out of the country until 2000 (RFC 2246 6.3.1, 7.4.3; RFC 6101
//! 6.2.2.1, 5.6.3).

use std::sync::Arc;

use clasp_cert::SoftwareKey;
use clasp_crypto::{CryptoError, Provider};
use clasp_handshake::{Export, TemporaryKey};
use clasp_keys::{KeyBlock, KeyLengths, Role, Schedule};
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs8::EncodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{BoxedUint, PrivateKey, PublicKey};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer};

use crate::rng::Rng;
use crate::schedule::{CLIENT_WRITE_KEY, IV_BLOCK, SERVER_WRITE_KEY};

/// The longest RSA key that might encrypt, bits. It has been factored since 1999, for some dollars today.
const RSA_BITS: usize = 512;

/// How many bytes of a key are secret.
const SECRET: usize = 5;

/// The rules of the suites with 40 bits of secret in a key.
#[derive(Debug)]
pub struct Export40;

/// The rules of the suites with 40 bits of secret in a key.
pub static EXPORT40: Export40 = Export40;

impl Export for Export40 {
    fn max_rsa_bits(&self) -> usize {
        RSA_BITS
    }

    fn temporary_key(&self, provider: &'static Provider) -> Result<TemporaryKey, CryptoError> {
        let key = PrivateKey::new_unchecked(&mut Rng(provider.random), RSA_BITS).map_err(|_| CryptoError::Random)?;
        let der = key.to_pkcs1_der().map_err(|_| CryptoError::KeyRejected("it cannot be written"))?;
        let der = PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(der.as_bytes()));
        Ok(TemporaryKey {
            modulus: key.n().to_be_bytes_trimmed_vartime().into_vec(),
            exponent: key.e().to_be_bytes_trimmed_vartime().into_vec(),
            key: Arc::new(SoftwareKey::new(&der, provider)?),
        })
    }

    fn encrypt(
        &self,
        provider: &Provider,
        modulus: &[u8],
        exponent: &[u8],
        secret: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        const BAD: CryptoError = CryptoError::BadPeerKey("the temporary RSA key is not valid");
        let number = |bytes| BoxedUint::from_be_slice_vartime(bytes);
        let key = PublicKey::new_with_size_limits(number(modulus), number(exponent), RSA_BITS..=RSA_BITS);
        let spki = key.map_err(|_| BAD)?.to_public_key_der().map_err(|_| BAD)?;
        (provider.rsa_encrypt)(spki.as_bytes(), secret, provider.random)
    }

    fn block_lengths(&self, full: KeyLengths) -> KeyLengths {
        KeyLengths { mac_key: full.mac_key, key: SECRET, iv: 0 }
    }

    fn final_keys(
        &self,
        schedule: &dyn Schedule,
        block: &KeyBlock,
        full: KeyLengths,
        client_random: &[u8; 32],
        server_random: &[u8; 32],
    ) -> KeyBlock {
        let (client, server) = (block.half(Role::Client), block.half(Role::Server));
        KeyBlock::fill(full, |out| {
            // Of each kind the client's, then the server's (RFC 2246 6.3).
            let (mac_keys, out) = out.split_at_mut(2 * full.mac_key);
            let macs = client.mac_key().iter().chain(server.mac_key());
            mac_keys.iter_mut().zip(macs).for_each(|(to, from)| *to = *from);
            let (client_key, out) = out.split_at_mut(full.key);
            schedule.expand(client.key(), CLIENT_WRITE_KEY, client_random, server_random, client_key);
            let (server_key, ivs) = out.split_at_mut(full.key);
            schedule.expand(server.key(), SERVER_WRITE_KEY, client_random, server_random, server_key);
            // They depend on nothing secret.
            schedule.expand(&[], IV_BLOCK, client_random, server_random, ivs);
        })
    }
}
