//! How the command fails: one paragraph that says what to do next, and an exit code.

use std::fmt;
use std::process::ExitCode;

use clasp::Error;
use clasp::wire::AlertDescription;

/// Why the command ends without success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line asks for what cannot be.
    Usage(String),
    /// The connection or the handshake failed.
    Connection(String),
    /// Nobody reads our standard output any more: nothing to say, and nothing wrong.
    OutputClosed,
}

impl Failure {
    pub(crate) fn usage(text: impl fmt::Display) -> Self {
        Self::Usage(text.to_string())
    }

    pub(crate) fn connection(text: impl fmt::Display) -> Self {
        Self::Connection(text.to_string())
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Connection(_) => ExitCode::from(1),
            Self::OutputClosed => ExitCode::SUCCESS,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Connection(text) => f.write_str(text),
            Self::OutputClosed => f.write_str("nobody reads the output any more"),
        }
    }
}

/// A TLS error as a paragraph, with the named checks below it where a certificate was refused.
pub(crate) fn explain(error: &Error) -> String {
    match error {
        Error::Certificate { error: refused, .. } => format!("{error}\n{}", indented(&refused.report.to_string())),
        Error::AlertReceived(alert) if alert.certificate_declined => format!("{error} (--cert and --key)"),
        Error::AlertReceived(alert)
            if alert.alert == AlertDescription::UNSUPPORTED_CERTIFICATE && alert.offered.is_some() =>
        {
            format!("{error} (--server-raw-key takes a key without a certificate; --ca and --pin take certificates)")
        }
        other => other.to_string(),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect::<String>().trim_end().to_owned()
}
