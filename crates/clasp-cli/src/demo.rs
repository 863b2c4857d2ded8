//! `clasp demo`: the founding document's handshake between a server and a client in this process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clasp::cert::WebPkiClientVerifier;
use clasp::crypto::{SecureRandom, default_provider};
use clasp::handshake::KeyExchange;
#[cfg(feature = "insecure")]
use clasp::wire::CipherSuite;
use clasp::wire::ProtocolVersion;
use clasp::{
    Acceptor, ClientAuth, ClientConfig, Connector, Identity, Policy, PrivateKeyDer, Renegotiation, RootStore,
    ServerConfig, Session, Step, Trace, TraceEvent,
};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::rand_core::{TryCryptoRng, TryRng};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::args::{DemoArgs, PolicyName};
use crate::failure::Failure;
use crate::output::say;
use crate::setup;

const NAME: &str = "demo.example";

/// What the client says.
const GREETING: &[u8] = b"hello from the client";

/// Keeps the events of both sides.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<TraceEvent>>);

impl Trace for Recorder {
    fn event(&self, event: &TraceEvent) {
        self.lock().push(event.clone());
    }
}

impl Recorder {
    fn lock(&self) -> MutexGuard<'_, Vec<TraceEvent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer_to(request: &str) -> String {
    format!("you said {request:?}")
}

pub(crate) async fn run(args: DemoArgs) -> Result<(), Failure> {
    let policy = policy(args.policy);
    // No key is given to both here.
    let suites = policy.suites().iter().filter(|suite| !suite.is_pre_shared()).count();
    say!("policy {}: {suites} cipher suites", policy.name())?;
    let events = Arc::new(Recorder::default());
    let (connector, acceptor) = endpoints(&policy, args.policy, &events)?;

    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Failure::connection)?;
    let address = listener.local_addr().map_err(Failure::connection)?;
    say!("a certificate authority was made on the spot; a server for {NAME} listens on {address}\n")?;

    let serving = async {
        let (tcp, _) = listener.accept().await.map_err(Failure::connection)?;
        let mut tls = acceptor.accept(tcp).await.map_err(Failure::connection)?;
        let mut request = [0; GREETING.len()];
        tls.read_exact(&mut request).await.map_err(Failure::connection)?;
        let request = String::from_utf8_lossy(&request).into_owned();
        tls.write_all(answer_to(&request).as_bytes()).await.map_err(Failure::connection)?;
        tls.flush().await.map_err(Failure::connection)?;
        // Until the client closes; it may renegotiate before.
        tls.read(&mut [0]).await.map_err(Failure::connection)?;
        tls.shutdown().await.map_err(Failure::connection)?;
        Ok::<_, Failure>(request)
    };
    let connecting = async {
        let tcp = TcpStream::connect(address).await.map_err(Failure::connection)?;
        let mut tls = connector.connect(NAME, tcp).await.map_err(Failure::connection)?;
        tls.write_all(GREETING).await.map_err(Failure::connection)?;
        tls.flush().await.map_err(Failure::connection)?;
        let mut answer = vec![0; answer_to(&String::from_utf8_lossy(GREETING)).len()];
        tls.read_exact(&mut answer).await.map_err(Failure::connection)?;
        let first = events.lock().len();
        if policy.renegotiation() != Renegotiation::Never {
            tls.renegotiate().await.map_err(Failure::connection)?;
        } else if is_tls13(tls.session()) {
            tls.update_keys(true).await.map_err(Failure::connection)?;
        }
        let session = tls.session().clone();
        tls.shutdown().await.map_err(Failure::connection)?;
        tls.read(&mut [0]).await.map_err(Failure::connection)?;
        Ok::<_, Failure>((session, String::from_utf8_lossy(&answer).into_owned(), first))
    };
    let (request, (session, answer, first)) = tokio::try_join!(serving, connecting)?;

    tell(&session, &events, first, &request, &answer)?;
    summary(&session)
}

fn is_tls13(session: &Session) -> bool {
    session.suite().key_exchange == KeyExchange::Tls13
}

/// The demos of all but `modern` show the key exchange that the founding document begins with: the client alone makes the
/// pre-master secret, which TLS 1.2 had last. That of `insecure` is as old as the document's suites: SSL 3.0 with RC2 of 40 bits.
fn policy(name: PolicyName) -> Policy {
    let policy = setup::named(name);
    let policy = match name {
        PolicyName::Modern => return policy,
        PolicyName::Compatible => policy.with_versions(ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_2),
        #[cfg(feature = "legacy")]
        PolicyName::Legacy => policy.with_versions(ProtocolVersion::TLS_1_0, ProtocolVersion::TLS_1_0),
        #[cfg(feature = "insecure")]
        PolicyName::Insecure => policy
            .with_versions(ProtocolVersion::SSL_3_0, ProtocolVersion::SSL_3_0)
            .with_cipher_suites(&[CipherSuite::TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5]),
    };
    let suites = policy.suites().iter().filter(|suite| suite.key_exchange == KeyExchange::Rsa);
    let rsa: Vec<_> = suites.map(|suite| suite.id).collect();
    policy.with_cipher_suites(&rsa)
}

fn endpoints(policy: &Policy, name: PolicyName, events: &Arc<Recorder>) -> Result<(Connector, Acceptor), Failure> {
    let made = |error: rcgen::Error| Failure::connection(format!("a certificate could not be made: {error}"));
    let ca_key = KeyPair::generate().map_err(made)?;
    let mut ca = CertificateParams::new(Vec::new()).map_err(made)?;
    ca.distinguished_name.push(DnType::CommonName, "Clasp Demo Authority");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let root = ca.self_signed(&ca_key).map_err(made)?;
    let issuer = Issuer::new(ca, ca_key);

    let issue = |name: &str, key: &KeyPair, usage| {
        let mut params = CertificateParams::new(vec![name.to_owned()]).map_err(made)?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![usage];
        let leaf = params.signed_by(key, &issuer).map_err(made)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(Failure::connection)?;
        Identity::from_der(vec![leaf.der().clone()], &key, default_provider()).map_err(Failure::connection)
    };
    let (server_key, client_key) = match name {
        PolicyName::Modern => (KeyPair::generate().map_err(made)?, KeyPair::generate().map_err(made)?),
        PolicyName::Compatible => (rsa_key()?, KeyPair::generate().map_err(made)?),
        // SSL 3.0 knows no other keys than RSA's.
        #[cfg(feature = "legacy")]
        _ => (rsa_key()?, rsa_key()?),
    };
    let server = issue(NAME, &server_key, ExtendedKeyUsagePurpose::ServerAuth)?;
    let client = issue("client.example", &client_key, ExtendedKeyUsagePurpose::ClientAuth)?;

    let mut roots = RootStore::default();
    roots.add_der(root.der()).map_err(Failure::connection)?;
    let verifier = WebPkiClientVerifier::builder(roots.clone()).build().map_err(Failure::connection)?;
    let client = ClientConfig::builder(policy.clone()).roots(roots).identity(client).trace(events.clone()).build();
    let server = ServerConfig::builder(policy.clone())
        .identity(server)
        .client_auth(ClientAuth::Require(Arc::new(verifier)))
        .trace(events.clone())
        .build();
    Ok((Connector::new(client.map_err(Failure::connection)?), Acceptor::new(server.map_err(Failure::connection)?)))
}

/// The default provider's randomness, for making a key.
struct Random(&'static dyn SecureRandom);

impl TryRng for Random {
    type Error = clasp::crypto::CryptoError;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(out)
    }
}

impl TryCryptoRng for Random {}

fn rsa_key() -> Result<KeyPair, Failure> {
    let key = rsa::PrivateKey::new(&mut Random(default_provider().random), 2048).map_err(Failure::connection)?;
    let der = key.to_pkcs8_der().map_err(Failure::connection)?;
    KeyPair::try_from(der.as_bytes()).map_err(Failure::connection)
}

/// Prints the steps in the order in which they came, with what each side did in them.
fn tell(session: &Session, events: &Recorder, first: usize, request: &str, answer: &str) -> Result<(), Failure> {
    let all = events.lock();
    let (events, again) = all.split_at(first.min(all.len()));
    let steps = if is_tls13(session) {
        say!("In TLS 1.3 the founding document's steps come in another order, and some are no more.")?;
        session.steps().into_iter().map(|(step, how)| (step, Some(how))).collect()
    } else {
        STEPS.map(|step| (step, None)).to_vec()
    };
    for (step, how) in steps {
        say!("{:>2}  {}", step.number(), step.title())?;
        if let Some(how) = how {
            say!("      ({how})")?;
        }
        for event in events.iter().filter(|event| event.step == step) {
            let who = match event.role {
                clasp::Role::Client => "client",
                clasp::Role::Server => "server",
            };
            say!("      {who} {}", event.what)?;
            for (name, value) in &event.fields {
                say!("        {name}: {}", shortened(value))?;
            }
        }
        if step == Step::ApplicationData {
            say!("      the server read {request:?}, the client read {answer:?}")?;
            say!("      both closed with close_notify")?;
        }
    }
    if is_tls13(session) {
        say!(
            "11  {}: gone; the client changed its keys and had the server change its own",
            Step::Renegotiation.title()
        )?;
        return say!("      without a handshake (KeyUpdate). try --policy compatible for the steps as they were\n");
    }
    if again.is_empty() {
        return say!("11  {}: not under this policy; try --policy compatible\n", Step::Renegotiation.title());
    }
    say!("11  {}: the client begins anew, under the keys it has, and it all repeats", Step::Renegotiation.title())?;
    for event in again {
        let who = match event.role {
            clasp::Role::Client => "client",
            clasp::Role::Server => "server",
        };
        say!("      {:>2} {who} {}", event.step.number(), event.what)?;
    }
    say!("")
}

const STEPS: [Step; 10] = [
    Step::ClientHello,
    Step::ServerHello,
    Step::ServerAuthentication,
    Step::PreMasterSecret,
    Step::ClientCertificate,
    Step::MasterSecret,
    Step::SessionKeys,
    Step::ClientFinished,
    Step::ServerFinished,
    Step::ApplicationData,
];

/// Long lists by their beginning and their length.
fn shortened(value: &str) -> String {
    let words: Vec<&str> = value.split(' ').collect();
    match words.as_slice() {
        [first, second, _, _, _, ..] if first.starts_with("TLS_") => {
            format!("{first} {second} and {} more", words.len() - 2)
        }
        _ => value.to_owned(),
    }
}

fn summary(session: &Session) -> Result<(), Failure> {
    let group = session.group().map_or_else(|| "no group".to_owned(), |group| group.to_string());
    say!(
        "agreed: {}, {}, {group}, client {}",
        session.version(),
        session.cipher_suite(),
        if session.client_authenticated() { "authenticated" } else { "not authenticated" },
    )
}
