//! Certificate chains made shorter on their way (RFC 8879).

#[cfg(feature = "brotli")]
mod brotli;
#[cfg(test)]
mod tests;
#[cfg(feature = "zlib")]
mod zlib;
#[cfg(feature = "zstd")]
mod zstd;

use core::fmt::{self, Debug};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use clasp_wire::{
    Certificate13, CertificateCompressionAlgorithm, CompressedCertificate, HandshakeMessage as _, RawHandshake,
};

#[cfg(feature = "brotli")]
pub use self::brotli::BROTLI;
#[cfg(feature = "zlib")]
pub use self::zlib::ZLIB;
#[cfg(feature = "zstd")]
pub use self::zstd::ZSTD;
use crate::error::{Error, Misbehaviour};

/// A way to compress certificate messages. The features `zlib`, `brotli` and `zstd` bring one each.
pub trait CertificateCompression: Debug + Send + Sync {
    /// Its code point.
    fn algorithm(&self) -> CertificateCompressionAlgorithm;

    /// Compresses a message; `None` when that fails, and then it is sent as it is.
    fn compress(&self, message: &[u8]) -> Option<Vec<u8>>;

    /// Restores a message that has `length` bytes, or is `None`. No more than that is ever written: a short message may
    /// claim to be a long one.
    fn decompress(&self, compressed: &[u8], length: usize) -> Option<Vec<u8>>;
}

/// How many compressed messages are kept: compressing takes longer than all else in a handshake.
const KEPT: usize = 16;

/// The ways of a configuration, in order of preference, and what was compressed by them.
pub(crate) struct Compressions {
    ways: Vec<&'static dyn CertificateCompression>,
    made: Mutex<Vec<Made>>,
}

struct Made {
    by: CertificateCompressionAlgorithm,
    body: Bytes,
    /// Not shorter than `body` where that cannot be compressed.
    data: Bytes,
}

impl Compressions {
    pub(crate) fn new(ways: Vec<&'static dyn CertificateCompression>) -> Self {
        Self { ways, made: Mutex::default() }
    }

    /// For another configuration.
    #[cfg(feature = "ech")]
    pub(crate) fn same_ways(&self) -> Self {
        Self::new(self.ways.clone())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ways.is_empty()
    }

    /// What is offered.
    pub(crate) fn algorithms(&self) -> Vec<CertificateCompressionAlgorithm> {
        self.ways.iter().map(|way| way.algorithm()).collect()
    }

    /// Restores a chain that takes no more than `longest` bytes.
    pub(crate) fn decompress(&self, message: &CompressedCertificate, longest: usize) -> Result<Certificate13, Error> {
        let mut ways = self.ways.iter();
        let way = ways.find(|way| way.algorithm() == message.algorithm).ok_or(Misbehaviour::CompressionNotOffered)?;
        let length = usize::try_from(message.uncompressed_length).unwrap_or(usize::MAX);
        if length > longest {
            return Err(Misbehaviour::BadCompression.into());
        }
        let body = way.decompress(&message.data, length).filter(|body| body.len() == length);
        Ok(Certificate13::parse_body(&body.ok_or(Misbehaviour::BadCompression)?.into())?)
    }

    /// The chain compressed by the first of our ways that the peer has, if that makes it shorter.
    pub(crate) fn compress(
        &self,
        accepted: &[CertificateCompressionAlgorithm],
        certificate: &Certificate13,
    ) -> Option<CompressedCertificate> {
        let way = self.ways.iter().find(|way| accepted.contains(&way.algorithm()))?;
        let body = certificate.encode().slice(RawHandshake::HEADER..);
        let (algorithm, uncompressed_length) = (way.algorithm(), u32::try_from(body.len()).ok()?);
        let data = self.kept(algorithm, &body).unwrap_or_else(|| self.make(*way, body.clone()));
        (data.len() < body.len()).then_some(CompressedCertificate { algorithm, uncompressed_length, data })
    }

    fn kept(&self, by: CertificateCompressionAlgorithm, body: &Bytes) -> Option<Bytes> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.iter().find(|made| made.by == by && made.body == *body).map(|made| made.data.clone())
    }

    fn make(&self, way: &dyn CertificateCompression, body: Bytes) -> Bytes {
        let data = way.compress(&body).map_or_else(|| body.clone(), Bytes::from);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.len() >= KEPT {
            made.remove(0);
        }
        made.push(Made { by: way.algorithm(), body, data: data.clone() });
        data
    }
}

impl Debug for Compressions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.ways).finish()
    }
}
