//! See `clasp_fuzz::mutated_tls13`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clasp_fuzz::mutated_tls13(data));
