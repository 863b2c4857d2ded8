//! Trusted certification authorities (RFC 5280, section 6.1.1).

use core::fmt;
use std::path::Path;

use rustls_pki_types::{CertificateDer, TrustAnchor};

use crate::fields::{self, Fields};
use crate::load_error::{LoadError, Source};
use crate::pem;

/// The certification authorities a verifier trusts.
#[derive(Clone, Default)]
pub struct RootStore {
    anchors: Vec<TrustAnchor<'static>>,
    /// Whether the anchor of the same place may sign revocation lists. webpki does not keep it.
    sign_lists: Vec<bool>,
    /// The certificates as they were given, for peers that show one of them as their own.
    #[cfg(feature = "legacy")]
    certificates: Vec<CertificateDer<'static>>,
}

impl RootStore {
    /// A store that trusts nobody yet.
    pub const fn new() -> Self {
        Self {
            anchors: Vec::new(),
            sign_lists: Vec::new(),
            #[cfg(feature = "legacy")]
            certificates: Vec::new(),
        }
    }

    /// The authorities this operating system trusts. Certificates in its store that cannot be
    /// read are passed over, as long as one remains.
    ///
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured where they are set. Reading the store
    /// takes some milliseconds: do it once.
    #[cfg(feature = "native-roots")]
    pub fn system() -> Result<Self, LoadError> {
        let found = rustls_native_certs::load_native_certs();
        let mut store = Self::new();
        for certificate in &found.certs {
            if let Ok(anchor) = webpki::anchor_from_trusted_cert(certificate) {
                store.push(anchor.to_owned(), certificate);
            }
        }
        if store.is_empty() {
            let detail = found.errors.first().map_or_else(
                || " in the system's store".to_owned(),
                |error| format!(" in the system's store ({error})"),
            );
            return Err(LoadError::NoRoots { detail: detail.into() });
        }
        Ok(store)
    }

    /// The authorities Mozilla trusts for servers, as compiled into this program. They are as
    /// current as the program.
    #[cfg(feature = "webpki-roots")]
    pub fn mozilla() -> Self {
        let mut store = Self::new();
        store.anchors.extend_from_slice(webpki_roots::TLS_SERVER_ROOTS);
        // Their keyUsage is not known.
        store.sign_lists.resize(store.anchors.len(), true);
        store
    }

    /// Adds every certificate of a file, PEM or DER, and tells how many there were. If one of them
    /// cannot be used, none is added.
    pub fn add_pem_file(&mut self, path: impl AsRef<Path>) -> Result<usize, LoadError> {
        let path = path.as_ref();
        let text = pem::read(path)?;
        self.add_all(&text, &Source::file(path))
    }

    /// Adds every certificate of a PEM text and tells how many there were. If one of them cannot
    /// be used, none is added.
    pub fn add_pem(&mut self, text: &[u8]) -> Result<usize, LoadError> {
        self.add_all(text, &Source::Memory("the trusted certificates given"))
    }

    /// Adds one certificate.
    pub fn add_der(&mut self, certificate: &CertificateDer<'_>) -> Result<(), LoadError> {
        let source = Source::Memory("the trusted certificates given");
        let anchor = anchor(certificate, 1, &source)?;
        self.push(anchor, certificate);
        Ok(())
    }

    fn push(&mut self, anchor: TrustAnchor<'static>, certificate: &CertificateDer<'_>) {
        let usage = Fields::parse(certificate).and_then(|fields| fields.key_usage());
        // Only an extension that says otherwise forbids it (RFC 5280, section 6.3.3 (f)).
        self.sign_lists.push(usage.is_ok_and(|usage| usage.is_none_or(|usage| usage.crl_sign())));
        self.anchors.push(anchor);
        #[cfg(feature = "legacy")]
        self.certificates.push(certificate.clone().into_owned());
    }

    fn add_all(&mut self, text: &[u8], source: &Source) -> Result<usize, LoadError> {
        let certificates = pem::certificates(text, source)?;
        let anchors = certificates
            .iter()
            .zip(1..)
            .map(|(certificate, number)| anchor(certificate, number, source))
            .collect::<Result<Vec<_>, _>>()?;
        for (anchor, certificate) in anchors.into_iter().zip(&certificates) {
            self.push(anchor, certificate);
        }
        Ok(certificates.len())
    }

    /// How many authorities are trusted.
    pub fn len(&self) -> usize {
        self.anchors.len()
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// The authorities' DER names, as CertificateRequest lists them (RFC 5246, section 7.4.4).
    pub fn authorities(&self) -> Vec<Vec<u8>> {
        self.anchors.iter().map(|anchor| fields::sequence(&anchor.subject)).collect()
    }

    pub(crate) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }

    /// Whether the anchor, which is one of [`anchors`](Self::anchors), may sign revocation lists.
    pub(crate) fn signs_lists(&self, anchor: &TrustAnchor<'_>) -> bool {
        // Two with one name and one key may differ in this.
        let place = self.anchors.iter().position(|one| core::ptr::addr_eq(one, anchor));
        place.and_then(|place| self.sign_lists.get(place)).is_some_and(|signs| *signs)
    }

    /// Whether this very certificate is trusted, to the last octet. Those of
    /// [`mozilla`](Self::mozilla) are not known so well.
    #[cfg(feature = "legacy")]
    pub(crate) fn contains(&self, certificate: &CertificateDer<'_>) -> bool {
        self.certificates.contains(certificate)
    }

    /// The store if it trusts somebody.
    pub(crate) fn require(&self) -> Result<(), LoadError> {
        if self.is_empty() {
            return Err(LoadError::NoRoots { detail: " given".into() });
        }
        Ok(())
    }
}

fn anchor(certificate: &CertificateDer<'_>, number: usize, source: &Source) -> Result<TrustAnchor<'static>, LoadError> {
    webpki::anchor_from_trusted_cert(certificate)
        .map(|anchor| anchor.to_owned())
        .map_err(|error| LoadError::Certificate { source_name: source.clone(), number, reason: format!("{error:?}") })
}

impl fmt::Debug for RootStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.anchors.iter().map(|anchor| fields::name_text(&fields::sequence(&anchor.subject))))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn authorities_are_whole_names() {
        let ca = testing::Authority::new("Clasp Test CA");
        let mut roots = RootStore::new();
        assert!(roots.is_empty() && roots.require().is_err());
        roots.add_der(ca.der()).unwrap();
        assert_eq!(roots.len(), 1);
        let fields = fields::Fields::parse(ca.der()).unwrap();
        assert_eq!(roots.authorities(), [fields.subject.to_vec()]);
        assert_eq!(format!("{roots:?}"), "[\"CN=Clasp Test CA\"]");
    }

    #[test]
    fn a_bundle_with_a_bad_certificate_adds_nothing() {
        let mut text = testing::Authority::new("A").pem();
        let mut roots = RootStore::new();
        assert_eq!(roots.add_pem(text.as_bytes()).unwrap(), 1);
        text.push_str("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
        let error = roots.add_pem(text.as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with("certificate 2 in "), "{error}");
        assert_eq!(roots.len(), 1);
    }

    #[cfg(feature = "webpki-roots")]
    #[test]
    fn mozilla_trusts_somebody() {
        assert!(RootStore::mozilla().len() > 50);
    }

    #[cfg(feature = "webpki-roots")]
    #[test]
    fn what_comes_after_mozilla_is_asked_for_its_own_key_usage() {
        let mut params = testing::Authority::params("A");
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
        let mut roots = RootStore::mozilla();
        roots.add_der(testing::Authority::from_params(params).der()).unwrap();
        roots.add_der(testing::Authority::new("B").der()).unwrap();
        let signs: Vec<bool> = roots.anchors().iter().rev().map(|anchor| roots.signs_lists(anchor)).collect();
        assert_eq!(signs[..3], [true, false, true]);
    }
}
