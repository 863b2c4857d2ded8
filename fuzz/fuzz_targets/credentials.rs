//! See `clasp_fuzz::credentials`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clasp_fuzz::credentials(data));
