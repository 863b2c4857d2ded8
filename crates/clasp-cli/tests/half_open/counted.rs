//! `clasp serve` with an allocator that counts the bytes in use.

use std::alloc::System;
use std::io::Write as _;
use std::process::ExitCode;
use std::thread;

use cap::Cap;
use clap::Parser as _;
use clasp_cli::{Cli, run};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Serves with these options. For every line on standard input, prints how many bytes are in use to standard error.
pub(crate) fn serve(options: &[String]) -> ExitCode {
    thread::spawn(|| {
        let mut line = String::with_capacity(64);
        while std::io::stdin().read_line(&mut line).is_ok_and(|length| length > 0) {
            line.clear();
            let _ = writeln!(std::io::stderr(), "{}", ALLOCATOR.allocated());
        }
    });
    run(Cli::parse_from(["clasp", "serve"].map(str::to_owned).iter().chain(options)))
}
