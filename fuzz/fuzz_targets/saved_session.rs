//! See `clasp_fuzz::saved_session`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clasp_fuzz::saved_session(data));
