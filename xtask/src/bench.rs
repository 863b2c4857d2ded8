//! `cargo xtask bench`: the criterion benchmarks, or with `peers` Clasp beside rustls and OpenSSL.

use crate::run::{self, Failure};

/// Options of `bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// `peers [--filter RE] [--seconds N]`, or a filter for the criterion benchmarks.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Runs the one or the other.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    run::run(&mut run::cargo(&command_line(&args.args)))
}

fn command_line(args: &[String]) -> Vec<&str> {
    let (mut line, rest) = match args.split_first() {
        Some((first, rest)) if first == "peers" => {
            let package = ["--package", "clasp-benches", "--features", "insecure", "--bin", "peers"];
            ([&["run", "--release"], &package[..]].concat(), rest)
        }
        _ => (vec!["bench", "--package", "clasp-benches"], args),
    };
    if !rest.is_empty() {
        line.push("--");
        line.extend(rest.iter().map(String::as_str));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_is_a_program_and_all_else_goes_to_criterion() {
        let line = |args: &[&str]| command_line(&args.iter().map(ToString::to_string).collect::<Vec<_>>()).join(" ");
        assert_eq!(line(&[]), "bench --package clasp-benches");
        assert_eq!(line(&["seal"]), "bench --package clasp-benches -- seal");
        assert_eq!(
            line(&["peers", "--seconds", "1"]),
            "run --release --package clasp-benches --features insecure --bin peers -- --seconds 1"
        );
    }
}
