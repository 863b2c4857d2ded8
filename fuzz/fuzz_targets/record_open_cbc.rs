//! See `clasp_fuzz::record_open_cbc`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clasp_fuzz::record_open_cbc(data));
