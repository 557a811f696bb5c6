//! Every kept input through its target: seeds, and what the fuzzer once found.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;

use replay::TARGETS;

#[test]
fn kept_inputs_hold() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let mut folders: Vec<_> =
        std::fs::read_dir(&seeds).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    folders.sort();
    assert_eq!(folders, TARGETS.map(|(name, _)| name), "a folder of seeds for each target");
    for (target, body) in TARGETS {
        let mut inputs: Vec<_> = std::fs::read_dir(seeds.join(target)).unwrap().map(|e| e.unwrap().path()).collect();
        inputs.sort();
        assert!(inputs.len() > 5, "{target} has {} seeds", inputs.len());
        for input in inputs {
            let data = std::fs::read(&input).unwrap();
            let held = std::panic::catch_unwind(|| body(&data));
            assert!(held.is_ok(), "{}", input.display());
        }
    }
}
