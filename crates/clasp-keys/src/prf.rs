//! The pseudorandom function of TLS 1.2 (RFC 5246 5).

use clasp_crypto::{Hmac, HmacKey};

/// Fills `out` with P_hash(secret, label + seed), where the seed comes in parts.
pub fn prf(hmac: &dyn Hmac, secret: &[u8], label: &[u8], seed: &[&[u8]], out: &mut [u8]) {
    prf_with(hmac.with_key(secret).as_ref(), label, seed, out);
}

/// The same with a secret that is an HMAC's key already.
pub(crate) fn prf_with(key: &dyn HmacKey, label: &[u8], seed: &[&[u8]], out: &mut [u8]) {
    // A(i), then the label, then up to four parts of seed, which is all TLS has: a small list on the stack.
    let mut parts: [&[u8]; 6] = [&[]; 6];
    let joined;
    let seed = if seed.len() > 4 {
        joined = seed.concat();
        &[joined.as_slice()][..]
    } else {
        seed
    };
    for (to, from) in parts.iter_mut().skip(1).zip(core::iter::once(&label).chain(seed)) {
        *to = from;
    }
    let label_and_seed = parts.get(1..).unwrap_or_default();
    let mut a = key.sign(label_and_seed);
    let mut chunks = out.chunks_mut(key.output_len()).peekable();
    while let Some(chunk) = chunks.next() {
        let mut with_a = parts;
        with_a[0] = a.as_slice();
        let block = key.sign(&with_a);
        chunk.iter_mut().zip(block.as_slice()).for_each(|(to, from)| *to = *from);
        if chunks.peek().is_some() {
            a = key.sign(&[a.as_slice()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use clasp_crypto::{HashAlgorithm, default_provider};

    use super::*;
    use crate::key_log::tests::hex;

    /// "Test vectors for TLS 1.2 PRF", IETF TLS mailing list, 2009: P_SHA256 and P_SHA384.
    #[test]
    fn published_vectors() {
        let run = |hash, secret: &str, seed: &str, len: usize| {
            let mut out = vec![0; len];
            let hmac = default_provider().hmac(hash).unwrap();
            prf(hmac, &hex(secret), b"test label", &[&hex(seed)], &mut out);
            out
        };
        assert_eq!(
            run(HashAlgorithm::Sha256, "9bbe436ba940f017b17652849a71db35", "a0ba9f936cda311827a6f796ffd5198c", 100),
            hex(concat!(
                "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a",
                "6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab",
                "4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701",
                "87347b66"
            ))
        );
        assert_eq!(
            run(HashAlgorithm::Sha384, "b80b733d6ceefcdc71566ea48e5567df", "cd665cf6a8447dd6ff8b27555edb7465", 148),
            hex(concat!(
                "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cd",
                "e9ca0faa60be9fe34f82b1233c9146a0e534cb400fed2700884f9dc236f80edd",
                "8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d918425",
                "9b5bf8cd4d90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee6",
                "91c8f3a26854308d5eaa3be85e0990703d73e56f"
            ))
        );
    }

    #[test]
    fn parts_of_a_seed_are_one_seed() {
        let hmac = default_provider().hmac(HashAlgorithm::Sha256).unwrap();
        let (mut a, mut b) = ([0; 50], [0; 50]);
        prf(hmac, b"secret", b"label", &[b"one", b"two"], &mut a);
        prf(hmac, b"secret", b"label", &[b"onetwo"], &mut b);
        assert_eq!(a, b);
        for parts in
            [&[&b"o"[..], b"n", b"e", b"two"][..], &[b"o", b"n", b"e", b"t", b"w", b"o"], &[b"one", b"", b"two"]]
        {
            prf(hmac, b"secret", b"label", parts, &mut a);
            assert_eq!(a, b, "{} parts", parts.len());
        }
    }

    #[test]
    fn every_length_is_the_beginning_of_the_same_stream() {
        for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
            let hmac = default_provider().hmac(hash).unwrap();
            let mut whole = [0; 300];
            prf(hmac, b"secret", b"label", &[b"seed"], &mut whole);
            for len in 0..=whole.len() {
                let mut out = vec![0; len];
                prf(hmac, b"secret", b"label", &[b"seed"], &mut out);
                assert_eq!(out, whole[..len]);
            }
        }
    }
}
