//! clasp-cert
