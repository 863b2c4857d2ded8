//! See `clasp_fuzz::ech_inner`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clasp_fuzz::ech_inner(data));
