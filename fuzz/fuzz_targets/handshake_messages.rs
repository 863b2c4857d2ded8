//! See `clasp_fuzz::handshake_messages`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clasp_fuzz::handshake_messages(data));
