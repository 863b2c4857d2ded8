//! HKDF (RFC 5869) on a provider's HMAC, and its labels (RFC 8446 7.1).

use core::fmt;

use clasp_crypto::{Digest, Hash, Hmac, HmacKey};

/// The hash function of a suite, and HMAC with it: all that its key schedule is made of.
#[derive(Clone, Copy, Debug)]
pub struct Kdf {
    hash: &'static dyn Hash,
    hmac: &'static dyn Hmac,
}

impl Kdf {
    /// From both, which are of the same algorithm.
    pub fn new(hash: &'static dyn Hash, hmac: &'static dyn Hmac) -> Self {
        Self { hash, hmac }
    }

    /// The hash function.
    pub fn hash(&self) -> &'static dyn Hash {
        self.hash
    }

    /// The length of its output and of every secret of the schedule, bytes.
    pub fn hash_len(&self) -> usize {
        self.hash.output_len()
    }

    /// HMAC with the hash function.
    pub fn hmac(&self) -> &'static dyn Hmac {
        self.hmac
    }

    /// HKDF-Extract (RFC 5869 2.2). `None` stands for as many zeros as the hash is long.
    pub(crate) fn extract(self, salt: &[u8], input: Option<&[u8]>) -> Digest {
        const ZEROS: [u8; Digest::MAX] = [0; Digest::MAX];
        let zeros = ZEROS.get(..self.hash_len()).unwrap_or(&ZEROS);
        self.hmac.mac(salt, &[input.unwrap_or(zeros)])
    }

    /// HKDF-Extract, whose output is used as a key only.
    pub(crate) fn extract_key(self, salt: &[u8], input: Option<&[u8]>) -> Prk {
        Prk::new(self, self.extract(salt, input).as_slice())
    }

    /// The hash of no messages.
    pub(crate) fn empty_hash(self) -> Digest {
        super::known::known(self.hash.algorithm())
            .map_or_else(|| self.hash.hash(&[]), |known| Digest::new(known.empty_hash))
    }
}

/// A secret that keys are expanded from. It is held as a prepared HMAC key and in no other form: preparing it again for
/// each thing derived would take longer, and leave more copies behind with a provider whose keys do not wipe themselves.
pub(crate) struct Prk {
    kdf: Kdf,
    key: Box<dyn HmacKey>,
}

impl Prk {
    pub(crate) fn new(kdf: Kdf, secret: &[u8]) -> Self {
        Self { kdf, key: kdf.hmac.with_key(secret) }
    }

    pub(crate) fn kdf(&self) -> Kdf {
        self.kdf
    }

    /// HKDF-Expand-Label (RFC 8446 7.1), of any length. `label` comes without "tls13 ". Label and context have at most 249
    /// and 255 bytes, and `out` at most 255 times the hash's length: what is beyond is left out, or left alone.
    pub(crate) fn expand_label(&self, label: &[u8], context: &[u8], out: &mut [u8]) {
        let length = u16::try_from(out.len()).unwrap_or(u16::MAX);
        let mut previous: Option<Digest> = None;
        for (counter, chunk) in (1..=u8::MAX).zip(out.chunks_mut(self.kdf.hash_len())) {
            let before = previous.as_ref().map_or(&[][..], Digest::as_slice);
            let block = self.block(length, before, label, context, counter);
            chunk.iter_mut().zip(block.as_slice()).for_each(|(to, from)| *to = *from);
            previous = Some(block);
        }
    }

    /// Derive-Secret (RFC 8446 7.1) from a hash of the transcript, or what else is as long as the hash.
    pub(crate) fn derive(&self, label: &[u8], context: &[u8]) -> Digest {
        self.block(u16::try_from(self.kdf.hash_len()).unwrap_or(u16::MAX), &[], label, context, 1)
    }

    /// One round of HKDF-Expand (RFC 5869 2.3) over an HkdfLabel.
    fn block(&self, length: u16, previous: &[u8], label: &[u8], context: &[u8], counter: u8) -> Digest {
        const PREFIX: &[u8] = b"tls13 ";
        let bounded = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap_or(u8::MAX);
        let label = label.get(..usize::from(u8::MAX) - PREFIX.len()).unwrap_or(label);
        let context = context.get(..usize::from(u8::MAX)).unwrap_or(context);
        let [high, low] = length.to_be_bytes();
        let label_len = bounded(label).saturating_add(bounded(PREFIX));
        // In one piece, which is hashed faster than seven.
        let mut info = [0; 3 + 255 + 1 + 255 + 1];
        let mut rest = info.as_mut_slice();
        for part in [&[high, low, label_len], PREFIX, label, &[bounded(context)], context, &[counter]] {
            let Some((to, left)) = core::mem::take(&mut rest).split_at_mut_checked(part.len()) else { break };
            to.copy_from_slice(part);
            rest = left;
        }
        let free = rest.len();
        let (info, _) = info.split_at(info.len() - free);
        self.key.sign(&[previous, info])
    }
}

impl fmt::Debug for Prk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prk")
    }
}
