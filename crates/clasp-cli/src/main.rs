//! The clasp command.
fn main() {}
