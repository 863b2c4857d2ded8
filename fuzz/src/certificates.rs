//! Certificates and keys of anybody's making: no panic, a report that says what is wrong, and no trust but in what a trusted
//! authority issued.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use clasp_cert::{
    CertificateSummary, Check, ClientVerification, ClientVerifier as _, Identity, KeyUse, Outcome, PublicKey, Report,
    Revocation, RootStore, ServerVerification, ServerVerifier as _, WebPkiClientVerifier, WebPkiServerVerifier,
};
use clasp_crypto::default_provider;
use clasp_wire::{Certificate, HandshakeMessage as _};
use rustls_pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer,
    PrivateSec1KeyDer, ServerName, UnixTime,
};

use crate::setup::{cast, name, now};

struct Verifiers {
    server: WebPkiServerVerifier,
    client: WebPkiClientVerifier,
}

static VERIFIERS: LazyLock<Verifiers> = LazyLock::new(|| Verifiers {
    server: WebPkiServerVerifier::builder(cast().roots.clone()).build().expect("a root is trusted"),
    client: WebPkiClientVerifier::builder(cast().roots.clone()).build().expect("a root is trusted"),
});

/// The bytes as the body of a Certificate message: its chain as a server's and as a client's.
pub fn certificate_chain(input: &[u8]) {
    let Ok(message) = Certificate::parse_body(&Bytes::copy_from_slice(input)) else { return };
    let chain: Vec<_> = message.chain.iter().map(|der| CertificateDer::from(der.to_vec())).collect();
    for certificate in &chain {
        if let Ok(key) = PublicKey::from_certificate(certificate) {
            assert!(!format!("{key:?}").is_empty());
        }
        if let Ok(summary) = CertificateSummary::from_der(certificate) {
            assert!(!summary.to_string().is_empty());
        }
    }
    let name = name();
    let cast = cast();
    for key_use in [KeyUse::DigitalSignature, KeyUse::KeyEncipherment] {
        let question = ServerVerification::new(&chain, &name, now(), key_use);
        let verdict = VERIFIERS.server.verify_server(question).try_take().expect("at once");
        judge(verdict, &chain, &[&cast.server_rsa, &cast.server_ecdsa]);
        // Nobody is anybody else, or for ever.
        let other = ServerName::try_from("other.example").expect("a DNS name");
        for (name, at) in [(&other, now()), (&name, now_and(-200)), (&name, now_and(200))] {
            let question = ServerVerification::new(&chain, name, at, key_use);
            let verdict = VERIFIERS.server.verify_server(question).try_take().expect("at once");
            assert!(verdict.is_err(), "trusted under another name, or at another time");
        }
    }
    let verdict = VERIFIERS.client.verify_client(ClientVerification::new(&chain, now())).try_take().expect("at once");
    judge(verdict, &chain, &[&cast.client_rsa, &cast.client_ecdsa]);
}

/// So many years from the usual time.
fn now_and(years: i64) -> UnixTime {
    let seconds = now().as_secs().saturating_add_signed(years * 365 * 24 * 3600);
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn judge(verdict: Result<Report, clasp_cert::CertificateError>, chain: &[CertificateDer<'_>], genuine: &[&Identity]) {
    match verdict {
        Ok(report) => {
            assert_eq!(report.failures().count(), 0, "trusted, and yet something failed: {report:?}");
            let issued = genuine.iter().any(|identity| identity.chain().first() == chain.first());
            assert!(issued, "a certificate is trusted that nobody issued");
        }
        Err(error) => {
            // What cannot be read at all reaches no check.
            let reached = !matches!(error.report.get(Check::TrustedIssuer), Outcome::NotReached);
            assert!(!reached || error.report.failures().next().is_some(), "refused, and nothing failed: {error}");
            assert!(!error.to_string().is_empty());
        }
    }
}

/// What an application hands over: the first byte chooses what the rest is loaded as. It loads, or the error says why.
pub fn credentials(input: &[u8]) {
    let Some((choice, data)) = input.split_first() else { return };
    let error = match choice % 7 {
        0 => match Identity::from_pem(data, data) {
            Ok(identity) => {
                assert!(!identity.chain().is_empty());
                let key = identity.key();
                let scheme = *key.schemes().first().expect("a key that signs");
                // A damaged key may not sign, but what it signs is right: a faulty signature gives an RSA key away.
                if let Ok(signature) = key.sign(scheme, data).try_take().expect("at once") {
                    let verified = identity.public_key().verify(default_provider(), scheme, data, &signature);
                    verified.expect("a signature of this key's");
                }
                return;
            }
            Err(error) => error.to_string(),
        },
        1 => match RootStore::default().add_pem(data) {
            Ok(count) => return assert!(count > 0),
            Err(error) => error.to_string(),
        },
        2 => match RootStore::default().add_der(&CertificateDer::from(data)) {
            Ok(()) => return,
            Err(error) => error.to_string(),
        },
        3 => match Revocation::new().add_der(&CertificateRevocationListDer::from(data)) {
            Ok(()) => return,
            Err(error) => error.to_string(),
        },
        kind => {
            let key = match kind {
                4 => PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(data)),
                5 => PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(data)),
                _ => PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(data)),
            };
            match (default_provider().load_key)(&key) {
                Ok(key) => return assert!(!key.schemes().is_empty()),
                Err(error) => error.to_string(),
            }
        }
    };
    assert!(!error.is_empty());
}
