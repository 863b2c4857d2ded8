//! See `clasp_fuzz::extensions_roundtrip`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| clasp_fuzz::extensions_roundtrip(data));
