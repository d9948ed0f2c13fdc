//! `batch` of thriftwood-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| thriftwood_fuzz::batch(data));
