//! clasp-wire
