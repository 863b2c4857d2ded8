//! clasp-crypto
