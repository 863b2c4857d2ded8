//! Counts: how clients fared by kind, how long handshakes (RFC 8446 2) took, what the server said.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clients::Outcome;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How clients fared.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<BTreeMap<&'static str, BTreeMap<Outcome, u64>>>);

impl Tally {
    /// One more.
    pub(crate) fn count(&self, kind: &'static str, outcome: Outcome) {
        *lock(&self.0).entry(kind).or_default().entry(outcome).or_default() += 1;
    }

    /// How many clients there were.
    pub(crate) fn clients(&self) -> u64 {
        lock(&self.0).values().flat_map(BTreeMap::values).sum()
    }

    /// How many of one kind fared as expected, in a way that ends with these words.
    pub(crate) fn fared(&self, kind: &str, words: &str) -> u64 {
        let all = lock(&self.0);
        let outcomes = all.get(kind).into_iter().flatten();
        outcomes.filter(|(outcome, _)| outcome.as_ref().is_ok_and(|how| how.ends_with(words))).map(|(_, n)| n).sum()
    }

    /// What was not to be expected, a line a kind of it.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let all = lock(&self.0);
        let each = all.iter().flat_map(|(kind, outcomes)| outcomes.iter().map(move |outcome| (kind, outcome)));
        each.filter_map(|(kind, (outcome, count))| Some(format!("{kind}: {} ({count} times)", outcome.as_ref().err()?)))
            .collect()
    }

    /// A line an outcome.
    pub(crate) fn table(&self, kinds: &[&str]) -> String {
        let all = lock(&self.0);
        let mut text = String::new();
        for kind in kinds {
            for (outcome, count) in all.get(kind).into_iter().flatten() {
                let (mark, how) = match outcome {
                    Ok(how) => ("", how),
                    Err(why) => ("WRONG: ", why),
                };
                // Writing to a string does not fail.
                let _ = writeln!(text, "{count:>8}  {kind:<36}{mark}{how}");
            }
        }
        text
    }
}

/// How long handshakes took.
#[derive(Debug, Default)]
pub(crate) struct Handshakes(Mutex<Vec<Duration>>);

impl Handshakes {
    /// One more.
    pub(crate) fn count(&self, took: Duration) {
        lock(&self.0).push(took);
    }

    /// How many, and the median, the 99th of a hundred and the longest.
    pub(crate) fn summary(&self) -> (usize, [Duration; 3]) {
        let mut all = lock(&self.0).clone();
        all.sort_unstable();
        let at =
            |hundredths: usize| all.get(all.len().saturating_sub(1) * hundredths / 100).copied().unwrap_or_default();
        (all.len(), [at(50), at(99), at(100)])
    }
}

/// What the server said of its connections, without who and how many.
#[derive(Debug, Default)]
pub(crate) struct Log(BTreeMap<String, u64>);

impl Log {
    /// Takes in a line of its standard output: `ADDRESS VERSION SUITE, what`, or `ADDRESS what`.
    pub(crate) fn line(&mut self, line: &str) {
        *self.0.entry(Self::kind(line)).or_default() += 1;
    }

    fn kind(line: &str) -> String {
        let what = line.split_once(' ').map_or(line, |(_, what)| what);
        let what = if what.starts_with("TLS ") { what.split_once(", ").map_or(what, |(_, what)| what) } else { what };
        let mut kind = String::new();
        let mut rest = what;
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, number) = rest.split_at(at);
            rest = number.trim_start_matches(|c: char| c.is_ascii_digit());
            let number = &number[..number.len() - rest.len()];
            kind.push_str(before);
            // Numbers at the beginning are counts, and long ones come from noise; others are an error's own.
            kind.push_str(if kind.is_empty() || number.len() > 5 { "N" } else { number });
        }
        kind.push_str(rest);
        if let Some((at, _)) = kind.char_indices().nth(150) {
            kind.truncate(at);
            kind.push_str("...");
        }
        kind
    }

    /// A line a kind, the most frequent first.
    pub(crate) fn table(&self) -> String {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        all.iter().map(|(kind, count)| format!("{count:>8}  {kind}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_counted_and_what_is_wrong_is_named() {
        let tally = Tally::default();
        tally.count("a", Ok("all came back, resumed".into()));
        tally.count("a", Ok("all came back, resumed".into()));
        tally.count("b", Err("WRONG DATA".into()));
        assert_eq!((tally.clients(), tally.fared("a", "resumed"), tally.fared("b", "DATA")), (3, 2, 0));
        assert_eq!(tally.wrong(), ["b: WRONG DATA (1 times)"]);
        assert!(tally.table(&["b", "a"]).lines().next().unwrap().ends_with("WRONG: WRONG DATA"));
    }

    #[test]
    fn handshakes_are_summed_up() {
        let handshakes = Handshakes::default();
        assert_eq!(handshakes.summary(), (0, [Duration::ZERO; 3]));
        (0..=100).rev().for_each(|n| handshakes.count(Duration::from_millis(n)));
        assert_eq!(handshakes.summary(), (101, [50, 99, 100].map(Duration::from_millis)));
    }

    #[test]
    fn the_servers_lines_are_sorted_by_what_they_say() {
        let mut log = Log::default();
        log.line("127.0.0.1:5 TLS 1.2 TLS_RSA_WITH_AES_128_GCM_SHA256, 35 bytes echoed");
        log.line("127.0.0.9:6 TLS 1.3 TLS_AES_128_GCM_SHA256, 7 bytes echoed");
        log.line("127.0.0.9:7 no handshake within 5 s");
        log.line("127.0.0.9:7 TLS 1.3 TLS_AES_128_GCM_SHA256, ended: the record layer, 2 times");
        log.line("127.0.0.9:7 no handshake: 1234567 bytes, where 65536 are allowed");
        assert_eq!(log.0.len(), 4);
        assert!(log.0.contains_key("no handshake: N bytes, where 65536 are allowed"));
        assert!(log.table().starts_with("       2  N bytes echoed\n"), "{}", log.table());
        assert!(log.0.contains_key("ended: the record layer, 2 times"));
    }
}
