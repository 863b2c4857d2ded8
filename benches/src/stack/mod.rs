//! One face for every TLS stack measured: an endpoint that takes bytes in and gives bytes out, in memory.

mod clasp_stack;
mod openssl_stack;
mod rustls_stack;

use std::fmt::Debug;

use crate::certs::Chain;

pub use clasp_stack::Clasp;
pub use openssl_stack::OpenSsl;
pub use rustls_stack::Rustls;

/// A version, a key exchange and a cipher suite that a case fixes, so that all peers do the same work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// ECDHE (X25519) with the chain's kind of key, AES-128-GCM.
    EcdheAes128Gcm,
    /// ECDHE (X25519), AES-256-GCM.
    EcdheAes256Gcm,
    /// ECDHE (X25519), ChaCha20-Poly1305.
    EcdheChaCha20,
    /// ECDHE (X25519), AES-128-CBC with HMAC-SHA1, encrypt-then-MAC where the stack has it.
    EcdheAes128CbcSha,
    /// The same with the MAC under the encryption.
    EcdheAes128CbcShaMacFirst,
    /// ECDHE (X25519), Triple DES in CBC mode with HMAC-SHA1, encrypt-then-MAC where the stack has it.
    EcdheTripleDes,
    /// The same with the MAC under the encryption.
    EcdheTripleDesMacFirst,
    /// ECDHE (X25519), RC4 with HMAC-SHA1.
    EcdheRc4,
    /// RSA key exchange, AES-128-GCM.
    RsaAes128Gcm,
    /// TLS 1.3, X25519, AES-128-GCM.
    Tls13Aes128Gcm,
    /// TLS 1.3, X25519, AES-256-GCM.
    Tls13Aes256Gcm,
    /// TLS 1.3, X25519, ChaCha20-Poly1305.
    Tls13ChaCha20,
    /// TLS 1.3, X25519MLKEM768, AES-128-GCM.
    Tls13Hybrid,
}

impl Suite {
    /// Whether it is of TLS 1.3, and not of TLS 1.2.
    pub fn is_tls13(self) -> bool {
        matches!(self, Self::Tls13Aes128Gcm | Self::Tls13Aes256Gcm | Self::Tls13ChaCha20 | Self::Tls13Hybrid)
    }

    /// Whether the key exchange is the hybrid one.
    fn is_hybrid(self) -> bool {
        matches!(self, Self::Tls13Hybrid)
    }

    /// Whether encrypt-then-MAC is offered.
    fn encrypt_then_mac(self) -> bool {
        !matches!(self, Self::EcdheAes128CbcShaMacFirst | Self::EcdheTripleDesMacFirst)
    }
}

/// Whether, and how, sessions are resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// Every handshake is a full one.
    Never,
    /// By identifier.
    Id,
    /// By ticket.
    Ticket,
}

/// One end of a connection.
pub trait Endpoint {
    /// Takes in what the other side sent, and works it off as far as it goes.
    fn take_in(&mut self, wire: &[u8]);
    /// Appends what is to be sent, as a write to a socket would copy it.
    fn give_out(&mut self, wire: &mut Vec<u8>);
    /// Whether an earlier session was resumed.
    fn is_resumed(&self) -> bool;
    /// Whether the handshake is not done.
    fn is_handshaking(&self) -> bool;
    /// Seals application data.
    fn send(&mut self, data: &[u8]);
    /// Takes all application data that has come, and says how many bytes.
    fn drain(&mut self) -> usize;
}

/// A TLS stack, configured for one chain and one suite.
pub trait Stack: Debug {
    /// Its name in tables.
    fn name(&self) -> &'static str;
    /// A new client end. It verifies the server's chain and name, or resumes a session in which it did.
    fn client(&self) -> Box<dyn Endpoint>;
    /// A new server end.
    fn server(&self) -> Box<dyn Endpoint>;
    /// Forgets the client's session, where a session with another server would be offered.
    fn forget(&self) {}
}

/// Makes a stack for a case; `None` when it cannot do it.
pub type Make = fn(&Chain, Suite, Resume) -> Option<Box<dyn Stack>>;

/// Every stack, Clasp first, on ring and on AWS-LC.
pub const ALL: [(&str, Make); 5] = [
    ("clasp", Clasp::make),
    ("clasp-aws-lc", Clasp::make_aws_lc),
    ("rustls-ring", Rustls::make_ring),
    ("rustls-aws-lc-rs", Rustls::make_aws_lc),
    ("openssl", OpenSsl::make),
];

/// Runs a handshake between two ends to its end.
///
/// # Panics
/// When it does not come to an end.
pub fn shake(client: &mut dyn Endpoint, server: &mut dyn Endpoint) {
    let mut wire = Vec::with_capacity(16 << 10);
    for _ in 0..8 {
        wire.clear();
        client.give_out(&mut wire);
        server.take_in(&wire);
        wire.clear();
        server.give_out(&mut wire);
        client.take_in(&wire);
        if !client.is_handshaking() && !server.is_handshaking() {
            return;
        }
    }
    panic!("the handshake did not come to an end");
}
