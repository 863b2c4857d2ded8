//! Standard output and standard error, whose readers may have gone away.

use std::fmt;
use std::io::{self, ErrorKind, Write as _};

use crate::failure::Failure;

/// Prints a line at once, also into a pipe.
pub(crate) fn line(text: fmt::Arguments<'_>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| failed(&error))
}

/// What a failure to write means: a reader that has enough is none of ours.
pub(crate) fn failed(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::OutputClosed,
        _ => Failure::connection(format!("standard output cannot be written: {error}")),
    }
}

/// Prints a line to standard error. There is nowhere to complain when that fails.
pub(crate) fn error_line(text: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// `println!` that gives a [`Failure`] where that panics.
macro_rules! say {
    ($($text:tt)*) => { $crate::output::line(format_args!($($text)*)) };
}
pub(crate) use say;
