//! ServerKeyExchange and ClientKeyExchange (RFC 5246 7.4.3, 7.4.7; RFC 8422 5.4, 5.7).
//!
//! What a key exchange message holds depends on the suite, so each kind is a type of its own. A server's signature is
//! left as it stands, because its form depends on the version.

use bytes::{BufMut, Bytes, BytesMut};

use super::HandshakeMessage;
use crate::codepoint::{EcCurveType, HandshakeType, NamedGroup};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::parse::{Parsed, fail, field, rest, u8, u16, vector8, vector16, view, whole};
use crate::write;

/// A server's half of ECDHE, on a named curve (RFC 8422 5.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcdhServerKeyExchange {
    /// The curve.
    pub group: NamedGroup,
    /// The server's public value.
    pub public: Bytes,
    /// ServerECDHParams as they stand on the wire: what is signed.
    pub params: Bytes,
    /// The digitally-signed struct.
    pub signature: Bytes,
}

impl EcdhServerKeyExchange {
    /// ServerECDHParams for a named curve.
    pub fn params(group: NamedGroup, public: &[u8]) -> Bytes {
        let mut out = BytesMut::with_capacity(4 + public.len());
        out.put_u8(EcCurveType::NAMED_CURVE.0);
        out.put_u16(group.0);
        write::vector8(&mut out, |out| out.put_slice(public));
        out.freeze()
    }
}

/// ServerECDHParams for a named curve: the curve and the public value.
pub(super) fn named_curve(input: &[u8]) -> Parsed<'_, (NamedGroup, &[u8])> {
    let (left, curve_type) = field("curve_type", u8)(input)?;
    if EcCurveType(curve_type) != EcCurveType::NAMED_CURVE {
        return fail(input, DecodeErrorKind::Illegal("a curve without a name"));
    }
    let (left, group) = field("namedcurve", u16)(left)?;
    let (left, public) = field("public", vector8(1, 255))(left)?;
    Ok((left, (NamedGroup(group), public)))
}

/// What `parser` reads, and the bytes it read.
fn with_bytes<'a, T>(input: &'a [u8], parser: impl FnOnce(&'a [u8]) -> Parsed<'a, T>) -> Parsed<'a, (&'a [u8], T)> {
    let (left, value) = parser(input)?;
    let bytes = input.get(..input.len().saturating_sub(left.len())).unwrap_or_default();
    Ok((left, (bytes, value)))
}

impl HandshakeMessage for EcdhServerKeyExchange {
    const TYPE: HandshakeType = HandshakeType::SERVER_KEY_EXCHANGE;
    const NAME: &'static str = "ServerKeyExchange";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (left, (params, (group, public))) = with_bytes(input, named_curve)?;
            let (left, signature) = rest(left)?;
            Ok((
                left,
                Self {
                    group,
                    public: view(body, public),
                    params: view(body, params),
                    signature: view(body, signature),
                },
            ))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        out.put_slice(&self.params);
        out.put_slice(&self.signature);
    }
}

/// A server's half of finite-field Diffie-Hellman (RFC 5246 7.4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhServerKeyExchange {
    /// The prime, big-endian.
    pub p: Bytes,
    /// The generator, big-endian.
    pub g: Bytes,
    /// The server's public value, big-endian.
    pub ys: Bytes,
    /// ServerDHParams as they stand on the wire: what is signed.
    pub params: Bytes,
    /// The digitally-signed struct.
    pub signature: Bytes,
}

impl DhServerKeyExchange {
    /// ServerDHParams.
    pub fn params(p: &[u8], g: &[u8], ys: &[u8]) -> Bytes {
        let mut out = BytesMut::with_capacity(6 + p.len() + g.len() + ys.len());
        for number in [p, g, ys] {
            write::vector16(&mut out, |out| out.put_slice(number));
        }
        out.freeze()
    }
}

impl HandshakeMessage for DhServerKeyExchange {
    const TYPE: HandshakeType = HandshakeType::SERVER_KEY_EXCHANGE;
    const NAME: &'static str = "ServerKeyExchange";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (left, (params, (p, g, ys))) = with_bytes(input, |input| {
                let (left, p) = field("dh_p", vector16(1))(input)?;
                let (left, g) = field("dh_g", vector16(1))(left)?;
                let (left, ys) = field("dh_Ys", vector16(1))(left)?;
                Ok((left, (p, g, ys)))
            })?;
            let (left, signature) = rest(left)?;
            let view = |part| view(body, part);
            let message =
                Self { p: view(p), g: view(g), ys: view(ys), params: view(params), signature: view(signature) };
            Ok((left, message))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        out.put_slice(&self.params);
        out.put_slice(&self.signature);
    }
}

/// A pre-master secret encrypted to the server's RSA key (RFC 5246 7.4.7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedPreMasterSecret {
    /// The ciphertext.
    pub ciphertext: Bytes,
}

/// The same in SSL 3.0, which writes no length before it (RFC 6101 5.6.7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedPreMasterSecret30 {
    /// The ciphertext.
    pub ciphertext: Bytes,
}

impl HandshakeMessage for EncryptedPreMasterSecret30 {
    const TYPE: HandshakeType = HandshakeType::CLIENT_KEY_EXCHANGE;
    const NAME: &'static str = "ClientKeyExchange";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (input, ciphertext) = field("encrypted_pre_master_secret", rest)(input)?;
            Ok((input, Self { ciphertext: view(body, ciphertext) }))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        out.put_slice(&self.ciphertext);
    }
}

/// A server's temporary RSA key, for export suites (RFC 2246 7.4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaServerKeyExchange {
    /// The modulus, big-endian.
    pub modulus: Bytes,
    /// The public exponent, big-endian.
    pub exponent: Bytes,
    /// ServerRSAParams as they stand on the wire: what is signed.
    pub params: Bytes,
    /// The digitally-signed struct.
    pub signature: Bytes,
}

impl RsaServerKeyExchange {
    /// ServerRSAParams.
    pub fn params(modulus: &[u8], exponent: &[u8]) -> Bytes {
        let mut out = BytesMut::with_capacity(4 + modulus.len() + exponent.len());
        for number in [modulus, exponent] {
            write::vector16(&mut out, |out| out.put_slice(number));
        }
        out.freeze()
    }
}

impl HandshakeMessage for RsaServerKeyExchange {
    const TYPE: HandshakeType = HandshakeType::SERVER_KEY_EXCHANGE;
    const NAME: &'static str = "ServerKeyExchange";

    fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
        whole(Self::NAME, body, |input| {
            let (left, (params, (modulus, exponent))) = with_bytes(input, |input| {
                let (left, modulus) = field("rsa_modulus", vector16(1))(input)?;
                let (left, exponent) = field("rsa_exponent", vector16(1))(left)?;
                Ok((left, (modulus, exponent)))
            })?;
            let (left, signature) = rest(left)?;
            let view = |part| view(body, part);
            let message = Self {
                modulus: view(modulus),
                exponent: view(exponent),
                params: view(params),
                signature: view(signature),
            };
            Ok((left, message))
        })
    }

    fn write_body(&self, out: &mut BytesMut) {
        out.put_slice(&self.params);
        out.put_slice(&self.signature);
    }
}

/// A client's half of finite-field Diffie-Hellman (RFC 5246 7.4.7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientDhPublic {
    /// The client's public value, big-endian.
    pub yc: Bytes,
}

/// A client's half of ECDHE (RFC 8422 5.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientEcdhPublic {
    /// The client's public value.
    pub point: Bytes,
}

macro_rules! client_key_exchange {
    ($type:ident { $field:ident }: $name:literal, $parser:expr, $writer:path) => {
        impl HandshakeMessage for $type {
            const TYPE: HandshakeType = HandshakeType::CLIENT_KEY_EXCHANGE;
            const NAME: &'static str = "ClientKeyExchange";

            fn parse_body(body: &Bytes) -> Result<Self, DecodeError> {
                whole(Self::NAME, body, |input| {
                    let (input, value) = field($name, $parser)(input)?;
                    Ok((input, Self { $field: view(body, value) }))
                })
            }

            fn write_body(&self, out: &mut BytesMut) {
                $writer(out, |out| out.put_slice(&self.$field));
            }
        }
    };
}

client_key_exchange!(EncryptedPreMasterSecret { ciphertext }: "encrypted_pre_master_secret", vector16(0), write::vector16);
client_key_exchange!(ClientDhPublic { yc }: "dh_Yc", vector16(1), write::vector16);
client_key_exchange!(ClientEcdhPublic { point }: "ecdh_Yc", vector8(1, 255), write::vector8);
