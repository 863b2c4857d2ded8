//! Secrets and what is made of them. All are wiped when dropped; none is shown by `Debug`.

use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

/// A side of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The side that says hello first.
    Client,
    /// The side that answers.
    Server,
}

/// The master secret, 48 bytes (RFC 5246 8.1).
#[derive(ZeroizeOnDrop)]
pub struct MasterSecret([u8; 48]);

impl MasterSecret {
    /// Takes a secret over.
    pub fn new(secret: [u8; 48]) -> Self {
        Self(secret)
    }

    /// Fills a secret in place, so that no copy of it is left behind.
    pub fn fill(fill: impl FnOnce(&mut [u8; 48])) -> Self {
        let mut secret = Self::new([0; 48]);
        fill(&mut secret.0);
        secret
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 48] {
        &self.0
    }
}

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterSecret")
    }
}

/// How much key material a suite takes for each direction, bytes (RFC 5246 6.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyLengths {
    /// The MAC key; 0 for AEADs.
    pub mac_key: usize,
    /// The encryption key.
    pub key: usize,
    /// The initialisation vector, or the fixed part of a nonce.
    pub iv: usize,
}

impl KeyLengths {
    /// The length of the whole key block, bytes.
    pub const fn total(self) -> usize {
        2 * (self.mac_key + self.key + self.iv)
    }
}

/// The key block: both directions' keys, in the order of RFC 5246 6.3.
#[derive(ZeroizeOnDrop)]
pub struct KeyBlock {
    bytes: Vec<u8>,
    #[zeroize(skip)]
    lengths: KeyLengths,
}

impl KeyBlock {
    /// Makes a key block of the suite's lengths, whose bytes `fill` makes.
    pub fn fill(lengths: KeyLengths, fill: impl FnOnce(&mut [u8])) -> Self {
        let mut block = Self { bytes: vec![0; lengths.total()], lengths };
        fill(&mut block.bytes);
        block
    }

    /// The keys with which `role` writes.
    pub fn half(&self, role: Role) -> DirectionKeys {
        let KeyLengths { mac_key, key, iv } = self.lengths;
        let mut bytes = Vec::with_capacity(mac_key + key + iv);
        let mut rest = self.bytes.as_slice();
        for len in [mac_key, key, iv] {
            // Client's, then server's, of each kind; the block was made long enough.
            let (client, behind) = rest.split_at(len.min(rest.len()));
            let (server, behind) = behind.split_at(len.min(behind.len()));
            bytes.extend_from_slice(match role {
                Role::Client => client,
                Role::Server => server,
            });
            rest = behind;
        }
        DirectionKeys { bytes, lengths: self.lengths }
    }

    /// All bytes, in the order of RFC 5246 6.3.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for KeyBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyBlock({:?})", self.lengths)
    }
}

/// The keys of one direction.
#[derive(ZeroizeOnDrop)]
pub struct DirectionKeys {
    bytes: Vec<u8>,
    #[zeroize(skip)]
    lengths: KeyLengths,
}

impl DirectionKeys {
    /// Makes keys of these lengths that no MAC key is among: `fill` makes the key and the initialisation vector.
    pub(crate) fn fill(lengths: KeyLengths, fill: impl FnOnce(&mut [u8], &mut [u8])) -> Self {
        // Memory asked for as zeros comes a slower way out of many an allocator.
        let mut bytes = Vec::with_capacity(lengths.key + lengths.iv);
        bytes.resize(lengths.key + lengths.iv, 0);
        let mut keys = Self { bytes, lengths: KeyLengths { mac_key: 0, ..lengths } };
        if let Some((key, iv)) = keys.bytes.split_at_mut_checked(lengths.key) {
            fill(key, iv);
        }
        keys
    }

    /// The MAC key; empty for AEADs.
    pub fn mac_key(&self) -> &[u8] {
        self.part(0, self.lengths.mac_key)
    }

    /// The encryption key.
    pub fn key(&self) -> &[u8] {
        self.part(self.lengths.mac_key, self.lengths.key)
    }

    /// The initialisation vector, or the fixed part of a nonce.
    pub fn iv(&self) -> &[u8] {
        self.part(self.lengths.mac_key + self.lengths.key, self.lengths.iv)
    }

    fn part(&self, start: usize, len: usize) -> &[u8] {
        self.bytes.get(start..start + len).unwrap_or_default()
    }
}

impl fmt::Debug for DirectionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DirectionKeys({:?})", self.lengths)
    }
}

/// What a Finished message says: 12 bytes in TLS before 1.3, 36 in SSL 3.0, a hash's length in TLS 1.3.
#[derive(Clone, ZeroizeOnDrop)]
pub struct VerifyData {
    bytes: [u8; Self::MAX],
    len: u8,
}

impl VerifyData {
    /// The longest, bytes.
    pub const MAX: usize = 64;

    /// Holds `bytes`, of which at most [`Self::MAX`] are taken.
    pub fn new(bytes: &[u8]) -> Self {
        let mut data = Self { bytes: [0; Self::MAX], len: 0 };
        for (to, from) in data.bytes.iter_mut().zip(bytes) {
            *to = *from;
            data.len += 1;
        }
        data
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Compares in constant time; lengths are public.
    pub fn ct_eq(&self, other: &[u8]) -> bool {
        bool::from(self.as_slice().ct_eq(other))
    }
}

impl fmt::Debug for VerifyData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyData({} bytes)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_is_cut_in_the_order_of_the_rfc() {
        let lengths = KeyLengths { mac_key: 2, key: 3, iv: 1 };
        let block = KeyBlock::fill(lengths, |bytes| {
            for (byte, value) in bytes.iter_mut().zip(0..) {
                *byte = value;
            }
        });
        let (client, server) = (block.half(Role::Client), block.half(Role::Server));
        assert_eq!((client.mac_key(), client.key(), client.iv()), (&[0, 1][..], &[4, 5, 6][..], &[10][..]));
        assert_eq!((server.mac_key(), server.key(), server.iv()), (&[2, 3][..], &[7, 8, 9][..], &[11][..]));
    }

    #[test]
    fn halves_of_every_suite_together_are_the_block() {
        for (mac_key, key, iv) in
            [(0, 16, 4), (0, 32, 4), (0, 32, 12), (20, 16, 0), (48, 32, 0), (20, 24, 8), (0, 0, 0)]
        {
            let lengths = KeyLengths { mac_key, key, iv };
            let block = KeyBlock::fill(lengths, |bytes| bytes.iter_mut().zip(1..).for_each(|(byte, n)| *byte = n));
            assert_eq!(block.as_bytes().len(), lengths.total());
            let (client, server) = (block.half(Role::Client), block.half(Role::Server));
            let parts = [client.mac_key(), server.mac_key(), client.key(), server.key(), client.iv(), server.iv()];
            assert_eq!(parts.map(<[u8]>::len), [mac_key, mac_key, key, key, iv, iv]);
            assert_eq!(parts.concat(), block.as_bytes());
        }
    }

    /// That each is wiped is what `ZeroizeOnDrop` derives; what is left to a test is that none does without.
    #[test]
    fn everything_secret_is_wiped() {
        fn is_wiped<T: ZeroizeOnDrop>() {}
        is_wiped::<MasterSecret>();
        is_wiped::<KeyBlock>();
        is_wiped::<DirectionKeys>();
        is_wiped::<VerifyData>();
        is_wiped::<clasp_crypto::Digest>();
        is_wiped::<clasp_crypto::SharedSecret>();
    }

    #[test]
    fn verify_data_takes_what_fits() {
        assert_eq!(VerifyData::new(&[1; 36]).as_slice(), [1; 36]);
        assert_eq!(VerifyData::new(&[1; 64]).as_slice(), [1; 64]);
        assert_eq!(VerifyData::new(&[1; 68]).as_slice(), [1; 64]);
        assert_eq!(VerifyData::new(&[]).as_slice(), []);
        assert!(!VerifyData::new(&[1; 64]).ct_eq(&[1; 68]));
    }

    #[test]
    fn nothing_is_shown() {
        let secret = MasterSecret::new([0xab; 48]);
        assert_eq!(format!("{secret:?}"), "MasterSecret");
        let block = KeyBlock::fill(KeyLengths { mac_key: 0, key: 16, iv: 4 }, |bytes| bytes.fill(0xab));
        for shown in [format!("{block:?}"), format!("{:?}", block.half(Role::Client))] {
            assert!(shown.contains("key: 16") && !shown.contains("171") && !shown.contains("ab"), "{shown}");
        }
        let data = VerifyData::new(&[7; 12]);
        assert_eq!(format!("{data:?}"), "VerifyData(12 bytes)");
        assert!(data.ct_eq(&[7; 12]));
        assert!(!data.ct_eq(&[7; 11]));
        assert!(!data.ct_eq(&[8; 12]));
    }
}
