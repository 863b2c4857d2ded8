//! Whole connections that replay the traces of RFC 8448, byte for byte. Tests only.
//!
//! The randomness, the key shares and the signatures are the traces'. A client's hello is the traces' own, as Clasp's has
//! other extensions, in another order: [`replace_hello`] puts it in its place, and all that follows holds the answers
//! against it. The binder alone is made anew. Of what a server sends EncryptedExtensions, CertificateRequest and
//! NewSessionTicket are the traces', put in place by [`sent`]: there the choice of what to say is free. All else is made by
//! the flights: ServerHello, Certificate, CertificateVerify over the content that is signed, both Finished, EndOfEarlyData.
//!
//! What is compared is told in `traces.rs`.

mod traces;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use clasp_cert::{
    CertificateError, ClientVerification, ClientVerifier, Identity, MaybeReady, PrivateKey, Report, ServerVerification,
    ServerVerifier,
};
use clasp_crypto::{
    ActiveKeyExchange, CryptoError, KeyAlgorithm, KeyExchangeGroup, Provider, SecureRandom, SharedSecret,
    default_provider,
};
use clasp_wire::{ClientHello, HandshakeMessage as _, NamedGroup, SignatureScheme};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use rustls_pki_types::CertificateDer;

const RECORDS: &str = include_str!("../../test-data/rfc8448-records.txt");

/// A value of a section's trace.
fn value(name: &str, section: u8) -> Vec<u8> {
    maybe(name, section).unwrap_or_else(|| panic!("{name} of section {section}"))
}

fn maybe(name: &str, section: u8) -> Option<Vec<u8>> {
    let (_, rest) = RECORDS.split_once(&format!("\n{name} (section {section})\n"))?;
    Some(hex(rest))
}

/// The digits up to the next empty line.
fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split("\n\n").next().unwrap_or_default().split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

thread_local! {
    /// The hellos to send instead of Clasp's.
    static HELLOS: RefCell<VecDeque<Bytes>> = const { RefCell::new(VecDeque::new()) };
    /// The messages to send instead of those of their type.
    static ANSWERS: RefCell<Vec<Bytes>> = const { RefCell::new(Vec::new()) };
}

/// Puts the trace's hello, if there is one, in place of `hello`.
pub(crate) fn replace_hello(hello: &mut ClientHello) {
    if let Some(raw) = HELLOS.with_borrow_mut(VecDeque::pop_front) {
        *hello = ClientHello::parse_body(&raw.slice(4..)).unwrap();
        assert_eq!(hello.encode(), raw, "it is written as it was read");
    }
}

/// The trace's message, if there is one, in place of `raw`.
pub(crate) fn sent(raw: Bytes) -> Bytes {
    let instead = ANSWERS.with_borrow_mut(|answers| {
        let at = answers.iter().position(|answer| answer[0] == raw[0])?;
        Some(answers.remove(at))
    });
    instead.unwrap_or(raw)
}

/// A provider whose key shares, and first 32 random bytes, are given.
fn provider(keys: &[(NamedGroup, Vec<u8>)], random: Option<Vec<u8>>) -> &'static Provider {
    let group = |(name, key): &(NamedGroup, Vec<u8>)| -> &'static dyn KeyExchangeGroup {
        Box::leak(Box::new(FixedGroup(*name, key[..].try_into().unwrap())))
    };
    let groups: Vec<_> = keys.iter().map(group).collect();
    Box::leak(Box::new(Provider {
        random: Box::leak(Box::new(FixedRandom(Mutex::new(random)))),
        groups: groups.leak(),
        ..default_provider().clone()
    }))
}

#[derive(Debug)]
struct FixedRandom(Mutex<Option<Vec<u8>>>);

impl SecureRandom for FixedRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        match self.0.lock().unwrap().take_if(|fixed| fixed.len() == out.len()) {
            Some(fixed) => out.copy_from_slice(&fixed),
            None => default_provider().random.fill(out)?,
        }
        Ok(())
    }
}

/// X25519 or P-256 with a private key that is given.
#[derive(Debug)]
struct FixedGroup(NamedGroup, [u8; 32]);

struct FixedKey(NamedGroup, [u8; 32], Vec<u8>);

impl KeyExchangeGroup for FixedGroup {
    fn name(&self) -> NamedGroup {
        self.0
    }

    fn start(&self, _: &dyn SecureRandom) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let public = match self.0 {
            NamedGroup::X25519 => {
                x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(self.1)).to_bytes().into()
            }
            _ => p256::SecretKey::from_slice(&self.1).unwrap().public_key().to_sec1_point(false).as_bytes().to_vec(),
        };
        Ok(Box::new(FixedKey(self.0, self.1, public)))
    }
}

impl ActiveKeyExchange for FixedKey {
    fn public_key(&self) -> &[u8] {
        &self.2
    }

    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, CryptoError> {
        let shared = if self.0 == NamedGroup::X25519 {
            let peer: [u8; 32] = peer.try_into().unwrap();
            x25519_dalek::StaticSecret::from(self.1).diffie_hellman(&peer.into()).to_bytes().to_vec()
        } else {
            let (ours, theirs) = (p256::SecretKey::from_slice(&self.1), p256::PublicKey::from_sec1_bytes(peer));
            let shared = p256::ecdh::diffie_hellman(ours.unwrap().to_nonzero_scalar(), theirs.unwrap().as_affine());
            shared.raw_secret_bytes().to_vec()
        };
        Ok(SharedSecret::new(shared))
    }
}

/// A key that makes the trace's signature, of the content that the trace says.
#[derive(Debug)]
struct FixedSignature {
    algorithm: KeyAlgorithm,
    scheme: [SignatureScheme; 1],
    content: Vec<u8>,
    signature: Vec<u8>,
}

impl FixedSignature {
    fn identity(whose: &str, section: u8, chain: CertificateDer<'static>, algorithm: KeyAlgorithm) -> Identity {
        let scheme = match algorithm {
            KeyAlgorithm::Rsa => SignatureScheme::RSA_PSS_RSAE_SHA256,
            _ => SignatureScheme::ECDSA_SECP256R1_SHA256,
        };
        let content = value(&format!("{whose}-content-to-sign"), section);
        let signature = value(&format!("{whose}-signature"), section);
        Identity::with_key(vec![chain], Arc::new(Self { algorithm, scheme: [scheme], content, signature })).unwrap()
    }
}

impl PrivateKey for FixedSignature {
    fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    fn schemes(&self) -> &[SignatureScheme] {
        &self.scheme
    }

    fn sign<'a>(&'a self, scheme: SignatureScheme, content: &'a [u8]) -> MaybeReady<'a, Result<Vec<u8>, CryptoError>> {
        assert_eq!(scheme, self.scheme[0]);
        assert!(content == self.content, "what is signed is not what the trace signs");
        MaybeReady::ready(Ok(self.signature.clone()))
    }
}

/// Takes any certificate: the traces' are self-signed, and too old.
#[derive(Debug)]
struct Anyone;

impl ServerVerifier for Anyone {
    fn verify_server<'a>(&'a self, _: ServerVerification<'a>) -> MaybeReady<'a, Result<Report, CertificateError>> {
        MaybeReady::ready(Ok(Report::server()))
    }
}

impl ClientVerifier for Anyone {
    fn verify_client<'a>(&'a self, _: ClientVerification<'a>) -> MaybeReady<'a, Result<Report, CertificateError>> {
        MaybeReady::ready(Ok(Report::client()))
    }

    fn authorities(&self) -> &[Vec<u8>] {
        &[]
    }
}
