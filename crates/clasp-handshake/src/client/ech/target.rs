//! Which of a server's configurations a client encrypts its hello to (RFC 9849 6.1).

use bytes::Bytes;
use clasp_crypto::HpkeSuite;
use clasp_wire::{EchConfig, EchConfigContents, HpkeSymmetricCipherSuite};
use rustls_pki_types::{DnsName, ServerName};

use crate::error::ConfigError;

/// The key that a hello is encrypted to, and what goes with it.
#[derive(Clone, Debug)]
pub(crate) struct EchTarget {
    /// The whole configuration, which the encryption is bound to.
    pub(super) config: Bytes,
    pub(super) config_id: u8,
    pub(super) public_key: Bytes,
    pub(super) suite: HpkeSuite,
    /// The longest name of a server behind this one, bytes; 0 where it is not told.
    pub(super) maximum_name_length: u8,
    /// The name of the server that decrypts, which everybody sees.
    pub(super) public_name: ServerName<'static>,
}

impl EchTarget {
    /// The first configuration of a list that can be used, with its first suite that can.
    pub(crate) fn choose(list: &[u8]) -> Result<Self, ConfigError> {
        let list = EchConfig::parse_list(&Bytes::copy_from_slice(list))
            .map_err(|error| ConfigError::BadEchConfigs(error.to_string()))?;
        list.iter().find_map(Self::of).ok_or(ConfigError::NoUsableEchConfig)
    }

    fn of(config: &EchConfig) -> Option<Self> {
        let contents = config.contents.as_ref().filter(|contents| !contents.has_mandatory_extension())?;
        let public_name = DnsName::try_from(contents.valid_public_name()?).ok()?.to_owned();
        Some(Self {
            config: config.raw.clone(),
            config_id: contents.config_id,
            public_key: contents.public_key.clone(),
            suite: suite(contents)?,
            maximum_name_length: contents.maximum_name_length,
            public_name: ServerName::DnsName(public_name),
        })
    }
}

fn suite(contents: &EchConfigContents) -> Option<HpkeSuite> {
    let suite = |of: &HpkeSymmetricCipherSuite| HpkeSuite { kem: contents.kem, kdf: of.kdf, aead: of.aead };
    contents.cipher_suites.iter().map(suite).find(|suite| suite.is_supported())
}
