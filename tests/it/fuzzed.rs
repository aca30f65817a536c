//! The oracles of the fuzz targets over what the fuzzer kept, and a short run over random bytes.

use std::path::PathBuf;
use std::time::{Duration, Instant};

#[path = "../fuzz/oracles/mod.rs"]
mod oracles;

fn corpus(name: &str) -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Runs a check and says on which bytes it failed.
fn holds(name: &str, check: fn(&[u8]), bytes: &[u8]) {
    let found = std::panic::catch_unwind(|| check(bytes));
    assert!(found.is_ok(), "{name} does not hold for {bytes:?} ({})", String::from_utf8_lossy(bytes));
}

#[test]
fn every_kept_input_holds() {
    for (name, check) in oracles::ALL {
        let files = corpus(name);
        assert!(files.len() > 10, "{} inputs of {name}", files.len());
        for file in &files {
            holds(name, check, &std::fs::read(file).unwrap());
        }
        println!("{name}: {} inputs", files.len());
    }
}

/// xorshift64*, seeded by the clock: the same bytes come again from the seed that a failure prints.
#[test]
fn random_bytes_hold() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = now.as_nanos() as u64 | 1;
    let mut state = seed;
    let mut next = move || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33
    };
    let each = Duration::from_millis(if cfg!(feature = "deep") { 20_000 } else { 300 });
    for (name, check) in oracles::ALL {
        let end = Instant::now() + each;
        let mut runs = 0;
        while Instant::now() < end || runs == 0 {
            let length = next() as usize % 200;
            let bytes: Vec<u8> = (0..length).map(|_| next() as u8).collect();
            holds(name, check, &bytes);
            runs += 1;
        }
        println!("{name}: {runs} random inputs (seed {seed:#x})");
    }
}
