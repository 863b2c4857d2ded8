//! The three toy compressions that the runner has for RFC 8879.

use clasp::handshake::CertificateCompression;
use clasp::wire::CertificateCompressionAlgorithm;

/// Leaves out two zeros at the front.
#[derive(Debug)]
struct Shrinking;

/// Puts four bytes before it.
#[derive(Debug)]
struct Expanding;

/// Puts a byte before it that is another each time.
#[derive(Debug)]
struct Random;

impl CertificateCompression for Shrinking {
    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        CertificateCompressionAlgorithm(0xff01)
    }

    fn compress(&self, message: &[u8]) -> Option<Vec<u8>> {
        message.strip_prefix(&[0, 0]).map(<[u8]>::to_vec)
    }

    fn decompress(&self, compressed: &[u8], length: usize) -> Option<Vec<u8>> {
        (length == compressed.len() + 2).then(|| [&[0, 0], compressed].concat())
    }
}

impl CertificateCompression for Expanding {
    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        CertificateCompressionAlgorithm(0xff02)
    }

    fn compress(&self, message: &[u8]) -> Option<Vec<u8>> {
        Some([&[1, 2, 3, 4], message].concat())
    }

    fn decompress(&self, compressed: &[u8], length: usize) -> Option<Vec<u8>> {
        compressed.strip_prefix(&[1, 2, 3, 4]).filter(|rest| rest.len() == length).map(<[u8]>::to_vec)
    }
}

impl CertificateCompression for Random {
    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        CertificateCompressionAlgorithm(0xff03)
    }

    fn compress(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut byte = [0];
        clasp::crypto::default_provider().random.fill(&mut byte).ok()?;
        Some([&byte, message].concat())
    }

    fn decompress(&self, compressed: &[u8], length: usize) -> Option<Vec<u8>> {
        compressed.get(1..).filter(|rest| rest.len() == length).map(<[u8]>::to_vec)
    }
}

/// In the order in which BoringSSL's shim has them.
const ALL: &[&dyn CertificateCompression] = &[&Expanding, &Shrinking, &Random];

/// All of them, or the one with this code point.
pub(crate) fn chosen(only: Option<i64>) -> Vec<&'static dyn CertificateCompression> {
    ALL.iter().copied().filter(|way| only.is_none_or(|only| i64::from(way.algorithm().0) == only)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_restores_what_it_made() {
        for way in ALL {
            let message = [0, 0, 5, 6];
            let packed = way.compress(&message).unwrap();
            assert_eq!(way.decompress(&packed, message.len()).as_deref(), Some(&message[..]));
            assert_eq!(way.decompress(&packed, message.len() + 1), None);
        }
        assert_eq!(chosen(Some(0xff01)).len(), 1);
    }
}
