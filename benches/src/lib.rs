//! What the benchmarks share: certificates made on the spot, and one face for every TLS stack measured.

pub mod alloc;
pub mod certs;
pub mod stack;
