//! Old certificates cut up and put together at random: nothing is trusted but what was issued (RFC 5280, section 6.1).

use rustls_pki_types::CertificateDer;

use super::server::ask;
use crate::testing::{name, pem_chain, test_data};
use crate::{CertificateRules, Check, KeyUse, Outcome, RootStore, WebPkiServerVerifier};

/// Chains tried; some 80 microseconds each.
const TRIES: usize = 10_000;

/// Numbers without pattern, the same in every run (Marsaglia, "Xorshift RNGs", 2003).
struct Chance(u64);

impl Chance {
    /// A number below `bound`; 0 if that is 0.
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }

    fn one<'a>(&mut self, all: &'a [CertificateDer<'static>]) -> &'a CertificateDer<'static> {
        &all[self.below(all.len())]
    }
}

/// Changes a certificate in one of the ways damage or malice would.
fn mutate(chance: &mut Chance, octets: &mut Vec<u8>, others: &[CertificateDer<'static>]) {
    let place = chance.below(octets.len());
    let end = (place + 1 + chance.below(40)).min(octets.len());
    match chance.below(5) {
        0 => octets[place] ^= 1 << chance.below(8),
        1 => octets.insert(place, u8::try_from(chance.below(256)).unwrap()),
        2 => drop(octets.drain(place..end)),
        3 => {
            let other = chance.one(others);
            let from = chance.below(other.len());
            let to = (from + end - place).min(other.len());
            octets.splice(place..end, other[from..to].iter().copied());
        }
        // The end of another, which is its signature.
        _ => {
            let other = chance.one(others);
            let tail = other.len().min(octets.len()).min(128 + chance.below(160));
            let keep = octets.len() - tail;
            octets.truncate(keep);
            octets.extend_from_slice(&other[other.len() - tail..]);
        }
    }
    if octets.is_empty() {
        octets.push(0);
    }
}

#[test]
fn nothing_is_trusted_but_what_was_issued() {
    let read = |pems: &[&[u8]]| pems.iter().flat_map(|pem| pem_chain(pem)).collect::<Vec<_>>();
    let mut roots = RootStore::new();
    for root in read(&[
        test_data!("legacy/root.pem"),
        test_data!("legacy/root-v1.pem"),
        test_data!("legacy/root-1024.pem"),
        test_data!("legacy/device.pem"),
    ]) {
        roots.add_der(&root).unwrap();
    }
    let verifier = WebPkiServerVerifier::builder(roots).rules(CertificateRules::legacy()).build().unwrap();
    let good = read(&[
        test_data!("legacy/v1.pem"),
        test_data!("legacy/v1-by-v1.pem"),
        test_data!("legacy/v1-by-middle.pem"),
        test_data!("legacy/v3-by-v1.pem"),
        test_data!("legacy/common-name.pem"),
        test_data!("legacy/by-1024.pem"),
        test_data!("legacy/device.pem"),
    ]);
    let mut all = good.clone();
    all.extend(read(&[
        test_data!("legacy/middle.pem"),
        test_data!("legacy/middle-v1.pem"),
        test_data!("legacy/v1-by-middle-v1.pem"),
        test_data!("legacy/v1-expired.pem"),
        test_data!("legacy/v1-md5.pem"),
        test_data!("legacy/device-v1.pem"),
        test_data!("legacy/root.pem"),
    ]));

    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    let hosts = [name("host.example"), name("device.example")];
    let mut accepted = 0;
    for _ in 0..TRIES {
        let mut chain = vec![chance.one(&all).clone()];
        for _ in 0..chance.below(4) {
            chain.push(chance.one(&all).clone());
        }
        // Some stay whole, or nothing would ever be accepted.
        for _ in 0..chance.below(4) {
            let which = chance.below(chain.len());
            let mut octets = chain[which].to_vec();
            mutate(&mut chance, &mut octets, &all);
            chain[which] = octets.into();
        }
        let host = &hosts[chance.below(2)];
        match ask(&verifier, &chain, host, KeyUse::DigitalSignature) {
            Ok(report) => {
                assert!(good.contains(&chain[0]), "trusted, though nobody issued it: {:?}", chain[0]);
                assert_eq!(report.failures().count(), 0);
                accepted += 1;
            }
            Err(error) => {
                let reached = !matches!(error.report.get(Check::TrustedIssuer), Outcome::NotReached);
                assert!(!reached || error.report.failures().next().is_some(), "refused, and nothing failed: {error}");
            }
        }
    }
    assert!(accepted > TRIES / 100, "{accepted}");
}
