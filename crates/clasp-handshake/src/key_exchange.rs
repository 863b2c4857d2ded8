//! Making the pre-master secret (step 4): RSA, DHE and ECDHE, each side's half (RFC 5246 7.4.3, 7.4.7).

use bytes::Bytes;
use clasp_cert::PublicKey;
use clasp_crypto::{ActiveKeyExchange, CryptoError, Provider, SharedSecret, ffdhe_name};
use clasp_wire::{
    ClientDhPublic, ClientEcdhPublic, DhServerKeyExchange, EcdhServerKeyExchange, NamedGroup, RsaServerKeyExchange,
    SignatureScheme,
};
use zeroize::Zeroizing;

use crate::dialect::Dialect;
use crate::error::{Error, Misbehaviour};
use crate::export::TemporaryKey;
use crate::negotiate::{self, Agreed};
use crate::peer::Peer;
use crate::policy::Policy;
use crate::suites::{KeyExchange, Suite};

/// The largest prime we compute with, in bits: beyond it a peer could make us work too long.
const MAX_DH_BITS: usize = 8192;

/// The pre-master secret.
pub(crate) enum PreMaster {
    /// 48 bytes, the first two being the version of the client's hello.
    Rsa(Zeroizing<[u8; 48]>),
    Ecdh(SharedSecret),
    Dh(SharedSecret),
}

impl PreMaster {
    /// The secret's bytes. Leading zeros are only stripped from the finite-field kind (RFC 5246 8.1.2).
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Rsa(secret) => secret.as_slice(),
            Self::Ecdh(secret) => secret.as_bytes(),
            Self::Dh(secret) => secret.stripped(),
        }
    }
}

/// The server's half, as the client receives it.
pub(crate) enum ServerParams {
    Rsa,
    /// A temporary key of an export suite.
    TemporaryRsa(RsaServerKeyExchange),
    Ecdh(EcdhServerKeyExchange),
    Dh(DhServerKeyExchange),
}

impl ServerParams {
    /// Step 2: receives the ServerKeyExchange of an ephemeral suite, and of an export suite where `key`, the one in the
    /// server's certificate, is longer than it allows. With RSA key exchange otherwise there may be none (FREAK).
    pub(crate) async fn receive(peer: &mut Peer, agreed: &Agreed, key: &PublicKey) -> Result<Self, Error> {
        Ok(match agreed.suite.key_exchange {
            KeyExchange::Rsa if agreed.suite.needs_temporary_key(key.bits()) => {
                Self::TemporaryRsa(peer.receive().await?)
            }
            KeyExchange::Rsa => Self::Rsa,
            KeyExchange::Ecdhe => Self::Ecdh(peer.receive().await?),
            KeyExchange::Dhe => Self::Dh(peer.receive().await?),
            KeyExchange::Tls13 => return Err(Misbehaviour::SuiteNotOffered.into()),
        })
    }

    /// Whether the server signed it, and so has shown that it holds its key.
    pub(crate) fn is_signed(&self) -> bool {
        !matches!(self, Self::Rsa)
    }

    /// Verifies the server's signature over both randoms and its half (RFC 5246 7.4.3). RSA key exchange has none: there
    /// the server shows that it holds the key by its Finished. Says with which scheme it is signed.
    pub(crate) fn verify(
        &self,
        agreed: &Agreed,
        policy: &Policy,
        provider: &Provider,
        key: &PublicKey,
    ) -> Result<Option<SignatureScheme>, Error> {
        let (params, signed) = match self {
            Self::Rsa => return Ok(None),
            Self::TemporaryRsa(message) => (&message.params, &message.signature),
            Self::Ecdh(message) => (&message.params, &message.signature),
            Self::Dh(message) => (&message.params, &message.signature),
        };
        let algorithm = key.algorithm().ok_or(Misbehaviour::WrongKeyType)?;
        let signed = agreed.dialect.read_signature(signed, algorithm)?;
        if !policy.schemes.contains(&signed.scheme) {
            return Err(Misbehaviour::SchemeNotOffered.into());
        }
        let mut message = Vec::with_capacity(64 + params.len());
        message.extend_from_slice(&agreed.randoms.concatenated());
        message.extend_from_slice(params);
        let message = agreed.dialect.to_sign(provider, signed.scheme, &message)?;
        key.verify(provider, signed.scheme, &message, &signed.signature).map_err(|_| Misbehaviour::BadSignature)?;
        Ok(Some(signed.scheme))
    }

    /// The group, where it has a name.
    pub(crate) fn group(&self) -> Option<NamedGroup> {
        match self {
            Self::Rsa | Self::TemporaryRsa(_) => None,
            Self::Ecdh(message) => Some(message.group),
            Self::Dh(message) => ffdhe_name(&message.p, &message.g),
        }
    }

    /// Step 4, client: makes the pre-master secret and the message that lets the server make it too.
    pub(crate) fn agree(
        self,
        agreed: &Agreed,
        policy: &Policy,
        provider: &Provider,
        key: &PublicKey,
    ) -> Result<(PreMaster, ClientKeyExchange), Error> {
        match self {
            Self::Rsa => {
                let secret = rsa_pre_master(agreed, provider)?;
                let ciphertext = key.encrypt_rsa(provider, secret.as_slice())?.into();
                Ok((PreMaster::Rsa(secret), ClientKeyExchange::Rsa(ciphertext)))
            }
            Self::TemporaryRsa(RsaServerKeyExchange { modulus, exponent, .. }) => {
                let export = agreed.suite.export.ok_or(CryptoError::Unsupported)?;
                if !(policy.min_rsa_bits..=export.max_rsa_bits()).contains(&bit_length(&modulus)) {
                    return Err(Misbehaviour::BadTemporaryKey.into());
                }
                let secret = rsa_pre_master(agreed, provider)?;
                let ciphertext = export.encrypt(provider, &modulus, &exponent, secret.as_slice())?.into();
                Ok((PreMaster::Rsa(secret), ClientKeyExchange::Rsa(ciphertext)))
            }
            Self::Ecdh(message) => {
                if !policy.groups.contains(&message.group) || negotiate::is_for_tls13_alone(message.group) {
                    return Err(Misbehaviour::GroupNotOffered.into());
                }
                let group = provider.group(message.group).ok_or(Misbehaviour::GroupNotOffered)?;
                let ours = group.start(provider.random)?;
                let point = Bytes::copy_from_slice(ours.public_key());
                let secret = ours.complete(&message.public).map_err(bad_share)?;
                Ok((PreMaster::Ecdh(secret), ClientKeyExchange::Ecdh(ClientEcdhPublic { point })))
            }
            Self::Dh(message) => {
                let bits = bit_length(&message.p);
                if bits < policy.min_dh_bits {
                    return Err(Misbehaviour::DhTooSmall.into());
                }
                if bits > MAX_DH_BITS {
                    return Err(Misbehaviour::BadKeyShare.into());
                }
                let ours = provider.finite_field.start(&message.p, &message.g, provider.random).map_err(bad_share)?;
                let yc = Bytes::copy_from_slice(ours.public_key());
                let secret = ours.complete(&message.ys).map_err(bad_share)?;
                Ok((PreMaster::Dh(secret), ClientKeyExchange::Dh(ClientDhPublic { yc })))
            }
        }
    }
}

/// A pre-master secret that the client makes alone: the version of its hello, and 46 random bytes (RFC 5246 7.4.7.1).
fn rsa_pre_master(agreed: &Agreed, provider: &Provider) -> Result<Zeroizing<[u8; 48]>, Error> {
    let mut secret = Zeroizing::new([0; 48]);
    provider.random.fill(secret.as_mut_slice())?;
    let version = agreed.hello_version.0.to_be_bytes();
    secret.iter_mut().zip(version).for_each(|(byte, version)| *byte = version);
    Ok(secret)
}

/// The client's message of step 4 (RFC 5246 7.4.7).
pub(crate) enum ClientKeyExchange {
    /// The ciphertext.
    Rsa(Bytes),
    Ecdh(ClientEcdhPublic),
    Dh(ClientDhPublic),
}

impl ClientKeyExchange {
    pub(crate) fn send(self, peer: &mut Peer, dialect: &dyn Dialect) {
        match &self {
            Self::Rsa(ciphertext) => peer.send_encoded(dialect.write_encrypted_pre_master(ciphertext.clone())),
            Self::Ecdh(message) => peer.send(message),
            Self::Dh(message) => peer.send(message),
        }
    }
}

/// The server's own half of an ephemeral exchange, between its hello and the client's answer.
pub(crate) enum ServerExchange {
    Rsa,
    TemporaryRsa(TemporaryKey),
    Ecdh(NamedGroup, Box<dyn ActiveKeyExchange>),
    Dh(NamedGroup, Box<dyn ActiveKeyExchange>),
}

impl ServerExchange {
    /// Makes a fresh key: never one twice (Raccoon, and forward secrecy). `scheme` is what it will be signed with, if it is.
    pub(crate) fn start(
        suite: &Suite,
        group: Option<NamedGroup>,
        scheme: Option<SignatureScheme>,
        provider: &'static Provider,
    ) -> Result<Self, Error> {
        if let (Some(export), Some(_)) = (suite.export, scheme) {
            return Ok(Self::TemporaryRsa(export.temporary_key(provider)?));
        }
        let Some(name) = group else { return Ok(Self::Rsa) };
        let group = provider.group(name).ok_or(CryptoError::Unsupported)?;
        let exchange = group.start(provider.random)?;
        Ok(match suite.key_exchange {
            KeyExchange::Rsa | KeyExchange::Tls13 => Self::Rsa,
            KeyExchange::Ecdhe => Self::Ecdh(name, exchange),
            KeyExchange::Dhe => Self::Dh(name, exchange),
        })
    }

    /// The params to sign; `None` for RSA key exchange, which sends no ServerKeyExchange.
    pub(crate) fn params(&self) -> Option<Bytes> {
        match self {
            Self::Rsa => None,
            Self::TemporaryRsa(key) => Some(RsaServerKeyExchange::params(&key.modulus, &key.exponent)),
            Self::Ecdh(group, exchange) => Some(EcdhServerKeyExchange::params(*group, exchange.public_key())),
            Self::Dh(group, exchange) => {
                let (p, g) = clasp_crypto::ffdhe(*group)?;
                Some(DhServerKeyExchange::params(p, g, exchange.public_key()))
            }
        }
    }

    /// Sends the ServerKeyExchange.
    pub(crate) fn send(&self, peer: &mut Peer, params: Bytes, signature: Bytes) {
        match self {
            Self::Rsa => {}
            Self::TemporaryRsa(key) => peer.send(&RsaServerKeyExchange {
                modulus: Bytes::copy_from_slice(&key.modulus),
                exponent: Bytes::copy_from_slice(&key.exponent),
                params,
                signature,
            }),
            Self::Ecdh(group, exchange) => peer.send(&EcdhServerKeyExchange {
                group: *group,
                public: Bytes::copy_from_slice(exchange.public_key()),
                params,
                signature,
            }),
            Self::Dh(group, exchange) => {
                let (p, g) = clasp_crypto::ffdhe(*group).unwrap_or_default();
                peer.send(&DhServerKeyExchange {
                    p: Bytes::from_static(p),
                    g: Bytes::from_static(g),
                    ys: Bytes::copy_from_slice(exchange.public_key()),
                    params,
                    signature,
                });
            }
        }
    }
}

fn bad_share(error: CryptoError) -> Error {
    match error {
        CryptoError::Random => error.into(),
        _ => Misbehaviour::BadKeyShare.into(),
    }
}

fn bit_length(number: &[u8]) -> usize {
    let mut digits = number.iter().skip_while(|byte| **byte == 0);
    let Some(top) = digits.next() else { return 0 };
    digits.count() * 8 + (8 - top.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use clasp_cert::PublicKey;
    use clasp_wire::{CipherSuite, DhServerKeyExchange, ProtocolVersion};

    use super::{MAX_DH_BITS, ServerParams, bit_length};
    use crate::dialect::TLS12;
    use crate::error::{Error, Misbehaviour};
    use crate::negotiate::Agreed;
    use crate::policy::Policy;
    use crate::session::Randoms;
    use crate::testing::{Authority, NAME};

    /// Logjam, and primes that would keep us busy: both bounds are those of the prime's length in bits.
    #[test]
    fn primes_out_of_bounds_are_refused() {
        let policy = Policy::compatible();
        let suite = CipherSuite::TLS_DHE_RSA_WITH_AES_128_GCM_SHA256;
        let agreed = Agreed {
            dialect: &TLS12,
            suite: policy.suites().iter().find(|row| row.id == suite).unwrap(),
            randoms: Randoms { client: [0; 32], server: [0; 32] },
            hello_version: ProtocolVersion::TLS_1_2,
            extended_master_secret: true,
            encrypt_then_mac: false,
            secure_renegotiation: true,
            status_request: false,
            ticket: false,
            alpn: None,
            certificate_types: crate::certificate_type::CertificateTypes::default(),
        };
        let identity = Authority::new("CA").rsa(NAME);
        let key = PublicKey::from_certificate(&identity.chain()[0]).unwrap();
        let agree = |bits: usize| {
            // Odd, and of exactly so many bits; that it is no prime nobody can see in time.
            let mut p = vec![0xff; bits.div_ceil(8)];
            p[0] >>= (8 - bits % 8) % 8;
            assert_eq!(bit_length(&p), bits);
            let number = Bytes::copy_from_slice;
            let (p, g, ys) = (Bytes::from(p), number(&[2]), number(&[5]));
            let params = DhServerKeyExchange::params(&p, &g, &ys);
            let message = DhServerKeyExchange { p, g, ys, params, signature: Bytes::new() };
            match ServerParams::Dh(message).agree(&agreed, &policy, clasp_crypto::default_provider(), &key) {
                Ok(_) => None,
                Err(Error::Misbehaved(what)) => Some(what),
                Err(other) => panic!("{other}"),
            }
        };
        assert_eq!(agree(512), Some(Misbehaviour::DhTooSmall));
        assert_eq!(agree(2047), Some(Misbehaviour::DhTooSmall));
        assert_eq!(agree(2048), None);
        assert_eq!(agree(MAX_DH_BITS + 1), Some(Misbehaviour::BadKeyShare));
    }

    #[test]
    fn bit_lengths() {
        assert_eq!(bit_length(&[]), 0);
        assert_eq!(bit_length(&[0, 0]), 0);
        assert_eq!(bit_length(&[0, 1]), 1);
        assert_eq!(bit_length(&[0x80, 0]), 16);
    }
}
