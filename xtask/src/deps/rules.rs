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
pub(super) const BANNED: [(&str, &str); 6] = [
    ("serde_yaml", "unmaintained, and its YAML is not Go's"),
    ("serde_yml", "its YAML is not Go's and its history is doubtful"),
    ("openssl", "a C library; TLS is rustls"),
    ("openssl-sys", "a C library; TLS is rustls"),
    ("native-tls", "TLS is rustls"),
    ("failure", "unmaintained"),
];

/// RustCrypto moves from digest 0.10 to 0.11: oci-client has moved, the keys of
/// async-nats have not.
const DIGEST: &str = "RustCrypto's move to digest 0.11 is half done among what we use";
/// The same for rand: async-nats has moved, its keys have not, ring has its own.
const RANDOM: &str = "nkeys and ring are on older versions than rand itself";

/// Crates that are there in more than one version, and why that is borne.
pub(super) const DUPLICATES: [(&str, &str); 16] = [
    ("base64", "kube and reqwest are on 0.23, async-nats and oci-client are not yet"),
    ("block-buffer", DIGEST),
    ("const-oid", DIGEST),
    ("cpufeatures", DIGEST),
    ("crypto-common", DIGEST),
    ("crypto-bigint", "the curves (p256 and its kin) and the test of RSA's primes are on different generations"),
    ("digest", DIGEST),
    ("getrandom", RANDOM),
    ("hmac", DIGEST),
    ("md-5", DIGEST),
    ("rand", RANDOM),
    ("rand_core", RANDOM),
    ("serdect", "the curves (p256 and its kin) and the one that OpenPGP adds (cx448) are on different generations"),
    ("sha2", DIGEST),
    ("syn", "derive macros move from syn 2 to 3; it is only there while compiling"),
    ("tower-http", "kube is on 0.7, reqwest is not yet"),
];

/// What a pure crate must not reach, not even by others.
const IMPURE: [&str; 10] =
    ["tokio", "kube", "reqwest", "hyper", "async-nats", "axum", "clap", "oci-client", "ureq", "async-std"];

/// The pure crates of the workspace.
pub(super) const PURE: [(&str, &[&str]); 2] = [("templates-compat", &IMPURE), ("charts", &IMPURE)];
