//! What one side of a TLS 1.3 handshake has said and heard: what a message must say to fit it, and what is wrong with one that
//! comes (RFC 8446 4.1.4, 4.2.11.2, 4.4).

use std::collections::VecDeque;

use bytes::Bytes;
use clasp_crypto::HashAlgorithm;
use clasp_handshake::{Suite, TLS13_CIPHER_SUITES};
use clasp_keys::tls13::{EarlySecret, Kdf, PskKind};
use clasp_wire::{
    Certificate13, ClientHello, EncryptedExtensions, HandshakeType, Random, ServerHello, SignatureScheme,
};

use crate::answers::{self, Flaw};
use crate::chance;
use crate::setup::{PSK, PSK_IDENTITY, cast};

/// HKDF-Expand-Label for what is no longer than the hash (RFC 8446 7.1).
pub(crate) fn expand_label(hash: HashAlgorithm, secret: &[u8], label: &str, length: usize) -> Vec<u8> {
    let hmac = chance::provider().hmac(hash).expect("the hash of a suite");
    let label = format!("tls13 {label}");
    let [length_byte, label_length] = [length, label.len()].map(|length| u8::try_from(length).expect("short"));
    let block = hmac.with_key(secret).sign(&[&[0, length_byte, label_length], label.as_bytes(), &[0, 1]]);
    block.as_slice()[..length].to_vec()
}

pub(crate) fn hash(algorithm: HashAlgorithm, bytes: &[u8]) -> Vec<u8> {
    chance::provider().hash(algorithm).expect("the hash of a suite").hash(&[bytes]).as_slice().to_vec()
}

pub(crate) fn hash_len(algorithm: HashAlgorithm) -> usize {
    chance::provider().hash(algorithm).expect("the hash of a suite").output_len()
}

/// What one side has said and heard, in its order.
#[derive(Default)]
pub(crate) struct Vantage {
    transcript: Vec<u8>,
    pub(crate) suite: Option<&'static Suite>,
    finished: u8,
    /// The transcript of a request for the client's certificate after the handshake.
    late: Option<Vec<u8>>,
    /// The client's hellos, and the server's.
    offers: Vec<ClientHello>,
    answers: Vec<ServerHello>,
    /// How many hellos this side, the server, had heard when it made each of the answers that still wait to be carried.
    heard: VecDeque<usize>,
    /// The type of the message before, of client and server.
    last: [HandshakeType; 2],
    /// A certificate was shown, and not yet signed with.
    shown: [bool; 2],
}

impl Vantage {
    /// Takes in a message (RFC 8446 4.4.1, 4.4.2).
    pub(crate) fn add(&mut self, from_client: bool, message: &[u8]) {
        let Some(typ) = message.first().copied().map(HandshakeType) else { return };
        let side = usize::from(!from_client);
        self.last[side] = typ;
        match typ {
            HandshakeType::CLIENT_HELLO => self.offers.extend(answers::read::<ClientHello>(message)),
            HandshakeType::SERVER_HELLO => self.answers.extend(answers::read::<ServerHello>(message)),
            HandshakeType::CERTIFICATE => {
                let shown = answers::read::<Certificate13>(message);
                self.shown[side] = shown.is_some_and(|certificate| !certificate.entries.is_empty());
            }
            HandshakeType::CERTIFICATE_VERIFY => self.shown[side] = false,
            _ => {}
        }
        if self.finished == 2 {
            match typ {
                HandshakeType::CERTIFICATE_REQUEST => self.late = Some([&self.transcript, message].concat()),
                HandshakeType::NEW_SESSION_TICKET | HandshakeType::KEY_UPDATE => {}
                _ => self.late.iter_mut().for_each(|late| late.extend_from_slice(message)),
            }
            return;
        }
        if typ == HandshakeType::SERVER_HELLO {
            let suite = hello_suite(message);
            if let Some(suite) = suite.filter(|_| message.get(6..38) == Some(&Random::HELLO_RETRY_REQUEST.0)) {
                let first = hash(suite.prf, &self.transcript);
                let length = u8::try_from(first.len()).unwrap_or(0);
                self.transcript = [&[HandshakeType::MESSAGE_HASH.0, 0, 0, length], &first[..]].concat();
            }
            self.suite = suite.or(self.suite);
        }
        self.transcript.extend_from_slice(message);
        self.finished += u8::from(typ == HandshakeType::FINISHED);
    }

    /// Whether the Finished of this sender was heard, behind which its keys are others.
    pub(crate) fn has_heard_finished(&self, of_client: bool) -> bool {
        self.finished > u8::from(of_client)
    }

    fn hash(&self, suite: &Suite) -> Vec<u8> {
        let late = self.late.as_ref().filter(|_| self.finished == 2);
        hash(suite.prf, late.unwrap_or(&self.transcript))
    }

    /// What a CertificateVerify or Finished must say that comes next. `secret` is what its sender writes under.
    pub(crate) fn proof(&self, from_client: bool, typ: HandshakeType, secret: Option<&[u8]>) -> Option<Vec<u8>> {
        let suite = self.suite?;
        match typ {
            HandshakeType::CERTIFICATE_VERIFY => {
                let context: &[u8] = if from_client { b"client" } else { b"server" };
                let hash = self.hash(suite);
                let content = [&[b' '; 64][..], b"TLS 1.3, ", context, b" CertificateVerify\0", &hash].concat();
                let identity = if from_client { &cast().client_ecdsa } else { &cast().server_ecdsa };
                let signed = identity.key().sign(SignatureScheme::ECDSA_SECP256R1_SHA256, &content);
                let signature = signed.try_take().ok()?.ok()?;
                let length = u8::try_from(signature.len()).unwrap_or(0);
                let [high, low] = SignatureScheme::ECDSA_SECP256R1_SHA256.0.to_be_bytes();
                Some([&[15, 0, 0, length + 4, high, low, 0, length], &signature[..]].concat())
            }
            HandshakeType::FINISHED => {
                let secret = secret?;
                let key = expand_label(suite.prf, secret, "finished", secret.len());
                let hmac = chance::provider().hmac(suite.prf).expect("the hash of a suite").with_key(&key);
                let verify_data = hmac.sign(&[&self.hash(suite)]);
                let length = u8::try_from(secret.len()).unwrap_or(0);
                Some([&[20, 0, 0, length], verify_data.as_slice()].concat())
            }
            _ => None,
        }
    }

    /// What is wrong with a message that comes next from the other side.
    pub(crate) fn flaw(&self, from_client: bool, message: &[u8], secret: Option<&[u8]>) -> Option<Flaw> {
        let typ = HandshakeType(*message.first()?);
        let side = usize::from(!from_client);
        if self.proof(from_client, typ, secret).is_some_and(|proof| proof != message) {
            return Some("a signature or a Finished over something else");
        }
        let retry = self.answers.last().filter(|answer| answer.is_hello_retry_request());
        match typ {
            HandshakeType::CLIENT_HELLO => {
                answers::of_second_hello(self.offers.last()?, retry?, &answers::read::<ClientHello>(message)?)
            }
            HandshakeType::SERVER_HELLO => {
                answers::of_server_hello(self.offers.last()?, retry, &answers::read::<ServerHello>(message)?)
            }
            HandshakeType::ENCRYPTED_EXTENSIONS => {
                answers::of_encrypted_extensions(self.offers.last()?, &answers::read::<EncryptedExtensions>(message)?)
            }
            HandshakeType::FINISHED if self.suite.is_some() && self.shown[side] => {
                Some("a certificate without a signature")
            }
            HandshakeType::FINISHED if self.last[side] == HandshakeType::ENCRYPTED_EXTENSIONS => {
                let key = self.answers.last()?.pre_shared_key();
                key.is_none().then_some("a server that shows nothing")
            }
            _ => None,
        }
    }

    /// This side, the server, has made so many answers. Whatever it hears before they are carried is not what they answer.
    pub(crate) fn has_answered(&mut self, answers: usize) {
        self.heard.extend(std::iter::repeat_n(self.offers.len(), answers));
    }

    /// What is wrong with a hello with which this side, the server, answers.
    pub(crate) fn flaw_in_answer(&mut self, message: &[u8]) -> Option<Flaw> {
        let heard = self.heard.pop_front().unwrap_or(self.offers.len());
        let (offer, answer) = (self.offers.get(..heard)?.last()?, answers::read::<ServerHello>(message)?);
        let retry = self.answers.last().filter(|answer| answer.is_hello_retry_request());
        answers::of_answered_hello(offer, &answer).or_else(|| answers::of_server_hello(offer, retry, &answer))
    }

    /// Whether bytes behind this message, in one record with it, would be under other keys, or belong to a flight that is
    /// not due (RFC 8446 5.1).
    pub(crate) fn ends_record(&self, message: &[u8]) -> bool {
        match message.first().copied().map(HandshakeType) {
            Some(HandshakeType::FINISHED) => self.finished < 2 && self.suite.is_some(),
            Some(HandshakeType::SERVER_HELLO) => hello_suite(message).is_some(),
            Some(HandshakeType::KEY_UPDATE | HandshakeType::END_OF_EARLY_DATA) => self.suite.is_some(),
            typ => typ == Some(HandshakeType::CLIENT_HELLO),
        }
    }

    /// Whether a hello that comes next has the binder that a key both sides were given asks for, if it offers that.
    pub(crate) fn is_bound(&self, message: &[u8]) -> bool {
        let mut bound = message.to_vec();
        self.bind(&mut bound);
        bound == message
    }

    /// Binds a hello that offers the key both sides were given to what was said before it (RFC 8446 4.2.11.2).
    pub(crate) fn bind(&self, message: &mut [u8]) {
        let encoded = Bytes::copy_from_slice(message);
        let Some(hello) = answers::read::<ClientHello>(message) else { return };
        let Some(covered) = hello.truncated(&encoded).filter(|_| our_binder(&hello).is_some()) else { return };
        let provider = chance::provider();
        let algorithm = HashAlgorithm::Sha256;
        let (Some(digest), Some(hmac)) = (provider.hash(algorithm), provider.hmac(algorithm)) else { return };
        let early = EarlySecret::new(Kdf::new(digest, hmac), Some(PSK));
        let binder = early.binder(PskKind::External, &hash(algorithm, &[&self.transcript, covered].concat()));
        // It has one binder, of the length there is.
        let _ = hello.write_binders(message, &[Bytes::copy_from_slice(binder.as_slice())]);
    }
}

/// The suite in a ServerHello.
pub(crate) fn hello_suite(message: &[u8]) -> Option<&'static Suite> {
    let at = 39 + usize::from(*message.get(38)?);
    let id = u16::from_be_bytes(*message.get(at..)?.first_chunk()?);
    TLS13_CIPHER_SUITES.iter().find(|suite| suite.id.0 == id)
}

/// The binder of a hello that offers the key both sides were given, and no other.
pub(crate) fn our_binder(hello: &ClientHello) -> Option<&Bytes> {
    let psks = hello.pre_shared_key()?;
    let [binder] = &psks.binders[..] else { return None };
    psks.identities.first().filter(|psk| psk.identity[..] == *PSK_IDENTITY).map(|_| binder)
}
