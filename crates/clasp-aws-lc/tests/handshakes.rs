//! Whole handshakes between a configuration on this table and one on the default table, in both roles (RFC 5246, RFC 8446).

use std::sync::Arc;

use clasp_crypto::{Provider, SignatureScheme, default_provider};
use clasp_handshake::cert::{Identity, RootStore, WebPkiClientVerifier};
use clasp_handshake::wire::{CipherSuite, NamedGroup, ProtocolVersion};
use clasp_handshake::{
    ClientAuth, ClientConfig, Connection, Error, MemorySessions, Policy, ServerConfig, Status, TLS13_CIPHER_SUITES,
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

const NAME: &str = "server.example";
const RSA: &str = include_str!("../../clasp-crypto/test-data/rsa2048.pem");

/// Client and server: each table in each role, and this one in both.
fn sides() -> [(&'static Provider, &'static Provider); 3] {
    let (ours, theirs) = (clasp_aws_lc::provider(), default_provider());
    [(ours, theirs), (theirs, ours), (ours, ours)]
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

impl Authority {
    /// Its certificates are signed by this key.
    fn new(key: KeyPair) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), root }
    }

    fn roots(&self) -> RootStore {
        let mut roots = RootStore::default();
        roots.add_der(&self.root).unwrap();
        roots
    }

    fn issue(&self, key: &KeyPair, provider: &'static Provider) -> Identity {
        let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, NAME);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        let leaf = params.signed_by(key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        Identity::from_der(vec![leaf.der().clone()], &key, provider).unwrap()
    }
}

/// Every kind of key there is.
fn keys() -> Vec<(&'static str, KeyPair)> {
    let made = |name, algorithm| (name, KeyPair::generate_for(algorithm).unwrap());
    vec![
        ("RSA", KeyPair::from_pem(RSA).unwrap()),
        made("P-256", &rcgen::PKCS_ECDSA_P256_SHA256),
        made("P-384", &rcgen::PKCS_ECDSA_P384_SHA384),
        made("P-521", &rcgen::PKCS_ECDSA_P521_SHA512),
        made("Ed25519", &rcgen::PKCS_ED25519),
    ]
}

/// Versions for TLS 1.2 alone, and for TLS 1.3 alone.
fn each(policy: &Policy) -> [Policy; 2] {
    [ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_3].map(|version| policy.clone().with_versions(version, version))
}

fn step(from: &mut Connection, to: &mut Connection) -> Result<bool, Error> {
    while from.poll_now()? == Status::Data {}
    let bytes = from.output().split();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let taken = to.receive(rest);
        rest = &rest[taken..];
        while to.poll_now()? == Status::Data {}
    }
    Ok(!bytes.is_empty())
}

/// Shakes hands, and carries data and the exporter's word both ways.
fn shake(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Result<(Connection, Connection), Error> {
    let mut client = Connection::client(Arc::clone(client), NAME.try_into().unwrap());
    let mut server = Connection::server(Arc::clone(server));
    while step(&mut client, &mut server)? | step(&mut server, &mut client)? {}
    assert!(!client.is_handshaking() && !server.is_handshaking());
    let export = |tls: &Connection| {
        let mut out = [0; 32];
        tls.export_keying_material(b"EXPORTER-x", None, &mut out).unwrap().unwrap();
        out
    };
    assert_eq!(export(&client), export(&server));
    let data: Vec<u8> = (0..=250).cycle().take(40_000).collect();
    carry(&mut client, &mut server, &data)?;
    carry(&mut server, &mut client, &data)?;
    Ok((client, server))
}

fn carry(from: &mut Connection, to: &mut Connection, data: &[u8]) -> Result<(), Error> {
    let (mut sent, mut got) = (0, Vec::new());
    while got.len() < data.len() {
        sent += from.write(&data[sent..])?;
        let bytes = from.output().split();
        assert!(!bytes.is_empty());
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let taken = to.receive(rest);
            rest = &rest[taken..];
            while to.poll_now()? == Status::Data {
                got.extend_from_slice(&to.read().unwrap_or_default());
            }
        }
    }
    assert_eq!(got, data);
    Ok(())
}

fn configs(
    policy: &Policy,
    (ours, theirs): (&'static Provider, &'static Provider),
    ca: &Authority,
    keys: &[&KeyPair],
) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let client = ClientConfig::builder(policy.clone()).roots(ca.roots()).provider(ours).without_resumption();
    let mut server = ServerConfig::builder(policy.clone()).provider(theirs);
    for key in keys {
        server = server.identity(ca.issue(key, theirs));
    }
    (client.build().unwrap(), server.build().unwrap())
}

/// Every suite of TLS 1.2 and 1.3 but those with a pre-shared key.
#[test]
fn every_suite() {
    let ca = Authority::new(KeyPair::generate().unwrap());
    let (rsa, ecdsa) = (KeyPair::from_pem(RSA).unwrap(), KeyPair::generate().unwrap());
    let is_13 = |suite: CipherSuite| TLS13_CIPHER_SUITES.iter().any(|known| known.id == suite);
    let all: Vec<CipherSuite> = Policy::compatible()
        .suites()
        .iter()
        .map(|suite| suite.id)
        .filter(|suite| !suite.to_string().contains("PSK"))
        .collect();
    assert!(all.iter().filter(|suite| is_13(**suite)).count() >= 3);
    assert!(all.iter().filter(|suite| !is_13(**suite)).count() >= 20);
    for suite in all {
        let [classic, newest] = each(&Policy::compatible().with_cipher_suites(&[suite]));
        let policy = if is_13(suite) { newest } else { classic };
        for side in sides() {
            let (client, server) = configs(&policy, side, &ca, &[&rsa, &ecdsa]);
            let (client, _) = shake(&client, &server).unwrap_or_else(|error| panic!("{suite}: {error}"));
            assert_eq!(client.session().unwrap().cipher_suite(), suite);
        }
    }
}

#[test]
fn every_group() {
    let ca = Authority::new(KeyPair::generate().unwrap());
    let key = KeyPair::from_pem(RSA).unwrap();
    let is_kem = |group: NamedGroup| group.to_string().contains("MLKEM");
    for group in clasp_aws_lc::provider().groups.iter().map(|group| group.name()) {
        let [mut classic, newest] = each(&Policy::compatible().with_groups(&[group]));
        if group.to_string().starts_with("ffdhe") {
            classic = classic.with_cipher_suites(&[CipherSuite::TLS_DHE_RSA_WITH_AES_128_GCM_SHA256]);
        }
        for (policy, has) in [(newest, true), (classic, !is_kem(group))] {
            for side in sides().into_iter().filter(|_| has) {
                let (client, server) = configs(&policy, side, &ca, &[&key]);
                let (client, _) = shake(&client, &server).unwrap_or_else(|error| panic!("{group}: {error}"));
                assert_eq!(client.session().unwrap().group(), Some(group));
            }
        }
    }
}

/// As a server's key, as a client's, and as the key of the authority over both.
#[test]
fn every_kind_of_certificate() {
    for (name, key) in keys() {
        for policy in each(&Policy::modern()) {
            for (ours, theirs) in sides() {
                let authority = KeyPair::try_from(key.serialize_der()).unwrap();
                let ca = Authority::new(authority);
                let verifier = WebPkiClientVerifier::builder(ca.roots()).provider(theirs).build().unwrap();
                let client = ClientConfig::builder(policy.clone())
                    .roots(ca.roots())
                    .provider(ours)
                    .identity(ca.issue(&key, ours))
                    .build()
                    .unwrap();
                let server = ServerConfig::builder(policy.clone())
                    .provider(theirs)
                    .identity(ca.issue(&key, theirs))
                    .client_auth(ClientAuth::Require(Arc::new(verifier)))
                    .build()
                    .unwrap();
                let (_, server) = shake(&client, &server).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert!(server.session().unwrap().client_authenticated(), "{name}");
            }
        }
    }
}

/// Every scheme an RSA key signs with.
#[test]
fn every_rsa_scheme() {
    use SignatureScheme as S;
    let ca = Authority::new(KeyPair::generate().unwrap());
    let key = KeyPair::from_pem(RSA).unwrap();
    for scheme in [
        S::RSA_PSS_RSAE_SHA256,
        S::RSA_PSS_RSAE_SHA384,
        S::RSA_PSS_RSAE_SHA512,
        S::RSA_PKCS1_SHA256,
        S::RSA_PKCS1_SHA384,
        S::RSA_PKCS1_SHA512,
    ] {
        // The authority's own scheme stands beside it.
        let schemes = [scheme, S::ECDSA_SECP256R1_SHA256];
        let [classic, newest] = each(&Policy::modern().with_signature_schemes(&schemes));
        let in_13 = scheme.to_string().contains("pss");
        for policy in [Some(classic), in_13.then_some(newest)].into_iter().flatten() {
            for side in sides() {
                let (client, server) = configs(&policy, side, &ca, &[&key]);
                shake(&client, &server).unwrap_or_else(|error| panic!("{scheme}: {error}"));
            }
        }
    }
}

/// By ticket and by identifier.
#[test]
fn sessions_are_resumed() {
    let ca = Authority::new(KeyPair::generate().unwrap());
    let key = KeyPair::generate().unwrap();
    for policy in each(&Policy::modern()) {
        for tickets in [true, false] {
            for (ours, theirs) in sides() {
                let store = Arc::new(MemorySessions::default());
                let client = |provider| {
                    let store: Arc<MemorySessions> = Arc::clone(&store);
                    ClientConfig::builder(policy.clone()).roots(ca.roots()).provider(provider).session_store(store)
                };
                let server = ServerConfig::builder(policy.clone()).provider(theirs).identity(ca.issue(&key, theirs));
                let server = if tickets { server.session_ids(false) } else { server.tickets(false) };
                let server = server.build().unwrap();
                let first = client(ours).build().unwrap();
                let (tls, _) = shake(&first, &server).unwrap();
                assert!(!tls.session().unwrap().resumed());
                let (tls, _) = shake(&first, &server).unwrap();
                assert!(tls.session().unwrap().resumed());
            }
        }
    }
}

/// Bytes changed on their way open on neither table.
#[test]
fn altered_records_are_refused() {
    let ca = Authority::new(KeyPair::generate().unwrap());
    let key = KeyPair::generate().unwrap();
    for policy in each(&Policy::modern()) {
        for side in sides() {
            let (client, server) = configs(&policy, side, &ca, &[&key]);
            let (mut client, mut server) = shake(&client, &server).unwrap();
            client.write(b"hello").unwrap();
            let mut bytes = client.output().split();
            *bytes.last_mut().unwrap() ^= 1;
            server.receive(&bytes);
            assert!(server.poll_now().is_err());
        }
    }
}
