//! `cargo xtask limbo`: x509-limbo's certificate chains through `clasp-cert`. The file is not this project's to ship.

use std::path::PathBuf;

use crate::run::{self, Failure};

/// Options of `limbo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The collection: the `limbo.json` of C2SP/x509-limbo.
    #[arg(long)]
    file: PathBuf,
}

/// Runs every case under modern and legacy rules; fails on a difference that has no reason in `tests/limbo/README.md`.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let file = std::path::absolute(&args.file).map_err(|error| format!("{}: {error}", args.file.display()))?;
    let mut command = run::cargo(&["test", "--package", "clasp-cert", "--features", "legacy", "--test", "limbo"]);
    run::run(command.env("CLASP_LIMBO_FILE", file))
}
