//! Making streams: the client's way and the server's.

use std::sync::Arc;

use clasp_handshake::{ClientConfig, Connection, ServerConfig};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::Error;
use crate::stream::{TlsStream, handshake};

/// Connects as a client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connector(Arc<ClientConfig>);

impl Connector {
    /// With a configuration.
    pub fn new(config: Arc<ClientConfig>) -> Self {
        Self(config)
    }

    /// Shakes hands over `io` with the server called `host`, a DNS name or an IP address. Dropping the future gives up.
    ///
    /// # Errors
    /// [`Error`]; an alert has been sent where one is due.
    pub async fn connect<IO>(&self, host: &str, io: IO) -> Result<TlsStream<IO>, Error>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host).map_err(|_| Error::BadServerName(host.to_owned()))?;
        self.connect_name(name.to_owned(), io).await
    }

    /// [`Self::connect`], with a name that is already parsed.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn connect_name<IO>(&self, name: ServerName<'static>, io: IO) -> Result<TlsStream<IO>, Error>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        handshake(io, Connection::client(Arc::clone(&self.0), name)).await
    }
}

/// Accepts as a server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Acceptor(Arc<ServerConfig>);

impl Acceptor {
    /// With a configuration.
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self(config)
    }

    /// Shakes hands over `io` with a client. It waits as long as the client lets it: put a timeout around it. Dropping the
    /// future gives up.
    ///
    /// # Errors
    /// [`Error`]; an alert has been sent where one is due.
    pub async fn accept<IO>(&self, io: IO) -> Result<TlsStream<IO>, Error>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        handshake(io, Connection::server(Arc::clone(&self.0))).await
    }
}
