//! The system's OpenSSL, over memory.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Mutex};

use openssl::pkey::PKey;
use openssl::ssl::{
    ShutdownState, Ssl, SslContext, SslMethod, SslOptions, SslSession, SslSessionCacheMode, SslStream, SslVerifyMode,
    SslVersion,
};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;

use super::{Endpoint, Resume, Stack, Suite};
use crate::certs::{Chain, NAME};

/// OpenSSL, by the `openssl` crate.
pub struct OpenSsl {
    client: SslContext,
    server: SslContext,
    /// The client's last session.
    session: Arc<Mutex<Option<SslSession>>>,
}

impl std::fmt::Debug for OpenSsl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenSsl")
    }
}

/// `SSL_OP_NO_ENCRYPT_THEN_MAC`, which the crate does not name.
const NO_ENCRYPT_THEN_MAC: SslOptions = SslOptions::from_bits_retain(1 << 19);

fn ciphers(suite: Suite) -> &'static str {
    match suite {
        Suite::EcdheTripleDes | Suite::EcdheTripleDesMacFirst => {
            "ECDHE-RSA-DES-CBC3-SHA:ECDHE-ECDSA-DES-CBC3-SHA:@SECLEVEL=0"
        }
        Suite::EcdheRc4 => "ECDHE-RSA-RC4-SHA:ECDHE-ECDSA-RC4-SHA:@SECLEVEL=0",
        Suite::EcdheAes128Gcm => "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256",
        Suite::EcdheAes256Gcm => "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384",
        Suite::EcdheChaCha20 => "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-CHACHA20-POLY1305",
        Suite::EcdheAes128CbcSha | Suite::EcdheAes128CbcShaMacFirst => "ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA",
        Suite::RsaAes128Gcm => "AES128-GCM-SHA256",
        Suite::Tls13Aes128Gcm | Suite::Tls13Hybrid => "TLS_AES_128_GCM_SHA256",
        Suite::Tls13Aes256Gcm => "TLS_AES_256_GCM_SHA384",
        Suite::Tls13ChaCha20 => "TLS_CHACHA20_POLY1305_SHA256",
    }
}

impl OpenSsl {
    /// For [`super::ALL`].
    pub fn make(chain: &Chain, suite: Suite, resume: Resume) -> Option<Box<dyn Stack>> {
        let ciphers = ciphers(suite);
        if suite.is_hybrid() {
            // Debian's has no ML-KEM.
            return None;
        }
        if !suite.is_tls13() {
            // Debian's is built without RC4 and 3DES suites.
            SslContext::builder(SslMethod::tls()).expect("openssl").set_cipher_list(ciphers).ok()?;
        }
        let version = if suite.is_tls13() { SslVersion::TLS1_3 } else { SslVersion::TLS1_2 };
        let context = || {
            let mut builder = SslContext::builder(SslMethod::tls()).expect("openssl");
            builder.set_min_proto_version(Some(version)).expect("openssl");
            builder.set_max_proto_version(Some(version)).expect("openssl");
            if suite.is_tls13() {
                builder.set_ciphersuites(ciphers).expect("openssl");
            } else {
                builder.set_cipher_list(ciphers).expect("openssl");
            }
            builder.set_groups_list("X25519:P-256").expect("openssl");
            if !suite.encrypt_then_mac() {
                builder.set_options(NO_ENCRYPT_THEN_MAC);
            }
            if resume != Resume::Ticket {
                builder.set_options(SslOptions::NO_TICKET);
            }
            builder.set_session_cache_mode(match resume {
                Resume::Id => SslSessionCacheMode::BOTH,
                // The client's session is kept by the callback below.
                Resume::Ticket => SslSessionCacheMode::CLIENT,
                Resume::Never => SslSessionCacheMode::OFF,
            });
            builder
        };
        let mut client = context();
        let mut store = X509StoreBuilder::new().expect("openssl");
        store.add_cert(X509::from_der(&chain.root).expect("root")).expect("root");
        client.set_cert_store(store.build());
        client.set_verify(SslVerifyMode::PEER);
        let session = Arc::new(Mutex::new(None));
        let keep = Arc::clone(&session);
        client.set_new_session_callback(move |_, session| *keep.lock().expect("session") = Some(session));
        let mut server = context();
        if suite.is_tls13() && resume == Resume::Never {
            server.set_num_tickets(0).expect("openssl");
        }
        let (leaf, rest) = chain.chain.split_first().expect("chain");
        server.set_certificate(&X509::from_der(leaf).expect("leaf")).expect("leaf");
        for der in rest {
            server.add_extra_chain_cert(X509::from_der(der).expect("intermediate")).expect("intermediate");
        }
        server.set_session_id_context(b"bench").expect("openssl");
        server.set_private_key(&PKey::private_key_from_der(&chain.key).expect("key")).expect("key");
        Some(Box::new(Self { client: client.build(), server: server.build(), session }))
    }
}

impl Stack for OpenSsl {
    fn name(&self) -> &'static str {
        "openssl"
    }

    fn client(&self) -> Box<dyn Endpoint> {
        let mut ssl = Ssl::new(&self.client).expect("openssl");
        ssl.set_hostname(NAME).expect("openssl");
        ssl.param_mut().set_host(NAME).expect("openssl");
        if let Some(session) = &*self.session.lock().expect("session") {
            // SAFETY: the session was made by this very context.
            unsafe { ssl.set_session(session) }.expect("openssl");
        }
        ssl.set_connect_state();
        let mut end = End::new(ssl);
        end.work();
        Box::new(end)
    }

    fn forget(&self) {
        *self.session.lock().expect("session") = None;
    }

    fn server(&self) -> Box<dyn Endpoint> {
        let mut ssl = Ssl::new(&self.server).expect("openssl");
        ssl.set_accept_state();
        Box::new(End::new(ssl))
    }
}

/// Bytes both ways.
#[derive(Debug, Default)]
struct Memory {
    input: Vec<u8>,
    read: usize,
    output: Vec<u8>,
}

impl Read for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let waiting = &self.input[self.read..];
        if waiting.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let n = waiting.len().min(buffer.len());
        buffer[..n].copy_from_slice(&waiting[..n]);
        self.read += n;
        Ok(n)
    }
}

impl Write for Memory {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct End {
    tls: SslStream<Memory>,
    done: bool,
    drained: usize,
}

impl End {
    fn new(ssl: Ssl) -> Self {
        Self { tls: SslStream::new(ssl, Memory::default()).expect("openssl"), done: false, drained: 0 }
    }

    fn work(&mut self) {
        if !self.done {
            match self.tls.do_handshake() {
                Ok(()) => self.done = true,
                Err(error) => assert!(error.io_error().is_some_and(|e| e.kind() == ErrorKind::WouldBlock), "{error}"),
            }
        }
        if self.done && self.tls.get_ref().read < self.tls.get_ref().input.len() {
            let mut buffer = [0; 16384];
            while let Ok(n) = self.tls.ssl_read(&mut buffer) {
                self.drained += n;
            }
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // A connection that ends without it makes its session one that cannot be resumed.
        self.tls.set_shutdown(ShutdownState::SENT | ShutdownState::RECEIVED);
    }
}

impl Endpoint for End {
    fn take_in(&mut self, wire: &[u8]) {
        let memory = self.tls.get_mut();
        if memory.read == memory.input.len() {
            memory.input.clear();
            memory.read = 0;
        }
        memory.input.extend_from_slice(wire);
        self.work();
    }

    fn give_out(&mut self, wire: &mut Vec<u8>) {
        wire.append(&mut self.tls.get_mut().output);
    }

    fn is_resumed(&self) -> bool {
        self.tls.ssl().session_reused()
    }

    fn is_handshaking(&self) -> bool {
        !self.done
    }

    fn send(&mut self, data: &[u8]) {
        self.tls.write_all(data).expect("openssl");
    }

    fn drain(&mut self) -> usize {
        std::mem::take(&mut self.drained)
    }
}
