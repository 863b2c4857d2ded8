//! `cargo xtask test`: every test there is, each crate alone, and what was skipped.

use std::process::Command;

use crate::check::workspace::{Package, Workspace};
use crate::run::{self, Failure};
use crate::{fuzz, peers};

/// Options of `test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only tests whose name contains this.
    filter: Option<String>,
    /// Takes the peers as they are, and installs nothing.
    #[arg(long)]
    no_peers: bool,
    /// Only the command beside its peers; prints every combination that was seen to work.
    #[arg(long)]
    matrix: bool,
}

/// Counts from the lines the test programs print.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: Vec<String>,
    /// Combinations of the matrix, as far as they were asked for.
    cells: Vec<String>,
    /// Commands that ended badly.
    commands: Vec<String>,
}

impl Tally {
    /// Takes in one line of a test program's output.
    fn line(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("test result: ") {
            self.passed += number_before(rest, " passed");
            self.failed += number_before(rest, " failed");
        } else if let Some(what) = line.strip_prefix("skipped: ") {
            self.skipped.push(what.to_owned());
        } else if let Some(cell) = line.strip_prefix("matrix: ") {
            self.cells.push(cell.to_owned());
        }
    }

    fn run(&mut self, mut command: Command) -> Result<(), Failure> {
        if !run::each_line(&mut command, |line| self.line(line))? {
            self.commands.push(run::shown(&command));
        }
        Ok(())
    }
}

fn number_before(text: &str, word: &str) -> u64 {
    let end = text.find(word).unwrap_or(0);
    let digits = text.get(..end).unwrap_or("").rsplit(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Runs all tests, to the end, and then says how it went.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut tally = Tally::default();
    if !args.no_peers
        && let Err(failure) = peers::run(&peers::Args::default())
    {
        tally.skipped.push(format!("what needs the missing peers ({failure})"));
    }
    if args.matrix {
        let mut command = run::cargo(&["test", "--quiet", "--no-fail-fast", "--package", "clasp-cli"]);
        command.args(&args.filter).env("CLASP_MATRIX", "1");
        tally.run(command)?;
        tally.cells.sort();
        return finish(&tally, run::is_ci());
    }
    // A crate alone has just the features it asks for: what a user of it alone gets. And then all there are.
    for package in Workspace::load()?.members() {
        if package.name == "clasp-benches" {
            continue;
        }
        for features in feature_sets(package) {
            let mut command = run::cargo(&["test", "--quiet", "--no-fail-fast", "--package", &package.name]);
            command.args(features).args(&args.filter);
            tally.run(command)?;
        }
    }
    let mut bodies = fuzz::property_test();
    bodies.arg("--quiet").args(&args.filter);
    tally.run(bodies)?;
    finish(&tally, run::is_ci())
}

/// The features by default; and all, where some of them change what the tests can see.
fn feature_sets(package: &Package) -> Vec<&'static [&'static str]> {
    let default = package.features.get("default").map(Vec::as_slice).unwrap_or_default();
    let has_more = |name: &str| package.features.contains_key(name) && !default.iter().any(|enabled| enabled == name);
    if ["legacy", "insecure"].into_iter().any(has_more) { vec![&[], &["--all-features"]] } else { vec![&[]] }
}

/// Says how it went; the counts come last.
fn finish(tally: &Tally, ci: bool) -> Result<(), Failure> {
    println!();
    for cell in &tally.cells {
        println!("  {cell}");
    }
    if !tally.cells.is_empty() {
        println!("{} combinations seen to work", tally.cells.len());
    }
    for what in &tally.skipped {
        println!("skipped: {what}");
    }
    for command in &tally.commands {
        println!("failed: {command}");
    }
    let skips_fail = ci && !tally.skipped.is_empty();
    if skips_fail {
        println!("with CI=true nothing may be skipped");
    }
    // A program that died without a result line has failed too.
    let failed = tally.failed.max(tally.commands.len().try_into().unwrap_or(u64::MAX));
    println!("{} passed, {failed} failed, {} skipped", tally.passed, tally.skipped.len());
    if failed > 0 || skips_fail { Err(String::new()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        for line in lines {
            tally.line(line);
        }
        tally
    }

    #[test]
    fn counts_are_read_from_result_lines() {
        let tally = tally(&[
            "running 3 tests",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s",
            "skipped: gnutls: no gnutls-cli",
            "matrix: this with that",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s",
        ]);
        assert_eq!((tally.passed, tally.failed), (13, 2));
        assert_eq!(tally.skipped, ["gnutls: no gnutls-cli"]);
        assert_eq!(tally.cells, ["this with that"]);
        assert!(finish(&tally, false).is_err());
    }

    #[test]
    fn features_that_nobody_has_by_default_are_tested_too() {
        let package = |features: &[(&str, &[&str])]| {
            let features = features
                .iter()
                .map(|(name, on)| ((*name).to_owned(), on.iter().map(|name| (*name).to_owned()).collect()));
            feature_sets(&Package { features: features.collect(), ..Package::default() }).len()
        };
        assert_eq!(package(&[("default", &[]), ("legacy", &["dep:des"])]), 2);
        assert_eq!(package(&[("default", &["legacy"]), ("legacy", &["clasp/legacy"])]), 1);
        assert_eq!(package(&[("default", &["codec"]), ("codec", &["dep:nom"])]), 1);
    }

    #[test]
    fn a_skip_is_a_failure_only_in_ci() {
        let tally = tally(&["skipped: all", "test result: ok. 1 passed; 0 failed"]);
        assert_eq!(finish(&tally, false), Ok(()));
        assert!(finish(&tally, true).is_err());
    }

    #[test]
    fn a_test_program_that_dies_without_a_result_fails_the_run() {
        let mut tally = Tally::default();
        let mut command = Command::new("false");
        command.arg("dies");
        tally.run(command).unwrap();
        assert_eq!(tally.commands, ["false dies"]);
        assert!(finish(&tally, false).is_err());
    }
}
