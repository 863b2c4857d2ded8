//! What is wrong with bytes that do not parse, and where (RFC 5246 4).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::codepoint::ExtensionType;

/// Bytes that are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    offset: usize,
    path: Box<[Segment]>,
    kind: DecodeErrorKind,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The input ends before a field of fixed length does.
    Truncated {
        /// Bytes the field needs.
        needed: usize,
        /// Bytes that are there.
        left: usize,
    },
    /// A length prefix says more than is there.
    RunsPastTheEnd {
        /// What the prefix says, bytes.
        length: usize,
        /// Bytes that are there.
        left: usize,
    },
    /// Bytes are left over behind the last field.
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// A vector is shorter or longer than its definition allows.
    LengthOutOfRange {
        /// Its length, bytes.
        length: usize,
        /// The least allowed.
        min: usize,
        /// The most allowed.
        max: usize,
    },
    /// A vector's length is no multiple of its elements'.
    NotAMultiple {
        /// Its length, bytes.
        length: usize,
        /// An element's length, bytes.
        of: usize,
    },
    /// An extension stands twice (RFC 5246 7.4.1.4).
    DuplicateExtension(ExtensionType),
    /// A value that is well-formed but not allowed here, in words.
    Illegal(&'static str),
    /// A list has more elements than are read.
    TooMany {
        /// The bound.
        max: usize,
    },
    /// A handshake message is longer than the configured bound.
    TooLarge {
        /// Its length, bytes.
        length: usize,
        /// The bound, bytes.
        max: usize,
    },
}

/// One step of the path to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Field(&'static str),
    Index(usize),
}

impl DecodeError {
    pub(crate) fn new(offset: usize, path: Vec<Segment>, kind: DecodeErrorKind) -> Self {
        Self { offset, path: path.into_boxed_slice(), kind }
    }

    /// Where in the message's body, in bytes from its start.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// What is wrong.
    pub fn kind(&self) -> DecodeErrorKind {
        self.kind
    }

    /// Whether the bytes are well-formed and say something that is not allowed (`illegal_parameter`, not `decode_error`).
    pub fn is_illegal_parameter(&self) -> bool {
        matches!(self.kind, DecodeErrorKind::Illegal(_) | DecodeErrorKind::DuplicateExtension(_))
    }

    /// Whether a handshake message is longer than the configured bound, or has more elements in a list than are read.
    pub fn is_too_large(&self) -> bool {
        matches!(self.kind, DecodeErrorKind::TooLarge { .. } | DecodeErrorKind::TooMany { .. })
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for segment in &self.path {
            match segment {
                Segment::Field(name) if first => write!(f, "{name}")?,
                Segment::Field(name) => write!(f, ".{name}")?,
                Segment::Index(at) => write!(f, "[{at}]")?,
            }
            first = false;
        }
        write!(f, "{}{} (offset {})", if first { "" } else { ": " }, self.kind, self.offset)
    }
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { needed, left } => write!(f, "needs {needed} bytes but only {left} are left"),
            Self::RunsPastTheEnd { length, .. } => write!(f, "length {length} runs past the end"),
            Self::TrailingBytes { count } => write!(f, "{count} bytes too many"),
            Self::LengthOutOfRange { length, min, max } => write!(f, "length {length} is not in {min}..={max}"),
            Self::NotAMultiple { length, of } => write!(f, "length {length} is no multiple of {of}"),
            Self::DuplicateExtension(typ) => write!(f, "extension {typ} stands twice"),
            Self::Illegal(what) => f.write_str(what),
            Self::TooMany { max } => write!(f, "more than {max} elements"),
            Self::TooLarge { length, max } => write!(f, "a message of {length} bytes, where {max} are allowed"),
        }
    }
}

impl core::error::Error for DecodeError {}
