//! rustfmt, clippy and rustdoc over the workspace and the fuzz targets; a warning is an error.

use crate::run::{self, Failure};

/// Nothing rustfmt would change.
pub(super) fn fmt() -> Result<(), Failure> {
    run::run(&mut run::cargo(&["fmt", "--all", "--check"]))?;
    run::run(&mut run::cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))
}

/// Nothing clippy complains of: libraries, tests, examples, benchmarks, fuzz bodies.
pub(super) fn clippy() -> Result<(), Failure> {
    run::run(&mut run::cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "--deny",
        "warnings",
    ]))?;
    let mut fuzz = run::cargo(&["clippy", "--manifest-path", "fuzz/Cargo.toml", "--all-targets", "--target-dir"]);
    fuzz.arg(run::target_dir()).env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only");
    run::run(fuzz.args(["--", "--deny", "warnings"]))
}

/// Nothing rustdoc complains of: broken links, unclosed markup. The command is left out, as its name is the facade's.
pub(super) fn docs() -> Result<(), Failure> {
    let mut command = run::cargo(&["doc", "--workspace", "--no-deps", "--all-features"]);
    command.args(["--exclude", "clasp-cli", "--exclude", "clasp-benches"]).env("RUSTDOCFLAGS", "--deny warnings");
    run::run(&mut command)
}
