//! Clasp beside libraries of other times and makers, over loopback TCP, in both roles: OpenSSL of 2008 and of 2017,
//! GnuTLS without RFC 5746, tlslite-ng and Java.
//!
//! `cargo xtask peers` gets them. Without one, or without what drives it, a test prints a line `skipped: ...`. With
//! `CLASP_MATRIX` set each cell is told in a line.

mod cell;
mod machine;
mod matrix;
mod more;
mod peer;
mod pki;

mod gnutls;
mod jsse;
mod openssl102;
mod tlslite;
