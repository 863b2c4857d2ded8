//! Making the pre-master secret (step 4): RSA, DHE, ECDHE, PSK and ECDHE_PSK, each side's half (RFC 5246 7.4.3, 7.4.7;
//! RFC 4279 2, RFC 5489 2).

use bytes::Bytes;
use clasp_cert::PublicKey;
use clasp_crypto::{ActiveKeyExchange, CryptoError, Provider, SharedSecret, ffdhe_name};
use clasp_wire::{
    ClientDhPublic, ClientEcdhPublic, DhServerKeyExchange, EcdhPskClientKeyExchange, EcdhPskServerKeyExchange,
    EcdhServerKeyExchange, NamedGroup, PskClientKeyExchange, PskServerKeyExchange, RsaServerKeyExchange,
    SignatureScheme,
};
use zeroize::Zeroizing;

use crate::dialect::Dialect;
use crate::error::{Error, Misbehaviour};
use crate::export::TemporaryKey;
use crate::hello::is_finite_field;
use crate::negotiate::{self, Agreed};
use crate::peer::Peer;
use crate::policy::Policy;
use crate::psk::ExternalPsk;
use crate::suites::{KeyExchange, Suite};

/// The largest prime we compute with, in bits: beyond it a peer could make us work too long.
const MAX_DH_BITS: usize = 8192;

/// The pre-master secret.
pub(crate) enum PreMaster {
    /// 48 bytes, the first two being the version of the client's hello.
    Rsa(Zeroizing<[u8; 48]>),
    Ecdh(SharedSecret),
    Dh(SharedSecret),
    Psk(Zeroizing<Vec<u8>>),
}

impl PreMaster {
    /// With a key that both had: what else both came to share, or as many zeros as the key has bytes, and the key, each behind its
    /// length (RFC 4279 2, RFC 5489 2).
    pub(crate) fn of_psk(psk: &[u8], other: Option<&SharedSecret>) -> Result<Self, CryptoError> {
        let zeros = Zeroizing::new(vec![0; psk.len()]);
        let other = other.map_or(zeros.as_slice(), SharedSecret::as_bytes);
        // Exactly as long as needed: growing would leave a copy behind.
        let mut secret = Zeroizing::new(Vec::with_capacity(4 + other.len() + psk.len()));
        for part in [other, psk] {
            let length = u16::try_from(part.len()).map_err(|_| CryptoError::Unsupported)?;
            secret.extend_from_slice(&length.to_be_bytes());
            secret.extend_from_slice(part);
        }
        Ok(Self::Psk(secret))
    }

    /// The secret's bytes. Leading zeros are only stripped from the finite-field kind (RFC 5246 8.1.2).
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Rsa(secret) => secret.as_slice(),
            Self::Ecdh(secret) => secret.as_bytes(),
            Self::Dh(secret) => secret.stripped(),
            Self::Psk(secret) => secret,
        }
    }
}

/// What the client knows the server by.
#[derive(Clone, Copy)]
pub(crate) enum ServerKey<'a> {
    /// The key in its certificate.
    Public(&'a PublicKey),
    /// A key that both had before.
    Shared(&'a ExternalPsk),
}

impl<'a> ServerKey<'a> {
    fn public(self) -> Result<&'a PublicKey, Misbehaviour> {
        match self {
            Self::Public(key) => Ok(key),
            Self::Shared(_) => Err(Misbehaviour::EmptyCertificate),
        }
    }

    fn shared(self) -> Result<&'a ExternalPsk, Misbehaviour> {
        match self {
            Self::Shared(psk) => Ok(psk),
            Self::Public(_) => Err(Misbehaviour::SuiteNotOffered),
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
    /// Its hint is passed over, as there is no profile here that says what it means (RFC 4279 5.2).
    Psk,
    EcdhPsk(EcdhPskServerKeyExchange),
}

impl ServerParams {
    /// Step 2: receives the ServerKeyExchange of an ephemeral suite, and of an export suite where `key`, the one in the
    /// server's certificate, is longer than it allows. With RSA key exchange otherwise there may be none (FREAK). With a key
    /// that both had alone there is one where the server gives a hint.
    pub(crate) async fn receive(peer: &mut Peer, agreed: &Agreed, key: ServerKey<'_>) -> Result<Self, Error> {
        Ok(match agreed.suite.key_exchange {
            KeyExchange::Rsa if agreed.suite.needs_temporary_key(key.public()?.bits()) => {
                Self::TemporaryRsa(peer.receive().await?)
            }
            KeyExchange::Rsa => Self::Rsa,
            KeyExchange::Ecdhe => Self::Ecdh(peer.receive().await?),
            KeyExchange::Dhe => Self::Dh(peer.receive().await?),
            KeyExchange::Psk => {
                peer.receive_optional::<PskServerKeyExchange>().await?;
                Self::Psk
            }
            KeyExchange::EcdhePsk => Self::EcdhPsk(peer.receive().await?),
            KeyExchange::Tls13 => return Err(Misbehaviour::SuiteNotOffered.into()),
        })
    }

    /// Whether the server signed it, and so has shown that it holds its key.
    pub(crate) fn is_signed(&self) -> bool {
        !matches!(self, Self::Rsa | Self::Psk | Self::EcdhPsk(_))
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
            Self::Rsa | Self::Psk | Self::EcdhPsk(_) => return Ok(None),
            Self::TemporaryRsa(message) => (&message.params, &message.signature),
            Self::Ecdh(message) => (&message.params, &message.signature),
            Self::Dh(message) => (&message.params, &message.signature),
        };
        let algorithm = key.algorithm().ok_or(Misbehaviour::WrongKeyType)?;
        let signed = agreed.dialect.read_signature(signed, algorithm)?;
        if !policy.schemes.contains(&signed.scheme) || negotiate::pkcs1_of_client(signed.scheme).is_some() {
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
            Self::Rsa | Self::TemporaryRsa(_) | Self::Psk => None,
            Self::Ecdh(message) => Some(message.group),
            Self::EcdhPsk(message) => Some(message.group),
            Self::Dh(message) => ffdhe_name(&message.p, &message.g),
        }
    }

    /// Step 4, client: makes the pre-master secret and the message that lets the server make it too.
    pub(crate) fn agree(
        self,
        agreed: &Agreed,
        policy: &Policy,
        provider: &Provider,
        key: ServerKey<'_>,
    ) -> Result<(PreMaster, ClientKeyExchange), Error> {
        match self {
            Self::Rsa => {
                let secret = rsa_pre_master(agreed, provider)?;
                let ciphertext = key.public()?.encrypt_rsa(provider, secret.as_slice())?.into();
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
                let (secret, point) = agree_on_curve(policy, provider, message.group, &message.public)?;
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
            Self::Psk => {
                let psk = key.shared()?;
                let identity = psk.identity().clone();
                Ok((PreMaster::of_psk(psk.key(), None)?, ClientKeyExchange::Psk(PskClientKeyExchange { identity })))
            }
            Self::EcdhPsk(message) => {
                let psk = key.shared()?;
                let (secret, point) = agree_on_curve(policy, provider, message.group, &message.public)?;
                let answer = EcdhPskClientKeyExchange { identity: psk.identity().clone(), point };
                Ok((PreMaster::of_psk(psk.key(), Some(&secret))?, ClientKeyExchange::EcdhPsk(answer)))
            }
        }
    }
}

/// What the client comes to share with the server on its curve, and the client's public value.
fn agree_on_curve(
    policy: &Policy,
    provider: &Provider,
    name: NamedGroup,
    theirs: &[u8],
) -> Result<(SharedSecret, Bytes), Error> {
    if !policy.groups.contains(&name) || negotiate::is_for_tls13_alone(name) || is_finite_field(name) {
        return Err(Misbehaviour::GroupNotOffered.into());
    }
    let group = provider.group(name).ok_or(Misbehaviour::GroupNotOffered)?;
    let ours = group.start(provider.random)?;
    let point = Bytes::copy_from_slice(ours.public_key());
    Ok((ours.complete(theirs).map_err(bad_share)?, point))
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
    Psk(PskClientKeyExchange),
    EcdhPsk(EcdhPskClientKeyExchange),
}

impl ClientKeyExchange {
    pub(crate) fn send(self, peer: &mut Peer, dialect: &dyn Dialect) {
        match &self {
            Self::Rsa(ciphertext) => peer.send_encoded(dialect.write_encrypted_pre_master(ciphertext.clone())),
            Self::Ecdh(message) => peer.send(message),
            Self::Dh(message) => peer.send(message),
            Self::Psk(message) => peer.send(message),
            Self::EcdhPsk(message) => peer.send(message),
        }
    }
}

/// The server's own half of an ephemeral exchange, between its hello and the client's answer.
pub(crate) enum ServerExchange {
    Rsa,
    TemporaryRsa(TemporaryKey),
    Ecdh(NamedGroup, Box<dyn ActiveKeyExchange>),
    Dh(NamedGroup, Box<dyn ActiveKeyExchange>),
    Psk,
    EcdhPsk(NamedGroup, Box<dyn ActiveKeyExchange>),
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
        let Some(name) = group else { return Ok(if suite.is_pre_shared() { Self::Psk } else { Self::Rsa }) };
        let group = provider.group(name).ok_or(CryptoError::Unsupported)?;
        let exchange = group.start(provider.random)?;
        Ok(match suite.key_exchange {
            KeyExchange::Rsa | KeyExchange::Tls13 => Self::Rsa,
            KeyExchange::Psk => Self::Psk,
            KeyExchange::EcdhePsk => Self::EcdhPsk(name, exchange),
            KeyExchange::Ecdhe => Self::Ecdh(name, exchange),
            KeyExchange::Dhe => Self::Dh(name, exchange),
        })
    }

    /// The params to sign; `None` where nothing is signed.
    pub(crate) fn params(&self) -> Option<Bytes> {
        match self {
            Self::Rsa | Self::Psk | Self::EcdhPsk(..) => None,
            Self::TemporaryRsa(key) => Some(RsaServerKeyExchange::params(&key.modulus, &key.exponent)),
            Self::Ecdh(group, exchange) => Some(EcdhServerKeyExchange::params(*group, exchange.public_key())),
            Self::Dh(group, exchange) => {
                let (p, g) = clasp_crypto::ffdhe(*group)?;
                Some(DhServerKeyExchange::params(p, g, exchange.public_key()))
            }
        }
    }

    /// Sends the ServerKeyExchange of a suite that has one and signs nothing: a hint, or half of the exchange (RFC 4279 2).
    pub(crate) fn send_unsigned(&self, peer: &mut Peer, hint: &Bytes) {
        match self {
            Self::Psk if !hint.is_empty() => peer.send(&PskServerKeyExchange { hint: hint.clone() }),
            Self::EcdhPsk(group, exchange) => {
                let public = Bytes::copy_from_slice(exchange.public_key());
                peer.send(&EcdhPskServerKeyExchange { hint: hint.clone(), group: *group, public });
            }
            _ => {}
        }
    }

    /// Sends the signed ServerKeyExchange.
    pub(crate) fn send(&self, peer: &mut Peer, params: Bytes, signature: Bytes) {
        match self {
            Self::Rsa | Self::Psk | Self::EcdhPsk(..) => {}
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

    use super::{MAX_DH_BITS, PreMaster, ServerKey, ServerParams, bit_length};
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
            sct_list: None,
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
            let key = ServerKey::Public(&key);
            match ServerParams::Dh(message).agree(&agreed, &policy, clasp_crypto::default_provider(), key) {
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

    /// RFC 4279 2: zeros as long as the key, then the key.
    #[test]
    fn a_key_alone_makes_the_pre_master_secret() {
        let secret = PreMaster::of_psk(&[7, 8, 9], None).unwrap();
        assert_eq!(secret.as_bytes(), [0, 3, 0, 0, 0, 0, 3, 7, 8, 9]);
        assert!(PreMaster::of_psk(&[7; 65535], None).is_ok() && PreMaster::of_psk(&[7; 65536], None).is_err());
    }

    #[test]
    fn bit_lengths() {
        assert_eq!(bit_length(&[]), 0);
        assert_eq!(bit_length(&[0, 0]), 0);
        assert_eq!(bit_length(&[0, 1]), 1);
        assert_eq!(bit_length(&[0x80, 0]), 16);
    }
}
