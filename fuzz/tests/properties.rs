//! The fuzz bodies as a property test: every file of the corpora, mutations of them, and random bytes.

use std::fs;
use std::path::Path;

use clasp_fuzz::TARGETS;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    files.iter().map(|path| fs::read(path).expect("corpus file")).collect()
}

/// Cases for each target; `CLASP_FUZZ_CASES` gives another number.
fn cases() -> u32 {
    std::env::var("CLASP_FUZZ_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(256)
}

#[test]
fn the_bodies_hold_over_the_corpora_and_around_them() {
    for (name, body) in TARGETS {
        let seeds = corpus(name);
        assert!(!seeds.is_empty(), "no corpus for {name}");
        seeds.iter().for_each(|seed| body(seed));
        let mut runner = TestRunner::new(Config { cases: cases(), ..Config::default() });
        let random = vec(any::<u8>(), 0..600).boxed();
        let mutated =
            (prop::sample::select(seeds), vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), any::<u16>())
                .prop_map(|(mut seed, changes, cut)| {
                    for (at, byte) in changes {
                        if !seed.is_empty() {
                            let at = at.index(seed.len());
                            seed[at] = byte;
                        }
                    }
                    if cut % 3 == 0 {
                        seed.truncate(usize::from(cut) % (seed.len() + 1));
                    }
                    seed
                })
                .boxed();
        runner
            .run(&prop_oneof![1 => random, 3 => mutated], |data| {
                body(&data);
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
