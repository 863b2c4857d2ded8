//! Two connections that talk in memory, under policy insecure. Only what is public is used, as any crate above could.

mod again;
mod attacks;
mod dialect;
mod pair;
mod pki;
mod records;
mod sslv2;
mod suites;
