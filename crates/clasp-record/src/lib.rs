//! The TLS record layer: deframe and open, fragment and seal, in place.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod aead12;
mod bulk;
mod cbc;
mod cbc_open;
mod error;
mod reader;
mod writer;

pub use aead12::AeadBulk;
pub use bulk::{Bulk, Form, IvPolicy, Keys, Lengths, Open, Opened, Seal};
pub use cbc::CbcBulk;
pub use error::{Foreign, RecordError};
pub use reader::{Reader, Record};
pub use writer::Writer;
