//! This table beside the default one: the same names in the same order, and the same answers to what is wrong.

use super::*;
use clasp_crypto::{HashAlgorithm, KeyExchangeGroup, NamedGroup, SignatureScheme, Verifiers, default_provider};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{AlgorithmIdentifier, PrivateKeyDer};

fn names(table: &Provider) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    names.extend(table.hashes.iter().map(|one| format!("{:?}", one.algorithm())));
    names.extend(table.hmacs.iter().map(|one| format!("HMAC {:?}", one.algorithm())));
    names.extend(table.mac_hmacs.iter().map(|one| format!("MAC {:?}", one.algorithm())));
    names.extend(table.aeads.iter().map(|one| format!("{:?}", one.algorithm())));
    names.extend(table.block_ciphers.iter().map(|one| format!("{:?}", one.algorithm())));
    names.extend(table.groups.iter().map(|one| one.name().to_string()));
    names
}

fn ids(verifiers: Verifiers) -> Vec<(AlgorithmIdentifier, AlgorithmIdentifier)> {
    verifiers.iter().map(|one| (one.public_key_alg_id(), one.signature_alg_id())).collect()
}

fn schemes(
    table: &[(SignatureScheme, Verifiers)],
) -> Vec<(SignatureScheme, Vec<(AlgorithmIdentifier, AlgorithmIdentifier)>)> {
    table.iter().map(|(scheme, verifiers)| (*scheme, ids(verifiers))).collect()
}

/// Alone, both have the same features; in a build of the whole workspace others may have asked the default table for more.
fn built_alike() -> bool {
    let has = |name| default_provider().group(name).is_some();
    default_provider().hash(HashAlgorithm::Md5).is_some() == cfg!(feature = "legacy")
        && has(NamedGroup::X25519MLKEM768) == cfg!(feature = "post-quantum")
}

#[test]
fn the_names_are_the_default_tables() {
    let (ours, theirs) = (provider(), default_provider());
    if !built_alike() {
        assert!(names(ours).iter().all(|name| names(theirs).contains(name)));
        return;
    }
    assert_eq!(names(ours), names(theirs));
    assert_eq!(schemes(ours.verifiers), schemes(theirs.verifiers));
    assert_eq!(schemes(ours.verifiers_13), schemes(theirs.verifiers_13));
    assert_eq!(ids(ours.certificate_algorithms), ids(theirs.certificate_algorithms));
    assert_eq!(ids(ours.legacy_certificate_algorithms), ids(theirs.legacy_certificate_algorithms));
}

/// What AWS-LC has is AWS-LC's.
#[test]
fn what_aws_lc_has_is_its_own() {
    let shown = format!("{:?} {:?} {:?}", provider().aeads, provider().groups, provider().verifiers);
    for of_rings in ["RingAead", "RingGroup", "RingVerifier", ", P521,"] {
        assert!(!shown.contains(of_rings), "{of_rings}");
        let by_default = default_provider();
        let shown = format!("{:?} {:?} {:?}", by_default.aeads, by_default.groups, by_default.verifiers);
        assert!(shown.contains(of_rings), "{of_rings} is not called so");
    }
}

/// One side on each table, both ways.
#[test]
fn the_tables_agree_in_every_group() {
    for ours in provider().groups {
        let theirs = default_provider().group(ours.name()).unwrap();
        for (client, server) in [(*ours, theirs), (theirs, *ours)] {
            for _ in 0..3 {
                let asked = client.start(provider().random).unwrap();
                let (value, secret) = server.respond(asked.public_key(), default_provider().random).unwrap();
                assert_eq!(asked.complete(&value).unwrap().as_bytes(), secret.as_bytes(), "{}", ours.name());
            }
        }
    }
}

/// Values of every length and of other forms: taken or refused alike, with the same error.
#[test]
fn the_tables_refuse_alike() {
    for ours in provider().groups {
        let theirs = default_provider().group(ours.name()).unwrap();
        let good = ours.start(provider().random).unwrap().public_key().to_vec();
        let mut values: Vec<Vec<u8>> = (0..140).map(|len| vec![9; len]).collect();
        values.extend([0, 1, 31, 32, 33, 64, 65, 66, 1088].map(|len| good[..len.min(good.len() - 1)].to_vec()));
        values.extend([
            [&good[..], &[0]].concat(),
            [&[0], &good[..]].concat(),
            vec![0; good.len()],
            vec![0xff; good.len()],
        ]);
        for first in 0..8 {
            let mut other = good.clone();
            other[0] = first;
            values.push(other);
        }
        for value in values {
            let answer = |group: &dyn KeyExchangeGroup| {
                let answer = group.respond(&value, default_provider().random).map(|(value, _)| value.len());
                // Which of the reasons is given is no part of it.
                answer.map_err(|error| match error {
                    CryptoError::BadPeerKey(_) => CryptoError::BadPeerKey(""),
                    other => other,
                })
            };
            assert_eq!(answer(*ours), answer(theirs), "{} {value:02x?}", ours.name());
        }
    }
}

/// What one table signs, the other verifies.
#[test]
fn the_tables_verify_each_others_signatures() {
    for name in ["p256", "p384", "p521", "ed25519", "rsa2048", "rsa3072", "rsa4096", "rsa8192"] {
        let (.., pem) = keys::keys("good").into_iter().find(|(known, ..)| *known == name).unwrap();
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
        let tables = [provider(), default_provider()];
        let [ours, theirs] = tables.map(|table| (table.load_key)(&der).unwrap());
        assert_eq!(ours.schemes(), theirs.schemes(), "{name}");
        assert_eq!(ours.public_key(), theirs.public_key());
        for scheme in keys::message_schemes(ours.as_ref()) {
            for (key, table) in [(&ours, tables[1]), (&theirs, tables[0])] {
                let signature = key.sign(scheme, b"message", table.random).unwrap();
                let spki = key.public_key();
                let (algorithm, public) = keys::parts(&spki);
                let verifiers = table.verifier_for(scheme).unwrap();
                let suits = verifiers.iter().find(|one| one.public_key_alg_id().as_ref() == algorithm).unwrap();
                suits.verify_signature(public, b"message", &signature).unwrap();
                assert!(suits.verify_signature(public, b"massage", &signature).is_err(), "{name} {scheme}");
            }
        }
    }
}

/// AWS-LC reads keys in other forms than those of a SubjectPublicKeyInfo's bit string; they are refused.
#[test]
fn keys_in_other_forms_verify_nothing() {
    for name in ["p256", "p384", "p521", "ed25519", "rsa2048"] {
        let key = keys::load(name);
        let scheme = key.schemes()[0];
        let signature = key.sign(scheme, b"message", provider().random).unwrap();
        let spki = key.public_key();
        let (algorithm, public) = keys::parts(&spki);
        let verifiers = provider().verifier_for(scheme).unwrap();
        let suits = verifiers.iter().find(|one| one.public_key_alg_id().as_ref() == algorithm).unwrap();
        suits.verify_signature(public, b"message", &signature).unwrap();
        // The whole of it in the place of the bit string.
        assert!(suits.verify_signature(&spki, b"message", &signature).is_err(), "{name}");
        if key.algorithm().curve().is_some() {
            let compressed = [&[2 + (public[public.len() - 1] & 1)], &public[1..=public.len() / 2]].concat();
            assert!(suits.verify_signature(&compressed, b"message", &signature).is_err(), "{name}");
        }
    }
}
