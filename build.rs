//! Links the programs to a fixed address on Linux.
//!
//! The linker then writes each address into the file. Programs that can be
//! loaded anywhere, Rust's default, have some thirty thousand of them set at
//! every start, which takes as long as rendering a small chart and makes a
//! private copy of every page that holds one.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let about = |name: &str| std::env::var(format!("CARGO_CFG_{name}")).unwrap_or_default();
    // A static program is linked that way by its relocation model instead.
    let is_static = about("TARGET_FEATURE").split(',').any(|feature| feature == "crt-static");
    if about("TARGET_OS") == "linux" && about("TARGET_ENV") == "gnu" && !is_static {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
