//! See `clasp_fuzz::record_open_aead`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clasp_fuzz::record_open_aead(data));
