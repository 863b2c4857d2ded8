//! `cargo xtask check`: everything that can be held without running the library.

mod dependencies;
mod features;
mod lints;
mod no_std;
mod without_insecure;
pub(crate) mod workspace;

use std::time::Instant;

use clap::ValueEnum;

use crate::run::Failure;
use crate::tidy;

/// Options of `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only these.
    #[arg(value_enum)]
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Step {
    /// The rules of the house, over the source text.
    Tidy,
    /// rustfmt.
    Fmt,
    /// Who may depend on whom and on what; the oldest compiler.
    Dependencies,
    /// clasp-wire without std.
    NoStd,
    /// Every crate alone, without its default features, and with each feature alone.
    Features,
    /// All but clasp-insecure, without it.
    WithoutInsecure,
    /// clippy, with warnings as errors, over all targets.
    Clippy,
    /// rustdoc, with warnings as errors.
    Docs,
}

/// Runs the steps, all of them even after a failure, and says how each went.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let steps = if args.steps.is_empty() { Step::value_variants() } else { &args.steps };
    let mut failures = Vec::new();
    let mut summary = Vec::new();
    for step in steps {
        let name = step.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
        eprintln!("\n== {name}");
        let start = Instant::now();
        let result = match step {
            Step::Tidy => tidy::run(),
            Step::Fmt => lints::fmt(),
            Step::Dependencies => dependencies::check(),
            Step::NoStd => no_std::check(),
            Step::Features => features::check(),
            Step::WithoutInsecure => without_insecure::check(),
            Step::Clippy => lints::clippy(),
            Step::Docs => lints::docs(),
        };
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        summary.push(format!("  {name:14} {verdict:7} {:6.1} s", start.elapsed().as_secs_f32()));
        if let Err(failure) = result {
            eprintln!("{failure}");
            failures.push(format!("{name}: {failure}"));
        }
    }
    println!("\n{}\n", summary.join("\n"));
    if failures.is_empty() { Ok(()) } else { Err(format!("the check failed.\n{}", failures.join("\n"))) }
}
