//! See `clasp_fuzz::server_hello`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clasp_fuzz::server_hello(data));
