//! Who may depend on whom and on what, and the oldest compiler all of it builds with.
//!
//! Arrows point down only: a crate's floor is its place in [`FLOORS`], and it may use what lies below.

use super::workspace::{Package, Workspace};
use crate::run::{self, Failure};

/// The floors, lowest first, each with everything from elsewhere that it may use. `ARCHITECTURE.md` says why each.
const FLOORS: &[(&str, &[&str])] = &[
    ("clasp-wire", &["bytes", "nom"]),
    (
        "clasp-crypto",
        &[
            "aes",
            "cbc",
            "crypto-bigint",
            "hmac",
            "p256",
            "p384",
            "p521",
            "ring",
            "rsa",
            "rustls-pki-types",
            "sha1",
            "sha2",
            "subtle",
            "thiserror",
            "zeroize",
        ],
    ),
    ("clasp-keys", &["subtle", "thiserror", "zeroize"]),
    ("clasp-record", &["bytes", "subtle", "thiserror", "zeroize"]),
    (
        "clasp-cert",
        &[
            "rustls-native-certs",
            "rustls-pki-types",
            "rustls-webpki",
            "thiserror",
            "webpki-roots",
            "x509-parser",
            "zeroize",
        ],
    ),
    ("clasp-handshake", &["bytes", "rustls-pki-types", "subtle", "thiserror", "zeroize"]),
    ("clasp-tokio", &["bytes", "rustls-pki-types", "thiserror", "tokio"]),
    ("clasp", &["bytes", "rustls-pki-types"]),
    ("clasp-cli", &["bytes", "clap", "rcgen", "serde_json", "thiserror", "tokio"]),
];

/// Pairs that the floors would allow and that would still be wrong: who knows nothing of whom.
const STRANGERS: &[(&str, &str)] = &[
    ("clasp-keys", "clasp-wire"),
    ("clasp-record", "clasp-keys"),
    ("clasp-cert", "clasp-keys"),
    ("clasp-cert", "clasp-record"),
    ("clasp-tokio", "clasp-wire"),
    ("clasp-tokio", "clasp-record"),
];

/// All that clasp-wire may bring to one who uses it alone.
const WIRE_TREE: &[&str] = &["bytes", "clasp-wire", "memchr", "nom"];

/// What a user of the library must never get: other TLS libraries, untyped errors.
const NEVER: &[&str] = &["anyhow", "aws-lc-rs", "aws-lc-sys", "native-tls", "openssl", "openssl-sys", "rustls"];

/// Holds all of it.
pub(super) fn check() -> Result<(), Failure> {
    let workspace = Workspace::load()?;
    let mut wrong = arrows(&workspace);
    wrong.extend(allow_list(&workspace));
    wrong.extend(never(&workspace));
    wrong.extend(oldest_compiler(&workspace));
    let with = run::output(&mut wire_tree(&[]))?;
    wrong.extend(beyond("clasp-wire", &with, WIRE_TREE));
    let without = run::output(&mut wire_tree(&["--no-default-features"]))?;
    wrong.extend(beyond("clasp-wire without codec", &without, &["clasp-wire"]));
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|(floor, _)| *floor == name)
}

/// Our crates depend on lower floors only, even in their tests: else they could not be released in order.
fn arrows(workspace: &Workspace) -> Vec<String> {
    let mut wrong = Vec::new();
    let ours: Vec<&Package> = workspace.members().collect();
    for package in ours.iter().filter(|package| package.name.starts_with("clasp")) {
        let Some(here) = floor(&package.name) else {
            if package.name != "clasp-benches" {
                wrong.push(format!("{} has no floor: give it one in xtask/src/check/dependencies.rs", package.name));
            }
            continue;
        };
        for dependency in &package.dependencies {
            if !ours.iter().any(|other| other.name == dependency.name) {
                continue;
            }
            if floor(&dependency.name).is_none_or(|there| there >= here) {
                wrong.push(format!("{} may not depend on {}: arrows point down", package.name, dependency.name));
            } else if STRANGERS.contains(&(&package.name, &dependency.name)) {
                wrong.push(format!("{} knows nothing of {}: it may not depend on it", package.name, dependency.name));
            }
        }
    }
    wrong
}

/// Each crate declares only what its floor lists.
fn allow_list(workspace: &Workspace) -> Vec<String> {
    let mut wrong = Vec::new();
    for package in workspace.members() {
        let Some((_, allowed)) = FLOORS.iter().find(|(floor, _)| *floor == package.name) else { continue };
        for dependency in package.dependencies.iter().filter(|dependency| dependency.kind != "dev") {
            let name = dependency.name.as_str();
            if floor(name).is_none() && !allowed.contains(&name) {
                wrong.push(format!(
                    "{} depends on {name}, which its list does not have: say why in ARCHITECTURE.md, and add it",
                    package.name
                ));
            }
        }
    }
    wrong
}

fn never(workspace: &Workspace) -> Vec<String> {
    let mut wrong = Vec::new();
    for package in workspace.members().filter(|package| floor(&package.name).is_some()) {
        for needed in workspace.closure(package) {
            if NEVER.contains(&needed.name.as_str()) {
                wrong.push(format!("{} brings {} to its users", package.name, needed.name));
            }
        }
    }
    wrong
}

/// Every member states the workspace's oldest compiler, and nothing the library needs asks for a newer one.
fn oldest_compiler(workspace: &Workspace) -> Vec<String> {
    let stated = env!("CARGO_PKG_RUST_VERSION");
    let mut wrong = Vec::new();
    for package in workspace.members() {
        if package.rust_version.as_deref() != Some(stated) {
            let says = package.rust_version.as_deref().unwrap_or("nothing");
            wrong.push(format!("{} states {says} as its rust-version, not {stated}", package.name));
        }
        if floor(&package.name).is_none() {
            continue;
        }
        for needed in workspace.closure(package) {
            if let Some(asks) = needed.rust_version.as_deref().filter(|asks| numbers(asks) > numbers(stated)) {
                let (name, version) = (&needed.name, &needed.version);
                wrong.push(format!(
                    "{} needs {name} {version}, which needs Rust {asks}, newer than {stated}",
                    package.name
                ));
            }
        }
    }
    wrong
}

fn numbers(version: &str) -> Vec<u32> {
    let mut numbers: Vec<u32> = version.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    numbers.resize(3, 0);
    numbers
}

fn wire_tree(features: &[&str]) -> std::process::Command {
    let mut command = run::cargo(&["tree", "--package", "clasp-wire", "--edges", "normal"]);
    command.args(["--prefix", "none", "--format", "{p}"]).args(features);
    command
}

/// The crates of a `cargo tree` listing that are not in the list.
fn beyond(whose: &str, tree: &str, allowed: &[&str]) -> Vec<String> {
    let mut names: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| !allowed.contains(name));
    names.iter().map(|name| format!("{whose} brings {name} to its users")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::workspace::Dependency;
    use super::*;

    fn workspace(packages: &[(&str, &[(&str, &str)])]) -> Workspace {
        let packages: Vec<Package> = packages
            .iter()
            .map(|(name, dependencies)| Package {
                id: (*name).to_owned(),
                name: (*name).to_owned(),
                rust_version: Some(env!("CARGO_PKG_RUST_VERSION").to_owned()),
                dependencies: dependencies
                    .iter()
                    .map(|(name, kind)| Dependency { name: (*name).to_owned(), kind: (*kind).to_owned() })
                    .collect(),
                ..Package::default()
            })
            .collect();
        let member_ids = packages.iter().map(|package| package.id.clone()).collect();
        let edges = packages
            .iter()
            .map(|package| {
                let normal = package.dependencies.iter().filter(|dependency| dependency.kind == "normal");
                (package.id.clone(), normal.map(|dependency| dependency.name.clone()).collect())
            })
            .collect();
        Workspace { packages, member_ids, edges }
    }

    #[test]
    fn an_arrow_that_points_up_or_at_a_stranger_is_seen() {
        let good = workspace(&[("clasp-wire", &[]), ("clasp-crypto", &[("clasp-wire", "normal")])]);
        assert!(arrows(&good).is_empty());
        let up = workspace(&[("clasp-crypto", &[]), ("clasp-wire", &[("clasp-crypto", "dev")])]);
        assert!(arrows(&up)[0].contains("clasp-wire may not depend on clasp-crypto"));
        let strange = workspace(&[("clasp-wire", &[]), ("clasp-keys", &[("clasp-wire", "normal")])]);
        assert!(arrows(&strange)[0].contains("knows nothing of"));
        assert!(arrows(&workspace(&[("clasp-new", &[])]))[0].contains("no floor"));
    }

    #[test]
    fn a_dependency_outside_the_list_is_seen() {
        let added = workspace(&[("clasp-wire", &[("nom", "normal"), ("serde", "normal"), ("proptest", "dev")])]);
        let wrong = allow_list(&added);
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].contains("clasp-wire depends on serde"));
    }

    #[test]
    fn a_peer_that_reaches_users_is_seen() {
        let brought = workspace(&[
            ("clasp-cert", &[("middle", "normal")]),
            ("middle", &[("openssl", "normal")]),
            ("openssl", &[]),
        ]);
        assert_eq!(never(&brought), ["clasp-cert brings openssl to its users"]);
    }

    #[test]
    fn a_newer_compiler_than_stated_is_seen() {
        let mut newer = workspace(&[("clasp-wire", &[("nom", "normal")]), ("nom", &[])]);
        newer.packages[1].rust_version = Some("1.999".into());
        newer.member_ids.remove("nom");
        assert!(oldest_compiler(&newer)[0].contains("needs Rust 1.999"));
        newer.packages[0].rust_version = None;
        assert!(oldest_compiler(&newer)[0].contains("states nothing"));
        assert!(numbers("1.100") > numbers("1.89.5"));
    }

    #[test]
    fn a_tree_with_more_than_its_list_is_seen() {
        let tree = "clasp-wire v0.1.0 (/somewhere)\nbytes v1.12.0\nnom v8.0.0\nmemchr v2.7.0\nserde v1.0.0\n";
        assert_eq!(beyond("clasp-wire", tree, WIRE_TREE), ["clasp-wire brings serde to its users"]);
    }
}
