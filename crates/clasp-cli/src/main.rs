//! The clasp command: connect, serve, and watch a TLS handshake step by step.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser as _;
use clasp_cli::{Cli, run};

fn main() -> ExitCode {
    // clap itself exits with 2 for a wrong command line.
    run(Cli::parse())
}
