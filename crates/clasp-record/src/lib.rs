//! The TLS record layer: deframe and open, fragment and seal, in place.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod aead12;
mod aead13;
mod bulk;
mod cbc;
mod cbc_open;
mod error;
#[cfg(feature = "timing")]
#[doc(hidden)]
pub mod for_timing;
mod padding;
mod reader;
mod stream;
mod writer;

pub use aead12::AeadBulk;
pub use aead13::Aead13Bulk;
pub use bulk::{
    Bulk, Form, IvPolicy, Keys, Lengths, MacHeader, Open, Opened, Padding, RecordMac, Seal, TLS_MAC, TlsMac,
};
pub use cbc::{CbcBulk, OwnCbcBulk};
pub use error::{Foreign, RecordError};
pub use padding::RecordPadding;
pub use reader::{Reader, Record};
pub use stream::StreamBulk;
pub use writer::Writer;
