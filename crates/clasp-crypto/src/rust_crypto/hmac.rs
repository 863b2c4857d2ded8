//! HMAC over the compression functions themselves (RFC 2104), with a form whose time does not depend on the length of
//! the message: the MAC of CBC records.
//!
//! After decryption of a MAC-then-encrypt record the length of the message is secret, because it tells the length of the
//! padding. A plain HMAC runs one compression more or less depending on it, and that difference can be measured over a
//! network: Lucky Thirteen (AlFardan and Paterson, "Lucky Thirteen: Breaking the TLS and DTLS Record Protocols", 2013).
//! So every block that could be the last is compressed, and the right state is picked by mask.

use core::marker::PhantomData;

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeLess};
use zeroize::Zeroize;

use crate::traits::{Digest, HashAlgorithm, Hmac, HmacKey};

/// A Merkle-Damgard hash function, by its compression function.
pub(crate) trait Compress: Send + Sync + 'static {
    /// The chaining value.
    type State: Copy + Zeroize + Send + Sync;
    const ALGORITHM: HashAlgorithm;
    /// log2 of the block length.
    const BLOCK_BITS: u32;
    /// Bytes of the length field that ends the padding.
    const LENGTH: usize;
    const INITIAL: Self::State;

    /// The last eight bytes of the padding. Where the field is longer, those before are zero for lengths of 64 bits.
    fn length_field(bits: u64) -> [u8; 8];
    fn compress(state: &mut Self::State, block: &[u8]);
    fn write(state: &Self::State) -> Digest;
    fn select(into: &mut Self::State, from: &Self::State, choice: Choice);
}

macro_rules! compress {
    ($name:ident: $algorithm:ident [$word:ty; $words:literal] $bytes:ident $block_bits:literal $length:literal $initial:expr, $compress:path) => {
        pub(crate) struct $name;

        impl Compress for $name {
            type State = [$word; $words];
            const ALGORITHM: HashAlgorithm = HashAlgorithm::$algorithm;
            const BLOCK_BITS: u32 = $block_bits;
            const LENGTH: usize = $length;
            const INITIAL: Self::State = $initial;

            fn length_field(bits: u64) -> [u8; 8] {
                bits.$bytes()
            }

            fn compress(state: &mut Self::State, block: &[u8]) {
                if let Ok(block) = <&[u8; 1 << $block_bits]>::try_from(block) {
                    $compress(state, core::slice::from_ref(block));
                }
            }

            fn write(state: &Self::State) -> Digest {
                let mut out = [0; Digest::MAX];
                for (to, word) in out.chunks_exact_mut(size_of::<$word>()).zip(state) {
                    to.copy_from_slice(&word.$bytes());
                }
                let digest = Digest::new(out.get(..Self::ALGORITHM.output_len()).unwrap_or_default());
                out.zeroize();
                digest
            }

            fn select(into: &mut Self::State, from: &Self::State, choice: Choice) {
                into.iter_mut().zip(from).for_each(|(into, from)| into.conditional_assign(from, choice));
            }
        }
    };
}

// Initial values: FIPS 180-4 5.3.
compress!(Sha1: Sha1 [u32; 5] to_be_bytes 6 8
    [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0],
    sha1::block_api::compress);
compress!(Sha256: Sha256 [u32; 8] to_be_bytes 6 8
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19],
    sha2::block_api::compress256);
compress!(Sha384: Sha384 [u64; 8] to_be_bytes 7 16
    [
        0xcbbb_9d5d_c105_9ed8, 0x629a_292a_367c_d507, 0x9159_015a_3070_dd17, 0x152f_ecd8_f70e_5939,
        0x6733_2667_ffc0_0b31, 0x8eb4_4a87_6858_1511, 0xdb0c_2e0d_64f9_8fa7, 0x47b5_481d_befa_4fa4,
    ],
    sha2::block_api::compress512);
// RFC 1321 3.3.
#[cfg(feature = "legacy")]
compress!(Md5: Md5 [u32; 4] to_le_bytes 6 8
    [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476],
    md5::block_api::compress);

/// HMAC with one of them.
pub(crate) struct RustHmac<C>(PhantomData<C>);

impl<C: Compress> core::fmt::Debug for RustHmac<C> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Hmac({:?})", C::ALGORITHM)
    }
}

pub(crate) static HMAC_SHA1: RustHmac<Sha1> = RustHmac(PhantomData);
pub(crate) static HMAC_SHA256: RustHmac<Sha256> = RustHmac(PhantomData);
pub(crate) static HMAC_SHA384: RustHmac<Sha384> = RustHmac(PhantomData);
#[cfg(feature = "legacy")]
pub(crate) static HMAC_MD5: RustHmac<Md5> = RustHmac(PhantomData);

impl<C: Compress> Hmac for RustHmac<C> {
    fn algorithm(&self) -> HashAlgorithm {
        C::ALGORITHM
    }

    fn with_key(&self, key: &[u8]) -> Box<dyn HmacKey> {
        let block_len = C::ALGORITHM.block_len();
        let mut padded = [0; 128];
        if key.len() > block_len {
            let hashed = hash::<C>(C::INITIAL, 0, &[key]);
            padded.iter_mut().zip(hashed.as_slice()).for_each(|(to, from)| *to = *from);
        } else {
            padded.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        }
        let after = |pad: u8| {
            let mut block = padded.map(|byte| byte ^ pad);
            let mut state = C::INITIAL;
            C::compress(&mut state, block.get(..block_len).unwrap_or_default());
            block.zeroize();
            state
        };
        let key: RustHmacKey<C> = RustHmacKey { inner: after(0x36), outer: after(0x5c) };
        padded.zeroize();
        Box::new(key)
    }
}

/// The states after the key's two blocks.
struct RustHmacKey<C: Compress> {
    inner: C::State,
    outer: C::State,
}

impl<C: Compress> Drop for RustHmacKey<C> {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

impl<C: Compress> RustHmacKey<C> {
    fn outer(&self, inner: &Digest) -> Digest {
        hash::<C>(self.outer, C::ALGORITHM.block_len(), &[inner.as_slice()])
    }
}

impl<C: Compress> HmacKey for RustHmacKey<C> {
    fn output_len(&self) -> usize {
        C::ALGORITHM.output_len()
    }

    fn sign(&self, parts: &[&[u8]]) -> Digest {
        self.outer(&hash::<C>(self.inner, C::ALGORITHM.block_len(), parts))
    }

    fn sign_secret_len(&self, prefix: &[u8], data: &[u8], secret_len: usize) -> Option<Digest> {
        let block_len = C::ALGORITHM.block_len();
        // What is public: the message is at least this long, prefix included.
        let least = prefix.len() + data.len().saturating_sub(256 + C::ALGORITHM.output_len());
        let most = u32::try_from(prefix.len() + data.len()).ok()?;
        // No checked conversion: it would branch on the secret. The public bound above holds for it too.
        let low = (prefix.len() + secret_len).to_le_bytes();
        let length = u32::from_le_bytes(low.first_chunk().copied().unwrap_or_default());
        let byte = |at: usize| match prefix.get(at) {
            Some(byte) => *byte,
            None => data.get(at - prefix.len()).copied().unwrap_or(0),
        };

        let mut state = self.inner;
        let mut block = [0; 128];
        let block = block.get_mut(..block_len)?;
        // Blocks that lie in the message whatever its length are compressed as they are.
        let plain = least / block_len;
        for at in 0..plain {
            block.iter_mut().enumerate().for_each(|(i, to)| *to = byte(at * block_len + i));
            C::compress(&mut state, block);
        }

        // The block, counted from the message's start, in which the padding ends; a shift, not a division.
        let field = u32::try_from(C::LENGTH).ok()?;
        let last = (length + field) >> C::BLOCK_BITS;
        let last_possible = (most + field) >> C::BLOCK_BITS;
        let bits = (u64::from(length) + block_len as u64) * 8;
        let mut result = state;
        for at in u32::try_from(plain).ok()?..=last_possible {
            let is_last = at.ct_eq(&last);
            let start = at << C::BLOCK_BITS;
            for (i, to) in (0_u32..).zip(block.iter_mut()) {
                let position = start + i;
                let mut value = u8::conditional_select(&0, &byte(position as usize), position.ct_lt(&length));
                value.conditional_assign(&0x80, position.ct_eq(&length));
                *to = value;
            }
            let field_at = block_len - 8;
            for (to, value) in block.iter_mut().skip(field_at).zip(C::length_field(bits)) {
                to.conditional_assign(&value, is_last);
            }
            C::compress(&mut state, block);
            C::select(&mut result, &state, is_last);
        }
        block.zeroize();
        state.zeroize();
        let inner = C::write(&result);
        result.zeroize();
        Some(self.outer(&inner))
    }
}

/// Hashes on from `state`, after `before` bytes (whole blocks), to the end.
fn hash<C: Compress>(mut state: C::State, before: usize, parts: &[&[u8]]) -> Digest {
    let block_len = C::ALGORITHM.block_len();
    let (mut buffer, mut filled, mut total) = ([0; 128], 0, before);
    for part in parts {
        let mut part = *part;
        total += part.len();
        if filled > 0 {
            let (head, rest) = part.split_at(part.len().min(block_len - filled));
            buffer.iter_mut().skip(filled).zip(head).for_each(|(to, from)| *to = *from);
            filled += head.len();
            part = rest;
            if filled == block_len {
                C::compress(&mut state, buffer.get(..block_len).unwrap_or_default());
                filled = 0;
            }
        }
        let mut blocks = part.chunks_exact(block_len);
        for block in &mut blocks {
            C::compress(&mut state, block);
        }
        let rest = blocks.remainder();
        if !rest.is_empty() {
            buffer.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            filled = rest.len();
        }
    }
    // Padding: one bit, zeros, the length in bits (FIPS 180-4 5.1).
    let mut tail = [0; 256];
    tail.iter_mut().zip(buffer.iter().take(filled)).for_each(|(to, from)| *to = *from);
    tail.iter_mut().skip(filled).take(1).for_each(|byte| *byte = 0x80);
    let end = if filled + 1 + C::LENGTH <= block_len { block_len } else { 2 * block_len };
    tail.iter_mut().skip(end - 8).zip(C::length_field(total as u64 * 8)).for_each(|(to, from)| *to = from);
    for block in tail.get(..end).unwrap_or_default().chunks_exact(block_len) {
        C::compress(&mut state, block);
    }
    buffer.zeroize();
    tail.zeroize();
    let digest = C::write(&state);
    state.zeroize();
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HMAC by the `hmac` crate, which shares nothing with ours but the compression function.
    fn reference(algorithm: HashAlgorithm, key: &[u8], message: &[u8]) -> Vec<u8> {
        use hmac::{KeyInit, Mac};
        macro_rules! mac {
            ($hash:ty) => {{
                let mut mac = hmac::Hmac::<$hash>::new_from_slice(key).unwrap();
                mac.update(message);
                mac.finalize().into_bytes().to_vec()
            }};
        }
        match algorithm {
            HashAlgorithm::Sha1 => mac!(sha1::Sha1),
            HashAlgorithm::Sha256 => mac!(sha2::Sha256),
            HashAlgorithm::Sha384 => mac!(sha2::Sha384),
            HashAlgorithm::Sha512 => mac!(sha2::Sha512),
            #[cfg(feature = "legacy")]
            HashAlgorithm::Md5 => mac!(md5::Md5),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_constant_time_form_gives_the_same_for_every_length() {
        let data: Vec<u8> = (0..700_u32).map(|i| (i * 7 % 251) as u8).collect();
        let key = [0x42; 20];
        for hmac in [
            &HMAC_SHA1 as &dyn Hmac,
            &HMAC_SHA256,
            &HMAC_SHA384,
            #[cfg(feature = "legacy")]
            &HMAC_MD5,
        ] {
            let prepared = hmac.with_key(&key);
            for total in [0, 1, 20, 55, 64, 119, 255, 256, 300, 511, 512, 700] {
                let data = &data[..total];
                let least = total.saturating_sub(256 + prepared.output_len());
                for len in least..=total {
                    let got = prepared.sign_secret_len(b"thirteen byte", data, len).unwrap();
                    let message = [b"thirteen byte", &data[..len]].concat();
                    assert_eq!(got.as_slice(), reference(hmac.algorithm(), &key, &message), "{hmac:?} {total} {len}");
                    assert_eq!(got.as_slice(), prepared.sign(&[b"thirteen byte", &data[..len]]).as_slice());
                }
            }
        }
    }
}
