//! See `clasp_fuzz::deframer`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clasp_fuzz::deframer(data));
