//! Making streams: the client's way and the server's.

use std::sync::Arc;

use clasp_handshake::{ClientConfig, Connection, ServerConfig};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::early::EarlyStream;
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
    /// In TLS 1.3 the server may refuse our certificate after this is done: then the first read fails, with its alert
    /// ([`TlsStream`]).
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
        Ok(handshake(io, Connection::client(Arc::clone(&self.0), name), &[]).await?.0)
    }

    /// [`Self::connect`], and sends `data` with the hello, before the server has said a word, if an earlier session's server takes
    /// so much (RFC 8446 2.3; `ClientConfigBuilder::early_data`). Says how many bytes of `data` the server has taken, from its
    /// beginning: write the rest to the stream. `session().early_data()` says why, where that is 0.
    ///
    /// Somebody on the way may send the data to the server again, and who gets at the key of the server's tickets reads it: give
    /// only what is harmless twice, such as an HTTP GET.
    ///
    /// # Errors
    /// [`Error`]; [`EarlyDataInOlderVersion`](clasp_handshake::Misbehaviour::EarlyDataInOlderVersion) where the server has gone
    /// back to TLS 1.2: connect again, without early data (RFC 8446 D.3).
    pub async fn connect_with_early_data<IO>(
        &self,
        host: &str,
        io: IO,
        data: &[u8],
    ) -> Result<(TlsStream<IO>, usize), Error>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host).map_err(|_| Error::BadServerName(host.to_owned()))?;
        self.connect_name_with_early_data(name.to_owned(), io, data).await
    }

    /// [`Self::connect_with_early_data`], with a name that is already parsed.
    ///
    /// # Errors
    /// As there.
    pub async fn connect_name_with_early_data<IO>(
        &self,
        name: ServerName<'static>,
        io: IO,
        data: &[u8],
    ) -> Result<(TlsStream<IO>, usize), Error>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        handshake(io, Connection::client(Arc::clone(&self.0), name), data).await
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
    /// future gives up. Early data, where the configuration takes some, is what the stream reads first.
    ///
    /// # Errors
    /// [`Error`]; an alert has been sent where one is due.
    pub async fn accept<IO>(&self, io: IO) -> Result<TlsStream<IO>, Error>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        Ok(handshake(io, Connection::server(Arc::clone(&self.0)), &[]).await?.0)
    }

    /// [`Self::accept`], in two steps: early data can be read before the handshake is done
    /// (`ServerConfigBuilder::early_data`).
    pub fn accept_early<IO>(&self, io: IO) -> EarlyStream<IO>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        EarlyStream::new(io, Connection::server(Arc::clone(&self.0)))
    }
}
