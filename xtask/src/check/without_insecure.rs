//! The proof that the house stands without clasp-insecure: in a copy of the workspace its folder is removed and the lines of
//! the manifests that name it are struck; all else must compile, and its tests pass.

use std::fs;
use std::path::Path;

use crate::run::{self, Failure};

/// What makes up the workspace.
const PARTS: &[&str] = &["Cargo.toml", "Cargo.lock", ".cargo", "crates", "xtask", "benches", "fuzz", "README.md"];

const GONE: &str = "crates/clasp-insecure";

pub(super) fn check() -> Result<(), Failure> {
    let copy = run::target_dir().join("without-insecure");
    for part in PARTS {
        mirror(&run::root().join(part), &copy.join(part)).map_err(|error| format!("copying {part}: {error}"))?;
    }
    let gone = copy.join(GONE);
    fs::remove_dir_all(&gone).map_err(|error| format!("{}: {error}", gone.display()))?;
    for manifest in ["Cargo.toml", "crates/clasp/Cargo.toml", "crates/clasp-cli/Cargo.toml", "benches/Cargo.toml"] {
        let path = copy.join(manifest);
        let text = fs::read_to_string(&path).map_err(|error| format!("{manifest}: {error}"))?;
        fs::write(&path, strike(&text)).map_err(|error| format!("{manifest}: {error}"))?;
    }
    for arguments in [
        &["check", "--quiet", "--workspace", "--all-targets"][..],
        &["check", "--quiet", "--package", "clasp", "--all-features"],
        &["test", "--quiet", "--package", "clasp-handshake", "--features", "legacy"],
        &["test", "--quiet", "--package", "clasp", "--features", "legacy"],
        &["test", "--quiet", "--package", "clasp-cli", "--lib", "--bins"],
    ] {
        // What is not ours is compiled already.
        let mut command = run::cargo(&[arguments[0], "--target-dir"]);
        command.arg(run::target_dir()).args(&arguments[1..]).current_dir(&copy);
        run::run(&mut command).map_err(|failure| format!("without clasp-insecure {failure}"))?;
    }
    Ok(())
}

/// Leaves out the lines that declare the crate or the feature, and the feature where others list it. That sources ask for a
/// feature which is gone is no longer a warning.
fn strike(manifest: &str) -> String {
    let declares = |line: &&str| line.starts_with("clasp-insecure = ") || line.starts_with("insecure = ");
    let lines = manifest.lines().filter(|line| !declares(line)).map(|line| match line {
        "[workspace.lints.rust]" | "[lints.rust]" => format!("{line}\nunexpected_cfgs = \"allow\""),
        _ if line.starts_with("default = ") => line.replace(", \"insecure\"", ""),
        _ => line.to_owned(),
    });
    lines.map(|line| line + "\n").collect()
}

/// Makes `to` like `from`. What is alike already is left alone, so that cargo does not take it for changed.
fn mirror(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_dir() {
        let content = fs::read(from)?;
        if fs::read(to).is_ok_and(|old| old == content) {
            return Ok(());
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        return fs::write(to, content);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)? {
        let path = entry?.path();
        let wanted = path.file_name().is_some_and(|name| from.join(name).exists());
        if !wanted && path.is_dir() {
            fs::remove_dir_all(&path)?;
        } else if !wanted {
            fs::remove_file(&path)?;
        }
    }
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = path.file_name() else { continue };
        if !["target", "corpus", "artifacts", "coverage"].iter().any(|built| name == *built) {
            mirror(&path, &to.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_declare_it_are_struck_and_no_others() {
        let manifest = "[features]\ndefault = [\"legacy\", \"insecure\"]\nlegacy = []\ninsecure = [\"dep:x\"]\n\n\
            [dependencies]\nclasp-insecure = { workspace = true }\nclasp-wire = { workspace = true }\n";
        assert_eq!(
            strike(manifest),
            "[features]\ndefault = [\"legacy\"]\nlegacy = []\n\n[dependencies]\nclasp-wire = { workspace = true }\n"
        );
    }
}
