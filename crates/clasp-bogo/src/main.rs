//! The shim by which BoringSSL's test runner (ssl/test/runner) drives Clasp, over the public API alone.
//!
//! The runner is the peer, and mostly a bad one. It starts this program for each test, listens, and says by flags what to
//! do and what to expect. Exit status 0: all went as expected. 89: a flag asks for what is not there. 1: a failure, whose
//! error stands on the standard error output, for the runner to look for what `config.json` says it may be.
#![forbid(unsafe_code)]

mod callbacks;
mod checks;
mod compliance;
mod compression;
mod connection;
mod flags;
mod lists;
mod policy;
mod seen;
mod setup;
mod stores;

use std::process::ExitCode;

use flags::FlagError;

/// The runner's word for "not implemented".
const UNIMPLEMENTED: u8 = 89;

fn main() -> ExitCode {
    let args = std::env::args().skip(1);
    if args.len() == 1 && std::env::args().any(|arg| arg == "-is-handshaker-supported") {
        println!("No");
        return ExitCode::SUCCESS;
    }
    let result = flags::parse(args).map_err(Failure::from).and_then(|test| connection::run(&test));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Unimplemented(what)) => {
            eprintln!("unimplemented: {what}");
            ExitCode::from(UNIMPLEMENTED)
        }
        Err(Failure::Failed(what)) => {
            eprintln!("{what}");
            ExitCode::FAILURE
        }
    }
}

/// Why a test did not go well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It asks for what is not there.
    Unimplemented(String),
    /// It failed, perhaps as it should.
    Failed(String),
}

impl Failure {
    /// Something was otherwise than the runner said to expect.
    pub(crate) fn failed(what: impl Into<String>) -> Self {
        Self::Failed(what.into())
    }
}

impl From<FlagError> for Failure {
    fn from(error: FlagError) -> Self {
        match error {
            FlagError::Unimplemented(what) => Self::Unimplemented(what),
            FlagError::Bad(what) => Self::Failed(what),
        }
    }
}

impl From<clasp::Error> for Failure {
    /// By the error's name, and the alert it sends: that is what `config.json` maps the runner's names to.
    fn from(error: clasp::Error) -> Self {
        let alert = error.alert().map_or_else(|| "none".to_owned(), |alert| alert.to_string());
        Self::Failed(format!("clasp: {error:?}, alert sent: {alert}"))
    }
}

impl From<clasp::EchKeyError> for Failure {
    fn from(error: clasp::EchKeyError) -> Self {
        Self::Failed(format!("clasp: {error:?}"))
    }
}

impl From<clasp::ConfigError> for Failure {
    fn from(error: clasp::ConfigError) -> Self {
        Self::Failed(format!("clasp: {error:?}"))
    }
}

impl From<clasp::cert::LoadError> for Failure {
    fn from(error: clasp::cert::LoadError) -> Self {
        Self::Failed(format!("clasp: {error:?}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(format!("the transport: {error}"))
    }
}
