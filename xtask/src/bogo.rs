//! `cargo xtask bogo`: BoringSSL's test runner against `clasp-bogo`. The runner is not this project's to ship: it is built
//! elsewhere, from its own sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::run::{self, Failure};

/// Options of `bogo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The runner: what `go test -c` makes of BoringSSL's `ssl/test/runner`.
    #[arg(long)]
    runner: PathBuf,
    /// Only tests whose names fit one of these patterns, between semicolons; `*` stands for anything.
    #[arg(long)]
    test: Option<String>,
    /// Writes the names of the tests that pass into `passing.txt`.
    #[arg(long, conflicts_with = "test")]
    bless: bool,
    /// Also runs the tests that `config.json` leaves out.
    #[arg(long)]
    include_disabled: bool,
    /// Shows all that the runner says of tests that fail.
    #[arg(long)]
    verbose: bool,
}

/// How a test went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Unimplemented,
}

/// Which topic a test belongs to: the first that one of its words is part of the test's name for.
const TOPICS: &[(&str, &[&str])] = &[
    ("encrypted client hello", &["ECH"]),
    ("raw public keys", &["RawPublicKey", "CertificateType", "RPK"]),
    ("pre-shared keys", &["PSK"]),
    ("trust anchors", &["TrustAnchor"]),
    ("compliance policies", &["Compliance"]),
    ("early data", &["EarlyData", "0RTT"]),
    ("certificate selection", &["CertificateSelection", "CertificateCompression", "CertCompression"]),
    ("renegotiation", &["Renego"]),
    ("key update", &["KeyUpdate"]),
    ("resumption", &["Resum", "Ticket", "Session"]),
    ("application protocols", &["ALPN", "ALPS", "NPN"]),
    ("stapling", &["OCSP", "SCT", "SignedCert"]),
    ("extended master secret", &["ExtendedMasterSecret", "EMS"]),
    ("certificates", &["Certificate", "ClientAuth", "Verif", "KeyUsage", "Cert"]),
    ("signatures", &["Sign", "Server-Verify", "Client-Verify", "ECDSA", "Ed25519", "SigAlg"]),
    ("key exchange", &["Curve", "KeyShare", "HelloRetryRequest", "HRR", "MLKEM", "PostQuantum", "RSAEphemeral"]),
    ("versions", &["Version", "Downgrade", "Fallback"]),
    ("cipher suites", &["Cipher", "CBC", "AES", "3DES", "CHACHA"]),
    ("exporters", &["Export", "TLSUnique"]),
    ("closing and alerts", &["Shutdown", "Alert", "CloseNotify"]),
    ("misplaced messages", &["WrongMessageType", "TrailingMessageData", "TrailingData", "Unexpected", "Partial"]),
];

fn topic(test: &str) -> &'static str {
    let found = TOPICS.iter().find(|(_, words)| words.iter().any(|word| test.contains(word)));
    found.map_or("the rest", |(topic, _)| topic)
}

/// Runs the runner, tells how it went, and holds it against `passing.txt`.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    run::run(&mut run::cargo(&["build", "--release", "--package", "clasp-bogo"]))?;
    let folder = run::root().join("crates/clasp-bogo");
    let report = run::target_dir().join("bogo.json");
    let _ = std::fs::remove_file(&report);
    let mut command = Command::new(&args.runner);
    command
        .arg("-shim-path")
        .arg(run::target_dir().join("release/clasp-bogo"))
        .arg("-shim-config")
        .arg(folder.join("config.json"))
        .arg("-json-output")
        .arg(&report)
        .arg("-allow-unimplemented");
    if args.include_disabled {
        command.arg("-include-disabled");
    }
    if let Some(tests) = &args.test {
        command.args(["-test", tests]);
    }
    if !args.verbose {
        command.stdout(Stdio::null()).stderr(Stdio::null());
    }
    // It fails where any test does: what counts here is in its report.
    let ended = run::run(&mut command);
    let text = std::fs::read_to_string(&report).map_err(|error| {
        format!("the runner left no report at {} ({error}): {}", report.display(), ended.err().unwrap_or_default())
    })?;
    let outcomes = outcomes(&text)?;
    print!("{}", table(&outcomes));
    for (test, _) in outcomes.iter().filter(|(_, outcome)| **outcome == Outcome::Failed) {
        println!("failed: {test}");
    }
    let list = folder.join("passing.txt");
    if args.bless {
        return bless(&list, &outcomes);
    }
    let wanted = std::fs::read_to_string(&list).map_err(|error| format!("{}: {error}", list.display()))?;
    let lost = lost(&wanted, &outcomes, args.test.is_some());
    if lost.is_empty() {
        Ok(())
    } else {
        Err(format!("{} tests of passing.txt do not pass: {}", lost.len(), lost.join(", ")))
    }
}

/// Reads the runner's report.
fn outcomes(report: &str) -> Result<BTreeMap<String, Outcome>, Failure> {
    let report: Value = serde_json::from_str(report).map_err(|error| format!("the runner's report: {error}"))?;
    let tests = report.get("tests").and_then(Value::as_object).ok_or("the runner's report names no tests")?;
    let outcome = |test: &Value| match test.get("actual").and_then(Value::as_str) {
        Some("PASS") => Outcome::Passed,
        Some("SKIP") => Outcome::Unimplemented,
        _ => Outcome::Failed,
    };
    Ok(tests.iter().map(|(name, test)| (name.clone(), outcome(test))).collect())
}

fn table(outcomes: &BTreeMap<String, Outcome>) -> String {
    use std::fmt::Write as _;
    let mut counts: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for (test, outcome) in outcomes {
        for topic in [topic(test), "~ all"] {
            counts.entry(topic).or_default()[*outcome as usize] += 1;
        }
    }
    let mut text = format!("{:<24}{:>8}{:>8}{:>15}\n", "topic", "passed", "failed", "unimplemented");
    for (topic, [passed, failed, unimplemented]) in counts {
        let _ = writeln!(text, "{:<24}{passed:>8}{failed:>8}{unimplemented:>15}", topic.trim_start_matches("~ "));
    }
    text
}

/// The tests of the list that did not pass. Where only some were run, those alone count.
fn lost<'a>(list: &'a str, outcomes: &BTreeMap<String, Outcome>, only_some: bool) -> Vec<&'a str> {
    let passes = |test: &&str| match outcomes.get(*test) {
        Some(outcome) => *outcome == Outcome::Passed,
        None => only_some,
    };
    list.lines().filter(|line| !line.is_empty()).filter(|test| !passes(test)).collect()
}

fn bless(list: &Path, outcomes: &BTreeMap<String, Outcome>) -> Result<(), Failure> {
    let passed: BTreeSet<_> =
        outcomes.iter().filter(|(_, outcome)| **outcome == Outcome::Passed).map(|(test, _)| test).collect();
    let text: String = passed.iter().map(|test| format!("{test}\n")).collect();
    std::fs::write(list, text).map_err(|error| format!("{}: {error}", list.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"{"tests": {
        "EarlyData-Server": {"actual": "PASS"},
        "Renegotiate-Client": {"actual": "FAIL"},
        "Basic": {"actual": "SKIP"}
    }}"#;

    #[test]
    fn a_report_is_read_and_told_by_topic() {
        let outcomes = outcomes(REPORT).unwrap();
        assert_eq!(outcomes["Basic"], Outcome::Unimplemented);
        let table = table(&outcomes);
        let line = |topic: &str| table.lines().find(|line| line.starts_with(topic)).unwrap();
        assert!(line("early data").ends_with("1       0              0"), "{table}");
        assert!(line("all").ends_with("1       1              1"), "{table}");
        assert!(super::outcomes("{}").is_err());
    }

    #[test]
    fn what_must_pass_and_does_not_is_named() {
        let outcomes = outcomes(REPORT).unwrap();
        assert_eq!(lost("EarlyData-Server\n", &outcomes, false), [""; 0]);
        assert_eq!(lost("Renegotiate-Client\nGone\n", &outcomes, false), ["Renegotiate-Client", "Gone"]);
        assert_eq!(lost("Renegotiate-Client\nGone\n", &outcomes, true), ["Renegotiate-Client"]);
    }
}
