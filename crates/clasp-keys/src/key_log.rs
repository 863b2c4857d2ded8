//! Lines of the NSS key log (draft-ietf-tls-keylogfile).

use core::fmt::Write;

use zeroize::Zeroizing;

/// What a line begins with.
pub mod key_log_label {
    /// The master secret, before TLS 1.3.
    pub const CLIENT_RANDOM: &str = "CLIENT_RANDOM";
    /// `client_early_traffic_secret`.
    pub const CLIENT_EARLY_TRAFFIC_SECRET: &str = "CLIENT_EARLY_TRAFFIC_SECRET";
    /// `early_exporter_master_secret`.
    pub const EARLY_EXPORTER_SECRET: &str = "EARLY_EXPORTER_SECRET";
    /// `client_handshake_traffic_secret`.
    pub const CLIENT_HANDSHAKE_TRAFFIC_SECRET: &str = "CLIENT_HANDSHAKE_TRAFFIC_SECRET";
    /// `server_handshake_traffic_secret`.
    pub const SERVER_HANDSHAKE_TRAFFIC_SECRET: &str = "SERVER_HANDSHAKE_TRAFFIC_SECRET";
    /// `client_application_traffic_secret_0`.
    pub const CLIENT_TRAFFIC_SECRET_0: &str = "CLIENT_TRAFFIC_SECRET_0";
    /// `server_application_traffic_secret_0`.
    pub const SERVER_TRAFFIC_SECRET_0: &str = "SERVER_TRAFFIC_SECRET_0";
    /// `exporter_master_secret`.
    pub const EXPORTER_SECRET: &str = "EXPORTER_SECRET";
}

/// The line for a secret, without a line end: label, client random and secret, the latter two in hexadecimal.
pub fn key_log_line(label: &str, client_random: &[u8; 32], secret: &[u8]) -> String {
    let mut line = String::with_capacity(label.len() + 66 + 2 * secret.len());
    line.push_str(label);
    for bytes in [&client_random[..], secret] {
        line.push(' ');
        for byte in bytes {
            // Writing to a string does not fail.
            let _ = write!(line, "{byte:02x}");
        }
    }
    line
}

/// A parsed line.
pub struct KeyLogLine {
    /// What the secret is: `CLIENT_RANDOM` for a master secret.
    pub label: String,
    /// Which connection it belongs to.
    pub client_random: [u8; 32],
    /// The secret.
    pub secret: Zeroizing<Vec<u8>>,
}

impl KeyLogLine {
    /// Reads a line; `None` for comments and for anything else that is no entry.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let label = words.next().filter(|label| !label.starts_with('#'))?;
        let client_random = <[u8; 32]>::try_from(unhex(words.next()?)?.as_slice()).ok()?;
        let secret = unhex(words.next()?)?;
        if words.next().is_some() {
            return None;
        }
        Some(Self { label: label.to_owned(), client_random, secret })
    }
}

impl core::fmt::Debug for KeyLogLine {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "KeyLogLine({})", self.label)
    }
}

fn unhex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    let digit = |character: u8| char::from(character).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    // All of it at once: a vector that grows leaves what it held behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(pairs.len()));
    for [high, low] in pairs {
        bytes.push(digit(*high)? << 4 | digit(*low)?);
    }
    Some(bytes)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn hex(text: &str) -> Vec<u8> {
        unhex(text).unwrap().to_vec()
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let line = key_log_line("CLIENT_RANDOM", &[0x0a; 32], &[0xf0, 1]);
        assert_eq!(line, format!("CLIENT_RANDOM {} f001", "0a".repeat(32)));
        let parsed = KeyLogLine::parse(&line).unwrap();
        assert_eq!((parsed.label.as_str(), parsed.client_random), ("CLIENT_RANDOM", [0x0a; 32]));
        assert_eq!(parsed.secret[..], [0xf0, 1]);
        for bad in ["", "# a comment", "CLIENT_RANDOM 00", "X zz 00", &format!("{line} more"), &line[..line.len() - 1]]
        {
            assert!(KeyLogLine::parse(bad).is_none(), "{bad}");
        }
        // As others write them: capitals, more white space, the end of a line of Windows'.
        let theirs = format!("  CLIENT_RANDOM\t{}  F001\r\n", "0A".repeat(32));
        assert_eq!(KeyLogLine::parse(&theirs).unwrap().secret[..], [0xf0, 1]);
        assert_eq!(format!("{parsed:?}"), "KeyLogLine(CLIENT_RANDOM)");
    }
}
