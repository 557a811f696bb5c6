//! `fuzz::bodies::values` for libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::run(fuzz::bodies::values::values, data));
