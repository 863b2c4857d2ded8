//! What every block of extensions has in common (RFC 5246 7.4.1.4, RFC 8446 4.2): how it is read and written, and what
//! stands in more than one of them.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use crate::bounds::MAX_EXTENSIONS;
use crate::codepoint::{CertificateCompressionAlgorithm, ExtensionType, SignatureScheme};
use crate::error::DecodeErrorKind;
use crate::parse::{
    Parsed, code_points16, elements, end, fail, field, list as elements_of, rest, u16, vector8, vector16, view,
};
use crate::write;

/// An extension that this crate does not look into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownExtension {
    /// Its type.
    pub typ: ExtensionType,
    /// Its content, verbatim.
    pub data: Bytes,
}

impl UnknownExtension {
    /// Any content, to its end.
    pub(super) fn parse<'a>(body: &Bytes, typ: ExtensionType, data: &'a [u8]) -> Parsed<'a, Self> {
        let (left, data) = rest(data)?;
        Ok((left, Self { typ, data: view(body, data) }))
    }
}

/// An extension of one of the blocks.
pub(super) trait Extension: Sized {
    /// Its type.
    fn ext_type(&self) -> ExtensionType;

    /// Appends its content.
    fn write_data(&self, out: &mut BytesMut);
}

/// A block of extensions, none of which stands twice, each read to its last byte by `parse`.
pub(super) fn block<'a, E>(
    input: &'a [u8],
    mut parse: impl FnMut(ExtensionType, &'a [u8]) -> Parsed<'a, E>,
) -> Parsed<'a, Vec<E>> {
    let (left, inner) = vector16(0)(input)?;
    let mut seen = Seen::default();
    let (_, list) = elements(inner, MAX_EXTENSIONS, |start| {
        let (input, typ) = u16(start)?;
        let typ = ExtensionType(typ);
        seen.once(typ, start)?;
        field(typ.name().unwrap_or("extension_data"), |input| {
            let (input, data) = vector16(0)(input)?;
            let (left, extension) = parse(typ, data)?;
            end(left)?;
            Ok((input, extension))
        })(input)
    })?;
    Ok((left, list))
}

/// Appends a block of extensions.
pub(super) fn write_block<E: Extension>(out: &mut BytesMut, extensions: &[E]) {
    write::vector16(out, |out| {
        for extension in extensions {
            out.put_u16(extension.ext_type().0);
            write::vector16(out, |out| extension.write_data(out));
        }
    });
}

/// The types of a block of extensions so far. There may be hundreds, so they are not walked through for each.
#[derive(Default)]
struct Seen {
    /// The low types, a bit each: nearly all that are in use.
    low: u64,
    others: BTreeSet<u16>,
}

impl Seen {
    /// Refuses a second extension of one type (RFC 5246 7.4.1.4), which begins `at`.
    fn once<'a>(&mut self, typ: ExtensionType, at: &'a [u8]) -> Parsed<'a, ()> {
        let is_new = match 1_u64.checked_shl(u32::from(typ.0)) {
            Some(bit) => {
                let is_new = self.low & bit == 0;
                self.low |= bit;
                is_new
            }
            None => self.others.insert(typ.0),
        };
        if is_new { Ok((at, ())) } else { fail(at, DecodeErrorKind::DuplicateExtension(typ)) }
    }
}

/// Methods of a hello that look for what is in one extension.
macro_rules! accessors {
    ($($(#[$doc:meta])* $name:ident -> $type:ty = $pattern:pat => $value:expr;)*) => {
        $($(#[$doc])*
        pub fn $name(&self) -> Option<$type> {
            self.extensions.iter().flatten().find_map(|extension| match extension {
                $pattern => Some($value),
                _ => None,
            })
        })*
    };
}
pub(super) use accessors;

/// Signature schemes (RFC 8446 4.2.3).
pub(super) fn schemes(data: &[u8]) -> Parsed<'_, Vec<SignatureScheme>> {
    code_points16(vector16(2)(data), SignatureScheme)
}

/// Writes what [`schemes`] reads.
pub(super) fn write_schemes(out: &mut BytesMut, schemes: &[SignatureScheme]) {
    write::vector16(out, |out| schemes.iter().for_each(|scheme| out.put_u16(scheme.0)));
}

/// Algorithms of certificate compression (RFC 8879 3).
pub(super) fn compression_algorithms(data: &[u8]) -> Parsed<'_, Vec<CertificateCompressionAlgorithm>> {
    let (left, algorithms) = code_points16(vector8(2, 254)(data), CertificateCompressionAlgorithm)?;
    let twice = |(at, algorithm)| algorithms.iter().take(at).any(|before| before == algorithm);
    if algorithms.iter().enumerate().any(twice) {
        return fail(data, DecodeErrorKind::Illegal("an algorithm stands twice"));
    }
    Ok((left, algorithms))
}

/// Writes what [`compression_algorithms`] reads.
pub(super) fn write_compression_algorithms(out: &mut BytesMut, algorithms: &[CertificateCompressionAlgorithm]) {
    write::vector8(out, |out| algorithms.iter().for_each(|algorithm| out.put_u16(algorithm.0)));
}

/// A list of one to `max` entries, each of at least one byte: distinguished names (RFC 8446 4.2.4), certificate timestamps
/// (RFC 6962 3.3).
pub(super) fn opaque_list<'a>(body: &Bytes, max: usize, data: &'a [u8]) -> Parsed<'a, Vec<Bytes>> {
    elements_of(vector16(1)(data), max, |input| {
        let (input, entry) = vector16(1)(input)?;
        Ok((input, view(body, entry)))
    })
}

/// Writes what [`opaque_list`] reads.
pub(super) fn write_opaque_list(out: &mut BytesMut, list: &[Bytes]) {
    write::vector16(out, |out| {
        list.iter().for_each(|entry| write::vector16(out, |out| out.put_slice(entry)));
    });
}
