//! Clasp beside OpenSSL, GnuTLS and curl, over loopback TCP, in both roles.
//!
//! What is tested with a peer that is not installed prints a line `skipped: PROGRAM: why`; `cargo xtask peers` gets them
//! all, and with `CI=true` a skip is a failure of `cargo xtask test`. Every wait has a deadline (`peers::DEADLINE`).

mod certs;
mod command;
mod ends;
mod gnutls;
mod openssl;
mod peers;
mod proxy;

mod again;
mod alpn;
mod broken;
mod client_auth;
mod ech;
mod http;
mod identities;
mod key_exchange;
mod matrix;
mod modern;
mod negotiation;
mod pkcs12;
mod psk;
mod raw_keys;
mod records;
mod refusals;
mod reload;
mod renegotiation;
mod secrets;
mod timestamps;
mod tls13;
mod usage;
