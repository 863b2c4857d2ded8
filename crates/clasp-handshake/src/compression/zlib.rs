//! Certificate chains in zlib's format (RFC 8879 3, RFC 1950).

use clasp_wire::CertificateCompressionAlgorithm;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::CertificateCompression;

/// zlib: everyone has it, and it is the fastest to restore.
pub const ZLIB: &dyn CertificateCompression = &Zlib;

#[derive(Debug)]
struct Zlib;

impl CertificateCompression for Zlib {
    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        CertificateCompressionAlgorithm::ZLIB
    }

    fn compress(&self, message: &[u8]) -> Option<Vec<u8>> {
        // Nothing longer than the message is wanted.
        let mut out = vec![0; message.len()];
        let mut state = Compress::new(Compression::best(), true);
        let status = state.compress(message, &mut out, FlushCompress::Finish).ok()?;
        out.truncate(usize::try_from(state.total_out()).ok()?);
        (status == Status::StreamEnd).then_some(out)
    }

    fn decompress(&self, compressed: &[u8], length: usize) -> Option<Vec<u8>> {
        // Zlib tells the end apart from a full buffer only where there is room left.
        let mut out = vec![0; length + 1];
        let mut state = Decompress::new(true);
        let status = state.decompress(compressed, &mut out, FlushDecompress::Finish).ok()?;
        let (read, written) = (usize::try_from(state.total_in()).ok()?, usize::try_from(state.total_out()).ok()?);
        out.truncate(length);
        (status == Status::StreamEnd && read == compressed.len() && written == length).then_some(out)
    }
}
