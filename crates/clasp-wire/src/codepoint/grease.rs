//! GREASE: code points that mean nothing, which a client offers so that servers learn to ignore what they do not know
//! (RFC 8701).

use super::{CipherSuite, ExtensionType, NamedGroup, ProtocolVersion, PskKeyExchangeMode, SignatureScheme};

/// How many values are reserved in registries of two bytes.
const VALUES: u16 = 16;

macro_rules! grease {
    ($($type:ident)*) => {
        $(impl $type {
            /// The GREASE value with this number, modulo 16: 0x0a0a, 0x1a1a and so on to 0xfafa (RFC 8701 2).
            pub const fn grease(number: u16) -> Self {
                Self(0x0a0a + 0x1010 * (number % VALUES))
            }

            /// Whether the value is GREASE (RFC 8701 2): to be ignored in an offer, and never to be chosen.
            pub const fn is_grease(self) -> bool {
                let [high, low] = self.0.to_be_bytes();
                high == low && low & 0x0f == 0x0a
            }
        })*
    };
}

grease! { CipherSuite ExtensionType NamedGroup ProtocolVersion SignatureScheme }

impl PskKeyExchangeMode {
    /// The GREASE value with this number, modulo 8: 0x0b, 0x2a, 0x49 and so on to 0xe4 (RFC 8701 2).
    pub const fn grease(number: u8) -> Self {
        Self(0x0b + 0x1f * (number % 8))
    }

    /// Whether the value is GREASE (RFC 8701 2): to be ignored in an offer, and never to be chosen.
    pub const fn is_grease(self) -> bool {
        self.0 >= 0x0b && (self.0 - 0x0b).is_multiple_of(0x1f)
    }
}

/// Whether the name of an application protocol is GREASE (RFC 8701 2): two bytes, as in the other registries.
pub const fn is_grease_alpn(name: &[u8]) -> bool {
    match name {
        [high, low] => CipherSuite(u16::from_be_bytes([*high, *low])).is_grease(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8701 2, in full.
    const TWO_BYTES: [u16; 16] = [
        0x0a0a, 0x1a1a, 0x2a2a, 0x3a3a, 0x4a4a, 0x5a5a, 0x6a6a, 0x7a7a, 0x8a8a, 0x9a9a, 0xaaaa, 0xbaba, 0xcaca, 0xdada,
        0xeaea, 0xfafa,
    ];
    const MODES: [u8; 8] = [0x0b, 0x2a, 0x49, 0x68, 0x87, 0xa6, 0xc5, 0xe4];

    #[test]
    fn the_reserved_values_and_no_other() {
        for value in 0..=u16::MAX {
            let is_grease = TWO_BYTES.contains(&value);
            assert_eq!(CipherSuite(value).is_grease(), is_grease);
            assert_eq!(ExtensionType(value).is_grease(), is_grease);
            assert_eq!(NamedGroup(value).is_grease(), is_grease);
            assert_eq!(ProtocolVersion(value).is_grease(), is_grease);
            assert_eq!(SignatureScheme(value).is_grease(), is_grease);
            assert_eq!(is_grease_alpn(&value.to_be_bytes()), is_grease);
        }
        for value in 0..=u8::MAX {
            assert_eq!(PskKeyExchangeMode(value).is_grease(), MODES.contains(&value), "{value}");
        }
        assert!(!is_grease_alpn(b"") && !is_grease_alpn(&[0x0a]) && !is_grease_alpn(&[0x0a; 3]));
    }

    #[test]
    fn every_value_can_be_made() {
        for (number, value) in (0..).zip(TWO_BYTES) {
            assert_eq!(NamedGroup::grease(number), NamedGroup(value));
            assert_eq!(NamedGroup::grease(number + 32), NamedGroup(value));
        }
        assert!(NamedGroup::grease(u16::MAX).is_grease());
        for (number, value) in (0..).zip(MODES) {
            assert_eq!(PskKeyExchangeMode::grease(number), PskKeyExchangeMode(value));
        }
        assert!(PskKeyExchangeMode::grease(u8::MAX).is_grease());
    }
}
