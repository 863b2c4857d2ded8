//! What is done to one message of TLS 1.3 on its way, by someone who can open and seal it: bytes, lengths, order, and the
//! extensions in it (RFC 8446 4).

use clasp_wire::{ContentType, HandshakeType};

use crate::mutated::Mutation;

/// How many kinds of mutations there are.
pub(crate) const KINDS: u8 = 22;
/// Those from here to the last but one are done to extensions.
pub(crate) const EXTENSIONS: u8 = 15;
/// The kind that holds a message back until the next one has gone.
pub(crate) const HOLD: u8 = 5;
/// The kind that leaves a message out.
pub(crate) const DROP: u8 = 4;
/// What no reader finds too long.
const SHORT: usize = 500;
/// The bytes of a handshake message's header.
const HEADER: usize = 4;

/// One message, or a piece of one, with how it is to travel.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) content_type: ContentType,
    pub(crate) payload: Vec<u8>,
    /// Zeros behind it in its record.
    pub(crate) padding: usize,
    /// Sent without encryption, whatever the keys.
    pub(crate) bare: bool,
    /// Something was done to it, or it was not there.
    pub(crate) touched: bool,
}

impl Piece {
    pub(crate) fn new(content_type: ContentType, payload: Vec<u8>) -> Self {
        Self { content_type, payload, padding: 0, bare: false, touched: false }
    }

    fn made_up(content_type: u8, payload: Vec<u8>) -> Self {
        Self { touched: true, ..Self::new(ContentType(content_type), payload) }
    }

    /// The type of the handshake message that it begins with.
    pub(crate) fn handshake_type(&self) -> Option<HandshakeType> {
        let typ = *self.payload.first()?;
        (self.content_type == ContentType::HANDSHAKE).then_some(HandshakeType(typ))
    }
}

/// What becomes of a piece; [`HOLD`] is the caller's.
pub(crate) fn alter(piece: &Piece, mutation: &Mutation<'_>) -> Vec<Piece> {
    let mut now = piece.clone();
    now.touched = true;
    let (place, value, more) = (mutation.place, mutation.value, mutation.more);
    let some = |length: usize| more[..more.len().min(length)].to_vec();
    let inside = place % now.payload.len().max(1);
    match mutation.kind {
        0 => {
            if let Some(byte) = now.payload.get_mut(inside) {
                *byte ^= value;
            }
        }
        1 => {
            now.payload.insert(inside, value);
            fit_length(&mut now);
        }
        2 if !now.payload.is_empty() => {
            now.payload.remove(inside);
            fit_length(&mut now);
        }
        3 => return vec![piece.clone(), now],
        DROP => return Vec::new(),
        // A fragment boundary, and with a value what lies between (RFC 8446 5.1).
        6 => {
            let mut rest = now.clone();
            rest.payload = now.payload.split_off(inside);
            let between = Piece::made_up(20 + value % 8, some(place % 8));
            return if value & 8 == 0 { vec![now, rest] } else { vec![now, between, rest] };
        }
        7 => {
            let body = some(place % 64);
            let length = u8::try_from(body.len()).unwrap_or(0);
            let message = [&[value, 0, 0, length][..], &body].concat();
            return vec![Piece::made_up(ContentType::HANDSHAKE.0, message), piece.clone()];
        }
        8 => {
            let alert = vec![1 + u8::from(place % 2 == 1), value];
            return vec![Piece::made_up(ContentType::ALERT.0, alert), piece.clone()];
        }
        9 => {
            let mut other = Piece::made_up(20 + value % 5, some(place % 64));
            other.bare = value & 0x80 != 0;
            return vec![other, piece.clone()];
        }
        10 => {
            now.payload.truncate(inside);
            if value & 1 != 0 {
                fit_length(&mut now);
            }
        }
        // Padding may be added by anybody who seals, as far as the shortest limit on records goes that a client sets here.
        11 => {
            now.padding = place % 2048;
            now.touched = piece.touched || now.padding + now.payload.len() > SHORT;
        }
        12 => now.bare = true,
        13 => now.content_type = ContentType(20 + value % 5),
        // Many of them, up to what a connection bears.
        14 => {
            let count = usize::from(value % 64);
            return std::iter::repeat_n(now, count).chain([piece.clone()]).collect();
        }
        // More behind it, in the same record.
        21 => now.payload.extend(some(place % 64)),
        kind => alter_extensions(&mut now, mutation, kind),
    }
    vec![now]
}

/// Writes the length of a handshake message into its header.
fn fit_length(piece: &mut Piece) {
    let length = u32::try_from(piece.payload.len().saturating_sub(HEADER)).unwrap_or(0).to_be_bytes();
    if let Some(field) = piece.payload.get_mut(1..HEADER).filter(|_| piece.content_type == ContentType::HANDSHAKE) {
        field.copy_from_slice(&length[1..]);
    }
}

/// The number in the bytes there.
fn number(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    Some(bytes.get(at..at + width)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

/// The end of a vector whose length stands there.
fn behind(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    Some(at + width + number(bytes, at, width)?)
}

/// Where the extensions of a message begin, with their length; and where the length of a list around them stands.
fn extensions_at(message: &[u8]) -> Option<(usize, Option<usize>)> {
    const RANDOM_END: usize = HEADER + 2 + 32;
    let at = match HandshakeType(*message.first()?) {
        HandshakeType::CLIENT_HELLO => {
            let suites = behind(message, RANDOM_END, 1)?;
            behind(message, behind(message, suites, 2)?, 1)?
        }
        HandshakeType::SERVER_HELLO => behind(message, RANDOM_END, 1)? + 3,
        HandshakeType::ENCRYPTED_EXTENSIONS => HEADER,
        HandshakeType::CERTIFICATE_REQUEST => behind(message, HEADER, 1)?,
        HandshakeType::NEW_SESSION_TICKET => behind(message, behind(message, HEADER + 8, 1)?, 2)?,
        HandshakeType::CERTIFICATE => {
            let list = behind(message, HEADER, 1)?;
            return Some((behind(message, list + 3, 3)?, Some(list)));
        }
        _ => return None,
    };
    Some((at, None))
}

/// Does it to one of the extensions, and makes all lengths fit.
pub(crate) fn alter_extensions(piece: &mut Piece, mutation: &Mutation<'_>, kind: u8) {
    let &Mutation { place, value, more, .. } = mutation;
    let message = &piece.payload;
    let Some((start, list)) = extensions_at(message) else { return };
    let Some(end) = behind(message, start, 2).filter(|end| *end <= message.len()) else { return };
    let mut extensions = Vec::new();
    let mut at = start + 2;
    while at < end {
        let Some(next) = behind(message, at + 2, 2).filter(|next| *next <= end) else { return };
        extensions.push(message[at..next].to_vec());
        at = next;
    }
    let count = extensions.len();
    let typ = u16::try_from(place).unwrap_or(0).to_be_bytes();
    // By its name, where that says nothing else.
    let named = extensions.iter().position(|other| matches!(kind, 15 | 16) && other.starts_with(&typ));
    let chosen = named.unwrap_or(usize::from(value) % count.max(1));
    match kind {
        15 if count > 0 => {
            extensions.remove(chosen);
        }
        16 if count > 0 => extensions.push(extensions[chosen].clone()),
        17 if count > 0 => extensions.swap(chosen, place % count),
        // Another one's content under this name, or this one's under another.
        18 if count > 0 && value & 0x80 == 0 => extensions[chosen][..2].copy_from_slice(&typ),
        18 if count > 0 => extensions[chosen] = [&extensions[chosen][..2], &[0, 0]].concat(),
        _ => {
            let content = &more[..more.len().min(usize::from(value & 63))];
            let length = u8::try_from(content.len()).unwrap_or(0);
            let extension = [&typ[..], &[0, length], content].concat();
            // The one of that name has another content now, or there are two.
            match extensions.iter().position(|other| kind == 20 && other.starts_with(&typ)) {
                Some(same) => extensions[same] = extension,
                None => extensions.insert(place % (count + 1), extension),
            }
        }
    }
    let block = extensions.concat();
    let length = u16::try_from(block.len()).unwrap_or(u16::MAX).to_be_bytes();
    let before = piece.payload.len();
    piece.payload.splice(start..end, length.into_iter().chain(block));
    if let Some(list) = list {
        let length = (number(&piece.payload, list, 3).unwrap_or(0) + piece.payload.len()).saturating_sub(before);
        let length = u32::try_from(length).unwrap_or(0).to_be_bytes();
        piece.payload[list..list + 3].copy_from_slice(&length[1..]);
    }
    fit_length(piece);
}
