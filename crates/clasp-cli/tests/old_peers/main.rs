//! Clasp beside OpenSSL 0.9.8e of July 2008, over loopback TCP, in both roles: SSL 3.0 and TLS 1.0 with the broken suites.
//!
//! `cargo xtask peers` gets the library. Without it, or without Python, a test prints a line `skipped: ...`. With
//! `CLASP_MATRIX` set each cell is told in a line.

mod matrix;
mod more;
mod peer;
mod pki;
