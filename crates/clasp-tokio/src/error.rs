//! What can go wrong between a socket and a TLS connection (RFC 5246 7.2.1 for the ends of one).

use std::io;

use thiserror::Error;

/// A handshake failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// TLS failed. The alert, if any, was sent.
    #[error(transparent)]
    Tls(#[from] clasp_handshake::Error),
    /// The transport failed.
    #[error("the transport failed: {0}")]
    Io(#[from] io::Error),
    /// The host to connect to is neither a DNS name nor an IP address.
    #[error("{0:?} is neither a DNS name nor an IP address")]
    BadServerName(String),
}

/// As an I/O error: a cut is `UnexpectedEof`, all else `InvalidData` with the typed error as its source.
pub(crate) fn io_error(error: clasp_handshake::Error) -> io::Error {
    let kind = match error {
        clasp_handshake::Error::Truncated | clasp_handshake::Error::ClosedInHandshake { .. } => {
            io::ErrorKind::UnexpectedEof
        }
        clasp_handshake::Error::NotWritable(_) => io::ErrorKind::BrokenPipe,
        _ => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, error)
}
