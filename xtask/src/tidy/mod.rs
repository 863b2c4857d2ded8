//! The rules of the house that can be held over the source text. `cargo test` holds them too.

mod rules;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{self, Failure};
use rules::RULES;
use source::Source;

/// Where a rule is broken.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    path: String,
    line: usize,
    what: String,
    rule: &'static str,
}

/// Holds every rule over every source file.
pub(crate) fn run() -> Result<(), Failure> {
    let sources = sources()?;
    let violations = violations(&sources);
    if violations.is_empty() {
        println!("tidy: {} rules hold over {} files", RULES.len(), sources.len());
        return Ok(());
    }
    let lines = violations.iter().map(|v| format!("{}:{}: {} [{}]", v.path, v.line, v.what, v.rule));
    Err(lines.collect::<Vec<_>>().join("\n"))
}

fn violations(sources: &[Source]) -> Vec<Violation> {
    let mut all = Vec::new();
    for source in sources {
        for rule in RULES.iter().filter(|rule| (rule.applies)(source)) {
            for (line, what) in (rule.broken)(source) {
                all.push(Violation { path: source.path.clone(), line, what, rule: rule.name });
            }
        }
    }
    all.sort();
    all
}

/// Every Rust file of the repository, with what is test code marked as such.
fn sources() -> Result<Vec<Source>, Failure> {
    let root = run::root();
    let mut files = Vec::new();
    for folder in ["crates", "xtask", "benches", "fuzz"] {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    let mut sources = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let path = file.strip_prefix(&root).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        sources.push(Source::new(&path, &text));
    }
    source::mark_test_modules(&mut sources);
    Ok(sources)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target" && name != "corpus") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_hold_over_this_repository() {
        if let Err(broken) = run() {
            panic!("{broken}");
        }
    }
}
