//! Says, check by check, whether a PEM chain is good for a host (RFC 5280, section 6).
//!
//! ```text
//! check_chain HOST CHAIN.pem [ROOTS.pem]
//! ```
//!
//! The chain begins with the server's own certificate. Without ROOTS.pem the operating system's
//! roots are trusted, for which the feature `native-roots` is needed. Exit status: 0 for a good
//! chain, 1 for a bad one, 2 if the question could not be asked.

use std::error::Error;
use std::process::ExitCode;

use clasp_cert::pki_types::pem::PemObject;
use clasp_cert::pki_types::{CertificateDer, ServerName, UnixTime};
use clasp_cert::{
    CertificateSummary, KeyUse, Pin, RootStore, ServerVerification, ServerVerifier, WebPkiServerVerifier,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let verdict = match arguments.as_slice() {
        [host, chain] => check(host, chain, None),
        [host, chain, roots] => check(host, chain, Some(roots)),
        _ => Err("usage: check_chain HOST CHAIN.pem [ROOTS.pem]".into()),
    };
    match verdict {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn check(host: &str, chain: &str, roots: Option<&String>) -> Result<bool, Box<dyn Error>> {
    let name = ServerName::try_from(host.to_owned())?;
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(chain)?.collect::<Result<_, _>>().map_err(|error| format!("{chain}: {error}"))?;
    let verifier = WebPkiServerVerifier::builder(trusted(roots)?).build()?;

    for (number, certificate) in chain.iter().enumerate() {
        println!("certificate {}", number + 1);
        match CertificateSummary::from_der(certificate) {
            Ok(summary) => println!("{summary}"),
            Err(error) => println!("{error}"),
        }
        if let Ok(pin) = Pin::of_certificate(certificate) {
            println!("pin       {pin}");
        }
        println!();
    }

    let question = ServerVerification::new(&chain, &name, UnixTime::now(), KeyUse::DigitalSignature);
    let verdict = verifier.verify_server(question).try_take().map_err(|_| "the verifier did not answer at once")?;
    match verdict {
        Ok(report) => {
            println!("{report}\n\ngood for {host}");
            Ok(true)
        }
        Err(error) => {
            println!("{}\n\nnot good for {host}: {error}", error.report);
            Ok(false)
        }
    }
}

fn trusted(roots: Option<&String>) -> Result<RootStore, Box<dyn Error>> {
    match roots {
        Some(file) => {
            let mut store = RootStore::new();
            store.add_pem_file(file)?;
            Ok(store)
        }
        #[cfg(feature = "native-roots")]
        None => Ok(RootStore::system()?),
        #[cfg(not(feature = "native-roots"))]
        None => Err("give a file of roots, or build with --features native-roots".into()),
    }
}
