//! `cargo xtask fuzz`: every fuzz target with cargo-fuzz, or, without it, the same bodies as a property test.

use std::fs;
use std::process::Command;
use std::sync::Mutex;

use crate::run::{self, Failure};

/// Options of `fuzz`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this target; its name is that of a file in `fuzz/fuzz_targets`.
    target: Option<String>,
    /// Seconds for each target. Targets run side by side, one a core.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
}

/// Fuzzes.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let all = targets()?;
    let chosen: Vec<String> = match &args.target {
        None => all,
        Some(name) if all.contains(name) => vec![name.clone()],
        Some(name) => return Err(format!("no fuzz target {name}; there are: {}", all.join(", "))),
    };
    if let Ok(version) = cargo_fuzz_version() {
        println!("fuzzing {} targets for {} s each with {}", chosen.len(), args.seconds, version.trim());
        with_libfuzzer(&chosen, args.seconds)
    } else {
        println!("no nightly compiler with cargo-fuzz here: the same bodies as a property test over the corpora");
        run::run(&mut property_test())
    }
}

fn targets() -> Result<Vec<String>, Failure> {
    let folder = run::root().join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|entry| Some(entry.path().file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn cargo_fuzz_version() -> Result<String, Failure> {
    run::output(&mut run::cargo_of("nightly", &["--version"]))?;
    run::output(&mut run::cargo_of("nightly", &["fuzz", "--version"]))
}

/// cargo-fuzz with what all its commands share. Every unit is built by `build`, so that `run` only runs.
fn cargo_fuzz(verb: &str) -> Command {
    let mut command = run::cargo_of("nightly", &["fuzz", verb, "--features", "libfuzzer", "--target-dir"]);
    command.arg(run::target_dir().join("fuzz")).current_dir(run::root().join("fuzz"));
    command
}

fn with_libfuzzer(targets: &[String], seconds: u32) -> Result<(), Failure> {
    let mut build = cargo_fuzz("build");
    if let [target] = targets {
        build.arg(target);
    }
    run::run(&mut build)?;

    let waiting = Mutex::new(targets.iter());
    let failures = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                // The lock is held for `next` alone.
                while let Some(target) = { waiting.lock().ok().and_then(|mut targets| targets.next()) } {
                    let result = one_target(target, seconds);
                    println!("  {target:24} {}", result.as_deref().unwrap_or("FAILED"));
                    if let (Err(failure), Ok(mut failures)) = (result, failures.lock()) {
                        failures.push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_default();
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n\n")) }
}

/// One target's run; what it found is kept away from the seeds, which are committed.
fn one_target(target: &str, seconds: u32) -> Result<String, Failure> {
    let grown = run::target_dir().join("fuzz-corpus").join(target);
    fs::create_dir_all(&grown).map_err(|error| format!("{}: {error}", grown.display()))?;
    let mut command = cargo_fuzz("run");
    command.arg(target).arg(grown).arg(format!("corpus/{target}")).arg("--");
    command.args([&format!("-max_total_time={seconds}"), "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]);
    let output = command.output().map_err(|error| format!("{}: {error}", run::shown(&command)))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let from = text.len().saturating_sub(6000);
        let tail = text.char_indices().find(|(at, _)| *at >= from).map_or("", |(at, _)| &text[at..]);
        return Err(format!("fuzz target {target} failed:\n{tail}"));
    }
    let runs = text.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:")).unwrap_or("?");
    Ok(format!("ok, {} runs", runs.trim()))
}

/// The fuzz bodies under the stable compiler, built beside the workspace's own crates.
pub(crate) fn property_test() -> Command {
    let mut command = run::cargo(&["test", "--manifest-path", "fuzz/Cargo.toml", "--target-dir"]);
    command.arg(run::target_dir()).env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_target_is_refused_with_the_list() {
        let failure = run(&Args { target: Some("nonsense".into()), seconds: 1 }).unwrap_err();
        assert!(failure.contains("nonsense") && failure.contains("client_hello"), "{failure}");
    }
}
