//! See `clasp_fuzz::alert`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clasp_fuzz::alert(data));
