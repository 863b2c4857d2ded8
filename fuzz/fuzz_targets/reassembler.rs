//! See `clasp_fuzz::reassembler`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clasp_fuzz::reassembler(data));
