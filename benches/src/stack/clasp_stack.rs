//! Clasp, by its sans-I/O `Connection`.

use std::sync::Arc;

use bytes::Buf;
use clasp::cert::{Identity, RootStore};
use clasp::crypto::Provider;
use clasp::wire::{CipherSuite, NamedGroup, ProtocolVersion};
use clasp::{ClientConfig, Connection, Limits, MemorySessions, Policy, ServerConfig, Status};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use super::{Endpoint, Resume, Stack, Suite};
use crate::certs::{Chain, NAME};

/// Clasp, on one of its providers.
#[derive(Debug)]
pub struct Clasp {
    name: &'static str,
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    sessions: Arc<MemorySessions>,
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
        Suite::EcdheAes128CbcSha | Suite::EcdheAes128CbcShaMacFirst => {
            &[CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA]
        }
        Suite::EcdheTripleDes | Suite::EcdheTripleDesMacFirst => {
            &[CipherSuite::TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, CipherSuite::TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA]
        }
        Suite::EcdheRc4 => {
            &[CipherSuite::TLS_ECDHE_RSA_WITH_RC4_128_SHA, CipherSuite::TLS_ECDHE_ECDSA_WITH_RC4_128_SHA]
        }
        Suite::RsaAes128Gcm => &[CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256],
        Suite::Tls13Aes128Gcm | Suite::Tls13Hybrid => &[CipherSuite::TLS_AES_128_GCM_SHA256],
        Suite::Tls13Aes256Gcm => &[CipherSuite::TLS_AES_256_GCM_SHA384],
        Suite::Tls13ChaCha20 => &[CipherSuite::TLS_CHACHA20_POLY1305_SHA256],
    }
}

/// The widest policy of this build.
fn widest() -> Policy {
    #[cfg(feature = "insecure")]
    return clasp::insecure::insecure();
    #[cfg(not(feature = "insecure"))]
    Policy::legacy()
}

impl Clasp {
    /// For [`super::ALL`], on the default provider.
    pub fn make(chain: &Chain, suite: Suite, resume: Resume) -> Option<Box<dyn Stack>> {
        Self::on("clasp", clasp::crypto::default_provider(), chain, suite, resume)
    }

    /// For [`super::ALL`], on AWS-LC.
    pub fn make_aws_lc(chain: &Chain, suite: Suite, resume: Resume) -> Option<Box<dyn Stack>> {
        Self::on("clasp-aws-lc", clasp::aws_lc::provider(), chain, suite, resume)
    }

    fn on(
        name: &'static str,
        provider: &'static Provider,
        chain: &Chain,
        suite: Suite,
        resume: Resume,
    ) -> Option<Box<dyn Stack>> {
        let version = if suite.is_tls13() { ProtocolVersion::TLS_1_3 } else { ProtocolVersion::TLS_1_2 };
        let hybrid = [NamedGroup::X25519MLKEM768];
        let groups = if suite.is_hybrid() { &hybrid[..] } else { &[NamedGroup::X25519, NamedGroup::SECP256R1] };
        // The strictest policy that has the suite, as one would choose.
        let policy = [Policy::modern(), Policy::compatible(), widest()]
            .into_iter()
            .map(|policy| policy.with_versions(version, version).with_cipher_suites(suites(suite)))
            .find(|policy| !policy.suites().is_empty())?
            .with_groups(groups)
            .with_encrypt_then_mac(suite.encrypt_then_mac());
        let mut roots = RootStore::default();
        roots.add_der(&CertificateDer::from(chain.root.clone())).expect("root");
        let certs = chain.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
        let key = PrivateKeyDer::try_from(chain.key.clone()).expect("key");
        let identity = Identity::from_der(certs, &key, provider).expect("identity");
        let sessions = Arc::new(MemorySessions::default());
        let store: Arc<MemorySessions> = Arc::clone(&sessions);
        let client = ClientConfig::builder(policy.clone()).provider(provider).roots(roots).session_store(store);
        let server = ServerConfig::builder(policy).provider(provider).identity(identity);
        // SWEET32's bound would end the measurement.
        let mut limits = Limits::default();
        limits.short_block_data = u64::MAX;
        let (client, server) = (client.limits(limits.clone()), server.limits(limits));
        let (client, server) = match resume {
            Resume::Never => (client.without_resumption(), server.without_resumption()),
            Resume::Id => (client.tickets(false), server.tickets(false)),
            Resume::Ticket => (client.session_ids(false), server.session_ids(false)),
        };
        let (client, server) = (client.build().expect("client"), server.build().expect("server"));
        Some(Box::new(Self { name, client, server, sessions }))
    }
}

impl Stack for Clasp {
    fn name(&self) -> &'static str {
        self.name
    }

    fn client(&self) -> Box<dyn Endpoint> {
        let name = ServerName::try_from(NAME).expect("name");
        let mut end = End { tls: Connection::client(Arc::clone(&self.client), name), drained: 0 };
        end.work();
        Box::new(end)
    }

    fn forget(&self) {
        self.sessions.clear();
    }

    fn server(&self) -> Box<dyn Endpoint> {
        Box::new(End { tls: Connection::server(Arc::clone(&self.server)), drained: 0 })
    }
}

struct End {
    tls: Connection,
    drained: usize,
}

impl End {
    fn work(&mut self) {
        while self.tls.poll_now().expect("clasp") == Status::Data {
            self.drained += self.tls.read().map_or(0, |data| data.len());
        }
    }
}

impl Endpoint for End {
    fn take_in(&mut self, mut wire: &[u8]) {
        while !wire.is_empty() {
            let taken = self.tls.receive(wire);
            wire.advance(taken);
            self.work();
        }
    }

    fn give_out(&mut self, wire: &mut Vec<u8>) {
        let output = self.tls.output();
        wire.extend_from_slice(output);
        output.clear();
    }

    fn is_resumed(&self) -> bool {
        self.tls.session().is_some_and(clasp::Session::resumed)
    }

    fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    fn send(&mut self, data: &[u8]) {
        assert_eq!(self.tls.write(data).expect("clasp"), data.len());
    }

    fn drain(&mut self) -> usize {
        std::mem::take(&mut self.drained)
    }
}
