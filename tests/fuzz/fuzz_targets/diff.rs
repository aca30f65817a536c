#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| ssh_mcp_fuzz::diff::check(data));
