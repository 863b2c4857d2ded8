//! See `clasp_fuzz::mutated_handshake`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clasp_fuzz::mutated_handshake(data));
