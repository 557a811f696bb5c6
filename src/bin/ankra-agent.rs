//! The `ankra-agent` daemon.

fn main() {}
