//! The developers' own commands: `cargo xtask …`.

fn main() {}
