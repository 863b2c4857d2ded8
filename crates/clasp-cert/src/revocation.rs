//! Certificate revocation lists and what follows from them (RFC 5280, section 5).

use core::fmt;
use std::path::Path;

use rustls_pki_types::CertificateRevocationListDer;
use webpki::{
    BorrowedCertRevocationList, CertRevocationList, ExpirationPolicy, RevocationCheckDepth, RevocationOptions,
    RevocationOptionsBuilder, UnknownStatusPolicy,
};

use crate::load_error::{LoadError, Source};
use crate::pem;

/// Revocation lists and the rules for using them.
///
/// By default every certificate of the path but the root has to be covered by a list that is not
/// overdue; a certificate whose status is unknown is refused. The setters relax that.
pub struct Revocation {
    lists: Vec<CertRevocationList<'static>>,
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
        let list = BorrowedCertRevocationList::from_der(list)
            .and_then(|list| list.to_owned())
            .map_err(|error| LoadError::RevocationList { source_name: source.clone(), reason: format!("{error:?}") })?;
        self.lists.push(list.into());
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

impl fmt::Debug for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocation")
            .field("lists", &self.lists.len())
            .field("depth", &self.depth)
            .field("unknown", &self.unknown)
            .field("overdue", &self.overdue)
            .finish()
    }
}
