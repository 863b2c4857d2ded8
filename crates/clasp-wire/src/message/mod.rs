//! The handshake messages of TLS 1.2 (RFC 5246 7.4). The type asked for is the version: no parser takes one.

mod certificate;
mod client_extension;
mod client_hello;
mod key_exchange;
mod server_extension;
mod server_hello;
mod simple;
#[cfg(test)]
mod tests;

use bytes::{BufMut, Bytes, BytesMut};

pub use certificate::{
    Certificate, CertificateRequest, CertificateRequest10, CertificateStatus, CertificateVerify, DigitallySigned,
    DigitallySigned10,
};
pub use client_extension::{CertificateStatusRequest, ClientExtension, ServerNameEntry};
pub use client_hello::{ClientHello, Random, SessionId};
pub use key_exchange::{
    ClientDhPublic, ClientEcdhPublic, DhServerKeyExchange, EcdhServerKeyExchange, EncryptedPreMasterSecret,
    EncryptedPreMasterSecret30, RsaServerKeyExchange,
};
pub use server_extension::ServerExtension;
pub use server_hello::ServerHello;
pub use simple::{Finished, HelloRequest, NewSessionTicket, ServerHelloDone};

use crate::codepoint::{ExtensionType, HandshakeType};
use crate::error::DecodeError;
use crate::write::vector24;

/// A handshake message.
pub trait HandshakeMessage: Sized {
    /// Its type on the wire.
    const TYPE: HandshakeType;

    /// Its name in the RFC.
    const NAME: &'static str;

    /// Reads a body, to the last byte. What is kept of it are views of `body`.
    ///
    /// # Errors
    /// What is wrong, and where.
    fn parse_body(body: &Bytes) -> Result<Self, DecodeError>;

    /// Appends the body.
    fn write_body(&self, out: &mut BytesMut);

    /// Appends header and body.
    fn write(&self, out: &mut BytesMut) {
        out.put_u8(Self::TYPE.0);
        vector24(out, |out| self.write_body(out));
    }

    /// Header and body.
    fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(256);
        self.write(&mut out);
        out.freeze()
    }
}

/// An extension that this crate does not look into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownExtension {
    /// Its type.
    pub typ: ExtensionType,
    /// Its content, verbatim.
    pub data: Bytes,
}
