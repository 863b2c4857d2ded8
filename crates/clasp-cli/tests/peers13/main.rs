//! Clasp beside other stacks that speak TLS 1.3, over loopback TCP, in both roles: rustls and Go's crypto/tls in all, and
//! what only TLS 1.3 has with OpenSSL and GnuTLS (RFC 8446); and a browser.
//!
//! A peer that is not there prints a line `skipped: PEER: why`, as in the tests beside these (`../interop`), whose programs
//! and certificates are shared.

// Each of these serves the tests it stands with; here a part of it is used.
#[allow(dead_code)]
#[path = "../interop/certs.rs"]
mod certs;
#[allow(dead_code)]
#[path = "../interop/command.rs"]
mod command;
#[allow(dead_code)]
#[path = "../interop/ends.rs"]
mod ends;
#[allow(dead_code)]
#[path = "../interop/gnutls.rs"]
mod gnutls;
#[allow(dead_code)]
#[path = "../interop/openssl.rs"]
mod openssl;
#[allow(dead_code)]
#[path = "../interop/peers.rs"]
mod peers;

mod end;
mod with_chromium;
mod with_gnutls;
mod with_go;
mod with_go_ech;
mod with_openssl;
mod with_rustls;
mod with_rustls_ech;
