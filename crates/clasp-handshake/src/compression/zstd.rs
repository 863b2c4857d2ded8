//! Certificate chains in Zstandard's format (RFC 8879 3, RFC 8878).

use clasp_wire::CertificateCompressionAlgorithm;
use ruzstd::decoding::FrameDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::CertificateCompression;

/// Zstandard.
pub const ZSTD: &dyn CertificateCompression = &Zstd;

/// As much as is ever worth it for so short a message; what a frame asks for is allocated (RFC 8878 3.1.1.1.2). It is what
/// everyone must support.
const LARGEST_WINDOW: u64 = 8 << 20;

#[derive(Debug)]
struct Zstd;

impl CertificateCompression for Zstd {
    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        CertificateCompressionAlgorithm::ZSTD
    }

    fn compress(&self, message: &[u8]) -> Option<Vec<u8>> {
        Some(compress_to_vec(message, CompressionLevel::Fastest))
    }

    fn decompress(&self, compressed: &[u8], length: usize) -> Option<Vec<u8>> {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(LARGEST_WINDOW);
        let mut out = vec![0; length];
        let written = decoder.decode_all(compressed, &mut out).ok()?;
        (written == length).then_some(out)
    }
}
