//! The handshake messages (RFC 5246 7.4, RFC 8446 4). The type asked for is the version: no parser takes one.

mod certificate;
mod certificate13;
mod client_extension;
mod client_hello;
mod ech;
mod ech_inner;
mod extensions;
mod key_exchange;
mod key_share;
mod psk;
mod psk_key_exchange;
mod server_extension;
mod server_hello;
mod simple;
mod simple13;
#[cfg(test)]
mod tests;

use bytes::{BufMut, Bytes, BytesMut};

pub use certificate::{
    Certificate, CertificateRequest, CertificateRequest10, CertificateStatus, CertificateVerify, DigitallySigned,
    DigitallySigned10, RawPublicKeyCertificate,
};
pub use certificate13::{
    Certificate13, CertificateEntry, CertificateExtension, CertificateRequest13, CertificateRequestExtension,
    CompressedCertificate,
};
pub use client_extension::{CertificateStatusRequest, ClientExtension, ServerNameEntry, TicketRequest};
pub use client_hello::{ClientHello, Random, SessionId};
pub use ech::{EchClientHello, EchConfig, EchConfigContents, EchConfigExtension, EchOuter, HpkeSymmetricCipherSuite};
pub use extensions::UnknownExtension;
pub use key_exchange::{
    ClientDhPublic, ClientEcdhPublic, DhServerKeyExchange, EcdhServerKeyExchange, EncryptedPreMasterSecret,
    EncryptedPreMasterSecret30, RsaServerKeyExchange,
};
pub use key_share::KeyShareEntry;
pub use psk::{OfferedPsks, PskIdentity};
pub use psk_key_exchange::{
    EcdhPskClientKeyExchange, EcdhPskServerKeyExchange, PskClientKeyExchange, PskServerKeyExchange,
};
pub use server_extension::ServerExtension;
pub use server_hello::ServerHello;
pub use simple::{Finished, HelloRequest, NewSessionTicket, ServerHelloDone};
pub use simple13::{EncryptedExtensions, EndOfEarlyData, KeyUpdate, NewSessionTicket13, TicketExtension};

use crate::codepoint::HandshakeType;
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

    /// How many extensions it has: in its longest block, where there is more than one.
    fn extension_count(&self) -> usize {
        0
    }

    /// Appends header and body.
    fn write(&self, out: &mut BytesMut) {
        out.put_u8(Self::TYPE.0);
        vector24(out, |out| self.write_body(out));
    }

    /// Header and body.
    fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(1000);
        self.write(&mut out);
        out.freeze()
    }
}
