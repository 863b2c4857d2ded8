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
            "ccm",
            "crypto-bigint",
            "des",
            "hmac",
            "hpke",
            "libcrux-ml-kem",
            "md-5",
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
            "p12-keystore",
            "pkcs8",
            "rustls-native-certs",
            "rustls-pki-types",
            "rustls-webpki",
            "thiserror",
            "webpki-roots",
            "x509-parser",
            "zeroize",
        ],
    ),
    (
        "clasp-handshake",
        &["base64", "brotli", "bytes", "flate2", "rustls-pki-types", "ruzstd", "subtle", "thiserror", "zeroize"],
    ),
    ("clasp-insecure", &["bytes", "cbc", "des", "md-5", "rc2", "rc4", "rsa", "rustls-pki-types", "subtle", "zeroize"]),
    ("clasp-tokio", &["bytes", "rustls-pki-types", "thiserror", "tokio"]),
    ("clasp-aws-lc", &["aws-lc-rs", "rustls-pki-types"]),
    ("clasp", &["bytes", "rustls-pki-types"]),
    ("clasp-bogo", &["base64", "bytes", "zeroize"]),
    (
        "clasp-cli",
        &["base64", "bytes", "clap", "httparse", "rcgen", "rsa", "serde_json", "thiserror", "tokio", "zeroize"],
    ),
    ("clasp-soak", &["clap", "rcgen", "tokio"]),
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
const NEVER: &[&str] = &["anyhow", "native-tls", "openssl", "openssl-sys", "rustls"];

/// What may come only with a feature that asks for it by name: the broken ciphers, those that are worn out, and those
/// that a small program can do without.
const ASKED_FOR: &[(&str, &[&str])] = &[
    ("insecure", &["rc2", "rc4"]),
    ("legacy", &["des", "md-5"]),
    ("post-quantum", &["libcrux-ml-kem"]),
    ("ech", &["hpke"]),
    ("aws-lc", &["aws-lc-rs", "aws-lc-sys"]),
    ("zlib", &["flate2"]),
    ("brotli", &["brotli"]),
    ("zstd", &["ruzstd"]),
];

/// The oldest compiler, as the workspace states it.
const OLDEST: &str = env!("CARGO_PKG_RUST_VERSION");

/// Holds all of it.
pub(super) fn check() -> Result<(), Failure> {
    let workspace = Workspace::load()?;
    let mut wrong = arrows(&workspace);
    wrong.extend(allow_list(&workspace));
    wrong.extend(stated(&workspace));
    for package in workspace.members().filter(|package| floor(&package.name).is_some()) {
        let tree = tree(&package.name, &["--all-features"])?;
        wrong.extend(never(&package.name, &tree));
        wrong.extend(too_new(&package.name, &tree, &workspace.packages));
        if package.name != "clasp-insecure" {
            wrong.extend(unasked(package)?);
        }
    }
    wrong.extend(beyond("clasp-wire", &tree("clasp-wire", &[])?, WIRE_TREE));
    wrong.extend(beyond("clasp-wire without codec", &tree("clasp-wire", &["--no-default-features"])?, &["clasp-wire"]));
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

/// What a package brings without the feature that asks for it.
fn unasked(package: &Package) -> Result<Vec<String>, Failure> {
    let mut wrong = Vec::new();
    let has = |feature: &str| package.features.contains_key(feature);
    let by_default = |feature: &str| {
        let default = package.features.get("default").map(Vec::as_slice).unwrap_or_default();
        default.iter().any(|enabled| enabled == feature)
    };
    for (feature, brought) in ASKED_FOR {
        // Shim and soak are nobody's dependencies, and take all there is.
        if ["clasp-bogo", "clasp-soak"].contains(&package.name.as_str()) {
            continue;
        }
        // The provider's own crate is that library's.
        if package.name == "clasp-aws-lc" && *feature == "aws-lc" {
            continue;
        }
        // The command takes the facade with all that it has by default.
        if package.name == "clasp-cli" && *feature == "post-quantum" {
            continue;
        }
        let mut builds = vec![vec!["--no-default-features"]];
        if !by_default(feature) {
            builds.push(vec![]);
        }
        // `insecure` implies `legacy`, not the other way around.
        if *feature == "insecure" && has("legacy") {
            builds.push(vec!["--no-default-features", "--features", "legacy"]);
        }
        for build in builds {
            let found = tree(&package.name, &build)?;
            let found = found.iter().filter(|needed| brought.contains(&needed.name.as_str()));
            let how = if build.is_empty() { "by default".to_owned() } else { build.join(" ") };
            wrong.extend(found.map(|needed| {
                format!("{} brings {} ({how}), which only the feature {feature} may", package.name, needed.name)
            }));
        }
    }
    Ok(wrong)
}

fn never(whose: &str, tree: &[Needed]) -> Vec<String> {
    let found = tree.iter().filter(|needed| NEVER.contains(&needed.name.as_str()));
    found.map(|needed| format!("{whose} brings {} to its users", needed.name)).collect()
}

/// Every member states the workspace's oldest compiler.
fn stated(workspace: &Workspace) -> Vec<String> {
    let wrong = workspace.members().filter(|package| package.rust_version.as_deref() != Some(OLDEST));
    let says = |package: &Package| package.rust_version.clone().unwrap_or_else(|| "nothing".into());
    wrong
        .map(|package| format!("{} states {} as its rust-version, not {OLDEST}", package.name, says(package)))
        .collect()
}

/// Nothing a crate needs asks for a newer compiler than is stated.
fn too_new(whose: &str, tree: &[Needed], packages: &[Package]) -> Vec<String> {
    let mut wrong = Vec::new();
    for Needed { name, version } in tree {
        let known = packages.iter().find(|package| package.name == *name && package.version == *version);
        let asks = known.and_then(|package| package.rust_version.as_deref()).unwrap_or("0");
        if numbers(asks) > numbers(OLDEST) {
            wrong.push(format!("{whose} needs {name} {version}, which needs Rust {asks}, newer than {OLDEST}"));
        }
    }
    wrong
}

fn numbers(version: &str) -> Vec<u32> {
    let mut numbers: Vec<u32> = version.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    numbers.resize(3, 0);
    numbers
}

/// A line of a `cargo tree`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Needed {
    name: String,
    version: String,
}

/// All that comes with a crate when it is used alone. (The resolution of the whole workspace would not do: there the
/// benchmarks switch on features that nobody else does.)
fn tree(name: &str, features: &[&str]) -> Result<Vec<Needed>, Failure> {
    let mut command = run::cargo(&["tree", "--package", name, "--edges", "normal"]);
    let text = run::output(command.args(["--prefix", "none", "--format", "{p}"]).args(features))?;
    Ok(read_tree(&text))
}

fn read_tree(text: &str) -> Vec<Needed> {
    let mut all: Vec<Needed> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (name, version) = (words.next()?, words.next()?);
            Some(Needed { name: name.into(), version: version.trim_start_matches('v').into() })
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

/// What of a tree is not in the list.
fn beyond(whose: &str, tree: &[Needed], allowed: &[&str]) -> Vec<String> {
    let found = tree.iter().filter(|needed| !allowed.contains(&needed.name.as_str()));
    found.map(|needed| format!("{whose} brings {} to its users", needed.name)).collect()
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
                rust_version: Some(OLDEST.to_owned()),
                dependencies: dependencies
                    .iter()
                    .map(|(name, kind)| Dependency { name: (*name).to_owned(), kind: (*kind).to_owned() })
                    .collect(),
                ..Package::default()
            })
            .collect();
        let member_ids = packages.iter().map(|package| package.id.clone()).collect();
        Workspace { packages, member_ids }
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

    const TREE: &str =
        "clasp-wire v0.1.0 (/somewhere)\nbytes v1.12.0\nnom v8.0.0\nmemchr v2.7.0\nopenssl v0.10.0 (*)\n";

    #[test]
    fn a_tree_with_more_than_its_list_is_seen() {
        let wrong = ["clasp-wire brings openssl to its users"];
        assert_eq!(beyond("clasp-wire", &read_tree(TREE), WIRE_TREE), wrong);
        assert_eq!(never("clasp-wire", &read_tree(TREE)), wrong);
    }

    #[test]
    fn a_newer_compiler_than_stated_is_seen() {
        let mut newer = workspace(&[("clasp-wire", &[]), ("nom", &[])]);
        assert!(stated(&newer).is_empty());
        newer.packages[1].version = "8.0.0".into();
        newer.packages[1].rust_version = Some("1.999".into());
        let wrong = too_new("clasp-wire", &read_tree(TREE), &newer.packages);
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].contains("nom 8.0.0, which needs Rust 1.999"), "{wrong:?}");
        newer.packages[0].rust_version = None;
        assert!(stated(&newer)[0].contains("states nothing"));
        assert!(numbers("1.100") > numbers("1.89.5"));
    }
}
