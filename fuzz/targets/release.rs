//! `fuzz::bodies::release` for libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::run(fuzz::bodies::release::release, data));
