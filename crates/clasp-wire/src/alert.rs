//! The alert protocol's two bytes (RFC 5246 7.2).

use crate::codepoint::{AlertDescription, AlertLevel};
use crate::error::DecodeError;
use crate::parse::{u8, whole};

/// An alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// How grave it is.
    pub level: AlertLevel,
    /// What it says.
    pub description: AlertDescription,
}

impl Alert {
    /// Reads an alert.
    ///
    /// # Errors
    /// Anything but two bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        whole("Alert", bytes, |input| {
            let (input, level) = u8(input)?;
            let (input, description) = u8(input)?;
            Ok((input, Self { level: AlertLevel(level), description: AlertDescription(description) }))
        })
    }

    /// The two bytes.
    pub fn encode(&self) -> [u8; 2] {
        [self.level.0, self.description.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn two_bytes_and_no_other_number() {
        let alert = Alert::parse(&[2, 40]).unwrap();
        assert_eq!((alert.level, alert.description), (AlertLevel::FATAL, AlertDescription::HANDSHAKE_FAILURE));
        assert_eq!(alert.encode(), [2, 40]);
        for (level, description) in (0..=255).flat_map(|level| (0..=255).map(move |description| (level, description))) {
            assert_eq!(Alert::parse(&[level, description]).unwrap().encode(), [level, description]);
        }
        let says = |bytes: &[u8]| Alert::parse(bytes).unwrap_err().to_string();
        assert_eq!(says(&[]), "Alert: needs 1 bytes but only 0 are left (offset 0)");
        assert_eq!(says(&[2]), "Alert: needs 1 bytes but only 0 are left (offset 1)");
        assert_eq!(says(&[2, 40, 0]), "Alert: 1 bytes too many (offset 2)");
    }
}
