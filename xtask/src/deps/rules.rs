//! The rules themselves, each with its reason.

/// The platform whose dependency tree is looked at.
pub(super) const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// Licences that ask for no more than being named.
pub(super) const LICENCES: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// Crates that must not come in, not even by others.
pub(super) const BANNED: [(&str, &str); 7] = [
    ("serde_yaml", "unmaintained, and its YAML is not Go's"),
    ("serde_yml", "its YAML is not Go's and its history is doubtful"),
    ("openssl", "a C library; TLS is rustls"),
    ("openssl-sys", "a C library; TLS is rustls"),
    ("native-tls", "TLS is rustls"),
    ("lazy_static", "the standard library has LazyLock"),
    ("failure", "unmaintained"),
];

/// Crates that are there in more than one version, and why that is borne.
pub(super) const DUPLICATES: [(&str, &str); 0] = [];

/// What a pure crate must not reach, not even by others.
const IMPURE: [&str; 10] =
    ["tokio", "kube", "reqwest", "hyper", "async-nats", "axum", "clap", "oci-client", "ureq", "async-std"];

/// The pure crates of the workspace.
pub(super) const PURE: [(&str, &[&str]); 2] = [("templates-compat", &IMPURE), ("charts", &IMPURE)];
