//! SSL 3.0 and the broken cipher suites of its time, as values for a Clasp policy.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod certificates;
mod ciphers;
mod dialect;
mod export;
mod policy;
mod record_mac;
mod rng;
mod schedule;
mod suites;

pub use certificates::Md5Rsa;
pub use ciphers::{DES, Des, RC2, RC4, Rc2, Rc4};
pub use dialect::{SSL30, Ssl30Dialect};
pub use export::{EXPORT40, Export40};
pub use policy::insecure;
pub use record_mac::{SSL30_MAC, Ssl30Mac};
pub use schedule::Ssl30;
pub use suites::SUITES;
