//! clasp
