//! See `clasp_fuzz::keyed_peer`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clasp_fuzz::keyed_peer(data));
