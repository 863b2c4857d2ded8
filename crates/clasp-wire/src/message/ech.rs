//! Encrypted ClientHello: what a server publishes, and what stands in a client's extension (RFC 9849 4, 5).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use super::{ClientExtension, ClientHello, HandshakeMessage as _, SessionId, UnknownExtension};
use crate::bounds::{MAX_ECH, MAX_EXTENSIONS};
use crate::codepoint::{ExtensionType, HpkeAead, HpkeKdf, HpkeKem};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::parse::{Parsed, elements, end, fail, field, list, u8, u16, vector8, vector16, view, whole};
use crate::write;

/// A configuration that a server publishes for its clients (RFC 9849 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EchConfig {
    /// All of it as it stands in the list, version and length included: what HPKE is bound to.
    pub raw: Bytes,
    /// Its version.
    pub version: u16,
    /// What is in it; `None` for another version than [`Self::VERSION`], which a client passes over.
    pub contents: Option<EchConfigContents>,
}

/// What a configuration of RFC 9849 holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EchConfigContents {
    /// What the client names the key by.
    pub config_id: u8,
    /// The kind of `public_key`.
    pub kem: HpkeKem,
    /// The key to encrypt to, in the form its kind has; never empty.
    pub public_key: Bytes,
    /// What may be used with it, one at least.
    pub cipher_suites: Vec<HpkeSymmetricCipherSuite>,
    /// The longest name of a server behind this one, bytes; 0 where it is not told.
    pub maximum_name_length: u8,
    /// The name of the server that decrypts; 1 to 255 bytes.
    pub public_name: Bytes,
    /// Extensions, none of which stands twice.
    pub extensions: Vec<EchConfigExtension>,
}

/// A key derivation function and an AEAD of HPKE that go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HpkeSymmetricCipherSuite {
    /// The key derivation function.
    pub kdf: HpkeKdf,
    /// The AEAD.
    pub aead: HpkeAead,
}

/// An extension of a configuration (RFC 9849 4.2). None is registered that this crate looks into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EchConfigExtension {
    /// Its type, of a registry of its own.
    pub typ: u16,
    /// Its content.
    pub data: Bytes,
}

impl EchConfigExtension {
    /// Whether a client that does not know it must pass over the configuration (RFC 9849 4.2).
    pub fn is_mandatory(&self) -> bool {
        self.typ & 0x8000 != 0
    }
}

impl EchConfig {
    /// The version of RFC 9849.
    pub const VERSION: u16 = 0xfe0d;

    /// A configuration with these contents.
    pub fn new(contents: EchConfigContents) -> Self {
        let mut raw = BytesMut::new();
        raw.put_u16(Self::VERSION);
        write::vector16(&mut raw, |out| contents.write(out));
        Self { raw: raw.freeze(), version: Self::VERSION, contents: Some(contents) }
    }

    /// Reads one configuration, an ECHConfig with its version and length.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(bytes: &Bytes) -> Result<Self, DecodeError> {
        whole("ECHConfig", bytes, |input| Self::read(bytes, input))
    }

    /// Reads an ECHConfigList, as it stands in DNS and in a server's EncryptedExtensions, in the server's order of preference.
    ///
    /// # Errors
    /// What is wrong, and where. A version that is not known is no error: its contents are not looked at.
    pub fn parse_list(bytes: &Bytes) -> Result<Vec<Self>, DecodeError> {
        whole("ECHConfigList", bytes, |input| list(vector16(4)(input), MAX_ECH, |input| Self::read(bytes, input)))
    }

    /// Writes an ECHConfigList.
    pub fn encode_list(configs: &[Self]) -> Bytes {
        let mut out = BytesMut::new();
        write::vector16(&mut out, |out| configs.iter().for_each(|config| out.put_slice(&config.raw)));
        out.freeze()
    }

    fn read<'a>(source: &Bytes, start: &'a [u8]) -> Parsed<'a, Self> {
        let (input, form) = field("version", u16)(start)?;
        let (left, body) = field("length", vector16(0))(input)?;
        let contents = if form == Self::VERSION {
            let (rest, contents) = field("contents", |input| EchConfigContents::parse(source, input))(body)?;
            end(rest)?;
            Some(contents)
        } else {
            None
        };
        let raw = start.get(..start.len() - left.len()).unwrap_or_default();
        Ok((left, Self { raw: view(source, raw), version: form, contents }))
    }
}

impl EchConfigContents {
    /// Whether an extension is there that a client must know to use the configuration (RFC 9849 4.2).
    pub fn has_mandatory_extension(&self) -> bool {
        self.extensions.iter().any(EchConfigExtension::is_mandatory)
    }

    /// The public name, where it is a host name and cannot be taken for an IPv4 address (RFC 9849 6.1.7).
    pub fn valid_public_name(&self) -> Option<&str> {
        let name = core::str::from_utf8(&self.public_name).ok()?;
        let is_ldh = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let last = name.rsplit('.').next()?;
        let is_decimal = last.bytes().all(|byte| byte.is_ascii_digit());
        let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
        let is_number = is_decimal || hex.is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        (name.split('.').all(is_ldh) && !is_number).then_some(name)
    }

    fn parse<'a>(source: &Bytes, input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, config_id) = field("config_id", u8)(input)?;
        let (input, kem) = field("kem_id", u16)(input)?;
        let (input, public_key) = field("public_key", vector16(1))(input)?;
        let (input, cipher_suites) =
            field("cipher_suites", |input| list(vector16(4)(input), MAX_ECH, HpkeSymmetricCipherSuite::parse))(input)?;
        let (input, maximum_name_length) = field("maximum_name_length", u8)(input)?;
        let (input, public_name) = field("public_name", vector8(1, 255))(input)?;
        let (input, extensions) = field("extensions", |input| extensions(source, input))(input)?;
        Ok((
            input,
            Self {
                config_id,
                kem: HpkeKem(kem),
                public_key: view(source, public_key),
                cipher_suites,
                maximum_name_length,
                public_name: view(source, public_name),
                extensions,
            },
        ))
    }

    fn write(&self, out: &mut BytesMut) {
        out.put_u8(self.config_id);
        out.put_u16(self.kem.0);
        write::vector16(out, |out| out.put_slice(&self.public_key));
        write::vector16(out, |out| self.cipher_suites.iter().for_each(|suite| suite.write(out)));
        out.put_u8(self.maximum_name_length);
        write::vector8(out, |out| out.put_slice(&self.public_name));
        write::vector16(out, |out| {
            for extension in &self.extensions {
                out.put_u16(extension.typ);
                write::vector16(out, |out| out.put_slice(&extension.data));
            }
        });
    }
}

fn extensions<'a>(source: &Bytes, input: &'a [u8]) -> Parsed<'a, Vec<EchConfigExtension>> {
    let (left, inner) = vector16(0)(input)?;
    let mut seen = BTreeSet::new();
    let (_, list) = elements(inner, MAX_EXTENSIONS, |start| {
        let (input, typ) = field("type", u16)(start)?;
        if !seen.insert(typ) {
            return fail(start, DecodeErrorKind::Illegal("an extension of its type was there already"));
        }
        let (input, data) = field("data", vector16(0))(input)?;
        Ok((input, EchConfigExtension { typ, data: view(source, data) }))
    })?;
    Ok((left, list))
}

impl HpkeSymmetricCipherSuite {
    fn parse(input: &[u8]) -> Parsed<'_, Self> {
        let (input, kdf) = field("kdf_id", u16)(input)?;
        let (input, aead) = field("aead_id", u16)(input)?;
        Ok((input, Self { kdf: HpkeKdf(kdf), aead: HpkeAead(aead) }))
    }

    fn write(self, out: &mut BytesMut) {
        out.put_u16(self.kdf.0);
        out.put_u16(self.aead.0);
    }
}

/// The content of a client's `encrypted_client_hello` extension (RFC 9849 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EchClientHello {
    /// In the hello that everybody sees.
    Outer(EchOuter),
    /// In the hello that was encrypted.
    Inner,
}

/// An encrypted hello, and what it was encrypted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EchOuter {
    /// What it is encrypted with.
    pub cipher_suite: HpkeSymmetricCipherSuite,
    /// The configuration's name for the key.
    pub config_id: u8,
    /// The encapsulated key; empty in the hello after a HelloRetryRequest.
    pub enc: Bytes,
    /// The encrypted hello; never empty.
    pub payload: Bytes,
}

impl EchClientHello {
    /// Reads an extension's content.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(content: &Bytes) -> Result<Self, DecodeError> {
        whole("ECHClientHello", content, |start| {
            let (input, typ) = field("type", u8)(start)?;
            match typ {
                0 => {
                    let (input, cipher_suite) = field("cipher_suite", HpkeSymmetricCipherSuite::parse)(input)?;
                    let (input, config_id) = field("config_id", u8)(input)?;
                    let (input, enc) = field("enc", vector16(0))(input)?;
                    let (input, payload) = field("payload", vector16(1))(input)?;
                    let (enc, payload) = (view(content, enc), view(content, payload));
                    Ok((input, Self::Outer(EchOuter { cipher_suite, config_id, enc, payload })))
                }
                1 => Ok((input, Self::Inner)),
                _ => fail(start, DecodeErrorKind::Illegal("neither outer nor inner")),
            }
        })
    }

    /// Writes an extension's content.
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Inner => Bytes::from_static(&[1]),
            Self::Outer(EchOuter { cipher_suite, config_id, enc, payload }) => {
                let mut out = BytesMut::new();
                out.put_u8(0);
                cipher_suite.write(&mut out);
                out.put_u8(*config_id);
                write::vector16(&mut out, |out| out.put_slice(enc));
                write::vector16(&mut out, |out| out.put_slice(payload));
                out.freeze()
            }
        }
    }
}

impl ClientHello {
    /// This hello, as it is encrypted in another one: without session identifier, with the extensions of the types in `outer`
    /// left to the other hello, and as many zeros behind it as `padding` says for the length it has then (RFC 9849 5.1).
    /// Extensions of these types must stand together, in the order they have in the other hello.
    pub fn encode_ech_inner(&self, outer: &[ExtensionType], padding: impl FnOnce(usize) -> usize) -> BytesMut {
        let mut inner = Self { session_id: SessionId::EMPTY, ..self.clone() };
        let extensions = inner.extensions.get_or_insert_default();
        let is_outer = |extension: &ClientExtension| outer.contains(&extension.ext_type());
        if let Some(first) = extensions.iter().position(is_outer) {
            let mut types = BytesMut::new();
            write::vector8(&mut types, |out| {
                let left_out = extensions.iter().filter(|extension| is_outer(extension));
                left_out.for_each(|extension| out.put_u16(extension.ext_type().0));
            });
            extensions.retain(|extension| !is_outer(extension));
            let data = types.freeze();
            let reference = UnknownExtension { typ: ExtensionType::ECH_OUTER_EXTENSIONS, data };
            extensions.insert(first, ClientExtension::Unknown(reference));
        }
        let mut out = BytesMut::with_capacity(256);
        inner.write_body(&mut out);
        let zeros = padding(out.len());
        out.put_bytes(0, zeros);
        out
    }
}
