//! A hello within another one: how the server puts it together again (RFC 9849 5.1, 5.2, 7.1).
//!
//! It is put together of bytes, and read as any other hello then: what its hash and its binders cover is what the client sent.

use alloc::vec::Vec;

use bytes::{BufMut, BytesMut};

use super::{ClientHello, HandshakeMessage as _};
use crate::bounds::MAX_EXTENSIONS;
use crate::codepoint::{ExtensionType, HandshakeType};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::parse::{Parsed, array, code_points16, end, fail, field, list, rest, u16, vector8, vector16, whole};
use crate::reassembly::RawHandshake;
use crate::write;

/// A hello as bytes.
struct Parts<'a> {
    /// Version and random value.
    head: &'a [u8],
    session_id: &'a [u8],
    /// Suites and compression methods, lengths included.
    choices: &'a [u8],
    extensions: Vec<Part<'a>>,
}

/// An extension as bytes.
struct Part<'a> {
    typ: ExtensionType,
    /// Type and length included.
    raw: &'a [u8],
    data: &'a [u8],
}

/// What was read between a place and a later one.
fn read<'a>(from: &'a [u8], to: &[u8]) -> &'a [u8] {
    from.get(..from.len() - to.len()).unwrap_or_default()
}

impl<'a> Parts<'a> {
    /// Reads a hello, and no more: something may follow.
    fn parse(start: &'a [u8]) -> Parsed<'a, Self> {
        let (input, _) = field("client_version", u16)(start)?;
        let (input, _) = field("random", array::<32>)(input)?;
        let head = read(start, input);
        let (chosen, session_id) = field("session_id", vector8(0, 32))(input)?;
        let (input, _) = field("cipher_suites", vector16(2))(chosen)?;
        let (input, _) = field("compression_methods", vector8(1, 255))(input)?;
        let choices = read(chosen, input);
        let (input, extensions) =
            field("extensions", |input| list(vector16(0)(input), MAX_EXTENSIONS, Part::parse))(input)?;
        Ok((input, Self { head, session_id, choices, extensions }))
    }
}

impl<'a> Part<'a> {
    fn parse(start: &'a [u8]) -> Parsed<'a, Self> {
        let (input, typ) = field("type", u16)(start)?;
        let (input, data) = field("data", vector16(0))(input)?;
        Ok((input, Self { typ: ExtensionType(typ), raw: read(start, input), data }))
    }
}

impl ClientHello {
    /// What the hello in another one is bound to: the body of that other one, with the last `payload` bytes of its
    /// `encrypted_client_hello` extension, which are the encrypted hello, as zeros (RFC 9849 5.2).
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn ech_associated_data(body: &[u8], payload: usize) -> Result<BytesMut, DecodeError> {
        let parts = whole(Self::NAME, body, Parts::parse)?;
        let mut out = BytesMut::from(body);
        // Before the extensions stand the lengths of the session identifier and of all extensions.
        let mut at = parts.head.len() + 1 + parts.session_id.len() + parts.choices.len() + 2;
        for extension in &parts.extensions {
            at += extension.raw.len();
            if extension.typ == ExtensionType::ENCRYPTED_CLIENT_HELLO {
                let length = payload.min(extension.data.len());
                out.get_mut(at - length..at).unwrap_or_default().fill(0);
            }
        }
        Ok(out)
    }

    /// The hello that was encrypted in the one with the body `outer`: what [`Self::encode_ech_inner`] wrote, with the session
    /// identifier and the extensions that it leaves to the other hello (RFC 9849 5.1). It takes time in proportion to both, and
    /// no extension of the other hello more than once. What is in it is still to be looked at.
    ///
    /// # Errors
    /// What is wrong, and where in `encoded`: also a session identifier of its own, padding that is not zeros, and extensions
    /// that the other hello has not, or not in that order.
    pub fn decode_ech_inner(encoded: &[u8], outer: &[u8]) -> Result<RawHandshake, DecodeError> {
        let outer = whole(Self::NAME, outer, Parts::parse)?;
        whole("EncodedClientHelloInner", encoded, |start| {
            let (zeros, inner) = Parts::parse(start)?;
            if !inner.session_id.is_empty() {
                return fail(inner.session_id, DecodeErrorKind::Illegal("a session identifier of its own"));
            }
            let (end, zeros) = rest(zeros)?;
            if let Some(at) = zeros.iter().position(|byte| *byte != 0) {
                let at = zeros.get(at..).unwrap_or_default();
                return fail(at, DecodeErrorKind::Illegal("padding that is not zeros"));
            }
            let mut extensions = Vec::with_capacity(inner.extensions.len() + outer.extensions.len());
            let mut theirs = Some(&outer.extensions);
            for Part { typ, raw, data } in &inner.extensions {
                if *typ != ExtensionType::ECH_OUTER_EXTENSIONS {
                    extensions.push(*raw);
                } else if let Some(theirs) = theirs.take() {
                    let (_, shared) = field("ech_outer_extensions", |data| shared(data, theirs))(data)?;
                    extensions.extend(shared);
                } else {
                    return fail(raw, DecodeErrorKind::DuplicateExtension(*typ));
                }
            }
            if extensions.iter().map(|raw| raw.len()).sum::<usize>() > usize::from(u16::MAX) {
                return fail(start, DecodeErrorKind::Illegal("more extensions than there is room for"));
            }
            let mut out = BytesMut::with_capacity(4 + outer.session_id.len() + start.len());
            out.put_u8(Self::TYPE.0);
            write::vector24(&mut out, |out| {
                out.put_slice(inner.head);
                write::vector8(out, |out| out.put_slice(outer.session_id));
                out.put_slice(inner.choices);
                write::vector16(out, |out| extensions.iter().for_each(|raw| out.put_slice(raw)));
            });
            Ok((end, RawHandshake { typ: HandshakeType::CLIENT_HELLO, raw: out.freeze() }))
        })
    }
}

/// The extensions that an inner hello leaves to the other one, named in the order that they have there (RFC 9849 5.1 and
/// appendix A).
fn shared<'a>(data: &'a [u8], theirs: &[Part<'a>]) -> Parsed<'a, Vec<&'a [u8]>> {
    let (left, types) = code_points16(vector8(2, 254)(data), ExtensionType)?;
    end(left)?;
    let mut theirs = theirs.iter();
    let mut shared = Vec::with_capacity(types.len());
    for typ in types {
        // The one is not bound to what is encrypted, the other is of encoded hellos alone.
        if typ == ExtensionType::ENCRYPTED_CLIENT_HELLO || typ == ExtensionType::ECH_OUTER_EXTENSIONS {
            return fail(data, DecodeErrorKind::Illegal("an extension that cannot be left to the other hello"));
        }
        match theirs.find(|extension| extension.typ == typ) {
            Some(extension) => shared.push(extension.raw),
            None => return fail(data, DecodeErrorKind::Illegal("the other hello has no such extension there")),
        }
    }
    Ok((left, shared))
}
