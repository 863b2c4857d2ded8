//! How much padding goes into the records of TLS 1.3 (RFC 8446 5.4).

use core::num::NonZeroU16;

/// How records are padded, so that their length does not tell that of what is in them. Only TLS 1.3 can, and no record
/// is padded beyond what the peer takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordPadding {
    /// Not at all.
    #[default]
    None,
    /// To a multiple of this many bytes, the type's byte included.
    ToMultiple(NonZeroU16),
    /// As long as a record may be.
    Full,
}

impl RecordPadding {
    /// How many zeros follow a plaintext of `length` bytes, type included, where `limit` is the most there may be.
    pub(crate) fn amount(self, length: usize, limit: usize) -> usize {
        let padded = match self {
            Self::None => length,
            Self::ToMultiple(multiple) => length.next_multiple_of(usize::from(multiple.get())),
            Self::Full => limit,
        };
        padded.min(limit).saturating_sub(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_beyond_the_limit() {
        let multiple = |of| RecordPadding::ToMultiple(NonZeroU16::new(of).unwrap());
        assert_eq!(RecordPadding::None.amount(5, 100), 0);
        assert_eq!(RecordPadding::Full.amount(5, 100), 95);
        assert_eq!(RecordPadding::Full.amount(100, 100), 0);
        assert_eq!([5, 31, 32, 33].map(|length| multiple(32).amount(length, 100)), [27, 1, 0, 31]);
        assert_eq!([96, 97, 100].map(|length| multiple(32).amount(length, 100)), [0, 3, 0]);
        assert_eq!(multiple(u16::MAX).amount(1, 16385), 16384);
        assert_eq!(multiple(1).amount(7, 100), 0);
    }
}
