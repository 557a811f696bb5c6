//! The one crypto provider of the process.

use std::sync::Once;

static INSTALLED: Once = Once::new();

/// Makes ring the process's TLS provider, once. Every client of this crate
/// calls it; a provider that the embedding program installed first stays.
pub fn install_provider() {
    INSTALLED.call_once(|| {
        // An error means that another provider is there already.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
