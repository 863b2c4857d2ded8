//! A host's name in the subject's common name, where subjectAltName has none (RFC 2818, section 3.1; RFC 6125, section 6.4).
//!
//! Only [legacy rules](crate::CertificateRules) look there.

use rustls_pki_types::ServerName;
use x509_parser::asn1_rs::{FromDer, Tag};
use x509_parser::x509::X509Name;

use crate::fields::Fields;

/// dNSName and iPAddress in a GeneralName (RFC 5280, section 4.2.1.6).
const DNS_NAME: u32 = 2;
const IP_ADDRESS: u32 = 7;

/// The most specific common name of the subject, which is the last one, if it is a string of
/// octets.
pub(crate) fn of<'a>(leaf: &Fields<'a>) -> Option<&'a str> {
    let (_, subject) = X509Name::from_der(leaf.subject).ok()?;
    let value = subject.iter_common_name().last()?.attr_value();
    matches!(value.tag(), Tag::PrintableString | Tag::Utf8String | Tag::Ia5String | Tag::T61String)
        .then(|| core::str::from_utf8(value.data).ok())?
}

/// Whether the common name counts, and is `name`.
pub(crate) fn is_for(leaf: &Fields<'_>, name: &ServerName<'_>) -> bool {
    let Some(common_name) = of(leaf) else {
        return false;
    };
    // Where subjectAltName cannot be read nobody knows what it was meant to say.
    let has = |kinds| leaf.has_alternative_name(kinds) != Ok(false);
    match name {
        ServerName::DnsName(host) => !has(&[DNS_NAME]) && is_host(common_name, host.as_ref()),
        ServerName::IpAddress(_) => !has(&[DNS_NAME, IP_ADDRESS]) && common_name.eq_ignore_ascii_case(&name.to_str()),
        _ => false,
    }
}

/// Whether a common name is the host's, or stands for it by a `*` that is a whole label, the
/// leftmost of at least three.
fn is_host(common_name: &str, host: &str) -> bool {
    // A host may be written with the root's dot.
    let host = host.strip_suffix('.').unwrap_or(host);
    match common_name.strip_prefix("*.") {
        Some(domain) => {
            domain.contains('.') && host.split_once('.').is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(domain))
        }
        // That the host is one makes the common name one.
        None => common_name.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_without_regard_to_case() {
        assert!(is_host("host.example", "host.example"));
        assert!(is_host("Host.EXAMPLE", "hOST.example."));
        assert!(is_host("printer", "printer"));
        for wrong in
            ["", ".", "host.example.", "ost.example", "host.example ", "host.example\0.evil.example", "example"]
        {
            assert!(!is_host(wrong, "host.example"), "{wrong:?}");
        }
    }

    #[test]
    fn a_wildcard_is_the_whole_leftmost_label_of_three() {
        assert!(is_host("*.wild.example", "a.wild.example"));
        assert!(is_host("*.Wild.example", "A.wild.Example."));
        for (common_name, host) in [
            ("*.wild.example", "wild.example"),
            ("*.wild.example", "a.b.wild.example"),
            ("*.example", "host.example"),
            ("*", "printer"),
            ("*", "host.example"),
            ("*.", "host."),
            ("h*.wild.example", "host.wild.example"),
            ("*t.wild.example", "host.wild.example"),
            ("a.*.example", "a.wild.example"),
            ("*.*.example", "a.wild.example"),
        ] {
            assert!(!is_host(common_name, host), "{common_name} {host}");
        }
    }
}
