//! Pre-shared keys as a client offers them, and the binders over the hello before them (RFC 8446 4.2.11).

use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use super::{ClientExtension, ClientHello};
use crate::bounds::MAX_PSKS;
use crate::error::DecodeErrorKind;
use crate::parse::{Parsed, fail, field, list, u32, vector8, vector16, view};
use crate::write;

/// The keys a client offers, in order of preference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedPsks {
    /// The keys' names. Never empty.
    pub identities: Vec<PskIdentity>,
    /// For each of them an HMAC over the hello up to here. RFC 8446 says 32 to 255 bytes; a shorter one is read too, as what
    /// stands beside a key that nobody knows says nothing, and is no good beside one that is known.
    pub binders: Vec<Bytes>,
}

/// The name of a pre-shared key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PskIdentity {
    /// A ticket, or what both sides call an external key. Never empty.
    pub identity: Bytes,
    /// The ticket's age in milliseconds plus its `age_add`, modulo 2^32; 0 for an external key.
    pub obfuscated_ticket_age: u32,
}

impl OfferedPsks {
    /// Binders of zeros to be written over later: `lengths` are those of the keys' hashes, bytes.
    pub fn placeholders(lengths: impl IntoIterator<Item = usize>) -> Vec<Bytes> {
        lengths.into_iter().map(|length| Bytes::from(alloc::vec![0; length])).collect()
    }

    /// The length of the list of binders on the wire, its prefix included; bytes.
    pub fn binders_len(&self) -> usize {
        2 + self.binders.iter().map(|binder| 1 + binder.len()).sum::<usize>()
    }

    pub(super) fn parse<'a>(body: &Bytes, data: &'a [u8]) -> Parsed<'a, Self> {
        let (input, identities) = field("identities", |input| {
            list(vector16(7)(input), MAX_PSKS, |input| {
                let (input, identity) = field("identity", vector16(1))(input)?;
                let (input, obfuscated_ticket_age) = field("obfuscated_ticket_age", u32)(input)?;
                Ok((input, PskIdentity { identity: view(body, identity), obfuscated_ticket_age }))
            })
        })(data)?;
        let (left, binders) = field("binders", |input| {
            list(vector16(2)(input), MAX_PSKS, |input| {
                let (input, binder) = vector8(1, 255)(input)?;
                Ok((input, view(body, binder)))
            })
        })(input)?;
        if identities.len() != binders.len() {
            return fail(input, DecodeErrorKind::Illegal("not as many binders as identities"));
        }
        Ok((left, Self { identities, binders }))
    }

    pub(super) fn write(&self, out: &mut BytesMut) {
        write::vector16(out, |out| {
            for identity in &self.identities {
                write::vector16(out, |out| out.put_slice(&identity.identity));
                out.put_u32(identity.obfuscated_ticket_age);
            }
        });
        write::vector16(out, |out| {
            self.binders.iter().for_each(|binder| write::vector8(out, |out| out.put_slice(binder)));
        });
    }
}

impl ClientHello {
    /// The pre-shared keys on offer (RFC 8446 4.2.11).
    pub fn pre_shared_key(&self) -> Option<&OfferedPsks> {
        self.extensions.iter().flatten().find_map(|extension| match extension {
            ClientExtension::PreSharedKey(psks) => Some(psks),
            _ => None,
        })
    }

    /// What the binders are computed over: this hello's `encoded` form, header included, without the list of binders, whose
    /// length all length fields still count in (RFC 8446 4.2.11.2). `encoded` is what `encode` made of this hello, or the
    /// raw message it was parsed from. `None` without pre_shared_key as the last extension.
    pub fn truncated<'a>(&self, encoded: &'a [u8]) -> Option<&'a [u8]> {
        encoded.get(..self.binders_start(encoded.len())?)
    }

    /// Writes the binders into this hello's `encoded` form, over the placeholders it was encoded with; those in `self`
    /// stay. False, and nothing is written, unless there are as many as placeholders, each as long as its own.
    #[must_use]
    pub fn write_binders(&self, encoded: &mut [u8], binders: &[impl AsRef<[u8]>]) -> bool {
        let start = self.binders_start(encoded.len());
        let placeholders = self.pre_shared_key().map(|psks| psks.binders.as_slice()).unwrap_or_default();
        let fits = placeholders.len() == binders.len()
            && placeholders.iter().zip(binders).all(|(old, new)| old.len() == new.as_ref().len());
        let Some(mut rest) = start.and_then(|start| encoded.get_mut(start + 2..)).filter(|_| fits) else {
            return false;
        };
        for binder in binders.iter().map(AsRef::as_ref) {
            // Past the prefix of one byte.
            let Some((to, after)) = rest.get_mut(1..).and_then(|rest| rest.split_at_mut_checked(binder.len())) else {
                return false;
            };
            to.copy_from_slice(binder);
            rest = after;
        }
        true
    }

    /// Where the list of binders begins: it is the end of the last extension, and so of the hello.
    fn binders_start(&self, encoded_len: usize) -> Option<usize> {
        match self.extensions.as_ref()?.last()? {
            ClientExtension::PreSharedKey(psks) => encoded_len.checked_sub(psks.binders_len()),
            _ => None,
        }
    }
}
