//! A server's keys for Encrypted ClientHello (RFC 9849 4).

use core::fmt;

use bytes::{Bytes, BytesMut};
use clasp_crypto::{CryptoError, HpkePrivateKey, HpkeReceiver, HpkeSuite, Provider, default_provider};
use clasp_wire::{EchConfig, EchConfigContents, HpkeAead, HpkeKdf, HpkeKem, HpkeSymmetricCipherSuite, MAX_ECH};
use rustls_pki_types::DnsName;
use thiserror::Error;

use crate::error::ConfigError;

/// A configuration that clients encrypt their hellos to (an ECHConfig, RFC 9849 4), and the private key that opens them.
///
/// What is published of it in the DNS (RFC 9848) is [`EchKey::config_list`]; what a server has is given to
/// [`ServerConfigBuilder::ech_keys`](super::ServerConfigBuilder::ech_keys). In files both stand together as PEM (RFC 9934):
/// [`EchKey::from_pem_file`], [`EchKey::to_pem`]. The private key is wiped when dropped, and never printed.
#[derive(Clone)]
pub struct EchKey {
    pub(super) config: EchConfig,
    pub(super) contents: EchConfigContents,
    pub(super) private_key: HpkePrivateKey,
    is_retry_config: bool,
}

/// Why there is no such key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EchKeyError {
    /// The configuration does not parse.
    #[error("the ECH configuration is malformed: {0}")]
    BadConfig(String),
    /// The configuration promises what cannot be kept: clients choose among all that it names.
    #[error("the ECH configuration cannot be served: {0}")]
    UnsupportedConfig(&'static str),
    /// The private key is none of the configuration's kind.
    #[error("the private key of an ECH configuration was refused: {0}")]
    BadPrivateKey(&'static str),
    /// The private key belongs to another public key.
    #[error("the private key is not that of the ECH configuration")]
    Mismatch,
    /// The PEM text (RFC 9934) has not what it must have.
    #[error("no ECH key can be read from the PEM text: {0}")]
    BadPem(String),
    /// A file could not be read.
    #[error("{path} cannot be read: {reason}")]
    File {
        /// Its path.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// More configurations than fit into one list: 64, and 16384 bytes.
    #[error("an ECHConfigList holds 1 to 64 configurations, and 16384 bytes")]
    BadList,
    /// A primitive failed.
    #[error("a cryptographic operation failed: {0}")]
    Crypto(#[from] CryptoError),
}

impl EchKey {
    /// HKDF-SHA256 with AES-128-GCM, and with ChaCha20-Poly1305: what clients are sure to have one of.
    pub const SUITES: &[HpkeSymmetricCipherSuite] = &[
        HpkeSymmetricCipherSuite { kdf: HpkeKdf::HKDF_SHA256, aead: HpkeAead::AES_128_GCM },
        HpkeSymmetricCipherSuite { kdf: HpkeKdf::HKDF_SHA256, aead: HpkeAead::CHACHA20_POLY1305 },
    ];

    /// A fresh X25519 key. Clients name it by `config_id`, which no other key in use should have: each that has it is tried.
    /// They show `public_name` to everybody, and this server needs a certificate for it, or a client that has an older key
    /// cannot be told of this one. Names of servers up to `maximum_name_length` bytes look alike in length; 0 where it is not
    /// known. `suites` are in order of preference: [`Self::SUITES`], say.
    ///
    /// # Errors
    /// [`EchKeyError::UnsupportedConfig`] for a name that is no host name, and where `suites` is empty or has one that this
    /// build has not; [`EchKeyError::Crypto`].
    pub fn generate(
        config_id: u8,
        public_name: &str,
        maximum_name_length: u8,
        suites: &[HpkeSymmetricCipherSuite],
    ) -> Result<Self, EchKeyError> {
        Self::generate_with_provider(default_provider(), config_id, public_name, maximum_name_length, suites)
    }

    /// [`Self::generate`] with another source of randomness than the default one.
    ///
    /// # Errors
    /// As there.
    pub fn generate_with_provider(
        provider: &Provider,
        config_id: u8,
        public_name: &str,
        maximum_name_length: u8,
        suites: &[HpkeSymmetricCipherSuite],
    ) -> Result<Self, EchKeyError> {
        let kem = HpkeKem::DHKEM_X25519_HKDF_SHA256;
        if suites.is_empty() || suites.len() > MAX_ECH {
            return Err(EchKeyError::UnsupportedConfig("it names no cipher suite, or too many"));
        }
        if public_name.is_empty() || public_name.len() > 255 {
            return Err(EchKeyError::UnsupportedConfig(NO_NAME));
        }
        let private_key = HpkePrivateKey::generate(kem, provider.random)?;
        let config = EchConfig::new(EchConfigContents {
            config_id,
            kem,
            public_key: private_key.public_key().into(),
            cipher_suites: suites.to_vec(),
            maximum_name_length,
            public_name: Bytes::copy_from_slice(public_name.as_bytes()),
            extensions: Vec::new(),
        });
        Self::of(config, private_key)
    }

    /// A configuration, an ECHConfig with its version and length, and its private key as the key's mechanism writes it
    /// (RFC 9180 7.1.2): 32 bytes for X25519, the one that there is.
    ///
    /// # Errors
    /// [`EchKeyError::BadConfig`]; [`EchKeyError::UnsupportedConfig`] also where one of its suites, or an extension that clients
    /// must know, is not one that we have; [`EchKeyError::BadPrivateKey`]; [`EchKeyError::Mismatch`].
    pub fn new(config: &[u8], private_key: &[u8]) -> Result<Self, EchKeyError> {
        let config = EchConfig::parse(&Bytes::copy_from_slice(config)).map_err(|error| bad_config(&error))?;
        let kem = config.contents.as_ref().ok_or(EchKeyError::UnsupportedConfig(OTHER_VERSION))?.kem;
        let private_key = HpkePrivateKey::from_bytes(kem, private_key).map_err(|error| match error {
            CryptoError::Unsupported => EchKeyError::UnsupportedConfig(NO_SUCH_KEY),
            CryptoError::KeyRejected(why) => EchKeyError::BadPrivateKey(why),
            other => other.into(),
        })?;
        Self::of(config, private_key)
    }

    pub(super) fn of(config: EchConfig, private_key: HpkePrivateKey) -> Result<Self, EchKeyError> {
        let unsupported = |why| Err(EchKeyError::UnsupportedConfig(why));
        let Some(contents) = config.contents.clone() else { return unsupported(OTHER_VERSION) };
        if config.raw.len() > MAX_LIST {
            return unsupported("it is longer than 16384 bytes");
        }
        if contents.has_mandatory_extension() {
            return unsupported("it has an extension that clients must know, and we do not");
        }
        if contents.valid_public_name().is_none_or(|name| DnsName::try_from(name).is_err()) {
            return unsupported(NO_NAME);
        }
        if contents.kem != private_key.kem() {
            return unsupported(NO_SUCH_KEY);
        }
        if contents.public_key != private_key.public_key() {
            return Err(EchKeyError::Mismatch);
        }
        let this = Self { config, contents, private_key, is_retry_config: true };
        if this.contents.cipher_suites.iter().any(|suite| !this.suite(*suite).is_supported()) {
            return unsupported("it names a cipher suite that this build has not");
        }
        Ok(this)
    }

    /// Whether clients whose hello could not be opened are told to use this one. On by default; off for keys that are no longer
    /// published, and are here for clients alone that still have them.
    #[must_use]
    pub fn as_retry_config(mut self, on: bool) -> Self {
        self.is_retry_config = on;
        self
    }

    /// What clients name the key by.
    pub fn config_id(&self) -> u8 {
        self.contents.config_id
    }

    /// The name that everybody sees.
    pub fn public_name(&self) -> &str {
        self.contents.valid_public_name().unwrap_or_default()
    }

    /// The configuration.
    pub fn config(&self) -> &EchConfig {
        &self.config
    }

    /// The ECHConfigList of these keys, in order of preference: what is published, and what
    /// [`ClientConfigBuilder::ech_configs`](super::ClientConfigBuilder::ech_configs) takes. It holds no private key.
    ///
    /// # Errors
    /// [`EchKeyError::BadList`].
    pub fn config_list<'a>(keys: impl IntoIterator<Item = &'a Self>) -> Result<Bytes, EchKeyError> {
        let configs: Vec<_> = keys.into_iter().map(|key| key.config.clone()).collect();
        let length: usize = configs.iter().map(|config| config.raw.len()).sum();
        if configs.is_empty() || configs.len() > MAX_ECH || length > MAX_LIST {
            return Err(EchKeyError::BadList);
        }
        Ok(EchConfig::encode_list(&configs))
    }

    /// One of the configuration's suites, with its mechanism.
    pub(crate) fn suite(&self, of: HpkeSymmetricCipherSuite) -> HpkeSuite {
        HpkeSuite { kem: self.contents.kem, kdf: of.kdf, aead: of.aead }
    }

    /// What opens hellos that were encrypted to this key (RFC 9849 7.1), if `enc` is an encapsulated key.
    pub(crate) fn receiver(&self, suite: HpkeSymmetricCipherSuite, enc: &[u8]) -> Option<HpkeReceiver> {
        let mut info = BytesMut::from(&b"tls ech\0"[..]);
        info.extend_from_slice(&self.config.raw);
        HpkeReceiver::new(self.suite(suite), &self.private_key, enc, &info).ok()
    }
}

/// The most bytes of configurations in a list: a server's EncryptedExtensions hold it, and clients do not read messages of any
/// length.
const MAX_LIST: usize = 1 << 14;

const NO_NAME: &str = "its public name is no host name";
const OTHER_VERSION: &str = "it is of another version than RFC 9849's";
const NO_SUCH_KEY: &str = "its key is of another kind than X25519";

pub(super) fn bad_config(error: &clasp_wire::DecodeError) -> EchKeyError {
    EchKeyError::BadConfig(error.to_string())
}

impl fmt::Debug for EchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EchKey")
            .field("config_id", &self.config_id())
            .field("public_name", &self.public_name())
            .field("is_retry_config", &self.is_retry_config)
            .finish_non_exhaustive()
    }
}

/// The keys of a configuration.
#[derive(Debug)]
pub(crate) struct EchKeys {
    keys: Vec<EchKey>,
    /// What clients are told to use whose hello could not be opened.
    pub(crate) retry_configs: Bytes,
}

impl EchKeys {
    pub(super) fn new(keys: Vec<EchKey>) -> Result<Self, ConfigError> {
        let retry_configs = EchKey::config_list(keys.iter().filter(|key| key.is_retry_config));
        Ok(Self { retry_configs: retry_configs.map_err(|_| ConfigError::BadEchRetryConfigs)?, keys })
    }

    /// Those that a hello may have been encrypted to (RFC 9849 7.1).
    pub(crate) fn candidates(&self, config_id: u8, suite: HpkeSymmetricCipherSuite) -> impl Iterator<Item = &EchKey> {
        let named = self.keys.iter().filter(move |key| key.config_id() == config_id);
        named.filter(move |key| key.contents.cipher_suites.contains(&suite))
    }
}
