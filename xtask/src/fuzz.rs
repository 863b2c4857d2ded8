//! `cargo xtask fuzz`: every fuzz target with cargo-fuzz, or, without it, the same bodies as a property test.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use crate::run::{self, Failure};

/// Options of `fuzz`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Only this target; its name is that of a file in `fuzz/fuzz_targets`.
    target: Option<String>,
    /// Seconds for each target. Targets run side by side, one a core.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
    /// Records handshakes with OpenSSL, GnuTLS and curl and makes the seeds of all targets anew, and fuzzes nothing.
    #[arg(long, conflicts_with_all = ["target", "seconds"])]
    seeds: bool,
}

/// Fuzzes.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if args.seeds {
        return run::run(in_fuzz(run::cargo(&["run"])).args(["--example", "seeds"]));
    }
    let all = targets()?;
    let chosen: Vec<String> = match &args.target {
        None => all,
        Some(name) if all.contains(name) => vec![name.clone()],
        Some(name) => return Err(format!("no fuzz target {name}; there are: {}", all.join(", "))),
    };
    match Fuzzer::build(&chosen)? {
        Ok(fuzzer) => fuzzer.fuzz(&chosen, args.seconds),
        Err(why) => {
            println!("{why}: the same bodies as a property test over the corpora");
            let mut command = property_test();
            if let [target] = &*chosen {
                command.args(["--test", "properties", "--", "--exact", target]);
            }
            run::run(&mut command)
        }
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

/// Points a cargo command at the fuzz workspace, built beside our own.
fn in_fuzz(mut command: Command) -> Command {
    command.args(["--manifest-path", "fuzz/Cargo.toml", "--target-dir"]).arg(run::target_dir());
    command
}

/// The fuzz bodies under the stable compiler.
pub(crate) fn property_test() -> Command {
    in_fuzz(run::cargo(&["test"]))
}

/// The programs that cargo-fuzz built. They are run without it: it would look at the sources again before each.
struct Fuzzer {
    programs: PathBuf,
    /// What fuzzing adds to the corpora.
    grown: PathBuf,
}

impl Fuzzer {
    /// Builds what was chosen. The inner error says why there is nothing to build with.
    fn build(chosen: &[String]) -> Result<Result<Self, String>, Failure> {
        let Ok(compiler) = run::output(Command::new("rustc").args(["+nightly", "-vV"])) else {
            return Ok(Err("no nightly compiler here".to_owned()));
        };
        let Ok(version) = run::output(&mut run::cargo_of("nightly", &["fuzz", "--version"])) else {
            return Ok(Err("no cargo-fuzz here".to_owned()));
        };
        let host = compiler.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        let target_dir = run::target_dir().join("fuzz");
        println!("building with {}", version.trim());
        let mut build = run::cargo_of("nightly", &["fuzz", "build", "--features", "libfuzzer", "--target", host]);
        // Clasp has no unsafe code for a sanitizer to watch, and without one there are five times as many runs.
        build.args(["--sanitizer", "none"]);
        build.arg("--target-dir").arg(&target_dir).current_dir(run::root().join("fuzz"));
        if let [target] = chosen {
            build.arg(target);
        }
        match run::output(&mut build) {
            Ok(_) => Ok(Ok(Self { programs: target_dir.join(host).join("release"), grown: grown()? })),
            Err(failure) => {
                // When the stable compiler takes the bodies, it is not they that are wrong.
                run::output(in_fuzz(run::cargo(&["check", "--quiet"])).arg("--lib"))?;
                eprintln!("{}", tail(&failure));
                Ok(Err("the nightly toolchain cannot build the fuzz targets, and the stable one can".to_owned()))
            }
        }
    }

    fn fuzz(&self, targets: &[String], seconds: u32) -> Result<(), Failure> {
        println!("fuzzing {} targets for {seconds} s each", targets.len());
        let waiting = Mutex::new(targets.iter());
        let failures = Mutex::new(Vec::new());
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    // The lock is held for `next` alone.
                    while let Some(target) = { waiting.lock().ok().and_then(|mut targets| targets.next()) } {
                        let result = self.one_target(target, seconds);
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
    fn one_target(&self, target: &str, seconds: u32) -> Result<String, Failure> {
        let fuzz = run::root().join("fuzz");
        let grown = self.grown.join(target);
        let artifacts = fuzz.join("artifacts").join(target);
        for folder in [&grown, &artifacts] {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        let mut command = Command::new(self.programs.join(target));
        command.arg(&grown).arg(fuzz.join("corpus").join(target)).current_dir(&fuzz);
        command.arg(format!("-artifact_prefix={}/", artifacts.display()));
        command.arg(format!("-max_total_time={seconds}"));
        command.args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]);
        let output = command.output().map_err(|error| format!("{}: {error}", run::shown(&command)))?;
        let text = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(failed(target, &text));
        }
        let number = |start: &str| text.lines().find_map(|line| line.strip_prefix(start)).unwrap_or("?").trim();
        let (runs, found) = (number("stat::number_of_executed_units:"), number("stat::new_units_added:"));
        Ok(format!("ok, {runs} runs, {found} new inputs"))
    }
}

/// The folder of what fuzzing added to the corpora of this tree. What grew from other recordings goes: it may play back a
/// handshake that is not known any more, which is what a target takes for a forgery.
fn grown() -> Result<PathBuf, Failure> {
    let sessions = run::root().join("fuzz/test-data/sessions.txt");
    let text = fs::read(&sessions).map_err(|error| format!("{}: {error}", sessions.display()))?;
    let mut hasher = DefaultHasher::new();
    hasher.write(&text);
    let all = run::target_dir().join("fuzz-corpus");
    let current = all.join(format!("{:016x}", hasher.finish()));
    for entry in fs::read_dir(&all).into_iter().flatten().flatten().filter(|entry| entry.path() != current) {
        fs::remove_dir_all(entry.path()).map_err(|error| format!("{}: {error}", entry.path().display()))?;
    }
    Ok(current)
}

/// What a failed target said, and what to do with its input.
fn failed(target: &str, text: &str) -> Failure {
    let input = text.lines().find_map(|line| line.split_once("Test unit written to ")).map(|(_, path)| path.trim());
    let hint =
        input.map_or(String::new(), |path| format!("\nits input is {path}; fuzz/README.md says what to do with it"));
    // A panic says what does not hold; the stack behind it is long.
    let panic = text.lines().skip_while(|line| !line.contains("panicked at")).take(2).collect::<Vec<_>>().join("\n");
    format!("fuzz target {target} failed:\n{}\n{panic}{hint}", tail(text).trim_end())
}

/// The end of a long text, where it says what is wrong.
fn tail(text: &str) -> &str {
    let from = text.len().saturating_sub(2000);
    text.char_indices().find(|(at, _)| *at >= from).map_or("", |(at, _)| &text[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_target_is_refused_with_the_list() {
        let failure = run(&Args { target: Some("nonsense".into()), seconds: 1, seeds: false }).unwrap_err();
        assert!(failure.contains("nonsense") && failure.contains("client_hello"), "{failure}");
    }

    /// A program in the place of a fuzz target's, in a folder of its own.
    fn fuzzer(name: &str, script: &str) -> Fuzzer {
        use std::os::unix::fs::PermissionsExt as _;
        let programs = std::env::temp_dir().join(format!("clasp-xtask-{}-{name}", std::process::id()));
        fs::create_dir_all(&programs).unwrap();
        let grown = programs.join("grown");
        let program = programs.join("alert");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Fuzzer { programs, grown }
    }

    #[test]
    fn a_target_that_fails_fails_the_command() {
        let crash =
            fuzzer("crash", "echo 'x panicked at y:\nit is not so\nTest unit written to /there/crash-1' >&2; exit 77");
        let failure = crash.fuzz(&["alert".to_owned()], 1).unwrap_err();
        assert!(failure.contains("alert failed") && failure.contains("y:\nit is not so\nits input"), "{failure}");
        let good = fuzzer("good", "echo 'stat::number_of_executed_units: 12' >&2");
        assert_eq!(good.one_target("alert", 1).unwrap(), "ok, 12 runs, ? new inputs");
        assert_eq!(good.fuzz(&["alert".to_owned()], 1), Ok(()));
        fs::remove_dir_all(crash.programs).unwrap();
        fs::remove_dir_all(good.programs).unwrap();
    }

    #[test]
    fn the_end_of_a_text_is_cut_between_characters() {
        let long = "ü".repeat(5000);
        assert!(tail(&long).len() <= 2000 && long.ends_with(tail(&long)));
        assert_eq!(tail("short"), "short");
    }
}
