//! Diffie-Hellman in finite fields: the groups by their formula, values by another computation, and what must be refused.

use super::*;
use clasp_crypto::{NamedGroup, SharedSecret, ffdhe, ffdhe_name};
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};

/// RFC 7919, appendix A: name, bits, and the constant that makes the prime a safe one.
const GROUPS: [(NamedGroup, u32, u64); 3] = [
    (NamedGroup::FFDHE2048, 2048, 560_316),
    (NamedGroup::FFDHE3072, 3072, 2_625_351),
    (NamedGroup::FFDHE4096, 4096, 5_736_041),
];

fn number(bytes: &[u8], bits: u32) -> BoxedUint {
    BoxedUint::from_be_slice(bytes, bits).unwrap()
}

/// floor(2^shift e), of a width of `bits`: the sum of 1/k! in fixed point, with more digits than are asked for.
fn e_times_two_to_the(shift: u32, bits: u32) -> BoxedUint {
    const GUARD: u32 = 64;
    let width = bits + GUARD;
    let mut term = BoxedUint::one_with_precision(width).shl_vartime(shift + GUARD).unwrap();
    let mut sum = term.clone();
    for k in 1_u64.. {
        let divisor = number(&k.to_be_bytes(), width).to_nz().unwrap();
        term = term.div_rem(&divisor).0;
        if bool::from(term.is_zero()) {
            break;
        }
        sum = sum.wrapping_add(&term);
    }
    sum.shr_vartime(GUARD).unwrap()
}

/// Each prime is 2^b - 2^(b-64) + (floor(2^(b-130) e) + X) 2^64 - 1.
#[test]
fn the_primes_come_from_their_formula() {
    for (name, bits, x) in GROUPS {
        let (p, g) = ffdhe(name).unwrap();
        assert_eq!((p.len() * 8, g), (bits as usize, &[2][..]));
        let width = bits + 64;
        let power = |exponent: u32| BoxedUint::one_with_precision(width).shl_vartime(exponent).unwrap();
        let middle = e_times_two_to_the(bits - 130, width).wrapping_add(number(&x.to_be_bytes(), width + 64));
        let wanted = power(bits)
            .wrapping_sub(power(bits - 64))
            .wrapping_add(middle.shl_vartime(64).unwrap())
            .wrapping_sub(BoxedUint::one_with_precision(width));
        let wanted = wanted.to_be_bytes();
        assert_eq!(wanted[wanted.len() - p.len()..], *p, "{name}");
        assert!(wanted[..wanted.len() - p.len()].iter().all(|byte| *byte == 0));
    }
}

/// Fermat's test for p, to the base 3, and for (p-1)/2, to the base 4; and 2 generates the subgroup of that order.
#[test]
fn the_primes_are_safe_as_far_as_fermat_tells() {
    for (name, bits, _) in GROUPS {
        let p = number(ffdhe(name).unwrap().0, bits);
        let params = BoxedMontyParams::new(Odd::new(p.clone()).unwrap());
        let one = BoxedUint::one_with_precision(bits);
        let less_one = p.wrapping_sub(&one);
        let half = less_one.shr_vartime(1).unwrap();
        let power = |base: u8, exponent: &BoxedUint| {
            BoxedMontyForm::new(number(&[base], bits), &params).pow(exponent).retrieve()
        };
        assert_eq!(power(3, &less_one), one, "{name}");
        assert_eq!(power(4, &half), one, "{name}");
        assert_eq!(power(2, &half), one, "{name}");
    }
}

#[test]
fn groups_are_known_by_prime_and_generator() {
    for (name, ..) in GROUPS {
        let (p, g) = ffdhe(name).unwrap();
        assert_eq!(ffdhe_name(p, g), Some(name));
        assert_eq!((ffdhe_name(p, &[5]), ffdhe_name(&p[1..], g), ffdhe_name(&[], &[])), (None, None, None));
    }
    assert_eq!((ffdhe(NamedGroup::FFDHE8192), ffdhe(NamedGroup::X25519)), (None, None));
}

/// With fixed bytes for randomness the exponents are known: those counted up from 1 and from 0x21, the top bit set. Public value and secret as Python's
/// `pow` gives them, their first and last eight bytes.
#[test]
fn values_as_another_computation_gives_them() {
    let cases = [
        (NamedGroup::FFDHE2048, 32, PUBLIC_2048, SECRET_2048),
        (NamedGroup::FFDHE3072, 40, PUBLIC_3072, SECRET_3072),
        (NamedGroup::FFDHE4096, 48, PUBLIC_4096, SECRET_4096),
    ];
    for (name, len, public, secret) in cases {
        let group = provider().group(name).unwrap();
        let ends = |bytes: &[u8]| [&bytes[..8], &bytes[bytes.len() - 8..]].concat();
        let start = |first: u8| group.start(&Fixed((first..).take(len).collect())).unwrap();
        let ours = start(1);
        assert_eq!(ends(ours.public_key()), hex(public), "{name}");
        let theirs = start(0x21).public_key().to_vec();
        assert_eq!(ends(ours.complete(&theirs).unwrap().as_bytes()), hex(secret), "{name}");
    }
}

const PUBLIC_2048: &str = "3dd87086dfa267489cf721b1a4920c0b";
const SECRET_2048: &str = "bb609db5b275e407460cd47f7a8aa21d";
const PUBLIC_3072: &str = "37f26be598698726f3f02e9de9376aa0";
const SECRET_3072: &str = "40ba26b37656e554f5e3bc2b6fb19425";
const PUBLIC_4096: &str = "2414037b2902ddee8d7e03b380538d1e";
const SECRET_4096: &str = "28398b407357ba0f1663f055bc2f8e73";

/// A group small enough to try everything in: p = 23, where 5 generates all.
#[test]
fn every_value_of_a_small_group() {
    let power = |base: u32, exponent: u32| (0..exponent).fold(1, |product, _| product * base % 23);
    for exponent in 0x80..=0xff_u8 {
        let random = Fixed(vec![exponent]);
        let start = || provider().finite_field.start(&[23], &[5], &random).unwrap();
        assert_eq!(u32::from(start().public_key()[0]), power(5, exponent.into()));
        for peer in 0..=255_u8 {
            let secret = start().complete(&[peer]);
            if (2..=21).contains(&peer) {
                assert_eq!(u32::from(secret.unwrap().as_bytes()[0]), power(peer.into(), exponent.into()), "{peer}");
            } else {
                assert!(matches!(secret, Err(CryptoError::BadPeerKey(_))), "{peer}");
            }
        }
    }
    // Whatever the bytes, the top bit is set: the exponent's length is no secret, and it is never short.
    let low = provider().finite_field.start(&[23], &[5], &Fixed(vec![1])).unwrap();
    assert_eq!(u32::from(low.public_key()[0]), power(5, 0x81));
}

/// RFC 7919 5.1: 0, 1, p-1, and what is not below p, however written.
#[test]
fn values_outside_the_group_are_refused() {
    for (name, ..) in GROUPS {
        let (p, g) = ffdhe(name).unwrap();
        let plus = |difference: i16| {
            let mut number = p.to_vec();
            // The last byte is 0xff: only a carry of one is ever needed, into a new first byte.
            let last = i16::from(*number.last().unwrap()) + difference;
            if let Ok(last) = u8::try_from(last) {
                *number.last_mut().unwrap() = last;
                return number;
            }
            panic!("not in a byte")
        };
        let above = [&[1][..], &vec![0; p.len()]].concat();
        let padded = |number: &[u8]| [&[0; 5][..], number].concat();
        let bad = [vec![], vec![0], vec![0; p.len()], vec![1], padded(&[1]), plus(-1), p.to_vec(), padded(p), above];
        let start = || provider().group(name).unwrap().start(provider().random).unwrap();
        for value in &bad {
            assert!(matches!(start().complete(value), Err(CryptoError::BadPeerKey(_))), "{name} {}", value.len());
            let generator = provider().finite_field.start(p, value, provider().random);
            assert!(matches!(generator.err(), Some(CryptoError::BadPeerKey(_))), "{name} {}", value.len());
        }
        // The bounds themselves are inside.
        for value in [vec![2], plus(-2), padded(&[2])] {
            assert!(start().complete(&value).is_ok(), "{name}");
        }
        assert!(provider().finite_field.start(p, g, provider().random).is_ok());
    }
}

#[test]
fn groups_that_are_none_are_refused() {
    let start = |p: &[u8], g: &[u8]| provider().finite_field.start(p, g, provider().random).err();
    let bad = |p: &[u8]| matches!(start(p, &[2]), Some(CryptoError::BadPeerKey(_)));
    let prime = ffdhe(NamedGroup::FFDHE2048).unwrap().0;
    let mut even = prime.to_vec();
    even[255] = 0xfe;
    assert!(bad(&even), "even");
    for trivial in [&[][..], &[0], &[0; 300], &[1], &[2], &[3], &[4], &[6]] {
        assert!(bad(trivial), "{trivial:?}");
    }
    // 8192 bits are the most; leading zeros do not count.
    let mut longest = vec![0xff; 1024];
    assert_eq!(start(&longest, &[2]), None);
    longest.insert(0, 0);
    assert_eq!(start(&longest, &[2]), None);
    longest[0] = 1;
    assert!(bad(&longest), "8193 bits");
    assert!(bad(&vec![0xff; 20_000]));
}

/// The same group named and given: what a server writes a client computes with.
#[test]
fn a_prime_with_leading_zeros_is_the_same_prime() {
    let (p, g) = ffdhe(NamedGroup::FFDHE2048).unwrap();
    let padded = [&[0, 0][..], p].concat();
    let ours = provider().finite_field.start(&padded, &[0, 2], provider().random).unwrap();
    let theirs = provider().finite_field.start(p, g, provider().random).unwrap();
    let (of_us, of_them) = (ours.public_key().to_vec(), theirs.public_key().to_vec());
    assert_eq!((of_us.len(), of_them.len()), (256, 256));
    assert_eq!(ours.complete(&of_them).unwrap().as_bytes(), theirs.complete(&of_us).unwrap().as_bytes());
}

/// RFC 5246 8.1.2: leading zero bytes are stripped off the secret, and no others.
#[test]
fn stripped_secrets() {
    let stripped = |bytes: &[u8]| SharedSecret::new(bytes.to_vec()).stripped().to_vec();
    assert_eq!(stripped(&[0, 0, 1, 0, 2, 0]), [1, 0, 2, 0]);
    assert_eq!(stripped(&[7, 0]), [7, 0]);
    assert!(stripped(&[0, 0]).is_empty() && stripped(&[]).is_empty());
}
