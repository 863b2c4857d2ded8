//! See `clasp_fuzz::certificate_chain`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clasp_fuzz::certificate_chain(data));
