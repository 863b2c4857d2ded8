//! The fuzz bodies as a property test: every file of the corpora, mutations of them, and random bytes. One test a target.

use std::fs;

use clasp_fuzz::TARGETS;
use clasp_fuzz::setup::folder;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

macro_rules! hold {
    ($($name:ident)*) => {
        const TESTED: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                holds(stringify!($name));
            }
        )*
    };
}

hold! {
    client_hello server_hello sslv2_client_hello handshake_messages extensions_roundtrip alert reassembler
    deframer record_open_aead record_open_cbc
    certificate_chain credentials key_log_line ech_inner
    server_connection client_connection keyed_peer mutated_handshake mutated_tls13 saved_session
}

/// Cases for each target; `CLASP_FUZZ_CASES` gives another number.
fn cases() -> u32 {
    std::env::var("CLASP_FUZZ_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000)
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder("corpus").join(target)).into_iter().flatten().flatten();
    let mut paths: Vec<_> = files.map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("corpus file")).collect()
}

/// What is done to a seed: `Index` chooses the place, whatever the length.
#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Truncate(Index),
    Repeat(Index, Index),
}

impl Change {
    fn apply(&self, seed: &mut Vec<u8>) {
        if seed.is_empty() {
            return;
        }
        let place = |index: &Index| index.index(seed.len());
        match self {
            Self::Set(at, byte) => {
                let at = place(at);
                seed[at] = *byte;
            }
            Self::Insert(at, byte) => seed.insert(place(at), *byte),
            Self::Remove(at) => {
                seed.remove(place(at));
            }
            Self::Truncate(at) => seed.truncate(place(at)),
            Self::Repeat(from, to) => {
                let (from, to) = (place(from), place(to));
                let copy = seed[from.min(to)..from.max(to)].to_vec();
                seed.splice(from..from, copy);
            }
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    prop_oneof![
        4 => (index(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        2 => (index(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        2 => index().prop_map(Change::Remove),
        1 => index().prop_map(Change::Truncate),
        1 => (index(), index()).prop_map(|(from, to)| Change::Repeat(from, to)),
    ]
}

fn holds(name: &str) {
    let (_, body) = TARGETS.iter().find(|(other, _)| *other == name).expect("a target");
    let seeds = corpus(name);
    assert!(!seeds.is_empty(), "no corpus for {name}: see README.md on how it is made");
    seeds.iter().for_each(|seed| body(seed));

    let mutated = (prop::sample::select(seeds), vec(change(), 1..6)).prop_map(|(mut seed, changes)| {
        changes.iter().for_each(|change| change.apply(&mut seed));
        seed
    });
    let random = vec(any::<u8>(), 0..600);
    // The same cases in every run: other ones are for fuzzing to find.
    let config = Config { cases: cases(), failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let result = runner.run(&prop_oneof![1 => random.boxed(), 4 => mutated.boxed()], |data| {
        body(&data);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{name}: {error}"));
}

/// There are few enough to try them all.
#[test]
fn every_alert_of_two_bytes() {
    for bytes in 0..=u16::MAX {
        clasp_fuzz::alert(&bytes.to_be_bytes());
    }
}

#[test]
fn every_target_has_its_test_and_its_program() {
    let names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, TESTED);
    let mut programs: Vec<_> = fs::read_dir(folder("fuzz_targets"))
        .expect("programs")
        .map(|entry| entry.expect("program").path().file_stem().expect("name").to_string_lossy().into_owned())
        .collect();
    programs.sort();
    let mut names = names;
    names.sort_unstable();
    assert_eq!(names, programs);
    let manifest = fs::read_to_string(folder("Cargo.toml")).expect("manifest");
    for name in names {
        let text = fs::read_to_string(folder("fuzz_targets").join(format!("{name}.rs"))).expect("program");
        assert!(text.contains(&format!("clasp_fuzz::{name}(data)")), "{name}.rs fuzzes something else");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is not in Cargo.toml");
    }
}

#[test]
fn every_corpus_has_its_target() {
    for entry in fs::read_dir(folder("corpus")).expect("corpora") {
        let name = entry.expect("corpus").file_name();
        assert!(TARGETS.iter().any(|(target, _)| *target == name), "corpus/{} is nobody's", name.display());
    }
}
