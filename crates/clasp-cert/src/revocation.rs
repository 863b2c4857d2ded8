//! Certificate revocation lists and what follows from them (RFC 5280, section 5).

use core::fmt;
use std::path::Path;

use rustls_pki_types::CertificateRevocationListDer;
#[cfg(feature = "legacy")]
use rustls_pki_types::UnixTime;
use webpki::{
    BorrowedCertRevocationList, CertRevocationList, ExpirationPolicy, RevocationCheckDepth, RevocationOptions,
    RevocationOptionsBuilder, UnknownStatusPolicy,
};

#[cfg(feature = "legacy")]
use crate::error::CertificateProblem;
#[cfg(feature = "legacy")]
use crate::fields::{self, Fields, Signed, SignedData, Spki};
use crate::load_error::{LoadError, Source};
use crate::pem;
#[cfg(feature = "legacy")]
use crate::rules::Accepted;
#[cfg(feature = "legacy")]
use crate::text;

/// Revocation lists and the rules for using them.
///
/// By default every certificate of the path but the root has to be covered by a list that is not
/// overdue; a certificate whose status is unknown is refused. The setters relax that. A list for
/// some certificates only (issuingDistributionPoint) does not cover a path that begins with a
/// certificate of X.509 version 1, which only legacy rules accept.
pub struct Revocation {
    lists: Vec<CertRevocationList<'static>>,
    /// The same lists as they were given: webpki checks their signatures on its own paths only.
    #[cfg(feature = "legacy")]
    ders: Vec<Box<[u8]>>,
    depth: RevocationCheckDepth,
    unknown: UnknownStatusPolicy,
    overdue: ExpirationPolicy,
}

impl Default for Revocation {
    fn default() -> Self {
        Self::new()
    }
}

impl Revocation {
    /// No list yet. Used like that, with unknown status not allowed, it refuses everybody.
    pub fn new() -> Self {
        Self {
            lists: Vec::new(),
            #[cfg(feature = "legacy")]
            ders: Vec::new(),
            depth: RevocationCheckDepth::Chain,
            unknown: UnknownStatusPolicy::Deny,
            overdue: ExpirationPolicy::Enforce,
        }
    }

    /// Adds the lists of a file, PEM or DER, and tells how many there were.
    pub fn add_file(&mut self, path: impl AsRef<Path>) -> Result<usize, LoadError> {
        let path = path.as_ref();
        let source = Source::file(path);
        let lists = pem::revocation_lists(&pem::read(path)?, &source)?;
        let count = lists.len();
        for list in lists {
            self.add(&list, &source)?;
        }
        Ok(count)
    }

    /// Adds one list.
    pub fn add_der(&mut self, list: &CertificateRevocationListDer<'_>) -> Result<(), LoadError> {
        self.add(list, &Source::Memory("the revocation list given"))
    }

    fn add(&mut self, list: &CertificateRevocationListDer<'_>, source: &Source) -> Result<(), LoadError> {
        let read = BorrowedCertRevocationList::from_der(list)
            .and_then(|list| list.to_owned())
            .map_err(|error| LoadError::RevocationList { source_name: source.clone(), reason: format!("{error:?}") })?;
        self.lists.push(read.into());
        #[cfg(feature = "legacy")]
        self.ders.push(list.as_ref().into());
        Ok(())
    }

    /// Looks at the peer's own certificate only, not at those of the authorities above it.
    pub fn leaf_only(&mut self) -> &mut Self {
        self.depth = RevocationCheckDepth::EndEntity;
        self
    }

    /// Accepts certificates no list speaks of.
    pub fn allow_unknown(&mut self) -> &mut Self {
        self.unknown = UnknownStatusPolicy::Allow;
        self
    }

    /// Goes on using lists whose next update is overdue.
    pub fn allow_overdue(&mut self) -> &mut Self {
        self.overdue = ExpirationPolicy::Ignore;
        self
    }

    pub(crate) const fn allows_unknown(&self) -> bool {
        matches!(self.unknown, UnknownStatusPolicy::Allow)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    pub(crate) fn lists(&self) -> Vec<&CertRevocationList<'static>> {
        self.lists.iter().collect()
    }

    /// How many certificates of a path of so many are looked up.
    pub(crate) const fn depth(&self, path: usize) -> usize {
        match self.depth {
            RevocationCheckDepth::EndEntity => 1,
            RevocationCheckDepth::Chain => path,
        }
    }

    /// webpki's form of these rules. `None` when there is no list to look into.
    pub(crate) fn options<'a>(
        &self,
        lists: &'a [&'a CertRevocationList<'a>],
        allow_unknown: bool,
    ) -> Option<RevocationOptions<'a>> {
        let unknown = if allow_unknown { UnknownStatusPolicy::Allow } else { UnknownStatusPolicy::Deny };
        let options = RevocationOptionsBuilder::new(lists).ok()?;
        Some(options.with_depth(self.depth).with_status_policy(unknown).with_expiration_policy(self.overdue).build())
    }
}

/// Who issued a certificate, as far as revocation lists are concerned.
#[cfg(feature = "legacy")]
pub(crate) struct Issuer<'a> {
    pub(crate) key: Spki<'a>,
    /// Whether keyUsage lets the key sign lists.
    pub(crate) signs_lists: bool,
}

/// What webpki does on its own paths, for the others.
#[cfg(feature = "legacy")]
impl Revocation {
    /// Looks a certificate up in the first list of its issuer that is for all of its certificates,
    /// and tells whether there is one.
    pub(crate) fn look_up(
        &self,
        certificate: &Fields<'_>,
        issuer: &Issuer<'_>,
        accepted: &Accepted,
        now: UnixTime,
    ) -> Result<bool, CertificateProblem> {
        let unknown = |reason: String| CertificateProblem::RevocationUnknown { reason: reason.into() };
        let for_all = |list: &CertRevocationList<'_>| {
            fields::sequence(list.issuer()) == certificate.issuer && list.issuing_distribution_point().is_none()
        };
        let Some((list, der)) = self.lists.iter().zip(&self.ders).find(|(list, _)| for_all(list)) else {
            return Ok(false);
        };
        let (signed, content) = SignedData::parse(der)?;
        match signed.verify(&issuer.key, accepted) {
            Signed::Good => {}
            Signed::Bad => {
                return Err(unknown("the revocation list's signature does not verify with the issuer's key".into()));
            }
            Signed::Unsupported | Signed::ShortKey(_) => {
                return Err(unknown("the revocation list is signed in a way that is not accepted".into()));
            }
        }
        let next_update = fields::next_update(content)?;
        if matches!(self.overdue, ExpirationPolicy::Enforce) && now >= next_update {
            let date = text::date(next_update);
            return Err(unknown(format!("the revocation list should have been renewed on {date}")));
        }
        if !issuer.signs_lists {
            return Err(unknown("the issuer may not sign revocation lists (keyUsage)".into()));
        }
        match list.find_serial(certificate.serial) {
            Ok(None) => Ok(true),
            Ok(Some(_)) => Err(CertificateProblem::Revoked),
            Err(error) => Err(unknown(format!("the revocation list cannot be read ({error:?})"))),
        }
    }
}

impl fmt::Debug for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocation")
            .field("lists", &self.lists.len())
            .field("depth", &self.depth)
            .field("unknown", &self.unknown)
            .field("overdue", &self.overdue)
            .finish_non_exhaustive()
    }
}
