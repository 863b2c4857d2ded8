//! Who we are: a certificate chain and the private key that goes with it (RFC 5246, sections 7.4.2 and 7.4.6).

use core::fmt;
use std::path::Path;
use std::sync::Arc;

use clasp_crypto::{KeyAlgorithm, Provider, default_provider};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use webpki::EndEntityCert;

use crate::common_name;
use crate::fields::Fields;
use crate::load_error::{LoadError, Source};
use crate::pem;
use crate::private_key::{PrivateKey, SoftwareKey};
use crate::public_key::PublicKey;
use crate::sct::SctList;
use crate::verify::KeyUse;

/// A certificate chain with its private key. Cloning it is cheap.
#[derive(Clone)]
pub struct Identity {
    shared: Arc<Shared>,
    ocsp_response: Option<Arc<[u8]>>,
    sct_list: Option<SctList>,
}

struct Shared {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<dyn PrivateKey>,
    public_key: PublicKey,
    /// The issuers' names of the whole chain, DER.
    issuers: Vec<Box<[u8]>>,
    /// The DNS names that the certificate is for, but those that stand for many: most clients ask for one of these.
    names: Box<[Box<str>]>,
    /// The chain is a SubjectPublicKeyInfo (RFC 7250).
    raw: bool,
}

impl Identity {
    /// Reads a chain, the own certificate first, and a key, each from a PEM or DER file. They may
    /// be the same file. The key is worked by the default provider.
    pub fn from_pem_files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, LoadError> {
        let (chain, key) = (chain.as_ref(), key.as_ref());
        Self::from_texts((&pem::read(chain)?, &Source::file(chain)), (&pem::read(key)?, &Source::file(key)), None)
    }

    /// [`Self::from_pem_files`], with a key to be worked by `provider`.
    pub fn from_pem_files_with_provider(
        chain: impl AsRef<Path>,
        key: impl AsRef<Path>,
        provider: &'static Provider,
    ) -> Result<Self, LoadError> {
        let (chain_source, key_source) = (Source::file(chain.as_ref()), Source::file(key.as_ref()));
        let certificates = pem::certificates(&pem::read(chain.as_ref())?, &chain_source)?;
        let private_key = pem::private_key(&pem::read(key.as_ref())?, &key_source, None)?;
        Self::new(certificates, &chain_source, &private_key, &key_source, provider)
    }

    /// [`Self::from_pem_files`], where the key may be under a password: PKCS#8 with PBES2 (RFC 5958,
    /// section 3; RFC 8018, section 6.2), PEM "ENCRYPTED PRIVATE KEY" or DER. A key that is not
    /// encrypted needs no password, and is taken all the same.
    #[cfg(feature = "encrypted-keys")]
    pub fn from_pem_files_with_password(
        chain: impl AsRef<Path>,
        key: impl AsRef<Path>,
        password: &[u8],
    ) -> Result<Self, LoadError> {
        let (chain, key) = (chain.as_ref(), key.as_ref());
        let (chain_text, key_text) = (pem::read(chain)?, pem::read(key)?);
        Self::from_texts((&chain_text, &Source::file(chain)), (&key_text, &Source::file(key)), Some(password))
    }

    /// Reads a chain, the own certificate first, and a key from PEM texts. The key is worked by
    /// the default provider.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, LoadError> {
        Self::from_texts((chain, &Source::Memory("the chain given")), (key, &Source::Memory("the key given")), None)
    }

    /// [`Self::from_pem`], where the key may be under a password, as in
    /// [`Self::from_pem_files_with_password`].
    #[cfg(feature = "encrypted-keys")]
    pub fn from_pem_with_password(chain: &[u8], key: &[u8], password: &[u8]) -> Result<Self, LoadError> {
        let (chain_source, key_source) = (Source::Memory("the chain given"), Source::Memory("the key given"));
        Self::from_texts((chain, &chain_source), (key, &key_source), Some(password))
    }

    fn from_texts(chain: (&[u8], &Source), key: (&[u8], &Source), password: Option<&[u8]>) -> Result<Self, LoadError> {
        let certificates = pem::certificates(chain.0, chain.1)?;
        let private_key = pem::private_key(key.0, key.1, password)?;
        Self::new(certificates, chain.1, &private_key, key.1, default_provider())
    }

    /// Takes a chain, the own certificate first, and a key to be worked by `provider`.
    pub fn from_der(
        chain: Vec<CertificateDer<'static>>,
        key: &PrivateKeyDer<'_>,
        provider: &'static Provider,
    ) -> Result<Self, LoadError> {
        let (chain_source, key_source) = (Source::Memory("the chain given"), Source::Memory("the key given"));
        Self::new(chain, &chain_source, key, &key_source, provider)
    }

    /// Takes a chain, the own certificate first, and a key of the caller's own kind.
    pub fn with_key(chain: Vec<CertificateDer<'static>>, key: Arc<dyn PrivateKey>) -> Result<Self, LoadError> {
        Self::assemble(chain, &Source::Memory("the chain given"), key)
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        chain_source: &Source,
        key: &PrivateKeyDer<'_>,
        key_source: &Source,
        provider: &'static Provider,
    ) -> Result<Self, LoadError> {
        let key = SoftwareKey::new(key, provider)
            .map_err(|error| LoadError::Key { source_name: key_source.clone(), error })?;
        Self::assemble(chain, chain_source, Arc::new(key))
    }

    pub(crate) fn assemble(
        chain: Vec<CertificateDer<'static>>,
        source: &Source,
        key: Arc<dyn PrivateKey>,
    ) -> Result<Self, LoadError> {
        let Some(leaf) = chain.first() else {
            return Err(LoadError::NoCertificate { source_name: source.clone() });
        };
        let unusable = |number, reason: String| LoadError::Certificate { source_name: source.clone(), number, reason };
        let public_key = PublicKey::from_certificate(leaf).map_err(|error| unusable(1, error.problem.finding()))?;
        let mut issuers: Vec<Box<[u8]>> = Vec::with_capacity(chain.len());
        for (certificate, number) in chain.iter().zip(1..) {
            let fields = Fields::parse(certificate)
                .map_err(|malformed| unusable(number, format!("malformed {}", malformed.0)))?;
            issuers.push(fields.issuer.into());
        }
        check_fit(&chain, &public_key, &*key)?;
        let read = chain.first().and_then(|leaf| EndEntityCert::try_from(leaf).ok());
        let plain = |name: &&str| !name.contains('*');
        let names = read.iter().flat_map(|leaf| leaf.valid_dns_names()).filter(plain).map(Box::from).collect();
        Ok(Self {
            shared: Arc::new(Shared { chain, key, public_key, issuers, names, raw: false }),
            ocsp_response: None,
            sct_list: None,
        })
    }

    pub(crate) fn of_raw_key(key: Arc<dyn PrivateKey>) -> Result<Self, LoadError> {
        let spki = key.public_key().ok_or(LoadError::NoPublicKey)?.as_ref().to_vec();
        let public_key = PublicKey::from_raw_public_key(&spki).map_err(|_| LoadError::NoPublicKey)?;
        let shared =
            Shared { chain: vec![spki.into()], key, public_key, issuers: Vec::new(), names: [].into(), raw: true };
        Ok(Self { shared: Arc::new(shared), ocsp_response: None, sct_list: None })
    }

    /// Whether it is a raw public key, and no certificate (RFC 7250).
    pub fn is_raw_public_key(&self) -> bool {
        self.shared.raw
    }

    /// Adds the OCSP response to be stapled (RFC 6066, section 8), DER. It is not looked at.
    #[must_use]
    pub fn with_ocsp_response(mut self, response: Vec<u8>) -> Self {
        self.ocsp_response = Some(response.into());
        self
    }

    /// Adds signed certificate timestamps, to be shown to peers that ask for them (RFC 6962, section 3.3). They are not
    /// verified.
    #[must_use]
    pub fn with_sct_list(mut self, list: SctList) -> Self {
        self.sct_list = Some(list);
        self
    }

    /// The chain, the own certificate first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.shared.chain
    }

    /// The private key.
    pub fn key(&self) -> &dyn PrivateKey {
        &*self.shared.key
    }

    /// The private key, to be kept.
    pub fn shared_key(&self) -> Arc<dyn PrivateKey> {
        Arc::clone(&self.shared.key)
    }

    /// The public key, as the certificate has it.
    pub fn public_key(&self) -> &PublicKey {
        &self.shared.public_key
    }

    /// What kind of key it is.
    pub fn key_algorithm(&self) -> KeyAlgorithm {
        self.shared.key.algorithm()
    }

    /// The OCSP response to be stapled, if there is one.
    pub fn ocsp_response(&self) -> Option<&[u8]> {
        self.ocsp_response.as_deref()
    }

    /// The signed certificate timestamps to be shown, if there are any.
    pub fn sct_list(&self) -> Option<&SctList> {
        self.sct_list.as_ref()
    }

    /// Whether the certificate is for this name (RFC 6125). With the feature `legacy` its common
    /// name counts where it has no other: peers that look there need it to be found.
    pub fn matches_name(&self, name: &ServerName<'_>) -> bool {
        let dns_name = if let ServerName::DnsName(name) = name { Some(name.as_ref()) } else { None };
        self.shared.raw
            || dns_name.is_some_and(|name| self.shared.names.iter().any(|own| own.eq_ignore_ascii_case(name)))
            || self.shared.chain.first().is_some_and(|leaf| {
                EndEntityCert::try_from(leaf).is_ok_and(|leaf| leaf.verify_is_valid_for_subject_name(name).is_ok())
                    || cfg!(feature = "legacy")
                        && Fields::parse(leaf).is_ok_and(|leaf| common_name::is_for(&leaf, name))
            })
    }

    /// Whether a certificate of the chain was issued by one of these DER names, as a
    /// CertificateRequest lists them. An empty list leaves the choice free (RFC 5246, section
    /// 7.4.4), and so gives true.
    pub fn issued_by<N: AsRef<[u8]>>(&self, authorities: &[N]) -> bool {
        authorities.is_empty()
            || self
                .shared
                .issuers
                .iter()
                .any(|issuer| authorities.iter().any(|authority| authority.as_ref() == &**issuer))
    }

    /// Whether the certificate's keyUsage allows this (RFC 5280, section 4.2.1.3).
    pub fn allows(&self, key_use: KeyUse) -> bool {
        self.shared.public_key.allows(key_use)
    }
}

/// Whether the key is that of the first certificate, and what to do if it is another's.
fn check_fit(chain: &[CertificateDer<'static>], public_key: &PublicKey, key: &dyn PrivateKey) -> Result<(), LoadError> {
    let fits = match key.public_key() {
        Some(own) => own.as_ref() == public_key.spki(),
        // A key elsewhere may not tell more than its kind.
        None => public_key.algorithm() == Some(key.algorithm()),
    };
    if fits {
        return Ok(());
    }
    let spki_of = |der: &[u8]| Fields::parse(der).map(|fields| fields.spki.to_vec()).ok();
    let elsewhere =
        key.public_key().and_then(|own| chain.iter().position(|der| spki_of(der).as_deref() == Some(own.as_ref())));
    let hint = match elsewhere {
        Some(place) => format!(": it is that of certificate {} in the chain; put that one first", place + 1),
        None => format!(": the key is {:?}, the certificate's is {:?}", key.algorithm(), public_key),
    };
    Err(LoadError::KeyMismatch {
        subject: chain
            .first()
            .and_then(|der| Fields::parse(der).ok())
            .map_or_else(|| "(unreadable name)".into(), |leaf| leaf.subject_text()),
        hint: hint.into(),
    })
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("certificates", &self.shared.chain.len())
            .field("key", &self.shared.key)
            .finish_non_exhaustive()
    }
}
