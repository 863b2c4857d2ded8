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

/// As an I/O error: the transport's own as it is, the others within.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Tls(error) => error.into(),
            Error::Io(error) => error,
            other @ Error::BadServerName(_) => Self::new(io::ErrorKind::InvalidInput, other),
        }
    }
}
