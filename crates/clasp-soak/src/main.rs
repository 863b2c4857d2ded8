//! Thousands of clients, good and bad, against `clasp serve`, for minutes (RFC 8446 and 5246, whole connections).
//!
//! Good bytes must come back as they were sent, bad clients must be let go of in time, and the server must be in the end what it was soon
//! after the beginning: no memory, descriptor or thread more. `cargo xtask soak` runs it on the release build. Without `--server` the program
//! is its own server: `clasp-soak serve` is `clasp serve`. It looks at servers through `/proc`, so it needs Linux.
#![forbid(unsafe_code)]

mod bad;
mod clients;
mod configs;
mod faulty;
mod good;
mod kinds;
mod load;
mod pattern;
mod pki;
mod server;
mod stop;
mod tally;
mod verdict;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clasp_cli::Cli;
use server::Program;

/// Thousands of clients, good and bad, against `clasp serve`.
#[derive(Debug, Parser)]
#[command(name = "clasp-soak")]
struct Args {
    /// For how long clients come.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(10..))]
    seconds: u64,
    /// How many connections are open at a time.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(20..))]
    connections: u64,
    /// The `clasp` command to start; this program itself, without it.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
}

/// How many descriptors a process needs besides its connections.
const SPARE_FILES: usize = 150;

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|word| word == "serve") {
        return clasp_cli::run(Cli::parse());
    }
    match soak(&Args::parse()) {
        Ok(wrong) if wrong.is_empty() => {
            println!("\nall is as it should be");
            ExitCode::SUCCESS
        }
        Ok(wrong) => {
            println!();
            for line in wrong {
                println!("WRONG: {line}");
            }
            ExitCode::FAILURE
        }
        Err(why) => {
            eprintln!("clasp-soak: {why}");
            ExitCode::from(2)
        }
    }
}

/// Says what is wrong with the server; an error where nothing can be said of it.
fn soak(args: &Args) -> Result<Vec<String>, String> {
    let connections = usize::try_from(args.connections).unwrap_or(usize::MAX);
    let needed = connections + connections / 10 + SPARE_FILES;
    match server::open_files_limit() {
        None => return Err("there is no /proc here, by which the server is watched".to_owned()),
        Some(limit) if limit < needed => {
            return Err(format!(
                "a process may open {limit} files here, and {connections} connections need {needed}: raise `ulimit -n`, or the \
                 hard limit it is bound by, or ask for less with --connections"
            ));
        }
        Some(_) => {}
    }
    let path = match &args.server {
        Some(path) => path.clone(),
        None => std::env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    let plan = load::Plan { load: Duration::from_secs(args.seconds), connections, program: Program { path } };
    runtime.block_on(load::run(plan))
}
