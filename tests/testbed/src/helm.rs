//! Real Helm, the living reference.

use std::path::Path;

use crate::{Binaries, Program, Result, tools};

/// Which Helm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelmVersion {
    /// The newest of the Helm 4 line.
    V4,
    /// The last of the Helm 3 line.
    V3,
}

impl HelmVersion {
    /// Both of them.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V3];

    /// Its version, as it names itself.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::V4 => tools::HELM4.version,
            Self::V3 => tools::HELM3.version,
        }
    }

    /// This Helm, with folders of its own below `home`.
    ///
    /// # Errors
    /// When `home` cannot be made.
    pub fn program(self, binaries: &Binaries, home: &Path) -> Result<Program> {
        match self {
            Self::V4 => Program::new(&binaries.helm4, home.join("helm4")),
            Self::V3 => Program::new(&binaries.helm3, home.join("helm3")),
        }
    }
}
