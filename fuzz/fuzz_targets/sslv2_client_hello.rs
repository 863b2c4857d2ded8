//! See `clasp_fuzz::sslv2_client_hello`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clasp_fuzz::sslv2_client_hello(data));
