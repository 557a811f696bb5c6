//! Which Helm's bytes are wanted. Every known difference between the two
//! is a method here, so that the rest of the code never compares versions.

/// The Helm whose output is reproduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Compat {
    /// Helm 3.19.0, built with Go 1.24.
    Helm3,
    /// Helm 4.3.1, built with Go 1.27.
    #[default]
    Helm4,
}

impl Compat {
    /// The Go type that `.Values` has, as `%T` prints it.
    pub fn values_type_name(self) -> &'static str {
        match self {
            Compat::Helm3 => "chartutil.Values",
            Compat::Helm4 => "common.Values",
        }
    }

    /// The extra field in the head of a packed chart.
    pub fn package_extra(self) -> &'static [u8] {
        match self {
            Compat::Helm3 => b"+aHR0cHM6Ly95b3V0dS5iZS96OVV6MWljandyTQo=",
            Compat::Helm4 => b"rr\x28\x00aHR0cHM6Ly95b3V0dS5iZS96OVV6MWljandyTQo=",
        }
    }

    /// Whether Go's tables are those of Unicode 17 (else of Unicode 15).
    pub fn has_unicode_17(self) -> bool {
        self == Compat::Helm4
    }
}
