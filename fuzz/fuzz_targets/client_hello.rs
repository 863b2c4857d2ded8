//! See `clasp_fuzz::client_hello`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clasp_fuzz::client_hello(data));
