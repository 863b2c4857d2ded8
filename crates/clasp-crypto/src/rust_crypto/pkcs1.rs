//! Taking PKCS#1 v1.5 padding off by mask (RFC 8017 7.2.2), for a message of known length.
//!
//! The known length fixes where everything must stand, so no byte's place depends on a secret. Why it matters: whoever can
//! tell good padding from bad, by an answer or by the time, can decrypt and sign with the server's key (Bleichenbacher,
//! 1998; ROBOT, 2017; Marvin, 2023).

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// Copies the message of the encoded block `em` into `out` if the block is `00 02 PS 00 M` with no zero in PS, M as long as
/// `out` and beginning with `prefix`, and `also` holds; leaves `out` as it is otherwise. Only the lengths show in the time.
pub(crate) fn unpad_or_keep(em: &[u8], prefix: &[u8], also: Choice, out: &mut [u8]) {
    /// Two leading bytes, at least eight of padding, and the separator.
    const OVERHEAD: usize = 11;
    if em.len() < out.len() + OVERHEAD || prefix.len() > out.len() {
        return;
    }
    let (head, message) = em.split_at(em.len() - out.len());
    let mut good = also;
    let last = head.len() - 1;
    for (at, byte) in head.iter().enumerate() {
        let wanted = match at {
            0 => byte.ct_eq(&0),
            1 => byte.ct_eq(&2),
            _ if at == last => byte.ct_eq(&0),
            _ => !byte.ct_eq(&0),
        };
        good &= wanted;
    }
    for (byte, wanted) in message.iter().zip(prefix) {
        good &= byte.ct_eq(wanted);
    }
    for (out, byte) in out.iter_mut().zip(message) {
        out.conditional_assign(byte, good);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(len: usize, message: &[u8]) -> Vec<u8> {
        let mut em = vec![0xab; len - message.len()];
        em[0] = 0;
        em[1] = 2;
        *em.last_mut().unwrap() = 0;
        em.extend_from_slice(message);
        em
    }

    fn run(em: &[u8], prefix: &[u8]) -> [u8; 48] {
        let mut out = [0x55; 48];
        unpad_or_keep(em, prefix, Choice::from(1), &mut out);
        out
    }

    const KEPT: [u8; 48] = [0x55; 48];

    #[test]
    fn good_padding_gives_the_message() {
        let message = [3; 48];
        assert_eq!(run(&block(256, &message), &[3, 3]), message);
        assert_eq!(run(&block(59, &message), &[3, 3]), message);
    }

    #[test]
    fn everything_else_keeps_what_was_there() {
        let message = [3; 48];
        let good = block(256, &message);
        for at in 0..256 - 48 {
            let mut bad = good.clone();
            // A padding byte becomes zero; every other byte of the head becomes another one.
            bad[at] = if (2..207).contains(&at) { 0 } else { bad[at] ^ 1 };
            assert_eq!(run(&bad, &[3, 3]), KEPT, "byte {at}");
        }
        assert_eq!(run(&good, &[3, 2]), KEPT);
        assert_eq!(run(&good, &[2, 3]), KEPT);
        assert_eq!(run(&block(256, &[3; 47]), &[3, 3]), KEPT);
        assert_eq!(run(&block(256, &[3; 49]), &[3, 3]), KEPT);
        assert_eq!(run(&block(58, &message), &[3, 3]), KEPT);
        let mut out = KEPT;
        unpad_or_keep(&good, &[3, 3], Choice::from(0), &mut out);
        assert_eq!(out, KEPT);
    }
}
