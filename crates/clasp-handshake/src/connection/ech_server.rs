//! A server that decrypts hellos for another one behind it, for tests (RFC 9849 7.1).

use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use clasp_keys::Transcript;
use clasp_keys::tls13::{ech_accept_confirmation, ech_hello_retry_confirmation};
use clasp_wire::{
    ClientExtension, ClientHello, EchClientHello, EchConfig, EchConfigContents, EchOuter, EncryptedExtensions,
    ExtensionType, HandshakeMessage as _, HandshakeType, HpkeAead, HpkeKdf, HpkeKem, HpkeSymmetricCipherSuite,
    RawHandshake, ServerExtension, ServerHello,
};
use hpke::aead::{AesGcm128, AesGcm256, ChaCha20Poly1305};
use hpke::kdf::{HkdfSha256, HkdfSha384};
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeR, Serializable as _};

use crate::peer::Front;
use crate::{Error, Misbehaviour, TLS13_CIPHER_SUITES};

pub(super) const PUBLIC_NAME: &str = "public.example";

pub(super) const AES_128: HpkeSymmetricCipherSuite =
    HpkeSymmetricCipherSuite { kdf: HpkeKdf::HKDF_SHA256, aead: HpkeAead::AES_128_GCM };

/// A configuration, made of a number, and its private key.
pub(super) fn contents(number: u8, suites: &[HpkeSymmetricCipherSuite]) -> EchConfigContents {
    let (_, public) = X25519HkdfSha256::derive_keypair(&[number; 32]);
    EchConfigContents {
        config_id: number,
        kem: HpkeKem::DHKEM_X25519_HKDF_SHA256,
        public_key: public.to_bytes().to_vec().into(),
        cipher_suites: suites.to_vec(),
        maximum_name_length: 40,
        public_name: Bytes::from_static(PUBLIC_NAME.as_bytes()),
        extensions: Vec::new(),
    }
}

pub(super) fn config(number: u8) -> EchConfig {
    EchConfig::new(contents(number, &[AES_128]))
}

pub(super) fn list(number: u8) -> Bytes {
    EchConfig::encode_list(&[config(number)])
}

pub(super) type Open = Box<dyn FnMut(&[u8], &[u8]) -> Option<Vec<u8>> + Send + Sync>;

fn opener_of<A, Kdf>(number: u8, config: &EchConfig, enc: &[u8]) -> Option<Open>
where
    A: hpke::aead::Aead + 'static,
    Kdf: hpke::kdf::Kdf + 'static,
    hpke::aead::AeadCtxR<A, Kdf, X25519HkdfSha256>: Send + Sync,
{
    let (private, _) = X25519HkdfSha256::derive_keypair(&[number; 32]);
    let enc = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(enc).ok()?;
    let info = [b"tls ech\0", &config.raw[..]].concat();
    let mut context = hpke::setup_receiver::<A, Kdf, _>(&OpModeR::Base, &private, &enc, &info).ok()?;
    Some(Box::new(move |associated, sealed| context.open(sealed, associated).ok()))
}

fn opener(number: u8, config: &EchConfig, outer: &EchOuter) -> Option<Open> {
    let HpkeSymmetricCipherSuite { kdf, aead } = outer.cipher_suite;
    match (kdf, aead) {
        (HpkeKdf::HKDF_SHA256, HpkeAead::AES_128_GCM) => opener_of::<AesGcm128, HkdfSha256>(number, config, &outer.enc),
        (HpkeKdf::HKDF_SHA256, HpkeAead::AES_256_GCM) => opener_of::<AesGcm256, HkdfSha256>(number, config, &outer.enc),
        (HpkeKdf::HKDF_SHA256, HpkeAead::CHACHA20_POLY1305) => {
            opener_of::<ChaCha20Poly1305, HkdfSha256>(number, config, &outer.enc)
        }
        (HpkeKdf::HKDF_SHA384, HpkeAead::AES_256_GCM) => opener_of::<AesGcm256, HkdfSha384>(number, config, &outer.enc),
        _ => None,
    }
}

/// What a server does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mistake {
    #[default]
    None,
    /// It confirms in the HelloRetryRequest alone.
    ForgetsAfterRetry,
    /// What the HelloRetryRequest says is another hello's.
    ConfirmsWrongly,
    /// What it says there is too short.
    ConfirmsShort,
    /// It gives retry configurations to whom it understood.
    GivesConfigs,
    /// It asks for a cookie, which the server behind it knows nothing of.
    WantsCookie,
    /// It takes a key that the outer hello made up.
    TakesPsk,
}

/// What a server has that decrypts hellos for another one behind it, and what went through it.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) outer: Vec<ClientHello>,
    /// Without what the outer ones stand for.
    pub(super) encoded: Vec<Vec<u8>>,
    pub(super) inner: Vec<ClientHello>,
}

#[derive(Default)]
pub(super) struct Decrypts {
    pub(super) keys: Vec<(u8, EchConfig)>,
    pub(super) retry_configs: Option<Bytes>,
    pub(super) mistake: Mistake,
    pub(super) open: Option<Open>,
    pub(super) seen: Arc<Mutex<Seen>>,
}

impl Decrypts {
    pub(super) fn with(number: u8) -> Self {
        Self { keys: vec![(number, config(number))], retry_configs: Some(list(number)), ..Self::default() }
    }

    pub(super) fn accepts(&self) -> bool {
        self.open.is_some()
    }
}

pub(super) fn outer_of(hello: &ClientHello) -> EchOuter {
    match EchClientHello::parse(hello.encrypted_client_hello().unwrap()).unwrap() {
        EchClientHello::Outer(outer) => outer,
        EchClientHello::Inner => panic!("an inner hello on the wire"),
    }
}

/// The hello without its payload (RFC 9849 5.2).
fn associated(hello: &ClientHello, outer: &EchOuter) -> BytesMut {
    let mut hello = hello.clone();
    for extension in hello.extensions.iter_mut().flatten() {
        if let ClientExtension::EncryptedClientHello(content) = extension {
            let payload = vec![0; outer.payload.len()].into();
            *content = EchClientHello::Outer(EchOuter { payload, ..outer.clone() }).encode();
        }
    }
    let mut body = BytesMut::new();
    hello.write_body(&mut body);
    body
}

/// Reads an encoded inner hello (RFC 9849 5.1).
fn decode(encoded: &[u8], outer: &ClientHello) -> ClientHello {
    let u16_at = |at: usize| usize::from(u16::from_be_bytes([encoded[at], encoded[at + 1]]));
    assert_eq!(encoded[34], 0, "it has a session identifier");
    let compression = 37 + u16_at(35);
    let extensions = compression + 1 + usize::from(encoded[compression]);
    let (hello, zeros) = encoded.split_at(extensions + 2 + u16_at(extensions));
    assert!(zeros.iter().all(|byte| *byte == 0) && encoded.len().is_multiple_of(32));
    let mut hello = ClientHello::parse_body(&Bytes::copy_from_slice(hello)).unwrap();
    hello.session_id = outer.session_id;
    let mut outer = outer.extensions.iter().flatten();
    let mut extensions = Vec::new();
    for extension in hello.extensions.take().unwrap() {
        if extension.ext_type() != ExtensionType::ECH_OUTER_EXTENSIONS {
            extensions.push(extension);
            continue;
        }
        let ClientExtension::Unknown(reference) = extension else { panic!("it has no form of its own") };
        assert_eq!(usize::from(reference.data[0]), reference.data.len() - 1);
        for typ in reference.data[1..].chunks(2) {
            let typ = ExtensionType(u16::from_be_bytes([typ[0], typ[1]]));
            assert_ne!(typ, ExtensionType::ENCRYPTED_CLIENT_HELLO);
            extensions.push(outer.find(|other| other.ext_type() == typ).expect("in this order").clone());
        }
    }
    hello.extensions = Some(extensions);
    hello
}

impl Front for Decrypts {
    fn receives(&mut self, raw: RawHandshake) -> Result<RawHandshake, Error> {
        let hello = raw.parse::<ClientHello>()?;
        let outer = outer_of(&hello);
        let mut seen = self.seen.lock().unwrap();
        let first = seen.outer.is_empty();
        seen.outer.push(hello.clone());
        assert!(!outer.payload.is_empty() && hello.server_name() == Some(PUBLIC_NAME));
        let associated = associated(&hello, &outer);
        let opened = if first {
            let candidates = self.keys.iter().filter(|(_, config)| {
                config.contents.as_ref().is_some_and(|contents| contents.config_id == outer.config_id)
            });
            let mut opened = candidates.filter_map(|(number, config)| {
                let mut open = opener(*number, config, &outer)?;
                Some((open(&associated, &outer.payload)?, open))
            });
            match opened.next() {
                Some((opened, open)) => {
                    self.open = Some(open);
                    opened
                }
                None => return Ok(raw),
            }
        } else {
            let Some(open) = &mut self.open else { return Ok(raw) };
            // RFC 9849 7.1.1.
            if !outer.enc.is_empty() || outer.config_id != outer_of(&seen.outer[0]).config_id {
                return Err(Misbehaviour::ChangedAfterRetry.into());
            }
            open(&associated, &outer.payload).ok_or(Error::Misbehaved(Misbehaviour::BadBinder))?
        };
        let inner = decode(&opened, &hello);
        assert_eq!(inner.encrypted_client_hello().unwrap()[..], [1]);
        assert!(crate::negotiate::offers_nothing_old(&inner));
        assert_ne!(inner.random, hello.random);
        let inner_raw = inner.encode();
        seen.encoded.push(opened);
        seen.inner.push(inner);
        Ok(RawHandshake { typ: HandshakeType::CLIENT_HELLO, raw: inner_raw })
    }

    fn sends(&mut self, transcript: &Transcript, raw: Bytes) -> Bytes {
        let body = raw.slice(4..);
        match HandshakeType(raw[0]) {
            HandshakeType::SERVER_HELLO if self.accepts() => {
                let hello = ServerHello::parse_body(&body).unwrap();
                self.confirm(transcript, hello)
            }
            HandshakeType::SERVER_HELLO if self.mistake == Mistake::TakesPsk => {
                let mut hello = ServerHello::parse_body(&body).unwrap();
                hello.extensions.as_mut().unwrap().push(ServerExtension::PreSharedKey(0));
                hello.encode()
            }
            HandshakeType::ENCRYPTED_EXTENSIONS if !self.accepts() || self.mistake == Mistake::GivesConfigs => {
                let mut message = EncryptedExtensions::parse_body(&body).unwrap();
                message.extensions.extend(self.retry_configs.clone().map(ServerExtension::EncryptedClientHello));
                message.encode()
            }
            _ => raw,
        }
    }
}

impl Decrypts {
    /// The server behind confirms for itself, unless it is to do so wrongly.
    fn confirm(&self, transcript: &Transcript, mut hello: ServerHello) -> Bytes {
        if self.mistake == Mistake::None {
            return hello.encode();
        }
        let of_ours = |extension: &ServerExtension| !matches!(extension, ServerExtension::EncryptedClientHello(_));
        hello.extensions.as_mut().unwrap().retain(of_ours);
        let suite = TLS13_CIPHER_SUITES.iter().find(|suite| suite.id == hello.cipher_suite).unwrap();
        let kdf = crate::tls13::kdf(suite, clasp_crypto::default_provider()).unwrap();
        let random = self.seen.lock().unwrap().inner[0].random.0;
        if !hello.is_hello_retry_request() {
            hello.random.0[24..].fill(0);
            if self.mistake != Mistake::ForgetsAfterRetry {
                let hash = transcript.hash_with(&hello.encode()).unwrap();
                hello.random.0[24..].copy_from_slice(&ech_accept_confirmation(kdf, &random, hash.as_slice()));
            }
            return hello.encode();
        }
        if self.mistake == Mistake::WantsCookie {
            let cookie = ServerExtension::Cookie(Bytes::from_static(b"cookie"));
            hello.extensions.as_mut().unwrap().push(cookie);
        }
        let zeros = ServerExtension::EncryptedClientHello(Bytes::from_static(&[0; 8]));
        hello.extensions.as_mut().unwrap().push(zeros);
        let hash = transcript.hash_with(&hello.encode()).unwrap();
        let mut said = ech_hello_retry_confirmation(kdf, &random, hash.as_slice()).to_vec();
        match self.mistake {
            Mistake::ConfirmsWrongly => said[7] ^= 1,
            Mistake::ConfirmsShort => said.truncate(7),
            _ => {}
        }
        *hello.extensions.as_mut().unwrap().last_mut().unwrap() = ServerExtension::EncryptedClientHello(said.into());
        hello.encode()
    }
}
