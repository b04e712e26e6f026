#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fifteen_fuzz::deflate(bytes));
