//! The `ankra-helm` command.

fn main() {}
