//! rustls, on ring and on aws-lc-rs.

use std::io::{BufRead, Write};
use std::sync::Arc;

use rustls::client::{Resumption, Tls12Resumption};
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, ProducesTickets, ServerSessionMemoryCache};
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, Connection, HandshakeKind, NamedGroup, RootCertStore, ServerConfig,
    ServerConnection,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use super::{Endpoint, Resume, Stack, Suite};
use crate::certs::{Chain, NAME};

/// rustls with one of its providers.
#[derive(Debug)]
pub struct Rustls {
    name: &'static str,
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

fn suites(suite: Suite) -> &'static [CipherSuite] {
    match suite {
        Suite::EcdheAes128Gcm => {
            &[CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]
        }
        Suite::EcdheAes256Gcm => {
            &[CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]
        }
        Suite::EcdheChaCha20 => &[
            CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        ],
        Suite::Tls13Aes128Gcm | Suite::Tls13Hybrid => &[CipherSuite::TLS13_AES_128_GCM_SHA256],
        Suite::Tls13Aes256Gcm => &[CipherSuite::TLS13_AES_256_GCM_SHA384],
        Suite::Tls13ChaCha20 => &[CipherSuite::TLS13_CHACHA20_POLY1305_SHA256],
        // rustls has neither CBC nor RC4 nor RSA key exchange.
        Suite::EcdheAes128CbcSha
        | Suite::EcdheAes128CbcShaMacFirst
        | Suite::EcdheTripleDes
        | Suite::EcdheTripleDesMacFirst
        | Suite::EcdheRc4
        | Suite::RsaAes128Gcm => &[],
    }
}

impl Rustls {
    /// rustls on ring.
    pub fn make_ring(chain: &Chain, suite: Suite, resume: Resume) -> Option<Box<dyn Stack>> {
        let ticketer = rustls::crypto::ring::Ticketer::new().expect("ticketer");
        Self::make("rustls-ring", rustls::crypto::ring::default_provider(), ticketer, chain, suite, resume)
    }

    /// rustls on aws-lc-rs.
    pub fn make_aws_lc(chain: &Chain, suite: Suite, resume: Resume) -> Option<Box<dyn Stack>> {
        let ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().expect("ticketer");
        Self::make("rustls-aws-lc-rs", rustls::crypto::aws_lc_rs::default_provider(), ticketer, chain, suite, resume)
    }

    fn make(
        name: &'static str,
        mut provider: CryptoProvider,
        ticketer: Arc<dyn ProducesTickets>,
        chain: &Chain,
        suite: Suite,
        resume: Resume,
    ) -> Option<Box<dyn Stack>> {
        provider.cipher_suites.retain(|row| suites(suite).contains(&row.suite()));
        provider.kx_groups.retain(|group| match group.name() {
            NamedGroup::X25519MLKEM768 => suite.is_hybrid(),
            NamedGroup::X25519 | NamedGroup::secp256r1 => !suite.is_hybrid(),
            _ => false,
        });
        provider.kx_groups.sort_by_key(|group| group.name() != NamedGroup::X25519);
        if provider.cipher_suites.is_empty() || provider.kx_groups.is_empty() {
            return None;
        }
        let provider = Arc::new(provider);
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(chain.root.clone())).expect("root");
        let certs = chain.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
        let key = PrivateKeyDer::try_from(chain.key.clone()).expect("key");
        let version = if suite.is_tls13() { &rustls::version::TLS13 } else { &rustls::version::TLS12 };
        let versions = &[version];
        let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let sessions = || Resumption::in_memory_sessions(16);
        client.resumption = match resume {
            Resume::Never => Resumption::disabled(),
            Resume::Id => sessions().tls12_resumption(Tls12Resumption::SessionIdOnly),
            Resume::Ticket => sessions().tls12_resumption(Tls12Resumption::SessionIdOrTickets),
        };
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(certs, key)
            .expect("identity");
        server.session_storage = match resume {
            Resume::Id | Resume::Ticket => ServerSessionMemoryCache::new(1024),
            Resume::Never => Arc::new(NoServerSessionStorage {}),
        };
        match resume {
            Resume::Ticket => server.ticketer = ticketer,
            // Nothing to resume, so no tickets of TLS 1.3 either.
            Resume::Never => server.send_tls13_tickets = 0,
            Resume::Id => {}
        }
        Some(Box::new(Self { name, client: Arc::new(client), server: Arc::new(server) }))
    }
}

impl Stack for Rustls {
    fn name(&self) -> &'static str {
        self.name
    }

    fn client(&self) -> Box<dyn Endpoint> {
        let name = ServerName::try_from(NAME).expect("name");
        let tls = ClientConnection::new(Arc::clone(&self.client), name).expect("rustls");
        Box::new(End { tls: tls.into(), drained: 0 })
    }

    fn server(&self) -> Box<dyn Endpoint> {
        let tls = ServerConnection::new(Arc::clone(&self.server)).expect("rustls");
        Box::new(End { tls: tls.into(), drained: 0 })
    }
}

struct End {
    tls: Connection,
    drained: usize,
}

impl Endpoint for End {
    fn take_in(&mut self, mut wire: &[u8]) {
        while !wire.is_empty() {
            self.tls.read_tls(&mut wire).expect("rustls");
            let state = self.tls.process_new_packets().expect("rustls");
            if state.plaintext_bytes_to_read() > 0 {
                let mut reader = self.tls.reader();
                while let Ok(data) = reader.fill_buf() {
                    let n = data.len();
                    if n == 0 {
                        break;
                    }
                    self.drained += n;
                    reader.consume(n);
                }
            }
        }
    }

    fn give_out(&mut self, wire: &mut Vec<u8>) {
        while self.tls.wants_write() {
            self.tls.write_tls(wire).expect("rustls");
        }
    }

    fn is_resumed(&self) -> bool {
        self.tls.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    fn send(&mut self, data: &[u8]) {
        self.tls.writer().write_all(data).expect("rustls");
    }

    fn drain(&mut self) -> usize {
        std::mem::take(&mut self.drained)
    }
}
