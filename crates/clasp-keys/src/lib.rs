//! clasp-keys
