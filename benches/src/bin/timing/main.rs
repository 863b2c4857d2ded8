//! `cargo xtask timing`: does the time that RSA decryption and CBC opening take, or a branch or an address in them, tell
//! what must stay secret? By measurement, and with `memcheck` by valgrind.

mod cbc;
#[cfg(feature = "valgrind")]
mod memcheck;
mod paths;
mod rsa;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use clasp::crypto::default_provider;
use clasp_benches::timing::{Comparison, Finding, Random, Subject, THRESHOLD, measure};
use paths::{PATHS, Path};
use regex::Regex;

#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask timing")]
struct Args {
    /// How many measurements of each of the quick paths; of whole RSA decryptions, a tenth.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(100_000..))]
    samples: u64,
    /// Only the paths whose name matches this regular expression.
    #[arg(long)]
    filter: Option<Regex>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
enum Command {
    /// To be run by valgrind: every path once for each class, its secrets marked as undefined.
    #[cfg(feature = "valgrind")]
    Memcheck {
        /// What leaks by intent, instead.
        #[arg(long)]
        controls: bool,
    },
}

fn main() -> ExitCode {
    let args = Args::parse();
    #[cfg(feature = "valgrind")]
    if let Some(Command::Memcheck { controls }) = args.command {
        return memcheck::run(controls, args.filter.as_ref());
    }
    let mut seed = [0; 8];
    if default_provider().random.fill(&mut seed).is_err() {
        eprintln!("no random seed");
        return ExitCode::FAILURE;
    }
    let mut random = Random::new(u64::from_le_bytes(seed));
    println!(
        "{:44} {:>7} {:>8} {:>8} {:>8}  {:52} {:>7}  verdict",
        "path", "classes", "samples", "ticks", "max |t|", "where", "least"
    );
    let mut wrong = 0;
    for path in PATHS.iter().filter(|path| args.filter.as_ref().is_none_or(|filter| filter.is_match(path.name))) {
        match run(path, args.samples as usize, &mut random) {
            Ok(true) => {}
            Ok(false) => wrong += 1,
            Err(error) => {
                println!("{:44} {error}", path.name);
                wrong += 1;
            }
        }
    }
    println!(
        "\nWelch's t, over all measurements and over the quickest of them by 100 percentiles; two groups of classes"
    );
    println!(
        "differ when |t| >= {THRESHOLD}, here and in a second measurement that is made then. least: the difference in"
    );
    println!("ticks that would have been enough. A tick is one of the time stamp counter, or a nanosecond.");
    if wrong > 0 {
        println!("{wrong} of the paths came out otherwise than they must");
    }
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Measures a path and prints its line. True when it came out as it must.
fn run(path: &Path, samples: usize, random: &mut Random) -> Result<bool, String> {
    let samples = (samples / path.divisor).max(1);
    let mut subject = (path.subject)();
    let comparisons = subject.comparisons();
    let (first, ticks) = compare(&mut *subject, samples, random, &comparisons)?;
    let worst = largest(&first);
    // With so many comparisons, one crosses the threshold by chance now and then, but not the same one twice.
    let over: Vec<usize> = (0..first.len()).filter(|i| first[*i].t.abs() >= THRESHOLD).collect();
    let mut leak = None;
    if !over.is_empty() {
        let again: Vec<Comparison> = over.iter().map(|i| comparisons[*i].clone()).collect();
        let (second, _) = compare(&mut *subject, samples, random, &again)?;
        let same = |(i, second): &(&usize, &Finding)| first[**i].t * second.t > 0.0 && second.t.abs() >= THRESHOLD;
        let both = over.iter().zip(&second).filter(same);
        leak = both.max_by(|a, b| a.1.t.abs().total_cmp(&b.1.t.abs())).map(|(i, second)| (*i, *second));
    }
    let (at, verdict) = match (leak, path.control) {
        (Some((i, second)), control) => {
            let word = if control { "detected" } else { "LEAKS" };
            (i, format!("{word} (again {:.1}; {:+.1} ticks)", second.t.abs(), second.difference))
        }
        (None, true) => (worst, "NOT DETECTED".into()),
        (None, false) if over.is_empty() => (worst, "no difference".into()),
        (None, false) => (worst, "no difference the second time".into()),
    };
    let Finding { t, resolution, .. } = first[at];
    println!(
        "{:44} {:7} {samples:8} {ticks:8} {:8.2}  {:52} {resolution:7.1}  {verdict}",
        path.name,
        subject.classes(),
        t.abs(),
        comparisons[at].name
    );
    Ok(leak.is_some() == path.control)
}

fn compare(
    subject: &mut dyn Subject,
    samples: usize,
    random: &mut Random,
    comparisons: &[Comparison],
) -> Result<(Vec<Finding>, u64), String> {
    let mut timings =
        measure(subject, samples, random).map_err(|class| format!("class {class} did not end as it must"))?;
    let ticks = timings.median();
    Ok((timings.compare(comparisons), ticks))
}

fn largest(findings: &[Finding]) -> usize {
    (0..findings.len()).max_by(|a, b| findings[*a].t.abs().total_cmp(&findings[*b].t.abs())).unwrap_or(0)
}
