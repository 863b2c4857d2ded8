//! Dates and names from certificates, made fit for a terminal and a log (RFC 5280, section 4.1.2).

use core::fmt::Write;

use rustls_pki_types::UnixTime;
use x509_parser::time::ASN1Time;

/// Longest text taken over from a certificate, in characters.
const LONGEST: usize = 256;

/// What a peer wrote, with control characters escaped and cut after 256 characters: it goes into
/// error messages.
pub(crate) fn printable(text: &str) -> Box<str> {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            out.push_str("...");
            break;
        }
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out.into()
}

/// A time as `2026-11-24 09:30:00 UTC`.
pub(crate) fn date(time: UnixTime) -> String {
    let Some(time) = i64::try_from(time.as_secs()).ok().and_then(|seconds| ASN1Time::from_timestamp(seconds).ok())
    else {
        return format!("{} s after 1970", time.as_secs());
    };
    let time = time.to_datetime();
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// How long it is from one time to another, in the largest unit that says something.
pub(crate) fn distance(from: UnixTime, to: UnixTime) -> String {
    let seconds = to.as_secs().abs_diff(from.as_secs());
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// Octets as lower-case hexadecimal digits.
pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::with_capacity(octets.len() * 2), |mut out, octet| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{octet:02x}");
        out
    })
}

/// Names of a list, at most ten of them.
pub(crate) fn list(names: &[Box<str>]) -> String {
    const MOST: usize = 10;
    let mut out = names.iter().take(MOST).map(|name| &**name).collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        let _ = write!(out, " and {} more", names.len() - MOST);
    }
    out
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    #[test]
    fn dates_are_told_in_utc() {
        assert_eq!(date(at(0)), "1970-01-01 00:00:00 UTC");
        assert_eq!(date(at(951_827_696)), "2000-02-29 12:34:56 UTC");
        assert_eq!(date(at(u64::MAX)), "18446744073709551615 s after 1970");
    }

    #[test]
    fn distances_are_told_either_way() {
        assert_eq!(distance(at(0), at(1)), "1 second");
        assert_eq!(distance(at(7_300), at(0)), "2 hours");
        assert_eq!(distance(at(0), at(864_000)), "10 days");
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(&*printable("a\u{1b}[31m\nb"), "a\\u{1b}[31m\\nb");
        assert_eq!(printable(&"x".repeat(1000)).len(), 259);
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<Box<str>> = (0..12).map(|n| n.to_string().into()).collect();
        assert_eq!(list(&names), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more");
        assert_eq!(hex(&[0, 0xab]), "00ab");
    }
}
