//! What of a server's figures is as it should be: memory, descriptors, threads. Clients' faults (RFC 5246 7.2.2) must leave nothing behind.

use std::time::Duration;

/// What the system said of the server at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Since the beginning of the load.
    pub(crate) at: Duration,
    /// Resident memory, KiB.
    pub(crate) rss: u64,
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
}

/// What resident memory may grow by from the second fifth of the time to the last, in hundredths and in KiB. The load is the same all
/// the time, so what a client leaves behind would add up: with the 2,000 connections of 300 seconds some 90,000 clients come in
/// between, and at some 80 MiB this bound is 120 bytes for each. The least that could be left of one, a session or a buffer, is
/// more. What is let through is the allocator's: the bytes in use, counted, do not grow at all, but blocks that stay (the
/// cache of sessions) come to lie between those that go, and pages that were taken once, when many transfers met, are kept.
pub(crate) const GROWTH_PERCENT: u64 = 10;
pub(crate) const GROWTH_KIB: u64 = 3 << 10;

/// Resident memory in the second fifth of the time and in the last, KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Growth {
    pub(crate) second_fifth: u64,
    pub(crate) last_fifth: u64,
}

impl Growth {
    /// The medians; `None` where a fifth has no sample. The first fifth is left out: connections come up in it.
    pub(crate) fn of(samples: &[Sample], load: Duration) -> Option<Self> {
        let fifth = |number: u32| {
            let (from, to) = (load / 5 * number, load / 5 * (number + 1));
            median(samples.iter().filter(|sample| (from..=to).contains(&sample.at)).map(|sample| sample.rss).collect())
        };
        Some(Self { second_fifth: fifth(1)?, last_fifth: fifth(4)? })
    }

    /// The most that the last fifth may have.
    pub(crate) fn bound(self) -> u64 {
        self.second_fifth + self.second_fifth * GROWTH_PERCENT / 100 + GROWTH_KIB
    }

    /// What is wrong, if anything.
    pub(crate) fn judge(self) -> Option<String> {
        (self.last_fifth > self.bound()).then(|| {
            format!(
                "memory grew from {} KiB (median of the second fifth) to {} KiB (of the last), more than {} KiB",
                self.second_fifth,
                self.last_fifth,
                self.bound()
            )
        })
    }
}

fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

/// What is wrong with what is left when all clients are gone.
pub(crate) fn leftovers(before: &Sample, after: &Sample) -> Vec<String> {
    let mut wrong = Vec::new();
    if after.descriptors > before.descriptors {
        wrong.push(format!(
            "{} descriptors are open after all clients have gone, {} were before they came",
            after.descriptors, before.descriptors
        ));
    }
    wrong.extend(threads(before, after));
    wrong
}

/// The runtime starts its threads at once; one that came later was started for a client.
pub(crate) fn threads(before: &Sample, now: &Sample) -> Option<String> {
    (now.threads > before.threads)
        .then(|| format!("there are {} threads, and there were {} at the beginning", now.threads, before.threads))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(second: u64, rss: u64) -> Sample {
        Sample { at: Duration::from_secs(second), rss, descriptors: 12, threads: 3 }
    }

    fn growth(rss: impl Fn(u64) -> u64) -> Growth {
        let samples: Vec<Sample> = (0..=100).map(|second| sample(second, rss(second))).collect();
        Growth::of(&samples, Duration::from_secs(100)).unwrap()
    }

    #[test]
    fn memory_that_comes_up_and_stays_is_flat() {
        let flat = growth(|second| if second < 15 { 10_000 } else { 60_000 });
        assert_eq!(flat, Growth { second_fifth: 60_000, last_fifth: 60_000 });
        assert_eq!(flat.judge(), None);
        // A peak is no growth.
        assert_eq!(growth(|second| if second == 90 { 900_000 } else { 60_000 }).judge(), None);
    }

    #[test]
    fn memory_that_grows_is_told_of() {
        assert_eq!(growth(|second| 60_000 + 100 * second).judge(), None);
        let leak = growth(|second| 60_000 + 300 * second).judge().unwrap();
        assert!(leak.starts_with("memory grew from 69000 KiB") && leak.ends_with("more than 78972 KiB"), "{leak}");
    }

    #[test]
    fn there_is_no_verdict_without_samples() {
        assert_eq!(Growth::of(&[sample(50, 1)], Duration::from_secs(100)), None);
    }

    #[test]
    fn what_is_left_behind_is_told_of() {
        let before = sample(0, 1);
        assert_eq!(leftovers(&before, &Sample { descriptors: 11, ..before }), [""; 0]);
        let wrong = leftovers(&before, &Sample { descriptors: 13, threads: 4, ..before });
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].starts_with("13 descriptors") && wrong[1].starts_with("there are 4 threads"), "{wrong:?}");
    }
}
