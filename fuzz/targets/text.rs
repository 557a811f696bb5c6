//! `fuzz::bodies::text` for libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::run(fuzz::bodies::text::text, data));
