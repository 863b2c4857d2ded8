//! Code points with their IANA names (RFC 8446 B, RFC 5246 A, and the IANA TLS registries).

/// Declares a newtype over a code point: its named values, their names, and how it prints. `is_grease` stands where RFC 8701
/// reserves values.
macro_rules! code_points {
    ($(#[$doc:meta])* $type:ident($int:ty $(, $is_grease:ident)?) { $($name:ident = $value:literal $(as $text:literal)?,)* }) => {
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
                    $(None if self.$is_grease() => write!(f, "GREASE({:#06x})", self.0),)?
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
mod grease;
mod groups;
mod hpke;
mod messages;
mod signatures;
mod suites;

pub use alerts::{AlertDescription, AlertLevel};
pub use extensions::{
    CertificateCompressionAlgorithm, CertificateStatusType, CertificateType, EcCurveType, EcPointFormat,
    ExtensionPlace, ExtensionType, MaxFragmentLength, PskKeyExchangeMode,
};
pub use grease::is_grease_alpn;
pub use groups::NamedGroup;
pub use hpke::{HpkeAead, HpkeKdf, HpkeKem};
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    extern crate alloc;

    macro_rules! holds {
        ($($type:ident $number:ty, $unknown:literal;)*) => {
            $({
                let mut names = alloc::collections::BTreeSet::new();
                for value in $type::ALL {
                    let name = value.name().unwrap();
                    assert!(names.insert(name), "{name} stands twice");
                    assert_eq!($type::from_name(name), Some(*value));
                    assert_eq!((value.to_string().as_str(), alloc::format!("{value:?}").as_str()), (name, name));
                    assert!(!name.is_empty() && !name.contains(' ') || name.starts_with("SSL") || name.starts_with("TLS"));
                }
                let numbers: alloc::collections::BTreeSet<_> = $type::ALL.iter().collect();
                assert_eq!(numbers.len(), $type::ALL.len());
                let unknown = $type(<$number>::MAX - 0x31);
                assert_eq!((unknown.name(), unknown.to_string().as_str()), (None, $unknown));
                assert_eq!($type::from_name("no such name"), None);
                assert_eq!($type::from_name(""), None);
            })*
        };
    }

    /// Every table: each value has one name, each name one value, and what has none prints as its number.
    #[test]
    fn names_and_values_are_one_to_one() {
        holds! {
            AlertDescription u8, "0x00ce";
            AlertLevel u8, "0x00ce";
            CertificateCompressionAlgorithm u16, "0xffce";
            CertificateStatusType u8, "0x00ce";
            CertificateType u8, "0x00ce";
            CipherSuite u16, "0xffce";
            ClientCertificateType u8, "0x00ce";
            CompressionMethod u8, "0x00ce";
            ContentType u8, "0x00ce";
            EcCurveType u8, "0x00ce";
            EcPointFormat u8, "0x00ce";
            ExtensionType u16, "0xffce";
            HandshakeType u8, "0x00ce";
            HpkeAead u16, "0xffce";
            HpkeKdf u16, "0xffce";
            HpkeKem u16, "0xffce";
            MaxFragmentLength u8, "0x00ce";
            NamedGroup u16, "0xffce";
            ProtocolVersion u16, "0xffce";
            PskKeyExchangeMode u8, "0x00ce";
            SignatureScheme u16, "0xffce";
        }
    }

    /// In one word, as lists are set apart by spaces.
    #[test]
    fn grease_prints_as_such() {
        for printed in [
            CipherSuite::grease(7).to_string(),
            ExtensionType::grease(7).to_string(),
            NamedGroup::grease(7).to_string(),
            ProtocolVersion::grease(7).to_string(),
            SignatureScheme::grease(7).to_string(),
        ] {
            assert_eq!(printed, "GREASE(0x7a7a)");
        }
        assert_eq!(PskKeyExchangeMode::grease(1).to_string(), "GREASE(0x002a)");
        assert_eq!(alloc::format!("{:?}", NamedGroup::grease(0)), "GREASE(0x0a0a)");
        // What no registry reserves, though it looks alike.
        assert_eq!(HpkeKem(0x7a7a).to_string(), "0x7a7a");
    }

    /// Versions are ordered by age, which negotiation relies on.
    #[test]
    fn versions_are_ordered() {
        assert!(ProtocolVersion::ALL.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn names_are_padded_as_text_is() {
        assert_eq!(alloc::format!("{:>8}|{:<8}|", NamedGroup::X25519, AlertLevel::FATAL), "  x25519|fatal   |");
    }
}
