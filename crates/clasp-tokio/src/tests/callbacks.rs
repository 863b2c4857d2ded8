//! Verifiers, keys and resolvers that take their time, and handshakes that are given up.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use clasp_crypto::{CryptoError, KeyAlgorithm, SignatureScheme};
use clasp_handshake::cert::{
    CertificateError, ClientVerification, ClientVerifier, PrivateKey, Report, ServerVerification, ServerVerifier,
    WebPkiClientVerifier, WebPkiServerVerifier,
};
use clasp_handshake::wire::ProtocolVersion;
use clasp_handshake::{CertificateAsk, ClientAnswer, ClientAuth, ClientIdentityResolver, FixedIdentities};
use rustls_pki_types::SubjectPublicKeyInfoDer;

use super::transport::Stutter;
use super::*;

/// Keeps whoever passes waiting until it is opened.
#[derive(Debug, Default)]
struct Gate(Mutex<(bool, Option<Waker>)>);

impl Gate {
    async fn pass(&self) {
        std::future::poll_fn(|cx: &mut Context<'_>| {
            let (open, waiting) = &mut *self.0.lock().unwrap();
            *waiting = Some(cx.waker().clone());
            if *open { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn somebody_waits(&self) -> bool {
        self.0.lock().unwrap().1.is_some()
    }

    fn open(&self) {
        let mut state = self.0.lock().unwrap();
        state.0 = true;
        state.1.take().expect("somebody waits").wake();
    }
}

#[derive(Debug)]
struct Gated<T>(T, Arc<Gate>);

/// Passes the gate, and then asks what is behind it.
fn gated<'a, T, A: Send>(
    callback: &'a Gated<T>,
    ask: impl FnOnce(&'a T) -> MaybeReady<'a, A> + Send + 'a,
) -> MaybeReady<'a, A>
where
    T: Sync,
{
    MaybeReady::future(async move {
        callback.1.pass().await;
        ask(&callback.0).await
    })
}

impl ServerVerifier for Gated<WebPkiServerVerifier> {
    fn verify_server<'a>(
        &'a self,
        verification: ServerVerification<'a>,
    ) -> MaybeReady<'a, Result<Report, CertificateError>> {
        gated(self, move |inner| inner.verify_server(verification))
    }
}

impl ClientVerifier for Gated<WebPkiClientVerifier> {
    fn verify_client<'a>(
        &'a self,
        verification: ClientVerification<'a>,
    ) -> MaybeReady<'a, Result<Report, CertificateError>> {
        gated(self, move |inner| inner.verify_client(verification))
    }

    fn authorities(&self) -> &[Vec<u8>] {
        self.0.authorities()
    }
}

impl IdentityResolver for Gated<FixedIdentities> {
    fn resolve<'a>(&'a self, hello: &'a ClientHelloInfo<'a>) -> MaybeReady<'a, Resolved> {
        gated(self, move |inner| IdentityResolver::resolve(inner, hello))
    }
}

impl ClientIdentityResolver for Gated<FixedIdentities> {
    fn resolve<'a>(&'a self, ask: &'a CertificateAsk<'a>) -> MaybeReady<'a, ClientAnswer> {
        gated(self, move |inner| ClientIdentityResolver::resolve(inner, ask))
    }
}

#[derive(Debug)]
struct Key(Arc<dyn clasp_crypto::SigningKey>);

impl PrivateKey for Gated<Key> {
    fn algorithm(&self) -> KeyAlgorithm {
        self.0.0.algorithm()
    }

    fn schemes(&self) -> &[SignatureScheme] {
        self.0.0.schemes()
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(self.0.0.public_key())
    }

    fn sign<'a>(&'a self, scheme: SignatureScheme, message: &'a [u8]) -> MaybeReady<'a, Result<Vec<u8>, CryptoError>> {
        let random = clasp_crypto::default_provider().random;
        gated(self, move |inner| MaybeReady::ready(inner.0.sign(scheme, message, random)))
    }
}

const CALLBACKS: [&str; 5] = ["resolver", "server's key", "verifier", "client's resolver", "client's verifier"];

/// Endpoints that authenticate each other, with one callback behind the gate.
fn mutual(policy: &Policy, slow: &str, gate: &Arc<Gate>) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let provider = clasp_crypto::default_provider();
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let chain = vec![made.cert.der().clone()];
    let der = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let key = (provider.load_key)(&der).unwrap();
    let mut roots = RootStore::default();
    roots.add_der(made.cert.der()).unwrap();
    let plain = Identity::from_der(chain.clone(), &der, provider).unwrap();
    let slow_key = Identity::with_key(chain, Arc::new(Gated(Key(key), Arc::clone(gate)))).unwrap();
    let identity = if slow == "server's key" { slow_key } else { plain.clone() };
    let client_verifier = WebPkiClientVerifier::builder(roots.clone()).build().unwrap();
    let server_verifier = WebPkiServerVerifier::builder(roots.clone()).build().unwrap();
    let fixed = |identity| Gated(FixedIdentities::new(vec![Arc::new(identity)]), Arc::clone(gate));

    let mut client = ClientConfig::builder(policy.clone()).roots(roots);
    let mut server = ServerConfig::builder(policy.clone());
    client = match slow {
        "client's resolver" => client.identity_resolver(Arc::new(fixed(plain))),
        "verifier" => client.identity(plain).verifier(Arc::new(Gated(server_verifier, Arc::clone(gate)))),
        _ => client.identity(plain),
    };
    server = match slow {
        "resolver" => server.identity_resolver(Arc::new(fixed(identity))),
        _ => server.identity(identity),
    };
    server = server.client_auth(ClientAuth::Require(match slow {
        "client's verifier" => Arc::new(Gated(client_verifier, Arc::clone(gate))),
        _ => Arc::new(client_verifier),
    }));
    (client.build().unwrap(), server.build().unwrap())
}

/// The handshake waits for each of them, and goes on by the waker it left there: nothing else moves.
#[tokio::test]
async fn a_callback_that_takes_its_time_is_awaited() {
    let versions = [ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_3];
    for (version, slow) in versions.into_iter().flat_map(|version| CALLBACKS.map(|slow| (version, slow))) {
        let gate = Arc::<Gate>::default();
        let (client, server) = mutual(&Policy::modern().with_versions(version, version), slow, &gate);
        let (a, b) = duplex(1 << 16);
        let client = tokio::spawn(async move { Connector::new(client).connect(NAME, a).await });
        let server = tokio::spawn(async move { Acceptor::new(server).accept(b).await });
        while !gate.somebody_waits() {
            sleep(Duration::from_millis(1)).await;
        }
        sleep(Duration::from_millis(10)).await;
        // In TLS 1.3 the client has finished when the server looks at its certificate.
        let client_is_done = slow == "client's verifier" && version == ProtocolVersion::TLS_1_3;
        assert_eq!((client.is_finished(), server.is_finished()), (client_is_done, false), "{version} {slow}");
        gate.open();
        let both = timeout(Duration::from_secs(10), async { tokio::join!(client, server) });
        let (client, server) = both.await.unwrap_or_else(|_| panic!("{slow}: the waker was not honoured"));
        assert!(client.unwrap().is_ok(), "{slow}");
        assert!(server.unwrap().unwrap().session().client_authenticated(), "{slow}");
    }
}

/// Polls once, with nobody to wake.
fn poll<T>(future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}

/// Given up at every place where it may stand, a handshake takes everything with it, and the other side learns of it.
#[test]
fn a_handshake_dropped_anywhere_leaves_nothing_behind() {
    let gate = Arc::<Gate>::default();
    let mut places = BTreeSet::new();
    for polls in (0..).step_by(7) {
        let (client_config, server_config) = mutual(&Policy::modern(), "nothing", &gate);
        let (connector, acceptor) = (Connector::new(client_config.clone()), Acceptor::new(server_config.clone()));
        let (a, b) = duplex(64);
        let mut client = Some(Box::pin(connector.connect(NAME, Stutter::new(a))));
        let mut server = Some(Box::pin(acceptor.accept(Stutter::new(b))));
        let mut finished = false;
        for _ in 0..polls {
            finished = client.as_mut().and_then(|client| poll(client.as_mut())).is_some()
                || server.as_mut().and_then(|server| poll(server.as_mut())).is_some();
            if finished {
                break;
            }
        }
        client = None;
        if finished {
            break;
        }
        let end = (0..100_000).find_map(|_| server.as_mut().and_then(|server| poll(server.as_mut())));
        let error = end.expect("the server waits for nobody").unwrap_err().to_string();
        assert!(error.contains("closed") || error.contains("broken pipe"), "{error}");
        places.insert(error);
        server = None;
        drop((client, server));
        assert_eq!((Arc::strong_count(&client_config), Arc::strong_count(&server_config)), (2, 2), "{polls}");
    }
    // Before the first flight, in the middle of its own, and in the middle of the client's last one, which is one record.
    assert!(places.len() > 2, "{places:?}");
}

/// Takes its time over every hello.
#[derive(Debug)]
struct Slow(Arc<Identity>, AtomicBool);

impl IdentityResolver for Slow {
    fn resolve<'a>(&'a self, _: &'a ClientHelloInfo<'a>) -> MaybeReady<'a, Resolved> {
        MaybeReady::future(async {
            sleep(Duration::from_millis(30)).await;
            self.1.store(true, Ordering::Relaxed);
            Resolved::Identities(vec![Arc::clone(&self.0)])
        })
    }
}

#[tokio::test]
async fn an_asynchronous_resolver_is_awaited_and_a_vanished_client_noticed() {
    let (identity, roots) = made();
    let client = Connector::new(ClientConfig::builder(Policy::modern()).roots(roots).build().unwrap());
    let slow = Arc::new(Slow(Arc::new(identity), AtomicBool::new(false)));
    let config = ServerConfig::builder(Policy::modern()).identity_resolver(slow.clone()).build().unwrap();
    let acceptor = Acceptor::new(config);
    let (a, b) = duplex(4096);
    tokio::try_join!(client.connect(NAME, a), acceptor.accept(b)).unwrap();
    assert!(slow.1.swap(false, Ordering::Relaxed));

    let (a, b) = duplex(4096);
    let vanishing = async {
        let _ = timeout(Duration::from_millis(5), client.connect(NAME, a)).await;
    };
    let (server, ()) = tokio::join!(acceptor.accept(b), vanishing);
    assert!(matches!(server.unwrap_err(), Error::Tls(clasp_handshake::Error::ClosedInHandshake { .. })));
    assert!(!slow.1.load(Ordering::Relaxed), "the resolver should have been given up");
}
