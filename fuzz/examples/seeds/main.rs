//! `cargo run --manifest-path fuzz/Cargo.toml --example seeds`: records handshakes between Clasp, OpenSSL, GnuTLS and curl
//! over loopback, and cuts them into the seeds of every fuzz target.
//!
//! Clasp's side has no chance in it (`clasp_fuzz::chance`), so what a peer answered is played back to the end. Files whose
//! names begin with `found-` are inputs that fuzzing found, and are kept where they do not hang on the recordings.

mod corpus;
mod cut;
mod handshakes;
mod identities;
mod mutations;
mod peers;
mod recording;

use std::process::ExitCode;

use clasp_fuzz::setup::folder;

/// Why it failed, in one paragraph.
type Failure = String;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("seeds: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let temporary = peers::Temporary::new()?;
    identities::ensure(&folder("test-data"), &temporary)?;
    let recordings = handshakes::record(&temporary)?;
    corpus::write(&recordings)
}
