//! What the benchmarks share: certificates made on the spot, one face for every TLS stack measured, and the measuring of
//! what must take the same time.

pub mod alloc;
pub mod certs;
pub mod stack;
pub mod timing;
