//! `cargo xtask timing`: whether RSA decryption and the opening of CBC records take a time, or with `--valgrind` a branch or
//! an address, that depends on a secret. No part of `check` or `test`: it measures this machine, for some minutes.

use std::process::Command;

use crate::run::{self, Failure};

/// Options of `timing`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many measurements of each of the quick paths; of whole RSA decryptions, a tenth. [default: 1000000]
    #[arg(long)]
    samples: Option<u64>,
    /// Only the paths whose name matches this regular expression.
    #[arg(long)]
    filter: Option<String>,
    /// By valgrind's memcheck, with all secrets marked as undefined, instead of by the clock.
    #[arg(long, conflicts_with = "samples")]
    valgrind: bool,
}

/// Runs the one or the other.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if args.valgrind {
        return valgrind(args);
    }
    run::run(run::cargo(&build("run", "timing")).arg("--").args(options(args)))
}

/// As the benchmarks are built: as a release, but with the lines that valgrind names.
fn build<'a>(command: &'a str, features: &'a str) -> Vec<&'a str> {
    vec![command, "--profile", "bench", "--package", "clasp-benches", "--features", features, "--bin", "timing"]
}

fn options(args: &Args) -> Vec<String> {
    let mut options = Vec::new();
    if let Some(samples) = args.samples {
        options.extend(["--samples".to_owned(), samples.to_string()]);
    }
    if let Some(filter) = &args.filter {
        options.extend(["--filter".to_owned(), filter.clone()]);
    }
    options
}

fn valgrind(args: &Args) -> Result<(), Failure> {
    run::output(Command::new("valgrind").arg("--version")).map_err(|failure| {
        format!("{failure}\ninstall the Debian packages valgrind and libclang-dev, or their counterparts")
    })?;
    run::run(&mut run::cargo(&build("build", "valgrind")))?;
    let program = run::target_dir().join("release/timing");
    let memcheck = || {
        let mut command = Command::new("valgrind");
        command.args(["--quiet", "--track-origins=yes", "--num-callers=24"]);
        command.arg(format!("--suppressions={}", run::root().join("benches/src/bin/timing/memcheck.supp").display()));
        command
    };
    // What it complains of is to be read.
    run::run(memcheck().arg("--error-exitcode=1").arg(&program).args(options(args)).arg("memcheck"))?;
    // And here it only has to complain: the program counts.
    let log = run::target_dir().join("timing-controls.log");
    let mut controls = memcheck();
    controls.arg("--error-limit=no").arg(format!("--log-file={}", log.display()));
    run::run(controls.arg(&program).args(options(args)).args(["memcheck", "--controls"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_handed_on() {
        let args = Args { samples: Some(5000), filter: Some("CBC|control".into()), valgrind: false };
        assert_eq!(options(&args), ["--samples", "5000", "--filter", "CBC|control"]);
        assert!(options(&Args { samples: None, filter: None, valgrind: true }).is_empty());
        assert_eq!(
            build("build", "valgrind").join(" "),
            "build --profile bench --package clasp-benches --features valgrind --bin timing"
        );
    }
}
