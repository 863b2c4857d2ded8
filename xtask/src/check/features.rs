//! Every crate alone: with its default features, without, and with each feature alone.

use super::workspace::{Package, Workspace};
use crate::run::{self, Failure};

/// Compiles each combination by clippy, so that an import that only one feature uses is seen too.
pub(super) fn check() -> Result<(), Failure> {
    for package in Workspace::load()?.members() {
        if package.name == "clasp-benches" || package.name == "xtask" {
            continue;
        }
        for combination in combinations(package) {
            let mut command = run::cargo(&["clippy", "--quiet", "--package", &package.name]);
            run::run(command.args(combination).args(["--", "--deny", "warnings"]))?;
        }
    }
    Ok(())
}

fn combinations(package: &Package) -> Vec<Vec<String>> {
    let line = |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let mut all = vec![line("")];
    let named = package.features.iter().filter(|(name, _)| *name != "default");
    if package.features.values().any(|enables| !enables.is_empty()) {
        all.push(line("--no-default-features"));
    }
    all.extend(named.map(|(name, _)| line(&format!("--no-default-features --features {name}"))));
    if package.features.len() > 2 {
        all.push(line("--all-features"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_feature_is_tried_alone_and_all_together() {
        let package = Package {
            name: "x".into(),
            features: [("default", vec!["a"]), ("a", vec!["dep:a"]), ("b", vec![])]
                .map(|(name, on)| (name.to_owned(), on.into_iter().map(str::to_owned).collect()))
                .into(),
            ..Package::default()
        };
        let lines: Vec<String> = combinations(&package).iter().map(|words| words.join(" ")).collect();
        assert_eq!(
            lines,
            [
                "",
                "--no-default-features",
                "--no-default-features --features a",
                "--no-default-features --features b",
                "--all-features"
            ]
        );
        assert_eq!(combinations(&Package::default()).len(), 1);
    }
}
