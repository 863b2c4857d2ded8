//! `cargo xtask peers`: gets the programs and libraries that tests and benchmarks run against.

use std::process::Command;

use crate::run::{self, Failure};
use crate::wheels;

/// Options of `peers`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Only says what is there and what is missing.
    #[arg(long)]
    dry_run: bool,
}

/// Something needed: how to see that it is there, and the Debian package that brings it.
struct Peer {
    name: &'static str,
    package: &'static str,
    /// Prints its version.
    probe: &'static [&'static str],
    /// The oldest version that will do, as (major, minor).
    least: (u32, u32),
    what_for: &'static str,
}

const PEERS: &[Peer] = &[
    Peer { name: "openssl", package: "openssl", probe: &["openssl", "version"], least: (3, 0), what_for: INTEROP },
    Peer {
        name: "gnutls-cli",
        package: "gnutls-bin",
        probe: &["gnutls-cli", "--version"],
        least: (3, 6),
        what_for: INTEROP,
    },
    Peer {
        name: "gnutls-serv",
        package: "gnutls-bin",
        probe: &["gnutls-serv", "--version"],
        least: (3, 6),
        what_for: INTEROP,
    },
    Peer { name: "curl", package: "curl", probe: &["curl", "--version"], least: (7, 60), what_for: INTEROP },
    Peer {
        name: "pip",
        package: "python3 python3-pip",
        probe: &["python3", "-m", "pip", "--version"],
        least: (9, 0),
        what_for: "older OpenSSL, tlslite-ng",
    },
    Peer {
        name: "chromium",
        package: "chromium",
        probe: &["chromium", "--version"],
        least: (131, 0),
        what_for: INTEROP,
    },
    // The compiler, without which there may be a Java that runs no source.
    Peer {
        name: "javac",
        package: "openjdk-17-jdk-headless",
        probe: &["javac", "--version"],
        least: (17, 0),
        what_for: INTEROP,
    },
    Peer {
        name: "pkg-config",
        package: "pkg-config",
        probe: &["pkg-config", "--version"],
        least: (0, 0),
        what_for: BENCHES,
    },
    Peer {
        name: "OpenSSL library",
        package: "libssl-dev",
        probe: &["pkg-config", "--modversion", "openssl"],
        least: (3, 0),
        what_for: BENCHES,
    },
    Peer {
        name: "cc",
        package: "gcc libc6-dev",
        probe: &["cc", "--version"],
        least: (0, 0),
        what_for: "ring, and linking",
    },
    Peer { name: "cmake", package: "cmake", probe: &["cmake", "--version"], least: (3, 0), what_for: BENCHES },
    Peer {
        name: "clang",
        package: "clang",
        probe: &["clang", "--version"],
        least: (0, 0),
        what_for: "benchmarks, fuzzing",
    },
];

const INTEROP: &str = "interop tests";
const BENCHES: &str = "benchmarks";

/// What a look found.
enum Found {
    Good(String),
    TooOld(String),
    Missing,
}

/// Installs what is missing and verifies all versions.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut packages: Vec<&str> = Vec::new();
    for peer in PEERS.iter().filter(|peer| !matches!(look(peer), Found::Good(_))) {
        for package in peer.package.split(' ') {
            if !packages.contains(&package) {
                packages.push(package);
            }
        }
    }
    if packages.is_empty() {
        println!("every peer is there already");
    } else if args.dry_run {
        println!("would install: {}", packages.join(" "));
    } else {
        install(&packages)?;
    }

    let mut wanting = Vec::new();
    for peer in PEERS {
        let (name, what_for) = (peer.name, peer.what_for);
        match look(peer) {
            Found::Good(version) => println!("  {name:16} {version}"),
            Found::TooOld(version) => {
                let (major, minor) = peer.least;
                println!("  {name:16} {version}, but {major}.{minor} or newer is needed ({what_for})");
                wanting.push(name);
            }
            Found::Missing => {
                println!("  {name:16} missing ({what_for})");
                wanting.push(name);
            }
        }
    }
    for peer in &wheels::PEERS {
        if !args.dry_run
            && let Err(failure) = peer.get()
        {
            eprintln!("{failure}");
        }
        let name = peer.name;
        if peer.is_there() {
            println!("  {name:16} unpacked");
        } else {
            println!("  {name:16} missing ({INTEROP})");
            wanting.push(name);
        }
    }
    if wanting.is_empty() { Ok(()) } else { Err(format!("not there: {}", wanting.join(", "))) }
}

fn install(packages: &[&str]) -> Result<(), Failure> {
    let list = packages.join(" ");
    if run::output(Command::new("apt-get").arg("--version")).is_err() {
        return Err(format!("this machine has no apt-get; install the counterparts of these Debian packages: {list}"));
    }
    let is_root = run::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let apt = |args: &[&str]| {
        let mut command = if is_root {
            Command::new("env")
        } else {
            let mut sudo = Command::new("sudo");
            sudo.arg("env");
            sudo
        };
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]).args(args);
        command
    };
    println!("installing: {list}");
    // Old package lists are enough more often than not, so a mirror that is out of reach is not the end.
    if let Err(failure) = run::run(&mut apt(&["update"])) {
        eprintln!("{failure}; going on with the package lists at hand");
    }
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(packages);
    run::run(&mut apt(&arguments))
        .map_err(|failure| format!("{failure}\nrun as root, or with sudo, or install these yourself: {list}"))
}

fn look(peer: &Peer) -> Found {
    let Some((program, args)) = peer.probe.split_first() else { return Found::Missing };
    let Ok(text) = run::output(Command::new(program).args(args)) else { return Found::Missing };
    let Some((version, numbers)) = version_in(&text) else { return Found::Missing };
    if numbers >= peer.least { Found::Good(version) } else { Found::TooOld(version) }
}

/// The first thing in a text that looks like a version.
fn version_in(text: &str) -> Option<(String, (u32, u32))> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.')).find_map(|word| {
        let mut parts = word.split('.');
        let numbers = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some((word.trim_end_matches('.').to_owned(), numbers))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_the_peers_print() {
        let numbers = |text| version_in(text).map(|(_, numbers)| numbers);
        assert_eq!(numbers("OpenSSL 3.0.22 25 Aug 2026 (Library: OpenSSL 3.0.22)"), Some((3, 0)));
        assert_eq!(numbers("gnutls-cli 3.7.9\nCopyright (C) 2000-2023"), Some((3, 7)));
        assert_eq!(numbers("curl 7.88.1 (x86_64-pc-linux-gnu)"), Some((7, 88)));
        assert_eq!(numbers("cmake version 3.25.1"), Some((3, 25)));
        assert_eq!(numbers("no version"), None);
    }

    #[test]
    fn what_is_missing_or_too_old_is_told_apart() {
        let peer = |probe, least| Peer { name: "x", package: "x", probe, least, what_for: "" };
        assert!(matches!(look(&peer(&["/nowhere/at/all"], (0, 0))), Found::Missing));
        assert!(matches!(look(&peer(&["echo", "1.9"], (1, 10))), Found::TooOld(_)));
        assert!(matches!(look(&peer(&["echo", "1.10.2"], (1, 10))), Found::Good(version) if version == "1.10.2"));
    }
}
