//! See `clasp_fuzz::key_log_line`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clasp_fuzz::key_log_line(data));
