//! A curve and ML-KEM-768 side by side (draft-ietf-tls-ecdhe-mlkem): lengths, order, and what is not taken.

use super::*;
use clasp_crypto::{KeyExchangeGroup, NamedGroup};

/// Name, curve, length of the curve's value, whether the KEM's part is the first.
pub(super) const HYBRIDS: [(NamedGroup, NamedGroup, usize, bool); 2] = [
    (NamedGroup::X25519MLKEM768, NamedGroup::X25519, 32, true),
    (NamedGroup::SECP256R1MLKEM768, NamedGroup::SECP256R1, 65, false),
];

const ENCAPSULATION_KEY: usize = 1184;
const CIPHERTEXT: usize = 1088;

fn group(name: NamedGroup) -> &'static dyn KeyExchangeGroup {
    provider().group(name).unwrap()
}

/// The KEM's part of a value and the curve's.
fn split(value: &[u8], kem: usize, kem_first: bool) -> (&[u8], &[u8]) {
    if kem_first {
        value.split_at(kem)
    } else {
        let (curve, kem) = value.split_at(value.len() - kem);
        (kem, curve)
    }
}

fn join(kem: &[u8], curve: &[u8], kem_first: bool) -> Vec<u8> {
    if kem_first { [kem, curve].concat() } else { [curve, kem].concat() }
}

#[test]
fn both_sides_agree_in_values_of_the_right_lengths() {
    for (name, _, curve_len, _) in HYBRIDS {
        assert!(group(name).is_kem());
        let client = group(name).start(provider().random).unwrap();
        assert_eq!(client.public_key().len(), ENCAPSULATION_KEY + curve_len);
        let (share, secret) = group(name).respond(client.public_key(), provider().random).unwrap();
        assert_eq!((share.len(), secret.as_bytes().len()), (CIPHERTEXT + curve_len, 64));
        assert_eq!(client.complete(&share).unwrap().as_bytes(), secret.as_bytes());
        // Fresh every time.
        let other = group(name).start(provider().random).unwrap();
        let (_, again) = group(name).respond(other.public_key(), provider().random).unwrap();
        assert_ne!(again.as_bytes(), secret.as_bytes());
    }
}

/// Each part where the draft has it, by another hand: libcrux for the KEM, the curve's own group for the curve.
#[test]
fn the_parts_stand_in_the_drafts_order() {
    use libcrux_ml_kem::mlkem768::{
        MlKem768Ciphertext, MlKem768PublicKey, decapsulate, encapsulate, generate_key_pair,
    };
    for (name, curve_name, _, kem_first) in HYBRIDS {
        // Against our client.
        let client = group(name).start(provider().random).unwrap();
        let (key, curve) = split(client.public_key(), ENCAPSULATION_KEY, kem_first);
        let (ciphertext, kem_secret) = encapsulate(&MlKem768PublicKey::try_from(key).unwrap(), [7; 32]);
        let (curve_share, curve_secret) = group(curve_name).respond(curve, provider().random).unwrap();
        let secret = client.complete(&join(ciphertext.as_ref(), &curve_share, kem_first)).unwrap();
        assert_eq!(secret.as_bytes(), join(&kem_secret, curve_secret.as_bytes(), kem_first));

        // Against our server.
        let kem = generate_key_pair([9; 64]);
        let curve = group(curve_name).start(provider().random).unwrap();
        let (share, secret) =
            group(name).respond(&join(kem.pk(), curve.public_key(), kem_first), provider().random).unwrap();
        let (ciphertext, curve_share) = split(&share, CIPHERTEXT, kem_first);
        let kem_secret = decapsulate(kem.private_key(), &MlKem768Ciphertext::try_from(ciphertext).unwrap());
        let curve_secret = curve.complete(curve_share).unwrap();
        assert_eq!(secret.as_bytes(), join(&kem_secret, curve_secret.as_bytes(), kem_first));
    }
}

/// One key pair for two shares: the client sends the curve's value by itself too.
#[test]
fn the_curves_part_is_a_share_by_itself() {
    for (name, curve_name, curve_len, kem_first) in HYBRIDS {
        let client = group(name).start(provider().random).unwrap();
        let (component, value) = client.component().unwrap();
        assert_eq!((component, value.len()), (curve_name, curve_len));
        assert_eq!(value, split(client.public_key(), ENCAPSULATION_KEY, kem_first).1);
        let (share, secret) = group(curve_name).respond(value, provider().random).unwrap();
        assert_eq!(client.complete_component(&share).unwrap().as_bytes(), secret.as_bytes());
    }
    let plain = group(NamedGroup::X25519).start(provider().random).unwrap();
    assert!(plain.component().is_none());
    assert_eq!(plain.complete_component(&[9; 32]).err(), Some(CryptoError::Unsupported));
}

#[test]
fn values_of_another_length_or_kind_are_refused() {
    let refused = |result: Result<_, CryptoError>| matches!(result.map(drop), Err(CryptoError::BadPeerKey(_)));
    for (name, curve_name, curve_len, kem_first) in HYBRIDS {
        let client = || group(name).start(provider().random).unwrap();
        let good = client().public_key().to_vec();
        let (answer, _) = group(name).respond(&good, provider().random).unwrap();
        for length in [0, 1, 31, 32, 65, ENCAPSULATION_KEY, good.len() - 1, good.len() + 1, answer.len()] {
            let mut other = good.clone();
            other.resize(length, 0);
            assert!(refused(group(name).respond(&other, provider().random).map(drop)), "{name}: {length}");
        }
        for length in [0, 1, 31, 32, 65, CIPHERTEXT, answer.len() - 1, answer.len() + 1, good.len()] {
            let mut other = answer.clone();
            other.resize(length, 0);
            assert!(refused(client().complete(&other).map(drop)), "{name}: {length}");
        }
        // FIPS 203 7.2: a coefficient that is not reduced, 4095 in twelve bits.
        let (key, curve) = split(&good, ENCAPSULATION_KEY, kem_first);
        for at in [0, 3 * 200, 1149] {
            let mut key = key.to_vec();
            key[at..at + 3].fill(0xff);
            assert!(refused(group(name).respond(&join(&key, curve, kem_first), provider().random).map(drop)));
        }
        // The curve's check is not left out: zeros are no point, and of small order with X25519.
        let zeros = vec![0; curve_len];
        assert!(refused(group(name).respond(&join(key, &zeros, kem_first), provider().random).map(drop)));
        let (ciphertext, _) = split(&answer, CIPHERTEXT, kem_first);
        assert!(refused(client().complete(&join(ciphertext, &zeros, kem_first)).map(drop)), "{curve_name}");
    }
}

/// FIPS 203 6.3: an altered ciphertext gives another secret and no error; who altered it learns nothing.
#[test]
fn an_altered_ciphertext_gives_another_secret() {
    for (name, _, _, kem_first) in HYBRIDS {
        let client = group(name).start(provider().random).unwrap();
        let (share, secret) = group(name).respond(client.public_key(), provider().random).unwrap();
        let (ciphertext, curve) = split(&share, CIPHERTEXT, kem_first);
        let mut altered = ciphertext.to_vec();
        altered[500] ^= 1;
        let got = client.complete(&join(&altered, curve, kem_first)).unwrap();
        let (kem, curve) = split(got.as_bytes(), 32, kem_first);
        let (wanted_kem, wanted_curve) = split(secret.as_bytes(), 32, kem_first);
        assert_eq!(curve, wanted_curve);
        assert_ne!(kem, wanted_kem);
    }
}
