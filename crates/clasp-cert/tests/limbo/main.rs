//! Chains and the answers they should get (RFC 5280, section 6): our own, or with `CLASP_LIMBO_FILE` those of a limbo.json.

mod case;
mod file;
mod own;
mod reasons;

use std::process::ExitCode;

use clasp_cert::CertificateRules;
use libtest_mimic::{Arguments, Trial};

/// The rules that are asked, by name.
fn all_rules() -> Vec<(&'static str, CertificateRules)> {
    vec![
        ("modern", CertificateRules::modern()),
        #[cfg(feature = "legacy")]
        ("legacy", CertificateRules::legacy()),
    ]
}

fn main() -> ExitCode {
    if let Some(path) = std::env::var_os("CLASP_LIMBO_FILE") {
        return match file::run(path.as_ref()) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(problem) => {
                eprintln!("{problem}");
                ExitCode::FAILURE
            }
        };
    }
    let mut trials = own::trials();
    trials.push(Trial::test("every_difference_has_one_reason", || Ok(reasons::read().map(|_| ())?)));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
