//! What `cargo metadata` says of the workspace, as far as the checks ask.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::run::{self, Failure};

/// A dependency as a manifest declares it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `normal`, `dev` or `build`.
    pub(crate) kind: String,
}

/// A package, of the workspace or from elsewhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// The oldest compiler it says it builds with.
    pub(crate) rust_version: Option<String>,
    pub(crate) features: BTreeMap<String, Vec<String>>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// All packages, and which of them are ours.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
    pub(crate) member_ids: BTreeSet<String>,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn load() -> Result<Self, Failure> {
        let host = run::output(std::process::Command::new("rustc").arg("-vV"))?;
        let host = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        let text = run::output(&mut run::cargo(&["metadata", "--format-version", "1", "--filter-platform", host]))?;
        let value: Value = serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
        Ok(Self::read(&value))
    }

    fn read(value: &Value) -> Self {
        let packages = list(value, "packages")
            .map(|package| Package {
                id: text(package, "id"),
                name: text(package, "name"),
                version: text(package, "version"),
                rust_version: package.get("rust_version").and_then(Value::as_str).map(str::to_owned),
                features: package
                    .get("features")
                    .and_then(Value::as_object)
                    .into_iter()
                    .flatten()
                    .map(|(name, on)| (name.clone(), strings(on)))
                    .collect(),
                dependencies: list(package, "dependencies")
                    .map(|dependency| Dependency {
                        name: text(dependency, "name"),
                        kind: dependency.get("kind").and_then(Value::as_str).unwrap_or("normal").to_owned(),
                    })
                    .collect(),
            })
            .collect();
        let member_ids = value.get("workspace_members").map(strings).unwrap_or_default().into_iter().collect();
        Self { packages, member_ids }
    }

    /// Our own packages.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.member_ids.contains(&package.id))
    }
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_is_read() {
        let workspace = Workspace::load().unwrap();
        let wire = workspace.members().find(|package| package.name == "clasp-wire").unwrap();
        assert!(wire.features.contains_key("codec"));
        assert!(wire.dependencies.iter().any(|dependency| dependency.name == "proptest" && dependency.kind == "dev"));
        assert!(wire.dependencies.iter().any(|dependency| dependency.name == "nom" && dependency.kind == "normal"));
    }
}
