//! clasp-handshake
