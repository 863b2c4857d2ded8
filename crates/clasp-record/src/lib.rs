//! clasp-record
