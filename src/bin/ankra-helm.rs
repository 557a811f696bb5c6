//! The `ankra-helm` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    ankra_helm::cli::main()
}
