//! Code points with their IANA names (RFC 8446 B, RFC 5246 A, and the IANA TLS registries).

/// Declares a newtype over a code point: its named values, their names, and how it prints.
macro_rules! code_points {
    ($(#[$doc:meta])* $type:ident($int:ty) { $($name:ident = $value:literal $(as $text:literal)?,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $type(pub $int);

        #[allow(non_upper_case_globals, missing_docs, reason = "the registry's own spelling, which is its own description")]
        impl $type {
            $(pub const $name: Self = Self($value);)*

            /// Every registered value that this crate names.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The registered name; `None` for a value that is not named here.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(code_points!(@text $name $($text)?)),)*
                    _ => None,
                }
            }

            /// The value with this registered name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == Some(name))
            }
        }

        impl core::fmt::Display for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => write!(f, "{:#06x}", self.0),
                }
            }
        }

        impl core::fmt::Debug for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(self, f)
            }
        }
    };
    (@text $name:ident) => { stringify!($name) };
    (@text $name:ident $text:literal) => { $text };
}

mod alerts;
mod extensions;
mod groups;
mod messages;
mod signatures;
mod suites;

pub use alerts::{AlertDescription, AlertLevel};
pub use extensions::{CertificateStatusType, EcCurveType, EcPointFormat, ExtensionType, MaxFragmentLength};
pub use groups::NamedGroup;
pub use messages::{ClientCertificateType, CompressionMethod, ContentType, HandshakeType, ProtocolVersion};
pub use signatures::SignatureScheme;
pub use suites::CipherSuite;

/// How strong something is: the weakest named policy that would offer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// Good by today's measure: forward secrecy and authenticated encryption.
    Modern,
    /// Sound when done with care, without forward secrecy or authenticated encryption.
    Compatible,
    /// Weak, but no practical break.
    Legacy,
    /// Broken.
    Insecure,
}
