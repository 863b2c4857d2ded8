//! The transcript: every handshake message so far, both ways, as bytes and as a running hash (RFC 5246 7.4.9, RFC 8446
//! 4.4.1).
//!
//! Until the hash function is agreed only the bytes are kept; afterwards both, because a CertificateVerify may sign them
//! under another hash; and once client authentication is ruled out, the hash alone. The caller bounds each message.

use core::fmt;

use clasp_crypto::{Digest, Hash, HashContext};

/// A forkable transcript.
pub struct Transcript {
    raw: Option<Vec<u8>>,
    running: Option<(&'static dyn Hash, Box<dyn HashContext>)>,
}

/// The hash at a moment.
#[derive(Clone, Debug)]
pub struct Mark(Digest);

impl Mark {
    /// The hash.
    pub fn as_slice(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl Default for Transcript {
    fn default() -> Self {
        Self::new()
    }
}

impl Transcript {
    /// An empty one.
    pub fn new() -> Self {
        Self { raw: Some(Vec::new()), running: None }
    }

    /// Adds a message, header included.
    pub fn add(&mut self, message: &[u8]) {
        if let Some(raw) = &mut self.raw {
            raw.extend_from_slice(message);
        }
        if let Some((_, running)) = &mut self.running {
            running.update(message);
        }
    }

    /// Settles the hash function, and hashes all there is so far. The bytes are still kept. Nothing happens once they were
    /// dropped.
    pub fn settle(&mut self, hash: &'static dyn Hash) {
        let Some(raw) = &self.raw else { return };
        let mut running = hash.start();
        running.update(raw);
        self.running = Some((hash, running));
    }

    /// Lets go of the bytes: no signature over them will be made or verified any more.
    pub fn drop_raw(&mut self) {
        self.raw = None;
    }

    /// All messages as bytes, unless they were dropped.
    pub fn raw(&self) -> Option<&[u8]> {
        self.raw.as_deref()
    }

    /// The hash of all messages; `None` before it is settled.
    pub fn hash(&self) -> Option<Digest> {
        self.running.as_ref().map(|(_, running)| running.current())
    }

    /// The hash as it would be with `suffix` added.
    pub fn hash_with(&self, suffix: &[u8]) -> Option<Digest> {
        let mut fork = self.running.as_ref()?.1.fork();
        fork.update(suffix);
        Some(fork.finish())
    }

    /// The hash now, to be used later.
    pub fn mark(&self) -> Option<Mark> {
        self.hash().map(Mark)
    }

    /// A copy that goes its own way.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { raw: self.raw.clone(), running: self.running.as_ref().map(|(hash, running)| (*hash, running.fork())) }
    }

    /// Replaces all messages by a synthetic `message_hash` message that holds their hash, as a HelloRetryRequest does
    /// (RFC 8446 4.4.1). Nothing happens before the hash is settled.
    pub fn replace_with_message_hash(&mut self) {
        const MESSAGE_HASH: u8 = 254;
        let (Some((hash, _)), Some(digest)) = (&self.running, self.hash()) else { return };
        let hash = *hash;
        let length = u8::try_from(digest.as_slice().len()).unwrap_or(0);
        let mut message = vec![MESSAGE_HASH, 0, 0, length];
        message.extend_from_slice(digest.as_slice());
        let mut running = hash.start();
        running.update(&message);
        self.running = Some((hash, running));
        if let Some(raw) = &mut self.raw {
            *raw = message;
        }
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = self.running.as_ref().map(|(hash, _)| hash.algorithm());
        f.debug_struct("Transcript").field("hash", &hash).field("bytes", &self.raw.as_ref().map(Vec::len)).finish()
    }
}

#[cfg(test)]
mod tests {
    use clasp_crypto::{HashAlgorithm, default_provider};

    use super::*;

    fn sha256(parts: &[&[u8]]) -> Digest {
        default_provider().hash(HashAlgorithm::Sha256).unwrap().hash(parts)
    }

    #[test]
    fn the_hash_covers_what_came_before_and_after_it_was_settled() {
        let mut transcript = Transcript::new();
        transcript.add(b"one");
        assert!(transcript.hash().is_none());
        transcript.settle(default_provider().hash(HashAlgorithm::Sha256).unwrap());
        transcript.add(b"two");
        assert!(transcript.hash().unwrap().ct_eq(sha256(&[b"one", b"two"]).as_slice()));
        assert_eq!(transcript.raw(), Some(&b"onetwo"[..]));

        let mark = transcript.mark().unwrap();
        let fork = transcript.fork();
        transcript.drop_raw();
        transcript.add(b"three");
        assert_eq!(transcript.raw(), None);
        assert_eq!(mark.as_slice(), fork.hash().unwrap().as_slice());
        assert_eq!(fork.hash_with(b"three").unwrap().as_slice(), transcript.hash().unwrap().as_slice());
    }

    #[test]
    fn without_its_bytes_it_settles_on_nothing_else() {
        let hashes = [HashAlgorithm::Sha256, HashAlgorithm::Sha384].map(|hash| default_provider().hash(hash).unwrap());
        let mut transcript = Transcript::new();
        transcript.add(b"one");
        transcript.settle(hashes[0]);
        transcript.settle(hashes[1]);
        assert_eq!(transcript.hash().unwrap().as_slice(), hashes[1].hash(&[b"one"]).as_slice());
        transcript.drop_raw();
        transcript.settle(hashes[0]);
        assert_eq!(transcript.hash().unwrap().as_slice(), hashes[1].hash(&[b"one"]).as_slice());
        let mut early = Transcript::new();
        early.add(b"one");
        early.drop_raw();
        early.settle(hashes[0]);
        assert!(early.hash().is_none(), "the hash of nothing would pass for a transcript's");
    }

    #[test]
    fn a_message_hash_stands_for_all_before_it() {
        let mut transcript = Transcript::new();
        transcript.add(b"hello");
        transcript.settle(default_provider().hash(HashAlgorithm::Sha256).unwrap());
        transcript.replace_with_message_hash();
        let header = [254, 0, 0, 32];
        let inner = sha256(&[b"hello"]);
        assert_eq!(transcript.hash().unwrap().as_slice(), sha256(&[&header, inner.as_slice()]).as_slice());
        assert_eq!(transcript.raw().unwrap().len(), 36);
    }
}
