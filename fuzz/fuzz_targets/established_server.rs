//! See `clasp_fuzz::established_server`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clasp_fuzz::established_server(data));
