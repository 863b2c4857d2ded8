//! clasp-tokio
