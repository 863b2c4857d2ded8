//! Key exchange on curves: RFC 7748, RFC 5903, and every value that is none of the curve's.
//!
//! Tables make their private keys themselves, so their side is held against another implementation, which has to give the RFCs'
//! results first: for X25519 the ladder of RFC 7748 5, written out below; for the others RustCrypto's arithmetic.

use super::*;
use clasp_crypto::{KeyExchangeGroup, NamedGroup, SharedSecret};
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};

pub(super) fn group(name: NamedGroup) -> &'static dyn KeyExchangeGroup {
    provider().group(name).unwrap()
}

fn complete(name: NamedGroup, peer: &[u8]) -> Result<SharedSecret, CryptoError> {
    group(name).start(provider().random)?.complete(peer)
}

/// RFC 7748 5: the Montgomery ladder, u coordinates only, little-endian.
fn x25519(scalar: &[u8], u: &[u8]) -> Vec<u8> {
    let number = |little: &[u8]| {
        let mut big = little.to_vec();
        big.reverse();
        BoxedUint::from_be_slice(&big, 256).unwrap()
    };
    let p = number(&[&[0xed][..], &[0xff; 30], &[0x7f]].concat());
    let params = BoxedMontyParams::new(Odd::new(p.clone()).unwrap());
    let element = |value: &BoxedUint| BoxedMontyForm::new(value.clone(), &params);
    let small = |value: u64| element(&BoxedUint::from_be_slice(&value.to_be_bytes(), 256).unwrap());

    let mut scalar = scalar.to_vec();
    scalar[0] &= 0xf8;
    scalar[31] = scalar[31] & 0x7f | 0x40;
    let mut u = u.to_vec();
    u[31] &= 0x7f;
    // A value not below p stands for the same one below it.
    let u = number(&u);
    let x1 = element(&if u >= p { u.wrapping_sub(&p) } else { u });
    let (mut x2, mut z2, mut x3, mut z3) = (small(1), small(0), x1.clone(), small(1));
    for bit in (0..255).rev() {
        let swap = scalar[bit / 8] >> (bit % 8) & 1 == 1;
        if swap {
            core::mem::swap(&mut x2, &mut x3);
            core::mem::swap(&mut z2, &mut z3);
        }
        let (a, b, c, d) = (&x2 + &z2, &x2 - &z2, &x3 + &z3, &x3 - &z3);
        let (aa, bb, da, cb) = (&a * &a, &b * &b, &d * &a, &c * &b);
        let e = &aa - &bb;
        let (sum, difference) = (&da + &cb, &da - &cb);
        x3 = &sum * &sum;
        z3 = &x1 * &(&difference * &difference);
        x2 = &aa * &bb;
        z2 = &e * &(&aa + &(&small(121_665) * &e));
        if swap {
            core::mem::swap(&mut x2, &mut x3);
            core::mem::swap(&mut z2, &mut z3);
        }
    }
    let inverse = z2.pow(&p.wrapping_sub(BoxedUint::from_be_slice(&[2], 256).unwrap()));
    let mut out = (&x2 * &inverse).retrieve().to_be_bytes().into_vec();
    out.reverse();
    out.truncate(32);
    out
}

#[test]
fn x25519_as_the_rfc_has_it() {
    // RFC 7748 5.2.
    let cases = [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ];
    for (scalar, u, wanted) in cases {
        assert_eq!(x25519(&hex(scalar), &hex(u)), hex(wanted), "the test's own ladder");
    }
    // 6.1: Bob's side against a fresh key of ours.
    let bob = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    let bob_public = hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    let base = [&[9][..], &[0; 31]].concat();
    assert_eq!(x25519(&bob, &base), bob_public);
    for _ in 0..4 {
        let ours = group(NamedGroup::X25519).start(provider().random).unwrap();
        let wanted = x25519(&bob, ours.public_key());
        assert_eq!(ours.complete(&bob_public).unwrap().as_bytes(), wanted);
        // The unused top bit is to be ignored (RFC 7748 5).
        let ours = group(NamedGroup::X25519).start(provider().random).unwrap();
        let wanted = x25519(&bob, ours.public_key());
        let mut masked = bob_public.clone();
        masked[31] |= 0x80;
        assert_eq!(ours.complete(&masked).unwrap().as_bytes(), wanted);
    }
}

/// RFC 8422 5.11 and RFC 7748 6.1: an all-zero result is refused, which the points of small order give, in all their
/// encodings.
#[test]
fn x25519_points_of_small_order_are_refused() {
    let points = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "cdeb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
        "4c9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7",
        "d9ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "daffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "dbffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];
    for point in points {
        let point = hex(point);
        let wanted = x25519(&[0x55; 32], &point).iter().all(|byte| *byte == 0);
        assert_eq!(complete(NamedGroup::X25519, &point).is_err(), wanted, "{point:02x?}");
    }
    assert!(complete(NamedGroup::X25519, &hex(points[0])).is_err());
}

pub(super) struct Curve {
    pub(super) name: NamedGroup,
    /// The responder's private key, the initiator's, and the responder's public value.
    r: &'static str,
    pub(super) i: &'static str,
    pub(super) gr: &'static str,
    pub(super) gi: &'static str,
    pub(super) shared: &'static str,
    /// Multiplies a point, given as it stands on the wire, by a private key.
    multiply: fn(&[u8], &[u8]) -> Vec<u8>,
}

macro_rules! multiply {
    ($curve:ident) => {
        |scalar, point| {
            use $curve::elliptic_curve::sec1::ToSec1Point as _;
            let secret = $curve::SecretKey::from_slice(scalar).unwrap();
            let point = $curve::PublicKey::from_sec1_bytes(point).unwrap();
            let product = (point.to_projective() * *secret.to_nonzero_scalar()).to_affine();
            product.to_sec1_point(false).x().unwrap().to_vec()
        }
    };
}

/// RFC 5903 8.1, 8.2, 8.3.
pub(super) const CURVES: [Curve; 3] = [
    Curve {
        name: NamedGroup::SECP256R1,
        r: "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
        i: "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
        gr: "04 d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63
                56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
        gi: "04 dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180
                5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
        shared: "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de",
        multiply: multiply!(p256),
    },
    Curve {
        name: NamedGroup::SECP384R1,
        r: "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312916b8ed2960e4bd55a7448fc",
        i: "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194",
        gr: "04 e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d0d1ac43a0336def96fda41d0774a3571
                dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c",
        gi: "04 667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808acb4bdb4c88732aee95f41aa
                9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c",
        shared: "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746",
        multiply: multiply!(p384),
    },
    Curve {
        name: NamedGroup::SECP521R1,
        r: "0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e9c677d600b343757a3bdbf2a3163e4c2f869
            cca7458aa4a4effc311f5cb151685eb9",
        i: "0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a095aa85a30fe1c2952c6771d937ba9777f595
            7b2639bab072462f68c27a57382d4a52",
        gr: "04 00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a219b97c356436adc6e95bb0352f6be64a6c291
                2d4ef2d0433ced2b6171640012d9460f
                015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87220b6536c5c408a1d2aebb8e86d678ae49cb
                57091f4732296579ab44fcd17f0fc56a",
        gi: "04 0015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbee1e3bf42e00b8e380aeae57c2d1075649418
                85942af5a7f4601723c4195d176ced3e
                017cae20b6641d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4a10ad8a788015ac405d7799dc75e7b7d5b6cf226
                1a6a7f1507438bf01beb6ca3926f9582",
        shared: "01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d1427e73ca4baa240a34786859810c06b3c7
                 15a3a8cc3151f2bee417996d19f3ddea",
        multiply: multiply!(p521),
    },
];

#[test]
fn curves_as_the_rfc_has_them() {
    for curve in CURVES {
        let (gr, gi) = (hex(curve.gr), hex(curve.gi));
        assert_eq!((curve.multiply)(&hex(curve.i), &gr), hex(curve.shared), "the other implementation");
        assert_eq!((curve.multiply)(&hex(curve.r), &gi), hex(curve.shared), "the other implementation");
        for _ in 0..3 {
            let ours = group(curve.name).start(provider().random).unwrap();
            assert_eq!((ours.public_key().len(), ours.public_key()[0]), (gr.len(), 4));
            let wanted = (curve.multiply)(&hex(curve.r), ours.public_key());
            let secret = ours.complete(&gr).unwrap();
            assert_eq!(secret.as_bytes(), wanted, "{}", curve.name);
            assert_eq!(secret.as_bytes().len(), (gr.len() - 1) / 2, "leading zeros are kept (RFC 8422 5.10)");
        }
    }
}

#[test]
fn what_is_no_point_of_the_curve_is_refused() {
    for curve in &CURVES {
        let good = hex(curve.gr);
        let half = (good.len() - 1) / 2;
        assert!(complete(curve.name, &good).is_ok());
        let with = |first: u8, x: &[u8], y: &[u8]| [&[first][..], x, y].concat();
        let (x, y) = (&good[1..=half], &good[1 + half..]);
        let mut negative_zero = y.to_vec();
        negative_zero.fill(0);
        let bad = [
            ("nothing", vec![]),
            ("the point at infinity", vec![0]),
            ("the point at infinity, at length", vec![0; good.len()]),
            ("zero", with(4, &vec![0; half], &vec![0; half])),
            ("y of zero", with(4, x, &negative_zero)),
            ("coordinates exchanged", with(4, y, x)),
            ("not below p", with(4, &vec![0xff; half], y)),
            ("compressed", with(2 + (y[half - 1] & 1), x, &[])),
            ("hybrid", with(6 + (y[half - 1] & 1), x, y)),
            ("no form", with(5, x, y)),
            ("short", good[..good.len() - 1].to_vec()),
            ("long", with(4, x, &[y, &[0]].concat())),
            ("coordinates alone", good[1..].to_vec()),
        ];
        for (what, bytes) in bad {
            let refused = complete(curve.name, &bytes).unwrap_err();
            assert!(matches!(refused, CryptoError::BadPeerKey(_)), "{} {what}: {refused}", curve.name);
        }
        for at in (1..good.len()).step_by(5) {
            let mut off = good.clone();
            off[at] ^= 1;
            assert!(complete(curve.name, &off).is_err(), "{}: byte {at}", curve.name);
        }
        for other in CURVES.iter().filter(|other| other.name != curve.name) {
            assert!(complete(curve.name, &hex(other.gr)).is_err());
        }
    }
    for length in (0..100).filter(|length| *length != 32) {
        assert!(complete(NamedGroup::X25519, &vec![9; length]).is_err(), "{length}");
    }
}

#[test]
fn every_group_agrees_with_itself_and_makes_new_keys() {
    for group in provider().groups.iter().filter(|group| !group.is_kem()) {
        let (a, b) = (group.start(provider().random).unwrap(), group.start(provider().random).unwrap());
        let (of_a, of_b) = (a.public_key().to_vec(), b.public_key().to_vec());
        assert_ne!(of_a, of_b);
        let secret = a.complete(&of_b).unwrap();
        assert_eq!(secret.as_bytes(), b.complete(&of_a).unwrap().as_bytes());
        assert!(secret.as_bytes().iter().any(|byte| *byte != 0));
        assert_eq!(format!("{secret:?}"), "SharedSecret");
    }
    assert!(provider().group(NamedGroup::X448).is_none());
}

#[test]
fn without_randomness_there_is_no_key() {
    assert_eq!(group(NamedGroup::FFDHE2048).start(&Broken).err(), Some(CryptoError::Random));
}

/// A server of TLS 1.3 answers in one step.
#[test]
fn every_group_answers_who_speaks_first() {
    for group in provider().groups {
        let client = group.start(provider().random).unwrap();
        let (value, secret) = group.respond(client.public_key(), provider().random).unwrap();
        assert_eq!(client.complete(&value).unwrap().as_bytes(), secret.as_bytes(), "{group:?}");
        assert!(matches!(group.respond(&[0; 20], provider().random), Err(CryptoError::BadPeerKey(_))), "{group:?}");
    }
}
