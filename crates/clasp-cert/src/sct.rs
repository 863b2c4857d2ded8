//! Signed certificate timestamps (RFC 6962): a log's promise that it has a certificate. Carried, and not verified here.

use core::fmt;
use std::sync::Arc;

/// A SignedCertificateTimestampList (RFC 6962, section 3.3): one timestamp or more, each of one byte or more, which are not
/// looked into. Cloning it is cheap.
#[derive(Clone, PartialEq, Eq)]
pub struct SctList {
    /// As the extension has it: lengths of two bytes before the whole and before each timestamp.
    bytes: Arc<[u8]>,
}

/// The bytes are no SignedCertificateTimestampList (RFC 6962, section 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no SignedCertificateTimestampList: expected two bytes of length, and timestamps in all that follows, each after two \
     bytes of its own length, none of them empty"
)]
pub struct BadSctList;

impl SctList {
    /// Takes a list as the extension has it, which is also the content of files and tools that name a "TLS-encoded" list.
    ///
    /// # Errors
    /// [`BadSctList`]: it is cut, has bytes left over, or is or holds something empty.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadSctList> {
        let Some((mut rest, [])) = opaque(bytes) else { return Err(BadSctList) };
        while !rest.is_empty() {
            (_, rest) = opaque(rest).ok_or(BadSctList)?;
        }
        Ok(Self { bytes: bytes.into() })
    }

    /// Makes a list of timestamps, each as its log gave it.
    ///
    /// # Errors
    /// [`BadSctList`]: there is none, one is empty, or all with their lengths are more than 65,535 bytes.
    pub fn new<T: AsRef<[u8]>>(timestamps: impl IntoIterator<Item = T>) -> Result<Self, BadSctList> {
        let mut bytes = vec![0; 2];
        for timestamp in timestamps {
            let timestamp = timestamp.as_ref();
            let length = u16::try_from(timestamp.len()).map_err(|_| BadSctList)?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(timestamp);
        }
        let length = u16::try_from(bytes.len() - 2).map_err(|_| BadSctList)?;
        bytes[..2].copy_from_slice(&length.to_be_bytes());
        Self::from_bytes(&bytes)
    }

    /// The list as the extension has it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The timestamps, in order: each is a SignedCertificateTimestamp of RFC 6962, section 3.2, or should be.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.get(2..).unwrap_or_default();
        core::iter::from_fn(move || {
            let timestamp;
            (timestamp, rest) = opaque(rest)?;
            Some(timestamp)
        })
    }

    /// How many timestamps there are, at least 1.
    #[allow(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.iter().count()
    }
}

impl fmt::Debug for SctList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SctList({} timestamps, {} bytes)", self.len(), self.bytes.len())
    }
}

/// A vector of one byte or more after its length, and what is left.
fn opaque(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = input.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length));
    rest.split_at_checked(length).filter(|_| length != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_taken_apart_and_put_together() {
        let bytes = [0, 7, 0, 1, 9, 0, 2, 8, 7];
        let list = SctList::from_bytes(&bytes).unwrap();
        assert_eq!(list.iter().collect::<Vec<_>>(), [&[9][..], &[8, 7]]);
        assert_eq!((list.len(), list.as_bytes()), (2, &bytes[..]));
        assert_eq!(SctList::new([&[9][..], &[8, 7]]), Ok(list.clone()));
        assert_eq!(format!("{list:?}"), "SctList(2 timestamps, 9 bytes)");
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let good = [0, 7, 0, 1, 9, 0, 2, 8, 7];
        for length in 0..good.len() {
            assert_eq!(SctList::from_bytes(&good[..length]), Err(BadSctList), "{length}");
        }
        let bad: [&[u8]; 6] = [
            &[0, 0],
            &[0, 2, 0, 0],
            &[0, 5, 0, 1, 9, 0, 0],
            &[0, 3, 0, 1, 9, 5],
            &[0, 3, 0, 2, 9],
            &[0, 4, 0, 1, 9, 0],
        ];
        for bytes in bad {
            assert_eq!(SctList::from_bytes(bytes), Err(BadSctList), "{bytes:?}");
        }
        assert_eq!(SctList::new([[0; 0]; 0]), Err(BadSctList));
        assert_eq!(SctList::new([&b"a"[..], b""]), Err(BadSctList));
        assert_eq!(SctList::new([vec![1; 65_533]]).map(|list| list.len()), Ok(1));
        assert_eq!(SctList::new([vec![1; 65_534]]), Err(BadSctList));
        assert_eq!(SctList::new([vec![1; 65_536]]), Err(BadSctList));
    }
}
