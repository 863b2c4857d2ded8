//! Writing vectors with their length prefixes (RFC 5246 4.3).
//!
//! A vector that is longer than its prefix can say is a mistake of the caller's: it is written with the greatest length
//! there is, and no peer will take it.

use bytes::{BufMut, BytesMut};

fn patched<const N: usize>(out: &mut BytesMut, content: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_bytes(0, N);
    content(out);
    let length = u32::try_from(out.len() - start - N).unwrap_or(u32::MAX);
    let most = match N {
        1 => 0xff,
        2 => 0xffff,
        _ => 0x00ff_ffff,
    };
    debug_assert!(length <= most, "a vector too long for its length prefix");
    let bytes = length.min(most).to_be_bytes();
    if let Some(prefix) = out.get_mut(start..start + N) {
        prefix.iter_mut().rev().zip(bytes.iter().rev()).for_each(|(to, from)| *to = *from);
    }
}

/// A length prefix of one byte around what `content` writes.
pub(crate) fn vector8(out: &mut BytesMut, content: impl FnOnce(&mut BytesMut)) {
    patched::<1>(out, content);
}

/// A length prefix of two bytes.
pub(crate) fn vector16(out: &mut BytesMut, content: impl FnOnce(&mut BytesMut)) {
    patched::<2>(out, content);
}

/// A length prefix of three bytes.
pub(crate) fn vector24(out: &mut BytesMut, content: impl FnOnce(&mut BytesMut)) {
    patched::<3>(out, content);
}

/// A number of three bytes; one that is too large is written as the greatest there is.
pub(crate) fn u24(out: &mut BytesMut, value: u32) {
    debug_assert!(value <= 0x00ff_ffff, "a number too large for three bytes");
    let [_, bytes @ ..] = value.min(0x00ff_ffff).to_be_bytes();
    out.put_slice(&bytes);
}
