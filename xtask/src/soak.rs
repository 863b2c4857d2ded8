//! `cargo xtask soak`: thousands of clients, good and bad, against the release build of `clasp serve`, for minutes. `test` has a
//! short run of it.

use std::process::Command;

use crate::run::{self, Failure};

/// Options of `soak`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// For how long clients come.
    #[arg(long, default_value_t = 300)]
    seconds: u64,
    /// How many connections are open at a time.
    #[arg(long, default_value_t = 2000)]
    connections: u64,
}

/// Builds command and clients, and lets them at each other with as many open files as the system's hard limit gives.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    run::run(&mut run::cargo(&["build", "--release", "--package", "clasp-cli", "--package", "clasp-soak"]))?;
    run::run(&mut soak(args))
}

fn soak(args: &Args) -> Command {
    let programs = run::target_dir().join("release");
    // The limit of a process is its own to raise, and that of its children: the soak's servers.
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n $(ulimit -Hn); exec \"$0\" \"$@\""])
        .arg(programs.join("clasp-soak"))
        .arg("--server")
        .arg(programs.join("clasp"))
        .args(["--seconds", &args.seconds.to_string(), "--connections", &args.connections.to_string()]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_command_is_the_server() {
        let shown = run::shown(&soak(&Args { seconds: 20, connections: 200 }));
        assert!(
            shown.contains("release/clasp-soak --server ") && shown.contains("release/clasp --seconds 20"),
            "{shown}"
        );
        assert!(shown.ends_with("--connections 200"), "{shown}");
    }
}
