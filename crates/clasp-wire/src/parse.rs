//! The parsers everything is made of, on nom: complete, over `&[u8]`, with errors that know their place (RFC 5246 4.3).

use alloc::vec::Vec;

use bytes::Bytes;
use nom::IResult;
use nom::error::{ErrorKind, ParseError};
use nom::number::complete::{be_u8, be_u16, be_u24, be_u32};

use crate::error::{DecodeError, DecodeErrorKind, Segment};

/// A parser's outcome.
pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T, Fault>;

/// An error on its way up: where it was found, and the path so far, innermost first. Nothing is allocated before there
/// is an error.
#[derive(Debug)]
pub(crate) struct Fault {
    address: usize,
    path: Vec<Segment>,
    kind: DecodeErrorKind,
}

impl<'a> ParseError<&'a [u8]> for Fault {
    fn from_error_kind(input: &'a [u8], _: ErrorKind) -> Self {
        Self::at(input, DecodeErrorKind::Truncated { needed: input.len() + 1, left: input.len() })
    }

    fn append(_: &'a [u8], _: ErrorKind, other: Self) -> Self {
        other
    }
}

impl Fault {
    fn at(input: &[u8], kind: DecodeErrorKind) -> Self {
        Self { address: input.as_ptr().addr(), path: Vec::new(), kind }
    }

    fn within(mut self, segment: Segment) -> Self {
        self.path.push(segment);
        self
    }
}

/// Stops with an error found at `input`.
pub(crate) fn fail<T>(input: &[u8], kind: DecodeErrorKind) -> Parsed<'_, T> {
    Err(nom::Err::Error(Fault::at(input, kind)))
}

fn within<T>(result: Parsed<'_, T>, segment: Segment) -> Parsed<'_, T> {
    result.map_err(|error| error.map(|fault| fault.within(segment)))
}

/// Names what a parser reads, for errors.
pub(crate) fn field<'a, T>(
    name: &'static str,
    parser: impl FnOnce(&'a [u8]) -> Parsed<'a, T>,
) -> impl FnOnce(&'a [u8]) -> Parsed<'a, T> {
    move |input| within(parser(input), Segment::Field(name))
}

/// Runs a parser over a whole body, to the last byte.
pub(crate) fn whole<'a, T>(
    name: &'static str,
    body: &'a [u8],
    parser: impl FnOnce(&'a [u8]) -> Parsed<'a, T>,
) -> Result<T, DecodeError> {
    let result = parser(body).and_then(|(rest, value)| end(rest).map(|_| value));
    result.map_err(|error| {
        let fault = match error {
            nom::Err::Error(fault) | nom::Err::Failure(fault) => fault,
            // No parser here streams.
            nom::Err::Incomplete(_) => Fault::at(body, DecodeErrorKind::Truncated { needed: 1, left: 0 }),
        };
        let mut path = fault.path;
        path.push(Segment::Field(name));
        path.reverse();
        DecodeError::new(fault.address.saturating_sub(body.as_ptr().addr()), path, fault.kind)
    })
}

/// Nothing may be left.
pub(crate) fn end(rest: &[u8]) -> Parsed<'_, ()> {
    if rest.is_empty() { Ok((rest, ())) } else { fail(rest, DecodeErrorKind::TrailingBytes { count: rest.len() }) }
}

/// All that is left.
#[allow(clippy::unnecessary_wraps, reason = "a parser as all others")]
pub(crate) fn rest(input: &[u8]) -> Parsed<'_, &[u8]> {
    Ok((&[], input))
}

macro_rules! integer {
    ($($name:ident $int:ty, $bytes:literal, $nom:path;)*) => {
        $(pub(crate) fn $name(input: &[u8]) -> Parsed<'_, $int> {
            $nom(input).map_err(|_: nom::Err<nom::error::Error<&[u8]>>| {
                nom::Err::Error(Fault::at(input, DecodeErrorKind::Truncated { needed: $bytes, left: input.len() }))
            })
        })*
    };
}

integer! {
    u8 u8, 1, be_u8;
    u16 u16, 2, be_u16;
    u24 u32, 3, be_u24;
    u32 u32, 4, be_u32;
}

/// A field of fixed length.
pub(crate) fn array<const N: usize>(input: &[u8]) -> Parsed<'_, [u8; N]> {
    match input.split_first_chunk() {
        Some((array, rest)) => Ok((rest, *array)),
        None => fail(input, DecodeErrorKind::Truncated { needed: N, left: input.len() }),
    }
}

/// The body of a vector whose length was read to be `length`.
fn body(start: &'_ [u8], input: &'_ [u8], length: usize, min: usize, max: usize) -> Result<usize, Fault> {
    if length > input.len() {
        return Err(Fault::at(start, DecodeErrorKind::RunsPastTheEnd { length, left: input.len() }));
    }
    if length < min || length > max {
        return Err(Fault::at(start, DecodeErrorKind::LengthOutOfRange { length, min, max }));
    }
    Ok(length)
}

fn take<'a>(start: &'a [u8], input: &'a [u8], length: usize, min: usize, max: usize) -> Parsed<'a, &'a [u8]> {
    let length = body(start, input, length, min, max).map_err(nom::Err::Error)?;
    match input.split_at_checked(length) {
        Some((value, rest)) => Ok((rest, value)),
        None => fail(start, DecodeErrorKind::RunsPastTheEnd { length, left: input.len() }),
    }
}

/// A vector with a length prefix of one byte, of `min` to `max` bytes.
pub(crate) fn vector8<'a>(min: usize, max: usize) -> impl Fn(&'a [u8]) -> Parsed<'a, &'a [u8]> {
    move |input| {
        let (rest, length) = u8(input)?;
        take(input, rest, usize::from(length), min, max)
    }
}

/// A vector with a length prefix of two bytes, of `min` to 65535 bytes.
pub(crate) fn vector16<'a>(min: usize) -> impl Fn(&'a [u8]) -> Parsed<'a, &'a [u8]> {
    move |input| {
        let (rest, length) = u16(input)?;
        take(input, rest, usize::from(length), min, usize::from(u16::MAX))
    }
}

/// The most that three bytes say.
const MAX_U24: usize = 0x00ff_ffff;

/// A vector with a length prefix of three bytes, of at least `min` bytes.
pub(crate) fn vector24<'a>(min: usize) -> impl Fn(&'a [u8]) -> Parsed<'a, &'a [u8]> {
    move |input| {
        let (rest, length) = u24(input)?;
        take(input, rest, usize::try_from(length).unwrap_or(usize::MAX), min, MAX_U24)
    }
}

/// Elements to the end of the input, each one's place known to errors. More than `max` are an error: what is made of one takes
/// many times the bytes it came in.
pub(crate) fn elements<'a, T>(
    input: &'a [u8],
    max: usize,
    mut element: impl FnMut(&'a [u8]) -> Parsed<'a, T>,
) -> Parsed<'a, Vec<T>> {
    let (mut rest, mut out) = (input, Vec::with_capacity(input.len().min(8)));
    while !rest.is_empty() {
        if out.len() == max {
            return fail(rest, DecodeErrorKind::TooMany { max });
        }
        let (left, value) = within(element(rest), Segment::Index(out.len()))?;
        if left.len() >= rest.len() {
            return fail(rest, DecodeErrorKind::Illegal("an element without bytes"));
        }
        out.push(value);
        rest = left;
    }
    Ok((rest, out))
}

/// The elements of a vector that was taken as bytes, `max` at most.
pub(crate) fn list<'a, T>(
    outer: Parsed<'a, &'a [u8]>,
    max: usize,
    element: impl FnMut(&'a [u8]) -> Parsed<'a, T>,
) -> Parsed<'a, Vec<T>> {
    let (rest, inner) = outer?;
    let (_, list) = elements(inner, max, element)?;
    Ok((rest, list))
}

/// Code points of two bytes that fill a vector.
pub(crate) fn code_points16<'a, T>(outer: Parsed<'a, &'a [u8]>, make: impl Fn(u16) -> T) -> Parsed<'a, Vec<T>> {
    let (rest, inner) = outer?;
    let (pairs, odd) = inner.as_chunks::<2>();
    if !odd.is_empty() {
        return fail(inner, DecodeErrorKind::NotAMultiple { length: inner.len(), of: 2 });
    }
    Ok((rest, pairs.iter().map(|pair| make(u16::from_be_bytes(*pair))).collect()))
}

/// Code points of one byte that fill a vector.
pub(crate) fn code_points8<'a, T>(outer: Parsed<'a, &'a [u8]>, make: impl Fn(u8) -> T) -> Parsed<'a, Vec<T>> {
    let (rest, inner) = outer?;
    Ok((rest, inner.iter().map(|byte| make(*byte)).collect()))
}

/// A view of `source` for what was parsed out of it.
pub(crate) fn view(source: &Bytes, part: &[u8]) -> Bytes {
    if part.is_empty() { Bytes::new() } else { source.slice_ref(part) }
}
