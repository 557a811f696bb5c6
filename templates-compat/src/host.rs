//! What a template may ask of the world outside: time, randomness, the
//! cluster, DNS. The crate itself has none of them.

use crate::value::Value;

/// The world outside, as a render sees it.
///
/// One render uses one host from one thread at a time.
pub trait Host: Send + Sync {
    /// The present time as nanoseconds since the Unix epoch.
    fn now_unix_nanos(&self) -> i128;

    /// Fills `buf` with random bytes (cryptographically strong unless the
    /// host was built from a seed).
    fn random(&self, buf: &mut [u8]);

    /// Reads one object (`name` not empty) or a list of objects from the
    /// cluster, for the `lookup` function. Not found is an empty map.
    ///
    /// # Errors
    /// The text that Helm shows as `error calling lookup: <text>`.
    fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Value, String>;

    /// Resolves a host name for `getHostByName`; the empty string when DNS is
    /// off (Helm's default) or nothing was found.
    fn host_by_name(&self, name: &str) -> String;
}
