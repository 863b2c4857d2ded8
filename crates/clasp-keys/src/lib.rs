//! The TLS key schedules: from the pre-master secret to the session keys, and all that hangs on them.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod key_log;
mod prf;
mod schedule;
mod secrets;
mod tls;
pub mod tls13;
mod transcript;

pub use key_log::{KeyLogLine, key_log_label, key_log_line};
pub use prf::prf;
pub use schedule::{ExportError, MasterKey, Schedule, ScheduleError};
pub use secrets::{DirectionKeys, KeyBlock, KeyLengths, MasterSecret, Role, VerifyData};
pub use tls::{Prf, Prf12, PrfKey, Tls, Tls12};
#[cfg(feature = "legacy")]
pub use tls::{Prf10, Tls10};
pub use transcript::{Mark, Transcript};
