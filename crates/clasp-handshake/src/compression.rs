//! Certificate chains made shorter on their way (RFC 8879).

use core::fmt::Debug;

use bytes::Bytes;
use clasp_wire::{Certificate13, CertificateCompressionAlgorithm, CompressedCertificate, HandshakeMessage as _};

use crate::error::{Error, Misbehaviour};

/// A way to compress certificate messages.
pub trait CertificateCompression: Debug + Send + Sync {
    /// Its code point.
    fn algorithm(&self) -> CertificateCompressionAlgorithm;

    /// Compresses a message; `None` when that fails, and then it is sent as it is.
    fn compress(&self, message: &[u8]) -> Option<Vec<u8>>;

    /// Restores a message that has `length` bytes, or is `None`. No more than that is ever written: a short message may
    /// claim to be a long one.
    fn decompress(&self, compressed: &[u8], length: usize) -> Option<Vec<u8>>;
}

/// The longest chain that is restored, bytes.
const LONGEST: usize = 64 << 10;

/// What to offer of these: nothing at all where there is none (RFC 8879 3).
pub(crate) fn algorithms(
    compressions: &[&'static dyn CertificateCompression],
) -> Option<Vec<CertificateCompressionAlgorithm>> {
    let algorithms: Vec<_> = compressions.iter().map(|compression| compression.algorithm()).collect();
    (!algorithms.is_empty()).then_some(algorithms)
}

/// Restores a chain.
pub(crate) fn decompress(
    compressions: &[&'static dyn CertificateCompression],
    message: &CompressedCertificate,
) -> Result<Certificate13, Error> {
    let compression = compressions
        .iter()
        .find(|compression| compression.algorithm() == message.algorithm)
        .ok_or(Misbehaviour::CompressionNotOffered)?;
    let length = usize::try_from(message.uncompressed_length).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(Misbehaviour::BadCompression.into());
    }
    let body = compression
        .decompress(&message.data, length)
        .filter(|body| body.len() == length)
        .ok_or(Misbehaviour::BadCompression)?;
    Ok(Certificate13::parse_body(&Bytes::from(body))?)
}

/// The chain compressed by the first of our ways that the peer has, if that makes it shorter.
pub(crate) fn compress(
    compressions: &[&'static dyn CertificateCompression],
    accepted: &[CertificateCompressionAlgorithm],
    certificate: &Certificate13,
) -> Option<CompressedCertificate> {
    let compression = compressions.iter().find(|compression| accepted.contains(&compression.algorithm()))?;
    let encoded = certificate.encode();
    let body = encoded.get(clasp_wire::RawHandshake::HEADER..)?;
    let data = compression.compress(body).filter(|data| data.len() < body.len())?;
    Some(CompressedCertificate {
        algorithm: compression.algorithm(),
        uncompressed_length: u32::try_from(body.len()).ok()?,
        data: data.into(),
    })
}
