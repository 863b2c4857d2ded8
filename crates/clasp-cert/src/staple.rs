//! Certificates that ask for a stapled OCSP response: the TLS feature extension (RFC 7633).

use rustls_pki_types::CertificateDer;

use crate::fields::Fields;

/// The extension status_request of TLS (RFC 6066, section 8), as the TLS feature extension names it.
const STATUS_REQUEST: u8 = 5;

/// Why a response that came does not do.
pub(crate) const NOT_GOOD: &str = "and nothing can be told from the one that came";
/// The same, where another check says more.
pub(crate) const REFUSED: &str = "the one that came does not say that the certificate is good";

/// Whether the peer's own certificate asks for a response. An extension that cannot be read asks for it: it is there
/// to make things stricter.
pub(crate) fn is_demanded(chain: &[CertificateDer<'_>]) -> bool {
    chain
        .first()
        .and_then(|leaf| Fields::parse(leaf).ok())
        .is_some_and(|leaf| leaf.has_tls_feature(STATUS_REQUEST).unwrap_or(true))
}

/// What is amiss with a response at first sight; `None` if it is an OCSPResponse whose status is successful (RFC 6960,
/// section 4.2.1).
pub(crate) fn missing(response: &[u8]) -> Option<&'static str> {
    if response.is_empty() {
        return Some("and the server sent none");
    }
    match status(response) {
        Some(0) => None,
        Some(_) => Some("and the one that came only says that there is none (an error of the OCSP responder)"),
        None => Some("and what came is none"),
    }
}

/// The responseStatus: the first element, an ENUMERATED of one octet, in a SEQUENCE that is all there is.
fn status(response: &[u8]) -> Option<u8> {
    let (first, rest) = response.split_first_chunk::<2>()?;
    let [0x30, length] = *first else { return None };
    let (length, content) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x83 => {
            let (octets, content) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), content)
        }
        _ => return None,
    };
    match content {
        [0x0a, 1, status, ..] if content.len() == length => Some(*status),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_successful_response_is_one() {
        assert_eq!(status(&[0x30, 3, 0x0a, 1, 0]), Some(0));
        assert_eq!(status(&[0x30, 0x81, 3, 0x0a, 1, 0]), Some(0));
        assert_eq!(status(&[0x30, 0x82, 0, 3, 0x0a, 1, 6]), Some(6));
        for bad in
            [&[][..], &[0x30], &[0x30, 3, 0x0a, 1], &[0x30, 4, 0x0a, 1, 0], &[0x31, 3, 0x0a, 1, 0], &[0x30, 0x80]]
        {
            assert_eq!(status(bad), None, "{bad:?}");
        }
        assert!(missing(&[0x30, 3, 0x0a, 1, 0]).is_none());
        assert!(missing(&[0x30, 3, 0x0a, 1, 3]).unwrap().contains("error of the OCSP responder"));
    }
}
