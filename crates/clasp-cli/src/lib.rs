//! What the `clasp` command is made of. The command's own interface is its options; this library is for its tests and
//! benchmarks, and promises nothing.
#![forbid(unsafe_code)]

mod args;
mod connect;
mod demo;
mod diagnose;
#[cfg(feature = "ech")]
mod ech;
#[cfg(feature = "ech")]
mod ech_key;
mod failure;
mod http;
mod identity;
mod idle;
mod interactive;
mod output;
mod roster;
mod serve;
mod sessions;
mod setup;
mod starttls;
mod trace;

use std::process::ExitCode;

pub use args::Cli;
use args::Command;
use failure::Failure;

/// Runs the command, and says how it ended: 0 success, 1 the connection or handshake failed, 2 usage.
pub fn run(cli: Cli) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error_line(format_args!("clasp: no runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(async {
        match cli.command {
            Command::Demo(args) => demo::run(args).await,
            Command::Connect(args) => connect::run(args).await,
            Command::Serve(args) => serve::run(args).await,
            #[cfg(feature = "ech")]
            Command::EchKey(args) => ech_key::run(&args),
        }
    });
    // A thread that waits for standard input must not keep the command alive.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !matches!(failure, Failure::OutputClosed) {
                output::error_line(format_args!("clasp: {failure}"));
            }
            failure.exit_code()
        }
    }
}
