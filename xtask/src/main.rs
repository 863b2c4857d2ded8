//! `cargo xtask`: every developer command, one file each.

mod bench;
mod bogo;
mod check;
mod fuzz;
mod limbo;
mod peers;
mod run;
mod soak;
mod test;
mod tidy;
mod timing;
mod wheels;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Every developer command of Clasp.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Installs what the tests and benchmarks run against: OpenSSL, GnuTLS, curl, Java, and build tools (Debian's
    /// apt), OpenSSL 0.9.8e and 1.0.2n and tlslite-ng (pip, into the target folder).
    Peers(peers::Args),
    /// Runs every test: each crate alone with its doctests, and the command against its peers.
    Test(test::Args),
    /// Holds everything but the tests: format, lints, docs, features, no_std, dependencies, the rules of the house.
    Check(check::Args),
    /// The rules of the house alone, over the source text; a part of `check`.
    Tidy,
    /// Fuzzes every parser, the record layer and whole connections.
    Fuzz(fuzz::Args),
    /// Runs the benchmarks; `bench peers` measures Clasp beside rustls and OpenSSL.
    Bench(bench::Args),
    /// Runs BoringSSL's test runner, built elsewhere, against the shim `clasp-bogo`.
    Bogo(bogo::Args),
    /// Verifies the certificate chains of x509-limbo, a file from elsewhere, and explains every difference.
    Limbo(limbo::Args),
    /// Lets thousands of clients, good and bad, at `clasp serve` for minutes, and tells what it makes of them.
    Soak(soak::Args),
    /// Measures whether the time of RSA decryption and CBC opening tells a secret; or, by valgrind, whether a branch does.
    Timing(timing::Args),
}

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Peers(args) => peers::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Tidy => tidy::run(),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Bogo(args) => bogo::run(&args),
        Command::Limbo(args) => limbo::run(&args),
        Command::Soak(args) => soak::run(&args),
        Command::Timing(args) => timing::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Empty where the command has said all of it.
            if !failure.is_empty() {
                eprintln!("\ncargo xtask: {failure}");
            }
            ExitCode::FAILURE
        }
    }
}
