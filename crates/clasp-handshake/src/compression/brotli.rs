//! Certificate chains in Brotli's format (RFC 8879 3, RFC 7932).

use brotli::enc::{BrotliEncoderParams, StandardAlloc};
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use clasp_wire::CertificateCompressionAlgorithm;

use super::CertificateCompression;

/// Brotli: browsers have it.
pub const BROTLI: &dyn CertificateCompression = &Brotli;

/// Of 11: beyond it a chain gets hardly shorter.
const QUALITY: i32 = 9;

/// 64 KiB, the longest message.
const WINDOW_BITS: i32 = 16;

#[derive(Debug)]
struct Brotli;

impl CertificateCompression for Brotli {
    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        CertificateCompressionAlgorithm::BROTLI
    }

    fn compress(&self, mut message: &[u8]) -> Option<Vec<u8>> {
        let params = BrotliEncoderParams { quality: QUALITY, lgwin: WINDOW_BITS, ..Default::default() };
        let mut out = Vec::with_capacity(message.len());
        brotli::BrotliCompress(&mut message, &mut out, &params).ok()?;
        Some(out)
    }

    fn decompress(&self, compressed: &[u8], length: usize) -> Option<Vec<u8>> {
        let alloc = StandardAlloc::default();
        // Windows above 16 MiB are no part of the format, and must not be allocated for.
        let mut state = BrotliState::new_strict(alloc, alloc, alloc);
        let mut out = vec![0; length];
        let (mut left, mut read, mut room, mut at, mut written) = (compressed.len(), 0, length, 0, 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut read,
            compressed,
            &mut room,
            &mut at,
            &mut out,
            &mut written,
            &mut state,
        );
        (matches!(result, BrotliResult::ResultSuccess) && left == 0 && written == length).then_some(out)
    }
}
